/* The picture as SVG: a scene written down. See draw.h. */
#include <math.h>
#include <string.h>

#include "topology/draw.h"
#include "topology/draw_scene.h"
#include "topology/draw_text.h"

#define BORDER 28.0
#define HEAD 64.0
#define LEGEND 58.0
#define LEGEND_WIDTH 1010.0

/* Rules twice, not variables: not every program that shows SVG knows those. */
#define RULES(paper, ink, mute, line, card, rim, hub, hub_fill, wide, wide_fill, edge, edge_fill, \
	      connector, connector_fill)                                                        \
	".paper{fill:" paper "}text{fill:" ink "}.mute,.more{fill:" mute "}"                     \
	".wire,.branch{stroke:" line "}.cost{fill:" paper ";stroke:" line "}"                    \
	".site rect{fill:" card ";stroke:" rim "}"                                               \
	".hub rect{fill:" hub_fill ";stroke:" hub "}.tag rect{fill:" hub ";stroke:" hub "}"      \
	".tag text{fill:" paper "}"                                                              \
	".link rect{fill:" wide_fill ";stroke:" wide "}"                                         \
	".edge path{fill:" edge_fill ";stroke:" edge "}"                                         \
	".connector rect{fill:" connector_fill ";stroke:" connector "}.fan{stroke:" connector "}"

static const char style[] =
	"<style>\n"
	"text{font-family:system-ui,'Segoe UI',Roboto,'Helvetica Neue','Noto Sans','DejaVu Sans',"
	"Arial,sans-serif;font-size:12px;unicode-bidi:isolate;white-space:pre}\n"
	".title{font-size:19px;font-weight:600}.name{font-size:14px;font-weight:600}"
	".mute,.more,.tag text,.cost-text{font-size:11px}.more{font-style:italic}\n"
	".wire,.branch,.fan{fill:none;stroke-width:1.2}.wire{stroke-width:1.6}"
	".cost{stroke-width:.8}rect,path{stroke-width:1.2}.hub>rect{stroke-width:2.4}"
	".empty>rect{stroke-dasharray:5 3}.off{opacity:.55}.off>rect,.off>path{stroke-dasharray:3 3}\n"
	RULES("#ffffff", "#17212b", "#5a6875", "#8496a8", "#f4f7fa", "#90a4b8", "#1f6fb2", "#e4f0fa",
	      "#7a5ea8", "#f0eafa", "#b3541e", "#fdeee4", "#2e7d4f", "#e6f5ec")
	"\n@media (prefers-color-scheme:dark){"
	RULES("#12181f", "#e6edf3", "#9aa9b8", "#62748a", "#1c2630", "#51667c", "#58a6e8", "#173049",
	      "#b49be0", "#2b2340", "#f0955c", "#3a2417", "#6cc492", "#173325")
	"}\n</style>\n";

static void attribute(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, " %s=\"", name);
	draw_xml(out, value);
	buf_addc(out, '"');
}

static void text_at(struct buf *out, const char *class, double x, double y, const char *anchor,
		    const char *text)
{
	buf_printf(out, "<text x=\"%g\" y=\"%g\"", x, y);
	if (*class != '\0')
		buf_printf(out, " class=\"%s\"", class);
	if (*anchor != '\0')
		buf_printf(out, " text-anchor=\"%s\"", anchor);
	buf_addc(out, '>');
	draw_xml(out, text);
	buf_adds(out, "</text>");
}

static void rect(struct buf *out, double x, double y, double w, double h, double round_by)
{
	buf_printf(out, "<rect x=\"%g\" y=\"%g\" width=\"%g\" height=\"%g\" rx=\"%g\"/>", x, y, w, h,
		   round_by);
}

/* Shown when the pointer rests on it: the whole name, and what the picture has no room for. */
static void tooltip(struct buf *out, const char *text)
{
	buf_adds(out, "<title>");
	draw_xml(out, text);
	buf_adds(out, "</title>");
}

static void append_peer(char **text, const struct snapshot *snap, const struct snap_peer *peer,
			const char *what)
{
	*text = talloc_asprintf_append(*text, "\n%s (%s)", snap_str(snap, peer->name), what);
}

