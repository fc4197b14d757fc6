/*
 * The log of snapshots, in the replica: when each was made, why, and from which changes.
 *
 * An entry is stored by the transaction that makes its snapshot current, so neither is ever
 * there without the other. Pinning and unpinning have entries too. The image stays as long as
 * its entry. Entries that another version wrote in another form are passed over.
 */
#ifndef WP_COMMON_REPLICA_HISTORY_H
#define WP_COMMON_REPLICA_HISTORY_H

#include "common/buf.h"
#include "common/replica.h"

/* In the order of their weight where several come together. */
enum history_cause {
	HISTORY_LIVE,     /* changes as they happened in the directory */
	HISTORY_REFRESH,  /* a directory was read again */
	HISTORY_HOST,     /* the host file names other directories */
	HISTORY_ACCEPT,   /* held back before, let through by an administrator */
	HISTORY_FIRST,    /* the first synchronisation */
	HISTORY_REPAIR,   /* the image was lost and made again */
	HISTORY_FOUND,    /* it was there before there was a log */
	HISTORY_PIN,      /* these make no snapshot */
	HISTORY_UNPIN,
	HISTORY_PIN_LOST, /* the image of the pinned snapshot was lost: the newest became live */
	HISTORY_REFUSE,   /* an administrator threw away what was held; omitted: what it would drop */
	HISTORY_ACCEPTED, /* an administrator let through what was held; omitted: what it drops */
	HISTORY_CAUSES,
};

struct history_head {
	uint32_t format; /* HISTORY_FORMAT */
	uint32_t cause;
	struct replica_snapshot snapshot; /* what the entry is about */
	uint64_t wall_ms;
	struct replica_counts counts;
	uint32_t sites, links, servers, edges, connectors, domains, diagnostics; /* of the image */
	uint32_t listed;  /* changes in the list, and those that were too many for it */
	uint32_t omitted;
	uint32_t source_size; /* octets of the text, with its NUL */
};

enum { HISTORY_FORMAT = 1 };

/* Points into the mapping: lives as long as the read. */
struct history_entry {
	uint64_t sequence;
	struct history_head head;
	const char *source; /* the directories that changed, "" if none is known */
	const char *changes; /* a JSON array as changes_json() makes it; null: none is listed */
	size_t changes_len;
};

/* "live", "refresh", …; "?" for a number that is none. */
const char *history_cause_name(uint32_t cause);
/* Whether such an entry tells of the making of its snapshot. */
bool history_makes_snapshot(uint32_t cause);
/* Appends the stored form of ENTRY; its sequence is the key and not in it. */
void history_encode(const struct history_entry *entry, struct buf *out);
/* False if the octets are no entry of this format. */
bool history_decode(const void *data, size_t len, struct history_entry *entry_r);

#endif
