/*
 * Segments prepared ahead: created, allocated, headed and synced by the body pool, so that the
 * writer never waits for a file system's growth inside a commit (invariant 11), and never too
 * few to write down states when the disk is full (invariant 9): new messages may not take the
 * last reserve_segments of them.
 *
 * Below that lies a last resort, the file "reserve": room for the states of about one segment's
 * messages, enough to be rid of that segment and so to get room again. The disk may be full when
 * the spool is opened, or be too small for the segments above; then the file becomes a segment.
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

/* What a segment is wanted for: the later, the more of the reserve it may take. */
enum reserve_use {
	RESERVE_FOR_MAIL,   /* leaves what is kept */
	RESERVE_FOR_REFUGE, /* mail, when there is no whole segment to write to: as at the start */
	RESERVE_FOR_MOVES,
	RESERVE_FOR_STATES, /* the last resort as well */
};

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
	uint32_t file_bytes; /* the last resort's; 0: there is none; whoever is making, or the lock */
	uint64_t retry_at_ms; /* monotonic */
	struct job job;
};

/* Makes the last resort, if there is room. ERROR: errno, if there was none for a segment. */
void spool_reserve_init(struct spool_reserve *reserve, struct spool *spool, uint32_t keep,
			uint32_t next_number, uint32_t commit, int error);
/* After the pool has ended: removes what was prepared. */
void spool_reserve_fini(struct spool_reserve *reserve);
/* Starts preparing if too few are ready. */
void spool_reserve_fill(struct spool_reserve *reserve);
/* No more preparing, so that the pool comes to an end. */
void spool_reserve_stop(struct spool_reserve *reserve);
/*
 * The next segment. Waits while one is in the making; SPOOL_NO_SPACE if the disk is full and
 * those left are not for this USE; SPOOL_READ_ONLY after any other failure. COMMIT is for the
 * HEAD of those made from now on. The last resort is made a segment by the caller's thread: two
 * syncs, once, when nothing else goes on.
 */
enum spool_error spool_reserve_take(struct spool_reserve *reserve, enum reserve_use use,
				    uint32_t commit, struct segment **segment_r);
/* Segments were removed: OLDEST is what later HEADs say, and there is room again. */
void spool_reserve_freed(struct spool_reserve *reserve, uint32_t oldest);
uint32_t spool_reserve_count(struct spool_reserve *reserve);
bool spool_reserve_is_full(struct spool_reserve *reserve);

#endif
