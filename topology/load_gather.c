/*
 * Entries → items: what the model needs of an entry, copied into the loader's arena. Pure.
 *
 * Entries may come in any order and live only while they are handed over. Attributes are found
 * in the class's rows here, once, so that no later pass looks for a name.
 */
#include <string.h>

#include "common/dn.h"
#include "common/names.h"
#include "topology/load_private.h"

enum { USE_SLOTS = 128 }; /* at least twice the rows of any class */

/* The rows of one class by name: open addressing, 0 is free, else the row's index + 1. */
struct use_slots {
	bool is_made;
	uint8_t rows[USE_SLOTS];
};

/* Names begin alike; their lengths and last letters differ. */
static size_t hash_name(const char *name, size_t len)
{
	size_t last = len > 0 ? (size_t)ascii_lower(name[len - 1]) : 0;
	size_t middle = len > 0 ? (size_t)ascii_lower(name[len / 2]) : 0;

	return len * 7 + last * 31 + middle * 3;
}

/* Names are nearly always spelt as in the table. */
static bool is_named(const char *known, const char *name)
{
	return strcmp(known, name) == 0 || ascii_equal(known, name);
}

static void make_uses(struct use_slots *slots, const struct attr_class *class)
{
	for (size_t i = 0; i < class->n_uses; i++) {
		const char *name = class->uses[i].attribute;
		size_t at = hash_name(name, strlen(name));

		while (slots->rows[at % USE_SLOTS] != 0)
			at++;
		slots->rows[at % USE_SLOTS] = (uint8_t)(i + 1);
	}
	slots->is_made = true;
}

static struct use_slots *uses_of(struct loader *ld, const struct attr_class *class)
{
	size_t n;
	const struct attr_class *classes = attr_all_classes(&n);
	struct use_slots *slots;

	if (ld->uses == NULL)
		ld->uses = talloc_zero_array(ld->ctx, struct use_slots, n);
	slots = &ld->uses[class - classes];
	if (!slots->is_made)
		make_uses(slots, class);
	return slots;
}

static const struct attr_use *find_use(const struct use_slots *slots,
				       const struct attr_class *class, const char *name)
{
	for (size_t at = hash_name(name, strlen(name));; at++) {
		uint8_t row = slots->rows[at % USE_SLOTS];

		if (row == 0)
			return NULL;
		if (is_named(class->uses[row - 1].attribute, name))
			return &class->uses[row - 1];
	}
}

/* GUESS, where it is not null, is tried first: entries of a class come together. */
static const struct attr_class *class_of(const struct entry *entry, const struct attr_class *guess)
{
	const struct entry_attribute *classes = entry_find(entry, "objectClass");

	for (size_t i = 0; classes != NULL && i < classes->n_values; i++) {
		const char *name = classes->values[i].data;
		const struct attr_class *class;

		if (ascii_lower(name[0]) != 'w')
			continue;
		class = guess != NULL && is_named(guess->name, name) ? guess : attr_find_class(name);
		if (class != NULL && class->section != SNAP_SECTIONS)
			return class;
	}
	return NULL;
}

bool snapshot_wants_entry(const struct entry *entry)
{
	return class_of(entry, NULL) != NULL;
}

static bool is_needed(const struct attr_use *use)
{
	return use != NULL && use->field != FIELD_NONE && use->field != FIELD_NAME;
}

static const struct entry_value *copy_values(struct loader *ld, const struct entry_attribute *from)
{
	struct entry_value *values = arena_zero(&ld->scratch, from->n_values * sizeof(*values));

	for (size_t i = 0; i < from->n_values; i++)
		values[i] = (struct entry_value){
			arena_text(&ld->scratch, from->values[i].data, from->values[i].len),
			from->values[i].len
		};
	return values;
}

/* Keeps the order of the rows; of an attribute that is there twice the first counts. */
static void add_field(struct loader *ld, struct item *item, const struct attr_use *use,
		      const struct entry_attribute *from)
{
	size_t at = item->n_fields;

	while (at > 0 && item->fields[at - 1].use > use)
		at--;
	if (at > 0 && item->fields[at - 1].use == use)
		return;
	memmove(&item->fields[at + 1], &item->fields[at],
		(item->n_fields - at) * sizeof(*item->fields));
	item->fields[at] = (struct item_field){ use, copy_values(ld, from), from->n_values };
	item->n_fields++;
}

