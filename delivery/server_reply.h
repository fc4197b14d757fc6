/*
 * A reply as the server writes it: code, enhanced status, text. Pure.
 *
 * RFC 5321 §4.2, RFC 2034, RFC 3463. The reader of replies is delivery/smtp_reply_parser.h.
 */
#ifndef WP_DELIVERY_SERVER_REPLY_H
#define WP_DELIVERY_SERVER_REPLY_H

#include <stdint.h>

#include "common/buf.h"

/* class.subject.detail; class 0: none. */
struct server_status {
	uint8_t class;
	uint16_t subject;
	uint16_t detail;
};

struct server_reply {
	uint16_t code;                 /* 200–599; 0: no reply */
	struct server_status enhanced; /* none in greetings, HELO, EHLO and 3yz replies */
	const char *text;              /* lines separated by LF, no CR; null or "": none */
};

/* SERVER_REPLY(550, 5, 1, 1, "No such recipient") as an initialiser or compound literal. */
#define SERVER_REPLY(code, c, s, d, text)                                                        \
	(struct server_reply) { (code), { (c), (s), (d) }, (text) }

/*
 * Adds the reply in wire form: one line for every line of the text, "code-" before all but the
 * last, the enhanced status on each. Octets that are not printable US-ASCII become "?", so no
 * text from elsewhere can forge a line; lines longer than the protocol allows are split.
 */
void server_reply_format(struct buf *out, const struct server_reply *reply);

#endif
