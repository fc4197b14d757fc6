/* The messages that a load generator has to get rid of: see load_job.h. */
#include "config.h"

#include "tests/tools/load_job.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/tools/peer.h"
#include "tests/tools/stamp.h"

#define LINE 76

struct load_config load_config = {
	.messages = 1, .size_min = 4096, .size_max = 4096, .rcpts = 1, .users = 1000, .domains = 1,
	.from = "s%s@sender.example", .to = "u%u@d%d.example", .retry_delay_ns = 100000000,
};
struct load_totals load_totals;

static uint64_t begin_ns, issued;
static struct load_job *again; /* a ring of those to be sent again, oldest first */
static size_t again_head, again_count, again_cap;
static int acked_fd = -1;
static char *filler; /* size_max octets of text, in lines */

/* splitmix64: spreads numbers, the same in every run. */
static uint64_t spread(uint64_t z)
{
	z += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void load_jobs_open(uint64_t now_ns)
{
	const struct load_config *c = &load_config;

	begin_ns = now_ns;
	filler = mem_alloc(c->size_max + 1);
	for (uint64_t i = 0; i < c->size_max; i++) {
		uint64_t column = i % LINE;

		filler[i] = column == LINE - 2	 ? '\r'
			    : column == LINE - 1 ? '\n'
						 : (char)('a' + spread(i) % 26);
		if (c->dots && column == 0 && i / LINE % 4 == 1)
			filler[i] = '.';
	}
	if (c->acked_path == NULL)
		return;
	acked_fd = open(c->acked_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (acked_fd < 0)
		peer_die("%s: %s", c->acked_path, strerror(errno));
}

static uint64_t due_of_next(void)
{
	return load_config.rate == 0 ? begin_ns
				     : begin_ns + issued * UINT64_C(1000000000) / load_config.rate;
}

bool load_job_next(uint64_t now_ns, struct load_job *job_r)
{
	if (again_count > 0 && again[again_head].due_ns <= now_ns) {
		*job_r = again[again_head];
		again_head = (again_head + 1) % again_cap;
		again_count--;
		return true;
	}
	if (issued == load_config.messages || due_of_next() > now_ns)
		return false;
	*job_r = (struct load_job){ .seq = load_config.first_seq + issued++, .attempt = 1 };
	return true;
}

bool load_jobs_are_done(void)
{
	return load_totals.accepted + load_totals.failed == load_config.messages;
}

void load_jobs_stop(void)
{
	load_config.messages = issued;
}

uint64_t load_jobs_due_ns(void)
{
	uint64_t due = UINT64_MAX;

	if (issued < load_config.messages)
		due = due_of_next();
	if (again_count > 0 && again[again_head].due_ns < due)
		due = again[again_head].due_ns;
	return due;
}

void load_job_acknowledged(const struct load_job *job, unsigned rcpts, uint64_t now_ns)
{
	char line[80];
	int n;

	load_totals.accepted++;
	load_totals.last_ns = now_ns;
	if (acked_fd < 0)
		return;
	n = snprintf(line, sizeof(line), "%" PRIu64 " %" PRIu64 " %u\n", job->seq, job->attempt, rcpts);
	if (write(acked_fd, line, (size_t)n) != n)
		peer_die("%s: %s", load_config.acked_path, strerror(errno));
}

static void push_again(const struct load_job *job)
{
	if (again_count == again_cap) {
		size_t cap = again_cap * 2 + 64;
		struct load_job *larger = mem_alloc(cap * sizeof(*larger));

		for (size_t i = 0; i < again_count; i++)
			larger[i] = again[(again_head + i) % again_cap];
		free(again);
		again = larger;
		again_head = 0;
		again_cap = cap;
	}
	again[(again_head + again_count++) % again_cap] = *job;
}

void load_job_failed(const struct load_job *job, bool permanent, uint64_t now_ns)
{
	struct load_job next = *job;

	if (permanent || !load_config.retry) {
		load_totals.failed++;
		return;
	}
	next.attempt++;
	next.due_ns = now_ns + load_config.retry_delay_ns;
	push_again(&next);
}

void load_note_error(const char *text, size_t len)
{
	char *to = load_totals.first_error;

	load_totals.refused++;
	if (*to != '\0')
		return;
	len = len < sizeof(load_totals.first_error) - 1 ? len : sizeof(load_totals.first_error) - 1;
	memcpy(to, text, len);
	to[len] = '\0';
	to[strcspn(to, "\r\n")] = '\0';
}

static void expand(const char *pattern, const struct load_job *job, uint64_t rcpt, struct buf *out)
{
	/* Different users in one message, if there are enough of them. */
	uint64_t user = (spread(job->seq) + rcpt) % load_config.users;

	for (; *pattern != '\0'; pattern++) {
		if (*pattern != '%') {
			buf_addc(out, *pattern);
			continue;
		}
		switch (*++pattern) {
		case 's': buf_printf(out, "%" PRIu64, job->seq); break;
		case 'r': buf_printf(out, "%" PRIu64, rcpt); break;
		case 'u': buf_printf(out, "%" PRIu64, user); break;
		case 'd': buf_printf(out, "%" PRIu64, user % load_config.domains); break;
		default: peer_die("a pattern knows %%s, %%r, %%u and %%d only");
		}
	}
}

void load_sender(const struct load_job *job, struct buf *out)
{
	expand(load_config.from, job, 0, out);
}

void load_rcpt(const struct load_job *job, uint64_t index, struct buf *out)
{
	expand(load_config.to, job, index, out);
}

static uint64_t size_of(const struct load_job *job)
{
	uint64_t range = load_config.size_max - load_config.size_min + 1;

	return load_config.size_min + spread(job->seq) % range;
}

/* A body of its own for every message and attempt, so that one mixed up with another shows. */
static void make_body(const struct load_job *job, struct buf *body)
{
	uint64_t size = size_of(job);

	buf_printf(body, "message %" PRIu64 " attempt %" PRIu64 "\r\n", job->seq, job->attempt);
	if (size > body->len + 2)
		buf_add(body, filler, size - body->len - 2);
	/* Never half a line end before the last one. */
	if (body->data[body->len - 1] == '\r')
		body->data[body->len - 1] = 'x';
	buf_adds(body, "\r\n");
}

static void add_stuffed(struct buf *out, const char *body, size_t len)
{
	const char *end = body + len, *dot;

	if (len > 0 && body[0] == '.')
		buf_addc(out, '.');
	while ((dot = memmem(body, (size_t)(end - body), "\r\n.", 3)) != NULL) {
		buf_add(out, body, (size_t)(dot - body) + 2);
		buf_addc(out, '.');
		body = dot + 2;
		/* The dot itself goes with what follows, and is not found again. */
		buf_addc(out, *body++);
	}
	buf_add(out, body, (size_t)(end - body));
}

void load_message(const struct load_job *job, uint64_t now_ns, struct buf *out)
{
	static struct buf body;
	struct stamp stamp = { .seq = job->seq, .attempt = job->attempt, .sent_ns = now_ns };

	buf_clear(&body);
	make_body(job, &body);
	stamp.body_len = body.len;
	stamp.body_hash = stamp_hash(body.data, body.len);
	buf_adds(out, "Received: from load by load; Mon, 01 Jan 2024 00:00:00 +0000\r\n");
	stamp_write(&stamp, out);
	buf_adds(out, "From: <");
	load_sender(job, out);
	buf_adds(out, ">\r\nTo: undisclosed-recipients:;\r\nSubject: load test\r\n"
		      "Date: Mon, 01 Jan 2024 00:00:00 +0000\r\nMessage-ID: <");
	buf_printf(out, "%" PRIu64 ".%" PRIu64 ".%" PRIu64 "@load.example>\r\n\r\n", job->seq,
		   job->attempt, begin_ns);
	add_stuffed(out, body.data, body.len);
	buf_adds(out, ".\r\n");
}