static void gather_fields(struct loader *ld, struct item *item, const struct entry *entry)
{
	const struct use_slots *slots = uses_of(ld, item->class);
	size_t most = entry->n_attributes < item->class->n_uses ? entry->n_attributes :
								  item->class->n_uses;

	item->fields = arena_zero(&ld->scratch, most * sizeof(*item->fields));
	for (size_t i = 0; i < entry->n_attributes; i++) {
		const struct entry_attribute *attribute = &entry->attributes[i];
		const struct attr_use *use = find_use(slots, item->class, attribute->name);

		if (is_needed(use) && attribute->n_values > 0)
			add_field(ld, item, use, attribute);
	}
}

static const char *copy_text(struct loader *ld, const char *text)
{
	return text != NULL ? arena_text(&ld->arena, text, strlen(text)) : NULL;
}

/* The cn of the RDN; where the RDN is something else, the first cn in order. */
static const char *name_of(struct loader *ld, const struct entry *entry)
{
	const struct entry_attribute *cn = entry_find(entry, "cn");
	const char *first = NULL;

	if (ascii_equal_n(entry->dn, "cn=", 3) || cn == NULL) {
		char room[512];
		char *value;
		const char *name;

		if (dn_rdn_value_into(entry->dn, room, sizeof(room)) != NULL)
			return copy_text(ld, room);
		value = dn_rdn_value(NULL, entry->dn);
		name = copy_text(ld, value);
		talloc_free(value);
		return name;
	}
	for (size_t i = 0; i < cn->n_values; i++)
		/* A name with a NUL would be cut off there. */
		if (strlen(cn->values[i].data) == cn->values[i].len &&
		    (first == NULL || strcmp(cn->values[i].data, first) < 0))
			first = cn->values[i].data;
	return copy_text(ld, first);
}

static const char *dn_key_of(struct loader *ld, const char *dn)
{
	char room[512], *key;
	const char *copy;

	if (dn_key_into(dn, room, sizeof(room)) != NULL)
		return copy_text(ld, room);
	key = dn_key(NULL, dn);
	copy = copy_text(ld, key);
	talloc_free(key);
	return copy;
}

static const char *name_key_of(struct loader *ld, const char *name)
{
	size_t len = strlen(name);
	char room[256], *key;
	const char *copy;

	if (!name_is_printable(name, len))
		return NULL;
	if (len * 9 < sizeof(room))
		return name_key_into(name, len, room, sizeof(room)) >= 0 ? copy_text(ld, room) : NULL;
	key = name_key(NULL, name, len);
	copy = copy_text(ld, key);
	talloc_free(key);
	return copy;
}

static void keep(struct loader *ld, struct item *item)
{
	if ((ld->n_items & (ld->n_items + 1)) == 0)
		ld->items = talloc_realloc(ld->ctx, ld->items, struct item *,
					   ld->n_items * 2 + 1);
	ld->items[ld->n_items++] = item;
}

struct item *load_item(struct loader *ld, const struct entry *entry)
{
	const struct attr_class *class = class_of(entry, ld->last_class);
	struct item *item;

	if (class == NULL)
		return NULL;
	ld->last_class = class;
	item = arena_zero(&ld->arena, sizeof(*item));
	item->index = SNAP_NONE;
	item->class = class;
	item->dn = copy_text(ld, entry->dn);
	item->dn_key = dn_key_of(ld, entry->dn);
	if (item->dn_key == NULL) {
		load_diag(ld, DIAG_BAD_DN, entry->dn, "", NULL, 0);
		return NULL;
	}
	item->name = name_of(ld, entry);
	item->key = item->name != NULL ? name_key_of(ld, item->name) : NULL;
	if (item->key == NULL || *item->key == '\0') {
		load_diag(ld, DIAG_NO_NAME, entry->dn, "cn", item->name,
			  item->name != NULL ? strlen(item->name) : 0);
		return NULL;
	}
	gather_fields(ld, item, entry);
	return item;
}

void load_gather(void *loader, const struct entry *entry)
{
	struct item *item = load_item(loader, entry);

	if (item != NULL)
		keep(loader, item);
}
