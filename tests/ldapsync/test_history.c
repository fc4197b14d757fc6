/* The log of snapshots: what an entry tells, what is kept, and a snapshot that is held live. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/snapshot_file.h"
#include "ldapsync/apply.h"
#include "ldapsync/source.h"
#include "tests/ldapsync/replica_fixture.h"

#define DAY ((uint64_t)24 * 3600 * 1000)

enum { BINDING = 7 };

static struct apply_directory directory = { "corp", 20 };
static struct apply_config config;
static struct apply *apply;
static uint64_t now;

static void open_apply(void)
{
	struct err err = { 0 };

	if (apply_open(&config, now, &apply, &err) < 0)
		fail_msg("%s", err.text);
}

static void restart(void)
{
	apply_close(&apply);
	open_apply();
}

static int setup(void **state)
{
	if (state_dir_setup(state) < 0)
		return -1;
	config = (struct apply_config){ .state_dir = *state, .directories = &directory,
					.n_directories = 1, .history = { .snapshots = 100 } };
	now = 100 * DAY;
	open_apply();
	return 0;
}

static int teardown(void **state)
{
	apply_close(&apply);
	return state_dir_teardown(state);
}

static void give(enum event_kind kind, uint64_t number, const void *data, size_t len)
{
	const struct event event = { kind, number, data, len };
	struct err err = { 0 };

	if (apply_event(apply, 0, &event, now, &err) < 0)
		fail_msg("%s", err.text);
}

static void give_entry(struct entry *entry)
{
	struct buf bytes = { 0 };

	entry_encode(entry, &bytes);
	give(EVENT_UPSERT, 0, bytes.data, bytes.len);
	buf_free(&bytes);
	talloc_free(entry);
}

static void commit(void)
{
	struct err err = { 0 };

	if (apply_commit(apply, &err) < 0)
		fail_msg("%s", err.text);
	apply_tidy(apply);
}

static struct entry *link_entry(const char *cost)
{
	return make_entry(50, "cn=L,cn=Site Links,dc=x",
			  (const char *[]){ "objectClass", "waypostSiteLink", "cn", "L",
					    "waypostSiteDN", "cn=S,cn=Sites,dc=x", "waypostSiteDN",
					    "cn=T,cn=Sites,dc=x", "waypostCost", cost, NULL });
}

static void give_base(const char *cost)
{
	give_entry(make_unit(40, "cn=Sites,dc=x"));
	give_entry(make_site(1, "cn=S,cn=Sites,dc=x"));
	give_entry(make_site(2, "cn=T,cn=Sites,dc=x"));
	give_entry(make_server(3, "cn=H,cn=Servers,dc=x", "cn=S,cn=Sites,dc=x"));
	give_entry(link_entry(cost));
	give_entry(make_person(4, "uid=a,dc=x", "a@example.com"));
}

static void end_refresh(bool complete)
{
	give(EVENT_COOKIE, BINDING, "c", 1);
	give(EVENT_DONE, complete, NULL, 0);
	commit();
}

static void refresh(enum source_refresh kind, const char *cost)
{
	give(EVENT_REFRESH, kind, NULL, 0);
	give_base(cost);
	end_refresh(true);
}

static void change_cost(const char *cost)
{
	give_entry(link_entry(cost));
	commit();
}

static uint64_t live(void)
{
	struct apply_status status;

	apply_status(apply, &status);
	return status.snapshot.number;
}

static uint64_t newest(void)
{
	struct apply_status status;

	apply_status(apply, &status);
	return status.newest.number;
}

static bool is_pinned(void)
{
	struct apply_status status;

	apply_status(apply, &status);
	return status.pinned_wall_ms != 0;
}

/* ---- the log, read in this process between transactions ---- */

enum { LOG_MAX = 64 };

static struct log {
	size_t n;
	struct history_entry entries[LOG_MAX]; /* newest first */
	char *changes[LOG_MAX];
} log_;

static bool add_entry(void *arg, const struct history_entry *entry)
{
	struct log *log = arg;

	log->entries[log->n] = *entry;
	log->changes[log->n] = talloc_strndup(NULL, entry->changes != NULL ? entry->changes : "",
					      entry->changes_len);
	log->entries[log->n].source = talloc_strdup(log->changes[log->n], entry->source);
	log->n++;
	return log->n < LOG_MAX;
}

static struct history_entry *read_log(void)
{
	const struct replica_store *store = apply_store(apply);
	MDB_txn *txn;

