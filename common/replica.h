/*
 * Reading the replica: what ldapsync keeps of the directories, in the reader's own process.
 *
 * struct replica is opened once per process (LMDB allows one open of an environment per
 * process) and may be shared by threads; it follows generation swaps. Each thread makes its own
 * struct replica_reader and looks things up between replica_begin and replica_end; what a
 * look-up returns points into the mapping and lives until replica_end. A long read keeps old
 * pages in the file: one batch of look-ups, never across a return to the loop.
 *
 * ldapsync itself does not open a reader on the environment it writes; it reads through its
 * writer. Format: replica_store.h. Design: doc/ARCHITECTURE.md, "Replica and snapshots".
 */
#ifndef WP_COMMON_REPLICA_H
#define WP_COMMON_REPLICA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <talloc.h>

#include "common/entry.h"
#include "common/err.h"

struct replica;
struct replica_reader;

/* A routing snapshot, as a rule the live one: replica/snapshots/<number>.img; number 0: none yet. */
struct replica_snapshot {
	uint64_t number;
	uint64_t size; /* octets */
	uint64_t hash; /* snapshot_hash() of the image */
};

/* A snapshot is held live: what was built meanwhile. */
struct replica_pin {
	struct replica_snapshot newest;
	uint64_t since_wall_ms;
};

struct replica_counts {
	uint64_t entries;    /* from the directories, without those made up for missing parents */
	uint64_t recipients;
	uint64_t topology;   /* sites, servers, connectors, … */
};

/* One stored entry; everything points into the mapping. */
struct replica_record {
	struct entry_uuid uuid;
	uint64_t id, parent; /* PARENT 0: at the top */
	uint16_t source;     /* number of its directory */
	const char *rdn, *rdn_key;
	const void *entry; /* entry_encode() with only the RDN as its DN, or null: no topology */
	size_t entry_len;
	const void *recipient; /* recipient_encode(), or null: no recipient */
	size_t recipient_len;
};

/* STATE_DIR is the host file's; nothing is touched yet, the replica may not exist. */
struct replica *replica_open(const char *state_dir);
/* All readers have to be freed before. Null and a null inside are fine. */
void replica_close(struct replica **replica);
/*
 * Looks at the disk, once a second and when ldapsync gives notice: opens a new generation if
 * there is one. True if anything was committed since the last call that returned true; then
 * *SNAPSHOT_R (may be null) holds the current snapshot. Any thread, one at a time.
 */
bool replica_poll(struct replica *replica, struct replica_snapshot *snapshot_r);

struct replica_reader *replica_reader_new(struct replica *replica);
void replica_reader_free(struct replica_reader **reader);
/*
 * Begins a read of the newest committed state, in the newest generation that replica_poll or a
 * first begin has seen. -1 and ERR (ERR_STORE) if there is no replica yet or it is damaged; then
 * there is nothing to end. Reads do not nest.
 */
int replica_begin(struct replica_reader *reader, struct err *err) WP_MUST_CHECK;
void replica_end(struct replica_reader *reader);
/* Memory that lives until replica_end. */
TALLOC_CTX *replica_scratch(struct replica_reader *reader);

/* The rest only between begin and end. */
int replica_snapshot(struct replica_reader *reader, struct replica_snapshot *snapshot_r,
		     struct err *err) WP_MUST_CHECK;
/* 1: the live snapshot is pinned, 0: it is the newest. */
int replica_pin(struct replica_reader *reader, struct replica_pin *pin_r, struct err *err)
	WP_MUST_CHECK;
int replica_counts(struct replica_reader *reader, struct replica_counts *counts_r,
		   struct err *err) WP_MUST_CHECK;
/*
 * Up to MAX entries that may bear the folded ADDRESS: how many, or -1 and ERR. "May": found by
 * a 64-bit hash; the recipient record itself decides (replica_recipients.h does).
 */
int replica_by_address(struct replica_reader *reader, const char *address,
		       struct replica_record *list, int max, struct err *err) WP_MUST_CHECK;
/* The entry at the DN of a key (dn.h): 1, 0 if there is none, or -1 and ERR. */
int replica_by_dn(struct replica_reader *reader, const char *dn_key,
		  struct replica_record *record_r, struct err *err) WP_MUST_CHECK;
int replica_by_uuid(struct replica_reader *reader, const struct entry_uuid *uuid,
		    struct replica_record *record_r, struct err *err) WP_MUST_CHECK;
/* The DN of a record, as spelt and as a key, put together from the entries above it; null and
 * ERR if the replica is damaged. */
char *replica_dn(struct replica_reader *reader, TALLOC_CTX *ctx,
		 const struct replica_record *record, struct err *err);
char *replica_dn_key(struct replica_reader *reader, TALLOC_CTX *ctx,
		     const struct replica_record *record, struct err *err);

/* What was wrong with an entry, found while it was stored. The snapshot's own diagnostics are
 * in its image. */
struct replica_diagnostic {
	const char *id; /* "malformed-dn", "duplicate-address", … */
	const char *dn;
	const char *attribute;
	const char *value;
	const char *action; /* what was done instead */
};
int replica_each_diagnostic(struct replica_reader *reader,
			    void (*fn)(void *arg, const struct replica_diagnostic *diagnostic),
			    void *arg, struct err *err) WP_MUST_CHECK;
/* Every entry of the topology, decoded, with its DN; ENTRY lives during the call. */
int replica_each_topology(struct replica_reader *reader,
			  void (*fn)(void *arg, const struct entry *entry), void *arg,
			  struct err *err) WP_MUST_CHECK;
/* Every record with a recipient, until FN returns false; other look-ups may go on in FN. */
int replica_each_recipient(struct replica_reader *reader,
			   bool (*fn)(void *arg, const struct replica_record *record), void *arg,
			   struct err *err) WP_MUST_CHECK;
/* The log of snapshots, replica_history.h: newest first until FN returns false; or the entry of
 * the making of snapshot NUMBER, 0 if it is not kept. */
struct history_entry;
int replica_each_history(struct replica_reader *reader,
			 bool (*fn)(void *arg, const struct history_entry *entry), void *arg,
			 struct err *err) WP_MUST_CHECK;
int replica_find_history(struct replica_reader *reader, uint64_t number,
			 struct history_entry *entry_r, struct err *err) WP_MUST_CHECK;

#endif
