/*
 * Directory entries as plain data and their encoded form. Pure.
 *
 * Encoded: a format octet, the UUID, then strings with a 32-bit little-endian length: the DN,
 * the number of attributes, and of each its name, the number of values and the values.
 */
#include "common/entry.h"

#include <string.h>
#include <xxhash.h>

enum { ENTRY_FORMAT = 1 };

struct entry *entry_new(TALLOC_CTX *ctx, const char *dn)
{
	struct entry *entry = talloc_zero(ctx, struct entry);

	if (entry == NULL)
		mem_fatal(sizeof(*entry));
	entry->dn = talloc_strdup(entry, dn);
	if (entry->dn == NULL)
		mem_fatal(strlen(dn));
	return entry;
}

/* ARRAY with room for COUNT + 1 items of SIZE, grown in powers of two. */
static void *array_grow(TALLOC_CTX *ctx, void *array, size_t count, size_t size)
{
	if (array != NULL && (count & (count - 1)) != 0)
		return array;
	array = talloc_realloc_size(ctx, array, (count ? count * 2 : 1) * size);
	if (array == NULL)
		mem_fatal(count * size);
	return array;
}

static const char *copy_octets(TALLOC_CTX *ctx, const void *data, size_t len)
{
	char *copy = talloc_size(ctx, len + 1);

	if (copy == NULL)
		mem_fatal(len);
	if (len > 0)
		memcpy(copy, data, len);
	copy[len] = '\0';
	return copy;
}

static bool is_named(const struct entry_attribute *attribute, const char *name, size_t len)
{
	/* The first letter tells most of them apart. */
	if (len == 0 || ascii_lower(attribute->name[0]) != ascii_lower(name[0]))
		return len == 0 && attribute->name[0] == '\0';
	return strlen(attribute->name) == len && ascii_equal_n(attribute->name, name, len);
}

static struct entry_attribute *find_n(const struct entry *entry, const char *name, size_t len)
{
	for (size_t i = 0; i < entry->n_attributes; i++)
		if (is_named(&entry->attributes[i], name, len))
			return &entry->attributes[i];
	return NULL;
}

static struct entry_attribute *add_attribute(struct entry *entry, const char *name, size_t len)
{
	struct entry_attribute *attribute;

	entry->attributes = array_grow(entry, entry->attributes, entry->n_attributes,
				       sizeof(*entry->attributes));
	attribute = &entry->attributes[entry->n_attributes++];
	*attribute = (struct entry_attribute){ .name = copy_octets(entry, name, len) };
	return attribute;
}

static void add_value(struct entry *entry, struct entry_attribute *attribute, const void *data,
		      size_t len)
{
	attribute->values = array_grow(entry, attribute->values, attribute->n_values,
				       sizeof(*attribute->values));
	attribute->values[attribute->n_values++] =
		(struct entry_value){ copy_octets(entry, data, len), len };
}

void entry_add(struct entry *entry, const char *name, const void *data, size_t len)
{
	size_t name_len = strcspn(name, ";");
	struct entry_attribute *attribute = find_n(entry, name, name_len);

	if (attribute == NULL)
		attribute = add_attribute(entry, name, name_len);
	add_value(entry, attribute, data, len);
}

void entry_add_text(struct entry *entry, const char *name, const char *text)
{
	entry_add(entry, name, text, strlen(text));
}

void entry_share(struct entry *entry, const char *name, const struct entry_attribute *from)
{
	entry->attributes = array_grow(entry, entry->attributes, entry->n_attributes,
				       sizeof(*entry->attributes));
	entry->attributes[entry->n_attributes++] =
		(struct entry_attribute){ name, from->values, from->n_values };
}

struct entry *entry_copy(TALLOC_CTX *ctx, const struct entry *entry)
{
	struct entry *copy = entry_new(ctx, entry->dn);

	copy->uuid = entry->uuid;
	for (size_t i = 0; i < entry->n_attributes; i++) {
		const struct entry_attribute *from = &entry->attributes[i];
		struct entry_attribute *to = add_attribute(copy, from->name, strlen(from->name));

		for (size_t v = 0; v < from->n_values; v++)
			add_value(copy, to, from->values[v].data, from->values[v].len);
	}
	return copy;
}

void entry_drop(struct entry *entry, const char *name)
{
	struct entry_attribute *attribute = find_n(entry, name, strlen(name));
	size_t behind;

	if (attribute == NULL)
		return;
	behind = (size_t)(entry->attributes + entry->n_attributes - attribute) - 1;
	memmove(attribute, attribute + 1, behind * sizeof(*attribute));
	entry->n_attributes--;
}

