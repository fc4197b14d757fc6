/* The scheduler's thread: reports in, one turn of decisions, states out. */
#include "delivery/scheduler_private.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "delivery/loop.h"

enum {
	CLOCK_JUMP_MS = 60000,         /* more than this between the clocks is a jump */
	EXPIRY_PAUSE_MS = 15 * 60000,  /* nothing expires for so long after one */
	STATES_MS = 5,                 /* recipient states wait for company, at most so long */
	LOOKUP_RETRY_MS = 10000,       /* routing that failed for want of the replica */
};

static uint32_t all_recipients_of(const struct spool_summary *summary, uint32_t **list_r)
{
	/* Which ones still wait is only in the log unless all of them do. */
	if (summary->waiting != summary->recipients)
		return 0;
	*list_r = mem_alloc(summary->recipients * sizeof(**list_r));
	for (uint32_t i = 0; i < summary->recipients; i++)
		(*list_r)[i] = i;
	return summary->recipients;
}

void scheduler_recover(struct scheduler *s, const struct spool_summary *summary)
{
	uint32_t *list = NULL, count = all_recipients_of(summary, &list);

	if (summary->waiting > 0)
		queue_recover(s->queues, summary->id, (uint32_t)(summary->arrival_ms / 1000), list,
			      count);
	if (summary->unreported > 0)
		scheduler_recover_failures(s, summary->id, summary->waiting == 0);
	if (summary->waiting == 0 && summary->unreported == 0)
		spool_batch_done(s->states, summary->id);
	free(list);
}

/* --- orders to loops ------------------------------------------------------------------- */

void scheduler_order(struct scheduler *s, uint16_t loop, struct mail *mail, enum mail_kind kind)
{
	struct connection_table *table = &s->connections[loop];

	mail->kind = kind;
	mail->next = NULL;
	if (table->last_order != NULL)
		table->last_order->next = mail;
	else
		table->first_order = mail;
	table->last_order = mail;
}

static void send_orders(struct scheduler *s)
{
	for (uint16_t i = 0; i < s->engine->loop_count; i++) {
		struct connection_table *table = &s->connections[i];

		if (table->first_order == NULL)
			continue;
		loop_post_chain(s->engine->loops[i], table->first_order, table->last_order);
		table->first_order = table->last_order = NULL;
	}
}

/* --- reports ----------------------------------------------------------------------------- */

static void on_accepted(struct scheduler *s, struct mail *mail)
{
	struct accepted *a = WP_CONTAINER(mail, struct accepted, mail);
	struct routed *routed = a->routed;

	track_end(a->track); /* before anything that becomes of it */
	a->track = NULL;
	queue_accept(s->queues, a->spool_id, a->arrival_s, a->loop, a->message,
		     routed->destinations, routed->count, s->now_ms);
	scheduler_lost(s, a->spool_id, a->message, routed, routed->count > 0);
	accepted_free(a);
}

static void on_view(struct scheduler *s, struct mail *mail)
{
	struct view_mail *m = WP_CONTAINER(mail, struct view_mail, mail);
	struct queue *queue;

	view_unref(s->view);
	s->view = m->view;
	free(m);
	queue_set_limits(s->queues, &s->view->limits);
	/* What could not go, or could not be reached, may have another way now. */
	for (queue = queue_first(s->queues); queue != NULL; queue = queue_after(queue)) {
		scheduler_look_again(s, queue);
		if (queue->key.kind == QUEUE_UNREACHABLE || queue->retry)
			queue_resubmit(s->queues, queue, s->now_ms);
	}
}

static void on_ready(struct scheduler *s, struct mail *mail)
{
	struct connection_report *report = WP_CONTAINER(mail, struct connection_report, mail);
	struct sched_connection *c = scheduler_connection_find(s, &report->connection);

	if (c != NULL)
		queue_connection_ready(s->queues, &c->queue, s->now_ms);
	free(report);
}

static void on_closing(struct scheduler *s, struct mail *mail)
{
	struct connection_report *report = WP_CONTAINER(mail, struct connection_report, mail);
	struct sched_connection *c = scheduler_connection_find(s, &report->connection);

	if (c != NULL)
		queue_connection_closing(s->queues, &c->queue);
	free(report);
}

/*
 * Only the DNS fails a whole next hop for good: hosts are unavailable, or judge messages. Any
 * other queue waits, else it would be tried again at once and for ever.
 */
