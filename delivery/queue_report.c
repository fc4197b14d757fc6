/* What the caller reports: messages in, payloads, routes, connections, outcomes. Pure. */
#include "delivery/queue_private.h"

#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "delivery/message.h"

/* --- messages in ---------------------------------------------------------------------- */

static struct queue_copy *add_copy(struct queue_set *set, struct queue_copy *ring,
				   uint64_t spool_id, uint32_t arrival_s, uint16_t loop,
				   const struct queue_destination *destination, uint64_t now_ms)
{
	struct queue_copy *copy = copy_new(set, spool_id, arrival_s);

	copy->loop = loop;
	copy->queue = queue_get(set, &destination->key);
	/* To find no way is an attempt: what stays unreachable expires. */
	copy->attempts = destination->key.kind == QUEUE_UNREACHABLE;
	copy_set_recipients(copy, destination->recipients, destination->count);
	if (ring != NULL)
		copy_join(ring, copy);
	queue_need(set, copy->queue, now_ms + QUEUE_EXPIRY_LOOK_MS);
	return copy;
}

void queue_accept(struct queue_set *set, uint64_t spool_id, uint32_t arrival_s, uint16_t loop,
		  struct message *payload, const struct queue_destination *destinations,
		  size_t count, uint64_t now_ms)
{
	struct queue_copy *first = NULL;

	for (size_t i = 0; i < count; i++) {
		struct queue_copy *copy = add_copy(set, first, spool_id, arrival_s, loop,
						   &destinations[i], now_ms);

		if (first == NULL)
			first = copy;
		if (payload != NULL)
			copy_take_payload(set, copy, payload);
		copy_to_ready(set, copy, false);
	}
}

void queue_recover(struct queue_set *set, uint64_t spool_id, uint32_t arrival_s,
		   const uint32_t *recipients, uint32_t count)
{
	struct queue_copy *copy = copy_new(set, spool_id, arrival_s);

	copy->queue = set->submission;
	copy_set_recipients(copy, recipients, count);
	copy_to_ready(set, copy, false);
}

/* --- payloads and routes -------------------------------------------------------------- */

void queue_loaded(struct queue_set *set, struct queue_copy *copy, struct message *payload,
		  uint64_t now_ms)
{
	struct queue *queue = copy->queue;

	queue->flight_count--;
	set->loading--;
	if (payload == NULL) {
		copy_to_waiting(set, copy, now_ms + set->limits.message_retry_ms);
		queue_need(set, queue, copy->due_ms);
		return;
	}
	copy_take_payload(set, copy, payload);
	copy->state = COPY_READY;
	TAILQ_INSERT_HEAD(&queue->ready, copy, link); /* past the budget: it goes next */
	queue->ready_count++;
	queue_activate(set, queue);
}

void queue_routed(struct queue_set *set, struct queue_copy *copy,
		  const struct queue_destination *destinations, size_t count, uint64_t now_ms)
{
	copy->queue->flight_count--;
	set->routing--;
	queue_activate(set, set->submission);
	for (size_t i = 0; i < count; i++) {
		struct queue_copy *child = add_copy(set, copy, copy->spool_id, copy->age_base_s,
						    copy->loop, &destinations[i], now_ms);

		if (child->attempts == 0)
			child->attempts = copy->attempts;
		copy_take_payload(set, child, copy->payload);
		copy_to_ready(set, child, false);
	}
	copy_free(set, copy);
}

/* --- connections ---------------------------------------------------------------------- */

void queue_connection_add(struct queue_set *set, struct queue *queue,
			  struct queue_connection *connection, uint16_t loop)
{
	memset(connection, 0, sizeof(*connection));
	connection->queue = queue;
	connection->loop = loop;
	connection->state = CONNECTION_OPENING;
	LIST_INSERT_HEAD(&queue->connections, connection, link);
	queue->opening++;
	set->connections++;
	set->world_connections += queue_connection_budget(queue) == BUDGET_WORLD;
}

static void connection_idle(struct queue_set *set, struct queue_connection *connection,
			    uint64_t now_ms)
{
	connection->state = CONNECTION_IDLE;
	connection->idle_since_ms = now_ms;
	queue_need(set, connection->queue, now_ms + set->limits.idle_connection_ms);
	if (connection->queue->ready_count > 0)
		queue_activate(set, connection->queue);
}

/* A destination that answers releases everything that waited for it. */
static void host_answered(struct queue_set *set, struct queue *queue)
{
	bool released = queue->retry || queue->failures > 0;

	queue->failures = 0;
	queue->retry = false;
	queue->last_error[0] = '\0';
	if (released)
		queue_activate(set, queue);
}

void queue_connection_ready(struct queue_set *set, struct queue_connection *connection,
			    uint64_t now_ms)
{
	struct queue *queue = connection->queue;

	queue->opening--;
	queue->open++;
	host_answered(set, queue);
	connection_idle(set, connection, now_ms);
}

void queue_connection_closing(struct queue_set *set, struct queue_connection *connection)
{
	(void)set;
	connection->closing = true;
}

