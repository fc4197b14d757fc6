/* What became of recipients: spool states, notifications, the end of messages. */
#include "delivery/scheduler_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"

enum { NOTIFY_AFTER_MS = 60000 };

void outcome_describe(const struct outcome *o, char *text, size_t size)
{
	snprintf(text, size, "%s%s%s%s%s", o->status, o->status[0] != '\0' ? " " : "", o->reply,
		 o->host[0] != '\0' ? " from " : "", o->host);
}

/* --- states ---------------------------------------------------------------------------------- */

/* As it is stored: "status host reply", so that a restart can still tell the sender why. */
static void outcome_to_line(const struct outcome *o, struct buf *line)
{
	buf_printf(line, "%s %s %s", o->status[0] != '\0' ? o->status : "5.0.0",
		   o->host[0] != '\0' ? o->host : "-", o->reply);
}

static struct outcome *outcome_from_line(const char *line)
{
	char status[16] = "5.0.0", host[256] = "-";
	struct outcome_peer peer = { .host = host };
	int used = 0;

	if (sscanf(line, "%15s %255s %n", status, host, &used) < 2)
		used = 0;
	return outcome_local(OUTCOME_FAILED, OUTCOME_STAGE_NONE, status,
			     strcmp(host, "-") != 0 ? &peer : NULL, "%s", line + used);
}

void scheduler_states(struct scheduler *s, uint64_t spool_id, const uint32_t *recipients,
		      uint32_t count, enum rcpt_state state, const char *outcome)
{
	struct rcpt_range *ranges = mem_alloc((count + 1) * sizeof(*ranges));
	uint32_t n = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (n > 0 && ranges[n - 1].first + ranges[n - 1].count == recipients[i])
			ranges[n - 1].count++;
		else
			ranges[n++] = (struct rcpt_range){ .first = recipients[i], .count = 1 };
	}
	if (n > 0)
		spool_batch_rcpt(s->states, spool_id, ranges, n, state, 0, outcome);
	free(ranges);
}

/* --- pending notifications ------------------------------------------------------------------- */

static struct pending *pending_find(struct scheduler *s, uint64_t spool_id)
{
	struct pending *p;

	HASH_FIND(hh, s->pendings, &spool_id, sizeof(spool_id), p);
	return p;
}

static struct pending *pending_get(struct scheduler *s, uint64_t spool_id)
{
	struct pending *p = pending_find(s, spool_id);

	if (p != NULL)
		return p;
	p = mem_zero(1, sizeof(*p));
	p->spool_id = spool_id;
	p->since_ms = s->now_ms;
	HASH_ADD(hh, s->pendings, spool_id, sizeof(p->spool_id), p);
	if (s->notify_due_ms == 0)
		s->notify_due_ms = s->now_ms + NOTIFY_AFTER_MS;
	return p;
}

static void pending_drop(struct scheduler *s, struct pending *p)
{
	HASH_DEL(s->pendings, p);
	for (uint32_t i = 0; i < p->count; i++)
		outcome_unref(p->failures[i].outcome);
	free(p->failures);
	message_unref(p->message);
	free(p);
}

static void pending_add(struct pending *p, uint32_t recipient, struct outcome *outcome)
{
	if (p->count == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 4;
		p->failures = mem_grow(p->failures, p->cap * sizeof(*p->failures));
	}
	p->failures[p->count++] = (struct notify_failure){ recipient, outcome };
}

static void read_back(struct scheduler *s, struct pending *p)
{
	struct spool_read *read = mem_zero(1, sizeof(*read));

	p->is_loading = true;
	read->mail.kind = MAIL_LOADED;
	read->owner = (struct handle){ .loop = SCHEDULER_READ_PENDING };
	read->id = p->spool_id;
	read->wants = SPOOL_WANTS_ENVELOPE | SPOOL_WANTS_BODY | SPOOL_WANTS_STATES;
	read->door = &s->door;
	spool_read(s->engine->spool, read);
}


