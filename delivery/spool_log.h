/*
 * The segments of the log and the index over them.
 *
 * Owns the segment files, the table of segments and the index. One thread changes them: whoever
 * recovers, later the writer; it holds the lock while it does and may read without. Everybody
 * else reads with the lock held, and keeps a segment's file by segment_ref(). File names:
 * NNNNNNNN.log and its sidecar NNNNNNNN.idx (spool_sidecar.h).
 */
#ifndef WP_DELIVERY_SPOOL_LOG_H
#define WP_DELIVERY_SPOOL_LOG_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "delivery/spool_files.h"
#include "delivery/spool_index.h"
#include "delivery/spool_record.h"

enum { SEGMENT_NAME_MAX = 16 };

struct segment {
	uint32_t number;
	int fd;
	uint32_t size;  /* where the next record goes, or where the last one ended */
	uint32_t limit; /* where the last one has to end */
	uint32_t live; /* messages whose record lies here, and their octets */
	uint64_t live_bytes;
	uint32_t users;   /* with the lock: the table and every reader */
	bool is_sealed;   /* nothing is added any more: the file ends with its last record */
	bool is_dropped;  /* with the lock: the file goes with its last user */
	struct buf gists; /* what the sidecar will say; empty once it is written */
};

struct spool_log {
	const struct spool_files *files;
	int dir;
	uint32_t segment_bytes;
	uint64_t key; /* of every checksum: spool_seed() */
	pthread_mutex_t lock;
	struct spool_index index;
	struct segment **segment; /* by number, from OLDEST; null where one is missing */
	uint32_t oldest;
	uint32_t segments;
	uint64_t live_bytes;
	uint64_t log_bytes;
	/* The greatest seen while recovering. */
	uint32_t head;
	uint64_t next_id;
};

void spool_log_init(struct spool_log *log, const struct spool_files *files, int dir,
		    uint32_t segment_bytes);
/* Closes every segment. */
void spool_log_fini(struct spool_log *log);

void segment_name(uint32_t number, const char *suffix, char name[static SEGMENT_NAME_MAX]);
/* Opens an existing file. */
int segment_open(const struct spool_log *log, uint32_t number, struct segment **segment_r,
		 struct err *e) WP_MUST_CHECK;
/*
 * A new segment with its HEAD, durable with its name (invariant 11); reads nothing of LOG that
 * changes, so any thread may. On failure no file is left and the code of E is errno.
 */
int segment_create(const struct spool_log *log, uint32_t number, uint32_t oldest, uint64_t next_id,
		   uint32_t commit, struct segment **segment_r, struct err *e) WP_MUST_CHECK;
/*
 * The same of a file NAME in the spool's folder that has its room already, so that it needs none
 * of the disk's. Its name is gone whatever comes of it.
 */
int segment_adopt(const struct spool_log *log, const char *name, uint32_t number, uint32_t oldest,
		  uint64_t next_id, uint32_t commit, struct segment **segment_r,
		  struct err *e) WP_MUST_CHECK;
/* With the lock. */
struct segment *segment_ref(struct segment *segment);
/* Without the lock. The last one closes the file, and removes it if it was dropped. */
void segment_unref(struct spool_log *log, struct segment *segment);
/* Removes the files of a segment that is not in the table. */
void segment_unlink(const struct spool_log *log, uint32_t number);

/* Adds SEGMENT, younger than all others, to the table, which takes the reference. */
void spool_log_add(struct spool_log *log, struct segment *segment);
struct segment *spool_log_find(const struct spool_log *log, uint32_t number);
/* Takes the oldest segment out of the table (it may be null); the reference is the caller's. */
struct segment *spool_log_shift(struct spool_log *log);

enum spool_applied { SPOOL_APPLIED, SPOOL_APPLIED_BODY_GONE };

/*
 * With the lock: makes the record of HEADER and PAYLOAD, which lies in SEGMENT at OFFSET, count.
 * Of messages the gist of the payload is enough. -1 and E for what this version does not know.
 */
int spool_log_apply(struct spool_log *log, struct segment *segment, uint32_t offset,
		    const struct spool_header *header, const void *payload, size_t len,
		    enum spool_applied *applied_r, struct err *e) WP_MUST_CHECK;
/* With the lock: forgets an entry. */
void spool_log_forget(struct spool_log *log, struct spool_entry *entry);
/* Entry is live and lies there. */
bool spool_log_is_at(const struct spool_log *log, uint64_t id, uint32_t segment, uint32_t offset);

#endif
