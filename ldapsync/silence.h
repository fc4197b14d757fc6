/*
 * A sync search that has to end, and says nothing, while the server answers heartbeats.
 *
 * 389-ds stops telling at the size limit of the account, without a result. So after some seconds the
 * server is asked for the same by a plain search, names only: that has a result, and an administrator
 * hears of the limit. If that goes well the server is given ten minutes, in which it may look for what it
 * will tell; then the search is given up, for it was also seen to lock itself up in its database.
 *
 * One thread, the session's.
 */
#ifndef WP_LDAPSYNC_SILENCE_H
#define WP_LDAPSYNC_SILENCE_H

#include "ldapsync/session.h"
#include "ldapsync/sync_scope.h"

struct silence {
	struct session *session;
	const struct sync_scope *scope;
	uint64_t heard_ms; /* when the sync search was last heard of */
	bool has_asked; /* or need not: others give a result */
	int id; /* of the plain search; -1: none is out */
};

/* Embedded; holds nothing. */
void silence_init(struct silence *silence, struct session *session, const struct sync_scope *scope);
/* Something came, or nothing has to come. */
void silence_broken(struct silence *silence);
/* To be called now and then. -1 and ERR: the search is given up. */
int silence_check(struct silence *silence, struct err *err) WP_MUST_CHECK;
/* MESSAGE is of the search silence->id. -1 and ERR: the server does not give all. */
int silence_take(struct silence *silence, LDAPMessage *message, struct err *err) WP_MUST_CHECK;

#endif
