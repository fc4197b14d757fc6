/* waypost topology check: the diagnostics of the directory. */
#include <stdio.h>

#include "admin/cmd.h"
#include "admin/table.h"
#include "admin/view.h"
#include "common/ctl_proto.h"
#include "common/replica.h"
#include "topology/diag.h"

const struct cli_option cmd_topology_options[] = {
	VIEW_OPTIONS,
	VIEW_PAST_OPTION,
	{ NULL, 0, NULL, NULL },
};

/* The columns, and the members of the JSON rows. */
static const char *const columns[] = { "severity", "id", "dn", "attribute", "value", "text",
				       "action" };
static const char *const headers[] = { "Severity", "Id", "DN", "Attribute", "Value", "What is wrong",
				       "What was done" };

static json_t *finding(const char *severity, const char *id, const char *dn, const char *attribute,
		       const char *value, const char *text, const char *action)
{
	const char *const cells[] = { severity, id, dn, attribute, value, text, action };
	json_t *row = json_object();

	for (size_t i = 0; i < WP_COUNT(cells); i++)
		if (cells[i] != NULL && cells[i][0] != '\0')
			json_object_set_new(row, columns[i], ctl_text(cells[i]));
	return row;
}

static void add_snapshot_findings(const struct snapshot *snap, json_t *rows, bool *is_bad)
{
	for (uint32_t i = 0; i < snap_count(snap, SNAP_DIAGS); i++) {
		const struct snap_diag *d = snap_diag(snap, i);
		const struct diag_row *row = diag_row(d->row);

		*is_bad |= row->severity != DIAG_NOTE;
		json_array_append_new(rows, finding(diag_severity_name(row->severity), row->id,
						    snap_str(snap, d->dn), snap_str(snap, d->attribute),
						    snap_str(snap, d->value), row->text, row->action));
	}
}

/* What was found while entries were stored is always a warning. */
static void add_stored_finding(void *arg, const struct replica_diagnostic *d)
{
	json_array_append_new(arg, finding(diag_severity_name(DIAG_WARNING), d->id, d->dn,
					   d->attribute, d->value, NULL, d->action));
}

static void print_findings(TALLOC_CTX *ctx, const json_t *rows)
{
	struct table *table = table_new(ctx, headers, WP_COUNT(headers));
	struct buf out = { 0 };
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		const char *cells[WP_COUNT(columns)];

		for (size_t c = 0; c < WP_COUNT(columns); c++)
			cells[c] = json_string_value(json_object_get(row, columns[c]));
		table_add(table, cells);
	}
	table_print(table, table_wants_colour(), &out);
	if (table_rows(table) == 0)
		buf_adds(&out, "Nothing is wrong in the directory.\n");
	print_buf(&out);
}

int cmd_topology_check(struct cli *cli, struct err *e)
{
	struct view *view;
	json_t *rows;
	bool is_bad = false;
	size_t n;

	if (view_open(cli, &view, e) < 0)
		return -1;
	rows = json_array();
	add_snapshot_findings(view_snapshot(view), rows, &is_bad);
	n = json_array_size(rows);
	if (view_each_diagnostic(view, add_stored_finding, rows, e) < 0) {
		json_decref(rows);
		return -1;
	}
	is_bad |= json_array_size(rows) > n;
	if (cli->json && !cli->quiet)
		cli_print_json(json_incref(rows));
	else if (!cli->quiet)
		print_findings(cli->ctx, rows);
	json_decref(rows);
	return is_bad ? EXIT_FINDING : EXIT_DONE;
}
