/* waypost sync watch: what arrives from the directories, as it does, and what it moves. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin/cmd.h"
#include "admin/table.h"
#include "common/clock.h"
#include "topology/changes.h"
#include "topology/diff.h"

#define LDAPSYNC "waypost-ldapsync"

enum { LOOK_AGAIN_MS = 500 };

struct watch {
	struct cli *cli;
	long long snapshot; /* the last that was told of; 0: none yet */
	bool is_away;	    /* so it was said, and nothing has come since */
	bool is_over;	    /* nobody reads what is printed */
};

static const char *text(const struct watch *watch, const json_t *row, const char *name)
{
	return table_clean(watch->cli->ctx, json_string_value(json_object_get(row, name)));
}

static long long number(const json_t *row, const char *name)
{
	return (long long)json_integer_value(json_object_get(row, name));
}

static void on_begin(struct watch *watch, const json_t *row, struct buf *out)
{
	long long snapshot = number(row, "snapshot");

	buf_printf(out, "watching from snapshot %lld on; Ctrl-C ends it\n", snapshot);
	if (watch->snapshot > 0 && snapshot > watch->snapshot)
		buf_printf(out, "waypost topology diff %lld %lld tells what was missed\n",
			   watch->snapshot, snapshot);
}

static void on_changes(struct watch *watch, const json_t *row, struct buf *out)
{
	(void)watch;
	buf_adds(out, "changes\n");
	changes_text(json_object_get(row, "changes"), out);
	if (number(row, "omitted") > 0)
		buf_printf(out, "and %lld more\n", number(row, "omitted"));
}

static void on_state(struct watch *watch, const json_t *row, struct buf *out)
{
	const char *error = text(watch, row, "error");

	buf_printf(out, "%s is %s%s%s\n", text(watch, row, "source"), text(watch, row, "state"),
		   *error != '\0' ? ": " : "", error);
}

static void on_snapshot(struct watch *watch, const json_t *row, struct buf *out)
{
	const json_t *effect = json_object_get(row, "effect");
	const char *site = text(watch, row, "site");

	buf_printf(out, "snapshot %lld → %lld", number(row, "before"), number(row, "snapshot"));
	if (!json_is_object(effect)) {
		buf_adds(out, "\n");
		return;
	}
	buf_printf(out, "%s%s: ", *site != '\0' ? ", seen from " : "", site);
	diff_text(effect, out);
}

static void on_away(struct watch *watch, const json_t *row, struct buf *out)
{
	buf_printf(out, "%s; waiting until it is back\n", text(watch, row, "error"));
}

static void on_lost(struct watch *watch, const json_t *row, struct buf *out)
{
	(void)watch;
	buf_printf(out, "%lld rows were lost: this end reads too slowly\n", number(row, "rows"));
}

static const struct {
	const char *name;
	void (*print)(struct watch *watch, const json_t *row, struct buf *out);
} events[] = {
	{ "begin", on_begin }, { "changes", on_changes }, { "state", on_state },
	{ "snapshot", on_snapshot }, { "lost", on_lost }, { "away", on_away },
};

/* Whatever a newer daemon tells is passed over. */
static void print_event(struct watch *watch, const json_t *row)
{
	const char *event = text(watch, row, "event");
	struct buf out = { 0 };

	for (size_t i = 0; i < WP_COUNT(events); i++) {
		if (strcmp(events[i].name, event) != 0)
			continue;
		buf_printf(&out, "%s  ", text(watch, row, "time"));
		events[i].print(watch, row, &out);
	}
	print_buf(&out);
}

static void show(struct watch *watch, const json_t *row)
{
	TALLOC_CTX *all = watch->cli->ctx;

	watch->cli->ctx = talloc_new(all); /* it may go on for months */
	if (watch->cli->json)
		cli_print_json(json_deep_copy(row));
	else
		print_event(watch, row);
	talloc_free(watch->cli->ctx);
	watch->cli->ctx = all;
	watch->is_over = fflush(stdout) != 0;
}

/* 1 ends the call. */
static int on_row(void *ctx, const json_t *row)
{
	struct watch *watch = ctx;

	if (!watch->cli->quiet)
		show(watch, row);
	watch->is_away = false;
	if (number(row, "snapshot") > 0)
		watch->snapshot = number(row, "snapshot");
	return watch->is_over;
}

/* ---- a daemon that comes and goes ---- */

/* One that stops in order ends the call without an error. */
static void tell_away(struct watch *watch, int rc, const struct err *e)
{
	char time[25];
	json_t *row;

	if (watch->is_away)
		return;
	clock_iso8601(clock_wall_ms(), time);
	row = json_pack("{ss ss ss}", "event", "away", "time", time, "error",
			rc < 0 ? e->text : LDAPSYNC " has stopped");
	on_row(watch, row);
	watch->is_away = true;
	json_decref(row);
}

static int open_again(const struct watch *watch, struct ctl_client **client_r, struct err *e)
{
	const struct timespec pause = { .tv_nsec = LOOK_AGAIN_MS * 1000000L };

	while (ctl_client_open(watch->cli->host->run, LDAPSYNC, client_r, e) < 0) {
		if (e->domain != ERR_UNREACHABLE)
			return -1;
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* Until it is over; a restart of the daemon is no end. */
static int watch_on(struct watch *watch, struct ctl_client *client, struct err *e)
{
	for (;;) {
		int rc = ctl_client_call(client, "sync.watch", NULL, -1, on_row, watch, e);

		ctl_client_close(&client);
		if (watch->is_over)
			return EXIT_DONE;
		if (rc < 0 && e->domain != ERR_UNREACHABLE)
			return -1;
		tell_away(watch, rc, e);
		if (watch->is_over)
			return EXIT_DONE;
		if (open_again(watch, &client, e) < 0)
			return -1;
	}
}

/* The only way to end it is no failure. Every row was flushed, so nothing is lost. */
static void on_interrupt(int signal_number)
{
	(void)signal_number;
	_exit(EXIT_DONE);
}

int cmd_sync_watch(struct cli *cli, struct err *e)
{
	struct sigaction action = { .sa_handler = on_interrupt };
	struct watch watch = { .cli = cli };
	struct ctl_client *client = NULL;

	if (cli_host(cli, e) < 0 || ctl_client_open(cli->host->run, LDAPSYNC, &client, e) < 0)
		return -1;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	return watch_on(&watch, client, e);
}
