/* The whole model as JSON: see model_json.h. */
#include "topology/model_json.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "topology/attrs.h"
#include "topology/draw_text.h"
#include "topology/snapshot_private.h"

#define PREFIX "waypost"

enum { NAME_MAX_LEN = 64 }; /* with the "s" of many */

/* "waypostInboundMail" → "inbound_mail", "waypostSiteDN" → "site", "description" as it is. */
static void member_name(const char *attribute, char name[static NAME_MAX_LEN])
{
	const char *at = attribute + (strncmp(attribute, PREFIX, strlen(PREFIX)) == 0 ?
					      strlen(PREFIX) : 0);
	size_t len = strlen(at), n = 0;

	if (len > 2 && strcmp(at + len - 2, "DN") == 0)
		len -= 2;
	for (size_t i = 0; i < len && n + 3 < NAME_MAX_LEN; i++) {
		if (isupper((unsigned char)at[i]) && i > 0)
			name[n++] = '_';
		name[n++] = ascii_lower(at[i]);
	}
	name[n] = '\0';
}

/* Texts of the directory need not be UTF-8. */
static json_t *text_value(const struct snapshot *snap, snap_text text)
{
	json_t *value = json_string(snap_str(snap, text));
	struct buf plain = { 0 };

	if (value != NULL)
		return value;
	draw_plain(&plain, snap_str(snap, text));
	value = json_string(plain.data);
	buf_free(&plain);
	return value;
}

/* ---- what refers to another object ---- */

static snap_text name_in(const struct snapshot *snap, enum snap_section_id section, uint32_t i)
{
	switch (section) {
	case SNAP_SITES:
		return snap_site(snap, i)->name;
	case SNAP_SERVERS:
		return snap_server(snap, i)->peer.name;
	case SNAP_EDGES:
		return snap_edge(snap, i)->peer.name;
	default:
		return snap_receive(snap, i)->name;
	}
}

/* Receive connectors have a name on their server only. */
static json_t *reference(const struct snapshot *snap, enum snap_section_id section, uint32_t i)
{
	uint32_t server;

	if (section != SNAP_RECEIVE)
		return text_value(snap, name_in(snap, section, i));
	server = snap_receive(snap, i)->server;
	return json_sprintf("%s/%s", snap_str(snap, snap_server(snap, server)->peer.name),
			    snap_str(snap, snap_receive(snap, i)->name));
}

static json_t *references(const struct snapshot *snap, enum snap_section_id section,
			  struct snap_list list)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < list.count; i++)
		json_array_append_new(array, reference(snap, section, snap_word(snap, list, i)));
	return array;
}

/* ---- values of fields ---- */

static json_t *texts(const struct snapshot *snap, struct snap_list list)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < list.count; i++)
		json_array_append_new(array, text_value(snap, snap_word(snap, list, i)));
	return array;
}

static json_t *range_value(const struct ipaddr_range *range)
{
	char low[IPADDR_TEXT_SIZE], high[IPADDR_TEXT_SIZE];
	int bits = ipaddr_range_prefix_length(range);

	ipaddr_format(&range->low, low);
	ipaddr_format(&range->high, high);
	return bits >= 0 ? json_sprintf("%s/%d", low, bits) : json_sprintf("%s-%s", low, high);
}

static json_t *ranges(const struct snapshot *snap, struct snap_list list)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < list.count; i++)
		json_array_append_new(array, range_value(snap_range(snap, list, i)));
	return array;
}

static json_t *word(const struct attr_word *words, uint32_t value)
{
	for (; words->name != NULL; words++)
		if (words->value == value)
			return json_string(words->name);
	return NULL;
}

static json_t *flags(const struct attr_word *words, uint32_t value)
{
	json_t *array = json_array();

	for (; words->name != NULL; words++)
		if (value & words->value)
			json_array_append_new(array, json_string(words->name));
	return array;
}

static uint32_t u32_at(const char *field)
{
	uint32_t value;

	memcpy(&value, field, sizeof(value));
	return value;
}

static struct snap_list list_at(const char *field)
{
	struct snap_list list;

	memcpy(&list, field, sizeof(list));
	return list;
}

static json_t *size_value(const char *field)
{
	uint64_t octets;

	memcpy(&octets, field, sizeof(octets));
	return octets > 0 ? json_integer((json_int_t)octets) : json_null();
}

/* The value of the field, or null if there is none. */
static json_t *field_value(const struct snapshot *snap, const struct attr_use *use,
			   const char *field)
{
	switch (use->field) {
	case FIELD_TEXT:
	case FIELD_DN_KEY:
	case FIELD_HOST:
		return snap_has(u32_at(field)) ? text_value(snap, u32_at(field)) : NULL;
	case FIELD_TEXTS:
	case FIELD_ADDRESSES:
	case FIELD_HASHES:
	case FIELD_SMART_HOSTS:
	case FIELD_BINDINGS:
		return texts(snap, list_at(field));
	case FIELD_RANGES:
		return ranges(snap, list_at(field));
	case FIELD_U32:
		return json_integer(u32_at(field));
	case FIELD_U64:
		return size_value(field);
	case FIELD_BOOL:
		return json_boolean(*(const uint8_t *)field);
	case FIELD_WORD:
		return word(use->words, *(const uint8_t *)field);
	case FIELD_FLAGS:
		return flags(use->words, u32_at(field));
	case FIELD_REF:
		return u32_at(field) != SNAP_NONE ? reference(snap, use->target, u32_at(field)) : NULL;
	case FIELD_REFS:
		return references(snap, use->target, list_at(field));
	default:
		return NULL;
	}
}

