/*
 * A few threads for work that may block. Jobs are intrusive and run once, in the order they were
 * added, urgent ones first. delivery.md §1: pools never touch a session, a connection or a queue.
 */
#ifndef WP_DELIVERY_JOB_POOL_H
#define WP_DELIVERY_JOB_POOL_H

#include <stdbool.h>
#include <sys/queue.h>

struct job {
	STAILQ_ENTRY(job) link;
	/* A thread of the pool; JOB is the runner's from here on and may be freed or added again. */
	void (*run)(struct job *job);
};

struct job_pool;

/* NAME, at most 15 octets, names the threads; it is kept. */
struct job_pool *job_pool_new(unsigned threads, const char *name);
/* Runs what was added, also by jobs meanwhile, and ends the threads. Null is allowed. */
void job_pool_free(struct job_pool *pool);
/* Any thread. */
void job_pool_add(struct job_pool *pool, struct job *job, bool is_urgent);

#endif
