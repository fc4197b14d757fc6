/*
 * Writing the replica: entries of the directories into one generation, in transactions.
 *
 * One thread. At most one writer per state directory (a kernel lock says so). Between begin and
 * commit everything reads the transaction's own state. Format and its reasons: replica_store.h.
 *
 * Events may come in any order: a child before its parent, an entry made anew before its
 * forerunner is deleted, a child under a container's new name before the container's rename.
 */
#ifndef WP_LDAPSYNC_REPLICA_WRITER_H
#define WP_LDAPSYNC_REPLICA_WRITER_H

#include <jansson.h>

#include "common/entry.h"
#include "common/replica_store.h"

struct replica_writer;

enum { REPLICA_TOUCHED_MAX = 64 };

/* A set of entry ids. Embedded; all zero is empty. */
struct id_set {
	uint64_t *words;
	size_t n_words, n; /* N ids */
};

void id_set_add(struct id_set *set, uint64_t id);
void id_set_remove(struct id_set *set, uint64_t id);
bool id_set_has(const struct id_set *set, uint64_t id);
void id_set_free(struct id_set *set);

/*
 * Opens generation NUMBER for writing, making it if it is missing. BULK: nothing is synced
 * until replica_writer_sync, and entries are found by replica_store.h only after
 * replica_writer_index: for an empty generation that nobody reads yet.
 */
int replica_writer_open(const char *state_dir, uint64_t number, bool bulk,
			struct replica_writer **writer_r, struct err *err) WP_MUST_CHECK;
/* Aborts an open transaction. Null inside is fine. */
void replica_writer_close(struct replica_writer **writer);
uint64_t replica_writer_generation(const struct replica_writer *writer);

int replica_writer_begin(struct replica_writer *writer, struct err *err) WP_MUST_CHECK;
/* After -1 the transaction is gone and nothing of it was stored. */
int replica_writer_commit(struct replica_writer *writer, struct err *err) WP_MUST_CHECK;
void replica_writer_abort(struct replica_writer *writer);
bool replica_writer_is_open(const struct replica_writer *writer);
/* Writes the indexes that a bulk load has left out, in the open transaction; nothing if they are
 * there. Every event that needs them does it by itself. */
int replica_writer_index(struct replica_writer *writer, struct err *err) WP_MUST_CHECK;
/* Makes everything committed durable. */
int replica_writer_sync(struct replica_writer *writer, struct err *err) WP_MUST_CHECK;

/* Outside of a transaction: adds the UUIDs of the recipients of directory SOURCE that name others by
 * DN. Reads all recipients. */
int replica_writer_holders(struct replica_writer *writer, uint16_t source, struct buf *uuids,
			   struct err *err) WP_MUST_CHECK;

/* ---- inside a transaction; -1: ERR, and the transaction has to be aborted ---- */

/* The number of the directory TITLE. 1: given out just now, 0: known. */
int replica_writer_source(struct replica_writer *writer, const char *title, uint16_t *number_r,
			  struct err *err) WP_MUST_CHECK;
/*
 * Stores or changes an entry. 1: something changed, 0: it was there already, or has no place:
 * its DN is no DN or deeper than REPLICA_NAME_DEPTH, its UUID is null (a diagnostic says so).
 * *ID_R: its id, 0 for such an entry.
 */
int replica_writer_upsert(struct replica_writer *writer, uint16_t source,
			  const struct entry *entry, uint64_t *id_r, struct err *err)
	WP_MUST_CHECK;
/* 1: deleted, 2: and what lies below it is still there, 0: there was no such entry of SOURCE. */
int replica_writer_delete(struct replica_writer *writer, uint16_t source,
			  const struct entry_uuid *uuid, struct err *err) WP_MUST_CHECK;
/* The id of an entry, 0 if there is none. */
int replica_writer_find(struct replica_writer *writer, const struct entry_uuid *uuid,
			uint64_t *id_r, struct err *err) WP_MUST_CHECK;
/* 1: *DN_R is its name, talloc'd, the caller's; 0: there is none. */
int replica_writer_name(struct replica_writer *writer, const struct entry_uuid *uuid, char **dn_r,
			struct err *err) WP_MUST_CHECK;

/* What is about to be deleted. All zero is empty. */
struct replica_sweep {
	struct entry_uuid *gone;
	size_t n_gone;
	struct replica_counts dropped;
};

void replica_sweep_free(struct replica_sweep *sweep);
/* Adds the entries of SOURCE that SEEN does not hold. */
int replica_writer_unseen(struct replica_writer *writer, uint16_t source,
			  const struct id_set *seen, struct replica_sweep *sweep, struct err *err)
	WP_MUST_CHECK;
/* Adds one entry, if it is there, is of SOURCE and not in SEEN. */
int replica_writer_doom(struct replica_writer *writer, uint16_t source,
			const struct entry_uuid *uuid, const struct id_set *seen,
			struct replica_sweep *sweep, struct err *err) WP_MUST_CHECK;
/* Adds the entries of the generation OLD, of whatever source, that WRITER's does not hold. */
int replica_writer_missing(struct replica_writer *writer, struct replica_writer *old,
			   struct replica_sweep *sweep, struct err *err) WP_MUST_CHECK;
/* Deletes what SWEEP holds. 0, or 1: entries that it does not hold lie below one that it does. */
int replica_writer_sweep(struct replica_writer *writer, uint16_t source,
			 const struct replica_sweep *sweep, struct err *err) WP_MUST_CHECK;
