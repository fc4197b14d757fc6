/*
 * Starts the daemons of a host and keeps them running: `waypost run`.
 *
 * One thread, one poll loop over a signalfd and the readiness pipe. The children stay in our
 * process group and die with us (PR_SET_PDEATHSIG, in the child and again in process_prepare).
 * One that ends is started again with back-off, from 100 ms doubling to 10 s, and afresh after
 * it ran for 10 s. What a daemon says through WAYPOST_READY_FD (common/process.h; it is always
 * descriptor 3) goes to standard output and to the service manager. SIGTERM and SIGINT pass on
 * as SIGTERM and have 5 s, SIGHUP passes on as it is.
 */
#ifndef WP_ADMIN_SUPERVISOR_H
#define WP_ADMIN_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct supervised {
	const char *name;   /* "waypost-delivery" */
	const char *path;   /* the program */
	bool tells_ready;
};

/*
 * Runs N daemons with `--config CONFIG` until a signal ends it. RUN_DIR/waypost.pid is locked,
 * so that a host has one supervisor. 0: stopped as asked; -1 and E: it could not begin, or a
 * daemon refused its configuration before it was ever ready (ERR_CONFIG).
 */
int supervise(const struct supervised *daemons, size_t n, const char *run_dir,
	      const char *config, struct err *e) WP_MUST_CHECK;

#endif
