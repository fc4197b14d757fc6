/*
 * What is asked of a directory for one part of it. Pure.
 *
 * One persistent search per part (several have brought servers down), so its base is the
 * lowest entry above all configured bases; what it brings from elsewhere is left out here.
 * Containers are asked for too: a renamed one is a single event, its children get none.
 */
#ifndef WP_LDAPSYNC_SYNC_SCOPE_H
#define WP_LDAPSYNC_SYNC_SCOPE_H

#include <stdbool.h>
#include <stdint.h>

#include <talloc.h>

#include "common/err.h"
#include "ldapsync/part.h"
#include "topology/profile.h"

struct sync_scope {
	const char *base;    /* of the search */
	const char *filter;
	char **attributes;   /* null-terminated; libldap wants them writable */
	char **few;          /* those that tell recipients, folders and topology apart, and all that
			      * the first two need; null: it takes all */
	const char **keys;   /* of the bases that count */
	size_t n_keys;
	const char *except;  /* the key of a branch that is another part's, or null */
	const struct profile *profile; /* how what comes is to be translated */
	uint64_t binding;    /* of a cookie to servers, bases, filter, attributes, profile */
};

/* The server's naming contexts, as far as it tells. */
struct sync_contexts {
	const char *const *all; /* maybe none */
	size_t n;
	const char *configuration, *domain; /* AD's; null elsewhere */
};

/*
 * The scope of PART, under CTX. A configuration without a base is the server's configuration
 * context, recipients without one its domain. Null and ERR (ERR_CONFIG) if there is no base, if
 * bases are no DNs or have no entry in common, or if what is assumed is no assumption.
 */
struct sync_scope *sync_scope_new(TALLOC_CTX *ctx, const struct part *part,
				  const struct sync_contexts *contexts, struct err *err);
/* Whether an entry of this name belongs to the replica. */
bool sync_scope_has(const struct sync_scope *scope, const char *dn);

#endif
