/*
 * From resolved recipients to an envelope and its routes: what a received message and a
 * notification have in common. Loop thread only.
 */
#ifndef WP_DELIVERY_INTAKE_H
#define WP_DELIVERY_INTAKE_H

#include <stdint.h>

#include <talloc.h>

#include "delivery/engine.h"
#include "topology/resolve.h"

/* The leaves of several resolutions, each mailbox once. */
struct intake {
	const struct resolved **leaves;
	uint32_t *original; /* which resolution a leaf came from */
	uint32_t count;
};

/* Flattens RESOLUTIONS[0…count) under CTX: groups are replaced by their members. */
void intake_flatten(TALLOC_CTX *ctx, struct resolution *const *resolutions, uint32_t count,
		    struct intake *intake_r);
/* Fills rcpt and rcpt_count of DESCRIPTION from the leaves, texts under CTX. */
void intake_describe(TALLOC_CTX *ctx, const struct view *view, const struct intake *intake,
		     struct envelope *description);
/* True if nothing of it goes anywhere: every recipient failed. FIRST_R: why. */
bool intake_all_failed(const struct routed *routed, const struct outcome **first_r);
/* The records of EVENT, and of what is discarded, of a message on its way to the spool: its notice's. */
struct track *intake_track(struct engine *engine, const struct envelope *envelope,
			   uint64_t spool_id, const char *message_id,
			   const struct routed *routed, enum track_event event);

#endif
