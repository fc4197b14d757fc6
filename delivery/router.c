/* Resolution and routing with one thread's look-ups. Loop thread only. */
#include "delivery/router.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/replica_recipients.h"
#include "topology/route.h"

struct router {
	struct replica_reader *reader;
};

struct router *router_new(struct replica *replica)
{
	struct router *router = mem_zero(1, sizeof(*router));

	router->reader = replica_reader_new(replica);
	return router;
}

void router_free(struct router *router)
{
	if (router == NULL)
		return;
	replica_reader_free(&router->reader);
	free(router);
}

int router_resolve(struct router *router, const struct view *view, TALLOC_CTX *ctx,
		   const char *address, uint64_t size, bool authenticated,
		   struct resolution **resolution_r, struct err *err)
{
	struct resolve_query query = { .size = size, .authenticated = authenticated };
	struct recipient_source source;
	int rc;

	if (replica_begin(router->reader, err) != 0)
		return -1;
	source = replica_recipient_source(router->reader);
	rc = resolve_recipient(ctx, view->viewpoint, &source, &query, address, resolution_r, err);
	replica_end(router->reader);
	return rc;
}

/* --- decisions to queue keys ------------------------------------------------------------ */

static void set_key(struct queue_key *key, enum queue_kind kind, const char *next_hop,
		    const char *connector)
{
	key->kind = kind;
	snprintf(key->next_hop, sizeof(key->next_hop), "%s", next_hop);
	snprintf(key->connector, sizeof(key->connector), "%s", connector);
}

static void unreachable(struct queue_key *key, const char *reason)
{
	set_key(key, QUEUE_UNREACHABLE, reason, "");
}

static void key_of_connector(const struct snapshot *snap, const struct resolved *leaf,
			     const struct snap_connector *connector, struct queue_key *key)
{
	const char *name = snap_str(snap, connector->name);

	if (connector->kind == CONNECTOR_FOREIGN)
		unreachable(key, "foreign-connector"); /* drop directories are not served yet */
	else if (connector->smart_hosts.count > 0)
		set_key(key, QUEUE_SMART_HOST, "", name);
	else
		set_key(key, QUEUE_DNS_CONNECTOR, leaf->domain, name);
}

static void key_of_relay_server(const struct snapshot *snap, const struct resolved *leaf,
				const struct route_decision *d, struct queue_key *key)
{
	const char *name = d->connector == SNAP_NONE
				   ? ""
				   : snap_str(snap, snap_connector(snap, d->connector)->name);

	if (d->to_host)
		set_key(key, QUEUE_SMART_HOST, leaf->host, "");
	else
		set_key(key, d->to_edge ? QUEUE_RELAY_EDGE : QUEUE_RELAY_SERVER, "", name);
}

/* False: the recipient goes nowhere, by rejection or because it is discarded. */
static bool key_of(const struct view *view, const struct resolved *leaf,
		   const struct route_decision *d, struct queue_key *key)
{
	const struct snapshot *snap = view->snap;

	switch ((enum route_outcome)d->outcome) {
	case ROUTE_MAILBOX:
		set_key(key, QUEUE_MAILBOX, snap_str(snap, snap_server(snap, d->server)->peer.name), "");
		return true;
	case ROUTE_RELAY_SITE:
		set_key(key, QUEUE_RELAY_SITE, snap_str(snap, snap_site(snap, d->next_stop)->name), "");
		return true;
	case ROUTE_RELAY_SERVER:
		key_of_relay_server(snap, leaf, d, key);
		return true;
	case ROUTE_CONNECTOR:
		key_of_connector(snap, leaf, snap_connector(snap, d->connector), key);
		return true;
	case ROUTE_UNREACHABLE:
		unreachable(key, reason_row(d->reason)->id);
		return true;
	case ROUTE_EXPANDED:
	case ROUTE_DISCARDED:
	case ROUTE_REJECTED:
		break;
	}
	return false;
}

/* --- routing a set of leaves -------------------------------------------------------------- */

struct item {
	struct queue_key key;
	struct route_decision decision;
	uint32_t recipient;
	bool is_queued;
};

struct batch {
	struct item *items;
	struct item **sorted;
	uint32_t count, queued, failed, discarded;
};

/* Delayed fan-out: recipients whose paths share a prefix travel as one copy to the fork. */
static void fan_out(const struct view *view, struct batch *b)
{
	uint32_t *sites = mem_alloc(b->count * sizeof(*sites));
	uint32_t *next = mem_alloc(b->count * sizeof(*next));
	uint32_t n = 0, size_class = 0;

	for (uint32_t i = 0; i < b->count; i++) {
		if (b->items[i].decision.outcome != ROUTE_RELAY_SITE)
			continue;
		sites[n++] = b->items[i].decision.site;
		size_class = b->items[i].decision.size_class;
	}
	if (n > 1) {
		viewpoint_fanout(view->viewpoint, size_class, sites, n, next);
		n = 0;
		for (uint32_t i = 0; i < b->count; i++) {
			struct route_decision *d = &b->items[i].decision;

			if (d->outcome == ROUTE_RELAY_SITE && next[n++] != SNAP_NONE)
				d->next_stop = next[n - 1];
		}
	}
	free(sites);
	free(next);
}

