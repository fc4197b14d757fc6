/* What the spool's tests share. */
#define _GNU_SOURCE
#include "tests/delivery/spool_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <ftw.h>
#include <cmocka.h>

#include "common/buf.h"

/* --- waiting --- */

static void wake_room(void *arg)
{
	struct waiting_room *room = arg;

	pthread_mutex_lock(&room->lock);
	room->is_woken = true;
	pthread_cond_signal(&room->has_mail);
	pthread_mutex_unlock(&room->lock);
}

void waiting_room_init(struct waiting_room *room)
{
	memset(room, 0, sizeof(*room));
	mailbox_init(&room->box);
	pthread_mutex_init(&room->lock, NULL);
	pthread_cond_init(&room->has_mail, NULL);
	room->door = (struct spool_door){ &room->box, wake_room, room };
}

void waiting_room_fini(struct waiting_room *room)
{
	pthread_mutex_destroy(&room->lock);
	pthread_cond_destroy(&room->has_mail);
}

struct mail *waiting_room_next(struct waiting_room *room)
{
	struct mail *mail;

	while (room->first == NULL) {
		pthread_mutex_lock(&room->lock);
		while (!room->is_woken)
			pthread_cond_wait(&room->has_mail, &room->lock);
		room->is_woken = false;
		pthread_mutex_unlock(&room->lock);
		room->first = mailbox_take(&room->box);
	}
	mail = room->first;
	room->first = mail->next;
	return mail;
}

/* --- a spool --- */

static void on_message(void *arg, const struct spool_summary *summary)
{
	struct recovered *r = arg;

	r->summary = mem_grow(r->summary, (r->count + 1) * sizeof(*r->summary));
	r->summary[r->count++] = *summary;
}

static void on_damage(void *arg, const struct spool_damage *damage)
{
	struct recovered *r = arg;

	r->damages++;
	r->damaged_id = damage->id;
}

static void on_read_only(void *arg, const struct err *cause)
{
	struct recovered *r = arg;

	assert_true(cause->text[0] != '\0');
	r->read_only++;
}

