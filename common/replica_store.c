/* The replica's format and how to read it. Blocking only on page faults. */
#include "config.h"

#include "common/replica_store.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "common/fsutil.h"
#include "common/replica_damage.h"

/* Address space, not disk. Never resized: readers of all ages map the same size. */
#ifdef WP_SANITIZED
#define REPLICA_MAP_BYTES ((size_t)1 << 30)
#else
#define REPLICA_MAP_BYTES ((size_t)64 << 30)
#endif

enum { REPLICA_MAX_READERS = 1024, REPLICA_TABLES = 8 };

int replica_store_fail(struct err *err, const char *what, int rc)
{
	return err_set(err, rc == EACCES ? ERR_PERMISSION : ERR_STORE, rc, "replica: %s: %s", what,
		       mdb_strerror(rc));
}

static int open_tables(struct replica_store *store, bool read_only, struct err *err)
{
	const struct {
		const char *name;
		unsigned flags;
		MDB_dbi *table;
	} tables[REPLICA_TABLES] = {
		{ "meta", 0, &store->meta },
		{ "entry", MDB_INTEGERKEY, &store->entry },
		{ "uuid", 0, &store->uuid },
		{ "child", 0, &store->child },
		{ "address", MDB_INTEGERKEY, &store->address },
		{ "topology", MDB_INTEGERKEY, &store->topology },
		{ "diagnostic", 0, &store->diagnostic },
		{ "history", MDB_INTEGERKEY, &store->history }, /* the last: it may be missing */
	};
	MDB_txn *txn;
	int rc = mdb_txn_begin(store->env, NULL, read_only ? MDB_RDONLY : 0, &txn), i;

	if (rc != 0)
		return replica_store_fail(err, "transaction", rc);
	for (i = 0; rc == 0 && i < REPLICA_TABLES; i++)
		rc = mdb_dbi_open(txn, tables[i].name,
				  tables[i].flags | (read_only ? 0 : MDB_CREATE), tables[i].table);
	store->has_history = rc == 0;
	if (rc == MDB_NOTFOUND && i == REPLICA_TABLES)
		rc = 0; /* an older version wrote it */
	if (rc != 0) {
		mdb_txn_abort(txn);
		return replica_store_fail(err, "tables", rc);
	}
	rc = mdb_txn_commit(txn); /* of a read too: it keeps the handles */
	return rc == 0 ? 0 : replica_store_fail(err, "tables", rc);
}

static int check_format(struct replica_store *store, bool read_only, struct err *err)
{
	struct replica_state state;
	MDB_txn *txn;
	int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);

	if (rc != 0)
		return replica_store_fail(err, "transaction", rc);
	rc = replica_store_state(store, txn, &state, err);
	mdb_txn_abort(txn);
	if (rc == 0 && read_only)
		return err_set(err, ERR_STORE, MDB_CORRUPTED, "replica: it holds nothing");
	if (rc == 1 && state.format != REPLICA_FORMAT)
		return err_set(err, ERR_STORE, 0, "replica: format %u, this program reads %d",
			       state.format, REPLICA_FORMAT);
	return rc < 0 ? -1 : 0;
}

/* LMDB ends the process then. */
static void on_assert(MDB_env *env, const char *text)
{
	const struct replica_store store = { .env = env };

	(void)text;
	replica_damage_mark(&store);
}

static int open_environment(struct replica_store *store, const char *path, unsigned flags,
			    struct err *err)
{
	int rc = mdb_env_create(&store->env), dead;
	MDB_stat stat;

	if (rc != 0)
		return replica_store_fail(err, "environment", rc);
	mdb_env_set_maxreaders(store->env, REPLICA_MAX_READERS);
	mdb_env_set_maxdbs(store->env, REPLICA_TABLES);
	mdb_env_set_mapsize(store->env, REPLICA_MAP_BYTES);
	mdb_env_set_assert(store->env, on_assert);
	rc = mdb_env_open(store->env, path, flags | MDB_NOTLS, 0660);
	if (rc == EBADF)
		rc = MDB_INVALID; /* an empty file, which LMDB would begin by writing */
	if (rc != 0) {
		replica_store_fail(err, path, rc);
		return rc != ENOMEM ? -1 :
			err_remedy(err, "the replica needs %zu GiB of addresses, not of memory: raise the "
				   "limit (ulimit -v, LimitAS)", (size_t)REPLICA_MAP_BYTES >> 30);
	}
	replica_damage_watch(store);
	mdb_env_stat(store->env, &stat);
	store->page_bytes = stat.ms_psize;
	mdb_reader_check(store->env, &dead);
	return 0;
}

