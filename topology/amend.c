/*
 * Change records applied to entries: see amend.h. Pure.
 *
 * Every DN that is in use has a node, those above an entry too, so that containers which are in
 * no list can be told from names that do not exist.
 */
#include "topology/amend.h"

#include <string.h>
#include <uthash.h>

#include "common/dn.h"
#include "common/names.h"

struct node {
	struct entry *entry; /* null: only something below is known */
	size_t below;        /* entries in all depths */
	bool is_own;         /* the entry is a copy that may be changed */
	bool was_renamed;    /* an entry left this name and took its UUID along */
	UT_hash_handle hh;
	char key[];
};

struct amender {
	TALLOC_CTX *ctx;     /* of the result */
	TALLOC_CTX *scratch;
	struct node *nodes;
	struct entry_list odd; /* entries whose DN is no DN or is another's; they stay */
	const struct ldif_change *change;
	struct err *err;
};

static int refuse(struct amender *a, const char *what)
{
	return err_set(a->err, ERR_DIRECTORY, 0, "line %zu: %s %s", a->change->line, a->change->dn,
		       what);
}

static struct node *find_node(struct amender *a, const char *key)
{
	struct node *node = NULL;

	HASH_FIND_STR(a->nodes, key, node);
	return node;
}

static struct node *get_node(struct amender *a, const char *key)
{
	struct node *node = find_node(a, key);
	size_t len = strlen(key);

	if (node != NULL)
		return node;
	node = talloc_zero_size(a->scratch, sizeof(*node) + len + 1);
	if (node == NULL)
		mem_fatal(sizeof(*node) + len);
	memcpy(node->key, key, len + 1);
	HASH_ADD_KEYPTR(hh, a->nodes, node->key, len, node);
	return node;
}

static void count_below(struct amender *a, const char *key, int by)
{
	while (*key != '\0') {
		key = dn_key_parent(key);
		get_node(a, key)->below += (size_t)by;
	}
}

static void put_entry(struct amender *a, const char *key, struct entry *entry, bool is_own)
{
	struct node *node = get_node(a, key);

	node->entry = entry;
	node->is_own = is_own;
	count_below(a, key, 1);
}

static void take_entry(struct amender *a, struct node *node)
{
	node->entry = NULL;
	count_below(a, node->key, -1);
}

/* The node's entry as one that may be changed. */
static struct entry *own_entry(struct amender *a, struct node *node)
{
	if (!node->is_own)
		node->entry = entry_copy(a->ctx, node->entry);
	node->is_own = true;
	return node->entry;
}

/* The node that the change is about; null and ERR if there is none. */
static struct node *find_target(struct amender *a)
{
	char *key = dn_key(a->scratch, a->change->dn);
	struct node *node = key != NULL ? find_node(a, key) : NULL;

	if (node != NULL && (node->entry != NULL || node->below > 0))
		return node;
	refuse(a, "does not exist");
	return NULL;
}

/* ---- add, delete ---- */

static int apply_add(struct amender *a)
{
	const char *dn = a->change->dn;
	char *key = dn_key(a->scratch, dn);
	struct node *node = key != NULL ? find_node(a, key) : NULL;
	struct entry *entry;

	if (node != NULL && node->entry != NULL)
		return refuse(a, "exists already");
	entry = entry_copy(a->ctx, a->change->entry);
	/* A UUID made from the name would be that of the entry which was renamed. */
	if (node != NULL && node->was_renamed && entry_find(entry, "entryUUID") == NULL)
		entry_uuid_from_key(talloc_asprintf(a->scratch, "%s %zu", key, a->change->line),
				    &entry->uuid);
	if (key != NULL)
		put_entry(a, key, entry, true);
	else
		entry_list_add(a->scratch, &a->odd, entry);
	return 0;
}

static int apply_delete(struct amender *a)
{
	struct node *node = find_target(a);

	if (node == NULL)
		return -1;
	if (node->below > 0)
		return refuse(a, "has entries below it; delete them first");
	take_entry(a, node);
	return 0;
}

/* ---- modify ---- */

