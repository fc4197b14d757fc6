/* Writing the replica: what a new generation of the topology changes against the old one. */
#include <string.h>

#include "ldapsync/replica_writer_private.h"

/* One of the two generations that are compared. */
struct side {
	const struct replica_store *store;
	MDB_txn *txn;
};

struct comparison {
	struct replica_writer *writer;
	struct side from, to; /* whose entries are gone through, and where they are looked for */
	bool only_missing;    /* the way back: what is on both sides was told on the way there */
};

static bool knows(const struct side *side, const struct entry_uuid *uuid)
{
	struct replica_record record;

	return replica_store_by_uuid(side->store, side->txn, uuid, &record, NULL) == 1;
}

/* The same entry on the other side: by UUID, else one of its name that is nobody else. */
static int find_other(const struct comparison *c, const struct replica_record *record,
		      struct replica_record *other_r, struct err *err)
{
	int rc = replica_store_by_uuid(c->to.store, c->to.txn, &record->uuid, other_r, err);
	char *key;

	if (rc != 0)
		return rc;
	key = replica_store_dn(c->from.store, c->from.txn, NULL, record, true, err);
	if (key == NULL)
		return -1;
	rc = replica_store_by_dn(c->to.store, c->to.txn, key, true, other_r, err);
	talloc_free(key);
	return rc == 1 && knows(&c->from, &other_r->uuid) ? 0 : rc;
}

static int decode(const struct side *side, TALLOC_CTX *ctx, const struct replica_record *record,
		  struct entry **entry_r, struct err *err)
{
	*entry_r = replica_store_entry(side->store, side->txn, ctx, record, err);
	return *entry_r != NULL ? 0 : -1;
}

static bool same_bytes(const struct replica_record *a, const struct replica_record *b)
{
	return a->entry_len == b->entry_len && memcmp(a->entry, b->entry, a->entry_len) == 0;
}

static int same_name(const struct comparison *c, const struct replica_record *record,
		     const struct replica_record *other, bool *same_r, struct err *err)
{
	char *name = replica_store_dn(c->from.store, c->from.txn, NULL, record, false, err);
	char *other_name = replica_store_dn(c->to.store, c->to.txn, NULL, other, false, err);
	int rc = name != NULL && other_name != NULL ? 0 : -1;

	*same_r = rc == 0 && strcmp(name, other_name) == 0;
	talloc_free(name);
	talloc_free(other_name);
	return rc;
}

/* OTHER: null, or the older state of the newer RECORD. */
static int tell(const struct comparison *c, const struct replica_record *record,
		const struct replica_record *other, struct err *err)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct entry *entry = NULL, *older = NULL;
	int rc = decode(&c->from, ctx, record, &entry, err);

	if (rc == 0 && other != NULL)
		rc = decode(&c->to, ctx, other, &older, err);
	if (rc == 0 && c->only_missing)
		writer_list(c->writer, entry, NULL);
	else if (rc == 0)
		writer_list(c->writer, older, entry);
	talloc_free(ctx);
	return rc;
}

static int compare_record(const struct comparison *c, const struct replica_record *record,
			  struct err *err)
{
	struct replica_record other;
	int rc = find_other(c, record, &other, err);
	bool same;

	if (rc < 0)
		return -1;
	if (rc == 0 || other.entry == NULL)
		return tell(c, record, NULL, err);
	if (c->only_missing)
		return 0;
	if (same_bytes(record, &other)) {
		if (same_name(c, record, &other, &same, err) < 0)
			return -1;
		if (same)
			return 0;
	}
	return tell(c, record, &other, err);
}

static int compare_topology(const struct comparison *c, struct err *err)
{
	MDB_val key, value;
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(c->from.txn, c->from.store->topology, &cursor), result = 1;

	if (rc != 0)
		return replica_store_fail(err, "cursor", rc);
	while (result == 1 && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		struct replica_record record;

		result = replica_store_record(c->from.store, c->from.txn, replica_id_at(&key, 0),
					      &record, err);
		if (result == 1 && record.entry != NULL && compare_record(c, &record, err) < 0)
			result = -1;
	}
	mdb_cursor_close(cursor);
	if (result == 1 && rc != MDB_NOTFOUND)
		return replica_store_fail(err, "read", rc);
	return result < 0 ? -1 : 0;
}

int replica_writer_compare(struct replica_writer *writer, struct replica_writer *old,
			   struct err *err)
{
	struct comparison c = { .writer = writer, .from = { &writer->store, writer->txn },
				.to = { .store = &old->store } };
	struct side new = c.from;
	int rc = mdb_txn_begin(old->store.env, NULL, MDB_RDONLY, &c.to.txn);

	if (rc != 0)
		return replica_store_fail(err, "read", rc);
	rc = compare_topology(&c, err);
	c = (struct comparison){ writer, c.to, new, true };
	if (rc == 0)
		rc = compare_topology(&c, err);
	mdb_txn_abort(c.from.txn);
	return rc;
}
