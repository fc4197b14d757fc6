/* The organisation as a tree of lines for a terminal. See draw.h. */
#include <string.h>

#include "topology/draw.h"
#include "topology/draw_text.h"

enum { SHOWN = 6, DEPTH = 3 }; /* names of a list in one line */

/* Each line begins with the branches above it. */
struct tree {
	const struct snapshot *snap;
	struct buf *out;
	bool colour;
	bool more[DEPTH]; /* whether the branch of that depth goes on below this line */
};

/* Takes the line of the LAST or another thing at DEPTH as far as its branch. */
static void branch(struct tree *t, unsigned depth, bool last)
{
	for (unsigned i = 0; i < depth; i++)
		buf_adds(t->out, t->more[i] ? "│  " : "   ");
	buf_adds(t->out, last ? "└─ " : "├─ ");
	t->more[depth] = !last;
}

static void coloured(struct tree *t, const char *code, snap_text text)
{
	if (t->colour)
		buf_printf(t->out, "\033[%sm", code);
	draw_plain(t->out, snap_str(t->snap, text));
	if (t->colour)
		buf_adds(t->out, "\033[0m");
}

static void size_of(struct tree *t, uint64_t octets)
{
	TALLOC_CTX *ctx;

	if (octets == 0)
		return;
	ctx = talloc_new(NULL);
	buf_printf(t->out, ", at most %s", draw_size(ctx, octets));
	talloc_free(ctx);
}

/* ---- what a site has ---- */

static void tree_server(struct tree *t, const struct snap_server *server)
{
	static const char *const states[] = { "", ", draining", ", disabled" };
	static const struct {
		uint32_t role;
		const char *name;
	} roles[] = { { ROLE_HUB, "hub" }, { ROLE_EDGE, "edge" }, { ROLE_MAILBOX, "mailbox" } };
	const char *separator = "  ";

	coloured(t, server->state == SERVER_ACTIVE ? "0" : "33", server->peer.name);
	for (size_t i = 0; i < WP_COUNT(roles); i++)
		if (server->roles & roles[i].role) {
			buf_printf(t->out, "%s%s", separator, roles[i].name);
			separator = " and ";
		}
	buf_adds(t->out, states[server->state]);
}

static void tree_link(struct tree *t, const struct snap_link *link, uint32_t site)
{
	uint32_t shown = 0, others = link->sites.count - 1;

	buf_printf(t->out, "link ");
	coloured(t, "0", link->name);
	buf_printf(t->out, "  cost %u", link->cost);
	size_of(t, link->max_size);
	for (uint32_t i = 0; i < link->sites.count && shown < SHOWN; i++) {
		uint32_t other = snap_word(t->snap, link->sites, i);

		if (other == site)
			continue;
		buf_adds(t->out, shown++ == 0 ? "  → " : ", ");
		draw_plain(t->out, snap_str(t->snap, snap_site(t->snap, other)->name));
	}
	if (shown < others)
		buf_printf(t->out, " and %u more", others - shown);
}

static void tree_edge(struct tree *t, const struct snap_edge *edge)
{
	buf_adds(t->out, "edge ");
	coloured(t, "35", edge->peer.name);
	if (!edge->enabled)
		buf_adds(t->out, "  disabled");
}

static void tree_spaces(struct tree *t, const struct snap_connector *connector)
{
	for (uint32_t i = 0; i < connector->spaces.count && i < SHOWN; i++) {
		buf_adds(t->out, i == 0 ? "  " : ", ");
		draw_plain(t->out,
			   snap_str(t->snap, snap_space(t->snap, connector->spaces.first + i)->text));
	}
	if (connector->spaces.count > SHOWN)
		buf_printf(t->out, " and %u more", connector->spaces.count - SHOWN);
}

static void tree_source(struct tree *t, uint32_t *n, snap_text name)
{
	if (*n < SHOWN) {
		buf_adds(t->out, *n == 0 ? "  by " : ", ");
		draw_plain(t->out, snap_str(t->snap, name));
	}
	++*n;
}

static void tree_connector(struct tree *t, const struct snap_connector *connector)
{
	uint32_t n = 0;

	buf_adds(t->out, connector->kind == CONNECTOR_FOREIGN ? "foreign connector " : "connector ");
	coloured(t, "32", connector->name);
	tree_spaces(t, connector);
	for (uint32_t i = 0; i < connector->servers.count; i++)
		tree_source(t, &n, snap_server(t->snap, snap_word(t->snap, connector->servers,
								  i))->peer.name);
	for (uint32_t i = 0; i < connector->edges.count; i++)
		tree_source(t, &n, snap_edge(t->snap, snap_word(t->snap, connector->edges,
								i))->peer.name);
	if (n > SHOWN)
		buf_printf(t->out, " and %u more", n - SHOWN);
	if (connector->scoped)
		buf_adds(t->out, ", scoped");
	if (!connector->enabled)
		buf_adds(t->out, ", disabled");
	size_of(t, connector->max_message_size);
}

/* The site by which a connector is listed: that of its first source. */
static uint32_t home_of(const struct snapshot *snap, const struct snap_connector *connector)
{
	if (connector->servers.count > 0)
		return snap_server(snap, snap_word(snap, connector->servers, 0))->peer.site;
	if (connector->edges.count > 0)
		return snap_edge(snap, snap_word(snap, connector->edges, 0))->peer.site;
	return SNAP_NONE;
}

/* ---- sites ---- */

enum part_kind { PART_SERVER, PART_LINK, PART_EDGE, PART_CONNECTOR };