/* The group may read the data, and write only the lock file with its reader slots. */
static void set_modes(const char *path)
{
	char file[PATH_MAX + 16];

	snprintf(file, sizeof(file), "%s/data.mdb", path);
	chmod(file, 0640);
	snprintf(file, sizeof(file), "%s/lock.mdb", path);
	chmod(file, 0660);
}

int replica_store_open(struct replica_store *store, const char *state_dir, uint64_t number,
		       unsigned mdb_flags, struct err *err)
{
	bool read_only = mdb_flags & MDB_RDONLY;
	char path[PATH_MAX];

	*store = (struct replica_store){ .generation = number };
	snprintf(path, sizeof(path), "%s/replica/g%llu", state_dir, (unsigned long long)number);
	if (!read_only && fs_mkdirs(path, 0750, err) < 0)
		return -1;
	if (open_environment(store, path, mdb_flags, err) < 0 ||
	    (read_only && replica_damage_look(store, err) != REPLICA_SOUND) ||
	    open_tables(store, read_only, err) < 0 || check_format(store, read_only, err) < 0) {
		replica_store_close(store);
		return -1;
	}
	if (!read_only)
		set_modes(path);
	return 0;
}

void replica_store_close(struct replica_store *store)
{
	if (store->env != NULL) {
		replica_damage_unwatch(store);
		mdb_env_close(store->env);
	}
	store->env = NULL;
}

void replica_store_lengthen(const struct replica_store *store)
{
	struct stat file;
	MDB_envinfo info;
	off_t size;
	int fd;

	if (mdb_env_get_fd(store->env, &fd) != 0 || fstat(fd, &file) < 0 ||
	    mdb_env_info(store->env, &info) != 0)
		return;
	size = (off_t)((info.me_last_pgno + 1) * store->page_bytes);
	if (file.st_size < size && ftruncate(fd, size) < 0)
		return; /* readers will say so */
}

uint64_t replica_store_current(const char *state_dir)
{
	char path[PATH_MAX], target[64];
	uint64_t number;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/replica/current", state_dir);
	n = readlink(path, target, sizeof(target));
	if (n < 2 || target[0] != 'g' ||
	    !parse_u64(target + 1, (size_t)n - 1, UINT64_MAX, &number))
		return 0;
	return number;
}

int replica_store_get(MDB_txn *txn, MDB_dbi table, const void *key, size_t key_len,
		      MDB_val *value_r, struct err *err)
{
	MDB_val k = { key_len, (void *)(uintptr_t)key };
	int rc = mdb_get(txn, table, &k, value_r);

	if (rc == 0)
		return 1;
	return rc == MDB_NOTFOUND ? 0 : replica_store_fail(err, "read", rc);
}

int replica_store_state(const struct replica_store *store, MDB_txn *txn,
			struct replica_state *state_r, struct err *err)
{
	MDB_val value;
	int rc = replica_store_get(txn, store->meta, REPLICA_STATE_KEY,
				   strlen(REPLICA_STATE_KEY), &value, err);

	*state_r = (struct replica_state){ 0 };
	if (rc != 1)
		return rc;
	if (value.mv_size != sizeof(*state_r))
		return err_set(err, ERR_STORE, MDB_CORRUPTED, "replica: its state record is damaged");
	memcpy(state_r, value.mv_data, sizeof(*state_r));
	return 1;
}

static int damaged_record(struct err *err, uint64_t id)
{
	return err_set(err, ERR_STORE, MDB_CORRUPTED, "replica: record %llu is damaged",
		       (unsigned long long)id);
}

/* The record ID, whose VALUE is at hand: 1, or -1. */
static int read_record(uint64_t id, const MDB_val *value, struct replica_record *record_r,
		       struct err *err)
{
	struct replica_head head;
	const char *at;

	if (value->mv_size < sizeof(head))
		return damaged_record(err, id);
	memcpy(&head, value->mv_data, sizeof(head));
	at = (const char *)value->mv_data + sizeof(head);
	if (head.rdn_size == 0 || head.rdn_key_size == 0 ||
	    (uint64_t)sizeof(head) + head.rdn_size + head.rdn_key_size + head.entry_len +
			    head.recipient_len != value->mv_size ||
	    at[head.rdn_size - 1] != '\0' || at[head.rdn_size + head.rdn_key_size - 1] != '\0')
		return damaged_record(err, id);
	*record_r = (struct replica_record){
		.uuid = head.uuid, .id = id, .parent = head.parent, .source = head.source,
		.rdn = at, .rdn_key = at + head.rdn_size,
		.entry_len = head.entry_len, .recipient_len = head.recipient_len,
	};
	at += head.rdn_size + head.rdn_key_size;
	if (head.entry_len > 0)
		record_r->entry = at;
	if (head.recipient_len > 0)
		record_r->recipient = at + head.entry_len;
	return 1;
}

