/* Writes replies: one line or many, safe whatever the text. Pure. */
#include "delivery/server_reply.h"

#include <stdbool.h>
#include <string.h>

#include "delivery/smtp_text.h"

/* "ddd-" and CRLF are 6 octets of the line. */
enum { LINE_TEXT_MAX = SMTP_REPLY_LINE_BYTES - 6, STATUS_MAX = 24 };

static char *put_number(char *at, unsigned value)
{
	if (value >= 10)
		at = put_number(at, value / 10);
	*at = (char)('0' + value % 10);
	return at + 1;
}

/* "5.1.1 ", or nothing. Returns its length. */
static size_t put_status(char text[static STATUS_MAX], const struct server_status *e)
{
	char *at = text;

	if (e->class == 0)
		return 0;
	at = put_number(at, e->class);
	*at++ = '.';
	at = put_number(at, e->subject);
	*at++ = '.';
	at = put_number(at, e->detail);
	*at++ = ' ';
	return (size_t)(at - text);
}

static char *put_text(char *at, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		*at++ = text[i] >= 32 && text[i] < 127 ? text[i] : '?';
	return at;
}

void server_reply_format(struct buf *out, const struct server_reply *reply)
{
	const char *text = reply->text != NULL ? reply->text : "";
	char status[STATUS_MAX];
	size_t status_len = put_status(status, &reply->enhanced);
	size_t max = LINE_TEXT_MAX - status_len;
	bool is_last;

	do {
		size_t line = strcspn(text, "\n"), len = line < max ? line : max;
		char *at;

		is_last = text[len] == '\0';
		buf_reserve(out, SMTP_REPLY_LINE_BYTES + 8);
		at = put_number(out->data + out->len, reply->code);
		*at++ = is_last ? ' ' : '-';
		memcpy(at, status, status_len);
		at = put_text(at + status_len, text, len);
		memcpy(at, "\r\n", 3);
		out->len = (size_t)(at + 2 - out->data);
		text += text[len] == '\n' ? len + 1 : len;
	} while (!is_last);
}
