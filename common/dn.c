/*
 * Distinguished names (RFC 4514). Pure.
 *
 * One scanner reads "type=value" parts and undoes the escapes; the key, the validity check
 * and the value all come from it. Spaces around "," "+" and "=" are allowed (RFC 2253 §4).
 */
#include "common/dn.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <unistr.h>

#include "common/buf.h"

enum { DN_MAX_PARTS = 16 };

/* What may not stand unescaped in a value (RFC 4514 §3, stringchar). */
static const char value_specials[] = "\"+,;<>\\";

struct part {
	const char *type;
	size_t type_len;
	struct buf value; /* escapes undone */
};

static const char *skip_spaces(const char *at)
{
	while (*at == ' ')
		at++;
	return at;
}

static bool is_alpha(char c)
{
	c = ascii_lower(c);
	return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* descr or numericoid (RFC 4512 §1.4); its end, or null. */
static const char *scan_type(const char *at)
{
	bool is_oid = is_digit(*at);

	if (!is_oid && !is_alpha(*at))
		return NULL;
	while (is_digit(*at) || (is_oid ? *at == '.' : is_alpha(*at) || *at == '-'))
		at++;
	return at;
}

/* What follows a backslash: a hexadecimal pair or a special character. Its end, or null. */
static const char *scan_escape(const char *at, struct buf *value)
{
	int high = hex_value(at[0]), low = high < 0 ? -1 : hex_value(at[1]);

	if (high >= 0 && low >= 0) {
		buf_addc(value, (char)(high << 4 | low));
		return at + 2;
	}
	if (*at == '\0' || strchr("\"+,;<>\\ #=", *at) == NULL)
		return NULL;
	buf_addc(value, *at);
	return at + 1;
}

/* "#" and pairs of hexadecimal digits, kept as text. */
static const char *scan_hexstring(const char *at, struct buf *value)
{
	const char *begin = at++;

	while (hex_value(at[0]) >= 0 && hex_value(at[1]) >= 0)
		at += 2;
	if (at == begin + 1)
		return NULL;
	buf_add(value, begin, (size_t)(at - begin));
	return at;
}

static const char *scan_value(const char *at, struct buf *value)
{
	size_t kept = 0; /* up to the last octet that is not an unescaped space */

	if (*at == '#')
		return scan_hexstring(at, value);
	while (*at != '\0' && *at != ',' && *at != '+') {
		if (*at == '\\') {
			at = scan_escape(at + 1, value);
			if (at == NULL)
				return NULL;
			kept = value->len;
			continue;
		}
		if (strchr(value_specials, *at) != NULL)
			return NULL;
		buf_addc(value, *at);
		if (*at++ != ' ')
			kept = value->len;
	}
	buf_reserve(value, 0);
	value->len = kept;
	value->data[kept] = '\0';
	return at;
}

/* One "type=value" at AT; the end, spaces skipped, or null. PART's buffer is reused. */
static const char *scan_part(const char *at, struct part *part)
{
	const char *end;

	buf_clear(&part->value);
	at = skip_spaces(at);
	end = scan_type(at);
	if (end == NULL)
		return NULL;
	part->type = at;
	part->type_len = (size_t)(end - at);
	at = skip_spaces(end);
	if (*at != '=')
		return NULL;
	at = scan_value(skip_spaces(at + 1), &part->value);
	return at != NULL ? skip_spaces(at) : NULL;
}

/* The octets of TEXT in a key: outer spaces cut, inner runs squeezed, specials as \xx. */
static void key_add_text(struct buf *key, const char *text, size_t len)
{
	bool space = false, begun = false;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == ' ') {
			space = begun;
			continue;
		}
		if (space)
			buf_addc(key, ' ');
		space = false;
		begun = true;
		if (c < 0x20 || strchr(",+\"\\<>;=#", c) != NULL)
			buf_printf(key, "\\%02x", c);
		else
			buf_addc(key, (char)c);
	}
}

