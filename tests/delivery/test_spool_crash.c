/*
 * delivery/spool under kill -9 and power cuts: a child writes with several threads and notes in
 * shared memory what it asked for and what was answered; it is killed at a random moment, and what
 * the spool says afterwards is held against the notes. For power cuts, each page of the log that
 * no sync had covered keeps its contents or goes back to zero.
 *
 * A few rounds; 50 of each kind with WP_FULL=1. WP_SEED repeats a run's moments as far as the
 * scheduler does.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/buf.h"
#include "tests/delivery/spool_fixture.h"

enum {
	THREADS = 4,
	MAX_IDS = 16 * 1024 * 1024,
	MAX_PUTS = 4 * 1024 * 1024,
	MAX_SEGMENTS = 1024 * 1024,
	RING = 64,
	PENDING = 64,
	LARGE_EVERY = 40,
	DSN_EVERY = 23,
	KEEP_EVERY = 50,
	PAGE = 4096,
};

/* "Sent" is set before the spool is asked, "sure" after it has answered. */
struct note {
	atomic_bool is_acked;
	atomic_bool done_sent;
	atomic_bool done_sure;
	_Atomic uint32_t state_sent; /* states count upwards */
	_Atomic uint32_t state_sure;
	uint32_t dsn_for; /* the message whose state DSN_STATE is in a group with this one */
	uint32_t dsn_state;
};

struct notes {
	_Atomic uint32_t puts;
	atomic_bool is_running;
	uint32_t put[MAX_PUTS]; /* ids in the order they were asked for */
	struct note note[MAX_IDS];
	_Atomic uint32_t written[MAX_SEGMENTS];
	_Atomic uint32_t synced[MAX_SEGMENTS];
};

static struct notes *notes;

static uint32_t rcpts_of(uint64_t id)
{
	return 1 + (uint32_t)(id % 3);
}

static bool is_large(uint64_t id)
{
	return id % LARGE_EVERY == 0;
}

static size_t len_of(uint64_t id)
{
	return is_large(id) ? 20000 : (size_t)(id * 7919 % 6000);
}

/* --- system calls that note what is durable --- */

/* 0: FD is no segment. */
static uint32_t segment_of(int fd)
{
	char link[64], path[256];
	unsigned number;
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len < 12)
		return 0;
	path[len] = '\0';
	if (strcmp(path + len - 4, ".log") != 0 || sscanf(path + len - 12, "%8x", &number) != 1)
		return 0;
	return number < MAX_SEGMENTS ? number : 0;
}

static ssize_t noting_pwritev(int fd, const struct iovec *iov, int count, off_t at)
{
	uint32_t segment = segment_of(fd);
	off_t end = at;

	for (int i = 0; i < count; i++)
		end += (off_t)iov[i].iov_len;
	/* Before it is: killed in between, the next to sync the file still counts these bytes. */
	if (segment != 0 && end > notes->written[segment])
		notes->written[segment] = (uint32_t)end;
	return spool_files_system.pwritev(fd, iov, count, at);
}

/* The disk takes its time, but nobody waits for the real one: only the model loses power. */
static int noting_sync(int fd)
{
	uint32_t segment = segment_of(fd), end = notes->written[segment];

	usleep(300);
	if (segment != 0 && end > notes->synced[segment])
		notes->synced[segment] = end;
	return 0;
}

static int no_writeback(int fd, off_t at, off_t len)
{
	(void)fd;
	(void)at;
	(void)len;
	return 0;
}

static struct spool_files noting_files;

/* --- the child --- */

struct worker {
	struct spool_bench b; /* a view of the spool with a door of its own */
	uint32_t ring[RING];
	unsigned head, count;
	uint32_t pending[PENDING], pending_state[PENDING]; /* sent since the last answer */
	unsigned pending_count;
	uint64_t random;
};

static uint32_t random_below(struct worker *w, uint32_t limit)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return (uint32_t)(w->random >> 32) % limit;
}

static void note_put(uint64_t id)
{
	notes->put[atomic_fetch_add(&notes->puts, 1)] = (uint32_t)id;
}

/* What this thread handed in before is durable with its answered message. */
static void note_answer(struct worker *w, uint64_t id)
{
	atomic_store(&notes->note[id].is_acked, true);
	for (unsigned i = 0; i < w->pending_count; i++) {
		struct note *n = &notes->note[w->pending[i]];

		if (w->pending_state[i] != 0)
			atomic_store(&n->state_sure, w->pending_state[i]);
		else
			atomic_store(&n->done_sure, true);
	}
	w->pending_count = 0;
}

static void remember(struct worker *w, uint32_t id, uint32_t state)
{
	if (w->pending_count == PENDING)
		_exit(3);
	w->pending[w->pending_count] = id;
	w->pending_state[w->pending_count++] = state;
}

