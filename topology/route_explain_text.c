/*
 * An explanation as a person reads it, each line with the section of the routing rules that it
 * goes by. Pure.
 */
#include <string.h>

#include "topology/route_text_private.h"

enum { UNMATCHED_SHOWN = 10 };

static void begin_line(struct buf *out, int depth, const char *section)
{
	text_indent(out, depth);
	buf_printf(out, "§%-5s ", section);
}

static void add_resolution(struct buf *out, int depth, const json_t *explain)
{
	size_t i;
	json_t *note;

	json_array_foreach(json_object_get(explain, "resolution"), i, note) {
		begin_line(out, depth, text_of(note, "section"));
		buf_printf(out, "%s\n", text_of(note, "why"));
	}
}

static bool is_unlimited(const json_t *limit)
{
	return json_is_null(json_object_get(limit, "max"));
}

/* "size 12000: organisation MaxSendSize unlimited, link B-C 10000 is too small". */
static void add_limits(struct buf *out, int depth, const json_t *explain)
{
	const json_t *limits = json_object_get(explain, "limits");
	size_t i;
	json_t *limit;

	if (json_array_size(limits) == 0)
		return;
	begin_line(out, depth, "3.6");
	buf_printf(out, "size %lld: ", number_of(explain, "size"));
	json_array_foreach(limits, i, limit) {
		const char *name = text_of(limit, "name");

		buf_printf(out, "%s%s%s%s", i > 0 ? ", " : "", text_of(limit, "limit"),
			   *name != '\0' ? " " : "", name);
		if (is_unlimited(limit))
			buf_adds(out, " unlimited");
		else
			buf_printf(out, " %lld%s", number_of(limit, "max"),
				   json_is_true(json_object_get(limit, "passes")) ? "" : " is too small");
	}
	buf_addc(out, '\n');
}

/* Of a connector that was considered to the end: "*;5, total cost 35: path 30 to D and space 5". */
static void add_costs(struct buf *out, const json_t *item)
{
	buf_printf(out, ": %s (%s), total cost %lld", text_of(item, "address_space"),
		   text_of(item, "match"), number_of(item, "total_cost"));
	if (strcmp(text_of(item, "proximity"), "remote") == 0)
		buf_printf(out, ": path %lld to %s, address space %lld", number_of(item, "path_cost"),
			   text_of(item, "source_site"), number_of(item, "space_cost"));
}

static void add_connector(struct buf *out, int depth, const json_t *item)
{
	const json_t *step = json_object_get(item, "removed_by_step");

	begin_line(out, depth, "5");
	buf_printf(out, "%s ", text_of(item, "connector"));
	if (step != NULL)
		buf_printf(out, "step %lld: ", (long long)json_integer_value(step));
	buf_adds(out, text_of(item, "why"));
	if (step == NULL && json_object_get(item, "address_space") != NULL)
		add_costs(out, item);
	buf_addc(out, '\n');
}

static bool is_unmatched(const json_t *item)
{
	return json_object_get(item, "removed_by_step") != NULL &&
	       number_of(item, "removed_by_step") == 4;
}

/* The winner first; of those whose address spaces do not match only some. */
static void add_connectors(struct buf *out, int depth, const json_t *explain)
{
	const json_t *list = json_object_get(explain, "connectors");
	size_t i, unmatched = 0;
	json_t *item;

	json_array_foreach(list, i, item)
		if (json_object_get(item, "removed_by_step") == NULL)
			add_connector(out, depth, item);
	json_array_foreach(list, i, item) {
		if (json_object_get(item, "removed_by_step") == NULL ||
		    (is_unmatched(item) && unmatched++ >= UNMATCHED_SHOWN))
			continue;
		add_connector(out, depth, item);
	}
	if (list != NULL && json_array_size(list) == 0) {
		begin_line(out, depth, "5");
		buf_adds(out, "there are no connectors\n");
	}
	if (unmatched > UNMATCHED_SHOWN) {
		begin_line(out, depth, "5");
		buf_printf(out, "%zu more step 4: no address space matches\n",
			   unmatched - UNMATCHED_SHOWN);
	}
}