static bool is_ascii(const struct buf *text)
{
	for (size_t i = 0; i < text->len; i++)
		if ((unsigned char)text->data[i] >= 0x80)
			return false;
	return true;
}

/* Octets that are no UTF-8 are left as they are: equal only to themselves. */
static void key_add_value(struct buf *key, struct buf *value)
{
	uint8_t *folded;
	size_t len;

	for (size_t i = 0; i < value->len; i++)
		value->data[i] = ascii_lower(value->data[i]);
	if (is_ascii(value)) {
		key_add_text(key, value->data, value->len);
		return;
	}
	if (u8_check((const uint8_t *)value->data, value->len) != NULL) {
		key_add_text(key, value->data, value->len);
		return;
	}
	folded = u8_casefold((const uint8_t *)value->data, value->len, NULL, UNINORM_NFC, NULL,
			     &len);
	if (folded == NULL)
		mem_fatal(value->len);
	key_add_text(key, (const char *)folded, len);
	free(folded);
}

static void key_add_part(struct buf *key, struct part *part)
{
	for (size_t i = 0; i < part->type_len; i++)
		buf_addc(key, ascii_lower(part->type[i]));
	buf_addc(key, '=');
	key_add_value(key, &part->value);
}

static int compare_parts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Puts the N parts of the key from BEGIN on, separated by "+", in order. */
static void key_sort_parts(struct buf *key, size_t begin, size_t n)
{
	char *copy = mem_strdup(key->data + begin), *save = NULL, *parts[DN_MAX_PARTS];
	size_t at = 0;

	for (char *part = strtok_r(copy, "+", &save); part != NULL;
	     part = strtok_r(NULL, "+", &save))
		parts[at++] = part;
	qsort(parts, n, sizeof(parts[0]), compare_parts);
	key->len = begin;
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_addc(key, '+');
		buf_adds(key, parts[i]);
	}
	free(copy);
}

/* One RDN at AT; its end, at "," or the NUL, or null. */
static const char *scan_rdn(const char *at, struct part *part, struct buf *key)
{
	size_t begin = key->len;

	for (size_t n = 1; n <= DN_MAX_PARTS; n++) {
		at = scan_part(at, part);
		if (at == NULL || (*at != '\0' && *at != ',' && *at != '+'))
			return NULL;
		key_add_part(key, part);
		if (*at != '+') {
			if (n > 1)
				key_sort_parts(key, begin, n);
			return at;
		}
		buf_addc(key, '+');
		at++;
	}
	return NULL;
}

static const char *scan_dn(const char *at, struct part *part, struct buf *key)
{
	at = skip_spaces(at);
	if (*at == '\0')
		return at;
	for (;;) {
		at = scan_rdn(at, part, key);
		if (at == NULL || *at == '\0')
			return at;
		buf_addc(key, ',');
		at++;
	}
}

/* Null for a text with a NUL, which would be cut off there and mean another. */
static char *take_text(TALLOC_CTX *ctx, const struct buf *text)
{
	char *copy;

	if (text->len > 0 && memchr(text->data, '\0', text->len) != NULL)
		return NULL;
	copy = talloc_strndup(ctx, text->data != NULL ? text->data : "", text->len);
	if (copy == NULL)
		mem_fatal(text->len);
	return copy;
}

static char *key_of(TALLOC_CTX *ctx, const char *text,
		    const char *(*scan)(const char *, struct part *, struct buf *))
{
	struct part part = { 0 };
	struct buf key = { 0 };
	const char *end = scan(text, &part, &key);
	char *copy = end != NULL && *end == '\0' ? take_text(ctx, &key) : NULL;

	buf_free(&part.value);
	buf_free(&key);
	return copy;
}

