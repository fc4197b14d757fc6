/* What a refresh that goes on from a cookie tells, and what is doubted of it; folders; audits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/ldapsync/apply_fixture.h"
#include "tests/ldapsync/replica_fixture.h"

/* IS_KNOWN: the directory takes it for known here. */
static void give_folder(size_t directory, unsigned id, const char *dn, bool is_known)
{
	struct entry *entry = make_unit(id, dn);
	struct buf bytes = { 0 };

	entry_encode(entry, &bytes);
	give(directory, EVENT_UPSERT, is_known, bytes.data, bytes.len);
	buf_free(&bytes);
	talloc_free(entry);
}

static void test_resuming_shows_people_at_once_but_deletes_and_routes_at_the_end(void **state)
{
	(void)state;
	refresh(0, SOURCE_FULL, 2, "c1");
	give(0, EVENT_REFRESH, SOURCE_RESUME, NULL, 0);
	give_person(0, 900);
	give_entry(0, make_site(3, "cn=T,cn=Sites,dc=x"));
	give_uuid(0, EVENT_DELETE, 100);
	give(0, EVENT_COOKIE, BINDING, "c2", 2);
	commit();
	assert_true(finds(900));
	assert_true(finds(100));
	assert_true(snapshot_has_sites(1));
	assert_true(has_cookie(0, "c1"));
	give(0, EVENT_DONE, 0, NULL, 0);
	commit();
	assert_false(finds(100));
	assert_true(finds(101));
	assert_true(snapshot_has_sites(2));
	assert_true(has_cookie(0, "c2"));
}

static void test_the_last_word_of_a_refresh_on_an_entry_counts(void **state)
{
	(void)state;
	for (int complete = 0; complete < 2; complete++) {
		refresh(0, SOURCE_FULL, 3, "c1");
		give(0, EVENT_REFRESH, SOURCE_RESUME, NULL, 0);
		for (int i = 1; i <= 2; i++)
			give_uuid(0, EVENT_PRESENT, i);
		give_person(0, 100);
		give_uuid(0, EVENT_DELETE, 100);
		give_uuid(0, EVENT_DELETE, 101);
		give_person(0, 101);
		give(0, EVENT_DONE, complete, NULL, 0);
		commit();
		assert_false(finds(100));
		assert_true(finds(101));
	}
}

/* Three people, of which the first two are in a folder. */
static void refresh_with_folder(void)
{
	refresh(0, SOURCE_FULL, 3, "c1");
	give_folder(0, 90, "ou=Folder,dc=x", false);
	give_entry(0, make_person(100, "uid=100,ou=Folder,dc=x", "u100@example.com"));
	give_entry(0, make_person(101, "uid=101,ou=Folder,dc=x", "u101@example.com"));
	give(0, EVENT_COOKIE, BINDING, "c1", 2);
	commit();
	assert_true(has_cookie(0, "c1"));
	assert_null(apply_take_doubt(apply, 0));
}

static void test_a_folder_that_goes_alone_is_doubted(void **state)
{
	(void)state;
	refresh_with_folder();
	give_uuid(0, EVENT_DELETE, 90);
	give(0, EVENT_COOKIE, BINDING, "c2", 2);
	commit();
	assert_true(has_cookie(0, ""));
	assert_non_null(apply_take_doubt(apply, 0));
	assert_null(apply_take_doubt(apply, 0)); /* once */
	refresh(0, SOURCE_FULL, 3, "c3");
	assert_true(has_cookie(0, "c3"));
	assert_null(apply_take_doubt(apply, 0));
}

