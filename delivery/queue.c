/*
 * Storage of the queue set: queues by key, copies in a slab, the ready and waiting lists and
 * the timer tree. Decisions are in queue_next.c, reports in queue_report.c. Pure.
 */
#include "delivery/queue_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "common/buf.h"
#include "delivery/message.h"

_Static_assert(sizeof(struct queue_copy) <= 96, "the resident record of a copy");

static const char *const kind_names[] = {
	[QUEUE_SUBMISSION] = "submission",
	[QUEUE_MAILBOX] = "mailbox",
	[QUEUE_DNS_CONNECTOR] = "dns-connector",
	[QUEUE_SMART_HOST] = "smart-host",
	[QUEUE_RELAY_SITE] = "relay-site",
	[QUEUE_RELAY_SERVER] = "relay-server",
	[QUEUE_RELAY_EDGE] = "relay-edge",
	[QUEUE_UNREACHABLE] = "unreachable",
	[QUEUE_DISCARD] = "discard",
};

#define LIMITS_COMMON                                                                    \
	.message_retry_ms = 60000, .expiration_ms = 172800000ULL, .idle_queue_ms = 180000, \
	.idle_connection_ms = 5000, .max_connections = 1000, .max_per_queue = 20,          \
	.batch = 8, .resident_messages = 20000, .resident_bytes = 64u << 20,               \
	.routing = 64, .loading = 64, .glitch_count = 4, .glitch_ms = 60000,               \
	.transient_count = 6

const struct queue_limits queue_limits_hub = {
	LIMITS_COMMON, .transient_ms = 300000, .failure_ms = 600000,
};
const struct queue_limits queue_limits_edge = {
	LIMITS_COMMON, .transient_ms = 600000, .failure_ms = 1800000,
};

const char *queue_kind_name(enum queue_kind kind)
{
	return kind_names[kind];
}

static int queue_timer_compare(struct queue *a, struct queue *b)
{
	if (a->due_ms != b->due_ms)
		return a->due_ms < b->due_ms ? -1 : 1;
	return a < b ? -1 : a > b;
}

RB_GENERATE(queue_timers, queue, timer_link, queue_timer_compare)

static int queue_number_compare(struct queue *a, struct queue *b)
{
	return a->number < b->number ? -1 : a->number > b->number;
}

RB_GENERATE(queue_numbers, queue, all_link, queue_number_compare)

/* --- the set ------------------------------------------------------------------------ */

struct queue_set *queue_set_new(const struct queue_limits *limits)
{
	static const struct queue_key submission = { .kind = QUEUE_SUBMISSION };
	struct queue_set *set = mem_zero(1, sizeof(*set));

	set->limits = *limits;
	RB_INIT(&set->all);
	TAILQ_INIT(&set->active);
	for (unsigned i = 0; i < QUEUE_BUDGETS; i++)
		TAILQ_INIT(&set->starved[i]);
	TAILQ_INIT(&set->spare);
	RB_INIT(&set->timers);
	set->submission = queue_get(set, &submission);
	return set;
}

void queue_set_limits(struct queue_set *set, const struct queue_limits *limits)
{
	set->limits = *limits;
}

void queue_set_free(struct queue_set *set)
{
	struct queue *queue;

	if (set == NULL)
		return;
	for (size_t i = 0; i < set->chunk_count; i++) {
		for (size_t j = 0; j < COPY_CHUNK; j++) {
			struct queue_copy *copy = &set->chunks[i][j];

			if (copy->queue == NULL)
				continue;
			message_unref(copy->payload);
			if (copy->recipient_count > 1)
				free(copy->recipients.many);
		}
		free(set->chunks[i]);
	}
	free(set->chunks);
	while ((queue = RB_ROOT(&set->all)) != NULL) {
		RB_REMOVE(queue_numbers, &set->all, queue);
		free(queue);
	}
	free(set);
}

size_t queue_set_copies(const struct queue_set *set)
{
	return set->copies;
}

size_t queue_set_resident(const struct queue_set *set, size_t *bytes_r)
{
	if (bytes_r != NULL)
		*bytes_r = set->resident_bytes;
	return set->resident;
}

/* --- queues by key ------------------------------------------------------------------ */

