/* The table of a connector's properties. */
#include "admin/connector.h"

#include <ctype.h>
#include <string.h>

#include "common/buf.h"

typedef const struct connector_item item_t;

static json_t *text_or_null(const struct snapshot *snap, snap_text text)
{
	return snap_has(text) ? json_string(snap_str(snap, text)) : NULL;
}

static json_t *texts(const struct snapshot *snap, struct snap_list list)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < list.count; i++)
		json_array_append_new(array, json_string(snap_list_str(snap, list, i)));
	return array;
}

static json_t *site_names(const struct snapshot *snap, const uint32_t *sites, uint32_t n)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(array,
				      json_string(snap_str(snap, snap_site(snap, sites[i])->name)));
	return array;
}

/* Properties of explicit connectors do not apply to computed ones. */
#define EXPLICIT(function, expression)                            \
	static json_t *function(item_t *item)                     \
	{                                                         \
		const struct snap_connector *c = item->explicit; \
		return c != NULL ? (expression) : NULL;           \
	}

#define SEND_ONLY(function, expression) \
	EXPLICIT(function, c->kind == CONNECTOR_SEND ? (expression) : NULL)

#define FOREIGN_ONLY(function, expression) \
	EXPLICIT(function, c->kind == CONNECTOR_FOREIGN ? (expression) : NULL)

#define IMPLICIT(function, expression)                                \
	static json_t *function(item_t *item)                         \
	{                                                             \
		const struct implicit_connector *c = item->implicit; \
		return c != NULL ? (expression) : NULL;               \
	}

/* Of either kind: one expression each. */
#define EITHER(function, for_explicit, for_implicit)                  \
	static json_t *function(item_t *item)                         \
	{                                                             \
		if (item->explicit != NULL) {                         \
			const struct snap_connector *c = item->explicit; \
			return for_explicit;                          \
		} else {                                              \
			const struct implicit_connector *c = item->implicit; \
			return for_implicit;                          \
		}                                                     \
	}

static json_t *name_of(const char *const *names, size_t n, unsigned i)
{
	return i < n ? json_string(names[i]) : NULL;
}
#define NAME_OF(names, i) name_of(names, WP_COUNT(names), i)

static const char *const usages[] = { "custom", "internal", "internet", "partner" };
static const char *const auths[] = { "none", "basic", "basicRequireTls", "serverAuth",
				     "externallySecured" };
static const char *const tls_levels[] = { "none", "encryptionOnly", "certificateValidation",
					  "domainValidation" };
static const char *const policies[] = { "off", "opportunistic", "mandatory" };
static const char *const implicit_kinds[] = { "implicit site", "implicit within", "implicit edge",
					      "implicit mailbox" };

static json_t *spaces_of(item_t *item, bool costs)
{
	struct snap_list list = item->explicit->spaces;
	json_t *array = json_array();

	for (uint32_t i = 0; i < list.count; i++) {
		const struct snap_space *space = snap_space(item->snap, list.first + i);

		json_array_append_new(array, costs ? json_integer(space->cost) :
						     json_string(snap_str(item->snap, space->text)));
	}
	return array;
}

static json_t *source_servers(item_t *item)
{
	const struct snap_connector *c = item->explicit;
	json_t *array;

	if (c == NULL)
		return NULL;
	array = json_array();
	for (uint32_t i = 0; i < c->servers.count; i++) {
		uint32_t server = snap_word(item->snap, c->servers, i);

		json_array_append_new(array, json_string(snap_str(item->snap,
						snap_server(item->snap, server)->peer.name)));
	}
	for (uint32_t i = 0; i < c->edges.count; i++) {
		uint32_t edge = snap_word(item->snap, c->edges, i);

		json_array_append_new(array, json_string(snap_str(item->snap,
						snap_edge(item->snap, edge)->peer.name)));
	}
	return array;
}

static json_t *candidates(item_t *item)
{
	const struct implicit_connector *c = item->implicit;
	json_t *array;

	if (c == NULL)
		return NULL;
	array = json_array();
	for (uint32_t i = 0; i < c->n_servers; i++)
		json_array_append_new(array, json_string(snap_str(item->snap, c->servers[i]->name)));
	return array;
}

static json_t *linked_receive(item_t *item)
{
	const struct snap_connector *c = item->explicit;

	if (c == NULL || c->linked_receive == SNAP_NONE)
		return NULL;
	return json_string(snap_str(item->snap, snap_receive(item->snap, c->linked_receive)->name));
}