/* Failures of recipients that want no notification are settled at once (RFC 3461 §4.1). */
static void drop_unwanted(struct scheduler *s, struct pending *p)
{
	const struct envelope *env = p->message->envelope;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < p->count; i++) {
		uint8_t notify = env->rcpt[p->failures[i].recipient].notify;

		if (env->sender[0] != '\0' && (notify == 0 || (notify & NOTIFY_FAILURE) != 0)) {
			p->failures[kept++] = p->failures[i];
			continue;
		}
		scheduler_states(s, p->spool_id, &p->failures[i].recipient, 1, RCPT_REPORTED, NULL);
		outcome_unref(p->failures[i].outcome);
	}
	p->count = kept;
}

static void notify(struct scheduler *s, struct pending *p)
{
	struct notify_order *order;

	if (!scheduler_may_act(s))
		return; /* it stays due */
	if (p->message == NULL || p->is_recovered) {
		if (!p->is_loading)
			read_back(s, p);
		return;
	}
	drop_unwanted(s, p);
	if (p->count == 0) {
		if (p->copies_gone) {
			spool_batch_done(s->states, p->spool_id);
			pending_drop(s, p);
		}
		return;
	}
	order = mem_zero(1, sizeof(*order));
	order->spool_id = p->spool_id;
	order->message = message_ref(p->message);
	order->is_last = p->copies_gone;
	order->failures = p->failures;
	order->count = p->count;
	p->failures = NULL;
	p->count = p->cap = 0;
	p->is_building = true;
	s->has_notified = true;
	scheduler_order(s, (uint16_t)(p->spool_id % s->engine->loop_count), &order->mail, MAIL_NOTIFY);
}

void scheduler_failed(struct scheduler *s, uint64_t spool_id, struct message *message,
		      const uint32_t *recipients, struct outcome **outcomes, uint32_t count)
{
	struct pending *p = pending_get(s, spool_id);
	struct buf line = { 0 };

	if (p->message == NULL && message != NULL)
		p->message = message_ref(message);
	for (uint32_t i = 0; i < count; i++) {
		buf_clear(&line);
		outcome_to_line(outcomes[i], &line);
		scheduler_states(s, spool_id, &recipients[i], 1, RCPT_FAILED_UNREPORTED, line.data);
		pending_add(p, recipients[i], outcomes[i]);
	}
	buf_free(&line);
}

/* A restart found failures that no notification told of. */
void scheduler_recover_failures(struct scheduler *s, uint64_t spool_id, bool copies_gone)
{
	struct pending *p = pending_get(s, spool_id);

	p->copies_gone = copies_gone;
	p->is_recovered = true;
	p->since_ms = 0; /* due at the first look */
	s->notify_due_ms = 1;
}

static bool pending_has(const struct pending *p, uint32_t recipient)
{
	for (uint32_t i = 0; i < p->count; i++)
		if (p->failures[i].recipient == recipient)
			return true;
	return false;
}

/* Failures of before the restart join those that were reported to us since. */
static void add_recovered(struct pending *p, const struct rcpt_states *states)
{
	for (uint32_t i = 0; i < states->count; i++)
		if (states->rcpt[i].state == RCPT_FAILED_UNREPORTED && !pending_has(p, i))
			pending_add(p, i, outcome_from_line(states->rcpt[i].outcome));
	p->is_recovered = false;
}

/* Its record is not done: it stays in the spool, in the end in quarantine, for somebody to look at. */
void scheduler_unreadable(struct scheduler *s, uint64_t spool_id, enum spool_error error)
{
	struct err err;

	s->unreadable++;
	err_set(&err, ERR_STORE, 0, "message %llu cannot be read from the spool (%s), nor can its sender be told",
		(unsigned long long)spool_id, spool_error_name(error));
	err_remedy(&err, "the tracking log tells by this id whose it is; what is left of it stays in "
			 "the spool; check the disk");
	log_err("a message is lost", &err);
}

/* The sender is told of failures also where the text of the message is lost. */
void scheduler_pending_loaded(struct scheduler *s, struct spool_read *read)
{
	struct pending *p = pending_find(s, read->id);
	struct message *message = read->error == SPOOL_DAMAGED ? message_of_envelope(read)
							       : message_from_spool(read);

	if (p == NULL) {
		message_unref(message);
		return;
	}
	p->is_loading = false;
	if (message == NULL || read->states == NULL) {
		message_unref(message);
		if (read->error != SPOOL_GONE && read->error != SPOOL_DAMAGED)
			return; /* it stays due */
		scheduler_unreadable(s, read->id, read->error);
		pending_drop(s, p);
		return;
	}
	message_unref(p->message);
	p->message = message;
	if (p->is_recovered)
		add_recovered(p, read->states);
	notify(s, p);
}

