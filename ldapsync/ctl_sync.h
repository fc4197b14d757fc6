/*
 * The verbs of waypost-ldapsync's control socket, and who subscribes to its news.
 *
 * Handlers run in the control thread. Status is copied under the agent's lock; what touches the
 * replica runs as a job of the applying thread, which answers the call itself.
 */
#ifndef WP_LDAPSYNC_CTL_SYNC_H
#define WP_LDAPSYNC_CTL_SYNC_H

#include <stddef.h>

#include "common/ctl_server.h"
#include "ldapsync/agent.h"

struct ctl_sync;

struct ctl_sync *ctl_sync_new(void);
/* Between the end of the control server and that of the agent. Null is fine. */
void ctl_sync_stop(struct ctl_sync *sync);
/* After both have stopped. Ends the subscriptions. */
void ctl_sync_free(struct ctl_sync **sync);
/* HOST is kept. Give the agent before the control server starts. */
void ctl_sync_set_agent(struct ctl_sync *sync, struct agent *agent,
			const struct hostfile *host);
/* The observer to give to the agent. */
struct agent_observer ctl_sync_observer(struct ctl_sync *sync);

/* The table of verbs; their context is the struct ctl_sync. */
const struct ctl_verb *ctl_sync_verbs(size_t *n_r);

#endif
