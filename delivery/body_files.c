/* Body files by name. */
#include "delivery/body_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void dir_name(unsigned number, char name[static BODY_NAME_MAX])
{
	snprintf(name, BODY_NAME_MAX, "%02x", number & 0xff);
}

void body_name(uint64_t id, char name[static BODY_NAME_MAX])
{
	snprintf(name, BODY_NAME_MAX, "%02x/%016" PRIx64, (unsigned)(id & 0xff), id);
}

/* The last folder is made last: if it is there, all are. */
static int make_dirs(const struct spool_files *files, int body_dir)
{
	char name[BODY_NAME_MAX];

	dir_name(BODY_DIRS - 1, name);
	if (faccessat(body_dir, name, F_OK, 0) == 0)
		return 0;
	for (unsigned i = 0; i < BODY_DIRS; i++) {
		dir_name(i, name);
		if (mkdirat(body_dir, name, 0700) < 0 && errno != EEXIST)
			return -1;
		if (i == BODY_DIRS - 2 && files->fsync(body_dir) < 0)
			return -1;
	}
	return files->fsync(body_dir);
}

int body_files_open(const struct spool_files *files, int spool_dir, int *body_dir_r, struct err *e)
{
	int fd;

	if (mkdirat(spool_dir, "body", 0700) < 0 && errno != EEXIST)
		return err_errno(e, "cannot make the spool's folder body");
	fd = openat(spool_dir, "body", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_errno(e, "cannot open the spool's folder body");
	if (make_dirs(files, fd) < 0 || files->fsync(spool_dir) < 0) {
		err_errno(e, "cannot prepare the spool's folder body");
		close(fd);
		return -1;
	}
	*body_dir_r = fd;
	return 0;
}

int body_file_open(int body_dir, uint64_t id, int flags)
{
	char name[BODY_NAME_MAX];

	body_name(id, name);
	return openat(body_dir, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

void body_file_unlink(int body_dir, uint64_t id)
{
	char name[BODY_NAME_MAX];

	body_name(id, name);
	unlinkat(body_dir, name, 0);
}

int body_dir_sync(const struct spool_files *files, int body_dir, uint64_t id)
{
	char name[BODY_NAME_MAX];
	int fd, result;

	dir_name((unsigned)id, name);
	fd = openat(body_dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -1;
	result = files->fsync(fd);
	close(fd);
	return result;
}

static bool is_wanted(const char *name, const struct spool_index *index)
{
	const struct spool_entry *entry;
	uint64_t id;

	if (strlen(name) != 16 || sscanf(name, "%16" SCNx64, &id) != 1)
		return false;
	entry = spool_index_find(index, id);
	return entry != NULL && entry->is_ref;
}

void body_files_sweep(int body_dir, const struct spool_index *index)
{
	for (unsigned i = 0; i < BODY_DIRS; i++) {
		char name[BODY_NAME_MAX];
		struct dirent *entry;
		DIR *dir;
		int fd;

		dir_name(i, name);
		fd = openat(body_dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		dir = fd >= 0 ? fdopendir(fd) : NULL;
		if (dir == NULL)
			continue;
		while ((entry = readdir(dir)) != NULL)
			if (entry->d_name[0] != '.' && !is_wanted(entry->d_name, index))
				unlinkat(fd, entry->d_name, 0);
		closedir(dir);
	}
}
