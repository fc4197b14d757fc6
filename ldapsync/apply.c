/* Events of sources → replica. */
#include "ldapsync/apply.h"

#include <string.h>

#include "common/dn.h"
#include "ldapsync/apply_private.h"
#include "ldapsync/source.h"
#include "topology/load.h"
#include "topology/recipient.h"

enum {
	BATCH_LIVE = 1000,    /* changes a transaction, while readers wait for them */
	BATCH_UNSEEN = 20000, /* into a generation that nobody reads */
};

static int open_building(struct apply *apply, struct err *err)
{
	uint64_t number = replica_writer_generation(apply->current) + 1;

	/* The end of the refresh begins one of its own there: LMDB would wait for this one. */
	if (replica_writer_is_open(apply->current) && apply_commit_current(apply, false, err) < 0)
		return -1;
	apply_drop_building(apply);
	apply_remove_generation(apply, number);
	return replica_writer_open(apply->config.state_dir, number, true, &apply->building, err);
}

static int on_refresh(struct apply *apply, struct directory *d, const struct event *event,
		      struct err *err)
{
	if (d->rebuilding) {
		apply_drop_building(apply);
		d->rebuilding = false;
	}
	d->hold = (struct apply_hold){ 0 };
	apply_forget_refresh(d);
	apply_begin_naming(apply, d);
	if (event->number == SOURCE_RESUME)
		d->expected = 0;
	d->is_auditing = false;
	d->is_sure = event->number & SOURCE_SURE;
	d->resumes = event->number == SOURCE_RESUME;
	d->doubt = NULL;
	d->has_strays = false;
	d->n_unchanged = 0;
	d->one_piece = event->number == SOURCE_FILE && apply->is_published;
	d->number = 0;
	if ((event->number & ~(uint64_t)SOURCE_SURE) != SOURCE_FULL || !apply->is_published ||
	    apply->config.n_directories > 1)
		return 0;
	d->rebuilding = true;
	return open_building(apply, err);
}

/* What is named is told apart from what is not. */
static bool is_tracking(const struct directory *d)
{
	return !d->rebuilding && (d->phase == APPLY_REFRESHING || d->phase == APPLY_HELD);
}

/* What comes are changes, each of which takes effect. */
static bool is_following(const struct directory *d)
{
	return d->phase == APPLY_LIVE || d->is_auditing;
}

/* Whether others may lie below ENTRY: a folder, or a server with its receive connectors. */
static bool is_folder(const struct entry *entry)
{
	return (!recipient_is(entry) && !snapshot_wants_entry(entry)) ||
	       entry_has_class(entry, "organizationalUnit") ||
	       entry_has_class(entry, "waypostServer");
}

/* A directory tells of a folder that was renamed, not of what is below it. That is known here,
 * unless the folder was outside of what is asked for. */
static int look_for_arrival(struct apply *apply, struct directory *d, const struct entry *entry,
			    bool is_known, struct err *err)
{
	bool resuming = d->phase == APPLY_REFRESHING && d->resumes && !d->is_auditing;
	uint64_t id;

	if ((!is_known && !resuming) || d->rebuilding || !is_folder(entry))
		return 0;
	if (replica_writer_find(apply->current, &entry->uuid, &id, err) < 0)
		return -1;
	return id != 0 ? 0 : apply_doubt(apply, d, "a folder came in from elsewhere", err);
}

/*
 * What a server has gathered while it answered comes behind the answer, and may be older: a person
 * by the name that her folder had, then the folder by the name that the answer gave it. So she
 * hangs on nothing, and no folder is renamed that would take her along.
 */
static int look_for_strays(struct apply *apply, struct directory *d, const struct entry *entry,
			   bool is_change, uint64_t strays_before, int rc, struct err *err)
{
	bool is_stray = replica_writer_strays(apply_writer(apply, d)) != strays_before;

	if (rc < 0 || d->is_sure)
		return rc;
	d->has_strays |= is_stray && (is_change || is_following(d));
	if (rc == 0 && is_change && d->has_strays && is_folder(entry))
		return apply_doubt(apply, d, "something came below a folder by another name", err);
	return rc;
}

/* The topology changed, and its directory is in the middle of something. */
static void note_partial(struct apply *apply, const struct directory *d, uint64_t marks_before)
{
	if (is_tracking(d) && !d->is_auditing &&
	    replica_writer_marks(apply->current) != marks_before)
		replica_writer_tally(apply->current, d->number)->is_partial = true;
}

