/*
 * Hashes and ids: which entries may be meant by a hash. Pure.
 *
 * Open addressing, at most three quarters full: some 14 octets an entry, since of hash and id only
 * the lower halves are kept. Nothing is ever taken out. Several ids under one hash are fine; who
 * asks looks whether it is the right one.
 */
#ifndef WP_LDAPSYNC_ID_MAP_H
#define WP_LDAPSYNC_ID_MAP_H

#include <stddef.h>
#include <stdint.h>

struct id_slot {
	uint32_t hash, id; /* id 0: free */
};

/* Embedded; all zero is empty. */
struct id_map {
	struct id_slot *slots;
	size_t n_slots, n;
};

/* ID is not 0. */
void id_map_add(struct id_map *map, uint64_t hash, uint64_t id);
/* The ids under HASH one after the other: *AT begins as the hash. 0: there are no more. */
uint64_t id_map_next(const struct id_map *map, uint64_t hash, size_t *at);
/* HASH is about to be asked for. */
static inline void id_map_prefetch(const struct id_map *map, uint64_t hash)
{
	if (map->n_slots > 0)
		__builtin_prefetch(&map->slots[hash & (map->n_slots - 1)]);
}

void id_map_free(struct id_map *map);

#endif
