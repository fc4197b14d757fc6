/*
 * The alphabet of SMTP: character classes, lines, paths, xtext, sizes.
 *
 * Pure. RFC 5321 §2.3.8 (lines), §4.1.2 (paths), §4.5.3.1 (sizes), RFC 3461 §4 (xtext).
 * Only CRLF ends a line: a CR or LF of its own is an octet like any other, which no command
 * may contain.
 */
#ifndef WP_DELIVERY_SMTP_TEXT_H
#define WP_DELIVERY_SMTP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

/* RFC 5321 §4.5.3.1: what everybody has to accept, CRLF included in lines. */
enum {
	SMTP_LOCAL_PART_MIN = 64,
	SMTP_DOMAIN_MAX = 255,
	SMTP_COMMAND_LINE_MIN = 512,
	SMTP_REPLY_LINE_BYTES = 512,
	SMTP_TEXT_LINE_MAX = 1000,
	SMTP_RECIPIENTS_MIN = 100,
	/* Ours: the longest mailbox taken; encapsulated and verp addresses exceed 256. */
	SMTP_MAILBOX_MAX = 512,
};

enum {
	SMTP_CHAR_ATEXT = 1 << 0,  /* RFC 5321 atext */
	SMTP_CHAR_LDH = 1 << 1,    /* letters, digits, hyphen (and underscore, met in real names) */
	SMTP_CHAR_QTEXT = 1 << 2,  /* inside a quoted string, unquoted */
	SMTP_CHAR_DCONTENT = 1 << 3, /* inside an address literal */
	SMTP_CHAR_ALNUM = 1 << 4,
	SMTP_CHAR_ESMTP_VALUE = 1 << 5, /* %d33-60 / %d62-126 */
	SMTP_CHAR_XCHAR = 1 << 6,  /* xtext without its escapes */
};
extern const uint8_t smtp_char_class[256];
static inline bool smtp_is(char c, unsigned classes)
{
	return (smtp_char_class[(unsigned char)c] & classes) != 0;
}

/*
 * Looks for the CRLF of the first line in DATA. *SCANNED octets are known to hold none (0 at
 * first; updated, so that trickled input is read once). Returns 1 and the length without CRLF,
 * or 0 if more is needed.
 */
int smtp_line_find(const char *data, size_t len, size_t *scanned, size_t *line_len_r);

enum {
	SMTP_PATH_NULL = 1 << 0,       /* "<>" is allowed: a reverse path */
	SMTP_PATH_POSTMASTER = 1 << 1, /* "<Postmaster>" is allowed: a forward path */
	SMTP_PATH_UTF8 = 1 << 2,       /* RFC 6531 addresses are allowed */
};

/* A path; its texts are slices of what was parsed, without a source route. */
struct smtp_path {
	const char *mailbox; /* local@domain, "" for the null path, "Postmaster" */
	size_t mailbox_len;
	const char *local;   /* as written: quotes and quoted pairs are kept */
	size_t local_len;
	const char *domain;  /* literals with their brackets; empty for <Postmaster> */
	size_t domain_len;
	bool is_null;
	bool is_literal;     /* the domain is an address literal */
	bool is_quoted;      /* the local part is a quoted string */
	bool has_utf8;
};

/*
 * Parses "<…>" at TEXT. Returns 0 and in *USED_R the octets used, brackets included; or -1 and
 * in *WHY_R a static text for the reply.
 */
int smtp_path_parse(const char *text, size_t len, unsigned flags, struct smtp_path *path_r,
		    size_t *used_r, const char **why_r);

/* A Domain or address literal as HELO and EHLO take it. */
bool smtp_domain_is_valid(const char *text, size_t len);

/* xtext (RFC 3461 §4). Decoding returns -1 if TEXT is not xtext; OUT is added to. */
void smtp_xtext_encode(struct buf *out, const char *text, size_t len);
int smtp_xtext_decode(struct buf *out, const char *text, size_t len);

/* True if TEXT is well-formed UTF-8 (RFC 3629) without NUL. */
bool smtp_is_utf8(const char *text, size_t len);

#endif
