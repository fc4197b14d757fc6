/*
 * An answer as a person reads it: what happens, by which way, at what cost. Pure.
 *
 *     hte1@example.com
 *       is relayed to site E, next stop B, by HTB1
 *       path     A > B > C > D > E (cost 40, 4 hops)
 *       stops    B, E
 */
#include <string.h>

#include "topology/route_text_private.h"

void text_indent(struct buf *out, int depth)
{
	for (int i = 0; i < depth; i++)
		buf_adds(out, "  ");
}

void text_joined(struct buf *out, const json_t *list, const char *between)
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
	text_indent(out, depth);
	buf_printf(out, "%-8s ", label);
	text_joined(out, list, between);
	buf_addc(out, '\n');
}

static void add_servers(struct buf *out, const json_t *answer)
{
	if (json_array_size(json_object_get(answer, "servers")) > 0) {
		buf_adds(out, ", by ");
		text_joined(out, json_object_get(answer, "servers"), " or ");
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
		buf_printf(out, "is %s: %s%s%s", outcome, text_of(answer, "status"),
			   *text_of(answer, "status") != '\0' ? " " : "", text_of(answer, "reason"));
	add_servers(out, answer);
	buf_addc(out, '\n');
}

static void add_connector(struct buf *out, int depth, const json_t *answer)
{
	if (*text_of(answer, "connector") == '\0')
		return;
	text_indent(out, depth);
	buf_printf(out, "connector %s", text_of(answer, "connector"));
	if (*text_of(answer, "address_space") != '\0')
		buf_printf(out, " for %s", text_of(answer, "address_space"));
	buf_printf(out, ", total cost %lld\n", number_of(answer, "total_cost"));
}

static void add_path(struct buf *out, int depth, const json_t *answer)
{
	if (json_array_size(json_object_get(answer, "path")) == 0)
		return;
	text_indent(out, depth);
	buf_adds(out, "path     ");
	text_joined(out, json_object_get(answer, "path"), " > ");
	buf_printf(out, " (cost %lld, %lld hop%s)\n", number_of(answer, "cost"),
		   number_of(answer, "hops"), number_of(answer, "hops") == 1 ? "" : "s");
	add_list(out, depth, "stops", answer, "stops", ", ");
	add_list(out, depth, "backoff", answer, "backoff", ", ");
}

static void add_answer(struct buf *out, int depth, const json_t *answer)
{
	size_t i;
	json_t *member;

	text_indent(out, depth);
	if (route_answer_is_error(answer)) {
		buf_printf(out, "error: %s\n", text_of(answer, "error"));
		return;
	}
	buf_printf(out, "%s\n", text_of(answer, "recipient"));
	depth++;
	add_list(out, depth, "via", answer, "via", " > ");
	if (*text_of(answer, "resolved") != '\0') {
		text_indent(out, depth);
		buf_printf(out, "is meant for %s\n", text_of(answer, "resolved"));
	}
	text_indent(out, depth);
	add_outcome(out, answer);
	add_connector(out, depth, answer);
	add_path(out, depth, answer);
	route_explanation_text(json_object_get(answer, "explain"), depth, out);
	json_array_foreach(json_object_get(answer, "recipients"), i, member)
		add_answer(out, depth + 1, member);
}

/* "to site B, which splits it, by HTB1": where one copy goes. */
static void add_copy(struct buf *out, const json_t *copy)
{
	const char *outcome = text_of(copy, "outcome"), *stop = text_of(copy, "next_stop");
	const char *fork = text_of(copy, "fork"), *end = *fork != '\0' ? fork : text_of(copy, "site");

	if (strcmp(outcome, "mailbox") == 0)
		buf_printf(out, "to mailbox server %s", text_of(copy, "server"));
	else if (strcmp(outcome, "relay-site") == 0)
		buf_printf(out, "to site %s%s%s%s", stop, strcmp(stop, end) != 0 ? ", on the way to " : "",
			   strcmp(stop, end) != 0 ? end : "", *fork != '\0' ? ", where it is split" : "");
	else if (strcmp(outcome, "relay-server") == 0)
		buf_adds(out, "to a server");
	else if (strcmp(outcome, "connector") == 0)
		buf_printf(out, "by connector %s%s%s", text_of(copy, "connector"),
			   *text_of(copy, "domain") != '\0' ? " to " : "", text_of(copy, "domain"));
	else
		buf_printf(out, "waits: %s", text_of(copy, "reason"));
	add_servers(out, copy);
	buf_addc(out, '\n');
}

/* One message: its copies with their recipients, what is not sent, and with EXPLAIN each answer. */
static void add_message(struct buf *out, const json_t *answer)
{
	const json_t *copies = json_object_get(answer, "copies"), *item;
	size_t i, n = json_array_size(copies);

	buf_printf(out, "%s sends %zu cop%s of the message\n", text_of(answer, "from"), n,
		   n == 1 ? "y" : "ies");
	for (i = 0; i < n; i++) {
		item = json_array_get(copies, i);
		buf_printf(out, "  %zu. ", i + 1);
		add_copy(out, item);
		buf_adds(out, "     for ");
		text_joined(out, json_object_get(item, "recipients"), ", ");
		buf_addc(out, '\n');
	}
	for (i = 0; i < json_array_size(json_object_get(answer, "not_sent")); i++) {
		item = json_array_get(json_object_get(answer, "not_sent"), i);
		buf_printf(out, "  not to %s, which ", text_of(item, "recipient"));
		add_outcome(out, item);
	}
	for (i = 0; i < json_array_size(json_object_get(answer, "recipients")); i++) {
		item = json_array_get(json_object_get(answer, "recipients"), i);
		if (n == 0 || json_object_get(item, "explain") != NULL)
			add_answer(out, 0, item);
	}
}

void route_answer_text(const json_t *answer, struct buf *out)
{
	if (json_object_get(answer, "copies") != NULL)
		add_message(out, answer);
	else
		add_answer(out, 0, answer);
}
