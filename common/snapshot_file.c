/* Image files of routing snapshots. */
#include "common/snapshot_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fsutil.h"

struct snapshot_file {
	atomic_uint refs;
	struct snapshot view;
	void *image;
	size_t len;
};

enum {
	ROOM_SPARE = 4096,           /* octets, and an eighth: by so much an image may grow */
	ROOM_MAX = 8 * 1024 * 1024, /* what is larger takes longer to fill than it would save */
};

static void folder(char path[static PATH_MAX], const char *state_dir)
{
	snprintf(path, PATH_MAX, "%s/replica/snapshots", state_dir);
}

static void file_name(char name[static 32], uint64_t number)
{
	snprintf(name, 32, "%llu.img", (unsigned long long)number);
}

static int open_image(const char *path, const struct replica_snapshot *what, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat info;

	if (fd < 0) {
		err_errno(err, "snapshot %s", path);
		if (errno == ENOENT && err != NULL)
			err->domain = ERR_NOT_FOUND;
		return -1;
	}
	if (fstat(fd, &info) < 0 || (uint64_t)info.st_size < what->size || what->size == 0) {
		close(fd);
		return err_set(err, ERR_STORE, 0, "snapshot %s has not the size it should", path);
	}
	return fd;
}

static int verify(struct snapshot_file *file, const char *path,
		  const struct replica_snapshot *what, struct err *err)
{
	if (snapshot_open(&file->view, file->image, file->len, err) < 0)
		return err_note(err, "%s", path);
	if (snapshot_number(&file->view) != what->number ||
	    snapshot_hash(&file->view) != what->hash)
		return err_set(err, ERR_STORE, 0, "snapshot %s is another one", path);
	return 0;
}

/* All LEN octets from the beginning, in memory of their own. */
static void *read_image(int fd, size_t len, const char *path, struct err *err)
{
	char *image = mem_alloc(len);
	ssize_t n;

	for (size_t at = 0; at < len; at += (size_t)n) {
		n = pread(fd, image + at, len - at, (off_t)at);
		if (n > 0)
			continue;
		free(image);
		if (n == 0)
			err_set(err, ERR_STORE, 0, "snapshot %s ends too early", path);
		else
			err_errno(err, "snapshot %s", path);
		return NULL;
	}
	return image;
}

int snapshot_file_open(const char *state_dir, const struct replica_snapshot *what,
		       struct snapshot_file **file_r, struct err *err)
{
	struct snapshot_file *file;
	char dir[PATH_MAX], path[PATH_MAX + 32];
	void *image;
	int fd;

	folder(dir, state_dir);
	snprintf(path, sizeof(path), "%s/%llu.img", dir, (unsigned long long)what->number);
	fd = open_image(path, what, err);
	if (fd < 0)
		return -1;
	image = read_image(fd, what->size, path, err);
	close(fd);
	if (image == NULL)
		return -1;
	file = mem_zero(1, sizeof(*file));
	file->image = image;
	file->len = what->size;
	atomic_init(&file->refs, 1);
	if (verify(file, path, what, err) < 0) {
		snapshot_file_unref(&file);
		return -1;
	}
	*file_r = file;
	return 0;
}

bool snapshot_file_is_there(const char *state_dir, const struct replica_snapshot *what)
{
	char dir[PATH_MAX], path[PATH_MAX + 32], name[32];
	struct stat info;

	folder(dir, state_dir);
	file_name(name, what->number);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return stat(path, &info) == 0 && (uint64_t)info.st_size >= what->size;
}

struct snapshot_file *snapshot_file_ref(struct snapshot_file *file)
{
	atomic_fetch_add_explicit(&file->refs, 1, memory_order_relaxed);
	return file;
}

void snapshot_file_unref(struct snapshot_file **file)
{
	if (*file != NULL && atomic_fetch_sub_explicit(&(*file)->refs, 1,
						       memory_order_acq_rel) == 1) {
		free((*file)->image);
		free(*file);
	}
	*file = NULL;
}

const struct snapshot *snapshot_file_view(const struct snapshot_file *file)
{
	return &file->view;
}

void snapshot_file_make_room(const char *state_dir, uint64_t number, size_t len,
			     struct snapshot_room *room_r)
{
	size_t size = len + len / 8 + ROOM_SPARE;
	char dir[PATH_MAX], name[32];
	void *zeros;

	*room_r = (struct snapshot_room){ 0 };
	if (size > ROOM_MAX)
		return;
	folder(dir, state_dir);
	file_name(name, number);
	zeros = mem_zero(1, size);
	if (fs_replace(dir, name, zeros, size, 0640, NULL) == 0)
		*room_r = (struct snapshot_room){ number, size };
	free(zeros);
}

/* Whatever fails here, a new file may do. */
static bool fill_room(const char *dir, const char *name, const void *image, size_t len)
{
	char path[PATH_MAX + 32];
	bool is_written;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	is_written = pwrite(fd, image, len, 0) == (ssize_t)len && fdatasync(fd) == 0;
	close(fd);
	return is_written;
}

int snapshot_file_write(const char *state_dir, const void *image, size_t len,
			struct snapshot_room *room, struct replica_snapshot *what_r,
			struct err *err)
{
	struct snapshot view;
	char dir[PATH_MAX], name[32];
	bool fits;

	if (snapshot_open(&view, image, len, err) < 0)
		return -1;
	*what_r = (struct replica_snapshot){ snapshot_number(&view), len, snapshot_hash(&view) };
	folder(dir, state_dir);
	file_name(name, what_r->number);
	fits = room->number == what_r->number && room->size >= len;
	*room = (struct snapshot_room){ 0 };
	if (fits && fill_room(dir, name, image, len))
		return 0;
	if (fs_mkdirs(dir, 0750, err) < 0)
		return -1;
	return fs_replace(dir, name, image, len, 0640, err);
}

/* The number of a file NAME called "<number>SUFFIX". */
static bool is_numbered(const char *name, const char *suffix, uint64_t *number_r)
{
	const char *dot = strchr(name, '.');

	return dot != NULL && strcmp(dot, suffix) == 0 &&
	       parse_u64(name, (size_t)(dot - name), UINT64_MAX, number_r);
}

uint64_t snapshot_file_highest(const char *state_dir)
{
	uint64_t number, highest = 0;
	char path[PATH_MAX];
	struct dirent *item;
	DIR *dir;

	folder(path, state_dir);
	dir = opendir(path);
	while (dir != NULL && (item = readdir(dir)) != NULL)
		if (is_numbered(item->d_name, ".img", &number) && number > highest)
			highest = number;
	if (dir != NULL)
		closedir(dir);
	return highest;
}

static bool is_among(uint64_t number, const uint64_t *numbers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (numbers[i] == number)
			return true;
	return false;
}

void snapshot_file_prune(const char *state_dir, uint64_t keep_from, const uint64_t *numbers,
			 size_t n)
{
	uint64_t number;
	char path[PATH_MAX];
	struct dirent *item;
	DIR *dir;

	folder(path, state_dir);
	dir = opendir(path);
	while (dir != NULL && (item = readdir(dir)) != NULL)
		if ((is_numbered(item->d_name, ".img", &number) && number < keep_from &&
		     !is_among(number, numbers, n)) ||
		    is_numbered(item->d_name, ".img.tmp", &number))
			unlinkat(dirfd(dir), item->d_name, 0);
	if (dir != NULL)
		closedir(dir);
}
