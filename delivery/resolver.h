/*
 * Asking the DNS from a loop: one interface, a real back-end (resolver_client.h) and a
 * table for tests (tests/lib/resolver_fake.h).
 *
 * A resolver belongs to one loop and is used by its thread only. Every question is answered
 * exactly once, by its callback, from the loop and never from within resolver_ask; unless it
 * is cancelled. Questions have a deadline of their own; what is not answered by then is a
 * temporary failure, as is everything when the resolver process is gone. No answer is ever
 * an error of this interface.
 */
#ifndef WP_DELIVERY_RESOLVER_H
#define WP_DELIVERY_RESOLVER_H

#include <stddef.h>
#include <stdint.h>

#include "delivery/dns_message.h"

#define RESOLVER_DEADLINE_MS 10000 /* what an ordinary question gets */

struct resolver;

/* ANSWER is the resolver's and valid during the call only. */
typedef void resolver_on_answer(void *arg, const struct dns_answer *answer);

/* The back-end's functions; its structure begins with a struct resolver. */
struct resolver_ops {
	uint64_t (*ask)(struct resolver *r, const char *name, uint16_t type,
			uint32_t deadline_ms, resolver_on_answer *on_answer, void *arg);
	void (*cancel)(struct resolver *r, uint64_t question);
	void (*free)(struct resolver *r);
};

struct resolver {
	const struct resolver_ops *ops;
};

/*
 * Asks for NAME (text, absolute, final dot allowed) and TYPE. DEADLINE_MS is from now. The
 * number of the question, never 0, is for resolver_cancel. A NAME that is none answers
 * NXDOMAIN.
 */
static inline uint64_t resolver_ask(struct resolver *r, const char *name, uint16_t type,
				    uint32_t deadline_ms, resolver_on_answer *on_answer, void *arg)
{
	return r->ops->ask(r, name, type, deadline_ms, on_answer, arg);
}

/* The callback will not come. A question that was answered already is ignored. */
static inline void resolver_cancel(struct resolver *r, uint64_t question)
{
	r->ops->cancel(r, question);
}

/* Open questions are cancelled. Not from within a callback. Null is accepted. */
static inline void resolver_free(struct resolver *r)
{
	if (r != NULL)
		r->ops->free(r);
}

#endif
