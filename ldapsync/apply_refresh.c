/* Events of sources → replica: the end of a refresh. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "common/fsutil.h"
#include "ldapsync/apply_private.h"

void apply_mark_changed(struct apply *apply, struct directory *d, size_t n)
{
	struct replica_writer *writer = apply_writer(apply, d);

	replica_writer_state(writer)->changed_wall_ms = apply->now_ms;
	replica_writer_tally(writer, d->number)->changed_wall_ms = apply->now_ms;
	apply->pending += n;
	apply->is_dirty = true;
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

int apply_store_cookie(struct apply *apply, struct directory *d, struct err *err)
{
	apply->is_dirty = true;
	return replica_writer_set_cookie(apply_writer(apply, d), d->config->title, d->binding,
					 d->cookie.data, d->cookie.len, err);
}

int apply_doubt(struct apply *apply, struct directory *d, const char *why, struct err *err)
{
	d->doubt_is_new |= d->doubt == NULL;
	d->doubt = why;
	buf_clear(&d->cookie);
	return apply_store_cookie(apply, d, err);
}

/* A server that does not understand a cookie may ignore it and send everything, but says
 * nothing then of what was deleted. */
static bool may_be_everything(const struct apply *apply, const struct directory *d)
{
	return 2 * d->n_unchanged > apply->status.counts.entries;
}

static bool was_sent_everything(const struct apply *apply, const struct directory *d)
{
	return d->resumes && !d->complete && d->n_unchanged > APPLY_HANDFUL &&
	       may_be_everything(apply, d);
}

void apply_begin_naming(struct apply *apply, struct directory *d)
{
	d->before = apply->config.n_directories > 1 ? d->tally.counts : apply->status.counts;
	d->begun_wall_ms = apply->now_ms;
	d->named = 0;
	d->expected = d->tally.counts.entries;
	d->phase = APPLY_REFRESHING;
	d->complete = false;
}

static void forget_names(struct directory *d)
{
	id_set_free(&d->seen);
	id_set_free(&d->gone);
	buf_free(&d->doomed);
}

void apply_forget_refresh(struct directory *d)
{
	forget_names(d);
	buf_free(&d->cookie);
}

static void end_phase(struct directory *d, enum apply_phase phase)
{
	d->phase = phase;
	d->one_piece = d->is_auditing = false;
	if (phase != APPLY_LIVE)
		return;
	d->is_ready = d->is_whole = true;
	forget_names(d); /* the cookie stays in force */
}

/* The generation of WRITER becomes the one that readers use. */
static int switch_to(struct apply *apply, struct replica_writer *writer, struct err *err)
{
	char dir[PATH_MAX], target[32];

	if (apply_commit_writer(apply, writer, err) < 0 || replica_writer_sync(writer, err) < 0)
		return -1;
	snprintf(dir, sizeof(dir), "%s/replica", apply->config.state_dir);
	snprintf(target, sizeof(target), "g%llu",
		 (unsigned long long)replica_writer_generation(writer));
	if (fs_relink(dir, "current", target, err) < 0)
		return -1;
	apply->is_published = true;
	replica_writer_list_changes(writer);
	return 0;
}

static int finish_rebuild(struct apply *apply, struct directory *d, bool accept, struct err *err)
{
	uint64_t old = replica_writer_generation(apply->current);

	replica_writer_watch(apply->building, apply->is_watched); /* of what it compares */
	if (replica_writer_index(apply->building, err) < 0 ||
	    replica_writer_inherit(apply->building, apply->current, err) < 0 ||
	    replica_writer_compare(apply->building, apply->current, err) < 0 ||
	    apply_publish(apply, apply->building, accept ? HISTORY_ACCEPT : HISTORY_REFRESH,
			  &d->hold, err) < 0)
		return -1;
	if (apply_is_held(&d->hold)) {
		end_phase(d, APPLY_HELD);
		return 0;
	}
	if (apply_store_cookie(apply, d, err) < 0 || switch_to(apply, apply->building, err) < 0)
		return -1;
	replica_writer_close(&apply->current);
	apply->current = apply->building;
	apply->building = NULL;
	d->rebuilding = false;
	d->current_number = d->number;
	apply->snapshot_hold = (struct apply_hold){ 0 };
	apply_remove_generation(apply, old);
	end_phase(d, APPLY_LIVE);
	apply_note_commit(apply);
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
	if (replica_writer_index(apply->current, err) < 0 ||
	    apply_publish(apply, apply->current, HISTORY_FIRST, &apply->snapshot_hold, err) < 0)
		return -1;
	return switch_to(apply, apply->current, err);
}

