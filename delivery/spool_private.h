/*
 * What the parts of the spool share. Each part says in its own header who may touch it.
 */
#ifndef WP_DELIVERY_SPOOL_PRIVATE_H
#define WP_DELIVERY_SPOOL_PRIVATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "delivery/body_files.h"
#include "delivery/job_pool.h"
#include "delivery/spool.h"
#include "delivery/spool_log.h"
#include "delivery/spool_reserve.h"

/* Written by one thread each (damaged: by several), read by all. */
struct spool_counters {
	_Atomic uint64_t messages, records, commits, syncs, bytes, moved_bytes, refused;
	_Atomic uint64_t live_messages, live_bytes, log_bytes, damaged;
	_Atomic uint64_t groups[SPOOL_GROUP_CLASSES];
};

/* Which of a body folder's names are durable: body_store.c. */
struct body_dir_state {
	pthread_mutex_t lock;
	uint64_t created;
	uint64_t synced; /* names up to this one are durable */
};

struct spool {
	struct spool_options options; /* defaults filled in */
	struct spool_events events;
	const struct spool_files *files;
	int dir;
	int lock;
	int body_dir;
	struct spool_log log;
	struct spool_reserve reserve;
	struct job_pool *pool;
	struct spool_writer *writer;
	struct mailbox reads;
	struct body_dir_state body_dirs[BODY_DIRS];
	_Atomic uint64_t next_id;
	pthread_mutex_t fail_lock; /* the first failure is told of before anything is refused */
	atomic_bool is_read_only;
	struct spool_counters counters;
};

/* What is handed to the writer beside messages: mail.kind tells which. */
enum chore_kind { CHORE_BATCH, CHORE_MOVES };

/* Records, finished but for the stamp, after room for a GROUP record. */
struct spool_batch {
	struct mail mail;
	struct buf records;
	uint32_t count;
	size_t staged; /* the writer's: so far in the log or on the way */
};

/* Any thread: the spool takes nothing more (invariants 8 and 14). CAUSE is reported once. */
void spool_fail(struct spool *spool, const struct err *cause);
/* Any thread: what was found bad while running. */
void spool_tell_damage(struct spool *spool, const struct spool_damage *damage);
/* Any thread: one mail through a door. */
void spool_post(const struct spool_door *door, struct mail *mail);

static inline void spool_count(_Atomic uint64_t *counter, uint64_t more)
{
	atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

static inline void spool_gauge(_Atomic uint64_t *gauge, uint64_t value)
{
	atomic_store_explicit(gauge, value, memory_order_relaxed);
}

#endif
