/*
 * What can be wrong with a directory: the table of diagnostics. Pure.
 *
 * Ids are stable: monitoring and people refer to them. `waypost topology check`, the metrics and
 * the documentation read this table.
 */
#ifndef WP_TOPOLOGY_DIAG_H
#define WP_TOPOLOGY_DIAG_H

#include <stddef.h>
#include <stdint.h>

#include "topology/snapshot.h"

enum diag_severity { DIAG_NOTE, DIAG_WARNING, DIAG_ERROR };

enum diag_id {
#define DIAG_ROW(symbol, id, severity, text, action) DIAG_##symbol,
#include "topology/diag_rows.h"
#undef DIAG_ROW
	DIAG_COUNT,
};

struct diag_row {
	const char *id;       /* "unknown-site" */
	enum diag_severity severity;
	const char *text;     /* what is wrong */
	const char *action;   /* what was done instead */
};

/* The row of an id; N has to be below DIAG_COUNT. */
const struct diag_row *diag_row(uint32_t n);
/* "note", "warning", "error". */
const char *diag_severity_name(enum diag_severity severity);

#endif
