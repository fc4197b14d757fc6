/* What the parts of the writer share: replica_writer.c, replica_entry.c, replica_address.c,
 * replica_bulk.c, replica_index.c, replica_sweep.c, replica_source.c, replica_changes.c,
 * replica_log.c, replica_tally.c,
 * replica_watch.c. */
#ifndef WP_LDAPSYNC_REPLICA_WRITER_PRIVATE_H
#define WP_LDAPSYNC_REPLICA_WRITER_PRIVATE_H

#include <jansson.h>

#include "ldapsync/replica_tree.h"
#include "ldapsync/replica_writer.h"

/*
 * What changed in the topology since the newest snapshot was made. Stored at each commit as a
 * history entry without a snapshot, since a refresh has many commits and one snapshot.
 */
struct changes {
	bool is_listed;  /* rows are wanted */
	bool is_there;   /* something changed */
	bool is_loaded;  /* the rest is that of the transaction */
	bool is_dirty;   /* and is not what is stored */
	json_t *rows;    /* null: none */
	size_t octets;   /* of the rows, roughly */
	uint32_t omitted;
	uint64_t marks;    /* how often the topology changed */
	uint16_t last_source; /* whose title is in SOURCES already */
	struct buf sources;
};

/* Entries that stayed where they are and changed in what they say, since the last snapshot. */
struct touched {
	bool is_whole; /* nothing else happened to the topology */
	size_t n;
	uint64_t ids[REPLICA_TOUCHED_MAX];
};

/* Of each directory that has a number; of the transaction, as the state is. */
struct tallies {
	struct replica_tally *items;
	size_t n;
};

/* What changed in the transaction, for who watches. */
struct watched {
	bool is_on;
	json_t *rows; /* null: none */
	size_t octets;
	uint32_t omitted;
};

struct replica_writer {
	struct replica_store store;
	char *state_dir;
	MDB_txn *txn;
	struct replica_state state;
	struct replica_pin pin; /* NEWEST always holds; SINCE 0: it is live */
	struct changes changes;
	struct tallies tallies;
	struct watched watched;
	struct touched touched;
	uint64_t strays; /* how often an entry was hung on a parent that is not there */
	struct bulk *bulk;  /* null: the indexes are kept as entries come; replica_bulk.c */
	bool is_indexing;   /* they were written in this transaction */
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

static inline bool writer_is_bulk(const struct replica_writer *writer)
{
	return writer->bulk != NULL && !writer->is_indexing;
}

/* replica_bulk.c: an empty generation is filled without its indexes. */
void writer_bulk_begin(struct replica_writer *writer);
void writer_bulk_free(struct replica_writer *writer);
/* After an abort: what is kept in memory is not what is stored. */
void writer_bulk_forget(struct replica_writer *writer);
/* The id of an entry, 0 if there is none. */
int writer_bulk_find(struct replica_writer *writer, const struct entry_uuid *uuid, uint64_t *id_r,
		     struct err *err) WP_MUST_CHECK;
/* RECORD, as for writer_bulk_place, is about to get its place: what will be looked up for it comes
 * into the processor's cache meanwhile. */
void writer_bulk_expect(struct replica_writer *writer, const struct replica_record *record,
			const char *key);
/*
 * Behind writer_bulk_expect: finds the place of RECORD (UUID and rdn_key are filled) called DN, whose key is KEY: its parent,
 * and the id of a placeholder that it takes the place of, or 0. 1; 0: it is not new, or has the
 * name of another: the indexes have to be there; -1.
 */
int writer_bulk_place(struct replica_writer *writer, struct replica_record *record,
		      const char *dn, const char *key, struct err *err) WP_MUST_CHECK;
/* Stores RECORD there; with an id of 0 it gets one. */
int writer_bulk_store(struct replica_writer *writer, struct replica_record *record,
		      struct err *err) WP_MUST_CHECK;

/* The address index: NEW replaces OLD, which both are records of one id. */
int writer_index_addresses(struct replica_writer *writer, const struct replica_record *old,
			   const struct replica_record *new, struct err *err) WP_MUST_CHECK;
/* Diagnostics of addresses that came or went; after the record is stored. */
int writer_check_duplicates(struct replica_writer *writer, const struct replica_record *old,
			    const struct replica_record *new, struct err *err) WP_MUST_CHECK;

/* replica_changes.c: of the transaction; load before, store at commit, forget after an abort. */
int writer_load_changes(struct replica_writer *writer, struct err *err) WP_MUST_CHECK;
int writer_store_changes(struct replica_writer *writer, struct err *err) WP_MUST_CHECK;
void writer_forget_changes(struct replica_writer *writer);
/* The same of OLD's, in place of what is there. */
void writer_copy_changes(struct replica_writer *writer, const struct replica_writer *old);
/* The topology changed; what of it cannot be listed. */
void writer_mark_topology(struct replica_writer *writer);
/* The entry ID of the topology changed in what it says. */
void writer_mark_entry(struct replica_writer *writer, uint64_t id);
/* The record OLD (id 0: none) is about to be replaced by NEW, which stores ENTRY (null: none). OLD_DN:
 * its name before it got another place; null: it has none. */
int writer_note_change(struct replica_writer *writer, const struct replica_record *old,
		       const char *old_dn, const struct replica_record *new,
		       const struct entry *entry, struct err *err) WP_MUST_CHECK;
/* Lists what differs between two states of an entry; null: it is not there. */
void writer_list(struct replica_writer *writer, const struct entry *before,
		 const struct entry *after);
/* replica_tally.c: of the transaction; load after the state, store at commit. */
int writer_load_tallies(struct replica_writer *writer, struct err *err) WP_MUST_CHECK;
int writer_store_tallies(struct replica_writer *writer, struct err *err) WP_MUST_CHECK;
void writer_free_tallies(struct replica_writer *writer);
/* RECORD comes (STEP 1) or goes (-1): to or from its directory, and the whole. */
void writer_tally_record(struct replica_writer *writer, const struct replica_record *record,
			 int step);
/* replica_watch.c: nothing of it is kept where nobody watches. */
struct change_list;
void writer_watch_rows(struct replica_writer *writer, const struct change_list *list);
/* As writer_note_change, but for a recipient. */
void writer_watch_recipient(struct replica_writer *writer, const struct replica_record *old,
			    const struct replica_record *new, const struct entry *entry);
void writer_forget_watched(struct replica_writer *writer);
/* replica_source.c: the title of directory NUMBER, appended. */
int writer_source_title(struct replica_writer *writer, uint16_t number, struct buf *title_r,
			struct err *err) WP_MUST_CHECK;

#endif