/*
 * What came from directories that the host file names no more goes when all that it names were
 * read: a directory that only got another title brings its entries again under it, and until then
 * nobody is missing.
 */
static int forget_others(struct apply *apply, struct err *err)
{
	size_t n = apply->config.n_directories;
	const char **titles = mem_zero(n, sizeof(*titles));
	bool all = true;
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		titles[i] = apply->config.directories[i].title;
		all &= apply->directories[i].is_whole;
	}
	if (all)
		rc = replica_writer_forget_others(apply->current, titles, n, err);
	free(titles);
	if (rc == 1)
		apply_note_cause(apply, HISTORY_HOST);
	return rc < 0 ? -1 : 0;
}

/* The current generation is in step with what was told. */
static int take_effect(struct apply *apply, struct directory *d,
		       const struct replica_sweep *sweep, struct err *err)
{
	int rc = replica_writer_sweep(apply->current, d->number, sweep, err);

	if (rc == 1 && d->resumes)
		rc = apply_doubt(apply, d, "a folder went, and what is below it did not", err);
	if (rc >= 0 && was_sent_everything(apply, d))
		rc = apply_doubt(apply, d, "the server did not go by its cookie", err);
	if (rc < 0 || apply_store_cookie(apply, d, err) < 0)
		return -1;
	if (sweep->n_gone > 0)
		apply_mark_changed(apply, d, sweep->n_gone);
	replica_writer_tally(apply->current, d->number)->is_partial = false;
	apply_note_cause(apply, HISTORY_REFRESH);
	return 0;
}

static int finish_in_place(struct apply *apply, struct directory *d,
			   const struct replica_sweep *sweep, struct err *err)
{
	if (take_effect(apply, d, sweep, err) < 0)
		return -1;
	end_phase(d, APPLY_LIVE);
	if (forget_others(apply, err) < 0)
		return -1;
	if (!apply->is_published && all_are_ready(apply))
		return publish_first(apply, err);
	return 0;
}

int apply_finish_refresh(struct apply *apply, struct directory *d, bool accept, struct err *err)
{
	struct replica_sweep sweep = { 0 };
	int rc;

	if (apply_ensure_open(apply, d, err) < 0)
		return -1;
	rc = collect_sweep(apply, d, &sweep, err);
	if (rc == 0 && !accept && apply_guard_holds(apply, d, &sweep)) {
		end_phase(d, APPLY_HELD);
	} else if (rc == 0) {
		d->hold = (struct apply_hold){ 0 };
		rc = d->rebuilding ? finish_rebuild(apply, d, accept, err) :
				     finish_in_place(apply, d, &sweep, err);
	}
	replica_sweep_free(&sweep);
	return rc;
}

int apply_begin_audit(struct apply *apply, struct directory *d, struct err *err)
{
	struct replica_sweep sweep = { 0 };
	int rc;

	if (d->phase == APPLY_LIVE && d->doubt == NULL) {
		apply_begin_naming(apply, d);
		d->is_auditing = d->resumes = true;
	}
	if (d->phase != APPLY_REFRESHING || d->is_auditing || d->rebuilding ||
	    !apply->is_published || may_be_everything(apply, d))
		return 0;
	d->complete = false;
	rc = collect_sweep(apply, d, &sweep, err);
	if (rc == 0 && apply_guard_holds(apply, d, &sweep)) {
		d->hold = (struct apply_hold){ 0 }; /* the end decides on all of it */
	} else if (rc == 0) {
		rc = take_effect(apply, d, &sweep, err);
		buf_free(&d->doomed);
		id_set_free(&d->gone);
		d->is_auditing = true;
		d->named = 0;
		d->expected = d->tally.counts.entries;
	}
	replica_sweep_free(&sweep);
	return rc;
}
