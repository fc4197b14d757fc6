/*
 * Reads the replies of an SMTP or LMTP server: incremental, bounded, strict.
 *
 * RFC 5321 §4.2: 3DIGIT, SP or "-", text, CRLF, the same code on every line. Anything else
 * is an error and the connection is of no more use. RFC 2034: the enhanced status of the
 * first line, if its class fits the code. Pure; memory grows only for replies that are
 * split over reads or have several lines.
 */
#ifndef WP_DELIVERY_SMTP_REPLY_PARSER_H
#define WP_DELIVERY_SMTP_REPLY_PARSER_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

#define SMTP_REPLY_LINE_MAX  2048 /* octets with CRLF; RFC 5321 says 512, the world more */
#define SMTP_REPLY_LINES_MAX 128
#define SMTP_REPLY_MAX	     16384 /* octets of text in all lines */

struct smtp_reply {
	uint16_t code; /* 200–599 */
	uint16_t lines;
	char status[12]; /* "5.1.1", or "" */
	/* The lines joined by LF, code and status taken off. Not terminated by NUL. Valid
	 * until the parser or the fed bytes change. */
	const char *text;
	size_t text_len;
};

struct smtp_reply_parser {
	struct buf line; /* begun, its CRLF not yet seen */
	struct buf text; /* of the lines before the last */
	uint16_t code;	 /* of the lines before, 0 at the start */
	uint16_t lines;
	char status[12];
};

/* A zeroed parser is ready. Frees what it holds; ready again afterwards. */
void smtp_reply_parser_fini(struct smtp_reply_parser *p);
/* True if a reply was begun and is not complete. */
bool smtp_reply_parser_is_pending(const struct smtp_reply_parser *p);
/*
 * Takes octets up to the end of one reply. 1: REPLY_R is filled; 0: all taken, need more;
 * -1: malformed or too long, E says how, the parser is done. USED_R: octets taken.
 */
int smtp_reply_parse(struct smtp_reply_parser *p, const char *data, size_t len, size_t *used_r,
		     struct smtp_reply *reply_r, struct err *e);
/*
 * Reads "c.sss.ddd" followed by a space or the end. The octets it took (the space included),
 * or 0 if there is none; STATUS_R is then "".
 */
size_t smtp_enhanced_status(const char *text, size_t len, char status_r[static 12]);

#endif
