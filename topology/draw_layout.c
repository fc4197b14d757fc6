/* Where the boxes of a picture go: see draw_layout.h. */
#include "topology/draw_layout.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/buf.h"

#define ASPECT 1.45 /* pictures are wider than high, as screens are */
#define MARGIN 30.0
#define LINE_LENGTH 70.0 /* between the rims of two boxes, if it can be */
#define ROOM 14.0        /* around a label */
#define CLEARANCE 8.0    /* of a line from a box that it does not end at */
#define STILL 0.4        /* a round that moves nothing farther ends the search */

enum { STRESS_ROUNDS = 300, LINE_ROUNDS = 80, PUSH_ROUNDS = 400 };

/* The neighbours of box I are to[first[i]] … to[first[i + 1]], by the lines of the same place in
 * VIA. */
struct graph {
	struct layout_box *boxes;
	const struct layout_line *lines;
	uint32_t n, n_lines;
	uint32_t *first, *to, *via;
};

/* A connected part: boxes in the order of a walk from the one of the lowest index. */
struct part {
	const struct graph *g;
	uint32_t *members;
	uint32_t n;
	uint32_t *local; /* per box of the graph: its place in MEMBERS */
	double w, h;
};

/* ---- the graph ---- */

static void graph_init(struct graph *g)
{
	uint32_t *next = mem_zero(g->n + 1, sizeof(*next));

	g->first = mem_zero(g->n + 2, sizeof(*g->first));
	g->via = mem_alloc((2 * (size_t)g->n_lines + 1) * sizeof(*g->via));
	g->to = mem_alloc((2 * (size_t)g->n_lines + 1) * sizeof(*g->to));
	for (uint32_t i = 0; i < g->n_lines; i++) {
		g->first[g->lines[i].a + 1]++;
		g->first[g->lines[i].b + 1]++;
	}
	for (uint32_t i = 0; i < g->n; i++)
		g->first[i + 1] += g->first[i];
	for (uint32_t i = 0; i < g->n_lines; i++) {
		uint32_t a = g->lines[i].a, b = g->lines[i].b;

		g->via[g->first[a] + next[a]] = i;
		g->to[g->first[a] + next[a]++] = b;
		g->via[g->first[b] + next[b]] = i;
		g->to[g->first[b] + next[b]++] = a;
	}
	free(next);
}

/* A walk in breadth from ROOT; ORDER receives what it reaches, PARENT where each came from. */
static uint32_t walk(const struct graph *g, uint32_t root, uint32_t *order, uint32_t *parent)
{
	uint32_t n = 0;

	parent[root] = root;
	order[n++] = root;
	for (uint32_t at = 0; at < n; at++)
		for (uint32_t i = g->first[order[at]]; i < g->first[order[at] + 1]; i++)
			if (parent[g->to[i]] == UINT32_MAX) {
				parent[g->to[i]] = order[at];
				order[n++] = g->to[i];
			}
	return n;
}

/* ---- stress ---- */

/* Coordinates of a part while distances matter and shapes do not: x is divided by ASPECT. */
struct stress {
	const struct part *part;
	uint32_t n;
	double *x, *y;
	double *distance; /* n × n */
	uint32_t *order, *parent; /* of the walk from the centre */
};

static double radius(const struct layout_box *box)
{
	return (box->w / ASPECT + box->h) / 4;
}

static double line_length(const struct graph *g, uint32_t a, uint32_t b)
{
	return LINE_LENGTH + radius(&g->boxes[a]) + radius(&g->boxes[b]);
}

/* The distances from one member; its farthest in steps. */
static uint32_t measure_from(struct stress *s, uint32_t from, uint32_t *steps)
{
	const struct part *p = s->part;
	double *row = &s->distance[(size_t)from * s->n];
	uint32_t farthest = 0;

	for (uint32_t i = 0; i < s->n; i++)
		s->parent[p->members[i]] = UINT32_MAX;
	walk(p->g, p->members[from], s->order, s->parent);
	row[from] = 0;
	steps[from] = 0;
	for (uint32_t i = 1; i < s->n; i++) {
		uint32_t box = s->order[i], at = p->local[box], before = p->local[s->parent[box]];

		row[at] = row[before] + line_length(p->g, box, s->parent[box]);
		steps[at] = steps[before] + 1;
		farthest = steps[at];
	}
	return farthest;
}

static uint32_t degree(const struct graph *g, uint32_t box)
{
	return g->first[box + 1] - g->first[box];
}

