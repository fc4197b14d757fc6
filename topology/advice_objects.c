/* What each object says by itself: sites, links, edges, connectors. Pure. */
#include <stdlib.h>

#include "common/buf.h"
#include "topology/advice_private.h"

/* ---- sites and links ---- */

static void check_hub(const struct advice *a, const struct snap_site *site)
{
	if (site->has_active_hub || site->mailboxes.count + site->edges.count == 0)
		return;
	advice_say(a, ADVICE_SITE_WITHOUT_HUB, site->dn, "", "",
		   "%s: mailbox servers %u, edges %u, hubs %u and none active",
		   snap_str(a->snap, site->name), site->mailboxes.count, site->edges.count,
		   site->hubs.count);
}

static void check_closed(const struct advice *a, const struct snap_site *site)
{
	if (!site->inbound && site->mailboxes.count > 0)
		advice_say(a, ADVICE_SITE_CLOSED, site->dn, "waypostInboundMail", "FALSE",
			   "%s: mailbox servers %u", snap_str(a->snap, site->name),
			   site->mailboxes.count);
}

static void check_hub_flag(const struct advice *a, const struct snap_site *site)
{
	if (site->is_hub && !(site->has_active_hub && site->inbound))
		advice_say(a, ADVICE_HUB_SITE_WITHOUT_HUB, site->dn, "waypostHubSite", "TRUE",
			   "%s: %s", snap_str(a->snap, site->name),
			   site->has_active_hub ? "takes no mail from other sites" :
						  "no active hub");
}

/* ---- edges ---- */

static void mark_edges(const struct snapshot *snap, bool *is_used)
{
	for (uint32_t i = 0; i < snap_count(snap, SNAP_CONNECTORS); i++) {
		const struct snap_connector *connector = snap_connector(snap, i);

		for (uint32_t s = 0; connector->enabled && s < connector->edges.count; s++)
			is_used[snap_word(snap, connector->edges, s)] = true;
	}
}

static void check_edge(const struct advice *a, const struct snap_edge *edge, bool is_used)
{
	const char *name = snap_str(a->snap, edge->peer.name);

	if (!edge->enabled)
		return;
	if (edge->peer.cert_hashes.count == 0)
		advice_say(a, ADVICE_EDGE_WITHOUT_CERTIFICATE, edge->peer.dn,
			   "waypostCertificateHash", "", "%s", name);
	if (!is_used)
		advice_say(a, ADVICE_EDGE_UNUSED, edge->peer.dn, "", "", "%s", name);
}

static void check_edges(const struct advice *a)
{
	uint32_t n = snap_count(a->snap, SNAP_EDGES);
	bool *is_used = mem_zero(n + 1, sizeof(*is_used));

	mark_edges(a->snap, is_used);
	for (uint32_t i = 0; i < n; i++)
		check_edge(a, snap_edge(a->snap, i), is_used[i]);
	free(is_used);
}

/* ---- connectors ---- */

static bool takes_all_domains(const struct snapshot *snap, const struct snap_connector *connector)
{
	for (uint32_t i = 0; i < connector->spaces.count; i++) {
		const char *text = snap_str(snap, snap_space(snap, connector->spaces.first + i)->text);

		if (ascii_equal_n(text, "SMTP:", 5))
			text += 5;
		if (text[0] == '*' && (text[1] == '\0' || text[1] == ';'))
			return true;
	}
	return false;
}

static void check_single(const struct advice *a, const struct snap_connector *connector)
{
	const char *name = snap_str(a->snap, connector->name);

	if (!takes_all_domains(a->snap, connector))
		return;
	if (advice_sources(a->snap, connector) == 1)
		advice_say(a, ADVICE_SINGLE_SOURCE, connector->dn, "waypostSourceServer", "", "%s",
			   name);
	if (connector->smart_hosts.count == 1)
		advice_say(a, ADVICE_SINGLE_SMARTHOST, connector->dn, "waypostSmartHost",
			   snap_list_str(a->snap, connector->smart_hosts, 0), "%s: %s", name,
			   snap_list_str(a->snap, connector->smart_hosts, 0));
}

static void check_send(const struct advice *a, const struct snap_connector *connector)
{
	if (!connector->enabled)
		return;
	check_single(a, connector);
	if (connector->smarthost_auth == SMARTHOST_AUTH_BASIC && !connector->require_tls &&
	    connector->smart_hosts.count > 0)
		advice_say(a, ADVICE_PASSWORD_IN_CLEAR, connector->dn, "waypostSmartHostAuth", "",
			   "%s signs in at its smart hosts", snap_str(a->snap, connector->name));
}

static void check_receive(const struct advice *a, const struct snap_receive *receive)
{
	if (receive->enabled && (receive->auth & RECEIVE_AUTH_BASIC) && !receive->require_tls)
		advice_say(a, ADVICE_PASSWORD_IN_CLEAR, receive->dn, "waypostAuthMechanism", "",
			   "%s of %s lets clients sign in", snap_str(a->snap, receive->name),
			   snap_str(a->snap, snap_server(a->snap, receive->server)->peer.name));
}

void advice_objects(const struct advice *a)
{
	for (uint32_t i = 0; i < snap_count(a->snap, SNAP_SITES); i++) {
		const struct snap_site *site = snap_site(a->snap, i);

		check_hub(a, site);
		check_closed(a, site);
		check_hub_flag(a, site);
	}
	check_edges(a);
	for (uint32_t i = 0; i < snap_count(a->snap, SNAP_CONNECTORS); i++)
		check_send(a, snap_connector(a->snap, i));
	for (uint32_t i = 0; i < snap_count(a->snap, SNAP_RECEIVE); i++)
		check_receive(a, snap_receive(a->snap, i));
}