static void send_state(struct worker *w, uint32_t id)
{
	uint32_t state = atomic_load(&notes->note[id].state_sent) + 1;

	atomic_store(&notes->note[id].state_sent, state);
	bench_state(&w->b, id, 0, RCPT_WAITING, state, "450 4.2.0 later");
	remember(w, id, state);
}

static void send_done(struct worker *w, uint32_t id)
{
	atomic_store(&notes->note[id].done_sent, true);
	spool_done(w->b.spool, id);
	remember(w, id, 0);
}

static void put_dsn(struct worker *w, uint64_t id, uint32_t failed)
{
	struct spool_submit s = { .door = &w->b.room.door };
	uint32_t state = atomic_load(&notes->note[failed].state_sent) + 1;
	struct spool_batch *batch = spool_batch_new();
	struct envelope *env = make_envelope(id, rcpts_of(id));
	char *body = make_body(id, len_of(id));
	struct iovec part = { body, len_of(id) };

	notes->note[id].dsn_for = failed;
	notes->note[id].dsn_state = state;
	atomic_store(&notes->note[failed].state_sent, state);
	spool_batch_rcpt(batch, failed, &(struct rcpt_range){ 0, 1 }, 1, RCPT_WAITING, state, "x");
	spool_submit_message(&s, id, env, &part, 1);
	spool_group(w->b.spool, &s, batch);
	waiting_room_next(&w->b.room);
	if (s.error != SPOOL_OK)
		_exit(4);
	note_answer(w, id);
	atomic_store(&notes->note[failed].state_sure, state);
	spool_submit_fini(&s);
	envelope_unref(env);
	free(body);
}

static void put_message(struct worker *w, uint64_t id)
{
	enum spool_error error =
		is_large(id) ? bench_put_large_as(&w->b, id, rcpts_of(id), len_of(id), 8192)
			     : bench_put_as(&w->b, id, rcpts_of(id), len_of(id));

	if (error != SPOOL_OK)
		_exit(5);
	note_answer(w, id);
}

static void work_once(struct worker *w)
{
	uint64_t id = spool_next_id(w->b.spool);

	note_put(id);
	if (id % DSN_EVERY == 0 && w->count > 0 && !is_large(id))
		put_dsn(w, id, w->ring[(w->head + random_below(w, w->count)) % RING]);
	else
		put_message(w, id);
	if (w->count == RING) {
		if (w->ring[w->head] % KEEP_EVERY != 0)
			send_done(w, w->ring[w->head]);
		w->head = (w->head + 1) % RING;
		w->count--;
	}
	w->ring[(w->head + w->count++) % RING] = (uint32_t)id;
	for (uint32_t i = random_below(w, 3); i > 0; i--)
		send_state(w, w->ring[(w->head + random_below(w, w->count)) % RING]);
}

static void *work(void *arg)
{
	for (;;)
		work_once(arg);
	return NULL;
}

static void die(void *arg, const struct err *cause)
{
	(void)arg;
	fprintf(stderr, "%s\n", cause->text);
	_exit(6);
}

static void child(const struct spool_bench *b, uint64_t seed)
{
	struct spool_events events = { .on_read_only = die };
	struct worker *worker = mem_zero(THREADS, sizeof(*worker));
	struct err e;
	struct spool *spool = spool_open(b->dir, &b->options, &events, &e);
	pthread_t thread;

	if (spool == NULL) {
		fprintf(stderr, "%s\n", e.text);
		_exit(7);
	}
	for (int i = 0; i < THREADS; i++) {
		worker[i].b.spool = spool;
		worker[i].random = seed * THREADS + (uint64_t)i + 1;
		waiting_room_init(&worker[i].b.room);
		if (pthread_create(&thread, NULL, work, &worker[i]) != 0)
			_exit(8);
	}
	atomic_store(&notes->is_running, true);
	for (;;)
		pause();
}

/* --- the parent --- */

static void kill_child(pid_t pid, bool at_once)
{
	int status;

	while (!at_once && !atomic_load(&notes->is_running)) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			fail_msg("the child ended by itself: %d", status);
		usleep(500);
	}
	usleep((useconds_t)(rand() % 80000));
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFSIGNALED(status))
		fail_msg("the child ended by itself: %d", WEXITSTATUS(status));
}

/* Pages behind what was synced keep their contents or not. */
static void lose_pages(const char *path, uint32_t from)
{
	static const char zeros[PAGE];
	int fd = open(path, O_RDWR);
	struct stat st;

	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	for (off_t at = from; at < st.st_size;) {
		off_t end = (at / PAGE + 1) * PAGE;

		if (end > st.st_size)
			end = st.st_size;
		if (rand() % 2)
			assert_int_equal(pwrite(fd, zeros, (size_t)(end - at), at), end - at);
		at = end;
	}
	close(fd);
}

