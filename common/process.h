/*
 * What every daemon does around its real work: its command line, its folders, its user, its
 * supervisor and the news that it is ready.
 *
 * The order in a daemon's main: process_args, hostfile_load, process_prepare, its own
 * start-up, process_ready. Main thread, before other threads start, but process_ready,
 * which any thread may call.
 */
#ifndef WP_COMMON_PROCESS_H
#define WP_COMMON_PROCESS_H

#include <stdint.h>

#include "common/err.h"
#include "common/hostfile.h"

/*
 * `--config FILE`, `--help`, `--version`; anything else is refused. *CONFIG_R is null without
 * --config. 1: go on; 0: help or version was printed, exit 0; -1: E (ERR_USAGE).
 */
int process_args(int argc, char **argv, const char *program, const char *summary,
		 const char **config_r, struct err *e) WP_MUST_CHECK;

/*
 * Makes state and run (0750, the user's), becomes the host file's user if the caller is root
 * (with PORTS, the right to bind low ports is kept), asks to be killed with the supervisor
 * if there is one, ignores SIGPIPE and sets umask 0027.
 */
int process_prepare(const struct hostfile *host, bool ports, struct err *e) WP_MUST_CHECK;

/*
 * Mail is accepted: tells the service manager (sd_notify READY=1) and the supervisor: the
 * line `ready server=<cn> snapshot=<n>` into the descriptor WAYPOST_READY_FD, which is then
 * closed. Once per process; later calls do nothing.
 */
void process_ready(const char *server, uint64_t snapshot);

#endif
