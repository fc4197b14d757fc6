/* Writes replies: one line or many, safe whatever the text. Pure. */
#include "delivery/server_reply.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "delivery/smtp_text.h"

/* "ddd-" and CRLF are 6 octets of the line. */
enum { LINE_TEXT_MAX = SMTP_REPLY_LINE_BYTES - 6 };

static void add_line(struct buf *out, unsigned code, bool is_last, const char *status,
		     const char *text, size_t len)
{
	buf_printf(out, "%03u%c%s", code, is_last ? ' ' : '-', status);
	buf_reserve(out, len + 2);
	for (size_t i = 0; i < len; i++)
		out->data[out->len++] = text[i] >= 32 && text[i] < 127 ? text[i] : '?';
	buf_add(out, "\r\n", 2);
}

void server_reply_format(struct buf *out, const struct server_reply *reply)
{
	const char *text = reply->text != NULL ? reply->text : "";
	const struct server_status *e = &reply->enhanced;
	char status[24] = "";
	size_t max;

	if (e->class != 0)
		snprintf(status, sizeof(status), "%u.%u.%u ", e->class, e->subject, e->detail);
	max = LINE_TEXT_MAX - strlen(status);
	for (;;) {
		size_t line = strcspn(text, "\n"), len = line < max ? line : max;
		bool is_last = text[len] == '\0';

		add_line(out, reply->code, is_last, status, text, len);
		if (is_last)
			break;
		text += text[len] == '\n' ? len + 1 : len;
	}
}
