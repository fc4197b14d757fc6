/*
 * A difference as a person reads it. Pure.
 *
 *     4 lost, 0 gained, 3 moved, 0 changed
 *
 *     Paths
 *       lost     4, no-hub-in-site
 *                from A, B, C, D
 *                to E
 *       moved    3, next_stop: B → direct
 *                from A
 *                to C, D, E
 *                A to C: B > C by HTB1, cost 20; then A > C by HTC1, cost 15
 */
#include <string.h>

#include "topology/diff.h"

enum { GROUPS_SHOWN = 20, EXAMPLES_SHOWN = 1 };

#define INDENT "           "

static const char *text_of(const json_t *object, const char *field)
{
	const char *text = json_string_value(json_object_get(object, field));

	return text != NULL ? text : "";
}

static long long number_of(const json_t *object, const char *field)
{
	return (long long)json_integer_value(json_object_get(object, field));
}

/* Nothing of a directory drives a terminal. */
static void add_clean(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++)
		buf_addc(out, (unsigned char)*text < ' ' || *text == '\x7f' ? '?' : *text);
}

static void add_joined(struct buf *out, const json_t *list, const char *between)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		buf_adds(out, i > 0 ? between : "");
		add_clean(out, json_string_value(item));
	}
}

/* "LABEL a, b, c and 12 more", if there is anything. */
static void add_names(struct buf *out, const char *before, const char *label, const json_t *object,
		      const char *field, const char *count_field)
{
	const json_t *list = json_object_get(object, field);
	long long count = count_field != NULL ? number_of(object, count_field) :
						(long long)json_array_size(list);

	if (json_array_size(list) == 0)
		return;
	buf_printf(out, "%s%s ", before, label);
	add_joined(out, list, ", ");
	if (count > (long long)json_array_size(list))
		buf_printf(out, " and %lld more", count - (long long)json_array_size(list));
	buf_addc(out, '\n');
}

/* ---- groups ---- */

/* One end of an example: whatever it has, of a path, a connector or a recipient. */
static void add_end(struct buf *out, const json_t *end)
{
	if (*text_of(end, "reason") != '\0') {
		buf_adds(out, text_of(end, "reason"));
		return;
	}
	add_joined(out, json_object_get(end, "path"), " > ");
	add_clean(out, text_of(end, "connector"));
	add_clean(out, text_of(end, "home"));
	if (*text_of(end, "site") != '\0') {
		buf_adds(out, " in ");
		add_clean(out, text_of(end, "site"));
	}
	if (*text_of(end, "address") != '\0') {
		buf_adds(out, " as ");
		add_clean(out, text_of(end, "address"));
	}
	if (json_array_size(json_object_get(end, "stops")) > 1) {
		buf_adds(out, ", stops ");
		add_joined(out, json_object_get(end, "stops"), ", ");
	}
	if (json_array_size(json_object_get(end, "servers")) > 0) {
		buf_adds(out, ", by ");
		add_joined(out, json_object_get(end, "servers"), " or ");
	}
	if (json_array_size(json_object_get(end, "backoff")) > 0) {
		buf_adds(out, ", backoff ");
		add_joined(out, json_object_get(end, "backoff"), ", ");
	}
	if (json_object_get(end, "members") != NULL)
		buf_printf(out, " of %lld", number_of(end, "members"));
	if (json_object_get(end, "cost") != NULL)
		buf_printf(out, ", cost %lld", number_of(end, "cost"));
	if (json_object_get(end, "total_cost") != NULL)
		buf_printf(out, ", total cost %lld", number_of(end, "total_cost"));
}

static void add_example(struct buf *out, const json_t *example)
{
	buf_adds(out, INDENT);
	if (*text_of(example, "from") != '\0') {
		add_clean(out, text_of(example, "from"));
		buf_adds(out, " to ");
	}
	add_clean(out, text_of(example, "to"));
	buf_adds(out, ": ");
	add_end(out, json_object_get(example, "old"));
	buf_adds(out, "; then ");
	add_end(out, json_object_get(example, "new"));
	buf_addc(out, '\n');
}

static void add_way(struct buf *out, const json_t *group)
{
	const char *old = text_of(group, "old"), *new = text_of(group, "new");

	if (*old == '\0' && *new == '\0')
		return;
	buf_adds(out, ": ");
	add_clean(out, old);
	if (strcmp(old, new) != 0) {
		buf_adds(out, *old != '\0' ? " → " : "→ ");
		add_clean(out, *new != '\0' ? new : "nothing");
	}
}

