/*
 * The loader's driver: gather, choose the base, order, fill, derive, finish. Pure.
 *
 * Entries may come in any order and live only while they are handed over, so each is kept
 * encoded; names and DNs are known before the first record is filled, and every reference is
 * resolved on the spot.
 */
#include "config.h" /* qsort_r */

#include "topology/load.h"

#include <stdlib.h>
#include <string.h>

#include "common/dn.h"
#include "common/names.h"
#include "topology/load_private.h"

void load_diag(struct loader *ld, enum diag_id row, const char *dn, const char *attribute,
	       const char *value, size_t len)
{
	struct snap_diag diag = { .row = row };
	char shown[256] = "";

	/* DN and VALUE may lie in the image's texts, which move when one is added. */
	if (value != NULL && len < sizeof(shown) && name_is_text(value, len))
		memcpy(shown, value, len);
	else if (value != NULL)
		strcpy(shown, "(binary or long)");
	if (dn != NULL && name_is_text(dn, strlen(dn)))
		diag.dn = image_text(&ld->image, dn);
	diag.attribute = image_text(&ld->image, attribute);
	diag.value = image_text(&ld->image, shown);
	if ((ld->n_diags & (ld->n_diags + 1)) == 0)
		ld->diags = talloc_realloc(ld->ctx, ld->diags, struct snap_diag,
					   ld->n_diags * 2 + 1);
	ld->diags[ld->n_diags++] = diag;
}

static const struct item *find_item(struct loader *ld, const char *dn)
{
	struct item *item = NULL;
	char *key;

	HASH_FIND(spelt, ld->by_spelling, dn, strlen(dn), item);
	if (item != NULL)
		return item;
	key = dn_key(NULL, dn);
	if (key != NULL)
		HASH_FIND_STR(ld->by_dn, key, item);
	talloc_free(key);
	return item;
}

const struct item *load_find(struct loader *ld, const char *dn, enum snap_section_id section)
{
	const struct item *item = find_item(ld, dn);

	if (item != NULL && item->twin != NULL)
		item = item->twin;
	return item != NULL && item->class->section == section && item->index != SNAP_NONE ?
		       item : NULL;
}

static const struct attr_class *class_of(const struct entry *entry)
{
	const struct entry_attribute *classes = entry_find(entry, "objectClass");

	for (size_t i = 0; classes != NULL && i < classes->n_values; i++) {
		const struct attr_class *class =
			ascii_lower(classes->values[i].data[0]) == 'w' ?
				attr_find_class(classes->values[i].data) : NULL;

		if (class != NULL && class->section != SNAP_SECTIONS)
			return class;
	}
	return NULL;
}

bool snapshot_wants_entry(const struct entry *entry)
{
	return class_of(entry) != NULL;
}

/* The cn of the RDN; where the RDN is something else, the first cn in order. */
static char *name_of(struct loader *ld, const struct entry *entry)
{
	const struct entry_attribute *cn = entry_find(entry, "cn");
	const struct entry_value *first = NULL;

	if (ascii_equal_n(entry->dn, "cn=", 3) || cn == NULL)
		return dn_rdn_value(ld->ctx, entry->dn);
	for (size_t i = 0; i < cn->n_values; i++)
		if (first == NULL || strcmp(cn->values[i].data, first->data) < 0)
			first = &cn->values[i];
	return first != NULL ? talloc_strdup(ld->ctx, first->data) : NULL;
}

static void keep(struct loader *ld, const struct entry *entry, struct item *item)
{
	item->at = ld->arena.len;
	entry_encode(entry, &ld->arena);
	item->len = ld->arena.len - item->at;
	if ((ld->n_items & (ld->n_items + 1)) == 0)
		ld->items = talloc_realloc(ld->ctx, ld->items, struct item *,
					   ld->n_items * 2 + 1);
	ld->items[ld->n_items++] = item;
}

/* Called by the source for every entry. */
static void gather(void *arg, const struct entry *entry)
{
	struct loader *ld = arg;
	const struct attr_class *class = class_of(entry);
	struct item *item;

	if (class == NULL)
		return;
	item = talloc_zero(ld->ctx, struct item);
	item->index = SNAP_NONE;
	item->class = class;
	item->dn = talloc_strdup(item, entry->dn);
	item->dn_key = dn_key(item, entry->dn);
	if (item->dn_key == NULL) {
		load_diag(ld, DIAG_BAD_DN, entry->dn, "", NULL, 0);
		return;
	}
	item->name = name_of(ld, entry);
	item->key = item->name != NULL ? name_key(item, item->name, strlen(item->name)) : NULL;
	if (item->key == NULL || *item->key == '\0') {
		load_diag(ld, DIAG_NO_NAME, entry->dn, "cn", NULL, 0);
		return;
	}
	keep(ld, entry, item);
}

