/*
 * What the table cannot say about connectors: sources, smart hosts against DNS routing, address
 * spaces. What a definition may not say is dropped and noted; the connector stays (routing rules,
 * end of §5). Pure.
 */
#include <string.h>

#include "common/names.h"
#include "topology/addrspace.h"
#include "topology/load_private.h"

struct sources {
	uint32_t *servers, *edges;
	uint32_t n_servers, n_edges;
};

static void add_source(struct loader *ld, const struct item *item, struct sources *sources,
		       const struct entry_value *value)
{
	const struct item *server = load_find(ld, value->data, SNAP_SERVERS);
	const struct item *edge = load_find(ld, value->data, SNAP_EDGES);

	if (edge != NULL) {
		sources->edges[sources->n_edges++] = edge->index;
		return;
	}
	if (server != NULL) {
		const struct snap_server *record =
			image_at(&ld->image, SNAP_SERVERS, server->index);

		if (record->roles & (ROLE_HUB | ROLE_EDGE)) {
			sources->servers[sources->n_servers++] = server->index;
			return;
		}
	}
	load_diag(ld, server != NULL ? DIAG_SOURCE_NOT_TRANSPORT : DIAG_UNKNOWN_REFERENCE,
		  item->dn, "waypostSourceServer", value->data, value->len);
}

static void load_sources(struct loader *ld, const struct item *item,
			 struct snap_connector *connector)
{
	const struct item_field *values = load_values(item, "waypostSourceServer");
	size_t n = values != NULL ? values->n_values : 0;
	struct sources sources = { arena_zero(&ld->scratch, n * sizeof(uint32_t)),
				   arena_zero(&ld->scratch, n * sizeof(uint32_t)), 0, 0 };

	for (size_t i = 0; i < n; i++)
		add_source(ld, item, &sources, &values->values[i]);
	if (sources.n_servers > 0 && sources.n_edges > 0) {
		load_diag(ld, DIAG_MIXED_SOURCES, item->dn, "waypostSourceServer", NULL, 0);
		sources.n_edges = 0;
	}
	if (sources.n_servers + sources.n_edges == 0)
		load_diag(ld, DIAG_CONNECTOR_NO_SOURCE, item->dn, "waypostSourceServer", NULL, 0);
	connector->servers = load_index_list(ld, sources.servers, sources.n_servers);
	connector->edges = load_index_list(ld, sources.edges, sources.n_edges);
}

/*
 * Smart hosts present and DnsRouting absent: no DNS routing; both given: smart hosts win. If none
 * of them is valid, mail waits: it was not to go by DNS.
 */
static void choose_routing(struct loader *ld, const struct item *item,
			 struct snap_connector *connector)
{
	bool asked = load_values(item, "waypostDnsRouting") != NULL;

	if (connector->kind != CONNECTOR_SEND)
		return;
	if (connector->smart_hosts.count > 0) {
		if (asked && connector->dns_routing)
			load_diag(ld, DIAG_SMARTHOST_WINS, item->dn, "waypostSmartHost", NULL, 0);
		connector->dns_routing = false;
		return;
	}
	if (load_values(item, "waypostSmartHost") != NULL)
		connector->dns_routing = false;
	if (!connector->dns_routing)
		load_diag(ld, DIAG_NO_SMARTHOST, item->dn, "waypostSmartHost", NULL, 0);
}

/* What is wrong with a space on this connector, or DIAG_COUNT. */
static enum diag_id space_fault(const struct snap_connector *connector,
				const struct entry_value *value, struct addrspace *space)
{
	switch (name_is_printable(value->data, value->len) ? addrspace_parse(value->data, value->len, space) :
				      ADDRSPACE_MALFORMED) {
	case ADDRSPACE_MALFORMED:
		return DIAG_BAD_ADDRESS_SPACE;
	case ADDRSPACE_BAD_COST:
		return DIAG_BAD_SPACE_COST;
	case ADDRSPACE_OK:
		break;
	}
	if (connector->kind == CONNECTOR_SEND && connector->dns_routing &&
	    strcmp(space->type, "SMTP") != 0)
		return DIAG_SPACE_NEEDS_SMARTHOST;
	return DIAG_COUNT;
}

static void load_spaces(struct loader *ld, const struct item *item,
			 struct snap_connector *connector)
{
	const struct item_field *values = load_values(item, "waypostAddressSpace");
	struct addrspace space;

	connector->spaces = (struct snap_list){ image_count(&ld->image, SNAP_SPACES), 0 };
	for (size_t i = 0; values != NULL && i < values->n_values; i++) {
		const struct entry_value *value = &values->values[i];
		enum diag_id fault = space_fault(connector, value, &space);

		if (fault != DIAG_COUNT) {
			load_diag(ld, fault, item->dn, "waypostAddressSpace", value->data,
				  value->len);
			continue;
		}
		image_add(&ld->image, SNAP_SPACES,
			  &(struct snap_space){ .text = image_text(&ld->image, value->data),
						.type = image_text(&ld->image, space.type),
						.connector = item->index,
						.cost = space.cost });
		connector->spaces.count++;
	}
	if (connector->spaces.count == 0 && load_values(item, "waypostLinkedReceiveConnector") == NULL)
		load_diag(ld, DIAG_CONNECTOR_NO_SPACE, item->dn, "waypostAddressSpace", NULL, 0);
}

void load_connector(struct loader *ld, const struct item *item,
			 struct snap_connector *connector)
{
	connector->kind = item->class->kind;
	if (connector->kind == CONNECTOR_FOREIGN)
		connector->linked_receive = SNAP_NONE;
	load_sources(ld, item, connector);
	choose_routing(ld, item, connector);
	load_spaces(ld, item, connector);
	/* RequireTls alone means encryption without a look at the certificate. */
	if (connector->require_tls && connector->tls_level == TLS_LEVEL_NONE)
		connector->tls_level = TLS_LEVEL_ENCRYPTION;
}
