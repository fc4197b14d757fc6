/*
 * The sidecar of a sealed segment: its records without envelopes and bodies, so that opening the
 * spool does not read the mail. Checksummed, never synced: only a shortcut. It counts if it is
 * whole, names the segment and its size, and its last record is the segment's.
 */
#ifndef WP_DELIVERY_SPOOL_SIDECAR_H
#define WP_DELIVERY_SPOOL_SIDECAR_H

#include <stdbool.h>
#include <stdint.h>

#include "delivery/spool_log.h"
#include "delivery/spool_record.h"

struct sidecar_item {
	struct spool_header header;
	uint32_t offset;
	const void *gist;
	size_t gist_len;
};

/* Adds a record to the gists of a segment. */
void sidecar_add(struct buf *gists, uint32_t offset, const struct spool_header *header,
		 const void *payload);
/* The item at AT, which moves on; false at the end. */
bool sidecar_next(const struct buf *gists, size_t *at, struct sidecar_item *item_r);
/* Writes the sidecar of SEGMENT from its gists. A failure is no failure of the spool. */
void sidecar_write(const struct spool_log *log, const struct segment *segment);
/* False: there is none that counts. */
bool sidecar_load(const struct spool_log *log, const struct segment *segment, struct buf *gists_r);

#endif
