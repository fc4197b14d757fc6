/* Control verbs: queues and figures. They run in the scheduler's thread, which owns the queues. */
#include "delivery/ctl_delivery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/ctl_proto.h"
#include "delivery/loop.h"
#include "delivery/scheduler.h"

/* Queues looked at in one go: mail waits for so long, and a page of the list has no more. */
enum { PAGE_QUEUES = 500 };

/* A call on its way to the scheduler's thread; the arguments are copied. */
struct queue_call {
	struct scheduler_call base;
	struct ctl_call *call;
	struct engine *engine;
	void (*fn)(struct scheduler *scheduler, struct queue_call *call);
	char filter[QUEUE_NEXT_HOP_MAX];
	uint64_t from; /* the first queue of this page, by its number */
};

static void run(struct scheduler *scheduler, void *arg)
{
	struct queue_call *call = arg;

	call->fn(scheduler, call);
	free(call);
}

/* A cursor is the number of the queue at which the list goes on. */
static bool read_cursor(struct ctl_call *ctl, const json_t *args, uint64_t *from_r)
{
	const char *cursor = ctl_arg_string(args, "cursor", "0");
	struct err err;

	if (parse_u64(cursor, strlen(cursor), UINT64_MAX, from_r))
		return true;
	err_set(&err, ERR_USAGE, 0, "\"%.40s\" is no cursor of queue.list", cursor);
	err_remedy(&err, "pass on what the page before ended with, or begin without one");
	ctl_fail(ctl, &err);
	return false;
}

static void to_scheduler(struct ctl_call *ctl, const json_t *args, void *ctx,
			 void (*fn)(struct scheduler *scheduler, struct queue_call *call))
{
	struct engine *engine = ctx;
	struct queue_call *call;
	uint64_t from;

	if (!read_cursor(ctl, args, &from))
		return;
	call = mem_zero(1, sizeof(*call));
	call->from = from;
	call->base.mail.kind = MAIL_CALL;
	call->base.fn = run;
	call->base.arg = call;
	call->call = ctl;
	call->engine = engine;
	call->fn = fn;
	snprintf(call->filter, sizeof(call->filter), "%s", ctl_arg_string(args, "filter", ""));
	scheduler_post(engine->scheduler, &call->base.mail);
}

/* --- queues --------------------------------------------------------------------------------- */

/* What tells one queue from another, and what a filter is compared with. */
static void queue_name(const struct queue *queue, char *name, size_t size)
{
	const struct queue_key *key = &queue->key;

	snprintf(name, size, "%s%s%s%s%s", queue_kind_name(key->kind),
		 key->next_hop[0] != '\0' ? ":" : "", key->next_hop,
		 key->connector[0] != '\0' ? ":" : "", key->connector);
}

/* No filter: all; else the queue's name, its kind, next hop or connector, also as they are shown. */
static bool matches(const struct queue *queue, const char *filter)
{
	char name[3 * QUEUE_NEXT_HOP_MAX];

	if (filter[0] == '\0' || ascii_equal(filter, queue_kind_name(queue->key.kind)) ||
	    ascii_equal(filter, queue->key.next_hop) ||
	    ascii_equal(filter, queue->key.connector) ||
	    ascii_equal(filter, scheduler_next_hop(queue)) ||
	    ascii_equal(filter, scheduler_connector(queue)))
		return true;
	queue_name(queue, name, sizeof(name));
	return ascii_equal(filter, name);
}

static json_t *time_or_null(uint64_t wall_ms)
{
	char text[25];

	if (wall_ms == 0)
		return json_null();
	clock_iso8601(wall_ms, text);
	return json_string(text);
}

static json_t *queue_row(struct scheduler *scheduler, const struct queue *queue)
{
	char name[3 * QUEUE_NEXT_HOP_MAX];
	uint64_t retry = 0, now = scheduler_now_ms(scheduler);
	const struct queue_copy *waiting = TAILQ_FIRST(&queue->waiting);

	queue_name(queue, name, sizeof(name));
	if (queue->retry)
		retry = clock_wall_ms() + (queue->next_retry_ms > now ? queue->next_retry_ms - now : 0);
	else if (waiting != NULL && queue->ready_count == 0)
		retry = clock_wall_ms() + (waiting->due_ms > now ? waiting->due_ms - now : 0);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:o}", "queue", name, "kind",
			 queue_kind_name(queue->key.kind), "next_hop",
			 scheduler_next_hop(queue), "connector", scheduler_connector(queue),
			 "status", queue_state_name(queue), "messages", (json_int_t)queue_length(queue), "oldest",
			 time_or_null((uint64_t)queue_oldest_s(queue) * 1000), "next_retry",
			 time_or_null(retry), "last_error", ctl_text(queue->last_error));
}

/* An empty one is soon forgotten, unless somebody holds it. */
static bool is_listed(const struct queue *queue)
{
	return queue_length(queue) > 0 || queue->suspended;
}

static void list_queues(struct scheduler *scheduler, struct queue_call *call)
{
	struct queue *queue = queue_from(scheduler_queues(scheduler), call->from);
	char cursor[24];
	int enough = 0;

	for (unsigned looked = 0; queue != NULL && looked < PAGE_QUEUES && enough == 0; looked++) {
		if (matches(queue, call->filter) && is_listed(queue))
			enough = ctl_row(call->call, queue_row(scheduler, queue));
		queue = queue_after(queue);
	}
	if (queue != NULL)
		snprintf(cursor, sizeof(cursor), "%llu", (unsigned long long)queue->number);
	ctl_end(call->call, queue != NULL ? cursor : NULL);
}

