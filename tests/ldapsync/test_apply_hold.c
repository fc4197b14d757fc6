/* What is held back, accepted, refused and read anew, directory by directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/ldapsync/apply_fixture.h"
#include "tests/ldapsync/replica_fixture.h"

/* KIND decides where the refresh happens; either way too little comes. */
static void hold_and_accept(enum source_refresh kind)
{
	struct err err = { 0 };

	refresh(0, SOURCE_FULL, MANY, "c1");
	refresh(0, kind, MANY / 2, "c2");
	assert_int_equal(apply_phase(apply, 0), APPLY_HELD);
	assert_non_null(apply_held(apply));
	assert_true(finds(100 + MANY - 1));
	assert_true(has_cookie(0, "c1"));
	give_person(0, 900); /* live changes go on meanwhile */
	give(0, EVENT_COOKIE, BINDING, "c3", 2);
	commit();
	assert_true(has_cookie(0, "c1"));
	assert_int_equal(apply_accept(apply, APPLY_ALL, 1000, &err), 1);
	assert_int_equal(apply_phase(apply, 0), APPLY_LIVE);
	assert_null(apply_held(apply));
	assert_false(finds(100 + MANY - 1));
	assert_true(finds(100));
	assert_true(finds(900));
	assert_true(has_cookie(0, "c3"));
	assert_int_equal(apply_accept(apply, APPLY_ALL, 1000, &err), 0);
}

static void test_the_guard_holds_a_full_refresh_back(void **state)
{
	(void)state;
	hold_and_accept(SOURCE_FULL);
}

static void test_the_guard_holds_a_present_phase_back(void **state)
{
	(void)state;
	hold_and_accept(SOURCE_RESUME);
}

static void test_the_guard_holds_a_file_back(void **state)
{
	(void)state;
	hold_and_accept(SOURCE_FILE);
}

static void give_uuids(enum event_kind kind, unsigned from, unsigned to)
{
	for (unsigned id = from; id < to; id++)
		give_uuid(0, kind, id);
}

static void begin_audit(unsigned n_deleted)
{
	refresh(0, SOURCE_FULL, MANY, "c1");
	give(0, EVENT_REFRESH, SOURCE_RESUME, NULL, 0);
	give_uuids(EVENT_DELETE, 100, 100 + n_deleted);
	give(0, EVENT_COOKIE, BINDING, "c2", 2);
	give(0, EVENT_AUDIT, 0, NULL, 0);
	commit();
}

/* The list is too short; what was told before it is in force. */
static void test_the_guard_holds_an_audit_back(void **state)
{
	struct err err = { 0 };

	(void)state;
	begin_audit(2);
	give_uuids(EVENT_PRESENT, 1, 3);
	give_uuids(EVENT_PRESENT, 102, 100 + MANY / 2);
	give(0, EVENT_DONE, 1, NULL, 0);
	commit();
	assert_int_equal(apply_phase(apply, 0), APPLY_HELD);
	assert_int_equal(apply_held(apply)->dropped.recipients, MANY / 2);
	assert_false(finds(101));
	assert_true(finds(100 + MANY - 1));
	assert_true(has_cookie(0, "c2"));
	assert_int_equal(apply_accept(apply, APPLY_ALL, 1000, &err), 1);
	assert_int_equal(apply_phase(apply, 0), APPLY_LIVE);
	assert_true(finds(102));
	assert_false(finds(100 + MANY - 1));
	assert_true(has_cookie(0, "c2"));
}

static void test_an_audit_waits_where_the_guard_would_hold(void **state)
{
	(void)state;
	begin_audit(MANY / 2);
	assert_null(apply_held(apply));
	assert_true(finds(100));
	assert_true(has_cookie(0, "c1"));
	give_uuids(EVENT_PRESENT, 1, 3);
	give_uuids(EVENT_PRESENT, 100, 100 + MANY); /* older than what was told */
	give(0, EVENT_DONE, 1, NULL, 0);
	commit();
	assert_int_equal(apply_phase(apply, 0), APPLY_HELD);
	assert_int_equal(apply_held(apply)->dropped.recipients, MANY / 2);
	assert_true(finds(100));
}

