/*
 * The inside of a difference, for diff.c and its parts: names of both sides joined, and groups.
 * Pure.
 */
#ifndef WP_TOPOLOGY_DIFF_PRIVATE_H
#define WP_TOPOLOGY_DIFF_PRIVATE_H

#include <talloc.h>

#include "topology/diff.h"
#include "topology/reason.h"
#include "topology/viewpoint.h"

enum diff_kind { DIFF_LOST, DIFF_GAINED, DIFF_MOVED, DIFF_CHANGED, DIFF_KINDS };
enum { OLD, NEW, SIDES };

/* What differs: bits, in the order in which they are told. */
enum diff_what {
	DIFF_NEXT_STOP = 1,
	DIFF_STOPS = 2,
	DIFF_PATH = 4,
	DIFF_SERVERS = 8,
	DIFF_BACKOFF = 16,
	DIFF_CONNECTOR = 32,
	DIFF_SOURCE = 64,
	DIFF_HOME = 128,
	DIFF_ADDRESS = 256,
	DIFF_MEMBERS = 512,
	DIFF_COST = 1024,
	DIFF_HOPS = 2048,
	DIFF_LIMIT = 4096,
};

/* Beside the reasons of routing. */
enum { DIFF_NO_SUCH_SITE = REASON_COUNT };

#define DIFF_DIRECT (SNAP_NONE - 1) /* in place of a next stop: the destination itself */

/* The records of a section on both sides, by name. */
struct diff_names {
	uint32_t count;
	const char **name;       /* as the newer side spells it */
	uint32_t *index[SIDES];  /* of each name; SNAP_NONE where that side has it not */
	uint32_t *joined[SIDES]; /* of each index */
};

/* Somebody who sends. */
struct diff_source {
	const char *name;
	uint32_t at[SIDES]; /* sites, servers of role edge, or subscriptions */
	uint32_t site;      /* joined, or SNAP_NONE: an edge */
	bool is_subscription;
};

struct diff {
	const struct diff_query *query;
	const struct snapshot *snap[SIDES];
	TALLOC_CTX *ctx;
	struct diff_names sites, connectors;
	struct diff_source *sources;
	uint32_t n_sources;
	uint64_t totals[DIFF_KINDS];
	json_t *json;
};

/* ---- diff_names.c ---- */

/* SECTION is one whose records begin with name and key, or with a peer. */
struct diff_names diff_names_join(TALLOC_CTX *ctx, const struct snapshot *const *snap,
				  enum snap_section_id section);
/* Whether everything that paths, or connectors, or resolution depend on is the same. */
bool diff_same_network(const struct diff *d);
bool diff_same_connectors(const struct diff *d);
bool diff_same_resolution(const struct diff *d);
/* Whether two lists of records of SECTION name the same ones in the same order. */
bool diff_same_list(const struct diff *d, enum snap_section_id section, struct snap_list old,
		    struct snap_list new);
/* The key of record I; "" for SNAP_NONE. */
const char *diff_key(const struct snapshot *snap, enum snap_section_id section, uint32_t i);

/* ---- diff_group.c ---- */

/* What makes a group: compared as octets, so always set as a whole by diff_group_key. */
struct diff_group_key {
	uint32_t kind, what, reason, old, new;
};

struct diff_group;
struct diff_groups;

/* FROM and TO are counted among this many; NAME_OF tells them and what old and new mean. */
struct diff_namer {
	const char *(*from)(void *ctx, uint32_t i);
	const char *(*to)(void *ctx, uint32_t i);
	const char *(*way)(void *ctx, uint32_t i, int side); /* null: none */
	void *ctx;
};

struct diff_groups *diff_groups_new(TALLOC_CTX *ctx, uint32_t n_from, uint32_t n_to,
				    struct diff_namer namer);
/* Counts one pair. The group if it wants an example of it, else null. */
struct diff_group *diff_groups_count(struct diff_groups *groups, const struct diff_group_key *key,
				     uint32_t from, uint32_t to);
/* Takes over the reference. */
void diff_group_example(struct diff_group *group, json_t *example);
/* The section; adds its counts to TOTALS. With COMPARED false nothing else is in it. */
json_t *diff_groups_json(struct diff_groups *groups, bool compared, uint64_t totals[DIFF_KINDS]);
const char *diff_kind_name(uint32_t kind);
const char *diff_reason_name(uint32_t reason);

/* ---- parts ---- */

struct diff_paths;
struct diff_paths *diff_paths_new(struct diff *d);
/* Compares all that SOURCE (a site) reaches. */
void diff_paths_source(struct diff_paths *paths, uint32_t source, struct viewpoint *const *vp);
json_t *diff_paths_json(struct diff_paths *paths, bool compared);

struct diff_spaces;
struct diff_spaces *diff_spaces_new(struct diff *d);
void diff_spaces_source(struct diff_spaces *spaces, uint32_t source, struct viewpoint *const *vp);
json_t *diff_spaces_json(struct diff_spaces *spaces, bool compared);

/* diff_objects.c */
json_t *diff_connectors_json(struct diff *d);
json_t *diff_domains_json(struct diff *d);
json_t *diff_diagnostics_json(const struct diff *d);

/* diff_recipients.c */
int diff_recipients_json(struct diff *d, json_t **json_r, struct err *err);

#endif
