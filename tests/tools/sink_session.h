/*
 * One SMTP or LMTP session of the sink: strict about line ends, lenient about everything
 * else, obedient to the rules (sink_rules.h). Runs on peer_wait's turns.
 */
#ifndef WP_TESTS_TOOLS_SINK_SESSION_H
#define WP_TESTS_TOOLS_SINK_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/tools/peer.h"

struct sink_config {
	bool is_lmtp, requires_tls;
	bool pipelining, size, eightbitmime, enhanced, dsn, smtputf8, chunking;
	uint64_t size_max, messages_max; /* of a message; in a session, 0: no limit */
	SSL_CTX *tls;			 /* null: no STARTTLS */
	const char *name;
};
extern struct sink_config sink_config;

struct sink_sessions {
	uint64_t opened, open, open_max, tls, refused_replies;
};
extern struct sink_sessions sink_sessions;

/* The session for an accepted socket; it ends by itself. */
void sink_session_open(int fd);
/* Ends all sessions at once. */
void sink_session_close_all(void);
/* Lets delayed replies go that are due; milliseconds to the next one, at most MAX_MS. */
int sink_session_tick(int max_ms);

#endif
