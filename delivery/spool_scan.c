/* Reading a segment record by record. */
#define _GNU_SOURCE
#include "delivery/spool_scan.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/buf.h"

enum { PIECE = 1024 * 1024 };

static void read_range(char *to, const struct spool_files *files, int fd, off_t at, off_t end)
{
	while (at < end) {
		size_t len = end - at < PIECE ? (size_t)(end - at) : PIECE;

		(void)spool_read_best(files, fd, to + at, len, at);
		at += (off_t)len;
	}
}

/* Steps over holes; a file system without SEEK_DATA is read as a whole. */
static void read_data(char *to, const struct spool_files *files, int fd, off_t size)
{
	off_t at = 0;

	while (at < size) {
		off_t data = lseek(fd, at, SEEK_DATA), hole;

		if (data < 0 && errno == ENXIO)
			return;
		if (data < 0)
			data = at;
		hole = lseek(fd, data, SEEK_HOLE);
		if (hole < 0 || hole > size)
			hole = size;
		read_range(to, files, fd, data, hole);
		at = hole;
	}
}

void spool_scan_open(struct spool_scan *scan, const struct spool_files *files, int fd,
		     uint32_t number, uint32_t size, uint64_t key)
{
	size_t room = size ? size : 1;
	char *data = mmap(NULL, room, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (data == MAP_FAILED)
		mem_fatal(room);
	read_data(data, files, fd, (off_t)size);
	*scan = (struct spool_scan){ .data = data, .len = size, .number = number,
				     .key = key };
}

void spool_scan_close(struct spool_scan *scan)
{
	munmap((void *)(uintptr_t)scan->data, scan->len ? scan->len : 1);
	scan->data = NULL;
}

/* A segment's first record is the HEAD that tells the key. */
static uint64_t seed_at(const struct spool_scan *scan, uint64_t at)
{
	return spool_seed(at == 0 ? 0 : scan->key, scan->number);
}

static enum spool_check check_at(const struct spool_scan *scan, uint32_t at,
				 struct spool_header *header_r)
{
	return spool_record_check(scan->data + at, scan->len - at, seed_at(scan, at),
				  header_r);
}

/* All records the GROUP at AT speaks of are good, and together as long as it says. */
static bool is_group_whole(const struct spool_scan *scan, uint32_t at,
			   const struct spool_header *group)
{
	uint64_t from = at + spool_record_size(group->length), end;
	struct spool_group_of of;
	struct spool_header header;

	if (spool_read_group(scan->data + at + SPOOL_HEADER_BYTES, group->length, &of, NULL) < 0)
		return false;
	end = from + of.bytes;
	if (of.bytes > scan->len || end > scan->len)
		return false;
	for (uint32_t i = 0; i < of.count; i++) {
		if (from >= end || check_at(scan, (uint32_t)from, &header) != SPOOL_CHECK_GOOD)
			return false;
		from += spool_record_size(header.length);
	}
	return from == end;
}

static bool is_good_at(const struct spool_scan *scan, uint32_t at, struct spool_header *header_r)
{
	if (check_at(scan, at, header_r) != SPOOL_CHECK_GOOD)
		return false;
	return header_r->type != SPOOL_GROUP || is_group_whole(scan, at, header_r);
}

int spool_scan_next(struct spool_scan *scan, struct spool_scanned *record_r)
{
	if (scan->at >= scan->len)
		return 0;
	if (!is_good_at(scan, scan->at, &record_r->header))
		return -1;
	record_r->offset = scan->at;
	record_r->payload = scan->data + scan->at + SPOOL_HEADER_BYTES;
	scan->at += (uint32_t)spool_record_size(record_r->header.length);
	return 1;
}

bool spool_scan_front(const struct spool_scan *scan, struct spool_scanned *record_r)
{
	const struct spool_header *header = &record_r->header;
	struct spool_message message;

	record_r->offset = scan->at;
	record_r->payload = scan->data + scan->at + SPOOL_HEADER_BYTES;
	return check_at(scan, scan->at, &record_r->header) == SPOOL_CHECK_BAD_PAYLOAD &&
	       spool_type_is_message(header->type) &&
	       spool_record_size(header->length) <= scan->len - scan->at &&
	       spool_read_front(record_r->payload, header->length, header->id, &message);
}

/* Where the next record after the bad one at AT may be looked for. */
static uint32_t behind(const struct spool_scan *scan, uint32_t at, uint64_t *id_r)
{
	struct spool_group_of of;
	struct spool_header header;
	uint64_t next = at + SPOOL_ALIGN;

	*id_r = 0;
	switch (check_at(scan, at, &header)) {
	case SPOOL_CHECK_NO_HEADER:
		break;
	case SPOOL_CHECK_BAD_PAYLOAD:
		*id_r = header.id;
		next = at + spool_record_size(header.length);
		break;
	case SPOOL_CHECK_GOOD: /* a GROUP with a bad member: none of it may count */
		next = at + spool_record_size(header.length);
		if (spool_read_group(scan->data + at + SPOOL_HEADER_BYTES, header.length, &of,
				     NULL) == 0)
			next += of.bytes < scan->len ? of.bytes : scan->len;
		break;
	}
	return next < scan->len ? (uint32_t)next : scan->len;
}

void spool_scan_resync(struct spool_scan *scan, uint64_t *id_r)
{
	struct spool_scanned record;

	scan->at = behind(scan, scan->at, id_r);
	while (scan->at < scan->len && !is_good_at(scan, scan->at, &record.header) &&
	       !spool_scan_front(scan, &record))
		scan->at = scan->len - scan->at > SPOOL_ALIGN ? scan->at + SPOOL_ALIGN : scan->len;
}

bool spool_scan_has_later(const struct spool_scan *scan, uint32_t last_commit)
{
	struct spool_header header;

	for (uint64_t at = scan->at; at + SPOOL_HEADER_BYTES <= scan->len; at += SPOOL_ALIGN)
		if (spool_header_check(scan->data + at, seed_at(scan, at), &header) &&
		    (int32_t)(header.commit - last_commit) >= 2)
			return true;
	return false;
}

bool spool_scan_is_blank(const struct spool_scan *scan)
{
	for (uint32_t at = scan->at; at < scan->len; at++)
		if (scan->data[at] != '\0')
			return false;
	return true;
}