static void site_tooltip(struct buf *out, const struct snapshot *snap, uint32_t site)
{
	static const char *const states[] = { "", ", draining", ", disabled" };
	const struct snap_site *record = snap_site(snap, site);
	char *text = talloc_strdup(NULL, snap_str(snap, record->name));

	if (snap_has(record->description))
		text = talloc_asprintf_append(text, "\n%s", snap_str(snap, record->description));
	for (uint32_t i = 0; i < record->hubs.count; i++) {
		const struct snap_server *server = snap_server(snap, snap_word(snap, record->hubs, i));
		char *what = talloc_asprintf(text, "hub%s", states[server->state]);

		append_peer(&text, snap, &server->peer, what);
	}
	for (uint32_t i = 0; i < record->mailboxes.count; i++)
		append_peer(&text, snap,
			    &snap_server(snap, snap_word(snap, record->mailboxes, i))->peer,
			    "mailbox server");
	tooltip(out, text);
	talloc_free(text);
}

static void link_tooltip(struct buf *out, const struct snapshot *snap, uint32_t link)
{
	const struct snap_link *record = snap_link(snap, link);
	char *text = talloc_asprintf(NULL, "%s: cost %u", snap_str(snap, record->name), record->cost);

	if (record->max_size > 0)
		text = talloc_asprintf_append(text, ", at most %s", draw_size(text, record->max_size));
	tooltip(out, text);
	talloc_free(text);
}

/* ---- pieces ---- */

/* The base line of text in the middle of a piece. */
static double base_line(const struct draw_piece *piece)
{
	return piece->y + piece->h / 2 + 4;
}

static void svg_edge(const struct draw_scene *s, const struct draw_piece *p, struct buf *out)
{
	const struct snap_edge *edge = snap_edge(s->snap, p->index);
	double right = p->x + p->w, middle = p->y + p->h / 2;

	buf_printf(out, "<g class=\"edge%s\"", edge->enabled ? "" : " off");
	attribute(out, "data-edge", snap_str(s->snap, edge->peer.name));
	buf_adds(out, ">");
	tooltip(out, snap_str(s->snap, edge->peer.fqdn));
	/* A hexagon: it stands at the border. */
	buf_printf(out, "<path d=\"M%g %gL%g %gH%gL%g %gL%g %gH%gZ\"/>", p->x, middle, p->x + 8, p->y,
		   right - 8, right, middle, right - 8, p->y + p->h, p->x + 8);
	text_at(out, "", p->x + p->w / 2, base_line(p), "middle", p->text);
	buf_adds(out, "</g>\n");
}

static void svg_connector(const struct draw_scene *s, const struct draw_piece *p, struct buf *out)
{
	const struct snap_connector *connector = snap_connector(s->snap, p->index);
	const char *name = snap_str(s->snap, connector->name);

	buf_printf(out, "<g class=\"connector%s\"", connector->enabled ? "" : " off");
	attribute(out, "data-connector", name);
	buf_adds(out, ">");
	tooltip(out, name);
	rect(out, p->x, p->y, p->w, p->h, p->h / 2);
	text_at(out, "", p->x + p->w / 2, base_line(p), "middle", p->text);
	buf_adds(out, "</g>\n");
}

static const char *site_class(const struct snap_site *site)
{
	return site->is_hub ? "site hub" : site->has_active_hub ? "site" : "site empty";
}

static void svg_leaf(const struct draw_scene *s, const struct draw_piece *p, struct buf *out)
{
	const struct snap_site *site = snap_site(s->snap, p->index);

	buf_printf(out, "<g class=\"%s\"", site_class(site));
	attribute(out, "data-site", snap_str(s->snap, site->name));
	buf_addc(out, '>');
	site_tooltip(out, s->snap, p->index);
	rect(out, p->x, p->y, p->w, p->h, 4);
	text_at(out, "", p->x + p->w / 2, base_line(p), "middle", p->text);
	buf_adds(out, "</g>\n");
}

/* The cost on a tooth of a comb; the line below it is interrupted by the paper's colour. */
static void svg_cost(const struct draw_scene *s, const struct draw_piece *p, struct buf *out)
{
	buf_adds(out, "<g");
	attribute(out, "data-link", snap_str(s->snap, snap_link(s->snap, p->index)->name));
	buf_addc(out, '>');
	link_tooltip(out, s->snap, p->index);
	text_at(out, "cost-text mute", p->x + p->w / 2, p->y + p->h / 2 - 2, "middle", p->text);
	buf_adds(out, "</g>\n");
}

