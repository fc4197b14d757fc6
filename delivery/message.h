/*
 * A message in memory: the envelope and the body of one spool record, shared by its copies.
 *
 * Plain malloc with an atomic count, because it crosses threads: the loop that received it,
 * the scheduler, and every loop that delivers a copy hold one reference each. Immutable from
 * the commit on.
 */
#ifndef WP_DELIVERY_MESSAGE_H
#define WP_DELIVERY_MESSAGE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct body;
struct envelope;

struct message {
	atomic_uint refs;
	uint64_t spool_id;
	size_t memory;             /* octets that releasing it gives back, about */
	struct envelope *envelope; /* owned */
	struct body *body;         /* one reference */
};

struct spool_read;

/* Takes over ENVELOPE and BODY. One reference, the caller's. */
struct message *message_new(uint64_t spool_id, struct envelope *envelope, struct body *body);
/* From what was read back (envelope and body asked for); takes the body. Null if it failed. */
struct message *message_from_spool(struct spool_read *read);
/*
 * From what was read back damaged: the envelope with an empty body, to fail the recipients and to
 * tell the sender, never to be sent. Null if the envelope is lost too.
 */
struct message *message_of_envelope(const struct spool_read *read);
struct message *message_ref(struct message *message);
/* Accepts null. Any thread. */
void message_unref(struct message *message);

#endif
