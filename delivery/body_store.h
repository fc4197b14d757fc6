/*
 * Bodies too large for the log, written to files of their own while they arrive.
 *
 * A session that passes SPOOL_BODY_MAX begins a body file and appends chunks; the body pool
 * writes them, starts write-back early (sync_file_range) and at the end makes file and directory
 * durable, so that the commit of the message waits for hardly anything. Loops never touch the
 * file. At most BODY_STORE_IN_FLIGHT chunks of one file may be with the pool: then the session
 * stops reading until one comes back. delivery.md §2, invariants 7, 11 and 13.
 *
 * Every call is made by the thread that owns the body file and returns at once.
 */
#ifndef WP_DELIVERY_BODY_STORE_H
#define WP_DELIVERY_BODY_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/mailbox.h"
#include "delivery/spool.h"

enum { BODY_STORE_IN_FLIGHT = 2, BODY_STORE_CHUNK = 256 * 1024 };

struct body_file;

/*
 * A chunk on its way to the pool, or the request to finish. The caller's memory; it belongs to
 * the pool until it comes back through the door, DATA with it.
 */
struct body_write {
	struct mail mail;
	struct handle owner; /* the caller's; not looked at */
	const void *data;
	size_t len;
	/* The answer: */
	enum spool_error error;
	uint64_t size; /* of all chunks so far */
	uint64_t sum;  /* XXH3 of all chunks so far */
	/* The store's: */
	struct body_file *file;
	uint32_t op;
};

/* A new body file for the message ID. Everything comes back through DOOR. */
struct body_file *body_store_begin(struct spool *spool, uint64_t id, const struct spool_door *door);
/* False, and nothing happens, while BODY_STORE_IN_FLIGHT chunks are out. */
bool body_store_append(struct body_file *file, struct body_write *write);
/*
 * WRITE comes back, after every chunk, when the file and its name are durable: then submit the
 * message with spool_submit_ref(). WRITE carries no data.
 */
void body_store_finish(struct body_file *file, struct body_write *write);
/*
 * Gives up the handle: KEEP after the message was committed; else the file is removed, also
 * while chunks are out (they still come back) and after finish.
 */
void body_store_end(struct body_file *file, bool keep);

#endif
