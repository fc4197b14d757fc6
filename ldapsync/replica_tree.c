/* The tree of names in the replica. */
#include "ldapsync/replica_tree.h"

#include <stdlib.h>
#include <string.h>

#include "common/dn.h"

int tree_put(struct tree *tree, MDB_dbi table, const void *key, size_t key_len,
	     const void *value, size_t len, struct err *err)
{
	MDB_val k = { key_len, (void *)(uintptr_t)key }, v = { len, (void *)(uintptr_t)value };
	int rc = mdb_put(tree->txn, table, &k, &v, 0);

	return rc == 0 ? 0 : replica_store_fail(err, "write", rc);
}

int tree_del(struct tree *tree, MDB_dbi table, const void *key, size_t key_len,
	     struct err *err)
{
	MDB_val k = { key_len, (void *)(uintptr_t)key };
	int rc = mdb_del(tree->txn, table, &k, NULL);

	return rc == 0 || rc == MDB_NOTFOUND ? 0 : replica_store_fail(err, "delete", rc);
}

/* The list without ID, in memory of its own. */
static int load_list_without(struct tree *tree, MDB_dbi table, const void *key, size_t key_len,
			     uint64_t id, struct buf *list, struct err *err)
{
	MDB_val ids;
	int rc = replica_store_get(tree->txn, table, key, key_len, &ids, err);

	for (size_t i = 0; rc == 1 && i < replica_id_count(&ids); i++) {
		uint64_t other = replica_id_at(&ids, i);

		if (other != id)
			buf_add(list, &other, sizeof(other));
	}
	return rc < 0 ? -1 : 0;
}

int tree_list_add(struct tree *tree, MDB_dbi table, const void *key, size_t key_len, uint64_t id,
		  struct err *err)
{
	struct buf list = { 0 };
	int rc = load_list_without(tree, table, key, key_len, id, &list, err);

	buf_add(&list, &id, sizeof(id));
	if (rc == 0)
		rc = tree_put(tree, table, key, key_len, list.data, list.len, err);
	buf_free(&list);
	return rc;
}

int tree_list_remove(struct tree *tree, MDB_dbi table, const void *key, size_t key_len,
		     uint64_t id, struct err *err)
{
	struct buf list = { 0 };
	int rc = load_list_without(tree, table, key, key_len, id, &list, err);

	if (rc == 0)
		rc = list.len > 0 ?
			     tree_put(tree, table, key, key_len, list.data, list.len, err) :
			     tree_del(tree, table, key, key_len, err);
	buf_free(&list);
	return rc;
}

int tree_load(struct tree *tree, uint64_t id, struct node *node, struct err *err)
{
	struct replica_record *record = &node->record;
	const char *base;
	int rc = replica_store_record(tree->store, tree->txn, id, record, err);
	size_t rdn_size, key_size;

	if (rc <= 0)
		return rc < 0 ? -1 :
				err_set(err, ERR_STORE, 0, "replica: record %llu is missing",
					(unsigned long long)id);
	rdn_size = strlen(record->rdn) + 1;
	key_size = strlen(record->rdn_key) + 1;
	buf_clear(&node->bytes);
	buf_add(&node->bytes, record->rdn, rdn_size);
	buf_add(&node->bytes, record->rdn_key, key_size);
	if (record->entry != NULL)
		buf_add(&node->bytes, record->entry, record->entry_len);
	if (record->recipient != NULL)
		buf_add(&node->bytes, record->recipient, record->recipient_len);
	base = node->bytes.data;
	record->rdn = base;
	record->rdn_key = base + rdn_size;
	if (record->entry != NULL)
		record->entry = base + rdn_size + key_size;
	if (record->recipient != NULL)
		record->recipient = base + rdn_size + key_size + record->entry_len;
	return 1;
}

void node_free(struct node *node)
{
	buf_free(&node->bytes);
}

static int store(struct tree *tree, const struct replica_record *record, unsigned flags,
		 struct err *err)
{
	struct replica_head head = {
		.uuid = record->uuid, .parent = record->parent, .source = record->source,
		.rdn_size = (uint32_t)strlen(record->rdn) + 1,
		.rdn_key_size = (uint32_t)strlen(record->rdn_key) + 1,
		.entry_len = (uint32_t)record->entry_len,
		.recipient_len = (uint32_t)record->recipient_len,
	};
	MDB_val key = { sizeof(record->id), (void *)(uintptr_t)&record->id };
	MDB_val value = { .mv_size = sizeof(head) + head.rdn_size + head.rdn_key_size +
				     record->entry_len + record->recipient_len };
	int rc = mdb_put(tree->txn, tree->store->entry, &key, &value, MDB_RESERVE | flags);
	char *at = value.mv_data;

