/*
 * What is wrong with a directory, collected from wherever it is found: rows of one shape, as JSON
 * and as text for people. Pure.
 *
 * Members of a row: severity, id, dn, attribute, value, text (what is wrong), action (what was
 * done, or is to be done), detail (which objects, in words); those that are empty are left out.
 */
#ifndef WP_ADMIN_FINDINGS_H
#define WP_ADMIN_FINDINGS_H

#include <jansson.h>
#include <stdbool.h>

#include "common/buf.h"
#include "topology/diag.h"

struct finding {
	enum diag_severity severity;
	const char *id, *dn, *attribute, *value, *text, *action, *detail; /* null or "": none */
};

struct findings;

struct findings *findings_new(void);
void findings_free(struct findings *findings);
/* Keep only what is at least as severe; and only these ids, separated by commas (null: all). */
void findings_filter(struct findings *findings, enum diag_severity least, const char *ids);
/* Text that is no UTF-8 becomes readable. */
void findings_add(struct findings *findings, const struct finding *finding);
/* Whether one of this id was added, filtered or not. */
bool findings_has(const struct findings *findings, const char *id);
/* Whether anything but notes was kept. */
bool findings_is_bad(const struct findings *findings);
/* The rows, in the order they were added. Borrowed. */
json_t *findings_rows(const struct findings *findings);

struct findings_style {
	const char *base; /* DN that is left off at the end of others, "": none */
	int width;
	bool colour;
	bool all; /* every object of an id, not the first few */
};

/* Errors, warnings, notes; of each the ids with their objects; and how many there are. */
void findings_print(const struct findings *findings, const struct findings_style *style,
		    struct buf *out);

#endif
