/*
 * How fast the spool takes mail: messages per second, syncs and device bytes per message, group
 * size and latency, with 1, 32 and 256 messages waiting at a time; then how long it takes to
 * open with many queued messages. Printed, not asserted.
 *
 * bench_spool [DIRECTORY [SECONDS [OCTETS [QUEUED]]]]: a folder on the disk to measure (else
 * $TMPDIR or /tmp), seconds a row (2), octets of body (4096), messages to open with (100000).
 */
#define _GNU_SOURCE
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "delivery/spool.h"

enum { MAX_WAITING = 256, MAX_SAMPLES = 4 * 1024 * 1024 };

struct request {
	struct spool_submit s;
	double begun;
};

struct bench {
	struct spool *spool;
	struct mailbox box;
	struct spool_door door;
	int fd;
	struct envelope *env;
	struct iovec body;
	struct request request[MAX_WAITING];
	float *latency_ms;
	size_t samples;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double cpu_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void wake(void *arg)
{
	uint64_t one = 1;

	if (write(((struct bench *)arg)->fd, &one, sizeof(one)) < 0)
		abort();
}

static struct mail *wait_for_answers(struct bench *b)
{
	struct mail *mail;
	uint64_t count;

	while ((mail = mailbox_take(&b->box)) == NULL)
		if (read(b->fd, &count, sizeof(count)) < 0)
			abort();
	return mail;
}

static void submit(struct bench *b, struct request *r)
{
	r->begun = now();
	r->s.door = &b->door;
	spool_submit_message(&r->s, spool_next_id(b->spool), b->env, &b->body, 1);
	spool_submit(b->spool, &r->s);
}

/* Takes the answers there are; the messages are done at once unless they shall stay. */
static unsigned take_answers(struct bench *b, bool keep, bool again)
{
	struct spool_batch *batch = spool_batch_new();
	struct mail *mail = wait_for_answers(b);
	unsigned count = 0;

	for (; mail != NULL; count++) {
		struct request *r = WP_CONTAINER(mail, struct request, s.mail);

		mail = mail->next;
		if (r->s.error != SPOOL_OK) {
			fprintf(stderr, "%s\n", spool_error_reply(r->s.error));
			exit(1);
		}
		if (!keep)
			spool_batch_done(batch, r->s.id);
		if (b->samples < MAX_SAMPLES)
			b->latency_ms[b->samples++] = (float)((now() - r->begun) * 1e3);
		spool_submit_fini(&r->s);
		if (again)
			submit(b, r);
	}
	if (keep)
		spool_batch_free(batch);
	else
		spool_state(b->spool, batch);
	return count;
}

static int by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return x < y ? -1 : x > y;
}

static void run_row(struct bench *b, unsigned waiting, double seconds)
{
	struct spool_stats first, last;
	double begun = now(), cpu = cpu_now(), took;
	unsigned long done = 0;
	unsigned left = waiting;

	b->samples = 0;
	spool_statistics(b->spool, &first);
	for (unsigned i = 0; i < waiting; i++)
		submit(b, &b->request[i]);
	while (now() - begun < seconds)
		done += take_answers(b, false, true);
	took = now() - begun;
	cpu = cpu_now() - cpu;
	spool_statistics(b->spool, &last);
	while (left > 0)
		left -= take_answers(b, false, false);
	qsort(b->latency_ms, b->samples, sizeof(*b->latency_ms), by_value);
	printf("%7u %10.0f %10.3f %9.1f %8.2f %8.2f %8.2f %9.1f\n", waiting, (double)done / took,
	       (double)(last.syncs - first.syncs) / (double)done,
	       (double)done / (double)(last.commits - first.commits),
	       (double)(last.bytes - first.bytes) / (double)done / (double)b->body.iov_len,
	       b->latency_ms[b->samples / 2], b->latency_ms[b->samples * 99 / 100],
	       cpu / (double)done * 1e6);
}

static void open_spool(struct bench *b, const char *dir)
{
	struct err e;

	b->spool = spool_open(dir, NULL, NULL, &e);
	if (b->spool == NULL) {
		fprintf(stderr, "%s\n", e.text);
		exit(1);
	}
}

static void run_open(struct bench *b, const char *dir, unsigned long queued)
{
	unsigned long put = MAX_WAITING, left;
	double begun;

	for (unsigned i = 0; i < MAX_WAITING; i++)
		submit(b, &b->request[i]);
	while (put < queued)
		put += take_answers(b, true, true);
	for (left = MAX_WAITING; left > 0;)
		left -= take_answers(b, true, false);
	spool_close(b->spool);
	begun = now();
	open_spool(b, dir);
	printf("opened with %lu queued messages in %.2f s\n", put, now() - begun);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int main(int argc, char **argv)
{
	static const unsigned rows[] = { 1, 32, 256 };
	static const char *const original[] = { "b@example.com" };
	static const struct envelope_rcpt rcpt = { .address = "b@example.com" };
	const struct envelope description = {
		.sender = "a@example.com", .original_count = 1, .original = original,
		.rcpt_count = 1,	   .rcpt = &rcpt,
	};
	const char *tmp = getenv("TMPDIR");
	double seconds = argc > 2 ? atof(argv[2]) : 2;
	size_t octets = argc > 3 ? strtoul(argv[3], NULL, 10) : 4096;
	unsigned long queued = argc > 4 ? strtoul(argv[4], NULL, 10) : 100000;
	struct bench *b = mem_zero(1, sizeof(*b));
	char dir[256];

	snprintf(dir, sizeof(dir), "%s/bench-spool-XXXXXX",
		 argc > 1 ? argv[1] : tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(dir) == NULL || octets == 0 || octets > SPOOL_BODY_MAX) {
		fprintf(stderr, "bench_spool [DIRECTORY [SECONDS [OCTETS [QUEUED]]]]\n");
		return 2;
	}
	mailbox_init(&b->box);
	b->fd = eventfd(0, EFD_CLOEXEC);
	b->door = (struct spool_door){ &b->box, wake, b };
	b->env = envelope_new(&description);
	b->body = (struct iovec){ mem_zero(1, octets), octets };
	b->latency_ms = mem_zero(MAX_SAMPLES, sizeof(*b->latency_ms));
	open_spool(b, dir);
	printf("%7s %10s %10s %9s %8s %8s %8s %9s\n", "waiting", "msg/s", "syncs/msg", "msg/group",
	       "written", "p50 ms", "p99 ms", "CPU us");
	for (size_t i = 0; i < WP_COUNT(rows); i++)
		run_row(b, rows[i], seconds);
	if (queued > MAX_WAITING)
		run_open(b, dir, queued);
	spool_close(b->spool);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	envelope_unref(b->env);
	free(b->body.iov_base);
	free(b->latency_ms);
	close(b->fd);
	free(b);
	return 0;
}
