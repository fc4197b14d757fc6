/*
 * Design warnings: what an expert would say about a directory that is well formed. Pure.
 *
 * Runs over the finished image; each check is one function of one rule.
 */
#include <string.h>

#include "topology/load_private.h"

struct checker {
	struct loader *ld;
	struct snapshot snap;
};

static void warn(struct checker *c, enum diag_id row, snap_text dn, const char *attribute)
{
	load_diag(c->ld, row, snap_str(&c->snap, dn), attribute, NULL, 0);
	/* The note's own texts may have moved the image. */
	image_view(&c->ld->image, &c->snap);
}

static void check_links(struct checker *c)
{
	for (uint32_t i = 0; i < snap_count(&c->snap, SNAP_LINKS); i++)
		if (snap_link(&c->snap, i)->sites.count < 2)
			warn(c, DIAG_LINK_WITHOUT_SITES, snap_link(&c->snap, i)->dn,
			     "waypostLinkedSite");
}

static void check_sites(struct checker *c)
{
	uint32_t n = snap_count(&c->snap, SNAP_SITES);

	for (uint32_t i = 0; i < n && n > 1; i++) {
		const struct snap_site *site = snap_site(&c->snap, i);

		if (site->links.count == 0 && site->hubs.count + site->mailboxes.count > 0)
			warn(c, DIAG_SITE_UNLINKED, site->dn, "");
	}
}

/* An edge's own directory: it shows the hubs that are smart host `--`, and no site. */
static bool is_of_an_edge(const struct snapshot *snap)
{
	for (uint32_t i = 0; i < snap_count(snap, SNAP_SERVERS); i++)
		if (snap_server(snap, i)->roles == ROLE_EDGE && snap_count(snap, SNAP_SITES) == 0)
			return true;
	return false;
}

static void check_servers(struct checker *c)
{
	bool wants_site = !is_of_an_edge(&c->snap);

	for (uint32_t i = 0; i < snap_count(&c->snap, SNAP_SERVERS); i++) {
		const struct snap_server *server = snap_server(&c->snap, i);

		if (wants_site && server->peer.site == SNAP_NONE &&
		    (server->roles & (ROLE_HUB | ROLE_MAILBOX)))
			warn(c, DIAG_SERVER_WITHOUT_SITE, server->peer.dn, "waypostSiteDN");
		if (server->peer.cert_hashes.count == 0 && (server->roles & ROLE_HUB) &&
		    server->state != SERVER_DISABLED)
			warn(c, DIAG_SERVER_NO_CERTIFICATE, server->peer.dn,
			     "waypostCertificateHash");
		if ((server->roles & ROLE_MAILBOX) && !snap_has(server->mailbox_delivery))
			warn(c, DIAG_HOME_NOT_DELIVERABLE, server->peer.dn,
			     "waypostMailboxDelivery");
	}
	for (uint32_t i = 0; i < snap_count(&c->snap, SNAP_EDGES); i++)
		if (snap_edge(&c->snap, i)->peer.site == SNAP_NONE)
			warn(c, DIAG_SERVER_WITHOUT_SITE, snap_edge(&c->snap, i)->peer.dn,
			     "waypostSiteDN");
}

static bool server_can_be_source(const struct snapshot *snap, uint32_t i)
{
	const struct snap_server *server = snap_server(snap, i);

	if (server->state != SERVER_ACTIVE)
		return false;
	return server->roles == ROLE_EDGE ||
	       ((server->roles & ROLE_HUB) && server->peer.site != SNAP_NONE);
}

static bool edge_can_be_source(const struct snapshot *snap, uint32_t i)
{
	const struct snap_edge *edge = snap_edge(snap, i);

	return edge->enabled && edge->peer.site != SNAP_NONE &&
	       snap_site(snap, edge->peer.site)->has_active_hub;
}

static bool has_usable_source(const struct snapshot *snap, const struct snap_connector *connector)
{
	for (uint32_t i = 0; i < connector->servers.count; i++)
		if (server_can_be_source(snap, snap_word(snap, connector->servers, i)))
			return true;
	for (uint32_t i = 0; i < connector->edges.count; i++)
		if (edge_can_be_source(snap, snap_word(snap, connector->edges, i)))
			return true;
	return false;
}