static size_t key_slot(const struct queue_key *key)
{
	uint64_t hash = XXH3_64bits_withSeed(key->next_hop, strlen(key->next_hop),
					     (uint64_t)key->kind);

	return (hash ^ XXH3_64bits(key->connector, strlen(key->connector))) % QUEUE_HASH_SIZE;
}

static bool key_equal(const struct queue_key *a, const struct queue_key *b)
{
	return a->kind == b->kind && strcmp(a->next_hop, b->next_hop) == 0 &&
	       strcmp(a->connector, b->connector) == 0;
}

struct queue *queue_get(struct queue_set *set, const struct queue_key *key)
{
	size_t slot = key_slot(key);
	struct queue *queue;

	for (queue = set->hash[slot]; queue != NULL; queue = queue->hash_next)
		if (key_equal(&queue->key, key))
			return queue;
	queue = mem_zero(1, sizeof(*queue));
	queue->key = *key;
	queue->window = 2;
	TAILQ_INIT(&queue->ready);
	TAILQ_INIT(&queue->waiting);
	LIST_INIT(&queue->connections);
	queue->hash_next = set->hash[slot];
	set->hash[slot] = queue;
	queue->number = ++set->next_number;
	RB_INSERT(queue_numbers, &set->all, queue);
	return queue;
}

void queue_drop(struct queue_set *set, struct queue *queue)
{
	struct queue **at = &set->hash[key_slot(&queue->key)];

	while (*at != queue)
		at = &(*at)->hash_next;
	*at = queue->hash_next;
	queue_deactivate(set, queue);
	if (queue->due_ms != 0)
		RB_REMOVE(queue_timers, &set->timers, queue);
	RB_REMOVE(queue_numbers, &set->all, queue);
	free(queue);
}

struct queue *queue_first(struct queue_set *set)
{
	return RB_MIN(queue_numbers, &set->all);
}

struct queue *queue_after(struct queue *queue)
{
	return RB_NEXT(queue_numbers, NULL, queue);
}

struct queue *queue_from(struct queue_set *set, uint64_t number)
{
	struct queue wanted = { .number = number };

	return RB_NFIND(queue_numbers, &set->all, &wanted);
}

size_t queue_length(const struct queue *queue)
{
	return queue->ready_count + queue->waiting_count + queue->flight_count;
}

bool queue_is_empty(const struct queue *queue)
{
	return queue_length(queue) == 0 && queue->opening == 0 && queue->open == 0;
}

uint32_t queue_oldest_s(const struct queue *queue)
{
	const struct queue_copy *ready = TAILQ_FIRST(&queue->ready);
	const struct queue_copy *waiting = TAILQ_FIRST(&queue->waiting);

	if (ready == NULL)
		return waiting == NULL ? 0 : waiting->age_base_s;
	if (waiting == NULL || ready->age_base_s < waiting->age_base_s)
		return ready->age_base_s;
	return waiting->age_base_s;
}

const char *queue_state_name(const struct queue *queue)
{
	if (queue->suspended)
		return "suspended";
	if (queue->retry || queue->key.kind == QUEUE_UNREACHABLE)
		return "retry";
	if (queue->opening > 0 && queue->open == 0)
		return "connecting";
	return queue->flight_count > 0 ? "active" : "ready";
}

/* --- copies ------------------------------------------------------------------------- */

static void slab_grow(struct queue_set *set)
{
	struct queue_copy *chunk = mem_zero(COPY_CHUNK, sizeof(*chunk));
	uint32_t base = (uint32_t)(set->chunk_count * COPY_CHUNK);

	set->chunks = mem_grow(set->chunks, (set->chunk_count + 1) * sizeof(*set->chunks));
	set->chunks[set->chunk_count++] = chunk;
	for (uint32_t i = 0; i < COPY_CHUNK; i++) {
		chunk[i].slot = base + i;
		TAILQ_INSERT_TAIL(&set->spare, &chunk[i], link);
	}
}

struct queue_copy *copy_new(struct queue_set *set, uint64_t spool_id, uint32_t arrival_s)
{
	struct queue_copy *copy;
	uint32_t slot, generation;