void entry_drop_value(struct entry *entry, const char *name, size_t i)
{
	struct entry_attribute *attribute = find_n(entry, name, strlen(name));

	if (attribute == NULL || i >= attribute->n_values)
		return;
	memmove(&attribute->values[i], &attribute->values[i + 1],
		(attribute->n_values - i - 1) * sizeof(*attribute->values));
	if (--attribute->n_values == 0)
		entry_drop(entry, name);
}

const struct entry_attribute *entry_find(const struct entry *entry, const char *name)
{
	return find_n(entry, name, strlen(name));
}

const char *entry_text(const struct entry *entry, const char *name)
{
	const struct entry_attribute *attribute = entry_find(entry, name);

	return attribute != NULL && attribute->n_values > 0 ? attribute->values[0].data : NULL;
}

bool entry_has_text(const struct entry *entry, const char *name, const char *value)
{
	const struct entry_attribute *found = entry_find(entry, name);

	for (size_t i = 0; found != NULL && i < found->n_values; i++)
		if (ascii_equal(found->values[i].data, value))
			return true;
	return false;
}

bool entry_has_class(const struct entry *entry, const char *class_name)
{
	return entry_has_text(entry, "objectClass", class_name);
}

void entry_list_add(TALLOC_CTX *ctx, struct entry_list *list, struct entry *entry)
{
	list->items = array_grow(ctx, list->items, list->count, sizeof(struct entry *));
	list->items[list->count++] = entry;
}

/* Into room that is reserved. */
static void put(struct buf *out, const void *data, size_t len)
{
	if (len > 0)
		memcpy(out->data + out->len, data, len);
	out->len += len;
}

static void put_u32(struct buf *out, size_t n)
{
	uint8_t octets[4] = { (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16),
			      (uint8_t)(n >> 24) };

	put(out, octets, sizeof(octets));
}

static void put_octets(struct buf *out, const void *data, size_t len)
{
	put_u32(out, len);
	put(out, data, len);
}

static size_t encoded_size(const struct entry *entry)
{
	size_t size = 1 + sizeof(entry->uuid.bytes) + 4 + strlen(entry->dn) + 4;

	for (size_t i = 0; i < entry->n_attributes; i++) {
		const struct entry_attribute *attribute = &entry->attributes[i];

		size += 4 + strlen(attribute->name) + 4;
		for (size_t v = 0; v < attribute->n_values; v++)
			size += 4 + attribute->values[v].len;
	}
	return size;
}

void entry_encode(const struct entry *entry, struct buf *out)
{
	const char format = ENTRY_FORMAT;

	buf_reserve(out, encoded_size(entry));
	put(out, &format, 1);
	put(out, entry->uuid.bytes, sizeof(entry->uuid.bytes));
	put_octets(out, entry->dn, strlen(entry->dn));
	put_u32(out, entry->n_attributes);
	for (size_t i = 0; i < entry->n_attributes; i++) {
		const struct entry_attribute *attribute = &entry->attributes[i];

		put_octets(out, attribute->name, strlen(attribute->name));
		put_u32(out, attribute->n_values);
		for (size_t v = 0; v < attribute->n_values; v++)
			put_octets(out, attribute->values[v].data, attribute->values[v].len);
	}
	out->data[out->len] = '\0';
}

/* Reading stops for good at the first octet that is missing. */
struct take {
	const uint8_t *at;
	size_t left;
	bool failed;
};

static const uint8_t *take_octets(struct take *take, size_t len)
{
	const uint8_t *octets = take->at;

	if (take->failed || len > take->left) {
		take->failed = true;
		return NULL;
	}
	take->at += len;
	take->left -= len;
	return octets;
}

static size_t take_u32(struct take *take)
{
	const uint8_t *o = take_octets(take, 4);

	if (o == NULL)
		return 0;
	return (size_t)o[0] | (size_t)o[1] << 8 | (size_t)o[2] << 16 | (size_t)o[3] << 24;
}

static const char *take_string(struct take *take, size_t *len_r)
{
	*len_r = take_u32(take);
	return (const char *)take_octets(take, *len_r);
}

/*
 * A decoded entry is one block of memory: the arrays, then the texts. It is read twice, first
 * without a place to put anything, to see that it is whole and how much it holds.
 */
struct decoded {
	struct entry_attribute *attributes;
	struct entry_value *values;
	char *texts;
	size_t n_attributes, n_values, n_text;
};

static const char *decode_text(struct take *take, struct decoded *out, size_t *len_r)
{
	const char *octets = take_string(take, len_r);
	char *copy = NULL;

	if (octets != NULL && out->texts != NULL) {
		copy = out->texts + out->n_text;
		memcpy(copy, octets, *len_r);
		copy[*len_r] = '\0';
	}
	out->n_text += *len_r + 1;
	return copy;
}

