/*
 * Explanations as JSON: by which steps a recipient was resolved, which paths and connectors lost
 * and why, which servers and sites are left out (routing rules §2–§5). Pure.
 *
 * "explain" has, as far as they apply: resolution, limits, connectors, path, links,
 * alternatives, stops, servers, backoff. Every decision is told by what it compared.
 */
#include <string.h>

#include "topology/path_explain.h"
#include "topology/paths.h"
#include "topology/route_json_private.h"
#include "topology/select.h"
#include "topology/viewpoint_private.h"

static const char *site_name(const struct snapshot *snap, uint32_t site)
{
	return snap_str(snap, snap_site(snap, site)->name);
}

static const char *link_name(const struct snapshot *snap, uint32_t link)
{
	return snap_str(snap, snap_link(snap, link)->name);
}

/* --- §4: the steps of resolution -------------------------------------------------------- */

static json_t *note_json(const struct snapshot *snap, const struct resolve_note *note)
{
	const struct resolve_rule_row *row = resolve_rule_row((enum resolve_rule)note->rule);
	struct buf text = { NULL, 0, 0 };
	json_t *out = json_object();

	json_set_text(out, "section", row->section);
	json_set_text(out, "rule", row->id);
	json_set_text(out, "address", note->address);
	if (*note->to != '\0')
		json_set_text(out, "to", note->to);
	if (note->domain != SNAP_NONE && strstr(row->text, "%d") != NULL) {
		const struct snap_domain *domain = snap_domain(snap, note->domain);

		json_object_set_new(out, "domain",
				    json_sprintf("%s%s", domain->wildcard ? "*." : "",
						 snap_str(snap, domain->domain)));
		json_set_text(out, "domain_type", resolve_domain_type(domain));
	}
	if (note->server != SNAP_NONE)
		json_set_text(out, "server", snap_str(snap, snap_server(snap, note->server)->peer.name));
	resolve_note_text(snap, note, &text);
	json_set_text(out, "why", text.data);
	buf_free(&text);
	return out;
}

static void set_resolution(json_t *explain, const struct snapshot *snap,
			   const struct resolved *item)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < item->n_notes; i++)
		json_array_append_new(list, note_json(snap, &item->notes[i]));
	json_object_set_new(explain, "resolution", list);
}

/* --- §3.6: limits in their order -------------------------------------------------------- */

/* False: the message does not pass, and no later limit is looked at. */
static bool add_limit(json_t *list, const char *kind, const char *name, uint64_t max,
		      uint64_t size)
{
	json_t *limit = json_object();
	bool passes = max == 0 || size <= max;

	json_set_text(limit, "limit", kind);
	if (name != NULL)
		json_set_text(limit, "name", name);
	json_object_set_new(limit, "max", max != 0 ? json_integer((json_int_t)max) : json_null());
	json_object_set_new(limit, "passes", json_boolean(passes));
	json_array_append_new(list, limit);
	return passes;
}

static bool add_early_limits(json_t *list, const struct query *q)
{
	const struct snapshot *snap = viewpoint_snapshot(q->vp);
	const struct snap_org *org = snap_org(snap);

	if (q->receive != SNAP_NONE &&
	    !add_limit(list, "receive connector", q->receive_name,
		       snap_receive(snap, q->receive)->max_message_size, q->size))
		return false;
	return q->authenticated ?
		       add_limit(list, "organisation", "MaxSendSize", org->max_send_size, q->size) :
		       add_limit(list, "organisation", "MaxReceiveSize", org->max_receive_size, q->size);
}

/* What a leaf heads for: a connector, a site, both or nothing. */
struct heading {
	uint32_t connector, site;
};

static void set_limits(json_t *explain, const struct query *q, uint64_t recipient_max,
		       const struct heading *to, uint32_t size_class)
{
	const struct snapshot *snap = viewpoint_snapshot(q->vp);
	json_t *list = json_array();
	uint32_t link;

	json_set_number(explain, "size", q->size);
	json_object_set_new(explain, "limits", list);
	if (!add_early_limits(list, q) ||
	    !add_limit(list, "recipient", NULL, recipient_max, q->size))
		return;
	if (to->connector != SNAP_NONE) {
		const struct snap_connector *c = snap_connector(snap, to->connector);

		if (!add_limit(list, "connector", snap_str(snap, c->name), c->max_message_size, q->size))
			return;
	}
	if (to->site == SNAP_NONE)
		return;
	link = path_narrowest_link(q->vp, size_class, to->site);
	add_limit(list, "link", link != SNAP_NONE ? link_name(snap, link) : NULL,
		  link != SNAP_NONE ? snap_link(snap, link)->max_size : 0, q->size);
}