static uint32_t retry_interval(const struct queue_limits *limits, unsigned failures)
{
	if (failures <= limits->glitch_count)
		return limits->glitch_ms;
	if (failures <= limits->glitch_count + limits->transient_count)
		return limits->transient_ms;
	return limits->failure_ms;
}

static void host_failed(struct queue_set *set, struct queue *queue, const char *error,
			uint64_t now_ms)
{
	queue->window = 1;
	queue->successes = 0;
	snprintf(queue->last_error, sizeof(queue->last_error), "%s", error);
	if (queue->open > 0 || queue->opening > 0)
		return; /* others get through, or are about to tell */
	queue->failures++;
	queue->retry = true;
	queue->next_retry_ms = now_ms + retry_interval(&set->limits, queue->failures);
	queue_need(set, queue, queue->next_retry_ms);
}

static bool was_useless(const struct queue_connection *connection)
{
	return connection->state != CONNECTION_OPENING && !connection->served &&
	       !connection->closing &&
	       (connection->flight > 0 || connection->queue->ready_count > 0);
}

void queue_connection_gone(struct queue_set *set, struct queue_connection *connection,
			   bool failed, const char *error, uint64_t now_ms)
{
	struct queue *queue = connection->queue;

	if (!failed && was_useless(connection)) {
		failed = true;
		error = "the host closed the connection before it took a message";
	}
	LIST_REMOVE(connection, link);
	set->connections--;
	set->world_connections -= queue_connection_budget(queue) == BUDGET_WORLD;
	if (connection->state == CONNECTION_OPENING)
		queue->opening--;
	else
		queue->open--;
	if (failed)
		host_failed(set, queue, error, now_ms);
	if (queue->ready_count > 0)
		queue_activate(set, queue);
	queue_note_empty(set, queue, now_ms);
}

/* --- outcomes ------------------------------------------------------------------------- */

/* One more connection for each full round of successes: slow start without a cliff. */
static void count_success(struct queue_set *set, struct queue *queue)
{
	if (++queue->successes < queue->window)
		return;
	queue->successes = 0;
	if (queue->window < set->limits.max_per_queue)
		queue->window++;
}

static void flight_ended(struct queue_set *set, struct queue_copy *copy,
			 struct queue_connection *connection, uint64_t now_ms)
{
	copy->queue->flight_count--;
	if (connection == NULL)
		return;
	connection->flight--;
	if (connection->flight == 0)
		connection_idle(set, connection, now_ms);
}

void queue_copy_done(struct queue_set *set, struct queue_copy *copy,
		     struct queue_connection *connection, const uint32_t *keep,
		     uint32_t keep_count, bool retry, const char *error, uint64_t now_ms)
{
	struct queue *queue = copy->queue;

	if (connection != NULL && (keep_count == 0 || retry))
		connection->served = true;
	flight_ended(set, copy, connection, now_ms);
	if (keep_count == 0) {
		count_success(set, queue);
		copy_free(set, copy);
		queue_note_empty(set, queue, now_ms);
		return;
	}
	copy_set_recipients(copy, keep, keep_count);
	if (error != NULL && error[0] != '\0')
		snprintf(queue->last_error, sizeof(queue->last_error), "%s", error);
	if (!retry) {
		copy_to_ready(set, copy, true);
		return;
	}
	copy_to_waiting(set, copy, now_ms + set->limits.message_retry_ms);
	queue_need(set, queue, copy->due_ms);
}

void queue_copy_gone(struct queue_set *set, struct queue_copy *copy, uint64_t now_ms)
{
	struct queue *queue = copy->queue;

	copy_unlist(set, copy);
	copy_free(set, copy);
	queue_note_empty(set, queue, now_ms);
}

void queue_forget(struct queue_set *set, struct queue *queue)
{
	queue_drop(set, queue);
}

/* --- operators ------------------------------------------------------------------------ */

void queue_retry(struct queue_set *set, struct queue *queue, uint64_t now_ms)
{
	struct queue_copy *copy;

	while ((copy = TAILQ_FIRST(&queue->waiting)) != NULL) {
		copy_unlist(set, copy);
		copy_to_ready(set, copy, false);
	}
	queue->retry = false;
	queue->window = queue->window < 2 ? 2 : queue->window;
	if (queue->key.kind == QUEUE_UNREACHABLE)
		queue_resubmit(set, queue, now_ms);
	else if (queue->ready_count > 0)
		queue_activate(set, queue);
}

void queue_suspend(struct queue_set *set, struct queue *queue, bool suspended)
{
	queue->suspended = suspended;
	if (suspended)
		queue_deactivate(set, queue);
	else
		queue_activate(set, queue);
}

static void resubmit_list(struct queue_set *set, struct queue_copy_list *list)
{
	struct queue_copy *copy;

	while ((copy = TAILQ_FIRST(list)) != NULL) {
		copy_unlist(set, copy);
		copy->queue = set->submission;
		copy_to_ready(set, copy, false);
	}
}

void queue_resubmit(struct queue_set *set, struct queue *queue, uint64_t now_ms)
{
	if (queue == set->submission)
		return;
	resubmit_list(set, &queue->ready);
	resubmit_list(set, &queue->waiting);
	queue_note_empty(set, queue, now_ms);
}
