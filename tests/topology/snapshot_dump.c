/* An image in words: see snapshot_dump.h. */
#include "tests/topology/snapshot_dump.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "topology/attrs.h"
#include "topology/snapshot_private.h"

static const char *record_at(const struct snapshot *snap, enum snap_section_id section, uint32_t i)
{
	return (const char *)snap->sections[section].at + (size_t)i * snap_record_size(section);
}

/* Every record with a name begins with it, but for its sizes. */
static size_t name_offset(enum snap_section_id section)
{
	size_t n;
	const struct attr_class *classes = attr_classes(&n);

	for (size_t c = 0; c < n; c++)
		for (size_t u = 0; classes[c].section == section && u < classes[c].n_uses; u++)
			if (classes[c].uses[u].field == FIELD_NAME)
				return classes[c].uses[u].offset;
	fail_msg("section %d has no name", section);
	return 0;
}

static const char *name_of(const struct snapshot *snap, enum snap_section_id section, uint32_t i)
{
	snap_text name;

	if (i == SNAP_NONE)
		return "-";
	memcpy(&name, record_at(snap, section, i) + name_offset(section), sizeof(name));
	return snap_str(snap, name);
}

static void dump_list(struct buf *out, const struct snapshot *snap, const char *what,
		      struct snap_list list, int section)
{
	buf_printf(out, " %s=", what);
	for (uint32_t i = 0; i < list.count; i++) {
		uint32_t word = snap_word(snap, list, i);

		buf_printf(out, "%s,", section < 0 ? snap_str(snap, word) :
						     name_of(snap, (enum snap_section_id)section, word));
	}
}

static void dump_field(struct buf *out, const struct snapshot *snap, const struct attr_use *use,
		       const char *record)
{
	const void *field = record + use->offset;
	const uint32_t *words = field;

	switch (use->field) {
	case FIELD_NONE:
	case FIELD_PASS:
		break;
	case FIELD_NAME:
		buf_printf(out, " %s|%s|%s", snap_str(snap, words[0]), snap_str(snap, words[1]),
			   snap_str(snap, words[2]));
		break;
	case FIELD_U64:
		buf_printf(out, " %s=%llu", use->attribute, *(const unsigned long long *)field);
		break;
	case FIELD_BOOL:
	case FIELD_WORD:
		buf_printf(out, " %s=%u", use->attribute, *(const uint8_t *)field);
		break;
	case FIELD_REF:
		buf_printf(out, " %s=%s", use->attribute, name_of(snap, use->target, *words));
		break;
	case FIELD_REFS:
		dump_list(out, snap, use->attribute, *(const struct snap_list *)field, (int)use->target);
		break;
	case FIELD_TEXTS:
	case FIELD_ADDRESSES:
	case FIELD_HASHES:
	case FIELD_SMART_HOSTS:
	case FIELD_BINDINGS:
		dump_list(out, snap, use->attribute, *(const struct snap_list *)field, -1);
		break;
	case FIELD_TEXT:
	case FIELD_DN_KEY:
	case FIELD_HOST:
		buf_printf(out, " %s=%s", use->attribute, snap_str(snap, *words));
		break;
	default:
		buf_printf(out, " %s=%u", use->attribute, *words);
	}
}

