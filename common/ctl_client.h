/*
 * The asking side of a control socket: blocking, with a deadline. One thread at a time.
 */
#ifndef WP_COMMON_CTL_CLIENT_H
#define WP_COMMON_CTL_CLIENT_H

#include <jansson.h>
#include <stdint.h>

#include "common/err.h"

struct ctl_client;

/* A row of the answer, borrowed. Non-zero ends the call early (its value is returned). */
typedef int ctl_on_row(void *ctx, const json_t *row);

/*
 * Connects to RUN_DIR/PROGRAM.sock. -1: ERR_UNREACHABLE with the remedy when nobody serves
 * it, ERR_PERMISSION when the caller may not.
 */
int ctl_client_open(const char *run_dir, const char *program, struct ctl_client **client_r,
		    struct err *e) WP_MUST_CHECK;
void ctl_client_close(struct ctl_client **client);

/*
 * Asks VERB with ARGS (takes over the reference; null: none) and hands every row to ON_ROW;
 * follows cursors until the list is complete. DEADLINE_MS is how long the daemon may stay
 * silent; -1 waits for ever (watches). 0; -1 and E (the daemon's own error, or
 * ERR_UNREACHABLE when it went away or stayed silent); else what ON_ROW returned. After
 * anything but 0 and the daemon's own error the client can only be closed.
 */
int ctl_client_call(struct ctl_client *client, const char *verb, json_t *args,
		    int deadline_ms, ctl_on_row *on_row, void *ctx, struct err *e)
	WP_MUST_CHECK;

#endif
