/*
 * Decisions and answers: see route.h. Routing rules §3, §4.3 and the end of §5. Pure.
 */
#include "topology/route.h"

#include <string.h>

#include "topology/viewpoint_private.h"

static void fail(struct route_decision *d, enum route_outcome outcome, enum route_reason reason)
{
	*d = (struct route_decision){ 0, SNAP_NONE, SNAP_NONE, SNAP_NONE, SNAP_NONE, SNAP_NONE,
				      d->size_class, (uint8_t)outcome, (uint8_t)reason, false, false };
}

static bool passes(uint64_t size, uint64_t limit)
{
	return limit == 0 || size <= limit;
}

/* Whether a smaller message would find a path where this one finds none (§7). */
static bool is_path_too_narrow(const struct viewpoint *vp, uint32_t size_class, uint32_t site)
{
	return size_class > 0 && viewpoint_hop(vp, 0, site) != NULL;
}

/* §4.3 for a site other than the local one. */
static void relay_home(const struct viewpoint *vp, uint32_t site, uint64_t size,
		       struct route_decision *d)
{
	const struct viewpoint_hop *hop = viewpoint_hop(vp, d->size_class, site);

	if (!snap_site(vp->snap, site)->inbound)
		fail(d, ROUTE_UNREACHABLE, REASON_SITE_INBOUND_DISABLED);
	else if (hop == NULL && !is_path_too_narrow(vp, d->size_class, site))
		fail(d, ROUTE_UNREACHABLE, REASON_NO_ROUTE_TO_SITE);
	else if (!snap_site(vp->snap, site)->has_active_hub)
		fail(d, ROUTE_UNREACHABLE, REASON_NO_HUB_IN_SITE);
	else if (hop == NULL || !passes(size, hop->max_size))
		fail(d, ROUTE_REJECTED, REASON_LINK_SIZE);
	else {
		d->outcome = ROUTE_RELAY_SITE;
		d->site = site;
		d->next_stop = hop->next_stop;
	}
}

static void decide_mailbox(const struct viewpoint *vp, const struct resolved *leaf, uint64_t size,
			   struct route_decision *d)
{
	uint32_t site = leaf->home < snap_count(vp->snap, SNAP_SERVERS) ?
				snap_server(vp->snap, leaf->home)->peer.site : SNAP_NONE;

	if (site == SNAP_NONE) {
		fail(d, ROUTE_UNREACHABLE, REASON_NO_HOME_SERVER);
	} else if (site == vp->site) {
		d->outcome = ROUTE_MAILBOX;
		d->server = leaf->home;
	} else {
		relay_home(vp, site, size, d);
	}
}

/* The winner's next hop. */
static void go_to_connector(const struct viewpoint *vp, uint32_t connector, uint64_t size,
			    struct route_decision *d)
{
	const struct reach *reach = select_reach_of(vp, d->size_class, connector);
	const struct viewpoint_hop *hop;

	d->connector = connector;
	d->total_cost += reach->cost;
	switch (reach->proximity) {
	case PROXIMITY_SELF:
		d->outcome = ROUTE_CONNECTOR;
		return;
	case PROXIMITY_SITE:
		d->outcome = ROUTE_RELAY_SERVER;
		d->to_edge = snap_connector(vp->snap, connector)->edges.count > 0;
		return;
	default:
		break;
	}
	hop = viewpoint_hop(vp, d->size_class, reach->site);
	if (hop == NULL || !passes(size, hop->max_size)) {
		fail(d, ROUTE_REJECTED, REASON_LINK_SIZE);
		return;
	}
	d->outcome = ROUTE_RELAY_SITE;
	d->site = reach->site;
	d->next_stop = hop->next_stop;
}

static void no_connector(const struct viewpoint *vp, const struct resolved *leaf, uint64_t size,
			 enum select_result result, struct route_decision *d)
{
	const struct candidate *other;