static void dump_derived(struct buf *out, const struct snapshot *snap, enum snap_section_id section,
			 uint32_t i)
{
	if (section == SNAP_SITES) {
		const struct snap_site *site = snap_site(snap, i);

		dump_list(out, snap, "links", site->links, SNAP_LINKS);
		dump_list(out, snap, "hubs", site->hubs, SNAP_SERVERS);
		dump_list(out, snap, "mailboxes", site->mailboxes, SNAP_SERVERS);
		dump_list(out, snap, "edges", site->edges, SNAP_EDGES);
		buf_printf(out, " active=%u", site->has_active_hub);
	} else if (section == SNAP_SERVERS) {
		dump_list(out, snap, "receive", snap_server(snap, i)->receive, SNAP_RECEIVE);
		buf_printf(out, " key=%s", snap_str(snap, snap_server(snap, i)->peer.dn_key));
	} else if (section == SNAP_CONNECTORS) {
		const struct snap_connector *connector = snap_connector(snap, i);

		dump_list(out, snap, "servers", connector->servers, SNAP_SERVERS);
		dump_list(out, snap, "sources", connector->edges, SNAP_EDGES);
		for (uint32_t s = 0; s < connector->spaces.count; s++) {
			const struct snap_space *space = snap_space(snap, connector->spaces.first + s);

			buf_printf(out, " space=%s/%s/%u/%s", snap_str(snap, space->text),
				   snap_str(snap, space->type), space->cost,
				   name_of(snap, SNAP_CONNECTORS, space->connector));
		}
	} else if (section == SNAP_RECEIVE) {
		buf_printf(out, " of=%s to=%s",
			   name_of(snap, SNAP_SERVERS, snap_receive(snap, i)->server),
			   name_of(snap, SNAP_CONNECTORS, snap_receive(snap, i)->linked_connector));
	}
}

static void dump_records(struct buf *out, const struct snapshot *snap,
			 const struct attr_class *class)
{
	for (uint32_t i = 0; i < snap_count(snap, class->section); i++) {
		if (class->section == SNAP_CONNECTORS &&
		    snap_connector(snap, i)->kind != class->kind)
			continue;
		buf_printf(out, "%s", class->name);
		for (size_t u = 0; u < class->n_uses; u++)
			dump_field(out, snap, &class->uses[u], record_at(snap, class->section, i));
		dump_derived(out, snap, class->section, i);
		buf_addc(out, '\n');
	}
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Nodes are ordered by where their texts lie, which is nothing to compare. */
static void dump_nodes(struct buf *out, const struct snapshot *snap)
{
	uint32_t n = snap_count(snap, SNAP_NODES);
	TALLOC_CTX *ctx = talloc_new(NULL);
	char **lines = talloc_array(ctx, char *, n + 1);

	for (uint32_t i = 0; i < n; i++) {
		const struct snap_node *node = snap_node(snap, i);

		lines[i] = talloc_asprintf(ctx, "node %u %s %s found=%d:", node->kind,
					   snap_str(snap, node->type), snap_str(snap, node->text),
					   snap_find_node(snap, (enum snap_node_kind)node->kind,
							  snap_str(snap, node->type),
							  snap_str(snap, node->text)) == i);
		for (uint32_t k = 0; k < node->items.count; k++)
			lines[i] = talloc_asprintf_append(lines[i], " %x",
							  snap_word(snap, node->items, k));
	}
	qsort(lines, n, sizeof(*lines), compare_lines);
	for (uint32_t i = 0; i < n; i++)
		buf_printf(out, "%s\n", lines[i]);
	talloc_free(ctx);
}

void snapshot_dump(struct buf *out, const struct snapshot *snap)
{
	size_t n;
	const struct attr_class *classes = attr_classes(&n);

	buf_clear(out);
	for (size_t c = 0; c < n; c++)
		if (classes[c].section != SNAP_SECTIONS)
			dump_records(out, snap, &classes[c]);
	dump_nodes(out, snap);
	for (uint32_t i = 0; i < snap_count(snap, SNAP_DIAGS); i++) {
		const struct snap_diag *d = snap_diag(snap, i);

		buf_printf(out, "diag %u %s %s %s\n", d->row, snap_str(snap, d->dn),
			   snap_str(snap, d->attribute), snap_str(snap, d->value));
	}
	for (uint32_t i = 0; i < snap_count(snap, SNAP_SERVERS); i++) {
		const struct snap_peer *peer = &snap_server(snap, i)->peer;

		assert_int_equal(snapshot_find_server(snap, snap_str(snap, peer->name)), i);
		assert_int_equal(snapshot_find_server_dn(snap, snap_str(snap, peer->dn_key)), i);
	}
}
