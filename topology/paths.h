/*
 * Least-cost paths from one site to all (routing rules §1 and §2). Pure.
 *
 * Dijkstra over the bipartite graph of sites and links, never over the n² pairs of a link's
 * sites: O((sites + memberships) log sites). Of two paths the better has 1. the lower sum of
 * costs, 2. fewer hops, 3. at the first difference from the destination's end the site of the
 * lower name; of parallel links 4. the wider, 5. the one of the lower name.
 */
#ifndef WP_TOPOLOGY_PATHS_H
#define WP_TOPOLOGY_PATHS_H

#include "topology/viewpoint.h"

/*
 * Fills HOPS, one per site, for paths from FROM over links that let MIN_SIZE octets pass (0: all
 * links). Sites without a path get cost UINT64_MAX. FROM may be SNAP_NONE: no paths at all.
 */
void paths_compute(const struct snapshot *snap, uint32_t from, uint64_t min_size,
		   struct viewpoint_hop *hops);

/* §1.3: whether link A is taken before B of the same cost: the wider, then the lower name. */
bool paths_is_better_link(const struct snapshot *snap, uint32_t a, uint32_t b);

/* Whether a site on a path (not at its ends) makes every message stop: §3.1. */
bool paths_is_stop(const struct snap_site *site);

#endif
