/*
 * What a 389 Directory Server forgets while a sync search begins, asked for once more.
 *
 * It tells its sync searches of a change before that is committed. A search that begins in between
 * is told of it neither in the refresh, which cannot see it yet, nor behind. But it stands in the
 * server's change log behind the cookie of the refresh: a question by that cookie, when such a change
 * is long committed, brings all that changed since, also what was forgotten.
 *
 * The search has told of every later change of an entry, before or after the answer, which may be
 * older: so the answer counts for those entries only that it has not told of. Until the last question
 * is answered the cookies of what is told are kept back: whenever the session ends, the next one
 * begins where nothing is missing.
 *
 * Other servers are not asked. One thread, the session's.
 */
#ifndef WP_LDAPSYNC_LATE_CHANGES_H
#define WP_LDAPSYNC_LATE_CHANGES_H

#include "ldapsync/id_map.h"
#include "ldapsync/session.h"

struct late_changes {
	struct session *session;
	const struct sync_scope *scope;
	bool is_wanted;    /* there is, or will be, another question */
	int id;            /* of the question; -1: none is out */
	size_t n_answered;
	uint64_t since_ms; /* the end of the refresh */
	struct buf cookie; /* of the refresh; empty before its end */
	struct buf newest; /* the last one that was kept back */
	struct buf told;   /* UUIDs of what the search told since; */
	struct id_map by_hash; /* the id is the place there, from 1 */
};

/* Embedded; to be ended by late_changes_fini. */
void late_changes_init(struct late_changes *late, struct session *session,
		       const struct sync_scope *scope);
void late_changes_fini(struct late_changes *late);

/* A cookie that could be stored now, the first is the refresh's. True: it is kept back. */
bool late_changes_keep(struct late_changes *late, const char *cookie, size_t len);
/* The search told of UUID, whatever. */
void late_changes_note(struct late_changes *late, const struct entry_uuid *uuid);
/* Names what the search told of as present: a list of what is there may be older. */
int late_changes_name(struct late_changes *late) WP_MUST_CHECK;
/* Asks when it is time; to be called now and then once the refresh is over. -1: the session is over, as
 * below. */
int late_changes_ask(struct late_changes *late, struct err *err) WP_MUST_CHECK;
/* MESSAGE is of the search late->id. 1: the first answer is through, and what is there has to be asked
 * too: nothing tells of what a forgotten change took out of the filter. */
int late_changes_take(struct late_changes *late, LDAPMessage *message, struct err *err)
	WP_MUST_CHECK;

#endif
