/* waypost sync: the replica's daemon. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin/ask.h"
#include "admin/cmd.h"
#include "admin/sync_text.h"
#include "admin/table.h"
#include "common/clock.h"
#include "common/ctl_proto.h"

#define LDAPSYNC "waypost-ldapsync"

enum { WAIT_DEFAULT_S = 60, WAIT_MAX_S = 24 * 3600, LOOK_AGAIN_MS = 50 };
enum { TELL_MS = 2000, TELL_TERMINAL_MS = 200 };

const struct cli_option cmd_sync_wait_options[] = {
	{ "snapshot", 0, "N", "wait for snapshot N or a later one; default: for state live" },
	{ "for", 0, "SECONDS", "wait no longer than this; default 60" },
	{ NULL, 0, NULL, NULL },
};

const struct cli_option cmd_sync_source_options[] = {
	{ "source", 0, "TITLE", "only this source of `sync status`; default: all" },
	{ NULL, 0, NULL, NULL },
};

/* The one row of the status, a new reference; null and E. */
static json_t *get_status(struct cli *cli, struct err *e)
{
	json_t *rows = json_array(), *status = NULL;

	if (ask_daemon(cli, LDAPSYNC, "sync.status", NULL, keep_row, rows, e) == 0) {
		status = json_incref(json_array_get(rows, 0));
		if (status == NULL)
			err_set(e, ERR_PROTOCOL, 0, LDAPSYNC " gave no status");
	}
	json_decref(rows);
	return status;
}

static void print_status(TALLOC_CTX *ctx, const json_t *status)
{
	struct buf out = { 0 };

	sync_text_status(ctx, status, &out);
	print_buf(&out);
}

int cmd_sync_status(struct cli *cli, struct err *e)
{
	json_t *status = get_status(cli, e);

	if (status == NULL)
		return -1;
	if (cli->json && !cli->quiet)
		cli_print_json(json_incref(status));
	else if (!cli->quiet)
		print_status(cli->ctx, status);
	json_decref(status);
	return EXIT_DONE;
}

static bool is_reached(const json_t *status, bool has_number, uint64_t wanted)
{
	json_int_t snapshot = json_integer_value(json_object_get(status, "snapshot"));
	const char *state = json_string_value(json_object_get(status, "state"));

	if (has_number)
		return snapshot >= 0 && (uint64_t)snapshot >= wanted;
	return state != NULL && strcmp(state, "live") == 0;
}

static int not_reached(const struct cli *cli, const json_t *status, struct err *e)
{
	const char *state = json_string_value(json_object_get(status, "state"));
	bool is_pinned = json_string_length(json_object_get(status, "pinned_since")) > 0;

	err_set(e, ERR_SYSTEM, 0, "waited in vain: the replica is %s with snapshot %lld%s",
		state != NULL ? state : "?",
		(long long)json_integer_value(json_object_get(status, "snapshot")),
		is_pinned ? ", which is pinned" : "");
	if (is_pinned && cli_flag(cli, "snapshot"))
		return err_remedy(e, "waypost topology unpin lets newer ones be live");
	return err_remedy(e, "waypost sync status says why%s",
			  cli_flag(cli, "for") ? "; or wait longer with --for" : "");
}

/* How far what is waited for is: on a terminal a line that is written over, else one now and then. */
struct progress_line {
	const struct cli *cli;
	uint64_t next_ms;
	bool is_shown;
};

static void tell_progress(struct progress_line *line, const json_t *status)
{
	bool on_terminal = isatty(STDERR_FILENO) == 1;
	uint64_t now_ms = clock_mono_ms();
	struct buf text = { 0 };
	json_t *source;
	size_t i;

	if (line->cli->quiet || now_ms < line->next_ms)
		return;
	line->next_ms = now_ms + (on_terminal ? TELL_TERMINAL_MS : TELL_MS);
	json_array_foreach(json_object_get(status, "sources"), i, source) {
		if (!json_is_object(json_object_get(source, "progress")))
			continue;
		buf_adds(&text, text.len > 0 ? "; " : "");
		sync_text_progress(line->cli->ctx, source, &text);
	}
	if (text.len > 0)
		fprintf(stderr, on_terminal ? "\r%s\033[K" : "waypost: %s\n", text.data);
	line->is_shown |= on_terminal && text.len > 0;
	buf_free(&text);
}

static void end_progress(const struct progress_line *line)
{
	if (line->is_shown)
		fputs("\r\033[K", stderr);
}

