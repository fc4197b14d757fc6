/*
 * What moves between two snapshots of one organisation: for plans (a change that is not made
 * yet) and for the history of snapshots. Pure.
 *
 * Compared: from every site that can send to every site that can receive, the path and what
 * follows from it; from there, and from every edge, the connector of every address space; the
 * connectors and accepted domains themselves; every recipient's resolution; the diagnostics.
 * What moves in the same way is one group with its count and some examples, so the answer is as
 * readable for 10,000 sites as for five. Not compared: limits and options of receive connectors,
 * time-outs, retry intervals, certificates; messages of more than one size.
 *
 * Names tell what is the same: a renamed site is one that went and one that came.
 *
 * Work and memory: one site is the source at a time, so the memory is O(sites + spaces +
 * groups), the work O(sources × (sites log sites + spaces)). Where nothing differs that paths
 * (or connectors, or resolution) depend on, the part is passed over; "compared" is then false.
 */
#ifndef WP_TOPOLOGY_DIFF_H
#define WP_TOPOLOGY_DIFF_H

#include <jansson.h>

#include "common/buf.h"
#include "topology/recipient.h"
#include "topology/snapshot.h"

struct diff_side {
	const struct snapshot *snap;
	const struct recipient_source *recipients;
	recipient_each *each_recipient; /* of that source; null: recipients are not compared */
};

struct diff_query {
	struct diff_side old, new;
	/* Both sides read the same recipients: only what the snapshots make of them can differ. */
	bool same_recipients;
	uint64_t size;           /* octets of the message that is compared */
	const char *source;      /* compare from the site of this name only; null: */
	uint32_t max_sources;    /* compare this many source sites, evenly chosen; 0: all */
	uint64_t max_recipients; /* addresses, the first ones; 0: all */
	/* Around the part that looks recipients up, which may need a transaction; or null. */
	int (*begin_recipients)(void *ctx, struct err *err);
	void (*end_recipients)(void *ctx);
	void (*on_progress)(void *ctx, uint32_t done, uint32_t all); /* in sites; or null */
	void *ctx;
};

/*
 * Makes the difference, a new reference in *DIFF_R. -1 and ERR only if a source of recipients
 * fails. One thread.
 *
 * {"lost","gained","moved","changed": counts; "size";
 *  "sources": {"compared","of","lost":[site…],"gained":[…]}   sites that can (no longer) send
 *  "paths", "spaces", "recipients": {"compared", "lost","gained","moved","changed",
 *    "groups": [{"kind","what":[…],"reason","old","new","count","from":[…],"from_count","to":[…],
 *                "to_count","examples":[…]}…], "groups_left_out"}
 *  "connectors", "domains": [{"name","kind","what","old","new"}…]
 *  "diagnostics": {"new": [{"id","severity","dn","attribute","value"}…],"gone": […]}}
 *
 * Lost: mail got there before and would not now, or a site sent and no longer can. Gained: the
 * reverse. Moved: it goes another way. Changed: costs, limits or flags differ, the way does not.
 * "old" and "new" of a group are next stops ("direct": the destination), connectors, or homes.
 */
int diff_snapshots(const struct diff_query *query, json_t **diff_r, struct err *err) WP_MUST_CHECK;
/* The same as a person reads it, appended to OUT. */
void diff_text(const json_t *diff, struct buf *out);

#endif
