/* What leaves: span lists, and the edits of a branch that they are made from. */
#include "delivery/span.h"

#include <stdlib.h>
#include <string.h>

static struct span *room_for_one(struct span_list *list)
{
	if (!list->cap && list->count < SPAN_FEW)
		return &list->few[list->count];
	if (list->count >= list->cap) {
		uint32_t cap = list->cap ? list->cap * 2 : SPAN_FEW * 4;

		list->many = mem_grow(list->many, cap * sizeof(*list->many));
		if (!list->cap)
			memcpy(list->many, list->few, sizeof(list->few));
		list->cap = cap;
	}
	return &list->many[list->count];
}

void span_add(struct span_list *list, const void *data, size_t len)
{
	struct span *last = NULL;

	if (!len)
		return;
	if (list->count)
		last = (list->cap ? list->many : list->few) + list->count - 1;
	list->total_bytes += len;
	if (last && last->data + last->len == data) {
		last->len += len;
		return;
	}
	*room_for_one(list) = (struct span){ data, len };
	list->count++;
}

void span_list_clear(struct span_list *list)
{
	list->count = 0;
	list->total_bytes = 0;
}

void span_list_fini(struct span_list *list)
{
	free(list->many);
	memset(list, 0, sizeof(*list));
}

int span_fill_iov(const struct span_list *list, const struct span_cursor *at, struct iovec *iov,
		  int max)
{
	const struct span *items = span_items(list);
	size_t skip = at->offset;
	int n = 0;

	for (uint32_t i = at->index; i < list->count && n < max; i++) {
		iov[n].iov_base = (void *)(uintptr_t)(items[i].data + skip);
		iov[n++].iov_len = items[i].len - skip;
		skip = 0;
	}
	return n;
}

size_t span_copy(const struct span_list *list, const struct span_cursor *at, char *to,
		 size_t room)
{
	const struct span *items = span_items(list);
	size_t skip = at->offset, done = 0;

	for (uint32_t i = at->index; i < list->count && done < room; i++) {
		size_t n = items[i].len - skip;

		if (n > room - done)
			n = room - done;
		memcpy(to + done, items[i].data + skip, n);
		done += n;
		skip = 0;
	}
	return done;
}

void span_advance(const struct span_list *list, struct span_cursor *at, uint64_t n)
{
	const struct span *items = span_items(list);

	while (n && at->index < list->count) {
		size_t left = items[at->index].len - at->offset;

		if (n < left) {
			at->offset += (size_t)n;
			at->position += n;
			return;
		}
		at->position += left;
		n -= left;
		at->index++;
		at->offset = 0;
	}
}

/* A new edit at the index BEFORE, with TEXT. */
static struct edit *insert_edit(struct edit_list *list, uint32_t before, const char *text,
				size_t len)
{
	struct edit *e;

	if (list->count == list->cap) {
		list->cap = list->cap ? list->cap * 2 : 4;
		list->edits = mem_grow(list->edits, list->cap * sizeof(*list->edits));
	}
	e = &list->edits[before];
	memmove(e + 1, e, (list->count - before) * sizeof(*e));
	list->count++;
	e->at = 0;
	e->remove = 0;
	e->text = (uint32_t)list->texts.len;
	e->text_len = (uint32_t)len;
	buf_add(&list->texts, text, len);
	return e;
}

void edit_prepend(struct edit_list *list, const char *text, size_t len)
{
	insert_edit(list, 0, text, len);
}

void edit_replace(struct edit_list *list, uint64_t at, uint64_t len, const char *text,
		  size_t text_len)
{
	uint32_t before = list->count;
	struct edit *e;

	while (before && list->edits[before - 1].at > at)
		before--;
	e = insert_edit(list, before, text, text_len);
	e->at = at;
	e->remove = len;
}

void edit_remove(struct edit_list *list, uint64_t at, uint64_t len)
{
	edit_replace(list, at, len, "", 0);
}

void edit_list_fini(struct edit_list *list)
{
	free(list->edits);
	buf_free(&list->texts);
	memset(list, 0, sizeof(*list));
}

void edit_apply(const struct edit_list *edits, const char *body, size_t len,
		struct span_list *spans)
{
	uint64_t pos = 0; /* stored octets before it are dealt with */

	for (uint32_t i = 0; edits && i < edits->count; i++) {
		const struct edit *e = &edits->edits[i];
		uint64_t at = e->at < len ? e->at : len;

		if (at > pos) {
			span_add(spans, body + pos, (size_t)(at - pos));
			pos = at;
		}
		span_add(spans, edits->texts.data + e->text, e->text_len);
		if (e->remove > len - at)
			pos = len;
		else if (at + e->remove > pos)
			pos = at + e->remove;
	}
	if (pos < len)
		span_add(spans, body + pos, (size_t)(len - pos));
}
