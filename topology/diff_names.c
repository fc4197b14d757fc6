/* Names of both sides joined, and whether anything differs at all: see diff_private.h. Pure. */
#include <string.h>

#include "topology/diff_private.h"

const char *diff_key(const struct snapshot *snap, enum snap_section_id section, uint32_t i)
{
	if (i == SNAP_NONE)
		return "";
	switch (section) {
	case SNAP_SITES:
		return snap_str(snap, snap_site(snap, i)->key);
	case SNAP_SERVERS:
		return snap_str(snap, snap_server(snap, i)->peer.key);
	case SNAP_EDGES:
		return snap_str(snap, snap_edge(snap, i)->peer.key);
	case SNAP_DOMAINS:
		return snap_str(snap, snap_domain(snap, i)->key);
	default:
		return snap_str(snap, snap_connector(snap, i)->key);
	}
}

static const char *name_of(const struct snapshot *snap, enum snap_section_id section, uint32_t i)
{
	switch (section) {
	case SNAP_SITES:
		return snap_str(snap, snap_site(snap, i)->name);
	case SNAP_SERVERS:
		return snap_str(snap, snap_server(snap, i)->peer.name);
	case SNAP_EDGES:
		return snap_str(snap, snap_edge(snap, i)->peer.name);
	case SNAP_DOMAINS:
		return snap_str(snap, snap_domain(snap, i)->name);
	default:
		return snap_str(snap, snap_connector(snap, i)->name);
	}
}

/* <0, 0, >0 by the keys of record I of the old and record K of the new side; the end is last. */
static int compare_at(const struct snapshot *const *snap, enum snap_section_id section, uint32_t i,
		      uint32_t k)
{
	if (i == snap_count(snap[OLD], section))
		return 1;
	if (k == snap_count(snap[NEW], section))
		return -1;
	return strcmp(diff_key(snap[OLD], section, i), diff_key(snap[NEW], section, k));
}

struct diff_names diff_names_join(TALLOC_CTX *ctx, const struct snapshot *const *snap,
				  enum snap_section_id section)
{
	uint32_t n[SIDES] = { snap_count(snap[OLD], section), snap_count(snap[NEW], section) };
	uint32_t room = n[OLD] + n[NEW] + 1, i = 0, k = 0;
	struct diff_names names = { .name = talloc_array(ctx, const char *, room) };

	for (int side = OLD; side < SIDES; side++) {
		names.index[side] = talloc_array(ctx, uint32_t, room);
		names.joined[side] = talloc_array(ctx, uint32_t, n[side] + 1);
	}
	while (i < n[OLD] || k < n[NEW]) { /* records are in the order of their keys */
		int order = compare_at(snap, section, i, k);
		uint32_t at = names.count++;

		names.name[at] = order < 0 ? name_of(snap[OLD], section, i) :
					     name_of(snap[NEW], section, k);
		names.index[OLD][at] = order <= 0 ? i : SNAP_NONE;
		names.index[NEW][at] = order >= 0 ? k : SNAP_NONE;
		if (order <= 0)
			names.joined[OLD][i++] = at;
		if (order >= 0)
			names.joined[NEW][k++] = at;
	}
	return names;
}

bool diff_same_list(const struct diff *d, enum snap_section_id section, struct snap_list old,
		    struct snap_list new)
{
	if (old.count != new.count)
		return false;
	for (uint32_t i = 0; i < old.count; i++)
		if (strcmp(diff_key(d->snap[OLD], section, snap_word(d->snap[OLD], old, i)),
			   diff_key(d->snap[NEW], section, snap_word(d->snap[NEW], new, i))) != 0)
			return false;
	return true;
}

static bool same_text(const struct diff *d, snap_text old, snap_text new)
{
	return strcmp(snap_str(d->snap[OLD], old), snap_str(d->snap[NEW], new)) == 0;
}

static bool same_count(const struct diff *d, enum snap_section_id section)
{
	return snap_count(d->snap[OLD], section) == snap_count(d->snap[NEW], section);
}

static bool same_ref(const struct diff *d, enum snap_section_id section, uint32_t old, uint32_t new)
{
	return strcmp(diff_key(d->snap[OLD], section, old), diff_key(d->snap[NEW], section, new)) == 0;
}

/* ---- paths ---- */

static bool same_site(const struct diff *d, uint32_t i)
{
	const struct snap_site *x = snap_site(d->snap[OLD], i), *y = snap_site(d->snap[NEW], i);

	return same_text(d, x->key, y->key) && x->is_hub == y->is_hub && x->inbound == y->inbound &&
	       x->has_active_hub == y->has_active_hub && diff_same_list(d, SNAP_SERVERS, x->hubs, y->hubs);
}

static bool same_link(const struct diff *d, uint32_t i)
{
	const struct snap_link *x = snap_link(d->snap[OLD], i), *y = snap_link(d->snap[NEW], i);

	return same_text(d, x->key, y->key) && x->cost == y->cost && x->max_size == y->max_size &&
	       diff_same_list(d, SNAP_SITES, x->sites, y->sites);
}

