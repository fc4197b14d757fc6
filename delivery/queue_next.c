/*
 * What to do next: due timers first, then the active queues in turn, one action each, so
 * that a long queue never keeps a short one waiting. Pure.
 */
#include "delivery/queue_private.h"

#include "common/buf.h"
#include "delivery/message.h"

/* --- timers --------------------------------------------------------------------------- */

/* Nothing expires before one attempt was made since the start of the process. */
static bool is_expired(const struct queue_set *set, const struct queue_copy *copy, uint32_t now_s)
{
	uint64_t age_ms;

	if (copy->attempts == 0 && copy->queue->failures == 0)
		return false;
	if (now_s <= copy->age_base_s)
		return false;
	age_ms = (uint64_t)(now_s - copy->age_base_s) * 1000;
	return age_ms >= set->limits.expiration_ms;
}

static bool give_expired(struct queue_set *set, struct queue_copy_list *list, uint32_t now_s,
			 struct queue_action *action)
{
	struct queue_copy *copy = TAILQ_FIRST(list);

	if (copy == NULL || !is_expired(set, copy, now_s))
		return false;
	*action = (struct queue_action){ .kind = QUEUE_ACTION_EXPIRED, .queue = copy->queue,
					 .copies = { copy }, .count = 1 };
	return true;
}

static void release_due(struct queue_set *set, struct queue *queue, uint64_t now_ms)
{
	struct queue_copy *copy;

	while ((copy = TAILQ_FIRST(&queue->waiting)) != NULL && copy->due_ms <= now_ms) {
		copy_unlist(set, copy);
		copy_to_ready(set, copy, false);
	}
	if (queue->retry && queue->next_retry_ms <= now_ms) {
		queue->retry = false;
		queue_activate(set, queue);
	}
}

static bool give_idle_connection(struct queue_set *set, struct queue *queue, uint64_t now_ms,
				 struct queue_action *action)
{
	struct queue_connection *connection;

	LIST_FOREACH(connection, &queue->connections, link) {
		if (connection->state != CONNECTION_IDLE || connection->closing ||
		    connection->idle_since_ms + set->limits.idle_connection_ms > now_ms)
			continue;
		connection->closing = true;
		*action = (struct queue_action){ .kind = QUEUE_ACTION_CLOSE, .queue = queue,
						 .connection = connection };
		return true;
	}
	return false;
}

/* One queue whose timer fired: an action, or everything due is done and it is armed anew. */
static bool serve_timer(struct queue_set *set, struct queue *queue, uint64_t now_ms,
			uint32_t now_s, bool expire, struct queue_action *action)
{
	release_due(set, queue, now_ms);
	if (give_idle_connection(set, queue, now_ms, action))
		return true;
	if (expire && (give_expired(set, &queue->ready, now_s, action) ||
		       give_expired(set, &queue->waiting, now_s, action)))
		return true;
	if (queue_is_idle(set, queue) &&
	    queue->empty_since_ms + set->limits.idle_queue_ms <= now_ms) {
		*action = (struct queue_action){ .kind = QUEUE_ACTION_FORGET, .queue = queue };
		return true;
	}
	queue_rearm(set, queue, now_ms);
	return false;
}

/* --- active queues -------------------------------------------------------------------- */

static void to_flight(struct queue_set *set, struct queue_copy *copy, enum queue_copy_state state)
{
	struct queue *queue = copy->queue;

	copy_unlist(set, copy);
	copy->state = (uint8_t)state;
	queue->flight_count++;
}

/* The first ready copies are read back before a connection asks for them. */
static bool give_load(struct queue_set *set, struct queue *queue, struct queue_action *action)
{
	struct queue_copy *copy;
	unsigned looked = 0;

	if (!queue_has_budget(set, BUDGET_LOADING))
		return false;
	TAILQ_FOREACH(copy, &queue->ready, link) {
		if (looked++ == set->limits.batch)
			return false;
		if (copy->payload != NULL)
			continue;
		to_flight(set, copy, COPY_LOADING);
		set->loading++;
		*action = (struct queue_action){ .kind = QUEUE_ACTION_LOAD, .queue = queue,
						 .copies = { copy }, .count = 1 };
		return true;
	}
	return false;
}

static bool give_route(struct queue_set *set, struct queue *queue, struct queue_action *action)
{
	struct queue_copy *copy = TAILQ_FIRST(&queue->ready);

	if (copy == NULL || copy->payload == NULL || set->routing >= set->limits.routing)
		return false;
	to_flight(set, copy, COPY_ROUTING);
	set->routing++;
	*action = (struct queue_action){ .kind = QUEUE_ACTION_ROUTE, .queue = queue,
					 .copies = { copy }, .count = 1 };
	return true;
}

