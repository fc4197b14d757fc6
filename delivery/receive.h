/*
 * Which receive connector serves a client, and what it allows. Pure but for sockaddr.
 *
 * Rules: directory.md waypostReceiveConnector, delivery.md §3. Chosen by binding, then by the
 * most specific remote range. A server without receive connectors has a built-in one,
 * `Default`: its addresses (else all) at its SMTP port, everybody, TLS, servers and anonymous.
 */
#ifndef WP_DELIVERY_RECEIVE_H
#define WP_DELIVERY_RECEIVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/ipaddr.h"
#include "delivery/admission.h"
#include "delivery/server_session.h"
#include "delivery/view.h"

enum { RECEIVE_BINDING_MAX = 80 };

/* The connector as a session uses it. Texts are the view's. */
struct receive_rules {
	uint32_t index;   /* of the snapshot, or SNAP_NONE: the built-in one */
	const char *name;
	uint32_t permit;  /* PERMIT_* */
	bool is_external; /* externallySecured: every client is an own server */
	uint64_t max_message_size;
	uint32_t own_recipients; /* config.limits.recipients of an own server */
	struct admission_limits admission;
	struct server_config config;
};

/* Calls FN for each binding that VIEW's server listens on; the same one may come twice. */
void receive_each_binding(const struct view *view, void (*fn)(void *arg, const char *binding),
			  void *arg);
/* "192.0.2.1:25" or "[2001:db8::1]:25". */
bool receive_binding_parse(const char *binding, struct sockaddr_storage *address_r);

/* The rules for a client at PEER on BINDING; false: no connector takes it. */
bool receive_choose(const struct view *view, const char *binding, const struct ipaddr *peer,
		    struct receive_rules *rules_r);
/* The same rules for a peer that proved to be an own server: its limits are not a stranger's. */
void receive_trust(struct receive_rules *rules);
/*
 * Whether a stranger may send to ADDRESS: it is in an accepted domain, and so is what it
 * encapsulates (IMCEA<TYPE>-…); `postmaster` without a domain is ours (RFC 5321 §4.5.1).
 */
bool receive_is_inside(const struct snapshot *snap, const char *address);

#endif
