/*
 * Events of sources → replica: what becomes visible when.
 *
 *  - No replica yet: a generation is filled unseen and published when every directory has
 *    ended its first refresh.
 *  - A full refresh of a lone directory fills a new generation, published as a whole.
 *  - Any other refresh changes the current generation: recipients go live in batches; nothing
 *    is deleted and no snapshot is made until it is done. A file is one transaction.
 *  - The guard: a refresh that would drop more than a share (and more than a handful) of the
 *    directory's recipients or topology, or the last of either, is held back until it is accepted or
 *    refused; so is a snapshot that has lost all sites or all servers. What was live stays live.
 *  - No snapshot is made while the topology holds a part of a refresh, also over a restart.
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
	/* Told of what a transaction changed, while it is watched; takes the reference over. */
	void (*on_changes)(void *ctx, json_t *rows, uint32_t omitted);
	void *ctx;
};

enum apply_phase { APPLY_WAITING, APPLY_REFRESHING, APPLY_LIVE, APPLY_HELD };

enum { APPLY_EXAMPLES = 10, APPLY_EXAMPLE_SIZE = 256 };

/* What waits for an administrator's word, and why. */
struct apply_hold {
	struct err why; /* text empty: nothing does */
	uint64_t since_wall_ms;
	struct replica_counts dropped, of; /* what would go, of how many */
	unsigned n_examples;
	char examples[APPLY_EXAMPLES][APPLY_EXAMPLE_SIZE]; /* names of what would go */
};

/* One directory. */
struct apply_source {
	enum apply_phase phase;
	struct replica_counts counts; /* of what readers see, or will see first */
	uint64_t changed_wall_ms;     /* 0: never */
	uint64_t begun_wall_ms;       /* while APPLY_REFRESHING: since when, */
	uint64_t named, expected;     /* entries so far, and in the end; 0: not known */
	const struct apply_hold *hold; /* null: nothing is held */
};

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
 * repairs the snapshot image, removes leftovers; what is damaged is left to nobody, and begun anew.
 * WALL_MS: the time, here and below. */
int apply_open(const struct apply_config *config, uint64_t wall_ms, struct apply **apply_r,
	       struct err *err) WP_MUST_CHECK;
/* What is not committed is lost, and will be sent again by the directory. */
void apply_close(struct apply **apply);

/* A session with the directory begins: until its refresh is over nobody knows whether the replica
 * is in step. What is held stays held. */
void apply_begin(struct apply *apply, size_t directory);

/* The stored cookie of a directory if it fits BINDING, else empty. */
int apply_cookie(struct apply *apply, size_t directory, uint64_t binding, struct buf *cookie_r,
		 struct err *err) WP_MUST_CHECK;
/* -1: everything since the last commit is undone, all sources have to begin anew. */
int apply_event(struct apply *apply, size_t directory, const struct event *event,
		uint64_t wall_ms, struct err *err) WP_MUST_CHECK;
/* Stores what is pending, unless a refresh wants to stay one transaction. As apply_event. */
int apply_commit(struct apply *apply, struct err *err) WP_MUST_CHECK;
/* Between transactions: what nobody should wait for. Images that the log does not name any more go,
 * the next one gets its room. */
void apply_tidy(struct apply *apply);
/* Between transactions: -1 and ERR if the files on the disk are not what was written: removed,
 * replaced, cut, or marked as damaged. Nothing may be done then but to end the process: apply_open
 * knows what to do. */
int apply_check(const struct apply *apply, struct err *err) WP_MUST_CHECK;
/* Makes an image anew that was removed or cut under us, when nothing else is under way. As
 * apply_event. */
int apply_mend_image(struct apply *apply, uint64_t wall_ms, struct err *err) WP_MUST_CHECK;
/* The next apply_open looks whether there is damage (replica_damage.h). */
void apply_mark_damaged(const struct apply *apply);
/* Changes since the last commit, and how many of them are better taken together. */
size_t apply_pending(const struct apply *apply);
size_t apply_batch_size(const struct apply *apply);

/*
 * An administrator's word on DIRECTORY, or on all (APPLY_ALL). 1: done and stored. 0: refused, and
 * ERR says why (ERR_NOT_FOUND: nothing is held; ERR_SYSTEM while a file is being taken over). -1
 * as apply_event.
 *
 * accept: lets through what is held back. refuse: throws it away; what was live stays live, the
 * log tells of it. resync: also where nothing is held. After the last two the directory has to be
 * read whole: its cookie is gone, and its source has to begin anew (apply_is_called, once).
 */
#define APPLY_ALL SIZE_MAX
int apply_accept(struct apply *apply, size_t directory, uint64_t wall_ms, struct err *err)
	WP_MUST_CHECK;
int apply_refuse(struct apply *apply, size_t directory, uint64_t wall_ms, struct err *err)
	WP_MUST_CHECK;
int apply_resync(struct apply *apply, size_t directory, uint64_t wall_ms, struct err *err)
	WP_MUST_CHECK;
bool apply_is_called(struct apply *apply, size_t directory);
/* Whether on_changes is wanted. */
void apply_watch(struct apply *apply, bool is_on);

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
/* Between transactions: adds the UUIDs of the directory's recipients that have members or a forward by
 * DN. */
int apply_holders(struct apply *apply, size_t directory, struct buf *uuids, struct err *err)
	WP_MUST_CHECK;
/* Once after a deletion that told another name than the entry had here. */
bool apply_take_misnamed(struct apply *apply, size_t directory);
enum apply_phase apply_phase(const struct apply *apply, size_t directory);
/* SOURCE_R's hold lives until the next call that changes something. */
void apply_source_status(const struct apply *apply, size_t directory,
			 struct apply_source *source_r);
/* What is held: the first directory's, else the snapshot's; null: nothing. */
const struct apply_hold *apply_held(const struct apply *apply);
/* The snapshot's: it would lose what no organisation loses. */
const struct apply_hold *apply_snapshot_held(const struct apply *apply);
void apply_status(const struct apply *apply, struct apply_status *status_r);
/* For reading in the applying thread, between transactions; null before the first. */
const struct replica_store *apply_store(const struct apply *apply);

#endif
