/*
 * One connection of the load generator: takes a job, sends it, takes the next.
 */
#ifndef WP_TESTS_TOOLS_LOAD_SESSION_H
#define WP_TESTS_TOOLS_LOAD_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/tools/load_job.h"
#include "tests/tools/peer.h"

struct session_config {
	struct sockaddr_storage server;
	socklen_t server_len;
	struct sockaddr_storage source; /* ss_family 0: any */
	socklen_t source_len;
	uint64_t sources;	/* addresses from `source` on that are taken in turn */
	const char *helo;
	uint64_t per_connection; /* messages, 0: no limit */
	bool no_pipelining;
	SSL_CTX *tls; /* null: in clear */
	bool is_idle; /* EHLO, and then nothing */
	bool is_single; /* wait with each message for load_session_go_on */
};
extern struct session_config session_config;

struct session_totals {
	uint64_t connections, lost, held, tls;
	struct peer_times accept;
};
extern struct session_totals session_totals;

struct load_session;

struct load_session *load_session_new(uint64_t number);
void load_session_free(struct load_session *s);
/*
 * Connects if there is work (with is_idle: always) and it is time to. When it wants to be
 * asked again; UINT64_MAX: it has a connection.
 */
uint64_t load_session_tick(struct load_session *s, uint64_t now_ns);
bool load_session_is_open(const struct load_session *s);
/* With is_single: the message was seen at its destination. */
void load_session_go_on(struct load_session *s);

#endif