void scheduler_settle(struct scheduler *s, uint64_t spool_id, bool copies_left, bool in_flight)
{
	struct pending *p = pending_find(s, spool_id);

	if (p == NULL) {
		if (!copies_left)
			spool_batch_done(s->states, spool_id);
		return;
	}
	p->copies_gone = !copies_left;
	if (!in_flight && !p->is_building)
		notify(s, p);
}

void scheduler_notified(struct scheduler *s, struct notify_order *order)
{
	struct pending *p = pending_find(s, order->spool_id);

	if (p == NULL) {
		notify_order_free(order);
		return;
	}
	p->is_building = false;
	if (!order->stored) {
		for (uint32_t i = 0; i < order->count; i++)
			pending_add(p, order->failures[i].recipient,
				    outcome_ref(order->failures[i].outcome));
		p->since_ms = s->now_ms; /* tried again in a minute */
		s->notify_due_ms = s->now_ms + NOTIFY_AFTER_MS;
	} else if (order->is_last) {
		pending_drop(s, p);
	} else if (p->count > 0) {
		notify(s, p);
	} else {
		if (p->copies_gone)
			spool_batch_done(s->states, p->spool_id);
		pending_drop(s, p);
	}
	notify_order_free(order);
}

void scheduler_notify_overdue(struct scheduler *s)
{
	struct pending *p, *next;

	if (s->notify_due_ms == 0 || s->notify_due_ms > s->now_ms || !scheduler_may_act(s))
		return;
	s->notify_due_ms = 0;
	HASH_ITER(hh, s->pendings, p, next) {
		if (p->is_building || p->is_loading)
			continue;
		if (p->since_ms == 0 || p->since_ms + NOTIFY_AFTER_MS <= s->now_ms)
			notify(s, p);
	}
	if (s->pendings != NULL)
		s->notify_due_ms = s->now_ms + NOTIFY_AFTER_MS;
}

void scheduler_pendings_free(struct scheduler *s)
{
	struct pending *p, *next;

	HASH_ITER(hh, s->pendings, p, next)
		pending_drop(s, p);
}

/* --- after routing ------------------------------------------------------------------------------ */

void scheduler_lost(struct scheduler *s, uint64_t spool_id, struct message *message,
		    const struct routed *routed, bool copies_left)
{
	if (routed->discarded_count > 0 && (copies_left || routed->failure_count > 0))
		scheduler_states(s, spool_id, routed->discarded, routed->discarded_count,
				 RCPT_DELIVERED, NULL);
	for (uint32_t i = 0; i < routed->failure_count; i++) {
		struct outcome *outcome = outcome_ref(routed->failures[i].outcome);

		scheduler_failed(s, spool_id, message, &routed->failures[i].recipient, &outcome, 1);
	}
	if (routed->failure_count > 0 || !copies_left)
		scheduler_settle(s, spool_id, copies_left, false);
}

/* --- failures decided here --------------------------------------------------------------------- */

static void track_failed(struct scheduler *s, const struct queue_copy *copy,
			 const struct outcome *outcome)
{
	const uint32_t *recipients = queue_copy_recipients(copy);
	struct track *t = track_begin(s->engine->tracker, TRACK_FAIL, clock_wall_ms());

	track_number(t, "id", copy->spool_id);
	if (copy->payload != NULL) {
		const struct envelope *env = copy->payload->envelope;

		track_text(t, "transaction", env->transaction);
		track_text(t, "sender", env->sender[0] != '\0' ? env->sender : "<>");
		track_list(t, "recipients");
		for (uint32_t i = 0; i < copy->recipient_count; i++)
			track_item(t, env->rcpt[recipients[i]].address);
		track_list_end(t);
	}
	track_text(t, "next_hop", scheduler_next_hop(copy->queue));
	track_text(t, "connector", scheduler_connector(copy->queue));
	track_text(t, "status", outcome->status);
	track_text(t, "reply", outcome->reply);
	track_end(t);
}

