/* What hangs on which card: leaves, connectors, edges. See draw_scene.h. */
#include "topology/draw_private.h"

enum {
	COMB_MIN = 7, /* leaves of a site that become a comb */
	COMB_MIN_OF_MANY = 3,
	MANY = 30, /* sites */
};

/* Pairs of owner and member, in the order of members, become lists. N owners. */
struct pairs {
	uint32_t *owners, *members;
	uint32_t count, cap;
};

static void pair(struct painter *p, struct pairs *pairs, uint32_t owner, uint32_t member)
{
	if (pairs->count == pairs->cap) {
		pairs->cap = pairs->cap * 2 + 64;
		pairs->owners = talloc_realloc(p->ctx, pairs->owners, uint32_t, pairs->cap);
		pairs->members = talloc_realloc(p->ctx, pairs->members, uint32_t, pairs->cap);
	}
	pairs->owners[pairs->count] = owner;
	pairs->members[pairs->count++] = member;
}

static struct lists list_pairs(struct painter *p, const struct pairs *pairs, uint32_t n)
{
	struct lists lists = { talloc_zero_array(p->ctx, uint32_t, n + 2),
			       talloc_array(p->ctx, uint32_t, pairs->count + 1) };

	for (uint32_t i = 0; i < pairs->count; i++)
		lists.first[pairs->owners[i] + 2]++;
	for (uint32_t i = 0; i < n; i++)
		lists.first[i + 2] += lists.first[i + 1];
	for (uint32_t i = 0; i < pairs->count; i++)
		lists.list[lists.first[pairs->owners[i] + 1]++] = pairs->members[i];
	return lists;
}

uint32_t draw_count(const struct lists *lists, uint32_t owner)
{
	return lists->first[owner + 1] - lists->first[owner];
}

static uint32_t site_or_rest(const struct painter *p, uint32_t site)
{
	return site != SNAP_NONE ? site : p->n_sites;
}

/* Each source site once; members come in order, so a repeated pair of one site is the last. */
static void pair_source(struct painter *p, struct pairs *pairs, uint32_t *last, uint32_t site,
			uint32_t connector)
{
	uint32_t owner = site_or_rest(p, site);

	if (last[owner] == connector + 1)
		return;
	last[owner] = connector + 1;
	pair(p, pairs, owner, connector);
}

static void find_connectors(struct painter *p)
{
	struct pairs pairs = { 0 };
	uint32_t *last = talloc_zero_array(p->ctx, uint32_t, p->n_sites + 1);

	for (uint32_t i = 0; i < snap_count(p->snap, SNAP_CONNECTORS); i++) {
		const struct snap_connector *c = snap_connector(p->snap, i);

		for (uint32_t s = 0; s < c->servers.count; s++)
			pair_source(p, &pairs, last, snap_server(p->snap, snap_word(p->snap,
					    c->servers, s))->peer.site, i);
		for (uint32_t s = 0; s < c->edges.count; s++)
			pair_source(p, &pairs, last, snap_edge(p->snap, snap_word(p->snap,
					    c->edges, s))->peer.site, i);
		if (c->servers.count + c->edges.count == 0)
			pair_source(p, &pairs, last, SNAP_NONE, i);
	}
	p->connectors = list_pairs(p, &pairs, p->n_sites + 1);
}

static void find_edges(struct painter *p)
{
	struct pairs pairs = { 0 };

	for (uint32_t i = 0; i < snap_count(p->snap, SNAP_EDGES); i++)
		pair(p, &pairs, site_or_rest(p, snap_edge(p->snap, i)->peer.site), i);
	p->edges = list_pairs(p, &pairs, p->n_sites + 1);
}

/* Joined by one link only, and nothing else to show. */
static bool is_plain(const struct painter *p, uint32_t site)
{
	return snap_site(p->snap, site)->links.count == 1 && draw_count(&p->connectors, site) == 0 &&
	       draw_count(&p->edges, site) == 0;
}

static bool is_wide(const struct snap_link *link)
{
	return link->sites.count > 2;
}

/* What SITE would be a leaf of: a site, or a wide link behind the sites; SNAP_NONE: it is none. */
static uint32_t possible_owner(const struct painter *p, uint32_t site)
{
	uint32_t link, other;
	const struct snap_link *record;

	if (!is_plain(p, site))
		return SNAP_NONE;
	link = snap_word(p->snap, snap_site(p->snap, site)->links, 0);
	record = snap_link(p->snap, link);
	if (is_wide(record))
		return p->n_sites + link;
	if (record->sites.count < 2)
		return SNAP_NONE;
	other = snap_word(p->snap, record->sites, snap_word(p->snap, record->sites, 0) == site);
	return is_plain(p, other) ? SNAP_NONE : other;
}

static void find_leaves(struct painter *p)
{
	uint32_t *count = talloc_zero_array(p->ctx, uint32_t, p->n_sites + p->n_links + 1);
	uint32_t least = p->n_sites > MANY ? COMB_MIN_OF_MANY : COMB_MIN;
	struct pairs pairs = { 0 };

	p->leaf_of = talloc_array(p->ctx, uint32_t, p->n_sites + 1);
	for (uint32_t i = 0; i < p->n_sites; i++) {
		p->leaf_of[i] = possible_owner(p, i);
		if (p->leaf_of[i] != SNAP_NONE)
			count[p->leaf_of[i]]++;
	}
	for (uint32_t i = 0; i < p->n_sites; i++) {
		if (p->leaf_of[i] != SNAP_NONE && count[p->leaf_of[i]] < least)
			p->leaf_of[i] = SNAP_NONE;
		if (p->leaf_of[i] != SNAP_NONE)
			pair(p, &pairs, p->leaf_of[i], i);
	}
	p->leaves = list_pairs(p, &pairs, p->n_sites + p->n_links);
}

void draw_find_owners(struct painter *p)
{
	find_connectors(p);
	find_edges(p);
	find_leaves(p);
}
