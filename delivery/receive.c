/* Receive connectors. */
#include "delivery/receive.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/endpoint.h"
#include "common/mailaddr.h"
#include "topology/viewpoint.h"

enum {
	RECIPIENTS_OWN = 5000,
	RECIPIENTS_OTHERS = 200,
	CONNECTIONS = 5000,
	CONNECTIONS_PER_SOURCE = 20,
};

static const char *const watched_fields[] = { "X-Waypost-Organization-Size", "Message-ID" };

bool receive_binding_parse(const char *binding, struct sockaddr_storage *address_r)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address_r;
	struct sockaddr_in *v4 = (struct sockaddr_in *)address_r;
	struct ipaddr address;
	uint16_t port;

	memset(address_r, 0, sizeof(*address_r));
	if (strlen(binding) >= RECEIVE_BINDING_MAX || !endpoint_parse_binding(binding, &address, &port))
		return false;
	if (ipaddr_is_v4(&address)) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, address.bytes + 12, sizeof(v4->sin_addr));
	} else {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		memcpy(&v6->sin6_addr, address.bytes, sizeof(v6->sin6_addr));
	}
	return true;
}

static bool has_connectors(const struct view *view)
{
	return snap_server(view->snap, view->server)->receive.count > 0;
}

static const struct snap_receive *connector(const struct view *view, uint32_t i, uint32_t *index_r)
{
	*index_r = snap_word(view->snap, snap_server(view->snap, view->server)->receive, i);
	return snap_receive(view->snap, *index_r);
}

static void each_default_binding(const struct view *view,
				 void (*fn)(void *arg, const char *binding), void *arg)
{
	const struct snap_peer *peer = &snap_server(view->snap, view->server)->peer;
	char binding[RECEIVE_BINDING_MAX];

	for (uint32_t i = 0; i < peer->addresses.count; i++) {
		const char *address = snap_list_str(view->snap, peer->addresses, i);
		bool is_v6 = strchr(address, ':') != NULL;

		snprintf(binding, sizeof(binding), "%s%s%s:%u", is_v6 ? "[" : "", address,
			 is_v6 ? "]" : "", (unsigned)peer->smtp_port);
		fn(arg, binding);
	}
	if (peer->addresses.count > 0)
		return;
	snprintf(binding, sizeof(binding), "0.0.0.0:%u", (unsigned)peer->smtp_port);
	fn(arg, binding);
	snprintf(binding, sizeof(binding), "[::]:%u", (unsigned)peer->smtp_port);
	fn(arg, binding);
}

void receive_each_binding(const struct view *view, void (*fn)(void *arg, const char *binding),
			  void *arg)
{
	uint32_t count = snap_server(view->snap, view->server)->receive.count, index;

	if (!has_connectors(view)) {
		each_default_binding(view, fn, arg);
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		const struct snap_receive *r = connector(view, i, &index);

		for (uint32_t j = 0; r->enabled && j < r->bindings.count; j++)
			fn(arg, snap_list_str(view->snap, r->bindings, j));
	}
}

/* --- the rules of one connector --------------------------------------------------------- */

static void common_rules(const struct view *view, struct receive_rules *rules)
{
	memset(rules, 0, sizeof(*rules));
	server_limits_default(&rules->config.limits);
	rules->config.host = view->fqdn;
	rules->config.extensions = SMTP_EXT_PIPELINING | SMTP_EXT_SIZE | SMTP_EXT_8BITMIME |
				   SMTP_EXT_ENHANCEDSTATUSCODES | SMTP_EXT_STARTTLS;
	rules->config.fields = watched_fields;
	rules->config.field_count = WP_COUNT(watched_fields);
	rules->config.chunk_bytes = 256 * 1024;
	rules->config.limits.tarpit_ms = 5000;
	rules->config.limits.inactivity_ms = view->is_edge ? 60000 : 300000;
	rules->config.limits.connection_ms = view->is_edge ? 300000 : 600000;
	rules->config.limits.message_bytes = rules->max_message_size = 36700160;
	rules->config.limits.recipients = RECIPIENTS_OTHERS;
	rules->own_recipients = RECIPIENTS_OWN;
	rules->admission.connections = CONNECTIONS;
	rules->admission.per_source = CONNECTIONS_PER_SOURCE;
}

static void default_rules(const struct view *view, struct receive_rules *rules)
{
	common_rules(view, rules);
	rules->index = SNAP_NONE;
	rules->name = "Default";
	rules->permit = PERMIT_ANONYMOUS | PERMIT_SERVERS;
}

