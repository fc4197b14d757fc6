/* Shared by queue*.c only: the set and the moves between lists. */
#ifndef WP_DELIVERY_QUEUE_PRIVATE_H
#define WP_DELIVERY_QUEUE_PRIVATE_H

#include "delivery/queue.h"

enum {
	QUEUE_HASH_SIZE = 4096,
	COPY_CHUNK = 1024,
	QUEUE_EXPIRY_LOOK_MS = 60000, /* expiry is counted in hours: a look a minute will do */
};

TAILQ_HEAD(queue_list, queue);
RB_HEAD(queue_timers, queue);
RB_HEAD(queue_numbers, queue);

struct queue_set {
	struct queue_limits limits;
	struct queue *hash[QUEUE_HASH_SIZE];
	struct queue_numbers all;
	uint64_t next_number;
	struct queue_list active;
	struct queue_list starved[QUEUE_BUDGETS];
	struct queue_timers timers;
	struct queue *submission;
	struct queue_copy **chunks; /* slab of copies, addresses never move */
	size_t chunk_count;
	struct queue_copy_list spare;
	size_t copies;
	size_t resident, resident_bytes;
	unsigned connections; /* opening and open, of all queues */
	unsigned world_connections; /* of them, those to domains of the world */
	unsigned routing, loading;
};

RB_PROTOTYPE(queue_timers, queue, timer_link, queue_timer_compare)
RB_PROTOTYPE(queue_numbers, queue, all_link, queue_number_compare)

/* queue.c: storage */
struct queue *queue_get(struct queue_set *set, const struct queue_key *key);
void queue_drop(struct queue_set *set, struct queue *queue);
struct queue_copy *copy_new(struct queue_set *set, uint64_t spool_id, uint32_t arrival_s);
void copy_free(struct queue_set *set, struct queue_copy *copy);
void copy_set_recipients(struct queue_copy *copy, const uint32_t *recipients, uint32_t count);
void copy_take_payload(struct queue_set *set, struct queue_copy *copy, struct message *payload);
void copy_drop_payload(struct queue_set *set, struct queue_copy *copy);
void copy_join(struct queue_copy *ring, struct queue_copy *copy);

/* queue.c: lists and timers */
void copy_to_ready(struct queue_set *set, struct queue_copy *copy, bool first);
void copy_to_waiting(struct queue_set *set, struct queue_copy *copy, uint64_t due_ms);
void copy_unlist(struct queue_set *set, struct queue_copy *copy);
void queue_activate(struct queue_set *set, struct queue *queue);
void queue_deactivate(struct queue_set *set, struct queue *queue);
/* The budget that its connections come from. */
enum queue_budget queue_connection_budget(const struct queue *queue);
bool queue_has_budget(const struct queue_set *set, enum queue_budget budget);
void queue_starve(struct queue_set *set, struct queue *queue, enum queue_budget budget);
/* The queue that waits longest for a budget that has room is active again; false: none. */
bool queue_feed_one(struct queue_set *set);
/* The queue wants attention at AT_MS at the latest. */
void queue_need(struct queue_set *set, struct queue *queue, uint64_t at_ms);
/* Nothing is in it and nobody holds it: in time it is forgotten. */
bool queue_is_idle(const struct queue_set *set, const struct queue *queue);
/* Its timer fired and everything due was done: computes the next one. */
void queue_rearm(struct queue_set *set, struct queue *queue, uint64_t now_ms);
/* If nothing is left in the queue, it is forgotten after a while. */
void queue_note_empty(struct queue_set *set, struct queue *queue, uint64_t now_ms);
bool queue_is_empty(const struct queue *queue);

#endif
