/*
 * What a directory source is, and where it puts what it finds.
 *
 * A source is one thread that watches one part of a directory (part.h) and tells the sink, in order: begin, a refresh with all or the changed entries, done; then changes as they
 * come. Everything is copied into batches that belong to the applying thread from then on;
 * the queue of batches is bounded, and a call that finds it full waits: the source stops
 * reading, and TCP stops the server. All calls are the source's thread's.
 *
 * A call returns -1 when the source has to end its session: the agent stops, or the replica
 * could not be written. It then begins anew, with a pause, from the cookie that is stored.
 */
#ifndef WP_LDAPSYNC_SOURCE_H
#define WP_LDAPSYNC_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/entry.h"
#include "common/err.h"
#include "ldapsync/part.h"

struct source_sink;

enum source_refresh {
	SOURCE_RESUME, /* from a cookie: what changed since */
	SOURCE_FULL,   /* everything, at the network's pace */
	SOURCE_FILE,   /* everything, at once: applied as one transaction */
	/* With one of these: the source finds out itself what moved together with its folder, and
	 * what it says of a folder is no cause to doubt what is below. */
	SOURCE_SURE = 8,
};

/* A connection begins: what ended the one before it does not end this one. */
void source_connect(struct source_sink *sink);
/* Gives nothing: for who waits, or hears what is not for the sink, and would not notice the end. What
 * was given before is not held up by that. */
int source_check(struct source_sink *sink) WP_MUST_CHECK;
/* Waits until everything before is stored; COOKIE_R is what is stored for BINDING, or empty. */
int source_begin(struct source_sink *sink, uint64_t binding, struct buf *cookie_r)
	WP_MUST_CHECK;
int source_refresh(struct source_sink *sink, int kind) WP_MUST_CHECK;
int source_upsert(struct source_sink *sink, const struct entry *entry) WP_MUST_CHECK;
/* The same for an entry that the directory says it told of before: a folder of which it did not
 * has come from elsewhere, with what is below it, and all is read anew. */
int source_change(struct source_sink *sink, const struct entry *entry) WP_MUST_CHECK;
/* Unchanged since the cookie, or simply there. Only in a refresh, an audit included. */
int source_present(struct source_sink *sink, const struct entry_uuid *uuid) WP_MUST_CHECK;
int source_delete(struct source_sink *sink, const struct entry_uuid *uuid) WP_MUST_CHECK;
/* The same of an entry whose last name was DN. If it had another one here, source_take_misnamed says
 * so, once: that name is free too, and this source was never told. */
int source_delete_named(struct source_sink *sink, const struct entry_uuid *uuid, const char *dn)
	WP_MUST_CHECK;
bool source_take_misnamed(struct source_sink *sink);
/* What a resumed refresh tells is told; what is there is about to be listed, because the server may have
 * forgotten deletions, while changes go on to come. They take effect from here on, and so does what
 * was told before; the refresh is over, and complete, with source_done. Also once more behind that: what
 * was told since the last refresh, and may not be in the list yet, is then to be named as present. */
int source_audit(struct source_sink *sink) WP_MUST_CHECK;
/* The refresh is over. COMPLETE: what it did not name is gone. */
int source_done(struct source_sink *sink, bool complete) WP_MUST_CHECK;
/* Covers everything before; empty: the stored one is no good. */
int source_cookie(struct source_sink *sink, const void *cookie, size_t len) WP_MUST_CHECK;
/* There is nothing more to give for now: what was given may be committed. */
int source_flush(struct source_sink *sink) WP_MUST_CHECK;
/* As source_flush, and waits until it is stored: for who would not come back by itself. */
int source_settle(struct source_sink *sink) WP_MUST_CHECK;

/* Adds the UUIDs of what this source told of that names others by their DNs here: as members, or to
 * forward to. Waits until everything before is stored. */
int source_holders(struct source_sink *sink, struct buf *uuids) WP_MUST_CHECK;

/*
 * An entry has the new name DN, which entries of other parts show without a change of their own;
 * or what lies below it has. The sources of the other parts take what was said, as names each with
 * its NUL; *MANY_R: that is not all. True: there was something.
 */
void source_renamed(struct source_sink *sink, const char *dn);
bool source_take_renamed(struct source_sink *sink, struct buf *names, bool *many_r);

/* Who answers, and how it is asked; texts may be null. */
struct source_peer {
	const char *where;   /* address of the server, or the file */
	const char *tracker; /* how changes are followed */
	const char *bind, *tls;
};

/* What `sync status` shows: where from, and that it answers or why not. These never wait. */
void source_is_up(struct source_sink *sink, const struct source_peer *peer);
void source_is_down(struct source_sink *sink, const struct err *err);
/* Something that is wrong with the source's content but stops nothing; null takes it back. */
void source_fault(struct source_sink *sink, const struct err *err);

/* Whether nothing of the source is stored yet, so that nobody knows how much there will be. */
bool source_is_first(struct source_sink *sink);
/* How many entries the refresh that is under way will have; 0: not known. Any thread. */
void source_expect(struct source_sink *sink, uint64_t entries);

/* True as soon as the agent wants the source to end; WAKE_FD becomes readable then, and when the
 * source is called. */
bool source_is_stopping(const struct source_sink *sink);
int source_wake_fd(const struct source_sink *sink);
/* WAKE_FD was readable because everything is to be read anew, at once: true, and it is not any
 * more. To be asked when a session has ended, and where the source waits without one. */
bool source_is_called(struct source_sink *sink);
/* Waits MS milliseconds, shorter if the source is called or the agent stops; true: it does. */
bool source_pause(struct source_sink *sink, unsigned ms);

/* A back-end: one row per kind of URI. */
struct source_backend {
	const char *name;
	bool (*accepts)(const struct part *part);
	/* The thread: returns when source_is_stopping. */
	void (*run)(const struct part *part, struct source_sink *sink);
};

extern const struct source_backend source_ldif_backend;
extern const struct source_backend source_ldap_backend;

#endif
