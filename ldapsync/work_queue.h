/*
 * From the sources' threads to the applying thread: a first-in first-out queue whose batches
 * are bounded in octets. Thread-safe. An item belongs to the queue from push to take.
 */
#ifndef WP_LDAPSYNC_WORK_QUEUE_H
#define WP_LDAPSYNC_WORK_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "common/buf.h"

struct work {
	STAILQ_ENTRY(work) link;
	/* Either a batch of events of a directory … */
	size_t directory;
	unsigned epoch; /* of the directory's session */
	struct buf events;
	/* … or a job for the applying thread. */
	void (*job)(void *arg);
	void *arg;
};

struct work_queue {
	pthread_mutex_t mutex;
	pthread_cond_t filled, drained;
	STAILQ_HEAD(, work) items;
	size_t bytes, max_bytes;
	bool is_closed;
};

void work_queue_init(struct work_queue *queue, size_t max_bytes);
/* Frees what is left; jobs in it are not run. */
void work_queue_fini(struct work_queue *queue);
/* An item of malloc'd memory. Waits while the queue is full. False if it is closed: the item
 * was freed. */
bool work_queue_push(struct work_queue *queue, struct work *work);
/* The oldest item, waiting for it at most WAIT_MS and until the queue is closed; null: there is none. */
struct work *work_queue_take(struct work_queue *queue, unsigned wait_ms);
/* Closed, and empty. */
bool work_queue_is_over(struct work_queue *queue);
/* Wakes everybody. What was pushed before can still be taken. */
void work_queue_close(struct work_queue *queue);
void work_free(struct work *work);

#endif
