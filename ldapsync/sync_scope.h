/*
 * What is asked of a directory: one search for the topology and all recipients. Pure.
 *
 * One persistent search per server (several have brought servers down), so its base is the
 * lowest entry above all configured bases; what it brings from elsewhere is left out here.
 * Containers are asked for too: a renamed one is a single event, its children get none.
 */
#ifndef WP_LDAPSYNC_SYNC_SCOPE_H
#define WP_LDAPSYNC_SYNC_SCOPE_H

#include <stdbool.h>
#include <stdint.h>

#include <talloc.h>

#include "common/err.h"
#include "common/hostfile.h"

struct sync_scope {
	const char *base;    /* of the search */
	const char *filter;
	char **attributes;   /* null-terminated; libldap wants them writable */
	const char **keys;   /* of the configured bases */
	size_t n_keys;
	uint64_t binding;    /* of a cookie to servers, bases, filter, attributes, profile */
};

/*
 * The scope of DIRECTORY, under CTX. CONTEXTS: the server's naming contexts, maybe none. Null
 * and ERR (ERR_CONFIG) if the bases are no DNs or have no entry in common.
 */
struct sync_scope *sync_scope_new(TALLOC_CTX *ctx, const struct host_directory *directory,
				  const char *const *contexts, size_t n_contexts,
				  struct err *err);
/* Whether an entry of this name belongs to the replica. */
bool sync_scope_has(const struct sync_scope *scope, const char *dn);

#endif
