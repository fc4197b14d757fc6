/*
 * How a next hop is reached: the candidates in order, and the rules for talking to them.
 *
 * Made by the scheduler from a queue's key and the current view whenever a connection is
 * opened, and anew for what is open when the view changes: a connection whose host, rules or
 * certificate are no longer in it is closed, every other one goes on under the new plan. One
 * plain-malloc object, counted, immutable.
 */
#ifndef WP_DELIVERY_PLAN_H
#define WP_DELIVERY_PLAN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/tls.h"
#include "delivery/mx.h"
#include "delivery/queue.h"
#include "delivery/view.h"

/* What the peer has to prove. */
enum plan_tls {
	PLAN_TLS_NONE,
	PLAN_TLS_OPPORTUNISTIC,
	PLAN_TLS_ENCRYPTION,  /* TLS, whoever it is */
	PLAN_TLS_CERTIFICATE, /* a chain to our CAs */
	PLAN_TLS_DOMAIN,      /* and the name */
	PLAN_TLS_PINNED,      /* one of the hashes in the directory: own servers */
};

/* How a host is spoken to. An own server has rules of its own, also among a connector's hosts. */
struct plan_rules {
	bool is_own;            /* a server of the organisation: it is told organisation fields */
	bool force_helo;
	enum plan_tls tls;
	const char *tls_domain; /* the name to validate instead of the host's, or "" */
	uint32_t inactivity_ms;
	uint32_t max_messages;
};

/* One host to try. Texts are in the plan. */
struct plan_target {
	const char *name;      /* host name for TLS and logs */
	struct plan_rules rules;
	const char *connector; /* explicit or implicit, for the tracking log; "" without one */
	struct mx_hop hop;     /* how its addresses are found */
	const char *unix_path; /* a local socket instead, or "" */
	const uint8_t (*hashes)[TLS_HASH_SIZE]; /* PINNED */
	unsigned hash_count;
};

struct plan {
	atomic_uint refs;
	bool is_lmtp;
	struct mx_self self; /* this host, for the own-host cut-off */
	bool is_mailbox; /* final delivery: Return-Path, DELIVER in the tracking log */
	const char *helo;
	const char *display;   /* for tools: the next hop in words */
	const char *connector; /* for tools: those of the targets */
	struct plan_target *targets;
	unsigned target_count;
	const char *why; /* no targets: the reason, a sentence with its remedy */
	char *texts;     /* storage */
};

/*
 * The plan for KEY as VIEW has it. ROTATION: a count that moves by one per connection; hosts of
 * equal rank are rotated by it. Never null; without targets `why` says what is missing.
 */
struct plan *plan_new(const struct view *view, const struct queue_key *key, unsigned rotation);
/*
 * The place in PLAN of the host that is target INDEX of OLD, if what is connected to it may go on:
 * same address, same names, nothing more to prove. -1: it may not. Certificates are not compared.
 */
int plan_find_target(const struct plan *plan, const struct plan *old, unsigned index);
/* HASH is one that the directory has for TARGET. */
bool plan_is_pinned(const struct plan_target *target, const uint8_t hash[static TLS_HASH_SIZE]);
struct plan *plan_ref(struct plan *plan);
/* Any thread; null is accepted. */
void plan_unref(struct plan *plan);

#endif
