/* Writing the replica: the log of snapshots. */
#include <stdlib.h>
#include <string.h>

#include "ldapsync/replica_writer_private.h"

enum { DAY_MS = 24 * 3600 * 1000 };

static int put_entry(struct replica_writer *writer, uint64_t sequence, const void *data, size_t len,
		     struct err *err)
{
	struct tree tree = writer_tree(writer);

	return tree_put(&tree, writer->store.history, &sequence, sizeof(sequence), data, len, err);
}

static int next_sequence(struct replica_writer *writer, uint64_t *sequence_r, struct err *err)
{
	MDB_val key, value;
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(writer->txn, writer->store.history, &cursor);

	if (rc != 0)
		return replica_store_fail(err, "cursor", rc);
	rc = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
	*sequence_r = rc == 0 ? replica_id_at(&key, 0) + 1 : 1;
	mdb_cursor_close(cursor);
	return rc == 0 || rc == MDB_NOTFOUND ? 0 : replica_store_fail(err, "read", rc);
}

/* Puts ENTRY behind the others. */
static int append(struct replica_writer *writer, struct history_entry *entry, struct err *err)
{
	struct buf value = { 0 };
	int rc;

	entry->head.counts = writer->state.counts;
	history_encode(entry, &value);
	rc = next_sequence(writer, &entry->sequence, err);
	if (rc == 0)
		rc = put_entry(writer, entry->sequence, value.data, value.len, err);
	buf_free(&value);
	return rc;
}

int replica_writer_log_about(struct replica_writer *writer, const struct history_head *head,
			     const char *title, struct err *err)
{
	struct history_entry entry = { .head = *head, .source = title };

	return append(writer, &entry, err);
}

int replica_writer_log(struct replica_writer *writer, const struct history_head *head,
		       struct err *err)
{
	bool takes = history_makes_snapshot(head->cause) && head->cause != HISTORY_FOUND;
	const struct changes *changes = &writer->changes;
	struct history_entry entry = { .head = *head, .source = "" };
	char *rows = NULL;
	int rc;

	if (takes && changes->rows != NULL)
		rows = json_dumps(changes->rows, JSON_COMPACT);
	if (takes && changes->sources.len > 0)
		entry.source = changes->sources.data;
	entry.head.listed = rows != NULL ? (uint32_t)json_array_size(changes->rows) : 0;
	entry.head.omitted = takes ? changes->omitted : 0;
	entry.changes = rows;
	entry.changes_len = rows != NULL ? strlen(rows) : 0;
	rc = append(writer, &entry, err);
	if (takes)
		replica_writer_drop_changes(writer);
	free(rows);
	return rc;
}

/* ---- what goes ---- */

struct pruning {
	struct replica_writer *writer;
	const struct history_limits *limits;
	uint64_t wall_ms, octets;
	unsigned snapshots, others; /* met so far, newest first */
	struct buf doomed;          /* sequences */
};

static bool is_old(const struct pruning *p, const struct history_entry *entry)
{
	uint64_t age = p->wall_ms > entry->head.wall_ms ? p->wall_ms - entry->head.wall_ms : 0;

	return p->limits->days != 0 && age / DAY_MS >= p->limits->days;
}

static bool is_over(const struct pruning *p, unsigned n)
{
	return (p->limits->snapshots != 0 && n > p->limits->snapshots) ||
	       (p->limits->megabytes != 0 && p->octets >> 20 >= p->limits->megabytes);
}

/* The newest two are the first two that are met. */
static bool is_held(const struct pruning *p, const struct history_entry *entry)
{
	return p->snapshots <= 2 ||
	       entry->head.snapshot.number == p->writer->pin.newest.number ||
	       entry->head.snapshot.number == p->writer->state.snapshot.number;
}

static bool judge(void *arg, const struct history_entry *entry)
{
	struct pruning *p = arg;
	bool makes = history_makes_snapshot(entry->head.cause);
	unsigned n = makes ? ++p->snapshots : ++p->others;

	p->octets += sizeof(entry->head) + entry->changes_len;
	p->octets += makes ? entry->head.snapshot.size : 0;
	if ((is_over(p, n) || is_old(p, entry)) && !(makes && is_held(p, entry)))
		buf_add(&p->doomed, &entry->sequence, sizeof(entry->sequence));
	return true;
}

int replica_writer_prune(struct replica_writer *writer, const struct history_limits *limits,
			 uint64_t wall_ms, struct err *err)
{
	struct pruning p = { .writer = writer, .limits = limits, .wall_ms = wall_ms };
	struct tree tree = writer_tree(writer);
	int rc = replica_store_each_history(&writer->store, writer->txn, judge, &p, err);

	for (size_t at = 0; rc == 0 && at < p.doomed.len; at += sizeof(uint64_t))
		rc = tree_del(&tree, writer->store.history, p.doomed.data + at, sizeof(uint64_t), err);
	buf_free(&p.doomed);
	return rc;
}

static bool add_number(void *arg, const struct history_entry *entry)
{
	if (history_makes_snapshot(entry->head.cause))
		buf_add(arg, &entry->head.snapshot.number, sizeof(uint64_t));
	return true;
}

int replica_writer_kept(struct replica_writer *writer, struct buf *numbers_r, struct err *err)
{
	MDB_txn *txn = writer->txn;
	int rc = 0;

	if (txn == NULL && (rc = mdb_txn_begin(writer->store.env, NULL, MDB_RDONLY, &txn)) != 0)
		return replica_store_fail(err, "read", rc);
	rc = replica_store_each_history(&writer->store, txn, add_number, numbers_r, err);
	if (writer->txn == NULL)
		mdb_txn_abort(txn);
	return rc;
}

/* ---- a new generation ---- */

static int copy_log(struct replica_writer *writer, struct replica_writer *old, struct err *err)
{
	MDB_val key, value;
	MDB_cursor *cursor;
	int rc = mdb_drop(writer->txn, writer->store.history, 0), result = 0;

	if (rc == 0)
		rc = mdb_cursor_open(old->txn, old->store.history, &cursor);
	if (rc != 0)
		return replica_store_fail(err, "history", rc);
	while (result == 0 && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
		result = put_entry(writer, replica_id_at(&key, 0), value.mv_data, value.mv_size, err);
	mdb_cursor_close(cursor);
	if (result == 0 && rc != MDB_NOTFOUND)
		return replica_store_fail(err, "read", rc);
	return result;
}

int replica_writer_inherit(struct replica_writer *writer, struct replica_writer *old,
			   struct err *err)
{
	int rc;

	if (replica_writer_begin(old, err) < 0)
		return -1;
	rc = copy_log(writer, old, err);
	writer->pin = old->pin;
	writer->state.snapshot = old->state.snapshot;
	writer_copy_changes(writer, old);
	replica_writer_abort(old);
	return rc;
}
