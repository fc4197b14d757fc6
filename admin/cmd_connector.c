/* waypost connector: explicit and computed connectors. */
#include <stdio.h>
#include <string.h>

#include "admin/cmd.h"
#include "admin/connector.h"
#include "admin/table.h"
#include "admin/view.h"
#include "topology/viewpoint.h"

const struct cli_option cmd_connector_list_options[] = {
	VIEW_OPTIONS,
	VIEW_PAST_OPTION,
	{ "from", 0, "SERVER", "as this server sees them; default: this host" },
	{ "implicit", 0, NULL, "list the computed connectors too" },
	{ "columns", 0, "A,B…|all", "columns beside Name and Status" },
	{ NULL, 0, NULL, NULL },
};

const struct cli_option cmd_connector_show_options[] = {
	VIEW_OPTIONS,
	VIEW_PAST_OPTION,
	{ "from", 0, "SERVER", "as this server sees it; default: this host" },
	{ NULL, 0, NULL, NULL },
};

enum { FIXED_COLUMNS = 2, COLUMNS_MAX = 64 };

struct columns {
	const struct connector_property *at[COLUMNS_MAX];
	size_t n;
};

/* What a command looks at: the snapshot, and if it is known whose view it is. */
struct lister {
	struct cli *cli;
	struct view *view;
	const struct snapshot *snap;
	struct viewpoint *vp; /* null: no server is known */
	struct err no_server; /* why */
	struct implicit_connector *implicit;
	uint32_t n_implicit;
};

static int lister_open(struct lister *l, struct cli *cli, struct err *e)
{
	uint32_t server;

	*l = (struct lister){ .cli = cli };
	if (view_open(cli, &l->view, e) < 0)
		return -1;
	l->snap = view_snapshot(l->view);
	server = view_server(cli, l->view, &l->no_server);
	if (server == SNAP_NONE && cli_value(cli, "from") != NULL) {
		*e = l->no_server;
		return -1;
	}
	if (server == SNAP_NONE)
		return 0;
	l->vp = viewpoint_new(l->snap, server);
	l->n_implicit = implicit_list(cli->ctx, l->vp, &l->implicit);
	return 0;
}

static bool is_edge(const struct lister *l)
{
	return l->vp != NULL && viewpoint_is_edge(l->vp);
}

/* ---- list ---- */

static void add_column(struct columns *columns, const struct connector_property *property)
{
	for (size_t i = 0; i < columns->n; i++)
		if (columns->at[i] == property)
			return;
	if (columns->n < COLUMNS_MAX)
		columns->at[columns->n++] = property;
}

static int refuse_column(const char *name, size_t len, struct err *e)
{
	struct buf known = { 0 };

	for (size_t i = FIXED_COLUMNS; i < connector_n_properties; i++)
		if (connector_properties[i].is_column)
			buf_printf(&known, "%s%s", known.len > 0 ? "," : "",
				   connector_properties[i].member);
	err_set(e, ERR_USAGE, 0, "there is no column \"%.*s\"", (int)(len < 60 ? len : 60), name);
	err_remedy(e, "columns: %s", known.data);
	buf_free(&known);
	return -1;
}

static int read_columns(const char *text, struct columns *columns, struct err *e)
{
	while (text != NULL && *text != '\0') {
		size_t len = strcspn(text, ",");
		const struct connector_property *property = connector_find_property(text, len);
		bool is_all = len == 3 && strncmp(text, "all", 3) == 0;

		if (!is_all && (property == NULL || !property->is_column))
			return refuse_column(text, len, e);
		for (size_t i = 0; is_all && i < connector_n_properties; i++)
			if (connector_properties[i].is_column)
				add_column(columns, &connector_properties[i]);
		if (!is_all)
			add_column(columns, property);
		text += len + (text[len] == ',');
	}
	return 0;
}

static int choose_columns(const struct lister *l, struct columns *columns, struct err *e)
{
	const char *wanted = cli_value(l->cli, "columns");

	for (size_t i = 0; i < FIXED_COLUMNS; i++)
		add_column(columns, &connector_properties[i]);
	if (wanted == NULL || !is_edge(l))
		return read_columns(wanted, columns, e);
	err_set(e, ERR_USAGE, 0, "on an edge connectors have only the columns Name and Status");
	return err_remedy(e, "leave out --columns");
}

static json_t *item_row(const struct columns *columns, const struct connector_item *item)
{
	json_t *row = json_object();

	for (size_t i = 0; i < columns->n; i++) {
		json_t *value = columns->at[i]->value(item);

		if (value != NULL)
			json_object_set_new(row, columns->at[i]->member, value);
	}
	return row;
}

