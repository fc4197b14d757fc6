/*
 * The records of the spool's log. Pure.
 *
 * A record is a header of 40 octets and a payload of fields (delivery/tlv.h), padded with zeros
 * to a multiple of 8. The thread that submits a record encodes it completely and computes the
 * checksum of the payload, which may be large; only the writer knows the segment it will lie
 * in. So the payload's checksum is unseeded, and the header's, made by the writer over 32 octets
 * that contain the payload's, is seeded with the segment number: a record carries over neither
 * into another segment nor into a reused block (invariant 12). A random key of the spool goes
 * into the seed as well, so that nobody can mail us a record that recovery, when it looks for
 * records behind damage, takes for one. Every segment begins with a HEAD that tells the key; only
 * this first record is sealed without it.
 *
 * The writer also stamps the commit, a number that grows with each successful sync. What follows
 * the first bad record of the last segment is a torn group, unless a good record with a commit
 * two or more beyond the last good one is among it: then a sync had covered the bad one, and it
 * is damage (invariant 2).
 *
 * The body is the most of a record, and so is most damage. A checksum of its own, seeded with the
 * message's id, covers what precedes the body: so the envelope can be believed, and the sender
 * told, where only the rest is damaged.
 *
 * Numbers in the header are in the byte order of the host; the magic shows another one.
 */
#ifndef WP_DELIVERY_SPOOL_RECORD_H
#define WP_DELIVERY_SPOOL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "common/buf.h"
#include "common/err.h"
#include "delivery/envelope.h"
#include "delivery/spool.h"

enum { SPOOL_FORMAT_VERSION = 1, SPOOL_ALIGN = 8 };

/* For ever; a new type takes a new number. */
enum spool_type {
	SPOOL_MSG = 1,    /* summary, envelope, body */
	SPOOL_MSGREF = 2, /* summary, envelope; the body is in a file of its own */
	SPOOL_RCPT = 3,   /* the new state of some recipients */
	SPOOL_DONE = 4,   /* the message may be forgotten */
	SPOOL_MOVE = 5,   /* a MSG or MSGREF word for word, nearer the end; its states follow */
	SPOOL_HEAD = 6,   /* format version, oldest segment that matters, next message id, key */
	SPOOL_GROUP = 7,  /* the following records count together or not at all */
};

/* In flags: a reader who does not know the type may skip the record. */
enum { SPOOL_RECORD_OPTIONAL = 1 };

struct spool_header {
	uint32_t magic;
	uint32_t length; /* of the payload, without padding */
	uint8_t type;
	uint8_t flags;
	uint16_t zero;
	uint32_t commit;
	uint64_t id; /* of the message; 0 for HEAD and GROUP */
	uint64_t payload_sum;
	uint64_t header_sum;
};

/* A HEAD is never larger than SPOOL_HEAD_MAX: the least that is gone of each segment. */
enum {
	SPOOL_HEADER_BYTES = 40,
	SPOOL_GROUP_BYTES = 64,
	SPOOL_HEAD_MAX = 96,
	SPOOL_OUTCOME_MAX = 4096,
	SPOOL_RECIPIENTS_MAX = 1 << 23, /* more than envelopes in a segment can have */
};

/* Of the records of a segment; of its first one with KEY 0. */
static inline uint64_t spool_seed(uint64_t key, uint32_t segment)
{
	return key ^ segment;
}

/* Header, payload and padding. */
static inline uint64_t spool_record_size(uint32_t length)
{
	return (SPOOL_HEADER_BYTES + (uint64_t)length + SPOOL_ALIGN - 1) & ~(uint64_t)(SPOOL_ALIGN - 1);
}

const char *spool_type_name(unsigned type);
/* MSG, MSGREF or MOVE. */
bool spool_type_is_message(unsigned type);

/* --- writing --- */

/* Begins a record at the end of OUT, which has to be aligned; returns its place. */
size_t spool_record_begin(struct buf *out, enum spool_type type, uint64_t id);
/*
 * Ends it: length and payload checksum. PARTS of the payload's end that lie elsewhere are
 * counted in; the padding is added only if there are none.
 */
