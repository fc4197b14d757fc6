/* Values of an entry into the fields of a record, by the rows of the table. Pure. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/dn.h"
#include "common/endpoint.h"
#include "common/mailaddr.h"
#include "common/names.h"
#include "topology/load_private.h"

/* One field being filled. */
struct fill {
	struct loader *ld;
	const struct item *item;
	const struct attr_use *use;
	void *field;
};

static void complain(const struct fill *fill, enum diag_id row, const struct entry_value *value)
{
	load_diag(fill->ld, row, fill->item->dn, fill->use->attribute, value->data, value->len);
}

const struct item_field *load_values(const struct item *item, const char *attribute)
{
	for (size_t i = 0; i < item->n_fields; i++)
		if (strcmp(item->fields[i].use->attribute, attribute) == 0)
			return &item->fields[i];
	return NULL;
}

static int compare_values(const struct entry_value *a, const struct entry_value *b)
{
	int order = memcmp(a->data, b->data, a->len < b->len ? a->len : b->len);

	return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

/* The value to use of a field that takes one. */
static const struct entry_value *single_value(struct loader *ld, const struct item *item,
					      const struct item_field *field)
{
	const struct entry_value *first = &field->values[0];

	for (size_t i = 1; i < field->n_values; i++)
		if (compare_values(&field->values[i], first) < 0)
			first = &field->values[i];
	if (field->n_values > 1)
		load_diag(ld, DIAG_SEVERAL_VALUES, item->dn, field->use->attribute, first->data,
			  first->len);
	return first;
}

const struct entry_value *load_value(struct loader *ld, const struct item *item,
				     const char *attribute)
{
	const struct item_field *field = load_values(item, attribute);

	return field != NULL ? single_value(ld, item, field) : NULL;
}

/* An integer of any length: its value clamped to 0 … UINT64_MAX, *BELOW_R if it is negative. */
static bool parse_integer(const struct entry_value *value, uint64_t *number_r, bool *below_r)
{
	const char *digits = value->data;
	size_t len = value->len;

	*below_r = len > 0 && *digits == '-';
	if (*below_r) {
		digits++;
		len--;
	}
	if (len == 0)
		return false;
	*number_r = 0;
	for (size_t i = 0; i < len; i++) {
		unsigned digit = (unsigned)(digits[i] - '0');

		if (digit > 9)
			return false;
		*number_r = *number_r > (UINT64_MAX - digit) / 10 ? UINT64_MAX :
								    *number_r * 10 + digit;
	}
	*below_r = *below_r && *number_r > 0;
	return true;
}

static bool put_number(const struct fill *fill, const struct entry_value *value)
{
	bool wide = fill->use->field == FIELD_U64, below;
	uint64_t max = fill->use->max != 0 ? fill->use->max : wide ? INT64_MAX : INT32_MAX;
	uint64_t number, allowed;

	if (!parse_integer(value, &number, &below))
		return false;
	allowed = below || number < fill->use->min ? fill->use->min : number > max ? max : number;
	if (below || allowed != number)
		complain(fill, DIAG_OUT_OF_RANGE, value);
	if (wide)
		*(uint64_t *)fill->field = allowed;
	else
		*(uint32_t *)fill->field = (uint32_t)allowed;
	return true;
}

static bool put_bool(const struct fill *fill, const struct entry_value *value)
{
	bool yes = ascii_equal(value->data, "TRUE"), no = ascii_equal(value->data, "FALSE");

	if (yes || no)
		*(uint8_t *)fill->field = yes;
	return yes || no;
}

static const struct attr_word *find_word(const struct attr_word *words, const char *name,
					 size_t len)
{
	for (; words->name != NULL; words++)
		if (strlen(words->name) == len && ascii_equal_n(words->name, name, len))
			return words;
	return NULL;
}

static bool put_word(const struct fill *fill, const struct entry_value *value)
{
	const struct attr_word *word = find_word(fill->use->words, value->data, value->len);

	if (word != NULL)
		*(uint8_t *)fill->field = (uint8_t)word->value;
	return word != NULL;
}

/* A description may have lines, all else has to be printable. */
static bool is_clean(const struct fill *fill, const struct entry_value *value)
{
	return strcmp(fill->use->attribute, "description") == 0 ?
		       name_is_text(value->data, value->len) :
		       name_is_printable(value->data, value->len);
}

static bool put_text(const struct fill *fill, const struct entry_value *value)
{
	if (!is_clean(fill, value))
		return false;
	*(snap_text *)fill->field = image_text(&fill->ld->image, value->data);
	return true;
}

static bool put_host(const struct fill *fill, const struct entry_value *value)
{
	char host[MAILADDR_DOMAIN_MAX + 1];
	struct ipaddr addr;

	if (ipaddr_parse(value->data, value->len, &addr)) {
		char plain[IPADDR_TEXT_SIZE];

		ipaddr_format(&addr, plain);
		snprintf(host, sizeof(host), "[%s]", plain);
	} else if (mailaddr_domain(value->data, value->len, host, sizeof(host)) < 0) {
		return false;
	}
	*(snap_text *)fill->field = image_text(&fill->ld->image, host);
	return true;
}

static bool put_dn_key(const struct fill *fill, const struct entry_value *value)
{
	char *key = dn_key(NULL, value->data);

	if (key != NULL)
		*(snap_text *)fill->field = image_text(&fill->ld->image, key);
	talloc_free(key);
	return key != NULL;
}

/* The index that VALUE refers to, or SNAP_NONE, which was noted. */
static uint32_t find_reference(const struct fill *fill, const struct entry_value *value)
{
	const struct item *found = load_find(fill->ld, value->data, fill->use->target);

	if (found != NULL)
		return found->index;
	complain(fill, fill->use->target == SNAP_SITES ? DIAG_UNKNOWN_SITE : DIAG_UNKNOWN_REFERENCE,
		 value);
	return SNAP_NONE;
}

/* One value into the field; false if it does not fit the syntax. */
static bool put_value(const struct fill *fill, const struct entry_value *value)
{
	switch (fill->use->field) {
	case FIELD_U32:
	case FIELD_U64:
		return put_number(fill, value);
	case FIELD_BOOL:
		return put_bool(fill, value);
	case FIELD_WORD:
		return put_word(fill, value);
	case FIELD_HOST:
		return put_host(fill, value);
	case FIELD_DN_KEY:
		return put_dn_key(fill, value);
	default:
		return put_text(fill, value);
	}
}

/* A value that does not fit leaves the default. */
static void fill_single(const struct fill *fill, const struct item_field *values)
{
	const struct entry_value *value = single_value(fill->ld, fill->item, values);

	if (!put_value(fill, value))
		complain(fill, DIAG_BAD_VALUE, value);
}

/* The fallback of flags is a list with commas. */
static uint32_t fallback_flags(const struct attr_use *use)
{
	uint32_t flags = 0;

	for (const char *at = use->fallback; at != NULL && *at != '\0';) {
		size_t len = strcspn(at, ",");

		flags |= find_word(use->words, at, len)->value;
		at += len + (at[len] == ',');
	}
	return flags;
}

static void fill_flags(const struct fill *fill, const struct item_field *values)
{
	uint32_t flags = 0;

	for (size_t i = 0; i < values->n_values; i++) {
		const struct attr_word *word = find_word(fill->use->words, values->values[i].data,
							 values->values[i].len);

		if (word != NULL)
			flags |= word->value;
		else
			complain(fill, DIAG_BAD_VALUE, &values->values[i]);
	}
	if (flags != 0)
		*(uint32_t *)fill->field = flags;
}

static int compare_words(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

struct snap_list load_index_list(struct loader *ld, uint32_t *words, uint32_t n)
{
	uint32_t kept = 0;

	if (n > 0)
		qsort(words, n, sizeof(*words), compare_words);
	for (uint32_t i = 0; i < n; i++)
		if (kept == 0 || words[kept - 1] != words[i])
			words[kept++] = words[i];
	return image_list(&ld->image, words, kept);
}

static void fill_references(const struct fill *fill, const struct item_field *values)
{
	uint32_t *words = arena_zero(&fill->ld->scratch, values->n_values * sizeof(*words));
	uint32_t n = 0;

	for (size_t i = 0; i < values->n_values; i++) {
		words[n] = find_reference(fill, &values->values[i]);
		n += words[n] != SNAP_NONE;
	}
	*(struct snap_list *)fill->field = load_index_list(fill->ld, words, n);
}

static bool normal_address(const struct entry_value *value, char *out)
{
	struct ipaddr addr;

	if (!ipaddr_parse(value->data, value->len, &addr))
		return false;
	/* IPv4 has one way to be written that the parser takes. */
	if (ipaddr_is_v4(&addr) && memchr(value->data, ':', value->len) == NULL)
		strcpy(out, value->data);
	else
		ipaddr_format(&addr, out);
	return true;
}

/* "sha256:" and 64 hexadecimal digits, in lower case. */
static bool normal_hash(const struct entry_value *value, char *out)
{
	if (value->len != 71 || !ascii_equal_n(value->data, "sha256:", 7))
		return false;
	for (size_t i = 0; i < value->len; i++) {
		char c = out[i] = ascii_lower(value->data[i]);

		if (i >= 7 && !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
	}
	out[value->len] = '\0';
	return true;
}

/* "--" are the hubs inside, for an edge. */
static bool is_smart_host(const char *text)
{
	struct endpoint endpoint;

	return strcmp(text, "--") == 0 || endpoint_parse(text, 25, &endpoint) == ENDPOINT_OK;
}

static bool is_binding(const char *text)
{
	struct ipaddr address;
	uint16_t port;

	return endpoint_parse_binding(text, &address, &port);
}

/* The text to store of one value of a list, or null if it does not fit the syntax. */
static const char *list_text(const struct fill *fill, const struct entry_value *value, char *room)
{
	switch (fill->use->field) {
	case FIELD_ADDRESSES:
		return normal_address(value, room) ? room : NULL;
	case FIELD_HASHES:
		return normal_hash(value, room) ? room : NULL;
	case FIELD_SMART_HOSTS:
		return is_clean(fill, value) && is_smart_host(value->data) ? value->data : NULL;
	case FIELD_BINDINGS:
		return is_clean(fill, value) && is_binding(value->data) ? value->data : NULL;
	default:
		return value->len > 0 && is_clean(fill, value) ? value->data : NULL;
	}
}

static void fill_texts(const struct fill *fill, const struct item_field *values)
{
	uint32_t *words = arena_zero(&fill->ld->scratch, values->n_values * sizeof(*words));
	uint32_t n = 0;
	char room[80];

	for (size_t i = 0; i < values->n_values; i++) {
		const char *text = list_text(fill, &values->values[i], room);

		if (text != NULL)
			words[n++] = image_text(&fill->ld->image, text);
		else
			complain(fill, DIAG_BAD_VALUE, &values->values[i]);
	}
	*(struct snap_list *)fill->field = image_list(&fill->ld->image, words, n);
}

static void fill_ranges(const struct fill *fill, const struct item_field *values)
{
	struct snap_list *list = fill->field;
	struct ipaddr_range range;

	*list = (struct snap_list){ image_count(&fill->ld->image, SNAP_RANGES), 0 };
	for (size_t i = 0; i < values->n_values; i++) {
		if (ipaddr_range_parse(values->values[i].data, values->values[i].len, &range)) {
			image_add(&fill->ld->image, SNAP_RANGES, &range);
			list->count++;
		} else {
			complain(fill, DIAG_BAD_VALUE, &values->values[i]);
		}
	}
}

/* Names are as many as objects, so nobody looks for their like; a DN may be a finding's too. */
static void fill_name(const struct fill *fill)
{
	const struct item *item = fill->item;
	struct image *image = &fill->ld->image;
	snap_text *texts = (snap_text *)(void *)((char *)fill->field + fill->use->offset);

	texts[0] = image_new_text(image, item->name);
	texts[1] = strcmp(item->key, item->name) != 0 ? image_new_text(image, item->key) : texts[0];
	texts[2] = image_text(image, item->dn);
}

static void fill_field(const struct fill *fill, const struct item_field *values)
{
	switch (fill->use->field) {
	case FIELD_NONE:
	case FIELD_NAME:
	case FIELD_PASS:
		break;
	case FIELD_FLAGS:
		fill_flags(fill, values);
		break;
	case FIELD_REF:
		*(uint32_t *)fill->field = find_reference(
			fill, single_value(fill->ld, fill->item, values));
		break;
	case FIELD_REFS:
		fill_references(fill, values);
		break;
	case FIELD_TEXTS:
	case FIELD_ADDRESSES:
	case FIELD_HASHES:
	case FIELD_SMART_HOSTS:
	case FIELD_BINDINGS:
		fill_texts(fill, values);
		break;
	case FIELD_RANGES:
		fill_ranges(fill, values);
		break;
	default:
		fill_single(fill, values);
	}
}

void load_fields(struct loader *ld, const struct item *item, void *record)
{
	struct fill fill = { ld, item, item->class->uses, record };

	fill_name(&fill);
	for (size_t i = 0; i < item->n_fields; i++) {
		fill.use = item->fields[i].use;
		fill.field = (char *)record + fill.use->offset;
		fill_field(&fill, &item->fields[i]);
	}
}

void load_defaults(struct loader *ld, const struct attr_class *class, bool on_edge, void *record)
{
	for (size_t i = 0; i < class->n_uses; i++) {
		const struct attr_use *use = &class->uses[i];
		struct fill fill = { ld, NULL, use, (char *)record + use->offset };
		const char *text = on_edge && use->edge_fallback != NULL ? use->edge_fallback :
									   use->fallback;

		if (use->field == FIELD_REF)
			*(uint32_t *)fill.field = SNAP_NONE;
		else if (use->field == FIELD_FLAGS)
			*(uint32_t *)fill.field = fallback_flags(use);
		else if (text != NULL)
			put_value(&fill, &(struct entry_value){ text, strlen(text) });
	}
}
