/* Putting an image together: see image.h. */
#include "topology/image.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* Where a text that may be asked for again lies; OFFSET 0: free. */
struct text_slot {
	uint32_t hash;
	snap_text offset;
};

void image_init(struct image *image)
{
	memset(image, 0, sizeof(*image));
	buf_addc(&image->sections[SNAP_TEXT], '\0');
	image->texts_size = 1024;
	image->texts = mem_zero(image->texts_size, sizeof(*image->texts));
}

void image_fini(struct image *image)
{
	for (int s = 0; s < SNAP_SECTIONS; s++)
		buf_free(&image->sections[s]);
	free(image->texts);
	image->texts = NULL;
}

const char *image_str(const struct image *image, snap_text text)
{
	return image->sections[SNAP_TEXT].data + text;
}

/* The slot of TEXT: where it is or belongs. */
static struct text_slot *find_text(const struct image *image, const char *text, uint32_t hash)
{
	uint32_t mask = image->texts_size - 1, at = hash;

	for (;; at++) {
		struct text_slot *slot = &image->texts[at & mask];

		if (slot->offset == 0 || (slot->hash == hash &&
					  strcmp(image_str(image, slot->offset), text) == 0))
			return slot;
	}
}

static void grow_texts(struct image *image)
{
	struct text_slot *old = image->texts;
	uint32_t old_size = image->texts_size, mask;

	image->texts_size *= 2;
	mask = image->texts_size - 1;
	image->texts = mem_zero(image->texts_size, sizeof(*image->texts));
	for (uint32_t i = 0; i < old_size; i++) {
		uint32_t at = old[i].hash;

		if (old[i].offset == 0)
			continue;
		while (image->texts[at & mask].offset != 0)
			at++;
		image->texts[at & mask] = old[i];
	}
	free(old);
}

snap_text image_new_text(struct image *image, const char *text)
{
	snap_text offset = (snap_text)image->sections[SNAP_TEXT].len;

	if (*text == '\0')
		return 0;
	buf_add(&image->sections[SNAP_TEXT], text, strlen(text) + 1);
	return offset;
}

snap_text image_text(struct image *image, const char *text)
{
	struct text_slot *slot;
	uint32_t hash;
	snap_text offset;

	if (text == NULL || *text == '\0')
		return 0;
	hash = snap_hash_text(text);
	slot = find_text(image, text, hash);
	if (slot->offset != 0)
		return slot->offset;
	offset = image_new_text(image, text);
	*slot = (struct text_slot){ hash, offset };
	if (++image->texts_used * 2 > image->texts_size)
		grow_texts(image);
	return offset;
}

struct snap_list image_list(struct image *image, const uint32_t *words, uint32_t count)
{
	struct snap_list list = { image_count(image, SNAP_WORDS), count };

	if (count > 0)
		buf_add(&image->sections[SNAP_WORDS], words, count * sizeof(*words));
	return list;
}

uint32_t image_add(struct image *image, enum snap_section_id section, const void *record)
{
	uint32_t index = image_count(image, section);

	buf_add(&image->sections[section], record, snap_record_size(section));
	return index;
}

uint32_t image_count(const struct image *image, enum snap_section_id section)
{
	return (uint32_t)(image->sections[section].len / snap_record_size(section));
}

void *image_at(const struct image *image, enum snap_section_id section, uint32_t i)
{
	return image->sections[section].data + (size_t)i * snap_record_size(section);
}

void image_table(struct image *image, enum snap_section_id section, uint32_t count)
{
	struct buf *table = &image->sections[section];
	struct snap_slot *slots;
	uint32_t size = 1;

	buf_clear(table);
	if (count == 0)
		return;
	while (size < count * 2)
		size *= 2;
	buf_reserve(table, size * sizeof(*slots));
	table->len = size * sizeof(*slots);
	slots = image_at(image, section, 0);
	for (uint32_t i = 0; i < size; i++)
		slots[i] = (struct snap_slot){ 0, SNAP_NONE };
}

void image_table_add(struct image *image, enum snap_section_id section, uint32_t hash,
		     uint32_t ref)
{
	struct snap_slot *slots = image_at(image, section, 0);
	uint32_t mask = image_count(image, section) - 1, at = hash;

	while (slots[at & mask].ref != SNAP_NONE)
		at++;
	slots[at & mask] = (struct snap_slot){ hash, ref };
}

void image_view(const struct image *image, struct snapshot *snap)
{
	memset(snap, 0, sizeof(*snap));
	for (int s = 0; s < SNAP_SECTIONS; s++)
		snap->sections[s] = (struct snap_section){
			image->sections[s].data, image_count(image, (enum snap_section_id)s)
		};
}

void image_finish(struct image *image, uint64_t number, struct buf *out)
{
	static const char zeros[8];
	struct snap_header h = { .magic = SNAP_MAGIC, .format = SNAP_FORMAT,
				 .byte_order = SNAP_BYTE_ORDER, .number = number };

	size_t size = sizeof(h);

	for (int s = 0; s < SNAP_SECTIONS; s++)
		size += image->sections[s].len + 8;
	buf_clear(out);
	buf_reserve(out, size);
	buf_add(out, &h, sizeof(h));
	for (int s = 0; s < SNAP_SECTIONS; s++) {
		const struct buf *section = &image->sections[s];

		buf_add(out, zeros, -out->len & 7);
		h.sections[s].offset = out->len;
		h.sections[s].count = image_count(image, (enum snap_section_id)s);
		h.sections[s].record_size = snap_record_size((enum snap_section_id)s);
		if (section->len > 0)
			buf_add(out, section->data, section->len);
	}
	h.size = out->len;
	h.hash = XXH3_64bits(out->data + sizeof(h), out->len - sizeof(h));
	h.header_hash = snap_header_hash(&h);
	memcpy(out->data, &h, sizeof(h));
}
