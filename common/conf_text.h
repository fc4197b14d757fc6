/*
 * A configuration file as text, made ready for libConfuse: comments and the semicolons between
 * settings become blanks, so that libConfuse's line numbers stay true (it counts a comment
 * line twice) and what it passes over in silence is refused here: an unclosed section, string
 * or comment, and octets that are no text.
 */
#ifndef WP_COMMON_CONF_TEXT_H
#define WP_COMMON_CONF_TEXT_H

#include "common/buf.h"
#include "common/err.h"

enum { CONF_TEXT_MAX = 1024 * 1024 };

/* Reads PATH into OUT. -1: ERR_CONFIG with "PATH: …" or "PATH:LINE: …". */
int conf_text_read(const char *path, struct buf *out, struct err *e) WP_MUST_CHECK;
/* Blanks TEXT (LEN octets) in place; NAME is for messages. Pure. */
int conf_text_blank(const char *name, char *text, size_t len, struct err *e) WP_MUST_CHECK;

#endif
