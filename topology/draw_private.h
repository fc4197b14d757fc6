/* The parts of the making of a scene: draw_scene.c, draw_owners.c, draw_wires.c. */
#ifndef WP_TOPOLOGY_DRAW_PRIVATE_H
#define WP_TOPOLOGY_DRAW_PRIVATE_H

#include "topology/draw_scene.h"

/* Pixels. */
#define DRAW_SMALL_SIZE 11.0

/* Lists by owner: those of I are list[first[i]] … list[first[i + 1]]. */
struct lists {
	uint32_t *first, *list;
};

struct painter {
	struct draw_scene *scene;
	const struct snapshot *snap;
	TALLOC_CTX *ctx;
	uint32_t n_sites, n_links;
	uint32_t *leaf_of;  /* per site: the site, or behind them the link, it is a leaf of; SNAP_NONE */
	uint32_t *card_of;  /* per site, then per link: its card, or SNAP_NONE */
	struct lists leaves;     /* per site, then per link */
	struct lists connectors; /* per site, then those of no site */
	struct lists edges;      /* per site, then those of no site */
	uint32_t cap_pieces;
	double y, right; /* the card in the making: where the next piece goes; its width so far */
};

/* Leaves, connectors and edges of each site. */
void draw_find_owners(struct painter *p);
/* How many OWNER has. */
uint32_t draw_count(const struct lists *lists, uint32_t owner);

/* Cost and limit of a link. */
const char *draw_cost(struct painter *p, const struct snap_link *link);
/* Even, so that halves are whole. */
double draw_even(double x);

/* The wires between the cards that were made. */
void draw_make_wires(struct painter *p);
/* Where cards, and the labels of wires, go. */
void draw_place(struct painter *p);

#endif
