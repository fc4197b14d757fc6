/* Putting an image together: see image.h. */
#include "topology/image.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

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
static uint32_t *text_slot(const struct image *image, const char *text)
{
	uint32_t mask = image->texts_size - 1, at = snap_hash_text(text);

	while (image->texts[at & mask] != 0 &&
	       strcmp(image_str(image, image->texts[at & mask]), text) != 0)
		at++;
	return &image->texts[at & mask];
}

static void grow_texts(struct image *image)
{
	uint32_t *old = image->texts, old_size = image->texts_size;

	image->texts_size *= 2;
	image->texts = mem_zero(image->texts_size, sizeof(*image->texts));
	for (uint32_t i = 0; i < old_size; i++)
		if (old[i] != 0)
			*text_slot(image, image_str(image, old[i])) = old[i];
	free(old);
}

snap_text image_text(struct image *image, const char *text)
{
	struct buf *texts = &image->sections[SNAP_TEXT];
	uint32_t *slot;

	if (text == NULL || *text == '\0')
		return 0;
	slot = text_slot(image, text);
	if (*slot == 0) {
		*slot = (uint32_t)texts->len;
		buf_add(texts, text, strlen(text) + 1);
		image->texts_used++;
		if (image->texts_used * 2 > image->texts_size) {
			uint32_t place = *slot;

			grow_texts(image);
			return place;
		}
	}
	return *slot;
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
	static const struct snap_slot empty = { 0, SNAP_NONE };
	uint32_t size = 1;

	buf_clear(&image->sections[section]);
	if (count == 0)
		return;
	while (size < count * 2)
		size *= 2;
	for (uint32_t i = 0; i < size; i++)
		image_add(image, section, &empty);
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

	buf_clear(out);
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
