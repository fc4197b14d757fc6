/*
 * One entry into one record: the fields by the table, then what the table cannot say. Pure.
 */
#include <string.h>

#include "common/mailaddr.h"
#include "topology/addrspace.h"
#include "topology/load_private.h"

static bool is_on_edge(const struct loader *ld, const struct item *item,
		       const struct entry *entry)
{
	const struct entry_attribute *roles;

	if (item->parent != NULL) {
		const struct snap_server *server =
			image_at(&ld->image, SNAP_SERVERS, item->parent->index);

		return server->roles == ROLE_EDGE;
	}
	roles = entry_find(entry, "waypostRole");
	return roles != NULL && roles->n_values == 1 && ascii_equal(roles->values[0].data, "edge");
}

/* A domain pattern: where it goes differs between the two classes that have one. */
static bool load_domain(struct loader *ld, const struct item *item, const struct entry *entry,
			snap_text *domain_r, uint8_t *wildcard_r)
{
	const struct entry_value *value = load_value(ld, item, entry, "waypostDomain");
	bool wildcard, any = item->class->section == SNAP_REMOTES;
	char domain[MAILADDR_DOMAIN_MAX + 1];

	if (value == NULL) {
		load_diag(ld, DIAG_MISSING_ATTRIBUTE, item->dn, "waypostDomain", NULL, 0);
		return false;
	}
	if (!addrspace_pattern(value->data, value->len, any, domain, sizeof(domain), &wildcard)) {
		load_diag(ld, DIAG_BAD_DOMAIN, item->dn, "waypostDomain", value->data, value->len);
		return false;
	}
	*domain_r = image_text(&ld->image, domain);
	*wildcard_r = wildcard;
	return true;
}

static bool finish_subnet(struct loader *ld, const struct item *item, const struct entry *entry,
			  void *record)
{
	struct snap_subnet *subnet = record;
	int length = ipaddr_range_prefix_length(&item->range);

	(void)ld, (void)entry;
	subnet->range = item->range;
	subnet->length = (uint32_t)length + (ipaddr_is_v4(&item->range.low) ? 96 : 0);
	return true;
}

static bool finish_server(struct loader *ld, const struct item *item, const struct entry *entry,
			  void *record)
{
	struct snap_server *server = record;

	(void)entry;
	server->peer.dn_key = image_text(&ld->image, item->dn_key);
	return true;
}

static bool finish_edge(struct loader *ld, const struct item *item, const struct entry *entry,
			void *record)
{
	struct snap_edge *edge = record;

	(void)entry;
	edge->peer.dn_key = image_text(&ld->image, item->dn_key);
	return true;
}

static bool finish_connector(struct loader *ld, const struct item *item,
			     const struct entry *entry, void *record)
{
	load_connector(ld, item, entry, record);
	return true;
}

static bool finish_receive(struct loader *ld, const struct item *item, const struct entry *entry,
			   void *record)
{
	struct snap_receive *receive = record;

	(void)ld;
	receive->server = item->parent->index;
	receive->linked_connector = SNAP_NONE;
	/* Ranges of which none is valid must not become "everybody". */
	if (receive->ranges.count == 0 && load_values(entry, "waypostRemoteRange") != NULL)
		receive->enabled = false;
	return true;
}

static bool finish_domain(struct loader *ld, const struct item *item, const struct entry *entry,
			  void *record)
{
	struct snap_domain *domain = record;

	if (entry_find(entry, "waypostRecipientLookup") == NULL)
		domain->lookup = domain->type == DOMAIN_AUTHORITATIVE;
	return load_domain(ld, item, entry, &domain->domain, &domain->wildcard);
}

static bool finish_remote(struct loader *ld, const struct item *item, const struct entry *entry,
			  void *record)
{
	struct snap_remote *remote = record;

	return load_domain(ld, item, entry, &remote->domain, &remote->wildcard);
}

/* What the table cannot say, by section; false: the entry is ignored. */
static bool (*const finishers[SNAP_SECTIONS])(struct loader *, const struct item *,
					      const struct entry *, void *) = {
	[SNAP_SUBNETS] = finish_subnet,       [SNAP_SERVERS] = finish_server,
	[SNAP_EDGES] = finish_edge,           [SNAP_CONNECTORS] = finish_connector,
	[SNAP_RECEIVE] = finish_receive,      [SNAP_DOMAINS] = finish_domain,
	[SNAP_REMOTES] = finish_remote,
};

union any_record {
	struct snap_org org;
	struct snap_site site;
	struct snap_link link;
	struct snap_subnet subnet;
	struct snap_server server;
	struct snap_edge edge;
	struct snap_connector connector;
	struct snap_receive receive;
	struct snap_domain domain;
	struct snap_remote remote;
};

static bool fill(struct loader *ld, const struct item *item, const struct entry *entry,
		 union any_record *record)
{
	enum snap_section_id section = item->class->section;

	return load_fields(ld, item, entry, is_on_edge(ld, item, entry), record) &&
	       (finishers[section] == NULL || finishers[section](ld, item, entry, record));
}

void load_record(struct loader *ld, struct item *item)
{
	TALLOC_CTX *pool = talloc_pool(ld->ctx, 4096);
	struct entry *entry = entry_decode(pool, ld->arena.data + item->at, item->len, NULL);
	union any_record record;

	memset(&record, 0, sizeof(record));
	/* What the loader encoded decodes. */
	if (entry != NULL && fill(ld, item, entry, &record))
		item->index = image_add(&ld->image, item->class->section, &record);
	else
		item->index = SNAP_NONE;
	talloc_free(pool);
}
