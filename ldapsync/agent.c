/* The agent: a thread per part of a directory that watches, one thread that applies. */
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/replica_damage.h"
#include "ldapsync/agent_private.h"

enum {
	QUEUE_BYTES = 4 * 1024 * 1024,
	LOOK_MS = 1000, /* between two looks at the files of the replica */
};

static const struct source_backend *const backends[] = {
	&source_ldif_backend,
	&source_ldap_backend,
};

/* ---- the applying thread ---- */

/* What is on the disk is not to be gone on with. Nothing of it may be touched, so there is no way out
 * by an orderly end; a new process finds out what there is. */
static void end_process(const struct agent *agent, const struct err *err)
{
	log_err("cannot go on", err);
	if (replica_damage_is(err))
		apply_mark_damaged(agent->apply);
	_exit(err_exit_status(err));
}

static bool is_the_end(const struct err *err)
{
	return replica_damage_is(err) || (err->domain == ERR_STORE && err->code == MDB_PANIC);
}

/* Nothing after the last commit counts: every session of a source is over, also of one that has
 * nothing to say and would not notice. */
void agent_break_sessions(struct agent *agent, const struct err *err)
{
	if (is_the_end(err))
		end_process(agent, err);
	pthread_mutex_lock(&agent->mutex);
	if (strcmp(agent->store_error.text, err->text) != 0)
		log_err("replica", err);
	if (agent->store_error.text[0] == '\0')
		agent->store_error_wall_ms = clock_wall_ms();
	agent->store_error = *err;
	pthread_mutex_unlock(&agent->mutex);
	for (size_t i = 0; i < agent->n_sinks; i++)
		source_call(&agent->sinks[i]);
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
			agent_break_sessions(agent, &err);
	}
	if (apply_take_misnamed(agent->apply, work->directory))
		atomic_store(&agent->sinks[work->directory].is_misnamed, true);
}

/* A directory whose cookie is no good, or that is told to, begins anew. */
static void call_sources(struct agent *agent)
{
	for (size_t i = 0; i < agent->n_sinks; i++) {
		const char *why = apply_take_doubt(agent->apply, i);

		if (why != NULL)
			log_info("directory %s: %s: all of it is read again", agent->parts[i].title,
				 why);
		if (apply_is_called(agent->apply, i) || why != NULL)
			source_call(&agent->sinks[i]);
	}
}

