/* A search for the addresses of a next hop, run with a resolver: see mx_lookup.h. */
#include "delivery/mx_lookup.h"

#include <stdlib.h>

#include "common/buf.h"

#define QUESTIONS_MAX (1 + 2 * MX_HOSTS_MAX)

struct asked {
	struct mx_lookup *lookup;
	uint64_t number; /* the resolver's, 0: not open */
};

struct mx_lookup {
	struct resolver *resolver;
	struct mx_search *search;
	uint32_t deadline_ms;
	mx_lookup_on_done *on_done;
	void *arg;
	uv_timer_t soon; /* for what needs no question */
	struct asked asked[QUESTIONS_MAX];
};

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void lookup_end(struct mx_lookup *l)
{
	for (unsigned i = 0; i < QUESTIONS_MAX; i++) {
		if (l->asked[i].number != 0)
			resolver_cancel(l->resolver, l->asked[i].number);
	}
	mx_search_free(l->search);
	uv_close((uv_handle_t *)&l->soon, on_closed);
}

static void lookup_done(struct mx_lookup *l)
{
	l->on_done(l->arg, l->search);
	lookup_end(l);
}

static void ask_all(struct mx_lookup *l);

static void on_answer(void *arg, const struct dns_answer *answer)
{
	struct asked *asked = arg;
	struct mx_lookup *l = asked->lookup;

	asked->number = 0;
	mx_search_answer(l->search, (unsigned)(asked - l->asked), answer);
	if (mx_search_is_done(l->search))
		lookup_done(l);
	else
		ask_all(l);
}

static void ask_all(struct mx_lookup *l)
{
	struct mx_question q;

	while (mx_search_question(l->search, &q)) {
		l->asked[q.id].lookup = l;
		l->asked[q.id].number = resolver_ask(l->resolver, q.name, q.type, l->deadline_ms,
						     on_answer, &l->asked[q.id]);
	}
}

static void on_soon(uv_timer_t *timer)
{
	lookup_done(timer->data);
}

struct mx_lookup *mx_lookup_start(uv_loop_t *loop, struct resolver *resolver,
				  const struct mx_hop *hop, const struct mx_self *self,
				  uint64_t random, uint32_t deadline_ms,
				  mx_lookup_on_done *on_done, void *arg)
{
	struct mx_lookup *l = mem_zero(1, sizeof(*l));

	l->resolver = resolver;
	l->search = mx_search_new(hop, self, random);
	l->deadline_ms = deadline_ms;
	l->on_done = on_done;
	l->arg = arg;
	uv_timer_init(loop, &l->soon);
	l->soon.data = l;
	if (mx_search_is_done(l->search))
		uv_timer_start(&l->soon, on_soon, 0, 0);
	else
		ask_all(l);
	return l;
}

void mx_lookup_cancel(struct mx_lookup *lookup)
{
	if (lookup != NULL)
		lookup_end(lookup);
}
