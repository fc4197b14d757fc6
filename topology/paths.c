/* Least-cost paths: see paths.h. */
#include "topology/paths.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

/*
 * Sites are the vertices 0 … sites-1, links follow. The label of a link is that of the best of
 * its sites; since every cost is at least 1, all sites of a label are settled before a link of
 * the same label, and all links that reach a site before the site.
 */
struct label {
	uint64_t cost;
	uint32_t hops;
	uint32_t previous; /* of a site: the site before; of a link: the site it is entered from */
	uint32_t link;     /* of a site: the link it is entered by */
};

/* An entry of the heap; entries that were overtaken stay and are skipped. */
struct open {
	uint64_t cost;
	uint32_t hops;
	uint32_t vertex;
};

struct search {
	const struct snapshot *snap;
	uint64_t min_size;
	uint32_t n_sites;
	struct label *labels;
	bool *settled;
	struct open *heap;
	size_t n_heap, cap_heap;
};

static bool is_before(const struct open *a, const struct open *b)
{
	if (a->cost != b->cost)
		return a->cost < b->cost;
	if (a->hops != b->hops)
		return a->hops < b->hops;
	return a->vertex < b->vertex; /* so sites come before links */
}

static void heap_push(struct search *s, struct open item)
{
	size_t at = s->n_heap++;

	if (s->n_heap > s->cap_heap) {
		s->cap_heap = s->cap_heap ? s->cap_heap * 2 : 256;
		s->heap = mem_grow(s->heap, s->cap_heap * sizeof(*s->heap));
	}
	for (; at > 0 && is_before(&item, &s->heap[(at - 1) / 2]); at = (at - 1) / 2)
		s->heap[at] = s->heap[(at - 1) / 2];
	s->heap[at] = item;
}

static struct open heap_pop(struct search *s)
{
	struct open top = s->heap[0], last = s->heap[--s->n_heap];
	size_t at = 0, child;

	while ((child = at * 2 + 1) < s->n_heap) {
		if (child + 1 < s->n_heap && is_before(&s->heap[child + 1], &s->heap[child]))
			child++;
		if (!is_before(&s->heap[child], &last))
			break;
		s->heap[at] = s->heap[child];
		at = child;
	}
	s->heap[at] = last;
	return top;
}

bool paths_is_better_link(const struct snapshot *snap, uint32_t a, uint32_t b)
{
	uint64_t a_size = snap_link(snap, a)->max_size, b_size = snap_link(snap, b)->max_size;

	if (a_size != b_size)
		return a_size == 0 || (b_size != 0 && a_size > b_size);
	return a < b;
}

/* Offers a label to a vertex. */
static void offer(struct search *s, uint32_t vertex, struct label label)
{
	struct label *known = &s->labels[vertex];
	bool nearer = label.cost != known->cost ? label.cost < known->cost :
						  label.hops < known->hops;

	if (s->settled[vertex])
		return;
	if (nearer) {
		*known = label;
		heap_push(s, (struct open){ label.cost, label.hops, vertex });
		return;
	}
	if (label.cost != known->cost || label.hops != known->hops)
		return;
	/* Indexes are in the order of names. */
	if (label.previous < known->previous ||
	    (label.previous == known->previous && vertex < s->n_sites &&
	     paths_is_better_link(s->snap, label.link, known->link)))
		*known = label;
}

static void settle_site(struct search *s, uint32_t site)
{
	struct snap_list links = snap_site(s->snap, site)->links;
	struct label label = s->labels[site];

	label.previous = site;
	for (uint32_t i = 0; i < links.count; i++) {
		uint32_t link = snap_word(s->snap, links, i);
		uint64_t width = snap_link(s->snap, link)->max_size;

		if (width == 0 || width >= s->min_size)
			offer(s, s->n_sites + link, label);
	}
}

static void settle_link(struct search *s, uint32_t link)
{
	const struct snap_link *record = snap_link(s->snap, link);
	struct label label = s->labels[s->n_sites + link];

	label.cost += record->cost;
	label.hops++;
	label.link = link;
	for (uint32_t i = 0; i < record->sites.count; i++)
		offer(s, snap_word(s->snap, record->sites, i), label);
}

bool paths_is_stop(const struct snap_site *site)
{
	return site->is_hub && site->has_active_hub && site->inbound;
}

static uint64_t narrower(uint64_t a, uint64_t b)
{
	return a == 0 ? b : b == 0 ? a : a < b ? a : b;
}

/* What follows from the label and from the site before, which was settled earlier. */
static void finish_site(const struct search *s, uint32_t site, uint32_t from,
			struct viewpoint_hop *hops)
{
	const struct label *label = &s->labels[site];
	struct viewpoint_hop *hop = &hops[site];
	uint32_t previous = label->previous;

	*hop = (struct viewpoint_hop){ label->cost, 0, label->hops, SNAP_NONE, SNAP_NONE, site };
	if (site == from)
		return;
	hop->previous = previous;
	hop->link = label->link;
	hop->max_size = narrower(hops[previous].max_size, snap_link(s->snap, label->link)->max_size);
	if (previous == from)
		return;
	if (hops[previous].next_stop != previous || paths_is_stop(snap_site(s->snap, previous)))
		hop->next_stop = hops[previous].next_stop;
}

static void search_init(struct search *s, const struct snapshot *snap, uint64_t min_size)
{
	size_t n = (size_t)snap_count(snap, SNAP_SITES) + snap_count(snap, SNAP_LINKS);

	*s = (struct search){ .snap = snap, .min_size = min_size,
			      .n_sites = snap_count(snap, SNAP_SITES) };
	s->labels = mem_alloc(n * sizeof(*s->labels));
	s->settled = mem_zero(n, sizeof(*s->settled));
	for (size_t i = 0; i < n; i++)
		s->labels[i] = (struct label){ UINT64_MAX, UINT32_MAX, SNAP_NONE, SNAP_NONE };
}

static void search_fini(struct search *s)
{
	free(s->labels);
	free(s->settled);
	free(s->heap);
}

void paths_compute(const struct snapshot *snap, uint32_t from, uint64_t min_size,
		   struct viewpoint_hop *hops)
{
	struct search s;

	for (uint32_t i = 0; i < snap_count(snap, SNAP_SITES); i++)
		hops[i] = (struct viewpoint_hop){ UINT64_MAX, 0, 0, SNAP_NONE, SNAP_NONE, SNAP_NONE };
	if (from == SNAP_NONE)
		return;
	search_init(&s, snap, min_size);
	offer(&s, from, (struct label){ 0, 0, SNAP_NONE, SNAP_NONE });
	while (s.n_heap > 0) {
		uint32_t vertex = heap_pop(&s).vertex;

		if (s.settled[vertex])
			continue;
		s.settled[vertex] = true;
		if (vertex < s.n_sites) {
			finish_site(&s, vertex, from, hops);
			settle_site(&s, vertex);
		} else {
			settle_link(&s, vertex - s.n_sites);
		}
	}
	search_fini(&s);
}
