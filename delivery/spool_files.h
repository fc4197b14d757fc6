/*
 * The system calls by which the spool touches the disk, as a table, so that tests can make them
 * fail, and the loops around them that short writes and interruptions need.
 *
 * Each member behaves as the call of its name: -1 and errno. Any thread.
 */
#ifndef WP_DELIVERY_SPOOL_FILES_H
#define WP_DELIVERY_SPOOL_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct spool_files {
	ssize_t (*pwritev)(int fd, const struct iovec *iov, int count, off_t at);
	ssize_t (*pread)(int fd, void *data, size_t len, off_t at);
	int (*allocate)(int fd, off_t len); /* posix_fallocate from 0, but sets errno */
	int (*fdatasync)(int fd);
	int (*fsync)(int fd);
	int (*ftruncate)(int fd, off_t len);
	int (*start_writeback)(int fd, off_t at, off_t len); /* sync_file_range */
};

extern const struct spool_files spool_files_system;

/* Writes all of IOV (which it changes) at AT. */
int spool_write_all(const struct spool_files *files, int fd, struct iovec *iov, size_t count,
		    off_t at);
/* Reads exactly LEN octets; at the end of the file errno is ENODATA. */
int spool_read_all(const struct spool_files *files, int fd, void *data, size_t len, off_t at);
/*
 * As spool_read_all, but a bad sector costs no more than itself: what cannot be read is zero.
 * -1: some could not.
 */
int spool_read_best(const struct spool_files *files, int fd, void *data, size_t len, off_t at);
/* errno says that there is no room: ENOSPC, EDQUOT, EFBIG. */
bool spool_errno_is_full(int code);

#endif
