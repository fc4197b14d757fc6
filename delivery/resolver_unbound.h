/*
 * libunbound as waypost-resolver uses it: one context that validates, one that does not, and
 * a probe that decides which of them answers.
 *
 * Many directory DNS servers strip DNSSEC from what they forward. Behind such a server a
 * validating context calls every signed name bogus, so mail would stand still; the probe asks
 * the validating one for the root's SOA, and as long as that is not secure, the other one
 * answers and nothing counts as secure (delivery.md §5). Once it was secure, only a proof of
 * the opposite (bogus), and no silence, changes that: who can drop packets cannot turn
 * validation off.
 *
 * One thread. Callbacks come from resolver_unbound_process only.
 */
#ifndef WP_DELIVERY_RESOLVER_UNBOUND_H
#define WP_DELIVERY_RESOLVER_UNBOUND_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "delivery/dns_message.h"
#include "delivery/resolver_proto.h"

struct resolver_unbound;

struct unbound_options {
	const char **servers; /* "ADDRESS@PORT"; none: those of /etc/resolv.conf */
	size_t server_count;
	bool recursive;
	const char **insecure; /* zones */
	size_t insecure_count;
	const char *trust_anchor; /* file, or null: the first of the system's that is there */
};

/* Both contexts are final afterwards: no file is read any more, no thread runs yet. */
int resolver_unbound_new(const struct unbound_options *options, struct resolver_unbound **u_r,
			 struct err *e) WP_MUST_CHECK;

typedef void unbound_on_answer(void *arg, const struct dns_answer *answer);

struct unbound_question {
	struct ub_ctx *context; /* null: answered */
	int async_id;
	char name[DNS_NAME_TEXT];
	unbound_on_answer *on_answer;
	void *arg;
};

/*
 * Asks; Q is the caller's and stays until the callback or the cancel. False: it could not
 * be asked, and no callback comes.
 */
bool resolver_unbound_ask(struct resolver_unbound *u, const char *name, uint16_t type,
			  unbound_on_answer *on_answer, void *arg, struct unbound_question *q);
void resolver_unbound_cancel(struct unbound_question *q);

/* What to poll for input, and what to do then. */
#define UNBOUND_FDS 2
void resolver_unbound_fds(struct resolver_unbound *u, struct pollfd fds[static UNBOUND_FDS]);
void resolver_unbound_process(struct resolver_unbound *u);

/* Begins, repeats or gives up the probe as its time comes; the next time, on the same clock. */
uint64_t resolver_unbound_tick(struct resolver_unbound *u, uint64_t now_ms);
/* The first probe is over: questions may be asked. */
bool resolver_unbound_is_ready(const struct resolver_unbound *u);
enum resolver_dnssec resolver_unbound_dnssec(const struct resolver_unbound *u);

#endif
