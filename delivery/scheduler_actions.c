/* Carries out what the queues want: connections, assignments, read-backs, routing, expiry. */
#include "delivery/scheduler_private.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

/* --- connection slots -------------------------------------------------------------------- */

static struct sched_connection *connection_new(struct scheduler *s, uint16_t loop)
{
	struct connection_table *table = &s->connections[loop];
	struct sched_connection *c;

	if (table->spare_count > 0) {
		c = table->slots[table->spare[--table->spare_count]];
	} else {
		c = mem_zero(1, sizeof(*c));
		c->handle = (struct handle){ .loop = loop, .slot = table->count, .generation = 1 };
		table->slots = mem_grow(table->slots, (table->count + 1) * sizeof(*table->slots));
		table->spare = mem_grow(table->spare, (table->count + 1) * sizeof(*table->spare));
		table->slots[table->count++] = c;
	}
	c->in_use = true;
	return c;
}

void scheduler_connection_free(struct scheduler *s, struct sched_connection *c)
{
	struct connection_table *table = &s->connections[c->handle.loop];

	c->in_use = false;
	c->handle.generation++;
	table->spare[table->spare_count++] = c->handle.slot;
}

struct sched_connection *scheduler_connection_find(struct scheduler *s, const struct handle *h)
{
	const struct connection_table *table = &s->connections[h->loop];
	struct sched_connection *c;

	if (h->slot >= table->count)
		return NULL;
	c = table->slots[h->slot];
	return c->in_use && c->handle.generation == h->generation ? c : NULL;
}

void scheduler_connections_free(struct scheduler *s)
{
	for (uint16_t i = 0; i < s->engine->loop_count; i++) {
		struct connection_table *table = &s->connections[i];

		for (uint32_t j = 0; j < table->count; j++)
			free(table->slots[j]);
		free(table->slots);
		free(table->spare);
	}
	free(s->connections);
}

/* --- queues -------------------------------------------------------------------------------- */

static struct queue_memory *memory_of(struct queue *queue)
{
	if (queue->plan == NULL)
		queue->plan = mem_zero(1, sizeof(struct queue_memory));
	return queue->plan;
}

void scheduler_queue_memory_free(struct queue *queue)
{
	struct queue_memory *memory = queue->plan;

	if (memory == NULL)
		return;
	plan_unref(memory->plan);
	free(memory);
	queue->plan = NULL;
}

static const struct plan *latest_plan(const struct queue *queue)
{
	const struct queue_memory *memory = queue->plan;

	return memory != NULL ? memory->plan : NULL;
}

const char *scheduler_next_hop(const struct queue *queue)
{
	const struct plan *plan = latest_plan(queue);

	return plan != NULL && plan->display[0] != '\0' ? plan->display : queue->key.next_hop;
}

const char *scheduler_connector(const struct queue *queue)
{
	const struct plan *plan = latest_plan(queue);

	return plan != NULL && plan->connector[0] != '\0' ? plan->connector : queue->key.connector;
}

/* Borrowed: the queue's until the next one is made. */
static struct plan *make_plan(struct scheduler *s, struct queue *queue)
{
	struct queue_memory *memory = memory_of(queue);

	plan_unref(memory->plan);
	memory->plan = plan_new(s->view, &queue->key, memory->rotation++);
	return memory->plan;
}

static uint16_t pick_loop(struct scheduler *s, struct queue *queue)
{
	struct queue_memory *memory = memory_of(queue);
	const struct queue_copy *first = TAILQ_FIRST(&queue->ready);

	/* The first connection where the mail is, the others in turn. */
	if (queue->open + queue->opening == 0 && first != NULL)
		memory->next_loop = first->loop;
	return memory->next_loop++ % s->engine->loop_count;
}

/* --- actions ------------------------------------------------------------------------------- */

static void order_connection(struct scheduler *s, const struct sched_connection *c,
			     struct plan *plan, enum mail_kind kind)
{
	struct connect_order *order = mem_zero(1, sizeof(*order));

	order->connection = c->handle;
	order->plan = plan;
	scheduler_order(s, c->handle.loop, &order->mail, kind);
}

static void act_open(struct scheduler *s, struct queue_action *action)
{
	struct queue *queue = action->queue;
	uint16_t loop = pick_loop(s, queue);
	struct sched_connection *c = connection_new(s, loop);
	struct plan *plan = make_plan(s, queue);

	queue_connection_add(s->queues, queue, &c->queue, loop);
	if (plan->target_count == 0) {
		queue_connection_gone(s->queues, &c->queue, true, plan->why, s->now_ms);
		scheduler_connection_free(s, c);
		return;
	}
	order_connection(s, c, plan_ref(plan), MAIL_CONNECT);
}

