/*
 * The header fields that a server adds or looks at on the way: Received, Return-Path, the
 * organisation's own fields, and the counting of hops. Pure.
 *
 * What is written here is wire form: CRLF, folded, and safe whatever the peer said: control
 * characters never pass. RFC 5321 §4.4, RFC 5322 §2.2.3 and §3.6.7, routing.md §3.6.
 */
#ifndef WP_DELIVERY_TRACE_HEADER_H
#define WP_DELIVERY_TRACE_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "delivery/span.h"

struct trace_received {
	const char *helo;    /* what the client said, "" if nothing */
	const char *rdns;    /* its name by DNS, "" if unknown */
	const char *address; /* its IP address without a port, "" for a local submission */
	const char *by;	     /* our name */
	const char *with;    /* "ESMTP", "ESMTPS", "ESMTPSA", "SMTP", "LMTP" (RFC 3848) */
	const char *tls;     /* "TLSv1.3 with cipher …", "" in clear */
	const char *id;	     /* of the transaction, for the logs */
	const char *rcpt;    /* the recipient if there is exactly one, else "" */
	uint64_t wall_ms;
};

/* Appends one Received field. Null members count as "". */
void trace_received_add(struct buf *out, const struct trace_received *r);
/* Appends "Return-Path: <sender>". */
void trace_return_path_add(struct buf *out, const char *sender);
/*
 * Appends "Name: value" folded at spaces to lines of 78 where it can be, never above 998;
 * control characters become spaces.
 */
void trace_field_add(struct buf *out, const char *name, const char *value);
/* Appends TEXT with control characters as spaces; octets above 126 as '?'. */
void trace_safe_add(struct buf *out, const char *text, size_t len);

/* The fields of a stored header section, one after the other. */
struct trace_field {
	const char *name; /* not terminated */
	size_t name_len;
	const char *value; /* after the colon, with folding, without the last CRLF */
	size_t value_len;
	size_t at;  /* offset of the field in the header */
	size_t len; /* with its CRLF and folded lines */
};
/*
 * The field at *POS, which moves behind it. False at the end of the header (an empty line
 * or LEN). A line that is no field is given with name_len 0.
 */
bool trace_field_next(const char *header, size_t len, size_t *pos, struct trace_field *field_r);

struct trace_hops {
	uint32_t received; /* Received fields */
	uint32_t by_us;	   /* of them with "by HOST" */
};
/* delivery.md §3: more than 100 hops is 5.4.6, by the same own server more than 4 times too. */
void trace_count_hops(const char *header, size_t len, const char *host,
		      struct trace_hops *hops_r);

/* Fields of the organisation: carried between own servers, believed only from them,
 * stripped at every other border. */
enum trace_org {
	TRACE_ORG_SIZE, /* octets accepted at the first own server */
	TRACE_ORG_FIELDS
};
#define TRACE_ORG_PREFIX "X-Waypost-Organization-"

/* "X-Waypost-Organization-Size". */
const char *trace_org_name(enum trace_org which);
void trace_org_add(struct buf *out, enum trace_org which, uint64_t value);
/* The value of the first such field; false if there is none or it is no number. */
bool trace_org_read(const char *header, size_t len, enum trace_org which, uint64_t *value_r);
/* Has it the organisation's prefix? */
bool trace_is_org(const struct trace_field *field);
/* Removes every field with the organisation's prefix. How many. */
uint32_t trace_org_strip(const char *header, size_t len, struct edit_list *edits);

#endif
