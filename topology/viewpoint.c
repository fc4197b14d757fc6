/* The network as one server sees it: see viewpoint.h. */
#include "topology/viewpoint_private.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "topology/paths.h"

static int compare_sizes(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint32_t drop_repeated(uint64_t *sorted, uint32_t n)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++)
		if (kept == 0 || sorted[kept - 1] != sorted[i])
			sorted[kept++] = sorted[i];
	return kept;
}

uint32_t viewpoint_limits(const struct snapshot *snap, uint64_t **limits_r)
{
	uint32_t n_links = snap_org(snap)->size_aware ? snap_count(snap, SNAP_LINKS) : 0, n = 0;
	uint64_t *limits = mem_alloc((n_links + 1) * sizeof(*limits));

	for (uint32_t i = 0; i < n_links; i++)
		if (snap_link(snap, i)->max_size > 0)
			limits[n++] = snap_link(snap, i)->max_size;
	qsort(limits, n, sizeof(*limits), compare_sizes);
	n = drop_repeated(limits, n);
	limits[n++] = UINT64_MAX;
	*limits_r = limits;
	return n;
}

static void class_init(struct viewpoint *vp, struct size_class *class, uint64_t limit)
{
	const struct snapshot *snap = vp->snap;

	class->limit = limit;
	class->hops = mem_alloc((snap_count(snap, SNAP_SITES) + 1) * sizeof(*class->hops));
	class->reach = mem_zero(snap_count(snap, SNAP_CONNECTORS) + 1, sizeof(*class->reach));
	/* Without size-aware routing the one class uses all links. */
	paths_compute(snap, vp->site, snap_org(snap)->size_aware ? limit : 0, class->hops);
	select_reach(vp, class->hops, class->reach);
	select_table_init(&class->table, vp, class->reach);
}

static struct viewpoint *make(const struct snapshot *snap, uint32_t server, uint32_t edge,
			      uint32_t site, bool is_edge)
{
	struct viewpoint *vp = mem_zero(1, sizeof(*vp));
	uint64_t *limits;

	*vp = (struct viewpoint){ .snap = snap, .server = server, .edge = edge,
				  .site = is_edge ? SNAP_NONE : site, .is_edge = is_edge };
	vp->n_classes = viewpoint_limits(snap, &limits);
	vp->classes = mem_zero(vp->n_classes, sizeof(*vp->classes));
	for (uint32_t i = 0; i < vp->n_classes; i++)
		class_init(vp, &vp->classes[i], limits[i]);
	free(limits);
	return vp;
}

struct viewpoint *viewpoint_new(const struct snapshot *snap, uint32_t server)
{
	const struct snap_server *record = snap_server(snap, server);
	bool is_edge = (record->roles & (ROLE_EDGE | ROLE_HUB)) == ROLE_EDGE;
	uint32_t edge = is_edge ? snapshot_find_edge(snap, snap_str(snap, record->peer.name)) :
				  SNAP_NONE;

	return make(snap, server, edge, record->peer.site, is_edge);
}

struct viewpoint *viewpoint_new_edge(const struct snapshot *snap, uint32_t edge)
{
	return make(snap, SNAP_NONE, edge, SNAP_NONE, true);
}

struct viewpoint *viewpoint_new_site(const struct snapshot *snap, uint32_t site)
{
	return make(snap, SNAP_NONE, SNAP_NONE, site, false);
}

void viewpoint_free(struct viewpoint *vp)
{
	for (uint32_t i = 0; vp != NULL && i < vp->n_classes; i++) {
		free(vp->classes[i].hops);
		free(vp->classes[i].reach);
		select_table_fini(&vp->classes[i].table);
	}
	if (vp != NULL)
		free(vp->classes);
	free(vp);
}

const struct snapshot *viewpoint_snapshot(const struct viewpoint *vp)
{
	return vp->snap;
}

uint32_t viewpoint_server(const struct viewpoint *vp)
{
	return vp->server;
}

uint32_t viewpoint_site(const struct viewpoint *vp)
{
	return vp->site;
}

bool viewpoint_is_edge(const struct viewpoint *vp)
{
	return vp->is_edge;
}

bool viewpoint_is_active_hub(const struct viewpoint *vp, uint32_t server)
{
	const struct snap_server *record = snap_server(vp->snap, server);

	if (!(record->roles & ROLE_HUB))
		return false;
	/* §3.9: a draining server finishes its queue. */
	return record->state == SERVER_ACTIVE ||
	       (record->state == SERVER_DRAINING && server == vp->server);
}

