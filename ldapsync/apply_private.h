/* What the parts of apply.h share: apply.c (events), apply_refresh.c (the end of a refresh),
 * apply_check.c (whether the files are there), apply_hold.c (the guard), apply_commit.c (transactions and snapshots), apply_open.c (start and
 * end), apply_order.c (an administrator's word), apply_pin.c. */
#ifndef WP_LDAPSYNC_APPLY_PRIVATE_H
#define WP_LDAPSYNC_APPLY_PRIVATE_H

#include "ldapsync/apply.h"
#include "ldapsync/publish.h"

enum { APPLY_HANDFUL = 10 }; /* this many may go, if others are left */

/* One directory. NUMBER is its number in the generation that its events go to. */
struct directory {
	const struct apply_directory *config;
	enum apply_phase phase;
	bool is_ready;     /* its first refresh is done */
	bool is_whole;     /* a refresh was over since the start */
	bool rebuilding;   /* its events go to the new generation */
	bool one_piece;    /* the refresh is one transaction */
	bool complete;     /* what the refresh did not name is gone */
	bool is_auditing;  /* all that is left of the refresh is the list of what is there */
	bool is_sure;      /* the source follows folders itself (SOURCE_SURE) */
	bool has_strays;   /* something changed below a folder that is not there */
	bool resumes;      /* the refresh goes on from a cookie, and it is not sure */
	const char *doubt; /* why all has to be read anew, or null */
	bool doubt_is_new; /* the agent does not know it */
	bool is_misnamed;  /* apply_take_misnamed */
	size_t n_unchanged; /* entries that the refresh sent again for nothing */
	bool is_called;    /* its source has to begin anew */
	uint16_t number, current_number; /* that in the current generation */
	struct replica_tally tally;      /* of the current generation, as of the last commit */
	struct replica_counts before;    /* what the refresh found */
	uint64_t begun_wall_ms;          /* of the refresh */
	uint64_t named, expected;        /* entries it told of, and will; 0: not known */
	struct apply_hold hold;
	struct id_set seen;        /* named by the refresh, or changed since */
	struct id_set gone;        /* deleted by it, and not brought since */
	struct buf doomed;         /* UUIDs that the refresh deletes */
	struct buf cookie;         /* of the refresh, until it may be stored */
	uint64_t binding;
};

struct apply {
	struct apply_config config;
	int lock_fd;
	struct replica_writer *current, *building;
	struct publisher *publisher;
	bool is_published, is_watched;
	bool is_dirty;     /* the transaction holds something worth committing */
	enum history_cause cause; /* of the next snapshot */
	size_t pending;
	struct apply_hold snapshot_hold;
	uint64_t now_ms;   /* wall clock of the event at hand */
	uint64_t image_diagnostics; /* of the current snapshot */
	struct apply_status status;
	uint64_t tidied; /* the newest snapshot when that was done last */
	struct directory directories[];
};

static inline struct replica_writer *apply_writer(const struct apply *apply, const struct directory *d)
{
	return d->rebuilding ? apply->building : apply->current;
}

/* apply_open.c: generations on the disk. */
void apply_remove_generation(const struct apply *apply, uint64_t number);
void apply_drop_building(struct apply *apply);

/* apply_hold.c */

/* Whether SWEEP takes more than its share of what was live; then it is in the directory's hold. */
bool apply_guard_holds(struct apply *apply, struct directory *d,
		       const struct replica_sweep *sweep);
static inline bool apply_is_held(const struct apply_hold *hold)
{
	return hold->why.text[0] != '\0';
}

/* apply_pin.c: the image of the pinned snapshot LIVE is gone, in the open transaction. */
int apply_lose_pin(struct apply *apply, const struct replica_snapshot *live, struct err *err)
	WP_MUST_CHECK;

/* apply_commit.c. -1 as in apply.h, but the caller calls apply_fail. */

/* A transaction on the directory's generation; its number there. */
int apply_ensure_open(struct apply *apply, struct directory *d, struct err *err) WP_MUST_CHECK;
int apply_commit_writer(struct apply *apply, struct replica_writer *writer, struct err *err)
	WP_MUST_CHECK;
/* Takes over into the status what the current generation holds after a commit. */
void apply_note_commit(struct apply *apply);
/* Undoes what is not committed: every source starts over with its stored cookie. Returns -1. */
int apply_fail(struct apply *apply);
/* CAUSE: HISTORY_FIRST and HISTORY_ACCEPT may lose anything, HISTORY_REPAIR too, and is made
 * whatever it holds. HOLD (emptied else): it would lose what no organisation loses; nothing was
 * published. */
int apply_publish(struct apply *apply, struct replica_writer *writer, enum history_cause cause,
		  struct apply_hold *hold, struct err *err) WP_MUST_CHECK;
/* Makes the snapshot of the current generation if it is due and the topology is whole. */
int apply_publish_if_due(struct apply *apply, bool accept, struct err *err) WP_MUST_CHECK;
/* Stores the current generation's transaction, with the snapshot that is due. */
int apply_commit_current(struct apply *apply, bool accept, struct err *err) WP_MUST_CHECK;
/* A refresh is under way that wants to stay one transaction. */
bool apply_wants_one_piece(const struct apply *apply);

/* The weightiest of the causes until the next snapshot is its cause. */
static inline void apply_note_cause(struct apply *apply, enum history_cause cause)
{
	if (cause > apply->cause)
		apply->cause = cause;
}

/* apply_refresh.c. */

/* What is known of a refresh only, beside its phase. */
void apply_forget_refresh(struct directory *d);
/* N entries changed in the directory's transaction. */
void apply_mark_changed(struct apply *apply, struct directory *d, size_t n);
/* The stored cookie is no good, and neither is what follows in this session. */
int apply_doubt(struct apply *apply, struct directory *d, const char *why, struct err *err)
	WP_MUST_CHECK;
int apply_store_cookie(struct apply *apply, struct directory *d, struct err *err) WP_MUST_CHECK;
/* From here on something tells all or a part of what is there. */
void apply_begin_naming(struct apply *apply, struct directory *d);
/* What the refresh told takes effect before its list of what is there is through, unless the guard
 * or a doubt wants to see that first. Behind the refresh: only a list, where nothing is held or
 * doubted. */
int apply_begin_audit(struct apply *apply, struct directory *d, struct err *err) WP_MUST_CHECK;
/* Sweep, guard, snapshot, cookie; ACCEPT: the guard was overruled. */
int apply_finish_refresh(struct apply *apply, struct directory *d, bool accept, struct err *err)
	WP_MUST_CHECK;

#endif
