/* Files that survive a crash. */
#include "common/fsutil.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int path_join(char path[static PATH_MAX], const char *dir, const char *name,
		     const char *suffix, struct err *err)
{
	if (snprintf(path, PATH_MAX, "%s/%s%s", dir, name, suffix) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return err_errno(err, "%s/%s", dir, name);
	}
	return 0;
}

int fs_mkdirs(const char *path, mode_t mode, struct err *err)
{
	char *copy = mem_strdup(path);
	int rc = 0;

	for (char *at = copy + 1; rc == 0 && *at != '\0'; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		rc = mkdir(copy, mode) < 0 && errno != EEXIST ? -1 : 0;
		*at = '/';
	}
	if (rc == 0)
		rc = mkdir(copy, mode) < 0 && errno != EEXIST ? -1 : 0;
	if (rc < 0)
		err_errno(err, "cannot make the folder %s", path);
	free(copy);
	return rc;
}

int fs_sync_dir(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	if (fd < 0)
		return err_errno(err, "cannot open the folder %s", path);
	rc = fsync(fd);
	if (rc < 0)
		err_errno(err, "cannot sync the folder %s", path);
	close(fd);
	return rc;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_synced(const char *path, const void *data, size_t len, mode_t mode,
			struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	int rc;

	if (fd < 0)
		return err_errno(err, "cannot write %s", path);
	rc = write_all(fd, data, len) < 0 || fchmod(fd, mode) < 0 || fsync(fd) < 0 ? -1 : 0;
	if (rc < 0)
		err_errno(err, "cannot write %s", path);
	close(fd);
	return rc;
}

/* Gives the finished temporary file its name. */
static int put_in_place(const char *temporary, const char *path, const char *dir,
			struct err *err)
{
	if (rename(temporary, path) < 0) {
		err_errno(err, "cannot rename %s", temporary);
		unlink(temporary);
		return -1;
	}
	return fs_sync_dir(dir, err);
}

int fs_replace(const char *dir, const char *name, const void *data, size_t len, mode_t mode,
	       struct err *err)
{
	char path[PATH_MAX], temporary[PATH_MAX];

	if (path_join(path, dir, name, "", err) < 0 ||
	    path_join(temporary, dir, name, ".tmp", err) < 0)
		return -1;
	if (write_synced(temporary, data, len, mode, err) < 0) {
		unlink(temporary);
		return -1;
	}
	return put_in_place(temporary, path, dir, err);
}

int fs_relink(const char *dir, const char *name, const char *target, struct err *err)
{
	char path[PATH_MAX], temporary[PATH_MAX];

	if (path_join(path, dir, name, "", err) < 0 ||
	    path_join(temporary, dir, name, ".tmp", err) < 0)
		return -1;
	unlink(temporary);
	if (symlink(target, temporary) < 0)
		return err_errno(err, "cannot make the link %s", temporary);
	return put_in_place(temporary, path, dir, err);
}

int fs_read(const char *path, size_t max, struct buf *out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
	size_t begin = out->len;

	if (fd < 0)
		return err_errno(err, "cannot read %s", path);
	for (;;) {
		ssize_t n;

		buf_reserve(out, 65536);
		n = read(fd, out->data + out->len, 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			rc = n < 0 ? err_errno(err, "cannot read %s", path) : 0;
			break;
		}
		out->len += (size_t)n;
		if (out->len - begin > max) {
			rc = err_set(err, ERR_SYSTEM, EFBIG, "%s holds more than %zu octets", path,
				     max);
			break;
		}
	}
	out->data[out->len] = '\0';
	close(fd);
	return rc;
}

void fs_remove_flat(const char *dir)
{
	DIR *list = opendir(dir);
	struct dirent *item;

	if (list == NULL)
		return;
	while ((item = readdir(list)) != NULL)
		if (strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0)
			unlinkat(dirfd(list), item->d_name, 0);
	closedir(list);
	rmdir(dir);
}
