/*
 * Why a recipient is rejected, unreachable or discarded: the table of reasons. Pure.
 */
#ifndef WP_TOPOLOGY_REASON_H
#define WP_TOPOLOGY_REASON_H

#include <stdint.h>

enum route_outcome {
	ROUTE_MAILBOX,      /* hand to the mailbox server of this site */
	ROUTE_RELAY_SITE,   /* to a hub of the next stop */
	ROUTE_RELAY_SERVER, /* to a source server or edge in this site, or a named host */
	ROUTE_CONNECTOR,    /* this server executes the connector */
	ROUTE_EXPANDED,     /* a group: look at its members */
	ROUTE_DISCARDED,
	ROUTE_UNREACHABLE,  /* waits for the directory to change */
	ROUTE_REJECTED,
};

enum route_reason {
#define REASON_ROW(symbol, id, status, text) REASON_##symbol,
#include "topology/reason_rows.h"
#undef REASON_ROW
	REASON_COUNT,
};

struct reason_row {
	const char *id;     /* "no-home-server" */
	const char *status; /* enhanced status code, "" for unreachable and discarded */
	const char *text;   /* a sentence for notifications and people */
};

/* N has to be below REASON_COUNT; REASON_NONE has empty texts. */
const struct reason_row *reason_row(enum route_reason n);
/* "mailbox", "relay-site", … */
const char *route_outcome_name(enum route_outcome outcome);

#endif