static int compare_items(const void *a, const void *b)
{
	const struct item *x = *(struct item *const *)a, *y = *(struct item *const *)b;
	int order;

	if (x->key.kind != y->key.kind)
		return x->key.kind < y->key.kind ? -1 : 1;
	order = strcmp(x->key.next_hop, y->key.next_hop);
	if (order == 0)
		order = strcmp(x->key.connector, y->key.connector);
	if (order == 0)
		order = x->recipient < y->recipient ? -1 : x->recipient > y->recipient;
	return order;
}

static bool same_key(const struct item *a, const struct item *b)
{
	return a->key.kind == b->key.kind && strcmp(a->key.next_hop, b->key.next_hop) == 0 &&
	       strcmp(a->key.connector, b->key.connector) == 0;
}

/* One copy per next hop: the queued recipients, grouped by key. */
static void bifurcate(struct batch *b, struct routed *out)
{
	qsort(b->sorted, b->queued, sizeof(struct item *), compare_items);
	out->pool = mem_alloc(b->queued * sizeof(*out->pool));
	out->destinations = mem_zero(b->queued, sizeof(*out->destinations));
	for (uint32_t i = 0; i < b->queued; i++) {
		out->pool[i] = b->sorted[i]->recipient;
		if (i == 0 || !same_key(b->sorted[i - 1], b->sorted[i])) {
			struct queue_destination *d = &out->destinations[out->count++];

			d->key = b->sorted[i]->key;
			d->recipients = &out->pool[i];
		}
		out->destinations[out->count - 1].count++;
	}
}

static void collect_lost(struct batch *b, struct routed *out)
{
	out->failures = mem_zero(b->failed, sizeof(*out->failures));
	out->discarded = mem_alloc(b->discarded * sizeof(*out->discarded));
	for (uint32_t i = 0; i < b->count; i++) {
		const struct item *item = &b->items[i];
		const struct reason_row *row = reason_row(item->decision.reason);

		if (item->is_queued)
			continue;
		if (item->decision.outcome != ROUTE_REJECTED) {
			out->discarded[out->discarded_count++] = item->recipient;
			continue;
		}
		out->failures[out->failure_count].recipient = item->recipient;
		out->failures[out->failure_count++].outcome = outcome_local(
			OUTCOME_FAILED, OUTCOME_STAGE_NONE, row->status, NULL, "%s", row->text);
	}
}

struct routed *router_route(const struct view *view, const struct resolved *const *leaves,
			    const uint32_t *index, uint32_t count, uint64_t size,
			    uint32_t linked)
{
	struct routed *out = mem_zero(1, sizeof(*out));
	struct batch b = { .items = mem_zero(count, sizeof(*b.items)),
			   .sorted = mem_zero(count, sizeof(*b.sorted)), .count = count };

	for (uint32_t i = 0; i < count; i++) {
		struct item *item = &b.items[i];

		item->recipient = index != NULL ? index[i] : i;
		if (linked == SNAP_NONE ||
		    !route_decide_linked(view->viewpoint, linked, size, &item->decision))
			route_decide(view->viewpoint, leaves[i], size, &item->decision);
	}
	fan_out(view, &b);
	for (uint32_t i = 0; i < count; i++) {
		struct item *item = &b.items[i];

		item->is_queued = key_of(view, leaves[i], &item->decision, &item->key);
		if (item->is_queued)
			b.sorted[b.queued++] = item;
		else if (item->decision.outcome == ROUTE_REJECTED)
			b.failed++;
		else
			b.discarded++;
	}
	bifurcate(&b, out);
	if (b.failed + b.discarded > 0)
		collect_lost(&b, out);
	free(b.items);
	free(b.sorted);
	return out;
}

static uint32_t linked_of(const struct view *view, const struct envelope *envelope)
{
	uint32_t receive;

	if (envelope->client.connector[0] == '\0')
		return SNAP_NONE;
	receive = snapshot_find_receive(view->snap, view->server, envelope->client.connector);
	if (receive == SNAP_NONE ||
	    snap_receive(view->snap, receive)->linked_connector == SNAP_NONE)
		return SNAP_NONE;
	return receive;
}

struct routed *router_route_again(struct router *router, const struct view *view,
				  const struct envelope *envelope, const uint32_t *recipients,
				  uint32_t count, struct err *err)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct resolved *items = talloc_zero_array(ctx, struct resolved, count);
	const struct resolved **leaves = talloc_array(ctx, const struct resolved *, count);
	struct recipient_source source;
	struct routed *routed = NULL;
	int rc = 0;

	if (replica_begin(router->reader, err) != 0) {
		talloc_free(ctx);
		return NULL;
	}
	source = replica_recipient_source(router->reader);
	for (uint32_t i = 0; i < count && rc == 0; i++) {
		rc = resolve_again(ctx, view->viewpoint, &source,
				   envelope->rcpt[recipients[i]].address, &items[i], err);
		leaves[i] = &items[i];
	}
	replica_end(router->reader);
	if (rc == 0)
		routed = router_route(view, leaves, recipients, count,
				      envelope->body.accepted_size, linked_of(view, envelope));
	talloc_free(ctx);
	return routed;
}

void routed_free(struct routed *routed)
{
	if (routed == NULL)
		return;
	for (uint32_t i = 0; i < routed->failure_count; i++)
		outcome_unref(routed->failures[i].outcome);
	free(routed->failures);
	free(routed->discarded);
	free(routed->destinations);
	free(routed->pool);
	free(routed);
}
