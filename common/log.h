/*
 * The program's own log: one line to standard error, level and context first.
 *
 * Thread-safe (one write per line). Not for message events: those are delivery/track.h. A
 * failure is logged once, where it is handled, never where it is noticed.
 */
#ifndef WP_COMMON_LOG_H
#define WP_COMMON_LOG_H

#include <stdbool.h>

#include "common/compiler.h"
#include "common/err.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Before threads start. PROGRAM is kept, not copied. */
void log_open(const char *program, enum log_level level);
/* "error", "warn", "info", "debug"; false for anything else. */
bool log_level_parse(const char *name, enum log_level *level_r);
bool log_wants(enum log_level level);

void log_error(const char *fmt, ...) WP_PRINTF(1, 2);
void log_warn(const char *fmt, ...) WP_PRINTF(1, 2);
void log_info(const char *fmt, ...) WP_PRINTF(1, 2);
void log_debug(const char *fmt, ...) WP_PRINTF(1, 2);
/* "WHAT: text (remedy)" at level error. */
void log_err(const char *what, const struct err *e);

#endif
