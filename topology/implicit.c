/* Implicit connectors: see implicit.h; routing rules §6. Pure. */
#include "topology/implicit.h"

#include "topology/route.h"
#include "topology/viewpoint_private.h"

struct listing {
	const struct viewpoint *vp;
	struct implicit_connector *list;
	uint32_t count;
};

const char *implicit_name(TALLOC_CTX *ctx, enum implicit_kind kind, const char *target)
{
	static const char *const prefixes[] = {
		[IMPLICIT_SITE] = "Implicit to ",
		[IMPLICIT_WITHIN] = "Implicit within ",
		[IMPLICIT_EDGE] = "Implicit to edge ",
		[IMPLICIT_MAILBOX] = "Mailbox ",
	};

	return talloc_asprintf(ctx, "%s%s", prefixes[kind], target);
}

static struct implicit_connector *add(struct listing *l, enum implicit_kind kind, uint32_t target,
				      snap_text name)
{
	struct implicit_connector *c = &l->list[l->count++];

	*c = (struct implicit_connector){ .kind = kind, .target = target, .reachable = true };
	c->name = implicit_name(l->list, kind, snap_str(l->vp->snap, name));
	return c;
}

static void add_peer(struct listing *l, struct implicit_connector *c, const struct snap_peer *peer)
{
	c->servers = talloc_array(l->list, const struct snap_peer *, 1);
	c->servers[0] = peer;
	c->n_servers = 1;
}

/* Path, stops, backoff and candidates are those of a message for the site. */
static void add_site(struct listing *l, uint32_t site)
{
	const struct snapshot *snap = l->vp->snap;
	const struct snap_site *record = snap_site(snap, site);
	const struct viewpoint_hop *hop = viewpoint_hop(l->vp, 0, site);
	struct implicit_connector *c;
	struct route_answer *answer;
	struct route_decision decision = { .outcome = ROUTE_RELAY_SITE, .site = site,
					   .connector = SNAP_NONE };

	if (site == l->vp->site || !record->has_active_hub)
		return;
	c = add(l, IMPLICIT_SITE, site, record->name);
	c->reachable = hop != NULL && record->inbound;
	if (hop == NULL)
		return;
	decision.next_stop = hop->next_stop;
	answer = route_answer_new(l->list, l->vp, &decision);
	c->cost = hop->cost;
	c->hops = hop->hops;
	c->max_size = hop->max_size;
	c->path = answer->path;
	c->stops = answer->stops;
	c->backoff = answer->backoff;
	c->servers = answer->servers;
	c->n_path = answer->n_path;
	c->n_stops = answer->n_stops;
	c->n_backoff = answer->n_backoff;
	c->n_servers = answer->n_servers;
}

/* Within the site: its other active hubs. */
static void add_within(struct listing *l)
{
	const struct snapshot *snap = l->vp->snap;
	const struct snap_site *site = snap_site(snap, l->vp->site);
	struct implicit_connector *c = add(l, IMPLICIT_WITHIN, l->vp->site, site->name);

	c->servers = talloc_array(l->list, const struct snap_peer *, site->hubs.count);
	for (uint32_t i = 0; i < site->hubs.count; i++) {
		uint32_t server = snap_word(snap, site->hubs, i);

		if (server != l->vp->server && viewpoint_is_active_hub(l->vp, server))
			c->servers[c->n_servers++] = &snap_server(snap, server)->peer;
	}
}

static void add_local(struct listing *l)
{
	const struct snapshot *snap = l->vp->snap;
	const struct snap_site *site = snap_site(snap, l->vp->site);

	add_within(l);
	for (uint32_t i = 0; i < site->edges.count; i++) {
		uint32_t edge = snap_word(snap, site->edges, i);
		const struct snap_peer *peer = &snap_edge(snap, edge)->peer;

		add_peer(l, add(l, IMPLICIT_EDGE, edge, peer->name), peer);
	}
	for (uint32_t i = 0; i < site->mailboxes.count; i++) {
		uint32_t server = snap_word(snap, site->mailboxes, i);
		const struct snap_peer *peer = &snap_server(snap, server)->peer;

		add_peer(l, add(l, IMPLICIT_MAILBOX, server, peer->name), peer);
	}
}

uint32_t implicit_list(TALLOC_CTX *ctx, const struct viewpoint *vp,
		       struct implicit_connector **list_r)
{
	const struct snapshot *snap = vp->snap;
	uint32_t n_sites = snap_count(snap, SNAP_SITES), room = n_sites + 1;
	struct listing l = { .vp = vp };

	if (vp->site != SNAP_NONE)
		room += snap_site(snap, vp->site)->edges.count +
			snap_site(snap, vp->site)->mailboxes.count;
	l.list = talloc_zero_array(ctx, struct implicit_connector, room);
	if (vp->site != SNAP_NONE) {
		for (uint32_t site = 0; site < n_sites; site++)
			add_site(&l, site);
		add_local(&l);
	}
	*list_r = l.list;
	return l.count;
}
