/*
 * Accepted domains, and address spaces of which scope hides a part: who takes mail for them.
 * Pure.
 */
#include <stdlib.h>

#include "common/buf.h"
#include "topology/addrspace.h"
#include "topology/advice_private.h"

/* The connector of item I of a node, or null if none may use it: disabled, without a source, or
 * a space that only edges look at. */
static const struct snap_connector *usable(const struct snapshot *snap,
					   const struct snap_node *node, uint32_t i)
{
	uint32_t item = snap_word(snap, node->items, i);
	const struct snap_connector *connector;

	if (item & SNAP_EDGE_BIT)
		return NULL;
	connector = snap_connector(snap, snap_space(snap, item)->connector);
	return connector->enabled && advice_sources(snap, connector) > 0 ? connector : NULL;
}

/* ---- accepted domains ---- */

struct takers {
	bool any;     /* a usable connector matches */
	bool is_sure; /* one of them names the domain, or has a smart host */
};

static void look_at_node(const struct snapshot *snap, const struct snap_node *node,
			 struct takers *takers)
{
	for (uint32_t i = 0; i < node->items.count; i++) {
		const struct snap_connector *connector = usable(snap, node, i);

		if (connector == NULL)
			continue;
		takers->any = true;
		takers->is_sure |= node->kind != NODE_ALL || !connector->dns_routing;
	}
}

/* The most specific node that some connector may use decides. */
static struct takers find_takers(const struct snapshot *snap, const struct snap_domain *domain)
{
	struct takers takers = { false, false };
	struct addrspace_walk walk;
	uint32_t i;

	addrspace_walk_init(&walk, snap, "SMTP", snap_str(snap, domain->domain));
	while (!takers.any && (i = addrspace_walk_next(&walk)) != SNAP_NONE)
		/* "*.d" is not taken by a connector for d alone. */
		if (!domain->wildcard || snap_node(snap, i)->kind != NODE_EXACT)
			look_at_node(snap, snap_node(snap, i), &takers);
	return takers;
}

static void check_relay_domain(const struct advice *a, const struct snap_domain *domain)
{
	const char *text = snap_str(a->snap, domain->domain);
	struct takers takers = find_takers(a->snap, domain);

	if (takers.is_sure)
		return;
	advice_say(a, takers.any ? ADVICE_RELAY_DOMAIN_BY_DNS : ADVICE_RELAY_DOMAIN_NO_CONNECTOR,
		   domain->dn, "waypostDomain", text, "%s%s (%s)", domain->wildcard ? "*." : "", text,
		   domain->type == DOMAIN_INTERNAL_RELAY ? "internal relay" : "external relay");
}

static void check_domains(const struct advice *a)
{
	const struct snap_org *org = snap_org(a->snap);
	uint32_t n = snap_count(a->snap, SNAP_DOMAINS);

	if (n == 0)
		advice_say(a, ADVICE_NO_ACCEPTED_DOMAIN, org->dn, "", "", "the organisation has none");
	else if (org->default_domain == SNAP_NONE)
		advice_say(a, ADVICE_NO_DEFAULT_DOMAIN, org->dn, "", "", "none of %u domains", n);
	for (uint32_t i = 0; i < n; i++)
		if (snap_domain(a->snap, i)->type != DOMAIN_AUTHORITATIVE)
			check_relay_domain(a, snap_domain(a->snap, i));
}

/* ---- scope ---- */

/* Sites with hubs from which an address space is seen. */
struct sight {
	const struct snapshot *snap;
	uint32_t *seen; /* per site: the number of the node that saw it last */
	uint32_t node, count;
	bool everywhere; /* an unscoped connector */
};

static void see(struct sight *sight, uint32_t site)
{
	if (site == SNAP_NONE || sight->seen[site] == sight->node ||
	    !advice_is_served(sight->snap, site))
		return;
	sight->seen[site] = sight->node;
	sight->count++;
}

