/*
 * Items in order: those below the base, each found by its DN, sorted by name within their
 * section, numbered. Pure.
 *
 * All names and numbers are known before the first record is filled, so every reference is
 * resolved on the spot.
 */
#include <stdlib.h>
#include <string.h>

#include "common/dn.h"
#include "topology/load_private.h"

struct dn_slot {
	uint32_t hash;
	struct item *item; /* null: free */
};

/* ---- by DN ---- */

static struct dn_slot *find_slot(const struct loader *ld, const char *key)
{
	uint32_t hash = snap_hash_text(key);
	size_t at = hash;

	for (;; at++) {
		struct dn_slot *slot = &ld->by_dn[at & (ld->n_slots - 1)];

		if (slot->item == NULL)
			slot->hash = hash;
		if (slot->item == NULL ||
		    (slot->hash == hash && strcmp(slot->item->dn_key, key) == 0))
			return slot;
	}
}

static struct item *find_key(const struct loader *ld, const char *key)
{
	return find_slot(ld, key)->item;
}

struct item *load_find_dn(const struct loader *ld, const char *dn)
{
	char room[512], *key;
	struct item *item;

	if (dn_key_into(dn, room, sizeof(room)) != NULL)
		return find_key(ld, room);
	key = dn_key(NULL, dn);
	item = key != NULL ? find_key(ld, key) : NULL;
	talloc_free(key);
	return item;
}

const struct item *load_find(struct loader *ld, const char *dn, enum snap_section_id section)
{
	const struct item *item = load_find_dn(ld, dn);

	if (item != NULL && item->twin != NULL)
		item = item->twin;
	return item != NULL && item->class->section == section && item->index != SNAP_NONE ?
		       item : NULL;
}

/* Keeps the items for which WANTED holds, in their order. */
static void filter_items(struct loader *ld,
			 bool (*wanted)(struct loader *, struct item *, const char *),
			 const char *arg)
{
	size_t n = 0;

	for (size_t i = 0; i < ld->n_items; i++)
		if (wanted(ld, ld->items[i], arg))
			ld->items[n++] = ld->items[i];
	ld->n_items = n;
}

static bool register_dn(struct loader *ld, struct item *item, const char *arg)
{
	struct dn_slot *slot = find_slot(ld, item->dn_key);

	(void)arg;
	if (slot->item != NULL) {
		load_diag(ld, DIAG_DUPLICATE_NAME, item->dn, "cn", NULL, 0);
		return false;
	}
	slot->item = item;
	return true;
}

static void register_items(struct loader *ld)
{
	ld->n_slots = 16;
	while (ld->n_slots < ld->n_items * 2)
		ld->n_slots *= 2;
	ld->by_dn = talloc_zero_array(ld->ctx, struct dn_slot, ld->n_slots);
	filter_items(ld, register_dn, NULL);
}

/* ---- the base ---- */

/* The upper entry first. */
static int compare_depth(const struct item *x, const struct item *y)
{
	size_t x_len = strlen(x->dn_key), y_len = strlen(y->dn_key);

	return x_len != y_len ? (x_len > y_len) - (x_len < y_len) : strcmp(x->dn_key, y->dn_key);
}

static bool is_under_base(struct loader *ld, struct item *item, const char *base_key)
{
	(void)ld;
	return dn_key_is_under(item->dn_key, base_key);
}

/*
 * What BASE_KEY speaks for: itself, but an organisation among the services of an Active Directory
 * forest has its sites beside it, so all of the forest's configuration counts.
 */
static const char *widen_base(const char *base_key)
{
	static const char services[] = "cn=services,cn=configuration,";

	for (const char *key = base_key; *key != '\0'; key = dn_key_parent(key))
		if (strncmp(key, services, strlen(services)) == 0)
			return dn_key_parent(key);
	return base_key;
}

/* Without a base it is the organisation's entry, the uppermost if there are several. */
static void apply_base(struct loader *ld, const char *base)
{
	const char *key = base != NULL && *base != '\0' ? dn_key(ld->ctx, base) : NULL;
	const struct item *org = NULL;

	for (size_t i = 0; i < ld->n_items && key == NULL; i++)
		if (ld->items[i]->class->section == SNAP_ORG && !ld->items[i]->class->extends &&
		    (org == NULL || compare_depth(ld->items[i], org) < 0))
			org = ld->items[i];
	if (key == NULL && org != NULL)
		key = org->dn_key;
	if (key != NULL)
		filter_items(ld, is_under_base, widen_base(key));
}

