/* Next hops from queue keys. Scheduler thread; pure but for allocation. */
#include "delivery/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <talloc.h>

#include "common/buf.h"
#include "common/endpoint.h"
#include "delivery/receive.h"
#include "topology/implicit.h"
#include "topology/route.h"

enum { PEERS_MAX = 64, SITES_MAX = 256, BINDINGS_MAX = 32, PORT_SMTP = 25, PORT_LMTP = 24 };

/* Builds on a talloc tree, then everything moves into one plain object. */
struct draft {
	struct plan *plan;
	const struct view *view;
	/* Of the targets that are added from now on: */
	struct plan_rules rules;
	const char *connector;
};

static const char *keep(struct draft *d, const char *text)
{
	return talloc_strdup(d->plan->texts, text);
}

static struct plan_target *add_target(struct draft *d, const char *name, const struct mx_hop *hop)
{
	struct plan *plan = d->plan;
	struct plan_target *t;

	plan->targets = mem_grow(plan->targets, (plan->target_count + 1) * sizeof(*plan->targets));
	t = &plan->targets[plan->target_count++];
	memset(t, 0, sizeof(*t));
	t->name = keep(d, name);
	t->rules = d->rules;
	t->connector = d->connector;
	t->hop = *hop;
	t->unix_path = "";
	return t;
}

/* "HOST", "[LITERAL]", each with ":PORT"; what is wrong with it becomes the plan's reason. */
static struct plan_target *add_host(struct draft *d, const char *text, uint16_t port,
				    bool addresses_only)
{
	struct mx_hop hop;
	struct err err;

	if (mx_smart_host_parse(text, port, &hop, &err) != 0) {
		d->plan->why = keep(d, err.text);
		return NULL;
	}
	if (addresses_only && hop.kind == MX_SMART_HOST)
		hop.kind = MX_HOST;
	return add_target(d, hop.name, &hop);
}

static void pin(struct draft *d, struct plan_target *t, const struct snap_peer *peer)
{
	const struct snapshot *snap = d->view->snap;
	uint8_t (*hashes)[TLS_HASH_SIZE] =
		talloc_size(d->plan->texts, (peer->cert_hashes.count + 1) * sizeof(*hashes));

	for (uint32_t i = 0; i < peer->cert_hashes.count; i++)
		if (tls_hash_parse(snap_list_str(snap, peer->cert_hashes, i), hashes[t->hash_count]))
			t->hash_count++;
	t->hashes = hashes;
}

/* --- own servers -------------------------------------------------------------------------- */

/* A peer without a published certificate cannot be trusted: it is left out and named. */
static void add_peer(struct draft *d, const struct snap_peer *peer)
{
	const struct snapshot *snap = d->view->snap;
	const char *fqdn = snap_str(snap, peer->fqdn);
	uint32_t addresses = peer->addresses.count;
	struct plan_target *t;

	if (peer->cert_hashes.count == 0) {
		d->plan->why = talloc_asprintf(
			d->plan->texts, "server %s has no waypostCertificateHash in the directory: "
			"run `waypost server publish-certificate` there", snap_str(snap, peer->name));
		return;
	}
	for (uint32_t i = 0; i < addresses; i++) {
		struct mx_hop hop = { .kind = MX_HOST, .is_literal = true,
				      .port = (uint16_t)peer->smtp_port };
		const char *address = snap_list_str(snap, peer->addresses, i);

		if (!ipaddr_parse(address, strlen(address), &hop.literal))
			continue;
		snprintf(hop.name, sizeof(hop.name), "%s", address);
		pin(d, add_target(d, fqdn[0] != '\0' ? fqdn : address, &hop), peer);
	}
	if (addresses == 0 && (t = add_host(d, fqdn, (uint16_t)peer->smtp_port, true)) != NULL)
		pin(d, t, peer);
}

static void add_peers(struct draft *d, const struct snap_peer **peers, uint32_t count,
		      unsigned rotation)
{
	for (uint32_t i = 0; i < count; i++)
		add_peer(d, peers[(i + rotation) % count]);
}

