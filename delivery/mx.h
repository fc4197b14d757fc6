/*
 * Which addresses serve a next hop, and in which order: an engine that names the questions
 * to ask, is fed the answers, and ends with targets or with an outcome.
 *
 *	search = mx_search_new(…);
 *	while (mx_search_question(search, &q)) ask(q);          // now, and after each answer
 *	mx_search_answer(search, q.id, answer);                 // any order
 *	if (mx_search_is_done(search)) … targets or outcome
 *
 * delivery/mx_lookup.h runs it with a resolver. Rules, RFC 5321 §5.1 with RFC 7505:
 *
 *  1. A literal needs no question.
 *  2. MX records, lowest preference first, equals in random order; of those the best
 *     MX_HOSTS_MAX are looked up. A CNAME in front is followed by the resolver.
 *  3. A null MX fails (5.1.10). No such domain fails (5.1.2).
 *  4. No MX record: the domain itself with preference 0 (implicit MX).
 *  5. Own-host cut-off: if this host's name, or its address and port, is among them, that host and
 *     all with the same or a higher preference number are dropped; nothing left fails (5.4.6).
 *  6. Hosts without addresses are passed over; none with any fails (5.4.4), unless a question
 *     failed temporarily: then deferred (4.4.3).
 *  7. Of one host the addresses of both families alternate, IPv6 first, each family in random
 *     order, for the racing of connections (RFC 8305 §4).
 *
 * A smart host is configuration: whatever is wrong with it is "host unavailable", never a
 * failure of the message, and it is refused as this host only by address and port.
 *
 * Pure: randomness is passed in. One thread at a time; plain malloc.
 */
#ifndef WP_DELIVERY_MX_H
#define WP_DELIVERY_MX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/ipaddr.h"
#include "delivery/dns_message.h"
#include "delivery/outcome.h"

#define MX_HOSTS_MAX   16
#define MX_TARGETS_MAX 64

struct mx_endpoint {
	struct ipaddr address;
	uint16_t port;
};

/* What is this host: for the cut-off. Borrowed until the search is freed. */
struct mx_self {
	const char *const *names;
	size_t name_count;
	/* Of its own receive connectors, wildcards spelled out by the caller. */
	const struct mx_endpoint *bindings;
	size_t binding_count;
};

enum mx_kind {
	MX_DOMAIN,     /* the recipients' domain: MX rules */
	MX_SMART_HOST, /* a name: MX consulted, then its addresses */
	MX_HOST,       /* a server's name: addresses only; otherwise as a smart host */
};

/* A next hop, as configured or as the domain of the recipients. */
struct mx_hop {
	enum mx_kind kind;
	char name[DNS_NAME_TEXT]; /* domain, host name or the literal without brackets */
	bool is_literal;
	struct ipaddr literal;
	uint16_t port;
};

/*
 * Reads an entry of waypostSmartHost: `name`, `[192.0.2.1]`, `[2001:db8::1]`,
 * `[IPv6:2001:db8::1]`, `[name]` (addresses only), each with `:port`; PORT is the one without.
 */
int mx_smart_host_parse(const char *text, uint16_t port, struct mx_hop *hop_r, struct err *e)
	WP_MUST_CHECK;
/* A domain of recipients; "[192.0.2.1]" is a literal (RFC 5321 §4.1.3). False: it is none. */
bool mx_domain_parse(const char *text, uint16_t port, struct mx_hop *hop_r);

struct mx_question {
	unsigned id;
	const char *name; /* valid until the search is freed */
	uint16_t type;
};

struct mx_target {
	const char *name; /* the MX host or the name looked up; for TLS, logs and outcomes */
	const char *canonical; /* where its CNAMEs led; the same without */
	struct ipaddr address;
	uint16_t port;
	uint16_t preference;
	bool secure; /* every answer that led here was validated */
};

struct mx_search;

/* HOP is copied. RANDOM: 64 random bits, used for every order in this search. */
struct mx_search *mx_search_new(const struct mx_hop *hop, const struct mx_self *self,
				uint64_t random);
/* Null is accepted. */
void mx_search_free(struct mx_search *s);

/* The next question to be asked now; false: none. Each is given once. */
bool mx_search_question(struct mx_search *s, struct mx_question *question_r);
/* The answer to question ID; it is not kept. */
void mx_search_answer(struct mx_search *s, unsigned id, const struct dns_answer *answer);
bool mx_search_is_done(const struct mx_search *s);

/* When done: in the order to be tried; 0: see mx_search_outcome. Owned by the search. */
size_t mx_search_targets(const struct mx_search *s, const struct mx_target **targets_r);
/* When done without targets: why. Borrowed; null if there are targets. */
struct outcome *mx_search_outcome(const struct mx_search *s);
/* When done: seconds for which the result holds, the lowest TTL seen; 0: do not keep. */
uint32_t mx_search_ttl_s(const struct mx_search *s);

#endif