/* The nearest object of SECTION above ITEM, or null. */
static struct item *find_above(const struct loader *ld, const struct item *item,
			       enum snap_section_id section)
{
	const char *key = dn_key_parent(item->dn_key);

	for (; *key != '\0'; key = dn_key_parent(key)) {
		struct item *above = find_key(ld, key);

		if (above != NULL && above->class->section == section && !above->class->extends)
			return above;
	}
	return NULL;
}

/* ---- what adds to an object above it ---- */

static int compare_keys_of(const void *a, const void *b)
{
	const struct item *const *x = a, *const *y = b;

	return strcmp((*x)->dn_key, (*y)->dn_key);
}

/* FROM's values in place of TO's own. Both have rows of one table. */
static void extend(struct loader *ld, struct item *to, const struct item *from)
{
	struct item_field *fields = arena_zero(&ld->scratch, (to->n_fields + from->n_fields) *
								     sizeof(*fields));
	size_t n = 0, t = 0, f = 0;

	while (t < to->n_fields || f < from->n_fields) {
		if (t < to->n_fields && f < from->n_fields &&
		    to->fields[t].use == from->fields[f].use)
			t++;
		else if (f == from->n_fields ||
			 (t < to->n_fields && to->fields[t].use < from->fields[f].use))
			fields[n++] = to->fields[t++];
		else
			fields[n++] = from->fields[f++];
	}
	to->fields = fields;
	to->n_fields = n;
}

/* Of several the one whose DN sorts last decides, whatever order they came in. */
static void extend_items(struct loader *ld)
{
	struct item **list = talloc_array(ld->ctx, struct item *, ld->n_items);
	size_t n = 0;

	for (size_t i = 0; i < ld->n_items; i++)
		if (ld->items[i]->class->extends)
			list[n++] = ld->items[i];
	if (n > 1)
		qsort(list, n, sizeof(*list), compare_keys_of);
	for (size_t i = 0; i < n; i++) {
		struct item *above = find_above(ld, list[i], list[i]->class->section);

		if (above != NULL)
			extend(ld, above, list[i]);
	}
	talloc_free(list);
}

/* What an item needs before it can be ordered: a subnet its range, a receive connector its
 * server. */
static bool prepare(struct loader *ld, struct item *item, const char *arg)
{
	struct item *parent;

	(void)arg;
	if (item->class->extends)
		return false;
	if (item->class->section == SNAP_SUBNETS &&
	    (strchr(item->name, '/') == NULL ||
	     !ipaddr_range_parse(item->name, strlen(item->name), &item->range))) {
		load_diag(ld, DIAG_BAD_SUBNET, item->dn, "cn", item->name, strlen(item->name));
		return false;
	}
	if (item->class->section != SNAP_RECEIVE)
		return true;
	parent = find_above(ld, item, SNAP_SERVERS);
	if (parent == NULL) {
		load_diag(ld, DIAG_RECEIVE_WITHOUT_SERVER, item->dn, "", NULL, 0);
		return false;
	}
	item->parent = parent;
	return true;
}

/* ---- by name ---- */

/* PREFIX decides nearly always, without a look at the item. */
struct sort_key {
	uint64_t prefix;
	struct item *item;
};

/* The order of records in a section: server, subnet, name; then DN, so that it is one order. */
static int compare_items(const struct item *x, const struct item *y)
{
	int order = 0;

	if (x->class->section == SNAP_ORG)
		order = compare_depth(x, y);
	else if (x->class->section == SNAP_SUBNETS) {
		order = ipaddr_range_compare_size(&x->range, &y->range);
		if (order == 0)
			order = memcmp(&x->range, &y->range, sizeof(x->range));
	} else {
		order = strcmp(x->key, y->key);
	}
	return order != 0 ? order : strcmp(x->dn_key, y->dn_key);
}

static int compare_keys(const void *a, const void *b)
{
	const struct sort_key *x = a, *y = b;

	if (x->prefix != y->prefix)
		return x->prefix < y->prefix ? -1 : 1;
	return compare_items(x->item, y->item);
}

