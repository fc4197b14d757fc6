/*
 * Recipients: from a directory entry to the few facts that routing needs, as compact bytes. Pure.
 *
 * A record is written once (recipient_encode) and read in place: struct recipient is a view
 * whose texts point into the record, nothing is allocated. The replica stores records and finds
 * them by folded address (mailaddr.h) and by DN key (dn.h). A record does not hold its own DN, so
 * renaming a branch of the tree changes no record.
 */
#ifndef WP_TOPOLOGY_RECIPIENT_H
#define WP_TOPOLOGY_RECIPIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/entry.h"
#include "common/err.h"

/* COUNT texts in a row, each with its NUL. */
struct recipient_texts {
	const char *first;
	uint32_t count;
};

/* Steps to the text behind TEXT; only while texts are left. */
const char *recipient_next(const char *text);

enum recipient_flags {
	RECIPIENT_GROUP = 1,            /* expanded, even if it has no members */
	RECIPIENT_REQUIRE_AUTH = 2,     /* inside senders only */
	RECIPIENT_DELIVER_AND_REDIRECT = 4, /* the mailbox and the forward */
	RECIPIENT_ROUTE_HOST = 8,       /* the forward goes to mailHost, unresolved */
	RECIPIENT_FORWARD_DN = 16,      /* the forward is the key of a DN */
};

struct recipient {
	struct entry_uuid uuid;
	const char *primary;   /* as the directory spells it, "" if the entry has no address */
	const char *home_dn;   /* key of the DN of the home server or mailbox database, or "" */
	/* Host name in lower case; or, before HOME_DN, the key of a server's legacy name, which
	 * begins with "/"; or "". */
	const char *mail_host;
	const char *forward;   /* address to rewrite to, "SMTP:" stripped, or "" */
	struct recipient_texts addresses; /* folded, every one the entry is found by */
	struct recipient_texts member_dns; /* keys */
	struct recipient_texts member_addresses; /* as spelt */
	uint64_t max_size;     /* octets, 0 unlimited */
	uint32_t flags;
};

/* Whether ENTRY is a recipient: an address attribute or the class of a group. */
bool recipient_is(const struct entry *entry);
/*
 * Appends the record of ENTRY to OUT. False, nothing appended, if it is no recipient. Addresses
 * that cannot be parsed, and those behind the first RECIPIENT_ADDRESSES_MAX, are left out; *BAD_R
 * (may be null) counts them.
 */
enum { RECIPIENT_ADDRESSES_MAX = 5000 };
bool recipient_encode(const struct entry *entry, struct buf *out, unsigned *bad_r);
/*
 * The first attribute of the recipient ENTRY whose value does not fit and is ignored (of a home:
 * that is unknown then), or null; VALUE_R: the value.
 */
const char *recipient_bad_value(const struct entry *entry, const struct entry_value **value_r);
/* The view of a record; -1 and ERR (ERR_STORE) for bytes that are none. */
int recipient_decode(const void *data, size_t len, struct recipient *recipient_r, struct err *err)
	WP_MUST_CHECK;
/* The attributes that a record is made of, of a directory in the model's own terms; null-terminated. */
const char *const *recipient_attributes(void);

/*
 * Where recipients are looked up. Views stay valid until the owner of the source ends its read
 * (a replica's transaction); several look-ups may be alive at once.
 */
struct recipient_source {
	/* Up to MAX recipients that bear the folded ADDRESS: how many, or -1 and ERR. */
	int (*by_address)(void *ctx, const char *address, struct recipient *list, int max,
			  struct err *err);
	/* The recipient at a DN key: 1, 0 if there is none, or -1 and ERR. */
	int (*by_dn)(void *ctx, const char *dn_key, struct recipient *recipient_r,
		     struct err *err);
	void *ctx;
};

/*
 * Calls FN for every recipient of a source until it returns false; the view lives during the
 * call, in which others may be looked up. CTX is the source's. 0, or -1 and ERR.
 */
typedef int recipient_each(void *ctx, bool (*fn)(void *arg, const struct recipient *recipient),
			   void *arg, struct err *err);

#endif