/* All distances; the member from which none is far, of several the one with most lines. */
static uint32_t measure(struct stress *s)
{
	const struct part *p = s->part;
	uint32_t *steps = mem_alloc((s->n + 1) * sizeof(*steps));
	uint32_t best = 0, least = UINT32_MAX;

	for (uint32_t i = 0; i < s->n; i++) {
		uint32_t farthest = measure_from(s, i, steps);

		if (farthest < least ||
		    (farthest == least && degree(p->g, p->members[i]) > degree(p->g, p->members[best]))) {
			best = i;
			least = farthest;
		}
	}
	free(steps);
	return best;
}

/* A first guess: the tree of the walk from the centre, each branch in a sector as wide as its
 * number of leaves. A tree is drawn without a crossing. */
static void place_radially(struct stress *s, uint32_t centre)
{
	const struct part *p = s->part;
	uint32_t *leaves = mem_zero(s->n, sizeof(*leaves));
	double *from = mem_zero(s->n, sizeof(*from));
	const double *distance = &s->distance[(size_t)centre * s->n];

	for (uint32_t i = 0; i < s->n; i++)
		s->parent[p->members[i]] = UINT32_MAX;
	walk(p->g, p->members[centre], s->order, s->parent);
	for (uint32_t i = s->n; i-- > 1;) {
		uint32_t at = p->local[s->order[i]], before = p->local[s->parent[s->order[i]]];

		if (leaves[at] == 0)
			leaves[at] = 1;
		leaves[before] += leaves[at];
	}
	s->x[centre] = s->y[centre] = 0;
	/* FROM is where a box's sector has room for its next branch. */
	for (uint32_t i = 1; i < s->n; i++) {
		uint32_t at = p->local[s->order[i]], before = p->local[s->parent[s->order[i]]];
		double width = 2 * M_PI * leaves[at] / leaves[centre];
		double angle = from[before] + width / 2;

		from[at] = from[before];
		from[before] += width;
		s->x[at] = distance[at] * cos(angle);
		s->y[at] = distance[at] * sin(angle);
	}
	free(leaves);
	free(from);
}

/* Moves one member to where its distances to all others fit best; how far it moved. */
static double relax(struct stress *s, uint32_t i)
{
	const double *distance = &s->distance[(size_t)i * s->n];
	double x = 0, y = 0, weights = 0, moved;

	for (uint32_t j = 0; j < s->n; j++) {
		double dx = s->x[i] - s->x[j], dy = s->y[i] - s->y[j], far, weight;

		if (j == i)
			continue;
		far = sqrt(dx * dx + dy * dy);
		weight = 1 / (distance[j] * distance[j]);
		if (far < 0.01) { /* on top of each other: any direction will do */
			dx = i < j ? -1 : 1;
			far = 1;
		}
		x += weight * (s->x[j] + distance[j] * dx / far);
		y += weight * (s->y[j] + distance[j] * dy / far);
		weights += weight;
	}
	x /= weights;
	y /= weights;
	moved = fabs(x - s->x[i]) + fabs(y - s->y[i]);
	s->x[i] = x;
	s->y[i] = y;
	return moved;
}

/* Turns the longer axis into the horizontal, unless there hardly is one. */
static void turn(struct stress *s)
{
	double mx = 0, my = 0, xx = 0, yy = 0, xy = 0, spread, angle, c, n;

	for (uint32_t i = 0; i < s->n; i++) {
		mx += s->x[i] / s->n;
		my += s->y[i] / s->n;
	}
	for (uint32_t i = 0; i < s->n; i++) {
		xx += (s->x[i] - mx) * (s->x[i] - mx);
		yy += (s->y[i] - my) * (s->y[i] - my);
		xy += (s->x[i] - mx) * (s->y[i] - my);
	}
	spread = sqrt((xx - yy) * (xx - yy) + 4 * xy * xy);
	if (spread < 0.25 * (xx + yy))
		return;
	angle = -atan2(2 * xy, xx - yy) / 2;
	c = cos(angle);
	n = sin(angle);
	for (uint32_t i = 0; i < s->n; i++) {
		double x = s->x[i] - mx, y = s->y[i] - my;

		s->x[i] = c * x - n * y;
		s->y[i] = n * x + c * y;
	}
}

