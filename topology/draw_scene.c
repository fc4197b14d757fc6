/* What a picture is made of: the cards and what is on them. See draw_scene.h. */
#include <math.h>
#include <string.h>

#include "common/buf.h"
#include "topology/draw_private.h"
#include "topology/draw_text.h"

/* Pixels. */
#define PAD 10.0
#define NAME_SIZE 14.0
#define TEXT_SIZE 12.0
#define ROW 22.0
#define PILL 19.0
#define INDENT 16.0
#define FAN 34.0
#define TOOTH 46.0

enum {
	NAME_COLUMNS = 28,
	SPACE_COLUMNS = 34,
	CONNECTORS_MAX = 10, /* on a card; then they are counted */
	SPACES_MAX = 8,      /* of a connector */
};

double draw_even(double x)
{
	return ceil(x / 2) * 2;
}

/* ---- pieces of a card, at 0, 0 until it has a place ---- */

static struct draw_piece *add(struct painter *p, enum draw_kind kind, double x, double y, double w,
			      double h, uint32_t index, const char *text)
{
	struct draw_scene *s = p->scene;

	if (s->n_pieces == p->cap_pieces) {
		p->cap_pieces = p->cap_pieces * 2 + 256;
		s->pieces = talloc_realloc(s, s->pieces, struct draw_piece, p->cap_pieces);
	}
	s->pieces[s->n_pieces] = (struct draw_piece){ kind, x, y, w, h, text, index };
	if (kind != DRAW_LINE && kind != DRAW_FAN && x + w > p->right)
		p->right = x + w;
	return &s->pieces[s->n_pieces++];
}

static const char *shorten(struct painter *p, snap_text text, int columns)
{
	return draw_short(p->scene, snap_str(p->snap, text), columns);
}

static void add_name(struct painter *p, uint32_t index, snap_text name, const char *tag)
{
	const char *text = shorten(p, name, NAME_COLUMNS);
	double w = draw_width(text, NAME_SIZE);

	add(p, DRAW_NAME, PAD, p->y, w, ROW, index, text);
	if (tag != NULL)
		add(p, DRAW_TAG, PAD + w + 8, p->y + 2, draw_width(tag, DRAW_SMALL_SIZE) + 10, ROW - 5, index,
		    tag);
	p->y += ROW;
}

static void add_note(struct painter *p, enum draw_kind kind, double x, const char *text)
{
	add(p, kind, x, p->y, draw_width(text, DRAW_SMALL_SIZE), 16, SNAP_NONE, text);
	p->y += 17;
}

static void append_count(char **text, uint32_t n, const char *one, const char *many)
{
	if (n > 0)
		*text = talloc_asprintf_append(*text, "%s%u %s", **text != '\0' ? " · " : "", n,
					       n == 1 ? one : many);
}

static const char *describe_servers(struct painter *p, const struct snap_site *site)
{
	char *text = talloc_strdup(p->scene, "");

	append_count(&text, site->hubs.count, "hub", "hubs");
	append_count(&text, site->mailboxes.count, "mailbox server", "mailbox servers");
	if (*text == '\0')
		return "no servers";
	if (!site->has_active_hub)
		text = talloc_asprintf_append(text, " · no active hub");
	if (!site->inbound)
		text = talloc_asprintf_append(text, " · takes no mail from other sites");
	return text;
}

/* A tick from the trunk at PAD + 4 to a thing at X. */
static void add_tick(struct painter *p, double trunk, double x, double y)
{
	add(p, DRAW_LINE, trunk, y, x - trunk, 0, SNAP_NONE, NULL);
}

static void add_edges(struct painter *p, uint32_t owner, double *last)
{
	for (uint32_t i = 0; i < draw_count(&p->edges, owner); i++) {
		uint32_t edge = p->edges.list[p->edges.first[owner] + i];
		const char *text = shorten(p, snap_edge(p->snap, edge)->peer.name, NAME_COLUMNS);

		*last = p->y + PILL / 2;
		add_tick(p, PAD + 4, PAD + INDENT, *last);
		add(p, DRAW_EDGE, PAD + INDENT, p->y, draw_width(text, TEXT_SIZE) + 22, PILL, edge, text);
		p->y += ROW + 2;
	}
}

/* The connector's name, and the edges of this card that it leaves by. */
static const char *connector_text(struct painter *p, const struct snap_connector *c)
{
	char *text = (char *)(uintptr_t)shorten(p, c->name, NAME_COLUMNS);

	if (c->edges.count > 0)
		text = talloc_asprintf(p->scene, "%s · by %s%s", text,
				       shorten(p, snap_edge(p->snap, snap_word(p->snap, c->edges,
						       0))->peer.name, NAME_COLUMNS),
				       c->edges.count > 1 ? ", …" : "");
	return c->enabled ? text : talloc_asprintf(p->scene, "%s (disabled)", text);
}

