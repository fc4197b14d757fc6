/* The agent: a thread per directory that watches, one thread that applies. */
#include "ldapsync/agent.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "ldapsync/apply.h"
#include "ldapsync/source.h"
#include "ldapsync/work_queue.h"

enum {
	QUEUE_BYTES = 16 * 1024 * 1024,
	BATCH_BYTES = 256 * 1024,
	BATCH_EVENTS = 1000,
	COMMIT_AFTER_MS = 200, /* from the first change that waits */
};

static const struct source_backend *const backends[] = {
	&source_ldif_backend,
	&source_syncrepl_backend,
};

/* A source's end of the agent. BATCH belongs to the source's thread, the rest to the mutex. */
struct source_sink {
	struct agent *agent;
	const struct host_directory *directory;
	const struct source_backend *backend;
	size_t index;
	pthread_t thread;

	struct work *batch;
	unsigned n_events, epoch;
	uint64_t batch_since_ms;
	uint64_t binding;

	atomic_uint agent_epoch; /* rises when the source has to begin anew */
	char where[256];
	bool is_up;
	struct err error, fault;
	uint64_t in_step_ms; /* when it was last known to be */
};

struct agent {
	const struct hostfile *host;
	struct agent_observer observer;
	struct apply_config config;
	struct apply_directory *directories;
	struct apply *apply; /* the applying thread's */
	struct work_queue queue;
	pthread_t thread;
	int wake_fd; /* readable for ever once the agent stops */
	atomic_bool is_stopping;

	pthread_mutex_t mutex; /* what follows, and the sinks' states */
	struct apply_status applied;
	enum apply_phase *phases;
	struct err held, store_error;
	size_t n_sinks;
	struct source_sink sinks[];
};

/* ---- status ---- */

static const char *const state_names[] = {
	[AGENT_LIVE] = "live",
	[AGENT_REFRESH] = "refresh",
	[AGENT_DOWN] = "down",
	[AGENT_HELD] = "held",
};

const char *agent_state_name(enum agent_state state)
{
	return state_names[state];
}

static enum agent_state state_of(const struct agent *agent, const struct source_sink *sink)
{
	enum apply_phase phase = agent->phases[sink->index];

	if (phase == APPLY_HELD || agent->held.text[0] != '\0' || sink->fault.text[0] != '\0')
		return AGENT_HELD;
	if (!sink->is_up)
		return AGENT_DOWN;
	return phase == APPLY_LIVE ? AGENT_LIVE : AGENT_REFRESH;
}

static void take_error(struct agent_status *status, const struct err *error)
{
	if (error->text[0] != '\0')
		status->last_error = *error;
}

/* With the mutex held. */
static void fill_status(struct agent *agent, struct agent_status *status)
{
	const struct source_sink *worst = &agent->sinks[0];
	uint64_t now_ms = clock_mono_ms();

	for (size_t i = 1; i < agent->n_sinks; i++)
		if (state_of(agent, &agent->sinks[i]) > state_of(agent, worst))
			worst = &agent->sinks[i];
	*status = (struct agent_status){
		.state = state_of(agent, worst),
		.counts = agent->applied.counts,
		.snapshot = agent->applied.snapshot.number,
		.newest = agent->applied.newest.number,
		.pinned_wall_ms = agent->applied.pinned_wall_ms,
		.is_published = agent->applied.is_published,
		.changed_wall_ms = agent->applied.changed_wall_ms,
		.diagnostics = agent->applied.diagnostics,
	};
	memcpy(status->source, worst->where, sizeof(status->source));
	if (status->state != AGENT_LIVE)
		status->lag_ms = now_ms - worst->in_step_ms;
	take_error(status, &worst->fault);
	take_error(status, &worst->error);
	take_error(status, &agent->store_error);
	take_error(status, &agent->held);
}

void agent_status(struct agent *agent, struct agent_status *status_r)
{
	pthread_mutex_lock(&agent->mutex);
	fill_status(agent, status_r);
	pthread_mutex_unlock(&agent->mutex);
}

