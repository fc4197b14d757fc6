/*
 * What the paths from all sites say: hub sites and links that nobody uses, sites without a hub
 * that win a tie, links that are narrow, stops with one server. Pure.
 *
 * The paths from one site are a tree. What hangs below a site of it is counted from the leaves
 * up, so a look is linear in sites; ties are looked for only where a site without a hub lies on
 * a path, and then cost one pass over the memberships.
 */
#include <stdlib.h>

#include "common/buf.h"
#include "topology/advice_private.h"
#include "topology/paths.h"

/* What is known of one site from all looks so far. */
struct passage {
	uint64_t pairs;    /* sender and destination with the site between them */
	uint64_t tied;     /* of those, where an equal path leads over a site with a hub */
	uint32_t from, to; /* the first pair */
	uint32_t tied_from, tied_to, rival; /* the first tie, and the site it might have been */
};

/* Of one look: what hangs below a site in the tree of paths. */
struct below {
	uint32_t served; /* sites with a hub, itself among them */
	uint32_t sample; /* one of them below it; SNAP_NONE: none */
};

/* Of one look: the nearest sites of a link. */
struct nearest {
	uint64_t cost;
	uint32_t hops;
	uint32_t site; /* the first of them with a hub, or SNAP_NONE */
};

struct advice_paths {
	const struct advice *a;
	uint32_t n_sites, n_links;
	struct passage *passages; /* per site */
	bool *is_used;            /* per link */
	struct below *below;
	struct nearest *nearest;
	uint32_t *order;  /* sites with a path, by hops */
	uint32_t *counts; /* for sorting */
};

struct advice_paths *advice_paths_new(const struct advice *a)
{
	struct advice_paths *p = mem_zero(1, sizeof(*p));

	p->a = a;
	p->n_sites = snap_count(a->snap, SNAP_SITES);
	p->n_links = snap_count(a->snap, SNAP_LINKS);
	p->passages = mem_zero(p->n_sites + 1, sizeof(*p->passages));
	p->is_used = mem_zero(p->n_links + 1, sizeof(*p->is_used));
	p->below = mem_alloc((p->n_sites + 1) * sizeof(*p->below));
	p->nearest = mem_alloc((p->n_links + 1) * sizeof(*p->nearest));
	p->order = mem_alloc((p->n_sites + 1) * sizeof(*p->order));
	p->counts = mem_alloc((p->n_sites + 2) * sizeof(*p->counts));
	return p;
}

/* Counting sort: nearer sites, by hops, come first. How many have a path. */
static uint32_t sort_by_hops(struct advice_paths *p, const struct viewpoint_hop *hops)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i <= p->n_sites; i++)
		p->counts[i] = 0;
	for (uint32_t i = 0; i < p->n_sites; i++)
		if (hops[i].cost != UINT64_MAX)
			p->counts[hops[i].hops + 1]++;
	for (uint32_t i = 0; i < p->n_sites; i++)
		p->counts[i + 1] += p->counts[i];
	for (uint32_t i = 0; i < p->n_sites; i++)
		if (hops[i].cost != UINT64_MAX) {
			p->order[p->counts[hops[i].hops]++] = i;
			n++;
		}
	return n;
}

/* Adds up from the farthest sites to the nearest. */
static void count_below(struct advice_paths *p, const struct viewpoint_hop *hops, uint32_t n)
{
	for (uint32_t i = 0; i < p->n_sites; i++)
		p->below[i] = (struct below){ advice_is_served(p->a->snap, i), SNAP_NONE };
	while (n-- > 0) {
		uint32_t site = p->order[n], previous = hops[site].previous;
		const struct below *b = &p->below[site];

		if (previous == SNAP_NONE || b->served == 0)
			continue;
		p->below[previous].served += b->served;
		if (p->below[previous].sample == SNAP_NONE)
			p->below[previous].sample = advice_is_served(p->a->snap, site) ? site : b->sample;
	}
}

static uint32_t pairs_over(const struct advice_paths *p, uint32_t site)
{
	return p->below[site].served - advice_is_served(p->a->snap, site);
}

/* True if a site without a hub lies between two others. */
static bool count_passages(struct advice_paths *p, uint32_t from, bool is_main)
{
	bool has_empty = false;

	for (uint32_t i = 0; i < p->n_sites; i++) {
		struct passage *passage = &p->passages[i];

		if (i == from || p->below[i].sample == SNAP_NONE)
			continue;
		if (passage->pairs == 0) {
			passage->from = from;
			passage->to = p->below[i].sample;
		}
		/* Pairs are counted once; of other size classes only that there are any. */
		if (is_main || passage->pairs == 0)
			passage->pairs += pairs_over(p, i);
		has_empty |= !advice_is_served(p->a->snap, i);
	}
	return has_empty;
}

static void mark_links(struct advice_paths *p, const struct viewpoint_hop *hops)
{
	for (uint32_t i = 0; i < p->n_sites; i++)
		if (hops[i].link != SNAP_NONE && p->below[i].served > 0)
			p->is_used[hops[i].link] = true;
}

/* ---- ties ---- */

