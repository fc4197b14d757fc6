/* Resolution and routing with one thread's look-ups. Loop thread only. */
#include "delivery/router.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/replica_recipients.h"
#include "topology/copies.h"

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
		   const char *address, const struct resolve_query *query,
		   struct resolution **resolution_r, struct err *err)
{
	struct recipient_source source;
	int rc;

	if (replica_begin(router->reader, err) != 0)
		return -1;
	source = replica_recipient_source(router->reader);
	rc = resolve_recipient(ctx, view->viewpoint, &source, query, address, resolution_r, err);
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

static void key_of_connector(const struct snapshot *snap, const struct copy *copy,
			     struct queue_key *key)
{
	const struct snap_connector *connector = snap_connector(snap, copy->decision.connector);
	const char *name = snap_str(snap, connector->name);

	if (connector->kind == CONNECTOR_FOREIGN)
		unreachable(key, "foreign-connector"); /* drop directories are not served yet */
	else if (connector->smart_hosts.count > 0)
		set_key(key, QUEUE_SMART_HOST, "", name);
	else
		set_key(key, QUEUE_DNS_CONNECTOR, copies_domain(snap, copy), name);
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

static void key_of(const struct snapshot *snap, const struct copy *copy, struct queue_key *key)
{
	const struct route_decision *d = &copy->decision;

	switch ((enum route_outcome)d->outcome) {
	case ROUTE_MAILBOX:
		set_key(key, QUEUE_MAILBOX, snap_str(snap, snap_server(snap, d->server)->peer.name), "");
		break;
	case ROUTE_RELAY_SITE:
		set_key(key, QUEUE_RELAY_SITE, snap_str(snap, snap_site(snap, d->next_stop)->name), "");
		break;
	case ROUTE_RELAY_SERVER:
		key_of_relay_server(snap, copy->leaf, d, key);
		break;
	case ROUTE_CONNECTOR:
		key_of_connector(snap, copy, key);
		break;
	default:
		unreachable(key, reason_row(d->reason)->id);
	}
}

/* --- routing a set of leaves -------------------------------------------------------------- */

static void collect_copies(const struct view *view, const struct copies *copies,
			   struct routed *out)
{
	out->destinations = mem_zero(copies->count, sizeof(*out->destinations));
	for (uint32_t i = 0; i < copies->count; i++) {
		const struct copy *copy = &copies->list[i];
		struct queue_destination *d = &out->destinations[out->count++];

		key_of(view->snap, copy, &d->key);
		d->recipients = out->pool + (copy->items - copies->pool);
		d->count = copy->count;
	}
}

static void collect_lost(const struct copies *copies, const uint32_t *index, struct routed *out)
{
	out->failures = mem_zero(copies->n_lost, sizeof(*out->failures));
	out->discarded = mem_alloc(copies->n_lost * sizeof(*out->discarded));
	for (uint32_t i = 0; i < copies->n_lost; i++) {
		const struct route_decision *d = &copies->decisions[copies->lost[i]];
		uint32_t recipient = index != NULL ? index[copies->lost[i]] : copies->lost[i];
		const struct reason_row *row = reason_row(d->reason);

		if (d->outcome != ROUTE_REJECTED) {
			out->discarded[out->discarded_count++] = recipient;
			continue;
		}
		out->failures[out->failure_count].recipient = recipient;
		out->failures[out->failure_count++].outcome = outcome_local(
			OUTCOME_FAILED, OUTCOME_STAGE_NONE, row->status, NULL, "%s", row->text);
	}
}

/* The pool of COPIES as recipients of the envelope. */
static uint32_t *recipients_of(const struct copies *copies, const uint32_t *index, uint32_t count)
{
	uint32_t *pool = mem_alloc(count * sizeof(*pool));

	for (uint32_t i = 0; i < count - copies->n_lost; i++)
		pool[i] = index != NULL ? index[copies->pool[i]] : copies->pool[i];
	return pool;
}

struct routed *router_route(const struct view *view, const struct resolved *const *leaves,
			    const uint32_t *index, uint32_t count, uint64_t size,
			    uint32_t linked)
{
	struct routed *out = mem_zero(1, sizeof(*out));
	struct copies *copies = copies_new(view->viewpoint, leaves, count, size, linked);

	out->pool = recipients_of(copies, index, count);
	collect_copies(view, copies, out);
	collect_lost(copies, index, out);
	copies_free(copies);
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
