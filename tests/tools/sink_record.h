/*
 * What a sink remembers of the messages it accepted: counts for the summary, a line for each
 * in the journal, on demand the message itself.
 *
 * A journal line is JSON: {"n":1,"from":"a@b","mail":" SIZE=1","rcpts":["c@d"],"rcpt":[""],
 * "seq":0,"attempt":1,"good":true,"size":100,"hash":"…","tls":false,"helo":"x","conn":1,
 * "bare":0,"t_ns":1}; seq, attempt and good are null for a message without stamp; "mail" and
 * "rcpt" are the parameters as they came, "hash" is over the whole message, "bare" counts CR
 * and LF that stood alone. Nothing is synced: a sink is not what is tested.
 */
#ifndef WP_TESTS_TOOLS_SINK_RECORD_H
#define WP_TESTS_TOOLS_SINK_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/tools/peer.h"

struct sink_rcpt {
	char *address, *params;
	bool is_refused; /* at the dot, LMTP */
};

struct sink_envelope {
	char *from, *params;
	struct sink_rcpt *rcpts;
	size_t rcpt_count;
	const char *helo;
	uint64_t connection;
	bool is_tls;
};

struct sink_totals {
	uint64_t messages, recipients, bytes;
	uint64_t stamped, distinct, duplicates, corrupt; /* of messages with a stamp */
	uint64_t first_ns, last_ns;
	struct peer_times latency;
};
extern struct sink_totals sink_totals;

/* Null: no journal, no messages kept; 0: nobody is notified. */
void sink_record_open(const char *journal, const char *directory, uint16_t notify_port);
/* Takes note of an accepted message; refused recipients are left out. */
void sink_record(const struct sink_envelope *envelope, const char *message, size_t len);
/* To be called before a reply leaves: writes what the journal still holds. */
void sink_record_flush(void);

#endif
