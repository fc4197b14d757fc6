/*
 * The tree of names in the replica and its lists of ids: the writer's lower half.
 *
 * A node is a record; a record without a UUID only holds a place for a parent that is not
 * known (yet) and goes when its last child goes. For replica_writer.c only.
 */
#ifndef WP_LDAPSYNC_REPLICA_TREE_H
#define WP_LDAPSYNC_REPLICA_TREE_H

#include "common/replica_store.h"

/* What the functions work on: a write transaction and the state it will store. */
struct tree {
	const struct replica_store *store;
	MDB_txn *txn;
	struct replica_state *state;
};

/* A record taken out of the mapping, which the next write may move. */
struct node {
	struct replica_record record; /* points into BYTES */
	struct buf bytes;
};

int tree_put(struct tree *tree, MDB_dbi table, const void *key, size_t key_len,
	     const void *value, size_t len, struct err *err) WP_MUST_CHECK;
/* A missing key is fine. */
int tree_del(struct tree *tree, MDB_dbi table, const void *key, size_t key_len,
	     struct err *err) WP_MUST_CHECK;
int tree_list_add(struct tree *tree, MDB_dbi table, const void *key, size_t key_len, uint64_t id,
		  struct err *err) WP_MUST_CHECK;
int tree_list_remove(struct tree *tree, MDB_dbi table, const void *key, size_t key_len,
		     uint64_t id, struct err *err) WP_MUST_CHECK;

/* Copies record ID; 1, or -1 (a missing record is damage). NODE's buffer is reused. */
int tree_load(struct tree *tree, uint64_t id, struct node *node, struct err *err) WP_MUST_CHECK;
/* Writes RECORD as it is described, under its id. What it points to is not in the replica's
 * own memory: the write may move that. */
int tree_store(struct tree *tree, const struct replica_record *record, struct err *err)
	WP_MUST_CHECK;
/* The same where the id is higher than that of any other record. */
int tree_append(struct tree *tree, const struct replica_record *record, struct err *err)
	WP_MUST_CHECK;
void node_free(struct node *node);

/* The node with the name DN, whose key is KEY; made, with all above it, where it is missing.
 * *ID_R: its id, 0 for the empty DN. */
int tree_make_path(struct tree *tree, const char *dn, const char *key, uint64_t *id_r,
		   struct err *err) WP_MUST_CHECK;
/* The placeholder called RDN_KEY below PARENT: *ID_R, or 0. */
int tree_find_placeholder(struct tree *tree, uint64_t parent, const char *rdn_key,
			  uint64_t *id_r, struct err *err) WP_MUST_CHECK;
/* Takes a node out of its parent's children; what hangs on it stays on it. */
int tree_detach(struct tree *tree, const struct replica_record *record, struct err *err)
	WP_MUST_CHECK;
/* Hangs a detached node where RECORD says; a placeholder of that name there gives up its
 * children to it. The record itself is not stored. */
int tree_attach(struct tree *tree, const struct replica_record *record, struct err *err)
	WP_MUST_CHECK;
/* Removes ID and the nodes above it as long as they are placeholders without children. */
int tree_prune(struct tree *tree, uint64_t id, struct err *err) WP_MUST_CHECK;
/*
 * The entry RECORD goes: its node is removed, or left as a placeholder for its children, which
 * another entry of that name takes over.
 */
int tree_vacate(struct tree *tree, const struct replica_record *record, struct err *err)
	WP_MUST_CHECK;

#endif
