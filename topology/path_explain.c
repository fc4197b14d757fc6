/* Why a path is what it is: see path_explain.h. Pure. */
#include "topology/path_explain.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "topology/paths.h"
#include "topology/viewpoint_private.h"

struct search {
	const struct viewpoint *vp;
	const struct snapshot *snap;
	const struct viewpoint_hop *hops;
	uint64_t min_size; /* links that let less pass are not there */
	struct path_explanation *e;
	uint32_t *joins;   /* per site: the last site of the path on the way to it, an index */
};

static bool is_wide_enough(const struct search *s, uint32_t link)
{
	uint64_t width = snap_link(s->snap, link)->max_size;

	return width == 0 || width >= s->min_size;
}

/* Fills JOINS, which holds the path's own sites, for SITE and those before it. */
static uint32_t find_join(struct search *s, uint32_t site)
{
	uint32_t at = site, join;

	while (s->joins[at] == SNAP_NONE)
		at = s->hops[at].previous;
	join = s->joins[at];
	for (at = site; s->joins[at] == SNAP_NONE; at = s->hops[at].previous)
		s->joins[at] = join;
	return join;
}

/* Nearer first; of equal ones that which comes back nearer to the destination, then by name. */
static bool is_before(const struct path_alternative *a, const struct path_alternative *b)
{
	if (a->cost != b->cost)
		return a->cost < b->cost;
	if (a->hops != b->hops)
		return a->hops < b->hops;
	if (a->back != b->back)
		return a->back > b->back;
	return a->previous < b->previous;
}

static bool is_same_way(const struct path_alternative *a, const struct path_alternative *b)
{
	return a->back == b->back && a->previous == b->previous;
}

/* Keeps the best; of parallel links from one site the one that the path would take. */
static void keep(struct search *s, const struct path_alternative *found)
{
	struct path_alternative *list = s->e->alternatives;
	uint32_t n = s->e->n_alternatives, at;

	for (at = 0; at < n; at++)
		if (is_same_way(&list[at], found)) {
			if (is_before(&list[at], found) ||
			    (list[at].cost == found->cost &&
			     !paths_is_better_link(s->snap, found->link, list[at].link)))
				return;
			memmove(&list[at], &list[at + 1], (--n - at) * sizeof(*list));
			break;
		}
	for (at = n; at > 0 && is_before(found, &list[at - 1]); at--)
		if (at < PATH_ALTERNATIVES_MAX)
			list[at] = list[at - 1];
	s->e->has_more |= n == PATH_ALTERNATIVES_MAX;
	if (at < PATH_ALTERNATIVES_MAX)
		list[at] = *found;
	s->e->n_alternatives = n < PATH_ALTERNATIVES_MAX ? n + 1 : n;
}

/* The way that enters the path's site BACK from PREVIOUS by LINK. */
static void consider(struct search *s, uint32_t back, uint32_t previous, uint32_t link)
{
	const struct path_explanation *e = s->e;
	const struct viewpoint_hop *end = &s->hops[e->sites[e->n_sites - 1]];
	const struct viewpoint_hop *own = &s->hops[e->sites[back]], *from = &s->hops[previous];
	struct path_alternative found = { .back = back, .previous = previous, .link = link };

	if (from->cost == UINT64_MAX || previous == own->previous || previous == e->sites[back] ||
	    find_join(s, previous) >= back)
		return;
	found.cost = end->cost - own->cost + from->cost + snap_link(s->snap, link)->cost;
	found.hops = end->hops - own->hops + from->hops + 1;
	found.rule = found.cost != end->cost ? 1 : found.hops != end->hops ? 2 : 3;
	keep(s, &found);
}

