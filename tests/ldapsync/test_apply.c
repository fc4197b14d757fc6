/* What becomes visible when: refreshes, the guard, cookies, snapshots, failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/replica_recipients.h"
#include "common/snapshot_file.h"
#include "ldapsync/apply.h"
#include "ldapsync/source.h"
#include "tests/ldapsync/replica_fixture.h"

enum { BINDING = 7, MANY = 60, KEEP = 20 };

static struct apply_directory directories[2] = { { "corp", 20 }, { "more", 20 } };
static struct apply_config config = { .directories = directories, .n_directories = 1,
					.history = { .snapshots = KEEP } };
static struct apply *apply;

static void open_apply(void)
{
	struct err err = { 0 };

	if (apply_open(&config, 1000, &apply, &err) < 0)
		fail_msg("%s", err.text);
}

static int setup(void **state)
{
	if (state_dir_setup(state) < 0)
		return -1;
	config.state_dir = *state;
	config.n_directories = 1;
	open_apply();
	return 0;
}

static int teardown(void **state)
{
	apply_close(&apply);
	return state_dir_teardown(state);
}

static void give(size_t directory, enum event_kind kind, uint64_t number, const void *data,
		 size_t len)
{
	const struct event event = { kind, number, data, len };
	struct err err = { 0 };

	if (apply_event(apply, directory, &event, 1000, &err) < 0)
		fail_msg("%s", err.text);
}

static void give_entry(size_t directory, struct entry *entry)
{
	struct buf bytes = { 0 };

	entry_encode(entry, &bytes);
	give(directory, EVENT_UPSERT, 0, bytes.data, bytes.len);
	buf_free(&bytes);
	talloc_free(entry);
}

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

static void give_uuid(size_t directory, enum event_kind kind, unsigned id)
{
	const struct entry_uuid uuid = make_uuid(id);

	give(directory, kind, 0, &uuid, sizeof(uuid));
}

static void give_person(size_t directory, unsigned id)
{
	char dn[64], mail[64];

	snprintf(dn, sizeof(dn), "uid=%u,ou=People,dc=x", id);
	snprintf(mail, sizeof(mail), "u%u@example.com", id);
	give_entry(directory, make_person(id, dn, mail));
}

static void commit(void)
{
	struct err err = { 0 };

	if (apply_commit(apply, &err) < 0)
		fail_msg("%s", err.text);
}

/* A site, a server and N people from 100 on, in one refresh. */
static void refresh(size_t directory, enum source_refresh kind, unsigned n, const char *cookie)
{
	give(directory, EVENT_REFRESH, kind, NULL, 0);
	give_entry(directory, make_site(1, "cn=S,cn=Sites,dc=x"));
	give_entry(directory, make_server(2, "cn=H,cn=Servers,dc=x", "cn=S,cn=Sites,dc=x"));
	for (unsigned i = 0; i < n; i++)
		give_person(directory, 100 + i);
	give(directory, EVENT_COOKIE, BINDING, cookie, strlen(cookie));
	give(directory, EVENT_DONE, 1, NULL, 0);
	commit();
}

/* ---- what a reader sees ---- */

struct view {
	struct replica *replica;
	struct replica_reader *reader;
	bool is_there;
};

static struct view look(void)
{
	struct view view = { .replica = replica_open(config.state_dir) };

	view.reader = replica_reader_new(view.replica);
	view.is_there = replica_begin(view.reader, NULL) == 0;
	return view;
}

static void look_away(struct view *view)
{
	if (view->is_there)
		replica_end(view->reader);
	replica_reader_free(&view->reader);
	replica_close(&view->replica);
}

/* In a process of its own: LMDB allows one open of an environment per process. */
static bool in_child(bool (*test)(unsigned arg), unsigned arg)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(test(arg) ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) == 0;
}

static bool child_sees_replica(unsigned arg)
{
	struct view view = look();
	bool there = view.is_there;

	(void)arg;
	look_away(&view);
	return there;
}

