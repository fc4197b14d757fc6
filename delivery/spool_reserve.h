/*
 * Segments prepared ahead: created, allocated, headed and synced by the body pool, so that the
 * writer never waits for a file system's growth inside a commit (invariant 11), and never too
 * few to write down states when the disk is full (invariant 9): new messages may not take the
 * last reserve_segments of them.
 */
#ifndef WP_DELIVERY_SPOOL_RESERVE_H
#define WP_DELIVERY_SPOOL_RESERVE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "delivery/job_pool.h"
#include "delivery/spool.h"

struct segment;

enum { RESERVE_MAX = 16 };

struct spool_reserve {
	struct spool *spool;
	pthread_mutex_t lock;
	pthread_cond_t has_changed;
	struct segment *ready[RESERVE_MAX];
	uint32_t count;
	uint32_t keep; /* for states and moves */
	uint32_t next_number;
	uint32_t oldest; /* what the HEAD of a new segment says, */
	uint32_t commit; /* and its stamp: may be a few commits old */
	bool is_making;
	bool is_closing;
	int error; /* errno of the last attempt, 0: it went well */
	uint64_t retry_at_ms; /* monotonic */
	struct job job;
};

void spool_reserve_init(struct spool_reserve *reserve, struct spool *spool, uint32_t keep,
			uint32_t next_number, uint32_t commit);
/* After the pool has ended: removes what was prepared. */
void spool_reserve_fini(struct spool_reserve *reserve);
/* Starts preparing if too few are ready. */
void spool_reserve_fill(struct spool_reserve *reserve);
/* No more preparing, so that the pool comes to an end. */
void spool_reserve_stop(struct spool_reserve *reserve);
/*
 * The next segment. Waits while one is in the making; SPOOL_NO_SPACE if the disk is full and
 * those left are not for messages; SPOOL_READ_ONLY after any other failure. COMMIT is for the
 * HEAD of those made from now on.
 */
enum spool_error spool_reserve_take(struct spool_reserve *reserve, bool for_message,
				    uint32_t commit, struct segment **segment_r);
/* Segments were removed: OLDEST is what later HEADs say, and there is room again. */
void spool_reserve_freed(struct spool_reserve *reserve, uint32_t oldest);
uint32_t spool_reserve_count(struct spool_reserve *reserve);
bool spool_reserve_is_full(struct spool_reserve *reserve);

#endif
