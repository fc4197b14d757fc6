/* Hashes and ids. Pure. */
#include "ldapsync/id_map.h"

#include <assert.h>
#include <stdlib.h>

#include "common/buf.h"

static void put(struct id_map *map, uint32_t hash, uint32_t id)
{
	size_t at = hash & (map->n_slots - 1);

	while (map->slots[at].id != 0)
		at = (at + 1) & (map->n_slots - 1);
	map->slots[at] = (struct id_slot){ hash, id };
	map->n++;
}

void id_map_add(struct id_map *map, uint64_t hash, uint64_t id)
{
	struct id_map old = *map;

	if (map->n >= map->n_slots / 4 * 3) {
		map->n_slots = old.n_slots == 0 ? 4096 : old.n_slots * 2;
		map->slots = mem_zero(map->n_slots, sizeof(*map->slots));
		map->n = 0;
		for (size_t i = 0; i < old.n_slots; i++)
			if (old.slots[i].id != 0)
				put(map, old.slots[i].hash, old.slots[i].id);
		free(old.slots);
	}
	assert(id <= UINT32_MAX); /* so many entries are a file of a terabyte */
	put(map, (uint32_t)hash, (uint32_t)id);
}

uint64_t id_map_next(const struct id_map *map, uint64_t hash, size_t *at)
{
	for (; map->n_slots > 0; (*at)++) {
		const struct id_slot *slot = &map->slots[*at & (map->n_slots - 1)];

		if (slot->id == 0)
			return 0;
		if (slot->hash == (uint32_t)hash) {
			(*at)++;
			return slot->id;
		}
	}
	return 0;
}

void id_map_free(struct id_map *map)
{
	free(map->slots);
	*map = (struct id_map){ 0 };
}
