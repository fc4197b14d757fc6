/* The verbs of waypost-ldapsync's control socket. */
#include "ldapsync/ctl_sync.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "common/ctl_proto.h"
#include "ldapsync/status_json.h"
#include "ldapsync/sync_watch.h"

/* A client that is told of every change, until it goes away. */
struct subscriber {
	LIST_ENTRY(subscriber) link;
	struct ctl_call *call;
	uint64_t snapshot; /* what it was told last */
	enum agent_state state;
};

struct ctl_sync {
	struct agent *agent;
	struct sync_watch *watch;
	pthread_mutex_t mutex;
	LIST_HEAD(, subscriber) subscribers;
};

struct ctl_sync *ctl_sync_new(void)
{
	struct ctl_sync *sync = mem_zero(1, sizeof(*sync));

	pthread_mutex_init(&sync->mutex, NULL);
	LIST_INIT(&sync->subscribers);
	sync->watch = sync_watch_new();
	return sync;
}

static void unsubscribe(struct subscriber *subscriber)
{
	LIST_REMOVE(subscriber, link);
	ctl_end(subscriber->call, NULL);
	free(subscriber);
}

void ctl_sync_stop(struct ctl_sync *sync)
{
	if (sync != NULL)
		sync_watch_stop(sync->watch);
}

void ctl_sync_free(struct ctl_sync **sync)
{
	struct subscriber *subscriber;

	if (*sync == NULL)
		return;
	while ((subscriber = LIST_FIRST(&(*sync)->subscribers)) != NULL)
		unsubscribe(subscriber);
	sync_watch_free(&(*sync)->watch);
	pthread_mutex_destroy(&(*sync)->mutex);
	free(*sync);
	*sync = NULL;
}

void ctl_sync_set_agent(struct ctl_sync *sync, struct agent *agent, const struct hostfile *host)
{
	sync_watch_set_agent(sync->watch, agent, host);
	sync->agent = agent;
}

/* ---- sync.status ---- */

static void on_status(struct ctl_call *call, const json_t *args, void *ctx)
{
	struct ctl_sync *sync = ctx;

	(void)args;
	ctl_row(call, status_json(sync->agent));
	ctl_end(call, NULL);
}

/* ---- subscribe ---- */

/* False: the client is gone. */
static bool tell(struct subscriber *subscriber, const struct agent_status *status)
{
	json_t *row;

	if (subscriber->snapshot == status->snapshot && subscriber->state == status->state)
		return !ctl_is_gone(subscriber->call);
	subscriber->snapshot = status->snapshot;
	subscriber->state = status->state;
	row = json_pack("{s:I, s:s}", "snapshot", (json_int_t)status->snapshot, "state",
			agent_state_name(status->state));
	return ctl_row(subscriber->call, row) >= 0;
}

static void tell_all(struct ctl_sync *sync, const struct agent_status *status)
{
	struct subscriber *at, *next;

	pthread_mutex_lock(&sync->mutex);
	for (at = LIST_FIRST(&sync->subscribers); at != NULL; at = next) {
		next = LIST_NEXT(at, link);
		if (!tell(at, status))
			unsubscribe(at);
	}
	pthread_mutex_unlock(&sync->mutex);
}

static void on_change(void *ctx, const struct agent_status *status)
{
	struct ctl_sync *sync = ctx;

	tell_all(sync, status);
	sync_watch_status(sync->watch, status);
}

static void on_changes(void *ctx, json_t *rows, uint32_t omitted)
{
	sync_watch_changes(((struct ctl_sync *)ctx)->watch, rows, omitted);
}

struct agent_observer ctl_sync_observer(struct ctl_sync *sync)
{
	return (struct agent_observer){ on_change, on_changes, sync };
}

static void on_subscribe(struct ctl_call *call, const json_t *args, void *ctx)
{
	struct ctl_sync *sync = ctx;
	struct subscriber *subscriber = mem_zero(1, sizeof(*subscriber));
	struct agent_status status;

	(void)args;
	subscriber->call = call;
	subscriber->snapshot = UINT64_MAX; /* nothing yet: it is told at once */
	pthread_mutex_lock(&sync->mutex);
	LIST_INSERT_HEAD(&sync->subscribers, subscriber, link);
	pthread_mutex_unlock(&sync->mutex);
	agent_status(sync->agent, &status);
	tell_all(sync, &status); /* also finds those who left without news */
}

static void on_watch(struct ctl_call *call, const json_t *args, void *ctx)
{
	(void)args;
	sync_watch_add(((struct ctl_sync *)ctx)->watch, call);
}

/* ---- what the applying thread does ---- */

struct job {
	struct agent *agent;
	struct ctl_call *call;
	uint64_t number; /* of a snapshot */
	size_t source;   /* or APPLY_ALL */
	/* 1: done; else ERR says why not. */
	int (*run)(const struct job *job, struct err *err);
};

