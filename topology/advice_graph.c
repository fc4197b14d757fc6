/*
 * What the graph says without paths: sites that are apart from the others, and the one link or
 * site whose loss would part them. Pure.
 *
 * One depth-first search over the bipartite graph of sites and links (Tarjan's articulation
 * points), with a stack of its own: linear in sites and memberships, whatever the depth. A vertex
 * parts what hangs below it in the search tree if no edge from there leads above it. Only sites
 * with an active hub count.
 */
#include <stdlib.h>

#include "common/buf.h"
#include "topology/advice_private.h"

/* A site, or a link (its index behind those of the sites). */
struct vertex {
	uint32_t order;  /* of discovery, from 1; 0: not seen yet */
	uint32_t low;    /* the earliest vertex that its subtree has an edge to */
	uint32_t parent;
	uint32_t next;   /* neighbour to look at */
	uint32_t component;
	uint32_t served; /* sites with a hub in its subtree */
	uint32_t sample; /* one of them */
	/* The parts that are left without it, but for the one above it: */
	uint32_t parts, parts_served, largest, smallest, smallest_sample;
};

/* A part of the network that has no way to the others; SAMPLE is the root of its search. */
struct component {
	uint32_t served, sample;
};

struct search {
	const struct advice *a;
	uint32_t n_sites, n;
	struct vertex *vertices;
	uint32_t *stack, depth;
	struct component *components;
	uint32_t n_components;
	uint32_t clock;
};

static struct snap_list neighbours(const struct search *s, uint32_t v)
{
	return v < s->n_sites ? snap_site(s->a->snap, v)->links :
				snap_link(s->a->snap, v - s->n_sites)->sites;
}

static uint32_t neighbour(const struct search *s, uint32_t v, struct snap_list list, uint32_t i)
{
	return snap_word(s->a->snap, list, i) + (v < s->n_sites ? s->n_sites : 0);
}

static void enter(struct search *s, uint32_t v, uint32_t parent)
{
	bool is_served = v < s->n_sites && advice_is_served(s->a->snap, v);

	s->vertices[v] = (struct vertex){ .order = ++s->clock, .low = s->clock, .parent = parent,
					  .component = s->n_components, .served = is_served, .sample = is_served ? v : SNAP_NONE,
					  .smallest = UINT32_MAX };
	s->stack[s->depth++] = v;
}

static void add_part(struct vertex *v, uint32_t served, uint32_t sample)
{
	if (served == 0)
		return;
	v->parts++;
	v->parts_served += served;
	if (served > v->largest)
		v->largest = served;
	if (served < v->smallest) {
		v->smallest = served;
		v->smallest_sample = sample;
	}
}

/* All of V's neighbours were seen. */
static void leave(struct search *s, uint32_t v)
{
	struct vertex *vertex = &s->vertices[v], *parent;

	s->depth--;
	if (vertex->parent == SNAP_NONE)
		return;
	parent = &s->vertices[vertex->parent];
	parent->served += vertex->served;
	if (parent->sample == SNAP_NONE)
		parent->sample = vertex->sample;
	if (vertex->low < parent->low)
		parent->low = vertex->low;
	if (vertex->low >= parent->order)
		add_part(parent, vertex->served, vertex->sample);
}

static void step(struct search *s)
{
	uint32_t v = s->stack[s->depth - 1], to;
	struct vertex *vertex = &s->vertices[v];
	struct snap_list list = neighbours(s, v);

	if (vertex->next == list.count) {
		leave(s, v);
		return;
	}
	to = neighbour(s, v, list, vertex->next++);
	if (s->vertices[to].order == 0)
		enter(s, to, v);
	else if (to != vertex->parent && s->vertices[to].order < vertex->low)
		vertex->low = s->vertices[to].order;
}

static void say_single(const struct search *s, uint32_t v, uint32_t cut, uint32_t rest,
		       uint32_t sample)
{
	const struct advice *a = s->a;
	bool is_site = v < s->n_sites;
	snap_text name = is_site ? snap_site(a->snap, v)->name :
				   snap_link(a->snap, v - s->n_sites)->name;
	snap_text dn = is_site ? snap_site(a->snap, v)->dn : snap_link(a->snap, v - s->n_sites)->dn;

	advice_say(a, is_site ? ADVICE_SINGLE_SITE : ADVICE_SINGLE_LINK, dn, "", "",
		   "%s: without it %u %s with hubs (%s%s) %s cut off from %u other%s",
		   snap_str(a->snap, name), cut, cut == 1 ? "site" : "sites",
		   advice_site_name(a, sample), cut == 1 ? "" : ", …", cut == 1 ? "is" : "are", rest,
		   rest == 1 ? "" : "s");
}

/* What is left of the component without V: the parts below it and, unless it is the root, the
 * part above, which holds the root. */
static void judge(const struct search *s, uint32_t v)
{
	struct vertex vertex = s->vertices[v];
	const struct component *whole = &s->components[vertex.component];
	uint32_t own = v < s->n_sites && advice_is_served(s->a->snap, v);

	if (vertex.parent != SNAP_NONE)
		add_part(&vertex, whole->served - own - vertex.parts_served, whole->sample);
	if (vertex.parts > 1)
		say_single(s, v, vertex.parts_served - vertex.largest, vertex.largest,
			   vertex.smallest_sample);
}

static void explore(struct search *s, uint32_t root)
{
	enter(s, root, SNAP_NONE);
	while (s->depth > 0)
		step(s);
	s->components[s->n_components++] =
		(struct component){ s->vertices[root].served, root };
}

static void say_apart(const struct advice *a, const struct component *c, uint32_t others)
{
	/* A site without any link has a diagnostic of its own. */
	if (snap_site(a->snap, c->sample)->links.count == 0)
		return;
	advice_say(a, ADVICE_SITES_APART, snap_site(a->snap, c->sample)->dn, "", "",
		   "%s%s: %u %s with hubs, without a path to %u other%s",
		   advice_site_name(a, c->sample), c->served == 1 ? "" : ", …", c->served,
		   c->served == 1 ? "site" : "sites", others, others == 1 ? "" : "s");
}

/* All parts but the largest, of several equal ones but the first. */
static void judge_components(const struct search *s)
{
	const struct component *list = s->components;
	uint32_t largest = 0, served = 0;

	for (uint32_t i = 0; i < s->n_components; i++) {
		served += list[i].served;
		if (list[i].served > list[largest].served)
			largest = i;
	}
	for (uint32_t i = 0; i < s->n_components; i++)
		if (i != largest)
			say_apart(s->a, &list[i], served - list[i].served);
}

void advice_graph(const struct advice *a)
{
	struct search s = { .a = a, .n_sites = snap_count(a->snap, SNAP_SITES) };

	s.n = s.n_sites + snap_count(a->snap, SNAP_LINKS);
	s.vertices = mem_zero(s.n + 1, sizeof(*s.vertices));
	s.stack = mem_alloc((s.n + 1) * sizeof(*s.stack));
	s.components = mem_alloc((s.n_sites + 1) * sizeof(*s.components));
	/* Roots have hubs, so every part is found that has any. */
	for (uint32_t site = 0; site < s.n_sites; site++)
		if (s.vertices[site].order == 0 && advice_is_served(a->snap, site))
			explore(&s, site);
	judge_components(&s);
	for (uint32_t v = 0; v < s.n; v++)
		if (s.vertices[v].order != 0)
			judge(&s, v);
	free(s.vertices);
	free(s.stack);
	free(s.components);
}