	if (result == SELECT_TOO_LARGE)
		fail(d, ROUTE_REJECTED, REASON_CONNECTOR_SIZE);
	else if (d->size_class > 0 && select_connector(vp, 0, leaf->type, leaf->domain, size,
						       &other) == SELECT_FOUND)
		fail(d, ROUTE_REJECTED, REASON_LINK_SIZE);
	else if (strcmp(leaf->type, "SMTP") != 0)
		fail(d, ROUTE_REJECTED, REASON_NO_CONNECTOR_FOR_TYPE);
	else
		fail(d, ROUTE_UNREACHABLE, REASON_NO_MATCHING_CONNECTOR);
}

static void decide_external(const struct viewpoint *vp, const struct resolved *leaf,
			    uint64_t size, struct route_decision *d)
{
	const struct candidate *chosen;
	enum select_result result = select_connector(vp, d->size_class, leaf->type, leaf->domain,
						     size, &chosen);

	if (result != SELECT_FOUND) {
		no_connector(vp, leaf, size, result, d);
		return;
	}
	d->space = chosen->space;
	d->total_cost = snap_space(vp->snap, chosen->space)->cost;
	go_to_connector(vp, chosen->connector, size, d);
}

static void decision_init(const struct viewpoint *vp, uint64_t size, struct route_decision *d)
{
	d->size_class = viewpoint_size_class(vp, size);
	fail(d, ROUTE_DISCARDED, REASON_NONE);
}

void route_decide(const struct viewpoint *vp, const struct resolved *leaf, uint64_t size,
		  struct route_decision *d)
{
	decision_init(vp, size, d);
	if (leaf->kind == RESOLVED_REJECTED) {
		fail(d, ROUTE_REJECTED, (enum route_reason)leaf->reason);
		return;
	}
	if (leaf->kind == RESOLVED_UNREACHABLE) {
		fail(d, ROUTE_UNREACHABLE, (enum route_reason)leaf->reason);
		return;
	}
	if (leaf->kind == RESOLVED_DISCARDED || leaf->kind == RESOLVED_GROUP)
		return;
	if (!passes(size, leaf->max_size)) {
		fail(d, ROUTE_REJECTED, REASON_RECIPIENT_SIZE);
		return;
	}
	if (leaf->kind == RESOLVED_MAILBOX) {
		decide_mailbox(vp, leaf, size, d);
	} else if (leaf->kind == RESOLVED_EXTERNAL) {
		decide_external(vp, leaf, size, d);
	} else {
		d->outcome = ROUTE_RELAY_SERVER;
		d->to_host = true;
	}
}

/* §5 step 0. */
bool route_decide_linked(const struct viewpoint *vp, uint32_t receive, uint64_t size,
			 struct route_decision *d)
{
	uint32_t connector = snap_receive(vp->snap, receive)->linked_connector;
	const struct snap_connector *record;

	if (connector == SNAP_NONE)
		return false;
	decision_init(vp, size, d);
	record = snap_connector(vp->snap, connector);
	if (!record->enabled || !select_reach_of(vp, d->size_class, connector)->routed)
		fail(d, ROUTE_UNREACHABLE, REASON_LINKED_CONNECTOR);
	else if (!passes(size, record->max_message_size))
		fail(d, ROUTE_REJECTED, REASON_CONNECTOR_SIZE);
	else
		go_to_connector(vp, connector, size, d);
	return true;
}

enum route_reason route_check_size(const struct viewpoint *vp, uint32_t receive,
				   bool authenticated, uint64_t size)
{
	const struct snap_org *org = snap_org(vp->snap);

	if (receive != SNAP_NONE && !passes(size, snap_receive(vp->snap, receive)->max_message_size))
		return REASON_RECEIVE_SIZE;
	if (!passes(size, authenticated ? org->max_send_size : org->max_receive_size))
		return REASON_ORGANIZATION_SIZE;
	return REASON_NONE;
}

