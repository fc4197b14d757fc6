/*
 * Message tracking: what happened to which message, one JSON object a line.
 *
 * A record is built by the thread that saw the event and handed to the log thread, which
 * writes many at once to STATE/log/track-YYYYMMDD.jsonl; no other thread ever waits for the
 * disk. Events that cannot be written are counted and the loss is logged. Fields: see
 * doc/tracking.md.
 */
#ifndef WP_DELIVERY_TRACK_H
#define WP_DELIVERY_TRACK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

struct tracker;

enum track_event {
	TRACK_RECEIVE,  /* a message is on disk here */
	TRACK_REFUSE,   /* a message or recipient was refused; nothing was stored */
	TRACK_RESOLVE,  /* a recipient became another address */
	TRACK_TRANSFER, /* a copy was put into the queue of a next hop */
	TRACK_SEND,     /* the next hop took it */
	TRACK_DELIVER,  /* a mailbox took it */
	TRACK_DEFER,    /* to be tried again */
	TRACK_FAIL,     /* given up */
	TRACK_DSN,      /* a notification was made */
	TRACK_DROP,     /* accepted and discarded, by rule */
	TRACK_RESUBMIT, /* routed again */
	TRACK_EVENTS
};

/* Opens DIR (made if missing) and starts the log thread. */
struct tracker *tracker_open(const char *dir, const char *server, struct err *err) WP_MUST_CHECK;
/* Writes what is left, ends the thread. */
void tracker_close(struct tracker *tracker);

/* A record being made, or several that are handed over together; one owner. */
struct track;

struct track *track_begin(struct tracker *tracker, enum track_event event, uint64_t wall_ms);
/* Adds a member; an empty or null text is left out. */
void track_text(struct track *t, const char *name, const char *text);
void track_number(struct track *t, const char *name, uint64_t value);
/* An array of texts: first NAME, then items, then the end. */
void track_list(struct track *t, const char *name);
void track_item(struct track *t, const char *text);
void track_list_end(struct track *t);
/* A further record: what is added from now on is its. */
void track_also(struct track *t, enum track_event event, uint64_t wall_ms);
/* It did not happen: no record. Null is accepted. */
void track_drop(struct track *t);
/* Hands the record over. Any thread, never waits. */
void track_end(struct track *t);

#endif