static void tell_observer(struct agent *agent)
{
	struct agent_status status;

	agent_status(agent, &status);
	agent->observer.on_change(agent->observer.ctx, &status);
}

/* In the applying thread: what apply.h knows becomes what others see. */
static void publish_status(struct agent *agent)
{
	const struct err *held = apply_held(agent->apply);

	pthread_mutex_lock(&agent->mutex);
	apply_status(agent->apply, &agent->applied);
	for (size_t i = 0; i < agent->n_sinks; i++) {
		agent->phases[i] = apply_phase(agent->apply, i);
		if (agent->phases[i] == APPLY_LIVE && agent->sinks[i].is_up)
			agent->sinks[i].in_step_ms = clock_mono_ms();
		/* A failure took all of them out of step, so this one was stored since. */
		if (agent->phases[i] == APPLY_LIVE)
			agent->store_error.text[0] = '\0';
	}
	agent->held.text[0] = '\0';
	if (held != NULL)
		agent->held = *held;
	pthread_mutex_unlock(&agent->mutex);
	tell_observer(agent);
}

/* ---- the applying thread ---- */

/* Nothing after the last commit counts: every session of a source is over. */
static void break_sessions(struct agent *agent, const struct err *err)
{
	pthread_mutex_lock(&agent->mutex);
	if (strcmp(agent->store_error.text, err->text) != 0)
		log_err("replica", err);
	agent->store_error = *err;
	pthread_mutex_unlock(&agent->mutex);
	for (size_t i = 0; i < agent->n_sinks; i++)
		atomic_fetch_add(&agent->sinks[i].agent_epoch, 1);
}

static void apply_batch(struct agent *agent, const struct work *work)
{
	uint64_t wall_ms = clock_wall_ms();
	struct event event;
	size_t at = 0;
	struct err err;

	while (event_next(&work->events, &at, &event)) {
		if (work->epoch != atomic_load(&agent->sinks[work->directory].agent_epoch))
			return;
		if (apply_event(agent->apply, work->directory, &event, wall_ms, &err) < 0)
			break_sessions(agent, &err);
	}
}

static void commit(struct agent *agent)
{
	struct err err;

	if (apply_commit(agent->apply, &err) < 0)
		break_sessions(agent, &err);
	publish_status(agent);
}

static void do_work(struct agent *agent, struct work *work)
{
	if (work->job != NULL) {
		commit(agent);
		work->job(work->arg);
	} else {
		apply_batch(agent, work);
	}
	work_free(work);
}

static void *apply_main(void *arg)
{
	struct agent *agent = arg;
	struct work *work;

	while ((work = work_queue_take(&agent->queue, true)) != NULL) {
		uint64_t begin_ms = clock_mono_ms();

		do
			do_work(agent, work);
		while (apply_pending(agent->apply) < apply_batch_size(agent->apply) &&
		       clock_mono_ms() - begin_ms < COMMIT_AFTER_MS &&
		       (work = work_queue_take(&agent->queue, false)) != NULL);
		commit(agent);
	}
	return NULL;
}

bool agent_run(struct agent *agent, void (*job)(void *arg), void *arg)
{
	struct work *work = mem_zero(1, sizeof(*work));

	work->job = job;
	work->arg = arg;
	return work_queue_push(&agent->queue, work);
}

/* In a job: what apply.h answered. */
static int end_job(struct agent *agent, int rc, const struct err *err)
{
	if (rc < 0)
		break_sessions(agent, err);
	publish_status(agent);
	return rc;
}

int agent_accept(struct agent *agent, struct err *err)
{
	return end_job(agent, apply_accept(agent->apply, clock_wall_ms(), err), err);
}

int agent_pin(struct agent *agent, uint64_t number, struct err *err)
{
	return end_job(agent, apply_pin(agent->apply, number, clock_wall_ms(), err), err);
}

int agent_unpin(struct agent *agent, struct err *err)
{
	return end_job(agent, apply_unpin(agent->apply, clock_wall_ms(), err), err);
}

const struct replica_store *agent_store(struct agent *agent)
{
	return apply_store(agent->apply);
}

/* ---- the sources' side ---- */