static void test_a_folder_that_goes_with_its_people_is_not(void **state)
{
	(void)state;
	refresh_with_folder();
	give_uuid(0, EVENT_DELETE, 100);
	give_uuid(0, EVENT_DELETE, 101);
	give_uuid(0, EVENT_DELETE, 90);
	give(0, EVENT_COOKIE, BINDING, "c2", 2);
	commit();
	assert_true(has_cookie(0, "c2"));
	refresh_with_folder();
	give(0, EVENT_REFRESH, SOURCE_RESUME, NULL, 0);
	give_uuid(0, EVENT_DELETE, 90); /* in any order */
	give_uuid(0, EVENT_DELETE, 100);
	give_uuid(0, EVENT_DELETE, 101);
	give(0, EVENT_COOKIE, BINDING, "c3", 2);
	give(0, EVENT_DONE, 0, NULL, 0);
	commit();
	assert_true(has_cookie(0, "c3"));
	assert_null(apply_take_doubt(apply, 0));
}

static void test_a_folder_that_goes_alone_in_a_refresh_is_doubted(void **state)
{
	(void)state;
	refresh_with_folder();
	give(0, EVENT_REFRESH, SOURCE_RESUME, NULL, 0);
	for (unsigned id = 1; id <= 102; id++)
		if (id != 90)
			give_uuid(0, EVENT_PRESENT, id);
	give(0, EVENT_COOKIE, BINDING, "c2", 2);
	give(0, EVENT_DONE, 1, NULL, 0);
	commit();
	assert_true(has_cookie(0, ""));
	assert_non_null(apply_take_doubt(apply, 0));
}

static void test_a_source_that_is_sure_is_not_doubted(void **state)
{
	(void)state;
	refresh_with_folder();
	give(0, EVENT_REFRESH, SOURCE_RESUME | SOURCE_SURE, NULL, 0);
	give_folder(0, 91, "ou=New,dc=x", false);
	give(0, EVENT_COOKIE, BINDING, "c2", 2);
	give(0, EVENT_DONE, 0, NULL, 0);
	commit();
	assert_true(has_cookie(0, "c2"));
	give_uuid(0, EVENT_DELETE, 90);
	give(0, EVENT_COOKIE, BINDING, "c3", 2);
	commit();
	assert_true(has_cookie(0, "c3"));
	assert_null(apply_take_doubt(apply, 0));
}

static void test_a_folder_from_elsewhere_is_doubted(void **state)
{
	(void)state;
	refresh_with_folder();
	give_folder(0, 90, "ou=Renamed,dc=x", true); /* is known here too */
	give_folder(0, 91, "ou=New,dc=x", false);
	commit();
	assert_null(apply_take_doubt(apply, 0));
	give_folder(0, 92, "ou=Came,dc=x", true);
	give(0, EVENT_COOKIE, BINDING, "c2", 2);
	commit();
	assert_true(has_cookie(0, ""));
	assert_non_null(apply_take_doubt(apply, 0));
	/* In a refresh that goes on from a cookie nobody can tell it from a new one. */
	refresh_with_folder();
	give(0, EVENT_REFRESH, SOURCE_RESUME, NULL, 0);
	give_person(0, 103);
	give_folder(0, 93, "ou=Came too,dc=x", false);
	commit();
	assert_true(has_cookie(0, ""));
	assert_non_null(apply_take_doubt(apply, 0));
}

/* 389 sends what it gathered in a refresh behind it, each entry as it was. */
static void test_a_person_who_lags_behind_her_folder_is_doubted(void **state)
{
	(void)state;
	refresh_with_folder();
	give_folder(0, 90, "ou=Renamed,dc=x", true);
	give_folder(0, 90, "ou=Renamed,dc=x", true); /* for something that nobody asked for */
	give_entry(0, make_person(102, "uid=102,ou=Unread,dc=x", "u102@example.com"));
	commit();
	assert_null(apply_take_doubt(apply, 0));
	refresh_with_folder();
	give_folder(0, 90, "ou=Renamed,dc=x", true);
	give_entry(0, make_person(100, "uid=100,ou=Folder,dc=x", "new@example.com"));
	commit();
	assert_null(apply_take_doubt(apply, 0));
	give_folder(0, 90, "ou=Renamed,dc=x", true);
	give(0, EVENT_COOKIE, BINDING, "c2", 2);
	commit();
	assert_true(has_cookie(0, ""));
	assert_non_null(apply_take_doubt(apply, 0));
	refresh(0, SOURCE_FULL, 3, "c3");
	give_folder(0, 91, "ou=Other,dc=x", false);
	give_folder(0, 91, "ou=Other,dc=x", true);
	commit();
	assert_null(apply_take_doubt(apply, 0));
}

