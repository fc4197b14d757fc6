/* waypost topology show: a picture of the organisation, or all of it as JSON; also of the past. */
#include <string.h>

#include "admin/cmd.h"
#include "admin/table.h"
#include "admin/view.h"
#include "topology/draw.h"
#include "topology/model_json.h"

const struct cli_option cmd_show_options[] = {
	VIEW_OPTIONS,
	{ "format", 0, "tree|dot|svg|json", "how to show it; default: tree" },
	{ NULL, 0, NULL, NULL },
};

static void show_tree(const struct snapshot *snap, struct buf *out)
{
	draw_tree(snap, table_wants_colour(), out);
}

/* JSON is not drawn. */
static const struct {
	const char *name;
	void (*draw)(const struct snapshot *snap, struct buf *out);
} formats[] = {
	{ "tree", show_tree },
	{ "dot", draw_dot },
	{ "svg", draw_svg },
	{ "json", NULL },
};

static int find_format(const struct cli *cli, size_t *format_r, struct err *e)
{
	const char *name = cli_value(cli, "format");

	if (name == NULL)
		name = cli->json ? "json" : "tree";
	for (size_t i = 0; i < WP_COUNT(formats); i++)
		if (strcmp(formats[i].name, name) == 0) {
			*format_r = i;
			return 0;
		}
	err_set(e, ERR_USAGE, 0, "there is no format \"%.40s\"", name);
	return err_remedy(e, "formats: tree, dot, svg, json");
}

static int open_view(struct cli *cli, struct view **view_r, struct err *e)
{
	uint64_t number;

	if (cli->n_operands == 0)
		return view_open(cli, view_r, e);
	if (cli_operand_number(cli, 0, INT64_MAX, &number, e) < 0)
		return -1;
	return view_open_snapshot(cli, number, view_r, e);
}

int cmd_topology_show(struct cli *cli, struct err *e)
{
	struct buf out = { 0 };
	struct view *view;
	size_t format = 0;

	if (find_format(cli, &format, e) < 0 || open_view(cli, &view, e) < 0)
		return -1;
	if (cli->quiet)
		return EXIT_DONE;
	if (formats[format].draw == NULL) {
		cli_print_json(model_json(view_snapshot(view)));
		return EXIT_DONE;
	}
	if (formats[format].draw == show_tree && view_past(view) != NULL)
		buf_printf(&out, "As of %s\n", view_past(view));
	formats[format].draw(view_snapshot(view), &out);
	print_buf(&out);
	return EXIT_DONE;
}
