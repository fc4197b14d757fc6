/*
 * From a recipient's address to where it is meant for: rewriting, forwards, groups, homes,
 * catch-all (routing rules §4). Needs the directory's recipients, not the network: where a
 * leaf then goes is route.h's business. Pure.
 *
 * The result is a tree in one array, parents before children: a group holds its members, all
 * else is a leaf. Everything is talloc'd under the resolution; one thread.
 */
#ifndef WP_TOPOLOGY_RESOLVE_H
#define WP_TOPOLOGY_RESOLVE_H

#include <talloc.h>

#include "topology/reason.h"
#include "topology/recipient.h"
#include "topology/resolve_note.h"
#include "topology/viewpoint.h"

enum resolved_kind {
	RESOLVED_MAILBOX,     /* HOME is its server */
	RESOLVED_EXTERNAL,    /* a connector decides by type and domain */
	RESOLVED_HOST,        /* HOST is a foreign mailHost in a relay domain: a smart host */
	RESOLVED_GROUP,       /* its members follow, with PARENT naming it */
	RESOLVED_DISCARDED,
	RESOLVED_UNREACHABLE, /* REASON tells */
	RESOLVED_REJECTED,    /* REASON tells */
};

struct resolved {
	const char *recipient; /* the address asked for; of a member, its own address */
	const char *address;   /* where it goes, in the envelope's spelling */
	const char *folded;    /* ADDRESS folded: for comparing, grouping, duplicates */
	const char *type;      /* "SMTP", "FAX", … */
	const char *domain;    /* of FOLDED; "" for other types */
	const char **via;      /* addresses that were rewritten, first to last */
	const char *host;      /* RESOLVED_HOST */
	uint64_t max_size;     /* the tightest limit of the recipients passed, 0 unlimited */
	struct entry_uuid uuid; /* of the entry it ended at; all zero: none */
	struct resolve_note *notes; /* the steps, if they were asked for */
	uint32_t n_via, n_notes;
	uint32_t home;         /* servers; SNAP_NONE unless RESOLVED_MAILBOX */
	uint32_t parent;       /* the group it came from, or SNAP_NONE */
	uint8_t kind;          /* enum resolved_kind */
	uint8_t reason;        /* enum route_reason */
};

struct resolve_query {
	uint64_t size;      /* octets of the message, 0 not known yet */
	bool authenticated; /* an inside sender */
	bool explain;       /* note every step */
	bool is_linked;     /* a linked connector takes it (§5 step 0): nothing is looked up */
};

struct resolution {
	struct resolved *items; /* items[0] is the recipient asked for */
	uint32_t count;
};

/*
 * Resolves one recipient as the server of VP sees it. The same recipient never appears twice
 * among the members of a group. -1 and ERR only if SOURCE fails; whatever is wrong with the
 * recipient is a leaf.
 */
int resolve_recipient(TALLOC_CTX *ctx, const struct viewpoint *vp,
		      const struct recipient_source *source, const struct resolve_query *query,
		      const char *recipient, struct resolution **resolution_r, struct err *err)
	WP_MUST_CHECK;

/*
 * A leaf for an address that was resolved earlier (stored in the envelope of a message): no
 * look-up but that of its home, for routing again after a change. ITEM_R's texts live under CTX.
 */
int resolve_again(TALLOC_CTX *ctx, const struct viewpoint *vp,
		  const struct recipient_source *source, const char *address,
		  struct resolved *item_r, struct err *err) WP_MUST_CHECK;

#endif
