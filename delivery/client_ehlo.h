/*
 * What a server offers: the EHLO reply read into flags and numbers. Pure.
 *
 * The extensions are the rows of one table (keyword, flag, argument); an unknown keyword
 * is ignored, a malformed argument counts as no argument. RFC 5321 §4.1.1.1, 1870, 9422.
 */
#ifndef WP_DELIVERY_CLIENT_EHLO_H
#define WP_DELIVERY_CLIENT_EHLO_H

#include <stdint.h>

#include "delivery/smtp_reply_parser.h"

enum client_extension {
	CLIENT_EXT_PIPELINING = 1 << 0,	    /* RFC 2920 */
	CLIENT_EXT_SIZE = 1 << 1,	    /* RFC 1870 */
	CLIENT_EXT_8BITMIME = 1 << 2,	    /* RFC 6152 */
	CLIENT_EXT_SMTPUTF8 = 1 << 3,	    /* RFC 6531 */
	CLIENT_EXT_DSN = 1 << 4,	    /* RFC 3461 */
	CLIENT_EXT_ENHANCEDSTATUS = 1 << 5, /* RFC 2034 */
	CLIENT_EXT_STARTTLS = 1 << 6,	    /* RFC 3207 */
	CLIENT_EXT_CHUNKING = 1 << 7,	    /* RFC 3030 */
	CLIENT_EXT_BINARYMIME = 1 << 8,
	CLIENT_EXT_AUTH = 1 << 9,	 /* RFC 4954 */
	CLIENT_EXT_LIMITS = 1 << 10,	 /* RFC 9422 */
	CLIENT_EXT_REQUIRETLS = 1 << 11, /* RFC 8689 */
};

struct client_ehlo {
	uint32_t extensions; /* enum client_extension, or-ed */
	uint64_t size_max;   /* octets; 0: not said or no limit */
	uint32_t mail_max;   /* LIMITS MAILMAX: transactions a connection; 0: not said */
	uint32_t rcpt_max;   /* LIMITS RCPTMAX: recipients a message; 0: not said */
};

/* Reads the whole 250 reply to EHLO or LHLO. */
void client_ehlo_parse(struct client_ehlo *ehlo, const struct smtp_reply *reply);

#endif
