/* Segments prepared ahead. */
#include "delivery/spool_reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "delivery/spool_private.h"

enum {
	RETRY_MS = 1000,
	/* The final states of a segment's worth of even the smallest messages fit. */
	FILE_PART = 4,
	FILE_BYTES_MIN = 16 * 1024, /* any record of states fits */
};

static const char reserve_file[] = "reserve";

static void prepare(struct job *job);

/* --- the last resort --- */

static uint32_t file_bytes_wanted(const struct spool_reserve *reserve)
{
	return reserve->spool->log.segment_bytes / FILE_PART;
}

/* Its size, as large as there is room for; 0 if there is none. */
static uint32_t allocate_file(const struct spool_reserve *reserve, int fd)
{
	const struct spool_files *files = reserve->spool->files;
	struct stat st;

	for (uint32_t bytes = file_bytes_wanted(reserve); bytes >= FILE_BYTES_MIN; bytes /= 2) {
		if (fstat(fd, &st) == 0 && st.st_size >= bytes && st.st_size <= UINT32_MAX)
			return (uint32_t)st.st_size;
		if (files->allocate(fd, bytes) == 0)
			return files->fsync(fd) == 0 && files->fsync(reserve->spool->dir) == 0 ? bytes
											       : 0;
		if (!spool_errno_is_full(errno))
			break;
	}
	return 0;
}

/*
 * Makes the file, or one that is smaller than it should be larger. Without it the spool is no
 * worse than a full disk: nothing fails.
 */
