/*
 * Organisations of any size and shape, made up: for plans, demonstrations, benchmarks, tests. Pure.
 *
 * The result is a directory that an administrator could have written: a suffix, the tree of the
 * model, regional centres with hub sites, branches linked to them, costs by distance, size limits
 * on long lines, mailbox servers, ways to the Internet and to partners, people and groups. It has
 * no errors and no warnings.
 *
 * Everything is a function of the parameters and of a number (site 17, person 4711), so nothing
 * is kept: ten million people need the memory of one. The same parameters give the same entries,
 * octet by octet, on every machine.
 */
#ifndef WP_TOPOLOGY_GENERATE_H
#define WP_TOPOLOGY_GENERATE_H

#include "common/entry.h"
#include "common/err.h"
#include "topology/load.h"

enum generate_shape {
	GENERATE_HUB_AND_SPOKE, /* centres joined with each other, every branch to the nearest */
	GENERATE_TIERS,         /* the same in three levels: world, region, branch */
	GENERATE_MESH,          /* no centres: near sites joined at random */
	GENERATE_RING,          /* each to the next, every tenth a hub site */
	GENERATE_SHAPES,
};

struct generate_params {
	const char *suffix;  /* DN of the uppermost entry: dc=…, o=… or ou=… */
	enum generate_shape shape;
	uint64_t seed;
	uint32_t sites;
	uint32_t links;      /* in total; 0: as many as the shape has */
	uint32_t wide_links; /* of them, those that join WIDE_MEMBERS sites at once */
	uint32_t wide_members;
	uint32_t servers_per_site;
	uint32_t subnets_per_site;
	uint32_t connectors;
	uint32_t edges;
	uint32_t domains;
	uint32_t recipients;
	uint32_t groups;
};

enum {
	GENERATE_SITES_MAX = 1000000,
	GENERATE_SERVERS_MAX = 200, /* per site */
	GENERATE_SUBNETS_MAX = 100, /* per site */
	GENERATE_MANY_MAX = 100000000, /* of anything else */
	GENERATE_ADDRESS_SIZE = 320,
};

/* Ten sites around two hub sites, a hundred people. */
void generate_defaults(struct generate_params *params_r);
/* "hub-and-spoke", …; null beyond the last. */
const char *generate_shape_name(enum generate_shape shape);
/* Whether there can be such an organisation; else -1: ERR_USAGE and what to change. */
int generate_check(const struct generate_params *params, struct err *err) WP_MUST_CHECK;

/*
 * Calls FN for every entry, parents before children; an entry lives only during the call. -1 of
 * FN ends it and is the result. PARAMS have passed generate_check().
 */
int generate_each(const struct generate_params *params,
		  int (*fn)(void *arg, const struct entry *entry, struct err *err), void *arg,
		  struct err *err) WP_MUST_CHECK;
/* The same as a source for snapshot_build(). PARAMS have to outlive it. */
struct snapshot_source generate_source(const struct generate_params *params);

/* The address of recipient I. */
void generate_address(const struct generate_params *params, uint32_t i,
		      char address[static GENERATE_ADDRESS_SIZE]);
/* How many links the shape needs to join all sites, wide ones not counted. */
uint32_t generate_links_min(const struct generate_params *params);

#endif