	for (size_t i = 0; i < log_.n; i++)
		talloc_free(log_.changes[i]);
	log_.n = 0;
	assert_int_equal(mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn), 0);
	assert_int_equal(replica_store_each_history(store, txn, add_entry, &log_, NULL), 0);
	mdb_txn_abort(txn);
	return log_.entries;
}

static bool tells(size_t i, const char *text)
{
	return strstr(log_.changes[i], text) != NULL;
}

static bool has_image(const char *state_dir, uint64_t number)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/replica/snapshots/%llu.img", state_dir,
		 (unsigned long long)number);
	return access(path, F_OK) == 0;
}

/* ---- what an entry tells ---- */

static void test_of_the_first_synchronisation_only_counts_are_told(void **state)
{
	const struct history_entry *log;

	(void)state;
	refresh(SOURCE_FULL, "10");
	log = read_log();
	assert_int_equal(log_.n, 1);
	assert_int_equal(log[0].head.cause, HISTORY_FIRST);
	assert_int_equal(log[0].head.snapshot.number, live());
	assert_int_equal(log[0].head.wall_ms, now);
	assert_int_equal(log[0].head.sites, 2);
	assert_int_equal(log[0].head.links, 1);
	assert_int_equal(log[0].head.servers, 1);
	assert_int_equal(log[0].head.counts.recipients, 1);
	assert_string_equal(log[0].source, "corp");
	assert_int_equal(log[0].head.listed, 0);
	assert_string_equal(log_.changes[0], "");
}

static void test_a_change_is_told_with_object_attribute_old_and_new(void **state)
{
	const struct history_entry *log;

	(void)state;
	refresh(SOURCE_FULL, "10");
	now += 5000;
	change_cost("55");
	log = read_log();
	assert_int_equal(log_.n, 2);
	assert_int_equal(log[0].head.cause, HISTORY_LIVE);
	assert_int_equal(log[0].head.snapshot.number, log[1].head.snapshot.number + 1);
	assert_int_equal(log[0].head.wall_ms, now);
	assert_string_equal(log[0].source, "corp");
	assert_int_equal(log[0].head.listed, 1);
	assert_true(tells(0, "\"dn\":\"cn=L,cn=Site Links,dc=x\""));
	assert_true(tells(0, "\"class\":\"waypostSiteLink\""));
	assert_true(tells(0, "\"attribute\":\"waypostCost\""));
	assert_true(tells(0, "\"old\":[\"10\"]"));
	assert_true(tells(0, "\"new\":[\"55\"]"));
}

static void test_objects_that_come_go_and_move_are_told(void **state)
{
	struct entry_uuid uuid = make_uuid(2);

	(void)state;
	refresh(SOURCE_FULL, "10");
	give_entry(make_site(9, "cn=New,cn=Sites,dc=x"));
	give(EVENT_DELETE, 0, &uuid, sizeof(uuid));
	give_entry(make_unit(40, "cn=Places,dc=x")); /* its children follow without a word */
	commit();
	read_log();
	assert_int_equal(log_.n, 2);
	assert_true(tells(0, "{\"kind\":\"add\",\"class\":\"waypostSite\","
			     "\"dn\":\"cn=New,cn=Sites,dc=x\"}"));
	assert_true(tells(0, "{\"kind\":\"remove\",\"class\":\"waypostSite\","
			     "\"dn\":\"cn=T,cn=Sites,dc=x\"}"));
	assert_true(tells(0, "\"attribute\":\"dn\""));
	assert_true(tells(0, "\"new\":[\"cn=Places,dc=x\"]"));
	assert_false(tells(0, "uid=a"));
}

static void test_what_leaves_the_routes_alone_is_no_entry(void **state)
{
	(void)state;
	refresh(SOURCE_FULL, "10");
	give_entry(make_person(5, "uid=b,dc=x", "b@example.com"));
	commit();
	give_entry(link_entry("10"));
	commit();
	refresh(SOURCE_FULL, "10"); /* a new generation with the same contents */
	read_log();
	assert_int_equal(log_.n, 1);
}

static void test_a_refresh_of_many_commits_is_one_entry_also_after_a_restart(void **state)
{
	const struct history_entry *log;

	(void)state;
	refresh(SOURCE_FULL, "10");
	give(EVENT_REFRESH, SOURCE_RESUME, NULL, 0);
	give_entry(link_entry("20"));
	commit();
	give_entry(make_site(9, "cn=New,cn=Sites,dc=x"));
	commit();
	read_log();
	assert_int_equal(log_.n, 1);
	restart();
	/* The directory repeats what is stored already: still it makes a snapshot. */
	give(EVENT_REFRESH, SOURCE_RESUME, NULL, 0);
	give_entry(link_entry("20"));
	end_refresh(false);
	log = read_log();
	assert_int_equal(log_.n, 2);
	assert_int_equal(log[0].head.cause, HISTORY_REFRESH);
	assert_int_equal(log[0].head.sites, 3);
	assert_true(tells(0, "\"new\":[\"20\"]"));
	assert_true(tells(0, "cn=New,"));
}