static void make_file(struct spool_reserve *reserve)
{
	int dir = reserve->spool->dir, fd;

	if (reserve->file_bytes >= file_bytes_wanted(reserve))
		return;
	fd = openat(dir, reserve_file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	reserve->file_bytes = allocate_file(reserve, fd);
	close(fd);
	if (reserve->file_bytes == 0)
		unlinkat(dir, reserve_file, 0);
}

/* With the lock, while nothing is in the making: the file becomes the next segment. */
static enum spool_error use_file(struct spool_reserve *reserve, struct segment **segment_r)
{
	struct spool *spool = reserve->spool;
	struct err e = { 0 };

	if (reserve->file_bytes == 0)
		return SPOOL_NO_SPACE;
	reserve->file_bytes = 0;
	if (segment_adopt(&spool->log, reserve_file, reserve->next_number, reserve->oldest,
			  atomic_load(&spool->next_id), reserve->commit, segment_r, &e) == 0) {
		reserve->next_number++;
		return SPOOL_OK;
	}
	if (spool_errno_is_full(e.code))
		return SPOOL_NO_SPACE;
	spool_fail(spool, &e);
	return SPOOL_READ_ONLY;
}

/* --- segments --- */

void spool_reserve_init(struct spool_reserve *reserve, struct spool *spool, uint32_t keep,
			uint32_t next_number, uint32_t commit, int error)
{
	memset(reserve, 0, sizeof(*reserve));
	reserve->spool = spool;
	reserve->keep = keep;
	reserve->next_number = next_number;
	reserve->commit = commit;
	reserve->error = error;
	reserve->job.run = prepare;
	pthread_mutex_init(&reserve->lock, NULL);
	pthread_cond_init(&reserve->has_changed, NULL);
	make_file(reserve);
}

void spool_reserve_fini(struct spool_reserve *reserve)
{
	struct spool_log *log = &reserve->spool->log;

	while (reserve->count > 0) {
		struct segment *segment = reserve->ready[--reserve->count];

		segment_unlink(log, segment->number);
		segment_unref(log, segment);
	}
	pthread_cond_destroy(&reserve->has_changed);
	pthread_mutex_destroy(&reserve->lock);
}

/* With the lock. */
static void start_making(struct spool_reserve *reserve)
{
	if (reserve->is_making || reserve->is_closing || reserve->count > reserve->keep)
		return;
	reserve->is_making = true;
	job_pool_add(reserve->spool->pool, &reserve->job, true);
}

/* With the lock: keeps the outcome of an attempt. */
static void note_result(struct spool_reserve *reserve, struct segment *segment, int error)
{
	reserve->is_making = false;
	reserve->error = error;
	if (segment != NULL) {
		reserve->ready[reserve->count++] = segment;
		reserve->next_number++;
		start_making(reserve);
	} else {
		reserve->retry_at_ms = clock_mono_ms() + RETRY_MS;
	}
	pthread_cond_broadcast(&reserve->has_changed);
}

/*
 * Pool: makes one segment and asks to be run again if more are wanted. Segments come before the
 * last resort, for which what is left of a small disk is enough.
 */
static void prepare(struct job *job)
{
	struct spool_reserve *reserve = WP_CONTAINER(job, struct spool_reserve, job);
	struct spool *spool = reserve->spool;
	struct segment *segment = NULL;
	uint32_t number, oldest, commit;
	struct err e = { 0 };

	pthread_mutex_lock(&reserve->lock);
	number = reserve->next_number;
	oldest = reserve->oldest;
	commit = reserve->commit;
	pthread_mutex_unlock(&reserve->lock);
	if (segment_create(&spool->log, number, oldest, atomic_load(&spool->next_id), commit,
			   &segment, &e) < 0 &&
	    !spool_errno_is_full(e.code))
		spool_fail(spool, &e);
	spool_count(&spool->counters.syncs, 2);
	make_file(reserve);
	pthread_mutex_lock(&reserve->lock);
	note_result(reserve, segment, segment == NULL ? e.code : 0);
	pthread_mutex_unlock(&reserve->lock);
}

void spool_reserve_fill(struct spool_reserve *reserve)
{
	pthread_mutex_lock(&reserve->lock);
	start_making(reserve);
	pthread_mutex_unlock(&reserve->lock);
}

void spool_reserve_stop(struct spool_reserve *reserve)
{
	pthread_mutex_lock(&reserve->lock);
	reserve->is_closing = true;
	pthread_mutex_unlock(&reserve->lock);
}

static uint32_t least_for(const struct spool_reserve *reserve, enum reserve_use use)
{
	return use == RESERVE_FOR_MAIL ? reserve->keep + 1 : 1;
}

/* With the lock: waits for LEAST segments as long as there is hope. */
static enum spool_error wait_for(struct spool_reserve *reserve, uint32_t least)
{
	while (reserve->count < least) {
		if (!reserve->is_making && reserve->error == 0)
			start_making(reserve);
		else if (!reserve->is_making && clock_mono_ms() >= reserve->retry_at_ms)
			start_making(reserve);
		if (!reserve->is_making)
			return spool_errno_is_full(reserve->error) ? SPOOL_NO_SPACE
								   : SPOOL_READ_ONLY;
		pthread_cond_wait(&reserve->has_changed, &reserve->lock);
	}
	return SPOOL_OK;
}

enum spool_error spool_reserve_take(struct spool_reserve *reserve, enum reserve_use use,
				    uint32_t commit, struct segment **segment_r)
{
	enum spool_error error;

	pthread_mutex_lock(&reserve->lock);
	reserve->commit = commit;
	error = wait_for(reserve, least_for(reserve, use));
	if (error == SPOOL_OK) {
		*segment_r = reserve->ready[0];
		reserve->count--;
		memmove(reserve->ready, reserve->ready + 1,
			reserve->count * sizeof(*reserve->ready));
		if (reserve->error == 0)
			start_making(reserve);
	} else if (error == SPOOL_NO_SPACE && use == RESERVE_FOR_STATES) {
		error = use_file(reserve, segment_r);
	}
	pthread_mutex_unlock(&reserve->lock);
	return error;
}

void spool_reserve_freed(struct spool_reserve *reserve, uint32_t oldest)
{
	pthread_mutex_lock(&reserve->lock);
	if (oldest > reserve->oldest)
		reserve->oldest = oldest;
	reserve->retry_at_ms = 0;
	start_making(reserve);
	pthread_mutex_unlock(&reserve->lock);
}

uint32_t spool_reserve_count(struct spool_reserve *reserve)
{
	uint32_t count;

	pthread_mutex_lock(&reserve->lock);
	count = reserve->count;
	pthread_mutex_unlock(&reserve->lock);
	return count;
}

bool spool_reserve_is_full(struct spool_reserve *reserve)
{
	bool is_full;

	pthread_mutex_lock(&reserve->lock);
	is_full = reserve->count <= reserve->keep && spool_errno_is_full(reserve->error);
	pthread_mutex_unlock(&reserve->lock);
	return is_full;
}
