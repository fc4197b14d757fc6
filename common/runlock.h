/*
 * RUN_DIR/<program>.pid, locked: a program runs at most once, and the kernel forgets the lock
 * whatever way the program ends. The file stays; only its lock means anything.
 */
#ifndef WP_COMMON_RUNLOCK_H
#define WP_COMMON_RUNLOCK_H

#include "common/err.h"

/*
 * The descriptor that holds the lock (close-on-exec), for as long as it is open. -1: ERR_SYSTEM,
 * code EALREADY if another process holds it.
 */
int runlock_take(const char *run_dir, const char *program, struct err *e) WP_MUST_CHECK;

#endif