static bool values_equal(const struct entry_value *x, const struct entry_value *y)
{
	if (x->len == y->len && memcmp(x->data, y->data, x->len) == 0)
		return true;
	if (!name_is_text(x->data, x->len) || !name_is_text(y->data, y->len))
		return false;
	return name_compare(x->data, y->data) == 0 || dn_equal(x->data, y->data);
}

/* The place of VALUE in an attribute (null: none), or -1. */
static long find_value(const struct entry_attribute *attribute, const struct entry_value *value)
{
	for (size_t i = 0; attribute != NULL && i < attribute->n_values; i++)
		if (values_equal(&attribute->values[i], value))
			return (long)i;
	return -1;
}

static int refuse_mod(struct amender *a, const struct ldif_mod *mod, const char *what,
		      const struct entry_value *value)
{
	bool shown = value != NULL && name_is_text(value->data, value->len);

	return err_set(a->err, ERR_DIRECTORY, 0, "line %zu: %s: %s %s%s", mod->line, a->change->dn,
		       mod->name, what, shown ? value->data : "");
}

static int add_values(struct amender *a, struct entry *entry, const struct ldif_mod *mod)
{
	for (size_t i = 0; i < mod->n_values; i++) {
		if (find_value(entry_find(entry, mod->name), &mod->values[i]) >= 0)
			return refuse_mod(a, mod, "has this value already: ", &mod->values[i]);
		entry_add(entry, mod->name, mod->values[i].data, mod->values[i].len);
	}
	return 0;
}

static int delete_values(struct amender *a, struct entry *entry, const struct ldif_mod *mod)
{
	if (entry_find(entry, mod->name) == NULL)
		return refuse_mod(a, mod, "is not there to be deleted", NULL);
	if (mod->n_values == 0)
		entry_drop(entry, mod->name);
	for (size_t i = 0; i < mod->n_values; i++) {
		long at = find_value(entry_find(entry, mod->name), &mod->values[i]);

		if (at < 0)
			return refuse_mod(a, mod, "has no such value: ", &mod->values[i]);
		entry_drop_value(entry, mod->name, (size_t)at);
	}
	return 0;
}

static int apply_mod(struct amender *a, struct entry *entry, const struct ldif_mod *mod)
{
	if (mod->kind == LDIF_MOD_DELETE)
		return delete_values(a, entry, mod);
	if (mod->kind == LDIF_MOD_REPLACE)
		entry_drop(entry, mod->name);
	return add_values(a, entry, mod);
}

static int apply_modify(struct amender *a)
{
	struct node *node = find_target(a);
	struct entry *entry;

	if (node == NULL)
		return -1;
	if (node->entry == NULL) /* a container that only others tell of */
		return 0;
	entry = own_entry(a, node);
	for (size_t i = 0; i < a->change->n_mods; i++)
		if (apply_mod(a, entry, &a->change->mods[i]) < 0)
			return -1;
	return 0;
}

/* ---- rename ---- */

/* The values of the old name go, if they are to, and those of the new one come. */
static void rename_values(struct amender *a, struct entry *entry)
{
	struct dn_part *parts;
	size_t n = a->change->deletes_old_rdn ? dn_rdn_parts(a->scratch, entry->dn, &parts) : 0;

	for (size_t i = 0; i < n; i++) {
		struct entry_value value = { parts[i].value, strlen(parts[i].value) };
		long at = find_value(entry_find(entry, parts[i].type), &value);

		if (at >= 0)
			entry_drop_value(entry, parts[i].type, (size_t)at);
	}
	n = dn_rdn_parts(a->scratch, a->change->new_rdn, &parts);
	for (size_t i = 0; i < n; i++) {
		struct entry_value value = { parts[i].value, strlen(parts[i].value) };

		if (find_value(entry_find(entry, parts[i].type), &value) < 0)
			entry_add_text(entry, parts[i].type, parts[i].value);
	}
}

/* DN with what is behind its first DEPTH RDNs replaced by BASE. */
static char *rebased(TALLOC_CTX *ctx, const char *dn, unsigned depth, const char *base)
{
	const char *at = dn;
	size_t len;

	while (depth-- > 0)
		at = dn_parent(at);
	len = (size_t)(at - dn);
	while (len > 0 && (dn[len - 1] == ' ' || dn[len - 1] == ','))
		len--;
	if (len == 0)
		return talloc_strdup(ctx, base);
	return talloc_asprintf(ctx, "%.*s,%s", (int)len, dn, base);
}

