/*
 * Objects of Active Directory read whole and given to the sink: all of a part, some by GUID, those
 * under a container, those that a filter finds.
 *
 * Values that the server deals out in ranges are put together first; an attribute that came only
 * in part is never taken for the whole. What lies outside of the scope is given as deleted.
 */
#ifndef WP_LDAPSYNC_AD_READER_H
#define WP_LDAPSYNC_AD_READER_H

#include "ldapsync/ad_search.h"
#include "ldapsync/sync_scope.h"

struct ad_ranged;

struct ad_reader {
	struct ad_search *search;
	const struct sync_scope *scope;
	const char **attributes; /* what is asked for */
	TALLOC_CTX *ctx;         /* of the page that is being read */
	struct ad_ranged *ranged; /* entries of it that are not whole yet */
	/* Told of each entry within the scope; may be null. */
	void (*on_found)(void *ctx, const struct entry_uuid *guid);
	void *found_ctx;
};

/* SEARCH and SCOPE are kept. What it needs is under the session's context. */
void ad_reader_init(struct ad_reader *reader, struct ad_search *search,
		    const struct sync_scope *scope);

/* All of the scope. */
int ad_reader_all(struct ad_reader *reader, struct err *err) WP_MUST_CHECK;
/* What of it FILTER finds at or below BASE. */
int ad_reader_some(struct ad_reader *reader, const char *base, const char *filter, struct err *err)
	WP_MUST_CHECK;
/* Tells the sink of all GUIDs of the scope, without reading more: they are present. */
int ad_reader_present(struct ad_reader *reader, struct err *err) WP_MUST_CHECK;

/* The objectGUID of the entry in MESSAGE. */
bool ad_reader_guid(LDAP *ld, LDAPMessage *message, struct entry_uuid *guid_r);

#endif
