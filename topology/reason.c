/* The table of reasons: see reason.h. */
#include "topology/reason.h"

static const struct reason_row rows[REASON_COUNT] = {
#define REASON_ROW(symbol, id, status, text) { id, status, text },
#include "topology/reason_rows.h"
#undef REASON_ROW
};

const struct reason_row *reason_row(enum route_reason n)
{
	return &rows[n];
}

const char *route_outcome_name(enum route_outcome outcome)
{
	static const char *const names[] = { "mailbox",  "relay-site", "relay-server", "connector",
					     "expanded", "discarded",  "unreachable",  "rejected" };

	return names[outcome];
}
