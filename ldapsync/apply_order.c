/* Events of sources → replica: an administrator's word on what is held, and reading anew. */
#include <errno.h>

#include "ldapsync/apply_private.h"

/* False, and ERR: a file's transaction is open, and is neither to be stored nor to be lost. */
static bool may_go_on(const struct apply *apply, struct err *err)
{
	if (!apply_wants_one_piece(apply))
		return true;
	err_set(err, ERR_SYSTEM, EBUSY, "a file is being taken over");
	err_remedy(err, "try again in a moment");
	return false;
}

static bool is_meant(size_t directory, size_t i)
{
	return directory == APPLY_ALL || directory == i;
}

/* Returns 0. */
static int nothing_held(const struct apply *apply, size_t directory, struct err *err)
{
	const struct apply_hold *held = apply_held(apply);

	if (directory == APPLY_ALL) {
		err_set(err, ERR_NOT_FOUND, 0, "nothing is held back");
		return 0;
	}
	err_set(err, ERR_NOT_FOUND, 0, "nothing of %s is held back",
		apply->config.directories[directory].title);
	if (held != NULL)
		err_remedy(err, "leave out --source for what is: %s", held->why.text);
	return 0;
}

static int open_current(struct apply *apply, struct err *err)
{
	return replica_writer_is_open(apply->current) ? 0 :
							replica_writer_begin(apply->current, err);
}

/* The log tells of CAUSE, a word on what would drop DROPPED. */
static int log_word(struct apply *apply, enum history_cause cause,
		    const struct replica_counts *dropped, const char *title, struct err *err)
{
	const uint64_t n = dropped->entries;
	const struct history_head head = { .cause = cause, .wall_ms = apply->now_ms,
					   .snapshot = apply->status.snapshot,
					   .omitted = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX };

	return replica_writer_log_about(apply->current, &head, title, err);
}

/* ---- accept ---- */

static int accept_one(struct apply *apply, struct directory *d, struct err *err)
{
	const struct replica_counts dropped = d->hold.dropped;

	if (apply_finish_refresh(apply, d, true, err) < 0 || open_current(apply, err) < 0)
		return -1;
	apply->is_dirty = true;
	return log_word(apply, HISTORY_ACCEPTED, &dropped, d->config->title, err);
}

int apply_accept(struct apply *apply, size_t directory, uint64_t wall_ms, struct err *err)
{
	bool found = directory == APPLY_ALL && apply_is_held(&apply->snapshot_hold);

	if (!may_go_on(apply, err))
		return 0;
	apply->now_ms = wall_ms;
	for (size_t i = 0; i < apply->config.n_directories; i++) {
		struct directory *d = &apply->directories[i];

		if (!is_meant(directory, i) || d->phase != APPLY_HELD)
			continue;
		found = true;
		if (accept_one(apply, d, err) < 0)
			return apply_fail(apply);
	}
	if (!found)
		return nothing_held(apply, directory, err);
	if (open_current(apply, err) < 0 || apply_commit_current(apply, true, err) < 0)
		return apply_fail(apply);
	return 1;
}

/* ---- refuse, resync ---- */

/* Of a refresh that came in place, what it added stays; until a whole one is through, no
 * snapshot is made of it. */
static int begin_anew(struct apply *apply, struct directory *d, struct err *err)
{
	if (d->rebuilding)
		apply_drop_building(apply);
	d->rebuilding = d->is_auditing = false;
	d->number = 0;
	d->phase = APPLY_WAITING;
	d->hold = (struct apply_hold){ 0 };
	d->is_called = true;
	apply_forget_refresh(d);
	apply->is_dirty = true;
	return replica_writer_set_cookie(apply->current, d->config->title, 0, "", 0, err);
}

static int refuse_one(struct apply *apply, struct directory *d, struct err *err)
{
	if (d->phase == APPLY_HELD && log_word(apply, HISTORY_REFUSE, &d->hold.dropped, d->config->title, err) < 0)
		return -1;
	return begin_anew(apply, d, err);
}

/* A snapshot that is held is the state of all directories: all of them are read again. */
static int refuse(struct apply *apply, size_t directory, struct err *err)
{
	bool all = directory == APPLY_ALL && apply_is_held(&apply->snapshot_hold);

	if (all && log_word(apply, HISTORY_REFUSE, &apply->snapshot_hold.dropped, "", err) < 0)
		return -1;
	if (all)
		apply->snapshot_hold = (struct apply_hold){ 0 };
	for (size_t i = 0; i < apply->config.n_directories; i++) {
		struct directory *d = &apply->directories[i];

		if ((all || (is_meant(directory, i) && d->phase == APPLY_HELD)) &&
		    refuse_one(apply, d, err) < 0)
			return -1;
	}
	return apply_commit_writer(apply, apply->current, err);
}

static bool is_any_held(const struct apply *apply, size_t directory)
{
	if (directory != APPLY_ALL)
		return apply->directories[directory].phase == APPLY_HELD;
	return apply_held(apply) != NULL;
}

int apply_refuse(struct apply *apply, size_t directory, uint64_t wall_ms, struct err *err)
{
	if (!may_go_on(apply, err))
		return 0;
	if (!is_any_held(apply, directory))
		return nothing_held(apply, directory, err);
	apply->now_ms = wall_ms;
	if (open_current(apply, err) < 0 || refuse(apply, directory, err) < 0)
		return apply_fail(apply);
	return 1;
}

int apply_resync(struct apply *apply, size_t directory, uint64_t wall_ms, struct err *err)
{
	if (!may_go_on(apply, err))
		return 0;
	apply->now_ms = wall_ms;
	if (open_current(apply, err) < 0)
		return apply_fail(apply);
	for (size_t i = 0; i < apply->config.n_directories; i++)
		if (is_meant(directory, i) && begin_anew(apply, &apply->directories[i], err) < 0)
			return apply_fail(apply);
	return apply_commit_writer(apply, apply->current, err) < 0 ? apply_fail(apply) : 1;
}

bool apply_is_called(struct apply *apply, size_t directory)
{
	struct directory *d = &apply->directories[directory];
	bool is_called = d->is_called;

	d->is_called = false;
	return is_called;
}