static void add_link(struct buf *out, const json_t *link)
{
	buf_printf(out, "%s cost %lld", text_of(link, "link"), number_of(link, "cost"));
	if (json_object_get(link, "max_message_size") != NULL)
		buf_printf(out, ", at most %lld", number_of(link, "max_message_size"));
}

static void add_links(struct buf *out, int depth, const json_t *explain)
{
	size_t i, j;
	json_t *hop, *loser;

	json_array_foreach(json_object_get(explain, "links"), i, hop) {
		begin_line(out, depth, "1");
		buf_printf(out, "%s > %s by ", text_of(hop, "from"), text_of(hop, "to"));
		add_link(out, hop);
		json_array_foreach(json_object_get(hop, "lost"), j, loser) {
			buf_adds(out, j > 0 ? "; " : ", not ");
			add_link(out, loser);
			buf_printf(out, " (%s)", text_of(loser, "lost_by"));
		}
		buf_addc(out, '\n');
	}
}

static void add_alternatives(struct buf *out, int depth, const json_t *explain)
{
	size_t i;
	json_t *item;

	json_array_foreach(json_object_get(explain, "alternatives"), i, item) {
		begin_line(out, depth, "2");
		buf_adds(out, "not ");
		text_joined(out, json_object_get(item, "path"), " > ");
		buf_printf(out, ", rule %lld: %s\n", number_of(item, "lost_by_rule"),
			   text_of(item, "why"));
	}
	if (json_object_get(explain, "more_alternatives") != NULL) {
		begin_line(out, depth, "2");
		buf_adds(out, "and others that are no better\n");
	}
}

static void add_no_path(struct buf *out, int depth, const json_t *explain)
{
	const json_t *path = json_object_get(explain, "path");

	if (path == NULL || json_array_size(path) > 0)
		return;
	begin_line(out, depth, "2");
	buf_printf(out, "no path leads to %s\n", text_of(explain, "destination"));
}

/* "what: B, C; left out D (no active hub)" for a list of objects named by FIELD. */
static void add_chosen(struct buf *out, int depth, const char *section, const char *what,
		       const json_t *list, const char *field)
{
	size_t i, n = 0;
	json_t *item;

	if (list == NULL)
		return;
	begin_line(out, depth, section);
	buf_printf(out, "%s: ", what);
	json_array_foreach(list, i, item)
		if (json_object_get(item, "left_out") == NULL)
			buf_printf(out, "%s%s", n++ > 0 ? ", " : "", text_of(item, field));
	buf_adds(out, n == 0 ? "none" : "");
	n = 0;
	json_array_foreach(list, i, item)
		if (json_object_get(item, "left_out") != NULL)
			buf_printf(out, "%s%s (%s)", n++ > 0 ? ", " : "; left out ", text_of(item, field),
				   text_of(item, "left_out"));
	buf_addc(out, '\n');
}

void route_explanation_text(const json_t *explain, int depth, struct buf *out)
{
	if (explain == NULL)
		return;
	text_indent(out, depth++);
	buf_adds(out, "because\n");
	add_resolution(out, depth, explain);
	add_connectors(out, depth, explain);
	add_links(out, depth, explain);
	add_alternatives(out, depth, explain);
	add_no_path(out, depth, explain);
	add_chosen(out, depth, "3.1", "hub sites on the path where it stops",
		   json_object_get(explain, "hub_sites"), "site");
	add_chosen(out, depth, "3.3", "servers", json_object_get(explain, "servers"), "server");
	add_chosen(out, depth, "3.5", "if none answers", json_object_get(explain, "backoff"), "site");
	add_limits(out, depth, explain);
	if (*text_of(explain, "why") != '\0') {
		text_indent(out, depth);
		buf_printf(out, "%s.\n", text_of(explain, "why"));
	}
}