/* Runs VERB on every queue that matches, and answers how many there were. */
static void change_queues(struct scheduler *scheduler, struct queue_call *call,
			  void (*verb)(struct queue_set *set, struct queue *queue, uint64_t now_ms))
{
	struct queue_set *set = scheduler_queues(scheduler);
	struct queue *queue, *next;
	json_int_t count = 0, messages = 0;
	bool was_listed;

	for (queue = queue_first(set); queue != NULL; queue = next) {
		next = queue_after(queue);
		if (!matches(queue, call->filter))
			continue;
		was_listed = is_listed(queue);
		messages += (json_int_t)queue_length(queue);
		verb(set, queue, scheduler_now_ms(scheduler));
		count += was_listed || is_listed(queue);
	}
	if (count == 0 && call->filter[0] != '\0') {
		struct err err;

		err_set(&err, ERR_NOT_FOUND, 0, "no queue matches \"%s\"", call->filter);
		err_remedy(&err, "`waypost queue list` shows the queues");
		ctl_fail(call->call, &err);
		return;
	}
	ctl_row(call->call, json_pack("{s:I, s:I}", "queues", count, "messages", messages));
	ctl_end(call->call, NULL);
}

static void suspend(struct queue_set *set, struct queue *queue, uint64_t now_ms)
{
	(void)now_ms;
	queue_suspend(set, queue, true);
}

static void resume(struct queue_set *set, struct queue *queue, uint64_t now_ms)
{
	(void)now_ms;
	queue_suspend(set, queue, false);
}

static void retry_queues(struct scheduler *scheduler, struct queue_call *call)
{
	change_queues(scheduler, call, queue_retry);
}

static void suspend_queues(struct scheduler *scheduler, struct queue_call *call)
{
	change_queues(scheduler, call, suspend);
}

static void resume_queues(struct scheduler *scheduler, struct queue_call *call)
{
	change_queues(scheduler, call, resume);
}

static void on_queue_list(struct ctl_call *call, const json_t *args, void *ctx)
{
	to_scheduler(call, args, ctx, list_queues);
}

static void on_queue_retry(struct ctl_call *call, const json_t *args, void *ctx)
{
	to_scheduler(call, args, ctx, retry_queues);
}

static void on_queue_suspend(struct ctl_call *call, const json_t *args, void *ctx)
{
	to_scheduler(call, args, ctx, suspend_queues);
}

static void on_queue_resume(struct ctl_call *call, const json_t *args, void *ctx)
{
	to_scheduler(call, args, ctx, resume_queues);
}

/* --- figures -------------------------------------------------------------------------------- */

static json_int_t count_sessions(const struct engine *engine)
{
	json_int_t count = 0;

	for (uint16_t i = 0; i < engine->loop_count; i++)
		count += atomic_load_explicit(&engine->loops[i]->sessions, memory_order_relaxed);
	return count;
}

static void show_figures(struct scheduler *scheduler, struct queue_call *call)
{
	struct spool_stats stats;
	size_t bytes, resident = queue_set_resident(scheduler_queues(scheduler), &bytes);

	spool_statistics(call->engine->spool, &stats);
	ctl_row(call->call,
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:b}",
			  "sessions", count_sessions(call->engine), "refused",
			  (json_int_t)admission_refused(call->engine->admission), "copies",
			  (json_int_t)queue_set_copies(scheduler_queues(scheduler)), "resident",
			  (json_int_t)resident, "resident_bytes", (json_int_t)bytes, "stored",
			  (json_int_t)stats.messages, "commits", (json_int_t)stats.commits, "syncs",
			  (json_int_t)stats.syncs, "live_messages",
			  (json_int_t)stats.live_messages, "log_bytes", (json_int_t)stats.log_bytes,
			  "damaged", (json_int_t)stats.damaged, "unreadable",
			  (json_int_t)scheduler_unreadable_count(scheduler), "is_full",
			  stats.is_full, "is_read_only", stats.is_read_only));
	ctl_end(call->call, NULL);
}

static void on_figures(struct ctl_call *call, const json_t *args, void *ctx)
{
	to_scheduler(call, args, ctx, show_figures);
}

static const struct ctl_arg filter_args[] = {
	{ "filter", CTL_STRING, false, "a queue's name, kind, next hop or connector; all without it" },
	{ 0 },
};

static const struct ctl_arg list_args[] = {
	{ "filter", CTL_STRING, false, "a queue's name, kind, next hop or connector; all without it" },
	{ "cursor", CTL_STRING, false, "what the page before ended with" },
	{ 0 },
};

const struct ctl_verb delivery_verbs[] = {
	{ "queue.list", CTL_READ, list_args, "the queues that hold messages", on_queue_list },
	{ "queue.retry", CTL_ADMIN, filter_args, "everything that waits is due now", on_queue_retry },
	{ "queue.suspend", CTL_ADMIN, filter_args, "no new attempts", on_queue_suspend },
	{ "queue.resume", CTL_ADMIN, filter_args, "attempts again", on_queue_resume },
	{ "spool.figures", CTL_READ, NULL, "counts of sessions, queues and spool", on_figures },
};
const size_t delivery_verb_count = WP_COUNT(delivery_verbs);
