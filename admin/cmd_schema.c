/* waypost schema: what Waypost knows of schemas, its own and others'. */
#include "admin/cmd.h"
#include "admin/paragraph.h"
#include "common/assumption.h"

static const char *value_of(TALLOC_CTX *ctx, const struct assumptions *assumed,
			    enum assumption_id id)
{
	if (assumed->texts[id] != NULL)
		return assumed->texts[id];
	return talloc_asprintf(ctx, "%u", (unsigned)assumed->numbers[id]);
}

/* What the host file says, if it was named on the command line. */
static int read_assumed(struct cli *cli, struct assumptions *assumed, struct err *e)
{
	assumptions_init(assumed);
	if (cli->config == NULL)
		return 0;
	if (cli_host(cli, e) < 0)
		return -1;
	for (size_t i = 0; i < cli->host->n_directories; i++)
		for (size_t a = 0; a < cli->host->directories[i].n_assume; a++)
			if (assumptions_take(assumed, cli->ctx, cli->host->directories[i].assume[a],
					     e) < 0)
				return -1;
	return 0;
}

static void print_rows(struct cli *cli, const struct assumptions *assumed)
{
	struct buf out = { 0 };
	int width = paragraph_width();

	for (unsigned id = ASSUME_NOTHING + 1; id < ASSUMPTIONS; id++) {
		const struct assumption *row = assumption_row(id);

		buf_printf(&out, "%s%s=%s\n", id > ASSUME_NOTHING + 1 ? "\n" : "", row->name,
			   value_of(cli->ctx, assumed, id));
		paragraph_add(&out, "  ", "  ", row->meaning, width);
		paragraph_add(&out, "  doubt: ", "         ", row->doubt, width);
	}
	print_buf(&out);
}

static void print_json(struct cli *cli, const struct assumptions *assumed)
{
	json_t *rows = json_array();

	for (unsigned id = ASSUME_NOTHING + 1; id < ASSUMPTIONS; id++) {
		const struct assumption *row = assumption_row(id);

		json_array_append_new(rows, json_pack("{ssssssssss}", "name", row->name, "value",
						      value_of(cli->ctx, assumed, id), "default",
						      row->value, "meaning", row->meaning, "doubt",
						      row->doubt));
	}
	cli_print_json(rows);
}

int cmd_schema_assumptions(struct cli *cli, struct err *e)
{
	struct assumptions assumed;

	if (read_assumed(cli, &assumed, e) < 0)
		return -1;
	if (cli->quiet)
		return EXIT_DONE;
	if (cli->json)
		print_json(cli, &assumed);
	else
		print_rows(cli, &assumed);
	return EXIT_DONE;
}