void scheduler_look_again(struct scheduler *s, struct queue *queue)
{
	struct queue_connection *connection;
	struct plan *plan = NULL;

	if (LIST_EMPTY(&queue->connections))
		return;
	if (s->view->viewpoint != NULL)
		plan = make_plan(s, queue);
	LIST_FOREACH(connection, &queue->connections, link) {
		struct sched_connection *c = WP_CONTAINER(connection, struct sched_connection, queue);

		if (connection->closing)
			continue;
		if (plan != NULL) {
			order_connection(s, c, plan_ref(plan), MAIL_CONNECTION_PLAN);
			continue;
		}
		queue_connection_closing(s->queues, connection); /* a host without a server object */
		order_connection(s, c, NULL, MAIL_DISCONNECT);
	}
}

static void act_assign(struct scheduler *s, struct queue_action *action)
{
	struct sched_connection *c =
		WP_CONTAINER(action->connection, struct sched_connection, queue);

	for (unsigned i = 0; i < action->count; i++) {
		struct queue_copy *copy = action->copies[i];
		struct assignment *a = assignment_new(copy->payload, queue_copy_recipients(copy),
						      copy->recipient_count);

		a->connection = c->handle;
		a->copy_slot = copy->slot;
		a->copy_generation = copy->generation;
		scheduler_order(s, c->handle.loop, &a->mail, MAIL_ASSIGN);
	}
}

static void act_close(struct scheduler *s, struct queue_action *action)
{
	order_connection(s, WP_CONTAINER(action->connection, struct sched_connection, queue), NULL,
			 MAIL_DISCONNECT);
}

static void act_load(struct scheduler *s, struct queue_action *action)
{
	struct queue_copy *copy = action->copies[0];
	struct spool_read *read = mem_zero(1, sizeof(*read));

	read->mail.kind = MAIL_LOADED;
	read->owner = (struct handle){ .loop = SCHEDULER_READ_COPY, .slot = copy->slot,
				       .generation = copy->generation };
	read->id = copy->spool_id;
	read->wants = SPOOL_WANTS_ENVELOPE | SPOOL_WANTS_BODY;
	if (copy->recipient_count == 0)
		read->wants |= SPOOL_WANTS_STATES;
	read->door = &s->door;
	spool_read(s->engine->spool, read);
}

static void act_route(struct scheduler *s, struct queue_action *action)
{
	struct queue_copy *copy = action->copies[0];
	struct route_order *order = route_order_new(copy->payload, queue_copy_recipients(copy),
						    copy->recipient_count);

	order->copy_slot = copy->slot;
	order->copy_generation = copy->generation;
	scheduler_order(s, copy->loop % s->engine->loop_count, &order->mail, MAIL_ROUTE);
}

static void act_expired(struct scheduler *s, struct queue_action *action)
{
	struct queue_copy *copy = action->copies[0];
	const char *last = copy->queue->last_error;
	struct outcome *outcome = outcome_local(
		OUTCOME_FAILED, OUTCOME_STAGE_NONE, "4.4.7", NULL,
		"The message could not be delivered before it expired%s%s",
		last[0] != '\0' ? "; the last error was: " : "", last);

	scheduler_copy_failed(s, copy, outcome);
	outcome_unref(outcome);
}

static void act_forget(struct scheduler *s, struct queue_action *action)
{
	scheduler_queue_memory_free(action->queue);
	queue_forget(s->queues, action->queue);
}

static void (*const actions[])(struct scheduler *s, struct queue_action *action) = {
	[QUEUE_ACTION_OPEN] = act_open,
	[QUEUE_ACTION_ASSIGN] = act_assign,
	[QUEUE_ACTION_LOAD] = act_load,
	[QUEUE_ACTION_ROUTE] = act_route,
	[QUEUE_ACTION_CLOSE] = act_close,
	[QUEUE_ACTION_EXPIRED] = act_expired,
	[QUEUE_ACTION_FORGET] = act_forget,
};

void scheduler_act(struct scheduler *s)
{
	struct queue_action action;
	bool expire = s->now_ms >= s->no_expiry_until_ms;

	while (scheduler_may_act(s) && queue_next(s->queues, s->now_ms, (uint32_t)(s->wall_ms / 1000),
						  expire, &action))
		actions[action.kind](s, &action);
}