static void add_hubs_of(struct draft *d, uint32_t site, unsigned rotation)
{
	const struct viewpoint *vp = d->view->viewpoint;
	uint32_t servers[PEERS_MAX], n = viewpoint_hubs(vp, site, servers, PEERS_MAX);
	const struct snap_peer *peers[PEERS_MAX];

	if (n > PEERS_MAX)
		n = PEERS_MAX;
	for (uint32_t i = 0; i < n; i++)
		peers[i] = &snap_server(d->view->snap, servers[i])->peer;
	add_peers(d, peers, n, rotation);
}

static const struct plan_rules own_server_rules = {
	.is_own = true, .tls = PLAN_TLS_PINNED, .tls_domain = "", .inactivity_ms = 600000,
	.max_messages = 1000,
};

/* What the queue and all targets added from now on are shown with. */
static void go_by(struct draft *d, const char *connector)
{
	d->connector = d->plan->connector = connector;
}

/* The hubs of the next stop, then those of the backoff sites (routing rules §3.3, §3.5). */
static void plan_relay_site(struct draft *d, const struct queue_key *key, unsigned rotation)
{
	const struct viewpoint *vp = d->view->viewpoint;
	uint32_t site = snapshot_find_site(d->view->snap, key->next_hop);
	uint32_t backoff[SITES_MAX], n;

	d->rules = own_server_rules;
	d->plan->display = keep(d, key->next_hop);
	go_by(d, implicit_name(d->plan->texts, IMPLICIT_SITE, key->next_hop));
	if (site == SNAP_NONE) {
		d->plan->why = "the site is no longer in the directory";
		return;
	}
	add_hubs_of(d, site, rotation);
	n = viewpoint_backoff(vp, 0, site, backoff, SITES_MAX);
	for (uint32_t i = 0; i < n && i < SITES_MAX; i++)
		add_hubs_of(d, backoff[i], rotation);
	if (d->plan->target_count == 0 && d->plan->why == NULL)
		d->plan->why = "the site has no active hub";
}

/* "A, B" */
static char *join(char *list, const char *item)
{
	return talloc_asprintf_append(list, "%s%s", list[0] != '\0' ? ", " : "", item);
}

static void show_peers(struct draft *d, const struct snap_peer **peers, uint32_t count)
{
	char *names = talloc_strdup(d->plan->texts, "");

	for (uint32_t i = 0; i < count; i++)
		names = join(names, snap_str(d->view->snap, peers[i]->name));
	d->plan->display = names;
}

/* Each edge has an implicit connector of its own (routing rules §6). */
static void add_edges(struct draft *d, const struct snap_peer **edges, uint32_t count,
		      unsigned rotation)
{
	char *connectors = talloc_strdup(d->plan->texts, "");

	for (uint32_t i = 0; i < count; i++) {
		const struct snap_peer *edge = edges[(i + rotation) % count];

		d->connector = implicit_name(d->plan->texts, IMPLICIT_EDGE,
					     snap_str(d->view->snap, edge->name));
		add_peer(d, edge);
	}
	for (uint32_t i = 0; i < count; i++)
		connectors = join(connectors, implicit_name(d->plan->texts, IMPLICIT_EDGE,
							    snap_str(d->view->snap, edges[i]->name)));
	d->plan->connector = connectors;
}

static void add_within(struct draft *d, const struct snap_peer **peers, uint32_t count,
		       unsigned rotation)
{
	const struct snapshot *snap = d->view->snap;
	uint32_t site = viewpoint_site(d->view->viewpoint);

	if (site != SNAP_NONE)
		go_by(d, implicit_name(d->plan->texts, IMPLICIT_WITHIN,
				       snap_str(snap, snap_site(snap, site)->name)));
	add_peers(d, peers, count, rotation);
}