/* What may stand in a word of a plain value, in lower case; 0: it may not. */
static const char plain_octets[256] = {
#define PLAIN(c) [c] = c
#define LETTER(small, capital) [small] = small, [capital] = small
	PLAIN('0'), PLAIN('1'), PLAIN('2'), PLAIN('3'), PLAIN('4'), PLAIN('5'), PLAIN('6'), PLAIN('7'),
	PLAIN('8'), PLAIN('9'), LETTER('a', 'A'), LETTER('b', 'B'), LETTER('c', 'C'),
	LETTER('d', 'D'), LETTER('e', 'E'), LETTER('f', 'F'), LETTER('g', 'G'), LETTER('h', 'H'),
	LETTER('i', 'I'), LETTER('j', 'J'), LETTER('k', 'K'), LETTER('l', 'L'), LETTER('m', 'M'),
	LETTER('n', 'N'), LETTER('o', 'O'), LETTER('p', 'P'), LETTER('q', 'Q'), LETTER('r', 'R'),
	LETTER('s', 'S'), LETTER('t', 'T'), LETTER('u', 'U'), LETTER('v', 'V'), LETTER('w', 'W'),
	LETTER('x', 'X'), LETTER('y', 'Y'), LETTER('z', 'Z'), PLAIN('-'), PLAIN('.'), PLAIN('/'),
	PLAIN(':'), PLAIN('@'), PLAIN('_'), PLAIN('('), PLAIN(')'), PLAIN('&'), PLAIN('*'),
#undef PLAIN
#undef LETTER
};

/* Words of a plain value with one space between two. Where they end, or -1. */
static int plain_value(const char *dn, size_t i, char *out)
{
	for (;; out[i++] = ' ') {
		size_t begin = i;
		char c;

		while ((c = plain_octets[(unsigned char)dn[i]]) != 0)
			out[i++] = c;
		if (i == begin)
			return -1;
		if (dn[i] != ' ')
			return (int)i;
	}
}

/*
 * Nearly every DN is plain: types of letters, values of ASCII without anything that needs an
 * escape or a second look. Its key is its lower case. The length, or -1: it is not plain, or
 * does not fit.
 */
static int plain_key(const char *dn, char *out, size_t size)
{
	size_t begin, i = 0;
	int end;

	if (strnlen(dn, size) == size)
		return -1;
	for (;; out[i++] = ',') {
		for (begin = i; is_alpha(dn[i]); i++)
			out[i] = ascii_lower(dn[i]);
		if (i == begin || dn[i] != '=')
			return -1;
		out[i++] = '=';
		end = plain_value(dn, i, out);
		if (end < 0 || (dn[end] != ',' && dn[end] != '\0'))
			return -1;
		i = (size_t)end;
		if (dn[i] == '\0')
			break;
	}
	out[i] = '\0';
	return (int)i;
}

char *dn_key(TALLOC_CTX *ctx, const char *dn)
{
	char plain[512];
	int len = plain_key(dn, plain, sizeof(plain));

	if (len < 0)
		return key_of(ctx, dn, scan_dn);
	return take_text(ctx, &(struct buf){ plain, (size_t)len, 0 });
}

const char *dn_key_into(const char *dn, char *out, size_t size)
{
	char *key;

	if (plain_key(dn, out, size) >= 0)
		return out;
	key = key_of(NULL, dn, scan_dn);
	if (key != NULL && strlen(key) < size)
		strcpy(out, key);
	else
		out = NULL;
	talloc_free(key);
	return out;
}

char *dn_rdn_key(TALLOC_CTX *ctx, const char *rdn)
{
	return key_of(ctx, rdn, scan_rdn);
}

bool dn_is_valid(const char *dn)
{
	char *key = dn_key(NULL, dn);

	talloc_free(key);
	return key != NULL;
}

bool dn_equal(const char *a, const char *b)
{
	char *key_a = dn_key(NULL, a), *key_b = dn_key(NULL, b);
	bool equal = key_a != NULL && key_b != NULL && strcmp(key_a, key_b) == 0;

	talloc_free(key_a);
	talloc_free(key_b);
	return equal;
}

const char *dn_key_parent(const char *key)
{
	const char *comma = strchr(key, ',');

	return comma != NULL ? comma + 1 : key + strlen(key);
}