int replica_store_record(const struct replica_store *store, MDB_txn *txn, uint64_t id,
			 struct replica_record *record_r, struct err *err)
{
	MDB_val value;
	int rc = replica_store_get(txn, store->entry, &id, sizeof(id), &value, err);

	return rc == 1 ? read_record(id, &value, record_r, err) : rc;
}

int replica_store_known(const struct replica_store *store, MDB_txn *txn, uint64_t id,
			struct replica_record *record_r, struct err *err)
{
	int rc = replica_store_record(store, txn, id, record_r, err);

	return rc == 0 ? damaged_record(err, id) : rc;
}

int replica_store_by_uuid(const struct replica_store *store, MDB_txn *txn,
			  const struct entry_uuid *uuid, struct replica_record *record_r,
			  struct err *err)
{
	MDB_val value;
	int rc = replica_store_get(txn, store->uuid, uuid->bytes, sizeof(uuid->bytes), &value, err);

	return rc == 1 ? replica_store_known(store, txn, replica_id_at(&value, 0), record_r, err) : rc;
}

/* A DN's key cut into RDN keys, the topmost last. */
struct path {
	char *text;
	const char *rdn[REPLICA_MAX_DEPTH];
	size_t depth;
};

static int path_init(struct path *path, const char *dn_key)
{
	char *save = NULL;

	path->text = mem_strdup(dn_key);
	path->depth = 0;
	for (char *rdn = strtok_r(path->text, ",", &save); rdn != NULL;
	     rdn = strtok_r(NULL, ",", &save)) {
		if (path->depth == REPLICA_MAX_DEPTH)
			return -1;
		path->rdn[path->depth++] = rdn;
	}
	return 0;
}

struct search {
	const struct replica_store *store;
	MDB_txn *txn;
	const struct path *path;
	bool want_entry;
};

/* Below PARENT the entry whose name is the first LEFT parts of the path. */
static int search_below(const struct search *search, uint64_t parent, size_t left,
			struct replica_record *record_r, struct err *err)
{
	const char *rdn_key = search->path->rdn[left - 1];
	uint8_t key[16];
	MDB_val ids;
	int rc;

	replica_child_key(parent, rdn_key, key);
	rc = replica_store_get(search->txn, search->store->child, key, sizeof(key), &ids, err);
	if (rc != 1)
		return rc;
	for (size_t i = replica_id_count(&ids); i-- > 0;) {
		uint64_t id = replica_id_at(&ids, i);

		if (replica_store_known(search->store, search->txn, id, record_r, err) < 0)
			return -1;
		if (strcmp(record_r->rdn_key, rdn_key) != 0)
			continue;
		if (left == 1 && search->want_entry && replica_is_placeholder(record_r))
			continue;
		if (left == 1)
			return 1;
		rc = search_below(search, id, left - 1, record_r, err);
		if (rc != 0)
			return rc;
	}
	return 0;
}

int replica_store_by_dn(const struct replica_store *store, MDB_txn *txn, const char *dn_key,
			bool want_entry, struct replica_record *record_r, struct err *err)
{
	struct path path;
	struct search search = { store, txn, &path, want_entry };
	int rc = 0;

	if (path_init(&path, dn_key) == 0 && path.depth > 0)
		rc = search_below(&search, 0, path.depth, record_r, err);
	free(path.text);
	return rc;
}

char *replica_store_dn(const struct replica_store *store, MDB_txn *txn, TALLOC_CTX *ctx,
		       const struct replica_record *record, bool keys, struct err *err)
{
	struct replica_record at = *record;
	char *dn = talloc_strdup(ctx, keys ? at.rdn_key : at.rdn);

	for (int depth = 0; dn != NULL && at.parent != 0; depth++) {
		uint64_t id = at.parent;
		int rc = depth < REPLICA_MAX_DEPTH ?
				 replica_store_record(store, txn, id, &at, err) : 0;

		if (rc != 1) {
			talloc_free(dn);
			if (rc == 0)
				damaged_record(err, id);
			return NULL;
		}
		dn = talloc_asprintf_append_buffer(dn, ",%s", keys ? at.rdn_key : at.rdn);
	}
	if (dn == NULL)
		mem_fatal(0);
	return dn;
}

struct entry *replica_store_entry(const struct replica_store *store, MDB_txn *txn,
				  TALLOC_CTX *ctx, const struct replica_record *record,
				  struct err *err)
{
	struct entry *entry = entry_decode(ctx, record->entry, record->entry_len, err);