/* What is held is not decided by another list, even if it would do. */
static void hold_and_audit(enum source_refresh kind)
{
	refresh(0, SOURCE_FULL, MANY, "c1");
	refresh(0, kind, MANY / 2, "c2");
	assert_int_equal(apply_phase(apply, 0), APPLY_HELD);
	give(0, EVENT_AUDIT, 0, NULL, 0);
	give_uuids(EVENT_PRESENT, 1, 3);
	give_uuids(EVENT_PRESENT, 100, 100 + MANY);
	give(0, EVENT_DONE, 1, NULL, 0);
	commit();
	assert_int_equal(apply_phase(apply, 0), APPLY_HELD);
	assert_int_equal(apply_held(apply)->dropped.recipients, MANY / 2);
	assert_true(finds(100 + MANY - 1));
	assert_true(has_cookie(0, "c1"));
}

static void test_an_audit_of_its_own_while_something_is_held(void **state)
{
	(void)state;
	hold_and_audit(SOURCE_RESUME);
}

static void test_an_audit_of_its_own_while_a_generation_is_held(void **state)
{
	(void)state;
	hold_and_audit(SOURCE_FULL);
}

/* What the session before it still says counts no more. */
static void test_an_order_ends_an_audit(void **state)
{
	struct err err = { 0 };

	(void)state;
	begin_audit(2);
	assert_true(has_cookie(0, "c2"));
	assert_int_equal(apply_resync(apply, 0, 1000, &err), 1);
	give(0, EVENT_COOKIE, BINDING, "c9", 2);
	give(0, EVENT_DONE, 1, NULL, 0);
	commit();
	assert_true(has_cookie(0, ""));
	assert_int_equal(apply_phase(apply, 0), APPLY_WAITING);
	assert_true(finds(100 + MANY - 1));
}

/* A handful may go, but not all of it. */
static void hold_the_last(enum source_refresh kind)
{
	struct err err = { 0 };

	refresh(0, SOURCE_FULL, 3, "c1");
	refresh(0, kind, 1, "c2");
	assert_int_equal(apply_phase(apply, 0), APPLY_LIVE);
	refresh(0, kind, 0, "c3");
	assert_int_equal(apply_phase(apply, 0), APPLY_HELD);
	assert_true(finds(100));
	assert_int_equal(apply_accept(apply, 0, 1000, &err), 1);
	assert_false(finds(100));
}

static void test_the_last_person_does_not_go_with_a_full_refresh(void **state)
{
	(void)state;
	hold_the_last(SOURCE_FULL);
}

static void test_the_last_person_does_not_go_with_a_present_phase(void **state)
{
	(void)state;
	hold_the_last(SOURCE_RESUME);
}

static void test_others_may_take_the_place_of_all(void **state)
{
	(void)state;
	refresh(0, SOURCE_FULL, 3, "c1");
	give(0, EVENT_REFRESH, SOURCE_RESUME, NULL, 0);
	give_entry(0, make_site(11, "cn=S,cn=Sites,dc=x"));
	give_entry(0, make_server(12, "cn=H,cn=Servers,dc=x", "cn=S,cn=Sites,dc=x"));
	give_person(0, 500);
	give(0, EVENT_DONE, 1, NULL, 0);
	commit();
	assert_int_equal(apply_phase(apply, 0), APPLY_LIVE);
	assert_false(finds(100));
	assert_true(finds(500));
}

static void test_a_guard_of_a_hundred_percent_is_none(void **state)
{
	static const struct apply_directory unguarded[] = { { "corp", 100 } };

	(void)state;
	apply_close(&apply);
	config.directories = unguarded;
	open_apply();
	refresh(0, SOURCE_FULL, MANY, "c1");
	refresh(0, SOURCE_RESUME, 0, "c2");
	assert_int_equal(apply_phase(apply, 0), APPLY_LIVE);
	assert_false(finds(100));
}

static struct apply_source source(size_t directory)
{
	struct apply_source source;

	apply_source_status(apply, directory, &source);
	return source;
}

/* Refused, it is as if the refresh had not come, but for what it added; the next is a whole one. */
static void hold_and_refuse(enum source_refresh kind)
{
	struct err err = { 0 };

	refresh(0, SOURCE_FULL, MANY, "c1");
	refresh(0, kind, MANY / 2, "c2");
	assert_int_equal(apply_phase(apply, 0), APPLY_HELD);
	assert_int_equal(apply_refuse(apply, 0, 1000, &err), 1);
	assert_int_equal(apply_phase(apply, 0), APPLY_WAITING);
	assert_null(apply_held(apply));
	assert_true(apply_is_called(apply, 0));
	assert_false(apply_is_called(apply, 0));
	assert_true(finds(100 + MANY - 1));
	assert_false(has_cookie(0, "c1"));
	assert_false(has_cookie(0, "c2"));
	assert_int_equal(apply_refuse(apply, APPLY_ALL, 1000, &err), 0);
	assert_int_equal(err.domain, ERR_NOT_FOUND);
	refresh(0, SOURCE_FULL, MANY, "c3");
	assert_int_equal(apply_phase(apply, 0), APPLY_LIVE);
	assert_true(has_cookie(0, "c3"));
}

