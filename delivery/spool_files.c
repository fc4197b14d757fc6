/* The system calls by which the spool touches the disk. */
#define _GNU_SOURCE
#include "delivery/spool_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

enum { SECTOR = 4096 };

static int allocate(int fd, off_t len)
{
	int code;

	do {
		code = posix_fallocate(fd, 0, len);
	} while (code == EINTR);
	errno = code;
	return code == 0 ? 0 : -1;
}

static int start_writeback(int fd, off_t at, off_t len)
{
	return sync_file_range(fd, at, len, SYNC_FILE_RANGE_WRITE);
}

const struct spool_files spool_files_system = {
	.pwritev = pwritev,
	.pread = pread,
	.allocate = allocate,
	.fdatasync = fdatasync,
	.fsync = fsync,
	.ftruncate = ftruncate,
	.start_writeback = start_writeback,
};

/* Drops WRITTEN octets from the front of IOV. */
static void advance(struct iovec **iov, size_t *count, size_t written)
{
	while (*count > 0 && written >= (*iov)->iov_len) {
		written -= (*iov)->iov_len;
		(*iov)++;
		(*count)--;
	}
	if (*count > 0) {
		(*iov)->iov_base = (char *)(*iov)->iov_base + written;
		(*iov)->iov_len -= written;
	}
}

int spool_write_all(const struct spool_files *files, int fd, struct iovec *iov, size_t count,
		    off_t at)
{
	advance(&iov, &count, 0);
	while (count > 0) {
		int some = count < IOV_MAX ? (int)count : IOV_MAX;
		ssize_t written = files->pwritev(fd, iov, some, at);

		if (written < 0 && errno == EINTR)
			continue;
		if (written == 0)
			errno = EIO;
		if (written <= 0)
			return -1;
		at += written;
		advance(&iov, &count, (size_t)written);
	}
	return 0;
}

int spool_read_all(const struct spool_files *files, int fd, void *data, size_t len, off_t at)
{
	char *to = data;

	while (len > 0) {
		ssize_t got = files->pread(fd, to, len, at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0)
			errno = ENODATA;
		if (got <= 0)
			return -1;
		to += got;
		at += got;
		len -= (size_t)got;
	}
	return 0;
}

int spool_read_best(const struct spool_files *files, int fd, void *data, size_t len, off_t at)
{
	char *to = data;
	int result = 0;

	if (spool_read_all(files, fd, data, len, at) == 0)
		return 0;
	while (len > 0) {
		size_t some = SECTOR - (size_t)at % SECTOR;

		some = some < len ? some : len;
		if (spool_read_all(files, fd, to, some, at) < 0) {
			memset(to, 0, some);
			result = -1;
		}
		to += some;
		at += (off_t)some;
		len -= some;
	}
	return result;
}

bool spool_errno_is_full(int code)
{
	return code == ENOSPC || code == EDQUOT || code == EFBIG;
}
