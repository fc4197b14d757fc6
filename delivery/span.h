/*
 * What leaves: a list of ranges of memory that are sent one after the other, so that a body
 * is stored once and every branch sends it with its own small edits (delivery.md §2).
 *
 * Spans point to memory of others (the stored body, the texts of an edit list) and never
 * own it: whoever builds the list keeps that memory until the list is sent. Pure; one
 * thread at a time.
 */
#ifndef WP_DELIVERY_SPAN_H
#define WP_DELIVERY_SPAN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "common/buf.h"

struct span {
	const char *data;
	size_t len;
};

#define SPAN_FEW 4

/* Zeroed is empty. May be moved by assignment, not copied. */
struct span_list {
	uint32_t count;
	uint32_t cap; /* of many; 0 while the few suffice */
	uint64_t total_bytes;
	struct span few[SPAN_FEW];
	struct span *many;
};

/* Adds a range; an empty one is left out, one that continues the last is joined to it. */
void span_add(struct span_list *list, const void *data, size_t len);
void span_list_clear(struct span_list *list);
void span_list_fini(struct span_list *list);

static inline const struct span *span_items(const struct span_list *list)
{
	return list->cap ? list->many : list->few;
}

/* Where one stands in a list; zeroed is the start. */
struct span_cursor {
	uint32_t index;	   /* the span */
	size_t offset;	   /* octets of it already passed */
	uint64_t position; /* octets of the whole list already passed */
};

/* Fills at most MAX entries from the cursor on; how many. The cursor stays. */
int span_fill_iov(const struct span_list *list, const struct span_cursor *at, struct iovec *iov,
		  int max);
/* Copies at most ROOM octets from the cursor on; how many. The cursor stays. */
size_t span_copy(const struct span_list *list, const struct span_cursor *at, char *to,
		 size_t room);
/* Passes N octets, at most to the end. */
void span_advance(const struct span_list *list, struct span_cursor *at, uint64_t n);

/*
 * The edits of one branch against the stored octets, in the order of their places. The
 * texts live in the list; a span list made from it is valid until the list changes.
 * Zeroed is empty. Plain malloc: it may cross threads with its owner.
 */
struct edit {
	uint64_t at;	 /* offset in the stored octets */
	uint64_t remove; /* octets left out there */
	uint32_t text;	 /* offset of what is put in instead */
	uint32_t text_len;
};

struct edit_list {
	struct edit *edits;
	uint32_t count;
	uint32_t cap;
	struct buf texts;
};

/* Puts whole header lines (wire form, CRLF at the end) before the first stored octet; the
 * last one prepended comes first. */
void edit_prepend(struct edit_list *list, const char *text, size_t len);
/* Leaves out LEN stored octets at AT. Ranges may come in any order and overlap. */
void edit_remove(struct edit_list *list, uint64_t at, uint64_t len);
/* Puts TEXT in the place of LEN stored octets at AT. */
void edit_replace(struct edit_list *list, uint64_t at, uint64_t len, const char *text,
		  size_t text_len);
void edit_list_fini(struct edit_list *list);
/* Appends to SPANS the stored BODY as EDITS (or null) leave it. */
void edit_apply(const struct edit_list *edits, const char *body, size_t len,
		struct span_list *spans);

#endif
