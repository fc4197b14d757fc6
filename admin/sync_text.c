/* The status of the replica as a person reads it. */
#include "admin/sync_text.h"

#include "admin/table.h"

static const char *const source_members[] = { "source", "state", "server", "tracker", "bind", "tls",
					      "lag_ms", "entries", "last_change" };
static const char *const source_headers[] = { "Source", "State", "Server", "Followed by", "Bind",
					      "TLS", "Lag (ms)", "Entries", "Last change" };

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
	if (has_text(hold, "remedy"))
		buf_printf(out, "  remedy: %s\n", text(ctx, hold, "remedy"));
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
	if (has_text(source, "remedy"))
		buf_printf(out, "  remedy: %s\n", text(ctx, source, "remedy"));
}

/* What the table has no room for. */
static void add_details(TALLOC_CTX *ctx, const json_t *source, struct buf *out)
{
	struct buf lines = { 0 };

	buf_adds(&lines, "  reads ");
	if (sync_text_progress(ctx, source, &lines))
		buf_printf(&lines, ", since %s\n", text(ctx, member(source, "progress"), "since"));
	else
		buf_clear(&lines);
	if (json_is_object(member(source, "held")))
		add_hold(ctx, member(source, "held"), &lines);
	else if (has_text(source, "last_error"))
		add_error(ctx, source, &lines);
	if (lines.len > 0)
		buf_printf(out, "%s\n%s\n", text(ctx, source, "source"), lines.data);
	buf_free(&lines);
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
		buf_addc(out, '\n');
	}
	for (i = 0; i < WP_COUNT(members); i++) {
		const json_t *value = member(status, members[i]);

		if (json_is_integer(value) || json_string_length(value) > 0)
			buf_printf(out, "%-12s  %s\n", headers[i], cell(ctx, value));
	}
}
