/*
 * Files of the replica that are removed, replaced, cut and overwritten: noticed while they are used,
 * mended by the next start, and no reader's end.
 *
 * The last test overwrites the file of a replica at random and lets a process like the agent work on
 * it, again and again as its supervisor would: it may die, but not for ever. WP_ROUNDS=N WP_SEED=N
 * (12; 300 with WP_FULL=1); without sanitizers, which report what is meant to happen there.
 */
#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/replica_damage.h"
#include "common/snapshot_file.h"
#include "tests/ldapsync/apply_fixture.h"
#include "tests/ldapsync/replica_fixture.h"

enum { PATIENCE_S = 120, STARTS_MAX = 6, FEWER = MANY - 5 /* nobody asks about so few */ };

/* ---- what is done to the files ---- */

static const char *in_replica(const char *name)
{
	static char paths[2][512];
	static unsigned turn;
	char *path = paths[turn++ % 2];

	snprintf(path, sizeof(paths[0]), "%s/replica/%s", config.state_dir, name);
	return path;
}

static const char *in_generation(const char *name)
{
	char within[64];

	snprintf(within, sizeof(within), "g%llu/%s",
		 (unsigned long long)replica_store_current(config.state_dir), name);
	return in_replica(within);
}

static off_t size_of(const char *path)
{
	struct stat info;

	assert_int_equal(stat(path, &info), 0);
	return info.st_size;
}

static void cut(const char *path, off_t size)
{
	assert_int_equal(truncate(path, size), 0);
}

static void remove_folder(void)
{
	char folder[512], away[512];

	snprintf(away, sizeof(away), "%s/away", config.state_dir);
	snprintf(folder, sizeof(folder), "%s/replica", config.state_dir);
	assert_int_equal(rename(folder, away), 0);
}

static void remove_link(void)
{
	assert_int_equal(unlink(in_replica("current")), 0);
}

static void remove_generation(void)
{
	assert_int_equal(unlink(in_generation("data.mdb")), 0);
}

static void replace_file(void)
{
	char command[1200];

	snprintf(command, sizeof(command), "cp %s %s", in_generation("data.mdb"),
		 in_generation("copy"));
	assert_int_equal(system(command), 0);
	assert_int_equal(rename(in_generation("copy"), in_generation("data.mdb")), 0);
}

static void cut_file(void)
{
	cut(in_generation("data.mdb"), size_of(in_generation("data.mdb")) / 2);
}

static void cut_last_page(void)
{
	cut(in_generation("data.mdb"), size_of(in_generation("data.mdb")) - 1);
}

static void empty_file(void)
{
	cut(in_generation("data.mdb"), 0);
}

static void mark(void)
{
	fclose(fopen(in_generation("damaged"), "w"));
}

static void cut_image(void)
{
	char name[64];

	snprintf(name, sizeof(name), "snapshots/%llu.img", (unsigned long long)snapshot_now());
	cut(in_replica(name), 100);
}

static bool in_child(void (*run)(void))
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		alarm(PATIENCE_S);
		run();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* ---- noticed, and mended by the next start ---- */

static const struct {
	const char *what;
	void (*spoil)(void);
	bool goes_on; /* the same replica can be gone on with */
} cases[] = {
	{ "folder removed", remove_folder, false },
	{ "link removed", remove_link, false },
	{ "file removed", remove_generation, false },
	{ "file replaced", replace_file, true },
	{ "file cut", cut_file, false },
	{ "last page cut", cut_last_page, true },
	{ "file emptied", empty_file, false },
	{ "marked for nothing", mark, true },
};

