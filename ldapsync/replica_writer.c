/* Writing the replica: the environment, its transactions, diagnostics. */
#include "ldapsync/replica_writer.h"

#include <malloc.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "ldapsync/replica_writer_private.h"

enum { FULL_DISK = 1024 * 1024 }; /* less than this free */

void id_set_add(struct id_set *set, uint64_t id)
{
	size_t word = id / 64;

	if (word >= set->n_words) {
		size_t n = word < 1024 ? 1024 : word * 2;

		set->words = mem_grow(set->words, n * sizeof(*set->words));
		memset(set->words + set->n_words, 0, (n - set->n_words) * sizeof(*set->words));
		set->n_words = n;
	}
	set->n += !id_set_has(set, id);
	set->words[word] |= (uint64_t)1 << id % 64;
}

void id_set_remove(struct id_set *set, uint64_t id)
{
	if (!id_set_has(set, id))
		return;
	set->n--;
	set->words[id / 64] &= ~((uint64_t)1 << id % 64);
}

bool id_set_has(const struct id_set *set, uint64_t id)
{
	return id / 64 < set->n_words && (set->words[id / 64] >> id % 64 & 1);
}

void id_set_free(struct id_set *set)
{
	free(set->words);
	*set = (struct id_set){ 0 };
}

int replica_writer_open(const char *state_dir, uint64_t number, bool bulk,
			struct replica_writer **writer_r, struct err *err)
{
	struct replica_writer *writer = mem_zero(1, sizeof(*writer));

	/* Without NOMETASYNC's second sync a crash can lose the last transaction, but then the
	 * cookie falls back together with its data, and the directory sends it again. */
	if (replica_store_open(&writer->store, state_dir, number,
			       MDB_NOMETASYNC | (bulk ? MDB_NOSYNC : 0), err) < 0) {
		free(writer);
		return -1;
	}
	writer->state_dir = mem_strdup(state_dir);
	if (bulk)
		writer_bulk_begin(writer);
	*writer_r = writer;
	return 0;
}

void replica_writer_close(struct replica_writer **writer)
{
	if (*writer == NULL)
		return;
	replica_writer_abort(*writer);
	replica_store_close(&(*writer)->store);
	node_free(&(*writer)->old);
	writer_bulk_free(*writer);
	writer_forget_changes(*writer);
	writer_free_tallies(*writer);
	writer_forget_watched(*writer);
	buf_free(&(*writer)->changes.sources);
	buf_free(&(*writer)->entry_bytes);
	buf_free(&(*writer)->recipient_bytes);
	free((*writer)->state_dir);
	free(*writer);
	*writer = NULL;
}

uint64_t replica_writer_generation(const struct replica_writer *writer)
{
	return writer->store.generation;
}

static int load_state(struct replica_writer *writer, struct err *err)
{
	int rc = replica_store_state(&writer->store, writer->txn, &writer->state, err);

	if (rc == 0)
		writer->state = (struct replica_state){ .format = REPLICA_FORMAT, .next_id = 1 };
	if (rc >= 0)
		rc = replica_store_pin(&writer->store, writer->txn, &writer->pin, err);
	if (rc == 0)
		writer->pin.newest = writer->state.snapshot;
	if (rc < 0 || writer_load_tallies(writer, err) < 0)
		return -1;
	return writer_load_changes(writer, err);
}

/* LMDB keeps the memory of its largest transaction: the one that wrote all indexes at once. */
static int reopen(struct replica_writer *writer, struct err *err)
{
	uint64_t number = writer->store.generation;

	replica_store_close(&writer->store);
	malloc_trim(0);
	return replica_store_open(&writer->store, writer->state_dir, number, MDB_NOMETASYNC, err);
}

int replica_writer_begin(struct replica_writer *writer, struct err *err)
{
	int rc;

	if (writer->store.env == NULL && reopen(writer, err) < 0)
		return -1;
	rc = mdb_txn_begin(writer->store.env, NULL, 0, &writer->txn);
	if (rc != 0) {
		writer->txn = NULL;
		return replica_store_fail(err, "transaction", rc);
	}
	if (load_state(writer, err) == 0)
		return 0;
	replica_writer_abort(writer);
	return -1;
}

