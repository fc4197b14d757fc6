/* The recipients of one message after resolution: see leaves.h. Pure. */
#include "topology/leaves.h"

#include <string.h>

#include <uthash.h>

/* An address that was met, by kind and folded text. */
struct met {
	UT_hash_handle hh;
	size_t len;
	char key[]; /* the kind, then the address */
};

/* False if LEAF's address came before. */
static bool meet(TALLOC_CTX *scratch, struct met **table, const struct resolved *leaf)
{
	size_t len = strlen(leaf->folded) + 1;
	struct met *met = talloc_zero_size(scratch, sizeof(*met) + len), *known = NULL;

	met->key[0] = (char)leaf->kind;
	memcpy(met->key + 1, leaf->folded, len - 1);
	HASH_FIND(hh, *table, met->key, len, known);
	if (known != NULL) {
		talloc_free(met);
		return false;
	}
	HASH_ADD_KEYPTR(hh, *table, met->key, len, met);
	return true;
}

void leaves_flatten(TALLOC_CTX *ctx, struct resolution *const *resolutions, uint32_t count,
		    struct leaves *leaves_r)
{
	TALLOC_CTX *scratch = talloc_new(ctx);
	struct met *table = NULL;
	uint32_t total = 0;

	for (uint32_t i = 0; i < count; i++)
		total += resolutions[i]->count;
	leaves_r->list = talloc_array(ctx, const struct resolved *, total + 1);
	leaves_r->original = talloc_array(ctx, uint32_t, total + 1);
	leaves_r->count = 0;
	for (uint32_t i = 0; i < count; i++) {
		for (uint32_t j = 0; j < resolutions[i]->count; j++) {
			const struct resolved *leaf = &resolutions[i]->items[j];

			if (leaf->kind == RESOLVED_GROUP || !meet(scratch, &table, leaf))
				continue;
			leaves_r->original[leaves_r->count] = i;
			leaves_r->list[leaves_r->count++] = leaf;
		}
	}
	HASH_CLEAR(hh, table);
	talloc_free(scratch);
}