void bench_init(struct spool_bench *b)
{
	memset(b, 0, sizeof(*b));
	snprintf(b->dir, sizeof(b->dir), "/tmp/waypost-spool-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	b->options.segment_bytes = 64 * 1024;
	b->options.state_delay_ms = 5;
	b->options.files = &faulty_files;
	waiting_room_init(&b->room);
	fault_reset();
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void bench_fini(struct spool_bench *b)
{
	bench_close(b);
	waiting_room_fini(&b->room);
	free(b->recovered.summary);
	nftw(b->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

bool bench_try_open(struct spool_bench *b)
{
	struct spool_events events = { &b->recovered, on_message, on_damage, on_read_only };

	free(b->recovered.summary);
	memset(&b->recovered, 0, sizeof(b->recovered));
	b->spool = spool_open(b->dir, &b->options, &events, &b->e);
	return b->spool != NULL;
}

void bench_open(struct spool_bench *b)
{
	if (!bench_try_open(b))
		fail_msg("spool_open: %s", b->e.text);
}

void bench_settle(struct spool_bench *b)
{
	struct spool_stats stats;

	do {
		usleep(500);
		spool_statistics(b->spool, &stats);
	} while (stats.prepared_segments < 3);
}

void bench_close(struct spool_bench *b)
{
	spool_close(b->spool);
	b->spool = NULL;
}

const struct spool_summary *bench_recovered(const struct spool_bench *b, uint64_t id)
{
	for (size_t i = 0; i < b->recovered.count; i++)
		if (b->recovered.summary[i].id == id)
			return &b->recovered.summary[i];
	return NULL;
}

const char *bench_path(const struct spool_bench *b, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", b->dir, name);
	return path;
}

unsigned bench_files(const struct spool_bench *b, const char *folder, const char *suffix)
{
	DIR *dir = opendir(bench_path(b, folder));
	struct dirent *entry;
	unsigned count = 0;

	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL) {
		size_t len = strlen(entry->d_name), want = strlen(suffix);

		if (entry->d_name[0] != '.' && len >= want &&
		    strcmp(entry->d_name + len - want, suffix) == 0)
			count++;
	}
	closedir(dir);
	return count;
}

uint32_t bench_last_segment(const struct spool_bench *b)
{
	DIR *dir = opendir(b->dir);
	struct dirent *entry;
	uint32_t last = 0, number;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		if (strstr(entry->d_name, ".log") != NULL &&
		    sscanf(entry->d_name, "%8x", &number) == 1 && number > last)
			last = number;
	closedir(dir);
	return last;
}

/* --- messages --- */

struct envelope *make_envelope(uint64_t seed, uint32_t rcpts)
{
	struct envelope_rcpt *rcpt = mem_zero(rcpts, sizeof(*rcpt));
	char (*address)[64] = mem_zero(rcpts, sizeof(*address));
	const char *original[] = { "list@example.com", "two@example.com" };
	char sender[64];
	struct envelope description = {
		.arrival_ms = 1700000000000 + seed,
		.transaction = "t-1",
		.sender = sender,
		.client = { .ip = "192.0.2.1", .helo = "client.example" },
		.original_count = 2,
		.original = original,
		.rcpt_count = rcpts,
		.rcpt = rcpt,
	};
	struct envelope *env;

	snprintf(sender, sizeof(sender), "sender-%llu@example.com", (unsigned long long)seed);
	memcpy(description.guid, &seed, sizeof(seed));
	for (uint32_t i = 0; i < rcpts; i++) {
		snprintf(address[i], sizeof(address[i]), "rcpt-%llu-%u@example.com",
			 (unsigned long long)seed, i);
		rcpt[i].address = address[i];
		rcpt[i].original = i & 1;
		rcpt[i].notify = NOTIFY_FAILURE;
	}
	env = envelope_new(&description);
	free(rcpt);
	free(address);
	return env;
}

char *make_body(uint64_t seed, size_t len)
{
	char *body = mem_alloc(len);
	uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;

	for (size_t i = 0; i < len; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		body[i] = (char)(x >> 32);
	}
	return body;
}

enum spool_error bench_put_as(struct spool_bench *b, uint64_t id, uint32_t rcpts, size_t len)
{
	struct envelope *env = make_envelope(id, rcpts);
	char *body = make_body(id, len);
	struct iovec parts[] = { { body, len / 3 }, { body + len / 3, len - len / 3 } };
	struct spool_submit s = { .door = &b->room.door };

	spool_submit_message(&s, id, env, parts, 2);
	spool_submit(b->spool, &s);
	assert_ptr_equal(waiting_room_next(&b->room), &s.mail);
	spool_submit_fini(&s);
	envelope_unref(env);
	free(body);
	return s.error;
}

enum spool_error bench_put(struct spool_bench *b, uint32_t rcpts, size_t len, uint64_t *id_r)
{
	uint64_t id = spool_next_id(b->spool);

	if (id_r != NULL)
		*id_r = id;
	return bench_put_as(b, id, rcpts, len);
}

/* The whole body as a file. */
static enum spool_error write_large(struct spool_bench *b, struct body_file *file,
				    const char *body, size_t len, size_t chunk, uint64_t *size_r,
				    uint64_t *sum_r)
{
	struct body_write write = { .len = 0 };

	for (size_t at = 0; at < len; at += write.len) {
		write.data = body + at;
		write.len = len - at < chunk ? len - at : chunk;
		assert_true(body_store_append(file, &write));
		assert_ptr_equal(waiting_room_next(&b->room), &write.mail);
	}
	body_store_finish(file, &write);
	assert_ptr_equal(waiting_room_next(&b->room), &write.mail);
	*size_r = write.size;
	*sum_r = write.sum;
	return write.error;
}

enum spool_error bench_put_large_as(struct spool_bench *b, uint64_t id, uint32_t rcpts, size_t len,
				    size_t chunk)
{
	struct envelope *env = make_envelope(id, rcpts);
	char *body = make_body(id, len);
	struct body_file *file = body_store_begin(b->spool, id, &b->room.door);
	struct spool_submit s = { .door = &b->room.door };
	uint64_t size, sum;
	enum spool_error error = write_large(b, file, body, len, chunk, &size, &sum);

	if (error == SPOOL_OK) {
		assert_int_equal(size, len);
		spool_submit_ref(&s, id, env, size, sum);
		spool_submit(b->spool, &s);
		assert_ptr_equal(waiting_room_next(&b->room), &s.mail);
		spool_submit_fini(&s);
		error = s.error;
	}
	body_store_end(file, error == SPOOL_OK);
	envelope_unref(env);
	free(body);
	return error;
}

enum spool_error bench_put_large(struct spool_bench *b, size_t len, size_t chunk, uint64_t *id_r)
{
	uint64_t id = spool_next_id(b->spool);

	if (id_r != NULL)
		*id_r = id;
	return bench_put_large_as(b, id, 1, len, chunk);
}

void bench_state(struct spool_bench *b, uint64_t id, uint32_t rcpt, enum rcpt_state state,
		 uint64_t next_try_ms, const char *outcome)
{
	struct spool_batch *batch = spool_batch_new();

	spool_batch_rcpt(batch, id, &(struct rcpt_range){ rcpt, 1 }, 1, state, next_try_ms, outcome);
	spool_state(b->spool, batch);
}

static void read_back(struct spool_bench *b, struct spool_read *read, uint64_t id, uint32_t wants)
{
	*read = (struct spool_read){ .id = id, .wants = wants, .door = &b->room.door };
	spool_read(b->spool, read);
	assert_ptr_equal(waiting_room_next(&b->room), &read->mail);
}

static void assert_same_envelope(const struct envelope *env, uint64_t id, uint32_t rcpts)
{
	struct envelope *want = make_envelope(id, rcpts);

	assert_int_equal(env->arrival_ms, want->arrival_ms);
	assert_string_equal(env->sender, want->sender);
	assert_int_equal(env->rcpt_count, rcpts);
	for (uint32_t i = 0; i < rcpts; i++)
		assert_string_equal(env->rcpt[i].address, want->rcpt[i].address);
	envelope_unref(want);
}

enum spool_error bench_check(struct spool_bench *b, uint64_t id, uint32_t rcpts, size_t len)
{
	char *want = make_body(id, len);
	struct spool_read read;

	read_back(b, &read, id, SPOOL_WANTS_ENVELOPE | SPOOL_WANTS_BODY | SPOOL_WANTS_STATES);
	b->has_envelope = read.envelope != NULL;
	if (b->has_envelope) {
		assert_same_envelope(read.envelope, id, rcpts);
		assert_int_equal(read.states->count, rcpts);
	}
	if (read.error == SPOOL_OK) {
		assert_true(b->has_envelope);
		assert_int_equal(read.body_len, len);
		assert_memory_equal(read.body, want, len);
	}
	assert_true(read.error == SPOOL_OK || read.body == NULL);
	envelope_unref(read.envelope);
	free(read.states);
	free(read.body);
	free(want);
	return read.error;
}

struct rcpt_states *bench_states(struct spool_bench *b, uint64_t id)
{
	struct spool_read read;

	read_back(b, &read, id, SPOOL_WANTS_STATES);
	assert_int_equal(read.error, SPOOL_OK);
	return read.states;
}

/* --- faults --- */

static struct {
	pthread_mutex_t lock;
	unsigned count[FAULT_CALLS];
	unsigned from[FAULT_CALLS];
	int code[FAULT_CALLS];
	bool for_ever[FAULT_CALLS];
	size_t short_writes;
} faults = { .lock = PTHREAD_MUTEX_INITIALIZER };

void fault_reset(void)
{
	pthread_mutex_lock(&faults.lock);
	memset(faults.count, 0, sizeof(faults.count));
	memset(faults.from, 0, sizeof(faults.from));
	faults.short_writes = 0;
	pthread_mutex_unlock(&faults.lock);
}

void fault_set(enum fault_call call, unsigned nth, int code, bool for_ever)
{
	pthread_mutex_lock(&faults.lock);
	faults.from[call] = nth == 0 ? 0 : faults.count[call] + nth;
	faults.code[call] = code;
	faults.for_ever[call] = for_ever;
	pthread_mutex_unlock(&faults.lock);
}

void fault_short_writes(size_t len)
{
	pthread_mutex_lock(&faults.lock);
	faults.short_writes = len;
	pthread_mutex_unlock(&faults.lock);
}

void fault_hold(void)
{
	pthread_mutex_lock(&faults.lock);
}

void fault_release(void)
{
	pthread_mutex_unlock(&faults.lock);
}

unsigned fault_count(enum fault_call call)
{
	unsigned count;

	pthread_mutex_lock(&faults.lock);
	count = faults.count[call];
	pthread_mutex_unlock(&faults.lock);
	return count;
}

/* True, with errno set, if this call is to fail. */
static bool fails(enum fault_call call)
{
	bool is_hit;
	unsigned now;

	pthread_mutex_lock(&faults.lock);
	now = ++faults.count[call];
	is_hit = faults.from[call] != 0 &&
		 (faults.for_ever[call] ? now >= faults.from[call] : now == faults.from[call]);
	if (is_hit)
		errno = faults.code[call];
	pthread_mutex_unlock(&faults.lock);
	return is_hit;
}

static ssize_t faulty_pwritev(int fd, const struct iovec *iov, int count, off_t at)
{
	size_t limit;

	if (fails(FAULT_PWRITEV))
		return -1;
	pthread_mutex_lock(&faults.lock);
	limit = faults.short_writes;
	pthread_mutex_unlock(&faults.lock);
	if (limit != 0) {
		struct iovec some = iov[0];

		some.iov_len = some.iov_len < limit ? some.iov_len : limit;
		return pwritev(fd, &some, 1, at);
	}
	return spool_files_system.pwritev(fd, iov, count, at);
}

static ssize_t faulty_pread(int fd, void *data, size_t len, off_t at)
{
	return fails(FAULT_PREAD) ? -1 : spool_files_system.pread(fd, data, len, at);
}

static int faulty_allocate(int fd, off_t len)
{
	return fails(FAULT_ALLOCATE) ? -1 : spool_files_system.allocate(fd, len);
}

/* No test cuts the power for real, so nothing waits for the disk. */
static int faulty_fdatasync(int fd)
{
	(void)fd;
	return fails(FAULT_FDATASYNC) ? -1 : 0;
}

static int faulty_fsync(int fd)
{
	(void)fd;
	return fails(FAULT_FSYNC) ? -1 : 0;
}

static int faulty_ftruncate(int fd, off_t len)
{
	return fails(FAULT_FTRUNCATE) ? -1 : spool_files_system.ftruncate(fd, len);
}

static int no_writeback(int fd, off_t at, off_t len)
{
	(void)fd;
	(void)at;
	(void)len;
	return 0;
}

const struct spool_files faulty_files = {
	.pwritev = faulty_pwritev,
	.pread = faulty_pread,
	.allocate = faulty_allocate,
	.fdatasync = faulty_fdatasync,
	.fsync = faulty_fsync,
	.ftruncate = faulty_ftruncate,
	.start_writeback = no_writeback,
};
