/* The header fields that a server adds or looks at on the way. */
#include "delivery/trace_header.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"

enum {
	FOLD_COLUMN = 78,      /* RFC 5322 §2.1.1: should */
	LINE_MAX_OCTETS = 998, /* and must */
	NAME_SHOWN_MAX = 255,
	ADDRESS_SHOWN_MAX = 512,
};

static const char *const org_names[TRACE_ORG_FIELDS] = {
	[TRACE_ORG_SIZE] = TRACE_ORG_PREFIX "Size",
};

/* --- writing --------------------------------------------------------------------------- */

static char safe_char(char c)
{
	unsigned char u = (unsigned char)c;

	return u < 32 || u == 127 ? ' ' : u > 126 ? '?' : c;
}

void trace_safe_add(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf_addc(out, safe_char(text[i]));
}

/*
 * One word, with the space before it or, where the line would become too long, on a new line
 * that begins with that space: unfolding gives the very text. Words that fit on no line
 * are broken. COLUMN is where the line stands.
 */
static size_t add_word(struct buf *out, const char *word, size_t len, size_t column,
		       bool is_first)
{
	if (!is_first) {
		if (len && column + 1 + len > FOLD_COLUMN) {
			buf_adds(out, "\r\n");
			column = 0;
		}
		buf_addc(out, ' ');
		column++;
	}
	while (column + len > LINE_MAX_OCTETS) {
		size_t n = LINE_MAX_OCTETS - column;

		trace_safe_add(out, word, n);
		buf_adds(out, "\r\n ");
		word += n;
		len -= n;
		column = 1;
	}
	trace_safe_add(out, word, len);
	return column + len;
}

void trace_field_add(struct buf *out, const char *name, const char *value)
{
	size_t column = strlen(name) + 2;
	bool is_first = true;

	buf_adds(out, name);
	buf_adds(out, ": ");
	for (;;) {
		size_t n = 0;

		while (value[n] && safe_char(value[n]) != ' ')
			n++;
		column = add_word(out, value, n, column, is_first);
		is_first = false;
		value += n;
		if (!*value++)
			break;
	}
	buf_adds(out, "\r\n");
}