static void test_a_resumed_refresh_that_sends_everything_is_doubted(void **state)
{
	(void)state;
	refresh(0, SOURCE_FULL, MANY, "c1");
	give(0, EVENT_REFRESH, SOURCE_RESUME, NULL, 0);
	for (unsigned i = 1; i < MANY; i++)
		give_person(0, 100 + i);
	give(0, EVENT_COOKIE, BINDING, "c2", 2);
	give(0, EVENT_DONE, 0, NULL, 0);
	commit();
	assert_true(has_cookie(0, ""));
	assert_non_null(apply_take_doubt(apply, 0));
}

static void test_a_present_phase_deletes_what_it_did_not_name(void **state)
{
	(void)state;
	refresh(0, SOURCE_FULL, 3, "c1");
	give(0, EVENT_REFRESH, SOURCE_RESUME, NULL, 0);
	give_uuid(0, EVENT_PRESENT, 1);
	give_uuid(0, EVENT_PRESENT, 2);
	give_uuid(0, EVENT_PRESENT, 100);
	give_uuid(0, EVENT_PRESENT, 4711); /* not known: no harm */
	give_person(0, 101);
	give(0, EVENT_DONE, 1, NULL, 0);
	commit();
	assert_true(finds(100));
	assert_true(finds(101));
	assert_false(finds(102));
}

static void test_a_list_of_what_is_there_does_not_bring_back_what_was_deleted(void **state)
{
	(void)state;
	refresh(0, SOURCE_FULL, 4, "c1");
	give(0, EVENT_REFRESH, SOURCE_RESUME, NULL, 0);
	give_uuid(0, EVENT_PRESENT, 1);
	give_uuid(0, EVENT_PRESENT, 2);
	give_uuid(0, EVENT_PRESENT, 100);
	give_uuid(0, EVENT_DELETE, 100); /* after the list was begun */
	give_uuid(0, EVENT_DELETE, 101);
	give_uuid(0, EVENT_PRESENT, 101); /* which still has it */
	give_uuid(0, EVENT_DELETE, 102);
	give_person(0, 102); /* back again */
	give(0, EVENT_DONE, 1, NULL, 0);
	commit();
	assert_false(finds(100));
	assert_false(finds(101));
	assert_true(finds(102));
	assert_false(finds(103)); /* nobody named it */
}

static void begin_audit(void)
{
	give(0, EVENT_REFRESH, SOURCE_RESUME, NULL, 0);
	give_entry(0, make_site(3, "cn=T,cn=Sites,dc=x"));
	give_uuid(0, EVENT_DELETE, 100);
	give(0, EVENT_COOKIE, BINDING, "c2", 2);
	give(0, EVENT_AUDIT, 0, NULL, 0);
	commit();
}