static bool is_final_for(const struct queue *queue, const struct outcome *outcome)
{
	return queue->key.kind == QUEUE_DNS_CONNECTOR && outcome != NULL &&
	       outcome->class == OUTCOME_FAILED;
}

static void on_gone(struct scheduler *s, struct mail *mail)
{
	struct connection_report *report = WP_CONTAINER(mail, struct connection_report, mail);
	struct sched_connection *c = scheduler_connection_find(s, &report->connection);
	char error[256] = "";
	bool is_final = c != NULL && is_final_for(c->queue.queue, report->outcome);

	if (report->outcome != NULL)
		outcome_describe(report->outcome, error, sizeof(error));
	if (c != NULL) {
		if (is_final)
			scheduler_domain_failed(s, c->queue.queue, report->outcome);
		queue_connection_gone(s->queues, &c->queue, report->host_failed && !is_final, error,
				      s->now_ms);
		scheduler_connection_free(s, c);
	}
	outcome_unref(report->outcome);
	free(report);
}

static void on_assigned(struct scheduler *s, struct mail *mail)
{
	struct assignment *a = WP_CONTAINER(mail, struct assignment, mail);

	scheduler_assigned(s, a);
	assignment_free(a);
}

static void on_routed(struct scheduler *s, struct mail *mail)
{
	static const struct queue_key later = { .kind = QUEUE_UNREACHABLE,
						.next_hop = "directory-unreadable" };
	struct route_order *order = WP_CONTAINER(mail, struct route_order, mail);
	struct queue_copy *copy = queue_copy_find(s->queues, order->copy_slot, order->copy_generation);
	struct queue_destination again = { .key = later, .recipients = order->recipients,
					   .count = order->count };
	uint64_t id = order->message->spool_id;
	bool others;

	if (copy == NULL) {
		route_order_free(order);
		return;
	}
	others = queue_copy_has_sibling(copy);
	if (order->routed == NULL) {
		queue_routed(s->queues, copy, &again, 1, s->now_ms);
		s->resubmit_due_ms = s->now_ms + LOOKUP_RETRY_MS;
	} else {
		queue_routed(s->queues, copy, order->routed->destinations, order->routed->count,
			     s->now_ms);
		scheduler_lost(s, id, order->message, order->routed,
			       others || order->routed->count > 0);
	}
	route_order_free(order);
}

/* Recipients of a recovered message that still wait: known only from the states read back. */
static void set_waiting(struct scheduler *s, struct queue_copy *copy,
			const struct rcpt_states *states)
{
	uint32_t *list = mem_alloc((states->count + 1) * sizeof(*list)), n = 0;

	for (uint32_t i = 0; i < states->count; i++)
		if (states->rcpt[i].state == RCPT_WAITING)
			list[n++] = i;
	queue_copy_set(s->queues, copy, list, n);
	free(list);
}

/* COPY has its message and goes on. False: nobody waits for it any more, it is gone. */
static bool copy_read(struct scheduler *s, struct queue_copy *copy, struct spool_read *read,
		      struct message *message)
{
	bool others = queue_copy_has_sibling(copy);

	if (copy->recipient_count == 0 && read->states != NULL)
		set_waiting(s, copy, read->states);
	queue_loaded(s->queues, copy, message, s->now_ms);
	if (copy->recipient_count > 0)
		return true;
	queue_copy_gone(s->queues, copy, s->now_ms);
	scheduler_settle(s, read->id, others, false);
	return false;
}

/* Its recipients fail by an envelope without a body; what is not even that is no longer tried. */
static void copy_damaged(struct scheduler *s, struct queue_copy *copy, struct spool_read *read)
{
	struct message *message = message_of_envelope(read);
	struct outcome *outcome;

	if (message == NULL) {
		scheduler_unreadable(s, read->id, read->error);
		queue_loaded(s->queues, copy, NULL, s->now_ms);
		queue_copy_gone(s->queues, copy, s->now_ms);
		return;
	}
	if (copy_read(s, copy, read, message)) {
		log_error("message %llu is damaged on disk: its recipients fail and its sender is told",
			  (unsigned long long)read->id);
		outcome = outcome_local(OUTCOME_FAILED, OUTCOME_STAGE_NONE, "5.3.0", NULL,
					"The message was damaged on the disk of this server");
		scheduler_copy_failed(s, copy, outcome);
		outcome_unref(outcome);
	}
	message_unref(message);
}