/* The address spaces to the right of a connector; HEIGHT of all. */
static void add_spaces(struct painter *p, const struct snap_connector *c, double x, double height)
{
	uint32_t n = c->spaces.count > SPACES_MAX ? SPACES_MAX : c->spaces.count;
	double middle = p->y + height / 2, y = p->y;
	double row = n < c->spaces.count ? height / (n + 1) : n > 0 ? height / n : 0;

	for (uint32_t i = 0; i < n; i++, y += row) {
		const char *text = shorten(p, snap_space(p->snap, c->spaces.first + i)->text,
					   SPACE_COLUMNS);

		add(p, DRAW_FAN, x, middle, FAN - 4, y + row / 2 - middle, SNAP_NONE, NULL);
		add(p, DRAW_SPACE, x + FAN, y + (row - 18) / 2, draw_width(text, TEXT_SIZE), 18,
		    c->spaces.first + i, text);
	}
	if (n < c->spaces.count) {
		const char *more = talloc_asprintf(p->scene, "and %u more", c->spaces.count - n);

		add(p, DRAW_FAN, x, middle, FAN - 4, y + row / 2 - middle, SNAP_NONE, NULL);
		add(p, DRAW_MORE, x + FAN, y + (row - 16) / 2, draw_width(more, DRAW_SMALL_SIZE), 16,
		    SNAP_NONE, more);
	}
}

static void add_connector(struct painter *p, uint32_t index, double *last)
{
	const struct snap_connector *c = snap_connector(p->snap, index);
	uint32_t rows = c->spaces.count > SPACES_MAX ? SPACES_MAX + 1 : c->spaces.count;
	double height = rows > 1 ? rows * 18 : PILL;
	const char *text = connector_text(p, c);
	double w = draw_width(text, TEXT_SIZE) + 16;

	*last = p->y + height / 2;
	add_tick(p, PAD + 4, PAD + INDENT, *last);
	add(p, DRAW_CONNECTOR, PAD + INDENT, *last - PILL / 2, w, PILL, index, text);
	add_spaces(p, c, PAD + INDENT + w, height);
	p->y += height + 5;
}

static void add_connectors(struct painter *p, uint32_t owner, double *last)
{
	uint32_t n = draw_count(&p->connectors, owner);

	for (uint32_t i = 0; i < n && i < CONNECTORS_MAX; i++)
		add_connector(p, p->connectors.list[p->connectors.first[owner] + i], last);
	if (n > CONNECTORS_MAX)
		add_note(p, DRAW_MORE, PAD + INDENT,
			 talloc_asprintf(p->scene, "and %u more connectors", n - CONNECTORS_MAX));
}

static double widest_leaf(struct painter *p, uint32_t owner, uint32_t n)
{
	double widest = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t site = p->leaves.list[p->leaves.first[owner] + i];
		const char *text = shorten(p, snap_site(p->snap, site)->name, NAME_COLUMNS);

		widest = fmax(widest, draw_width(text, TEXT_SIZE) + 16);
	}
	return widest;
}

/* One leaf at X, Y; the costs stand on the teeth, but for those of a wide link, which are one. */
static void add_leaf(struct painter *p, uint32_t site, bool has_cost, double x, double y)
{
	const struct snap_site *record = snap_site(p->snap, site);
	uint32_t link = snap_word(p->snap, record->links, 0);
	const char *text = shorten(p, record->name, NAME_COLUMNS);
	double tooth = has_cost ? TOOTH : INDENT;

	add_tick(p, x + 4, x + tooth, y + PILL / 2);
	if (has_cost)
		add(p, DRAW_COST, x + 8, y, TOOTH - 14, PILL, link,
		    talloc_asprintf(p->scene, "%u", snap_link(p->snap, link)->cost));
	add(p, DRAW_LEAF, x + tooth, y, draw_width(text, TEXT_SIZE) + 16, PILL, site, text);
}

/* In columns, each with a trunk; the comb is a little wider than high. */
static void add_leaves(struct painter *p, uint32_t owner, double *last)
{
	uint32_t n = draw_count(&p->leaves, owner), columns, rows;
	bool has_cost = owner < p->n_sites;
	double cell = widest_leaf(p, owner, n) + (has_cost ? TOOTH : INDENT) + 12;

	if (n == 0)
		return;
	columns = (uint32_t)ceil(sqrt(n * ROW * 1.3 / cell));
	rows = (n + columns - 1) / columns;
	columns = (n + rows - 1) / rows;
	p->y += 6;
	for (uint32_t i = 0; i < n; i++)
		add_leaf(p, p->leaves.list[p->leaves.first[owner] + i], has_cost,
			 PAD + (i / rows) * cell, p->y + (i % rows) * ROW);
	for (uint32_t c = 0; c < columns; c++) {
		uint32_t in_column = c + 1 < columns ? rows : n - c * rows;

		if (c > 0)
			add(p, DRAW_LINE, PAD + c * cell + 4, p->y - 5, 0,
			    (in_column - 1) * ROW + PILL / 2 + 5, SNAP_NONE, NULL);
		else
			*last = p->y + (in_column - 1) * ROW + PILL / 2;
	}
	if (columns > 1)
		add(p, DRAW_LINE, PAD + 4, p->y - 5, (columns - 1) * cell, 0, SNAP_NONE, NULL);
	p->y += rows * ROW;
}

