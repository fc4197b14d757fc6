/* waypost queue: the queues of the delivery daemon. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/cmd.h"
#include "admin/table.h"
#include "common/ctl_proto.h"

#define DELIVERY "waypost-delivery"

static const char *const members[] = { "queue",    "kind",     "next_hop",   "connector", "status",
				       "messages", "oldest", "next_retry", "last_error" };
static const char *const headers[] = { "Queue",    "Kind",     "Next hop",   "Connector", "Status",
				       "Messages", "Oldest", "Next retry", "Last error" };

/* As a cell: strings as they are, numbers in digits, anything else empty. */
static const char *cell_text(TALLOC_CTX *ctx, const json_t *value)
{
	if (json_is_integer(value))
		return talloc_asprintf(ctx, "%lld", (long long)json_integer_value(value));
	return json_string_value(value);
}

static void print_queues(TALLOC_CTX *ctx, const json_t *rows)
{
	struct table *table = table_new(ctx, headers, WP_COUNT(headers));
	struct buf out = { 0 };
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		const char *cells[WP_COUNT(members)];

		for (size_t c = 0; c < WP_COUNT(members); c++)
			cells[c] = cell_text(table, json_object_get(row, members[c]));
		table_add(table, cells);
	}
	table_print(table, table_wants_colour(), &out);
	if (table_rows(table) == 0)
		buf_adds(&out, "No queue holds anything.\n");
	print_buf(&out);
}

/* FILTER, if it is given: the daemon compares it with name, kind, next hop and connector. */
static json_t *filter_args(const struct cli *cli)
{
	json_t *args = json_object();

	if (cli->n_operands > 0)
		json_object_set_new(args, "filter", ctl_text(cli->operands[0]));
	return args;
}

int cmd_queue_list(struct cli *cli, struct err *e)
{
	json_t *rows = json_array();

	if (ask_daemon(cli, DELIVERY, "queue.list", filter_args(cli), keep_row, rows, e) < 0) {
		json_decref(rows);
		return -1;
	}
	if (cli->json && !cli->quiet)
		cli_print_json(json_incref(rows));
	else if (!cli->quiet)
		print_queues(cli->ctx, rows);
	json_decref(rows);
	return EXIT_DONE;
}

/* To hold all mail of a host is asked for twice. */
static int confirm_suspend(const struct cli *cli, struct err *e)
{
	char answer[8] = "";

	if (cli->yes || strcmp(cli->command->verb, "suspend") != 0 || cli->n_operands > 0)
		return 0;
	if (isatty(STDIN_FILENO)) {
		fprintf(stderr, "Hold all queues of this host? [y/N] ");
		if (fgets(answer, sizeof(answer), stdin) != NULL && (answer[0] | 0x20) == 'y')
			return 0;
	}
	err_set(e, ERR_USAGE, 0, "all queues would be held");
	return err_remedy(e, "name a queue, or confirm with --yes");
}

int cmd_queue_change(struct cli *cli, struct err *e)
{
	const char *verb = talloc_asprintf(cli->ctx, "queue.%s", cli->command->verb);
	const json_t *row;
	json_int_t queues;
	json_t *rows;

	if (confirm_suspend(cli, e) < 0)
		return -1;
	rows = json_array();
	if (ask_daemon(cli, DELIVERY, verb, filter_args(cli), keep_row, rows, e) < 0) {
		json_decref(rows);
		return -1;
	}
	row = json_array_get(rows, 0);
	queues = json_integer_value(json_object_get(row, "queues"));
	if (cli->json && !cli->quiet)
		cli_print_json(row != NULL ? json_deep_copy(row) : json_object());
	else if (!cli->quiet && queues == 0)
		printf("%s: there is no queue\n", cli->command->verb);
	else if (!cli->quiet)
		printf("%s: queues: %lld\n", cli->command->verb, (long long)queues);
	json_decref(rows);
	return EXIT_DONE;
}
