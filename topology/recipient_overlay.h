/*
 * A source of recipients as it would be after a change: some are gone, others come. Pure.
 *
 * For plans over a replica, which keeps records and no entries: what is deleted is hidden, what
 * is added is held in memory beside it.
 */
#ifndef WP_TOPOLOGY_RECIPIENT_OVERLAY_H
#define WP_TOPOLOGY_RECIPIENT_OVERLAY_H

#include <talloc.h>

#include "topology/recipient.h"

struct recipient_overlay;

/* BELOW, which EACH walks, has to outlive it. */
struct recipient_overlay *recipient_overlay_new(TALLOC_CTX *ctx,
						const struct recipient_source *below,
						recipient_each *each);
void recipient_overlay_hide(struct recipient_overlay *overlay, const struct entry_uuid *uuid);
/* Adds the recipients of LIST, which need not live on. */
void recipient_overlay_add_list(struct recipient_overlay *overlay, const struct entry_list *list);
/* Whether nothing was hidden or added. */
bool recipient_overlay_is_empty(const struct recipient_overlay *overlay);
struct recipient_source recipient_overlay_source(struct recipient_overlay *overlay);
/* For the ctx of such a source. */
recipient_each recipient_overlay_each;

#endif
