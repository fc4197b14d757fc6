/*
 * Implicit connectors: the ways between own servers, computed and never stored (routing rules
 * §6). Pure.
 */
#ifndef WP_TOPOLOGY_IMPLICIT_H
#define WP_TOPOLOGY_IMPLICIT_H

#include <talloc.h>

#include "topology/viewpoint.h"

enum implicit_kind { IMPLICIT_SITE, IMPLICIT_WITHIN, IMPLICIT_EDGE, IMPLICIT_MAILBOX };

/* The name of the one to TARGET (a site, edge or server by name): "Implicit to <site>", … */
const char *implicit_name(TALLOC_CTX *ctx, enum implicit_kind kind, const char *target);

struct implicit_connector {
	const char *name; /* "Implicit to <site>", … */
	enum implicit_kind kind;
	uint32_t target;  /* site, local site, edge or mailbox server */
	bool reachable;   /* a path exists and the target takes mail */
	uint64_t cost, max_size; /* of the path; max_size 0 unlimited */
	uint32_t hops;
	uint32_t *path, *stops, *backoff; /* sites */
	const struct snap_peer **servers; /* candidates by name */
	uint32_t n_path, n_stops, n_backoff, n_servers;
};

/* All implicit connectors of VP's server, sites first, each kind by name; under CTX. */
uint32_t implicit_list(TALLOC_CTX *ctx, const struct viewpoint *vp,
		       struct implicit_connector **list_r);

#endif