static void plan_relay_server(struct draft *d, const struct queue_key *key, unsigned rotation)
{
	const struct snapshot *snap = d->view->snap;
	uint32_t index = snapshot_find_connector(snap, key->connector);
	struct route_decision decision = { .outcome = ROUTE_RELAY_SERVER, .connector = index,
					   .server = SNAP_NONE, .site = SNAP_NONE,
					   .next_stop = SNAP_NONE, .space = SNAP_NONE,
					   .to_edge = key->kind == QUEUE_RELAY_EDGE };
	const struct snap_peer *peers[PEERS_MAX];
	uint32_t n;

	d->rules = own_server_rules;
	d->plan->display = keep(d, key->connector);
	if (index == SNAP_NONE) {
		d->plan->why = "the connector is no longer in the directory";
		return;
	}
	n = route_candidates(d->view->viewpoint, &decision, peers, PEERS_MAX);
	if (n > PEERS_MAX)
		n = PEERS_MAX;
	if (n == 0) {
		d->plan->why = "the connector has no active source server in this site";
		return;
	}
	show_peers(d, peers, n);
	if (key->kind == QUEUE_RELAY_EDGE)
		add_edges(d, peers, n, rotation);
	else
		add_within(d, peers, n, rotation);
}

/* --- mailbox servers ---------------------------------------------------------------------- */

static void add_local_socket(struct draft *d, const char *path)
{
	static const struct mx_hop none = { .kind = MX_HOST };

	add_target(d, path, &none)->unix_path = keep(d, path);
}

/* waypostMailboxDelivery: lmtp://host:24, lmtp+unix:///path, smtp://host:25. */
static void plan_mailbox(struct draft *d, const struct queue_key *key)
{
	static const char lmtp[] = "lmtp://", local[] = "lmtp+unix://", smtp[] = "smtp://";
	const struct snapshot *snap = d->view->snap;
	uint32_t index = snapshot_find_server(snap, key->next_hop);
	const char *url = index == SNAP_NONE
				  ? ""
				  : snap_str(snap, snap_server(snap, index)->mailbox_delivery);

	d->plan->is_mailbox = true;
	d->plan->display = keep(d, key->next_hop);
	go_by(d, implicit_name(d->plan->texts, IMPLICIT_MAILBOX, key->next_hop));
	d->plan->is_lmtp = strncmp(url, "lmtp", 4) == 0;
	if (strncmp(url, local, sizeof(local) - 1) == 0)
		add_local_socket(d, url + sizeof(local) - 1);
	else if (strncmp(url, lmtp, sizeof(lmtp) - 1) == 0)
		add_host(d, url + sizeof(lmtp) - 1, PORT_LMTP, true);
	else if (strncmp(url, smtp, sizeof(smtp) - 1) == 0)
		add_host(d, url + sizeof(smtp) - 1, PORT_SMTP, true);
	else
		d->plan->why = talloc_asprintf(
			d->plan->texts, "server %s has no usable waypostMailboxDelivery: set it to "
			"lmtp://HOST:PORT, lmtp+unix:///PATH or smtp://HOST:PORT", key->next_hop);
}

/* --- send connectors ---------------------------------------------------------------------- */

static enum plan_tls tls_of(const struct snap_connector *c)
{
	if (c->tls_level == TLS_LEVEL_DOMAIN)
		return PLAN_TLS_DOMAIN;
	if (c->tls_level == TLS_LEVEL_CERTIFICATE)
		return PLAN_TLS_CERTIFICATE;
	if (c->require_tls || c->tls_level == TLS_LEVEL_ENCRYPTION)
		return PLAN_TLS_ENCRYPTION;
	return c->ignore_starttls ? PLAN_TLS_NONE : PLAN_TLS_OPPORTUNISTIC;
}