/* A host name or address in a place where no comment, quote or folding may begin. */
static void add_atom(struct buf *out, const char *text)
{
	size_t n = strnlen(text, NAME_SHOWN_MAX);

	for (size_t i = 0; i < n; i++) {
		char c = safe_char(text[i]);

		buf_addc(out, strchr(" ()<>\\\",;", c) ? '?' : c);
	}
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

/* RFC 5321 §4.4 From-domain: what it said, and in parentheses what is known. */
static void add_from(struct buf *out, const struct trace_received *r)
{
	const char *helo = or_empty(r->helo), *rdns = or_empty(r->rdns);

	buf_adds(out, "from ");
	add_atom(out, *helo ? helo : "unknown");
	buf_adds(out, " (");
	add_atom(out, *rdns ? rdns : "unknown");
	buf_adds(out, strchr(r->address, ':') ? " [IPv6:" : " [");
	add_atom(out, r->address);
	buf_adds(out, "])\r\n\t");
}

static bool is_sayable(const char *address)
{
	size_t n = 0;

	for (; address[n]; n++)
		if ((unsigned char)address[n] <= 32 || (unsigned char)address[n] > 126)
			return false;
	return n > 0 && n <= ADDRESS_SHOWN_MAX;
}

void trace_received_add(struct buf *out, const struct trace_received *r)
{
	char date[40];

	buf_adds(out, "Received: ");
	if (*or_empty(r->address))
		add_from(out, r);
	buf_adds(out, "by ");
	add_atom(out, or_empty(r->by));
	buf_adds(out, " with ");
	add_atom(out, *or_empty(r->with) ? r->with : "SMTP");
	if (*or_empty(r->tls)) {
		buf_adds(out, " (");
		for (const char *p = r->tls; *p; p++)
			buf_addc(out, strchr("()\\", *p) ? '?' : safe_char(*p));
		buf_addc(out, ')');
	}
	if (*or_empty(r->id)) {
		buf_adds(out, "\r\n\tid ");
		add_atom(out, r->id);
	}
	if (is_sayable(or_empty(r->rcpt))) {
		buf_adds(out, "\r\n\tfor <");
		buf_adds(out, r->rcpt);
		buf_addc(out, '>');
	}
	clock_rfc5322(r->wall_ms, date);
	buf_adds(out, ";\r\n\t");
	buf_adds(out, date);
	buf_adds(out, "\r\n");
}

void trace_return_path_add(struct buf *out, const char *sender)
{
	buf_adds(out, "Return-Path: <");
	for (const char *p = sender; *p && p - sender < ADDRESS_SHOWN_MAX; p++)
		if ((unsigned char)*p >= 32 && *p != 127) /* UTF-8 stays: RFC 6531 */
			buf_addc(out, *p);
	buf_adds(out, ">\r\n");
}

/* --- reading --------------------------------------------------------------------------- */

/* Behind the LF of the line at AT, or END. */
static size_t line_end(const char *header, size_t len, size_t at)
{
	const char *lf = memchr(header + at, '\n', len - at);

	return lf ? (size_t)(lf + 1 - header) : len;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* RFC 5322 §2.2: printable but the colon; spaces before the colon are old usage (§4.5). */
static void split_name(const char *line, size_t len, struct trace_field *field)
{
	size_t n = 0, colon;

	while (n < len && line[n] > 32 && line[n] < 127 && line[n] != ':')
		n++;
	for (colon = n; colon < len && (line[colon] == ' ' || line[colon] == '\t');)
		colon++;
	if (colon >= len || line[colon] != ':')
		n = 0;
	field->name = line;
	field->name_len = n;
	field->value = n ? line + colon + 1 : line;
	field->value_len = len - (size_t)(field->value - line);
	while (field->value_len && is_space(field->value[field->value_len - 1]))
		field->value_len--;
}

bool trace_field_next(const char *header, size_t len, size_t *pos, struct trace_field *field_r)
{
	size_t at = *pos, stop;

	if (at >= len || header[at] == '\n' ||
	    (len - at > 1 && !memcmp(header + at, "\r\n", 2)))
		return false;
	stop = line_end(header, len, at);
	while (stop < len && (header[stop] == ' ' || header[stop] == '\t'))
		stop = line_end(header, len, stop);
	split_name(header + at, stop - at, field_r);
	field_r->at = at;
	field_r->len = stop - at;
	*pos = stop;
	return true;
}

static bool is_named(const struct trace_field *f, const char *name)
{
	return f->name_len == strlen(name) && ascii_equal_n(f->name, name, f->name_len);
}

/*
 * The next word outside comments (RFC 5322 §3.2.2) of a structured value; its length, 0 at
 * the end. A semicolon is a word.
 */
static size_t next_word(const char **at, const char *end)
{
	const char *p = *at, *begin;
	unsigned depth = 0;

	for (; p < end; p++) {
		if (*p == '\\' && depth)
			p++;
		else if (*p == '(')
			depth++;
		else if (*p == ')' && depth)
			depth--;
		else if (!depth && !is_space(*p))
			break;
	}
	if (p > end)
		p = end;
	begin = p;
	if (p < end && *p == ';')
		p++;
	else
		while (p < end && !is_space(*p) && *p != ';' && *p != '(')
			p++;
	*at = begin;
	return (size_t)(p - begin);
}

/* Does the Received field say "by HOST"? */
static bool is_by(const struct trace_field *f, const char *host)
{
	const char *at = f->value, *end = f->value + f->value_len;
	size_t n, host_len = strlen(host);
	bool is_after_by = false;

	while ((n = next_word(&at, end)) > 0) {
		if (is_after_by)
			return n == host_len && ascii_equal_n(at, host, n);
		is_after_by = n == 2 && ascii_equal_n(at, "by", 2);
		at += n;
	}
	return false;
}

void trace_count_hops(const char *header, size_t len, const char *host,
		      struct trace_hops *hops_r)
{
	struct trace_field f;
	size_t pos = 0;

	memset(hops_r, 0, sizeof(*hops_r));
	while (trace_field_next(header, len, &pos, &f)) {
		if (!is_named(&f, "Received"))
			continue;
		hops_r->received++;
		hops_r->by_us += is_by(&f, host);
	}
}

/* --- the organisation's fields --------------------------------------------------------- */

const char *trace_org_name(enum trace_org which)
{
	return (unsigned)which < TRACE_ORG_FIELDS ? org_names[which] : "";
}

void trace_org_add(struct buf *out, enum trace_org which, uint64_t value)
{
	buf_printf(out, "%s: %llu\r\n", trace_org_name(which), (unsigned long long)value);
}

bool trace_org_read(const char *header, size_t len, enum trace_org which, uint64_t *value_r)
{
	struct trace_field f;
	size_t pos = 0;

	while (trace_field_next(header, len, &pos, &f)) {
		if (!is_named(&f, trace_org_name(which)))
			continue;
		while (f.value_len && is_space(*f.value)) {
			f.value++;
			f.value_len--;
		}
		return parse_u64(f.value, f.value_len, UINT64_MAX, value_r);
	}
	return false;
}

bool trace_is_org(const struct trace_field *field)
{
	size_t n = strlen(TRACE_ORG_PREFIX);

	return field->name_len >= n && ascii_equal_n(field->name, TRACE_ORG_PREFIX, n);
}

uint32_t trace_org_strip(const char *header, size_t len, struct edit_list *edits)
{
	struct trace_field f;
	uint32_t count = 0;
	size_t pos = 0;

	while (trace_field_next(header, len, &pos, &f)) {
		if (!trace_is_org(&f))
			continue;
		edit_remove(edits, f.at, f.len);
		count++;
	}
	return count;
}
