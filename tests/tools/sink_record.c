/* What a sink remembers of the messages it accepted: see sink_record.h. */
#include "config.h"

#include "tests/tools/sink_record.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>
#include <xxhash.h>

#include "tests/tools/stamp.h"

struct sink_totals sink_totals;

/* A stamped copy that came: number, attempt and recipients in one hash. */
struct seen {
	uint64_t key;
	UT_hash_handle hh;
};

static struct seen *seen_copies;
static const char *message_dir;
static int journal_fd = -1, notify_fd = -1;
static struct buf journal;

void sink_record_open(const char *journal_path, const char *directory, uint16_t notify_port)
{
	struct sockaddr_storage sa;
	socklen_t len;

	message_dir = directory;
	if (journal_path != NULL &&
	    (journal_fd = open(journal_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) < 0)
		peer_die("%s: %s", journal_path, strerror(errno));
	if (notify_port == 0)
		return;
	peer_address("127.0.0.1", notify_port, &sa, &len);
	notify_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (notify_fd < 0 || connect(notify_fd, (struct sockaddr *)&sa, len) != 0)
		peer_die("notify socket: %s", strerror(errno));
}

static void write_all(int fd, const char *data, size_t len, const char *what)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno != EINTR)
			peer_die("%s: %s", what, strerror(errno));
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
}

void sink_record_flush(void)
{
	if (journal.len == 0)
		return;
	write_all(journal_fd, journal.data, journal.len, "journal");
	buf_clear(&journal);
}

static void keep_message(const char *message, size_t len)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%06" PRIu64 ".eml", message_dir, sink_totals.messages);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		peer_die("%s: %s", path, strerror(errno));
	write_all(fd, message, len, path);
	close(fd);
}

/* Is it new? */
static bool remember(const struct stamp *stamp, const struct sink_envelope *envelope)
{
	uint64_t key = XXH3_64bits_withSeed(&stamp->seq, sizeof(stamp->seq), stamp->attempt);
	struct seen *seen;

	for (size_t i = 0; i < envelope->rcpt_count; i++) {
		const struct sink_rcpt *r = &envelope->rcpts[i];

		/* The sum: the order of the recipients does not matter. */
		if (!r->is_refused)
			key += XXH3_64bits(r->address, strlen(r->address));
	}
	HASH_FIND(hh, seen_copies, &key, sizeof(key), seen);
	if (seen != NULL)
		return false;
	seen = mem_alloc(sizeof(*seen));
	seen->key = key;
	HASH_ADD(hh, seen_copies, key, sizeof(seen->key), seen);
	return true;
}

static void count_stamp(enum stamp_verdict verdict, const struct stamp *stamp,
			const struct sink_envelope *envelope, uint64_t now_ns)
{
	struct sink_totals *t = &sink_totals;

	if (verdict == STAMP_NONE)
		return;
	t->stamped++;
	if (verdict == STAMP_CORRUPT)
		t->corrupt++;
	if (remember(stamp, envelope))
		t->distinct++;
	else
		t->duplicates++;
	if (stamp->sent_ns <= now_ns)
		peer_times_add(&t->latency, now_ns - stamp->sent_ns);
}

static unsigned count_bare(const char *message, size_t len)
{
	unsigned bare = 0;

	for (size_t i = 0; i < len; i++) {
		if (message[i] == '\n')
			bare += i == 0 || message[i - 1] != '\r';
		else if (message[i] == '\r')
			bare += i + 1 == len || message[i + 1] != '\n';
	}
	return bare;
}

static void journal_strings(const struct sink_envelope *envelope, bool params)
{
	const char *comma = "";

	for (size_t i = 0; i < envelope->rcpt_count; i++) {
		const struct sink_rcpt *r = &envelope->rcpts[i];
		const char *text = params ? r->params : r->address;

		if (r->is_refused)
			continue;
		buf_adds(&journal, comma);
		peer_json_string(&journal, text, strlen(text));
		comma = ",";
	}
}

static void write_journal(const struct sink_envelope *envelope, const char *message, size_t len,
			  enum stamp_verdict verdict, const struct stamp *stamp, uint64_t now_ns)
{
	struct buf *j = &journal;

	buf_printf(j, "{\"n\":%" PRIu64 ",\"from\":", sink_totals.messages);
	peer_json_string(j, envelope->from, strlen(envelope->from));
	buf_adds(j, ",\"mail\":");
	peer_json_string(j, envelope->params, strlen(envelope->params));
	buf_adds(j, ",\"rcpts\":[");
	journal_strings(envelope, false);
	buf_adds(j, "],\"rcpt\":[");
	journal_strings(envelope, true);
	if (verdict == STAMP_NONE)
		buf_adds(j, "],\"seq\":null,\"attempt\":null,\"good\":null");
	else
		buf_printf(j, "],\"seq\":%" PRIu64 ",\"attempt\":%" PRIu64 ",\"good\":%s", stamp->seq,
			   stamp->attempt, verdict == STAMP_GOOD ? "true" : "false");
	buf_printf(j, ",\"size\":%zu,\"hash\":\"%016" PRIx64 "\",\"tls\":%s,\"helo\":", len,
		   stamp_hash(message, len), envelope->is_tls ? "true" : "false");
	peer_json_string(j, envelope->helo, strlen(envelope->helo));
	buf_printf(j, ",\"conn\":%" PRIu64 ",\"bare\":%u,\"t_ns\":%" PRIu64 "}\n",
		   envelope->connection, count_bare(message, len), now_ns);
}

void sink_record(const struct sink_envelope *envelope, const char *message, size_t len)
{
	struct sink_totals *t = &sink_totals;
	uint64_t now_ns = peer_now_ns();
	struct stamp stamp = { 0 };
	enum stamp_verdict verdict = stamp_check(message, len, &stamp);

	t->messages++;
	t->bytes += len;
	for (size_t i = 0; i < envelope->rcpt_count; i++)
		t->recipients += !envelope->rcpts[i].is_refused;
	if (t->first_ns == 0)
		t->first_ns = now_ns;
	t->last_ns = now_ns;
	count_stamp(verdict, &stamp, envelope, now_ns);
	if (message_dir != NULL)
		keep_message(message, len);
	if (journal_fd >= 0)
		write_journal(envelope, message, len, verdict, &stamp, now_ns);
	if (notify_fd >= 0 && send(notify_fd, &stamp.seq, sizeof(stamp.seq), 0) < 0)
		return; /* nobody waits for it any more */
}
