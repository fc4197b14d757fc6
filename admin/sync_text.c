/* The status of the replica as a person reads it. */
#include "admin/sync_text.h"

#include <string.h>

#include "admin/table.h"

/* What is short: the rest stands below. */
static const char *const source_members[] = { "source", "state", "tracker", "lag_ms", "entries",
					      "last_change" };
static const char *const source_headers[] = { "Source", "State", "Followed by", "Lag (ms)", "Entries",
					      "Last change" };

static const char *const members[] = { "state",       "source",     "lag_ms",
				       "entries",     "recipients", "snapshot",
				       "newest",      "pinned_since", "last_change",
				       "last_error",  "last_error_at", "diagnostics" };
static const char *const headers[] = { "State",       "Source",     "Lag (ms)",
				       "Entries",     "Recipients", "Snapshot",
				       "Newest",      "Pinned since", "Last change",
				       "Last error",  "Since", "Diagnostics" };

static const json_t *member(const json_t *row, const char *name)
{
	return json_object_get(row, name);
}

static bool has_text(const json_t *row, const char *name)
{
	return json_string_length(member(row, name)) > 0;
}

static char *text(TALLOC_CTX *ctx, const json_t *row, const char *name)
{
	return table_clean(ctx, json_string_value(member(row, name)));
}

static long long number(const json_t *row, const char *name)
{
	return (long long)json_integer_value(member(row, name));
}

static char *cell(TALLOC_CTX *ctx, const json_t *value)
{
	if (json_is_integer(value))
		return talloc_asprintf(ctx, "%lld", (long long)json_integer_value(value));
	return table_clean(ctx, json_string_value(value));
}

/* ---- sources ---- */

static void add_table(TALLOC_CTX *ctx, const json_t *sources, struct buf *out)
{
	struct table *table = table_new(ctx, source_headers, WP_COUNT(source_headers));
	json_t *source;
	size_t i;

	json_array_foreach(sources, i, source) {
		const char *cells[WP_COUNT(source_members)];

		for (size_t c = 0; c < WP_COUNT(source_members); c++)
			cells[c] = cell(table, member(source, source_members[c]));
		table_add(table, cells);
	}
	table_print(table, table_wants_colour(), out);
	if (table_rows(table) > 0)
		buf_addc(out, '\n');
}

bool sync_text_progress(TALLOC_CTX *ctx, const json_t *source, struct buf *out)
{
	const json_t *progress = member(source, "progress");

	if (!json_is_object(progress))
		return false;
	buf_printf(out, "%s: %lld ", text(ctx, source, "source"), number(progress, "entries"));
	if (json_is_integer(member(progress, "expected")))
		buf_printf(out, "of about %lld ", number(progress, "expected"));
	buf_printf(out, "entries, %lld a second", number(progress, "rate"));
	return true;
}

static void add_examples(TALLOC_CTX *ctx, const json_t *hold, struct buf *out)
{
	const json_t *examples = member(hold, "examples"), *example;
	long long more = number(hold, "recipients") + number(hold, "topology") -
			 (long long)json_array_size(examples);
	size_t i;

	json_array_foreach(examples, i, example)
		buf_printf(out, "    - %s\n", table_clean(ctx, json_string_value(example)));
	if (more > 0)
		buf_printf(out, "    and %lld more\n", more);
}

static void add_hold(TALLOC_CTX *ctx, const json_t *hold, struct buf *out)
{
	buf_printf(out, "  held since %s: %s\n", text(ctx, hold, "since"), text(ctx, hold, "text"));
	add_examples(ctx, hold, out);
}

static void add_remedy(TALLOC_CTX *ctx, const json_t *row, struct buf *out)
{
	if (has_text(row, "remedy"))
		buf_printf(out, "  remedy: %s\n", text(ctx, row, "remedy"));
}

bool sync_text_held(TALLOC_CTX *ctx, const json_t *status, const char *title, struct buf *out)
{
	const json_t *whole = member(status, "held");
	size_t i, before = out->len;
	json_t *source;

	json_array_foreach(member(status, "sources"), i, source) {
		const char *name = json_string_value(member(source, "source"));
		bool is_meant = title == NULL || (name != NULL && strcmp(name, title) == 0);

		if (!is_meant || !json_is_object(member(source, "held")))
			continue;
		buf_printf(out, "%s\n", text(ctx, source, "source"));
		add_hold(ctx, member(source, "held"), out);
	}
	if (title == NULL && json_is_object(whole)) {
		buf_adds(out, "The snapshot\n");
		add_hold(ctx, whole, out);
	}
	return out->len > before;
}

static void add_error(TALLOC_CTX *ctx, const json_t *source, struct buf *out)
{
	if (has_text(source, "last_error_over")) {
		buf_printf(out, "  last error %s, over since %s: %s\n",
			   text(ctx, source, "last_error_at"), text(ctx, source, "last_error_over"),
			   text(ctx, source, "last_error"));
		return;
	}
	buf_printf(out, "  since %s: %s\n", text(ctx, source, "last_error_at"),
		   text(ctx, source, "last_error"));
	add_remedy(ctx, source, out);
}

/* How it is reached: "ldap://dc1; simple as cn=waypost,…; TLS: none". */
static void add_connection(TALLOC_CTX *ctx, const json_t *source, struct buf *out)
{
	buf_printf(out, "  %s", text(ctx, source, "server"));
	if (has_text(source, "bind"))
		buf_printf(out, "; %s", text(ctx, source, "bind"));
	if (has_text(source, "tls"))
		buf_printf(out, "; TLS: %s", text(ctx, source, "tls"));
	buf_addc(out, '\n');
}

/* What the table has no room for. */
static void add_details(TALLOC_CTX *ctx, const json_t *source, struct buf *out)
{
	struct buf progress = { 0 };

	buf_printf(out, "%s\n", text(ctx, source, "source"));
	if (has_text(source, "server"))
		add_connection(ctx, source, out);
	if (sync_text_progress(ctx, source, &progress))
		buf_printf(out, "  reads %s, since %s\n", progress.data,
			   text(ctx, member(source, "progress"), "since"));
	if (json_is_object(member(source, "held"))) {
		add_hold(ctx, member(source, "held"), out);
		add_remedy(ctx, member(source, "held"), out);
	} else if (has_text(source, "last_error")) {
		add_error(ctx, source, out);
	}
	buf_addc(out, '\n');
	buf_free(&progress);
}

/* ---- all together ---- */

void sync_text_status(TALLOC_CTX *ctx, const json_t *status, struct buf *out)
{
	const json_t *sources = member(status, "sources");
	json_t *source;
	size_t i;

	add_table(ctx, sources, out);
	json_array_foreach(sources, i, source)
		add_details(ctx, source, out);
	if (json_is_object(member(status, "held"))) {
		buf_adds(out, "The snapshot\n");
		add_hold(ctx, member(status, "held"), out);
		add_remedy(ctx, member(status, "held"), out);
		buf_addc(out, '\n');
	}
	for (i = 0; i < WP_COUNT(members); i++) {
		const json_t *value = member(status, members[i]);

		if (json_is_integer(value) || json_string_length(value) > 0)
			buf_printf(out, "%-12s  %s\n", headers[i], cell(ctx, value));
	}
}
