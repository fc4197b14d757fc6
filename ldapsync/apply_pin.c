/* Events of sources → replica: a snapshot is held live, or let go. */
#include <errno.h>
#include <stdio.h>

#include "common/log.h"
#include "ldapsync/apply_private.h"
#include "ldapsync/publish.h"

#define PIN_LOST "pin-lost"

/* A transaction of its own: a file that is being taken over has one open until it is whole. */
static int begin(struct apply *apply, struct err *err)
{
	if (replica_writer_is_open(apply->current)) {
		err_set(err, ERR_SYSTEM, EBUSY, "a file is being taken over");
		err_remedy(err, "try again in a moment");
		return 0;
	}
	return replica_writer_begin(apply->current, err) < 0 ? -1 : 1;
}

static int log_pin(struct apply *apply, enum history_cause cause,
		   const struct replica_snapshot *snapshot, struct err *err)
{
	const struct history_head head = { .cause = cause, .snapshot = *snapshot,
					   .wall_ms = apply->now_ms };

	return replica_writer_log(apply->current, &head, err);
}

/* A lost pin is no news any more. */
static int forget_loss(struct apply *apply, struct err *err)
{
	return replica_writer_diagnose(apply->current, PIN_LOST, PIN_LOST, NULL, err);
}

/* 1: *SNAPSHOT_R can be made live; 0: not, and ERR says why. */
static int find_snapshot(struct apply *apply, uint64_t number, struct replica_snapshot *snapshot_r,
			 struct err *err)
{
	struct history_entry entry;
	int rc = replica_store_find_history(replica_writer_store(apply->current),
					    replica_writer_txn(apply->current), number, &entry, err);

	if (rc < 0)
		return -1;
	if (rc == 0) {
		err_set(err, ERR_NOT_FOUND, 0, "snapshot %llu is not in the log",
			(unsigned long long)number);
		err_remedy(err, "waypost topology log lists what is kept");
		return 0;
	}
	*snapshot_r = entry.head.snapshot;
	if (publish_is_intact(apply->config.state_dir, snapshot_r, NULL))
		return 1;
	err_set(err, ERR_STORE, 0, "the image of snapshot %llu is missing or damaged",
		(unsigned long long)number);
	return 0;
}

/* Ends what begin() began: RC 1 commits, 0 keeps what was. */
static int end(struct apply *apply, int rc, struct err *err)
{
	if (rc == 1 && apply_commit_writer(apply, apply->current, err) < 0)
		rc = -1;
	if (rc == 0)
		replica_writer_abort(apply->current);
	return rc < 0 ? apply_fail(apply) : rc;
}

int apply_pin(struct apply *apply, uint64_t number, uint64_t wall_ms, struct err *err)
{
	struct replica_snapshot snapshot;
	int rc = begin(apply, err);

	if (rc <= 0)
		return rc < 0 ? apply_fail(apply) : 0;
	apply->now_ms = wall_ms;
	rc = find_snapshot(apply, number, &snapshot, err);
	if (rc == 1) {
		replica_writer_pin(apply->current, &snapshot, wall_ms);
		if (log_pin(apply, HISTORY_PIN, &snapshot, err) < 0 || forget_loss(apply, err) < 0)
			rc = -1;
	}
	return end(apply, rc, err);
}

int apply_unpin(struct apply *apply, uint64_t wall_ms, struct err *err)
{
	const struct replica_snapshot live = apply->status.snapshot;
	int rc = begin(apply, err);
	bool was_pinned;

	if (rc <= 0)
		return rc < 0 ? apply_fail(apply) : 0;
	apply->now_ms = wall_ms;
	was_pinned = replica_writer_pinned_since(apply->current) != 0;
	replica_writer_pin(apply->current, NULL, 0);
	if (forget_loss(apply, err) < 0 ||
	    (was_pinned && log_pin(apply, HISTORY_UNPIN, &live, err) < 0))
		rc = -1;
	rc = end(apply, rc, err);
	if (rc == 1 && !was_pinned) {
		err_set(err, ERR_NOT_FOUND, 0, "no snapshot is pinned");
		rc = 0;
	}
	return rc;
}

int apply_lose_pin(struct apply *apply, const struct replica_snapshot *live, struct err *err)
{
	char number[24];
	const struct replica_diagnostic lost = { PIN_LOST, "", "", number,
						 "the newest snapshot is live again" };

	snprintf(number, sizeof(number), "%llu", (unsigned long long)live->number);
	log_error("the image of the pinned snapshot %s is missing or damaged: the newest is live",
		  number);
	replica_writer_pin(apply->current, NULL, 0);
	if (log_pin(apply, HISTORY_PIN_LOST, live, err) < 0)
		return -1;
	return replica_writer_diagnose(apply->current, PIN_LOST, PIN_LOST, &lost, err);
}
