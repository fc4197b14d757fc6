/*
 * kill -9 of the writing process at random moments, with readers in another process all the time.
 *
 * Every transaction changes two people and a site to one sequence number; now and then all of it
 * is refreshed into a new generation. Whoever reads, whenever, has to see the same number on both
 * people and a log that ends with that change, and after a kill at least the last number whose
 * commit had returned. WP_ROUNDS kills (10; 200 with WP_FULL=1).
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/replica_history.h"
#include "common/replica_recipients.h"
#include "common/snapshot_file.h"
#include "ldapsync/apply.h"
#include "ldapsync/source.h"
#include "tests/ldapsync/replica_fixture.h"

enum { KEEP = 20 };

static const struct apply_directory directory = { "corp", 20 };
static struct apply_config config = { .directories = &directory, .n_directories = 1,
					.history = { .snapshots = KEEP } };

/* Between the processes. */
static struct shared {
	atomic_ulong committed; /* the last number whose commit has returned */
	atomic_ulong reads;
	atomic_bool stop;
	atomic_int complaints;
} *shared;

static void complain(const char *what)
{
	fprintf(stderr, "%s\n", what);
	atomic_fetch_add(&shared->complaints, 1);
}

/* ---- the writer ---- */

static void give(struct apply *apply, enum event_kind kind, uint64_t number, const void *data,
		 size_t len)
{
	const struct event event = { kind, number, data, len };

	if (apply_event(apply, 0, &event, 1, NULL) < 0)
		complain("an event failed");
}

static void give_entry(struct apply *apply, struct entry *entry)
{
	struct buf bytes = { 0 };

	entry_encode(entry, &bytes);
	give(apply, EVENT_UPSERT, 0, bytes.data, bytes.len);
	buf_free(&bytes);
	talloc_free(entry);
}

static void give_all(struct apply *apply, unsigned long number)
{
	char text[64];

	snprintf(text, sizeof(text), "n%lu@example.com", number);
	give_entry(apply, make_person(1, "uid=a,ou=People,dc=x", text));
	snprintf(text, sizeof(text), "cn=S%lu,cn=Sites,dc=x", number);
	give_entry(apply, make_site(3, text));
	give_entry(apply, make_server(4, "cn=H,cn=Servers,dc=x", text));
	snprintf(text, sizeof(text), "n%lu@example.com", number);
	give_entry(apply, make_person(2, "uid=b,ou=People,dc=x", text));
}

static void write_for_ever(unsigned seed)
{
	unsigned long number = atomic_load(&shared->committed);
	struct apply *apply;
	struct err err;

	if (apply_open(&config, 1, &apply, &err) < 0) {
		complain(err.text);
		_exit(1);
	}
	for (unsigned i = 0;; i++) {
		bool full = i == 0 || (i + seed) % 7 == 0;

		number++;
		if (full)
			give(apply, EVENT_REFRESH, SOURCE_FULL, NULL, 0);
		give_all(apply, number);
		if (full)
			give(apply, EVENT_DONE, 1, NULL, 0);
		if (apply_commit(apply, &err) < 0)
			complain(err.text);
		atomic_store(&shared->committed, number);
		apply_tidy(apply);
	}
}

/* ---- readers ---- */

static unsigned long number_of(const struct recipient *person)
{
	return strtoul(person->primary + 1, NULL, 10);
}

/* The number that both people bear, found by name and by address; 0 and a complaint if not. */
static unsigned long read_number(struct replica_reader *reader)
{
	struct recipient_source source = replica_recipient_source(reader);
	struct recipient a, b, found[4];

	if (source.by_dn(source.ctx, "uid=a,ou=people,dc=x", &a, NULL) != 1 ||
	    source.by_dn(source.ctx, "uid=b,ou=people,dc=x", &b, NULL) != 1) {
		complain("a person is missing");
		return 0;
	}
	if (number_of(&a) != number_of(&b)) {
		complain("half a transaction");
		return 0;
	}
	if (source.by_address(source.ctx, a.primary, found, 4, NULL) != 2)
		complain("the address index is not that of the entries");
	return number_of(&a);
}

static bool keep_first(void *arg, const struct history_entry *entry)
{
	*(struct history_entry *)arg = *entry;
	return false;
}