static const char *kind_name(const struct snap_connector *c)
{
	return c->kind == CONNECTOR_FOREIGN ? "foreign" : "send";
}

/* Null: unlimited. */
static json_t *size_value(uint64_t octets)
{
	return octets == 0 ? json_null() : json_integer((json_int_t)octets);
}

static json_t *log_level(bool verbose)
{
	return json_string(verbose ? "verbose" : "none");
}

EITHER(get_name, json_string(snap_str(item->snap, c->name)), json_string(c->name))
EITHER(get_status, json_string(c->enabled ? "Enabled" : "Disabled"),
       json_string(c->reachable ? "Enabled" : "Unreachable"))
EITHER(get_kind, json_string(kind_name(c)), NAME_OF(implicit_kinds, c->kind))
SEND_ONLY(get_usage, NAME_OF(usages, c->usage))
SEND_ONLY(get_fqdn, text_or_null(item->snap, c->fqdn))
EITHER(get_max_size, size_value(c->max_message_size), size_value(c->max_size))
SEND_ONLY(get_log_level, log_level(c->verbose_log))
EXPLICIT(get_description, text_or_null(item->snap, c->description))

static json_t *get_spaces(item_t *item)
{
	return item->explicit != NULL ? spaces_of(item, false) : NULL;
}

static json_t *get_cost(item_t *item)
{
	if (item->explicit != NULL)
		return spaces_of(item, true);
	return json_pack("[I]", (json_int_t)item->implicit->cost);
}

EXPLICIT(get_scoped, json_boolean(c->scoped))
SEND_ONLY(get_dns_routing, json_boolean(c->dns_routing))
SEND_ONLY(get_smart_hosts, texts(item->snap, c->smart_hosts))
static json_t *get_auth(item_t *item)
{
	if (item->explicit == NULL)
		return json_string("serverAuth");
	return item->explicit->kind == CONNECTOR_SEND ? NAME_OF(auths, item->explicit->smarthost_auth) :
							NULL;
}
SEND_ONLY(get_sasl, texts(item->snap, c->sasl_mechanisms))
SEND_ONLY(get_port, json_integer(c->port))
static json_t *get_require_tls(item_t *item)
{
	if (item->explicit == NULL)
		return json_true();
	return item->explicit->kind == CONNECTOR_SEND ? json_boolean(item->explicit->require_tls) : NULL;
}
SEND_ONLY(get_tls_level, NAME_OF(tls_levels, c->tls_level))
SEND_ONLY(get_tls_domain, text_or_null(item->snap, c->tls_domain))
SEND_ONLY(get_ignore_starttls, json_boolean(c->ignore_starttls))
SEND_ONLY(get_domain_secure, json_boolean(c->domain_secure))
SEND_ONLY(get_dane, NAME_OF(policies, c->dane))
SEND_ONLY(get_mta_sts, NAME_OF(policies, c->mta_sts))
SEND_ONLY(get_external_dns, json_boolean(c->use_external_dns))
SEND_ONLY(get_force_helo, json_boolean(c->force_helo))
SEND_ONLY(get_source_addresses, texts(item->snap, c->source_addresses))
SEND_ONLY(get_max_connections, c->max_connections != 0 ? json_integer(c->max_connections) : NULL)
SEND_ONLY(get_max_messages, json_integer(c->max_messages_per_connection))
SEND_ONLY(get_timeout, json_integer(c->inactivity_timeout))
FOREIGN_ONLY(get_drop_directory, text_or_null(item->snap, c->drop_directory))
FOREIGN_ONLY(get_drop_quota, size_value(c->drop_quota))
IMPLICIT(get_path, site_names(item->snap, c->path, c->n_path))
IMPLICIT(get_stops, site_names(item->snap, c->stops, c->n_stops))
IMPLICIT(get_backoff, site_names(item->snap, c->backoff, c->n_backoff))
IMPLICIT(get_hops, json_integer(c->hops))

#define GENERAL "General"
#define SPACE "Address Space"
#define NETWORK "Network"
#define SOURCE "Source Server"
#define PATH "Path"