/* --- §1 and §2: the path ---------------------------------------------------------------- */

static void set_link(json_t *out, const struct snapshot *snap, uint32_t link)
{
	const struct snap_link *record = snap_link(snap, link);

	json_set_text(out, "link", link_name(snap, link));
	json_set_number(out, "cost", record->cost);
	if (record->max_size > 0)
		json_set_number(out, "max_message_size", record->max_size);
}

/* The path hop by hop, each with the links that lost beside its own. */
static void set_links(json_t *explain, const struct viewpoint *vp, uint32_t size_class,
		      const struct path_explanation *path)
{
	json_t *list = json_array(), *lost = NULL;

	for (uint32_t i = 0; i + 1 < path->n_sites; i++) {
		json_t *hop = json_object();

		json_set_text(hop, "from", site_name(vp->snap, path->sites[i]));
		json_set_text(hop, "to", site_name(vp->snap, path->sites[i + 1]));
		set_link(hop, vp->snap, viewpoint_hop(vp, size_class, path->sites[i + 1])->link);
		json_array_append_new(list, hop);
	}
	for (uint32_t i = 0; i < path->n_parallels; i++) {
		const struct path_parallel *parallel = &path->parallels[i];
		json_t *hop = json_array_get(list, parallel->hop), *loser = json_object();

		lost = json_object_get(hop, "lost");
		if (lost == NULL) {
			lost = json_array();
			json_object_set_new(hop, "lost", lost);
		}
		set_link(loser, vp->snap, parallel->link);
		json_set_text(loser, "lost_by", parallel->lost_by);
		json_array_append_new(lost, loser);
	}
	json_object_set_new(explain, "links", list);
}

/* The sentence: what the rule compared. */
static void set_rule(json_t *out, const struct snapshot *snap, const struct path_alternative *a,
		     const struct path_explanation *path, const struct viewpoint_hop *end)
{
	const char *own = site_name(snap, path->sites[a->back - 1]);
	const char *other = site_name(snap, a->previous), *back = site_name(snap, path->sites[a->back]);

	json_set_number(out, "lost_by_rule", a->rule);
	if (a->rule == 1)
		json_object_set_new(out, "why", json_sprintf("cost %llu, not %llu",
							     (unsigned long long)a->cost,
							     (unsigned long long)end->cost));
	else if (a->rule == 2)
		json_object_set_new(out, "why", json_sprintf("equal cost; %u hops, not %u", a->hops,
							     end->hops));
	else
		json_object_set_new(out, "why",
				    json_sprintf("equal cost and hops; before %s, %s comes after %s by "
						 "name", back, other, own));
}

static void set_alternatives(json_t *explain, const struct snapshot *snap,
			     const struct path_explanation *path, const struct viewpoint_hop *end)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < path->n_alternatives; i++) {
		const struct path_alternative *a = &path->alternatives[i];
		json_t *out = json_object();

		json_set_sites(out, "path", snap, a->sites, a->n_sites);
		json_set_number(out, "cost", a->cost);
		json_set_number(out, "hops", a->hops);
		json_set_text(out, "link", link_name(snap, a->link));
		json_set_text(out, "differs_before", site_name(snap, path->sites[a->back]));
		set_rule(out, snap, a, path, end);
		json_array_append_new(list, out);
	}
	json_object_set_new(explain, "alternatives", list);
	if (path->has_more)
		json_object_set_new(explain, "more_alternatives", json_true());
}

/* Why no message of others may be received in a site, or null. */
static const char *site_fault(const struct snap_site *site)
{
	if (!site->has_active_hub)
		return "no active hub";
	return site->inbound ? NULL : "InboundMail is FALSE";
}

static void append_site(json_t *list, const struct snapshot *snap, uint32_t site,
			const char *left_out)
{
	json_t *out = json_object();

	json_set_text(out, "site", site_name(snap, site));
	if (left_out != NULL)
		json_set_text(out, "left_out", left_out);
	json_array_append_new(list, out);
}

