/*
 * The octets of DATA: finds the end, keeps the message, learns its facts. Pure.
 *
 * Only CRLF "." CRLF ends data, and a CR or LF of its own never ends a line (RFC 5321 §2.3.8,
 * §4.1.1.4). What comes is put into the body where it arrived, in wire form, and read once
 * with memchr; only the policy "normalise" copies. A message that breaks a rule is read to its
 * end without being kept. Every way of splitting the octets gives the same result.
 */
#ifndef WP_DELIVERY_SMTP_DATA_H
#define WP_DELIVERY_SMTP_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "delivery/body.h"
#include "delivery/server_reply.h"

/* Limits: 0 is none. */
struct smtp_data_rules {
	uint64_t message_bytes; /* without stuffed dots */
	uint32_t line_bytes;    /* without CRLF */
	uint32_t header_bytes;
	uint32_t hops;
	bool accept_nul;
	bool normalise;         /* a CR or LF of its own becomes CRLF, else the message is refused */
	const char *const *fields; /* at most BODY_FIELDS */
	size_t field_count;
};

enum smtp_data_at {
	SMTP_DATA_LINE,    /* the first octet of a line */
	SMTP_DATA_DOT,     /* what follows the dot that began a line */
	SMTP_DATA_DOT_CR,  /* LF: the end */
	SMTP_DATA_TEXT,    /* more of the line */
	SMTP_DATA_TEXT_CR, /* LF: the end of the line */
	SMTP_DATA_END,     /* nothing */
};

/* How far the normaliser is; it works in front of the scanner. */
enum smtp_data_filter {
	SMTP_FILTER_LINE, /* behind a CRLF */
	SMTP_FILTER_BARE, /* behind a newline that was no CRLF */
	SMTP_FILTER_TEXT,
	SMTP_FILTER_CR,
	SMTP_FILTER_DOT,
	SMTP_FILTER_DOT_CR,
	SMTP_FILTER_END,
};

struct smtp_data {
	struct smtp_data_rules rules;
	struct body *body; /* one reference is ours */
	unsigned broken;   /* bits of the rules the message broke */
	const struct server_reply *refusal; /* by the caller; null: none */
	enum smtp_data_at at;
	enum smtp_data_filter filter;
	uint64_t begin;    /* offset of the first octet of the peer in the stored message */
	uint64_t line_at;  /* offset of the line that is being read */
	uint64_t scanned;  /* offset up to which octets were read */
	uint64_t line_len; /* of its octets so far, without stuffed dot and CRLF */
	bool line_is_stuffed;
	bool in_header;
	bool has_8bit;
	int field;         /* the field that a folded line would continue, or -1 */
};

/* Takes the reference to BODY, which may hold a trace header already. */
void smtp_data_begin(struct smtp_data *d, const struct smtp_data_rules *rules,
		     struct body *body);
/* Gives the body back. */
void smtp_data_fini(struct smtp_data *d);

/*
 * Reads what was added to the body since the last call. Returns 1 at the end of data: the body
 * and its facts are complete, and *EXTRA_R octets at *BEHIND_R, in the body's memory behind its
 * octets, came after the end. 0: more is needed.
 */
int smtp_data_scan(struct smtp_data *d, const char **behind_r, size_t *extra_r);
/* Takes octets from elsewhere (all of them if it returns 0); *USED_R up to the end of data. */
int smtp_data_feed(struct smtp_data *d, const char *data, size_t len, size_t *used_r);

/* Refuses the message with a reply that outlives D; this goes before the rules. */
void smtp_data_refuse(struct smtp_data *d, const struct server_reply *reply);
/* Why the message is refused so far, or null. Of several broken rules always the same is named. */
const struct server_reply *smtp_data_refusal(const struct smtp_data *d);
/* The KEEP of body_take(): octets of which it is not yet known whether they belong to the message. */
size_t smtp_data_undecided(const struct smtp_data *d);

#endif
