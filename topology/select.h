/*
 * Connector selection in the numbered steps of the routing rules, §5. Pure.
 *
 * What does not depend on the message is done once per viewpoint and size class: steps 1 (route)
 * and 3 (scope) drop connectors, and the candidates of each node of the address-space index are
 * sorted by steps 6 (cost), 7 (proximity) and 8 (name). What is left for a message: walk the
 * nodes that match (4), most specific first (5), and take the first candidate that is wide
 * enough (2).
 */
#ifndef WP_TOPOLOGY_SELECT_H
#define WP_TOPOLOGY_SELECT_H

#include "topology/viewpoint.h"

enum proximity { PROXIMITY_SELF, PROXIMITY_SITE, PROXIMITY_REMOTE };

/* Step 1: the nearest source of a connector. */
struct reach {
	uint64_t cost;  /* of the path to it */
	uint32_t hops;
	uint32_t site;  /* SNAP_NONE with PROXIMITY_SELF on an edge */
	uint8_t proximity; /* enum proximity */
	bool routed;    /* false: no active source can be reached */
	bool in_scope;  /* step 3 */
};

struct candidate {
	uint64_t total;    /* path and address space */
	uint64_t max_size; /* 0 unlimited */
	uint32_t connector, space;
};

struct select_table {
	uint32_t *first; /* per node, and one more: its candidates lie at first[i] … first[i+1] */
	struct candidate *candidates;
};

enum select_result { SELECT_FOUND, SELECT_TOO_LARGE, SELECT_NONE };

/* The reach of every connector as VP sees it over HOPS; REACH has one per connector. */
void select_reach(const struct viewpoint *vp, const struct viewpoint_hop *hops,
		  struct reach *reach);
/* The reach of the connector INDEX alone. */
struct reach select_reach_one(const struct viewpoint *vp, const struct viewpoint_hop *hops,
			      uint32_t index);
/*
 * The connectors of one node of the index of address spaces that steps 1 and 3 leave, sorted by
 * steps 6 to 8, and how many they are; OUT has room for the node's items. Of REACH only those of
 * the node's connectors are read.
 */
struct snap_node;
uint32_t select_candidates(const struct viewpoint *vp, const struct reach *reach,
			   const struct snap_node *node, struct candidate *out);
void select_table_init(struct select_table *table, const struct viewpoint *vp,
		       const struct reach *reach);
void select_table_fini(struct select_table *table);

/* The connector for a domain (or another type's address) and a size. */
enum select_result select_connector(const struct viewpoint *vp, uint32_t size_class,
				    const char *type, const char *domain, uint64_t size,
				    const struct candidate **chosen_r);
/* The reach of CONNECTOR; connectors that step 1 drops have routed false. */
const struct reach *select_reach_of(const struct viewpoint *vp, uint32_t size_class,
				    uint32_t connector);

/* The step that removed a connector, for explaining; the winner has SELECTED. */
enum select_step {
	SELECT_STEP_DISABLED = 0, /* not in routing at all */
	SELECT_STEP_ROUTE = 1,
	SELECT_STEP_SIZE = 2,
	SELECT_STEP_SCOPE = 3,
	SELECT_STEP_SPACE = 4,
	SELECT_STEP_SPECIFIC = 5,
	SELECT_STEP_COST = 6,
	SELECT_STEP_PROXIMITY = 7,
	SELECT_STEP_NAME = 8,
	SELECTED = 9,
};

struct select_verdict {
	enum select_step step;
	uint32_t space;    /* its most specific match, if it came to step 4 */
	int specificity;   /* of the match: higher is more specific */
	uint64_t total;    /* as far as known */
};

/*
 * The same decision by taking the steps one after the other over all connectors; VERDICTS has
 * one per connector. Slow and plain: for explaining, and the reference of the tests.
 */
void select_explain(const struct viewpoint *vp, uint32_t size_class, const char *type,
		    const char *domain, uint64_t size, struct select_verdict *verdicts);
/* "exact", "prefix", "suffix" or "everything": how a match of that specificity came about. */
const char *select_specificity_name(int specificity);

#endif