static void lose_power(const struct spool_bench *b)
{
	DIR *dir = opendir(b->dir);
	struct dirent *entry;
	unsigned number;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		const char *path = bench_path(b, entry->d_name);

		if (sscanf(entry->d_name, "%8x.", &number) != 1)
			continue;
		if (strstr(entry->d_name, ".log") != NULL)
			lose_pages(path, notes->synced[number]);
		else if (strstr(entry->d_name, ".idx") != NULL && rand() % 2 == 0)
			lose_pages(path, 0); /* sidecars are never synced */
	}
	closedir(dir);
}

static uint32_t state_of(struct spool_bench *b, uint64_t id)
{
	struct rcpt_states *states = bench_states(b, id);
	uint32_t state = (uint32_t)states->rcpt[0].next_try_ms;

	free(states);
	return state;
}

static void check_live(struct spool_bench *b, uint64_t id)
{
	struct note *n = &notes->note[id];
	uint32_t state = state_of(b, id);

	if (n->done_sure)
		fail_msg("message %llu came back", (unsigned long long)id);
	assert_int_equal(bench_check(b, id, rcpts_of(id), len_of(id)), SPOOL_OK);
	if (state < n->state_sure || state > n->state_sent)
		fail_msg("message %llu has state %u, not %u to %u", (unsigned long long)id, state,
			 n->state_sure, n->state_sent);
}

/* A DSN and the state it reports are there both or not at all. */
static void check_group(struct spool_bench *b, uint64_t id, bool is_live, const bool *live)
{
	struct note *n = &notes->note[id];

	if (n->dsn_for == 0 || n->done_sent || !live[n->dsn_for])
		return;
	assert_int_equal(is_live, state_of(b, n->dsn_for) >= n->dsn_state);
	n->dsn_for = 0;
}

/* From here on the notes are what the spool says. */
static void settle(struct spool_bench *b, uint64_t id, bool is_live)
{
	struct note *n = &notes->note[id];

	n->is_acked = true;
	n->done_sent = n->done_sure = !is_live;
	if (!is_live)
		return;
	n->state_sent = n->state_sure = state_of(b, id);
	if (id % KEEP_EVERY != 0) {
		spool_done(b->spool, id);
		n->done_sent = n->done_sure = true;
	}
}

static void check_all(struct spool_bench *b)
{
	bool *live = mem_zero(MAX_IDS, sizeof(*live));
	uint32_t puts = atomic_load(&notes->puts), found = 0;

	for (size_t i = 0; i < b->recovered.count; i++)
		live[b->recovered.summary[i].id] = true;
	for (uint32_t i = 0; i < puts; i++) {
		uint64_t id = notes->put[i];
		const struct note *n = &notes->note[id];

		found += live[id];
		if (live[id])
			check_live(b, id);
		else if (n->is_acked && !n->done_sent)
			fail_msg("message %llu is lost", (unsigned long long)id);
	}
	assert_int_equal(found, b->recovered.count);
	for (uint32_t i = 0; i < puts; i++)
		check_group(b, notes->put[i], live[notes->put[i]], live);
	for (uint32_t i = 0; i < puts; i++)
		settle(b, notes->put[i], live[notes->put[i]]);
	free(live);
}

static void one_round(struct spool_bench *b, int round, bool with_power)
{
	pid_t pid;

	atomic_store(&notes->is_running, false);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		child(b, (uint64_t)round + 1);
	kill_child(pid, round % 5 == 4);
	if (with_power)
		lose_power(b);
	b->options.ignore_sidecars = round % 3 == 2;
	bench_open(b);
	assert_int_equal(b->recovered.damages, 0);
	check_all(b);
	bench_close(b);
	b->options.ignore_sidecars = false;
}

static void run_rounds(bool with_power)
{
	int rounds = getenv("WP_FULL") != NULL ? 50 : 5;
	unsigned seed = getenv("WP_SEED") != NULL ? (unsigned)atoi(getenv("WP_SEED"))
						  : (unsigned)time(NULL);
	struct spool_bench b;

	printf("WP_SEED=%u\n", seed);
	srand(seed);
	notes = mmap(NULL, sizeof(*notes), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(notes != MAP_FAILED);
	noting_files = spool_files_system;
	noting_files.pwritev = noting_pwritev;
	noting_files.fdatasync = noting_files.fsync = noting_sync;
	noting_files.start_writeback = no_writeback;
	bench_init(&b);
	b.options.files = &noting_files;
	b.options.segment_bytes = 256 * 1024;
	b.options.clean_above_bytes = 1024 * 1024;
	for (int round = 0; round < rounds; round++)
		one_round(&b, round, with_power);
	printf("%u messages\n", atomic_load(&notes->puts));
	bench_fini(&b);
	munmap(notes, sizeof(*notes));
}

static void test_kill_at_any_moment_loses_nothing(void **state)
{
	(void)state;
	run_rounds(false);
}

static void test_power_cut_at_any_moment_loses_nothing(void **state)
{
	(void)state;
	run_rounds(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kill_at_any_moment_loses_nothing),
		cmocka_unit_test(test_power_cut_at_any_moment_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
