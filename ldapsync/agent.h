/*
 * The agent: a thread per part of a directory that watches, one thread that applies.
 *
 * Sources fill batches (source.h), the applying thread takes them from a bounded queue and
 * gives them to apply.h: one transaction for what is there, at most a batch size or 200 ms
 * together. When a transaction fails, everything after the last commit is thrown away: the
 * session's epoch is over, its batches are dropped, the sources begin anew from the cookie.
 */
#ifndef WP_LDAPSYNC_AGENT_H
#define WP_LDAPSYNC_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/hostfile.h"
#include "common/replica_store.h"
#include "ldapsync/apply.h"

struct agent;

enum agent_state { AGENT_LIVE, AGENT_REFRESH, AGENT_DOWN, AGENT_HELD };

struct agent_status {
	enum agent_state state; /* of the directory that is worst off */
	char source[256];       /* where from: its address, or the file */
	uint64_t lag_ms;        /* since the replica was last known to be in step */
	struct replica_counts counts;
	uint64_t snapshot, newest; /* the live one, the one that was made last */
	uint64_t pinned_wall_ms;   /* when the live one was pinned; 0: it is not */
	bool is_published;
	struct replica_snapshot image; /* the newest */
	uint64_t changed_wall_ms; /* 0: never */
	struct err last_error;  /* text empty: none */
	uint64_t last_error_wall_ms;
	uint64_t diagnostics;
};

/* One part of a directory (part.h), as `sync status` shows it. */
struct agent_source {
	const char *title; /* the agent's */
	enum agent_state state;
	char server[256], tracker[64], bind[256], tls[64]; /* empty: not known */
	uint64_t lag_ms;
	struct replica_counts counts;
	uint64_t changed_wall_ms; /* 0: never */
	/* While it is read: since when (0: it is not), entries so far and in the end (0: not known),
	 * and how many a second. */
	uint64_t begun_wall_ms, named, expected, rate;
	struct apply_hold hold; /* its text empty: nothing is held */
	/* The last error; OVER: when it ended, 0 while it lasts. Text empty: there was none. */
	struct err last_error;
	uint64_t last_error_wall_ms, error_over_wall_ms;
};

/* Told by the applying thread after a commit and at each change of a state. Must not block. */
struct agent_observer {
	void (*on_change)(void *ctx, const struct agent_status *status);
	/* While it is watched, of what a transaction changed (changes.h); takes ROWS over. */
	void (*on_changes)(void *ctx, json_t *rows, uint32_t omitted);
	void *ctx;
};

/* HOST and OBSERVER are kept. Opens the replica and starts the threads. */
int agent_start(const struct hostfile *host, const struct agent_observer *observer,
		struct agent **agent_r, struct err *err) WP_MUST_CHECK;
/* Ends sources, commits what they had given, joins. Null inside is fine. */
void agent_stop(struct agent **agent);

/* Any thread. */
void agent_status(struct agent *agent, struct agent_status *status_r);
/* Part I of the directories, in the order of the host file; false: there are no more. */
bool agent_source_status(struct agent *agent, size_t i, struct agent_source *status_r);
/* Whether the snapshot is held back, whatever the sources; *HOLD_R: why. */
bool agent_snapshot_held(struct agent *agent, struct apply_hold *hold_r);
/* The number of the part TITLE; -1 and ERR (ERR_NOT_FOUND), whose remedy lists them. */
int agent_find_source(struct agent *agent, const char *title, size_t *i_r, struct err *err)
	WP_MUST_CHECK;
const char *agent_state_name(enum agent_state state);
/* Runs JOB in the applying thread, between transactions. False if the agent is stopping. */
bool agent_run(struct agent *agent, void (*job)(void *arg), void *arg);

/* Only in a job. 1: done, 0: refused, ERR says why, -1: ERR. SOURCE: number of a part, or
 * APPLY_ALL. What they mean: apply.h. */
int agent_accept(struct agent *agent, size_t source, struct err *err) WP_MUST_CHECK;
int agent_refuse(struct agent *agent, size_t source, struct err *err) WP_MUST_CHECK;
int agent_resync(struct agent *agent, size_t source, struct err *err) WP_MUST_CHECK;
int agent_pin(struct agent *agent, uint64_t number, struct err *err) WP_MUST_CHECK;
int agent_unpin(struct agent *agent, struct err *err) WP_MUST_CHECK;
void agent_watch(struct agent *agent, bool is_on);
/* For one read transaction. */
const struct replica_store *agent_store(struct agent *agent);

#endif