void spool_record_end(struct buf *out, size_t begun, const struct iovec *parts, uint32_t count);
/* Writer: the last two fields. */
void spool_record_stamp(struct spool_header *header, uint64_t seed, uint32_t commit);

void spool_put_message(struct buf *out, uint64_t id, const struct envelope *env,
		       const struct iovec *body, uint32_t parts);
void spool_put_ref(struct buf *out, uint64_t id, const struct envelope *env, uint64_t size,
		   uint64_t sum);
void spool_put_rcpt(struct buf *out, uint64_t id, const struct rcpt_range *ranges, uint32_t count,
		    enum rcpt_state state, uint64_t next_try_ms, const char *outcome);
/* A MOVE of a message whose body is lost: what precedes it, from spool_read_front(). */
void spool_put_front(struct buf *out, uint64_t id, const void *front, size_t len);
void spool_put_done(struct buf *out, uint64_t id);
void spool_put_head(struct buf *out, uint32_t oldest, uint64_t next_id, uint64_t key);
/* Fills the SPOOL_GROUP_BYTES at RECORD: COUNT records of together BYTES follow. */
void spool_fill_group(char *record, uint32_t count, uint64_t bytes);

/* --- reading --- */

enum spool_check {
	SPOOL_CHECK_GOOD,
	SPOOL_CHECK_NO_HEADER, /* or not of this segment */
	SPOOL_CHECK_BAD_PAYLOAD, /* the header is good: its id can be told */
};

/* Looks at the record at DATA, of which LEN octets are there. */
enum spool_check spool_record_check(const void *data, size_t len, uint64_t seed,
				    struct spool_header *header_r);
/* Only the header, which has to be there whole. */
bool spool_header_check(const void *data, uint64_t seed, struct spool_header *header_r);

/* The payload of MSG, MSGREF and MOVE. Pointers lead into it; null what is not there. */
struct spool_message {
	uint64_t arrival_ms;
	uint64_t stored_size;
	uint32_t recipients;
	bool is_ref;
	uint64_t body_sum; /* of a body file */
	const void *envelope;
	size_t envelope_len;
	const void *body;
	size_t body_len;
	size_t front_len; /* of the payload, to where the body begins; by spool_read_front() only */
};

/* A payload of RCPT. RANGES are pairs of little-endian u32: spool_rcpt_range(). */
struct spool_rcpt {
	enum rcpt_state state;
	uint64_t next_try_ms;
	const uint8_t *ranges;
	uint32_t range_count;
	const char *outcome; /* no NUL at its end */
	uint32_t outcome_len;
};

struct spool_head {
	uint32_t version;
	uint32_t oldest;
	uint64_t next_id;
	uint64_t key;
};

struct spool_group_of {
	uint32_t count;
	uint64_t bytes;
};

/* These return -1 and E for a missing or wrong field and for an unknown one that matters. */
int spool_read_message(const void *payload, size_t len, struct spool_message *m_r, struct err *e)
	WP_MUST_CHECK;
/*
 * What precedes the body in a damaged payload of message ID, if that much is intact. False: it
 * is not, or the record is older than its checksum.
 */
bool spool_read_front(const void *payload, size_t len, uint64_t id, struct spool_message *m_r);
int spool_read_rcpt(const void *payload, size_t len, struct spool_rcpt *r_r, struct err *e)
	WP_MUST_CHECK;
int spool_read_head(const void *payload, size_t len, struct spool_head *h_r, struct err *e)
	WP_MUST_CHECK;
int spool_read_group(const void *payload, size_t len, struct spool_group_of *g_r, struct err *e)
	WP_MUST_CHECK;
struct rcpt_range spool_rcpt_range(const struct spool_rcpt *r, uint32_t index);

/*
 * How much of a payload is enough to recover: all of it, but of messages only what precedes the
 * envelope.
 */
size_t spool_record_gist(const struct spool_header *header, const void *payload);

#endif
