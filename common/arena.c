/* Memory that dies together: see arena.h. */
#include "common/arena.h"

#include <stdalign.h>
#include <string.h>

#include "common/buf.h"

enum { ARENA_BLOCK = 256 * 1024, ARENA_ALIGN = alignof(max_align_t) };

static char *new_block(struct arena *arena, size_t size)
{
	char *block = talloc_size(arena->ctx, size);

	if (block == NULL)
		mem_fatal(size);
	return block;
}

/* What is larger than a quarter of a block gets one of its own; the begun one stays in use. */
static char *take(struct arena *arena, size_t size)
{
	char *at;

	if (size > arena->left && size > ARENA_BLOCK / 4)
		return new_block(arena, size);
	if (size > arena->left) {
		arena->at = new_block(arena, ARENA_BLOCK);
		arena->left = ARENA_BLOCK;
	}
	at = arena->at;
	arena->at += size;
	arena->left -= size;
	return at;
}

void *arena_zero(struct arena *arena, size_t size)
{
	size_t gap = arena->left % ARENA_ALIGN;

	/* Blocks are aligned and a multiple of it long, so what is left tells where we are. */
	if (gap > 0)
		arena->at += gap;
	arena->left -= gap;
	return memset(take(arena, size), 0, size);
}

char *arena_text(struct arena *arena, const void *data, size_t len)
{
	char *copy = take(arena, len + 1);

	if (len > 0)
		memcpy(copy, data, len);
	copy[len] = '\0';
	return copy;
}
