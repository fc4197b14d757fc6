/* The organisation as a graph for Graphviz. See draw.h. */
#include "topology/draw.h"
#include "topology/draw_text.h"

/* Nodes are numbered, so whatever names hold, they are only labels. */
static void node(struct buf *out, char kind, uint32_t i, const char *label, const char *attributes)
{
	buf_printf(out, "\t%c%u [label=", kind, i);
	draw_dot_string(out, label);
	buf_printf(out, "%s]\n", attributes);
}

static void dot_sites(const struct snapshot *snap, struct buf *out)
{
	for (uint32_t i = 0; i < snap_count(snap, SNAP_SITES); i++) {
		const struct snap_site *site = snap_site(snap, i);

		node(out, 's', i, snap_str(snap, site->name),
		     site->is_hub	  ? ", shape=box, peripheries=2" :
		     site->has_active_hub ? ", shape=box" :
					    ", shape=box, style=dashed");
	}
}

static void dot_label(struct buf *out, const struct snapshot *snap, const struct snap_link *link)
{
	char *text = link->max_size > 0 ?
			     talloc_asprintf(NULL, "%u, at most ", link->cost) :
			     talloc_asprintf(NULL, "%u", link->cost);

	if (link->max_size > 0)
		text = talloc_asprintf_append(text, "%s", draw_size(text, link->max_size));
	draw_dot_string(out, text);
	buf_adds(out, ", tooltip=");
	draw_dot_string(out, snap_str(snap, link->name));
	talloc_free(text);
}

/* A link of two sites is a line, any other a node of its own with a line to each. */
static void dot_links(const struct snapshot *snap, struct buf *out)
{
	for (uint32_t i = 0; i < snap_count(snap, SNAP_LINKS); i++) {
		const struct snap_link *link = snap_link(snap, i);

		if (link->sites.count == 2) {
			buf_printf(out, "\ts%u -- s%u [label=", snap_word(snap, link->sites, 0),
				   snap_word(snap, link->sites, 1));
			dot_label(out, snap, link);
			buf_adds(out, "]\n");
			continue;
		}
		buf_printf(out, "\tl%u [shape=diamond, label=", i);
		dot_label(out, snap, link);
		buf_adds(out, "]\n");
		for (uint32_t s = 0; s < link->sites.count; s++)
			buf_printf(out, "\tl%u -- s%u\n", i, snap_word(snap, link->sites, s));
	}
}

static void dot_edges(const struct snapshot *snap, struct buf *out)
{
	for (uint32_t i = 0; i < snap_count(snap, SNAP_EDGES); i++) {
		const struct snap_peer *peer = &snap_edge(snap, i)->peer;

		node(out, 'e', i, snap_str(snap, peer->name), ", shape=hexagon");
		if (peer->site != SNAP_NONE)
			buf_printf(out, "\ts%u -- e%u\n", peer->site, i);
	}
}

/* From each source, a server's site or an edge, once. */
static void dot_sources(const struct snapshot *snap, uint32_t i, struct buf *out)
{
	const struct snap_connector *connector = snap_connector(snap, i);

	for (uint32_t s = 0; s < connector->servers.count; s++) {
		uint32_t server = snap_word(snap, connector->servers, s);

		if (snap_server(snap, server)->peer.site == SNAP_NONE)
			continue;
		buf_printf(out, "\ts%u -- c%u [tooltip=", snap_server(snap, server)->peer.site, i);
		draw_dot_string(out, snap_str(snap, snap_server(snap, server)->peer.name));
		buf_adds(out, "]\n");
	}
	for (uint32_t s = 0; s < connector->edges.count; s++)
		buf_printf(out, "\te%u -- c%u\n", snap_word(snap, connector->edges, s), i);
}

static void dot_connectors(const struct snapshot *snap, struct buf *out)
{
	for (uint32_t i = 0; i < snap_count(snap, SNAP_CONNECTORS); i++) {
		const struct snap_connector *connector = snap_connector(snap, i);

		node(out, 'c', i, snap_str(snap, connector->name),
		     connector->enabled ? ", shape=ellipse" : ", shape=ellipse, style=dashed");
		dot_sources(snap, i, out);
		for (uint32_t s = 0; s < connector->spaces.count; s++) {
			uint32_t space = connector->spaces.first + s;

			node(out, 'a', space, snap_str(snap, snap_space(snap, space)->text),
			     ", shape=plaintext");
			buf_printf(out, "\tc%u -- a%u\n", i, space);
		}
	}
}

void draw_dot(const struct snapshot *snap, struct buf *out)
{
	buf_adds(out, "graph ");
	draw_dot_string(out, snap_str(snap, snap_org(snap)->name));
	buf_adds(out, " {\n\tgraph [overlap=false, splines=true, layout=neato]\n"
		      "\tnode [fontname=\"sans-serif\"]\n\tedge [fontname=\"sans-serif\"]\n");
	dot_sites(snap, out);
	dot_links(snap, out);
	dot_edges(snap, out);
	dot_connectors(snap, out);
	buf_adds(out, "}\n");
}