static void see_connector(struct sight *sight, const struct snap_connector *connector)
{
	const struct snapshot *snap = sight->snap;

	sight->everywhere |= !connector->scoped;
	for (uint32_t i = 0; i < connector->servers.count; i++) {
		uint32_t server = snap_word(snap, connector->servers, i);

		if (advice_is_source(snap, server))
			see(sight, snap_server(snap, server)->peer.site);
	}
	for (uint32_t i = 0; i < connector->edges.count; i++)
		if (advice_is_edge_source(snap, snap_word(snap, connector->edges, i)))
			see(sight, snap_edge(snap, snap_word(snap, connector->edges, i))->peer.site);
}

static void see_node(struct sight *sight, const struct snap_node *node)
{
	for (uint32_t i = 0; i < node->items.count; i++) {
		const struct snap_connector *connector = usable(sight->snap, node, i);

		if (connector != NULL)
			see_connector(sight, connector);
	}
}

/* All nodes that match what NODE matches, less specifically. */
static void see_wider(struct sight *sight, const struct snap_node *node)
{
	const struct snapshot *snap = sight->snap;
	struct addrspace_walk walk;
	uint32_t i;

	/* What a prefix is of, no text tells; above it only "*" is sure to match. */
	addrspace_walk_init(&walk, snap, snap_str(snap, node->type),
			    node->kind == NODE_PREFIX ? "" : snap_str(snap, node->text));
	while ((i = addrspace_walk_next(&walk)) != SNAP_NONE && !sight->everywhere)
		if (snap_node(snap, i)->kind > node->kind ||
		    (snap_node(snap, i)->kind == node->kind && snap_node(snap, i) != node))
			see_node(sight, snap_node(snap, i));
}

static uint32_t first_unseen(const struct sight *sight)
{
	uint32_t site = 0;

	while (!advice_is_served(sight->snap, site) || sight->seen[site] == sight->node)
		site++;
	return site;
}

/* The first usable space of a node stands for all. */
static uint32_t first_space(const struct snapshot *snap, const struct snap_node *node)
{
	uint32_t i = 0;

	while (usable(snap, node, i) == NULL)
		i++;
	return snap_word(snap, node->items, i);
}

static void check_node(const struct advice *a, struct sight *sight, const struct snap_node *node,
		       uint32_t n_served)
{
	const struct snap_space *space;
	const struct snap_connector *connector;
	uint32_t seen, hidden;

	see_node(sight, node);
	seen = sight->count;
	if (sight->everywhere || seen == 0 || seen == n_served)
		return;
	hidden = first_unseen(sight);
	space = snap_space(a->snap, first_space(a->snap, node));
	connector = snap_connector(a->snap, space->connector);
	see_wider(sight, node);
	if (!sight->everywhere && sight->count < n_served)
		hidden = first_unseen(sight);
	advice_say(a, sight->everywhere || sight->count == n_served ? ADVICE_SCOPE_OTHER_WAY :
								      ADVICE_SCOPE_NO_WAY,
		   connector->dn, "waypostScoped", snap_str(a->snap, space->text),
		   "%s of %s: seen from %u of %u sites with hubs, not from %s",
		   snap_str(a->snap, space->text), snap_str(a->snap, connector->name), seen, n_served,
		   advice_site_name(a, hidden));
}

static void check_scopes(const struct advice *a)
{
	uint32_t n_sites = snap_count(a->snap, SNAP_SITES), n_served = 0;
	uint32_t *seen = mem_zero(n_sites + 1, sizeof(*seen));

	for (uint32_t i = 0; i < n_sites; i++)
		n_served += advice_is_served(a->snap, i);
	for (uint32_t i = 0; i < snap_count(a->snap, SNAP_NODES); i++) {
		const struct snap_node *node = snap_node(a->snap, i);
		struct sight sight = { a->snap, seen, i + 1, 0, false };

		if (node->kind < NODE_ACCEPTED_EXACT)
			check_node(a, &sight, node, n_served);
	}
	free(seen);
}

void advice_domains(const struct advice *a)
{
	check_domains(a);
	check_scopes(a);
}
