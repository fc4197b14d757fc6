/* Shared by scheduler*.c only. */
#ifndef WP_DELIVERY_SCHEDULER_PRIVATE_H
#define WP_DELIVERY_SCHEDULER_PRIVATE_H

#include <pthread.h>
#include <xxhash.h>

/* uthash's own hash falls through switch cases in a way that clang does not like. */
#define HASH_FUNCTION(key, len, hash) ((hash) = (unsigned)XXH3_64bits((key), (len)))
#include <uthash.h>

#include "common/waker.h"
#include "delivery/scheduler.h"

/* A connection slot: what the queue knows and how the loop calls it. */
struct sched_connection {
	struct queue_connection queue;
	struct handle handle;
	bool in_use;
};

struct connection_table {
	struct sched_connection **slots;
	uint32_t count;
	uint32_t *spare;
	uint32_t spare_count;
	struct mail *first_order, *last_order; /* of this turn, sent together */
};

/* What a read-back is for: the loop member of its owner. */
enum { SCHEDULER_READ_COPY, SCHEDULER_READ_PENDING };

/* Hung on queue->plan: survives connections. */
struct queue_memory {
	struct plan *plan; /* the last one, for tools */
	unsigned rotation;
	uint16_t next_loop;
};

/* Recipients of one message that failed and are not reported yet. */
struct pending {
	uint64_t spool_id;
	struct message *message;   /* one reference, or null: to be read back */
	struct notify_failure *failures;
	uint32_t count, cap;
	uint64_t since_ms;
	bool is_building;  /* a loop has it */
	bool is_loading;
	bool is_recovered; /* the spool knows of failures that are not in the list yet */
	bool copies_gone;  /* no copy of the message is left */
	UT_hash_handle hh; /* by spool_id; in order of since_ms */
};

struct scheduler {
	struct engine *engine;
	struct mailbox box;
	struct waker waker;
	struct spool_door door;
	pthread_t thread;
	bool is_draining, is_stopping;
	struct mail drain, stop;
	struct queue_set *queues;
	struct view *view;
	struct connection_table *connections; /* one per loop */
	struct pending *pendings;
	struct spool_batch *states; /* written at the end of each turn */
	uint64_t now_ms, wall_ms;
	/* Expiry sleeps for a while after the clocks disagreed. */
	int64_t clock_gap_ms;
	uint64_t no_expiry_until_ms;
	uint64_t notify_due_ms;   /* 0: nothing pending */
	uint64_t states_due_ms;   /* 0: no states wait */
	bool has_notified;        /* in this turn: its states go at once */
	uint64_t unreadable;      /* scheduler_unreadable_count() */
	uint64_t resubmit_due_ms; /* 0: nothing waits for the replica */
};

/* Posts to a loop. */
void scheduler_order(struct scheduler *s, uint16_t loop, struct mail *mail, enum mail_kind kind);
/* Without a view nothing can be routed or reached: mail waits, it is on disk. */
static inline bool scheduler_may_act(const struct scheduler *s)
{
	return !s->is_draining && s->view != NULL && s->view->viewpoint != NULL;
}

/* scheduler_actions.c: carries out what queue_next says until it has nothing. */
void scheduler_act(struct scheduler *s);
void scheduler_connection_free(struct scheduler *s, struct sched_connection *c);
struct sched_connection *scheduler_connection_find(struct scheduler *s, const struct handle *h);
/* The view has changed: QUEUE's connections go on only where they fit it. */
void scheduler_look_again(struct scheduler *s, struct queue *queue);
void scheduler_connections_free(struct scheduler *s);
void scheduler_queue_memory_free(struct queue *queue);

/* scheduler_outcomes.c: what became of recipients. */
void scheduler_assigned(struct scheduler *s, struct assignment *a);
/* Recipients of a message failed for good; takes the references of OUTCOMES. */
void scheduler_failed(struct scheduler *s, uint64_t spool_id, struct message *message,
		      const uint32_t *recipients, struct outcome **outcomes, uint32_t count);
/* A ready or waiting copy fails for good by OUTCOME (borrowed); it is gone afterwards. */
void scheduler_copy_failed(struct scheduler *s, struct queue_copy *copy, struct outcome *outcome);
/* Nothing of a message can be read: it is no longer tried. Logs and counts it. */
void scheduler_unreadable(struct scheduler *s, uint64_t spool_id, enum spool_error error);
/* All ready copies of a domain's queue fail. */
void scheduler_domain_failed(struct scheduler *s, struct queue *queue, struct outcome *outcome);
/* After a change of COPY's message: a notification may be due, the message may be done. */
void scheduler_settle(struct scheduler *s, uint64_t spool_id, bool copies_left, bool in_flight);
void scheduler_notified(struct scheduler *s, struct notify_order *order);
void scheduler_pending_loaded(struct scheduler *s, struct spool_read *read);
void scheduler_recover_failures(struct scheduler *s, uint64_t spool_id, bool copies_gone);
void scheduler_notify_overdue(struct scheduler *s);
void scheduler_pendings_free(struct scheduler *s);
/* Recipients that routing sent nowhere: rejected ones fail, discarded ones are settled. */
void scheduler_lost(struct scheduler *s, uint64_t spool_id, struct message *message,
		    const struct routed *routed, bool copies_left);
/* "5.1.1 No such user from mx.example", for last_error. */
void outcome_describe(const struct outcome *o, char *text, size_t size);
/* Recipients are settled without a notification (delivered elsewhere, discarded). */
void scheduler_states(struct scheduler *s, uint64_t spool_id, const uint32_t *recipients,
		      uint32_t count, enum rcpt_state state, const char *outcome);

#endif
