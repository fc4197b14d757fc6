/*
 * The steps of a resolution, as an explanation tells them: the table of rules and what one step
 * found. Pure.
 */
#ifndef WP_TOPOLOGY_RESOLVE_NOTE_H
#define WP_TOPOLOGY_RESOLVE_NOTE_H

#include <stdint.h>

#include "common/buf.h"
#include "topology/snapshot.h"

enum resolve_rule {
#define RESOLVE_ROW(symbol, id, section, text) RULE_##symbol,
#include "topology/resolve_rows.h"
#undef RESOLVE_ROW
	RULE_COUNT,
};

struct resolve_note {
	const char *address; /* as it stood */
	const char *to;      /* what the step leads to, or "" */
	uint32_t domain;     /* the accepted domain that decides, or SNAP_NONE */
	uint32_t server;     /* the home that was found, or SNAP_NONE */
	uint32_t rule;       /* enum resolve_rule */
};

struct resolve_rule_row {
	const char *id, *section, *text;
};

const struct resolve_rule_row *resolve_rule_row(enum resolve_rule rule);
/* The note as a sentence, appended to OUT. */
void resolve_note_text(const struct snapshot *snap, const struct resolve_note *note,
		       struct buf *out);
/* "authoritative", "internalRelay" or "externalRelay". */
const char *resolve_domain_type(const struct snap_domain *domain);

#endif