static int on_upsert(struct apply *apply, struct directory *d, const struct event *event,
		     struct err *err)
{
	struct entry *entry = entry_decode(NULL, event->data, event->len, err);
	uint64_t id = 0, marks = replica_writer_marks(apply->current);
	uint64_t strays = replica_writer_strays(apply_writer(apply, d));
	bool is_change = event->number != 0;
	int rc;

	if (entry == NULL)
		return -1;
	rc = look_for_arrival(apply, d, entry, is_change, err);
	if (rc == 0)
		rc = replica_writer_upsert(apply_writer(apply, d), d->number, entry, &id, err);
	rc = look_for_strays(apply, d, entry, is_change, strays, rc, err);
	talloc_free(entry);
	d->named++;
	note_partial(apply, d, marks);
	if (rc == 1)
		apply_mark_changed(apply, d, 1);
	d->n_unchanged += rc == 0;
	apply->is_dirty = true; /* an entry that is left out may have left a diagnostic */
	if (rc >= 0 && id != 0 && is_tracking(d)) {
		id_set_add(&d->seen, id);
		id_set_remove(&d->gone, id);
	}
	return rc < 0 ? -1 : 0;
}

static int on_present(struct apply *apply, struct directory *d, const struct event *event,
		      struct err *err)
{
	struct entry_uuid uuid;
	uint64_t id;

	memcpy(&uuid, event->data, sizeof(uuid));
	if (replica_writer_find(apply_writer(apply, d), &uuid, &id, err) < 0)
		return -1;
	d->named++;
	if (id != 0 && is_tracking(d) && !id_set_has(&d->gone, id))
		id_set_add(&d->seen, id);
	return 0;
}

/* To be deleted at the end of the refresh, unless that brings it once more. A list of what is there
 * may be older than this. */
static int doom(struct apply *apply, struct directory *d, const struct entry_uuid *uuid,
		struct err *err)
{
	uint64_t id;

	if (replica_writer_find(apply_writer(apply, d), uuid, &id, err) < 0)
		return -1;
	if (id != 0) {
		id_set_remove(&d->seen, id);
		id_set_add(&d->gone, id);
	}
	buf_add(&d->doomed, uuid, sizeof(*uuid));
	return 0;
}

/* The name that the entry had here, where another is told. */
static int look_for_name(struct apply *apply, struct directory *d, const struct event *event,
			 const struct entry_uuid *uuid, struct err *err)
{
	char *told, *dn;
	int rc;

	if (event->len <= sizeof(*uuid))
		return 0;
	rc = replica_writer_name(apply_writer(apply, d), uuid, &dn, err);
	if (rc <= 0)
		return rc;
	told = talloc_strndup(dn, (const char *)event->data + sizeof(*uuid),
			      event->len - sizeof(*uuid));
	d->is_misnamed |= !dn_equal(told, dn);
	talloc_free(dn);
	return 0;
}

static int on_delete(struct apply *apply, struct directory *d, const struct event *event,
		     struct err *err)
{
	uint64_t marks = replica_writer_marks(apply->current);
	struct entry_uuid uuid;
	int rc;

	memcpy(&uuid, event->data, sizeof(uuid));
	if (look_for_name(apply, d, event, &uuid, err) < 0)
		return -1;
	if (d->phase == APPLY_REFRESHING && !d->rebuilding && !d->is_auditing)
		return doom(apply, d, &uuid, err);
	rc = replica_writer_delete(apply_writer(apply, d), d->number, &uuid, err);
	note_partial(apply, d, marks);
	if (rc > 0)
		apply_mark_changed(apply, d, 1);
	if (rc == 2 && !d->rebuilding && !d->is_sure)
		return apply_doubt(apply, d, "a folder went, and nothing was said of what is below it",
				   err);
	return rc < 0 ? -1 : 0;
}

static int on_cookie(struct apply *apply, struct directory *d, const struct event *event,
		     struct err *err)
{
	if (d->doubt != NULL)
		return 0;
	buf_clear(&d->cookie);
	buf_add(&d->cookie, event->data, event->len);
	d->binding = event->number;
	return is_following(d) ? apply_store_cookie(apply, d, err) : 0;
}

