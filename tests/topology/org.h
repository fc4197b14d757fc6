/*
 * A small random organisation as plain records, and questions about it: what the product reads as
 * LDIF and the oracle (oracle.h) reads as it stands. Anything in it can be left out again, one
 * thing after the other, to find the few that make a difference.
 */
#ifndef WP_TESTS_TOPOLOGY_ORG_H
#define WP_TESTS_TOPOLOGY_ORG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "common/buf.h"

#define ORG_BASE "cn=Waypost,dc=example,dc=com"
#define ORG_PEOPLE "ou=People,dc=example,dc=com"

enum { ORG_VALUES_MAX = 32, ORG_RECORDS_MAX = 160, ORG_QUERIES_MAX = 32, ORG_SITES_MAX = 8 };

struct org_value {
	const char *attribute, *text; /* with the prefix "waypost" */
	bool gone;
};

struct org_record {
	const char *class, *name, *dn;
	struct org_value values[ORG_VALUES_MAX];
	int n_values;
	bool gone;
};

struct org_query {
	const char *from, *recipient;
	const char *receive; /* "SERVER/NAME", or null */
	uint64_t size;
	bool authenticated;
};

struct org {
	TALLOC_CTX *ctx;
	struct org_record records[ORG_RECORDS_MAX];
	int n_records;
	struct org_query queries[ORG_QUERIES_MAX];
	int n_queries;
};

/* Everything follows from SEED. Freed by talloc_free. */
struct org *org_random(uint64_t seed);

struct org_record *org_add(struct org *org, const char *class, const char *container,
			   const char *name);
void org_set(struct org_record *record, const char *attribute, const char *text);
/* The first value that is not gone, or null. */
const char *org_value(const struct org_record *record, const char *attribute);
/* What is not gone, as LDIF. */
void org_ldif(const struct org *org, struct buf *out);
/* One line of `waypost route --batch`. */
void org_query_json(const struct org_query *query, struct buf *out);

/* The comparison key of a name, from the table of names; any other name is ASCII. */
const char *org_name_key(TALLOC_CTX *ctx, const char *name);
/* A site's name by number, all different, none sorted like its octets. */
const char *org_site_name(uint32_t i);

/*
 * Leaves out whatever may go while FAILS holds: records, then values, until nothing more can go.
 */
void org_shrink(struct org *org, bool (*fails)(struct org *org, void *arg), void *arg);

#endif