static uint32_t hub_candidates(const struct viewpoint *vp, uint32_t site,
			       const struct snap_peer **peers, uint32_t max)
{
	struct snap_list hubs = snap_site(vp->snap, site)->hubs;
	uint32_t n = 0;

	for (uint32_t i = 0; i < hubs.count && n < max; i++) {
		uint32_t server = snap_word(vp->snap, hubs, i);

		if (viewpoint_is_active_hub(vp, server))
			peers[n++] = &snap_server(vp->snap, server)->peer;
	}
	return n;
}

/* The sources of CONNECTOR in the local site, but for the server that looks. */
static uint32_t source_candidates(const struct viewpoint *vp, uint32_t connector,
				  const struct snap_peer **peers, uint32_t max)
{
	const struct snap_connector *record = snap_connector(vp->snap, connector);
	uint32_t n = 0;

	for (uint32_t i = 0; i < record->servers.count && n < max; i++) {
		uint32_t server = snap_word(vp->snap, record->servers, i);

		if (snap_server(vp->snap, server)->peer.site == vp->site &&
		    viewpoint_is_active_hub(vp, server))
			peers[n++] = &snap_server(vp->snap, server)->peer;
	}
	for (uint32_t i = 0; i < record->edges.count && n < max; i++) {
		const struct snap_edge *edge = snap_edge(vp->snap, snap_word(vp->snap, record->edges, i));

		if (edge->peer.site == vp->site && edge->enabled)
			peers[n++] = &edge->peer;
	}
	return n;
}

uint32_t route_candidates(const struct viewpoint *vp, const struct route_decision *d,
			  const struct snap_peer **peers, uint32_t max)
{
	if (d->outcome == ROUTE_RELAY_SITE)
		return hub_candidates(vp, d->next_stop, peers, max);
	if (d->outcome == ROUTE_RELAY_SERVER && !d->to_host)
		return source_candidates(vp, d->connector, peers, max);
	return 0;
}

static void answer_path(struct route_answer *answer, const struct viewpoint *vp)
{
	const struct route_decision *d = &answer->decision;
	const struct viewpoint_hop *hop = viewpoint_hop(vp, d->size_class, d->site);
	uint32_t room = hop->hops + 1;

	answer->path = talloc_array(answer, uint32_t, room);
	answer->stops = talloc_array(answer, uint32_t, room);
	answer->backoff = talloc_array(answer, uint32_t, room);
	answer->n_path = viewpoint_path(vp, d->size_class, d->site, answer->path, room);
	answer->n_stops = viewpoint_stops(vp, d->size_class, d->site, answer->stops, room);
	answer->n_backoff = viewpoint_backoff(vp, d->size_class, d->next_stop, answer->backoff, room);
	answer->cost = hop->cost;
	answer->hops = hop->hops;
}

/* How many candidates there can be at most. */
static uint32_t candidate_room(const struct viewpoint *vp, const struct route_decision *d)
{
	const struct snap_connector *connector;

	if (d->outcome == ROUTE_RELAY_SITE)
		return snap_site(vp->snap, d->next_stop)->hubs.count;
	if (d->connector == SNAP_NONE)
		return 0;
	connector = snap_connector(vp->snap, d->connector);
	return connector->servers.count + connector->edges.count;
}

struct route_answer *route_answer_new(TALLOC_CTX *ctx, const struct viewpoint *vp,
				      const struct route_decision *decision)
{
	struct route_answer *answer = talloc_zero(ctx, struct route_answer);
	uint32_t room = candidate_room(vp, decision);

	answer->decision = *decision;
	if (decision->outcome == ROUTE_RELAY_SITE)
		answer_path(answer, vp);
	answer->servers = talloc_array(answer, const struct snap_peer *, room);
	answer->n_servers = route_candidates(vp, decision, answer->servers, room);
	return answer;
}
