/*
 * Assumptions: what the profile exchange takes for true although no public document says so. Pure.
 *
 * The table is the only place of such facts. Each row has a default, and the host file's key
 * `assume` overrules it; `waypost schema assumptions` prints them with their doubts.
 */
#ifndef WP_COMMON_ASSUMPTION_H
#define WP_COMMON_ASSUMPTION_H

#include <stddef.h>
#include <stdint.h>

#include <talloc.h>

#include "common/err.h"

enum assumption_id {
	ASSUME_NOTHING, /* of a row of another table that assumes nothing */
#define ASSUME_ROW(symbol, name, kind, value, meaning, doubt) ASSUME_##symbol,
#include "common/assumption_rows.h"
#undef ASSUME_ROW
	ASSUMPTIONS,
};

enum assumption_kind {
	ASSUMED_NUMBER, /* decimal, or hexadecimal behind 0x; 32 bits */
	ASSUMED_NAME,   /* of an attribute or class */
	ASSUMED_TEXT,   /* not empty */
};

struct assumption {
	const char *name;
	enum assumption_kind kind;
	const char *value; /* the default */
	const char *meaning, *doubt;
};

/* The row; ID is none of the ends. */
const struct assumption *assumption_row(enum assumption_id id);

/* What is assumed: the table's defaults, and what overrules them. */
struct assumptions {
	uint32_t numbers[ASSUMPTIONS];
	const char *texts[ASSUMPTIONS]; /* names and texts */
};

void assumptions_init(struct assumptions *assumptions);
/*
 * Takes "NAME=VALUE", whose text is copied under CTX. -1 and ERR (ERR_CONFIG) for a name that is
 * not in the table or a value that is not of its kind.
 */
int assumptions_take(struct assumptions *assumptions, TALLOC_CTX *ctx, const char *text,
		     struct err *err) WP_MUST_CHECK;

#endif
