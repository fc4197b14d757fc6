/*
 * The state of agent and sources as JSON, for the control socket. Any thread.
 */
#ifndef WP_LDAPSYNC_STATUS_JSON_H
#define WP_LDAPSYNC_STATUS_JSON_H

#include <jansson.h>

#include "ldapsync/agent.h"

/*
 * A new reference:
 * {"state","source","lag_ms","entries","recipients","snapshot","newest","pinned_since",
 *  "last_change","last_error","last_error_at","diagnostics","held": null or as below (the
 *  snapshot's),
 *  "sources": [{"source","state","server","tracker","bind","tls","lag_ms","entries","recipients",
 *    "topology","last_change","progress": null or {"since","entries","expected" (null: not known),
 *    "rate"}, "held": null or {"since","text","remedy","recipients","topology",
 *    "of_recipients","of_topology","examples":[…]},
 *    "last_error","remedy","last_error_at","last_error_over" ("" while it lasts)}…]}
 */
json_t *status_json(struct agent *agent);

#endif
