/*
 * A command line taken apart: verb and argument. Pure. RFC 5321 §4.1.1.
 */
#ifndef WP_DELIVERY_SMTP_CMD_H
#define WP_DELIVERY_SMTP_CMD_H

#include <stdbool.h>
#include <stddef.h>

/* Slices of the line. */
struct smtp_cmd {
	const char *verb;
	size_t verb_len;
	const char *arg; /* without the white space around it */
	size_t arg_len;
};

/* LINE without CRLF. -1 if it is no command at all: empty, or with a control character. */
int smtp_cmd_parse(const char *line, size_t len, struct smtp_cmd *cmd_r);
/* True if the verb is NAME, in any case. */
bool smtp_cmd_is(const struct smtp_cmd *cmd, const char *name);
/*
 * The argument of MAIL and RCPT: if it begins with PREFIX ("FROM:", in any case), *REST_R is
 * what follows, white space skipped. False otherwise.
 */
bool smtp_cmd_prefix(const struct smtp_cmd *cmd, const char *prefix, const char **rest_r,
		     size_t *rest_len_r);

#endif
