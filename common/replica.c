/*
 * Reading the replica: generations, readers, look-ups.
 *
 * A generation is an open environment with a count of references: the current one holds one,
 * each reader that uses it another. The mutex guards which generation is current and the
 * counts; look-ups take no lock.
 */
#include "common/replica.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/replica_damage.h"
#include "common/replica_store.h"

struct generation {
	struct replica_store store;
	unsigned refs;
};

struct replica {
	char *state_dir;
	pthread_mutex_t mutex;
	struct generation *current;
	struct err open_error; /* why there is none */
	atomic_uint turn; /* rises when another, or none, becomes current */
	unsigned polled_turn; /* what the last true replica_poll saw */
	size_t polled_txn;
};

struct replica_reader {
	struct replica *replica;
	struct generation *generation;
	unsigned turn; /* of the generation */
	MDB_txn *txn; /* reset between reads */
	TALLOC_CTX *scratch;
};

struct replica *replica_open(const char *state_dir)
{
	struct replica *replica = mem_zero(1, sizeof(*replica));

	replica->state_dir = mem_strdup(state_dir);
	pthread_mutex_init(&replica->mutex, NULL);
	err_set(&replica->open_error, ERR_STORE, 0, "there is no replica of the directory yet");
	return replica;
}

/* With the mutex held. */
static void generation_unref(struct generation **generation)
{
	if (*generation != NULL && --(*generation)->refs == 0) {
		replica_store_close(&(*generation)->store);
		free(*generation);
	}
	*generation = NULL;
}

void replica_close(struct replica **replica)
{
	if (*replica == NULL)
		return;
	generation_unref(&(*replica)->current);
	pthread_mutex_destroy(&(*replica)->mutex);
	free((*replica)->state_dir);
	free(*replica);
	*replica = NULL;
}

/* With the mutex held: NEXT is the current one, or none. */
static void make_current(struct replica *replica, struct generation *next)
{
	generation_unref(&replica->current);
	replica->current = next;
	atomic_fetch_add(&replica->turn, 1);
}

/* With the mutex held: whether the current one may be read on. One whose file has lost its name may,
 * until there is another. */
static enum replica_health look_at_current(struct replica *replica)
{
	enum replica_health health = REPLICA_GONE;

	if (replica->current != NULL)
		health = replica_damage_look(&replica->current->store, &replica->open_error);
	if (health == REPLICA_DAMAGED)
		make_current(replica, NULL);
	return health;
}

/* With the mutex held: makes the generation that the link names the current one. */
static void follow_link(struct replica *replica)
{
	enum replica_health health = look_at_current(replica);
	struct generation *next;
	uint64_t number;

	errno = 0;
	number = replica_store_current(replica->state_dir);
	if (number == 0 && errno == EACCES)
		err_set(&replica->open_error, ERR_PERMISSION, EACCES, "you may not read %s/replica",
			replica->state_dir);
	if (number == 0 ||
	    (health == REPLICA_SOUND && number == replica->current->store.generation))
		return;
	next = mem_zero(1, sizeof(*next));
	if (replica_store_open(&next->store, replica->state_dir, number, MDB_RDONLY,
			       &replica->open_error) < 0) {
		free(next); /* the old one, if any, serves on */
		return;
	}
	next->refs = 1;
	make_current(replica, next);
}

static int read_snapshot(const struct replica_store *store, struct replica_snapshot *snapshot_r)
{
	struct replica_state state;
	MDB_txn *txn;
	int rc;

	if (mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn) != 0)
		return -1;
	rc = replica_store_state(store, txn, &state, NULL);
	mdb_txn_abort(txn);
	*snapshot_r = state.snapshot;
	return rc < 0 ? -1 : 0;
}

/* With the mutex held. */
static bool has_news(struct replica *replica, struct replica_snapshot *snapshot_r)
{
	unsigned turn = atomic_load(&replica->turn);
	struct replica_snapshot snapshot;
	MDB_envinfo info;

	if (replica->current == NULL ||
	    mdb_env_info(replica->current->store.env, &info) != 0)
		return false;
	if (turn == replica->polled_turn && info.me_last_txnid == replica->polled_txn)
		return false;
	if (read_snapshot(&replica->current->store, &snapshot) < 0)
		return false;
	replica->polled_turn = turn;
	replica->polled_txn = info.me_last_txnid;
	if (snapshot_r != NULL)
		*snapshot_r = snapshot;
	return true;
}

bool replica_poll(struct replica *replica, struct replica_snapshot *snapshot_r)
{
	bool news;

	pthread_mutex_lock(&replica->mutex);
	follow_link(replica);
	news = has_news(replica, snapshot_r);
	pthread_mutex_unlock(&replica->mutex);
	return news;
}

struct replica_reader *replica_reader_new(struct replica *replica)
{
	struct replica_reader *reader = mem_zero(1, sizeof(*reader));

	reader->replica = replica;
	reader->scratch = talloc_new(NULL);
	return reader;
}

static void leave_generation(struct replica_reader *reader)
{
	if (reader->txn != NULL)
		mdb_txn_abort(reader->txn);
	reader->txn = NULL;
	pthread_mutex_lock(&reader->replica->mutex);
	generation_unref(&reader->generation);
	pthread_mutex_unlock(&reader->replica->mutex);
}

void replica_reader_free(struct replica_reader **reader)
{
	if (*reader == NULL)
		return;
	leave_generation(*reader);
	talloc_free((*reader)->scratch);
	free(*reader);
	*reader = NULL;
}

