/* waypost topology log, pin, unpin: snapshots of the past. */
#include <stdio.h>
#include <string.h>

#include "admin/cmd.h"
#include "admin/history.h"
#include "admin/table.h"
#include "common/clock.h"

#define LDAPSYNC "waypost-ldapsync"

const struct cli_option cmd_topology_log_options[] = {
	{ "count", 'n', "N", "only the last N entries" },
	{ "since", 0, "TIME", "only from 2026-01-31[T12:34[:56]] UTC on, or of the last 30m, 12h, 7d" },
	{ "changes", 0, NULL, "all that changed: object, attribute, old, new; so with N" },
	{ NULL, 0, NULL, NULL },
};

static const char *const members[] = { "snapshot", "state", "time", "cause", "directory",
				       "summary" };
static const char *const headers[] = { "Snapshot", "State", "Time", "Cause", "Directory",
				       "What changed" };

/* What is asked of the log. */
struct question {
	bool has_number; /* only entries about snapshot NUMBER */
	uint64_t number;
	uint64_t count, since_ms;
	bool with_changes;
	struct history_marks marks;
	json_t *rows;
};

static bool answer(void *arg, const struct history_entry *entry)
{
	struct question *q = arg;

	if (entry->head.wall_ms < q->since_ms)
		return true; /* clocks may have been set back: go on */
	if (q->has_number && entry->head.snapshot.number != q->number)
		return true;
	json_array_append_new(q->rows, history_row(entry, &q->marks, q->with_changes));
	return json_array_size(q->rows) < q->count;
}

static int read_marks(struct replica_reader *reader, struct history_marks *marks, struct err *e)
{
	struct replica_snapshot live;
	struct replica_pin pin;
	int rc = replica_snapshot(reader, &live, e);

	if (rc == 0)
		rc = replica_pin(reader, &pin, e);
	marks->live = live.number;
	marks->is_pinned = rc == 1;
	marks->newest = rc == 1 ? pin.newest.number : live.number;
	return rc < 0 ? -1 : 0;
}

static int ask(struct replica_reader *reader, struct question *q, struct err *e)
{
	int rc;

	if (replica_begin(reader, e) < 0) {
		err_note(e, "the replica of this host");
		e->domain = ERR_DIRECTORY;
		return err_remedy(e, "start the daemons with `waypost run`");
	}
	rc = read_marks(reader, &q->marks, e);
	if (rc == 0 && q->count > 0)
		rc = replica_each_history(reader, answer, q, e);
	if (rc == 0 && q->has_number && json_array_size(q->rows) == 0 && q->since_ms == 0)
		rc = history_not_kept(reader, q->number, e);
	replica_end(reader);
	return rc;
}

static void print_table(TALLOC_CTX *ctx, const json_t *rows, struct buf *out)
{
	struct table *table = table_new(ctx, headers, WP_COUNT(headers));
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		const char *cells[WP_COUNT(members)];

		for (size_t c = 0; c < WP_COUNT(members); c++)
			cells[c] = json_string_value(json_object_get(row, members[c]));
		cells[0] = talloc_asprintf(table, "%lld", (long long)json_integer_value(
						json_object_get(row, members[0])));
		table_add(table, cells);
	}
	table_print(table, table_wants_colour(), out);
	if (table_rows(table) == 0)
		buf_adds(out, "The log has no such entry.\n");
}

static void print_rows(struct cli *cli, const struct question *q)
{
	struct buf out = { 0 };
	json_t *row;
	size_t i;

	if (cli->quiet)
		return;
	if (cli->json) {
		cli_print_json(json_incref(q->rows));
		return;
	}
	if (!q->with_changes) {
		print_table(cli->ctx, q->rows, &out);
	} else {
		json_array_foreach(q->rows, i, row) {
			buf_adds(&out, i > 0 ? "\n" : "");
			history_text(row, &out);
		}
	}
	print_buf(&out);
}

static int read_question(struct cli *cli, struct question *q, struct err *e)
{
	const char *since = cli_value(cli, "since");

	if (cli->n_operands > 0 && cli_operand_number(cli, 0, INT64_MAX, &q->number, e) < 0)
		return -1;
	if (cli_number(cli, "count", INT32_MAX, &q->count, e) < 0)
		return -1;
	q->has_number = cli->n_operands > 0;
	q->with_changes = q->has_number || cli_flag(cli, "changes");
	if (since == NULL || history_moment(since, clock_wall_ms(), &q->since_ms))
		return 0;
	err_set(e, ERR_USAGE, 0, "--since \"%s\" is no time", since);
	return err_remedy(e, "give 2026-01-31, 2026-01-31T12:34 or 30m, 12h, 7d");
}

int cmd_topology_log(struct cli *cli, struct err *e)
{
	struct question q = { .count = UINT64_MAX };
	struct replica_reader *reader;
	struct replica *replica;
	int rc;

	if (read_question(cli, &q, e) < 0 || cli_host(cli, e) < 0)
		return -1;
	replica = replica_open(cli->host->state);
	reader = replica_reader_new(replica);
	q.rows = json_array();
	rc = ask(reader, &q, e);
	if (rc == 0)
		print_rows(cli, &q);
	json_decref(q.rows);
	replica_reader_free(&reader);
	replica_close(&replica);
	return rc < 0 ? -1 : EXIT_DONE;
}

/* ---- a snapshot held live ---- */

int cmd_topology_pin(struct cli *cli, struct err *e)
{
	uint64_t number;
	json_t *args;

	if (cli_operand_number(cli, 0, INT64_MAX, &number, e) < 0)
		return -1;
	args = json_pack("{sI}", "snapshot", (json_int_t)number);
	if (ask_daemon(cli, LDAPSYNC, "topology.pin", args, NULL, NULL, e) < 0)
		return -1;
	if (!cli->quiet && !cli->json)
		printf("Snapshot %llu is live until `waypost topology unpin`.\n",
		       (unsigned long long)number);
	return EXIT_DONE;
}

int cmd_topology_unpin(struct cli *cli, struct err *e)
{
	if (ask_daemon(cli, LDAPSYNC, "topology.unpin", NULL, NULL, NULL, e) < 0)
		return -1;
	if (!cli->quiet && !cli->json)
		printf("The newest snapshot is live.\n");
	return EXIT_DONE;
}
