/*
 * Tables for people: aligned columns, a header that stands out on a terminal. Pure but for
 * table_wants_colour.
 *
 * Texts of the directory and of peers are shown without control characters, so nothing in
 * them can drive a terminal. One thread.
 */
#ifndef WP_ADMIN_TABLE_H
#define WP_ADMIN_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <talloc.h>

#include "common/buf.h"

struct table;

/* HEADERS (N of them) are kept. */
struct table *table_new(TALLOC_CTX *ctx, const char *const *headers, size_t n);
/* One row of N texts, copied; null is shown empty. */
void table_add(struct table *table, const char *const *cells);
size_t table_rows(const struct table *table);
/* The last column is not padded; without rows nothing is printed. */
void table_print(const struct table *table, bool colour, struct buf *out);
/* Standard output is a terminal and NO_COLOR is not set (or empty). */
bool table_wants_colour(void);
/* TEXT with control characters as '?', under CTX. Null becomes "". */
char *table_clean(TALLOC_CTX *ctx, const char *text);

#endif
