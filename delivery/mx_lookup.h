/*
 * A search for the addresses of a next hop (mx.h), run with a resolver.
 *
 * Thread and lifetime as resolver.h: one loop, the callback comes once and never from within
 * mx_lookup_start, even for a literal's sake that needs no question.
 */
#ifndef WP_DELIVERY_MX_LOOKUP_H
#define WP_DELIVERY_MX_LOOKUP_H

#include <uv.h>

#include "delivery/mx.h"
#include "delivery/resolver.h"

struct mx_lookup;

/* SEARCH is done; it and what it holds end with the call. */
typedef void mx_lookup_on_done(void *arg, const struct mx_search *search);

/* SELF has to live until the callback or the cancel. DEADLINE_MS is for each question. */
struct mx_lookup *mx_lookup_start(uv_loop_t *loop, struct resolver *resolver,
				  const struct mx_hop *hop, const struct mx_self *self,
				  uint64_t random, uint32_t deadline_ms,
				  mx_lookup_on_done *on_done, void *arg);
/* The callback will not come. Not after it came; null is accepted. */
void mx_lookup_cancel(struct mx_lookup *lookup);

#endif