static void test_an_audit_holds_nothing_up(void **state)
{
	(void)state;
	refresh(0, SOURCE_FULL, 5, "c1");
	begin_audit();
	assert_int_equal(apply_phase(apply, 0), APPLY_REFRESHING);
	assert_false(finds(100)); /* as told, and so it stays */
	assert_true(snapshot_has_sites(2));
	assert_true(has_cookie(0, "c2"));
	give_uuid(0, EVENT_PRESENT, 1);
	give_uuid(0, EVENT_PRESENT, 100); /* the list may be older than what was told */
	give_uuid(0, EVENT_PRESENT, 101);
	give_entry(0, make_site(4, "cn=U,cn=Sites,dc=x"));
	give_uuid(0, EVENT_DELETE, 101);
	give_uuid(0, EVENT_DELETE, 102);
	give_person(0, 102); /* back again */
	give_person(0, 900);
	give(0, EVENT_COOKIE, BINDING, "c3", 2);
	commit();
	assert_true(snapshot_has_sites(3));
	assert_false(finds(101));
	assert_true(finds(900));
	assert_true(finds(103)); /* the list is not through */
	assert_true(has_cookie(0, "c3"));
	give_uuid(0, EVENT_PRESENT, 2);
	give_uuid(0, EVENT_PRESENT, 101); /* still older */
	give_uuid(0, EVENT_PRESENT, 104);
	give(0, EVENT_DONE, 1, NULL, 0);
	commit();
	assert_int_equal(apply_phase(apply, 0), APPLY_LIVE);
	assert_false(finds(100));
	assert_false(finds(101));
	assert_true(finds(102));
	assert_false(finds(103)); /* nobody named it */
	assert_true(finds(104));
	assert_true(finds(900));
	assert_true(snapshot_has_sites(3));
	assert_true(has_cookie(0, "c3"));
}

static void test_a_new_folder_in_an_audit_is_no_arrival(void **state)
{
	(void)state;
	refresh(0, SOURCE_FULL, 5, "c1");
	begin_audit();
	give_folder(0, 90, "ou=new,dc=x", false);
	commit();
	assert_null(apply_take_doubt(apply, 0));
	give_folder(0, 91, "ou=moved,dc=x", true); /* known there, not here */
	commit();
	assert_non_null(apply_take_doubt(apply, 0));
}

static void test_an_audit_cut_off_leaves_what_was_told(void **state)
{
	(void)state;
	refresh(0, SOURCE_FULL, 5, "c1");
	begin_audit();
	give_person(0, 900);
	apply_close(&apply);
	open_apply();
	assert_true(has_cookie(0, "c2"));
	assert_false(finds(100));
	assert_true(finds(103));
	assert_false(finds(900));
	assert_true(snapshot_has_sites(2));
}

/* Behind a refresh that is over: only a list. */
static void test_an_audit_of_its_own(void **state)
{
	(void)state;
	refresh(0, SOURCE_FULL, 5, "c1");
	give(0, EVENT_AUDIT, 0, NULL, 0);
	give_uuid(0, EVENT_PRESENT, 1);
	give_entry(0, make_site(3, "cn=T,cn=Sites,dc=x"));
	commit();
	assert_int_equal(apply_phase(apply, 0), APPLY_REFRESHING);
	assert_true(snapshot_has_sites(2)); /* it holds nothing up */
	give_person(0, 900);
	give_uuid(0, EVENT_DELETE, 101);
	give_uuid(0, EVENT_PRESENT, 2);
	give_uuid(0, EVENT_PRESENT, 100);
	give_uuid(0, EVENT_PRESENT, 101); /* older than what was told */
	give_uuid(0, EVENT_PRESENT, 103);
	give_uuid(0, EVENT_PRESENT, 104);
	give(0, EVENT_DONE, 1, NULL, 0);
	commit();
	assert_int_equal(apply_phase(apply, 0), APPLY_LIVE);
	assert_true(finds(100));
	assert_false(finds(101));
	assert_false(finds(102)); /* nobody named it */
	assert_true(finds(104));
	assert_true(finds(900));
	assert_true(has_cookie(0, "c1"));
}

static void test_no_audit_of_its_own_in_doubt(void **state)
{
	(void)state;
	refresh(0, SOURCE_FULL, 5, "c1");
	give_folder(0, 91, "ou=moved,dc=x", true); /* known there, not here */
	give(0, EVENT_AUDIT, 0, NULL, 0);
	give_uuid(0, EVENT_PRESENT, 1);
	give(0, EVENT_DONE, 1, NULL, 0);
	commit();
	assert_int_equal(apply_phase(apply, 0), APPLY_LIVE);
	assert_non_null(apply_take_doubt(apply, 0));
	assert_true(finds(100));
	assert_true(has_cookie(0, ""));
}