/* All that hangs somewhere, sorted by where; what has no site comes last. */
struct part {
	uint32_t site;
	enum part_kind kind;
	uint32_t index;
};

struct parts {
	struct part *list;
	uint32_t n, *first; /* per site and for the rest: first[i] … first[i + 1] */
};

static void tree_part(struct tree *t, const struct part *part)
{
	switch (part->kind) {
	case PART_SERVER:
		tree_server(t, snap_server(t->snap, part->index));
		break;
	case PART_LINK:
		tree_link(t, snap_link(t->snap, part->index), part->site);
		break;
	case PART_EDGE:
		tree_edge(t, snap_edge(t->snap, part->index));
		break;
	case PART_CONNECTOR:
		tree_connector(t, snap_connector(t->snap, part->index));
		break;
	}
	buf_addc(t->out, '\n');
}

static void keep(struct parts *parts, uint32_t n_sites, uint32_t site, enum part_kind kind,
		 uint32_t index)
{
	parts->list[parts->n++] =
		(struct part){ site == SNAP_NONE ? n_sites : site, kind, index };
}

/* In the order in which a site shows them. */
static void collect(const struct snapshot *snap, struct parts *parts)
{
	uint32_t n_sites = snap_count(snap, SNAP_SITES);

	for (uint32_t i = 0; i < snap_count(snap, SNAP_SERVERS); i++)
		keep(parts, n_sites, snap_server(snap, i)->peer.site, PART_SERVER, i);
	for (uint32_t site = 0; site < n_sites; site++)
		for (uint32_t i = 0; i < snap_site(snap, site)->links.count; i++)
			keep(parts, n_sites, site, PART_LINK,
			     snap_word(snap, snap_site(snap, site)->links, i));
	for (uint32_t i = 0; i < snap_count(snap, SNAP_EDGES); i++)
		keep(parts, n_sites, snap_edge(snap, i)->peer.site, PART_EDGE, i);
	for (uint32_t i = 0; i < snap_count(snap, SNAP_CONNECTORS); i++)
		keep(parts, n_sites, home_of(snap, snap_connector(snap, i)), PART_CONNECTOR, i);
}

/* Counting sort by site, which keeps the order within one. */
static void sort(struct parts *parts, uint32_t n_sites)
{
	struct part *sorted = talloc_array(talloc_parent(parts->list), struct part, parts->n + 1);

	for (uint32_t i = 0; i < parts->n; i++)
		parts->first[parts->list[i].site + 2]++;
	for (uint32_t i = 0; i <= n_sites; i++)
		parts->first[i + 2] += parts->first[i + 1];
	for (uint32_t i = 0; i < parts->n; i++)
		sorted[parts->first[parts->list[i].site + 1]++] = parts->list[i];
	parts->list = sorted;
}

static struct parts collect_parts(TALLOC_CTX *ctx, const struct snapshot *snap)
{
	uint32_t n_sites = snap_count(snap, SNAP_SITES);
	size_t room = (size_t)snap_count(snap, SNAP_SERVERS) + snap_count(snap, SNAP_EDGES) +
		      snap_count(snap, SNAP_CONNECTORS);
	struct parts parts = { .first = talloc_zero_array(ctx, uint32_t, n_sites + 3) };

	for (uint32_t i = 0; i < n_sites; i++)
		room += snap_site(snap, i)->links.count;
	parts.list = talloc_array(ctx, struct part, room + 1);
	collect(snap, &parts);
	sort(&parts, n_sites);
	return parts;
}

static void tree_parts(struct tree *t, const struct parts *parts, uint32_t site)
{
	for (uint32_t i = parts->first[site]; i < parts->first[site + 1]; i++) {
		branch(t, 1, i + 1 == parts->first[site + 1]);
		tree_part(t, &parts->list[i]);
	}
}

static void tree_site(struct tree *t, const struct snap_site *site)
{
	coloured(t, site->is_hub ? "1;34" : "1", site->name);
	if (site->is_hub)
		buf_adds(t->out, "  hub site");
	if (!site->has_active_hub)
		buf_adds(t->out, site->hubs.count > 0 ? "  no active hub" : "  no hub");
	if (!site->inbound)
		buf_adds(t->out, "  takes no mail from other sites");
	if (snap_has(site->description)) {
		buf_adds(t->out, "  – ");
		draw_plain(t->out, snap_str(t->snap, site->description));
	}
	buf_addc(t->out, '\n');
}

static void tree_root(struct tree *t)
{
	const struct snapshot *snap = t->snap;
	char *counts;

	if (*snap_str(snap, snap_org(snap)->name) != '\0')
		coloured(t, "1", snap_org(snap)->name);
	else
		buf_adds(t->out, "(no organisation)");
	counts = draw_counts(NULL, snap, ", ");
	buf_printf(t->out, "  %s\n", counts);
	talloc_free(counts);
}

void draw_tree(const struct snapshot *snap, bool colour, struct buf *out)
{
	struct tree t = { .snap = snap, .out = out, .colour = colour };
	uint32_t n_sites = snap_count(snap, SNAP_SITES);
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct parts parts = collect_parts(ctx, snap);
	bool has_rest = parts.first[n_sites] < parts.first[n_sites + 1];

	tree_root(&t);
	for (uint32_t i = 0; i < n_sites; i++) {
		branch(&t, 0, i + 1 == n_sites && !has_rest);
		tree_site(&t, snap_site(snap, i));
		tree_parts(&t, &parts, i);
	}
	if (has_rest) {
		branch(&t, 0, true);
		buf_adds(out, "without a site\n");
		tree_parts(&t, &parts, n_sites);
	}
	talloc_free(ctx);
}
