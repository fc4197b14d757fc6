/* What the parts of the writer share: replica_writer.c, replica_entry.c, replica_address.c,
 * replica_sweep.c, replica_source.c. */
#ifndef WP_LDAPSYNC_REPLICA_WRITER_PRIVATE_H
#define WP_LDAPSYNC_REPLICA_WRITER_PRIVATE_H

#include "ldapsync/replica_tree.h"
#include "ldapsync/replica_writer.h"

struct replica_writer {
	struct replica_store store;
	MDB_txn *txn;
	struct replica_state state;
	bool topology_changed;
	struct node old; /* the record that is being replaced */
	struct buf entry_bytes, recipient_bytes; /* what replaces it */
};

static inline struct tree writer_tree(struct replica_writer *writer)
{
	return (struct tree){ &writer->store, writer->txn, &writer->state };
}

/* Adds (STEP 1) or takes away (-1) what RECORD counts for. */
static inline void writer_count(struct replica_counts *counts,
				const struct replica_record *record, int step)
{
	if (replica_is_placeholder(record))
		return;
	counts->entries += (uint64_t)step;
	counts->recipients += record->recipient != NULL ? (uint64_t)step : 0;
	counts->topology += record->entry != NULL ? (uint64_t)step : 0;
}

/* The address index: NEW replaces OLD, which both are records of one id. */
int writer_index_addresses(struct replica_writer *writer, const struct replica_record *old,
			   const struct replica_record *new, struct err *err) WP_MUST_CHECK;
/* Diagnostics of addresses that came or went; after the record is stored. */
int writer_check_duplicates(struct replica_writer *writer, const struct replica_record *old,
			    const struct replica_record *new, struct err *err) WP_MUST_CHECK;

#endif
