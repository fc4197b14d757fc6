/*
 * Memory that dies together and is never freed piece by piece: a pointer that moves on. Pure.
 *
 * For the many small texts and arrays of one load, where a talloc header each would cost more
 * than what it heads. Blocks hang on a talloc context and die with it. One thread.
 */
#ifndef WP_COMMON_ARENA_H
#define WP_COMMON_ARENA_H

#include <stddef.h>

#include <talloc.h>

struct arena {
	TALLOC_CTX *ctx; /* the owner of the blocks; the only field that callers set */
	char *at;
	size_t left;
};

/* SIZE octets of zeros, aligned for anything; addresses never move. */
void *arena_zero(struct arena *arena, size_t size);
/* A copy of LEN octets with a NUL behind them. */
char *arena_text(struct arena *arena, const void *data, size_t len);

#endif