static void find_nearest(struct advice_paths *p, const struct viewpoint_hop *hops)
{
	const struct snapshot *snap = p->a->snap;

	for (uint32_t link = 0; link < p->n_links; link++) {
		struct snap_list sites = snap_link(snap, link)->sites;
		struct nearest best = { UINT64_MAX, UINT32_MAX, SNAP_NONE };

		for (uint32_t i = 0; i < sites.count; i++) {
			uint32_t site = snap_word(snap, sites, i);
			const struct viewpoint_hop *hop = &hops[site];

			if (hop->cost == UINT64_MAX || hop->cost > best.cost ||
			    (hop->cost == best.cost && hop->hops > best.hops))
				continue;
			if (hop->cost != best.cost || hop->hops != best.hops)
				best = (struct nearest){ hop->cost, hop->hops, SNAP_NONE };
			if (best.site == SNAP_NONE && advice_is_served(snap, site))
				best.site = site;
		}
		p->nearest[link] = best;
	}
}

/* A site with a hub that the path to SITE might as well have come from, or SNAP_NONE. */
static uint32_t find_rival(const struct advice_paths *p, const struct viewpoint_hop *hops,
			   uint32_t site)
{
	const struct snapshot *snap = p->a->snap;
	struct snap_list links = snap_site(snap, site)->links;

	for (uint32_t i = 0; i < links.count; i++) {
		uint32_t link = snap_word(snap, links, i);
		const struct nearest *nearest = &p->nearest[link];

		if (nearest->site != SNAP_NONE && nearest->hops + 1 == hops[site].hops &&
		    nearest->cost + snap_link(snap, link)->cost == hops[site].cost)
			return nearest->site;
	}
	return SNAP_NONE;
}

static void look_for_tie(struct advice_paths *p, uint32_t from, const struct viewpoint_hop *hops,
			 uint32_t site)
{
	uint32_t previous = hops[site].previous, rival;
	struct passage *passage;

	if (previous == SNAP_NONE || previous == from || p->below[site].served == 0 ||
	    advice_is_served(p->a->snap, previous))
		return;
	rival = find_rival(p, hops, site);
	if (rival == SNAP_NONE)
		return;
	passage = &p->passages[previous];
	if (passage->tied == 0) {
		passage->tied_from = from;
		passage->tied_to = advice_is_served(p->a->snap, site) ? site : p->below[site].sample;
		passage->rival = rival;
	}
	passage->tied += p->below[site].served;
}

void advice_paths_look(struct advice_paths *p, uint32_t from, const struct viewpoint_hop *hops,
		       bool is_main)
{
	count_below(p, hops, sort_by_hops(p, hops));
	mark_links(p, hops);
	if (!count_passages(p, from, is_main) || !is_main)
		return;
	find_nearest(p, hops);
	for (uint32_t site = 0; site < p->n_sites; site++)
		if (hops[site].cost != UINT64_MAX)
			look_for_tie(p, from, hops, site);
}

/* ---- what all looks say ---- */

static uint32_t active_hubs(const struct snapshot *snap, const struct snap_site *site)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < site->hubs.count; i++)
		n += snap_server(snap, snap_word(snap, site->hubs, i))->state == SERVER_ACTIVE;
	return n;
}

static void judge_stop(const struct advice_paths *p, const struct snap_site *site,
		       const struct passage *passage)
{
	const char *name = snap_str(p->a->snap, site->name);

	if (passage->pairs == 0)
		advice_say(p->a, ADVICE_HUB_SITE_UNUSED, site->dn, "waypostHubSite", "TRUE", "%s",
			   name);
	else if (active_hubs(p->a->snap, site) == 1)
		advice_say(p->a, ADVICE_SINGLE_HUB, site->dn, "", "",
			   "%s: on %llu paths, the first from %s to %s", name,
			   (unsigned long long)passage->pairs,
			   advice_site_name(p->a, passage->from),
			   advice_site_name(p->a, passage->to));
}

static void judge_site(const struct advice_paths *p, uint32_t i)
{
	const struct snap_site *site = snap_site(p->a->snap, i);
	const struct passage *passage = &p->passages[i];

	if (paths_is_stop(site))
		judge_stop(p, site, passage);
	if (passage->tied > 0)
		advice_say(p->a, ADVICE_EMPTY_SITE_WINS, site->dn, "", "",
			   "%s, not %s, from %s to %s (%llu such paths)", advice_site_name(p->a, i),
			   advice_site_name(p->a, passage->rival),
			   advice_site_name(p->a, passage->tied_from),
			   advice_site_name(p->a, passage->tied_to),
			   (unsigned long long)passage->tied);
}

static bool is_narrow(const struct snap_link *link, const struct snap_org *org)
{
	return link->max_size > 0 && (org->max_send_size == 0 || link->max_size < org->max_send_size);
}

static void judge_link(const struct advice_paths *p, uint32_t i)
{
	const struct snapshot *snap = p->a->snap;
	const struct snap_link *link = snap_link(snap, i);
	const char *name = snap_str(snap, link->name);

	/* Fewer than two sites: a diagnostic says so. */
	if (!p->is_used[i] && link->sites.count > 1)
		advice_say(p->a, ADVICE_LINK_UNUSED, link->dn, "waypostCost", "",
			   "%s: cost %u, joins %u sites", name, link->cost, link->sites.count);
	if (p->is_used[i] && !snap_org(snap)->size_aware && is_narrow(link, snap_org(snap)))
		advice_say(p->a, ADVICE_LINK_NARROW, link->dn, "waypostMaxMessageSize", "",
			   "%s: at most %llu octets", name, (unsigned long long)link->max_size);
}

void advice_paths_end(struct advice_paths *p)
{
	for (uint32_t i = 0; i < p->n_sites; i++)
		judge_site(p, i);
	for (uint32_t i = 0; i < p->n_links; i++)
		judge_link(p, i);
	free(p->passages);
	free(p->is_used);
	free(p->below);
	free(p->nearest);
	free(p->order);
	free(p->counts);
	free(p);
}