static void connector_rules(const struct view *view, uint32_t index, struct receive_rules *rules)
{
	const struct snap_receive *r = snap_receive(view->snap, index);
	struct server_limits *limits = &rules->config.limits;

	common_rules(view, rules);
	rules->index = index;
	rules->name = snap_str(view->snap, r->name);
	rules->permit = r->permit;
	rules->is_external = (r->auth & RECEIVE_AUTH_EXTERNAL) != 0;
	rules->max_message_size = r->max_message_size;
	rules->config.require_tls = r->require_tls != 0;
	if (snap_has(r->fqdn))
		rules->config.host = snap_str(view->snap, r->fqdn);
	if (snap_has(r->banner))
		rules->config.banner = snap_str(view->snap, r->banner);
	limits->message_bytes = r->max_message_size;
	limits->header_bytes = r->max_header_size;
	limits->hops = r->max_hops;
	limits->errors = r->max_protocol_errors;
	limits->tarpit_ms = (uint64_t)r->tarpit_interval * 1000;
	limits->inactivity_ms = (uint64_t)r->inactivity_timeout * 1000;
	limits->connection_ms = (uint64_t)r->connection_timeout * 1000;
	if (r->max_recipients != 0)
		limits->recipients = rules->own_recipients = r->max_recipients;
	if (rules->is_external)
		receive_trust(rules);
	/* A connector of externallySecured clients has no strangers: its figures are for them. */
	rules->admission.connections = r->max_connections;
	rules->admission.per_minute = r->message_rate;
	if (r->max_connections_per_source != 0)
		rules->admission.per_source = r->max_connections_per_source;
}

void receive_trust(struct receive_rules *rules)
{
	rules->config.limits.recipients = rules->own_recipients;
	rules->admission.per_source = rules->admission.per_minute = 0;
	rules->config.limits.tarpit_ms = 0;
	rules->config.limits.connection_ms = 0; /* own servers keep their connections */
}

bool receive_is_inside(const struct snapshot *snap, const char *address)
{
	char inner[MAILADDR_TYPE_MAX + MAILADDR_OTHER_MAX + 2], again[sizeof(inner)];
	struct mailaddr parsed;
	int n;

	if (strchr(address, '@') == NULL)
		return true;
	if (mailaddr_parse(address, strlen(address), &parsed) != MAILADDR_OK ||
	    !mailaddr_is_smtp(&parsed) ||
	    snapshot_accepted_domain(snap, parsed.domain) == SNAP_NONE)
		return false;
	n = mailaddr_imcea_decode(address, strlen(address), inner, sizeof(inner));
	if (n == 0)
		return true;
	/* Encapsulated once: an address that is unpacked twice only hides where it leads. */
	if (n < 0 || mailaddr_parse(inner, (size_t)n, &parsed) != MAILADDR_OK ||
	    !mailaddr_is_smtp(&parsed) ||
	    mailaddr_imcea_decode(inner + 5, (size_t)n - 5, again, sizeof(again)) != 0)
		return false;
	return snapshot_accepted_domain(snap, parsed.domain) != SNAP_NONE;
}

/* --- choosing --------------------------------------------------------------------------- */

static bool has_binding(const struct view *view, const struct snap_receive *r, const char *binding)
{
	for (uint32_t i = 0; i < r->bindings.count; i++)
		if (strcmp(snap_list_str(view->snap, r->bindings, i), binding) == 0)
			return true;
	return false;
}

bool receive_choose(const struct view *view, const char *binding, const struct ipaddr *peer,
		    struct receive_rules *rules_r)
{
	const struct ipaddr_range *best = NULL;
	uint32_t chosen = SNAP_NONE, index;

	if (!has_connectors(view)) {
		default_rules(view, rules_r);
		return true;
	}
	for (uint32_t i = 0; i < snap_server(view->snap, view->server)->receive.count; i++) {
		const struct snap_receive *r = connector(view, i, &index);
		const struct ipaddr_range *range;

		if (!r->enabled || !has_binding(view, r, binding))
			continue;
		range = snapshot_receive_range(view->snap, r, peer);
		if (range == NULL || (best != NULL && ipaddr_range_compare_size(range, best) >= 0))
			continue;
		best = range;
		chosen = index;
	}
	if (chosen == SNAP_NONE)
		return false;
	connector_rules(view, chosen, rules_r);
	return true;
}
