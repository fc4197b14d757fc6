/*
 * The consumer of RFC 4533 refreshAndPersist as a state machine. Pure.
 *
 * Decoded protocol in, steps out: what to do with the entry, when the refresh is done, whether
 * what was not mentioned is gone, which cookie may be stored now. A new object for each try;
 * nothing is carried over. Behaviour of real servers that it allows for:
 *  - a refresh without a cookie may end with refreshDelete (slapd): it still is everything;
 *  - a cookie that the server does not understand may be ignored in silence (slapd): entries
 *    come, no cookie does; then too the reply is everything, and the cookie is forgotten;
 *  - a refresh in which nothing changed brings no cookie either: the old one stays good;
 *  - the cookie is opaque: never parsed, never rewritten, but for syncrepl_give_back.
 */
#ifndef WP_LDAPSYNC_SYNCREPL_H
#define WP_LDAPSYNC_SYNCREPL_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"

/* state of the Sync State control (§2.2) */
enum syncrepl_entry_state {
	SYNCREPL_PRESENT = 0,
	SYNCREPL_ADD = 1,
	SYNCREPL_MODIFY = 2,
	SYNCREPL_DELETE = 3,
};

/* choice of the Sync Info message (§2.5) */
enum syncrepl_info_kind {
	SYNCREPL_NEW_COOKIE,
	SYNCREPL_REFRESH_DELETE,
	SYNCREPL_REFRESH_PRESENT,
	SYNCREPL_ID_SET,
};

struct syncrepl_cookie {
	const char *data; /* null: there was none */
	size_t len;
};

struct syncrepl_info {
	enum syncrepl_info_kind kind;
	struct syncrepl_cookie cookie;
	bool refresh_done;    /* of the two refresh choices; default TRUE */
	bool refresh_deletes; /* of the id set; default FALSE */
};

enum syncrepl_phase {
	SYNCREPL_REFRESHING, /* awaiting the content and refreshDone */
	SYNCREPL_PERSISTING, /* awaiting changes */
};

struct syncrepl {
	enum syncrepl_phase phase;
	bool sent_cookie;
	bool is_complete; /* the refresh names everything that exists */
	bool saw_entry;
	struct buf cookie; /* the newest of this refresh */
};

enum syncrepl_action {
	SYNCREPL_NOTHING,
	SYNCREPL_UPSERT,     /* the entry that was received */
	SYNCREPL_MARK,       /* the entry, or every id of the set, exists unchanged */
	SYNCREPL_REMOVE,     /* the entry, or every id of the set */
};

struct syncrepl_step {
	enum syncrepl_action action;
	bool refresh_done;  /* after the action the refresh is over */
	bool sweep;         /* with it: what was neither upserted nor marked is gone */
	bool forget_cookie; /* with it: the stored cookie is no good */
	struct syncrepl_cookie cookie; /* to be stored after the action; lives until the next call */
};

/* What a Search Result Done means for the next try. */
enum syncrepl_end {
	SYNCREPL_RETRY,  /* with back-off */
	SYNCREPL_RELOAD, /* e-syncRefreshRequired: at once, once, without the cookie */
	SYNCREPL_NEWER,  /* the cookie is newer than the server's data: a restored backup? */
};

/*
 * Takes out of a COOKIE of OpenLDAP's which server gave it ("rid=000,sid=001,csn=…"). Given back
 * with it, it says that we are that server, and any provider leaves out what was changed there:
 * with several providers that is a part of all changes, after a reconnect to the same one all of
 * them. Its own consumers put their own number there or none.
 */
void syncrepl_give_back(struct buf *cookie);

void syncrepl_init(struct syncrepl *sync, bool sent_cookie);
void syncrepl_fini(struct syncrepl *sync);
/* 0, or -1 and ERR (ERR_PROTOCOL): the session has to end. */
int syncrepl_on_entry(struct syncrepl *sync, int state, const struct syncrepl_cookie *cookie,
		      struct syncrepl_step *step_r, struct err *err) WP_MUST_CHECK;
int syncrepl_on_info(struct syncrepl *sync, const struct syncrepl_info *info,
		     struct syncrepl_step *step_r, struct err *err) WP_MUST_CHECK;
/* CODE and DIAGNOSTIC (may be null) of the result. */
enum syncrepl_end syncrepl_on_result(const struct syncrepl *sync, int code,
				     const char *diagnostic);

#endif
