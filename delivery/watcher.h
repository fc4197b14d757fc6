/*
 * Watches for new snapshots: when ldapsync gives notice, and once a second by a look at the
 * replica. Each new one becomes a view that every loop and the scheduler are told of. Lives on
 * the main thread's loop; a thread of its own waits for the notice.
 */
#ifndef WP_DELIVERY_WATCHER_H
#define WP_DELIVERY_WATCHER_H

#include <stdint.h>

#include <uv.h>

#include "delivery/engine.h"

struct watcher;

/* Loops and scheduler have to be running. */
struct watcher *watcher_start(uv_loop_t *loop, struct engine *engine);
void watcher_stop(struct watcher *watcher);
/* The snapshot in use, 0 before the first. Main thread. */
uint64_t watcher_snapshot(const struct watcher *watcher);

#endif