bool dn_key_is_under(const char *key, const char *base_key)
{
	size_t len = strlen(key), base_len = strlen(base_key);

	if (base_len == 0)
		return true;
	if (base_len > len || strcmp(key + len - base_len, base_key) != 0)
		return false;
	return base_len == len || key[len - base_len - 1] == ',';
}

/* The first comma that no backslash precedes, or the end. */
static const char *first_comma(const char *dn)
{
	while (*dn != '\0' && *dn != ',')
		dn += dn[0] == '\\' && dn[1] != '\0' ? 2 : 1;
	return dn;
}

const char *dn_parent(const char *dn)
{
	const char *comma = first_comma(dn);

	return *comma == ',' ? skip_spaces(comma + 1) : comma;
}

char *dn_rdn(TALLOC_CTX *ctx, const char *dn)
{
	const char *begin = skip_spaces(dn), *end = first_comma(begin);
	char *rdn;

	/* A space at the end is part of the value only behind a backslash. */
	while (end > begin && end[-1] == ' ' && !(end - begin > 1 && end[-2] == '\\'))
		end--;
	rdn = talloc_strndup(ctx, begin, (size_t)(end - begin));
	if (rdn == NULL)
		mem_fatal((size_t)(end - begin));
	return rdn;
}

/* The value of a first RDN that is plain; null if it is not. */
static const char *plain_rdn_value(const char *dn, size_t *len_r)
{
	const char *begin = dn, *at;

	while (is_alpha(*begin))
		begin++;
	if (begin == dn || *begin++ != '=')
		return NULL;
	for (at = begin; plain_octets[(unsigned char)*at] != 0; at++)
		;
	*len_r = (size_t)(at - begin);
	return *len_r > 0 && (*at == ',' || *at == '\0') ? begin : NULL;
}

const char *dn_rdn_value_into(const char *dn, char *out, size_t size)
{
	size_t len;
	const char *plain = plain_rdn_value(dn, &len);
	char *value = NULL;

	if (plain == NULL) {
		plain = value = dn_rdn_value(NULL, dn);
		len = value != NULL ? strlen(value) : 0;
	}
	if (plain == NULL || len >= size) {
		talloc_free(value);
		return NULL;
	}
	memcpy(out, plain, len);
	out[len] = '\0';
	talloc_free(value);
	return out;
}

char *dn_rdn_value(TALLOC_CTX *ctx, const char *dn)
{
	struct part part = { 0 };
	const char *end = scan_part(dn, &part);
	bool valid = end != NULL && (*end == '\0' || *end == ',' || *end == '+');
	char *value = valid ? take_text(ctx, &part.value) : NULL;

	buf_free(&part.value);
	return value;
}

size_t dn_rdn_parts(TALLOC_CTX *ctx, const char *dn, struct dn_part **parts_r)
{
	struct dn_part *list = talloc_array(ctx, struct dn_part, DN_MAX_PARTS);
	struct part part = { 0 };
	const char *at = dn;
	size_t n = 0;

	if (list == NULL)
		mem_fatal(sizeof(*list) * DN_MAX_PARTS);
	do {
		at = scan_part(n > 0 ? at + 1 : at, &part);
		if (at == NULL)
			break;
		list[n].type = talloc_strndup(list, part.type, part.type_len);
		list[n++].value = take_text(list, &part.value);
	} while (*at == '+' && n < DN_MAX_PARTS);
	buf_free(&part.value);
	*parts_r = list;
	return at != NULL && (*at == '\0' || *at == ',') ? n : 0;
}

char *dn_escape(TALLOC_CTX *ctx, const char *value)
{
	size_t len = strlen(value);
	struct buf out = { 0 };
	char *text;

	for (size_t i = 0; i < len; i++) {
		bool at_edge = (value[i] == ' ' && (i == 0 || i + 1 == len)) ||
			       (value[i] == '#' && i == 0);

		if (at_edge || strchr(value_specials, value[i]) != NULL)
			buf_addc(&out, '\\');
		buf_addc(&out, value[i]);
	}
	text = take_text(ctx, &out);
	buf_free(&out);
	return text;
}
