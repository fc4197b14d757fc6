/* Events of sources → replica. */
#include "ldapsync/apply.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/fsutil.h"
#include "common/snapshot_file.h"
#include "ldapsync/publish.h"
#include "ldapsync/source.h"

enum {
	GUARD_HANDFUL = 10,     /* this many may always go */
	BATCH_LIVE = 1000,      /* changes a transaction, while readers wait for them */
	BATCH_UNSEEN = 20000,   /* into a generation that nobody reads */
};

/* One directory. NUMBER is its number in the generation that its events go to. */
struct directory {
	const struct apply_directory *config;
	enum apply_phase phase;
	bool is_ready;     /* its first refresh is done */
	bool rebuilding;   /* its events go to the new generation */
	bool one_piece;    /* the refresh is one transaction */
	bool complete;     /* what the refresh did not name is gone */
	uint16_t number;
	struct id_set seen;        /* named by the refresh, or changed since */
	struct buf doomed;         /* UUIDs that the refresh deletes */
	struct buf cookie;         /* of the refresh, until it may be stored */
	uint64_t binding;
};

struct apply {
	struct apply_config config;
	int lock_fd;
	struct replica_writer *current, *building;
	bool is_published;
	bool is_dirty;     /* the transaction holds something worth committing */
	bool snapshot_due; /* the topology changed and no snapshot could be made yet */
	size_t pending;
	struct err held;   /* text empty: nothing is */
	bool snapshot_held;
	uint64_t now_ms;   /* wall clock of the event at hand */
	uint64_t image_diagnostics; /* of the current snapshot */
	struct apply_status status;
	struct directory directories[];
};

/* ---- generations ---- */

static void generation_path(const struct apply *apply, uint64_t number, char path[static PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/replica/g%llu", apply->config.state_dir,
		 (unsigned long long)number);
}

static void remove_generation(const struct apply *apply, uint64_t number)
{
	char path[PATH_MAX];

	generation_path(apply, number, path);
	fs_remove_flat(path);
}

/* Generations other than KEEP are what a crash left behind. The highest number seen. */
static uint64_t remove_other_generations(const struct apply *apply, uint64_t keep)
{
	uint64_t number, highest = keep;
	char path[PATH_MAX];
	struct dirent *item;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/replica", apply->config.state_dir);
	dir = opendir(path);
	while (dir != NULL && (item = readdir(dir)) != NULL) {
		if (item->d_name[0] != 'g' || !parse_u64(item->d_name + 1, strlen(item->d_name + 1),
							 UINT64_MAX - 1, &number))
			continue;
		if (number > highest)
			highest = number;
		if (number != keep)
			remove_generation(apply, number);
	}
	if (dir != NULL)
		closedir(dir);
	return highest;
}

static void drop_building(struct apply *apply)
{
	uint64_t number;

	if (apply->building == NULL)
		return;
	number = replica_writer_generation(apply->building);
	replica_writer_close(&apply->building);
	remove_generation(apply, number);
}

static int open_building(struct apply *apply, struct err *err)
{
	uint64_t number = replica_writer_generation(apply->current) + 1;

	drop_building(apply);
	remove_generation(apply, number);
	return replica_writer_open(apply->config.state_dir, number, true, &apply->building, err);
}

/* ---- transactions ---- */

static struct replica_writer *writer_of(const struct apply *apply, const struct directory *d)
{
	return d->rebuilding ? apply->building : apply->current;
}

/* A transaction on the directory's generation; its number there. */
static int ensure_open(struct apply *apply, struct directory *d, struct err *err)
{
	struct replica_writer *writer = writer_of(apply, d);
	int rc;

	if (!replica_writer_is_open(writer) && replica_writer_begin(writer, err) < 0)
		return -1;
	if (d->number != 0)
		return 0;
	rc = replica_writer_source(writer, d->config->title, &d->number, err);
	apply->is_dirty |= rc == 1;
	return rc < 0 ? -1 : 0;
}

