/* The agent: the sources' side. */
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>

#include "common/clock.h"
#include "common/log.h"
#include "ldapsync/agent_private.h"

enum {
	BATCH_BYTES = 256 * 1024,
	BATCH_EVENTS = 1000,
	RENAMED_BYTES = 64 * 1024, /* of names, before they are many */
};

bool source_is_stopping(const struct source_sink *sink)
{
	return atomic_load(&sink->agent->is_stopping);
}

int source_wake_fd(const struct source_sink *sink)
{
	return sink->wake_fd;
}

/* It becomes readable before the epoch changes: who sees the epoch finds the call. */
void source_call(struct source_sink *sink)
{
	eventfd_write(sink->wake_fd, 1);
	atomic_fetch_add(&sink->agent_epoch, 1);
}

bool source_is_called(struct source_sink *sink)
{
	eventfd_t count;

	if (source_is_stopping(sink) || eventfd_read(sink->wake_fd, &count) < 0)
		return false;
	if (!source_is_stopping(sink))
		return true;
	eventfd_write(sink->wake_fd, 1); /* that was the end: nobody may sleep through it */
	return false;
}

bool source_pause(struct source_sink *sink, unsigned ms)
{
	struct pollfd wake = { .fd = sink->wake_fd, .events = POLLIN };

	poll(&wake, 1, (int)ms);
	(void)source_is_called(sink);
	return source_is_stopping(sink);
}

/* Whether the session is still the one that the agent goes along with. */
static int session_state(const struct source_sink *sink)
{
	if (source_is_stopping(sink) || sink->epoch != atomic_load(&sink->agent_epoch))
		return -1;
	return 0;
}

void source_connect(struct source_sink *sink)
{
	if (sink->batch != NULL)
		work_free(sink->batch); /* of a session that broke off */
	sink->batch = NULL;
	sink->n_events = 0;
	sink->epoch = atomic_load(&sink->agent_epoch);
}

int source_flush(struct source_sink *sink)
{
	struct work *work = sink->batch;

	sink->batch = NULL;
	sink->n_events = 0;
	if (work != NULL && !work_queue_push(&sink->agent->queue, work))
		return -1;
	return session_state(sink);
}

static struct buf *batch_of(struct source_sink *sink)
{
	if (sink->batch == NULL) {
		sink->batch = mem_zero(1, sizeof(*sink->batch));
		sink->batch->directory = sink->index;
		sink->batch->epoch = sink->epoch;
		sink->batch_since_ms = clock_mono_ms();
	}
	sink->n_events++;
	return &sink->batch->events;
}

/* Behind each event of which many follow each other. */
static int flush_if_full(struct source_sink *sink)
{
	if (sink->n_events < BATCH_EVENTS && sink->batch->events.len < BATCH_BYTES &&
	    clock_mono_ms() - sink->batch_since_ms < AGENT_COMMIT_AFTER_MS)
		return 0;
	return source_flush(sink);
}

int source_check(struct source_sink *sink)
{
	return sink->batch != NULL && flush_if_full(sink) < 0 ? -1 : session_state(sink);
}

struct question {
	struct source_sink *sink;
	struct buf *cookie, *holders; /* both null: nothing is asked but to be answered */
	pthread_mutex_t mutex;
	pthread_cond_t answered;
	bool is_answered;
};

/* Others see that the session is a new one before it goes on: it would be called live at once. */
static void begin_session(struct source_sink *sink, struct buf *cookie_r)
{
	struct agent *agent = sink->agent;
	struct err err;

	apply_begin(agent->apply, sink->index);
	if (apply_cookie(agent->apply, sink->index, sink->binding, cookie_r, &err) < 0)
		agent_break_sessions(agent, &err);
	agent_publish_status(agent);
}

static void list_holders(struct source_sink *sink, struct buf *uuids)
{
	struct err err;

	if (apply_holders(sink->agent->apply, sink->index, uuids, &err) < 0)
		agent_break_sessions(sink->agent, &err);
}

static void answer(void *arg)
{
	struct question *question = arg;

	if (question->cookie != NULL)
		begin_session(question->sink, question->cookie);
	if (question->holders != NULL)
		list_holders(question->sink, question->holders);
	pthread_mutex_lock(&question->mutex);
	question->is_answered = true;
	pthread_cond_signal(&question->answered);
	pthread_mutex_unlock(&question->mutex);
}

