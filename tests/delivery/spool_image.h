/*
 * Pictures of a spool's log as a crash would leave it, to be damaged and put back. Body files
 * stay where they are.
 */
#ifndef WP_TESTS_DELIVERY_SPOOL_IMAGE_H
#define WP_TESTS_DELIVERY_SPOOL_IMAGE_H

#include "common/buf.h"
#include "delivery/spool_record.h"
#include "tests/delivery/spool_fixture.h"

enum { IMAGE_FILES = 64 };

struct image_file {
	char name[20];
	uint32_t segment;
	bool is_log;
	struct buf data;
};

struct image {
	struct image_file file[IMAGE_FILES];
	size_t count;
};

/* Works on an open spool: what was answered is in the files. */
void image_take(struct image *image, const struct spool_bench *b);
/* Replaces all of the log. */
void image_put(const struct image *image, const struct spool_bench *b);
void image_free(struct image *image);
/* The log file of a segment; null if there is none. */
struct image_file *image_segment(struct image *image, uint32_t segment);
/* The offset of the record of TYPE for message ID in FILE; the test fails without one. */
uint32_t image_find(const struct image *image, const struct image_file *file, unsigned type,
		    uint64_t id);
/* The segment where it is. */
struct image_file *image_find_segment(struct image *image, unsigned type, uint64_t id);
/* Behind the last record. */
uint32_t image_end(const struct image *image, const struct image_file *file);
/* The spool's key, from the first HEAD. */
uint64_t image_key(const struct image *image);
/* Puts a record over what is at OFFSET, stamped for the place. */
void image_write_record(const struct image *image, struct image_file *file, uint32_t offset,
			struct buf *record, uint32_t commit);

#endif