/* The daemon may still be starting: that it cannot be reached counts only at the end. */
int cmd_sync_wait(struct cli *cli, struct err *e)
{
	const struct timespec pause = { .tv_nsec = LOOK_AGAIN_MS * 1000000L };
	uint64_t wanted = 0, seconds = WAIT_DEFAULT_S, until;
	struct progress_line line = { cli, clock_mono_ms() + TELL_MS, false };

	if (cli_number(cli, "snapshot", INT64_MAX, &wanted, e) < 0 ||
	    cli_number(cli, "for", WAIT_MAX_S, &seconds, e) < 0 || cli_host(cli, e) < 0)
		return -1;
	until = clock_mono_ms() + seconds * 1000;
	for (;;) {
		json_t *status = get_status(cli, e);
		bool is_over = clock_mono_ms() >= until;
		int rc = 1;

		if (status == NULL)
			rc = e->domain != ERR_UNREACHABLE || is_over ? -1 : 1;
		else if (is_reached(status, cli_flag(cli, "snapshot"), wanted))
			rc = EXIT_DONE;
		else if (is_over)
			rc = not_reached(cli, status, e);
		if (rc == 1)
			tell_progress(&line, status);
		else
			end_progress(&line);
		if (rc == EXIT_DONE && cli->json && !cli->quiet)
			cli_print_json(json_incref(status));
		json_decref(status);
		if (rc != 1)
			return rc;
		nanosleep(&pause, NULL);
	}
}

/* ---- an administrator's word ---- */

static json_t *source_args(const struct cli *cli)
{
	const char *title = cli_value(cli, "source");

	return title != NULL ? json_pack("{so}", "source", ctl_text(title)) : NULL;
}

/* What is said where it went well and there are no rows. */
static int order(struct cli *cli, const char *verb, const char *done, struct err *e)
{
	if (ask_daemon(cli, LDAPSYNC, verb, source_args(cli), NULL, NULL, e) < 0)
		return -1;
	if (cli->json && !cli->quiet)
		cli_print_json(json_pack("{ss}", "done", cli->command->verb));
	else if (!cli->quiet)
		printf("%s\n", done);
	return EXIT_DONE;
}

/* Who lets go of people is shown whom, and asked. Of nothing the daemon says that it is nothing. */
static int confirm_accept(struct cli *cli, struct err *e)
{
	json_t *status = cli->yes ? NULL : get_status(cli, e);
	struct buf held = { 0 };
	struct ask ask;
	bool is_held = status != NULL &&
		       sync_text_held(cli->ctx, status, cli_value(cli, "source"), &held);
	int rc = cli->yes || status != NULL ? 0 : -1;

	ask_init(&ask, cli);
	if (is_held)
		ask_tell(&ask, "%s", held.data);
	if (is_held && !ask_yes(&ask, NULL, "Let it through?", false)) {
		err_set(e, ERR_USAGE, 0, "nothing was let through: what is held back would drop entries");
		rc = err_remedy(e, "waypost sync status shows which; confirm with --yes");
	}
	json_decref(status);
	buf_free(&held);
	return rc;
}

int cmd_sync_accept(struct cli *cli, struct err *e)
{
	if (confirm_accept(cli, e) < 0)
		return -1;
	return order(cli, "sync.accept", "What was held back is live.", e);
}

int cmd_sync_refuse(struct cli *cli, struct err *e)
{
	return order(cli, "sync.refuse",
		     "What was held back is thrown away. What was live stays live while everything "
		     "is read anew;\nwhat the directory still lacks then is held again.", e);
}

static void print_resync(TALLOC_CTX *ctx, const json_t *rows)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		const char *state = json_string_value(json_object_get(row, "state"));
		bool is_down = state != NULL && strcmp(state, "down") == 0;

		printf("%s: everything is read anew%s; what is live stays live until that is done.\n",
		       table_clean(ctx, json_string_value(json_object_get(row, "source"))),
		       is_down ? ", as soon as its server answers" : ", from now on");
	}
}

int cmd_sync_resync(struct cli *cli, struct err *e)
{
	json_t *rows = json_array();
	int rc = ask_daemon(cli, LDAPSYNC, "sync.resync", source_args(cli), keep_row, rows, e);

	if (rc == 0 && cli->json && !cli->quiet)
		cli_print_json(json_incref(rows));
	else if (rc == 0 && !cli->quiet)
		print_resync(cli->ctx, rows);
	json_decref(rows);
	return rc < 0 ? -1 : EXIT_DONE;
}
