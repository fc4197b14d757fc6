/*
 * How many entries there will be, while everything is read for the first time.
 *
 * LDAP has no such answer, so they are counted: names only, over a connection of its own, beside
 * the reading and only where that takes a while. A thread of its own; what goes wrong in it means
 * that the number is not known.
 */
#ifndef WP_LDAPSYNC_CENSUS_H
#define WP_LDAPSYNC_CENSUS_H

#include "ldapsync/source.h"
#include "ldapsync/sync_scope.h"

struct census;

/* PART, URI and SCOPE live until the end. The number goes to source_expect() of SINK. */
struct census *census_begin(const struct part *part, const struct host_uri *uri,
			    const struct sync_scope *scope, struct source_sink *sink);
/* Ends it at once, whatever it is doing. Null inside is fine. */
void census_end(struct census **census);

#endif