static void test_a_full_refresh_can_be_refused(void **state)
{
	(void)state;
	hold_and_refuse(SOURCE_FULL);
}

static void test_a_present_phase_can_be_refused(void **state)
{
	(void)state;
	hold_and_refuse(SOURCE_RESUME);
}

static void test_a_hold_tells_what_would_go(void **state)
{
	const struct apply_hold *hold;

	(void)state;
	refresh(0, SOURCE_FULL, MANY, "c1");
	refresh(0, SOURCE_RESUME, MANY / 2, "c2");
	hold = source(0).hold;
	assert_non_null(hold);
	assert_int_equal(hold->dropped.recipients, MANY / 2);
	assert_int_equal(hold->of.recipients, MANY);
	assert_int_equal(hold->n_examples, APPLY_EXAMPLES);
	assert_non_null(strstr(hold->examples[0], ",ou=People,dc=x"));
}

static void test_everything_can_be_read_anew(void **state)
{
	struct err err = { 0 };

	(void)state;
	refresh(0, SOURCE_FULL, MANY, "c1");
	assert_int_equal(apply_resync(apply, APPLY_ALL, 1000, &err), 1);
	assert_true(apply_is_called(apply, 0));
	assert_false(has_cookie(0, "c1"));
	assert_true(finds(100));
	apply_close(&apply);
	open_apply(); /* also over a restart */
	assert_false(has_cookie(0, "c1"));
	refresh(0, SOURCE_FULL, MANY / 2, "c2");
	assert_int_equal(apply_phase(apply, 0), APPLY_HELD); /* the guard is as awake as ever */
}

static void test_a_refresh_tells_how_far_it_is(void **state)
{
	(void)state;
	refresh(0, SOURCE_FULL, MANY, "c1");
	assert_int_equal(source(0).begun_wall_ms, 0);
	give(0, EVENT_REFRESH, SOURCE_FULL, NULL, 0);
	for (unsigned i = 0; i < 7; i++)
		give_person(0, 100 + i);
	assert_int_equal(source(0).begun_wall_ms, 1000);
	assert_int_equal(source(0).named, 7);
	assert_int_equal(source(0).expected, MANY + 2);
}

static void test_a_better_refresh_lifts_the_guard(void **state)
{
	(void)state;
	refresh(0, SOURCE_FULL, MANY, "c1");
	refresh(0, SOURCE_RESUME, 1, "c2");
	assert_int_equal(apply_phase(apply, 0), APPLY_HELD);
	refresh(0, SOURCE_RESUME, MANY, "c3");
	assert_int_equal(apply_phase(apply, 0), APPLY_LIVE);
	assert_null(apply_held(apply));
	assert_true(finds(100 + MANY - 1));
}

static void test_a_handful_may_always_go(void **state)
{
	(void)state;
	refresh(0, SOURCE_FULL, 10, "c1");
	refresh(0, SOURCE_RESUME, 1, "c2");
	assert_int_equal(apply_phase(apply, 0), APPLY_LIVE);
	assert_false(finds(105));
}

static void test_the_last_server_does_not_go_by_accident(void **state)
{
	uint64_t before;
	struct err err = { 0 };

	(void)state;
	refresh(0, SOURCE_FULL, 1, "c1");
	before = snapshot_now();
	give_uuid(0, EVENT_DELETE, 2);
	commit();
	assert_non_null(apply_held(apply));
	assert_int_equal(snapshot_now(), before);
	assert_int_equal(apply_accept(apply, APPLY_ALL, 1000, &err), 1);
	assert_null(apply_held(apply));
	assert_int_equal(snapshot_now(), before + 1);
}

static void test_a_server_that_comes_back_ends_the_hold(void **state)
{
	uint64_t before;

	(void)state;
	refresh(0, SOURCE_FULL, 1, "c1");
	before = snapshot_now();
	give_uuid(0, EVENT_DELETE, 2);
	commit();
	give_entry(0, make_server(3, "cn=H,cn=Servers,dc=x", "cn=S,cn=Sites,dc=x"));
	commit();
	assert_null(apply_held(apply));
	assert_int_equal(snapshot_now(), before); /* the same routing: no new number */
}

/* ---- two directories ---- */