static bool child_finds(unsigned id)
{
	struct view view = look();
	struct recipient list[4];
	char mail[64];
	int n = 0;

	if (view.is_there) {
		struct recipient_source source = replica_recipient_source(view.reader);

		snprintf(mail, sizeof(mail), "u%u@example.com", id);
		n = source.by_address(source.ctx, mail, list, 4, NULL);
	}
	look_away(&view);
	return n == 1;
}

static bool child_snapshot_has_sites(unsigned n)
{
	struct view view = look();
	struct replica_snapshot what;
	struct snapshot_file *file;
	bool right = false;

	if (view.is_there && replica_snapshot(view.reader, &what, NULL) == 0 &&
	    snapshot_file_open(config.state_dir, &what, &file, NULL) == 0) {
		right = snap_count(snapshot_file_view(file), SNAP_SITES) == n;
		snapshot_file_unref(&file);
	}
	look_away(&view);
	return right;
}

static bool count_recipient(void *arg, const struct recipient *recipient)
{
	*(unsigned *)arg += strstr(recipient->primary, "@example.com") != NULL;
	return true;
}

static bool child_walks_over(unsigned n)
{
	struct view view = look();
	unsigned seen = 0;
	int rc = -1;

	if (view.is_there)
		rc = replica_recipients_each(view.reader, count_recipient, &seen, NULL);
	look_away(&view);
	return rc == 0 && seen == n;
}

static bool walks_over(unsigned n)
{
	return in_child(child_walks_over, n);
}

static bool sees_replica(void)
{
	return in_child(child_sees_replica, 0);
}

static bool finds(unsigned id)
{
	return in_child(child_finds, id);
}

static bool snapshot_has_sites(unsigned n)
{
	return in_child(child_snapshot_has_sites, n);
}

static uint64_t snapshot_now(void)
{
	struct apply_status status;

	apply_status(apply, &status);
	return status.snapshot.number;
}

static bool has_cookie(size_t directory, const char *text)
{
	struct buf cookie = { 0 };
	bool same;

	assert_int_equal(apply_cookie(apply, directory, BINDING, &cookie, NULL), 0);
	same = cookie.len == strlen(text) && (cookie.len == 0 || memcmp(cookie.data, text,
									cookie.len) == 0);
	buf_free(&cookie);
	return same;
}

/* ---- tests ---- */

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

static void test_only_one_writes(void **state)
{
	struct apply *second;
	struct err err;

	(void)state;
	assert_int_equal(apply_open(&config, 1000, &second, &err), -1);
	assert_int_equal(err.domain, ERR_SYSTEM);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_first_refresh_is_seen_only_when_it_is_done),
		TEST(test_a_first_refresh_cut_off_leaves_nothing_behind),
		TEST(test_with_two_directories_nothing_is_seen_before_both_are_done),
		TEST(test_changes_are_seen_at_commit),
		TEST(test_resuming_shows_people_at_once_but_deletes_and_routes_at_the_end),
		TEST(test_the_last_word_of_a_refresh_on_an_entry_counts),
		TEST(test_a_diagnostic_is_stored_without_a_change),
		TEST(test_a_folder_that_goes_alone_is_doubted),
		TEST(test_a_folder_that_goes_with_its_people_is_not),
		TEST(test_a_folder_that_goes_alone_in_a_refresh_is_doubted),
		TEST(test_a_source_that_is_sure_is_not_doubted),
		TEST(test_a_folder_from_elsewhere_is_doubted),
		TEST(test_a_resumed_refresh_that_sends_everything_is_doubted),
		TEST(test_a_present_phase_deletes_what_it_did_not_name),
		TEST(test_a_file_is_one_transaction),
		TEST(test_a_full_refresh_is_seen_as_a_whole_in_a_new_generation),
		TEST(test_the_guard_holds_a_full_refresh_back),
		TEST(test_the_guard_holds_a_present_phase_back),
		TEST(test_the_guard_holds_a_file_back),
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
		TEST(test_a_restart_goes_on_from_what_was_committed),
		TEST(test_a_lost_image_is_made_again_at_start),
		TEST(test_old_images_are_removed_but_for_the_history),
		TEST(test_only_one_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