static void add_field(const struct snapshot *snap, const struct attr_use *use, const char *record,
		      json_t *object)
{
	const char *field = record + use->offset;
	char name[NAME_MAX_LEN];
	json_t *value;

	/* Name, key and DN are three texts in a row. */
	if (use->field == FIELD_NAME) {
		json_object_set_new(object, "name", text_value(snap, u32_at(field)));
		json_object_set_new(object, "dn",
				    text_value(snap, u32_at(field + 2 * sizeof(snap_text))));
		return;
	}
	value = field_value(snap, use, field);
	if (value == NULL)
		return;
	member_name(use->attribute, name);
	json_object_set_new(object, name, value);
}

/* ---- what no single field holds ---- */

static void add_connector(const struct snapshot *snap, const struct snap_connector *connector,
			  json_t *object)
{
	json_t *spaces = json_array(), *sources;

	for (uint32_t i = 0; i < connector->spaces.count; i++)
		json_array_append_new(
			spaces,
			text_value(snap, snap_space(snap, connector->spaces.first + i)->text));
	sources = references(snap, SNAP_SERVERS, connector->servers);
	for (uint32_t i = 0; i < connector->edges.count; i++)
		json_array_append_new(sources,
				      reference(snap, SNAP_EDGES, snap_word(snap, connector->edges, i)));
	json_object_set_new(object, "address_space", spaces);
	json_object_set_new(object, "source_server", sources);
}

static json_t *domain_value(const struct snapshot *snap, snap_text domain, bool wildcard)
{
	return json_sprintf("%s%s", wildcard ? "*." : "", snap_str(snap, domain));
}

static void add_rest(const struct snapshot *snap, enum snap_section_id section, uint32_t i,
		     json_t *object)
{
	if (section == SNAP_CONNECTORS)
		add_connector(snap, snap_connector(snap, i), object);
	else if (section == SNAP_RECEIVE)
		json_object_set_new(object, "server",
				    reference(snap, SNAP_SERVERS, snap_receive(snap, i)->server));
	else if (section == SNAP_DOMAINS)
		json_object_set_new(object, "domain",
				    domain_value(snap, snap_domain(snap, i)->domain,
						 snap_domain(snap, i)->wildcard));
	else if (section == SNAP_REMOTES)
		json_object_set_new(object, "domain",
				    domain_value(snap, snap_remote(snap, i)->domain,
						 snap_remote(snap, i)->wildcard));
}

/* ---- classes ---- */

static const char *record_at(const struct snapshot *snap, enum snap_section_id section, uint32_t i)
{
	return (const char *)snap->sections[section].at + (size_t)i * snap_record_size(section);
}

static json_t *object_of(const struct snapshot *snap, const struct attr_class *class, uint32_t i)
{
	json_t *object = json_object();
	const char *record = record_at(snap, class->section, i);

	for (size_t u = 0; u < class->n_uses; u++) {
		const struct attr_use *use = &class->uses[u];

		/* A row that shares its field with the one before only fills it another way. */
		if (u > 0 && use->field == class->uses[u - 1].field &&
		    use->offset == class->uses[u - 1].offset)
			continue;
		add_field(snap, use, record, object);
	}
	add_rest(snap, class->section, i, object);
	return object;
}

static bool is_of_class(const struct snapshot *snap, const struct attr_class *class, uint32_t i)
{
	return class->section != SNAP_CONNECTORS || snap_connector(snap, i)->kind == class->kind;
}

json_t *model_json(const struct snapshot *snap)
{
	json_t *model = json_object();
	size_t n;
	const struct attr_class *classes = attr_classes(&n);

	json_object_set_new(model, "snapshot", json_integer((json_int_t)snapshot_number(snap)));
	for (size_t c = 0; c < n; c++) {
		char name[NAME_MAX_LEN];
		json_t *array = json_array();

		for (uint32_t i = 0; classes[c].section != SNAP_SECTIONS &&
				     i < snap_count(snap, classes[c].section); i++)
			if (is_of_class(snap, &classes[c], i))
				json_array_append_new(array, object_of(snap, &classes[c], i));
		member_name(classes[c].name, name);
		if (classes[c].section == SNAP_ORG)
			json_object_set(model, name, json_array_get(array, 0));
		else if (classes[c].section != SNAP_SECTIONS)
			json_object_set(model, strcat(name, "s"), array);
		json_decref(array);
	}
	return model;
}