static bool holds_site(const struct snapshot *snap, uint32_t link, uint32_t site)
{
	struct snap_list sites = snap_link(snap, link)->sites; /* ascending */
	uint32_t low = 0, high = sites.count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2, found = snap_word(snap, sites, middle);

		if (found == site)
			return true;
		if (found < site)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static const char *lost_by(const struct snapshot *snap, uint32_t loser, uint32_t winner)
{
	const struct snap_link *a = snap_link(snap, loser), *b = snap_link(snap, winner);

	return a->cost != b->cost ? "cost" : a->max_size != b->max_size ? "size" : "name";
}

/* §1.3: LINK leads to the path's site BACK from the site before it, too. */
static void add_parallel(struct search *s, uint32_t back, uint32_t link)
{
	struct path_explanation *e = s->e;
	uint32_t winner = s->hops[e->sites[back]].link;

	if (link == winner)
		return;
	e->parallels = talloc_realloc(e, e->parallels, struct path_parallel, e->n_parallels + 1);
	e->parallels[e->n_parallels++] =
		(struct path_parallel){ back - 1, link, lost_by(s->snap, link, winner) };
}

static void search_site(struct search *s, uint32_t back)
{
	uint32_t site = s->e->sites[back], previous = s->hops[site].previous;
	struct snap_list links = snap_site(s->snap, site)->links;

	for (uint32_t i = 0; i < links.count; i++) {
		uint32_t link = snap_word(s->snap, links, i);
		struct snap_list sites = snap_link(s->snap, link)->sites;

		if (!is_wide_enough(s, link))
			continue;
		if (holds_site(s->snap, link, previous))
			add_parallel(s, back, link);
		for (uint32_t j = 0; j < sites.count; j++)
			consider(s, back, snap_word(s->snap, sites, j), link);
	}
}

/* The path to the site before, then what the path has from there on. */
static void write_sites(struct search *s, struct path_alternative *a)
{
	struct path_explanation *e = s->e;
	uint32_t before = s->hops[a->previous].hops + 1, at = a->previous;

	a->n_sites = before + e->n_sites - a->back;
	a->sites = talloc_array(e, uint32_t, a->n_sites);
	for (uint32_t i = before; i-- > 0; at = s->hops[at].previous)
		a->sites[i] = at;
	memcpy(a->sites + before, e->sites + a->back, (e->n_sites - a->back) * sizeof(*a->sites));
}

static void search_alternatives(struct search *s)
{
	struct path_explanation *e = s->e;
	uint32_t n = snap_count(s->snap, SNAP_SITES);

	s->joins = talloc_array(e, uint32_t, n);
	for (uint32_t i = 0; i < n; i++)
		s->joins[i] = SNAP_NONE;
	for (uint32_t i = 0; i < e->n_sites; i++)
		s->joins[e->sites[i]] = i;
	for (uint32_t i = 1; i < e->n_sites; i++)
		search_site(s, i);
	for (uint32_t i = 0; i < e->n_alternatives; i++)
		write_sites(s, &e->alternatives[i]);
	talloc_free(s->joins);
}

struct path_explanation *path_explain(TALLOC_CTX *ctx, const struct viewpoint *vp,
				      uint32_t size_class, uint32_t site)
{
	const struct viewpoint_hop *hop = viewpoint_hop(vp, size_class, site);
	struct search s = { .vp = vp, .snap = vp->snap, .hops = vp->classes[size_class].hops };

	if (hop == NULL || hop->hops == 0)
		return NULL;
	if (snap_org(vp->snap)->size_aware)
		s.min_size = vp->classes[size_class].limit;
	s.e = talloc_zero(ctx, struct path_explanation);
	s.e->sites = talloc_array(s.e, uint32_t, hop->hops + 1);
	s.e->n_sites = viewpoint_path(vp, size_class, site, s.e->sites, hop->hops + 1);
	search_alternatives(&s);
	return s.e;
}

uint32_t path_narrowest_link(const struct viewpoint *vp, uint32_t size_class, uint32_t site)
{
	const struct viewpoint_hop *hops = vp->classes[size_class].hops;
	uint32_t narrowest = SNAP_NONE;

	if (viewpoint_hop(vp, size_class, site) == NULL || hops[site].max_size == 0)
		return SNAP_NONE;
	for (uint32_t at = site; at != vp->site; at = hops[at].previous)
		if (snap_link(vp->snap, hops[at].link)->max_size == hops[site].max_size)
			narrowest = hops[at].link;
	return narrowest;
}