static void test_what_is_undone_is_not_told(void **state)
{
	struct err err;
	const struct event bad = { EVENT_UPSERT, 0, "x", 1 };

	(void)state;
	refresh(SOURCE_FULL, "10");
	give_entry(link_entry("20"));
	assert_int_equal(apply_event(apply, 0, &bad, now, &err), -1);
	refresh(SOURCE_RESUME, "30");
	read_log();
	assert_int_equal(log_.n, 2);
	assert_false(tells(0, "\"20\""));
	assert_true(tells(0, "\"30\""));
}

static void test_a_new_generation_keeps_the_log_and_tells_the_difference(void **state)
{
	uint64_t generation;
	const struct history_entry *log;

	(void)state;
	refresh(SOURCE_FULL, "10");
	change_cost("20");
	generation = apply_store(apply)->generation;
	give(EVENT_REFRESH, SOURCE_FULL, NULL, 0);
	give_entry(make_site(1, "cn=S,cn=Sites,dc=x"));
	give_entry(make_site(12, "cn=T,cn=Sites,dc=x")); /* made anew: another UUID, one name */
	give_entry(make_site(13, "cn=U,cn=Sites,dc=x"));
	give_entry(make_server(3, "cn=H2,cn=Servers,dc=x", "cn=S,cn=Sites,dc=x"));
	give_entry(make_person(4, "uid=a,dc=x", "a@example.com"));
	end_refresh(true);
	assert_int_not_equal(apply_store(apply)->generation, generation);
	log = read_log();
	assert_int_equal(log_.n, 3);
	assert_int_equal(log[0].head.cause, HISTORY_REFRESH);
	assert_int_equal(log[1].head.cause, HISTORY_LIVE);
	assert_true(tells(1, "\"new\":[\"20\"]"));
	assert_true(tells(0, "\"dn\":\"cn=L,cn=Site Links,dc=x\"")); /* gone */
	assert_true(tells(0, "\"dn\":\"cn=U,cn=Sites,dc=x\""));      /* come */
	assert_true(tells(0, "\"old\":[\"cn=H,cn=Servers,dc=x\"]")); /* renamed */
	assert_false(tells(0, "\"dn\":\"cn=T,"));
	assert_false(tells(0, "\"dn\":\"cn=S,"));
	change_cost("30"); /* the new generation lists what happens in it */
	read_log();
	assert_int_equal(log_.n, 4);
	assert_true(tells(0, "\"30\""));
}

static void test_what_was_held_back_is_told_when_it_is_let_through(void **state)
{
	const struct history_entry *log;
	struct entry_uuid uuid = make_uuid(3);
	struct err err;

	(void)state;
	refresh(SOURCE_FULL, "10");
	give(EVENT_DELETE, 0, &uuid, sizeof(uuid));
	commit();
	assert_non_null(apply_held(apply));
	restart();
	commit();
	assert_int_equal(apply_accept(apply, APPLY_ALL, now, &err), 0); /* it begins anew by itself */
	give(EVENT_REFRESH, SOURCE_RESUME, NULL, 0);
	end_refresh(false);
	assert_non_null(apply_held(apply));
	assert_int_equal(apply_accept(apply, APPLY_ALL, now, &err), 1);
	log = read_log();
	assert_int_equal(log_.n, 2);
	assert_int_equal(log[0].head.cause, HISTORY_ACCEPT);
	assert_true(tells(0, "\"dn\":\"cn=H,cn=Servers,dc=x\""));
}

static void test_the_list_is_bounded(void **state)
{
	const struct history_entry *log;
	char dn[64];

	(void)state;
	refresh(SOURCE_FULL, "10");
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(dn, sizeof(dn), "cn=N%u,cn=Sites,dc=x", i);
		give_entry(make_site(1000 + i, dn));
	}
	commit();
	log = read_log();
	assert_int_equal(log[0].head.listed, 1000);
	assert_true(log[0].head.omitted >= 3000); /* a row for each object and its attributes */
	assert_true(log[0].changes_len < 600 * 1024);
}

/* ---- what is kept ---- */

static void change_n(unsigned n)
{
	char cost[16];

	for (unsigned i = 0; i < n; i++) {
		snprintf(cost, sizeof(cost), "%u", 100 + i);
		now += DAY;
		change_cost(cost);
	}
}

