/*
 * Image files of routing snapshots: replica/snapshots/<number>.img.
 *
 * A file is written whole and durable before the replica names it, never changed from then on. It may
 * be longer than its image. It is read into memory and verified there: were it mapped, a file that is
 * cut or overwritten later would take its readers along. The count of references is atomic: a snapshot
 * may be held by several threads, the last one frees it.
 *
 * A new file costs the file system a commit of its journal, and that takes along whatever anybody
 * else has written. Overwriting what is there waits for nobody but the disk: so the next image
 * gets its room beforehand.
 */
#ifndef WP_COMMON_SNAPSHOT_FILE_H
#define WP_COMMON_SNAPSHOT_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/replica.h"
#include "topology/snapshot.h"

struct snapshot_file;

/*
 * Reads and verifies the image that WHAT names below STATE_DIR. *FILE_R holds one reference.
 * -1 and ERR (ERR_NOT_FOUND, ERR_STORE) if it is missing, of another size or hash, or damaged.
 */
int snapshot_file_open(const char *state_dir, const struct replica_snapshot *what,
		       struct snapshot_file **file_r, struct err *err) WP_MUST_CHECK;
/* Whether there is a file of that name, long enough. */
bool snapshot_file_is_there(const char *state_dir, const struct replica_snapshot *what);
struct snapshot_file *snapshot_file_ref(struct snapshot_file *file);
/* Drops one reference and nulls. Null inside is fine. */
void snapshot_file_unref(struct snapshot_file **file);
const struct snapshot *snapshot_file_view(const struct snapshot_file *file);

/* A file of zeros, durable under the name of an image that is not written yet. */
struct snapshot_room {
	uint64_t number; /* 0: there is none */
	size_t size;
};

/* Makes room for image NUMBER if it has LEN octets or a little more. Without success the image
 * only takes longer to write. */
void snapshot_file_make_room(const char *state_dir, uint64_t number, size_t len,
			     struct snapshot_room *room_r);
/* Writes an image durably, into ROOM if it fits, which is used up then. WHAT_R gets what the
 * replica has to store. */
int snapshot_file_write(const char *state_dir, const void *image, size_t len,
			struct snapshot_room *room, struct replica_snapshot *what_r,
			struct err *err) WP_MUST_CHECK;
/* The highest number that an image bears, 0 if there is none. */
uint64_t snapshot_file_highest(const char *state_dir);
/* Removes the images with numbers below KEEP_FROM that are none of the N NUMBERS, and leftovers
 * of interrupted writes. */
void snapshot_file_prune(const char *state_dir, uint64_t keep_from, const uint64_t *numbers,
			 size_t n);

#endif
