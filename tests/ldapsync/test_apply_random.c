/*
 * Whatever one or two directories tell, in whatever order, with an administrator's words and restarts
 * between: no event fails, and after each commit the replica is whole. Names are few, so that entries
 * take each other's places, and some are no names.
 *
 * 300 rounds of 60 steps, 20,000 with WP_FULL=1. WP_SEED=N runs only the round N, which a failure names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/ldapsync/apply_fixture.h"
#include "tests/ldapsync/replica_fixture.h"

enum { ROUNDS = 300, ROUNDS_FULL = 20000, STEPS = 60, ENTRIES = 11 };

static uint64_t random_state;

/* splitmix64 */
static unsigned below(unsigned limit)
{
	uint64_t z = (random_state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (unsigned)((z ^ (z >> 31)) % limit);
}

/* ---- what is told ---- */

static char *random_name(TALLOC_CTX *ctx)
{
	static const char *const parts[] = {
		"ou=a", "OU=A ", "ou=b", "cn=S", "cn=H", "ou=\\2c", "ou=a+cn=b", "CN=b+ou=A", "ou=\\",
		"ou=#6162", "ou=\xc3\x84", "ou=\xff", "ou=", "dc=x", "ou= a  b", "cn=S\\00",
	};
	char *name = talloc_strdup(ctx, "");
	unsigned deep = below(30) == 0 ? REPLICA_NAME_DEPTH : 0;

	for (unsigned n = below(5) + deep; n > 0; n--)
		name = talloc_asprintf_append(name, "%s,", parts[below(WP_COUNT(parts))]);
	return talloc_asprintf_append(name, "dc=x");
}

static void random_uuid(struct entry_uuid *uuid)
{
	unsigned id = below(ENTRIES + 1);

	*uuid = id < ENTRIES ? make_uuid(1 + id) : (struct entry_uuid){ { 0 } };
}

static void random_values(struct entry *entry)
{
	static const struct {
		const char *name, *value;
	} rows[] = {
		{ "objectClass", "waypostSite" },    { "objectClass", "organizationalUnit" },
		{ "objectClass", "waypostServer" },  { "objectClass", "groupOfNames" },
		{ "mail", "a@x.com" },               { "mail", "A@X.com" },
		{ "mail", "b@x.com" },               { "mail", "nonsense" },
		{ "member", "ou=a,dc=x" },           { "waypostRequireAuth", "perhaps" },
		{ "cn", "S" },                       { "waypostSiteDN", "cn=S,dc=x" },
	};

	for (size_t i = 0; i < WP_COUNT(rows); i++)
		if (below(4) == 0)
			entry_add_text(entry, rows[i].name, rows[i].value);
}

static void tell_entry(size_t directory)
{
	struct entry *entry = entry_new(NULL, "");
	struct buf bytes = { 0 };

	entry->dn = random_name(entry);
	random_uuid(&entry->uuid);
	random_values(entry);
	entry_encode(entry, &bytes);
	give(directory, EVENT_UPSERT, below(2), bytes.data, bytes.len);
	buf_free(&bytes);
	talloc_free(entry);
}

static void tell_uuid(size_t directory, enum event_kind kind)
{
	struct entry_uuid uuid;

	random_uuid(&uuid);
	give(directory, kind, 0, &uuid, sizeof(uuid));
}

static void tell_refresh(size_t directory)
{
	static const int kinds[] = { SOURCE_FULL, SOURCE_RESUME, SOURCE_FILE,
				     SOURCE_FULL | SOURCE_SURE, SOURCE_RESUME | SOURCE_SURE };

	apply_begin(apply, directory);
	give(directory, EVENT_REFRESH, (uint64_t)kinds[below(WP_COUNT(kinds))], NULL, 0);
}

static void tell_end(size_t directory)
{
	give(directory, EVENT_COOKIE, BINDING, "c", below(2));
	give(directory, EVENT_DONE, below(2), NULL, 0);
}

static void say_word(size_t directory)
{
	const size_t whom = below(2) == 0 ? directory : APPLY_ALL;
	struct err err = { 0 };
	int rc = 0;

	switch (below(6)) {
	case 0:
		rc = apply_accept(apply, whom, 1000, &err);
		break;
	case 1:
		rc = apply_refuse(apply, whom, 1000, &err);
		break;
	case 2:
		rc = below(4) == 0 ? apply_resync(apply, whom, 1000, &err) : 0;
		break;
	case 3:
		rc = apply_pin(apply, below(4), 1000, &err);
		break;
	case 4:
		rc = apply_unpin(apply, 1000, &err);
		break;
	case 5:
		apply_watch(apply, below(2));
		break;
	}
	if (rc < 0)
		fail_msg("%s", err.text);
}

static void drop_rows(void *ctx, json_t *rows, uint32_t omitted)
{
	(void)ctx;
	(void)omitted;
	json_decref(rows);
}

/* ---- what is stored ---- */

struct walk {
	const struct replica_store *store;
	MDB_txn *txn;
	struct replica_counts counts;
};

static int look_at(void *ctx, const struct replica_record *record, struct err *err)
{
	struct walk *walk = ctx;
	struct replica_record found;
	char *dn = replica_store_dn(walk->store, walk->txn, NULL, record, true, err);

	if (dn == NULL)
		return -1;
	if (!replica_is_placeholder(record)) {
		assert_int_equal(replica_store_by_uuid(walk->store, walk->txn, &record->uuid, &found,
						       err), 1);
		assert_int_equal(found.id, record->id);
		assert_int_equal(replica_store_by_dn(walk->store, walk->txn, dn, true, &found, err), 1);
		walk->counts.entries++;
		walk->counts.recipients += record->recipient != NULL;
		walk->counts.topology += record->entry != NULL;
	}
	talloc_free(dn);
	return 0;
}

static size_t rows(const struct walk *walk, MDB_dbi table)
{
	MDB_stat stat;

	assert_int_equal(mdb_stat(walk->txn, table, &stat), 0);
	return stat.ms_entries;
}

/* Every record has a name and is found by it, and the counts are those of what is there. Before the
 * first publication the indexes are not there. */
static void check(void)
{
	struct walk walk = { .store = apply_store(apply) };
	struct replica_state state;
	struct apply_status status;
	struct err err = { 0 };

	apply_status(apply, &status);
	if (!status.is_published || walk.store->env == NULL)
		return;
	assert_int_equal(mdb_txn_begin(walk.store->env, NULL, MDB_RDONLY, &walk.txn), 0);
	assert_int_equal(replica_store_state(walk.store, walk.txn, &state, &err), 1);
	if (replica_store_each_record(walk.store, walk.txn, look_at, &walk, &err) < 0)
		fail_msg("%s", err.text);
	assert_memory_equal(&walk.counts, &state.counts, sizeof(walk.counts));
	assert_int_equal(rows(&walk, walk.store->uuid), walk.counts.entries);
	assert_int_equal(rows(&walk, walk.store->topology), walk.counts.topology);
	mdb_txn_abort(walk.txn);
}

static void commit_and_check(void)
{
	commit();
	for (size_t i = 0; i < config.n_directories; i++) {
		(void)apply_take_doubt(apply, i);
		(void)apply_is_called(apply, i);
	}
	check();
}

/* ---- rounds ---- */

static void restart(void)
{
	apply_close(&apply);
	open_apply();
	check();
}

static bool is_refreshing(size_t directory)
{
	return apply_phase(apply, directory) == APPLY_REFRESHING;
}

static void step(void)
{
	size_t directory = below((unsigned)config.n_directories);
	unsigned what = below(17);

	if (apply_phase(apply, directory) == APPLY_WAITING)
		tell_refresh(directory);
	else if (what == 0)
		tell_refresh(directory);
	else if (what == 1 && is_refreshing(directory))
		tell_end(directory);
	else if (what == 2 && is_refreshing(directory))
		tell_uuid(directory, EVENT_PRESENT);
	else if (what <= 4)
		tell_uuid(directory, EVENT_DELETE);
	else if (what == 5)
		give(directory, EVENT_COOKIE, BINDING, "cc", below(3));
	else if (what == 6)
		commit_and_check();
	else if (what == 7)
		say_word(directory);
	else if (what == 8 && below(4) == 0)
		restart();
	else if (what == 9 && is_refreshing(directory))
		give(directory, EVENT_AUDIT, 0, NULL, 0);
	else
		tell_entry(directory);
}

static void run_round(uint64_t seed)
{
	void *state = NULL;

	random_state = seed;
	print_message("WP_SEED=%llu\n", (unsigned long long)seed);
	assert_int_equal(apply_setup(&state), 0);
	apply_close(&apply);
	config.n_directories = 1 + below(2);
	config.on_changes = drop_rows;
	open_apply();
	for (unsigned i = 0; i < STEPS; i++)
		step();
	commit_and_check();
	assert_int_equal(apply_teardown(&state), 0);
}

static void test_nothing_that_is_told_damages_the_replica(void **state)
{
	const char *seed = getenv("WP_SEED");
	uint64_t number, n = getenv("WP_FULL") != NULL ? ROUNDS_FULL : ROUNDS;

	(void)state;
	if (seed != NULL && parse_u64(seed, strlen(seed), UINT64_MAX, &number)) {
		run_round(number);
		return;
	}
	for (number = 0; number < n; number++)
		run_round(number);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_that_is_told_damages_the_replica),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
