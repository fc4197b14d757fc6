/*
 * The commands, one function per row of commands.c, and what they share.
 */
#ifndef WP_ADMIN_CMD_H
#define WP_ADMIN_CMD_H

#include "admin/cli.h"
#include "common/buf.h"
#include "common/ctl_client.h"

enum { ASK_MS = 10 * 1000 };

int cmd_run(struct cli *cli, struct err *e);
int cmd_init(struct cli *cli, struct err *e);
int cmd_route(struct cli *cli, struct err *e);
int cmd_topology_check(struct cli *cli, struct err *e);
int cmd_topology_generate(struct cli *cli, struct err *e);
int cmd_topology_plan(struct cli *cli, struct err *e);
int cmd_topology_log(struct cli *cli, struct err *e);
int cmd_topology_diff(struct cli *cli, struct err *e);
int cmd_topology_pin(struct cli *cli, struct err *e);
int cmd_topology_unpin(struct cli *cli, struct err *e);
int cmd_topology_show(struct cli *cli, struct err *e);
int cmd_connector_list(struct cli *cli, struct err *e);
int cmd_connector_show(struct cli *cli, struct err *e);
int cmd_queue_list(struct cli *cli, struct err *e);
int cmd_queue_change(struct cli *cli, struct err *e);
int cmd_sync_status(struct cli *cli, struct err *e);
int cmd_sync_wait(struct cli *cli, struct err *e);
int cmd_sync_accept(struct cli *cli, struct err *e);
int cmd_sync_refuse(struct cli *cli, struct err *e);
int cmd_sync_watch(struct cli *cli, struct err *e);
int cmd_sync_resync(struct cli *cli, struct err *e);
int cmd_config_check(struct cli *cli, struct err *e);
int cmd_config_certificate(struct cli *cli, struct err *e);
int cmd_schema_assumptions(struct cli *cli, struct err *e);
int cmd_server_publish_certificate(struct cli *cli, struct err *e);

extern const struct cli_option cmd_init_options[];
extern const struct cli_option cmd_route_options[];
extern const struct cli_option cmd_topology_options[];
extern const struct cli_option cmd_generate_options[];
extern const struct cli_option cmd_plan_options[];
extern const struct cli_option cmd_topology_log_options[];
extern const struct cli_option cmd_topology_diff_options[];
extern const struct cli_option cmd_show_options[];
extern const struct cli_option cmd_connector_list_options[];
extern const struct cli_option cmd_connector_show_options[];
extern const struct cli_option cmd_sync_source_options[];
extern const struct cli_option cmd_sync_wait_options[];
extern const struct cli_option cmd_publish_options[];

/* The table of all commands. */
extern const struct command_table commands;

/* One call to a daemon of this host. ARGS is taken over; the result is ctl_client_call's. */
int ask_daemon(struct cli *cli, const char *program, const char *verb, json_t *args,
	       ctl_on_row *on_row, void *ctx, struct err *e) WP_MUST_CHECK;
/* For ask_daemon: every row into the json array CTX. */
int keep_row(void *ctx, const json_t *row);
/* Prints and frees OUT. */
void print_buf(struct buf *out);

#endif
