/*
 * Searches at a domain controller over a session's connection: one at a time, in pages, while
 * notifications come in and the heartbeat goes on beside them.
 *
 * References are never followed. A server that gives less at once than was asked for, or says that
 * a limit is exceeded, is asked for smaller pages; so entries may come more than once.
 */
#ifndef WP_LDAPSYNC_AD_SEARCH_H
#define WP_LDAPSYNC_AD_SEARCH_H

#include "ldapsync/session.h"

struct ad_query {
	const char *base;
	int scope; /* LDAP_SCOPE_… */
	const char *filter;
	const char *const *attributes; /* null-terminated */
	const struct buf *dirsync;     /* value of its control, or null */
	bool show_deleted;
	int limit; /* of entries, 0: none */
};

struct ad_result {
	int code;       /* of LDAP */
	struct err err; /* the same with the server's words, if it is not success */
	bool has_control;
	struct buf control; /* value of the control that belongs to the question */
};

/* What to do with an entry; -1 and ERR end the session. */
typedef int ad_on_entry(void *ctx, LDAPMessage *message, struct err *err);
/* A page is through: no search is under way, so the callback may begin one. */
typedef int ad_on_page(void *ctx, struct err *err);

struct ad_search {
	struct session *session;
	int page_size;
	int notify_id;   /* -1: there are no notifications */
	bool is_woken;   /* one came */
	/* The search under way. */
	int id;          /* -1: none */
	bool is_done;
	const char *control; /* OID of the one that the answer has to bear, or null */
	ad_on_entry *on_entry;
	void *ctx;
	struct ad_result *result;
};

void ad_search_init(struct ad_search *search, struct session *session);
/* Asks for notifications of changes below BASE, a naming context. */
int ad_search_notify(struct ad_search *search, const char *base, struct err *err) WP_MUST_CHECK;
/*
 * Asks QUERY and gives the entries to ON_ENTRY. 0: the server answered, RESULT says what (init it
 * to zero; the caller frees its buffer). -1 and ERR: the session is over.
 */
int ad_search_once(struct ad_search *search, const struct ad_query *query, ad_on_entry *on_entry,
		   void *ctx, struct ad_result *result, struct err *err) WP_MUST_CHECK;
/*
 * The same in pages, to the end. ON_PAGE may be null. -1 and ERR for any other answer than
 * success: ERR's code is its result code, if its domain is ERR_DIRECTORY.
 */
int ad_search_pages(struct ad_search *search, const struct ad_query *query, ad_on_entry *on_entry,
		    ad_on_page *on_page, void *ctx, struct err *err) WP_MUST_CHECK;
/* Takes what has come without a search: notifications, the heartbeat's answers. */
int ad_search_idle(struct ad_search *search, struct err *err) WP_MUST_CHECK;

/* Fills ERR for an object that hides its GUID: nothing can be known of it, least of all that it is
 * still there. Returns -1. */
int ad_search_without_guid(const struct entry *entry, struct err *err);

#endif
