/*
 * The log of snapshots for people and for JSON: its entries as rows, and what a row says.
 */
#ifndef WP_ADMIN_HISTORY_H
#define WP_ADMIN_HISTORY_H

#include <jansson.h>
#include <talloc.h>

#include "common/replica_history.h"

/* Which snapshots are more than old. */
struct history_marks {
	uint64_t live, newest;
	bool is_pinned;
};

/*
 * An entry as a JSON object, a new reference: number, time, cause, directory, state, summary,
 * counts; WITH_CHANGES also everything that changed.
 */
json_t *history_row(const struct history_entry *entry, const struct history_marks *marks,
		    bool with_changes);
/* Such a row with its changes as a person reads it, appended to OUT. */
void history_text(const json_t *row, struct buf *out);

/*
 * A moment: "2026-01-31", "2026-01-31T12:34[:56][Z]" (UTC), or how long before NOW_MS: "90s",
 * "30m", "12h", "7d". False if TEXT is neither.
 */
bool history_moment(const char *text, uint64_t now_ms, uint64_t *wall_ms_r);

/* Fills E (ERR_NOT_FOUND): snapshot NUMBER is not in READER's log, whose range is named. Inside a
 * read. Returns -1. */
int history_not_kept(struct replica_reader *reader, uint64_t number, struct err *e);

#endif