/* The upper entry first. */
static int compare_depth(const struct item *x, const struct item *y)
{
	size_t x_len = strlen(x->dn_key), y_len = strlen(y->dn_key);

	return x_len != y_len ? (x_len > y_len) - (x_len < y_len) : strcmp(x->dn_key, y->dn_key);
}

/* Organisations first, then by section, server, subnet, name, DN: the order of records. */
static int compare_items(const void *a, const void *b)
{
	const struct item *x = *(struct item *const *)a, *y = *(struct item *const *)b;
	int order = (int)x->class->section - (int)y->class->section;

	if (order == 0 && x->parent != NULL && y->parent != NULL)
		order = (x->parent->index > y->parent->index) - (x->parent->index < y->parent->index);
	if (order == 0 && x->class->section == SNAP_ORG)
		order = compare_depth(x, y);
	if (order == 0 && x->class->section == SNAP_SUBNETS) {
		order = ipaddr_range_compare_size(&x->range, &y->range);
		if (order == 0)
			order = memcmp(&x->range, &y->range, sizeof(x->range));
	} else if (order == 0) {
		order = strcmp(x->key, y->key);
	}
	return order != 0 ? order : strcmp(x->dn_key, y->dn_key);
}

static void sort_items(struct loader *ld)
{
	if (ld->n_items > 0)
		qsort(ld->items, ld->n_items, sizeof(struct item *), compare_items);
}

/* Keeps the items for which WANTED holds, in their order. */
static void filter_items(struct loader *ld, bool (*wanted)(struct loader *, struct item *, void *),
			 void *arg)
{
	size_t n = 0;

	for (size_t i = 0; i < ld->n_items; i++)
		if (wanted(ld, ld->items[i], arg))
			ld->items[n++] = ld->items[i];
	ld->n_items = n;
}

static bool is_under_base(struct loader *ld, struct item *item, void *base_key)
{
	(void)ld;
	return dn_key_is_under(item->dn_key, base_key);
}

/* Without a base it is the organisation's entry, the uppermost if there are several. */
static void apply_base(struct loader *ld, const char *base)
{
	char *key = base != NULL && *base != '\0' ? dn_key(ld->ctx, base) : NULL;
	const struct item *org = NULL;

	for (size_t i = 0; i < ld->n_items && key == NULL; i++)
		if (ld->items[i]->class->section == SNAP_ORG &&
		    (org == NULL || compare_depth(ld->items[i], org) < 0))
			org = ld->items[i];
	if (key == NULL && org != NULL)
		key = org->dn_key;
	if (key != NULL)
		filter_items(ld, is_under_base, key);
}

static bool register_dn(struct loader *ld, struct item *item, void *arg)
{
	struct item *other = NULL;

	(void)arg;
	HASH_FIND_STR(ld->by_dn, item->dn_key, other);
	if (other != NULL) {
		load_diag(ld, DIAG_DUPLICATE_NAME, item->dn, "cn", NULL, 0);
		return false;
	}
	HASH_ADD_KEYPTR(hh, ld->by_dn, item->dn_key, strlen(item->dn_key), item);
	HASH_ADD_KEYPTR(spelt, ld->by_spelling, item->dn, strlen(item->dn), item);
	return true;
}

/* What an item needs before it can be ordered: a subnet its range, a receive connector its
 * server. */
static bool prepare(struct loader *ld, struct item *item, void *arg)
{
	struct item *parent = NULL;

	(void)arg;
	if (item->class->section == SNAP_SUBNETS &&
	    (strchr(item->name, '/') == NULL ||
	     !ipaddr_range_parse(item->name, strlen(item->name), &item->range))) {
		load_diag(ld, DIAG_BAD_SUBNET, item->dn, "cn", item->name, strlen(item->name));
		return false;
	}
	if (item->class->section != SNAP_RECEIVE)
		return true;
	HASH_FIND_STR(ld->by_dn, dn_key_parent(item->dn_key), parent);
	if (parent == NULL || parent->class->section != SNAP_SERVERS) {
		load_diag(ld, DIAG_RECEIVE_WITHOUT_SERVER, item->dn, "", NULL, 0);
		return false;
	}
	item->parent = parent;
	return true;
}

