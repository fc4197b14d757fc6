/* Connector selection: see select.h. */
#include "config.h" /* qsort_r */

#include "topology/select.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "topology/addrspace.h"
#include "topology/viewpoint_private.h"

static const struct reach unreachable = { UINT64_MAX, UINT32_MAX, SNAP_NONE, PROXIMITY_REMOTE,
					  false, false };

/* Takes the source in SITE if it is nearer than what is known: cost, hops, name of the site. */
static void consider(const struct viewpoint *vp, const struct viewpoint_hop *hops, uint32_t site,
		     bool is_self, struct reach *reach)
{
	const struct viewpoint_hop *hop;
	struct reach found = { 0, 0, site, is_self ? PROXIMITY_SELF : PROXIMITY_SITE, true, false };

	if (site == SNAP_NONE)
		return;
	if (site != vp->site) {
		hop = &hops[site];
		if (hop->cost == UINT64_MAX || !snap_site(vp->snap, site)->inbound ||
		    !snap_site(vp->snap, site)->has_active_hub)
			return;
		found.cost = hop->cost;
		found.hops = hop->hops;
		found.proximity = PROXIMITY_REMOTE;
	}
	if (found.cost != reach->cost ? found.cost < reach->cost :
	    found.hops != reach->hops ? found.hops < reach->hops :
	    found.site != reach->site ? found.site < reach->site :
					found.proximity < reach->proximity)
		*reach = found;
}

static bool list_holds(const struct snapshot *snap, struct snap_list list, uint32_t index)
{
	for (uint32_t i = 0; i < list.count; i++)
		if (snap_word(snap, list, i) == index)
			return true;
	return false;
}

/* On an edge: a connector whose source is this edge, at no cost. */
static struct reach reach_on_edge(const struct viewpoint *vp, const struct snap_connector *connector)
{
	if ((vp->server == SNAP_NONE || !list_holds(vp->snap, connector->servers, vp->server)) &&
	    (vp->edge == SNAP_NONE || !list_holds(vp->snap, connector->edges, vp->edge)))
		return unreachable;
	return (struct reach){ 0, 0, SNAP_NONE, PROXIMITY_SELF, true, true };
}

struct reach select_reach_one(const struct viewpoint *vp, const struct viewpoint_hop *hops,
			      uint32_t index)
{
	const struct snap_connector *connector = snap_connector(vp->snap, index);
	struct reach reach = unreachable;

	if (vp->is_edge)
		return reach_on_edge(vp, connector);
	for (uint32_t i = 0; i < connector->servers.count; i++) {
		uint32_t server = snap_word(vp->snap, connector->servers, i);

		if (viewpoint_is_active_hub(vp, server))
			consider(vp, hops, snap_server(vp->snap, server)->peer.site,
				 server == vp->server, &reach);
	}
	for (uint32_t i = 0; i < connector->edges.count; i++) {
		const struct snap_edge *edge =
			snap_edge(vp->snap, snap_word(vp->snap, connector->edges, i));

		if (edge->enabled)
			consider(vp, hops, edge->peer.site, false, &reach);
	}
	/* Step 3: scoped connectors need a source in the local site. */
	reach.in_scope = reach.routed && (!connector->scoped || reach.proximity != PROXIMITY_REMOTE);
	return reach;
}

void select_reach(const struct viewpoint *vp, const struct viewpoint_hop *hops,
		  struct reach *reach)
{
	for (uint32_t i = 0; i < snap_count(vp->snap, SNAP_CONNECTORS); i++)
		reach[i] = select_reach_one(vp, hops, i);
}

static int compare_candidates(const void *a, const void *b, void *arg)
{
	const struct candidate *x = a, *y = b;
	const struct reach *reach = arg;
	const struct reach *rx = &reach[x->connector], *ry = &reach[y->connector];

	if (x->total != y->total) /* 6 */
		return x->total < y->total ? -1 : 1;
	if (rx->proximity != ry->proximity) /* 7 */
		return rx->proximity < ry->proximity ? -1 : 1;
	if (rx->hops != ry->hops)
		return rx->hops < ry->hops ? -1 : 1;
	if (x->connector != y->connector) /* 8: indexes are in the order of names */
		return x->connector < y->connector ? -1 : 1;
	return x->space < y->space ? -1 : x->space > y->space;
}

uint32_t select_candidates(const struct viewpoint *vp, const struct reach *reach,
			   const struct snap_node *node, struct candidate *out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < node->items.count; i++) {
		uint32_t item = snap_word(vp->snap, node->items, i), space = item & ~SNAP_EDGE_BIT;
		const struct snap_space *record = snap_space(vp->snap, space);
		const struct snap_connector *connector = snap_connector(vp->snap, record->connector);
		const struct reach *to = &reach[record->connector];

		if (((item & SNAP_EDGE_BIT) && !vp->is_edge) || !connector->enabled ||
		    !to->routed || !to->in_scope)
			continue;
		out[n++] = (struct candidate){ to->cost + record->cost,
					       connector->max_message_size, record->connector, space };
	}
	if (n > 1)
		qsort_r(out, n, sizeof(*out), compare_candidates, (void *)(uintptr_t)reach);
	return n;
}

void select_table_init(struct select_table *table, const struct viewpoint *vp,
		       const struct reach *reach)
{
	uint32_t n_nodes = snap_count(vp->snap, SNAP_NODES), at = 0;
	size_t max = 0;

	for (uint32_t i = 0; i < n_nodes; i++)
		max += snap_node(vp->snap, i)->items.count;
	table->first = mem_alloc((n_nodes + 1) * sizeof(*table->first));
	table->candidates = mem_alloc(max * sizeof(*table->candidates));
	for (uint32_t i = 0; i < n_nodes; i++) {
		const struct snap_node *node = snap_node(vp->snap, i);
		uint32_t n = 0;

		table->first[i] = at;
		if (node->kind < NODE_ACCEPTED_EXACT)
			n = select_candidates(vp, reach, node, table->candidates + at);
		at += n;
	}
	table->first[n_nodes] = at;
}

void select_table_fini(struct select_table *table)
{
	free(table->first);
	free(table->candidates);
}

enum select_result select_connector(const struct viewpoint *vp, uint32_t size_class,
				    const char *type, const char *domain, uint64_t size,
				    const struct candidate **chosen_r)
{
	const struct select_table *table = &vp->classes[size_class].table;
	enum select_result result = SELECT_NONE;
	struct addrspace_walk walk;
	uint32_t node;

	/* 4 and 5: nodes that match, the most specific first. */
	addrspace_walk_init(&walk, vp->snap, type, domain);
	while ((node = addrspace_walk_next(&walk)) != SNAP_NONE) {
		for (uint32_t i = table->first[node]; i < table->first[node + 1]; i++) {
			const struct candidate *candidate = &table->candidates[i];

			/* 2: wide enough; 1, 3, 6, 7, 8 made the table. */
			if (candidate->max_size == 0 || size <= candidate->max_size) {
				*chosen_r = candidate;
				return SELECT_FOUND;
			}
			result = SELECT_TOO_LARGE;
		}
	}
	return result;
}

const struct reach *select_reach_of(const struct viewpoint *vp, uint32_t size_class,
				    uint32_t connector)
{
	return &vp->classes[size_class].reach[connector];
}
