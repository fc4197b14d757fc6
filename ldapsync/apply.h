/*
 * Events of sources → replica: what becomes visible when.
 *
 *  - No replica yet: a generation is filled unseen and published when every directory has
 *    ended its first refresh.
 *  - A full refresh of a lone directory fills a new generation, published as a whole.
 *  - Any other refresh changes the current generation: recipients go live in batches; nothing
 *    is deleted and no snapshot is made until it is done. A file is one transaction.
 *  - The guard: a refresh that would drop more than a share (and more than a handful) of the
 *    recipients or of the topology is held back until it is accepted; so is a snapshot that
 *    has lost all sites or all servers. What was live stays live.
 *  - The cookie is stored in the transaction of what it covers, snapshot included.
 *  - A pinned snapshot stays live; newer ones are made and logged as ever.
 *
 * One thread; no clock, no queue: the agent around it has those. Blocks on the disk.
 */
#ifndef WP_LDAPSYNC_APPLY_H
#define WP_LDAPSYNC_APPLY_H

#include "ldapsync/event.h"
#include "ldapsync/replica_writer.h"

struct apply_directory {
	const char *title;
	unsigned guard_percent;
};

struct apply_config {
	const char *state_dir;
	const char *base; /* of the topology; may be null */
	const struct apply_directory *directories;
	size_t n_directories;
	struct history_limits history;
};

enum apply_phase { APPLY_WAITING, APPLY_REFRESHING, APPLY_LIVE, APPLY_HELD };

struct apply_status {
	bool is_published; /* there is something for readers */
	struct replica_counts counts;
	struct replica_snapshot snapshot, newest; /* the live one, the one that was made last */
	uint64_t pinned_wall_ms;                  /* when the live one was pinned; 0: it is not */
	uint64_t changed_wall_ms;
	uint64_t diagnostics;
};

struct apply;

/* CONFIG and what it points to is kept. Takes the writer's lock, opens or begins a replica,
 * repairs the snapshot image, removes leftovers. WALL_MS: the time, here and below. */
int apply_open(const struct apply_config *config, uint64_t wall_ms, struct apply **apply_r,
	       struct err *err) WP_MUST_CHECK;
/* What is not committed is lost, and will be sent again by the directory. */
void apply_close(struct apply **apply);

/* The stored cookie of a directory if it fits BINDING, else empty. */
int apply_cookie(struct apply *apply, size_t directory, uint64_t binding, struct buf *cookie_r,
		 struct err *err) WP_MUST_CHECK;
/* -1: everything since the last commit is undone, all sources have to begin anew. */
int apply_event(struct apply *apply, size_t directory, const struct event *event,
		uint64_t wall_ms, struct err *err) WP_MUST_CHECK;
/* Stores what is pending, unless a refresh wants to stay one transaction. As apply_event. */
int apply_commit(struct apply *apply, struct err *err) WP_MUST_CHECK;
/* Changes since the last commit, and how many of them are better taken together. */
size_t apply_pending(const struct apply *apply);
size_t apply_batch_size(const struct apply *apply);
/* Lets through what was held back. 1: something was, 0: nothing. As apply_event. */
int apply_accept(struct apply *apply, uint64_t wall_ms, struct err *err) WP_MUST_CHECK;
/*
 * Holds snapshot NUMBER of the log live, or lets the newest be live again. 1: done and stored.
 * 0: refused, and ERR says why (ERR_NOT_FOUND, ERR_STORE, or ERR_SYSTEM while a file is being
 * taken over). -1 as apply_event.
 */
int apply_pin(struct apply *apply, uint64_t number, uint64_t wall_ms, struct err *err)
	WP_MUST_CHECK;
int apply_unpin(struct apply *apply, uint64_t wall_ms, struct err *err) WP_MUST_CHECK;

/* Once after a commit that left the directory without a cookie: why its session has to end. Else
 * null. */
const char *apply_take_doubt(struct apply *apply, size_t directory);
enum apply_phase apply_phase(const struct apply *apply, size_t directory);
/* Why something is held back, or null. */
const struct err *apply_held(const struct apply *apply);
void apply_status(const struct apply *apply, struct apply_status *status_r);
/* For reading in the applying thread, between transactions; null before the first. */
const struct replica_store *apply_store(const struct apply *apply);

#endif