/* How many octets all names of the section begin with. */
static size_t common_prefix(const struct sort_key *keys, size_t n)
{
	size_t len = strlen(keys[0].item->key);

	for (size_t i = 1; i < n; i++)
		for (size_t at = 0; at < len; at++)
			if (keys[i].item->key[at] != keys[0].item->key[at])
				len = at;
	return len;
}

static uint64_t eight_octets(const char *text)
{
	uint64_t word = 0;

	for (int i = 0; i < 8; i++)
		word = word << 8 | (unsigned char)(*text != '\0' ? *text++ : 0);
	return word;
}

static void set_prefixes(struct sort_key *keys, size_t n, enum snap_section_id section)
{
	size_t skip;

	if (section == SNAP_ORG || section == SNAP_SUBNETS)
		return;
	skip = section == SNAP_RECEIVE ? 0 : common_prefix(keys, n);
	for (size_t i = 0; i < n; i++)
		keys[i].prefix = section == SNAP_RECEIVE ? keys[i].item->parent->index :
							   eight_octets(keys[i].item->key + skip);
}

static bool is_sorted(const struct sort_key *keys, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (compare_keys(&keys[i - 1], &keys[i]) > 0)
			return false;
	return true;
}

static bool is_same_name(const struct item *a, const struct item *b)
{
	if (a->parent != b->parent)
		return false;
	if (a->class->section == SNAP_SUBNETS)
		return memcmp(&a->range, &b->range, sizeof(a->range)) == 0;
	if (a->class->section == SNAP_HOMES)
		return false; /* every server may have a database of the name */
	return a->class->section == SNAP_ORG || strcmp(a->key, b->key) == 0;
}

/* Numbers in order; the second of two names loses, and who refers to it means the first. */
static void number_items(struct loader *ld, struct sort_key *keys, size_t n)
{
	struct item *last = NULL;
	uint32_t next = 0;

	for (size_t i = 0; i < n; i++) {
		struct item *item = keys[i].item;

		if (last == NULL || !is_same_name(last, item)) {
			item->index = next++;
			last = item;
			ld->items[ld->n_items++] = item;
			continue;
		}
		load_diag(ld, item->class->section == SNAP_ORG ? DIAG_SEVERAL_ORGANIZATIONS :
								  DIAG_DUPLICATE_NAME,
			  item->dn, "cn", item->name, strlen(item->name));
		item->twin = last;
	}
}

/* A receive connector below a server that lost its name belongs to the one that bears it. */
static void adopt(struct sort_key *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (keys[i].item->parent != NULL && keys[i].item->parent->twin != NULL)
			keys[i].item->parent = keys[i].item->parent->twin;
}

/* Sections in their order: servers are numbered before receive connectors are sorted by them. */
static void sort_items(struct loader *ld)
{
	struct sort_key *keys = talloc_array(ld->ctx, struct sort_key, ld->n_items);
	size_t starts[SNAP_SECTIONS + 1] = { 0 }, ends[SNAP_SECTIONS];

	for (size_t i = 0; i < ld->n_items; i++)
		starts[ld->items[i]->class->section + 1]++;
	for (size_t s = 0; s < SNAP_SECTIONS; s++) {
		starts[s + 1] += starts[s];
		ends[s] = starts[s];
	}
	for (size_t i = 0; i < ld->n_items; i++)
		keys[ends[ld->items[i]->class->section]++] = (struct sort_key){ 0, ld->items[i] };
	ld->n_items = 0;
	for (size_t s = 0; s < SNAP_SECTIONS; s++) {
		struct sort_key *first = keys + starts[s];
		size_t n = starts[s + 1] - starts[s];

		if (n == 0)
			continue;
		adopt(first, n);
		set_prefixes(first, n, (enum snap_section_id)s);
		if (!is_sorted(first, n))
			qsort(first, n, sizeof(*first), compare_keys);
		number_items(ld, first, n);
	}
	talloc_free(keys);
}

void load_order(struct loader *ld, const char *base)
{
	apply_base(ld, base);
	register_items(ld);
	extend_items(ld);
	filter_items(ld, prepare, NULL);
	sort_items(ld);
}
