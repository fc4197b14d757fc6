/*
 * One connection of a part to one server, and the ways of following changes over it.
 *
 * Whatever goes wrong ends the session, and the next begins with everything new: connection,
 * state, the cookie that is stored. One thread.
 */
#ifndef WP_LDAPSYNC_SESSION_H
#define WP_LDAPSYNC_SESSION_H

#include <ldap.h>

#include "ldapsync/rootdse.h"
#include "ldapsync/source.h"

enum session_end {
	SESSION_FAILED, /* the next server, or a pause */
	SESSION_LOST,   /* it was live and the server closed: one fresh try at once */
	SESSION_RELOAD, /* at once, without the cookie */
};

/* What outlives a session. */
struct watch {
	const struct part *part;
	struct source_sink *sink;
	bool without_cookie;  /* the next session has to fetch everything */
	unsigned newer_tries; /* with a cookie that is newer than the server */
	bool was_live;        /* a session ended its refresh since the last pause */
	struct buf renamed;   /* source_take_renamed, until it was dealt with */
	bool many_renamed;
	struct err lost;      /* why a session that was live broke, the last one; text empty: it did not */
};

struct session {
	struct watch *watch;
	const struct part *part;
	struct source_sink *sink;
	const struct host_uri *uri;
	struct source_peer peer;
	TALLOC_CTX *ctx; /* lives as long as the session */
	TALLOC_CTX *pool; /* room for one entry at a time, used again */
	LDAP *ld;
	const struct rootdse *dse;
	int heartbeat_id;           /* -1: none is out */
	uint64_t heard_ms, asked_ms; /* last message, last heartbeat */
	bool is_lost; /* the connection itself broke */
	enum session_end end;
};

/* A way of following changes: one row per technique. */
struct tracker {
	const char *name; /* as `sync status` shows it */
	bool (*fits)(const struct rootdse *dse);
	/* Returns when the session has to end; ERR says why, its text empty if the agent does. */
	void (*follow)(struct session *s, struct err *err);
};

extern const struct tracker tracker_ad;
extern const struct tracker tracker_syncrepl;

/* Opens a session with the server URI, follows changes while that goes well, and closes it. */
enum session_end session_run(struct watch *watch, const struct host_uri *uri);

/* ---- for trackers ---- */

/* The part is being followed: sink and status may know. */
void session_is_up(struct session *s);
/*
 * Gives everything that libldap has to ON_MESSAGE, which returns -1 to end the session; the
 * heartbeat's answers are dealt with here. -1 and ERR: the session is over; without a text the agent
 * ended it, also in the midst of messages without end.
 */
int session_drain(struct session *s, int (*on_message)(void *ctx, LDAPMessage *message,
						       struct err *err),
		  void *ctx, struct err *err) WP_MUST_CHECK;
/*
 * Asks after a while of silence whether the server is still there: TCP's keepalive cannot see a
 * hung process. LIMIT_MS: how long the answer may take. -1 and ERR: it did not come.
 */
int session_heartbeat(struct session *s, uint64_t limit_ms, struct err *err) WP_MUST_CHECK;
/* After a failure of libldap to take a message apart, errno 0 before: without memory it says of an entry
 * that it has no name, or no more attributes. That must not become a replica that lacks something. */
void session_check_memory(void);
/* The entry in MESSAGE, the caller's, without a UUID; null and ERR if its name cannot be read. */
struct entry *session_entry(struct session *s, LDAPMessage *message, struct err *err);

#endif
