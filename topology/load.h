/*
 * Directory entries → image of a snapshot. Pure.
 *
 * Passes in order: organisation, sites, links, subnets, servers, edges, receive connectors,
 * connectors, domains; then what is derived (adjacency, look-up tables, the address-space index,
 * design warnings). Classes, attributes, defaults and ranges come from the table in attrs.h and
 * nowhere else. Nothing in a directory makes it fail: what is wrong becomes a diagnostic in the
 * image and is skipped or defaulted. The same entries in any order give the same image.
 */
#ifndef WP_TOPOLOGY_LOAD_H
#define WP_TOPOLOGY_LOAD_H

#include "common/buf.h"
#include "common/entry.h"
#include "common/err.h"

/* Whoever holds entries: the replica, an LDIF file, a test. */
struct snapshot_source {
	/*
	 * Calls FN once for every entry that might belong to the model (others are ignored); an
	 * entry has to stay readable only during the call. -1 and ERR if the store fails.
	 */
	int (*each)(void *ctx, void (*fn)(void *arg, const struct entry *entry), void *arg,
		    struct err *err);
	void *ctx;
};

/* Whether a class of the model makes ENTRY part of the topology (recipients are not). */
bool snapshot_wants_entry(const struct entry *entry);

/*
 * Builds the image with NUMBER into IMAGE_R (emptied first). BASE: only entries at or below this
 * DN count; null or "": those at or below the waypostOrganization entry, or all if there is
 * none. -1 only if the source fails.
 */
int snapshot_build(const struct snapshot_source *source, const char *base, uint64_t number,
		   struct buf *image_r, struct err *err) WP_MUST_CHECK;

/* A source over a list; LIST has to outlive it. */
struct snapshot_source snapshot_source_of_list(const struct entry_list *list);

#endif
