/*
 * Text for people in lines of a width, broken where its script allows. Pure but for
 * paragraph_width.
 */
#ifndef WP_ADMIN_PARAGRAPH_H
#define WP_ADMIN_PARAGRAPH_H

#include "common/buf.h"

/*
 * Appends FIRST and TEXT, and a line end; lines behind the first begin with REST. Both are as
 * wide as each other and hold no text that may be broken. A word that is too long sticks out.
 * Control characters become '?'.
 */
void paragraph_add(struct buf *out, const char *first, const char *rest, const char *text,
		   int width);
/* Columns of the terminal within 60 and 120; 100 where standard output is none. */
int paragraph_width(void);

#endif