static json_t *list_rows(const struct lister *l, const struct columns *columns, bool implicit)
{
	json_t *rows = json_array();

	for (uint32_t i = 0; i < snap_count(l->snap, SNAP_CONNECTORS); i++) {
		struct connector_item item = { l->snap, snap_connector(l->snap, i), NULL };

		json_array_append_new(rows, item_row(columns, &item));
	}
	for (uint32_t i = 0; implicit && i < l->n_implicit; i++) {
		struct connector_item item = { l->snap, NULL, &l->implicit[i] };

		json_array_append_new(rows, item_row(columns, &item));
	}
	return rows;
}

static void print_list(struct cli *cli, const struct columns *columns, const json_t *rows)
{
	const char *headers[COLUMNS_MAX], *cells[COLUMNS_MAX];
	struct table *table;
	struct buf out = { 0 };
	json_t *row;
	size_t i;

	for (i = 0; i < columns->n; i++)
		headers[i] = columns->at[i]->header;
	table = table_new(cli->ctx, headers, columns->n);
	json_array_foreach(rows, i, row) {
		for (size_t c = 0; c < columns->n; c++)
			cells[c] = connector_cell(table, json_object_get(row, columns->at[c]->member));
		table_add(table, cells);
	}
	table_print(table, table_wants_colour(), &out);
	if (table_rows(table) == 0)
		buf_adds(&out, "There is no connector.\n");
	print_buf(&out);
}

static int list(struct lister *l, struct err *e)
{
	struct cli *cli = l->cli;
	struct columns columns = { .n = 0 };
	bool implicit = cli_flag(cli, "implicit");
	json_t *rows;

	if (choose_columns(l, &columns, e) < 0)
		return -1;
	if (implicit && l->vp == NULL) {
		*e = l->no_server;
		return -1;
	}
	rows = list_rows(l, &columns, implicit);
	if (cli->json && !cli->quiet)
		cli_print_json(json_incref(rows));
	else if (!cli->quiet)
		print_list(cli, &columns, rows);
	json_decref(rows);
	return EXIT_DONE;
}

int cmd_connector_list(struct cli *cli, struct err *e)
{
	struct lister l;
	int rc = lister_open(&l, cli, e);

	if (rc == 0)
		rc = list(&l, e);
	viewpoint_free(l.vp);
	return rc;
}

/* ---- show ---- */

static int find_item(const struct lister *l, const char *name, struct connector_item *item_r,
		     struct err *e)
{
	uint32_t found = snapshot_find_connector(l->snap, name);

	*item_r = (struct connector_item){ .snap = l->snap };
	if (found != SNAP_NONE)
		item_r->explicit = snap_connector(l->snap, found);
	for (uint32_t i = 0; found == SNAP_NONE && i < l->n_implicit; i++)
		if (ascii_equal(l->implicit[i].name, name))
			item_r->implicit = &l->implicit[i];
	if (item_r->explicit != NULL || item_r->implicit != NULL)
		return 0;
	err_set(e, ERR_NOT_FOUND, 0, "there is no connector \"%.100s\"", name);
	return err_remedy(e, "waypost connector list --implicit lists them");
}

/* {"General": {"name": …}, …}: groups in the order of the table, without the empty ones. */
static json_t *item_groups(const struct lister *l, const struct connector_item *item)
{
	json_t *groups = json_object();

	for (size_t i = 0; i < connector_n_properties; i++) {
		const struct connector_property *p = &connector_properties[i];
		json_t *value = p->value(item), *group;

		if (value == NULL || (is_edge(l) && strcmp(p->group, "Source Server") == 0)) {
			json_decref(value);
			continue;
		}
		group = json_object_get(groups, p->group);
		if (group == NULL) {
			group = json_object();
			json_object_set_new(groups, p->group, group);
		}
		json_object_set_new(group, p->member, value);
	}
	return groups;
}

static void print_groups(struct cli *cli, const json_t *groups)
{
	const char *group = "";

	for (size_t i = 0; i < connector_n_properties; i++) {
		const struct connector_property *p = &connector_properties[i];
		const json_t *value = json_object_get(json_object_get(groups, p->group), p->member);
		const char *cell;

		if (value == NULL)
			continue;
		if (strcmp(p->group, group) != 0)
			printf("%s%s\n", group[0] != '\0' ? "\n" : "", p->group);
		group = p->group;
		cell = connector_cell(cli->ctx, value);
		if (cell[0] != '\0')
			printf("  %-28s %s\n", p->header, table_clean(cli->ctx, cell));
	}
}

int cmd_connector_show(struct cli *cli, struct err *e)
{
	struct connector_item item;
	struct lister l;
	json_t *groups;
	int rc = lister_open(&l, cli, e);

	if (rc == 0)
		rc = find_item(&l, cli->operands[0], &item, e);
	if (rc == 0) {
		groups = item_groups(&l, &item);
		if (cli->json && !cli->quiet)
			cli_print_json(json_incref(groups));
		else if (!cli->quiet)
			print_groups(cli, groups);
		json_decref(groups);
	}
	viewpoint_free(l.vp);
	return rc;
}
