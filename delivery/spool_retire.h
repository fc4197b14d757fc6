/*
 * What may go once the log is durable: body files, whole segments, the notes for a sidecar. The
 * writer decides, the body pool does it.
 */
#ifndef WP_DELIVERY_SPOOL_RETIRE_H
#define WP_DELIVERY_SPOOL_RETIRE_H

#include <stddef.h>
#include <stdint.h>

struct segment;
struct spool;

/* Invariant 7: the body files of messages whose DONE is durable. IDS is copied. */
void spool_retire_bodies(struct spool *spool, const uint64_t *ids, size_t count);
/* Invariant 6: the segments below the HEAD that is durable now. */
void spool_retire_segments(struct spool *spool);
/* SEGMENT is sealed: its sidecar is written, its gists are freed. */
void spool_retire_gists(struct spool *spool, struct segment *segment);

#endif
