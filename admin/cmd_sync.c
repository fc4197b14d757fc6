/* waypost sync: the replica's daemon. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "admin/cmd.h"
#include "admin/table.h"
#include "common/clock.h"

#define LDAPSYNC "waypost-ldapsync"

enum { WAIT_DEFAULT_S = 60, WAIT_MAX_S = 24 * 3600, LOOK_AGAIN_MS = 50 };

const struct cli_option cmd_sync_wait_options[] = {
	{ "snapshot", 0, "N", "wait for snapshot N or a later one; default: for state live" },
	{ "for", 0, "SECONDS", "wait no longer than this; default 60" },
	{ NULL, 0, NULL, NULL },
};

static const char *const members[] = { "state",       "source",     "lag_ms",
				       "entries",     "recipients", "snapshot",
				       "newest",      "pinned_since", "last_change",
				       "last_error",  "diagnostics" };
static const char *const headers[] = { "State",       "Source",     "Lag (ms)",
				       "Entries",     "Recipients", "Snapshot",
				       "Newest",      "Pinned since", "Last change",
				       "Last error",  "Diagnostics" };

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
	for (size_t i = 0; i < WP_COUNT(members); i++) {
		const json_t *value = json_object_get(status, members[i]);

		if (json_is_integer(value))
			printf("%-12s  %lld\n", headers[i], (long long)json_integer_value(value));
		else if (json_string_length(value) > 0)
			printf("%-12s  %s\n", headers[i], table_clean(ctx, json_string_value(value)));
	}
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

/* The daemon may still be starting: that it cannot be reached counts only at the end. */
int cmd_sync_wait(struct cli *cli, struct err *e)
{
	const struct timespec pause = { .tv_nsec = LOOK_AGAIN_MS * 1000000L };
	uint64_t wanted = 0, seconds = WAIT_DEFAULT_S, until;

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
		if (rc == EXIT_DONE && cli->json && !cli->quiet)
			cli_print_json(json_incref(status));
		json_decref(status);
		if (rc != 1)
			return rc;
		nanosleep(&pause, NULL);
	}
}

int cmd_sync_accept(struct cli *cli, struct err *e)
{
	if (ask_daemon(cli, LDAPSYNC, "sync.accept", NULL, NULL, NULL, e) < 0)
		return -1;
	return EXIT_DONE;
}
