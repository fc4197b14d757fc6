/* Writing the replica: the indexes that a bulk load has left out. */
#include <stdlib.h>
#include <string.h>

#include "ldapsync/replica_writer_private.h"
#include "topology/recipient.h"

struct row {
	uint64_t high, low, id; /* of a key of 16 octets; of one number only LOW */
};

/* What goes into one index. */
struct index {
	struct row *rows;
	size_t n, room;
};

struct indexes {
	struct index uuid, child, address;
};

static void add_row(struct index *index, uint64_t high, uint64_t low, uint64_t id)
{
	if (index->n == index->room) {
		index->room = index->room == 0 ? 4096 : index->room / 2 * 3;
		index->rows = mem_grow(index->rows, index->room * sizeof(*index->rows));
	}
	index->rows[index->n++] = (struct row){ high, low, id };
}

static uint64_t load_be64(const uint8_t *octets)
{
	uint64_t n = 0;

	for (int i = 0; i < 8; i++)
		n = n << 8 | octets[i];
	return n;
}

static void store_be64(uint8_t *octets, uint64_t n)
{
	for (int i = 7; i >= 0; i--, n >>= 8)
		octets[i] = (uint8_t)n;
}

static void add_addresses(struct index *index, const struct replica_record *record)
{
	struct recipient view;
	const char *at;

	if (record->recipient == NULL ||
	    recipient_decode(record->recipient, record->recipient_len, &view, NULL) < 0)
		return;
	at = view.addresses.first;
	for (uint32_t i = 0; i < view.addresses.count; i++, at = recipient_next(at))
		add_row(index, 0, replica_hash(at), record->id);
}

static int gather(void *ctx, const struct replica_record *record, struct err *err)
{
	struct indexes *all = ctx;

	(void)err;
	if (!replica_is_placeholder(record))
		add_row(&all->uuid, load_be64(record->uuid.bytes),
			load_be64(record->uuid.bytes + 8), record->id);
	add_row(&all->child, record->parent, replica_hash(record->rdn_key), record->id);
	add_addresses(&all->address, record);
	return 0;
}

/* Digit I of a key, the least weighty first. */
static unsigned digit(const struct row *row, unsigned i)
{
	return (i < 8 ? row->low >> (8 * i) : row->high >> (8 * (i - 8))) & 255;
}

/* FROM in the order of digit I into TO. False: it is the same in all, and nothing was done. */
static bool sort_by(const struct row *from, struct row *to, size_t n, unsigned i)
{
	size_t places[256] = { 0 }, at = 0;

	for (size_t r = 0; r < n; r++)
		places[digit(&from[r], i)]++;
	if (places[digit(from, i)] == n)
		return false;
	for (unsigned d = 0; d < 256; d++) {
		size_t count = places[d];

		places[d] = at;
		at += count;
	}
	for (size_t r = 0; r < n; r++)
		to[places[digit(&from[r], i)]++] = from[r];
	return true;
}

/* By keys; rows of one key stay in the order of their ids. Digit by digit, since keys are hashes and
 * UUIDs: of millions of rows a tenth of the time that comparing takes. */
static void sort_rows(struct index *index)
{
	struct row *other = mem_alloc(index->n * sizeof(*other));

	for (unsigned i = 0; i < 16; i++) {
		struct row *sorted = other;

		if (!sort_by(index->rows, sorted, index->n, i))
			continue;
		other = index->rows;
		index->rows = sorted;
	}
	free(other);
}

/* Writes the N rows of one key; where there are several, their ids also into SHARED (or null). */
static int append_key(struct replica_writer *writer, MDB_dbi table, bool by_number,
		      const struct row *rows, size_t n, struct buf *ids, struct buf *shared,
		      struct err *err)
{
	uint8_t octets[16];
	MDB_val key = { sizeof(octets), octets }, value;
	int rc;

	buf_clear(ids);
	for (size_t i = 0; i < n; i++) {
		buf_add(ids, &rows[i].id, sizeof(rows[i].id));
		if (n > 1 && shared != NULL)
			buf_add(shared, &rows[i].id, sizeof(rows[i].id));
	}
	if (by_number) {
		key = (MDB_val){ sizeof(rows->low), (void *)(uintptr_t)&rows->low };
	} else {
		store_be64(octets, rows->high);
		store_be64(octets + 8, rows->low);
	}
	value = (MDB_val){ ids->len, ids->data };
	rc = mdb_put(writer->txn, table, &key, &value, MDB_APPEND);
	return rc == 0 ? 0 : replica_store_fail(err, "write", rc);
}

/* Writes INDEX, which is empty then. */
static int build_index(struct replica_writer *writer, MDB_dbi table, bool by_number,
		       struct index *index, struct buf *shared, struct err *err)
{
	struct buf ids = { 0 };
	size_t n;
	int rc = 0;

	if (index->n > 0)
		sort_rows(index);
	for (size_t at = 0; rc == 0 && at < index->n; at += n) {
		const struct row *row = &index->rows[at];

		for (n = 1; at + n < index->n && row[n].high == row->high && row[n].low == row->low;)
			n++;
		rc = append_key(writer, table, by_number, row, n, &ids, shared, err);
	}
	buf_free(&ids);
	free(index->rows);
	*index = (struct index){ 0 };
	return rc;
}

/* Who shares an address is known only now. */
static int check_shared(struct replica_writer *writer, const struct buf *shared, struct err *err)
{
	const struct replica_record nothing = { .id = 0 };
	struct tree tree = writer_tree(writer);
	struct node node = { 0 };
	int rc = 0;

	for (size_t at = 0; rc == 0 && at < shared->len; at += sizeof(uint64_t)) {
		uint64_t id;

		memcpy(&id, shared->data + at, sizeof(id));
		rc = tree_load(&tree, id, &node, err) < 0 ?
			     -1 : writer_check_duplicates(writer, &nothing, &node.record, err);
	}
	node_free(&node);
	return rc;
}

int replica_writer_index(struct replica_writer *writer, struct err *err)
{
	struct indexes all = { 0 };
	struct buf shared = { 0 };
	int rc;

	if (!writer_is_bulk(writer))
		return 0;
	writer_bulk_forget(writer);
	rc = replica_store_each_record(&writer->store, writer->txn, gather, &all, err);
	if (rc == 0)
		rc = build_index(writer, writer->store.uuid, false, &all.uuid, NULL, err);
	if (rc == 0)
		rc = build_index(writer, writer->store.child, false, &all.child, NULL, err);
	if (rc == 0)
		rc = build_index(writer, writer->store.address, true, &all.address, &shared, err);
	free(all.uuid.rows);
	free(all.child.rows);
	free(all.address.rows);
	if (rc == 0)
		rc = check_shared(writer, &shared, err);
	/* Only with the transaction: after an abort there are no indexes. */
	writer->is_indexing = rc == 0;
	buf_free(&shared);
	return rc;
}