static void commit(struct agent *agent)
{
	struct err err;

	if (apply_commit(agent->apply, &err) < 0)
		agent_break_sessions(agent, &err);
	call_sources(agent);
	agent_publish_status(agent);
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

/* WORK and what follows it, as one transaction. */
static void do_together(struct agent *agent, struct work *work)
{
	uint64_t begin_ms = clock_mono_ms();

	do
		do_work(agent, work);
	while (apply_pending(agent->apply) < apply_batch_size(agent->apply) &&
	       clock_mono_ms() - begin_ms < AGENT_COMMIT_AFTER_MS &&
	       (work = work_queue_take(&agent->queue, 0)) != NULL);
	commit(agent);
	apply_tidy(agent->apply);
}

static void look_at_files(struct agent *agent, uint64_t *looked_ms)
{
	uint64_t now_ms = clock_mono_ms();
	struct err err;

	if (now_ms - *looked_ms < LOOK_MS)
		return;
	*looked_ms = now_ms;
	if (apply_check(agent->apply, &err) < 0)
		end_process(agent, &err);
	if (apply_mend_image(agent->apply, clock_wall_ms(), &err) < 0)
		agent_break_sessions(agent, &err);
}

static void *apply_main(void *arg)
{
	struct agent *agent = arg;
	uint64_t looked_ms = clock_mono_ms();
	struct work *work;

	while (!work_queue_is_over(&agent->queue)) {
		work = work_queue_take(&agent->queue, LOOK_MS);
		look_at_files(agent, &looked_ms);
		if (work != NULL)
			do_together(agent, work);
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
		agent_break_sessions(agent, err);
	call_sources(agent);
	agent_publish_status(agent);
	return rc;
}

int agent_accept(struct agent *agent, size_t source, struct err *err)
{
	return end_job(agent, apply_accept(agent->apply, source, clock_wall_ms(), err), err);
}

int agent_refuse(struct agent *agent, size_t source, struct err *err)
{
	return end_job(agent, apply_refuse(agent->apply, source, clock_wall_ms(), err), err);
}

int agent_resync(struct agent *agent, size_t source, struct err *err)
{
	return end_job(agent, apply_resync(agent->apply, source, clock_wall_ms(), err), err);
}

void agent_watch(struct agent *agent, bool is_on)
{
	apply_watch(agent->apply, is_on);
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

static void *source_main(void *arg)
{
	struct source_sink *sink = arg;

	sink->backend->run(sink->part, sink);
	return NULL;
}

/* ---- start and stop ---- */

static const struct source_backend *find_backend(const struct part *part)
{
	for (size_t i = 0; i < WP_COUNT(backends); i++)
		if (backends[i]->accepts(part))
			return backends[i];
	return NULL;
}

static void init_sink(struct agent *agent, size_t i)
{
	struct source_sink *sink = &agent->sinks[i];
	const struct part *part = &agent->parts[i];

	sink->agent = agent;
	sink->index = i;
	sink->part = part;
	sink->backend = find_backend(part);
	sink->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	sink->in_step_ms = clock_mono_ms();
	source_name_peer(sink, &(struct source_peer){ .where = part->directory->uris[0].text });
	err_set(&sink->error, ERR_DIRECTORY, 0, "not asked yet");
	atomic_init(&sink->agent_epoch, 0);
	atomic_init(&sink->is_misnamed, false);
	agent->directories[i] = (struct apply_directory){ part->title,
							  part->directory->sweep_guard_percent };
	if (agent->config.base == NULL)
		agent->config.base = part->directory->base;
}

static void agent_free(struct agent *agent)
{
	apply_close(&agent->apply);
	work_queue_fini(&agent->queue);
	for (size_t i = 0; i < agent->n_sinks; i++) {
		if (agent->sinks[i].batch != NULL)
			work_free(agent->sinks[i].batch);
		buf_free(&agent->sinks[i].renamed);
		close(agent->sinks[i].wake_fd);
	}
	pthread_mutex_destroy(&agent->mutex);
	talloc_free((void *)(uintptr_t)agent->parts);
	free(agent->directories);
	free(agent->sources);
	free(agent->holds);
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
	size_t n;
	const struct part *parts = part_list(NULL, host, &n);
	struct agent *agent = mem_zero(1, sizeof(*agent) + n * sizeof(struct source_sink));

	agent->host = host;
	agent->observer = *observer;
	agent->n_sinks = n;
	agent->parts = parts;
	agent->directories = mem_zero(n, sizeof(*agent->directories));
	agent->sources = mem_zero(n, sizeof(*agent->sources));
	agent->holds = mem_zero(n, sizeof(*agent->holds));
	atomic_init(&agent->is_stopping, false);
	pthread_mutex_init(&agent->mutex, NULL);
	work_queue_init(&agent->queue, QUEUE_BYTES);
	agent->config.state_dir = host->state;
	agent->config.directories = agent->directories;
	agent->config.n_directories = n;
	agent->config.on_changes = observer->on_changes;
	agent->config.ctx = observer->ctx;
	agent->config.history = (struct history_limits){
		host->history.snapshots, host->history.days, host->history.megabytes };
	for (size_t i = 0; i < n; i++)
		init_sink(agent, i);
	if (apply_open(&agent->config, clock_wall_ms(), &agent->apply, err) < 0) {
		agent_free(agent);
		return -1;
	}
	agent_publish_status(agent);
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

	if (a == NULL)
		return;
	atomic_store(&a->is_stopping, true);
	for (size_t i = 0; i < a->n_sinks; i++)
		eventfd_write(a->sinks[i].wake_fd, 1);
	work_queue_close(&a->queue);
	for (size_t i = 0; i < a->n_sinks; i++)
		pthread_join(a->sinks[i].thread, NULL);
	pthread_join(a->thread, NULL);
	agent_free(a);
	*agent = NULL;
}
