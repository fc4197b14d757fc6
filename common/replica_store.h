/*
 * The replica's format: one LMDB environment per generation, and how to read it inside a
 * transaction. For replica.c and for ldapsync's writer; everybody else uses replica.h.
 *
 *   STATE/replica/current        symbolic link to the generation in use, "g<number>"
 *   STATE/replica/g<number>/     data.mdb (0640), lock.mdb (0660), marks: see replica_damage.h
 *   STATE/replica/snapshots/     <number>.img, see snapshot_file.h
 *
 * Tables, all plain (one value a key):
 *   meta       name → fixed structures below
 *   entry      id → record: head, RDN, RDN key, encoded entry, recipient record
 *   uuid       UUID → id
 *   child      parent id, hash of the RDN key (both big-endian) → ids
 *   address    hash of the folded address → ids
 *   topology   id → nothing: the entries that make the snapshot
 *   diagnostic id NUL subject → DN NUL attribute NUL value NUL action NUL
 *   history    sequence → entry of the log of snapshots: replica_history.h
 *
 * A replica that an older version wrote has no history: to readers it is empty.
 *
 * An entry hangs on its parent by id, so renaming a container changes one record. A parent that
 * is not in the replica (yet) is a record without a UUID. Two entries may share a name for a
 * moment: an entry made anew can arrive before its forerunner is deleted. So ids are lists.
 * Numbers are in the machine's byte order: the files never leave the machine.
 */
#ifndef WP_COMMON_REPLICA_STORE_H
#define WP_COMMON_REPLICA_STORE_H

#include <lmdb.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/replica.h"
#include "common/replica_history.h"

enum {
	REPLICA_FORMAT = 1,
	REPLICA_NAME_DEPTH = 128, /* of a name as it comes; a folder may be moved below another then */
	REPLICA_MAX_DEPTH = 1024, /* deeper is damage */
};

struct replica_store {
	MDB_env *env; /* null: closed */
	MDB_dbi meta, entry, uuid, child, address, topology, diagnostic, history;
	bool has_history;
	size_t page_bytes;
	uint64_t generation;
};

/* Head of a record; the strings follow, each RDN with its NUL. */
struct replica_head {
	struct entry_uuid uuid; /* null: a placeholder for a parent */
	uint64_t parent;
	uint16_t source;
	uint16_t pad;
	uint32_t rdn_size, rdn_key_size; /* with NUL */
	uint32_t entry_len, recipient_len;
	uint32_t pad2;
};

/* Value of meta "state". */
struct replica_state {
	uint32_t format, pad;
	uint64_t next_id;
	uint64_t changed_wall_ms; /* of the last change from a directory */
	struct replica_snapshot snapshot; /* the live one */
	struct replica_counts counts;
};

#define REPLICA_STATE_KEY "state"
/* Value struct replica_pin; only there while a snapshot is held live. */
#define REPLICA_PIN_KEY "pin"

/*
 * Opens generation NUMBER below STATE_DIR. MDB_FLAGS: MDB_RDONLY for readers; the writer's
 * environment and tables are made when missing. Clears stale reader slots. Readers are refused what
 * is damaged, as far as that can be seen (replica_damage.h), and what holds nothing.
 */
int replica_store_open(struct replica_store *store, const char *state_dir, uint64_t number,
		       unsigned mdb_flags, struct err *err) WP_MUST_CHECK;
void replica_store_close(struct replica_store *store);
/* LMDB may leave out a last page that was used and freed in one transaction. After each commit the
 * file is given its whole length, so that one which is shorter was cut. */
void replica_store_lengthen(const struct replica_store *store);
/* The number that the link "current" names, 0 if there is none: errno tells why, if it was set to 0. */
uint64_t replica_store_current(const char *state_dir);
/* Fills ERR for a failed LMDB call. Returns -1. */
int replica_store_fail(struct err *err, const char *what, int rc);

/* ---- inside a transaction; 1 found, 0 not, -1 with ERR ---- */