bool source_is_stopping(const struct source_sink *sink)
{
	return atomic_load(&sink->agent->is_stopping);
}

int source_wake_fd(const struct source_sink *sink)
{
	return sink->agent->wake_fd;
}

bool source_pause(const struct source_sink *sink, unsigned ms)
{
	struct pollfd wake = { .fd = sink->agent->wake_fd, .events = POLLIN };

	poll(&wake, 1, (int)ms);
	return source_is_stopping(sink);
}

/* Whether the session is still the one that the agent goes along with. */
static int session_state(const struct source_sink *sink)
{
	if (source_is_stopping(sink) || sink->epoch != atomic_load(&sink->agent_epoch))
		return -1;
	return 0;
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
	    clock_mono_ms() - sink->batch_since_ms < COMMIT_AFTER_MS)
		return 0;
	return source_flush(sink);
}

struct question {
	struct source_sink *sink;
	struct buf *cookie; /* null: nothing is asked but to be answered */
	pthread_mutex_t mutex;
	pthread_cond_t answered;
	bool is_answered;
};

static void answer(void *arg)
{
	struct question *question = arg;
	struct source_sink *sink = question->sink;
	struct err err;

	if (question->cookie != NULL && apply_cookie(sink->agent->apply, sink->index, sink->binding,
						     question->cookie, &err) < 0)
		break_sessions(sink->agent, &err);
	pthread_mutex_lock(&question->mutex);
	question->is_answered = true;
	pthread_cond_signal(&question->answered);
	pthread_mutex_unlock(&question->mutex);
}

