/* Events of sources → replica: transactions and the snapshots they publish. */
#include "common/snapshot_file.h"
#include "ldapsync/apply_private.h"

/* A transaction on the directory's generation; its number there. */
int apply_ensure_open(struct apply *apply, struct directory *d, struct err *err)
{
	struct replica_writer *writer = apply_writer(apply, d);
	int rc;

	if (!replica_writer_is_open(writer) && replica_writer_begin(writer, err) < 0)
		return -1;
	if (d->number != 0)
		return 0;
	rc = replica_writer_source(writer, d->config->title, &d->number, err);
	apply->is_dirty |= rc == 1;
	return rc < 0 ? -1 : 0;
}

/* Another snapshot is live: its image's diagnostics count. */
static void note_live(struct apply *apply, const struct replica_snapshot *snapshot)
{
	apply->status.snapshot = *snapshot;
	apply->image_diagnostics = publish_diagnostics(apply->publisher, apply->config.state_dir,
						       snapshot);
}

/* Images that the log does not name any more go. The one before the newest stays, whatever the log
 * says: somebody may be about to open it. */
static void prune_images(struct apply *apply)
{
	struct buf numbers = { 0 };

	if (replica_writer_kept(apply->current, &numbers, NULL) == 0)
		snapshot_file_prune(apply->config.state_dir, apply->status.newest.number - 1,
				    (const uint64_t *)(const void *)numbers.data,
				    numbers.len / sizeof(uint64_t));
	buf_free(&numbers);
}

void apply_tidy(struct apply *apply)
{
	const struct replica_snapshot *newest = &apply->status.newest;

	if (!apply->is_published || newest->number == apply->tidied)
		return;
	apply->tidied = newest->number;
	prune_images(apply);
	publish_make_room(apply->publisher, apply->config.state_dir, newest);
}

static uint64_t stored_diagnostics(const struct replica_store *store)
{
	MDB_stat stat = { 0 };
	MDB_txn *txn;

	if (mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn) != 0)
		return 0;
	mdb_stat(txn, store->diagnostic, &stat);
	mdb_txn_abort(txn);
	return stat.ms_entries;
}

/* What the current generation holds after a commit. */
void apply_note_commit(struct apply *apply)
{
	const struct replica_state *state = replica_writer_state(apply->current);

	if (state->snapshot.number != apply->status.snapshot.number)
		note_live(apply, &state->snapshot);
	apply->status.newest = *replica_writer_newest(apply->current);
	for (size_t i = 0; i < apply->config.n_directories; i++) {
		struct directory *d = &apply->directories[i];

		if (d->current_number != 0)
			d->tally = *replica_writer_tally(apply->current, d->current_number);
	}
	apply->status.pinned_wall_ms = replica_writer_pinned_since(apply->current);
	apply->status.counts = state->counts;
	apply->status.changed_wall_ms = state->changed_wall_ms;
	apply->status.diagnostics = apply->image_diagnostics +
				    stored_diagnostics(replica_writer_store(apply->current));
}

static void tell_changes(struct apply *apply, struct replica_writer *writer)
{
	uint32_t omitted;
	json_t *rows = replica_writer_take_watched(writer, &omitted);

	if (rows != NULL || omitted > 0)
		apply->config.on_changes(apply->config.ctx, rows, omitted);
}

void apply_watch(struct apply *apply, bool is_on)
{
	apply->is_watched = is_on;
	replica_writer_watch(apply->current, is_on);
}

int apply_commit_writer(struct apply *apply, struct replica_writer *writer, struct err *err)
{
	if (replica_writer_commit(writer, err) < 0)
		return -1;
	apply->pending = 0;
	apply->is_dirty = false;
	tell_changes(apply, writer);
	if (writer == apply->current)
		apply_note_commit(apply);
	return 0;
}

/* Undoes what is not committed. Every source starts over with its stored cookie. */
int apply_fail(struct apply *apply)
{
	apply_drop_building(apply);
	if (apply->current != NULL)
		replica_writer_abort(apply->current);
	for (size_t i = 0; i < apply->config.n_directories; i++) {
		apply->directories[i].rebuilding = false;
		apply->directories[i].is_auditing = false;
		apply->directories[i].number = 0;
		apply->directories[i].phase = APPLY_WAITING;
		apply->directories[i].doubt = NULL; /* what gave rise to it will come again */
		apply->directories[i].doubt_is_new = false;
		apply->directories[i].hold = (struct apply_hold){ 0 };
		/* The end of a refresh may be what is undone. */
		apply->directories[i].is_whole = false;
		apply->directories[i].is_ready &= apply->is_published;
	}
	apply->pending = 0;
	apply->is_dirty = false;
	return -1;
}

/* Nothing of a refresh that is not over, or was broken off, is in the topology. */
static bool topology_is_whole(const struct apply *apply)
{
	for (size_t i = 0; i < apply->config.n_directories; i++) {
		const struct directory *d = &apply->directories[i];

		if (!d->is_ready ||
		    replica_writer_tally(apply->current, d->current_number)->is_partial)
			return false;
	}
	return true;
}

int apply_publish(struct apply *apply, struct replica_writer *writer, enum history_cause cause,
		  struct apply_hold *hold, struct err *err)
{
	const struct publish_request request = {
		.state_dir = apply->config.state_dir, .base = apply->config.base,
		.accept_loss = cause >= HISTORY_ACCEPT, .anew = cause == HISTORY_REPAIR,
		.cause = cause, .wall_ms = apply->now_ms,
	};
	enum publish_result result;
	struct err why = { 0 };

	if (publish_snapshot(apply->publisher, writer, &request, &result, &why) < 0) {
		*err = why;
		return -1;
	}
	*hold = (struct apply_hold){ 0 };
	if (result == PUBLISH_HELD) {
		hold->why = why;
		hold->since_wall_ms = apply->now_ms;
		return 0;
	}
	apply->cause = HISTORY_LIVE;
	apply->is_dirty = true; /* also without a new one: none is due any more */
	if (result == PUBLISH_SAME)
		return 0;
	return replica_writer_prune(writer, &apply->config.history, apply->now_ms, err);
}

/* Makes the snapshot of the current generation if it is due and the topology is whole. */
int apply_publish_if_due(struct apply *apply, bool accept, struct err *err)
{
	if (!replica_writer_is_behind(apply->current) || !apply->is_published ||
	    !topology_is_whole(apply))
		return 0;
	return apply_publish(apply, apply->current, accept ? HISTORY_ACCEPT : apply->cause,
			     &apply->snapshot_hold, err);
}

int apply_commit_current(struct apply *apply, bool accept, struct err *err)
{
	if (apply_publish_if_due(apply, accept, err) < 0)
		return -1;
	if (apply->is_dirty)
		return apply_commit_writer(apply, apply->current, err);
	replica_writer_abort(apply->current);
	apply->pending = 0;
	return 0;
}
