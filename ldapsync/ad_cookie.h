/*
 * How far a part of Active Directory has been followed, as the octets that the replica keeps. Pure.
 *
 * It is worth something only where it was read, and only while that database has the same
 * invocationId, which a restore changes: a USN is a number of that database, and a DirSync cookie,
 * though others may take it, covers changes that have not reached them. So the stored cookie says
 * whose it is.
 */
#ifndef WP_LDAPSYNC_AD_COOKIE_H
#define WP_LDAPSYNC_AD_COOKIE_H

#include "common/entry.h"
#include "ldapsync/ad_feed.h"

struct ad_cookie {
	enum ad_technique technique;
	bool owes_links;              /* groups may hold names of what is gone (ad_changes.h) */
	const char *server;           /* dnsHostName, or "" */
	struct entry_uuid invocation; /* all zero: not known */
	const char *context;          /* DN of the naming context */
	uint64_t usn;                 /* of USN polling: everything up to it is here */
	const char *dirsync;          /* octets, of the others */
	size_t dirsync_len;
};

void ad_cookie_encode(const struct ad_cookie *cookie, struct buf *out);
/* False if the octets are no cookie of this version. Texts are talloc'd under CTX. */
bool ad_cookie_decode(TALLOC_CTX *ctx, const void *data, size_t len, struct ad_cookie *cookie_r);

enum ad_cookie_worth {
	AD_COOKIE_GOOD,     /* changes since it can be had here */
	AD_COOKIE_FOREIGN,  /* of another domain controller: this one may know less */
	AD_COOKIE_RESTORED, /* of this one before it was restored: worth nothing */
	AD_COOKIE_USELESS,
};
/* What STORED is worth to the domain controller and context that HERE names. */
enum ad_cookie_worth ad_cookie_judge(const struct ad_cookie *stored, const struct ad_cookie *here);

#endif
