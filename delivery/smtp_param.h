/*
 * Service extensions: EHLO keywords, and the parameters of MAIL and RCPT. Pure.
 *
 * One table of extensions (both engines read it), one table of parameters per verb. A new
 * extension is a bit, a row, and a row for each of its parameters.
 * RFC 5321 §4.1.1.1, §4.1.2, RFC 1870 (SIZE), RFC 6152 (8BITMIME), RFC 2920 (PIPELINING),
 * RFC 2034 (ENHANCEDSTATUSCODES), RFC 3207 (STARTTLS).
 */
#ifndef WP_DELIVERY_SMTP_PARAM_H
#define WP_DELIVERY_SMTP_PARAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "delivery/server_reply.h"

enum smtp_ext {
	SMTP_EXT_PIPELINING = 1 << 0,
	SMTP_EXT_SIZE = 1 << 1,
	SMTP_EXT_8BITMIME = 1 << 2,
	SMTP_EXT_ENHANCEDSTATUSCODES = 1 << 3,
	SMTP_EXT_STARTTLS = 1 << 4,
};

struct smtp_ext_row {
	const char *name;
	enum smtp_ext bit;
	bool has_number; /* the keyword carries a number: SIZE */
	bool clear_only; /* offered only while TLS is not in use */
};
extern const struct smtp_ext_row smtp_exts[];
extern const size_t smtp_ext_count;

/* The row of a keyword, in any case, or null. */
const struct smtp_ext_row *smtp_ext_find(const char *name, size_t len);

enum smtp_body_type { SMTP_BODY_7BIT, SMTP_BODY_8BITMIME };

struct smtp_mail_params {
	bool has_size;
	uint64_t size_bytes; /* declared by the client; 0 if not */
	enum smtp_body_type body;
};

/*
 * Parses what follows the path. EXTENSIONS is the set in force: a parameter of any other
 * extension is unknown. Returns 0, or -1 and the reply to give.
 */
int smtp_mail_params_parse(const char *text, size_t len, unsigned extensions,
			   struct smtp_mail_params *params_r, struct server_reply *reply_r);
/* No extension offered today has a parameter for RCPT. */
int smtp_rcpt_params_parse(const char *text, size_t len, unsigned extensions,
			   struct server_reply *reply_r);

#endif