/* Makes the reader use the current generation. */
static int enter_generation(struct replica_reader *reader, struct err *err)
{
	struct replica *replica = reader->replica;
	int rc = 0;

	if (reader->generation != NULL) {
		if (reader->turn == atomic_load(&replica->turn))
			return 0;
		leave_generation(reader);
	}
	pthread_mutex_lock(&replica->mutex);
	if (replica->current == NULL)
		follow_link(replica);
	if (replica->current != NULL) {
		reader->generation = replica->current;
		reader->generation->refs++;
		reader->turn = atomic_load(&replica->turn);
	} else {
		if (err != NULL)
			*err = replica->open_error;
		rc = -1;
	}
	pthread_mutex_unlock(&replica->mutex);
	return rc;
}

int replica_begin(struct replica_reader *reader, struct err *err)
{
	int rc;

	if (enter_generation(reader, err) < 0)
		return -1;
	if (reader->txn != NULL)
		rc = mdb_txn_renew(reader->txn);
	else
		rc = mdb_txn_begin(reader->generation->store.env, NULL, MDB_RDONLY, &reader->txn);
	if (rc == 0)
		return 0;
	leave_generation(reader);
	return replica_store_fail(err, "read", rc);
}

void replica_end(struct replica_reader *reader)
{
	mdb_txn_reset(reader->txn);
	talloc_free_children(reader->scratch);
}

TALLOC_CTX *replica_scratch(struct replica_reader *reader)
{
	return reader->scratch;
}

static const struct replica_store *store_of(const struct replica_reader *reader)
{
	return &reader->generation->store;
}

/* Whoever met damage tells the others, and ldapsync. */
static int noted(const struct replica_reader *reader, int rc, const struct err *err)
{
	if (rc < 0 && err != NULL && replica_damage_is(err))
		replica_damage_mark(store_of(reader));
	return rc;
}

int replica_snapshot(struct replica_reader *reader, struct replica_snapshot *snapshot_r,
		     struct err *err)
{
	struct replica_state state;
	int rc = replica_store_state(store_of(reader), reader->txn, &state, err);

	*snapshot_r = state.snapshot;
	return rc < 0 ? -1 : 0;
}

int replica_pin(struct replica_reader *reader, struct replica_pin *pin_r, struct err *err)
{
	return replica_store_pin(store_of(reader), reader->txn, pin_r, err);
}

int replica_counts(struct replica_reader *reader, struct replica_counts *counts_r,
		   struct err *err)
{
	struct replica_state state;
	int rc = replica_store_state(store_of(reader), reader->txn, &state, err);

	*counts_r = state.counts;
	return rc < 0 ? -1 : 0;
}

int replica_by_address(struct replica_reader *reader, const char *address,
		       struct replica_record *list, int max, struct err *err)
{
	const struct replica_store *store = store_of(reader);
	uint64_t hash = replica_hash(address);
	MDB_val ids;
	int n = 0, rc = replica_store_get(reader->txn, store->address, &hash, sizeof(hash), &ids,
					  err);

	if (rc != 1)
		return noted(reader, rc, err);
	for (size_t i = 0; i < replica_id_count(&ids) && n < max; i++) {
		rc = replica_store_record(store, reader->txn, replica_id_at(&ids, i), &list[n],
					  err);
		if (rc < 0)
			return noted(reader, -1, err);
		n += rc;
	}
	return n;
}

int replica_by_dn(struct replica_reader *reader, const char *dn_key,
		  struct replica_record *record_r, struct err *err)
{
	return noted(reader, replica_store_by_dn(store_of(reader), reader->txn, dn_key, true,
						 record_r, err), err);
}

int replica_by_uuid(struct replica_reader *reader, const struct entry_uuid *uuid,
		    struct replica_record *record_r, struct err *err)
{
	return noted(reader, replica_store_by_uuid(store_of(reader), reader->txn, uuid, record_r, err),
		     err);
}

char *replica_dn(struct replica_reader *reader, TALLOC_CTX *ctx,
		 const struct replica_record *record, struct err *err)
{
	return replica_store_dn(store_of(reader), reader->txn, ctx, record, false, err);
}

char *replica_dn_key(struct replica_reader *reader, TALLOC_CTX *ctx,
		     const struct replica_record *record, struct err *err)
{
	return replica_store_dn(store_of(reader), reader->txn, ctx, record, true, err);
}

int replica_each_diagnostic(struct replica_reader *reader,
			    void (*fn)(void *arg, const struct replica_diagnostic *diagnostic),
			    void *arg, struct err *err)
{
	return replica_store_each_diagnostic(store_of(reader), reader->txn, fn, arg, err);
}

int replica_each_topology(struct replica_reader *reader,
			  void (*fn)(void *arg, const struct entry *entry), void *arg,
			  struct err *err)
{
	return replica_store_each_topology(store_of(reader), reader->txn, fn, arg, err);
}

int replica_each_recipient(struct replica_reader *reader,
			   bool (*fn)(void *arg, const struct replica_record *record), void *arg,
			   struct err *err)
{
	return replica_store_each_recipient(store_of(reader), reader->txn, fn, arg, err);
}

int replica_each_history(struct replica_reader *reader,
			 bool (*fn)(void *arg, const struct history_entry *entry), void *arg,
			 struct err *err)
{
	return replica_store_each_history(store_of(reader), reader->txn, fn, arg, err);
}

int replica_find_history(struct replica_reader *reader, uint64_t number,
			 struct history_entry *entry_r, struct err *err)
{
	return replica_store_find_history(store_of(reader), reader->txn, number, entry_r, err);
}
