/*
 * The network as one server sees it: its site, the least-cost path to every site, and for every
 * address space the connectors that it may use, best first (routing rules §2, §3, §5). Pure.
 *
 * Made once per snapshot and server, immutable from then on: any number of threads may read it.
 * Plain memory with one owner; the snapshot has to outlive it.
 */
#ifndef WP_TOPOLOGY_VIEWPOINT_H
#define WP_TOPOLOGY_VIEWPOINT_H

#include "topology/snapshot.h"

struct viewpoint;

/* How SERVER (an index) of SNAP sees it. Never fails: a server without a site reaches nothing. */
struct viewpoint *viewpoint_new(const struct snapshot *snap, uint32_t server);
/* How the edge of a subscription (an index) sees it: for tools inside. */
struct viewpoint *viewpoint_new_edge(const struct snapshot *snap, uint32_t edge);
/* How SITE (an index, or SNAP_NONE) sees it: as a hub there that is no connector's source. */
struct viewpoint *viewpoint_new_site(const struct snapshot *snap, uint32_t site);
void viewpoint_free(struct viewpoint *vp);

const struct snapshot *viewpoint_snapshot(const struct viewpoint *vp);
/* SNAP_NONE for a subscribed edge and for a site. */
uint32_t viewpoint_server(const struct viewpoint *vp);
/* The local site, or SNAP_NONE. */
uint32_t viewpoint_site(const struct viewpoint *vp);
/* Role edge without role hub: there are no paths, only connectors. */
bool viewpoint_is_edge(const struct viewpoint *vp);
/* An active hub; the server that looks counts while it is draining (§3.9). */
bool viewpoint_is_active_hub(const struct viewpoint *vp, uint32_t server);

/*
 * Paths come in size classes: class 0 is every message, unless the organisation wants
 * size-aware routing (§7); then each has the links that are wide enough for it.
 */
uint32_t viewpoint_size_class(const struct viewpoint *vp, uint64_t size);

/* How far a site is. */
struct viewpoint_hop {
	uint64_t cost;      /* of the path; UINT64_MAX: no path */
	uint64_t max_size;  /* the narrowest link of the path, 0 unlimited */
	uint32_t hops;
	uint32_t previous;  /* the site before it on the path; SNAP_NONE for the local site */
	uint32_t link;      /* the link taken from PREVIOUS */
	uint32_t next_stop; /* where a message for it goes first (§3.1) */
};

/* The hop record of SITE; null if there is no path. */
const struct viewpoint_hop *viewpoint_hop(const struct viewpoint *vp, uint32_t size_class,
					  uint32_t site);

/*
 * The following write up to MAX indexes and return how many there are; lists longer than MAX are
 * cut. A snapshot's count of sites is always enough.
 */
/* Sites from the local one to SITE; 0 if there is no path. */
uint32_t viewpoint_path(const struct viewpoint *vp, uint32_t size_class, uint32_t site,
			uint32_t *sites, uint32_t max);
/* Sites where a message for SITE is really received, SITE last (§3.1). */
uint32_t viewpoint_stops(const struct viewpoint *vp, uint32_t size_class, uint32_t site,
			 uint32_t *sites, uint32_t max);
/* Sites to try after NEXT_STOP was unavailable, in that order (§3.5). */
uint32_t viewpoint_backoff(const struct viewpoint *vp, uint32_t size_class, uint32_t next_stop,
			   uint32_t *sites, uint32_t max);
/* Active hubs of SITE by name: the candidates of a stop, not yet rotated (§3.3). */
uint32_t viewpoint_hubs(const struct viewpoint *vp, uint32_t site, uint32_t *servers,
			uint32_t max);

/*
 * Delayed fan-out (§3.8): FORKS[i] becomes the site at which the copy for SITES[i] is split, given
 * that all N travel in one message: the nearest one where their paths part or one ends, and
 * that has an active hub and takes mail. Equal forks share one copy. Without a fork it is
 * SITES[i] itself. Sites without a path and the local site get SNAP_NONE. A site may come
 * several times: O(sites + N × length of the paths).
 */
void viewpoint_forks(const struct viewpoint *vp, uint32_t size_class, const uint32_t *sites,
		     uint32_t n, uint32_t *forks);
/* The same with the next stop on the way to each fork in place of it. */
void viewpoint_fanout(const struct viewpoint *vp, uint32_t size_class, const uint32_t *sites,
		      uint32_t n, uint32_t *next);

#endif