static void decode_attribute(struct take *take, struct decoded *out)
{
	struct entry_attribute attribute = { .values = NULL };
	size_t len;

	attribute.name = decode_text(take, out, &len);
	attribute.n_values = take_u32(take);
	if (out->values != NULL)
		attribute.values = out->values + out->n_values;
	for (size_t i = 0; i < attribute.n_values && !take->failed; i++, out->n_values++) {
		struct entry_value value = { decode_text(take, out, &len), 0 };

		value.len = len;
		if (out->values != NULL)
			out->values[out->n_values] = value;
	}
	if (out->attributes != NULL)
		out->attributes[out->n_attributes] = attribute;
	out->n_attributes++;
}

/* False if the octets are no whole entry. *DN_R and *UUID_R only where OUT has places. */
static bool decode(const void *data, size_t len, struct decoded *out, const char **dn_r,
		   const uint8_t **uuid_r)
{
	struct take take = { .at = data, .left = len };
	const uint8_t *format = take_octets(&take, 1);
	size_t n, dn_len;

	*uuid_r = take_octets(&take, 16);
	*dn_r = decode_text(&take, out, &dn_len);
	n = take_u32(&take);
	while (n-- > 0 && !take.failed)
		decode_attribute(&take, out);
	return !take.failed && take.left == 0 && *format == ENTRY_FORMAT;
}

struct entry *entry_decode(TALLOC_CTX *ctx, const void *data, size_t len, struct err *err)
{
	struct decoded size = { .texts = NULL }, places = size;
	const uint8_t *uuid;
	const char *dn;
	struct entry *entry;
	char *block;

	if (!decode(data, len, &size, &dn, &uuid)) {
		err_set(err, ERR_STORE, 0, "a stored directory entry is damaged");
		return NULL;
	}
	block = talloc_size(ctx, sizeof(*entry) +
				 size.n_attributes * sizeof(struct entry_attribute) +
				 size.n_values * sizeof(struct entry_value) + size.n_text);
	if (block == NULL)
		mem_fatal(len);
	entry = (struct entry *)(void *)block;
	places.attributes = (struct entry_attribute *)(void *)(block + sizeof(*entry));
	places.values = (struct entry_value *)(void *)(places.attributes + size.n_attributes);
	places.texts = (char *)(places.values + size.n_values);
	decode(data, len, &places, &dn, &uuid);
	*entry = (struct entry){ .dn = dn, .attributes = places.attributes,
				 .n_attributes = size.n_attributes };
	memcpy(entry->uuid.bytes, uuid, sizeof(entry->uuid.bytes));
	return entry;
}

bool entry_uuid_is_null(const struct entry_uuid *uuid)
{
	static const struct entry_uuid null;

	return entry_uuid_equal(uuid, &null);
}

bool entry_uuid_equal(const struct entry_uuid *a, const struct entry_uuid *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static int hex_digit(char c)
{
	c = ascii_lower(c);
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_dash_at(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

bool entry_uuid_parse(const char *text, size_t len, struct entry_uuid *uuid_r)
{
	size_t n = 0;

	if (len != 36)
		return false;
	for (size_t i = 0; i < len;) {
		int high, low;

		if (is_dash_at(i)) {
			if (text[i++] != '-')
				return false;
			continue;
		}
		high = hex_digit(text[i]);
		low = hex_digit(text[i + 1]);
		if (high < 0 || low < 0)
			return false;
		uuid_r->bytes[n++] = (uint8_t)(high << 4 | low);
		i += 2;
	}
	return true;
}

void entry_uuid_format(const struct entry_uuid *uuid, char text[static 37])
{
	static const char digits[] = "0123456789abcdef";
	size_t at = 0;

	for (size_t i = 0; i < sizeof(uuid->bytes); i++) {
		if (is_dash_at(at))
			text[at++] = '-';
		text[at++] = digits[uuid->bytes[i] >> 4];
		text[at++] = digits[uuid->bytes[i] & 15];
	}
	text[at] = '\0';
}

void entry_uuid_from_key(const char *key, struct entry_uuid *uuid_r)
{
	XXH128_canonical_t digest;

	XXH128_canonicalFromHash(&digest, XXH3_128bits(key, strlen(key)));
	memcpy(uuid_r->bytes, digest.digest, sizeof(uuid_r->bytes));
	uuid_r->bytes[6] = (uint8_t)((uuid_r->bytes[6] & 0x0f) | 0x80);
	uuid_r->bytes[8] = (uint8_t)((uuid_r->bytes[8] & 0x3f) | 0x80);
}