/* An idle connection, by preference on the loop that holds the message. */
static struct queue_connection *find_idle(struct queue *queue, uint16_t loop)
{
	struct queue_connection *connection, *found = NULL;

	LIST_FOREACH(connection, &queue->connections, link) {
		if (connection->state != CONNECTION_IDLE || connection->closing)
			continue;
		if (connection->loop == loop)
			return connection;
		found = connection;
	}
	return found;
}

/* How many copies one connection gets: an even share of what is ready, at most a batch. */
static unsigned share(const struct queue_set *set, const struct queue *queue)
{
	unsigned lines = queue->open > 0 ? queue->open : 1;
	size_t each = (queue->ready_count + lines - 1) / lines;

	return each < set->limits.batch ? (unsigned)each : set->limits.batch;
}

static bool give_assignment(struct queue_set *set, struct queue *queue,
			    struct queue_action *action)
{
	struct queue_copy *copy = TAILQ_FIRST(&queue->ready);
	struct queue_connection *connection;
	unsigned wanted;

	if (copy == NULL || copy->payload == NULL)
		return false;
	connection = find_idle(queue, copy->loop);
	if (connection == NULL)
		return false;
	wanted = share(set, queue);
	*action = (struct queue_action){ .kind = QUEUE_ACTION_ASSIGN, .queue = queue,
					 .connection = connection };
	while (action->count < wanted && (copy = TAILQ_FIRST(&queue->ready)) != NULL &&
	       copy->payload != NULL) {
		to_flight(set, copy, COPY_FLIGHT);
		copy->attempts += copy->attempts < UINT8_MAX;
		action->copies[action->count++] = copy;
	}
	connection->state = CONNECTION_BUSY;
	connection->flight += action->count;
	return true;
}

/* While one is idle the mail is being read back: another would be idle too. */
static bool wants_connection(const struct queue_set *set, struct queue *queue)
{
	return !queue->retry && queue->ready_count > queue->opening &&
	       find_idle(queue, 0) == NULL &&
	       queue->opening + queue->open < queue->window &&
	       queue->opening + queue->open < set->limits.max_per_queue;
}

static bool give_connection(struct queue_set *set, struct queue *queue,
			    struct queue_action *action)
{
	if (!wants_connection(set, queue) ||
	    !queue_has_budget(set, queue_connection_budget(queue)))
		return false;
	*action = (struct queue_action){ .kind = QUEUE_ACTION_OPEN, .queue = queue };
	return true;
}

/* One action of an active queue; false if it has to wait for a report or a timer. */
static bool serve_queue(struct queue_set *set, struct queue *queue, struct queue_action *action)
{
	if (queue->ready_count == 0 || queue->key.kind == QUEUE_UNREACHABLE)
		return false;
	if (queue == set->submission)
		return give_load(set, queue, action) || give_route(set, queue, action);
	if (queue->open > 0 && give_load(set, queue, action))
		return true;
	return give_assignment(set, queue, action) || give_connection(set, queue, action);
}

/* What it waits for may be used up by other queues: then none of its own reports will come. */
static void starve_or_rest(struct queue_set *set, struct queue *queue)
{
	const struct queue_copy *first = TAILQ_FIRST(&queue->ready);

	if (first == NULL || queue->key.kind == QUEUE_UNREACHABLE)
		return;
	if (first->payload == NULL && (queue == set->submission || queue->open > 0) &&
	    !queue_has_budget(set, BUDGET_LOADING))
		queue_starve(set, queue, BUDGET_LOADING);
	else if (queue != set->submission && wants_connection(set, queue) &&
		 !queue_has_budget(set, queue_connection_budget(queue)))
		queue_starve(set, queue, queue_connection_budget(queue));
}

bool queue_next(struct queue_set *set, uint64_t now_ms, uint32_t now_s, bool expire,
		struct queue_action *action_r)
{
	struct queue *queue;

	while ((queue = RB_MIN(queue_timers, &set->timers)) != NULL && queue->due_ms <= now_ms)
		if (serve_timer(set, queue, now_ms, now_s, expire, action_r))
			return true;
	do {
		while ((queue = TAILQ_FIRST(&set->active)) != NULL) {
			queue_deactivate(set, queue);
			if (serve_queue(set, queue, action_r)) {
				queue_activate(set, queue); /* at the end: everyone has a turn */
				return true;
			}
			starve_or_rest(set, queue);
		}
	} while (queue_feed_one(set));
	return false;
}

uint64_t queue_deadline(const struct queue_set *set)
{
	struct queue *queue;

	if (!TAILQ_EMPTY(&set->active))
		return 0;
	queue = RB_MIN(queue_timers, (struct queue_timers *)&set->timers);
	return queue == NULL ? UINT64_MAX : queue->due_ms;
}
