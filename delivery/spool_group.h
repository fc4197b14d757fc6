/*
 * What the writer puts together before it writes: records staged for the current segment, and the
 * answers it owes. The writer's alone.
 */
#ifndef WP_DELIVERY_SPOOL_GROUP_H
#define WP_DELIVERY_SPOOL_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "common/mailbox.h"
#include "delivery/spool.h"
#include "delivery/spool_record.h"

/* A staged record, to be applied to the index once it is written. */
struct staged_piece {
	const struct spool_header *header;
	const char *payload;
	uint32_t offset;
};

/* Submits or notices for one door. */
struct answer_chain {
	const struct spool_door *door;
	struct mail *first;
	struct mail *last;
};

struct spool_group {
	struct iovec *iov;
	size_t iovs, iov_cap;
	struct staged_piece *piece;
	size_t pieces, piece_cap;
	uint64_t bytes; /* staged, padding included */
	struct mail *accepted, *accepted_last; /* submits written or staged */
	struct mail *refused, *refused_last;   /* submits with their error set */
	uint32_t messages;		       /* accepted ones */
	struct answer_chain *chain;
	size_t chains, chain_cap;
};

void spool_group_free(struct spool_group *group);
/*
 * Stages the record whose header is at RECORD, already stamped: LEN octets there, then COUNT
 * PARTS, then padding. It will lie at OFFSET.
 */
void spool_group_stage(struct spool_group *group, char *record, size_t len,
		       const struct iovec *parts, uint32_t count, uint32_t offset);
/* What was staged is written and applied. */
void spool_group_clear(struct spool_group *group);
void spool_group_accept(struct spool_group *group, struct spool_submit *s);
void spool_group_refuse(struct spool_group *group, struct spool_submit *s, enum spool_error error);
/*
 * Answers every submit, the accepted ones with ERROR, and posts the notices of those that are
 * stored; one chain and at most one wake call for each door.
 */
void spool_group_answer(struct spool_group *group, enum spool_error error);

#endif
