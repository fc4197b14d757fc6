/*
 * What a picture of an organisation is made of, each thing at its place: cards of sites and of
 * links that join many, pieces on them, wires between them. Pure.
 *
 * A card is a site with what hangs on it: edges, connectors with their address spaces, and, where
 * there are many, the sites that nothing but one link joins to it ("leaves"), as a comb. A link
 * of more than two sites is a small card of its own with a wire to each member. Every site is one
 * card or one leaf, every link one wire, one tooth of a comb or one card.
 */
#ifndef WP_TOPOLOGY_DRAW_SCENE_H
#define WP_TOPOLOGY_DRAW_SCENE_H

#include <talloc.h>

#include "topology/snapshot.h"

enum draw_kind {
	DRAW_NAME,      /* of the card; INDEX a site or link */
	DRAW_TAG,       /* beside the name */
	DRAW_NOTE,      /* a line of small text */
	DRAW_EDGE,      /* INDEX an edge */
	DRAW_CONNECTOR, /* INDEX a connector */
	DRAW_SPACE,     /* INDEX a space */
	DRAW_MORE,      /* what was left out */
	DRAW_LEAF,      /* INDEX a site */
	DRAW_COST,      /* INDEX a link: the cost on a tooth */
	DRAW_LINE,      /* from X, Y to X + W, Y + H */
	DRAW_FAN,       /* the same, curved */
};

struct draw_piece {
	enum draw_kind kind;
	double x, y, w, h; /* absolute; texts stand in the middle of the height */
	const char *text;
	uint32_t index;
};

enum draw_card_kind { CARD_SITE, CARD_LINK, CARD_REST };

struct draw_card {
	enum draw_card_kind kind;
	uint32_t index; /* a site or a link; CARD_REST: what belongs to no site */
	double x, y, w, h; /* the left upper corner */
	uint32_t first_piece, n_pieces;
};

struct draw_wire {
	uint32_t link;
	uint32_t from, to; /* cards */
	double bend;       /* sideways in the middle, where several join the same two */
	double x, y, w, h; /* of the label; w 0: none, the card of a wide link has it */
	const char *text;
};

struct draw_scene {
	const struct snapshot *snap;
	struct draw_card *cards;
	struct draw_piece *pieces;
	struct draw_wire *wires;
	uint32_t n_cards, n_pieces, n_wires;
	double w, h;
};

/* Under CTX. */
struct draw_scene *draw_scene_new(TALLOC_CTX *ctx, const struct snapshot *snap);

#endif
