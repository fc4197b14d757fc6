/*
 * Route queries and answers as JSON and as text: the contract of `waypost route`. Pure.
 *
 * One desk answers many queries over one snapshot; it keeps the last viewpoints. One thread.
 */
#ifndef WP_TOPOLOGY_ROUTE_JSON_H
#define WP_TOPOLOGY_ROUTE_JSON_H

#include <jansson.h>

#include "common/buf.h"
#include "topology/recipient.h"
#include "topology/snapshot.h"

struct route_desk;

/* SNAP and SOURCE have to outlive the desk. */
struct route_desk *route_desk_new(const struct snapshot *snap,
				  const struct recipient_source *source);
void route_desk_free(struct route_desk *desk);

/*
 * {"from","recipient","size","authenticated","receive_connector"} → the answer, a new reference;
 * {"error":"…"} for a query that cannot be answered (bad types, unknown server, store failure).
 * With EXPLAIN the answer has "explain": every connector and the step that removed it.
 */
json_t *route_desk_answer(struct route_desk *desk, const json_t *query, bool explain);
bool route_answer_is_error(const json_t *answer);
/* The answer as a person reads it, several lines, appended to OUT. */
void route_answer_text(const json_t *answer, struct buf *out);

#endif