static void place_by_stress(const struct part *p)
{
	struct stress s = { .part = p, .n = p->n };

	s.x = mem_alloc(s.n * sizeof(*s.x));
	s.y = mem_alloc(s.n * sizeof(*s.y));
	s.distance = mem_alloc((size_t)s.n * s.n * sizeof(*s.distance));
	s.order = mem_alloc(p->g->n * sizeof(*s.order));
	s.parent = mem_alloc(p->g->n * sizeof(*s.parent));
	place_radially(&s, measure(&s));
	for (int round = 0; round < STRESS_ROUNDS; round++) {
		double moved = 0;

		for (uint32_t i = 0; i < s.n; i++)
			moved = fmax(moved, relax(&s, i));
		if (moved < STILL)
			break;
	}
	turn(&s);
	for (uint32_t i = 0; i < s.n; i++) {
		p->g->boxes[p->members[i]].x = s.x[i] * ASPECT;
		p->g->boxes[p->members[i]].y = s.y[i];
	}
	free(s.x);
	free(s.y);
	free(s.distance);
	free(s.order);
	free(s.parent);
}

/* ---- overlaps ---- */

/* Pushes A and B apart along the axis that needs less, if less than W and H is between them. */
static bool push_apart(struct layout_box *a, struct layout_box *b, double w, double h)
{
	double dx = b->x - a->x, dy = b->y - a->y;
	double x = (a->w + b->w) / 2 + w - fabs(dx), y = (a->h + b->h) / 2 + h - fabs(dy);

	if (x <= 0 || y <= 0)
		return false;
	/* A little more than needed, so that rounding does not bring it back. */
	if (x / ASPECT < y) {
		x = (dx < 0 ? -1 : 1) * (x / 2 + 0.01);
		a->x -= x;
		b->x += x;
	} else {
		y = (dy < 0 ? -1 : 1) * (y / 2 + 0.01);
		a->y -= y;
		b->y += y;
	}
	return true;
}

static bool push_all_apart(const struct part *p)
{
	struct layout_box *boxes = p->g->boxes;
	bool pushed = false;

	for (uint32_t i = 0; i < p->n; i++)
		for (uint32_t j = i + 1; j < p->n; j++)
			pushed |= push_apart(&boxes[p->members[i]], &boxes[p->members[j]], MARGIN,
					     MARGIN);
	return pushed;
}

/* The ends of lines are kept as far apart as the lines' labels need. */
static void push_ends_apart(const struct part *p)
{
	const struct graph *g = p->g;

	for (uint32_t i = 0; i < p->n; i++) {
		uint32_t a = p->members[i];

		for (uint32_t k = g->first[a]; k < g->first[a + 1]; k++)
			if (g->to[k] > a)
				push_apart(&g->boxes[a], &g->boxes[g->to[k]],
					   fmax(MARGIN, g->lines[g->via[k]].w + ROOM),
					   fmax(MARGIN, g->lines[g->via[k]].h + ROOM));
	}
}

/* Moves BOX off the line from A to B, sideways, if the line goes through it. */
static void push_off_line(struct layout_box *box, const struct layout_box *a,
			  const struct layout_box *b)
{
	double dx = b->x - a->x, dy = b->y - a->y, length = sqrt(dx * dx + dy * dy);
	double along, aside, reach, by;

	if (length < 1)
		return;
	dx /= length;
	dy /= length;
	along = (box->x - a->x) * dx + (box->y - a->y) * dy;
	aside = (box->y - a->y) * dx - (box->x - a->x) * dy;
	/* Half of the box, seen along the line's normal. */
	reach = (box->w * fabs(dy) + box->h * fabs(dx)) / 2 + CLEARANCE;
	if (along <= 0 || along >= length || fabs(aside) >= reach)
		return;
	by = (aside < 0 ? -1 : 1) * (reach - fabs(aside)) * 0.3;
	box->x -= by * dy;
	box->y += by * dx;
}

static void push_off_lines(const struct part *p)
{
	const struct graph *g = p->g;

	for (uint32_t i = 0; i < p->n; i++) {
		uint32_t a = p->members[i];

		for (uint32_t k = g->first[a]; k < g->first[a + 1]; k++)
			for (uint32_t j = 0; j < p->n && g->to[k] > a; j++)
				if (p->members[j] != a && p->members[j] != g->to[k])
					push_off_line(&g->boxes[p->members[j]], &g->boxes[a],
						      &g->boxes[g->to[k]]);
	}
}

/* Rows as long as the whole is high, in the order of the walk; cells as large as the largest
 * box. */
static void place_in_grid(const struct part *p)
{
	double w = 0, h = 0;
	uint32_t columns;

	for (uint32_t i = 0; i < p->n; i++) {
		w = fmax(w, p->g->boxes[p->members[i]].w + MARGIN);
		h = fmax(h, p->g->boxes[p->members[i]].h + MARGIN);
	}
	columns = (uint32_t)ceil(sqrt(p->n * h * ASPECT / w));
	for (uint32_t i = 0; i < p->n; i++) {
		p->g->boxes[p->members[i]].x = (i % columns) * w;
		p->g->boxes[p->members[i]].y = (double)(i / columns) * h;
	}
}