/* A server that ignores its cookie tells everything but deletions: the list tells them. */
static void test_an_audit_waits_where_everything_was_sent(void **state)
{
	(void)state;
	refresh(0, SOURCE_FULL, 5, "c1");
	give(0, EVENT_REFRESH, SOURCE_RESUME, NULL, 0);
	for (unsigned id = 100; id < 104; id++)
		give_person(0, id);
	give_entry(0, make_site(3, "cn=T,cn=Sites,dc=x"));
	give(0, EVENT_COOKIE, BINDING, "c2", 2);
	give(0, EVENT_AUDIT, 0, NULL, 0);
	commit();
	assert_true(snapshot_has_sites(1));
	assert_true(has_cookie(0, "c1"));
	give_uuid(0, EVENT_PRESENT, 1);
	give_uuid(0, EVENT_PRESENT, 2);
	give(0, EVENT_DONE, 1, NULL, 0);
	commit();
	assert_null(apply_take_doubt(apply, 0));
	assert_true(snapshot_has_sites(2));
	assert_false(finds(104));
	assert_true(has_cookie(0, "c2"));
}

static void give_named_deletion(unsigned id, const char *dn)
{
	const struct entry_uuid uuid = make_uuid(id);
	struct buf data = { 0 };

	buf_add(&data, &uuid, sizeof(uuid));
	buf_adds(&data, dn);
	give(0, EVENT_DELETE, 0, data.data, data.len);
	buf_free(&data);
}

static void test_a_deletion_by_another_name_is_told(void **state)
{
	(void)state;
	refresh(0, SOURCE_FULL, 5, "c1");
	give_named_deletion(100, "UID=100, ou=People,dc=x");
	give_uuid(0, EVENT_DELETE, 101);
	give_named_deletion(777, "uid=nobody,ou=People,dc=x");
	assert_false(apply_take_misnamed(apply, 0));
	give_named_deletion(102, "uid=new,ou=People,dc=x");
	assert_true(apply_take_misnamed(apply, 0));
	assert_false(apply_take_misnamed(apply, 0));
	give(0, EVENT_REFRESH, SOURCE_RESUME | SOURCE_SURE, NULL, 0);
	give_named_deletion(103, "uid=new,ou=People,dc=x");
	give(0, EVENT_DONE, 0, NULL, 0);
	commit();
	assert_true(apply_take_misnamed(apply, 0));
	assert_false(finds(100));
	assert_false(finds(103));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, apply_setup, apply_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_resuming_shows_people_at_once_but_deletes_and_routes_at_the_end),
		TEST(test_the_last_word_of_a_refresh_on_an_entry_counts),
		TEST(test_a_folder_that_goes_alone_is_doubted),
		TEST(test_a_folder_that_goes_with_its_people_is_not),
		TEST(test_a_folder_that_goes_alone_in_a_refresh_is_doubted),
		TEST(test_a_source_that_is_sure_is_not_doubted),
		TEST(test_a_folder_from_elsewhere_is_doubted),
		TEST(test_a_person_who_lags_behind_her_folder_is_doubted),
		TEST(test_a_resumed_refresh_that_sends_everything_is_doubted),
		TEST(test_a_present_phase_deletes_what_it_did_not_name),
		TEST(test_a_list_of_what_is_there_does_not_bring_back_what_was_deleted),
		TEST(test_an_audit_holds_nothing_up),
		TEST(test_a_new_folder_in_an_audit_is_no_arrival),
		TEST(test_an_audit_cut_off_leaves_what_was_told),
		TEST(test_an_audit_of_its_own),
		TEST(test_no_audit_of_its_own_in_doubt),
		TEST(test_an_audit_waits_where_everything_was_sent),
		TEST(test_a_deletion_by_another_name_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
