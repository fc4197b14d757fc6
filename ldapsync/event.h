/*
 * What a source tells, as bytes: a batch of events in order. A batch is plain memory with one
 * owner, filled by a source's thread, read by the applying one. Pure.
 */
#ifndef WP_LDAPSYNC_EVENT_H
#define WP_LDAPSYNC_EVENT_H

#include "common/entry.h"

enum event_kind {
	EVENT_REFRESH, /* number: enum source_refresh */
	EVENT_UPSERT,  /* number: 1 the directory takes it for known, data: entry_encode */
	EVENT_PRESENT, /* data: UUID */
	EVENT_DELETE,  /* data: UUID, and behind it the name it had if that is told */
	EVENT_AUDIT,   /* source_audit */
	EVENT_DONE,    /* number: 1 complete, 0 only differences */
	EVENT_COOKIE,  /* number: binding, data: cookie */
};

struct event {
	enum event_kind kind;
	uint64_t number;
	const void *data;
	size_t len;
};

void event_add(struct buf *batch, enum event_kind kind, uint64_t number, const void *data,
	       size_t len);
void event_add_entry(struct buf *batch, const struct entry *entry, bool is_known);
/* The event at *AT, which moves on; false at the end. A batch is always whole. */
bool event_next(const struct buf *batch, size_t *at, struct event *event_r);

#endif
