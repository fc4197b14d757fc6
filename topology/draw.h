/*
 * Pictures of an organisation: sites, links with costs, servers, edges, connectors with their
 * address spaces. Pure, and a function of the snapshot: the same model is the same picture.
 *
 * Texts of the directory are shown without control characters and escaped for the form they
 * stand in. Design: doc/design/pictures.md.
 */
#ifndef WP_TOPOLOGY_DRAW_H
#define WP_TOPOLOGY_DRAW_H

#include "common/buf.h"
#include "topology/snapshot.h"

/* Lines of text with branches; COLOUR: for a terminal. Long lists are cut and counted. */
void draw_tree(const struct snapshot *snap, bool colour, struct buf *out);
/* A graph for Graphviz; whole. */
void draw_dot(const struct snapshot *snap, struct buf *out);
/*
 * A picture of its own, with texts that can be selected, in light and dark. Sites, links and
 * edges are all there; long lists of connectors and address spaces are cut and counted. The
 * layout costs the square of the number of cards up to a thousand of them (draw_layout.h).
 */
void draw_svg(const struct snapshot *snap, struct buf *out);

#endif
