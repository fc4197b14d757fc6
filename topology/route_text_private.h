/* The inside of the text form of answers, for route_text.c and route_explain_text.c. */
#ifndef WP_TOPOLOGY_ROUTE_TEXT_PRIVATE_H
#define WP_TOPOLOGY_ROUTE_TEXT_PRIVATE_H

#include "topology/route_json.h"

static inline const char *text_of(const json_t *answer, const char *field)
{
	const char *text = json_string_value(json_object_get(answer, field));

	return text != NULL ? text : "";
}

static inline long long number_of(const json_t *answer, const char *field)
{
	return (long long)json_integer_value(json_object_get(answer, field));
}

void text_indent(struct buf *out, int depth);
/* The texts of a list. */
void text_joined(struct buf *out, const json_t *list, const char *between);

/* The lines of an explanation under the heading "because"; null is none. */
void route_explanation_text(const json_t *explain, int depth, struct buf *out);

#endif