/* The hub sites between the ends, and those of them where nothing stops. */
static void set_hub_sites(json_t *explain, const struct snapshot *snap,
			  const struct path_explanation *path)
{
	json_t *list = json_array();

	for (uint32_t i = 1; i + 1 < path->n_sites; i++) {
		const struct snap_site *site = snap_site(snap, path->sites[i]);

		if (site->is_hub)
			append_site(list, snap, path->sites[i], site_fault(site));
	}
	json_object_set_new(explain, "hub_sites", list);
}

static void set_path(json_t *explain, const struct viewpoint *vp, uint32_t size_class, uint32_t site)
{
	const struct viewpoint_hop *end = viewpoint_hop(vp, size_class, site);
	struct path_explanation *path = path_explain(NULL, vp, size_class, site);

	if (path == NULL) {
		json_set_sites(explain, "path", vp->snap, NULL, 0);
		return;
	}
	json_set_sites(explain, "path", vp->snap, path->sites, path->n_sites);
	json_set_number(explain, "cost", end->cost);
	json_set_number(explain, "hops", end->hops);
	set_links(explain, vp, size_class, path);
	set_alternatives(explain, vp->snap, path, end);
	set_hub_sites(explain, vp->snap, path);
	talloc_free(path);
}

/* --- §3.1, §3.3, §3.5: stops, servers, backoff ------------------------------------------ */

static void set_backoff(json_t *explain, const struct viewpoint *vp, uint32_t size_class,
			uint32_t next_stop)
{
	const struct viewpoint_hop *hops = vp->classes[size_class].hops;
	json_t *list = json_array();

	for (uint32_t at = hops[next_stop].previous; at != SNAP_NONE && at != vp->site;
	     at = hops[at].previous)
		append_site(list, vp->snap, at, site_fault(snap_site(vp->snap, at)));
	json_object_set_new(explain, "backoff", list);
}

static const char *hub_fault(const struct viewpoint *vp, uint32_t server)
{
	const struct snap_server *record = snap_server(vp->snap, server);

	if (!(record->roles & ROLE_HUB))
		return "no hub";
	if (record->state == SERVER_DISABLED)
		return "disabled";
	return viewpoint_is_active_hub(vp, server) ? NULL : "draining";
}

static void append_server(json_t *list, const struct snapshot *snap, const struct snap_peer *peer,
			  const char *left_out)
{
	json_t *out = json_object();

	json_set_text(out, "server", snap_str(snap, peer->name));
	if (left_out != NULL)
		json_set_text(out, "left_out", left_out);
	json_array_append_new(list, out);
}

/* All servers of a stop. */
static void set_site_servers(json_t *explain, const struct viewpoint *vp, uint32_t site)
{
	const struct snap_site *record = snap_site(vp->snap, site);
	json_t *list = json_array();

	for (uint32_t i = 0; i < record->hubs.count; i++) {
		uint32_t server = snap_word(vp->snap, record->hubs, i);

		append_server(list, vp->snap, &snap_server(vp->snap, server)->peer,
			      hub_fault(vp, server));
	}
	for (uint32_t i = 0; i < record->mailboxes.count; i++) {
		uint32_t server = snap_word(vp->snap, record->mailboxes, i);

		if (!(snap_server(vp->snap, server)->roles & ROLE_HUB))
			append_server(list, vp->snap, &snap_server(vp->snap, server)->peer, "no hub");
	}
	json_object_set_new(explain, "servers", list);
}

/* All sources of the connector, as seen from its site. */
static void set_source_servers(json_t *explain, const struct viewpoint *vp, uint32_t connector)
{
	const struct snap_connector *record = snap_connector(vp->snap, connector);
	json_t *list = json_array();

	for (uint32_t i = 0; i < record->servers.count; i++) {
		uint32_t server = snap_word(vp->snap, record->servers, i);
		const struct snap_peer *peer = &snap_server(vp->snap, server)->peer;
		const char *fault = hub_fault(vp, server);

		append_server(list, vp->snap, peer,
			      fault == NULL && peer->site != vp->site ? "not in this site" : fault);
	}
	for (uint32_t i = 0; i < record->edges.count; i++) {
		const struct snap_edge *edge = snap_edge(vp->snap, snap_word(vp->snap, record->edges, i));

		append_server(list, vp->snap, &edge->peer, !edge->enabled ? "disabled" :
			      edge->peer.site != vp->site ? "not in this site" : NULL);
	}
	json_object_set_new(explain, "servers", list);
}