/* A new snapshot is current: its image's diagnostics count, the oldest image goes. */
static void note_snapshot(struct apply *apply, const struct replica_snapshot *snapshot)
{
	uint64_t keep = APPLY_KEEP_SNAPSHOTS;

	apply->status.snapshot = *snapshot;
	apply->image_diagnostics = 0;
	publish_is_intact(apply->config.state_dir, snapshot, &apply->image_diagnostics);
	if (snapshot->number >= keep)
		snapshot_file_prune(apply->config.state_dir, snapshot->number - keep + 1);
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
static void note_commit(struct apply *apply)
{
	const struct replica_state *state = replica_writer_state(apply->current);

	if (state->snapshot.number != apply->status.snapshot.number)
		note_snapshot(apply, &state->snapshot);
	apply->status.counts = state->counts;
	apply->status.changed_wall_ms = state->changed_wall_ms;
	apply->status.diagnostics = apply->image_diagnostics +
				    stored_diagnostics(replica_writer_store(apply->current));
}

static int commit_writer(struct apply *apply, struct replica_writer *writer, struct err *err)
{
	if (replica_writer_commit(writer, err) < 0)
		return -1;
	apply->pending = 0;
	apply->is_dirty = false;
	if (writer == apply->current)
		note_commit(apply);
	return 0;
}

/* Undoes what is not committed. Every source starts over with its stored cookie. */
static int fail(struct apply *apply)
{
	drop_building(apply);
	if (apply->current != NULL)
		replica_writer_abort(apply->current);
	for (size_t i = 0; i < apply->config.n_directories; i++) {
		apply->directories[i].rebuilding = false;
		apply->directories[i].number = 0;
		apply->directories[i].phase = APPLY_WAITING;
	}
	apply->pending = 0;
	apply->is_dirty = false;
	return -1;
}

/* ---- snapshots ---- */

static bool topology_is_whole(const struct apply *apply)
{
	for (size_t i = 0; i < apply->config.n_directories; i++) {
		const struct directory *d = &apply->directories[i];

		if (!d->rebuilding &&
		    (d->phase == APPLY_REFRESHING || d->phase == APPLY_HELD || !d->is_ready))
			return false;
	}
	return true;
}

/* *HELD_R: it would lose what no organisation loses; nothing was published. */
static int publish(struct apply *apply, struct replica_writer *writer, bool accept, bool anew,
		   bool *held_r, struct err *err)
{
	const struct publish_request request = {
		.state_dir = apply->config.state_dir, .base = apply->config.base,
		.accept_loss = accept, .anew = anew,
	};
	enum publish_result result;
	struct err why = { 0 };

	if (publish_snapshot(writer, &request, &result, &why) < 0) {
		*err = why;
		return -1;
	}
	*held_r = result == PUBLISH_HELD;
	if (*held_r)
		apply->held = why;
	if (result == PUBLISH_NEW)
		apply->is_dirty = true;
	return 0;
}

/* Makes the snapshot of the current generation if it is due and the topology is whole. */
static int publish_if_due(struct apply *apply, bool accept, struct err *err)
{
	apply->snapshot_due |= replica_writer_changed_topology(apply->current);
	if (!apply->snapshot_due || !apply->is_published || !topology_is_whole(apply))
		return 0;
	if (publish(apply, apply->current, accept, false, &apply->snapshot_held, err) < 0)
		return -1;
	if (!apply->snapshot_held) {
		apply->snapshot_due = false;
		apply->held.text[0] = '\0';
	}
	return 0;
}

/* ---- the end of a refresh ---- */

static bool is_too_much(uint64_t dropped, uint64_t total, unsigned percent)
{
	return dropped > GUARD_HANDFUL && dropped * 100 > total * percent;
}

/* Whether SWEEP takes more than its share of what is live; fills apply->held. */
static bool guard_holds(struct apply *apply, const struct directory *d,
			const struct replica_sweep *sweep)
{
	const struct replica_counts *live = &apply->status.counts, *gone = &sweep->dropped;
	unsigned percent = d->config->guard_percent;

	if (!apply->is_published ||
	    (!is_too_much(gone->recipients, live->recipients, percent) &&
	     !is_too_much(gone->topology, live->topology, percent)))
		return false;
	err_set(&apply->held, ERR_DIRECTORY, 0,
		"directory %s: a refresh would drop %llu of %llu recipients and %llu of %llu "
		"configuration objects (sweep_guard_percent is %u)",
		d->config->title, (unsigned long long)gone->recipients,
		(unsigned long long)live->recipients, (unsigned long long)gone->topology,
		(unsigned long long)live->topology, percent);
	err_remedy(&apply->held, "if that is meant: waypost sync accept");
	return true;
}

/* What the end of the refresh would delete. */
static int collect_sweep(struct apply *apply, struct directory *d, struct replica_sweep *sweep,
			 struct err *err)
{
	if (d->rebuilding)
		return replica_writer_missing(apply->building, apply->current, sweep, err);
	if (d->complete)
		return replica_writer_unseen(apply->current, d->number, &d->seen, sweep, err);
	for (size_t at = 0; at < d->doomed.len; at += sizeof(struct entry_uuid)) {
		struct entry_uuid uuid;

		memcpy(&uuid, d->doomed.data + at, sizeof(uuid));
		if (replica_writer_doom(apply->current, d->number, &uuid, &d->seen, sweep, err) < 0)
			return -1;
	}
	return 0;
}

static void mark_changed(struct apply *apply, struct directory *d, size_t n)
{
	replica_writer_state(writer_of(apply, d))->changed_wall_ms = apply->now_ms;
	apply->pending += n;
	apply->is_dirty = true;
}

static int store_cookie(struct apply *apply, struct directory *d, struct err *err)
{
	apply->is_dirty = true;
	return replica_writer_set_cookie(writer_of(apply, d), d->config->title, d->binding,
					 d->cookie.data, d->cookie.len, err);
}

static void end_phase(struct directory *d, enum apply_phase phase)
{
	d->phase = phase;
	d->one_piece = false;
	if (phase != APPLY_LIVE)
		return;
	d->is_ready = true;
	id_set_free(&d->seen);
	buf_free(&d->doomed);
	buf_free(&d->cookie);
}

/* The generation of WRITER becomes the one that readers use. */
static int switch_to(struct apply *apply, struct replica_writer *writer, struct err *err)
{
	char dir[PATH_MAX], target[32];

	if (commit_writer(apply, writer, err) < 0 || replica_writer_sync(writer, err) < 0)
		return -1;
	snprintf(dir, sizeof(dir), "%s/replica", apply->config.state_dir);
	snprintf(target, sizeof(target), "g%llu",
		 (unsigned long long)replica_writer_generation(writer));
	if (fs_relink(dir, "current", target, err) < 0)
		return -1;
	apply->is_published = true;
	apply->snapshot_due = false;
	return 0;
}

static int finish_rebuild(struct apply *apply, struct directory *d, bool accept, struct err *err)
{
	uint64_t old = replica_writer_generation(apply->current);
	bool held;

	replica_writer_state(apply->building)->snapshot = apply->status.snapshot;
	if (publish(apply, apply->building, accept, false, &held, err) < 0)
		return -1;
	if (held) {
		end_phase(d, APPLY_HELD);
		return 0;
	}
	if (store_cookie(apply, d, err) < 0 || switch_to(apply, apply->building, err) < 0)
		return -1;
	replica_writer_close(&apply->current);
	apply->current = apply->building;
	apply->building = NULL;
	d->rebuilding = false;
	remove_generation(apply, old);
	end_phase(d, APPLY_LIVE);
	note_commit(apply);
	return 0;
}

static bool all_are_ready(const struct apply *apply)
{
	for (size_t i = 0; i < apply->config.n_directories; i++)
		if (!apply->directories[i].is_ready)
			return false;
	return true;
}

static int publish_first(struct apply *apply, struct err *err)
{
	bool held;

	if (publish(apply, apply->current, true, false, &held, err) < 0)
		return -1;
	return switch_to(apply, apply->current, err);
}

static int finish_in_place(struct apply *apply, struct directory *d,
			   const struct replica_sweep *sweep, struct err *err)
{
	if (replica_writer_sweep(apply->current, d->number, sweep, err) < 0 ||
	    store_cookie(apply, d, err) < 0)
		return -1;
	if (sweep->n_gone > 0)
		mark_changed(apply, d, sweep->n_gone);
	end_phase(d, APPLY_LIVE);
	if (!apply->is_published && all_are_ready(apply))
		return publish_first(apply, err);
	return 0;
}

static int finish_refresh(struct apply *apply, struct directory *d, bool accept, struct err *err)
{
	struct replica_sweep sweep = { 0 };
	int rc;

	if (ensure_open(apply, d, err) < 0)
		return -1;
	rc = collect_sweep(apply, d, &sweep, err);
	if (rc == 0 && !accept && guard_holds(apply, d, &sweep)) {
		end_phase(d, APPLY_HELD);
	} else if (rc == 0) {
		apply->held.text[0] = '\0';
		rc = d->rebuilding ? finish_rebuild(apply, d, accept, err) :
				     finish_in_place(apply, d, &sweep, err);
	}
	replica_sweep_free(&sweep);
	return rc;
}

/* ---- events ---- */

static int on_refresh(struct apply *apply, struct directory *d, const struct event *event,
		      struct err *err)
{
	if (d->rebuilding) {
		drop_building(apply);
		d->rebuilding = false;
	}
	if (d->phase == APPLY_HELD)
		apply->held.text[0] = '\0';
	id_set_free(&d->seen);
	buf_clear(&d->doomed);
	buf_clear(&d->cookie);
	d->phase = APPLY_REFRESHING;
	d->complete = false;
	d->one_piece = event->number == SOURCE_FILE && apply->is_published;
	d->number = 0;
	if (event->number != SOURCE_FULL || !apply->is_published ||
	    apply->config.n_directories > 1)
		return 0;
	d->rebuilding = true;
	return open_building(apply, err);
}

static bool is_tracking(const struct directory *d)
{
	return !d->rebuilding && (d->phase == APPLY_REFRESHING || d->phase == APPLY_HELD);
}

static int on_upsert(struct apply *apply, struct directory *d, const struct event *event,
		     struct err *err)
{
	struct entry *entry = entry_decode(NULL, event->data, event->len, err);
	uint64_t id;
	int rc;

	if (entry == NULL)
		return -1;
	rc = replica_writer_upsert(writer_of(apply, d), d->number, entry, &id, err);
	talloc_free(entry);
	if (rc == 1)
		mark_changed(apply, d, 1);
	if (rc >= 0 && id != 0 && is_tracking(d))
		id_set_add(&d->seen, id);
	return rc < 0 ? -1 : 0;
}

static int on_present(struct apply *apply, struct directory *d, const struct event *event,
		      struct err *err)
{
	struct entry_uuid uuid;
	uint64_t id;

	memcpy(&uuid, event->data, sizeof(uuid));
	if (replica_writer_find(writer_of(apply, d), &uuid, &id, err) < 0)
		return -1;
	if (id != 0 && is_tracking(d))
		id_set_add(&d->seen, id);
	return 0;
}

static int on_delete(struct apply *apply, struct directory *d, const struct event *event,
		     struct err *err)
{
	struct entry_uuid uuid;
	int rc;

	memcpy(&uuid, event->data, sizeof(uuid));
	if (d->phase == APPLY_REFRESHING && !d->rebuilding) {
		buf_add(&d->doomed, &uuid, sizeof(uuid));
		return 0;
	}
	rc = replica_writer_delete(writer_of(apply, d), d->number, &uuid, err);
	if (rc == 1)
		mark_changed(apply, d, 1);
	return rc < 0 ? -1 : 0;
}

static int on_cookie(struct apply *apply, struct directory *d, const struct event *event,
		     struct err *err)
{
	buf_clear(&d->cookie);
	buf_add(&d->cookie, event->data, event->len);
	d->binding = event->number;
	return d->phase == APPLY_LIVE ? store_cookie(apply, d, err) : 0;
}

static int handle(struct apply *apply, struct directory *d, const struct event *event,
		  struct err *err)
{
	if (event->kind == EVENT_REFRESH)
		return on_refresh(apply, d, event, err);
	if (ensure_open(apply, d, err) < 0)
		return -1;
	switch (event->kind) {
	case EVENT_UPSERT:
		return on_upsert(apply, d, event, err);
	case EVENT_PRESENT:
		return on_present(apply, d, event, err);
	case EVENT_DELETE:
		return on_delete(apply, d, event, err);
	case EVENT_DONE:
		d->complete = event->number != 0;
		return finish_refresh(apply, d, false, err);
	case EVENT_COOKIE:
		return on_cookie(apply, d, event, err);
	case EVENT_REFRESH:
		break;
	}
	return 0;
}

int apply_event(struct apply *apply, size_t directory, const struct event *event,
		uint64_t wall_ms, struct err *err)
{
	struct directory *d = &apply->directories[directory];

	apply->now_ms = wall_ms;
	return handle(apply, d, event, err) < 0 ? fail(apply) : 0;
}

static bool wants_one_piece(const struct apply *apply)
{
	for (size_t i = 0; i < apply->config.n_directories; i++)
		if (apply->directories[i].one_piece &&
		    apply->directories[i].phase == APPLY_REFRESHING)
			return true;
	return false;
}

static int commit_current(struct apply *apply, bool accept, struct err *err)
{
	if (publish_if_due(apply, accept, err) < 0)
		return -1;
	if (apply->is_dirty)
		return commit_writer(apply, apply->current, err);
	replica_writer_abort(apply->current);
	apply->pending = 0;
	return 0;
}

int apply_commit(struct apply *apply, struct err *err)
{
	if (wants_one_piece(apply))
		return 0;
	if (apply->building != NULL && replica_writer_is_open(apply->building) &&
	    commit_writer(apply, apply->building, err) < 0)
		return fail(apply);
	if (replica_writer_is_open(apply->current) && commit_current(apply, false, err) < 0)
		return fail(apply);
	return 0;
}

int apply_accept(struct apply *apply, struct err *err)
{
	int found = 0;

	for (size_t i = 0; i < apply->config.n_directories; i++) {
		struct directory *d = &apply->directories[i];

		if (d->phase != APPLY_HELD)
			continue;
		found = 1;
		if (finish_refresh(apply, d, true, err) < 0)
			return fail(apply);
	}
	if (!found && !apply->snapshot_held)
		return 0;
	if (!replica_writer_is_open(apply->current) &&
	    replica_writer_begin(apply->current, err) < 0)
		return fail(apply);
	return commit_current(apply, true, err) < 0 ? fail(apply) : 1;
}

/* ---- start and end ---- */

static int take_lock(struct apply *apply, struct err *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/replica", apply->config.state_dir);
	if (fs_mkdirs(path, 0750, err) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/replica/writer.lock", apply->config.state_dir);
	apply->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (apply->lock_fd < 0)
		return err_errno(err, "cannot open %s", path);
	if (flock(apply->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		err_errno(err, "%s", path);
		return err_remedy(err, "another waypost-ldapsync works on this state directory");
	}
	return 0;
}

/* Opens what readers use, or begins a generation unseen. */
static int open_current(struct apply *apply, struct err *err)
{
	uint64_t number = replica_store_current(apply->config.state_dir);
	uint64_t highest = remove_other_generations(apply, number);

	if (number != 0 && replica_writer_open(apply->config.state_dir, number, false,
					       &apply->current, err) == 0) {
		apply->is_published = true;
		for (size_t i = 0; i < apply->config.n_directories; i++)
			apply->directories[i].is_ready = true;
		return 0;
	}
	/* A damaged one is left to its readers until a new one takes its place. */
	return replica_writer_open(apply->config.state_dir, highest + 1, true, &apply->current,
				   err);
}

static int forget_others(struct apply *apply, struct err *err)
{
	size_t n = apply->config.n_directories;
	const char **titles = mem_zero(n, sizeof(*titles));
	int rc;

	for (size_t i = 0; i < n; i++)
		titles[i] = apply->config.directories[i].title;
	rc = replica_writer_forget_others(apply->current, titles, n, err);
	free(titles);
	return rc;
}

/* The first transaction: what a crash or a changed host file left to mend. */
static int mend(struct apply *apply, struct err *err)
{
	struct replica_snapshot *snapshot;
	bool held = false;

	if (replica_writer_begin(apply->current, err) < 0)
		return -1;
	snapshot = &replica_writer_state(apply->current)->snapshot;
	if (apply->is_published && forget_others(apply, err) < 0)
		return -1;
	/* Numbers stay unique even if the replica is lost and its images are not. */
	if (!apply->is_published)
		snapshot->number = snapshot_file_highest(apply->config.state_dir);
	else if (!publish_is_intact(apply->config.state_dir, snapshot, NULL) &&
		 publish(apply, apply->current, true, true, &held, err) < 0)
		return -1;
	apply->snapshot_due = replica_writer_changed_topology(apply->current);
	return commit_writer(apply, apply->current, err);
}

int apply_open(const struct apply_config *config, struct apply **apply_r, struct err *err)
{
	struct apply *apply = mem_zero(1, sizeof(*apply) + config->n_directories *
							   sizeof(struct directory));

	apply->config = *config;
	apply->lock_fd = -1;
	for (size_t i = 0; i < config->n_directories; i++)
		apply->directories[i].config = &config->directories[i];
	if (take_lock(apply, err) < 0 || open_current(apply, err) < 0 ||
	    mend(apply, err) < 0) {
		apply_close(&apply);
		return -1;
	}
	*apply_r = apply;
	return 0;
}

void apply_close(struct apply **apply)
{
	struct apply *a = *apply;

	if (a == NULL)
		return;
	drop_building(a);
	replica_writer_close(&a->current);
	for (size_t i = 0; i < a->config.n_directories; i++) {
		id_set_free(&a->directories[i].seen);
		buf_free(&a->directories[i].doomed);
		buf_free(&a->directories[i].cookie);
	}
	if (a->lock_fd >= 0)
		close(a->lock_fd);
	free(a);
	*apply = NULL;
}

int apply_cookie(struct apply *apply, size_t directory, uint64_t binding, struct buf *cookie_r,
		 struct err *err)
{
	const char *title = apply->directories[directory].config->title;
	bool was_open = replica_writer_is_open(apply->current);
	int rc;

	if (!was_open && replica_writer_begin(apply->current, err) < 0)
		return fail(apply);
	rc = replica_writer_cookie(apply->current, title, binding, cookie_r, err);
	if (!was_open)
		replica_writer_abort(apply->current);
	return rc < 0 ? fail(apply) : 0;
}

size_t apply_pending(const struct apply *apply)
{
	return apply->pending;
}

size_t apply_batch_size(const struct apply *apply)
{
	return apply->is_published && apply->building == NULL ? BATCH_LIVE : BATCH_UNSEEN;
}

enum apply_phase apply_phase(const struct apply *apply, size_t directory)
{
	return apply->directories[directory].phase;
}

const struct err *apply_held(const struct apply *apply)
{
	return apply->held.text[0] != '\0' ? &apply->held : NULL;
}

void apply_status(const struct apply *apply, struct apply_status *status_r)
{
	*status_r = apply->status;
	status_r->is_published = apply->is_published;
}

const struct replica_store *apply_store(const struct apply *apply)
{
	return replica_writer_store(apply->current);
}