void scheduler_copy_failed(struct scheduler *s, struct queue_copy *copy, struct outcome *outcome)
{
	struct outcome **outcomes = mem_alloc((copy->recipient_count + 1) * sizeof(struct outcome *));
	uint64_t id = copy->spool_id;
	bool others = queue_copy_has_sibling(copy), in_flight = queue_siblings_in_flight(copy);

	track_failed(s, copy, outcome);
	for (uint32_t i = 0; i < copy->recipient_count; i++)
		outcomes[i] = outcome_ref(outcome);
	scheduler_failed(s, id, copy->payload, queue_copy_recipients(copy), outcomes,
			 copy->recipient_count);
	free(outcomes);
	queue_copy_gone(s->queues, copy, s->now_ms);
	scheduler_settle(s, id, others, in_flight);
}

/* The DNS says for good that nobody takes this domain's mail (RFC 5321 §5.1, RFC 7505). */
void scheduler_domain_failed(struct scheduler *s, struct queue *queue, struct outcome *outcome)
{
	struct queue_copy *copy;

	while ((copy = TAILQ_FIRST(&queue->ready)) != NULL)
		scheduler_copy_failed(s, copy, outcome);
}

/* --- after an attempt ---------------------------------------------------------------------------- */

struct verdict {
	uint32_t *keep, *delivered, *failed;
	struct outcome **failed_outcomes;
	uint32_t keep_count, delivered_count, failed_count;
	const struct outcome *deferred; /* one of the kept ones, for the queue's last error */
};

static void sort_outcomes(const struct assignment *a, struct verdict *v)
{
	for (uint32_t i = 0; i < a->count; i++) {
		struct outcome *o = a->outcomes[i];

		switch (o != NULL ? o->class : OUTCOME_HOST_UNAVAILABLE) {
		case OUTCOME_DELIVERED:
			v->delivered[v->delivered_count++] = a->recipients[i];
			break;
		case OUTCOME_FAILED:
			v->failed_outcomes[v->failed_count] = outcome_ref(o);
			v->failed[v->failed_count++] = a->recipients[i];
			break;
		case OUTCOME_DEFERRED:
		case OUTCOME_HOST_UNAVAILABLE:
		case OUTCOME_CLASSES:
			v->keep[v->keep_count++] = a->recipients[i];
			v->deferred = o;
			break;
		}
	}
}

static void verdict_init(struct verdict *v, uint32_t count)
{
	memset(v, 0, sizeof(*v));
	v->keep = mem_alloc(3 * (count + 1) * sizeof(*v->keep));
	v->delivered = v->keep + count + 1;
	v->failed = v->delivered + count + 1;
	v->failed_outcomes = mem_alloc((count + 1) * sizeof(struct outcome *));
}

static void verdict_fini(struct verdict *v)
{
	free(v->keep);
	free(v->failed_outcomes);
}

void scheduler_assigned(struct scheduler *s, struct assignment *a)
{
	struct queue_copy *copy = queue_copy_find(s->queues, a->copy_slot, a->copy_generation);
	struct sched_connection *c = scheduler_connection_find(s, &a->connection);
	uint64_t id = a->message->spool_id;
	bool others, in_flight, left;
	char error[256] = "";
	struct verdict v;

	if (copy == NULL)
		return;
	verdict_init(&v, a->count);
	sort_outcomes(a, &v);
	others = queue_copy_has_sibling(copy);
	in_flight = queue_siblings_in_flight(copy);
	left = others || v.keep_count > 0;
	if (v.delivered_count > 0 && (left || v.failed_count > 0 || s->pendings != NULL))
		scheduler_states(s, id, v.delivered, v.delivered_count, RCPT_DELIVERED, NULL);
	if (v.deferred != NULL)
		outcome_describe(v.deferred, error, sizeof(error));
	queue_copy_done(s->queues, copy, c != NULL ? &c->queue : NULL, v.keep, v.keep_count,
			!a->untouched, a->untouched ? "" : error, s->now_ms);
	if (v.failed_count > 0)
		scheduler_failed(s, id, a->message, v.failed, v.failed_outcomes, v.failed_count);
	if (!left || v.failed_count > 0 || s->pendings != NULL)
		scheduler_settle(s, id, left, in_flight);
	verdict_fini(&v);
}
