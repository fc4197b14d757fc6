/* waypost run: the daemons of this host in the foreground. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "admin/cmd.h"
#include "admin/supervisor.h"
#include "common/fsutil.h"
#include "common/log.h"
#include "common/progpath.h"

/* The console is optional: configured, and installed. */
static const struct daemon_row {
	const char *name;
	bool tells_ready, is_console;
} daemons[] = {
	{ "waypost-ldapsync", false, false },
	{ "waypost-delivery", true, false },
	{ "waypost-console", false, true },
};

static int find_daemons(const struct hostfile *host, struct supervised *found, size_t *n_r,
			char paths[][PATH_MAX], struct err *e)
{
	*n_r = 0;
	for (size_t i = 0; i < WP_COUNT(daemons); i++) {
		const struct daemon_row *row = &daemons[i];

		if (row->is_console && !host->console.is_configured)
			continue;
		if (progpath_find(row->name, paths[i], e) < 0) {
			if (!row->is_console)
				return -1;
			log_err("the console is left out", e);
			continue;
		}
		found[(*n_r)++] = (struct supervised){ row->name, paths[i], row->tells_ready };
	}
	return 0;
}

int cmd_run(struct cli *cli, struct err *e)
{
	static char paths[WP_COUNT(daemons)][PATH_MAX];
	struct supervised found[WP_COUNT(daemons)];
	size_t n;

	if (cli_host(cli, e) < 0)
		return -1;
	log_open("waypost", cli->host->log_level);
	if (find_daemons(cli->host, found, &n, paths, e) < 0 ||
	    fs_mkdirs(cli->host->run, 0750, e) < 0)
		return -1;
	return supervise(found, n, cli->host->run, cli->host->path, e) < 0 ? -1 : EXIT_DONE;
}