static void test_the_number_is_limited(void **state)
{
	config.history.snapshots = 5;
	restart();
	refresh(SOURCE_FULL, "10");
	change_n(9);
	read_log();
	assert_int_equal(log_.n, 5);
	for (uint64_t n = 1; n <= live(); n++)
		assert_int_equal(has_image(*state, n), n + 5 > live());
}

static void test_the_age_is_limited_but_two_always_stay(void **state)
{
	config.history.days = 3;
	restart();
	refresh(SOURCE_FULL, "10");
	change_n(9);
	read_log();
	assert_int_equal(log_.n, 3);
	now += 50 * DAY;
	restart();
	read_log();
	assert_int_equal(log_.n, 2);
	assert_true(has_image(*state, live()));
	assert_true(has_image(*state, live() - 1));
	assert_false(has_image(*state, live() - 2));
}

static void test_the_room_is_limited(void **state)
{
	struct history_entry *log;
	uint64_t octets = 0;
	char dn[64];

	(void)state;
	refresh(SOURCE_FULL, "10");
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(dn, sizeof(dn), "cn=N%u,cn=Sites,dc=x", i);
		give_entry(make_site(1000 + i, dn));
	}
	commit();
	config.history.megabytes = 2;
	restart();
	change_n(12);
	log = read_log();
	assert_in_range(log_.n, 2, 10);
	for (size_t i = 0; i < log_.n; i++)
		octets += log[i].head.snapshot.size;
	assert_true(octets <= 2 << 20);
}

/* ---- a snapshot that is held live ---- */

static void pin(uint64_t number)
{
	struct err err = { 0 };

	if (apply_pin(apply, number, now, &err) != 1)
		fail_msg("%s", err.text);
}

static void test_a_pinned_snapshot_stays_live_while_newer_ones_are_made(void **state)
{
	struct history_entry *log;
	uint64_t first;
	struct err err;

	(void)state;
	refresh(SOURCE_FULL, "10");
	first = live();
	change_cost("20");
	pin(first);
	assert_true(is_pinned());
	assert_int_equal(live(), first);
	assert_int_equal(newest(), first + 1);
	change_cost("30");
	assert_int_equal(live(), first);
	assert_int_equal(newest(), first + 2);
	restart();
	assert_true(is_pinned());
	assert_int_equal(live(), first);
	refresh(SOURCE_FULL, "40"); /* a new generation */
	assert_int_equal(live(), first);
	assert_int_equal(newest(), first + 3);
	log = read_log();
	assert_int_equal(log_.n, 5);
	assert_int_equal(log[2].head.cause, HISTORY_PIN);
	assert_int_equal(log[2].head.snapshot.number, first);
	assert_int_equal(apply_unpin(apply, now, &err), 1);
	assert_false(is_pinned());
	assert_int_equal(live(), first + 3);
	log = read_log();
	assert_int_equal(log[0].head.cause, HISTORY_UNPIN);
	assert_int_equal(log[0].head.snapshot.number, first);
	assert_int_equal(apply_unpin(apply, now, &err), 0);
	assert_int_equal(err.domain, ERR_NOT_FOUND);
}

static void test_a_pinned_snapshot_outlives_every_limit(void **state)
{
	uint64_t first;
	struct err err;

	config.history.snapshots = 2;
	config.history.days = 1;
	restart();
	refresh(SOURCE_FULL, "10");
	first = live();
	pin(first);
	change_n(6);
	assert_int_equal(live(), first);
	assert_true(has_image(*state, first));
	assert_false(has_image(*state, first + 1));
	assert_int_equal(apply_pin(apply, first + 1, now, &err), 0);
	assert_int_equal(err.domain, ERR_NOT_FOUND);
	assert_int_equal(live(), first);
	pin(newest() - 1);
	change_n(1);
	assert_false(has_image(*state, first));
}

static void count_loss(void *arg, const struct replica_diagnostic *diagnostic)
{
	if (strcmp(diagnostic->id, "pin-lost") == 0)
		++*(unsigned *)arg;
}

static unsigned losses(void)
{
	const struct replica_store *store = apply_store(apply);
	unsigned n = 0;
	MDB_txn *txn;

	assert_int_equal(mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn), 0);
	assert_int_equal(replica_store_each_diagnostic(store, txn, count_loss, &n, NULL), 0);
	mdb_txn_abort(txn);
	return n;
}