static void svg_piece(const struct draw_scene *s, const struct draw_piece *p, struct buf *out)
{
	double right = p->x + p->w, bottom = p->y + p->h;

	switch (p->kind) {
	case DRAW_NAME:
		text_at(out, "name", p->x, base_line(p) + 1, "", p->text);
		break;
	case DRAW_TAG:
		buf_adds(out, "<g class=\"tag\">");
		rect(out, p->x, p->y, p->w, p->h, 3);
		text_at(out, "", p->x + p->w / 2, base_line(p), "middle", p->text);
		buf_adds(out, "</g>");
		break;
	case DRAW_NOTE:
		text_at(out, "mute", p->x, base_line(p), "", p->text);
		break;
	case DRAW_MORE:
		text_at(out, "more", p->x, base_line(p), "", p->text);
		break;
	case DRAW_SPACE:
		text_at(out, "space", p->x, base_line(p), "", p->text);
		break;
	case DRAW_EDGE:
		svg_edge(s, p, out);
		return;
	case DRAW_CONNECTOR:
		svg_connector(s, p, out);
		return;
	case DRAW_LEAF:
		svg_leaf(s, p, out);
		return;
	case DRAW_COST:
		svg_cost(s, p, out);
		return;
	case DRAW_LINE:
		buf_printf(out, "<path class=\"branch\" d=\"M%g %gL%g %g\"/>", p->x, p->y, right, bottom);
		break;
	case DRAW_FAN:
		buf_printf(out, "<path class=\"fan\" d=\"M%g %gC%g %g %g %g %g %g\"/>", p->x, p->y,
			   p->x + p->w / 2, p->y, p->x + p->w / 2, bottom, right, bottom);
		break;
	}
	buf_addc(out, '\n');
}

/* ---- cards and wires ---- */

static void begin_card(const struct draw_scene *s, const struct draw_card *card, struct buf *out)
{
	switch (card->kind) {
	case CARD_SITE:
		buf_printf(out, "<g class=\"%s\"", site_class(snap_site(s->snap, card->index)));
		attribute(out, "data-site", snap_str(s->snap, snap_site(s->snap, card->index)->name));
		buf_adds(out, ">\n");
		site_tooltip(out, s->snap, card->index);
		break;
	case CARD_LINK:
		buf_adds(out, "<g class=\"link\"");
		attribute(out, "data-link", snap_str(s->snap, snap_link(s->snap, card->index)->name));
		buf_adds(out, ">\n");
		link_tooltip(out, s->snap, card->index);
		break;
	case CARD_REST:
		buf_adds(out, "<g class=\"site empty\">\n");
		break;
	}
	rect(out, card->x, card->y, card->w, card->h, card->kind == CARD_LINK ? 18 : 7);
	buf_addc(out, '\n');
}

static void svg_card(const struct draw_scene *s, const struct draw_card *card, struct buf *out)
{
	const struct draw_piece *piece = &s->pieces[card->first_piece], *end = piece + card->n_pieces;

	begin_card(s, card, out);
	for (; piece < end && piece->kind <= DRAW_NOTE; piece++)
		svg_piece(s, piece, out);
	/* What hangs on a site is no part of its group, whose colours it would take. */
	buf_adds(out, "</g>\n");
	for (; piece < end; piece++)
		svg_piece(s, piece, out);
}

static void svg_wire(const struct draw_scene *s, const struct draw_wire *wire, struct buf *out)
{
	const struct draw_card *a = &s->cards[wire->from], *b = &s->cards[wire->to];
	double ax = a->x + a->w / 2, ay = a->y + a->h / 2, bx = b->x + b->w / 2, by = b->y + b->h / 2;
	double dx = bx - ax, dy = by - ay, length = fmax(1, sqrt(dx * dx + dy * dy));

	if (wire->bend == 0)
		buf_printf(out, "<path class=\"wire\" d=\"M%g %gL%g %g\"/>\n", ax, ay, bx, by);
	else
		buf_printf(out, "<path class=\"wire\" d=\"M%g %gQ%.1f %.1f %g %g\"/>\n", ax, ay,
			   (ax + bx) / 2 - 2 * wire->bend * dy / length,
			   (ay + by) / 2 + 2 * wire->bend * dx / length, bx, by);
}

static void svg_label(const struct draw_scene *s, const struct draw_wire *wire, struct buf *out)
{
	if (wire->w == 0)
		return;
	buf_adds(out, "<g");
	attribute(out, "data-link", snap_str(s->snap, snap_link(s->snap, wire->link)->name));
	buf_addc(out, '>');
	link_tooltip(out, s->snap, wire->link);
	buf_printf(out, "<rect class=\"cost\" x=\"%g\" y=\"%g\" width=\"%g\" height=\"%g\" rx=\"5\"/>",
		   wire->x, wire->y, wire->w, wire->h);
	text_at(out, "cost-text", wire->x + wire->w / 2, wire->y + wire->h / 2 + 4, "middle",
		wire->text);
	buf_adds(out, "</g>\n");
}

