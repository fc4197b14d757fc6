/*
 * The inside of resolving, for resolve.c (addresses, the order of work) and resolve_entry.c (what
 * an entry that was found means).
 */
#ifndef WP_TOPOLOGY_RESOLVE_PRIVATE_H
#define WP_TOPOLOGY_RESOLVE_PRIVATE_H

#include <uthash.h>

#include "common/mailaddr.h"
#include "topology/resolve.h"

enum { REWRITES_MAX = 16 };

/* A text that was met before: a group's or leaf's identity. */
struct seen {
	UT_hash_handle hh;
	char key[];
};

/* What an item starts from, until it was worked off. */
struct seed {
	struct recipient entry; /* of a member named by DN */
	bool has_entry;
	bool stay;   /* deliver-and-redirect: the mailbox, whatever the forward says */
	bool dropped;
};

struct resolver {
	const struct viewpoint *vp;
	const struct snapshot *snap;
	const struct recipient_source *source;
	const struct resolve_query *query;
	struct resolution *result;
	struct seed *seeds;
	struct seen *groups, *leaves;
	bool again; /* resolve_again: forwards and groups are behind us */
	struct err *err;
};

/* One item on its way. */
struct chain {
	struct resolver *r;
	uint32_t index;       /* of the item */
	const char *address;  /* as it stands now */
	struct mailaddr parsed;
	uint32_t domain;      /* the accepted domain, or SNAP_NONE */
	const char *via[REWRITES_MAX + 2];
	uint32_t n_via;
	struct entry_uuid entries[REWRITES_MAX + 2]; /* entries whose forward was followed */
	uint32_t n_entries;
	bool postmaster;      /* it was rewritten to the organisation's */
};

/* STEP_NONE: a way that does not exist here, try the next. */
enum step { STEP_DONE, STEP_AGAIN, STEP_FAILED, STEP_NONE };

static inline struct resolved *resolve_item_of(const struct chain *c)
{
	return &c->r->result->items[c->index];
}

/* Adds an item behind all others and returns its index; items and seeds may move. */
uint32_t resolve_push(struct resolver *r, uint32_t parent, const char *recipient);
/* Adds KEY to a set; false if it is there already. */
bool resolve_seen_add(struct resolver *r, struct seen **set, const char *key);
/* Notes a step for an explanation; TO (may be null) is copied. */
void resolve_note(struct chain *c, enum resolve_rule rule, const char *to, uint32_t server);
/* The item ends here as KIND. */
enum step resolve_finish(struct chain *c, enum resolved_kind kind, enum route_reason reason);
enum step resolve_reject(struct chain *c, enum route_reason reason);
/* The own server that ENTRY names as its home, by DN or by host name, or SNAP_NONE. */
uint32_t resolve_named_home(const struct snapshot *snap, const struct recipient *entry);
/* Goes on with another address. */
enum step resolve_rewrite(struct chain *c, const char *address);

/* ENTRY bears the address of the item, or was named by DN: §4.1 to §4.3. */
enum step resolve_entry(struct chain *c, const struct recipient *entry);

#endif
