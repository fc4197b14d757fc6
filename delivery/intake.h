/*
 * From resolved recipients to an envelope and its routes: what a received message and a
 * notification have in common. Loop thread only.
 */
#ifndef WP_DELIVERY_INTAKE_H
#define WP_DELIVERY_INTAKE_H

#include <stdint.h>

#include <talloc.h>

#include "delivery/engine.h"
#include "topology/leaves.h"

/* Fills rcpt and rcpt_count of DESCRIPTION from the leaves, texts under CTX. */
void intake_describe(TALLOC_CTX *ctx, const struct view *view, const struct leaves *leaves,
		     struct envelope *description);
/* True if nothing of it goes anywhere: every recipient failed. FIRST_R: why. */
bool intake_all_failed(const struct routed *routed, const struct outcome **first_r);
/* The records of EVENT, and of what is discarded, of a message on its way to the spool: its notice's. */
struct track *intake_track(struct engine *engine, const struct envelope *envelope,
			   uint64_t spool_id, const char *message_id,
			   const struct routed *routed, enum track_event event);

#endif
