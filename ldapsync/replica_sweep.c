/* Writing the replica: what a refresh did not name. */
#include <stdlib.h>
#include <string.h>

#include "ldapsync/replica_writer_private.h"

void replica_sweep_free(struct replica_sweep *sweep)
{
	free(sweep->gone);
	*sweep = (struct replica_sweep){ 0 };
}

static void sweep_add(struct replica_sweep *sweep, const struct replica_record *record)
{
	writer_count(&sweep->dropped, record, 1);
	if ((sweep->n_gone & (sweep->n_gone + 1)) == 0) /* 0, 1, 3, 7, … are full */
		sweep->gone = mem_grow(sweep->gone,
				       (2 * sweep->n_gone + 1) * sizeof(*sweep->gone));
	sweep->gone[sweep->n_gone++] = record->uuid;
}

struct sweep_test {
	struct replica_sweep *sweep; /* what is gone */
	bool (*is_gone)(const struct sweep_test *test, const struct replica_record *record);
	uint16_t source;
	const struct id_set *seen;
	struct replica_writer *writer;
};

static bool is_unseen(const struct sweep_test *test, const struct replica_record *record)
{
	return record->source == test->source && !id_set_has(test->seen, record->id);
}

static bool is_missing(const struct sweep_test *test, const struct replica_record *record)
{
	uint64_t id;

	return replica_writer_find(test->writer, &record->uuid, &id, NULL) == 0 && id == 0;
}

static int look_at(void *ctx, const struct replica_record *record, struct err *err)
{
	const struct sweep_test *test = ctx;

	(void)err;
	if (!replica_is_placeholder(record) && test->is_gone(test, record))
		sweep_add(test->sweep, record);
	return 0;
}

int replica_writer_unseen(struct replica_writer *writer, uint16_t source,
			  const struct id_set *seen, struct replica_sweep *sweep, struct err *err)
{
	struct sweep_test test = { .sweep = sweep, .is_gone = is_unseen, .source = source,
				   .seen = seen };

	/* Nothing was ever deleted in such a one: all that were seen are there. */
	if (writer_is_bulk(writer) && replica_writer_tally(writer, source)->counts.entries == seen->n)
		return 0;
	return replica_store_each_record(&writer->store, writer->txn, look_at, &test, err);
}

int replica_writer_doom(struct replica_writer *writer, uint16_t source,
			const struct entry_uuid *uuid, const struct id_set *seen,
			struct replica_sweep *sweep, struct err *err)
{
	struct replica_record record;
	int rc = replica_writer_index(writer, err);

	if (rc == 0)
		rc = replica_store_by_uuid(&writer->store, writer->txn, uuid, &record, err);
	if (rc == 1 && record.source == source && !id_set_has(seen, record.id))
		sweep_add(sweep, &record);
	return rc < 0 ? -1 : 0;
}

int replica_writer_missing(struct replica_writer *writer, struct replica_writer *old,
			   struct replica_sweep *sweep, struct err *err)
{
	struct sweep_test test = { .sweep = sweep, .is_gone = is_missing, .writer = writer };
	MDB_txn *txn;
	int rc = mdb_txn_begin(old->store.env, NULL, MDB_RDONLY, &txn);

	if (rc != 0)
		return replica_store_fail(err, "read", rc);
	rc = replica_store_each_record(&old->store, txn, look_at, &test, err);
	mdb_txn_abort(txn);
	return rc;
}

int replica_writer_sweep(struct replica_writer *writer, uint16_t source,
			 const struct replica_sweep *sweep, struct err *err)
{
	struct buf places = { 0 }; /* ids: in any order a folder may come before what is below it */
	uint64_t id = 0;
	int rc = 0, left = 0;

	for (size_t i = 0; i < sweep->n_gone && rc >= 0; i++) {
		rc = replica_writer_find(writer, &sweep->gone[i], &id, err);
		if (rc == 0)
			rc = replica_writer_delete(writer, source, &sweep->gone[i], err);
		if (rc == 2)
			buf_add(&places, &id, sizeof(id));
	}
	for (size_t at = 0; at < places.len && rc >= 0; at += sizeof(id)) {
		struct replica_record record;

		memcpy(&id, places.data + at, sizeof(id));
		rc = replica_store_record(&writer->store, writer->txn, id, &record, err);
		left |= rc == 1;
	}
	buf_free(&places);
	return rc < 0 ? -1 : left;
}
