/*
 * Where a resolved recipient goes next: the decision (small, no allocation, for the mail path)
 * and the answer (with path, stops, servers: for tools). Routing rules §3–§5. Pure.
 */
#ifndef WP_TOPOLOGY_ROUTE_H
#define WP_TOPOLOGY_ROUTE_H

#include <talloc.h>

#include "topology/reason.h"
#include "topology/resolve.h"
#include "topology/viewpoint.h"

struct route_decision {
	uint64_t total_cost; /* path and address space, if a connector was chosen */
	uint32_t server;     /* ROUTE_MAILBOX: the home */
	uint32_t connector;  /* the chosen connector, also while relaying towards it */
	uint32_t space;      /* the address space that matched */
	uint32_t site;       /* ROUTE_RELAY_SITE: the destination site */
	uint32_t next_stop;  /* ROUTE_RELAY_SITE: the site to connect to */
	uint32_t size_class; /* of the paths used */
	uint8_t outcome;     /* enum route_outcome */
	uint8_t reason;      /* enum route_reason */
	bool to_edge;        /* ROUTE_RELAY_SERVER: the candidates are edges */
	bool to_host;        /* ROUTE_RELAY_SERVER: the candidate is the leaf's HOST */
};

/* Indexes that do not apply are SNAP_NONE. Any thread, constant time but for the labels of the
 * domain. LEAF must not be a group. */
void route_decide(const struct viewpoint *vp, const struct resolved *leaf, uint64_t size,
		  struct route_decision *decision_r);

/*
 * §5 step 0: what a receive connector with a linked send connector does with all its mail.
 * False if RECEIVE is not linked: resolve and decide as usual.
 */
bool route_decide_linked(const struct viewpoint *vp, uint32_t receive, uint64_t size,
			 struct route_decision *decision_r);

/*
 * The limits that come before resolution: receive connector (SNAP_NONE: none) and organisation.
 * REASON_NONE if SIZE is within them.
 */
enum route_reason route_check_size(const struct viewpoint *vp, uint32_t receive,
				   bool authenticated, uint64_t size);

/*
 * The candidates of a relay decision by name, not yet rotated (§3.3): up to MAX peers, the
 * number there are. 0 for all other outcomes and for to_host.
 */
uint32_t route_candidates(const struct viewpoint *vp, const struct route_decision *decision,
			  const struct snap_peer **peers, uint32_t max);

/* Everything a tool shows about a decision. Arrays are talloc'd under the answer. */
struct route_answer {
	struct route_decision decision;
	const struct snap_peer **servers;
	uint32_t *path, *stops, *backoff; /* sites; only with ROUTE_RELAY_SITE */
	uint32_t n_servers, n_path, n_stops, n_backoff;
	uint64_t cost;
	uint32_t hops;
};

struct route_answer *route_answer_new(TALLOC_CTX *ctx, const struct viewpoint *vp,
				      const struct route_decision *decision);

#endif
