/* The table of diagnostics: see diag.h. */
#include "topology/diag.h"

static const struct diag_row rows[DIAG_COUNT] = {
#define DIAG_ROW(symbol, id, severity, text, action) { id, severity, text, action },
#include "topology/diag_rows.h"
#undef DIAG_ROW
};

const struct diag_row *diag_row(uint32_t n)
{
	return &rows[n];
}

const char *diag_severity_name(enum diag_severity severity)
{
	static const char *const names[] = { "note", "warning", "error" };

	return names[severity];
}
