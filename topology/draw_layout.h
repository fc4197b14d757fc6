/*
 * Where the boxes of a picture go: a layout of any graph without overlaps. Pure and
 * deterministic.
 *
 * Up to LAYOUT_STRESS_MAX boxes of a connected part the distances on paper follow those in the
 * graph (stress majorisation, from a radial tree), then boxes are pushed apart and out of the way
 * of lines: O(n²) per round. Larger parts become a grid in the order of a walk: linear. Parts are
 * set beside each other.
 */
#ifndef WP_TOPOLOGY_DRAW_LAYOUT_H
#define WP_TOPOLOGY_DRAW_LAYOUT_H

#include <stdint.h>

enum { LAYOUT_STRESS_MAX = 1000 };

struct layout_box {
	double w, h; /* given */
	double x, y; /* found: the centre; no box has a part above or left of 0, 0 */
};

struct layout_line {
	uint32_t a, b; /* boxes */
	double w, h;   /* of a label that has to have room between them */
};

/* Some space is left between any two boxes. *W_R and *H_R: the size of all. */
void layout_place(struct layout_box *boxes, uint32_t n, const struct layout_line *lines,
		  uint32_t n_lines, double *w_r, double *h_r);

#endif
