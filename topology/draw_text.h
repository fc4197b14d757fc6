/* Texts in pictures: escaped, measured, shortened. Pure. */
#ifndef WP_TOPOLOGY_DRAW_TEXT_H
#define WP_TOPOLOGY_DRAW_TEXT_H

#include <talloc.h>

#include "common/buf.h"
#include "topology/snapshot.h"

/*
 * Appends TEXT as the content of an XML element or of a quoted attribute. What XML cannot hold,
 * control characters other than line ends and what is no UTF-8, becomes U+FFFD.
 */
void draw_xml(struct buf *out, const char *text);
/* Appends TEXT as a quoted string of Graphviz. */
void draw_dot_string(struct buf *out, const char *text);
/* As plain text on a terminal, in one line. */
void draw_plain(struct buf *out, const char *text);

/* How wide TEXT is at most in pixels, in common sans-serif fonts of SIZE pixels. */
double draw_width(const char *text, double size);
/* TEXT, or its begin and "…" if it is wider than COLUMNS of a terminal; under CTX. */
char *draw_short(TALLOC_CTX *ctx, const char *text, int columns);
/* "3 sites · 1 site link · …": what the model holds; under CTX. */
char *draw_counts(TALLOC_CTX *ctx, const struct snapshot *snap, const char *separator);
/* "10 MB", "1.5 GB", "unlimited"; under CTX. */
char *draw_size(TALLOC_CTX *ctx, uint64_t octets);

#endif
