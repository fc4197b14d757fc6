/* Sites, links and subnets of the generator: the shape. Pure. */
#include <stdio.h>

#include "topology/generate_private.h"

/* What a line costs by its length, and how wide lines of that class may be. */
static const struct distance_class {
	uint32_t km, cost;
	uint32_t limit; /* of those that have one, in MiB; 0: none has */
} classes[] = {
	{ 60, 5, 0 }, { 800, 10, 0 }, { 2500, 25, 30 }, { 7000, 60, 20 }, { UINT32_MAX, 120, 10 },
};

static const struct distance_class *class_of(uint32_t a, uint32_t b)
{
	const struct distance_class *class = classes;
	uint64_t distance = generate_distance(a, b);

	while (distance > (uint64_t)class->km * class->km)
		class++;
	return class;
}

static bool is_hub_site(const struct generator *g, uint32_t i)
{
	return i < g->centres + g->regions || (g->p->shape == GENERATE_RING && i % 10 == 0);
}

static void make_site(struct generator *g, uint32_t i)
{
	char name[GENERATE_NAME_SIZE], rdn[GENERATE_NAME_SIZE + 8];
	struct entry *entry;

	generate_site_name(i, name);
	snprintf(rdn, sizeof(rdn), "cn=%s", name);
	entry = generate_begin(g, rdn, "cn=Sites,cn=Waypost", "waypostSite");
	if (is_hub_site(g, i))
		generate_set(entry, "HubSite", "TRUE");
	generate_end(g, entry);
}

static void add_member(struct generator *g, struct entry *link, uint32_t site)
{
	char name[GENERATE_NAME_SIZE];

	generate_site_name(site, name);
	generate_set(link, "LinkedSite", "%s", generate_dn(g, "Sites", name));
}

/* The number comes first in a link's name: lines between the same two sites are common. */
static void make_link(struct generator *g, uint32_t a, uint32_t b)
{
	const struct distance_class *class = class_of(a, b);
	struct draw draw = draw_for(g, DRAW_LINK, g->links_made);
	char from[GENERATE_NAME_SIZE], to[GENERATE_NAME_SIZE], rdn[2 * GENERATE_NAME_SIZE + 32];
	struct entry *entry;

	generate_site_name(a, from);
	generate_site_name(b, to);
	snprintf(rdn, sizeof(rdn), "cn=L%06u %s - %s", ++g->links_made, from, to);
	entry = generate_begin(g, rdn, "cn=Site Links,cn=Waypost", "waypostSiteLink");
	add_member(g, entry, a);
	add_member(g, entry, b);
	generate_set(entry, "Cost", "%u", class->cost);
	if (draw_once_in(&draw, 10))
		generate_set(entry, "MailCost", "%u", class->cost * (2 + draw_below(&draw, 3)) / 2);
	if (class->limit > 0 && !(a < g->centres && b < g->centres) && draw_once_in(&draw, 4))
		generate_set(entry, "MaxMessageSize", "%u", class->limit << 20);
	generate_end(g, entry);
}

/* A provider's cloud: sites that lie anywhere. */
static void make_wide_link(struct generator *g, uint32_t i)
{
	uint32_t n = g->p->sites, first = i * (n / (g->p->wide_links + 1));
	char rdn[GENERATE_NAME_SIZE];
	struct entry *entry;

	snprintf(rdn, sizeof(rdn), "cn=Cloud %u", i + 1);
	entry = generate_begin(g, rdn, "cn=Site Links,cn=Waypost", "waypostSiteLink");
	for (uint32_t k = 0; k < g->p->wide_members; k++)
		add_member(g, entry, (first + k) % n);
	generate_set(entry, "Cost", "200");
	generate_end(g, entry);
}

/* The site of FROM … TO-1 that is nearest to SITE. */
static uint32_t nearest(uint32_t site, uint32_t from, uint32_t to)
{
	uint32_t best = from;

	for (uint32_t i = from; i < to; i++)
		if (generate_distance(site, i) < generate_distance(site, best))
			best = i;
	return best;
}

