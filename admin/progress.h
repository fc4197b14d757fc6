/*
 * How far long work is, on standard error: a bar on a terminal, which goes when all is done, else
 * a line now and then; nothing where it is quick or --quiet.
 */
#ifndef WP_ADMIN_PROGRESS_H
#define WP_ADMIN_PROGRESS_H

#include "admin/cli.h"

struct progress {
	const struct cli *cli;
	const char *unit; /* "sites compared" */
	uint64_t next_ms; /* when it is told again */
	bool has_told;
};

void progress_begin(struct progress *progress, const struct cli *cli, const char *unit);
void progress_tell(struct progress *progress, uint32_t done, uint32_t all);

#endif
