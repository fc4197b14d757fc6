/*
 * The scheduler: the thread that owns every queue, connection slot and retry of the host.
 *
 * It runs the pure queue code (queue.h) between a mailbox of reports and the loops that carry
 * its orders out, and writes what became of recipients to the spool, with nobody waiting. A
 * message's end: when its last copy is gone and no notification is due, it is done.
 *
 * Failures (delivery.md §2): an outcome "failed" is stored as failed-unreported; a notification
 * falls due when no copy of the message is in flight, at the latest 60 s after the first
 * failure; it is stored in one group with the states it reports, so after a crash it is
 * either there or still due.
 */
#ifndef WP_DELIVERY_SCHEDULER_H
#define WP_DELIVERY_SCHEDULER_H

#include "delivery/engine.h"

/* During start-up, before the thread runs: spool_open reports into it by scheduler_recover. */
struct scheduler *scheduler_new(struct engine *engine);
/* A message found in the spool (on_message of spool_events). */
void scheduler_recover(struct scheduler *scheduler, const struct spool_summary *summary);
void scheduler_start(struct scheduler *scheduler);
/* Any thread: gives no more orders, still takes reports. Before the loops are stopped. */
void scheduler_drain(struct scheduler *scheduler);
/* Writes what was reported so far and ends the thread. */
void scheduler_stop(struct scheduler *scheduler);
void scheduler_free(struct scheduler *scheduler);

/* Any thread. */
void scheduler_post(struct scheduler *scheduler, struct mail *mail);
/* The door for the spool's notices and read-backs. */
const struct spool_door *scheduler_door(struct scheduler *scheduler);

/* For functions run by MAIL_CALL, in the scheduler's thread. */
struct queue_set *scheduler_queues(struct scheduler *scheduler);
/* As tools show them: of its latest plan, else of its key. */
const char *scheduler_next_hop(const struct queue *queue);
const char *scheduler_connector(const struct queue *queue);
/* Messages of which not even the envelope could be read, so that nobody was told. */
uint64_t scheduler_unreadable_count(const struct scheduler *scheduler);
uint64_t scheduler_now_ms(const struct scheduler *scheduler);

#endif
