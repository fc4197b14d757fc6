/* The table of commands: main, help, completion and the tests read these rows. */
#include <stdio.h>

#include "admin/cmd.h"

static const struct command rows[] = {
	{ "run", "", "", 0, 0, NULL, "Start this host's daemons and keep them running", cmd_run },
	{ "route", "", "RECIPIENT…", 0, CLI_ANY, cmd_route_options,
	  "Say which way mail for a recipient takes", cmd_route },
	{ "topology", "check", "", 0, 0, cmd_topology_options,
	  "List what is wrong in the directory", cmd_topology_check },
	{ "topology", "generate", "", 0, 0, cmd_generate_options,
	  "Make up an organisation and write it as LDIF", cmd_topology_generate },
	{ "topology", "plan", "", 0, 0, cmd_plan_options,
	  "Say what mail a change of the directory would move or lose", cmd_topology_plan },
	{ "topology", "log", "[N]", 0, 1, cmd_topology_log_options,
	  "List the snapshots that are kept, or what changed with snapshot N", cmd_topology_log },
	{ "topology", "diff", "A [B]", 1, 2, cmd_topology_diff_options,
	  "Say what differs between snapshots A and B, or A and the live one", cmd_topology_diff },
	{ "topology", "pin", "N", 1, 1, NULL, "Hold snapshot N live while newer ones are made",
	  cmd_topology_pin },
	{ "topology", "unpin", "", 0, 0, NULL, "Let the newest snapshot be live again",
	  cmd_topology_unpin },
	{ "topology", "show", "[N]", 0, 1, cmd_show_options,
	  "Show sites, links, servers and connectors, today's or those of snapshot N", cmd_topology_show },
	{ "connector", "list", "", 0, 0, cmd_connector_list_options, "List the connectors",
	  cmd_connector_list },
	{ "connector", "show", "NAME", 1, 1, cmd_connector_show_options,
	  "Show the properties of a connector", cmd_connector_show },
	{ "server", "publish-certificate", "", 0, 0, cmd_publish_options,
	  "Write this host's certificate into the directory", cmd_server_publish_certificate },
	{ "queue", "list", "[FILTER]", 0, 1, NULL, "List what waits for which next hop",
	  cmd_queue_list },
	{ "queue", "retry", "[FILTER]", 0, 1, NULL,
	  "Try the messages of all queues, or of those FILTER names, again now", cmd_queue_change },
	{ "queue", "suspend", "[FILTER]", 0, 1, NULL, "Hold all queues, or those FILTER names",
	  cmd_queue_change },
	{ "queue", "resume", "[FILTER]", 0, 1, NULL, "Let held queues go on", cmd_queue_change },
	{ "sync", "status", "", 0, 0, NULL, "Say how fresh the replica is, source by source", cmd_sync_status },
	{ "sync", "wait", "", 0, 0, cmd_sync_wait_options,
	  "Wait until the replica is live, or has reached a snapshot", cmd_sync_wait },
	{ "sync", "watch", "", 0, 0, NULL,
	  "Tell of every change as it arrives, and what it moves", cmd_sync_watch },
	{ "sync", "accept", "", 0, 0, cmd_sync_source_options,
	  "Let a change through that was held back because it drops too much", cmd_sync_accept },
	{ "sync", "refuse", "", 0, 0, cmd_sync_source_options,
	  "Throw away what was held back, and read its source anew", cmd_sync_refuse },
	{ "sync", "resync", "", 0, 0, cmd_sync_source_options,
	  "Read everything anew, while what is live stays live", cmd_sync_resync },
	{ "schema", "assumptions", "", 0, 0, NULL,
	  "List what the profile exchange takes for true without a public document",
	  cmd_schema_assumptions },
	{ "config", "check", "", 0, 0, NULL, "Check the host file and what it names",
	  cmd_config_check },
	{ "config", "certificate", "", 0, 0, NULL,
	  "Make this host's key pair if it is missing, and show its hash", cmd_config_certificate },
	{ "init", "", "", 0, 0, cmd_init_options,
	  "Write this host's file from a directory; make a first site in a new one", cmd_init },
};

const struct command_table commands = { rows, WP_COUNT(rows) };

int keep_row(void *ctx, const json_t *row)
{
	return json_array_append_new(ctx, json_deep_copy(row));
}

int ask_daemon(struct cli *cli, const char *program, const char *verb, json_t *args,
	       ctl_on_row *on_row, void *ctx, struct err *e)
{
	struct ctl_client *client = NULL;
	int rc;

	if (cli_host(cli, e) < 0 || ctl_client_open(cli->host->run, program, &client, e) < 0) {
		json_decref(args);
		return -1;
	}
	rc = ctl_client_call(client, verb, args, ASK_MS, on_row, ctx, e);
	ctl_client_close(&client);
	return rc;
}

void print_buf(struct buf *out)
{
	if (out->len > 0)
		fwrite(out->data, 1, out->len, stdout);
	buf_free(out);
}
