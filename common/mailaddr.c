/* Recipient addresses and their folded form: see mailaddr.h. */
#include "common/mailaddr.h"

#include <ctype.h>
#include <idn2.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/ipaddr.h"
#include "common/names.h"

static bool is_alnum(char c)
{
	c = ascii_lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* RFC 5321 atext with RFC 6531 and dots anywhere, which real addresses have. */
static bool is_local_char(char c)
{
	return is_alnum(c) || (unsigned char)c >= 0x80 ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~.", c) != NULL);
}

/* One LDH label of LEN octets. */
static bool is_label(const char *label, size_t len)
{
	if (len == 0 || len > 63 || label[0] == '-' || label[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_alnum(label[i]) && label[i] != '-')
			return false;
	return true;
}

static bool is_host_name(const char *name, size_t len)
{
	const char *end = name + len, *dot;

	if (len == 0 || len > MAILADDR_DOMAIN_MAX)
		return false;
	for (; (dot = memchr(name, '.', (size_t)(end - name))) != NULL; name = dot + 1)
		if (!is_label(name, (size_t)(dot - name)))
			return false;
	return is_label(name, (size_t)(end - name));
}

static int fold_host_name(const char *text, size_t len, char *out, size_t size)
{
	if (len >= size || !is_host_name(text, len))
		return -1;
	for (size_t i = 0; i < len; i++)
		out[i] = ascii_lower(text[i]);
	out[len] = '\0';
	return (int)len;
}

/* U-labels to A-labels; names that grow over the limit fail in fold_host_name. */
static int fold_idn(const char *text, size_t len, char *out, size_t size)
{
	char copy[4 * MAILADDR_DOMAIN_MAX + 1];
	uint8_t *ascii = NULL;
	int n;

	if (len >= sizeof(copy))
		return -1;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (idn2_lookup_u8((const uint8_t *)copy, &ascii,
			   IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL | IDN2_USE_STD3_ASCII_RULES) != IDN2_OK)
		return -1;
	n = fold_host_name((const char *)ascii, strlen((const char *)ascii), out, size);
	idn2_free(ascii);
	return n;
}

int mailaddr_domain(const char *text, size_t len, char *out, size_t size)
{
	bool ascii = true;

	if (len > 0 && text[len - 1] == '.')
		len--;
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\0')
			return -1;
		ascii &= (unsigned char)text[i] < 0x80;
	}
	return ascii ? fold_host_name(text, len, out, size) : fold_idn(text, len, out, size);
}

/* "[192.0.2.1]" or "[IPv6:…]" in normal form. */
static int fold_literal(const char *text, size_t len, char *out, size_t size)
{
	struct ipaddr addr;
	char plain[IPADDR_TEXT_SIZE];
	bool v6 = len > 7 && ascii_equal_n(text, "[IPv6:", 6);
	size_t skip = v6 ? 6 : 1;

	if (len < 3 || text[len - 1] != ']' ||
	    !ipaddr_parse(text + skip, len - skip - 1, &addr) || (!v6 && !ipaddr_is_v4(&addr)))
		return -1;
	ipaddr_format(&addr, plain);
	return snprintf(out, size, ipaddr_is_v4(&addr) ? "[%s]" : "[IPv6:%s]", plain);
}

/* The type of "TYPE:address": its length, 0 if TEXT does not begin with one. */
static size_t type_length(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && (is_alnum(text[n]) || text[n] == '-' || text[n] == '.'))
		n++;
	return n < len && text[n] == ':' && n <= MAILADDR_TYPE_MAX && isalpha((unsigned char)text[0]) ?
		n : 0;
}

static enum mailaddr_error parse_other(const char *text, size_t len, size_t type_len,
				       struct mailaddr *addr)
{
	size_t rest = len - type_len - 1;
	int n;

	for (size_t i = 0; i < type_len; i++)
		addr->folded[i] = addr->type[i];
	addr->folded[type_len] = ':';
	if (rest == 0)
		return MAILADDR_SYNTAX;
	if (rest > MAILADDR_OTHER_MAX)
		return MAILADDR_TOO_LONG;
	for (size_t i = 0; i < rest; i++)
		if ((unsigned char)text[type_len + 1 + i] < ' ' || text[type_len + 1 + i] == 0x7f)
			return MAILADDR_SYNTAX;
	n = name_key_into(text + type_len + 1, rest, addr->folded + type_len + 1,
			  sizeof(addr->folded) - type_len - 1);
	addr->local_len = type_len + 1 + (size_t)(n > 0 ? n : 0);
	addr->domain = addr->folded + addr->local_len;
	return n < 0 ? MAILADDR_SYNTAX : MAILADDR_OK;
}

/* The content of the quoted string at TEXT into OUT; the length with quotes, 0 if broken. */
static size_t unquote(const char *text, size_t len, char *out, size_t *out_len)
{
	size_t n = 0;

	for (size_t i = 1; i < len; i++) {
		char c = text[i];

		if (c == '"') {
			*out_len = n;
			return i + 1;
		}
		if (c == '\\' && ++i < len)
			c = text[i];
		if ((unsigned char)c < ' ' || c == 0x7f || n == MAILADDR_LOCAL_MAX)
			return 0;
		out[n++] = c;
	}
	return 0;
}

static bool needs_quotes(const char *local, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_local_char(local[i]))
			return true;
	return len == 0;
}