/* --- a whole explanation ---------------------------------------------------------------- */

static void set_way(json_t *explain, const struct query *q, const struct route_decision *d,
		    const struct heading *to)
{
	const struct viewpoint *vp = q->vp;

	if (to->site != SNAP_NONE) {
		json_set_text(explain, "destination", site_name(vp->snap, to->site));
		set_path(explain, vp, d->size_class, to->site);
	}
	if (d->outcome == ROUTE_RELAY_SITE) {
		set_site_servers(explain, vp, d->next_stop);
		set_backoff(explain, vp, d->size_class, d->next_stop);
	} else if (d->outcome == ROUTE_RELAY_SERVER && !d->to_host) {
		set_source_servers(explain, vp, d->connector);
	}
	if (d->reason != REASON_NONE)
		json_set_text(explain, "why", reason_row((enum route_reason)d->reason)->text);
}

/* The site that mail for CONNECTOR goes to first, or SNAP_NONE: it is here. */
static uint32_t site_of_connector(const struct viewpoint *vp, uint32_t size_class,
				  uint32_t connector)
{
	const struct reach *reach;

	if (connector == SNAP_NONE)
		return SNAP_NONE;
	reach = select_reach_of(vp, size_class, connector);
	return reach->routed && reach->proximity == PROXIMITY_REMOTE ? reach->site : SNAP_NONE;
}

static uint32_t site_of_home(const struct viewpoint *vp, uint32_t home)
{
	uint32_t site = home != SNAP_NONE ? snap_server(vp->snap, home)->peer.site : SNAP_NONE;

	return site != vp->site ? site : SNAP_NONE;
}

void route_explain_leaf(json_t *out, const struct query *q, const struct resolved *leaf,
			const struct route_decision *d)
{
	struct heading to = { SNAP_NONE, SNAP_NONE };
	json_t *explain = json_object(), *connectors = NULL;

	set_resolution(explain, q->vp->snap, leaf);
	if (leaf->kind == RESOLVED_EXTERNAL) {
		connectors = select_json(q->vp, d->size_class, leaf, q->size, &to.connector);
		to.site = site_of_connector(q->vp, d->size_class, to.connector);
	} else if (leaf->kind == RESOLVED_MAILBOX) {
		to.site = site_of_home(q->vp, leaf->home);
	}
	set_limits(explain, q, leaf->max_size, &to, d->size_class);
	if (connectors != NULL)
		json_object_set_new(explain, "connectors", connectors);
	set_way(explain, q, d, &to);
	json_object_set_new(out, "explain", explain);
}

void route_explain_group(json_t *out, const struct query *q, const struct resolved *group)
{
	json_t *explain = json_object();

	set_resolution(explain, q->vp->snap, group);
	json_object_set_new(out, "explain", explain);
}

void route_explain_limits(json_t *out, const struct query *q)
{
	json_t *explain = json_object(), *list = json_array();

	json_set_number(explain, "size", q->size);
	add_early_limits(list, q);
	json_object_set_new(explain, "limits", list);
	json_object_set_new(out, "explain", explain);
}

/* §5 step 0: there is one candidate only. */
static void set_linked(json_t *explain, const struct query *q, uint32_t connector,
		       const struct route_decision *d)
{
	const struct snap_connector *record = snap_connector(q->vp->snap, connector);
	json_t *out = json_object(), *list = json_array();

	json_set_text(out, "connector", snap_str(q->vp->snap, record->name));
	if (d->reason == REASON_LINKED_CONNECTOR)
		json_set_number(out, "removed_by_step", 0);
	json_object_set_new(out, "why",
			    json_sprintf("linked to the receive connector %s%s", q->receive_name,
					 d->reason != REASON_LINKED_CONNECTOR ? "" :
					 record->enabled ? ", and no active source server can be reached" :
							   ", and disabled"));
	json_array_append_new(list, out);
	json_object_set_new(explain, "connectors", list);
}

void route_explain_linked(json_t *out, const struct query *q, const struct route_decision *d)
{
	struct heading to = { snap_receive(q->vp->snap, q->receive)->linked_connector, SNAP_NONE };
	json_t *explain = json_object();

	to.site = site_of_connector(q->vp, d->size_class, to.connector);
	set_limits(explain, q, 0, &to, d->size_class);
	set_linked(explain, q, to.connector, d);
	set_way(explain, q, d, &to);
	json_object_set_new(out, "explain", explain);
}
