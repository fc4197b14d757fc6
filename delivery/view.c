/* The snapshot from this host's point of view. */
#include "delivery/view.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

static uint32_t find_server(const struct hostfile *host, const struct snapshot *snap)
{
	if (host->server != NULL)
		return snapshot_find_server(snap, host->server);
	return snapshot_find_server_fqdn(snap, host->fqdn);
}

static const char *why_not_serving(const struct snap_server *server)
{
	if (server->state == SERVER_DISABLED)
		return "the server object of this host is disabled";
	if (server->state == SERVER_DRAINING)
		return "the server object of this host is draining";
	if ((server->roles & (ROLE_HUB | ROLE_EDGE)) == 0)
		return "the server object of this host has neither role hub nor role edge";
	return "";
}

static void set_limits(struct queue_limits *limits, const struct snap_server *server, bool edge)
{
	*limits = edge ? queue_limits_edge : queue_limits_hub;
	limits->glitch_count = server->glitch_retry_count;
	limits->glitch_ms = server->glitch_retry_interval * 1000;
	limits->transient_count = server->transient_retry_count;
	limits->transient_ms = server->transient_retry_interval * 1000;
	limits->failure_ms = server->connection_failure_retry_interval * 1000;
	limits->message_retry_ms = server->message_retry_interval * 1000;
	limits->expiration_ms = (uint64_t)server->message_expiration * 1000;
	limits->max_connections = server->max_outbound_connections;
	limits->max_per_queue = server->max_per_domain_connections;
}

/* --- addresses of own servers ---------------------------------------------------------------- */

static int compare_addresses(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct ipaddr));
}

static void learn_peer_addresses(struct view *view, const struct snap_peer *peer)
{
	uint32_t count = peer->addresses.count;
	size_t room = (view->own_address_count + count) * sizeof(struct ipaddr);

	if (count == 0)
		return;
	view->own_addresses = mem_grow(view->own_addresses, room);
	for (uint32_t i = 0; i < count; i++) {
		const char *text = snap_list_str(view->snap, peer->addresses, i);

		if (ipaddr_parse(text, strlen(text), &view->own_addresses[view->own_address_count]))
			view->own_address_count++;
	}
}

void view_learn_addresses(struct view *view)
{
	for (uint32_t i = 0; i < snap_count(view->snap, SNAP_SERVERS); i++)
		learn_peer_addresses(view, &snap_server(view->snap, i)->peer);
	for (uint32_t i = 0; i < snap_count(view->snap, SNAP_EDGES); i++)
		learn_peer_addresses(view, &snap_edge(view->snap, i)->peer);
	if (view->own_address_count > 0)
		qsort(view->own_addresses, view->own_address_count, sizeof(struct ipaddr),
		      compare_addresses);
}

bool view_is_own_address(const struct view *view, const struct ipaddr *addr)
{
	return view->own_address_count > 0 &&
	       bsearch(addr, view->own_addresses, view->own_address_count, sizeof(struct ipaddr),
		       compare_addresses) != NULL;
}

/* --- life ------------------------------------------------------------------------------------ */

struct view *view_new(const struct hostfile *host, struct snapshot_file *file)
{
	struct view *view = mem_zero(1, sizeof(*view));
	const struct snap_server *server;

	atomic_init(&view->refs, 1);
	view->file = file;
	view->snap = snapshot_file_view(file);
	view->server = find_server(host, view->snap);
	view->name = host->server != NULL ? host->server : "";
	view->fqdn = host->fqdn;
	view->limits = queue_limits_hub;
	if (view->server == SNAP_NONE) {
		view->why = "the directory has no server object for this host";
		return view;
	}
	server = snap_server(view->snap, view->server);
	view->viewpoint = viewpoint_new(view->snap, view->server);
	view->name = snap_str(view->snap, server->peer.name);
	if (snap_has(server->peer.fqdn))
		view->fqdn = snap_str(view->snap, server->peer.fqdn);
	view->is_edge = viewpoint_is_edge(view->viewpoint);
	view->why = why_not_serving(server);
	view->is_serving = view->why[0] == '\0';
	set_limits(&view->limits, server, view->is_edge);
	view_learn_addresses(view);
	return view;
}

struct view *view_ref(struct view *view)
{
	atomic_fetch_add_explicit(&view->refs, 1, memory_order_relaxed);
	return view;
}

void view_unref(struct view *view)
{
	if (view == NULL ||
	    atomic_fetch_sub_explicit(&view->refs, 1, memory_order_acq_rel) != 1)
		return;
	viewpoint_free(view->viewpoint);
	free(view->own_addresses);
	snapshot_file_unref(&view->file);
	free(view);
}