/* Folds the unquoted LOCAL into the address, quoting again only what needs it. */
static enum mailaddr_error fold_local(const char *local, size_t len, struct mailaddr *addr)
{
	char key[9 * MAILADDR_LOCAL_MAX + 1];
	char *out = addr->folded;
	int n = name_key_into(local, len, key, sizeof(key));
	bool quote = n >= 0 && needs_quotes(key, (size_t)n);

	if (n < 0)
		return MAILADDR_SYNTAX;
	if (quote)
		*out++ = '"';
	for (int i = 0; i < n; i++) {
		if (key[i] == '"' || key[i] == '\\')
			*out++ = '\\';
		*out++ = key[i];
	}
	if (quote)
		*out++ = '"';
	addr->local_len = (size_t)(out - addr->folded);
	*out = '\0';
	addr->domain = out;
	return MAILADDR_OK;
}

/* The local part at TEXT; *USED_R is how much of it that is. */
static enum mailaddr_error parse_local(const char *text, size_t len, struct mailaddr *addr,
				       size_t *used_r)
{
	char content[MAILADDR_LOCAL_MAX];
	size_t n = 0;

	if (len > 0 && text[0] == '"') {
		*used_r = unquote(text, len, content, &n);
		return *used_r == 0 ? MAILADDR_SYNTAX : fold_local(content, n, addr);
	}
	while (n < len && is_local_char(text[n]))
		n++;
	*used_r = n;
	if (n == 0)
		return MAILADDR_SYNTAX;
	return n > MAILADDR_LOCAL_MAX ? MAILADDR_TOO_LONG : fold_local(text, n, addr);
}

static enum mailaddr_error parse_domain(const char *text, size_t len, struct mailaddr *addr)
{
	char *out = addr->folded + addr->local_len;
	size_t room = sizeof(addr->folded) - addr->local_len - 1;
	int n;

	*out++ = '@';
	addr->domain = out;
	addr->is_literal = len > 0 && text[0] == '[';
	n = addr->is_literal ? fold_literal(text, len, out, room) :
			       mailaddr_domain(text, len, out, room);
	if (n >= 0)
		return MAILADDR_OK;
	*out = '\0';
	return len > MAILADDR_DOMAIN_MAX ? MAILADDR_TOO_LONG : MAILADDR_BAD_DOMAIN;
}

enum mailaddr_error mailaddr_parse(const char *text, size_t len, struct mailaddr *addr)
{
	size_t type_len, used;
	enum mailaddr_error error;

	memset(addr, 0, sizeof(*addr));
	addr->domain = addr->folded;
	memcpy(addr->type, "SMTP", 5);
	if (len >= 2 && text[0] == '<' && text[len - 1] == '>') {
		text++;
		len -= 2;
	}
	type_len = type_length(text, len);
	for (size_t i = 0; i < type_len; i++)
		addr->type[i] = (char)toupper((unsigned char)text[i]);
	if (type_len > 0) {
		addr->type[type_len] = '\0';
		if (!mailaddr_is_smtp(addr))
			return parse_other(text, len, type_len, addr);
		text += type_len + 1;
		len -= type_len + 1;
	}
	error = parse_local(text, len, addr, &used);
	if (error != MAILADDR_OK)
		return error;
	if (used == len)
		return MAILADDR_NO_DOMAIN;
	if (text[used] != '@')
		return MAILADDR_SYNTAX;
	return parse_domain(text + used + 1, len - used - 1, addr);
}

bool mailaddr_is_smtp(const struct mailaddr *addr)
{
	return strcmp(addr->type, "SMTP") == 0;
}

bool mailaddr_equal(const char *a, const char *b)
{
	struct mailaddr x, y;

	return mailaddr_parse(a, strlen(a), &x) == MAILADDR_OK &&
	       mailaddr_parse(b, strlen(b), &y) == MAILADDR_OK && strcmp(x.folded, y.folded) == 0;
}

const char *mailaddr_error_text(enum mailaddr_error error)
{
	static const char *const texts[] = {
		"the address is well formed",
		"the address is malformed",
		"a part of the address is too long",
		"the domain is neither a host name nor an address literal",
		"the address has no domain",
	};

	return texts[error];
}

static int hex_digit(char c)
{
	c = ascii_lower(c);
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "_" stands for "/", "+xx" for an octet, letters, digits, "-", "=" and "." for themselves. */
static int imcea_octet(const char **at, const char *end)
{
	const char *p = *at;
	int high, low;

	*at = p + 1;
	if (*p == '_')
		return '/';
	if (*p != '+')
		return is_alnum(*p) || strchr("-=.", *p) != NULL ? (unsigned char)*p : -1;
	if (end - p < 3)
		return -1;
	high = hex_digit(p[1]);
	low = hex_digit(p[2]);
	*at = p + 3;
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

int mailaddr_imcea_decode(const char *text, size_t len, char *out, size_t size)
{
	const char *end = memchr(text, '@', len), *at = text + 5, *dash;
	size_t n;

	if (end == NULL || len < 5 || !ascii_equal_n(text, "IMCEA", 5))
		return 0;
	dash = end > at ? memchr(at, '-', (size_t)(end - at)) : NULL;
	if (dash == NULL || dash == at)
		return 0;
	n = (size_t)(dash - at);
	if (n > MAILADDR_TYPE_MAX || n + 2 > size)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (!is_alnum(at[i]) && at[i] != '.')
			return -1;
		out[i] = at[i];
	}
	out[n++] = ':';
	for (at = dash + 1; at < end; n++) {
		int octet = imcea_octet(&at, end);

		if (octet <= 0 || n + 1 >= size)
			return -1;
		out[n] = (char)octet;
	}
	out[n] = '\0';
	return (int)n;
}
