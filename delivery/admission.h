/*
 * Who may connect and send now: the limits of receive connectors on connections, connections
 * of one source and messages a minute, counted for all loops together.
 *
 * SO_REUSEPORT scatters the connections of one source over the loops, so what they count is
 * shared: tallies (delivery/tally.h) in shards, each behind a mutex that is held for one look-up.
 * It is touched when a connection begins, when it ends and, where a rate is set, at MAIL. Any
 * thread. Times are milliseconds of the monotonic clock.
 *
 * Rules and reasons: doc/design/limits.md.
 */
#ifndef WP_DELIVERY_ADMISSION_H
#define WP_DELIVERY_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ipaddr.h"

struct admission;
struct admission_shard;
struct tally_entry;

/* Of one receive connector, for one client; 0: no limit. */
struct admission_limits {
	uint32_t connections; /* of the connector */
	uint32_t per_source;
	uint32_t per_minute; /* messages of one source */
};

enum admission_refusal {
	ADMISSION_GRANTED,
	ADMISSION_FULL,        /* the connector has all its connections */
	ADMISSION_SOURCE_FULL, /* the source has all of its own */
	ADMISSION_TOO_FAST,    /* the source sent its messages of this minute */
	ADMISSION_REFUSALS
};

/* What the client and the log are told. */
struct admission_reply {
	uint16_t code;
	const char *status, *text;
};
extern const struct admission_reply admission_replies[ADMISSION_REFUSALS];

/* What a connection holds; zeroed: nothing. */
struct admission_slot {
	struct admission_hold {
		struct admission_shard *shard;
		struct tally_entry *entry; /* null: none */
	} connector, source;
};

struct admission *admission_new(void);
/* Nobody holds anything any more. Null is accepted. */
void admission_free(struct admission *a);

/*
 * A connection of PEER to CONNECTOR begins; when granted, SLOT_R holds it until
 * admission_leave(). IS_OWN: a source whose connections are not counted against each other.
 */
enum admission_refusal admission_enter(struct admission *a, const char *connector,
				       const struct ipaddr *peer,
				       const struct admission_limits *limits, bool is_own,
				       uint64_t now_ms, struct admission_slot *slot_r);
/* The peer proved to be an own server: strangers of its address get its place. */
void admission_trust(struct admission_slot *slot, uint64_t now_ms);
/* The connection ended. A slot that holds nothing is accepted. */
void admission_leave(struct admission_slot *slot, uint64_t now_ms);
/* A message of PEER begins. */
enum admission_refusal admission_message(struct admission *a, const char *connector,
					 const struct ipaddr *peer, uint32_t per_minute,
					 uint64_t now_ms);

/*
 * Counts a refusal; true if it is to be logged, which is seldom: *SILENT_R is how many of its
 * kind were not since the last one that was.
 */
bool admission_wants_log(struct admission *a, enum admission_refusal refusal, uint64_t now_ms,
			 uint64_t *silent_r);
/* Refusals since the start. */
uint64_t admission_refused(struct admission *a);
/* Entries in all tallies, for tests. */
size_t admission_size(struct admission *a);

#endif