static bool is_same_name(const struct item *a, const struct item *b)
{
	if (a->class->section != b->class->section || a->parent != b->parent)
		return false;
	if (a->class->section == SNAP_SUBNETS)
		return memcmp(&a->range, &b->range, sizeof(a->range)) == 0;
	return a->class->section == SNAP_ORG || strcmp(a->key, b->key) == 0;
}

struct numbering {
	uint32_t next[SNAP_SECTIONS];
	const struct item *last;
};

/* Gives the item its index; the second of two names loses, and who refers to it means the first. */
static bool number_item(struct loader *ld, struct item *item, void *arg)
{
	struct numbering *numbering = arg;

	item->index = SNAP_NONE;
	if (numbering->last != NULL && is_same_name(numbering->last, item)) {
		load_diag(ld, item->class->section == SNAP_ORG ? DIAG_SEVERAL_ORGANIZATIONS :
								  DIAG_DUPLICATE_NAME,
			  item->dn, "cn", item->name, strlen(item->name));
		item->twin = numbering->last;
		return false;
	}
	item->index = numbering->next[item->class->section]++;
	numbering->last = item;
	return true;
}

static void number_items(struct loader *ld)
{
	struct numbering numbering = { .last = NULL };

	sort_items(ld);
	filter_items(ld, number_item, &numbering);
}

/* Servers have to be numbered before receive connectors can be ordered below them. */
static void order_items(struct loader *ld)
{
	filter_items(ld, register_dn, NULL);
	filter_items(ld, prepare, NULL);
	number_items(ld);
	number_items(ld);
}

static void fill_organisation(struct loader *ld)
{
	struct snap_org org = { .max_recipients = 5000, .expansion_limit = 1000,
				.default_home = SNAP_NONE };

	if (image_count(&ld->image, SNAP_ORG) == 0) {
		load_diag(ld, DIAG_NO_ORGANIZATION, NULL, "", NULL, 0);
		image_add(&ld->image, SNAP_ORG, &org);
	}
}

static int compare_diags(const void *a, const void *b, void *arg)
{
	const struct image *image = arg;
	const struct snap_diag *x = a, *y = b;
	int order = strcmp(image_str(image, x->dn), image_str(image, y->dn));

	if (order == 0)
		order = (x->row > y->row) - (x->row < y->row);
	if (order == 0)
		order = strcmp(image_str(image, x->attribute), image_str(image, y->attribute));
	return order != 0 ? order : strcmp(image_str(image, x->value), image_str(image, y->value));
}

static void emit_diags(struct loader *ld)
{
	if (ld->n_diags > 0)
		qsort_r(ld->diags, ld->n_diags, sizeof(*ld->diags), compare_diags, &ld->image);
	for (size_t i = 0; i < ld->n_diags; i++)
		image_add(&ld->image, SNAP_DIAGS, &ld->diags[i]);
}

static void build(struct loader *ld, const char *base)
{
	apply_base(ld, base);
	order_items(ld);
	for (size_t i = 0; i < ld->n_items; i++)
		load_record(ld, ld->items[i]);
	fill_organisation(ld);
	load_derive(ld);
	load_check(ld);
	emit_diags(ld);
}

int snapshot_build(const struct snapshot_source *source, const char *base, uint64_t number,
		   struct buf *image_r, struct err *err)
{
	struct loader ld = { .ctx = talloc_new(NULL) };
	int rc;

	if (ld.ctx == NULL)
		mem_fatal(0);
	image_init(&ld.image);
	rc = source->each(source->ctx, gather, &ld, err);
	if (rc == 0) {
		build(&ld, base);
		image_finish(&ld.image, number, image_r);
	}
	HASH_CLEAR(spelt, ld.by_spelling);
	HASH_CLEAR(hh, ld.by_dn);
	image_fini(&ld.image);
	buf_free(&ld.arena);
	talloc_free(ld.ctx);
	return rc < 0 ? -1 : 0;
}

static int each_of_list(void *ctx, void (*fn)(void *arg, const struct entry *entry), void *arg,
			struct err *err)
{
	const struct entry_list *list = ctx;

	(void)err;
	for (size_t i = 0; i < list->count; i++)
		fn(arg, list->items[i]);
	return 0;
}

struct snapshot_source snapshot_source_of_list(const struct entry_list *list)
{
	return (struct snapshot_source){ each_of_list, (void *)(uintptr_t)list };
}
