/* Character classes, lines, paths and xtext of SMTP. Pure. RFC 5321 §4.1.2, RFC 3461 §4. */
#include "delivery/smtp_text.h"

#include <arpa/inet.h>
#include <string.h>

#define A  SMTP_CHAR_ATEXT
#define L  SMTP_CHAR_LDH
#define Q  SMTP_CHAR_QTEXT
#define D  SMTP_CHAR_DCONTENT
#define N  SMTP_CHAR_ALNUM
#define V  SMTP_CHAR_ESMTP_VALUE
#define X  SMTP_CHAR_XCHAR
#define ATOM_MARK   (A | Q | D | V | X)
#define OTHER_MARK  (Q | D | V | X)

const uint8_t smtp_char_class[256] = {
	['a' ... 'z'] = A | L | Q | D | N | V | X,
	['A' ... 'Z'] = A | L | Q | D | N | V | X,
	['0' ... '9'] = A | L | Q | D | N | V | X,
	['-'] = ATOM_MARK | L, ['_'] = ATOM_MARK | L,
	['!'] = ATOM_MARK, ['#'] = ATOM_MARK, ['$'] = ATOM_MARK, ['%'] = ATOM_MARK,
	['&'] = ATOM_MARK, ['\''] = ATOM_MARK, ['*'] = ATOM_MARK, ['/'] = ATOM_MARK,
	['?'] = ATOM_MARK, ['^'] = ATOM_MARK, ['`'] = ATOM_MARK, ['{'] = ATOM_MARK,
	['|'] = ATOM_MARK, ['}'] = ATOM_MARK, ['~'] = ATOM_MARK,
	['+'] = A | Q | D | V,
	['='] = A | Q | D,
	[' '] = Q,
	['"'] = D | V | X,
	['\\'] = V | X,
	['['] = Q | V | X, [']'] = Q | V | X,
	['('] = OTHER_MARK, [')'] = OTHER_MARK, [','] = OTHER_MARK, ['.'] = OTHER_MARK,
	[':'] = OTHER_MARK, [';'] = OTHER_MARK, ['<'] = OTHER_MARK, ['>'] = OTHER_MARK,
	['@'] = OTHER_MARK,
};

#undef A
#undef L
#undef Q
#undef D
#undef N
#undef V
#undef X

int smtp_line_find(const char *data, size_t len, size_t *scanned, size_t *line_len_r)
{
	while (*scanned < len) {
		const char *nl = memchr(data + *scanned, '\n', len - *scanned);
		size_t at;

		if (nl == NULL)
			break;
		at = (size_t)(nl - data);
		*scanned = at + 1;
		if (at > 0 && data[at - 1] == '\r') {
			*line_len_r = at - 1;
			return 1;
		}
	}
	*scanned = len;
	return 0;
}

static bool is_8bit(char c)
{
	return ((unsigned char)c & 0x80) != 0;
}

bool smtp_is_utf8(const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + len;

	while (p < end) {
		unsigned char c = *p++;
		unsigned more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : (c & 0xf0) == 0xe0 ? 2
				: c >= 0xf0 && c < 0xf5 ? 3 : 4;

		if (c == 0 || more == 4 || (size_t)(end - p) < more)
			return false;
		if (more > 0 && ((c == 0xe0 && *p < 0xa0) || (c == 0xed && *p > 0x9f) ||
				 (c == 0xf0 && *p < 0x90) || (c == 0xf4 && *p > 0x8f)))
			return false;
		for (; more > 0; more--)
			if ((*p++ & 0xc0) != 0x80)
				return false;
	}
	return true;
}

/* Labels of letters, digits and hyphens between dots; 8-bit octets only if UTF8. */
static bool is_name(const char *text, size_t len, bool utf8)
{
	size_t label = 0;

	if (len == 0 || len > SMTP_DOMAIN_MAX)
		return false;
	for (size_t i = 0; i <= len; i++) {
		if (i == len || text[i] == '.') {
			if (label == 0 || label > 63 || text[i - 1] == '-')
				return false;
			label = 0;
			continue;
		}
		if (!smtp_is(text[i], SMTP_CHAR_LDH) && !(utf8 && is_8bit(text[i])))
			return false;
		if (label++ == 0 && text[i] == '-')
			return false;
	}
	return true;
}

static bool is_bracketed(const char *text, size_t len)
{
	if (len < 3 || len > SMTP_DOMAIN_MAX || text[0] != '[' || text[len - 1] != ']')
		return false;
	for (size_t i = 1; i < len - 1; i++)
		if (!smtp_is(text[i], SMTP_CHAR_DCONTENT))
			return false;
	return true;
}

/* RFC 5321 §4.1.3: IPv4, IPv6: with its tag, or anything behind another tag. */
static bool is_literal(const char *text, size_t len)
{
	char inner[SMTP_DOMAIN_MAX + 1];
	unsigned char address[16];
	const char *colon;
	size_t tag;

	if (!is_bracketed(text, len))
		return false;
	memcpy(inner, text + 1, len - 2);
	inner[len - 2] = '\0';
	colon = strchr(inner, ':');
	if (colon == NULL)
		return inet_pton(AF_INET, inner, address) == 1;
	tag = (size_t)(colon - inner);
	if (tag == 4 && ascii_equal_n(inner, "ipv6", 4))
		return inet_pton(AF_INET6, colon + 1, address) == 1;
	if (tag == 0 || inner[tag - 1] == '-' || colon[1] == '\0')
		return false;
	for (size_t i = 0; i < tag; i++)
		if (!smtp_is(inner[i], SMTP_CHAR_ALNUM) && inner[i] != '-')
			return false;
	return true;
}

