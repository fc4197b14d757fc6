/*
 * Why a path is what it is: the nearest paths that lost to it, and the links that lost beside
 * its own (routing rules §1.3 and §2). Pure.
 *
 * An alternative leaves the path at one site and comes back to it at another; between them it is
 * the best of its kind, since it goes to its last site by that site's own least-cost path. So
 * each is worse by the first rule in which it differs where it comes back. Cost: the sites of
 * the network, and the memberships of the links of the path's sites; never pairs of sites.
 */
#ifndef WP_TOPOLOGY_PATH_EXPLAIN_H
#define WP_TOPOLOGY_PATH_EXPLAIN_H

#include <talloc.h>

#include "topology/viewpoint.h"

enum { PATH_ALTERNATIVES_MAX = 8 };

struct path_alternative {
	uint64_t cost;     /* of the whole path */
	uint32_t hops;
	uint32_t back;     /* where it comes back: an index into the path */
	uint32_t previous; /* the site before it there */
	uint32_t link;     /* from PREVIOUS */
	uint32_t rule;     /* of §2: 1 cost, 2 hops, 3 name */
	uint32_t *sites;   /* from the local site to the destination */
	uint32_t n_sites;
};

/* A link beside the one that the path takes between the same two sites. */
struct path_parallel {
	uint32_t hop; /* the path's hop from HOP to HOP + 1 */
	uint32_t link;
	const char *lost_by; /* "cost", "size" or "name" */
};

struct path_explanation {
	uint32_t *sites; /* the path */
	uint32_t n_sites;
	struct path_alternative alternatives[PATH_ALTERNATIVES_MAX]; /* nearest first */
	uint32_t n_alternatives;
	bool has_more; /* there are others, all worse */
	struct path_parallel *parallels; /* in the order of the hops, then by name */
	uint32_t n_parallels;
};

/* Null if there is no path to SITE, or no hop on it. Everything under the explanation. */
struct path_explanation *path_explain(TALLOC_CTX *ctx, const struct viewpoint *vp,
				      uint32_t size_class, uint32_t site);
/* The link of the path to SITE that is the narrowest, nearest first; SNAP_NONE: no limits. */
uint32_t path_narrowest_link(const struct viewpoint *vp, uint32_t size_class, uint32_t site);

#endif
