/* The sidecar of a sealed segment. */
#include "delivery/spool_sidecar.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

enum { SIDECAR_MAGIC = 0x58495057 }; /* "WPIX" */

struct sidecar_header {
	uint32_t magic;
	uint32_t version;
	uint32_t segment;
	uint32_t segment_size;
	uint64_t bytes; /* of what follows, and its checksum */
	uint64_t sum;
};

struct item_header {
	struct spool_header header;
	uint32_t offset;
	uint32_t gist_len;
};

void sidecar_add(struct buf *gists, uint32_t offset, const struct spool_header *header,
		 const void *payload)
{
	struct item_header item = {
		.header = *header,
		.offset = offset,
		.gist_len = (uint32_t)spool_record_gist(header, payload),
	};

	buf_add(gists, &item, sizeof(item));
	buf_add(gists, payload, item.gist_len);
}

bool sidecar_next(const struct buf *gists, size_t *at, struct sidecar_item *item_r)
{
	struct item_header item;

	if (gists->len - *at < sizeof(item))
		return false;
	memcpy(&item, gists->data + *at, sizeof(item));
	*at += sizeof(item);
	if (gists->len - *at < item.gist_len)
		return false;
	item_r->header = item.header;
	item_r->offset = item.offset;
	item_r->gist = gists->data + *at;
	item_r->gist_len = item.gist_len;
	*at += item.gist_len;
	return true;
}

void sidecar_write(const struct spool_log *log, const struct segment *segment)
{
	struct sidecar_header header = {
		.magic = SIDECAR_MAGIC,
		.version = SPOOL_FORMAT_VERSION,
		.segment = segment->number,
		.segment_size = segment->size,
		.bytes = segment->gists.len,
		.sum = XXH3_64bits_withSeed(segment->gists.data, segment->gists.len,
					    segment->number),
	};
	struct iovec iov[] = {
		{ &header, sizeof(header) },
		{ segment->gists.data, segment->gists.len },
	};
	char name[SEGMENT_NAME_MAX];
	int fd;

	segment_name(segment->number, "idx", name);
	fd = openat(log->dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (spool_write_all(log->files, fd, iov, WP_COUNT(iov), 0) < 0)
		unlinkat(log->dir, name, 0);
	close(fd);
}

static bool is_of_segment(const struct sidecar_header *header, const struct segment *segment,
			  off_t file_size)
{
	return header->magic == SIDECAR_MAGIC && header->version == SPOOL_FORMAT_VERSION &&
	       header->segment == segment->number && header->segment_size == segment->size &&
	       header->bytes == (uint64_t)file_size - sizeof(*header);
}

/* The last record it tells of is in the segment, at its end. */
static bool is_up_to_date(const struct spool_log *log, const struct segment *segment,
			  const struct buf *gists)
{
	struct sidecar_item item = { .offset = 0 };
	struct spool_header header;
	size_t at = 0;

	while (sidecar_next(gists, &at, &item))
		;
	if (at != gists->len || gists->len == 0)
		return false;
	if (spool_read_all(log->files, segment->fd, &header, sizeof(header), item.offset) < 0)
		return false;
	return memcmp(&header, &item.header, sizeof(header)) == 0 &&
	       item.offset + spool_record_size(header.length) == segment->size;
}

static bool load_from(const struct spool_log *log, const struct segment *segment, int fd,
		      struct buf *gists)
{
	struct sidecar_header header;
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_size < (off_t)sizeof(header) ||
	    spool_read_all(log->files, fd, &header, sizeof(header), 0) < 0 ||
	    !is_of_segment(&header, segment, st.st_size))
		return false;
	buf_reserve(gists, header.bytes);
	if (spool_read_all(log->files, fd, gists->data, header.bytes, sizeof(header)) < 0)
		return false;
	gists->len = header.bytes;
	return XXH3_64bits_withSeed(gists->data, gists->len, segment->number) == header.sum &&
	       is_up_to_date(log, segment, gists);
}

bool sidecar_load(const struct spool_log *log, const struct segment *segment, struct buf *gists_r)
{
	struct buf gists = { 0 };
	char name[SEGMENT_NAME_MAX];
	bool is_good;
	int fd;

	segment_name(segment->number, "idx", name);
	fd = openat(log->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	is_good = load_from(log, segment, fd, &gists);
	close(fd);
	if (is_good)
		*gists_r = gists;
	else
		buf_free(&gists);
	return is_good;
}
