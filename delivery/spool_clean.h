/*
 * The cleaner: gives the log's oldest segment back by moving what still lives there to its end.
 *
 * A pool thread reads up to 1 MiB of live records and hands them to the writer as MOVEs; the
 * writer drops those that are no longer live, adds the current states, and unlinks a segment
 * once nothing live is in it and a HEAD beyond it is durable (invariant 6). Strictly oldest
 * first, so that no state or DONE can outlive its message.
 */
#ifndef WP_DELIVERY_SPOOL_CLEAN_H
#define WP_DELIVERY_SPOOL_CLEAN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/mailbox.h"
#include "delivery/job_pool.h"

struct spool;
struct segment;

enum { CLEAN_STEP_BYTES = 1024 * 1024 };

/* The writer's, but while it runs the job's. */
struct spool_cleaner {
	struct job job;
	struct spool *spool;
	struct segment *segment; /* the one at work, referred to; null: none */
	struct buf gists;
	size_t at; /* in the gists */
	bool is_running;
};

struct spool_move {
	uint64_t id;
	uint32_t from; /* the offset in the old segment */
	size_t at;     /* of the record in the buffer */
};

/* A chore for the writer (CHORE_MOVES), who frees it with spool_moves_free(). */
struct spool_moves {
	struct mail mail;
	uint32_t segment;
	struct buf records;
	struct spool_move *move;
	uint32_t count;
	uint32_t staged; /* the writer's */
};

void spool_cleaner_init(struct spool_cleaner *cleaner, struct spool *spool);
/* After the pool has ended. */
void spool_cleaner_fini(struct spool_cleaner *cleaner);
/* Writer: starts the next step if it is due and none runs. */
void spool_clean_step(struct spool_cleaner *cleaner, bool is_full);
void spool_moves_free(struct spool_moves *moves);

#endif
