/* waypost route: which way mail for a recipient takes (doc: the routing rules). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/cmd.h"
#include "admin/view.h"
#include "common/ctl_proto.h"
#include "topology/route_json.h"

const struct cli_option cmd_route_options[] = {
	VIEW_OPTIONS,
	VIEW_PAST_OPTION,
	{ "from", 0, "SERVER", "the server that has the message; default: this host" },
	{ "size", 0, "OCTETS", "the size of the message" },
	{ "receive-connector", 0, "SERVER/NAME", "the receive connector it came by" },
	{ "outside", 0, NULL, "the sender is a stranger" },
	{ "message", 0, NULL, "one message to all recipients: how it is split into copies" },
	{ "explain", 0, NULL, "tell what decided, and what lost by which rule" },
	{ "batch", 0, NULL, "read one JSON query a line, write one answer a line" },
	{ NULL, 0, NULL, NULL },
};

/* One run of the command. */
struct asker {
	struct cli *cli;
	struct view *view;
	struct route_desk *desk;
	const char *from; /* the default; null: none, FROM_ERROR says why */
	struct err from_error;
	bool explain;
	bool had_errors;
};

static json_t *error_answer(const char *text)
{
	return json_pack("{so}", "error", ctl_text(text));
}

/* A query without "from" speaks for the default server. */
static json_t *answer(struct asker *a, json_t *query)
{
	struct err e;
	json_t *result;

	if (json_is_object(query) && json_object_get(query, "from") == NULL) {
		if (a->from == NULL)
			return error_answer(a->from_error.text);
		json_object_set_new(query, "from", json_string(a->from));
	}
	if (view_begin(a->view, &e) < 0)
		return error_answer(e.text);
	result = route_desk_answer(a->desk, query, a->explain);
	view_end(a->view);
	return result;
}

static void print_answer(struct asker *a, json_t *result, bool as_json)
{
	struct buf text = { 0 };

	if (route_answer_is_error(result))
		a->had_errors = true;
	if (a->cli->quiet) {
		json_decref(result);
		return;
	}
	if (as_json) {
		cli_print_json(result);
		return;
	}
	if (route_answer_is_error(result))
		fprintf(stderr, "waypost: %s\n", json_string_value(json_object_get(result, "error")));
	else
		route_answer_text(result, &text);
	print_buf(&text);
	json_decref(result);
}

#define QUERY_EXAMPLE "{\"from\":\"SERVER\",\"recipient\":\"user@example.com\"}"

static bool is_blank(const char *line, size_t len)
{
	return strspn(line, " \t\r\n") == len;
}

/* A line that is no query is answered with an error, and the next one is read. */
static json_t *answer_line(struct asker *a, const char *line, size_t len)
{
	char text[JSON_ERROR_TEXT_LENGTH + 120];
	json_error_t why;
	json_t *query, *result;

	if (is_blank(line, len))
		return error_answer("the line is empty; a query is a JSON object: " QUERY_EXAMPLE);
	query = json_loadb(line, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
	if (query == NULL) {
		snprintf(text, sizeof(text), "the line is no JSON: %s; a query is an object: %s",
			 why.text, QUERY_EXAMPLE);
		return error_answer(text);
	}
	result = answer(a, query);
	json_decref(query);
	return result;
}

static void run_batch(struct asker *a)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	while ((len = getline(&line, &size, stdin)) >= 0) {
		print_answer(a, answer_line(a, line, (size_t)len), true);
		fflush(stdout);
	}
	free(line);
}

/* What the options say of the message; null if one is no UTF-8. */
static json_t *message_of_options(const struct asker *a, uint64_t size)
{
	const char *receive = cli_value(a->cli, "receive-connector");

	return json_pack("{ss sI sb ss*}", "from", a->from, "size", (json_int_t)size, "authenticated",
			 !cli_flag(a->cli, "outside"), "receive_connector", receive);
}

static int no_utf8(const char *text, struct err *e)
{
	return err_set(e, ERR_USAGE, 0, "\"%s\" is no UTF-8", text);
}

/* One answer for all operands, or one for each. */
static int ask_operands(struct asker *a, json_t *options, struct err *e)
{
	bool is_message = cli_flag(a->cli, "message");
	json_t *list = json_array();
	int rc = 0;

	for (int i = 0; i < a->cli->n_operands && rc == 0; i++)
		if (json_array_append_new(list, json_string(a->cli->operands[i])) < 0)
			rc = no_utf8(a->cli->operands[i], e);
	if (is_message)
		json_object_set(options, "recipients", list);
	for (int i = 0; rc == 0 && i < (is_message ? 1 : a->cli->n_operands); i++) {
		if (!is_message)
			json_object_set(options, "recipient", json_array_get(list, (size_t)i));
		print_answer(a, answer(a, options), a->cli->json);
	}
	json_decref(list);
	return rc;
}

static int run_operands(struct asker *a, struct err *e)
{
	uint64_t size = 0;
	json_t *options;
	int rc;

	if (cli_number(a->cli, "size", INT64_MAX, &size, e) < 0)
		return -1;
	if (a->from == NULL) {
		*e = a->from_error;
		return -1;
	}
	options = message_of_options(a, size);
	if (options == NULL)
		return no_utf8(cli_value(a->cli, "receive-connector"), e);
	rc = ask_operands(a, options, e);
	json_decref(options);
	return rc;
}

static void choose_from(struct asker *a)
{
	uint32_t server = view_server(a->cli, a->view, &a->from_error);
	const struct snapshot *snap = view_snapshot(a->view);

	if (server != SNAP_NONE)
		a->from = snap_str(snap, snap_server(snap, server)->peer.name);
}

static int check_usage(const struct cli *cli, struct err *e)
{
	if (cli_flag(cli, "batch") == (cli->n_operands == 0))
		return 0;
	err_set(e, ERR_USAGE, 0, cli->n_operands == 0 ? "no recipient is given" :
							"--batch takes no recipients");
	return err_remedy(e, "give RECIPIENT… or --batch with queries on standard input");
}

int cmd_route(struct cli *cli, struct err *e)
{
	struct asker a = { .cli = cli, .explain = cli_flag(cli, "explain") };
	int rc = 0;

	if (check_usage(cli, e) < 0 || view_open(cli, &a.view, e) < 0)
		return -1;
	choose_from(&a);
	if (view_past(a.view) != NULL && !cli->json && !cli->quiet && !cli_flag(cli, "batch"))
		printf("By %s, with the recipients of today:\n", view_past(a.view));
	a.desk = route_desk_new(view_snapshot(a.view), view_recipients(a.view));
	if (cli_flag(cli, "batch"))
		run_batch(&a);
	else
		rc = run_operands(&a, e);
	route_desk_free(a.desk);
	if (rc < 0)
		return -1;
	return a.had_errors ? EXIT_FINDING : EXIT_DONE;
}