bool smtp_domain_is_valid(const char *text, size_t len)
{
	return is_name(text, len, false) || is_bracketed(text, len);
}

/* Where the quoted string that begins at TEXT ends (behind its quote), or 0. */
static size_t quoted_end(const char *text, size_t len, bool utf8)
{
	for (size_t i = 1; i < len; i++) {
		if (text[i] == '"')
			return i + 1;
		if (text[i] == '\\') {
			if (++i == len || text[i] < 32 || text[i] > 126)
				return 0;
		} else if (!smtp_is(text[i], SMTP_CHAR_QTEXT) && !(utf8 && is_8bit(text[i]))) {
			return 0;
		}
	}
	return 0;
}

/* Where the dot-string that begins at TEXT ends, or 0. */
static size_t dot_string_end(const char *text, size_t len, bool utf8)
{
	size_t i, atom = 0;

	for (i = 0; i < len; i++) {
		if (smtp_is(text[i], SMTP_CHAR_ATEXT) || (utf8 && is_8bit(text[i])))
			atom++;
		else if (text[i] == '.' && atom > 0)
			atom = 0;
		else
			break;
	}
	return atom > 0 ? i : 0;
}

/* "@a,@b:" in front of the mailbox is understood and forgotten (RFC 5321 appendix C). Returns
 * its length, 0 if there is none, or -1. */
static int source_route_len(const char *text, size_t len, bool utf8)
{
	size_t i = 0;

	while (i < len && text[i] == '@') {
		size_t from = i + 1, to = from;

		while (to < len && text[to] != ',' && text[to] != ':' && text[to] != '>')
			to++;
		if (to == len || !is_name(text + from, to - from, utf8))
			return -1;
		if (text[to] == ':')
			return (int)(to + 1);
		if (text[to] != ',')
			return -1;
		i = to + 1;
	}
	return i == 0 ? 0 : -1;
}

static int mailbox_parse(const char *text, size_t len, unsigned flags, struct smtp_path *path)
{
	bool utf8 = (flags & SMTP_PATH_UTF8) != 0;
	size_t local = 0;

	if (len > 0 && text[0] == '"') {
		local = quoted_end(text, len, utf8);
		path->is_quoted = true;
	} else {
		local = dot_string_end(text, len, utf8);
	}
	if (local == 0)
		return -1;
	path->mailbox = path->local = text;
	path->mailbox_len = len;
	path->local_len = local;
	path->domain = text + local;
	if (local == len)
		return (flags & SMTP_PATH_POSTMASTER) && len == 10 &&
		       ascii_equal_n(text, "postmaster", 10) ? 0 : -1;
	if (text[local] != '@')
		return -1;
	path->domain = text + local + 1;
	path->domain_len = len - local - 1;
	path->is_literal = is_literal(path->domain, path->domain_len);
	return path->is_literal || is_name(path->domain, path->domain_len, utf8) ? 0 : -1;
}

/* The ">" that ends the path at TEXT ("<…"); one inside a quoted string does not. 0: none. */
static size_t path_end(const char *text, size_t len)
{
	bool quoted = false;

	for (size_t i = 1; i < len; i++) {
		if (quoted && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (text[i] == '>' && !quoted)
			return i;
	}
	return 0;
}

static int path_fail(const char **why_r, const char *why)
{
	*why_r = why;
	return -1;
}

int smtp_path_parse(const char *text, size_t len, unsigned flags, struct smtp_path *path_r,
		    size_t *used_r, const char **why_r)
{
	size_t end;
	int route;

	memset(path_r, 0, sizeof(*path_r));
	if (len == 0 || text[0] != '<')
		return path_fail(why_r, "The address has to be in angle brackets");
	end = path_end(text, len);
	if (end == 0)
		return path_fail(why_r, "The address has no closing angle bracket");
	*used_r = end + 1;
	if (end == 1) {
		path_r->mailbox = path_r->local = path_r->domain = text + 1;
		path_r->is_null = true;
		return flags & SMTP_PATH_NULL ? 0 : path_fail(why_r, "The address is empty");
	}
	for (size_t i = 1; i < end; i++)
		path_r->has_utf8 |= is_8bit(text[i]);
	if (path_r->has_utf8 && !smtp_is_utf8(text + 1, end - 1))
		return path_fail(why_r, "The address is not well-formed UTF-8");
	route = source_route_len(text + 1, end - 1, (flags & SMTP_PATH_UTF8) != 0);
	if (route < 0)
		return path_fail(why_r, "The source route is malformed");
	if (end - 1 - (size_t)route > SMTP_MAILBOX_MAX)
		return path_fail(why_r, "The address is too long");
	if (mailbox_parse(text + 1 + route, end - 1 - (size_t)route, flags, path_r) < 0)
		return path_fail(why_r, "The address is malformed");
	return 0;
}

void smtp_xtext_encode(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (smtp_is(text[i], SMTP_CHAR_XCHAR))
			buf_addc(out, text[i]);
		else
			buf_printf(out, "+%02X", (unsigned char)text[i]);
	}
}

/* Capitals only: RFC 3461 §4. */
static int hex_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int smtp_xtext_decode(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		int high, low;

		if (text[i] != '+') {
			if (!smtp_is(text[i], SMTP_CHAR_XCHAR))
				return -1;
			buf_addc(out, text[i]);
			continue;
		}
		if (len - i < 3)
			return -1;
		high = hex_value(text[i + 1]);
		low = hex_value(text[i + 2]);
		if (high < 0 || low < 0)
			return -1;
		buf_addc(out, (char)(high * 16 + low));
		i += 2;
	}
	return 0;
}
