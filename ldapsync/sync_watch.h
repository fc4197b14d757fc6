/*
 * Who watches what arrives (`waypost sync watch`): rows of changes, of states and of snapshots.
 *
 * A client that does not read loses rows and is told how many; nobody waits for it, and what is
 * kept for it is bounded. What a snapshot moves is worked out in a thread of its own, so that
 * applying goes on; of snapshots that follow each other faster than that, one row tells.
 *
 * Rows: {"event":"begin","time","snapshot"}
 *       {"event":"changes","time","changes":[as changes_json(); recipients also "address"],"omitted"}
 *       {"event":"state","time","source","state","error"}
 *       {"event":"snapshot","time","snapshot","before","site": from which the effect is seen, ""
 *        for some sites, "effect": diff_snapshots() without recipients, or null}
 *       {"event":"lost","time","rows"}
 */
#ifndef WP_LDAPSYNC_SYNC_WATCH_H
#define WP_LDAPSYNC_SYNC_WATCH_H

#include "common/ctl_server.h"
#include "ldapsync/agent.h"

struct sync_watch;

struct sync_watch *sync_watch_new(void);
/* After the control server has stopped and before the agent does, whom the thread may ask. */
void sync_watch_stop(struct sync_watch *watch);
/* After the agent has stopped, too. Null inside is fine. */
void sync_watch_free(struct sync_watch **watch);
/* HOST is kept. Before the control server starts. */
void sync_watch_set_agent(struct sync_watch *watch, struct agent *agent,
			  const struct hostfile *host);
/* The control thread: CALL is told from now on. */
void sync_watch_add(struct sync_watch *watch, struct ctl_call *call);

/* From the agent's observer. The reference to ROWS (maybe null) is taken over. */
void sync_watch_changes(struct sync_watch *watch, json_t *rows, uint32_t omitted);
void sync_watch_status(struct sync_watch *watch, const struct agent_status *status);

#endif
