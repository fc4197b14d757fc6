/*
 * Putting an image together: texts (each stored once), lists, records, look-up tables. Pure.
 *
 * For load.c and its parts. Embedded; owns its buffers until image_finish or image_fini.
 */
#ifndef WP_TOPOLOGY_IMAGE_H
#define WP_TOPOLOGY_IMAGE_H

#include "common/buf.h"
#include "topology/snapshot_private.h"

struct image {
	struct buf sections[SNAP_SECTIONS];
	struct text_slot *texts; /* open addressing */
	uint32_t texts_size, texts_used;
};

void image_init(struct image *image);
void image_fini(struct image *image);

/* The text's place; equal texts share one. "" is 0. */
snap_text image_text(struct image *image, const char *text);
/* A place of its own, without a look for an equal one: for what is unique by its nature. */
snap_text image_new_text(struct image *image, const char *text);
const char *image_str(const struct image *image, snap_text text);
/* Appends words as one list. */
struct snap_list image_list(struct image *image, const uint32_t *words, uint32_t count);
/* Appends one record and returns its index. */
uint32_t image_add(struct image *image, enum snap_section_id section, const void *record);
uint32_t image_count(const struct image *image, enum snap_section_id section);
/* Record I, writable, until the next image_add to its section. */
void *image_at(const struct image *image, enum snap_section_id section, uint32_t i);
/* Makes SECTION a look-up table with room for COUNT references. */
void image_table(struct image *image, enum snap_section_id section, uint32_t count);
void image_table_add(struct image *image, enum snap_section_id section, uint32_t hash,
		     uint32_t ref);

/* A view over what is there so far, without the guarantees of snapshot_open; until the next
 * change. So what is derived can use the same functions as readers. */
void image_view(const struct image *image, struct snapshot *snap);

/* The finished image with its header into OUT (emptied first). */
void image_finish(struct image *image, uint64_t number, struct buf *out);

#endif