static void connector_rules(struct draft *d, const struct snap_connector *c)
{
	const struct snapshot *snap = d->view->snap;
	struct plan *plan = d->plan;

	d->rules = (struct plan_rules){
		.tls = tls_of(c),
		.tls_domain = keep(d, snap_str(snap, c->tls_domain)),
		.force_helo = c->force_helo != 0,
		.inactivity_ms = c->inactivity_timeout * 1000,
		.max_messages = c->max_messages_per_connection,
	};
	go_by(d, keep(d, snap_str(snap, c->name)));
	if (snap_has(c->fqdn))
		plan->helo = keep(d, snap_str(snap, c->fqdn));
}

/* `--` on an edge: the hubs that its directory shows, whatever the connector asks of others. */
static void add_inside_hubs(struct draft *d, unsigned rotation)
{
	const struct snapshot *snap = d->view->snap;
	const struct plan_rules others = d->rules;
	const struct snap_peer *peers[PEERS_MAX];
	uint32_t n = 0;

	d->rules = own_server_rules;
	for (uint32_t i = 0; i < snap_count(snap, SNAP_SERVERS) && n < PEERS_MAX; i++) {
		const struct snap_server *server = snap_server(snap, i);

		if ((server->roles & ROLE_HUB) != 0 && server->state == SERVER_ACTIVE)
			peers[n++] = &server->peer;
	}
	add_peers(d, peers, n, rotation);
	d->rules = others;
	if (n == 0 && d->plan->why == NULL)
		d->plan->why = "the directory of this edge shows no active hub";
}

static void add_smart_hosts(struct draft *d, const struct snap_connector *c, unsigned rotation)
{
	const struct snapshot *snap = d->view->snap;
	char *display = talloc_strdup(d->plan->texts, "");

	for (uint32_t i = 0; i < c->smart_hosts.count; i++) {
		const char *text = snap_list_str(snap, c->smart_hosts,
						 (i + rotation) % c->smart_hosts.count);

		if (strcmp(text, "--") == 0)
			add_inside_hubs(d, rotation);
		else
			add_host(d, text, (uint16_t)c->port, false);
		display = join(display, snap_list_str(snap, c->smart_hosts, i));
	}
	d->plan->display = display;
}

static void plan_connector(struct draft *d, const struct queue_key *key, unsigned rotation)
{
	const struct snapshot *snap = d->view->snap;
	uint32_t index = snapshot_find_connector(snap, key->connector);
	const struct snap_connector *c;
	struct mx_hop hop;

	if (key->connector[0] == '\0') { /* a recipient's own mail host in a relay domain */
		d->plan->display = keep(d, key->next_hop);
		add_host(d, key->next_hop, PORT_SMTP, false);
		return;
	}
	if (index == SNAP_NONE) {
		d->plan->why = "the connector is no longer in the directory";
		return;
	}
	c = snap_connector(snap, index);
	connector_rules(d, c);
	if (key->kind == QUEUE_SMART_HOST) {
		add_smart_hosts(d, c, rotation);
		return;
	}
	d->plan->display = keep(d, key->next_hop);
	if (mx_domain_parse(key->next_hop, PORT_SMTP, &hop))
		add_target(d, key->next_hop, &hop);
	else
		d->plan->why = "the domain is malformed";
}

/* ------------------------------------------------------------------------------------------ */

static void add_binding(void *arg, const char *binding)
{
	struct draft *d = arg;
	struct mx_self *self = &d->plan->self;
	struct mx_endpoint *list = (struct mx_endpoint *)self->bindings;
	struct mx_endpoint *next = &list[self->binding_count];

	if (self->binding_count < BINDINGS_MAX &&
	    endpoint_parse_binding(binding, &next->address, &next->port))
		self->binding_count++;
}

/* What counts as this host when a next hop leads back here. */
static void describe_self(struct draft *d)
{
	const char **names = talloc_array(d->plan->texts, const char *, 1);

	names[0] = d->plan->helo;
	d->plan->self.names = names;
	d->plan->self.name_count = 1;
	d->plan->self.bindings = talloc_array(d->plan->texts, struct mx_endpoint, BINDINGS_MAX);
	receive_each_binding(d->view, add_binding, d);
}