	if (TAILQ_EMPTY(&set->spare))
		slab_grow(set);
	copy = TAILQ_FIRST(&set->spare);
	TAILQ_REMOVE(&set->spare, copy, link);
	slot = copy->slot;
	generation = copy->generation;
	memset(copy, 0, sizeof(*copy));
	copy->slot = slot;
	copy->generation = generation;
	copy->sibling = copy;
	copy->spool_id = spool_id;
	copy->age_base_s = arrival_s;
	set->copies++;
	return copy;
}

void copy_free(struct queue_set *set, struct queue_copy *copy)
{
	struct queue_copy *before = copy;

	while (before->sibling != copy)
		before = before->sibling;
	before->sibling = copy->sibling;
	copy_drop_payload(set, copy);
	if (copy->recipient_count > 1)
		free(copy->recipients.many);
	copy->queue = NULL;
	copy->recipient_count = 0;
	copy->generation++;
	TAILQ_INSERT_HEAD(&set->spare, copy, link);
	set->copies--;
}

void copy_set_recipients(struct queue_copy *copy, const uint32_t *recipients, uint32_t count)
{
	uint32_t *many = NULL, one = count > 0 ? recipients[0] : 0;

	if (count > 1) {
		many = mem_alloc(count * sizeof(*many));
		memcpy(many, recipients, count * sizeof(*many));
	}
	if (copy->recipient_count > 1)
		free(copy->recipients.many);
	if (count > 1)
		copy->recipients.many = many;
	else
		copy->recipients.one = one;
	copy->recipient_count = count;
}

/* COPY becomes one of the copies of the message that RING belongs to. */
void copy_join(struct queue_copy *ring, struct queue_copy *copy)
{
	copy->sibling = ring->sibling;
	ring->sibling = copy;
}

bool queue_copy_has_sibling(const struct queue_copy *copy)
{
	return copy->sibling != copy;
}

bool queue_siblings_in_flight(const struct queue_copy *copy)
{
	const struct queue_copy *other;

	for (other = copy->sibling; other != copy; other = other->sibling)
		if (other->state == COPY_FLIGHT)
			return true;
	return false;
}

void queue_copy_set(struct queue_set *set, struct queue_copy *copy, const uint32_t *recipients,
		    uint32_t count)
{
	(void)set;
	copy_set_recipients(copy, recipients, count);
}

struct queue_copy *queue_copy_find(struct queue_set *set, uint32_t slot, uint32_t generation)
{
	struct queue_copy *copy;

	if (slot / COPY_CHUNK >= set->chunk_count)
		return NULL;
	copy = &set->chunks[slot / COPY_CHUNK][slot % COPY_CHUNK];
	return copy->queue != NULL && copy->generation == generation ? copy : NULL;
}

void copy_take_payload(struct queue_set *set, struct queue_copy *copy, struct message *payload)
{
	copy->payload = message_ref(payload);
	set->resident++;
	set->resident_bytes += payload->memory;
}

void copy_drop_payload(struct queue_set *set, struct queue_copy *copy)
{
	if (copy->payload == NULL)
		return;
	set->resident--;
	set->resident_bytes -= copy->payload->memory;
	message_unref(copy->payload);
	copy->payload = NULL;
}

/* --- lists and timers --------------------------------------------------------------- */

/* A payload beyond the budget is given up; it is in the spool. */
static void keep_within_budget(struct queue_set *set, struct queue_copy *copy)
{
	if (set->resident > set->limits.resident_messages ||
	    set->resident_bytes > set->limits.resident_bytes)
		copy_drop_payload(set, copy);
}

void copy_to_ready(struct queue_set *set, struct queue_copy *copy, bool first)
{
	struct queue *queue = copy->queue;

	copy->state = COPY_READY;
	keep_within_budget(set, copy);
	if (first)
		TAILQ_INSERT_HEAD(&queue->ready, copy, link);
	else
		TAILQ_INSERT_TAIL(&queue->ready, copy, link);
	queue->ready_count++;
	queue_activate(set, queue);
}

/* All copies wait equally long, so the list stays in order of due_ms. */
void copy_to_waiting(struct queue_set *set, struct queue_copy *copy, uint64_t due_ms)
{
	struct queue *queue = copy->queue;

	copy->state = COPY_WAITING;
	copy->due_ms = due_ms;
	keep_within_budget(set, copy);
	TAILQ_INSERT_TAIL(&queue->waiting, copy, link);
	queue->waiting_count++;
}

