/*
 * Writing the replica: how much of it is each directory's.
 *
 * Kept beside the counts of the whole and stored by the same transaction, so that nobody has to
 * count. A replica that an older version wrote has none: then all entries are counted, once.
 */
#include <stdlib.h>
#include <string.h>

#include "ldapsync/replica_writer_private.h"

#define TALLIES_KEY "tallies"

struct replica_tally *replica_writer_tally(struct replica_writer *writer, uint16_t source)
{
	struct tallies *tallies = &writer->tallies;

	for (size_t i = 0; i < tallies->n; i++)
		if (tallies->items[i].source == source)
			return &tallies->items[i];
	tallies->items = mem_grow(tallies->items, (tallies->n + 1) * sizeof(*tallies->items));
	tallies->items[tallies->n] = (struct replica_tally){ .source = source };
	return &tallies->items[tallies->n++];
}

static void tally(struct replica_writer *writer, const struct replica_record *record, int step)
{
	if (!replica_is_placeholder(record))
		writer_count(&replica_writer_tally(writer, record->source)->counts, record, step);
}

void writer_tally_record(struct replica_writer *writer, const struct replica_record *record,
			 int step)
{
	writer_count(&writer->state.counts, record, step);
	tally(writer, record, step);
}

static int count_one(void *ctx, const struct replica_record *record, struct err *err)
{
	(void)err;
	tally(ctx, record, 1);
	return 0;
}

int writer_load_tallies(struct replica_writer *writer, struct err *err)
{
	struct tallies *tallies = &writer->tallies;
	MDB_val value;
	int rc = replica_store_get(writer->txn, writer->store.meta, TALLIES_KEY,
				   strlen(TALLIES_KEY), &value, err);

	tallies->n = 0;
	if (rc < 0)
		return -1;
	if (rc == 0 || value.mv_size % sizeof(struct replica_tally) != 0)
		return writer->state.counts.entries == 0 ? 0 :
			replica_store_each_record(&writer->store, writer->txn, count_one, writer,
						  err);
	tallies->n = value.mv_size / sizeof(struct replica_tally);
	tallies->items = mem_grow(tallies->items, (tallies->n + 1) * sizeof(*tallies->items));
	memcpy(tallies->items, value.mv_data, value.mv_size);
	return 0;
}

int writer_store_tallies(struct replica_writer *writer, struct err *err)
{
	struct tree tree = writer_tree(writer);

	return tree_put(&tree, writer->store.meta, TALLIES_KEY, strlen(TALLIES_KEY),
			writer->tallies.items, writer->tallies.n * sizeof(struct replica_tally), err);
}

void writer_free_tallies(struct replica_writer *writer)
{
	free(writer->tallies.items);
	writer->tallies = (struct tallies){ 0 };
}