/* Waits until the applying thread is through with, and has stored, all that came before. */
static int ask(struct source_sink *sink, struct buf *cookie_r, struct buf *holders)
{
	struct question question = { .sink = sink, .cookie = cookie_r, .holders = holders,
				     .mutex = PTHREAD_MUTEX_INITIALIZER,
				     .answered = PTHREAD_COND_INITIALIZER };

	if (!agent_run(sink->agent, answer, &question))
		return -1;
	pthread_mutex_lock(&question.mutex);
	while (!question.is_answered)
		pthread_cond_wait(&question.answered, &question.mutex);
	pthread_mutex_unlock(&question.mutex);
	return session_state(sink);
}

int source_begin(struct source_sink *sink, uint64_t binding, struct buf *cookie_r)
{
	source_connect(sink);
	sink->binding = binding;
	return ask(sink, cookie_r, NULL);
}

int source_settle(struct source_sink *sink)
{
	return source_flush(sink) < 0 ? -1 : ask(sink, NULL, NULL);
}

int source_holders(struct source_sink *sink, struct buf *uuids)
{
	return source_flush(sink) < 0 ? -1 : ask(sink, NULL, uuids);
}

int source_refresh(struct source_sink *sink, int kind)
{
	event_add(batch_of(sink), EVENT_REFRESH, (uint64_t)kind, NULL, 0);
	return session_state(sink);
}

int source_upsert(struct source_sink *sink, const struct entry *entry)
{
	event_add_entry(batch_of(sink), entry, false);
	return flush_if_full(sink);
}

int source_change(struct source_sink *sink, const struct entry *entry)
{
	event_add_entry(batch_of(sink), entry, true);
	return flush_if_full(sink);
}

int source_present(struct source_sink *sink, const struct entry_uuid *uuid)
{
	event_add(batch_of(sink), EVENT_PRESENT, 0, uuid->bytes, sizeof(uuid->bytes));
	return flush_if_full(sink);
}

int source_delete(struct source_sink *sink, const struct entry_uuid *uuid)
{
	event_add(batch_of(sink), EVENT_DELETE, 0, uuid->bytes, sizeof(uuid->bytes));
	return flush_if_full(sink);
}

int source_delete_named(struct source_sink *sink, const struct entry_uuid *uuid, const char *dn)
{
	struct buf data = { 0 };

	buf_add(&data, uuid->bytes, sizeof(uuid->bytes));
	buf_adds(&data, dn);
	event_add(batch_of(sink), EVENT_DELETE, 0, data.data, data.len);
	buf_free(&data);
	return flush_if_full(sink);
}

bool source_take_misnamed(struct source_sink *sink)
{
	return atomic_exchange(&sink->is_misnamed, false);
}

int source_audit(struct source_sink *sink)
{
	event_add(batch_of(sink), EVENT_AUDIT, 0, NULL, 0);
	return session_state(sink);
}

int source_done(struct source_sink *sink, bool complete)
{
	event_add(batch_of(sink), EVENT_DONE, complete, NULL, 0);
	return session_state(sink);
}

int source_cookie(struct source_sink *sink, const void *cookie, size_t len)
{
	event_add(batch_of(sink), EVENT_COOKIE, sink->binding, cookie, len);
	return session_state(sink);
}

static void copy_text(char *out, size_t size, const char *text)
{
	size_t len = text != NULL ? strlen(text) : 0;

	if (len >= size)
		len = size - 1;
	if (len > 0)
		memcpy(out, text, len);
	out[len] = '\0';
}

/* With the mutex held, or before there are threads. */
void source_name_peer(struct source_sink *sink, const struct source_peer *peer)
{
	copy_text(sink->where, sizeof(sink->where), peer->where);
	copy_text(sink->tracker, sizeof(sink->tracker), peer->tracker);
	copy_text(sink->bind, sizeof(sink->bind), peer->bind);
	copy_text(sink->tls, sizeof(sink->tls), peer->tls);
}

/* With the mutex held: an error that is new, or lasts. */
static void note_error(struct source_sink *sink, const struct err *err, bool is_news)
{
	if (is_news)
		sink->last_error_wall_ms = clock_wall_ms();
	sink->last_error = *err;
	sink->error_over_wall_ms = 0;
}

