/* From the sources' threads to the applying thread. */
#include "ldapsync/work_queue.h"

#include <stdlib.h>
#include <time.h>

void work_queue_init(struct work_queue *queue, size_t max_bytes)
{
	pthread_condattr_t by_monotonic_clock;

	*queue = (struct work_queue){ .max_bytes = max_bytes };
	pthread_condattr_init(&by_monotonic_clock);
	pthread_condattr_setclock(&by_monotonic_clock, CLOCK_MONOTONIC);
	pthread_mutex_init(&queue->mutex, NULL);
	pthread_cond_init(&queue->filled, &by_monotonic_clock);
	pthread_condattr_destroy(&by_monotonic_clock);
	pthread_cond_init(&queue->drained, NULL);
	STAILQ_INIT(&queue->items);
}

void work_free(struct work *work)
{
	buf_free(&work->events);
	free(work);
}

void work_queue_fini(struct work_queue *queue)
{
	struct work *work;

	while ((work = STAILQ_FIRST(&queue->items)) != NULL) {
		STAILQ_REMOVE_HEAD(&queue->items, link);
		work_free(work);
	}
	pthread_cond_destroy(&queue->filled);
	pthread_cond_destroy(&queue->drained);
	pthread_mutex_destroy(&queue->mutex);
}

bool work_queue_push(struct work_queue *queue, struct work *work)
{
	bool pushed;

	pthread_mutex_lock(&queue->mutex);
	while (!queue->is_closed && queue->bytes > queue->max_bytes && work->job == NULL)
		pthread_cond_wait(&queue->drained, &queue->mutex);
	pushed = !queue->is_closed;
	if (pushed) {
		STAILQ_INSERT_TAIL(&queue->items, work, link);
		queue->bytes += work->events.len;
		pthread_cond_signal(&queue->filled);
	}
	pthread_mutex_unlock(&queue->mutex);
	if (!pushed)
		work_free(work);
	return pushed;
}

static struct timespec time_in(unsigned ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_nsec += (long)(ms % 1000) * 1000000;
	at.tv_sec += (time_t)(ms / 1000) + at.tv_nsec / 1000000000;
	at.tv_nsec %= 1000000000;
	return at;
}

struct work *work_queue_take(struct work_queue *queue, unsigned wait_ms)
{
	struct timespec until = time_in(wait_ms);
	struct work *work;
	int rc = 0;

	pthread_mutex_lock(&queue->mutex);
	while (wait_ms > 0 && rc == 0 && STAILQ_EMPTY(&queue->items) && !queue->is_closed)
		rc = pthread_cond_timedwait(&queue->filled, &queue->mutex, &until);
	work = STAILQ_FIRST(&queue->items);
	if (work != NULL) {
		STAILQ_REMOVE_HEAD(&queue->items, link);
		queue->bytes -= work->events.len;
		pthread_cond_broadcast(&queue->drained);
	}
	pthread_mutex_unlock(&queue->mutex);
	return work;
}

bool work_queue_is_over(struct work_queue *queue)
{
	bool is_over;

	pthread_mutex_lock(&queue->mutex);
	is_over = queue->is_closed && STAILQ_EMPTY(&queue->items);
	pthread_mutex_unlock(&queue->mutex);
	return is_over;
}

void work_queue_close(struct work_queue *queue)
{
	pthread_mutex_lock(&queue->mutex);
	queue->is_closed = true;
	pthread_cond_broadcast(&queue->filled);
	pthread_cond_broadcast(&queue->drained);
	pthread_mutex_unlock(&queue->mutex);
}