static void do_job(void *arg)
{
	struct job *job = arg;
	struct err err;

	if (job->run(job, &err) <= 0)
		ctl_fail(job->call, &err);
	else
		ctl_end(job->call, NULL);
	free(job);
}

static void start_job(struct ctl_sync *sync, struct ctl_call *call, struct job what)
{
	struct job *job = mem_zero(1, sizeof(*job));
	struct err err;

	*job = what;
	job->agent = sync->agent;
	job->call = call;
	if (agent_run(sync->agent, do_job, job))
		return;
	free(job);
	err_set(&err, ERR_UNREACHABLE, 0, "waypost-ldapsync is stopping");
	ctl_fail(call, &err);
}

/* A row per source that JOB is about: what it was in, before. */
static void tell_sources(const struct job *job)
{
	struct agent_source *source = mem_zero(1, sizeof(*source));

	for (size_t i = 0; agent_source_status(job->agent, i, source); i++) {
		bool is_meant = job->source == APPLY_ALL || job->source == i;

		if (is_meant)
			ctl_row(job->call, json_pack("{so ss}", "source", ctl_text(source->title),
						     "state", agent_state_name(source->state)));
	}
	free(source);
}

static int run_accept(const struct job *job, struct err *err)
{
	return agent_accept(job->agent, job->source, err);
}

static int run_refuse(const struct job *job, struct err *err)
{
	return agent_refuse(job->agent, job->source, err);
}

static int run_resync(const struct job *job, struct err *err)
{
	tell_sources(job);
	return agent_resync(job->agent, job->source, err);
}

/* About the source that ARGS name, or about all. */
static void start_source_job(struct ctl_sync *sync, struct ctl_call *call, const json_t *args,
			     int (*run)(const struct job *job, struct err *err))
{
	const char *title = ctl_arg_string(args, "source", NULL);
	struct job job = { .run = run, .source = APPLY_ALL };
	struct err err;

	if (title != NULL && agent_find_source(sync->agent, title, &job.source, &err) < 0)
		ctl_fail(call, &err);
	else
		start_job(sync, call, job);
}

static void on_accept(struct ctl_call *call, const json_t *args, void *ctx)
{
	start_source_job(ctx, call, args, run_accept);
}

static void on_refuse(struct ctl_call *call, const json_t *args, void *ctx)
{
	start_source_job(ctx, call, args, run_refuse);
}

static void on_resync(struct ctl_call *call, const json_t *args, void *ctx)
{
	start_source_job(ctx, call, args, run_resync);
}

static int run_pin(const struct job *job, struct err *err)
{
	return agent_pin(job->agent, job->number, err);
}

static void on_pin(struct ctl_call *call, const json_t *args, void *ctx)
{
	start_job(ctx, call, (struct job){ .number = (uint64_t)ctl_arg_integer(args, "snapshot", 0),
					   .run = run_pin });
}

static int run_unpin(const struct job *job, struct err *err)
{
	return agent_unpin(job->agent, err);
}

static void on_unpin(struct ctl_call *call, const json_t *args, void *ctx)
{
	(void)args;
	start_job(ctx, call, (struct job){ .run = run_unpin });
}

static const struct ctl_arg pin_args[] = {
	{ "snapshot", CTL_INTEGER, true, "its number in the log" },
	{ NULL, CTL_INTEGER, false, NULL },
};

static const struct ctl_arg source_args[] = {
	{ "source", CTL_STRING, false, "only this source; default: all" },
	{ NULL, CTL_STRING, false, NULL },
};

static const struct ctl_verb verbs[] = {
	{ "sync.status", CTL_READ, NULL, "state of the replica and its sources, one row", on_status },
	{ "subscribe", CTL_READ, NULL,
	  "a row now and at every new snapshot or state, until closed", on_subscribe },
	{ "sync.watch", CTL_READ, NULL,
	  "a row for all that changes, every state and snapshot, until closed", on_watch },
	{ "sync.accept", CTL_ADMIN, source_args,
	  "let a change through that was held back because it drops too much", on_accept },
	{ "sync.refuse", CTL_ADMIN, source_args,
	  "throw away what was held back, and read its source anew", on_refuse },
	{ "sync.resync", CTL_ADMIN, source_args,
	  "read everything anew, a row for each source and what it was in", on_resync },
	{ "topology.pin", CTL_ADMIN, pin_args,
	  "hold a snapshot live while newer ones are made", on_pin },
	{ "topology.unpin", CTL_ADMIN, NULL, "let the newest snapshot be live again", on_unpin },
};

const struct ctl_verb *ctl_sync_verbs(size_t *n_r)
{
	*n_r = WP_COUNT(verbs);
	return verbs;
}