static void test_a_lost_pinned_image_gives_way_to_the_newest(void **state)
{
	struct history_entry *log;
	char path[512];
	uint64_t first;
	struct err err;

	refresh(SOURCE_FULL, "10");
	first = live();
	change_cost("20");
	pin(first);
	snprintf(path, sizeof(path), "%s/replica/snapshots/%llu.img", (char *)*state,
		 (unsigned long long)first);
	assert_int_equal(truncate(path, 100), 0);
	assert_int_equal(apply_pin(apply, first, now, &err), 0);
	assert_int_equal(err.domain, ERR_STORE);
	restart();
	assert_false(is_pinned());
	assert_int_equal(live(), first + 1);
	log = read_log();
	assert_int_equal(log[0].head.cause, HISTORY_PIN_LOST);
	assert_int_equal(log[0].head.snapshot.number, first);
	assert_int_equal(losses(), 1);
	assert_int_equal(apply_unpin(apply, now, &err), 0);
	assert_int_equal(losses(), 0);
}

static void test_the_newest_image_is_made_again_behind_a_pin(void **state)
{
	char path[512];
	uint64_t first;

	refresh(SOURCE_FULL, "10");
	first = live();
	change_cost("20");
	pin(first);
	snprintf(path, sizeof(path), "%s/replica/snapshots/%llu.img", (char *)*state,
		 (unsigned long long)first + 1);
	assert_int_equal(unlink(path), 0);
	restart();
	assert_true(is_pinned());
	assert_int_equal(live(), first);
	assert_int_equal(newest(), first + 2);
	assert_int_equal(read_log()[0].head.cause, HISTORY_REPAIR);
}

static void test_nothing_is_pinned_while_a_file_is_taken_over(void **state)
{
	struct err err;

	(void)state;
	refresh(SOURCE_FILE, "10");
	give(EVENT_REFRESH, SOURCE_FILE, NULL, 0);
	give_base("20");
	commit();
	assert_int_equal(apply_pin(apply, live(), now, &err), 0);
	assert_int_equal(err.domain, ERR_SYSTEM);
	end_refresh(true);
	pin(live());
	assert_true(is_pinned());
}

/* ---- a replica of a version without a log ---- */

static void forget_log(void)
{
	const struct replica_store *store = apply_store(apply);
	MDB_txn *txn;

	assert_int_equal(mdb_txn_begin(store->env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_drop(txn, store->history, 1), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
}

static void test_an_older_replica_gets_a_log(void **state)
{
	struct history_entry *log;
	struct replica_store store;
	struct history_entry entry;
	uint64_t number;
	MDB_txn *txn;

	refresh(SOURCE_FULL, "10");
	change_cost("20");
	number = live();
	forget_log();
	apply_close(&apply);
	/* To readers it is empty. */
	assert_int_equal(replica_store_open(&store, *state, replica_store_current(*state),
					    MDB_RDONLY, NULL), 0);
	assert_int_equal(mdb_txn_begin(store.env, NULL, MDB_RDONLY, &txn), 0);
	assert_int_equal(replica_store_find_history(&store, txn, number, &entry, NULL), 0);
	mdb_txn_abort(txn);
	replica_store_close(&store);
	open_apply();
	log = read_log();
	assert_int_equal(log_.n, 1);
	assert_int_equal(log[0].head.cause, HISTORY_FOUND);
	assert_int_equal(log[0].head.snapshot.number, number);
	assert_int_equal(log[0].head.sites, 2);
	pin(number);
	change_cost("30");
	assert_int_equal(live(), number);
	assert_int_equal(newest(), number + 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_of_the_first_synchronisation_only_counts_are_told),
		TEST(test_a_change_is_told_with_object_attribute_old_and_new),
		TEST(test_objects_that_come_go_and_move_are_told),
		TEST(test_what_leaves_the_routes_alone_is_no_entry),
		TEST(test_a_refresh_of_many_commits_is_one_entry_also_after_a_restart),
		TEST(test_what_is_undone_is_not_told),
		TEST(test_a_new_generation_keeps_the_log_and_tells_the_difference),
		TEST(test_what_was_held_back_is_told_when_it_is_let_through),
		TEST(test_the_list_is_bounded),
		TEST(test_the_number_is_limited),
		TEST(test_the_age_is_limited_but_two_always_stay),
		TEST(test_the_room_is_limited),
		TEST(test_a_pinned_snapshot_stays_live_while_newer_ones_are_made),
		TEST(test_a_pinned_snapshot_outlives_every_limit),
		TEST(test_a_lost_pinned_image_gives_way_to_the_newest),
		TEST(test_the_newest_image_is_made_again_behind_a_pin),
		TEST(test_nothing_is_pinned_while_a_file_is_taken_over),
		TEST(test_an_older_replica_gets_a_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