static void add_group(struct buf *out, const json_t *group)
{
	json_t *example;
	size_t i;

	buf_printf(out, "  %-8s %lld", text_of(group, "kind"), number_of(group, "count"));
	if (*text_of(group, "reason") != '\0')
		buf_printf(out, ", %s", text_of(group, "reason"));
	if (json_array_size(json_object_get(group, "what")) > 0) {
		buf_adds(out, ", ");
		add_joined(out, json_object_get(group, "what"), " and ");
	}
	add_way(out, group);
	buf_addc(out, '\n');
	add_names(out, INDENT, "from", group, "from", "from_count");
	add_names(out, INDENT, "to", group, "to", "to_count");
	json_array_foreach(json_object_get(group, "examples"), i, example)
		if (i < EXAMPLES_SHOWN)
			add_example(out, example);
}

static void add_groups(struct buf *out, const char *title, const json_t *section)
{
	const json_t *groups = json_object_get(section, "groups");
	long long n = (long long)json_array_size(groups), left_out;
	json_t *group;
	size_t i;

	if (n == 0)
		return;
	buf_printf(out, "\n%s\n", title);
	json_array_foreach(groups, i, group)
		if (i < GROUPS_SHOWN)
			add_group(out, group);
	left_out = number_of(section, "groups_left_out") + (n > GROUPS_SHOWN ? n - GROUPS_SHOWN : 0);
	if (left_out > 0)
		buf_printf(out, "  and %lld more groups\n", left_out);
	if (json_is_false(json_object_get(section, "complete")))
		buf_printf(out, "  only the first %lld addresses were compared\n",
			   number_of(section, "addresses"));
}

/* ---- rows ---- */

static void add_row(struct buf *out, const json_t *row)
{
	const char *old = text_of(row, "old"), *new = text_of(row, "new");

	buf_printf(out, "  %-8s ", text_of(row, "kind"));
	add_clean(out, text_of(row, "name"));
	buf_printf(out, " %s", text_of(row, "what"));
	if (*old != '\0' || *new != '\0')
		buf_adds(out, ": ");
	add_clean(out, old);
	buf_adds(out, *new != '\0' ? (*old != '\0' ? " → " : "→ ") : "");
	add_clean(out, new);
	buf_addc(out, '\n');
}

static void add_rows(struct buf *out, const char *title, const json_t *rows)
{
	json_t *row;
	size_t i;

	if (json_array_size(rows) > 0)
		buf_printf(out, "\n%s\n", title);
	json_array_foreach(rows, i, row)
		add_row(out, row);
}

static void add_diagnostics(struct buf *out, const char *title, const json_t *rows, long long count)
{
	json_t *row;
	size_t i;

	if (json_array_size(rows) > 0)
		buf_printf(out, "\n%s\n", title);
	json_array_foreach(rows, i, row) {
		buf_printf(out, "  %-8s %s ", text_of(row, "severity"), text_of(row, "id"));
		add_clean(out, text_of(row, "dn"));
		if (*text_of(row, "attribute") != '\0')
			buf_printf(out, " %s", text_of(row, "attribute"));
		if (*text_of(row, "value") != '\0')
			buf_adds(out, " ");
		add_clean(out, text_of(row, "value"));
		buf_addc(out, '\n');
	}
	if (count > (long long)json_array_size(rows))
		buf_printf(out, "  and %lld more\n", count - (long long)json_array_size(rows));
}

static void add_sources(struct buf *out, const json_t *sources)
{
	if (number_of(sources, "compared") < number_of(sources, "of"))
		buf_printf(out, "From %lld of %lld sites, evenly chosen; the counts are of these.\n",
			   number_of(sources, "compared"), number_of(sources, "of"));
	add_names(out, "", "No longer sending:", sources, "lost", NULL);
	add_names(out, "", "Newly sending:", sources, "gained", NULL);
}

void diff_text(const json_t *diff, struct buf *out)
{
	const json_t *diagnostics = json_object_get(diff, "diagnostics");

	buf_printf(out, "%lld lost, %lld gained, %lld moved, %lld changed\n", number_of(diff, "lost"),
		   number_of(diff, "gained"), number_of(diff, "moved"), number_of(diff, "changed"));
	add_sources(out, json_object_get(diff, "sources"));
	add_groups(out, "Paths between sites", json_object_get(diff, "paths"));
	add_groups(out, "Address spaces", json_object_get(diff, "spaces"));
	add_groups(out, "Recipients", json_object_get(diff, "recipients"));
	add_rows(out, "Accepted domains", json_object_get(diff, "domains"));
	add_rows(out, "Connectors", json_object_get(diff, "connectors"));
	add_diagnostics(out, "New diagnostics", json_object_get(diagnostics, "new"),
			number_of(diagnostics, "new_count"));
	add_diagnostics(out, "Diagnostics that are gone", json_object_get(diagnostics, "gone"),
			number_of(diagnostics, "gone_count"));
}
