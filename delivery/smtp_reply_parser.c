/* Reads the replies of an SMTP or LMTP server: incremental, bounded, strict. */
#include "delivery/smtp_reply_parser.h"

#include <string.h>

enum { CODE_LEN = 3, CRLF_LEN = 2 };

void smtp_reply_parser_fini(struct smtp_reply_parser *p)
{
	buf_free(&p->line);
	buf_free(&p->text);
	memset(p, 0, sizeof(*p));
}

bool smtp_reply_parser_is_pending(const struct smtp_reply_parser *p)
{
	return p->line.len || p->lines;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* RFC 3463 §2: class 2, 4 or 5; subject and detail of one to three digits. */
size_t smtp_enhanced_status(const char *text, size_t len, char status_r[static 12])
{
	size_t at = 1;

	status_r[0] = '\0';
	if (len < 5 || !strchr("245", text[0]) || !text[0])
		return 0;
	for (int part = 0; part < 2; part++) {
		size_t digits = 0;

		if (at >= len || text[at++] != '.')
			return 0;
		while (at < len && digits < 4 && is_digit(text[at])) {
			at++;
			digits++;
		}
		if (digits < 1 || digits > 3)
			return 0;
	}
	if (at < len && text[at] != ' ')
		return 0;
	memcpy(status_r, text, at);
	status_r[at] = '\0';
	return at < len ? at + 1 : at;
}

/* 0 unless LINE begins like a reply: a code, then SP, "-" or the end. */
static uint16_t line_code(const char *line, size_t len)
{
	if (len < CODE_LEN || line[0] < '2' || line[0] > '5' || !is_digit(line[1]) ||
	    !is_digit(line[2]))
		return 0;
	if (len > CODE_LEN && line[CODE_LEN] != ' ' && line[CODE_LEN] != '-')
		return 0;
	return (uint16_t)((line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0'));
}

/* Takes the status off the line's text, if it has one that fits the code. */
static void strip_status(struct smtp_reply_parser *p, const char **text, size_t *len)
{
	char status[12];
	size_t n = smtp_enhanced_status(*text, *len, status);

	if (!n || status[0] - '0' != p->code / 100)
		return;
	if (p->lines == 0)
		memcpy(p->status, status, sizeof(status));
	*text += n;
	*len -= n;
}

static int malformed(struct err *e, const char *what)
{
	return err_set(e, ERR_PROTOCOL, 0, "malformed reply: %s", what);
}

/* The last line is here: gives the reply and makes the parser ready for the next. */
static int complete(struct smtp_reply_parser *p, const char *text, size_t len,
		    struct smtp_reply *reply_r)
{
	reply_r->code = p->code;
	reply_r->lines = (uint16_t)(p->lines + 1);
	memcpy(reply_r->status, p->status, sizeof(p->status));
	reply_r->text = text;
	reply_r->text_len = len;
	if (p->lines) {
		buf_add(&p->text, text, len);
		reply_r->text = p->text.data;
		reply_r->text_len = p->text.len;
	}
	p->code = 0;
	p->lines = 0;
	p->status[0] = '\0';
	return 1;
}

/* One line with its LF: 1 if it was the last of a reply, 0 if more follow, -1 malformed. */
static int take_line(struct smtp_reply_parser *p, const char *line, size_t len,
		     struct smtp_reply *reply_r, struct err *e)
{
	const char *text;
	uint16_t code;
	bool more;

	if (len < CRLF_LEN || memchr(line, '\r', len) != line + len - CRLF_LEN)
		return malformed(e, "a line does not end with CRLF");
	len -= CRLF_LEN;
	code = line_code(line, len);
	if (!code)
		return malformed(e, "a line does not begin with a reply code");
	if (p->lines && code != p->code)
		return malformed(e, "its lines have different codes");
	if (p->lines == 0)
		buf_clear(&p->text);
	p->code = code;
	more = len > CODE_LEN && line[CODE_LEN] == '-';
	text = line + CODE_LEN + (len > CODE_LEN);
	len -= CODE_LEN + (len > CODE_LEN);
	strip_status(p, &text, &len);
	if (p->text.len + len + 1 > SMTP_REPLY_MAX || p->lines + 1 > SMTP_REPLY_LINES_MAX)
		return malformed(e, "it is too long");
	if (!more)
		return complete(p, text, len, reply_r);
	buf_add(&p->text, text, len);
	buf_addc(&p->text, '\n');
	p->lines++;
	return 0;
}

int smtp_reply_parse(struct smtp_reply_parser *p, const char *data, size_t len, size_t *used_r,
		     struct smtp_reply *reply_r, struct err *e)
{
	const char *at = data, *end = data + len;

	while (at < end) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));
		size_t n = lf ? (size_t)(lf + 1 - at) : (size_t)(end - at);
		const char *line = at;
		int result;

		if (p->line.len + n > SMTP_REPLY_LINE_MAX)
			return malformed(e, "a line is too long");
		if (!lf || p->line.len) { /* split over reads */
			buf_add(&p->line, at, n);
			line = p->line.data;
			n = p->line.len;
		}
		at = lf ? lf + 1 : end;
		if (!lf)
			break;
		p->line.len = 0; /* its octets stay until the next call */
		result = take_line(p, line, n, reply_r, e);
		if (result) {
			*used_r = (size_t)(at - data);
			return result;
		}
	}
	*used_r = len;
	return 0;
}
