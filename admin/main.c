/*
 * waypost: the administrator's command line. See waypost(1).
 */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include "admin/cmd.h"
#include "common/log.h"
#include "config.h"

static int show_help(const struct cli *cli)
{
	struct buf out = { 0 };

	if (cli->wants_version)
		buf_printf(&out, "waypost %s\n", PACKAGE_VERSION);
	else
		cli_help(cli, &out);
	print_buf(&out);
	return EXIT_DONE;
}

/* What could not be written was not done. */
static int finish_output(int status)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return status;
	fprintf(stderr, "waypost: standard output cannot be written\n");
	return status == EXIT_DONE ? EXIT_FINDING : status;
}

static int run_command(struct cli *cli, int argc, char **argv)
{
	struct err e = { .domain = ERR_NONE };
	int status;

	if (cli_parse(cli, &commands, argc, argv, &e) < 0)
		return cli_complain(&e);
	if (cli->wants_help || cli->wants_version)
		return show_help(cli);
	status = cli->command->run(cli, &e);
	return status < 0 ? cli_complain(&e) : status;
}

int main(int argc, char **argv)
{
	struct cli cli = { .ctx = talloc_new(NULL) };
	int status;

	setlocale(LC_CTYPE, "C.UTF-8");
	log_open("waypost", LOG_LEVEL_INFO);
	status = run_command(&cli, argc, argv);
	hostfile_free(&cli.host);
	talloc_free(cli.ctx);
	return finish_output(status);
}