static bool same_server(const struct diff *d, uint32_t i)
{
	const struct snap_server *x = snap_server(d->snap[OLD], i), *y = snap_server(d->snap[NEW], i);

	return same_text(d, x->peer.key, y->peer.key) && same_text(d, x->peer.dn_key, y->peer.dn_key) &&
	       same_text(d, x->peer.fqdn, y->peer.fqdn) && x->roles == y->roles && x->state == y->state &&
	       same_ref(d, SNAP_SITES, x->peer.site, y->peer.site);
}

static bool same_servers(const struct diff *d)
{
	if (!same_count(d, SNAP_SERVERS))
		return false;
	for (uint32_t i = 0; i < snap_count(d->snap[OLD], SNAP_SERVERS); i++)
		if (!same_server(d, i))
			return false;
	return true;
}

bool diff_same_network(const struct diff *d)
{
	if (!same_count(d, SNAP_SITES) || !same_count(d, SNAP_LINKS) || !same_servers(d) ||
	    snap_org(d->snap[OLD])->size_aware != snap_org(d->snap[NEW])->size_aware)
		return false;
	for (uint32_t i = 0; i < snap_count(d->snap[OLD], SNAP_SITES); i++)
		if (!same_site(d, i))
			return false;
	for (uint32_t i = 0; i < snap_count(d->snap[OLD], SNAP_LINKS); i++)
		if (!same_link(d, i))
			return false;
	return true;
}

/* ---- connectors ---- */

static bool same_spaces(const struct diff *d, struct snap_list old, struct snap_list new)
{
	if (old.count != new.count)
		return false;
	for (uint32_t i = 0; i < old.count; i++) {
		const struct snap_space *x = snap_space(d->snap[OLD], old.first + i);
		const struct snap_space *y = snap_space(d->snap[NEW], new.first + i);

		if (x->cost != y->cost || !same_text(d, x->text, y->text))
			return false;
	}
	return true;
}

static bool same_connector(const struct diff *d, uint32_t i)
{
	const struct snap_connector *x = snap_connector(d->snap[OLD], i);
	const struct snap_connector *y = snap_connector(d->snap[NEW], i);

	return same_text(d, x->key, y->key) && x->enabled == y->enabled && x->scoped == y->scoped &&
	       x->max_message_size == y->max_message_size && same_spaces(d, x->spaces, y->spaces) &&
	       diff_same_list(d, SNAP_SERVERS, x->servers, y->servers) &&
	       diff_same_list(d, SNAP_EDGES, x->edges, y->edges);
}

static bool same_edge(const struct diff *d, uint32_t i)
{
	const struct snap_edge *x = snap_edge(d->snap[OLD], i), *y = snap_edge(d->snap[NEW], i);

	return same_text(d, x->peer.key, y->peer.key) && x->enabled == y->enabled &&
	       same_ref(d, SNAP_SITES, x->peer.site, y->peer.site);
}

static bool same_domain(const struct diff *d, uint32_t i)
{
	const struct snap_domain *x = snap_domain(d->snap[OLD], i), *y = snap_domain(d->snap[NEW], i);

	return same_text(d, x->key, y->key) && same_text(d, x->domain, y->domain) &&
	       same_text(d, x->catch_all, y->catch_all) && x->type == y->type &&
	       x->wildcard == y->wildcard && x->is_default == y->is_default && x->lookup == y->lookup &&
	       same_ref(d, SNAP_SERVERS, x->default_home, y->default_home);
}

static bool same_domains(const struct diff *d)
{
	if (!same_count(d, SNAP_DOMAINS))
		return false;
	for (uint32_t i = 0; i < snap_count(d->snap[OLD], SNAP_DOMAINS); i++)
		if (!same_domain(d, i))
			return false;
	return true;
}

bool diff_same_connectors(const struct diff *d)
{
	if (!same_count(d, SNAP_CONNECTORS) || !same_count(d, SNAP_EDGES) || !same_domains(d))
		return false;
	for (uint32_t i = 0; i < snap_count(d->snap[OLD], SNAP_CONNECTORS); i++)
		if (!same_connector(d, i))
			return false;
	for (uint32_t i = 0; i < snap_count(d->snap[OLD], SNAP_EDGES); i++)
		if (!same_edge(d, i))
			return false;
	return true;
}

/* ---- resolution ---- */

bool diff_same_resolution(const struct diff *d)
{
	const struct snap_org *x = snap_org(d->snap[OLD]), *y = snap_org(d->snap[NEW]);

	return same_text(d, x->postmaster, y->postmaster) &&
	       same_text(d, x->subaddress_delimiter, y->subaddress_delimiter) &&
	       x->expansion_limit == y->expansion_limit &&
	       same_ref(d, SNAP_SERVERS, x->default_home, y->default_home) && same_servers(d) &&
	       same_domains(d);
}
