/* The durable spool: opening, closing, and what its parts have in common. */
#include "delivery/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "delivery/spool_private.h"
#include "delivery/spool_recover.h"
#include "delivery/spool_sidecar.h"
#include "delivery/spool_writer.h"

/* A file in the spool's folder: spool_open(). */
static const char accept_damage[] = "accept-damage";

enum {
	SEGMENT_BYTES = 64 * 1024 * 1024,
	SEGMENT_BYTES_MIN = 64 * 1024,
	SEGMENT_BYTES_MAX = SEGMENT_BYTES, /* see SPOOL_RECIPIENTS_MAX */
	CLEAN_ABOVE_BYTES = 256 * 1024 * 1024,
	STATE_DELAY_MS = 50,
	RESERVE_SEGMENTS = 2,
	POOL_THREADS = 2,
	/* Ids that were handed out but never came to be are not used again. */
	ID_GAP = 65536,
};

static const struct {
	const char *name;
	const char *reply;
} errors[] = {
	[SPOOL_OK] = { "ok", "250 2.0.0 OK" },
	[SPOOL_NO_SPACE] = { "no-space", "452 4.3.1 Insufficient system storage" },
	[SPOOL_READ_ONLY] = { "read-only", "451 4.3.0 The message could not be stored" },
	[SPOOL_TOO_LARGE] = { "too-large", "552 5.3.4 The message is too large for this system" },
	[SPOOL_GONE] = { "gone", "451 4.3.0 The message is gone" },
	[SPOOL_DAMAGED] = { "damaged", "451 4.3.0 The message is damaged" },
	[SPOOL_CLOSED] = { "closed", "421 4.3.2 The server is shutting down" },
};

const char *spool_error_reply(enum spool_error error)
{
	return errors[error].reply;
}

const char *spool_error_name(enum spool_error error)
{
	return errors[error].name;
}

/* --- for the parts --- */

void spool_fail(struct spool *spool, const struct err *cause)
{
	pthread_mutex_lock(&spool->fail_lock);
	if (!atomic_load(&spool->is_read_only) && spool->events.on_read_only != NULL)
		spool->events.on_read_only(spool->events.arg, cause);
	atomic_store(&spool->is_read_only, true);
	pthread_mutex_unlock(&spool->fail_lock);
}

void spool_tell_damage(struct spool *spool, const struct spool_damage *damage)
{
	spool_count(&spool->counters.damaged, 1);
	if (spool->events.on_damage != NULL)
		spool->events.on_damage(spool->events.arg, damage);
}

void spool_post(const struct spool_door *door, struct mail *mail)
{
	if (mailbox_push(door->box, mail) && door->wake != NULL)
		door->wake(door->arg);
}

/* --- opening --- */

static void set_options(struct spool *spool, const struct spool_options *options)
{
	struct spool_options *o = &spool->options;

	*o = options != NULL ? *options : (struct spool_options){ 0 };
	if (o->segment_bytes == 0)
		o->segment_bytes = SEGMENT_BYTES;
	if (o->segment_bytes < SEGMENT_BYTES_MIN)
		o->segment_bytes = SEGMENT_BYTES_MIN;
	if (o->segment_bytes > SEGMENT_BYTES_MAX)
		o->segment_bytes = SEGMENT_BYTES_MAX;
	if (o->clean_above_bytes == 0)
		o->clean_above_bytes = CLEAN_ABOVE_BYTES;
	if (o->reserve_segments == 0)
		o->reserve_segments = RESERVE_SEGMENTS;
	if (o->reserve_segments >= RESERVE_MAX)
		o->reserve_segments = RESERVE_MAX - 1;
	if (o->pool_threads == 0)
		o->pool_threads = POOL_THREADS;
	if (o->state_delay_ms == 0)
		o->state_delay_ms = STATE_DELAY_MS;
	spool->files = o->files != NULL ? o->files : &spool_files_system;
}

