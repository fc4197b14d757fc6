/* What becomes visible when: first and full refreshes, changes, files, snapshots, failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/ldapsync/apply_fixture.h"
#include "tests/ldapsync/replica_fixture.h"

static void test_the_first_refresh_is_seen_only_when_it_is_done(void **state)
{
	(void)state;
	give(0, EVENT_REFRESH, SOURCE_FULL, NULL, 0);
	give_person(0, 100);
	commit();
	assert_false(sees_replica());
	give_entry(0, make_site(1, "cn=S,dc=x"));
	give(0, EVENT_COOKIE, BINDING, "c1", 2);
	assert_true(has_cookie(0, ""));
	give(0, EVENT_DONE, 1, NULL, 0);
	commit();
	assert_true(finds(100));
	assert_true(snapshot_has_sites(1));
	assert_true(has_cookie(0, "c1"));
	assert_int_equal(apply_phase(apply, 0), APPLY_LIVE);
}

static void test_a_first_refresh_cut_off_leaves_nothing_behind(void **state)
{
	(void)state;
	give(0, EVENT_REFRESH, SOURCE_FULL, NULL, 0);
	give_person(0, 100);
	commit();
	refresh(0, SOURCE_FULL, 0, "c1"); /* the next session: 100 is gone */
	assert_true(sees_replica());
	assert_false(finds(100));
}

static void test_with_two_directories_nothing_is_seen_before_both_are_done(void **state)
{
	(void)state;
	apply_close(&apply);
	config.n_directories = 2;
	open_apply();
	refresh(0, SOURCE_FULL, 1, "a");
	assert_false(sees_replica());
	give(1, EVENT_REFRESH, SOURCE_FULL, NULL, 0);
	give_person(1, 500);
	give(1, EVENT_DONE, 1, NULL, 0);
	commit();
	assert_true(finds(100));
	assert_true(finds(500));
	/* A later full refresh of one leaves the other's entries alone. */
	give(1, EVENT_REFRESH, SOURCE_FULL, NULL, 0);
	give_person(1, 501);
	give(1, EVENT_DONE, 1, NULL, 0);
	commit();
	assert_true(finds(100));
	assert_true(finds(501));
	assert_false(finds(500));
}

static void test_changes_are_seen_at_commit(void **state)
{
	uint64_t before;

	(void)state;
	refresh(0, SOURCE_FULL, 2, "c1");
	before = snapshot_now();
	give_person(0, 900);
	give_uuid(0, EVENT_DELETE, 100);
	give(0, EVENT_COOKIE, BINDING, "c2", 2);
	assert_false(finds(900));
	assert_true(walks_over(2));
	give_person(0, 901);
	give_person(0, 902);
	commit();
	assert_true(walks_over(4));
	assert_true(finds(900));
	assert_false(finds(100));
	assert_true(has_cookie(0, "c2"));
	assert_int_equal(snapshot_now(), before); /* people are no topology */
	give_entry(0, make_site(3, "cn=T,cn=Sites,dc=x"));
	commit();
	assert_int_equal(snapshot_now(), before + 1);
	assert_true(snapshot_has_sites(2));
}

static void test_a_diagnostic_is_stored_without_a_change(void **state)
{
	struct apply_status status;
	uint64_t before;

	(void)state;
	refresh(0, SOURCE_FULL, 3, "c1");
	apply_status(apply, &status);
	before = status.diagnostics;
	give_entry(0, make_person(90, "no DN at all", "u90@example.com"));
	commit();
	apply_status(apply, &status);
	assert_int_equal(status.diagnostics, before + 1);
}

static void test_a_file_is_one_transaction(void **state)
{
	(void)state;
	refresh(0, SOURCE_FILE, 3, "");
	give(0, EVENT_REFRESH, SOURCE_FILE, NULL, 0);
	give_entry(0, make_site(1, "cn=S,cn=Sites,dc=x"));
	give_person(0, 900);
	commit();
	assert_false(finds(900));
	give(0, EVENT_DONE, 1, NULL, 0);
	commit();
	assert_true(finds(900));
	assert_false(finds(100));
}

static void test_a_full_refresh_is_seen_as_a_whole_in_a_new_generation(void **state)
{
	uint64_t generation = apply_store(apply)->generation;

	(void)state;
	refresh(0, SOURCE_FULL, 3, "c1");
	give(0, EVENT_REFRESH, SOURCE_FULL, NULL, 0);
	give_person(0, 900);
	commit();
	assert_false(finds(900));
	assert_true(finds(100));
	refresh(0, SOURCE_FULL, 2, "c2"); /* cut off and begun anew */
	assert_false(finds(900));
	assert_true(finds(101));
	assert_false(finds(102));
	assert_int_not_equal(apply_store(apply)->generation, generation);
	assert_true(has_cookie(0, "c2"));
}

