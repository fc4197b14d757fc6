/* A few threads for work that may block: one lock, two lanes. */
#define _GNU_SOURCE
#include "delivery/job_pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "common/buf.h"

STAILQ_HEAD(job_lane, job);

struct job_pool {
	pthread_mutex_t lock;
	pthread_cond_t has_work;
	struct job_lane urgent;
	struct job_lane usual;
	unsigned busy; /* threads inside a job, which may add another */
	bool is_ending;
	unsigned count;
	pthread_t thread[];
};

/* With the lock held: the next job, null when there will be none. */
static struct job *wait_for_job(struct job_pool *pool)
{
	for (;;) {
		struct job_lane *lane = STAILQ_EMPTY(&pool->urgent) ? &pool->usual : &pool->urgent;
		struct job *job = STAILQ_FIRST(lane);

		if (job != NULL) {
			STAILQ_REMOVE_HEAD(lane, link);
			return job;
		}
		if (pool->is_ending && pool->busy == 0)
			return NULL;
		pthread_cond_wait(&pool->has_work, &pool->lock);
	}
}

static void *run_jobs(void *arg)
{
	struct job_pool *pool = arg;
	struct job *job;

	pthread_mutex_lock(&pool->lock);
	while ((job = wait_for_job(pool)) != NULL) {
		pool->busy++;
		pthread_mutex_unlock(&pool->lock);
		job->run(job);
		pthread_mutex_lock(&pool->lock);
		pool->busy--;
	}
	pthread_cond_broadcast(&pool->has_work);
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

struct job_pool *job_pool_new(unsigned threads, const char *name)
{
	struct job_pool *pool = mem_zero(1, sizeof(*pool) + threads * sizeof(pthread_t));
	sigset_t all, old;

	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->has_work, NULL);
	STAILQ_INIT(&pool->urgent);
	STAILQ_INIT(&pool->usual);
	/* Signals are for the thread that asked for them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (; pool->count < threads; pool->count++) {
		if (pthread_create(&pool->thread[pool->count], NULL, run_jobs, pool) != 0)
			mem_fatal(0);
		pthread_setname_np(pool->thread[pool->count], name);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return pool;
}

void job_pool_free(struct job_pool *pool)
{
	if (pool == NULL)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->is_ending = true;
	pthread_cond_broadcast(&pool->has_work);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < pool->count; i++)
		pthread_join(pool->thread[i], NULL);
	pthread_cond_destroy(&pool->has_work);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

void job_pool_add(struct job_pool *pool, struct job *job, bool is_urgent)
{
	pthread_mutex_lock(&pool->lock);
	STAILQ_INSERT_TAIL(is_urgent ? &pool->urgent : &pool->usual, job, link);
	pthread_cond_signal(&pool->has_work);
	pthread_mutex_unlock(&pool->lock);
}