/* Invariant 10: exactly one process. */
static int lock_dir(struct spool *spool, const char *dir, struct err *e)
{
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_errno(e, "cannot make the spool %s", dir);
	spool->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (spool->dir < 0)
		return err_errno(e, "cannot open the spool %s", dir);
	spool->lock = openat(spool->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (spool->lock < 0)
		return err_errno(e, "cannot open the lock of the spool %s", dir);
	if (flock(spool->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return err_errno(e, "cannot lock the spool %s", dir);
	err_set(e, ERR_STORE, 0, "another process has the spool %s", dir);
	return err_remedy(e, "stop the other waypost-delivery first");
}

static int make_key(struct spool *spool, struct err *e)
{
	while (spool->log.key == 0)
		if (getrandom(&spool->log.key, sizeof(spool->log.key), 0) < 0 && errno != EINTR)
			return err_errno(e, "cannot make a key for the spool");
	return 0;
}

/* A record that fitted once has to fit for ever: it may be moved. */
static void fit_segment_bytes(struct spool *spool)
{
	struct spool_log *log = &spool->log;

	for (uint32_t i = 0; i < log->segments; i++)
		if (log->segment[i] != NULL && log->segment[i]->size > log->segment_bytes)
			log->segment_bytes = log->segment[i]->size;
	spool->options.segment_bytes = log->segment_bytes;
}

/*
 * A full disk has no room for a new segment. What is queued is what would make some, so the spool
 * opens all the same: behind the sealed tail there is no room, and whoever wants to write meets
 * that. Null and E: it was something else, or the spool is new.
 */
static struct segment *without_room(struct spool *spool, uint32_t last, struct err *e)
{
	if (!spool_errno_is_full(e->code))
		return NULL;
	err_remedy(e, "make room on the disk of the spool");
	return spool_log_find(&spool->log, last);
}

static int open_log(struct spool *spool, struct err *e)
{
	struct spool_recovered recovered;
	struct segment *current;
	uint32_t commit;
	int error = 0;

	if (body_files_open(spool->files, spool->dir, &spool->body_dir, e) < 0 ||
	    spool_recover(&spool->log, spool->body_dir, &spool->options, &spool->events, &recovered,
			  e) < 0 ||
	    make_key(spool, e) < 0)
		return -1;
	fit_segment_bytes(spool);
	spool_count(&spool->counters.damaged, recovered.damages);
	atomic_init(&spool->next_id, recovered.last_segment == 0 ? 1 : spool->log.next_id + ID_GAP);
	commit = recovered.last_commit + 1;
	if (segment_create(&spool->log, recovered.last_segment + 1,
			   spool->log.segments > 0 ? spool->log.oldest : recovered.last_segment + 1,
			   atomic_load(&spool->next_id), commit, &current, e) == 0) {
		spool_log_add(&spool->log, current);
	} else {
		error = e->code;
		current = without_room(spool, recovered.last_segment, e);
		if (current == NULL)
			return -1;
	}
	spool_reserve_init(&spool->reserve, spool, spool->options.reserve_segments,
			   current->number + 1, commit, error);
	spool_reserve_freed(&spool->reserve, spool->log.oldest);
	spool_writer_start(spool, current, commit + 1);
	return 0;
}

static void close_files(struct spool *spool)
{
	spool_log_fini(&spool->log);
	for (unsigned i = 0; i < BODY_DIRS; i++)
		pthread_mutex_destroy(&spool->body_dirs[i].lock);
	pthread_mutex_destroy(&spool->fail_lock);
	if (spool->body_dir >= 0)
		close(spool->body_dir);
	if (spool->lock >= 0)
		close(spool->lock);
	if (spool->dir >= 0)
		close(spool->dir);
	free(spool);
}

struct spool *spool_open(const char *dir, const struct spool_options *options,
			 const struct spool_events *events, struct err *e)
{
	struct spool *spool = mem_zero(1, sizeof(*spool));

	spool->dir = spool->lock = spool->body_dir = -1;
	set_options(spool, options);
	if (events != NULL)
		spool->events = *events;
	mailbox_init(&spool->reads);
	pthread_mutex_init(&spool->fail_lock, NULL);
	for (unsigned i = 0; i < BODY_DIRS; i++)
		pthread_mutex_init(&spool->body_dirs[i].lock, NULL);
	spool_log_init(&spool->log, spool->files, -1, spool->options.segment_bytes);
	if (lock_dir(spool, dir, e) < 0) {
		close_files(spool);
		return NULL;
	}
	spool->log.dir = spool->dir;
	if (faccessat(spool->dir, accept_damage, F_OK, 0) == 0)
		spool->options.accept_damage = true;
	spool->pool = job_pool_new(spool->options.pool_threads, "spool-pool");
	if (open_log(spool, e) < 0) {
		job_pool_free(spool->pool);
		close_files(spool);
		return NULL;
	}
	(void)unlinkat(spool->dir, accept_damage, 0);
	return spool;
}

void spool_close(struct spool *spool)
{
	if (spool == NULL)
		return;
	spool_writer_stop(spool->writer);
	spool_reserve_stop(&spool->reserve);
	job_pool_free(spool->pool);
	spool_writer_free(spool->writer);
	spool_reserve_fini(&spool->reserve);
	close_files(spool);
}

uint64_t spool_next_id(struct spool *spool)
{
	return atomic_fetch_add_explicit(&spool->next_id, 1, memory_order_relaxed);
}

static uint64_t get(_Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

void spool_statistics(struct spool *spool, struct spool_stats *stats_r)
{
	struct spool_counters *c = &spool->counters;

	*stats_r = (struct spool_stats){
		.messages = get(&c->messages),
		.records = get(&c->records),
		.commits = get(&c->commits),
		.syncs = get(&c->syncs),
		.bytes = get(&c->bytes),
		.moved_bytes = get(&c->moved_bytes),
		.refused = get(&c->refused),
		.live_messages = get(&c->live_messages),
		.live_bytes = get(&c->live_bytes),
		.log_bytes = get(&c->log_bytes),
		.damaged = get(&c->damaged),
		.prepared_segments = spool_reserve_count(&spool->reserve),
		.is_full = spool_reserve_is_full(&spool->reserve),
		.is_read_only = atomic_load(&spool->is_read_only),
	};
	for (unsigned i = 0; i < SPOOL_GROUP_CLASSES; i++)
		stats_r->groups[i] = get(&c->groups[i]);
}