static void on_copy_loaded(struct scheduler *s, struct spool_read *read)
{
	struct queue_copy *copy = queue_copy_find(s->queues, read->owner.slot, read->owner.generation);
	struct message *message;

	if (copy == NULL)
		return;
	if (read->error == SPOOL_DAMAGED || read->error == SPOOL_GONE) {
		copy_damaged(s, copy, read);
		return;
	}
	message = message_from_spool(read);
	if (message != NULL) {
		copy_read(s, copy, read, message);
		message_unref(message);
		return;
	}
	log_error("message %llu cannot be read back from the spool: %s", (unsigned long long)read->id,
		  spool_error_name(read->error));
	queue_loaded(s->queues, copy, NULL, s->now_ms);
}

static void on_loaded(struct scheduler *s, struct mail *mail)
{
	struct spool_read *read = WP_CONTAINER(mail, struct spool_read, mail);

	if (read->owner.loop == SCHEDULER_READ_COPY)
		on_copy_loaded(s, read);
	else
		scheduler_pending_loaded(s, read);
	envelope_unref(read->envelope);
	free(read->states);
	free(read->body);
	free(read);
}

static void on_notified(struct scheduler *s, struct mail *mail)
{
	scheduler_notified(s, WP_CONTAINER(mail, struct notify_order, mail));
}

static void on_call(struct scheduler *s, struct mail *mail)
{
	struct scheduler_call *call = WP_CONTAINER(mail, struct scheduler_call, mail);

	call->fn(s, call->arg);
}

static void on_drain(struct scheduler *s, struct mail *mail)
{
	(void)mail;
	s->is_draining = true;
}

static void on_stop(struct scheduler *s, struct mail *mail)
{
	(void)mail;
	s->is_stopping = true;
}

static void (*const handlers[])(struct scheduler *s, struct mail *mail) = {
	[MAIL_ACCEPTED] = on_accepted,
	[MAIL_SCHEDULER_VIEW] = on_view,
	[MAIL_CONNECTION_READY] = on_ready,
	[MAIL_CONNECTION_CLOSING] = on_closing,
	[MAIL_CONNECTION_GONE] = on_gone,
	[MAIL_ASSIGNED] = on_assigned,
	[MAIL_ROUTED] = on_routed,
	[MAIL_LOADED] = on_loaded,
	[MAIL_NOTIFIED] = on_notified,
	[MAIL_CALL] = on_call,
	[MAIL_SCHEDULER_DRAIN] = on_drain,
	[MAIL_SCHEDULER_STOP] = on_stop,
};

/* --- the thread -------------------------------------------------------------------------- */

/*
 * Deadlines run on the monotonic clock. When the wall clock leaves it by more than a minute,
 * ages are measured by the old relation and nothing expires for a while: a wrong clock must
 * not bounce the mail of two days.
 */
static void look_at_clocks(struct scheduler *s)
{
	int64_t gap, moved;

	s->now_ms = clock_mono_ms();
	gap = (int64_t)clock_wall_ms() - (int64_t)s->now_ms;
	moved = gap - s->clock_gap_ms;
	if (moved > CLOCK_JUMP_MS || moved < -CLOCK_JUMP_MS) {
		log_warn("the wall clock moved by %lld s: nothing expires for 15 minutes",
			 (long long)(moved / 1000));
		s->no_expiry_until_ms = s->now_ms + EXPIRY_PAUSE_MS;
		s->clock_gap_ms = gap;
	}
	s->wall_ms = (uint64_t)((int64_t)s->now_ms + s->clock_gap_ms);
}

static void resubmit_unreadable(struct scheduler *s)
{
	struct queue *queue;

	if (s->resubmit_due_ms == 0 || s->resubmit_due_ms > s->now_ms)
		return;
	s->resubmit_due_ms = 0;
	for (queue = queue_first(s->queues); queue != NULL; queue = queue_after(queue))
		if (queue->key.kind == QUEUE_UNREACHABLE)
			queue_resubmit(s->queues, queue, s->now_ms);
}

/*
 * States are handed to the writer a few milliseconds' worth at a time: a wake-up and a write
 * for each delivery would cost more than the delivery. A kill -9 repeats what was delivered since.
 * A notification is ordered only behind the failures that it reports.
 */