void copy_unlist(struct queue_set *set, struct queue_copy *copy)
{
	struct queue *queue = copy->queue;

	(void)set;
	switch ((enum queue_copy_state)copy->state) {
	case COPY_READY:
		TAILQ_REMOVE(&queue->ready, copy, link);
		queue->ready_count--;
		break;
	case COPY_WAITING:
		TAILQ_REMOVE(&queue->waiting, copy, link);
		queue->waiting_count--;
		break;
	case COPY_LOADING:
	case COPY_ROUTING:
	case COPY_FLIGHT:
		queue->flight_count--;
		break;
	}
}

static void put_on(struct queue_list *list, struct queue *queue)
{
	if (queue->on == list)
		return;
	if (queue->on != NULL)
		TAILQ_REMOVE(queue->on, queue, on_link);
	queue->on = list;
	if (list != NULL)
		TAILQ_INSERT_TAIL(list, queue, on_link);
}

void queue_activate(struct queue_set *set, struct queue *queue)
{
	if (!queue->suspended)
		put_on(&set->active, queue);
}

void queue_deactivate(struct queue_set *set, struct queue *queue)
{
	(void)set;
	put_on(NULL, queue);
}

enum queue_budget queue_connection_budget(const struct queue *queue)
{
	return queue->key.kind == QUEUE_DNS_CONNECTOR ? BUDGET_WORLD : BUDGET_NAMED;
}

bool queue_has_budget(const struct queue_set *set, enum queue_budget budget)
{
	unsigned most = set->limits.max_connections;

	if (budget == BUDGET_LOADING)
		return set->loading < set->limits.loading;
	return set->connections < most &&
	       (budget == BUDGET_NAMED || set->world_connections < most - most / 4);
}

void queue_starve(struct queue_set *set, struct queue *queue, enum queue_budget budget)
{
	put_on(&set->starved[budget], queue);
}

bool queue_feed_one(struct queue_set *set)
{
	for (unsigned i = 0; i < QUEUE_BUDGETS; i++) {
		struct queue *queue = TAILQ_FIRST(&set->starved[i]);

		if (queue == NULL || !queue_has_budget(set, (enum queue_budget)i))
			continue;
		queue_activate(set, queue);
		return true;
	}
	return false;
}

/* Timers may be early, never late: one that finds nothing to do is computed anew. */
void queue_need(struct queue_set *set, struct queue *queue, uint64_t at_ms)
{
	if (queue->due_ms != 0 && queue->due_ms <= at_ms)
		return;
	if (queue->due_ms != 0)
		RB_REMOVE(queue_timers, &set->timers, queue);
	queue->due_ms = at_ms;
	RB_INSERT(queue_timers, &set->timers, queue);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

bool queue_is_idle(const struct queue_set *set, const struct queue *queue)
{
	return queue_is_empty(queue) && !queue->suspended && queue != set->submission;
}

void queue_rearm(struct queue_set *set, struct queue *queue, uint64_t now_ms)
{
	const struct queue_copy *waiting = TAILQ_FIRST(&queue->waiting);
	const struct queue_connection *connection;
	uint64_t due = UINT64_MAX;

	if (queue->due_ms != 0)
		RB_REMOVE(queue_timers, &set->timers, queue);
	queue->due_ms = 0;
	if (queue->retry)
		due = queue->next_retry_ms;
	if (waiting != NULL)
		due = earlier(due, waiting->due_ms);
	LIST_FOREACH(connection, &queue->connections, link) {
		if (connection->state == CONNECTION_IDLE && !connection->closing)
			due = earlier(due, connection->idle_since_ms + set->limits.idle_connection_ms);
	}
	if (queue_is_idle(set, queue))
		due = earlier(due, queue->empty_since_ms + set->limits.idle_queue_ms);
	if (queue_length(queue) > 0)
		due = earlier(due, now_ms + QUEUE_EXPIRY_LOOK_MS);
	if (due != UINT64_MAX)
		queue_need(set, queue, due > now_ms ? due : now_ms + 1);
}

void queue_note_empty(struct queue_set *set, struct queue *queue, uint64_t now_ms)
{
	if (!queue_is_empty(queue))
		return;
	queue->empty_since_ms = now_ms;
	queue_need(set, queue, now_ms + set->limits.idle_queue_ms);
}