/* Lines first, which may bring boxes together again; then boxes, until none overlaps. Should
 * pushing go on for ever, everything is spread a little. */
static void separate(const struct part *p)
{
	for (int round = 0; round < LINE_ROUNDS; round++) {
		push_all_apart(p);
		push_ends_apart(p);
		push_off_lines(p);
	}
	for (int round = 0; round < PUSH_ROUNDS; round++) {
		if (!push_all_apart(p))
			return;
		for (uint32_t i = 0; i < p->n && round % 20 == 19; i++) {
			p->g->boxes[p->members[i]].x *= 1.05;
			p->g->boxes[p->members[i]].y *= 1.05;
		}
	}
	place_in_grid(p);
}

/* ---- parts ---- */

/* Moves a part so that its left upper corner is at X, Y. */
static void move_to(struct part *p, double x, double y)
{
	double left = INFINITY, top = INFINITY;

	for (uint32_t i = 0; i < p->n; i++) {
		const struct layout_box *box = &p->g->boxes[p->members[i]];

		left = fmin(left, box->x - box->w / 2);
		top = fmin(top, box->y - box->h / 2);
	}
	p->w = p->h = 0;
	for (uint32_t i = 0; i < p->n; i++) {
		struct layout_box *box = &p->g->boxes[p->members[i]];

		p->w = fmax(p->w, box->x - left + box->w / 2);
		p->h = fmax(p->h, box->y - top + box->h / 2);
		box->x += x - left;
		box->y += y - top;
	}
}

static void place_part(struct part *p)
{
	if (p->n > LAYOUT_STRESS_MAX) {
		place_in_grid(p);
	} else if (p->n > 1) {
		place_by_stress(p);
		separate(p);
	}
	move_to(p, 0, 0);
}

static int compare_parts(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	if (x->h != y->h)
		return x->h > y->h ? -1 : 1;
	return x->members < y->members ? -1 : 1;
}

/* Parts in rows from the highest to the lowest. */
static void pack(struct part *parts, uint32_t n, double *w_r, double *h_r)
{
	double area = 0, widest = 0, x = 0, y = 0, row = 0;

	for (uint32_t i = 0; i < n; i++) {
		area += (parts[i].w + 2 * MARGIN) * (parts[i].h + 2 * MARGIN);
		widest = fmax(widest, parts[i].w);
	}
	widest = fmax(widest, sqrt(area * ASPECT));
	*w_r = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (x > 0 && x + parts[i].w > widest) {
			x = 0;
			y += row + 2 * MARGIN;
			row = 0;
		}
		move_to(&parts[i], x, y);
		*w_r = fmax(*w_r, x + parts[i].w);
		row = fmax(row, parts[i].h);
		x += parts[i].w + 2 * MARGIN;
	}
	*h_r = y + row;
}

void layout_place(struct layout_box *boxes, uint32_t n, const struct layout_line *lines,
		  uint32_t n_lines, double *w_r, double *h_r)
{
	struct graph g = { .boxes = boxes, .lines = lines, .n = n, .n_lines = n_lines };
	struct part *parts = mem_alloc((n + 1) * sizeof(*parts));
	uint32_t *order = mem_alloc((n + 1) * sizeof(*order));
	uint32_t *local = mem_alloc((n + 1) * sizeof(*local));
	uint32_t *parent = mem_alloc((n + 1) * sizeof(*parent));
	uint32_t n_parts = 0, done = 0;

	graph_init(&g);
	for (uint32_t i = 0; i < n; i++)
		parent[i] = UINT32_MAX;
	for (uint32_t i = 0; i < n; i++) {
		struct part *p = &parts[n_parts];

		if (parent[i] != UINT32_MAX)
			continue;
		*p = (struct part){ &g, order + done, 0, local, 0, 0 };
		p->n = walk(&g, i, p->members, parent);
		for (uint32_t k = 0; k < p->n; k++)
			local[p->members[k]] = k;
		done += p->n;
		n_parts++;
		place_part(p);
	}
	if (n_parts > 1)
		qsort(parts, n_parts, sizeof(*parts), compare_parts);
	pack(parts, n_parts, w_r, h_r);
	free(parts);
	free(order);
	free(local);
	free(parent);
	free(g.first);
	free(g.to);
	free(g.via);
}
