/*
 * The inside of the JSON answers, for route_json.c (queries and answers), route_explain.c and
 * select_json.c (explanations) and route_message.c (one message to several).
 */
#ifndef WP_TOPOLOGY_ROUTE_JSON_PRIVATE_H
#define WP_TOPOLOGY_ROUTE_JSON_PRIVATE_H

#include "topology/route.h"
#include "topology/route_json.h"

/* One query, read and checked. */
struct query {
	const char *from, *recipient, *receive_name;
	const struct viewpoint *vp;
	uint64_t size;
	uint32_t receive;
	bool authenticated, explain;
};

static inline void json_set_text(json_t *out, const char *field, const char *value)
{
	json_object_set_new(out, field, json_string(value));
}

static inline void json_set_number(json_t *out, const char *field, uint64_t value)
{
	json_object_set_new(out, field, json_integer((json_int_t)value));
}

/* {"error":"…"} */
json_t *route_error(const char *fmt, ...) WP_PRINTF(1, 2);
/* All of a query but its recipients; an error answer or null. */
json_t *route_read_query(struct route_desk *desk, const json_t *json, struct query *q);
/*
 * What comes before resolution: the limits, then a linked connector (*LINKED_R). An answer, or
 * null.
 */
json_t *route_answer_early(const struct query *q, bool *linked_r);
/* The answer for a resolution, groups with their members. */
json_t *route_answer_tree(const struct query *q, const struct resolution *resolution);
void json_set_sites(json_t *out, const char *field, const struct snapshot *snap,
		    const uint32_t *sites, uint32_t n);
/* Outcome, connector, path, servers, reason of a decision. */
void json_set_decision(json_t *out, const struct viewpoint *vp, const struct route_decision *d,
		       const char *host);

/* The candidates of a decision to relay. */
void json_set_servers(json_t *out, const struct viewpoint *vp, const struct route_decision *d,
		      const char *host);
/* The answer for one message to RECIPIENTS, a list of texts. */
json_t *route_message_answer(const struct query *q, const struct recipient_source *source,
			     const json_t *recipients);

/* "explain" for a leaf, for a group (its resolution only), for what never came that far. */
void route_explain_leaf(json_t *out, const struct query *q, const struct resolved *leaf,
			const struct route_decision *d);
void route_explain_group(json_t *out, const struct query *q, const struct resolved *group);
void route_explain_limits(json_t *out, const struct query *q);
void route_explain_linked(json_t *out, const struct query *q, const struct route_decision *d);

/*
 * Every connector and the step that removed it. *WINNER_R: the one left, or SNAP_NONE.
 */
json_t *select_json(const struct viewpoint *vp, uint32_t size_class, const struct resolved *leaf,
		    uint64_t size, uint32_t *winner_r);

#endif
