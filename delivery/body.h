/*
 * The body of one message on its way from the socket to the spool and out again.
 *
 * One growing record buffer of plain malloc: the adapter may keep headroom in front for its
 * record header, writes the trace header first, and the server engine appends the octets of
 * DATA in wire form (dot-stuffed, as received). Nothing is copied on the way. A body that
 * grows beyond what its owner wants in memory is taken away in chunks (body_take); offsets in
 * the facts always count from the first octet of the stored message, taken chunks included.
 *
 * Threads: written by one thread only, until the message is complete; from then on constant,
 * shared by reference count. Pure, no I/O. See doc/ARCHITECTURE.md, "what is stored".
 */
#ifndef WP_DELIVERY_BODY_H
#define WP_DELIVERY_BODY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "delivery/envelope.h"

enum { BODY_FIELDS = 8 };

/* Where the value of a header field lies: offset in the stored message. Folding is kept, the
 * white space after the colon and the last CRLF are left out. */
struct body_field {
	uint32_t at;
	uint32_t len;
	uint32_t count; /* how often the field was met; at and len are of the first one */
};

struct body {
	atomic_uint refs;
	uint32_t headroom;   /* octets at mem that are free for the owner */
	char *mem;           /* headroom, then the octets */
	size_t len;          /* octets in memory now */
	size_t cap;          /* room for octets behind the headroom */
	uint64_t taken_bytes;/* octets that body_take() took away before the first one here */
	/* Complete when the end of data was seen. Stored and unstuffed size and header length
	 * count the trace header too; the others only what the peer sent. accepted_size is what
	 * was received, unstuffed, unless the adapter knows better. */
	struct body_facts facts;
	bool has_nul;
	bool has_bare_newline; /* a CR or LF of its own was met (and, if stored, made CRLF) */
	struct body_field field[BODY_FIELDS]; /* in the order the server's configuration names them */
};

/* An empty body with one reference; room for CAPACITY octets behind HEADROOM free ones. */
struct body *body_new(size_t headroom, size_t capacity);
struct body *body_ref(struct body *body);
/* Any thread; null is accepted. The last reference frees. */
void body_unref(struct body *body);

static inline char *body_data(const struct body *body)
{
	return body->mem + body->headroom;
}

/* At least MORE octets of room behind the octets; may move them. Returns where they begin. */
char *body_room(struct body *body, size_t more);
/* Appends octets (the trace header) and counts them as stored; before data only. */
void body_add(struct body *body, const void *data, size_t len);

/*
 * Takes everything in memory but the last KEEP octets away: the caller owns *MEM_R (free()),
 * whose octets begin at its headroom. The body goes on with a fresh buffer of the same
 * headroom. Returns the number of octets taken.
 */
size_t body_take(struct body *body, size_t keep, char **mem_r);
/* Forgets the octets in memory, as if they had been taken, and gives back most of the room. */
void body_forget(struct body *body);

#endif