static void plan_defaults(struct draft *d)
{
	struct plan *plan = d->plan;

	go_by(d, plan->display = "");
	plan->helo = keep(d, d->view->fqdn);
	describe_self(d);
	d->rules = (struct plan_rules){ .tls = PLAN_TLS_OPPORTUNISTIC, .tls_domain = "",
					.inactivity_ms = 600000, .max_messages = 100 };
}

struct plan *plan_new(const struct view *view, const struct queue_key *key, unsigned rotation)
{
	struct plan *plan = mem_zero(1, sizeof(*plan));
	struct draft d = { .plan = plan, .view = view };

	atomic_init(&plan->refs, 1);
	plan->texts = talloc_strdup(NULL, "plan");
	plan_defaults(&d);
	switch (key->kind) {
	case QUEUE_MAILBOX:
		plan_mailbox(&d, key);
		break;
	case QUEUE_DNS_CONNECTOR:
	case QUEUE_SMART_HOST:
		plan_connector(&d, key, rotation);
		break;
	case QUEUE_RELAY_SITE:
		plan_relay_site(&d, key, rotation);
		break;
	case QUEUE_RELAY_SERVER:
	case QUEUE_RELAY_EDGE:
		plan_relay_server(&d, key, rotation);
		break;
	case QUEUE_SUBMISSION:
	case QUEUE_UNREACHABLE:
	case QUEUE_DISCARD:
		plan->why = keep(&d, key->next_hop);
		break;
	}
	if (plan->target_count == 0 && plan->why == NULL)
		plan->why = "the next hop has no host to connect to";
	return plan;
}

/* --- comparing ---------------------------------------------------------------------------- */

static bool same_hop(const struct plan_target *a, const struct plan_target *b)
{
	return a->hop.kind == b->hop.kind && a->hop.port == b->hop.port &&
	       strcmp(a->hop.name, b->hop.name) == 0 && strcmp(a->name, b->name) == 0 &&
	       strcmp(a->unix_path, b->unix_path) == 0;
}

/* Levels of TLS are in order, what proves more is good enough; a pin is a matter of its own. */
static bool satisfies(const struct plan_rules *old, const struct plan_rules *rules)
{
	if (old->is_own != rules->is_own || old->force_helo != rules->force_helo ||
	    old->inactivity_ms != rules->inactivity_ms || old->max_messages != rules->max_messages)
		return false;
	if (rules->tls == PLAN_TLS_DOMAIN && strcmp(old->tls_domain, rules->tls_domain) != 0)
		return false;
	return old->tls >= rules->tls && (old->tls == PLAN_TLS_PINNED) == (rules->tls == PLAN_TLS_PINNED);
}

int plan_find_target(const struct plan *plan, const struct plan *old, unsigned index)
{
	const struct plan_target *was = &old->targets[index];

	if (plan->is_lmtp != old->is_lmtp || plan->is_mailbox != old->is_mailbox ||
	    strcmp(plan->helo, old->helo) != 0)
		return -1;
	for (unsigned i = 0; i < plan->target_count; i++)
		if (same_hop(&plan->targets[i], was) &&
		    satisfies(&was->rules, &plan->targets[i].rules))
			return (int)i;
	return -1;
}

bool plan_is_pinned(const struct plan_target *target, const uint8_t hash[static TLS_HASH_SIZE])
{
	for (unsigned i = 0; i < target->hash_count; i++)
		if (memcmp(target->hashes[i], hash, TLS_HASH_SIZE) == 0)
			return true;
	return false;
}

struct plan *plan_ref(struct plan *plan)
{
	atomic_fetch_add_explicit(&plan->refs, 1, memory_order_relaxed);
	return plan;
}

/* The texts are one talloc tree that nobody touches after plan_new: the last holder frees it. */
void plan_unref(struct plan *plan)
{
	if (plan == NULL ||
	    atomic_fetch_sub_explicit(&plan->refs, 1, memory_order_acq_rel) != 1)
		return;
	talloc_free(plan->texts);
	free(plan->targets);
	free(plan);
}