static unsigned depth_below(const char *key, const char *base)
{
	unsigned depth = 0;

	for (; strlen(key) > strlen(base); depth++)
		key = dn_key_parent(key);
	return depth;
}

/* Puts the entry of NODE, which lies DEPTH below what is renamed, under its new name. */
static void move_entry(struct amender *a, struct node *node, unsigned depth, const char *new_dn)
{
	struct entry *entry = own_entry(a, node);

	if (depth == 0)
		rename_values(a, entry);
	take_entry(a, node);
	node->was_renamed = true;
	entry->dn = rebased(entry, entry->dn, depth, new_dn);
	put_entry(a, dn_key(a->scratch, entry->dn), entry, true);
}

/* All nodes at or below KEY that have an entry; under the amender's scratch. */
static struct node **nodes_under(struct amender *a, const char *key, size_t *n_r)
{
	struct node **list = talloc_array(a->scratch, struct node *, HASH_COUNT(a->nodes) + 1);
	struct node *node, *next;
	size_t n = 0;

	HASH_ITER(hh, a->nodes, node, next)
		if (node->entry != NULL && dn_key_is_under(node->key, key))
			list[n++] = node;
	*n_r = n;
	return list;
}

static int apply_rename(struct amender *a)
{
	struct node *node = find_target(a), *there, **moved;
	const char *parent = a->change->new_superior;
	char *new_dn, *new_key;
	size_t n;

	if (node == NULL)
		return -1;
	if (parent == NULL)
		parent = dn_parent(a->change->dn);
	new_dn = talloc_asprintf(a->scratch, "%s%s%s", a->change->new_rdn, *parent ? "," : "", parent);
	new_key = dn_key(a->scratch, new_dn);
	if (strcmp(new_key, node->key) != 0 && dn_key_is_under(new_key, node->key))
		return refuse(a, "cannot be moved below itself");
	there = find_node(a, new_key);
	if (there != NULL && there != node && (there->entry != NULL || there->below > 0))
		return refuse(a, "cannot take a name that another entry bears");
	moved = nodes_under(a, node->key, &n);
	for (size_t i = 0; i < n; i++)
		move_entry(a, moved[i], depth_below(moved[i]->key, node->key), new_dn);
	return 0;
}

/* ---- all changes ---- */

static int apply(struct amender *a)
{
	switch (a->change->type) {
	case LDIF_ADD:
		return apply_add(a);
	case LDIF_DELETE:
		return apply_delete(a);
	case LDIF_MODIFY:
		return apply_modify(a);
	default:
		return apply_rename(a);
	}
}

static void gather(struct amender *a, const struct entry_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		char *key = dn_key(NULL, list->items[i]->dn);
		struct node *node = key != NULL ? find_node(a, key) : NULL;

		if (key == NULL || (node != NULL && node->entry != NULL))
			entry_list_add(a->scratch, &a->odd, list->items[i]);
		else
			put_entry(a, key, list->items[i], false);
		talloc_free(key);
	}
}

static struct entry_list result_of(const struct amender *a)
{
	struct entry_list list = { NULL, 0 };
	struct node *node, *next;

	HASH_ITER(hh, a->nodes, node, next)
		if (node->entry != NULL)
			entry_list_add(a->ctx, &list, node->entry);
	for (size_t i = 0; i < a->odd.count; i++)
		entry_list_add(a->ctx, &list, a->odd.items[i]);
	return list;
}

int amend_entries(TALLOC_CTX *ctx, struct entry_list *list, const struct ldif_change_list *changes,
		  struct err *err)
{
	struct amender a = { .ctx = ctx, .scratch = talloc_new(NULL), .err = err };
	int rc = 0;

	gather(&a, list);
	for (size_t i = 0; i < changes->count && rc == 0; i++) {
		a.change = changes->items[i];
		rc = apply(&a);
	}
	if (rc == 0)
		*list = result_of(&a);
	HASH_CLEAR(hh, a.nodes);
	talloc_free(a.scratch);
	return rc;
}
