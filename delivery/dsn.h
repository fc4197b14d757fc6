/*
 * Delivery status notifications: what a sender is told when mail fails, waits, leaves the
 * reach of notifications, or arrives. Pure.
 *
 * multipart/report (RFC 6522) of a text whose first line is a plain sentence with cause and
 * remedy, message/delivery-status (RFC 3464, 3461) and the header or the whole of the
 * message, if there is one. The null sender, always, and never to the null sender. 7-bit, lines of at most 998
 * octets, but for a whole message, which returns as it came; nothing that a peer said can
 * break a line.
 */
#ifndef WP_DELIVERY_DSN_H
#define WP_DELIVERY_DSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "delivery/outcome.h"

/* RFC 3464 §2.3.3 */
enum dsn_action {
	DSN_FAILED,
	DSN_DELAYED,
	DSN_DELIVERED,
	DSN_RELAYED,
	DSN_EXPANDED,
	DSN_ACTIONS
};

struct dsn_rcpt {
	const char *address; /* Final-Recipient */
	const char *orcpt;   /* "rfc822;xtext" as received, or "" */
	enum dsn_action action;
	const struct outcome *outcome; /* may be null: then only the action is told */
};

struct dsn_request {
	const char *reporting_host; /* Reporting-MTA and the address of the sender: our name */
	const char *postmaster;	    /* whom to ask; "" is postmaster at reporting_host */
	const char *id;		    /* unique, 1–60 of [A-Za-z0-9._-]: Message-ID, boundary */
	uint64_t now_ms;	    /* wall clock */

	/* The message that this is about. */
	const char *sender;	   /* its MAIL FROM: the recipient of the notification */
	const char *envid;	   /* xtext as received, or "" */
	const char *received_from; /* name of the host it came from, or "" */
	const char *message_id;	   /* transaction id, for the logs, or "" */
	uint64_t arrival_ms;	   /* wall clock; 0: unknown */
	uint64_t expires_ms;	   /* wall clock: DELAYED's Will-Retry-Until; 0: unknown */
	const char *data;	   /* stored octets in wire form, dot-stuffed */
	size_t len;		   /* 0: the message is lost, nothing of it is returned */
	size_t header_len; /* octets of them up to and with the empty line */
	bool full;	   /* return the whole message (RET=FULL), else the header */
	bool is_8bit;	   /* the stored octets have some above 127 */

	const struct dsn_rcpt *rcpts;
	uint32_t rcpt_count; /* at least 1 */
};

/*
 * Appends the notification to OUT, dot-stuffed wire form, ready to be stored like any
 * message from <> to the sender. False, and nothing appended, when there is nobody to tell:
 * the sender is null. IS_8BIT_R tells what the result has become.
 */
bool dsn_build(const struct dsn_request *request, struct buf *out, bool *is_8bit_r);

/*
 * The sentence for an enhanced status (RFC 3463, 5248): CAUSE_R what happened, REMEDY_R what
 * the sender can do. Falls back from "5.1.1" to "x.1.1", "x.1.x" and the class.
 */
void dsn_explain(const char *status, const char **cause_r, const char **remedy_r);

/* "failed", "delayed", … */
const char *dsn_action_name(enum dsn_action action);

#endif
