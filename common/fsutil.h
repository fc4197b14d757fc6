/*
 * Files that survive a crash: whole or not there. Blocking; for threads that may block.
 */
#ifndef WP_COMMON_FSUTIL_H
#define WP_COMMON_FSUTIL_H

#include <stddef.h>
#include <sys/types.h>

#include "common/buf.h"
#include "common/err.h"

/* Makes PATH and what is missing above it with MODE; an existing directory is fine. */
int fs_mkdirs(const char *path, mode_t mode, struct err *err) WP_MUST_CHECK;
int fs_sync_dir(const char *path, struct err *err) WP_MUST_CHECK;
/* Replaces DIR/NAME with DATA: temporary name, fsync, rename, fsync of DIR. */
int fs_replace(const char *dir, const char *name, const void *data, size_t len, mode_t mode,
	       struct err *err) WP_MUST_CHECK;
/* Makes the symbolic link DIR/NAME point to TARGET, atomically and durably. */
int fs_relink(const char *dir, const char *name, const char *target, struct err *err)
	WP_MUST_CHECK;
/* Appends the whole file to OUT; more than MAX octets are an error. */
int fs_read(const char *path, size_t max, struct buf *out, struct err *err) WP_MUST_CHECK;
/* Removes the files of DIR and DIR itself; no sub-directories. What is missing is fine. */
void fs_remove_flat(const char *dir);

#endif
