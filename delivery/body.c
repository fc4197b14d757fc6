/* The body of one message in memory: a growing buffer, counted references. Pure. */
#include "delivery/body.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

struct body *body_new(size_t headroom, size_t capacity)
{
	struct body *body = mem_zero(1, sizeof(*body));

	atomic_init(&body->refs, 1);
	body->headroom = (uint32_t)headroom;
	body->cap = capacity;
	body->mem = mem_alloc(headroom + capacity);
	return body;
}

struct body *body_ref(struct body *body)
{
	atomic_fetch_add_explicit(&body->refs, 1, memory_order_relaxed);
	return body;
}

void body_unref(struct body *body)
{
	if (body == NULL ||
	    atomic_fetch_sub_explicit(&body->refs, 1, memory_order_acq_rel) != 1)
		return;
	free(body->mem);
	free(body);
}

enum { ROOM_KEPT = 16 * 1024 };

char *body_room(struct body *body, size_t more)
{
	size_t want = body->len + more;

	if (want > body->cap) {
		body->cap = want > body->cap * 2 ? want : body->cap * 2;
		body->mem = mem_grow(body->mem, body->headroom + body->cap);
	}
	return body_data(body) + body->len;
}

void body_add(struct body *body, const void *data, size_t len)
{
	if (len == 0)
		return;
	memcpy(body_room(body, len), data, len);
	body->len += len;
}

size_t body_take(struct body *body, size_t keep, char **mem_r)
{
	size_t taken = body->len - keep;
	char *old = body->mem;

	body->mem = mem_alloc(body->headroom + body->cap);
	memcpy(body_data(body), old + body->headroom + taken, keep);
	body->len = keep;
	body->taken_bytes += taken;
	*mem_r = old;
	return taken;
}

void body_forget(struct body *body)
{
	body->taken_bytes += body->len;
	body->len = 0;
	if (body->cap <= ROOM_KEPT)
		return;
	free(body->mem);
	body->cap = ROOM_KEPT;
	body->mem = mem_alloc(body->headroom + body->cap);
}