static void check_connectors(struct checker *c)
{
	for (uint32_t i = 0; i < snap_count(&c->snap, SNAP_CONNECTORS); i++) {
		const struct snap_connector *connector = snap_connector(&c->snap, i);

		if (connector->enabled && connector->servers.count + connector->edges.count > 0 &&
		    !has_usable_source(&c->snap, connector))
			warn(c, DIAG_CONNECTOR_NO_ROUTE, connector->dn, "waypostSourceServer");
	}
}

static void check_internet(struct checker *c)
{
	uint32_t node = snap_find_node(&c->snap, NODE_ALL, "SMTP", "");
	struct snap_list items = { 0, 0 };

	if (node != SNAP_NONE)
		items = snap_node(&c->snap, node)->items;
	for (uint32_t i = 0; i < items.count; i++) {
		uint32_t space = snap_word(&c->snap, items, i) & ~SNAP_EDGE_BIT;

		if (snap_connector(&c->snap, snap_space(&c->snap, space)->connector)->enabled)
			return;
	}
	warn(c, DIAG_NO_INTERNET_CONNECTOR, snap_org(&c->snap)->dn, "");
}

static bool is_private(const struct ipaddr_range *range)
{
	static const char *const nets[] = { "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
					    "127.0.0.0/8", "169.254.0.0/16", "100.64.0.0/10",
					    "fc00::/7", "fe80::/10", "::1" };

	for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++) {
		struct ipaddr_range net;

		if (ipaddr_range_parse(nets[i], strlen(nets[i]), &net) &&
		    ipaddr_range_is_inside(range, &net))
			return true;
	}
	return false;
}

static bool is_open_relay(const struct snapshot *snap, const struct snap_receive *receive)
{
	if (!receive->enabled || !(receive->auth & RECEIVE_AUTH_EXTERNAL))
		return false;
	for (uint32_t i = 0; i < receive->ranges.count; i++)
		if (!is_private(snap_range(snap, receive->ranges, i)))
			return true;
	return receive->ranges.count == 0;
}

static bool shares_binding(const struct snapshot *snap, const struct snap_receive *a,
			   const struct snap_receive *b)
{
	for (uint32_t i = 0; i < a->bindings.count; i++)
		for (uint32_t j = 0; j < b->bindings.count; j++)
			if (strcmp(snap_list_str(snap, a->bindings, i),
				   snap_list_str(snap, b->bindings, j)) == 0)
				return true;
	return false;
}

/* Whether two ranges overlap and neither lies inside the other. */
static bool ranges_cross(const struct snapshot *snap, const struct snap_receive *a,
			 const struct snap_receive *b)
{
	for (uint32_t i = 0; i < a->ranges.count; i++)
		for (uint32_t j = 0; j < b->ranges.count; j++) {
			const struct ipaddr_range *x = snap_range(snap, a->ranges, i),
						  *y = snap_range(snap, b->ranges, j);

			if (ipaddr_range_overlaps(x, y) && !ipaddr_range_is_inside(x, y) &&
			    !ipaddr_range_is_inside(y, x))
				return true;
		}
	return false;
}

static void check_receive(struct checker *c)
{
	for (uint32_t i = 0; i < snap_count(&c->snap, SNAP_RECEIVE); i++) {
		const struct snap_receive *receive = snap_receive(&c->snap, i), *other;

		if (is_open_relay(&c->snap, receive))
			warn(c, DIAG_OPEN_RELAY, receive->dn, "waypostAuthMechanism");
		for (uint32_t j = i; j-- > 0;) {
			receive = snap_receive(&c->snap, i);
			other = snap_receive(&c->snap, j);
			if (other->server != receive->server)
				break;
			if (shares_binding(&c->snap, receive, other) &&
			    ranges_cross(&c->snap, receive, other))
				warn(c, DIAG_BAD_RANGE_OVERLAP, receive->dn, "waypostRemoteRange");
		}
	}
}

void load_check(struct loader *ld)
{
	struct checker c = { .ld = ld };

	ld->diags[LOAD_CHECK].count = 0;
	image_view(&ld->image, &c.snap);
	check_links(&c);
	check_sites(&c);
	check_servers(&c);
	check_connectors(&c);
	check_internet(&c);
	check_receive(&c);
}
