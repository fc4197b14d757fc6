/*
 * Counts of connections and paces of messages, by receive connector and source. Pure.
 *
 * An entry is what one connector has of one source, or of all sources together. It is there
 * while a connection is counted or the pace of the last minute still matters, so memory follows
 * what is going on and not who ever came. The pace is a bucket that holds a minute's messages
 * and fills evenly: kept as the time up to which messages are paid for, which survives a change
 * of the rate. Times are milliseconds of one monotonic clock.
 *
 * Rationale: doc/design/limits.md. One thread at a time; delivery/admission.h has the locks.
 */
#ifndef WP_DELIVERY_TALLY_H
#define WP_DELIVERY_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <bsd/sys/tree.h>

#include "common/ipaddr.h"

/* Entries kept for their pace alone; beyond, the one that was idle for longest is forgotten. */
enum { TALLY_IDLE_MAX = 4096 };

struct tally_entry;

struct tally_key {
	const char *connector;
	const struct ipaddr *source; /* null: all of them */
};

RB_HEAD(tally_tree, tally_entry);
TAILQ_HEAD(tally_list, tally_entry);

struct tally {
	struct tally_tree entries;
	struct tally_list idle; /* without connections, the one that was idle for longest first */
	size_t size, idle_size;
};

void tally_init(struct tally *t);
void tally_fini(struct tally *t);

/*
 * Counts a connection under KEY unless LIMIT (0: none) of them are counted already: then null.
 * The entry stays until it was given back as often as it was taken.
 */
struct tally_entry *tally_take(struct tally *t, const struct tally_key *key, uint32_t limit,
			       uint64_t now_ms);
void tally_give(struct tally *t, struct tally_entry *entry, uint64_t now_ms);
/* One message under KEY; false: at RATE (at least 1) messages a minute it is too early. */
bool tally_spend(struct tally *t, const struct tally_key *key, uint32_t rate, uint64_t now_ms);

#endif
