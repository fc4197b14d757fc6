/*
 * The host file that `waypost init` writes: its text, and how it gets into its place whole, or
 * not at all. One thread.
 */
#ifndef WP_ADMIN_INIT_HOSTFILE_H
#define WP_ADMIN_INIT_HOSTFILE_H

#include <pwd.h>
#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/hostfile.h"

/* Appends the file of HOST: what is not as usual. Of it only server, state, run, user, the
 * first directory and the name servers are looked at. */
void init_hostfile_text(const struct hostfile *host, struct buf *out);
/* The account of USER (null: none is meant) into *ENTRY_R, if that is not null. -1: ERR_CONFIG. */
int init_hostfile_user(const char *user, const struct passwd **entry_r, struct err *e) WP_MUST_CHECK;
/*
 * -1 and E if PATH is there and may not be replaced (ERR_CONFIG), or could not be written
 * (ERR_PERMISSION). Makes nothing.
 */
int init_hostfile_check(const char *path, bool may_replace, struct err *e) WP_MUST_CHECK;
/*
 * Writes TEXT beside PATH, reads it as every other program does, and only then lets it be PATH,
 * whose folder is made: 0640, of the group of USER if the caller is root and USER is not null.
 * A file that has appeared in the meantime stays, unless MAY_REPLACE.
 */
int init_hostfile_write(const char *path, const struct buf *text, const char *user,
			bool may_replace, struct err *e) WP_MUST_CHECK;
/* Writes a secret into PATH, 0600, of USER as above. */
int init_secret_write(const char *path, const char *secret, const char *user, bool may_replace,
		      struct err *e) WP_MUST_CHECK;

#endif
