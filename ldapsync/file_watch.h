/*
 * Tells when a file has changed and come to rest. One thread.
 *
 * The folder is watched, not the file, so that a rename over it and its first appearance are
 * seen; a look at it twice a second is the net below that (network file systems, links).
 */
#ifndef WP_LDAPSYNC_FILE_WATCH_H
#define WP_LDAPSYNC_FILE_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "common/err.h"

/* What changes when the contents do. */
struct file_signature {
	bool exists;
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime;
};

struct file_watch {
	const char *path; /* the caller's */
	const char *name; /* in PATH */
	int fd;           /* inotify, -1: only looks */
	struct file_signature last;
};

enum file_watch_result { FILE_WATCH_STOP, FILE_WATCH_CHANGED };

/* PATH is absolute and has to outlive the watch. */
void file_watch_init(struct file_watch *watch, const char *path);
void file_watch_fini(struct file_watch *watch);
struct file_signature file_signature_of(const char *path);
bool file_signature_equal(const struct file_signature *a, const struct file_signature *b);
/*
 * Waits until the file differs from LAST and either was renamed into place or is unchanged
 * for 200 ms, or until STOP_FD is readable. The caller sets watch->last to what it has read.
 */
enum file_watch_result file_watch_wait(struct file_watch *watch, int stop_fd);

#endif