int replica_store_get(MDB_txn *txn, MDB_dbi table, const void *key, size_t key_len,
		      MDB_val *value_r, struct err *err) WP_MUST_CHECK;
int replica_store_state(const struct replica_store *store, MDB_txn *txn,
			struct replica_state *state_r, struct err *err) WP_MUST_CHECK;
int replica_store_record(const struct replica_store *store, MDB_txn *txn, uint64_t id,
			 struct replica_record *record_r, struct err *err) WP_MUST_CHECK;
/* The same for an id that another record or an index names: 1, or -1, also if it is missing. */
int replica_store_known(const struct replica_store *store, MDB_txn *txn, uint64_t id,
			struct replica_record *record_r, struct err *err) WP_MUST_CHECK;
int replica_store_by_uuid(const struct replica_store *store, MDB_txn *txn,
			  const struct entry_uuid *uuid, struct replica_record *record_r,
			  struct err *err) WP_MUST_CHECK;
/*
 * The entry at a DN's key. With WANT_ENTRY false a placeholder is found as well; of several
 * entries with this name the youngest.
 */
int replica_store_by_dn(const struct replica_store *store, MDB_txn *txn, const char *dn_key,
			bool want_entry, struct replica_record *record_r, struct err *err)
	WP_MUST_CHECK;
/* The DN put together, under CTX; KEYS: of RDN keys. Null and ERR if the tree is damaged. */
char *replica_store_dn(const struct replica_store *store, MDB_txn *txn, TALLOC_CTX *ctx,
		       const struct replica_record *record, bool keys, struct err *err);
/* Decodes a topology record into an entry with its whole DN. */
struct entry *replica_store_entry(const struct replica_store *store, MDB_txn *txn,
				  TALLOC_CTX *ctx, const struct replica_record *record,
				  struct err *err);
int replica_store_each_topology(const struct replica_store *store, MDB_txn *txn,
				void (*fn)(void *arg, const struct entry *entry), void *arg,
				struct err *err) WP_MUST_CHECK;
/* Every record in the order of ids, placeholders too, until FN returns something else than 0: that
 * is what is returned. FN writes nothing. */
int replica_store_each_record(const struct replica_store *store, MDB_txn *txn,
			      int (*fn)(void *ctx, const struct replica_record *record,
					struct err *err),
			      void *ctx, struct err *err) WP_MUST_CHECK;
/* Every record with a recipient, until FN returns false. */
int replica_store_each_recipient(const struct replica_store *store, MDB_txn *txn,
				 bool (*fn)(void *arg, const struct replica_record *record),
				 void *arg, struct err *err) WP_MUST_CHECK;
int replica_store_each_diagnostic(const struct replica_store *store, MDB_txn *txn,
				  void (*fn)(void *arg, const struct replica_diagnostic *d),
				  void *arg, struct err *err) WP_MUST_CHECK;

int replica_store_pin(const struct replica_store *store, MDB_txn *txn,
		      struct replica_pin *pin_r, struct err *err) WP_MUST_CHECK;
/* The entries of the log, newest first, until FN returns false. */
int replica_store_each_history(const struct replica_store *store, MDB_txn *txn,
			       bool (*fn)(void *arg, const struct history_entry *entry), void *arg,
			       struct err *err) WP_MUST_CHECK;
/* The entry of the making of snapshot NUMBER. */
int replica_store_find_history(const struct replica_store *store, MDB_txn *txn, uint64_t number,
			       struct history_entry *entry_r, struct err *err) WP_MUST_CHECK;

uint64_t replica_hash(const char *text);
/* Key of the table child. */
void replica_child_key(uint64_t parent, const char *rdn_key, uint8_t key[static 16]);
/* Id number I of a list of ids (a value of child or address). */
uint64_t replica_id_at(const MDB_val *ids, size_t i);
static inline size_t replica_id_count(const MDB_val *ids)
{
	return ids->mv_size / sizeof(uint64_t);
}
static inline bool replica_is_placeholder(const struct replica_record *record)
{
	return entry_uuid_is_null(&record->uuid);
}

#endif