uint32_t viewpoint_size_class(const struct viewpoint *vp, uint64_t size)
{
	uint32_t low = 0, high = vp->n_classes - 1;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (size <= vp->classes[middle].limit)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

const struct viewpoint_hop *viewpoint_hop(const struct viewpoint *vp, uint32_t size_class,
					  uint32_t site)
{
	const struct viewpoint_hop *hop = &vp->classes[size_class].hops[site];

	return hop->cost != UINT64_MAX ? hop : NULL;
}

uint32_t viewpoint_path(const struct viewpoint *vp, uint32_t size_class, uint32_t site,
			uint32_t *sites, uint32_t max)
{
	const struct viewpoint_hop *hop = viewpoint_hop(vp, size_class, site);
	uint32_t n = hop != NULL ? hop->hops + 1 : 0;

	for (uint32_t i = n; i > 0; i--) {
		if (i <= max)
			sites[i - 1] = site;
		site = vp->classes[size_class].hops[site].previous;
	}
	return n < max ? n : max;
}

uint32_t viewpoint_stops(const struct viewpoint *vp, uint32_t size_class, uint32_t site,
			 uint32_t *sites, uint32_t max)
{
	uint32_t n = viewpoint_path(vp, size_class, site, sites, max), kept = 0;

	for (uint32_t i = 1; i < n; i++)
		if (sites[i] == site || paths_is_stop(snap_site(vp->snap, sites[i])))
			sites[kept++] = sites[i];
	return kept;
}

uint32_t viewpoint_backoff(const struct viewpoint *vp, uint32_t size_class, uint32_t next_stop,
			   uint32_t *sites, uint32_t max)
{
	const struct viewpoint_hop *hops = vp->classes[size_class].hops;
	uint32_t n = 0;

	if (viewpoint_hop(vp, size_class, next_stop) == NULL)
		return 0;
	for (uint32_t at = hops[next_stop].previous; at != SNAP_NONE && at != vp->site && n < max;
	     at = hops[at].previous) {
		const struct snap_site *site = snap_site(vp->snap, at);

		if (site->has_active_hub && site->inbound)
			sites[n++] = at;
	}
	return n;
}

uint32_t viewpoint_hubs(const struct viewpoint *vp, uint32_t site, uint32_t *servers,
			uint32_t max)
{
	struct snap_list hubs = snap_site(vp->snap, site)->hubs;
	uint32_t n = 0;

	for (uint32_t i = 0; i < hubs.count && n < max; i++) {
		uint32_t server = snap_word(vp->snap, hubs, i);

		if (viewpoint_is_active_hub(vp, server))
			servers[n++] = server;
	}
	return n;
}

static bool is_remote(const struct viewpoint *vp, const struct viewpoint_hop *hops, uint32_t site)
{
	return site != vp->site && hops[site].cost != UINT64_MAX;
}

/* How many of the paths to SITES pass each site, their ends included. */
static uint32_t *count_paths(const struct viewpoint *vp, const struct viewpoint_hop *hops,
			     const uint32_t *sites, uint32_t n)
{
	uint32_t *counts = mem_zero(snap_count(vp->snap, SNAP_SITES) + 1, sizeof(*counts));

	for (uint32_t i = 0; i < n; i++)
		for (uint32_t at = sites[i]; is_remote(vp, hops, at); at = hops[at].previous)
			counts[at]++;
	return counts;
}

/*
 * The site to which the copy for SITE travels: of those on its path where others part from it,
 * the first that can take a copy; SITE itself if there is none.
 */
static uint32_t fork_for(const struct viewpoint *vp, const struct viewpoint_hop *hops,
			 const uint32_t *counts, uint32_t site)
{
	uint32_t fork = site, behind = 0; /* of the paths, those that go on towards SITE */

	for (uint32_t at = site; at != vp->site; at = hops[at].previous) {
		const struct snap_site *record = snap_site(vp->snap, at);

		if (counts[at] > behind && record->has_active_hub && record->inbound &&
		    counts[at] > 1)
			fork = at;
		behind = counts[at];
	}
	return fork;
}

/*
 * §3.8. Those whose paths begin alike travel as one copy to the last site they all share. If that
 * site cannot take it they are split here, as they would be there, and each part goes on likewise.
 */
void viewpoint_forks(const struct viewpoint *vp, uint32_t size_class, const uint32_t *sites,
		     uint32_t n, uint32_t *forks)
{
	const struct viewpoint_hop *hops = vp->classes[size_class].hops;
	uint32_t *counts = count_paths(vp, hops, sites, n);

	for (uint32_t i = 0; i < n; i++)
		forks[i] = is_remote(vp, hops, sites[i]) ? fork_for(vp, hops, counts, sites[i]) :
							   SNAP_NONE;
	free(counts);
}

void viewpoint_fanout(const struct viewpoint *vp, uint32_t size_class, const uint32_t *sites,
		      uint32_t n, uint32_t *next)
{
	viewpoint_forks(vp, size_class, sites, n, next);
	for (uint32_t i = 0; i < n; i++)
		if (next[i] != SNAP_NONE)
			next[i] = vp->classes[size_class].hops[next[i]].next_stop;
}
