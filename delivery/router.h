/*
 * From recipients to queues: resolution and routing with the look-ups of one thread.
 *
 * A router belongs to one loop: it holds the loop's reader of the replica. Recipients are
 * resolved at RCPT (the answer is kept), routed at the end of data, and again when the
 * scheduler asks. The rules are topology's; here they meet the replica, the envelope and the
 * keys of queues.
 */
#ifndef WP_DELIVERY_ROUTER_H
#define WP_DELIVERY_ROUTER_H

#include <stdbool.h>
#include <stdint.h>

#include <talloc.h>

#include "common/err.h"
#include "common/replica.h"
#include "delivery/envelope.h"
#include "delivery/outcome.h"
#include "delivery/queue.h"
#include "delivery/view.h"
#include "topology/resolve.h"

struct router;

struct router *router_new(struct replica *replica);
void router_free(struct router *router);

/* Recipients that are not going anywhere. */
struct routed_failure {
	uint32_t recipient;
	struct outcome *outcome; /* one reference */
};

/* Where the recipients of an envelope go. Plain malloc, one owner, may cross threads. */
struct routed {
	struct queue_destination *destinations; /* recipients lie in the pool */
	uint32_t count;
	struct routed_failure *failures;
	uint32_t failure_count;
	uint32_t *discarded;
	uint32_t discarded_count;
	uint32_t *pool;
};

void routed_free(struct routed *routed);

/*
 * Resolves one RCPT address as QUERY says. 0: *RESOLUTION_R under CTX (a rejected root tells why);
 * -1 and ERR: the replica cannot be read now (451).
 */
int router_resolve(struct router *router, const struct view *view, TALLOC_CTX *ctx,
		   const char *address, const struct resolve_query *query,
		   struct resolution **resolution_r, struct err *err) WP_MUST_CHECK;

/*
 * Routes LEAVES[0…count) (no groups): leaf i is recipient INDEX[i] of the envelope (null: i).
 * LINKED: SNAP_NONE, or the receive connector whose linked connector takes everything.
 */
struct routed *router_route(const struct view *view, const struct resolved *const *leaves,
			    const uint32_t *index, uint32_t count, uint64_t size,
			    uint32_t linked);

/*
 * Routes recipients of a stored envelope again; homes are looked up again, nothing is
 * expanded. Null and ERR if the replica cannot be read now.
 */
struct routed *router_route_again(struct router *router, const struct view *view,
				  const struct envelope *envelope, const uint32_t *recipients,
				  uint32_t count, struct err *err);

#endif
