/*
 * How one message is split at a server: its recipients become copies, one per next hop (routing
 * rules §3.8 and §4.2). Delivery makes its queue entries of them, `waypost route --message`
 * shows them. Pure.
 */
#ifndef WP_TOPOLOGY_COPIES_H
#define WP_TOPOLOGY_COPIES_H

#include "topology/route.h"

struct copy {
	/* Of its first recipient; with ROUTE_RELAY_SITE NEXT_STOP is where the copy goes. */
	struct route_decision decision;
	const struct resolved *leaf; /* its first recipient, for domain and host */
	uint32_t fork;         /* ROUTE_RELAY_SITE: the site that splits it, or its only one */
	const uint32_t *items; /* leaves, ascending */
	uint32_t count;
};

/* Plain malloc, one owner. */
struct copies {
	struct copy *list; /* by outcome, then by the name of the next hop */
	uint32_t count;
	struct route_decision *decisions; /* one per leaf, after fan-out */
	uint32_t *lost; /* leaves that are rejected or discarded, ascending */
	uint32_t n_lost;
	uint32_t *pool; /* the items of all copies */
};

/*
 * Decides for LEAVES[0…COUNT) of one message of SIZE octets, which must not be groups, and
 * gathers those that go the same way; none has more recipients than the organisation's
 * ExpansionLimit. LINKED: SNAP_NONE, or the receive connector whose linked connector takes
 * everything.
 */
struct copies *copies_new(const struct viewpoint *vp, const struct resolved *const *leaves,
			  uint32_t count, uint64_t size, uint32_t linked);
void copies_free(struct copies *copies);
/* The domain whose MX records a connector asks for, "" for all other copies. */
const char *copies_domain(const struct snapshot *snap, const struct copy *copy);

#endif
