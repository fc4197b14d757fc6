/* Wires between cards, and where both and the labels go. See draw_scene.h. */
#include <math.h>
#include <stdlib.h>

#include "topology/draw_layout.h"
#include "topology/draw_private.h"
#include "topology/draw_text.h"

#define SPREAD 1.08

enum {
	WIRES_MAX = 2000, /* whose labels look for a free place */
	SPREADS_MAX = 6,  /* times that all is spread to make one */
};

static void add_wire(struct painter *p, uint32_t link, uint32_t from, uint32_t to, const char *text)
{
	if (from == SNAP_NONE || to == SNAP_NONE)
		return;
	p->scene->wires[p->scene->n_wires++] = (struct draw_wire){
		.link = link, .from = from, .to = to, .text = text,
		.w = text != NULL ? draw_even(draw_width(text, DRAW_SMALL_SIZE) + 10) : 0, .h = 17 };
}

static void find_wires(struct painter *p)
{
	uint32_t room = 0;

	for (uint32_t i = 0; i < p->n_links; i++)
		room += snap_link(p->snap, i)->sites.count;
	p->scene->wires = talloc_array(p->scene, struct draw_wire, room + 1);
	for (uint32_t i = 0; i < p->n_links; i++) {
		const struct snap_link *link = snap_link(p->snap, i);

		if (link->sites.count == 2)
			add_wire(p, i, p->card_of[snap_word(p->snap, link->sites, 0)],
				 p->card_of[snap_word(p->snap, link->sites, 1)],
				 draw_cost(p, link));
		for (uint32_t m = 0; m < link->sites.count && link->sites.count != 2; m++)
			add_wire(p, i, p->card_of[p->n_sites + i],
				 p->card_of[snap_word(p->snap, link->sites, m)], NULL);
	}
}

static int compare_wires(const void *a, const void *b)
{
	const struct draw_wire *const *x = a, *const *y = b;

	if ((*x)->from != (*y)->from)
		return (*x)->from < (*y)->from ? -1 : 1;
	if ((*x)->to != (*y)->to)
		return (*x)->to < (*y)->to ? -1 : 1;
	return (*x)->link < (*y)->link ? -1 : 1;
}

/* Wires between the same two cards lie side by side. Members of a link are in the order of names,
 * so both ends of such wires are the same way round. */
static void bend_wires(struct painter *p)
{
	struct draw_scene *s = p->scene;
	struct draw_wire **order = talloc_array(p->ctx, struct draw_wire *, s->n_wires + 1);

	for (uint32_t i = 0; i < s->n_wires; i++)
		order[i] = &s->wires[i];
	if (s->n_wires > 1)
		qsort(order, s->n_wires, sizeof(struct draw_wire *), compare_wires);
	for (uint32_t from = 0, to; from < s->n_wires; from = to) {
		for (to = from + 1; to < s->n_wires && order[to]->from == order[from]->from &&
				    order[to]->to == order[from]->to;)
			to++;
		for (uint32_t i = from; i < to; i++)
			order[i]->bend = (i - from - (to - from - 1) / 2.0) * 26;
	}
}

/* ---- places ---- */

static void move_card(struct draw_scene *s, uint32_t i, double x, double y)
{
	struct draw_card *card = &s->cards[i];
	double dx = round(x) - card->x, dy = round(y) - card->y;

	card->x += dx;
	card->y += dy;
	for (uint32_t k = 0; k < card->n_pieces; k++) {
		s->pieces[card->first_piece + k].x += dx;
		s->pieces[card->first_piece + k].y += dy;
	}
}

static void place_cards(struct painter *p)
{
	struct draw_scene *s = p->scene;
	struct layout_box *boxes = talloc_zero_array(p->ctx, struct layout_box, s->n_cards + 1);
	struct layout_line *lines = talloc_array(p->ctx, struct layout_line, s->n_wires + 1);

	for (uint32_t i = 0; i < s->n_cards; i++)
		boxes[i] = (struct layout_box){ .w = s->cards[i].w, .h = s->cards[i].h };
	for (uint32_t i = 0; i < s->n_wires; i++)
		lines[i] = (struct layout_line){ s->wires[i].from, s->wires[i].to, s->wires[i].w,
						 s->wires[i].h };
	layout_place(boxes, s->n_cards, lines, s->n_wires, &s->w, &s->h);
	for (uint32_t i = 0; i < s->n_cards; i++)
		move_card(s, i, boxes[i].x - s->cards[i].w / 2, boxes[i].y - s->cards[i].h / 2);
}