static int handle(struct apply *apply, struct directory *d, const struct event *event,
		  struct err *err)
{
	if (event->kind == EVENT_REFRESH)
		return on_refresh(apply, d, event, err);
	if (apply_ensure_open(apply, d, err) < 0)
		return -1;
	switch (event->kind) {
	case EVENT_UPSERT:
		return on_upsert(apply, d, event, err);
	case EVENT_PRESENT:
		return on_present(apply, d, event, err);
	case EVENT_DELETE:
		return on_delete(apply, d, event, err);
	case EVENT_AUDIT:
		return apply_begin_audit(apply, d, err);
	case EVENT_DONE:
		if (d->phase != APPLY_REFRESHING)
			return 0; /* of an audit that was not to be */
		d->complete = event->number != 0;
		return apply_finish_refresh(apply, d, false, err);
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
	return handle(apply, d, event, err) < 0 ? apply_fail(apply) : 0;
}

bool apply_wants_one_piece(const struct apply *apply)
{
	for (size_t i = 0; i < apply->config.n_directories; i++)
		if (apply->directories[i].one_piece &&
		    apply->directories[i].phase == APPLY_REFRESHING)
			return true;
	return false;
}

int apply_commit(struct apply *apply, struct err *err)
{
	if (apply_wants_one_piece(apply))
		return 0;
	if (apply->building != NULL && replica_writer_is_open(apply->building) &&
	    apply_commit_writer(apply, apply->building, err) < 0)
		return apply_fail(apply);
	if (replica_writer_is_open(apply->current) && apply_commit_current(apply, false, err) < 0)
		return apply_fail(apply);
	return 0;
}

void apply_begin(struct apply *apply, size_t directory)
{
	struct directory *d = &apply->directories[directory];

	d->is_auditing = false;
	if (d->phase == APPLY_LIVE)
		d->phase = APPLY_WAITING;
}

int apply_cookie(struct apply *apply, size_t directory, uint64_t binding, struct buf *cookie_r,
		 struct err *err)
{
	const char *title = apply->directories[directory].config->title;
	bool was_open = replica_writer_is_open(apply->current);
	int rc;

	if (!was_open && replica_writer_begin(apply->current, err) < 0)
		return apply_fail(apply);
	rc = replica_writer_cookie(apply->current, title, binding, cookie_r, err);
	if (!was_open)
		replica_writer_abort(apply->current);
	return rc < 0 ? apply_fail(apply) : 0;
}

size_t apply_pending(const struct apply *apply)
{
	return apply->pending;
}

size_t apply_batch_size(const struct apply *apply)
{
	return apply->is_published && apply->building == NULL ? BATCH_LIVE : BATCH_UNSEEN;
}

const char *apply_take_doubt(struct apply *apply, size_t directory)
{
	struct directory *d = &apply->directories[directory];
	bool is_new = d->doubt_is_new;

	d->doubt_is_new = false;
	return is_new ? d->doubt : NULL;
}

bool apply_take_misnamed(struct apply *apply, size_t directory)
{
	struct directory *d = &apply->directories[directory];
	bool is_misnamed = d->is_misnamed;

	d->is_misnamed = false;
	return is_misnamed;
}

int apply_holders(struct apply *apply, size_t directory, struct buf *uuids, struct err *err)
{
	const struct directory *d = &apply->directories[directory];

	return replica_writer_holders(apply_writer(apply, d),
				      d->rebuilding ? d->number : d->current_number, uuids, err);
}

enum apply_phase apply_phase(const struct apply *apply, size_t directory)
{
	return apply->directories[directory].phase;
}

void apply_source_status(const struct apply *apply, size_t directory,
			 struct apply_source *source_r)
{
	const struct directory *d = &apply->directories[directory];
	bool is_refreshing = d->phase == APPLY_REFRESHING;

	*source_r = (struct apply_source){
		.phase = d->phase,
		.counts = d->tally.counts,
		.changed_wall_ms = d->tally.changed_wall_ms,
		.begun_wall_ms = is_refreshing ? d->begun_wall_ms : 0,
		.named = is_refreshing ? d->named : 0,
		.expected = is_refreshing ? d->expected : 0,
		.hold = apply_is_held(&d->hold) ? &d->hold : NULL,
	};
}

const struct apply_hold *apply_snapshot_held(const struct apply *apply)
{
	return apply_is_held(&apply->snapshot_hold) ? &apply->snapshot_hold : NULL;
}

const struct apply_hold *apply_held(const struct apply *apply)
{
	for (size_t i = 0; i < apply->config.n_directories; i++)
		if (apply_is_held(&apply->directories[i].hold))
			return &apply->directories[i].hold;
	return apply_snapshot_held(apply);
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
