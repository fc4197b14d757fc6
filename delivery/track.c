/* The log thread and the making of its records. */
#include "delivery/track.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mailbox.h"
#include "common/waker.h"

static const char *const event_names[TRACK_EVENTS] = {
	[TRACK_RECEIVE] = "RECEIVE", [TRACK_REFUSE] = "REFUSE",     [TRACK_RESOLVE] = "RESOLVE",
	[TRACK_TRANSFER] = "TRANSFER", [TRACK_SEND] = "SEND",       [TRACK_DELIVER] = "DELIVER",
	[TRACK_DEFER] = "DEFER",     [TRACK_FAIL] = "FAIL",         [TRACK_DSN] = "DSN",
	[TRACK_DROP] = "DROP",       [TRACK_RESUBMIT] = "RESUBMIT",
};

struct track {
	struct mail mail;
	struct tracker *tracker;
	struct buf line; /* or several */
	bool first_item;
};

struct tracker {
	struct mailbox box;
	struct waker waker;
	pthread_t thread;
	struct mail stop; /* its arrival is the order to end */
	char *dir;
	char *server;
	char day[9]; /* of the open file */
	int fd;
	struct buf pending;
	bool failing;
};

/* --- records ---------------------------------------------------------------------------- */

static void add_json_text(struct buf *b, const char *text)
{
	buf_addc(b, '"');
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			buf_printf(b, "\\u%04x", c);
		else
			buf_addc(b, (char)c);
	}
	buf_addc(b, '"');
}

static void begin_line(struct track *t, enum track_event event, uint64_t wall_ms)
{
	char stamp[25];

	clock_iso8601(wall_ms, stamp);
	buf_printf(&t->line, "{\"time\":\"%s\",\"server\":", stamp);
	add_json_text(&t->line, t->tracker->server);
	buf_printf(&t->line, ",\"event\":\"%s\"", event_names[event]);
}

struct track *track_begin(struct tracker *tracker, enum track_event event, uint64_t wall_ms)
{
	struct track *t = mem_zero(1, sizeof(*t));

	t->tracker = tracker;
	buf_reserve(&t->line, 500);
	begin_line(t, event, wall_ms);
	return t;
}

void track_also(struct track *t, enum track_event event, uint64_t wall_ms)
{
	buf_adds(&t->line, "}\n");
	begin_line(t, event, wall_ms);
}

void track_drop(struct track *t)
{
	if (t == NULL)
		return;
	buf_free(&t->line);
	free(t);
}

void track_text(struct track *t, const char *name, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return;
	buf_printf(&t->line, ",\"%s\":", name);
	add_json_text(&t->line, text);
}

void track_number(struct track *t, const char *name, uint64_t value)
{
	buf_printf(&t->line, ",\"%s\":%llu", name, (unsigned long long)value);
}

void track_list(struct track *t, const char *name)
{
	buf_printf(&t->line, ",\"%s\":[", name);
	t->first_item = true;
}

void track_item(struct track *t, const char *text)
{
	if (!t->first_item)
		buf_addc(&t->line, ',');
	t->first_item = false;
	add_json_text(&t->line, text);
}

void track_list_end(struct track *t)
{
	buf_addc(&t->line, ']');
}

void track_end(struct track *t)
{
	struct tracker *tracker = t->tracker;

	buf_adds(&t->line, "}\n");
	if (mailbox_push(&tracker->box, &t->mail))
		waker_wake(&tracker->waker);
}

/* --- the log thread ------------------------------------------------------------------------ */

static void open_day(struct tracker *tracker)
{
	time_t now = (time_t)(clock_wall_ms() / 1000);
	char day[16], path[4096];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(day, sizeof(day), "%Y%m%d", &tm);
	if (tracker->fd >= 0 && strcmp(day, tracker->day) == 0)
		return;
	if (tracker->fd >= 0)
		close(tracker->fd);
	memcpy(tracker->day, day, sizeof(tracker->day));
	snprintf(path, sizeof(path), "%s/track-%s.jsonl", tracker->dir, day);
	tracker->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

static void write_pending(struct tracker *tracker)
{
	size_t at = 0;

	open_day(tracker);
	while (at < tracker->pending.len) {
		ssize_t n = tracker->fd < 0 ? -1
					    : write(tracker->fd, tracker->pending.data + at,
						    tracker->pending.len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (!tracker->failing)
				log_error("tracking log in %s: %s; records are being lost",
					  tracker->dir, strerror(errno));
			tracker->failing = true;
			break;
		}
		tracker->failing = false;
		at += (size_t)n;
	}
	buf_clear(&tracker->pending);
}

static void *tracker_thread(void *arg)
{
	struct tracker *tracker = arg;

	static const struct timespec gather = { .tv_nsec = 20 * 1000000 };
	bool last = false;

	for (;;) {
		struct mail *mail = mailbox_take(&tracker->box);

		while (mail != NULL) {
			struct track *t = WP_CONTAINER(mail, struct track, mail);
			bool is_stop = mail == &tracker->stop;

			mail = mail->next;
			if (is_stop) {
				last = true;
				continue;
			}
			buf_add(&tracker->pending, t->line.data, t->line.len);
			track_drop(t);
			if (tracker->pending.len > 256 * 1024)
				write_pending(tracker);
		}
		/* A pause gathers what comes meanwhile: under load nobody has to wake this thread. */
		if (tracker->pending.len > 0) {
			write_pending(tracker);
			if (!last)
				nanosleep(&gather, NULL);
		} else if (last)
			return NULL;
		else
			waker_sleep(&tracker->waker, &tracker->box, UINT64_MAX);
	}
}

struct tracker *tracker_open(const char *dir, const char *server, struct err *err)
{
	struct tracker *tracker = mem_zero(1, sizeof(*tracker));

	tracker->fd = -1;
	if (mkdir(dir, 0750) != 0 && errno != EEXIST) {
		err_errno(err, "%s", dir);
		free(tracker);
		return NULL;
	}
	tracker->dir = mem_strdup(dir);
	tracker->server = mem_strdup(server);
	mailbox_init(&tracker->box);
	waker_init(&tracker->waker);
	pthread_create(&tracker->thread, NULL, tracker_thread, tracker);
	return tracker;
}

void tracker_close(struct tracker *tracker)
{
	if (tracker == NULL)
		return;
	if (mailbox_push(&tracker->box, &tracker->stop))
		waker_wake(&tracker->waker);
	pthread_join(tracker->thread, NULL);
	if (tracker->fd >= 0)
		close(tracker->fd);
	buf_free(&tracker->pending);
	free(tracker->dir);
	free(tracker->server);
	free(tracker);
}
