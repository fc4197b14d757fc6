/* The inside of a viewpoint, for viewpoint.c, select.c, route.c and the advice. */
#ifndef WP_TOPOLOGY_VIEWPOINT_PRIVATE_H
#define WP_TOPOLOGY_VIEWPOINT_PRIVATE_H

#include "topology/select.h"
#include "topology/viewpoint.h"

/* All that depends on the size of a message. */
struct size_class {
	uint64_t limit; /* sizes up to this; UINT64_MAX: all */
	struct viewpoint_hop *hops; /* one per site */
	struct reach *reach;        /* one per connector */
	struct select_table table;
};

struct viewpoint {
	const struct snapshot *snap;
	uint32_t server; /* SNAP_NONE: EDGE looks */
	uint32_t edge;   /* edges: the subscription of an edge's name, or SNAP_NONE */
	uint32_t site;
	bool is_edge;
	uint32_t n_classes;
	struct size_class *classes;
};

/*
 * The limits of the size classes, ascending: one per distinct link limit with size-aware routing
 * (§7), then one for all larger sizes. A message of class I passes every link as wide as its
 * limit. *LIMITS_R is the caller's to free.
 */
uint32_t viewpoint_limits(const struct snapshot *snap, uint64_t **limits_r);

#endif