static double overlap(double ax, double ay, double aw, double ah, double bx, double by, double bw,
		      double bh)
{
	double w = fmin(ax + aw, bx + bw) - fmax(ax, bx), h = fmin(ay + ah, by + bh) - fmax(ay, by);

	return w > 0 && h > 0 ? w * h : 0;
}

/* How much of a label at X, Y would lie on cards and on the labels of the wires before it. */
static double cover(const struct draw_scene *s, uint32_t wire, double x, double y)
{
	const struct draw_wire *w = &s->wires[wire];
	double sum = 0;

	for (uint32_t i = 0; i < s->n_cards; i++)
		sum += overlap(x, y, w->w, w->h, s->cards[i].x - 2, s->cards[i].y - 2,
			       s->cards[i].w + 4, s->cards[i].h + 4);
	for (uint32_t i = 0; i < wire; i++)
		if (s->wires[i].w > 0)
			sum += overlap(x, y, w->w, w->h, s->wires[i].x - 2, s->wires[i].y - 1,
				       s->wires[i].w + 4, s->wires[i].h + 2);
	return sum;
}

/* The point at T of a wire, from 0 to 1. */
static void point_at(const struct draw_scene *s, const struct draw_wire *wire, double t, double *x_r,
		     double *y_r)
{
	const struct draw_card *a = &s->cards[wire->from], *b = &s->cards[wire->to];
	double ax = a->x + a->w / 2, ay = a->y + a->h / 2;
	double dx = b->x + b->w / 2 - ax, dy = b->y + b->h / 2 - ay;
	double length = fmax(1, sqrt(dx * dx + dy * dy)), aside = 4 * t * (1 - t) * wire->bend;

	*x_r = ax + t * dx - aside * dy / length;
	*y_r = ay + t * dy + aside * dx / length;
}

/* The middle of what is seen of a wire: between the cards that it joins. */
static double middle_of(const struct draw_scene *s, const struct draw_wire *wire)
{
	double first = 1, last = 0;

	for (double t = 0.02; t < 1; t += 0.02) {
		const struct draw_card *a = &s->cards[wire->from], *b = &s->cards[wire->to];
		double x, y;

		point_at(s, wire, t, &x, &y);
		if (overlap(x, y, 1, 1, a->x, a->y, a->w, a->h) > 0 ||
		    overlap(x, y, 1, 1, b->x, b->y, b->w, b->h) > 0)
			continue;
		first = fmin(first, t);
		last = fmax(last, t);
	}
	return first < last ? (first + last) / 2 : 0.5;
}

/* The first free place from the middle outwards, or else the one that covers least; how much it
 * covers. */
static double place_label(struct draw_scene *s, uint32_t i, bool search)
{
	struct draw_wire *wire = &s->wires[i];
	double middle = middle_of(s, wire), least = INFINITY, best_x = 0, best_y = 0;

	for (int step = 0; step < 25 && least > 0; step++) {
		double t = middle + (step % 2 ? 1 : -1) * ((step + 1) / 2) * 0.03, x, y, covered;

		if (t < 0.02 || t > 0.98)
			continue;
		point_at(s, wire, t, &x, &y);
		x = round(x - wire->w / 2);
		y = round(y - wire->h / 2);
		covered = search ? cover(s, i, x, y) : 0;
		if (covered < least) {
			least = covered;
			best_x = x;
			best_y = y;
		}
	}
	wire->x = best_x;
	wire->y = best_y;
	return least;
}

static void spread(struct draw_scene *s)
{
	for (uint32_t i = 0; i < s->n_cards; i++)
		move_card(s, i, s->cards[i].x * SPREAD, s->cards[i].y * SPREAD);
	s->w *= SPREAD;
	s->h *= SPREAD;
}

/* As long as labels find no free place, all cards move away from each other. */
static void place_labels(struct draw_scene *s)
{
	bool search = s->n_wires <= WIRES_MAX;
	double covered = 1;

	for (int times = 0; covered > 0 && times <= SPREADS_MAX; times++) {
		covered = 0;
		if (times > 0)
			spread(s);
		for (uint32_t i = 0; i < s->n_wires; i++)
			if (s->wires[i].w > 0)
				covered += place_label(s, i, search);
	}
}

void draw_make_wires(struct painter *p)
{
	find_wires(p);
	bend_wires(p);
}

void draw_place(struct painter *p)
{
	place_cards(p);
	place_labels(p->scene);
}