/* ---- the frame ---- */

static void svg_legend(double y, struct buf *out)
{
	double x = BORDER, middle = y + 12;

	buf_adds(out, "<g class=\"legend\">\n<g class=\"site\">");
	rect(out, x, y + 2, 30, 20, 5);
	buf_adds(out, "</g>");
	text_at(out, "", x + 38, y + 16, "", "site");
	buf_adds(out, "<g class=\"site hub\">");
	rect(out, x + 80, y + 2, 30, 20, 5);
	buf_adds(out, "</g>");
	text_at(out, "", x + 118, y + 16, "", "hub site");
	buf_adds(out, "<g class=\"site empty\">");
	rect(out, x + 190, y + 2, 30, 20, 5);
	buf_adds(out, "</g>");
	text_at(out, "", x + 228, y + 16, "", "no active hub");
	buf_printf(out, "<path class=\"wire\" d=\"M%g %gH%g\"/>", x + 330, middle, x + 390);
	buf_printf(out, "<rect class=\"cost\" x=\"%g\" y=\"%g\" width=\"24\" height=\"17\" rx=\"5\"/>",
		   x + 348, y + 4);
	text_at(out, "cost-text", x + 360, y + 16, "middle", "10");
	text_at(out, "", x + 398, y + 16, "", "site link, its cost and limit");
	buf_adds(out, "<g class=\"link\">");
	rect(out, x + 580, y + 2, 30, 20, 10);
	buf_adds(out, "</g>");
	text_at(out, "", x + 618, y + 16, "", "link of many sites");
	buf_printf(out, "<g class=\"edge\"><path d=\"M%g %gl7 -9h16l7 9l-7 9h-16z\"/></g>", x + 742,
		   middle);
	text_at(out, "", x + 780, y + 16, "", "edge");
	buf_adds(out, "<g class=\"connector\">");
	rect(out, x + 824, y + 3, 30, 18, 9);
	buf_printf(out, "<path class=\"fan\" d=\"M%g %gh20\"/></g>", x + 854, middle);
	text_at(out, "", x + 880, y + 16, "", "connector, address space");
	buf_adds(out, "\n</g>\n");
}

static void svg_head(const struct draw_scene *s, double w, double h, struct buf *out)
{
	const struct snapshot *snap = s->snap;
	const char *name = snap_str(snap, snap_org(snap)->name);
	char *title = talloc_asprintf(NULL, "Mail routing of %s", *name != '\0' ? name : "an organisation");
	char *counts = draw_counts(title, snap, " · ");

	buf_printf(out,
		   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		   "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%g\" height=\"%g\" "
		   "viewBox=\"0 0 %g %g\" role=\"img\" aria-labelledby=\"title\">\n<title id=\"title\">",
		   w, h, w, h);
	draw_xml(out, title);
	buf_printf(out, "</title>\n%s<rect class=\"paper\" width=\"%g\" height=\"%g\" stroke=\"none\"/>\n",
		   style, w, h);
	text_at(out, "title", BORDER, 38, "", title);
	text_at(out, "mute", BORDER, 56, "", counts);
	buf_addc(out, '\n');
	talloc_free(title);
}

void draw_svg(const struct snapshot *snap, struct buf *out)
{
	struct draw_scene *s = draw_scene_new(NULL, snap);
	double w = ceil(fmax(s->w, LEGEND_WIDTH) + 2 * BORDER), h = ceil(s->h + HEAD + LEGEND + 40);

	svg_head(s, w, h, out);
	buf_printf(out, "<g transform=\"translate(%g %g)\">\n", round((w - s->w) / 2), HEAD + 20);
	for (uint32_t i = 0; i < s->n_wires; i++)
		svg_wire(s, &s->wires[i], out);
	for (uint32_t i = 0; i < s->n_cards; i++)
		svg_card(s, &s->cards[i], out);
	for (uint32_t i = 0; i < s->n_wires; i++)
		svg_label(s, &s->wires[i], out);
	buf_adds(out, "</g>\n");
	svg_legend(h - LEGEND + 14, out);
	buf_adds(out, "</svg>\n");
	talloc_free(s);
}