static void open_two(void)
{
	apply_close(&apply);
	config.n_directories = 2;
	open_apply();
	refresh(0, SOURCE_FULL, MANY, "c1");
	give(1, EVENT_REFRESH, SOURCE_FULL, NULL, 0);
	for (unsigned i = 0; i < MANY; i++)
		give_person(1, 1000 + i);
	give(1, EVENT_COOKIE, BINDING, "m1", 2);
	give(1, EVENT_DONE, 1, NULL, 0);
	commit();
}

/* All of directory 1 but N people. */
static void refresh_more(unsigned n)
{
	give(1, EVENT_REFRESH, SOURCE_RESUME, NULL, 0);
	for (unsigned i = 0; i < n; i++)
		give_person(1, 1000 + i);
	give(1, EVENT_DONE, 1, NULL, 0);
	commit();
}

static void test_each_directory_has_its_count(void **state)
{
	(void)state;
	open_two();
	assert_int_equal(source(0).counts.recipients, MANY);
	assert_int_equal(source(0).counts.topology, 2);
	assert_int_equal(source(1).counts.entries, MANY);
	give_uuid(1, EVENT_DELETE, 1000);
	commit();
	assert_int_equal(source(1).counts.recipients, MANY - 1);
	apply_close(&apply);
	open_apply();
	commit();
	assert_int_equal(source(1).counts.recipients, MANY - 1);
	assert_int_equal(source(0).counts.recipients, MANY);
}

static void test_one_is_held_and_the_other_lives(void **state)
{
	struct err err = { 0 };
	uint64_t before;

	(void)state;
	open_two();
	before = snapshot_now();
	refresh_more(1); /* well below a fifth of the whole, but not of its own */
	assert_int_equal(apply_phase(apply, 1), APPLY_HELD);
	assert_int_equal(apply_phase(apply, 0), APPLY_LIVE);
	give_entry(0, make_site(5, "cn=T,cn=Sites,dc=x"));
	commit();
	assert_int_equal(snapshot_now(), before + 1);
	assert_non_null(apply_held(apply));
	assert_int_equal(apply_accept(apply, 0, 1000, &err), 0);
	assert_non_null(strstr(err.remedy, "directory more"));
	assert_int_equal(apply_accept(apply, 1, 1000, &err), 1);
	assert_null(apply_held(apply));
	assert_false(finds(1001));
}

/* A refresh that broke off leaves its additions; no snapshot is made of them. */
static void test_half_a_refresh_is_never_published(void **state)
{
	uint64_t before;

	(void)state;
	open_two();
	before = snapshot_now();
	give(0, EVENT_REFRESH, SOURCE_RESUME, NULL, 0);
	give_entry(0, make_site(5, "cn=T,cn=Sites,dc=x"));
	commit();
	assert_int_equal(snapshot_now(), before);
	apply_close(&apply);
	open_apply();
	refresh_more(MANY);
	assert_int_equal(snapshot_now(), before);
	refresh(0, SOURCE_RESUME, MANY, "c2");
	assert_int_equal(apply_phase(apply, 0), APPLY_LIVE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, apply_setup, apply_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_guard_holds_a_full_refresh_back),
		TEST(test_the_guard_holds_a_present_phase_back),
		TEST(test_the_guard_holds_a_file_back),
		TEST(test_the_guard_holds_an_audit_back),
		TEST(test_an_audit_waits_where_the_guard_would_hold),
		TEST(test_an_order_ends_an_audit),
		TEST(test_an_audit_of_its_own_while_something_is_held),
		TEST(test_an_audit_of_its_own_while_a_generation_is_held),
		TEST(test_the_last_person_does_not_go_with_a_full_refresh),
		TEST(test_the_last_person_does_not_go_with_a_present_phase),
		TEST(test_others_may_take_the_place_of_all),
		TEST(test_a_guard_of_a_hundred_percent_is_none),
		TEST(test_a_full_refresh_can_be_refused),
		TEST(test_a_present_phase_can_be_refused),
		TEST(test_a_hold_tells_what_would_go),
		TEST(test_everything_can_be_read_anew),
		TEST(test_a_refresh_tells_how_far_it_is),
		TEST(test_each_directory_has_its_count),
		TEST(test_one_is_held_and_the_other_lives),
		TEST(test_half_a_refresh_is_never_published),
		TEST(test_a_better_refresh_lifts_the_guard),
		TEST(test_a_handful_may_always_go),
		TEST(test_the_last_server_does_not_go_by_accident),
		TEST(test_a_server_that_comes_back_ends_the_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