static void start_again(bool goes_on)
{
	struct err err = { 0 };
	struct apply_status status;

	apply_close(&apply);
	open_apply();
	apply_status(apply, &status);
	assert_int_equal(status.is_published, goes_on);
	assert_true(has_cookie(0, goes_on ? "c1" : ""));
	refresh(0, SOURCE_FULL, FEWER, "c2");
	if (apply_check(apply, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(walks_over(FEWER));
	assert_true(snapshot_has_sites(1));
}

static void test_what_happens_to_files_is_noticed_and_mended(void **state)
{
	struct err err = { 0 };

	for (size_t i = 0; i < WP_COUNT(cases); i++) {
		print_message("# %s\n", cases[i].what);
		refresh(0, SOURCE_FULL, MANY, "c1");
		if (apply_check(apply, &err) < 0)
			fail_msg("%s", err.text);
		cases[i].spoil();
		assert_int_equal(apply_check(apply, &err), -1);
		assert_true(err.remedy[0] != '\0');
		start_again(cases[i].goes_on);
		apply_teardown(state);
		apply_setup(state);
	}
}

static void test_an_image_is_made_again(void **state)
{
	struct err err = { 0 };

	(void)state;
	refresh(0, SOURCE_FULL, MANY, "c1");
	assert_int_equal(snapshot_now(), 1);
	assert_int_equal(apply_mend_image(apply, 1000, &err), 0);
	assert_int_equal(snapshot_now(), 1);
	cut_image();
	assert_false(snapshot_has_sites(1));
	assert_int_equal(apply_check(apply, &err), 0);
	assert_int_equal(apply_mend_image(apply, 1000, &err), 0);
	assert_true(snapshot_has_sites(1));
	cut_image();
	start_again(true);
}

/* Whatever it dies of: nobody but the next one looks at it again. */
static void die_at_work(void)
{
	signal(SIGABRT, SIG_DFL);
	replica_damage_catch(true);
	open_apply();
	if (freopen("/dev/null", "w", stderr) != NULL)
		abort();
}

static void test_a_writer_that_dies_leaves_a_suspicion(void **state)
{
	uint64_t generation;

	(void)state;
	refresh(0, SOURCE_FULL, MANY, "c1");
	generation = replica_store_current(config.state_dir);
	apply_close(&apply);
	assert_false(in_child(die_at_work));
	assert_true(replica_damage_is_suspected(config.state_dir, generation));
	assert_true(walks_over(MANY));
	start_again(true);
	assert_false(replica_damage_is_suspected(config.state_dir, generation));
}

/* The lock is what tells one folder from another. */
static void test_a_folder_in_place_of_ours_is_noticed(void **state)
{
	struct err err = { 0 };
	char command[1200];

	(void)state;
	refresh(0, SOURCE_FULL, MANY, "c1");
	snprintf(command, sizeof(command), "cp -a %s/replica %s/copy", config.state_dir,
		 config.state_dir);
	assert_int_equal(system(command), 0);
	remove_folder();
	snprintf(command, sizeof(command), "mv %s/copy %s/replica", config.state_dir, config.state_dir);
	assert_int_equal(system(command), 0);
	assert_int_equal(apply_check(apply, &err), -1);
	assert_non_null(strstr(err.text, "removed or replaced"));
	start_again(true);
}

/* ---- readers ---- */

static void test_a_snapshot_outlives_its_file(void **state)
{
	struct apply_status status;
	struct snapshot_file *file;

	(void)state;
	refresh(0, SOURCE_FULL, MANY, "c1");
	apply_status(apply, &status);
	assert_int_equal(snapshot_file_open(config.state_dir, &status.snapshot, &file, NULL), 0);
	cut_image();
	assert_int_equal(snap_count(snapshot_file_view(file), SNAP_SITES), 1);
	snapshot_file_unref(&file);
}

static bool is_ok(int rc, const struct err *err)
{
	if (rc == 0)
		return true;
	if (replica_damage_is(err) && apply != NULL)
		apply_mark_damaged(apply);
	return false;
}

static bool tell(enum event_kind kind, uint64_t number, const void *data, size_t len)
{
	const struct event event = { kind, number, data, len };
	struct err err = { 0 };

	return is_ok(apply_event(apply, 0, &event, 1000, &err), &err);
}

static bool tell_entry(struct entry *entry)
{
	struct buf bytes = { 0 };
	bool told;

	entry_encode(entry, &bytes);
	told = tell(EVENT_UPSERT, 0, bytes.data, bytes.len);
	buf_free(&bytes);
	talloc_free(entry);
	return told;
}

static bool tell_people(unsigned n)
{
	char dn[64], mail[64];

	for (unsigned id = 100; id < 100 + n; id++) {
		snprintf(dn, sizeof(dn), "uid=%u,ou=People,dc=x", id);
		snprintf(mail, sizeof(mail), "u%u@example.com", id);
		if (!tell_entry(make_person(id, dn, mail)))
			return false;
	}
	return true;
}

/* As the agent, in a process of its own: whatever fails is its end. */
static void work(unsigned n)
{
	struct err err = { 0 };

	if (!is_ok(apply_open(&config, 1000, &apply, &err), &err) ||
	    !tell(EVENT_REFRESH, SOURCE_FULL, NULL, 0) ||
	    !tell_entry(make_site(1, "cn=S,cn=Sites,dc=x")) ||
	    !tell_entry(make_server(2, "cn=H,cn=Servers,dc=x", "cn=S,cn=Sites,dc=x")) ||
	    !tell_people(n) || !tell(EVENT_COOKIE, BINDING, "c", 1) || !tell(EVENT_DONE, 1, NULL, 0) ||
	    !is_ok(apply_commit(apply, &err), &err) || !is_ok(apply_check(apply, &err), &err))
		_exit(1);
	apply_close(&apply);
}

static void work_on_fewer(void)
{
	work(FEWER);
}

static bool reads(struct replica_reader *reader, unsigned n)
{
	struct replica_counts counts = { 0 };

	if (replica_begin(reader, NULL) < 0)
		return false;
	assert_int_equal(replica_counts(reader, &counts, NULL), 0);
	replica_end(reader);
	return counts.recipients == n;
}

static void check_reader(void (*spoil)(void), bool serves_on)
{
	struct replica *replica = replica_open(config.state_dir);
	struct replica_reader *reader = replica_reader_new(replica);
	struct replica_snapshot what;

	assert_true(replica_poll(replica, &what));
	assert_true(reads(reader, MANY));
	spoil();
	replica_poll(replica, &what);
	assert_int_equal(reads(reader, MANY), serves_on);
	assert_true(in_child(work_on_fewer));
	assert_true(replica_poll(replica, &what));
	assert_true(reads(reader, FEWER));
	replica_reader_free(&reader);
	replica_close(&replica);
}

static void test_readers_outlive_what_happens_to_files(void **state)
{
	static const struct {
		void (*spoil)(void);
		bool serves_on;
	} fates[] = { { cut_file, false }, { empty_file, false }, { mark, false },
		      { remove_folder, true }, { remove_generation, true }, { remove_link, true } };

	for (size_t i = 0; i < WP_COUNT(fates); i++) {
		refresh(0, SOURCE_FULL, MANY, "c1");
		apply_close(&apply);
		check_reader(fates[i].spoil, fates[i].serves_on);
		apply_teardown(state);
		apply_setup(state);
	}
}

/* ---- at random ---- */

#ifndef WP_SANITIZED
static unsigned number_from(const char *name, unsigned otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

/* Some octets, or whole pages, of the file; now and then what LMDB says of itself. */
static void overwrite(unsigned *seed)
{
	FILE *file = fopen(in_generation("data.mdb"), "r+");
	long size = size_of(in_generation("data.mdb"));
	unsigned n = rand_r(seed) % 2 != 0 ? 4096 : 1 + (unsigned)rand_r(seed) % 64;
	long at = rand_r(seed) % 8 != 0 ? 8192 + rand_r(seed) % (size - 8192) : rand_r(seed) % 8192;

	assert_non_null(file);
	fseek(file, at, SEEK_SET);
	for (unsigned i = 0; i < n && at + (long)i < size; i++)
		fputc(rand_r(seed), file);
	fclose(file);
}

static void work_on_many(void)
{
	work(400);
}

static void work_and_die(void)
{
	signal(SIGBUS, SIG_DFL); /* cmocka's handlers would go on with the next test */
	signal(SIGSEGV, SIG_DFL);
	replica_damage_catch(true);
	/* What it says is expected. */
	if (freopen("/dev/null", "w", stderr) == NULL)
		_exit(1);
	work_on_many();
}

static void test_random_damage_is_not_for_ever(void **state)
{
	bool is_full = number_from("WP_FULL", 0) == 1;
	unsigned rounds = number_from("WP_ROUNDS", is_full ? 300 : 12), starts, most = 0;

	for (unsigned round = 0; round < rounds; round++) {
		unsigned seed = number_from("WP_SEED", 1) + round;

		apply_close(&apply);
		assert_true(in_child(work_on_many));
		for (unsigned i = 1 + (unsigned)rand_r(&seed) % 3; i > 0; i--)
			overwrite(&seed);
		for (starts = 1; !in_child(work_and_die); starts++)
			if (starts == STARTS_MAX)
				fail_msg("seed %u: it never comes back", number_from("WP_SEED", 1) + round);
		most = starts > most ? starts : most;
		assert_true(walks_over(400));
		assert_true(snapshot_has_sites(1));
		apply_teardown(state);
		apply_setup(state);
	}
	assert_true(most > 1 || rounds < 12);
}
#endif

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, apply_setup, apply_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_what_happens_to_files_is_noticed_and_mended),
		TEST(test_an_image_is_made_again),
		TEST(test_a_writer_that_dies_leaves_a_suspicion),
		TEST(test_a_folder_in_place_of_ours_is_noticed),
		TEST(test_a_snapshot_outlives_its_file),
		TEST(test_readers_outlive_what_happens_to_files),
#ifndef WP_SANITIZED
		TEST(test_random_damage_is_not_for_ever),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