/* ---- cards ---- */

static struct draw_card *begin_card(struct painter *p, enum draw_card_kind kind, uint32_t index)
{
	struct draw_scene *s = p->scene;
	struct draw_card *card = &s->cards[s->n_cards++];

	*card = (struct draw_card){ .kind = kind, .index = index, .first_piece = s->n_pieces };
	p->y = PAD - 2;
	p->right = 0;
	return card;
}

static void end_card(struct painter *p, struct draw_card *card)
{
	card->n_pieces = p->scene->n_pieces - card->first_piece;
	card->w = draw_even(p->right + PAD);
	card->h = draw_even(p->y + PAD - 4);
}

/* On a trunk from below the note to the last of it: edges and connectors of OWNER, and the leaves
 * of LEAF_OWNER; SNAP_NONE: there are none. */
static void add_hanging(struct painter *p, uint32_t owner, uint32_t leaf_owner)
{
	double top = p->y, last = p->y;

	if (owner != SNAP_NONE) {
		p->y += 4;
		add_edges(p, owner, &last);
		add_connectors(p, owner, &last);
		if (last == top)
			p->y = top;
	}
	if (leaf_owner != SNAP_NONE)
		add_leaves(p, leaf_owner, &last);
	if (last > top)
		add(p, DRAW_LINE, PAD + 4, top, 0, last - top, SNAP_NONE, NULL);
}

static void make_site_card(struct painter *p, uint32_t site)
{
	const struct snap_site *record = snap_site(p->snap, site);
	struct draw_card *card = begin_card(p, CARD_SITE, site);

	add_name(p, site, record->name, record->is_hub ? "hub site" : NULL);
	add_note(p, DRAW_NOTE, PAD, describe_servers(p, record));
	add_hanging(p, site, site);
	end_card(p, card);
}

const char *draw_cost(struct painter *p, const struct snap_link *link)
{
	if (link->max_size == 0)
		return talloc_asprintf(p->scene, "%u", link->cost);
	return talloc_asprintf(p->scene, "%u · ≤ %s", link->cost, draw_size(p->scene, link->max_size));
}

static void make_link_card(struct painter *p, uint32_t link)
{
	const struct snap_link *record = snap_link(p->snap, link);
	struct draw_card *card = begin_card(p, CARD_LINK, link);

	add_name(p, link, record->name, NULL);
	add_note(p, DRAW_NOTE, PAD, talloc_asprintf(p->scene, "cost %s · joins %u site%s",
						     draw_cost(p, record), record->sites.count,
						     record->sites.count == 1 ? "" : "s"));
	add_hanging(p, SNAP_NONE, p->n_sites + link);
	end_card(p, card);
}

static void make_rest_card(struct painter *p)
{
	struct draw_card *card;
	uint32_t n = 0;
	char *text = talloc_strdup(p->scene, "");

	for (uint32_t i = 0; i < snap_count(p->snap, SNAP_SERVERS); i++)
		n += snap_server(p->snap, i)->peer.site == SNAP_NONE;
	if (n + draw_count(&p->connectors, p->n_sites) + draw_count(&p->edges, p->n_sites) == 0)
		return;
	card = begin_card(p, CARD_REST, SNAP_NONE);
	add_note(p, DRAW_NOTE, PAD, p->n_sites > 0 ? "Without a site" : "There are no sites");
	append_count(&text, n, "server", "servers");
	if (n > 0)
		add_note(p, DRAW_NOTE, PAD, text);
	add_hanging(p, p->n_sites, SNAP_NONE);
	end_card(p, card);
}

/* Every site that is no leaf, and every link that is no wire: those of more than two sites, and
 * those of fewer. */
static void make_cards(struct painter *p)
{
	p->card_of = talloc_array(p->ctx, uint32_t, p->n_sites + p->n_links + 1);
	p->scene->cards = talloc_array(p->scene, struct draw_card, p->n_sites + p->n_links + 1);
	for (uint32_t i = 0; i < p->n_sites + p->n_links; i++) {
		bool wanted = i < p->n_sites ? p->leaf_of[i] == SNAP_NONE :
			      snap_link(p->snap, i - p->n_sites)->sites.count != 2;

		p->card_of[i] = wanted ? p->scene->n_cards : SNAP_NONE;
		if (wanted && i < p->n_sites)
			make_site_card(p, i);
		else if (wanted)
			make_link_card(p, i - p->n_sites);
	}
	make_rest_card(p);
}

struct draw_scene *draw_scene_new(TALLOC_CTX *ctx, const struct snapshot *snap)
{
	struct draw_scene *scene = talloc_zero(ctx, struct draw_scene);
	struct painter p = { .scene = scene, .snap = snap, .ctx = talloc_new(scene),
			     .n_sites = snap_count(snap, SNAP_SITES),
			     .n_links = snap_count(snap, SNAP_LINKS) };

	scene->snap = snap;
	draw_find_owners(&p);
	make_cards(&p);
	draw_make_wires(&p);
	draw_place(&p);
	talloc_free(p.ctx);
	return scene;
}
