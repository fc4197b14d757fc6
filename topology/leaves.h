/*
 * The recipients of one message after resolution: the leaves of all its resolutions, each
 * address once. Pure.
 */
#ifndef WP_TOPOLOGY_LEAVES_H
#define WP_TOPOLOGY_LEAVES_H

#include "topology/resolve.h"

struct leaves {
	const struct resolved **list; /* no groups */
	uint32_t *original;           /* which resolution each came from */
	uint32_t count;
};

/*
 * Flattens RESOLUTIONS[0…COUNT) in their order; of leaves with one address and one kind the first
 * counts. Arrays are talloc'd under CTX, the leaves stay in their resolutions.
 */
void leaves_flatten(TALLOC_CTX *ctx, struct resolution *const *resolutions, uint32_t count,
		    struct leaves *leaves_r);

#endif
