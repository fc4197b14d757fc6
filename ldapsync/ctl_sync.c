/* The verbs of waypost-ldapsync's control socket. */
#include "ldapsync/ctl_sync.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "common/clock.h"
#include "common/ctl_proto.h"

/* A client that is told of every change, until it goes away. */
struct subscriber {
	LIST_ENTRY(subscriber) link;
	struct ctl_call *call;
	uint64_t snapshot; /* what it was told last */
	enum agent_state state;
};

struct ctl_sync {
	struct agent *agent;
	pthread_mutex_t mutex;
	LIST_HEAD(, subscriber) subscribers;
};

struct ctl_sync *ctl_sync_new(void)
{
	struct ctl_sync *sync = mem_zero(1, sizeof(*sync));

	pthread_mutex_init(&sync->mutex, NULL);
	LIST_INIT(&sync->subscribers);
	return sync;
}

static void unsubscribe(struct subscriber *subscriber)
{
	LIST_REMOVE(subscriber, link);
	ctl_end(subscriber->call, NULL);
	free(subscriber);
}

void ctl_sync_free(struct ctl_sync **sync)
{
	struct subscriber *subscriber;

	if (*sync == NULL)
		return;
	while ((subscriber = LIST_FIRST(&(*sync)->subscribers)) != NULL)
		unsubscribe(subscriber);
	pthread_mutex_destroy(&(*sync)->mutex);
	free(*sync);
	*sync = NULL;
}

void ctl_sync_set_agent(struct ctl_sync *sync, struct agent *agent)
{
	sync->agent = agent;
}

/* ---- sync.status ---- */

static json_t *time_text(uint64_t wall_ms)
{
	char text[25] = "";

	if (wall_ms != 0)
		clock_iso8601(wall_ms, text);
	return json_string(text);
}

static json_t *error_text(const struct err *e)
{
	struct buf text = { 0 };
	json_t *value;

	buf_adds(&text, e->text);
	if (e->text[0] != '\0' && e->remedy[0] != '\0')
		buf_printf(&text, " (%s)", e->remedy);
	value = ctl_text(text.data);
	buf_free(&text);
	return value;
}

static json_t *status_row(const struct agent_status *status)
{
	json_t *row = json_object();

	json_object_set_new(row, "state", json_string(agent_state_name(status->state)));
	json_object_set_new(row, "source", ctl_text(status->source));
	json_object_set_new(row, "lag_ms", json_integer((json_int_t)status->lag_ms));
	json_object_set_new(row, "entries", json_integer((json_int_t)status->counts.entries));
	json_object_set_new(row, "recipients", json_integer((json_int_t)status->counts.recipients));
	json_object_set_new(row, "snapshot",
			    json_integer(status->is_published ? (json_int_t)status->snapshot : 0));
	json_object_set_new(row, "newest",
			    json_integer(status->is_published ? (json_int_t)status->newest : 0));
	json_object_set_new(row, "pinned_since", time_text(status->pinned_wall_ms));
	json_object_set_new(row, "last_change", time_text(status->changed_wall_ms));
	json_object_set_new(row, "last_error", error_text(&status->last_error));
	json_object_set_new(row, "diagnostics", json_integer((json_int_t)status->diagnostics));
	return row;
}

static void on_status(struct ctl_call *call, const json_t *args, void *ctx)
{
	struct ctl_sync *sync = ctx;
	struct agent_status status;

	(void)args;
	agent_status(sync->agent, &status);
	ctl_row(call, status_row(&status));
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
	tell_all(ctx, status);
}

struct agent_observer ctl_sync_observer(struct ctl_sync *sync)
{
	return (struct agent_observer){ on_change, sync };
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

/* ---- what the applying thread does ---- */

struct job {
	struct agent *agent;
	struct ctl_call *call;
	uint64_t number;
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

static void start_job(struct ctl_sync *sync, struct ctl_call *call, uint64_t number,
		      int (*run)(const struct job *job, struct err *err))
{
	struct job *job = mem_zero(1, sizeof(*job));
	struct err err;

	*job = (struct job){ sync->agent, call, number, run };
	if (agent_run(sync->agent, do_job, job))
		return;
	free(job);
	err_set(&err, ERR_UNREACHABLE, 0, "waypost-ldapsync is stopping");
	ctl_fail(call, &err);
}

static int run_accept(const struct job *job, struct err *err)
{
	int rc = agent_accept(job->agent, err);

	return rc == 0 ? err_set(err, ERR_NOT_FOUND, 0, "nothing is held back") : rc;
}

static void on_accept(struct ctl_call *call, const json_t *args, void *ctx)
{
	(void)args;
	start_job(ctx, call, 0, run_accept);
}

static int run_pin(const struct job *job, struct err *err)
{
	return agent_pin(job->agent, job->number, err);
}

static void on_pin(struct ctl_call *call, const json_t *args, void *ctx)
{
	start_job(ctx, call, (uint64_t)ctl_arg_integer(args, "snapshot", 0), run_pin);
}

static int run_unpin(const struct job *job, struct err *err)
{
	return agent_unpin(job->agent, err);
}

static void on_unpin(struct ctl_call *call, const json_t *args, void *ctx)
{
	(void)args;
	start_job(ctx, call, 0, run_unpin);
}

static const struct ctl_arg pin_args[] = {
	{ "snapshot", CTL_INTEGER, true, "its number in the log" },
	{ NULL, CTL_INTEGER, false, NULL },
};

static const struct ctl_verb verbs[] = {
	{ "sync.status", CTL_READ, NULL, "state of the replica, one row", on_status },
	{ "subscribe", CTL_READ, NULL,
	  "a row now and at every new snapshot or state, until closed", on_subscribe },
	{ "sync.accept", CTL_ADMIN, NULL,
	  "let a change through that was held back because it drops too much", on_accept },
	{ "topology.pin", CTL_ADMIN, pin_args,
	  "hold a snapshot live while newer ones are made", on_pin },
	{ "topology.unpin", CTL_ADMIN, NULL, "let the newest snapshot be live again", on_unpin },
};

const struct ctl_verb *ctl_sync_verbs(size_t *n_r)
{
	*n_r = WP_COUNT(verbs);
	return verbs;
}
