/*
 * Advice: what an expert would say about a directory that is well formed. Pure.
 *
 * Unlike the diagnostics, which every snapshot carries, advice is worked out when somebody asks:
 * most of it needs the paths from every site. It is exact, and costs one calculation of paths
 * for each site with an active hub, each linear in sites and links but for the logarithm of the
 * heap; all else is linear in the model. Each check is one small function that hands its findings
 * to a callback as it makes them.
 */
#ifndef WP_TOPOLOGY_ADVICE_H
#define WP_TOPOLOGY_ADVICE_H

#include "topology/diag.h"
#include "topology/recipient.h"

enum advice_id {
#define ADVICE_ROW(symbol, id, severity, text, action) ADVICE_##symbol,
#include "topology/advice_rows.h"
#undef ADVICE_ROW
	ADVICE_COUNT,
};

/* The row of an id; N has to be below ADVICE_COUNT. Its action is what to do. */
const struct diag_row *advice_row(uint32_t n);

/* The row of an id of this table or of the diagnostics'; null: there is none. */
const struct diag_row *advice_find_row(const char *id);

struct advice_finding {
	const struct diag_row *row;
	const char *dn;        /* of the object, or of the first of several */
	const char *attribute; /* "": none */
	const char *value;     /* "": none */
	const char *detail;    /* which objects, and what happens to them, in words */
};

/* Texts live during the call. */
struct advice_sink {
	void (*on_finding)(void *arg, const struct advice_finding *finding);
	/* After each of the calculations of paths; may be null. */
	void (*on_progress)(void *arg, uint32_t done, uint32_t total);
	void *arg;
};

/* What can be said about the model. Without WITH_PATHS only what needs no paths. */
void advice_model(const struct snapshot *snap, bool with_paths, const struct advice_sink *sink);

/*
 * What can be said about recipients: of each kind how many there are, and the first of them. Each
 * of the recipients of SOURCE, which EACH walks, costs one resolution; groups are not expanded.
 * -1 and ERR, and nothing is said, if the source fails.
 */
int advice_people(const struct snapshot *snap, const struct recipient_source *source,
		  recipient_each *each, const struct advice_sink *sink, struct err *err) WP_MUST_CHECK;

#endif
