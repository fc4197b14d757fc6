/*
 * An answer as a person reads it: what happens, by which way, at what cost. Pure.
 *
 *     hte1@example.com
 *       is relayed to site E, next stop B, by HTB1
 *       path     A > B > C > D > E (cost 40, 4 hops)
 *       stops    B, E
 */
#include <string.h>

#include "topology/route_json.h"

static const char *text_of(const json_t *answer, const char *field)
{
	const char *text = json_string_value(json_object_get(answer, field));

	return text != NULL ? text : "";
}

static long long number_of(const json_t *answer, const char *field)
{
	return (long long)json_integer_value(json_object_get(answer, field));
}

static void indent(struct buf *out, int depth)
{
	for (int i = 0; i < depth; i++)
		buf_adds(out, "  ");
}

static void add_joined(struct buf *out, const json_t *list, const char *between)
{
	size_t i;
	json_t *item;

	json_array_foreach(list, i, item) {
		buf_adds(out, i > 0 ? between : "");
		buf_adds(out, json_string_value(item));
	}
}

/* "label    a, b, c", if there is anything to show. */
static void add_list(struct buf *out, int depth, const char *label, const json_t *answer,
		     const char *field, const char *between)
{
	const json_t *list = json_object_get(answer, field);

	if (json_array_size(list) == 0)
		return;
	indent(out, depth);
	buf_printf(out, "%-8s ", label);
	add_joined(out, list, between);
	buf_addc(out, '\n');
}

static void add_servers(struct buf *out, const json_t *answer)
{
	if (json_array_size(json_object_get(answer, "servers")) > 0) {
		buf_adds(out, ", by ");
		add_joined(out, json_object_get(answer, "servers"), " or ");
	}
}

static void add_outcome(struct buf *out, const json_t *answer)
{
	const char *outcome = text_of(answer, "outcome");

	if (strcmp(outcome, "mailbox") == 0)
		buf_printf(out, "is delivered to mailbox server %s", text_of(answer, "server"));
	else if (strcmp(outcome, "relay-site") == 0)
		buf_printf(out, "is relayed to site %s, next stop %s", text_of(answer, "site"),
			   text_of(answer, "next_stop"));
	else if (strcmp(outcome, "relay-server") == 0)
		buf_adds(out, "is relayed to a server");
	else if (strcmp(outcome, "connector") == 0)
		buf_printf(out, "leaves by connector %s", text_of(answer, "connector"));
	else if (strcmp(outcome, "expanded") == 0)
		buf_adds(out, "is a group");
	else if (strcmp(outcome, "discarded") == 0)
		buf_adds(out, "is accepted and dropped: the group is empty");
	else
		buf_printf(out, "is %s: %s %s", outcome, text_of(answer, "status"),
			   text_of(answer, "reason"));
	add_servers(out, answer);
	buf_addc(out, '\n');
}

static void add_connector(struct buf *out, int depth, const json_t *answer)
{
	if (*text_of(answer, "connector") == '\0')
		return;
	indent(out, depth);
	buf_printf(out, "connector %s", text_of(answer, "connector"));
	if (*text_of(answer, "address_space") != '\0')
		buf_printf(out, " for %s", text_of(answer, "address_space"));
	buf_printf(out, ", total cost %lld\n", number_of(answer, "total_cost"));
}

static void add_path(struct buf *out, int depth, const json_t *answer)
{
	if (json_array_size(json_object_get(answer, "path")) == 0)
		return;
	indent(out, depth);
	buf_adds(out, "path     ");
	add_joined(out, json_object_get(answer, "path"), " > ");
	buf_printf(out, " (cost %lld, %lld hop%s)\n", number_of(answer, "cost"),
		   number_of(answer, "hops"), number_of(answer, "hops") == 1 ? "" : "s");
	add_list(out, depth, "stops", answer, "stops", ", ");
	add_list(out, depth, "backoff", answer, "backoff", ", ");
}

static void add_explanation(struct buf *out, int depth, const json_t *answer)
{
	size_t i;
	json_t *item;

	json_array_foreach(json_object_get(answer, "explain"), i, item) {
		const json_t *step = json_object_get(item, "removed_by_step");

		indent(out, depth);
		buf_printf(out, "%-24s ", text_of(item, "connector"));
		if (step != NULL)
			buf_printf(out, "step %lld: ", (long long)json_integer_value(step));
		buf_adds(out, text_of(item, "why"));
		if (json_object_get(item, "total_cost") != NULL)
			buf_printf(out, " (%s, total cost %lld)", text_of(item, "address_space"),
				   number_of(item, "total_cost"));
		buf_addc(out, '\n');
	}
}

static void add_answer(struct buf *out, int depth, const json_t *answer)
{
	size_t i;
	json_t *member;

	indent(out, depth);
	if (route_answer_is_error(answer)) {
		buf_printf(out, "error: %s\n", text_of(answer, "error"));
		return;
	}
	buf_printf(out, "%s\n", text_of(answer, "recipient"));
	depth++;
	add_list(out, depth, "via", answer, "via", " > ");
	if (*text_of(answer, "resolved") != '\0') {
		indent(out, depth);
		buf_printf(out, "is meant for %s\n", text_of(answer, "resolved"));
	}
	indent(out, depth);
	add_outcome(out, answer);
	add_connector(out, depth, answer);
	add_path(out, depth, answer);
	add_explanation(out, depth, answer);
	json_array_foreach(json_object_get(answer, "recipients"), i, member)
		add_answer(out, depth + 1, member);
}

void route_answer_text(const json_t *answer, struct buf *out)
{
	add_answer(out, 0, answer);
}
