/*
 * Changes of a directory as JSON, and that JSON as a person reads it. Pure.
 *
 *     ~ waypostSiteLink cn=A-B,cn=Site Links,cn=Waypost,dc=example,dc=com
 *         waypostCost: 10 → 5
 *         waypostLinkedSite: + cn=C,cn=Sites,cn=Waypost,dc=example,dc=com
 */
#include <string.h>

#include "common/ctl_proto.h"
#include "topology/changes.h"

static const char *const kind_names[] = { "add", "remove", "replace" };

const char *change_kind_name(enum change_kind kind)
{
	return kind_names[kind];
}

static void set_values(json_t *row, const char *field, const char *const *values, size_t n)
{
	json_t *list;

	if (n == 0)
		return;
	list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, ctl_text(values[i]));
	json_object_set_new(row, field, list);
}

json_t *changes_json(const struct change_list *list)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < list->count; i++) {
		const struct change *change = &list->items[i];
		json_t *row = json_object();

		json_object_set_new(row, "kind", json_string(change_kind_name(change->kind)));
		json_object_set_new(row, "class", ctl_text(change->class));
		json_object_set_new(row, "dn", ctl_text(change->dn));
		if (change->attribute[0] != '\0')
			json_object_set_new(row, "attribute", ctl_text(change->attribute));
		set_values(row, "old", change->old_values, change->n_old);
		set_values(row, "new", change->new_values, change->n_new);
		json_array_append_new(rows, row);
	}
	return rows;
}

static const char *text_of(const json_t *row, const char *field)
{
	const char *text = json_string_value(json_object_get(row, field));

	return text != NULL ? text : "";
}

/* Nothing of a directory drives a terminal. */
static void add_clean(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++)
		buf_addc(out, (unsigned char)*text < ' ' || *text == '\x7f' ? '?' : *text);
}

static void add_values(struct buf *out, const json_t *values, const char *before)
{
	json_t *value;
	size_t i;

	json_array_foreach(values, i, value) {
		buf_adds(out, i > 0 ? ", " : before);
		add_clean(out, json_is_string(value) ? json_string_value(value) : "");
	}
}

static char mark_of(const json_t *row)
{
	const char *kind = text_of(row, "kind");

	return strcmp(kind, "add") == 0 ? '+' : strcmp(kind, "remove") == 0 ? '-' : '~';
}

/* The line of an object; only a row of the whole object says that it came or went. */
static void add_object(struct buf *out, const json_t *row)
{
	bool is_whole = json_object_get(row, "attribute") == NULL;

	buf_printf(out, "%c ", is_whole ? mark_of(row) : '~');
	add_clean(out, text_of(row, "class"));
	buf_adds(out, *text_of(row, "class") != '\0' ? " " : "");
	add_clean(out, text_of(row, "dn"));
	buf_addc(out, '\n');
}

/* "a → b" of single values; several are told apart by + and -. */
static void add_attribute(struct buf *out, const json_t *row)
{
	const json_t *old = json_object_get(row, "old"), *new = json_object_get(row, "new");

	buf_adds(out, "    ");
	add_clean(out, text_of(row, "attribute"));
	buf_addc(out, ':');
	if (json_array_size(old) == 1 && json_array_size(new) == 1) {
		add_values(out, old, " ");
		add_values(out, new, " → ");
	} else {
		add_values(out, old, " - ");
		add_values(out, new, json_array_size(old) > 0 ? "; + " : " + ");
	}
	buf_addc(out, '\n');
}

void changes_text(const json_t *changes, struct buf *out)
{
	const char *dn = NULL;
	json_t *row;
	size_t i;

	json_array_foreach(changes, i, row) {
		bool is_whole = json_object_get(row, "attribute") == NULL;

		if (dn == NULL || is_whole || strcmp(dn, text_of(row, "dn")) != 0)
			add_object(out, row);
		if (!is_whole)
			add_attribute(out, row);
		dn = text_of(row, "dn");
	}
}