/* The log ends with the live snapshot, and with what the same transaction changed. */
static void read_log(struct replica_reader *reader, const struct replica_snapshot *live,
		     unsigned long number)
{
	struct history_entry last = { 0 };
	struct err err;
	char name[32];

	snprintf(name, sizeof(name), "cn=S%lu,", number);
	if (replica_each_history(reader, keep_first, &last, &err) < 0)
		complain(err.text);
	else if (last.head.snapshot.number != live->number || last.head.snapshot.hash != live->hash)
		complain("the log does not end with the live snapshot");
	else if (last.head.cause != HISTORY_FIRST &&
		 (last.changes == NULL ||
		  memmem(last.changes, last.changes_len, name, strlen(name)) == NULL))
		complain("the log tells of another transaction");
}

/* The image that the same transaction names is there and tells of the same number. */
static void read_image(struct replica_reader *reader, unsigned long number)
{
	struct replica_snapshot what;
	struct snapshot_file *file;
	struct err err;
	char name[32];

	if (replica_snapshot(reader, &what, &err) < 0 ||
	    snapshot_file_open(config.state_dir, &what, &file, &err) < 0) {
		complain(err.text);
		return;
	}
	snprintf(name, sizeof(name), "S%lu", number);
	if (snapshot_find_site(snapshot_file_view(file), name) == SNAP_NONE)
		complain("the snapshot is of another transaction");
	snapshot_file_unref(&file);
	read_log(reader, &what, number);
}

static unsigned long read_once(struct replica *replica, struct replica_reader *reader)
{
	unsigned long number;

	replica_poll(replica, NULL);
	if (replica_begin(reader, NULL) < 0)
		return 0;
	number = read_number(reader);
	/* Images are kept for a while only, so a slow reader looks at the newest alone. */
	if (number > 0 && number + KEEP / 2 > atomic_load(&shared->committed))
		read_image(reader, number);
	replica_end(reader);
	return number;
}

static void read_until_stop(void)
{
	struct replica *replica = replica_open(config.state_dir);
	struct replica_reader *reader = replica_reader_new(replica);
	unsigned long last = 0;

	while (!atomic_load(&shared->stop)) {
		unsigned long number = read_once(replica, reader);

		if (number != 0 && number < last)
			complain("time ran backwards");
		if (number != 0)
			last = number;
		atomic_fetch_add(&shared->reads, 1);
	}
	replica_reader_free(&reader);
	replica_close(&replica);
}

static pid_t start(void (*run)(unsigned), unsigned arg)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		run(arg);
		_exit(0);
	}
	return pid;
}

static void run_reader(unsigned unused)
{
	(void)unused;
	read_until_stop();
}

static void check_after_kill(unsigned unused)
{
	struct replica *replica = replica_open(config.state_dir);
	struct replica_reader *reader = replica_reader_new(replica);
	unsigned long wanted = atomic_load(&shared->committed);
	unsigned long number = read_once(replica, reader);

	(void)unused;
	if (wanted > 0 && number < wanted)
		complain("a committed transaction is lost");
	/* The next writer must not use a number again. */
	if (number > wanted)
		atomic_store(&shared->committed, number);
	replica_reader_free(&reader);
	replica_close(&replica);
}

static void reap(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		complain("a process ended with an error");
}

static unsigned rounds(void)
{
	const char *number = getenv("WP_ROUNDS"), *full = getenv("WP_FULL");

	if (number != NULL)
		return (unsigned)strtoul(number, NULL, 10);
	return full != NULL && strcmp(full, "1") == 0 ? 200 : 10;
}

static void pause_random(unsigned *seed)
{
	struct timespec pause = { 0 };

	*seed = *seed * 1103515245 + 12345;
	pause.tv_nsec = (long)(*seed >> 8) % 150 * 1000000L;
	nanosleep(&pause, NULL);
}

static void test_a_killed_writer_leaves_whole_transactions(void **state)
{
	unsigned seed = (unsigned)getpid();
	pid_t reader;

	config.state_dir = *state;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	printf("seed %u\n", seed);
	reader = start(run_reader, 0);
	for (unsigned i = 0; i < rounds(); i++) {
		pid_t writer = start(write_for_ever, i);

		pause_random(&seed);
		kill(writer, SIGKILL);
		reap(writer);
		reap(start(check_after_kill, 0));
	}
	atomic_store(&shared->stop, true);
	reap(reader);
	printf("%lu transactions, %lu reads\n", atomic_load(&shared->committed),
	       atomic_load(&shared->reads));
	assert_int_equal(atomic_load(&shared->complaints), 0);
	assert_true(atomic_load(&shared->reads) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_killed_writer_leaves_whole_transactions,
						state_dir_setup, state_dir_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