/* Waits until the applying thread is through with, and has stored, all that came before. */
static int ask(struct source_sink *sink, struct buf *cookie_r)
{
	struct question question = { .sink = sink, .cookie = cookie_r,
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
	if (sink->batch != NULL)
		work_free(sink->batch); /* of a session that broke off */
	sink->batch = NULL;
	sink->n_events = 0;
	sink->binding = binding;
	sink->epoch = atomic_load(&sink->agent_epoch);
	return ask(sink, cookie_r);
}

int source_settle(struct source_sink *sink)
{
	return source_flush(sink) < 0 ? -1 : ask(sink, NULL);
}

int source_refresh(struct source_sink *sink, enum source_refresh kind)
{
	event_add(batch_of(sink), EVENT_REFRESH, kind, NULL, 0);
	return session_state(sink);
}

int source_upsert(struct source_sink *sink, const struct entry *entry)
{
	event_add_entry(batch_of(sink), entry);
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
	size_t len = strlen(text);

	if (len >= size)
		len = size - 1;
	memcpy(out, text, len);
	out[len] = '\0';
}

void source_is_up(struct source_sink *sink, const char *where)
{
	bool changed;

	pthread_mutex_lock(&sink->agent->mutex);
	changed = !sink->is_up;
	copy_text(sink->where, sizeof(sink->where), where);
	sink->is_up = true;
	sink->error.text[0] = '\0';
	if (sink->agent->phases[sink->index] == APPLY_LIVE)
		sink->in_step_ms = clock_mono_ms();
	pthread_mutex_unlock(&sink->agent->mutex);
	if (!changed)
		return;
	log_info("directory %s: connected to %s", sink->directory->title, where);
	tell_observer(sink->agent);
}

void source_is_down(struct source_sink *sink, const struct err *err)
{
	bool is_news;

	pthread_mutex_lock(&sink->agent->mutex);
	is_news = sink->is_up || strcmp(sink->error.text, err->text) != 0;
	sink->is_up = false;
	sink->error = *err;
	pthread_mutex_unlock(&sink->agent->mutex);
	if (!is_news)
		return;
	log_warn("directory %s: %s", sink->directory->title, err->text);
	tell_observer(sink->agent);
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
	pthread_mutex_unlock(&sink->agent->mutex);
	if (is_news)
		log_warn("directory %s: %s", sink->directory->title, err->text);
	tell_observer(sink->agent);
}

static void *source_main(void *arg)
{
	struct source_sink *sink = arg;

	sink->backend->run(sink->directory, sink);
	return NULL;
}

/* ---- start and stop ---- */

static const struct source_backend *find_backend(const struct host_directory *directory)
{
	for (size_t i = 0; i < WP_COUNT(backends); i++)
		if (backends[i]->accepts(directory))
			return backends[i];
	return NULL;
}

static int init_sinks(struct agent *agent, struct err *err)
{
	for (size_t i = 0; i < agent->n_sinks; i++) {
		struct source_sink *sink = &agent->sinks[i];

		sink->agent = agent;
		sink->index = i;
		sink->directory = &agent->host->directories[i];
		sink->backend = find_backend(sink->directory);
		sink->in_step_ms = clock_mono_ms();
		copy_text(sink->where, sizeof(sink->where), sink->directory->uris[0].text);
		err_set(&sink->error, ERR_DIRECTORY, 0, "not asked yet");
		atomic_init(&sink->agent_epoch, 0);
		agent->directories[i] = (struct apply_directory){
			sink->directory->title, sink->directory->sweep_guard_percent };
		if (agent->config.base == NULL)
			agent->config.base = sink->directory->base;
		if (sink->backend == NULL) {
			err_set(err, ERR_CONFIG, 0, "directory %s: %s cannot be read with this profile",
				sink->directory->title, sink->directory->uris[0].text);
			return err_remedy(err, "use ldap://, ldaps://, ldapi:// or file:// with the "
					       "profile waypost");
		}
	}
	return 0;
}

static void agent_free(struct agent *agent)
{
	apply_close(&agent->apply);
	work_queue_fini(&agent->queue);
	for (size_t i = 0; i < agent->n_sinks; i++)
		if (agent->sinks[i].batch != NULL)
			work_free(agent->sinks[i].batch);
	close(agent->wake_fd);
	pthread_mutex_destroy(&agent->mutex);
	free(agent->directories);
	free(agent->phases);
	free(agent);
}

static void must_start(int rc, const char *what)
{
	if (rc == 0)
		return;
	log_error("cannot start the %s thread: %s", what, strerror(rc));
	abort();
}

int agent_start(const struct hostfile *host, const struct agent_observer *observer,
		struct agent **agent_r, struct err *err)
{
	size_t n = host->n_directories;
	struct agent *agent = mem_zero(1, sizeof(*agent) + n * sizeof(struct source_sink));

	agent->host = host;
	agent->observer = *observer;
	agent->n_sinks = n;
	agent->directories = mem_zero(n, sizeof(*agent->directories));
	agent->phases = mem_zero(n, sizeof(*agent->phases));
	agent->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	atomic_init(&agent->is_stopping, false);
	pthread_mutex_init(&agent->mutex, NULL);
	work_queue_init(&agent->queue, QUEUE_BYTES);
	agent->config.state_dir = host->state;
	agent->config.directories = agent->directories;
	agent->config.n_directories = n;
	agent->config.history = (struct history_limits){
		host->history.snapshots, host->history.days, host->history.megabytes };
	if (init_sinks(agent, err) < 0 ||
	    apply_open(&agent->config, clock_wall_ms(), &agent->apply, err) < 0) {
		agent_free(agent);
		return -1;
	}
	publish_status(agent);
	must_start(pthread_create(&agent->thread, NULL, apply_main, agent), "applying");
	for (size_t i = 0; i < n; i++)
		must_start(pthread_create(&agent->sinks[i].thread, NULL, source_main,
					  &agent->sinks[i]), "source");
	*agent_r = agent;
	return 0;
}

void agent_stop(struct agent **agent)
{
	struct agent *a = *agent;
	uint64_t one = 1;

	if (a == NULL)
		return;
	atomic_store(&a->is_stopping, true);
	if (write(a->wake_fd, &one, sizeof(one)) < 0)
		log_error("the sources cannot be woken");
	work_queue_close(&a->queue);
	for (size_t i = 0; i < a->n_sinks; i++)
		pthread_join(a->sinks[i].thread, NULL);
	pthread_join(a->thread, NULL);
	agent_free(a);
	*agent = NULL;
}