/* Not committed, but not lost either, nor does the end of the refresh wait for it. */
static void test_a_full_refresh_may_follow_a_change_at_once(void **state)
{
	(void)state;
	refresh(0, SOURCE_FULL, 3, "c1");
	give_person(0, 900);
	give(0, EVENT_REFRESH, SOURCE_FULL, NULL, 0);
	assert_true(finds(900));
	refresh(0, SOURCE_FULL, 3, "c2");
	assert_false(finds(900));
	assert_true(finds(100));
}

static void test_a_restart_goes_on_from_what_was_committed(void **state)
{
	uint64_t before;

	(void)state;
	refresh(0, SOURCE_FULL, 2, "c1");
	before = snapshot_now();
	give_person(0, 900); /* not committed */
	apply_close(&apply);
	open_apply();
	assert_int_equal(snapshot_now(), before);
	assert_true(has_cookie(0, "c1"));
	assert_true(finds(100));
	assert_false(finds(900));
}

static void test_a_lost_image_is_made_again_at_start(void **state)
{
	char path[512];
	uint64_t before;

	refresh(0, SOURCE_FULL, 1, "c1");
	before = snapshot_now();
	apply_close(&apply);
	snprintf(path, sizeof(path), "%s/replica/snapshots/%llu.img", (char *)*state,
		 (unsigned long long)before);
	assert_int_equal(truncate(path, 100), 0);
	open_apply();
	assert_int_equal(snapshot_now(), before + 1);
	assert_true(snapshot_has_sites(1));
}

static void test_old_images_are_removed_but_for_the_history(void **state)
{
	char path[512];

	refresh(0, SOURCE_FULL, 1, "c1");
	for (unsigned i = 0; i < KEEP + 5; i++) {
		char dn[64];

		snprintf(dn, sizeof(dn), "cn=T%u,cn=Sites,dc=x", i);
		give_entry(0, make_site(10, dn));
		commit();
	}
	for (uint64_t n = 1; n <= snapshot_now(); n++) {
		snprintf(path, sizeof(path), "%s/replica/snapshots/%llu.img", (char *)*state,
			 (unsigned long long)n);
		assert_int_equal(access(path, F_OK) == 0, n + KEEP > snapshot_now());
	}
}

/* The host file calls them otherwise: until they were read under that name nobody is missing. */
static void test_another_title_loses_nobody(void **state)
{
	static const struct apply_directory renamed[] = { { "main", 20 }, { "rest", 20 } };

	(void)state;
	refresh(0, SOURCE_FULL, MANY, "c1");
	apply_close(&apply);
	config.directories = renamed;
	open_apply();
	commit();
	assert_true(finds(100));
	refresh(0, SOURCE_FULL, MANY, "c2");
	assert_int_equal(apply_phase(apply, 0), APPLY_LIVE);
	assert_true(walks_over(MANY));
	assert_true(snapshot_has_sites(1));
}

static void test_what_is_named_no_more_goes_when_all_others_were_read(void **state)
{
	static const struct apply_directory renamed[] = { { "corp", 20 }, { "rest", 20 } };

	(void)state;
	apply_close(&apply);
	config.n_directories = 2;
	open_apply();
	refresh(0, SOURCE_FULL, 3, "c1");
	give(1, EVENT_REFRESH, SOURCE_FULL, NULL, 0);
	give_person(1, 500);
	give_person(1, 501);
	give(1, EVENT_DONE, 1, NULL, 0);
	commit();
	assert_true(finds(500));
	apply_close(&apply);
	config.directories = renamed;
	open_apply();
	refresh(0, SOURCE_RESUME, 3, "c2");
	assert_true(finds(500));
	give(1, EVENT_REFRESH, SOURCE_FULL, NULL, 0);
	give_person(1, 500);
	commit();
	assert_true(finds(501));
	give(1, EVENT_DONE, 1, NULL, 0);
	commit();
	assert_true(finds(500));
	assert_false(finds(501));
	assert_true(finds(100));
}

/* Its end was undone with the transaction. */
static void test_a_first_refresh_whose_end_failed_is_not_over(void **state)
{
	const struct event broken = { .kind = EVENT_UPSERT, .data = "?", .len = 1 };
	struct err err = { 0 };

	(void)state;
	apply_close(&apply);
	config.n_directories = 2;
	open_apply();
	give(0, EVENT_REFRESH, SOURCE_FULL, NULL, 0);
	give_person(0, 100);
	give(0, EVENT_DONE, 1, NULL, 0);
	assert_int_equal(apply_event(apply, 1, &broken, 1000, &err), -1);
	refresh(1, SOURCE_FULL, 1, "c1");
	assert_false(sees_replica());
	refresh(0, SOURCE_FULL, 1, "c1");
	assert_true(sees_replica());
}

