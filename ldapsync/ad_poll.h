/*
 * The questions of the feed: DirSync or USN polling put to a domain controller, and its answers
 * given to ad_feed.h, which judges them.
 */
#ifndef WP_LDAPSYNC_AD_POLL_H
#define WP_LDAPSYNC_AD_POLL_H

#include "ldapsync/ad_feed.h"
#include "ldapsync/ad_search.h"
#include "ldapsync/sync_scope.h"

struct ad_poll {
	struct ad_search *search;
	const char *context;     /* DN of the naming context */
	const char **attributes; /* what DirSync is asked for, and tells changes of */
	struct ad_feed feed;
};

/* SEARCH and CONTEXT are kept. What it needs is under the session's context. */
void ad_poll_init(struct ad_poll *poll, struct ad_search *search, const struct sync_scope *scope,
		  const char *context);
/* Null inside is fine. */
void ad_poll_fini(struct ad_poll *poll);
/* Finds the feed's position now, by the best technique that the server allows. */
int ad_poll_position(struct ad_poll *poll, struct err *err) WP_MUST_CHECK;
/* One answer: the changes are poll->feed's if *STEP_R says so. -1 and ERR: the session is over. */
int ad_poll_ask(struct ad_poll *poll, enum ad_feed_step *step_r, struct err *err) WP_MUST_CHECK;

#endif