	if (rc != 0)
		return replica_store_fail(err, "write", rc);
	memcpy(at, &head, sizeof(head));
	at += sizeof(head);
	memcpy(at, record->rdn, head.rdn_size);
	at += head.rdn_size;
	memcpy(at, record->rdn_key, head.rdn_key_size);
	at += head.rdn_key_size;
	if (record->entry_len > 0)
		memcpy(at, record->entry, record->entry_len);
	if (record->recipient_len > 0)
		memcpy(at + record->entry_len, record->recipient, record->recipient_len);
	return 0;
}

int tree_store(struct tree *tree, const struct replica_record *record, struct err *err)
{
	return store(tree, record, 0, err);
}

int tree_append(struct tree *tree, const struct replica_record *record, struct err *err)
{
	return store(tree, record, MDB_APPEND, err);
}

static int link_child(struct tree *tree, uint64_t parent, const char *rdn_key, uint64_t id,
		      struct err *err)
{
	uint8_t key[16];

	replica_child_key(parent, rdn_key, key);
	return tree_list_add(tree, tree->store->child, key, sizeof(key), id, err);
}

static int make_placeholder(struct tree *tree, uint64_t parent, const char *rdn,
			    const char *rdn_key, uint64_t *id_r, struct err *err)
{
	struct replica_record record = {
		.id = tree->state->next_id++, .parent = parent, .rdn = rdn, .rdn_key = rdn_key,
	};

	*id_r = record.id;
	if (tree_store(tree, &record, err) < 0)
		return -1;
	return link_child(tree, parent, rdn_key, record.id, err);
}

int tree_make_path(struct tree *tree, const char *dn, const char *key, uint64_t *id_r,
		   struct err *err)
{
	struct replica_record found;
	char *rdn, *rdn_key;
	uint64_t parent;
	int rc;

	*id_r = 0;
	if (*key == '\0')
		return 0;
	rc = replica_store_by_dn(tree->store, tree->txn, key, false, &found, err);
	if (rc == 1)
		*id_r = found.id;
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (tree_make_path(tree, dn_parent(dn), dn_key_parent(key), &parent, err) < 0)
		return -1;
	rdn = dn_rdn(NULL, dn);
	rdn_key = talloc_strndup(rdn, key, strcspn(key, ","));
	rc = make_placeholder(tree, parent, rdn, rdn_key, id_r, err);
	talloc_free(rdn);
	return rc;
}

/* The ids of the children called RDN_KEY below PARENT, but for a collision of hashes. */
static int load_children(struct tree *tree, uint64_t parent, const char *rdn_key,
			 struct buf *ids, struct err *err)
{
	uint8_t key[16];

	replica_child_key(parent, rdn_key, key);
	return load_list_without(tree, tree->store->child, key, sizeof(key), 0, ids, err);
}

/* The first child called RDN_KEY that is (or is not) a placeholder, other than EXCEPT: *ID_R or 0. */
static int find_child(struct tree *tree, uint64_t parent, const char *rdn_key, bool placeholder,
		      uint64_t except, uint64_t *id_r, struct err *err)
{
	struct buf ids = { 0 };
	struct replica_record record;
	int rc = load_children(tree, parent, rdn_key, &ids, err);

	*id_r = 0;
	for (size_t i = 0; rc == 0 && *id_r == 0 && i < ids.len / sizeof(uint64_t); i++) {
		uint64_t id;

		memcpy(&id, ids.data + i * sizeof(id), sizeof(id));
		rc = replica_store_record(tree->store, tree->txn, id, &record, err) < 0 ? -1 : 0;
		if (rc == 0 && id != except && strcmp(record.rdn_key, rdn_key) == 0 &&
		    replica_is_placeholder(&record) == placeholder)
			*id_r = id;
	}
	buf_free(&ids);
	return rc;
}

int tree_find_placeholder(struct tree *tree, uint64_t parent, const char *rdn_key,
			  uint64_t *id_r, struct err *err)
{
	return find_child(tree, parent, rdn_key, true, 0, id_r, err);
}

int tree_detach(struct tree *tree, const struct replica_record *record, struct err *err)
{
	uint8_t key[16];

	replica_child_key(record->parent, record->rdn_key, key);
	return tree_list_remove(tree, tree->store->child, key, sizeof(key), record->id, err);
}

