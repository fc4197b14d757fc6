/*
 * The one error object: what failed, in whose terms, and what to do about it.
 *
 * A fallible function returns 0 or -1 and fills the caller's struct err; parsers return
 * 1 (one item), 0 (need more), -1 (error filled). Fixed size, never allocates, pure: whoever
 * catches the error logs or prints it once. Not for what happened to a message: that is
 * delivery/outcome.h.
 */
#ifndef WP_COMMON_ERR_H
#define WP_COMMON_ERR_H

#include "common/compiler.h"

enum err_domain {
	ERR_NONE,
	ERR_SYSTEM,   /* code is an errno */
	ERR_USAGE,    /* a wrong command line or control request */
	ERR_CONFIG,   /* the host file */
	ERR_DIRECTORY,/* LDAP or LDIF; code is an LDAP result code or 0 */
	ERR_STORE,    /* replica or spool */
	ERR_TLS,
	ERR_NOT_FOUND,
	ERR_UNREACHABLE, /* a daemon does not answer */
	ERR_PERMISSION,
	ERR_PROTOCOL, /* a peer broke its protocol */
};

struct err {
	enum err_domain domain;
	int code;
	char text[480];   /* one sentence without a final full stop */
	char remedy[256]; /* what to do, or empty */
};

/* Fills E (a null E is allowed) and returns -1, so that `return err_set(…)` reads well. */
int err_set(struct err *e, enum err_domain domain, int code, const char *fmt, ...)
	WP_PRINTF(4, 5);
/* As err_set with ERR_SYSTEM and errno; ": strerror" is added to the text. */
int err_errno(struct err *e, const char *fmt, ...) WP_PRINTF(2, 3);
/* Says what the reader can do about it. Returns -1. */
int err_remedy(struct err *e, const char *fmt, ...) WP_PRINTF(2, 3);
/* Puts "CONTEXT: " before the text as the error rises, unless it says that much. Returns -1. */
int err_note(struct err *e, const char *fmt, ...) WP_PRINTF(2, 3);
/* The exit status a command ends with for an error of this domain (doc: admin conventions). */
int err_exit_status(const struct err *e);
/* The domain's name, as control replies carry it ("config", "directory", …). */
const char *err_domain_name(enum err_domain domain);

#endif
