/* Batches of events. Pure. */
#include "ldapsync/event.h"

#include <assert.h>
#include <string.h>

struct event_head {
	uint32_t kind, len;
	uint64_t number;
};

void event_add(struct buf *batch, enum event_kind kind, uint64_t number, const void *data,
	       size_t len)
{
	const struct event_head head = { (uint32_t)kind, (uint32_t)len, number };

	buf_add(batch, &head, sizeof(head));
	buf_add(batch, data, len);
}

void event_add_entry(struct buf *batch, const struct entry *entry, bool is_known)
{
	size_t at = batch->len;
	struct event_head head = { EVENT_UPSERT, 0, is_known };

	buf_add(batch, &head, sizeof(head));
	entry_encode(entry, batch);
	head.len = (uint32_t)(batch->len - at - sizeof(head));
	memcpy(batch->data + at, &head, sizeof(head));
}

bool event_next(const struct buf *batch, size_t *at, struct event *event_r)
{
	struct event_head head;

	if (*at == batch->len)
		return false;
	assert(batch->len - *at >= sizeof(head));
	memcpy(&head, batch->data + *at, sizeof(head));
	*at += sizeof(head);
	assert(batch->len - *at >= head.len);
	*event_r = (struct event){ (enum event_kind)head.kind, head.number, batch->data + *at,
				   head.len };
	*at += head.len;
	return true;
}