	if (entry == NULL) {
		damaged_record(err, record->id);
		return NULL;
	}
	entry->dn = replica_store_dn(store, txn, entry, record, false, err);
	if (entry->dn == NULL) {
		talloc_free(entry);
		return NULL;
	}
	return entry;
}

static int hand_topology(const struct replica_store *store, MDB_txn *txn, uint64_t id,
			 void (*fn)(void *arg, const struct entry *entry), void *arg,
			 struct err *err)
{
	struct replica_record record;
	struct entry *entry;
	int rc = replica_store_record(store, txn, id, &record, err);

	if (rc == 0 || (rc == 1 && record.entry == NULL))
		return damaged_record(err, id);
	if (rc < 0)
		return -1;
	entry = replica_store_entry(store, txn, NULL, &record, err);
	if (entry == NULL)
		return -1;
	fn(arg, entry);
	talloc_free(entry);
	return 0;
}

int replica_store_each_topology(const struct replica_store *store, MDB_txn *txn,
				void (*fn)(void *arg, const struct entry *entry), void *arg,
				struct err *err)
{
	MDB_val key, value;
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(txn, store->topology, &cursor), result = 0;

	if (rc != 0)
		return replica_store_fail(err, "cursor", rc);
	while (result == 0 && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
		result = hand_topology(store, txn, replica_id_at(&key, 0), fn, arg, err);
	mdb_cursor_close(cursor);
	if (result == 0 && rc != MDB_NOTFOUND)
		return replica_store_fail(err, "read", rc);
	return result;
}

int replica_store_each_record(const struct replica_store *store, MDB_txn *txn,
			      int (*fn)(void *ctx, const struct replica_record *record,
					struct err *err),
			      void *ctx, struct err *err)
{
	struct replica_record record;
	MDB_val key, value;
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(txn, store->entry, &cursor), result = 0;

	if (rc != 0)
		return replica_store_fail(err, "cursor", rc);
	while (result == 0 && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
		result = read_record(replica_id_at(&key, 0), &value, &record, err) == 1 ?
				 fn(ctx, &record, err) : -1;
	mdb_cursor_close(cursor);
	if (result == 0 && rc != MDB_NOTFOUND)
		return replica_store_fail(err, "read", rc);
	return result;
}

struct recipient_walk {
	bool (*fn)(void *arg, const struct replica_record *record);
	void *arg;
};

static int hand_recipient(void *ctx, const struct replica_record *record, struct err *err)
{
	const struct recipient_walk *walk = ctx;

	(void)err;
	return record->recipient != NULL && !walk->fn(walk->arg, record);
}

int replica_store_each_recipient(const struct replica_store *store, MDB_txn *txn,
				 bool (*fn)(void *arg, const struct replica_record *record),
				 void *arg, struct err *err)
{
	struct recipient_walk walk = { fn, arg };

	return replica_store_each_record(store, txn, hand_recipient, &walk, err) < 0 ? -1 : 0;
}

/* The NUL-terminated text at *AT, moved behind it; "" when none is left. */
static const char *take_text(const char **at, const char *end)
{
	const char *text = *at, *nul = memchr(text, '\0', (size_t)(end - text));

	if (nul == NULL)
		return "";
	*at = nul + 1;
	return text;
}

int replica_store_each_diagnostic(const struct replica_store *store, MDB_txn *txn,
				  void (*fn)(void *arg, const struct replica_diagnostic *d),
				  void *arg, struct err *err)
{
	MDB_val key, value;
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(txn, store->diagnostic, &cursor);

	if (rc != 0)
		return replica_store_fail(err, "cursor", rc);
	while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		const char *at = value.mv_data, *end = at + value.mv_size;
		const char *id = key.mv_data;
		struct replica_diagnostic d;

		d.id = take_text(&id, id + key.mv_size);
		d.dn = take_text(&at, end);
		d.attribute = take_text(&at, end);
		d.value = take_text(&at, end);
		d.action = take_text(&at, end);
		fn(arg, &d);
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : replica_store_fail(err, "read", rc);
}

uint64_t replica_hash(const char *text)
{
	return XXH3_64bits(text, strlen(text));
}

static void put_be64(uint8_t *out, uint64_t n)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(n >> (56 - 8 * i));
}

void replica_child_key(uint64_t parent, const char *rdn_key, uint8_t key[static 16])
{
	put_be64(key, parent);
	put_be64(key + 8, replica_hash(rdn_key));
}

uint64_t replica_id_at(const MDB_val *ids, size_t i)
{
	uint64_t id;

	memcpy(&id, (const char *)ids->mv_data + i * sizeof(id), sizeof(id));
	return id;
}