static void write_states(struct scheduler *s)
{
	if (spool_batch_is_empty(s->states))
		return;
	if (s->states_due_ms == 0)
		s->states_due_ms = s->now_ms + STATES_MS;
	if (!s->is_stopping && !s->has_notified && s->now_ms < s->states_due_ms)
		return;
	s->states_due_ms = 0;
	s->has_notified = false;
	spool_state(s->engine->spool, s->states);
	s->states = spool_batch_new();
}

static uint64_t earlier_due(uint64_t due, uint64_t other)
{
	return other != 0 && other < due ? other : due;
}

static uint64_t time_to_sleep(const struct scheduler *s)
{
	uint64_t due = earlier_due(UINT64_MAX, s->states_due_ms);

	/* A view that comes is mail, which ends the sleep. */
	if (scheduler_may_act(s)) {
		due = earlier_due(due, s->resubmit_due_ms);
		due = earlier_due(due, s->notify_due_ms);
		if (queue_deadline(s->queues) < due)
			due = queue_deadline(s->queues);
	}
	if (due == UINT64_MAX)
		return due;
	return due > s->now_ms ? due - s->now_ms : 0;
}

static void *scheduler_thread(void *arg)
{
	struct scheduler *s = arg;

	while (!s->is_stopping) {
		struct mail *mail = mailbox_take(&s->box);

		look_at_clocks(s);
		while (mail != NULL) {
			struct mail *next = mail->next;

			handlers[mail->kind](s, mail);
			mail = next;
		}
		resubmit_unreadable(s);
		scheduler_notify_overdue(s);
		scheduler_act(s);
		write_states(s);
		send_orders(s);
		if (!s->is_stopping)
			waker_sleep(&s->waker, &s->box, time_to_sleep(s));
	}
	return NULL;
}

struct scheduler *scheduler_new(struct engine *engine)
{
	struct scheduler *s = mem_zero(1, sizeof(*s));

	s->engine = engine;
	mailbox_init(&s->box);
	waker_init(&s->waker);
	s->door = (struct spool_door){ .box = &s->box, .wake = waker_wake, .arg = &s->waker };
	s->queues = queue_set_new(&queue_limits_hub);
	s->connections = mem_zero(engine->loop_count, sizeof(*s->connections));
	s->states = spool_batch_new();
	s->now_ms = clock_mono_ms();
	s->wall_ms = clock_wall_ms();
	s->clock_gap_ms = (int64_t)s->wall_ms - (int64_t)s->now_ms;
	return s;
}

void scheduler_start(struct scheduler *s)
{
	pthread_create(&s->thread, NULL, scheduler_thread, s);
}

void scheduler_post(struct scheduler *s, struct mail *mail)
{
	if (mailbox_push(&s->box, mail))
		waker_wake(&s->waker);
}

const struct spool_door *scheduler_door(struct scheduler *s)
{
	return &s->door;
}

void scheduler_drain(struct scheduler *s)
{
	s->drain.kind = MAIL_SCHEDULER_DRAIN;
	scheduler_post(s, &s->drain);
}

void scheduler_stop(struct scheduler *s)
{
	s->stop.kind = MAIL_SCHEDULER_STOP;
	scheduler_post(s, &s->stop);
	pthread_join(s->thread, NULL);
	write_states(s);
}

void scheduler_free(struct scheduler *s)
{
	struct mail *mail, *next;
	struct queue *queue;

	if (s == NULL)
		return;
	for (mail = mailbox_take(&s->box); mail != NULL; mail = next) {
		next = mail->next;
		engine_mail_free(mail);
	}
	for (queue = queue_first(s->queues); queue != NULL; queue = queue_after(queue))
		scheduler_queue_memory_free(queue);
	scheduler_connections_free(s);
	scheduler_pendings_free(s);
	queue_set_free(s->queues);
	spool_batch_free(s->states);
	view_unref(s->view);
	free(s);
}

struct queue_set *scheduler_queues(struct scheduler *s)
{
	return s->queues;
}

uint64_t scheduler_unreadable_count(const struct scheduler *s)
{
	return s->unreadable;
}

uint64_t scheduler_now_ms(const struct scheduler *s)
{
	return s->now_ms;
}
