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

static char *take_text(TALLOC_CTX *ctx, const struct buf *text)
{
	char *copy = talloc_strndup(ctx, text->data != NULL ? text->data : "", text->len);

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

char *dn_key(TALLOC_CTX *ctx, const char *dn)
{
	return key_of(ctx, dn, scan_dn);
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

char *dn_rdn_value(TALLOC_CTX *ctx, const char *dn)
{
	struct part part = { 0 };
	const char *end = scan_part(dn, &part);
	bool valid = end != NULL && (*end == '\0' || *end == ',' || *end == '+');
	char *value = valid ? take_text(ctx, &part.value) : NULL;

	buf_free(&part.value);
	return value;
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
