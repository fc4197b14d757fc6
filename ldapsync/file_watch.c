/* Tells when a file has changed and come to rest. */
#include "ldapsync/file_watch.h"

#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"

enum { REST_MS = 200, LOOK_MS = 500 };

void file_watch_init(struct file_watch *watch, const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];

	*watch = (struct file_watch){ .path = path, .fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK) };
	watch->name = slash != NULL ? slash + 1 : path;
	snprintf(folder, sizeof(folder), "%.*s", slash != NULL ? (int)(slash - path + 1) : 1,
		 slash != NULL ? path : ".");
	if (watch->fd >= 0)
		inotify_add_watch(watch->fd, folder,
				  IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM |
					  IN_CREATE | IN_DELETE);
}

void file_watch_fini(struct file_watch *watch)
{
	if (watch->fd >= 0)
		close(watch->fd);
	watch->fd = -1;
}

struct file_signature file_signature_of(const char *path)
{
	struct stat info;

	if (stat(path, &info) < 0)
		return (struct file_signature){ .exists = false };
	return (struct file_signature){ true, info.st_dev, info.st_ino, info.st_size, info.st_mtim };
}

bool file_signature_equal(const struct file_signature *a, const struct file_signature *b)
{
	return a->exists == b->exists && a->dev == b->dev && a->ino == b->ino &&
	       a->size == b->size && a->mtime.tv_sec == b->mtime.tv_sec &&
	       a->mtime.tv_nsec == b->mtime.tv_nsec;
}

/* Takes what inotify has; whether our file was renamed into place. */
static bool drain(const struct file_watch *watch)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool renamed = false;
	ssize_t n;

	while (watch->fd >= 0 && (n = read(watch->fd, events, sizeof(events))) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *event = (const void *)(events + at);

			if ((event->mask & IN_MOVED_TO) && event->len > 0 &&
			    strcmp(event->name, watch->name) == 0)
				renamed = true;
			at += (ssize_t)(sizeof(*event) + event->len);
		}
	return renamed;
}

enum file_watch_result file_watch_wait(struct file_watch *watch, int stop_fd)
{
	struct pollfd fds[2] = { { .fd = stop_fd, .events = POLLIN },
				 { .fd = watch->fd, .events = POLLIN } };
	struct file_signature seen = watch->last, now;
	uint64_t changed_ms = 0; /* 0: not changed yet */

	for (;;) {
		bool renamed = drain(watch);
		uint64_t now_ms = clock_mono_ms();

		now = file_signature_of(watch->path);
		if (!file_signature_equal(&now, &seen))
			changed_ms = now_ms;
		seen = now;
		if (file_signature_equal(&now, &watch->last))
			changed_ms = 0;
		else if (renamed || now_ms - changed_ms >= REST_MS)
			return FILE_WATCH_CHANGED;
		poll(fds, 2, changed_ms != 0 ? (int)(changed_ms + REST_MS - now_ms) : LOOK_MS);
		if (fds[0].revents != 0)
			return FILE_WATCH_STOP;
	}
}
