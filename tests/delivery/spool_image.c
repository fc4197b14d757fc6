/* Pictures of a spool's log. */
#include "tests/delivery/spool_image.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static bool is_log_file(const char *name, uint32_t *segment_r, bool *is_log_r)
{
	char suffix[4];

	if (sscanf(name, "%8x.%3s", segment_r, suffix) != 2)
		return false;
	*is_log_r = strcmp(suffix, "log") == 0;
	return *is_log_r || strcmp(suffix, "idx") == 0;
}

static void read_file(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "rb");
	char data[8192];
	size_t got;

	assert_non_null(f);
	while ((got = fread(data, 1, sizeof(data), f)) > 0)
		buf_add(out, data, got);
	fclose(f);
}

void image_take(struct image *image, const struct spool_bench *b)
{
	DIR *dir = opendir(b->dir);
	struct dirent *entry;
	struct image_file f;

	assert_non_null(dir);
	memset(image, 0, sizeof(*image));
	while ((entry = readdir(dir)) != NULL) {
		memset(&f, 0, sizeof(f));
		if (!is_log_file(entry->d_name, &f.segment, &f.is_log))
			continue;
		snprintf(f.name, sizeof(f.name), "%.16s", entry->d_name);
		read_file(bench_path(b, f.name), &f.data);
		assert_true(image->count < IMAGE_FILES);
		image->file[image->count++] = f;
	}
	closedir(dir);
}

static void clear_log(const struct spool_bench *b)
{
	DIR *dir = opendir(b->dir);
	struct dirent *entry;
	uint32_t segment;
	bool is_log;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		if (is_log_file(entry->d_name, &segment, &is_log))
			unlink(bench_path(b, entry->d_name));
	closedir(dir);
}

void image_put(const struct image *image, const struct spool_bench *b)
{
	clear_log(b);
	for (size_t i = 0; i < image->count; i++) {
		const struct buf *data = &image->file[i].data;
		FILE *f = fopen(bench_path(b, image->file[i].name), "wb");

		assert_non_null(f);
		if (data->len > 0)
			assert_int_equal(fwrite(data->data, 1, data->len, f), data->len);
		fclose(f);
	}
}

void image_free(struct image *image)
{
	for (size_t i = 0; i < image->count; i++)
		buf_free(&image->file[i].data);
	image->count = 0;
}

struct image_file *image_segment(struct image *image, uint32_t segment)
{
	for (size_t i = 0; i < image->count; i++)
		if (image->file[i].is_log && image->file[i].segment == segment)
			return &image->file[i];
	return NULL;
}

uint64_t image_key(const struct image *image)
{
	for (size_t i = 0; i < image->count; i++) {
		const struct image_file *f = &image->file[i];
		struct spool_header header;
		struct spool_head head;
		struct err e;

		if (f->is_log &&
		    spool_record_check(f->data.data, f->data.len, spool_seed(0, f->segment),
				       &header) == SPOOL_CHECK_GOOD &&
		    spool_read_head(f->data.data + SPOOL_HEADER_BYTES, header.length, &head, &e) == 0)
			return head.key;
	}
	fail_msg("no HEAD in the image");
	return 0;
}

static bool next_record(const struct image *image, const struct image_file *f, uint32_t *at,
			struct spool_header *header_r)
{
	uint64_t seed = spool_seed(*at == 0 ? 0 : image_key(image), f->segment);

	if (spool_record_check(f->data.data + *at, f->data.len - *at, seed, header_r) !=
	    SPOOL_CHECK_GOOD)
		return false;
	*at += (uint32_t)spool_record_size(header_r->length);
	return true;
}

static bool find(const struct image *image, const struct image_file *f, unsigned type, uint64_t id,
		 uint32_t *offset_r)
{
	struct spool_header header;
	uint32_t at = 0;

	for (*offset_r = 0; next_record(image, f, &at, &header); *offset_r = at)
		if (header.type == type && header.id == id)
			return true;
	return false;
}

uint32_t image_find(const struct image *image, const struct image_file *file, unsigned type,
		    uint64_t id)
{
	uint32_t offset;

	assert_true(find(image, file, type, id, &offset));
	return offset;
}

struct image_file *image_find_segment(struct image *image, unsigned type, uint64_t id)
{
	uint32_t offset;

	for (size_t i = 0; i < image->count; i++)
		if (image->file[i].is_log && find(image, &image->file[i], type, id, &offset))
			return &image->file[i];
	fail_msg("no such record in the image");
	return NULL;
}

uint32_t image_end(const struct image *image, const struct image_file *file)
{
	struct spool_header header;
	uint32_t at = 0;

	while (next_record(image, file, &at, &header))
		;
	return at;
}

void image_write_record(const struct image *image, struct image_file *file, uint32_t offset,
			struct buf *record, uint32_t commit)
{
	struct spool_header header;
	uint64_t seed = spool_seed(offset == 0 ? 0 : image_key(image), file->segment);

	memcpy(&header, record->data, sizeof(header));
	spool_record_stamp(&header, seed, commit);
	memcpy(record->data, &header, sizeof(header));
	assert_true(offset + record->len <= file->data.len);
	memcpy(file->data.data + offset, record->data, record->len);
}