static void give_person_with(size_t directory, unsigned id, const char *name, const char *value)
{
	struct entry *entry;
	char dn[64];

	snprintf(dn, sizeof(dn), "uid=%u,dc=x", id);
	entry = make_person(id, dn, "a@x.com");
	entry_add_text(entry, name, value);
	give_entry(directory, entry);
}

static void test_who_names_others_is_known(void **state)
{
	struct entry_uuid uuids[2];
	struct buf found = { 0 };
	struct err err = { 0 };

	(void)state;
	apply_close(&apply);
	config.n_directories = 2;
	open_apply();
	refresh(0, SOURCE_FULL, 2, "a");
	refresh(1, SOURCE_FULL, 0, "b");
	give_person_with(0, 200, "member", "uid=100,dc=x");
	give_person_with(0, 201, "waypostForwardDN", "uid=100,dc=x");
	give_person_with(0, 202, "mailRoutingAddress", "b@y.com");
	give_person_with(1, 203, "member", "uid=100,dc=x");
	commit();
	apply_close(&apply);
	open_apply(); /* the directory has said nothing yet */
	assert_int_equal(apply_holders(apply, 0, &found, &err), 0);
	assert_int_equal(found.len, sizeof(uuids));
	memcpy(uuids, found.data, sizeof(uuids));
	for (unsigned i = 0; i < 2; i++) {
		const struct entry_uuid want = make_uuid(200 + i);

		assert_true(entry_uuid_equal(&uuids[i], &want));
	}
	buf_free(&found);
}

static ino_t image_inode(const char *state_dir, uint64_t number)
{
	struct stat info;
	char path[512];

	snprintf(path, sizeof(path), "%s/replica/snapshots/%llu.img", state_dir,
		 (unsigned long long)number);
	return stat(path, &info) == 0 ? info.st_ino : 0;
}

static void test_the_next_image_has_its_room(void **state)
{
	ino_t room;

	refresh(0, SOURCE_FULL, 1, "c1");
	room = image_inode(*state, snapshot_now() + 1);
	assert_true(room != 0);
	give_entry(0, make_site(10, "cn=T,cn=Sites,dc=x"));
	commit();
	assert_true(image_inode(*state, snapshot_now()) == room);
	assert_true(snapshot_has_sites(2));
}

static void test_an_image_that_outgrows_its_room_is_a_new_file(void **state)
{
	ino_t room;

	refresh(0, SOURCE_FULL, 1, "c1");
	room = image_inode(*state, snapshot_now() + 1);
	for (unsigned i = 0; i < 1000; i++) {
		char dn[64];

		snprintf(dn, sizeof(dn), "cn=T%u,cn=Sites,dc=x", i);
		give_entry(0, make_site(1000 + i, dn));
	}
	commit();
	assert_true(image_inode(*state, snapshot_now()) != room);
	assert_true(snapshot_has_sites(1001));
}

static void test_room_that_is_lost_is_no_harm(void **state)
{
	char path[512];

	refresh(0, SOURCE_FULL, 1, "c1");
	snprintf(path, sizeof(path), "%s/replica/snapshots/%llu.img", (char *)*state,
		 (unsigned long long)snapshot_now() + 1);
	assert_int_equal(unlink(path), 0);
	give_entry(0, make_site(10, "cn=T,cn=Sites,dc=x"));
	commit();
	assert_true(snapshot_has_sites(2));
}

static void test_only_one_writes(void **state)
{
	struct apply *second;
	struct err err;

	(void)state;
	assert_int_equal(apply_open(&config, 1000, &second, &err), -1);
	assert_int_equal(err.domain, ERR_SYSTEM);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, apply_setup, apply_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_first_refresh_is_seen_only_when_it_is_done),
		TEST(test_a_first_refresh_cut_off_leaves_nothing_behind),
		TEST(test_with_two_directories_nothing_is_seen_before_both_are_done),
		TEST(test_changes_are_seen_at_commit),
		TEST(test_a_diagnostic_is_stored_without_a_change),
		TEST(test_a_file_is_one_transaction),
		TEST(test_a_full_refresh_is_seen_as_a_whole_in_a_new_generation),
		TEST(test_a_full_refresh_may_follow_a_change_at_once),
		TEST(test_a_restart_goes_on_from_what_was_committed),
		TEST(test_a_lost_image_is_made_again_at_start),
		TEST(test_old_images_are_removed_but_for_the_history),
		TEST(test_another_title_loses_nobody),
		TEST(test_what_is_named_no_more_goes_when_all_others_were_read),
		TEST(test_a_first_refresh_whose_end_failed_is_not_over),
		TEST(test_who_names_others_is_known),
		TEST(test_the_next_image_has_its_room),
		TEST(test_an_image_that_outgrows_its_room_is_a_new_file),
		TEST(test_room_that_is_lost_is_no_harm),
		TEST(test_only_one_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