/* State, pin and listed changes, as the transaction leaves them. */
static int store_state(struct replica_writer *writer, struct err *err)
{
	struct tree tree = writer_tree(writer);
	bool is_pinned = writer->pin.since_wall_ms != 0;
	int rc;

	if (!is_pinned)
		writer->state.snapshot = writer->pin.newest;
	if (is_pinned)
		rc = tree_put(&tree, writer->store.meta, REPLICA_PIN_KEY, strlen(REPLICA_PIN_KEY),
			      &writer->pin, sizeof(writer->pin), err);
	else
		rc = tree_del(&tree, writer->store.meta, REPLICA_PIN_KEY, strlen(REPLICA_PIN_KEY),
			      err);
	if (rc < 0 || writer_store_changes(writer, err) < 0 || writer_store_tallies(writer, err) < 0)
		return -1;
	return tree_put(&tree, writer->store.meta, REPLICA_STATE_KEY, strlen(REPLICA_STATE_KEY),
			&writer->state, sizeof(writer->state), err);
}

/* Nothing of the transaction was stored. */
static void forget(struct replica_writer *writer)
{
	writer->touched.is_whole = false;
	writer->is_indexing = false;
	writer_bulk_forget(writer);
	writer_forget_watched(writer);
	writer_forget_changes(writer);
}

/* LMDB calls a write that came to its end too early an input/output error: the disk is full. */
static int commit_failed(const struct replica_writer *writer, int rc, struct err *err)
{
	struct statvfs room;
	int fd;

	if (rc == EIO && mdb_env_get_fd(writer->store.env, &fd) == 0 && fstatvfs(fd, &room) == 0 &&
	    room.f_bavail * room.f_frsize < FULL_DISK)
		rc = ENOSPC;
	replica_store_fail(err, "commit", rc);
	if (rc == ENOSPC)
		err_remedy(err, "make room on the disk of the state directory; then it goes on by itself");
	return -1;
}

int replica_writer_commit(struct replica_writer *writer, struct err *err)
{
	int rc;

	if (store_state(writer, err) < 0) {
		replica_writer_abort(writer);
		return -1;
	}
	rc = mdb_txn_commit(writer->txn);
	writer->txn = NULL;
	if (rc == 0) {
		if (writer->is_indexing)
			writer_bulk_free(writer);
		writer->is_indexing = false;
		replica_store_lengthen(&writer->store);
		return 0;
	}
	forget(writer);
	return commit_failed(writer, rc, err);
}

void replica_writer_abort(struct replica_writer *writer)
{
	if (writer->txn == NULL)
		return;
	mdb_txn_abort(writer->txn);
	writer->txn = NULL;
	forget(writer);
}

bool replica_writer_is_open(const struct replica_writer *writer)
{
	return writer->txn != NULL;
}

int replica_writer_sync(struct replica_writer *writer, struct err *err)
{
	int rc = mdb_env_sync(writer->store.env, 1);

	return rc == 0 ? reopen(writer, err) : replica_store_fail(err, "sync", rc);
}

struct replica_state *replica_writer_state(struct replica_writer *writer)
{
	return &writer->state;
}

struct replica_snapshot *replica_writer_newest(struct replica_writer *writer)
{
	return &writer->pin.newest;
}

void replica_writer_pin(struct replica_writer *writer, const struct replica_snapshot *snapshot,
			uint64_t wall_ms)
{
	writer->pin.since_wall_ms = snapshot != NULL ? wall_ms : 0;
	if (snapshot != NULL)
		writer->state.snapshot = *snapshot;
}

uint64_t replica_writer_pinned_since(const struct replica_writer *writer)
{
	return writer->pin.since_wall_ms;
}

const struct replica_store *replica_writer_store(const struct replica_writer *writer)
{
	return &writer->store;
}

MDB_txn *replica_writer_txn(const struct replica_writer *writer)
{
	return writer->txn;
}

static void add_text(struct buf *out, const char *text)
{
	buf_add(out, text != NULL ? text : "", (text != NULL ? strlen(text) : 0) + 1);
}

int replica_writer_diagnose(struct replica_writer *writer, const char *id, const char *subject,
			    const struct replica_diagnostic *text, struct err *err)
{
	struct tree tree = writer_tree(writer);
	struct buf key = { 0 }, value = { 0 };
	uint64_t hash = replica_hash(subject); /* keys are short, subjects may be long */
	int rc;

	add_text(&key, id);
	buf_add(&key, &hash, sizeof(hash));
	if (text == NULL) {
		rc = tree_del(&tree, writer->store.diagnostic, key.data, key.len, err);
	} else {
		add_text(&value, text->dn);
		add_text(&value, text->attribute);
		add_text(&value, text->value);
		add_text(&value, text->action);
		rc = tree_put(&tree, writer->store.diagnostic, key.data, key.len, value.data,
			      value.len, err);
	}
	buf_free(&key);
	buf_free(&value);
	return rc;
}