const struct connector_property connector_properties[] = {
	{ GENERAL, "Name", "name", true, get_name },
	{ GENERAL, "Status", "status", true, get_status },
	{ GENERAL, "Kind", "kind", true, get_kind },
	{ GENERAL, "Usage", "usage", true, get_usage },
	{ GENERAL, "FQDN", "fqdn", true, get_fqdn },
	{ GENERAL, "Max Message Size", "max_message_size", true, get_max_size },
	{ GENERAL, "Protocol Logging Level", "protocol_logging_level", true, get_log_level },
	{ GENERAL, "Description", "description", false, get_description },
	{ SPACE, "Address Spaces", "address_spaces", true, get_spaces },
	{ SPACE, "Cost", "cost", true, get_cost },
	{ SPACE, "Scoped", "scoped", true, get_scoped },
	{ NETWORK, "DNS Routing Enabled", "dns_routing_enabled", true, get_dns_routing },
	{ NETWORK, "Smart Hosts", "smart_hosts", true, get_smart_hosts },
	{ NETWORK, "Authentication Mechanism", "authentication_mechanism", true, get_auth },
	{ NETWORK, "SASL Mechanisms", "sasl_mechanisms", false, get_sasl },
	{ NETWORK, "Port", "port", false, get_port },
	{ NETWORK, "Require TLS", "require_tls", true, get_require_tls },
	{ NETWORK, "TLS Level", "tls_level", false, get_tls_level },
	{ NETWORK, "TLS Domain", "tls_domain", false, get_tls_domain },
	{ NETWORK, "Ignore STARTTLS", "ignore_starttls", false, get_ignore_starttls },
	{ NETWORK, "Domain Secure", "domain_secure", false, get_domain_secure },
	{ NETWORK, "DANE", "dane", false, get_dane },
	{ NETWORK, "MTA-STS", "mta_sts", false, get_mta_sts },
	{ NETWORK, "External DNS", "external_dns", false, get_external_dns },
	{ NETWORK, "Force HELO", "force_helo", false, get_force_helo },
	{ NETWORK, "Source Addresses", "source_addresses", false, get_source_addresses },
	{ NETWORK, "Max Connections", "max_connections", false, get_max_connections },
	{ NETWORK, "Max Messages Per Connection", "max_messages_per_connection", false,
	  get_max_messages },
	{ NETWORK, "Inactivity Timeout", "inactivity_timeout", false, get_timeout },
	{ NETWORK, "Linked Receive Connector", "linked_receive_connector", false, linked_receive },
	{ NETWORK, "Drop Directory", "drop_directory", false, get_drop_directory },
	{ NETWORK, "Drop Quota", "drop_quota", false, get_drop_quota },
	{ PATH, "Path", "path", false, get_path },
	{ PATH, "Stops", "stops", false, get_stops },
	{ PATH, "Backoff", "backoff", false, get_backoff },
	{ PATH, "Hops", "hops", false, get_hops },
	{ PATH, "Servers", "servers", false, candidates },
	{ SOURCE, "Source Transport Servers", "source_transport_servers", true, source_servers },
};
const size_t connector_n_properties = WP_COUNT(connector_properties);

/* "Smart Hosts", "smart_hosts" and "smarthosts" are one name. */
static bool is_name(const char *name, size_t len, const char *header)
{
	const char *end = name + len;

	for (;;) {
		while (name < end && !isalnum((unsigned char)*name))
			name++;
		while (*header != '\0' && !isalnum((unsigned char)*header))
			header++;
		if (name == end || *header == '\0')
			return name == end && *header == '\0';
		if (ascii_lower(*name++) != ascii_lower(*header++))
			return false;
	}
}

const struct connector_property *connector_find_property(const char *name, size_t len)
{
	for (size_t i = 0; i < WP_COUNT(connector_properties); i++)
		if (is_name(name, len, connector_properties[i].header))
			return &connector_properties[i];
	return NULL;
}

const char *connector_cell(TALLOC_CTX *ctx, const json_t *value)
{
	char *joined;
	json_t *item;
	size_t i;

	if (json_is_string(value))
		return json_string_value(value);
	if (json_is_integer(value))
		return talloc_asprintf(ctx, "%lld", (long long)json_integer_value(value));
	if (json_is_boolean(value))
		return json_is_true(value) ? "yes" : "no";
	if (json_is_null(value))
		return "unlimited";
	joined = talloc_strdup(ctx, "");
	json_array_foreach(value, i, item)
		joined = talloc_asprintf_append(joined, "%s%s", i > 0 ? ", " : "",
						connector_cell(ctx, item));
	return joined;
}
