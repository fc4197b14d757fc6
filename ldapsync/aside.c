/* A blocking call aside: one detached thread, and an eventfd that says it is done. */
#include "ldapsync/aside.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/compiler.h"

/* Freed by whichever of the two leaves last. */
struct aside {
	void (*run)(void *job);
	void (*drop)(void *job);
	void *job;
	int done_fd;
	pthread_mutex_t mutex;
	bool is_done, is_left;
};

static atomic_uint n_left;

static void aside_free(struct aside *aside)
{
	close(aside->done_fd);
	pthread_mutex_destroy(&aside->mutex);
	free(aside);
}

static void *aside_thread(void *arg)
{
	struct aside *aside = arg;
	bool is_left;

	aside->run(aside->job);
	pthread_mutex_lock(&aside->mutex);
	aside->is_done = true;
	is_left = aside->is_left;
	if (!is_left)
		eventfd_write(aside->done_fd, 1);
	pthread_mutex_unlock(&aside->mutex);
	if (is_left) {
		aside->drop(aside->job);
		aside_free(aside);
		atomic_fetch_sub(&n_left, 1);
	}
	return NULL;
}

static bool start(struct aside *aside)
{
	pthread_attr_t attr;
	pthread_t thread;
	int rc;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&thread, &attr, aside_thread, aside);
	pthread_attr_destroy(&attr);
	return rc == 0;
}

bool aside_run(void (*run)(void *job), void (*drop)(void *job), void *job, int stop_fd,
	       uint64_t deadline_ms)
{
	struct aside *aside = mem_zero(1, sizeof(*aside));
	uint64_t now = clock_mono_ms();
	struct pollfd fds[2] = { { .fd = stop_fd, .events = POLLIN } };
	bool is_done;

	*aside = (struct aside){ .run = run, .drop = drop, .job = job };
	aside->done_fd = fds[1].fd = eventfd(0, EFD_CLOEXEC);
	fds[1].events = POLLIN;
	pthread_mutex_init(&aside->mutex, NULL);
	if (aside->done_fd < 0 || !start(aside)) {
		run(job); /* no thread to be had: better late than never */
		aside_free(aside);
		return true;
	}
	while (poll(fds, 2, deadline_ms > now ? (int)(deadline_ms - now) : 0) < 0 && errno == EINTR)
		now = clock_mono_ms();
	pthread_mutex_lock(&aside->mutex);
	is_done = aside->is_done;
	aside->is_left = !is_done;
	atomic_fetch_add(&n_left, !is_done);
	pthread_mutex_unlock(&aside->mutex);
	if (is_done)
		aside_free(aside);
	return is_done;
}

bool aside_is_any_left(void)
{
	return atomic_load(&n_left) > 0;
}
