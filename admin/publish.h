/*
 * Publishing a certificate: which values of a server object change. Pure.
 *
 * A server has at most two hashes in the directory, current and next, so that a new certificate
 * can be made known before it is used. Ours is added and one other is kept; a third has to
 * be dropped by name, or all others with `only`. Certificates go with their hashes.
 */
#ifndef WP_ADMIN_PUBLISH_H
#define WP_ADMIN_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>
#include <talloc.h>

#include "common/buf.h"
#include "common/entry.h"
#include "common/err.h"

#define PUBLISH_HASH "waypostCertificateHash"
#define PUBLISH_CERTIFICATE "waypostCertificate"

struct publish_change {
	bool is_add; /* else the value is deleted */
	const char *attribute;
	struct entry_value value;
};

struct publish_plan {
	const char *dn;
	struct publish_change *changes; /* deletions first */
	size_t n;                       /* 0: the directory is as it should be */
};

struct publish_wish {
	const char *hash; /* ours */
	struct entry_value der;
	const char *drop; /* another one that goes, or null */
	bool only;        /* all others go */
};

/*
 * From the server object ENTRY, as read, to the changes; talloc'd under CTX, values shared with
 * ENTRY and WISH. -1: ERR_USAGE if there are two other hashes already, ERR_NOT_FOUND if
 * the one to drop is not there.
 */
int publish_plan_make(TALLOC_CTX *ctx, const struct entry *entry, const struct publish_wish *wish,
		      struct publish_plan *plan_r, struct err *e) WP_MUST_CHECK;
/* The plan as an LDIF change record; nothing without changes. */
void publish_ldif(const struct publish_plan *plan, struct buf *out);

#endif
