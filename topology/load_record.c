/*
 * One entry into one record: the fields by the table, then what the table cannot say. Pure.
 */
#include <string.h>

#include "common/dn.h"
#include "common/mailaddr.h"
#include "topology/addrspace.h"
#include "topology/load_private.h"

static bool is_on_edge(const struct loader *ld, const struct item *item)
{
	const struct item_field *roles;

	if (item->parent != NULL) {
		const struct snap_server *server =
			image_at(&ld->image, SNAP_SERVERS, item->parent->index);

		return server->roles == ROLE_EDGE;
	}
	roles = load_values(item, "waypostRole");
	return roles != NULL && roles->n_values == 1 && ascii_equal(roles->values[0].data, "edge");
}

/* A domain pattern: where it goes differs between the two classes that have one. */
static bool load_domain(struct loader *ld, const struct item *item,
			snap_text *domain_r, uint8_t *wildcard_r)
{
	const struct entry_value *value = load_value(ld, item, "waypostDomain");
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

static bool finish_subnet(struct loader *ld, const struct item *item, void *record)
{
	struct snap_subnet *subnet = record;
	int length = ipaddr_range_prefix_length(&item->range);

	(void)ld;
	subnet->range = item->range;
	subnet->length = (uint32_t)length + (ipaddr_is_v4(&item->range.low) ? 96 : 0);
	return true;
}

static bool finish_server(struct loader *ld, const struct item *item, void *record)
{
	struct snap_server *server = record;

	server->peer.dn_key = image_new_text(&ld->image, item->dn_key);
	return true;
}

static bool finish_edge(struct loader *ld, const struct item *item, void *record)
{
	struct snap_edge *edge = record;

	edge->peer.dn_key = image_new_text(&ld->image, item->dn_key);
	return true;
}

static bool finish_connector(struct loader *ld, const struct item *item, void *record)
{
	load_connector(ld, item, record);
	return true;
}

static bool finish_receive(struct loader *ld, const struct item *item, void *record)
{
	struct snap_receive *receive = record;

	(void)ld;
	receive->server = item->parent->index;
	receive->linked_connector = SNAP_NONE;
	/* Ranges of which none is valid must not become "everybody"; and nobody can come to no binding. */
	if ((receive->ranges.count == 0 && load_values(item, "waypostRemoteRange") != NULL) ||
	    (receive->bindings.count == 0 && load_values(item, "waypostBinding") != NULL))
		receive->enabled = false;
	return true;
}

/* The postmaster has to be an address; else it is as if none were named. */
static bool finish_organization(struct loader *ld, const struct item *item, void *record)
{
	struct snap_org *org = record;
	const char *text = image_str(&ld->image, org->postmaster);
	struct mailaddr address;

	if (org->postmaster == 0 || (mailaddr_parse(text, strlen(text), &address) == MAILADDR_OK &&
				     mailaddr_is_smtp(&address)))
		return true;
	org->postmaster = 0;
	load_diag(ld, DIAG_BAD_VALUE, item->dn, "waypostPostmaster", text, strlen(text));
	return true;
}

/* RecipientLookup absent or malformed: what the domain's type says. */
enum { LOOKUP_BY_TYPE = 2 };

static bool finish_domain(struct loader *ld, const struct item *item, void *record)
{
	struct snap_domain *domain = record;

	if (domain->lookup == LOOKUP_BY_TYPE)
		domain->lookup = domain->type == DOMAIN_AUTHORITATIVE;
	return load_domain(ld, item, &domain->domain, &domain->wildcard);
}

static bool finish_remote(struct loader *ld, const struct item *item, void *record)
{
	struct snap_remote *remote = record;

	return load_domain(ld, item, &remote->domain, &remote->wildcard);
}

/* A database that names no server belongs to the one above it. */
static bool finish_home(struct loader *ld, const struct item *item, void *record)
{
	struct snap_home *home = record;
	const char *key = dn_key_parent(item->dn_key);

	for (; home->server == SNAP_NONE && *key != '\0'; key = dn_key_parent(key)) {
		const struct item *above = load_find(ld, key, SNAP_SERVERS);

		if (above != NULL)
			home->server = above->index;
	}
	if (home->server == SNAP_NONE)
		load_diag(ld, DIAG_MISSING_ATTRIBUTE, item->dn, "waypostOwningServer", NULL, 0);
	home->home = image_new_text(&ld->image, item->dn_key);
	return home->server != SNAP_NONE;
}

/* What the table cannot say, by section; false: the entry is ignored. */
static bool (*const finishers[SNAP_SECTIONS])(struct loader *, const struct item *, void *) = {
	[SNAP_ORG] = finish_organization,
	[SNAP_SUBNETS] = finish_subnet,       [SNAP_SERVERS] = finish_server,
	[SNAP_EDGES] = finish_edge,           [SNAP_CONNECTORS] = finish_connector,
	[SNAP_RECEIVE] = finish_receive,      [SNAP_DOMAINS] = finish_domain,
	[SNAP_REMOTES] = finish_remote,       [SNAP_HOMES] = finish_home,
};

/* What an entry without attributes becomes, by class and whether it is of an edge. */
struct record_template {
	bool is_made;
	const struct attr_use *must; /* the reference without which there is no record, or null */
	union any_record record;
};

static const struct attr_use *mandatory_reference(const struct attr_class *class)
{
	for (size_t i = 0; i < class->n_uses; i++)
		if (class->uses[i].field == FIELD_REF && class->uses[i].must)
			return &class->uses[i];
	return NULL;
}

static const struct record_template *template_of(struct loader *ld, const struct attr_class *class,
					   bool on_edge)
{
	size_t n;
	const struct attr_class *classes = attr_all_classes(&n);
	struct record_template *template;

	if (ld->templates == NULL)
		ld->templates = talloc_zero_array(ld->ctx, struct record_template, n * 2);
	template = &ld->templates[(size_t)(class - classes) * 2 + on_edge];
	if (template->is_made)
		return template;
	load_defaults(ld, class, on_edge, &template->record);
	if (class->section == SNAP_DOMAINS)
		template->record.domain.lookup = LOOKUP_BY_TYPE;
	template->must = mandatory_reference(class);
	template->is_made = true;
	return template;
}

static bool has_reference(struct loader *ld, const struct item *item, const struct attr_use *must,
			  const void *record)
{
	if (must == NULL ||
	    *(const uint32_t *)(const void *)((const char *)record + must->offset) != SNAP_NONE)
		return true;
	load_diag(ld, DIAG_MISSING_ATTRIBUTE, item->dn, must->attribute, NULL, 0);
	return false;
}

bool load_fill(struct loader *ld, const struct item *item, union any_record *record)
{
	const struct record_template *template = template_of(ld, item->class, is_on_edge(ld, item));
	enum snap_section_id section = item->class->section;

	*record = template->record;
	load_fields(ld, item, record);
	return has_reference(ld, item, template->must, record) &&
	       (finishers[section] == NULL || finishers[section](ld, item, record));
}

void load_record(struct loader *ld, struct item *item)
{
	union any_record record;

	item->index = load_fill(ld, item, &record) ?
			      image_add(&ld->image, item->class->section, &record) : SNAP_NONE;
}
