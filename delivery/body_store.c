/*
 * Bodies too large for the log. What is asked of one body file is done in order, by one thread
 * of the pool at a time: a counter of open requests decides who starts the work and when it ends.
 */
#include "delivery/body_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <xxhash.h>

#include "delivery/spool_private.h"

enum body_op { OP_APPEND, OP_FINISH, OP_KEEP, OP_DISCARD };

struct body_file {
	struct job job;
	struct spool *spool;
	uint64_t id;
	const struct spool_door *door;
	struct mailbox ops;
	_Atomic uint32_t open_ops;
	_Atomic uint32_t in_flight; /* chunks */
	struct body_write end;
	/* The pool's: */
	int fd; /* -1: not yet, or closed after a failure */
	uint64_t size;
	uint64_t name_number; /* of the folder's creations: body_dir_state */
	XXH3_state_t *sum;
	enum spool_error error;
};

static struct body_dir_state *dir_of(const struct body_file *file)
{
	return &file->spool->body_dirs[file->id & (BODY_DIRS - 1)];
}

/* --- pool --- */

/* What is wrong with this body stays wrong; a disk that is only full leaves the spool usable. */
static void fail(struct body_file *file, const char *what)
{
	struct err e;

	if (spool_errno_is_full(errno)) {
		file->error = SPOOL_NO_SPACE;
		return;
	}
	file->error = SPOOL_READ_ONLY;
	err_errno(&e, "cannot %s a body file of the spool", what);
	spool_fail(file->spool, &e);
}

static void create(struct body_file *file)
{
	struct body_dir_state *dir = dir_of(file);

	file->fd = body_file_open(file->spool->body_dir, file->id, O_WRONLY | O_CREAT | O_EXCL);
	if (file->fd < 0) {
		fail(file, "create");
		return;
	}
	pthread_mutex_lock(&dir->lock);
	file->name_number = ++dir->created;
	pthread_mutex_unlock(&dir->lock);
}

static void append(struct body_file *file, const struct body_write *write)
{
	const struct spool_files *files = file->spool->files;
	struct iovec iov = { (void *)(uintptr_t)write->data, write->len };

	if (file->fd < 0 && file->error == SPOOL_OK)
		create(file);
	if (file->error != SPOOL_OK)
		return;
	if (spool_write_all(files, file->fd, &iov, 1, (off_t)file->size) < 0) {
		fail(file, "write");
		return;
	}
	(void)files->start_writeback(file->fd, (off_t)file->size, (off_t)write->len);
	XXH3_64bits_update(file->sum, write->data, write->len);
	file->size += write->len;
}

/* One sync of a folder is good for every name made before it began. */
static int sync_name(struct body_file *file)
{
	struct body_dir_state *dir = dir_of(file);
	int result = 0;

	pthread_mutex_lock(&dir->lock);
	if (dir->synced < file->name_number) {
		uint64_t created = dir->created;

		result = body_dir_sync(file->spool->files, file->spool->body_dir, file->id);
		if (result == 0)
			dir->synced = created;
	}
	pthread_mutex_unlock(&dir->lock);
	return result;
}

static void finish(struct body_file *file)
{
	if (file->fd < 0 && file->error == SPOOL_OK)
		create(file);
	if (file->error == SPOOL_OK &&
	    (file->spool->files->fdatasync(file->fd) < 0 || sync_name(file) < 0))
		fail(file, "sync");
}

static void end(struct body_file *file, bool keep)
{
	if (file->fd >= 0) {
		close(file->fd);
		if (!keep)
			body_file_unlink(file->spool->body_dir, file->id);
	}
	XXH3_freeState(file->sum);
	free(file);
}

/* False: FILE is gone. */
static bool run_op(struct body_file *file, struct body_write *write)
{
	switch ((enum body_op)write->op) {
	case OP_APPEND:
		append(file, write);
		break;
	case OP_FINISH:
		finish(file);
		break;
	case OP_KEEP:
	case OP_DISCARD:
		end(file, write->op == OP_KEEP);
		return false;
	}
	write->error = file->error;
	write->size = file->size;
	write->sum = XXH3_64bits_digest(file->sum);
	if (write->op == OP_APPEND)
		atomic_fetch_sub(&file->in_flight, 1);
	spool_post(file->door, &write->mail);
	return true;
}

static void run_ops(struct job *job)
{
	struct body_file *file = WP_CONTAINER(job, struct body_file, job);
	uint32_t done;

	do {
		struct mail *mail = mailbox_take(&file->ops);

		for (done = 0; mail != NULL; done++) {
			struct mail *next = mail->next;

			if (!run_op(file, WP_CONTAINER(mail, struct body_write, mail)))
				return;
			mail = next;
		}
	} while (atomic_fetch_sub(&file->open_ops, done) != done);
}

/* --- the owner --- */

static void add_op(struct body_file *file, struct body_write *write, enum body_op op)
{
	bool is_idle = atomic_fetch_add(&file->open_ops, 1) == 0;

	/* Counted first: once it is in the box and the pool at work, FILE may be gone. */
	write->op = op;
	write->file = file;
	mailbox_push(&file->ops, &write->mail);
	if (is_idle)
		job_pool_add(file->spool->pool, &file->job, false);
}

struct body_file *body_store_begin(struct spool *spool, uint64_t id, const struct spool_door *door)
{
	struct body_file *file = mem_zero(1, sizeof(*file));

	file->job.run = run_ops;
	file->spool = spool;
	file->id = id;
	file->door = door;
	file->fd = -1;
	mailbox_init(&file->ops);
	file->sum = XXH3_createState();
	if (file->sum == NULL)
		mem_fatal(sizeof(*file));
	XXH3_64bits_reset(file->sum);
	return file;
}

bool body_store_append(struct body_file *file, struct body_write *write)
{
	if (atomic_load(&file->in_flight) >= BODY_STORE_IN_FLIGHT)
		return false;
	atomic_fetch_add(&file->in_flight, 1);
	add_op(file, write, OP_APPEND);
	return true;
}

void body_store_finish(struct body_file *file, struct body_write *write)
{
	write->data = NULL;
	write->len = 0;
	add_op(file, write, OP_FINISH);
}

void body_store_end(struct body_file *file, bool keep)
{
	add_op(file, &file->end, keep ? OP_KEEP : OP_DISCARD);
}