/* One child of ID, or 0. */
static int first_child(struct tree *tree, uint64_t id, uint64_t *child_r, struct err *err)
{
	uint8_t prefix[16];
	MDB_val key = { sizeof(prefix), prefix }, ids;
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(tree->txn, tree->store->child, &cursor);

	*child_r = 0;
	if (rc != 0)
		return replica_store_fail(err, "cursor", rc);
	replica_child_key(id, "", prefix);
	memset(prefix + 8, 0, 8);
	rc = mdb_cursor_get(cursor, &key, &ids, MDB_SET_RANGE);
	if (rc == 0 && memcmp(key.mv_data, prefix, 8) == 0)
		*child_r = replica_id_at(&ids, 0);
	mdb_cursor_close(cursor);
	return rc == 0 || rc == MDB_NOTFOUND ? 0 : replica_store_fail(err, "read", rc);
}

static int remove_node(struct tree *tree, const struct replica_record *record, struct err *err)
{
	if (tree_detach(tree, record, err) < 0)
		return -1;
	return tree_del(tree, tree->store->entry, &record->id, sizeof(record->id), err);
}

static int move_children(struct tree *tree, uint64_t from, uint64_t to, struct err *err);

/* Hangs NODE, already detached, below its new parent; a placeholder yields to what is there. */
static int rehang(struct tree *tree, const struct replica_record *record, struct err *err)
{
	uint64_t there;

	if (!replica_is_placeholder(record)) {
		if (tree_attach(tree, record, err) < 0)
			return -1;
		return tree_store(tree, record, err);
	}
	if (find_child(tree, record->parent, record->rdn_key, false, 0, &there, err) < 0)
		return -1;
	if (there == 0 &&
	    find_child(tree, record->parent, record->rdn_key, true, 0, &there, err) < 0)
		return -1;
	if (there != 0) {
		if (move_children(tree, record->id, there, err) < 0)
			return -1;
		return tree_del(tree, tree->store->entry, &record->id, sizeof(record->id), err);
	}
	if (link_child(tree, record->parent, record->rdn_key, record->id, err) < 0)
		return -1;
	return tree_store(tree, record, err);
}

static int move_child(struct tree *tree, uint64_t id, uint64_t to, struct err *err)
{
	struct node node = { 0 };
	int rc = tree_load(tree, id, &node, err);

	if (rc == 1)
		rc = tree_detach(tree, &node.record, err);
	if (rc == 0) {
		node.record.parent = to;
		rc = rehang(tree, &node.record, err);
	}
	node_free(&node);
	return rc;
}

static int move_children(struct tree *tree, uint64_t from, uint64_t to, struct err *err)
{
	uint64_t child;

	for (;;) {
		if (first_child(tree, from, &child, err) < 0)
			return -1;
		if (child == 0)
			return 0;
		if (move_child(tree, child, to, err) < 0)
			return -1;
	}
}

int tree_attach(struct tree *tree, const struct replica_record *record, struct err *err)
{
	struct replica_record placeholder = { .parent = record->parent,
					      .rdn_key = record->rdn_key };

	if (find_child(tree, record->parent, record->rdn_key, true, record->id, &placeholder.id,
		       err) < 0)
		return -1;
	if (placeholder.id != 0 &&
	    (move_children(tree, placeholder.id, record->id, err) < 0 ||
	     remove_node(tree, &placeholder, err) < 0))
		return -1;
	return link_child(tree, record->parent, record->rdn_key, record->id, err);
}

int tree_prune(struct tree *tree, uint64_t id, struct err *err)
{
	struct node node = { 0 };
	struct replica_record place;
	int rc = 0;

	while (id != 0 && rc == 0) {
		uint64_t child;

		/* It may have given its place to what was below it. */
		rc = replica_store_record(tree->store, tree->txn, id, &place, err);
		if (rc <= 0 || !replica_is_placeholder(&place))
			break;
		rc = first_child(tree, id, &child, err);
		if (rc < 0 || child != 0)
			break;
		if (tree_load(tree, id, &node, err) < 0 || remove_node(tree, &node.record, err) < 0)
			rc = -1;
		id = node.record.parent;
	}
	node_free(&node);
	return rc < 0 ? -1 : 0;
}

int tree_vacate(struct tree *tree, const struct replica_record *record, struct err *err)
{
	struct replica_record place = {
		.id = record->id, .parent = record->parent,
		.rdn = record->rdn, .rdn_key = record->rdn_key,
	};
	uint64_t heir, child;

	if (find_child(tree, record->parent, record->rdn_key, false, record->id, &heir, err) < 0)
		return -1;
	if (heir != 0 && move_children(tree, record->id, heir, err) < 0)
		return -1;
	if (first_child(tree, record->id, &child, err) < 0)
		return -1;
	if (child != 0)
		return tree_store(tree, &place, err) < 0 ? -1 : 1;
	if (remove_node(tree, &place, err) < 0)
		return -1;
	return tree_prune(tree, record->parent, err);
}