/* The nearest of three drawn out of FROM … TO-1, SITE left out if it lies there. */
static uint32_t draw_near(struct draw *draw, uint32_t site, uint32_t from, uint32_t to)
{
	bool inside = site >= from && site < to;
	uint32_t best = UINT32_MAX;

	for (int i = 0; i < 3; i++) {
		uint32_t drawn = from + draw_below(draw, to - from - inside);

		drawn += inside && drawn >= site;
		if (best == UINT32_MAX || generate_distance(site, drawn) < generate_distance(site, best))
			best = drawn;
	}
	return best;
}

/* Centres all joined; those behind them each to the nearest one above. */
static void join_levels(struct generator *g)
{
	uint32_t centres = g->centres, behind = centres + g->regions;

	for (uint32_t a = 0; a < centres; a++)
		for (uint32_t b = a + 1; b < centres; b++)
			make_link(g, a, b);
	for (uint32_t i = centres; i < behind; i++)
		make_link(g, i, nearest(i, 0, centres));
	for (uint32_t i = behind; i < g->p->sites && g->rc == 0; i++)
		make_link(g, i, g->regions > 0 ? nearest(i, centres, behind) : nearest(i, 0, centres));
}

static void join_mesh(struct generator *g)
{
	for (uint32_t i = 1; i < g->p->sites && g->rc == 0; i++) {
		struct draw draw = draw_for(g, DRAW_LINK, g->links + i);

		make_link(g, i, draw_near(&draw, i, 0, i));
	}
}

static void join_ring(struct generator *g)
{
	uint32_t n = g->p->sites;

	for (uint32_t i = 0; i < (n > 2 ? n : n - 1) && g->rc == 0; i++)
		make_link(g, i, (i + 1) % n);
}

/* Second lines: of branches to other centres; without centres, of any two sites near each other. */
static void join_more(struct generator *g)
{
	uint32_t n = g->p->sites, upper = g->centres + g->regions;
	bool to_centres = upper > 1 && upper < n;
	uint32_t from = to_centres ? upper : 0, to = to_centres ? upper : n;

	while (g->links_made < g->links - g->p->wide_links && g->rc == 0) {
		struct draw draw = draw_for(g, DRAW_LINK, g->links + n + g->links_made);
		uint32_t site = from + draw_below(&draw, n - from);

		make_link(g, site, draw_near(&draw, site, 0, to));
	}
}

int generate_subnet(uint32_t site, uint32_t k, char prefix[static GENERATE_NAME_SIZE])
{
	if (k == 0 && site < 65536) {
		snprintf(prefix, GENERATE_NAME_SIZE, "10.%u.%u.", site >> 8, site & 255);
		return 24;
	}
	snprintf(prefix, GENERATE_NAME_SIZE, "fd57:%x:%x:%x::", site >> 16, site & 65535, k);
	return 64;
}

static void make_subnet(struct generator *g, uint32_t site, uint32_t k)
{
	char name[GENERATE_NAME_SIZE], prefix[GENERATE_NAME_SIZE], rdn[GENERATE_NAME_SIZE + 32];
	int length = generate_subnet(site, k, prefix);
	struct entry *entry;

	snprintf(rdn, sizeof(rdn), "cn=%s%s/%d", prefix, length == 24 ? "0" : "", length);
	entry = generate_begin(g, rdn, "cn=Subnets,cn=Waypost", "waypostSubnet");
	generate_site_name(site, name);
	generate_set(entry, "SiteDN", "%s", generate_dn(g, "Sites", name));
	generate_end(g, entry);
}

void generate_sites(struct generator *g)
{
	for (uint32_t i = 0; i < g->p->sites && g->rc == 0; i++)
		make_site(g, i);
	if (g->p->shape == GENERATE_MESH)
		join_mesh(g);
	else if (g->p->shape == GENERATE_RING)
		join_ring(g);
	else
		join_levels(g);
	if (g->p->sites > 1)
		join_more(g);
	for (uint32_t i = 0; i < g->p->wide_links && g->rc == 0; i++)
		make_wide_link(g, i);
	for (uint32_t i = 0; i < g->p->sites && g->rc == 0; i++)
		for (uint32_t k = 0; k < g->p->subnets_per_site; k++)
			make_subnet(g, i, k);
}