/* Deletes everything of directories whose titles are not among the N TITLES. 1: there were
 * such, 0: none. */
int replica_writer_forget_others(struct replica_writer *writer, const char *const *titles,
				 size_t n, struct err *err) WP_MUST_CHECK;

/*
 * A directory's cookie, stored in the transaction of the changes that it covers. BINDING is the
 * hash of what it is good for: servers, base, filter, … 1 found, 0: none, or one for another
 * binding, or a damaged one. COOKIE_R is replaced.
 */
int replica_writer_cookie(struct replica_writer *writer, const char *title, uint64_t binding,
			  struct buf *cookie_r, struct err *err) WP_MUST_CHECK;
/* An empty cookie removes it. */
int replica_writer_set_cookie(struct replica_writer *writer, const char *title,
			      uint64_t binding, const void *cookie, size_t len, struct err *err)
	WP_MUST_CHECK;

/* Puts or (TEXT null) removes a diagnostic about SUBJECT. */
int replica_writer_diagnose(struct replica_writer *writer, const char *id, const char *subject,
			    const struct replica_diagnostic *text, struct err *err)
	WP_MUST_CHECK;

/* The state record of the transaction; changes are stored at commit, which puts in the live
 * snapshot itself. */
struct replica_state *replica_writer_state(struct replica_writer *writer);
/* What of the replica is one directory's. */
struct replica_tally {
	uint64_t source; /* its number */
	uint64_t changed_wall_ms;
	struct replica_counts counts;
	/* The topology holds a part of a refresh that is not over: no snapshot is made of it. */
	uint64_t is_partial;
};
/* That of the directory SOURCE in the transaction, to be changed in place but for the counts, and
 * stored at commit. Lives until the next is asked for. */
struct replica_tally *replica_writer_tally(struct replica_writer *writer, uint16_t source);
/* The snapshot that was made last, to be changed in place: live unless another is pinned. */
struct replica_snapshot *replica_writer_newest(struct replica_writer *writer);
/* Whether the topology changed since that one was made. */
bool replica_writer_is_behind(const struct replica_writer *writer);
/* A number that is another one whenever the topology has changed. */
uint64_t replica_writer_marks(const struct replica_writer *writer);
/* And one whenever an entry came below a parent that nothing is known of. */
uint64_t replica_writer_strays(const struct replica_writer *writer);
/*
 * Whether all that changed in the topology since replica_writer_note_snapshot are a few entries
 * which stayed where they are: their ids in *IDS_R, the writer's until the next event.
 */
bool replica_writer_touched(const struct replica_writer *writer, const uint64_t **ids_r, size_t *n_r);
/* A snapshot of the present state was made. */
void replica_writer_note_snapshot(struct replica_writer *writer);

/* ---- the log of snapshots (common/replica_history.h) ---- */

/* What is kept of it; 0: without limit. */
struct history_limits {
	unsigned snapshots, days, megabytes;
};

/* From now on changes of the topology are listed for the next entry. Off at first: of the first
 * synchronisation only counts are told. */
void replica_writer_list_changes(struct replica_writer *writer);
/* Lists what differs between the topology of OLD and WRITER's. */
int replica_writer_compare(struct replica_writer *writer, struct replica_writer *old,
			   struct err *err) WP_MUST_CHECK;
/* Takes over log, pin and listed changes of OLD, which has no transaction open, in place of
 * WRITER's own. */
int replica_writer_inherit(struct replica_writer *writer, struct replica_writer *old,
			   struct err *err) WP_MUST_CHECK;
/*
 * Appends an entry with the replica's counts. One that tells of a new snapshot takes the listed
 * changes with it; replica_writer_drop_changes: they made none.
 */
int replica_writer_log(struct replica_writer *writer, const struct history_head *head,
		       struct err *err) WP_MUST_CHECK;
/* The same about the directory TITLE, for an entry that tells of no new snapshot. */
int replica_writer_log_about(struct replica_writer *writer, const struct history_head *head,
			     const char *title, struct err *err) WP_MUST_CHECK;
void replica_writer_drop_changes(struct replica_writer *writer);
/* Removes the entries beyond LIMITS; never those of the live snapshot, the newest and the one
 * before. */
int replica_writer_prune(struct replica_writer *writer, const struct history_limits *limits,
			 uint64_t wall_ms, struct err *err) WP_MUST_CHECK;
/* The numbers of the snapshots in the log, appended to NUMBERS_R as uint64_t. */
int replica_writer_kept(struct replica_writer *writer, struct buf *numbers_r, struct err *err)
	WP_MUST_CHECK;

/* Whether changes are kept for who watches; and those of the transactions since the last call, a
 * new reference to a JSON array or null, and how many more there were. */
void replica_writer_watch(struct replica_writer *writer, bool is_on);
json_t *replica_writer_take_watched(struct replica_writer *writer, uint32_t *omitted_r);

/* Holds SNAPSHOT live, or (null) lets the newest be live again. */
void replica_writer_pin(struct replica_writer *writer, const struct replica_snapshot *snapshot,
			uint64_t wall_ms);
/* When the live snapshot was pinned, 0 if none is. */
uint64_t replica_writer_pinned_since(const struct replica_writer *writer);

const struct replica_store *replica_writer_store(const struct replica_writer *writer);
MDB_txn *replica_writer_txn(const struct replica_writer *writer);

#endif