/* With the mutex held: the last error is over, unless another lasts. */
static void note_end(struct source_sink *sink)
{
	if (sink->last_error_wall_ms != 0 && sink->error_over_wall_ms == 0 &&
	    sink->error.text[0] == '\0' && sink->fault.text[0] == '\0')
		sink->error_over_wall_ms = clock_wall_ms();
}

void source_is_up(struct source_sink *sink, const struct source_peer *peer)
{
	bool changed;

	pthread_mutex_lock(&sink->agent->mutex);
	changed = !sink->is_up;
	source_name_peer(sink, peer);
	sink->is_up = true;
	sink->error.text[0] = '\0';
	note_end(sink);
	if (sink->agent->sources[sink->index].phase == APPLY_LIVE)
		sink->in_step_ms = clock_mono_ms();
	pthread_mutex_unlock(&sink->agent->mutex);
	if (!changed)
		return;
	log_info("directory %s: connected to %s%s%s%s%s", sink->part->title, peer->where,
		 peer->bind != NULL ? "; bind: " : "", peer->bind != NULL ? peer->bind : "",
		 peer->tls != NULL ? "; TLS: " : "", peer->tls != NULL ? peer->tls : "");
	agent_tell(sink->agent);
}

static void warn(const struct source_sink *sink, const struct err *err)
{
	bool has_remedy = err->remedy[0] != '\0';

	log_warn("directory %s: %s%s%s%s", sink->part->title, err->text, has_remedy ? " (" : "",
		 err->remedy, has_remedy ? ")" : "");
}

void source_is_down(struct source_sink *sink, const struct err *err)
{
	bool is_news;

	pthread_mutex_lock(&sink->agent->mutex);
	is_news = sink->is_up || strcmp(sink->error.text, err->text) != 0;
	sink->is_up = false;
	sink->error = *err;
	note_error(sink, err, is_news);
	pthread_mutex_unlock(&sink->agent->mutex);
	if (!is_news)
		return;
	warn(sink, err);
	agent_tell(sink->agent);
}

void source_fault(struct source_sink *sink, const struct err *err)
{
	bool is_news;

	pthread_mutex_lock(&sink->agent->mutex);
	is_news = err != NULL && strcmp(sink->fault.text, err->text) != 0;
	if (err != NULL)
		sink->fault = *err;
	else
		sink->fault.text[0] = '\0';
	if (err != NULL)
		note_error(sink, err, is_news);
	else
		note_end(sink);
	pthread_mutex_unlock(&sink->agent->mutex);
	if (is_news)
		warn(sink, err);
	agent_tell(sink->agent);
}

/* With the mutex held. */
static void note_renamed(struct source_sink *sink, const char *dn)
{
	if (sink->renamed.len > RENAMED_BYTES)
		sink->many_renamed = true;
	else
		buf_add(&sink->renamed, dn, strlen(dn) + 1);
}

void source_renamed(struct source_sink *sink, const char *dn)
{
	struct agent *agent = sink->agent;

	pthread_mutex_lock(&agent->mutex);
	for (size_t i = 0; i < agent->n_sinks; i++)
		if (i != sink->index)
			note_renamed(&agent->sinks[i], dn);
	pthread_mutex_unlock(&agent->mutex);
}

bool source_take_renamed(struct source_sink *sink, struct buf *names, bool *many_r)
{
	bool any;

	pthread_mutex_lock(&sink->agent->mutex);
	any = sink->renamed.len > 0 || sink->many_renamed;
	buf_add(names, sink->renamed.data, sink->renamed.len);
	*many_r = sink->many_renamed;
	buf_clear(&sink->renamed);
	sink->many_renamed = false;
	pthread_mutex_unlock(&sink->agent->mutex);
	return any;
}

bool source_is_first(struct source_sink *sink)
{
	bool is_first;

	pthread_mutex_lock(&sink->agent->mutex);
	is_first = sink->agent->sources[sink->index].counts.entries == 0;
	pthread_mutex_unlock(&sink->agent->mutex);
	return is_first;
}

void source_expect(struct source_sink *sink, uint64_t entries)
{
	pthread_mutex_lock(&sink->agent->mutex);
	sink->expected = entries;
	pthread_mutex_unlock(&sink->agent->mutex);
}
