/*
 * The routing rules once more, slowly and plainly, to compare the product with: every simple path
 * is enumerated, every connector is tried step by step. Shares no code with topology/ and never
 * sees a snapshot; it reads the records of org.h. Comments carry the numbers of the routing rules.
 */
#ifndef WP_TESTS_TOPOLOGY_ORACLE_H
#define WP_TESTS_TOPOLOGY_ORACLE_H

#include <jansson.h>

#include "tests/topology/org.h"

struct oracle;

/* Freed by talloc_free; ORG has to outlive it. */
struct oracle *oracle_new(const struct org *org);
/* The answer of `waypost route`; null if the server is not there, or the rules leave it open. */
json_t *oracle_answer(const struct oracle *oracle, const struct org_query *query);
/*
 * §3.8: where the copy goes first for each of the destinations SITES (names) of one message from
 * FROM; a null name for a destination without a path or in the local site.
 */
void oracle_fanout(const struct oracle *oracle, const char *from, uint64_t size,
		   const char *const *sites, int n, const char **next_r);

#endif
