/*
 * Reading a segment record by record, and finding the way again behind damage.
 *
 * Reads the file once into memory of its own; sectors that cannot be read count as zeros, and so
 * as bad records. Ranges never written (the rest of a preallocated segment) are not read.
 */
#ifndef WP_DELIVERY_SPOOL_SCAN_H
#define WP_DELIVERY_SPOOL_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "delivery/spool_files.h"
#include "delivery/spool_record.h"

struct spool_scan {
	const char *data;
	uint32_t len;
	uint32_t number;
	uint64_t key;
	uint32_t at; /* the next record, or the bad one */
};

struct spool_scanned {
	struct spool_header header;
	uint32_t offset;
	const void *payload;
};

void spool_scan_open(struct spool_scan *scan, const struct spool_files *files, int fd,
		     uint32_t number, uint32_t size, uint64_t key);
void spool_scan_close(struct spool_scan *scan);
/*
 * 1: a good record; 0: the end of the file; -1: a bad one at scan->at. A GROUP with a bad member
 * is bad itself (invariant 5).
 */
int spool_scan_next(struct spool_scan *scan, struct spool_scanned *record_r);
/*
 * At a bad record: whether it is a message of which only the body is damaged. RECORD_R is its
 * place and header; the payload is right as far as the body.
 */
bool spool_scan_front(const struct spool_scan *scan, struct spool_scanned *record_r);
/*
 * Behind a bad record: moves scan->at to the next that is good or has spool_scan_front(), or to
 * the end. ID_R is the message the bad record was of, 0 if its header is bad too.
 */
void spool_scan_resync(struct spool_scan *scan, uint64_t *id_r);
/* A record header of commit LAST + 2 or later lies at scan->at or beyond. */
bool spool_scan_has_later(const struct spool_scan *scan, uint32_t last_commit);
/* Everything from scan->at on is zero. */
bool spool_scan_is_blank(const struct spool_scan *scan);

#endif
