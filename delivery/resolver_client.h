/*
 * The real resolver: the program waypost-resolver, started and watched by a service, and one
 * client per loop that speaks to it.
 *
 *	loop 0: client ──socket pair──┐
 *	loop 1: client ──socket pair──┼── waypost-resolver (libunbound, sandboxed)
 *	main:   service: start, watch ┘
 *
 * The pairs outlive the program: when it dies, the service tells every client, whose open
 * questions fail temporarily, and starts it again (at once, then with back-off up to 30 s);
 * questions asked meanwhile wait in the socket for the new one. delivery.md §5.
 */
#ifndef WP_DELIVERY_RESOLVER_CLIENT_H
#define WP_DELIVERY_RESOLVER_CLIENT_H

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#include "common/err.h"
#include "common/hostfile.h"
#include "delivery/resolver.h"

/* How the program is to resolve. Borrowed during resolver_service_start only. */
struct resolver_options {
	const char *program; /* path; null: found beside the running binary */
	const struct host_address *servers; /* none: those of /etc/resolv.conf */
	size_t server_count;
	bool recursive; /* ask the authoritative servers; `servers` is ignored */
	const char *const *insecure; /* zones without DNSSEC, also answered if libunbound
				      * has a local zone for them (test., home.arpa. …) */
	size_t insecure_count;
	const char *trust_anchor; /* file; null: the root's of the system */
};

/* The options of a host file; its strings are borrowed. */
struct resolver_options resolver_options_of(const struct host_delivery *delivery);

struct resolver_service;

/*
 * Makes CLIENTS socket pairs and starts the program. LOOP watches it: its thread is the one
 * that may call the functions of the service, and has to live as long as the service, since
 * the kernel ends the program with the thread that started it.
 */
int resolver_service_start(uv_loop_t *loop, const struct resolver_options *options,
			   unsigned clients, struct resolver_service **service_r, struct err *e)
	WP_MUST_CHECK;
/* Ends the program; *SERVICE is nulled. Clients answer temporary failures from then on. Its
 * handles are closed when LOOP ran once more. */
void resolver_service_free(struct resolver_service **service);

/* The process that runs now, or 0. */
pid_t resolver_service_pid(const struct resolver_service *service);
/* Does the configured resolver pass DNSSEC? Until it is known: false. Any thread. */
bool resolver_service_has_dnssec(const struct resolver_service *service);
/* Diagnostic `resolver-no-dnssec`: it was found out that it does not. Any thread. */
bool resolver_service_lacks_dnssec(const struct resolver_service *service);

/*
 * The client number INDEX for LOOP, once each; in that loop's thread from then on. It does not
 * keep the loop alive while nothing is asked. Free it before the service.
 */
struct resolver *resolver_client_new(uv_loop_t *loop, struct resolver_service *service,
				     unsigned index);

#endif
