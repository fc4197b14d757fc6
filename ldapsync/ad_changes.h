/*
 * What the changes of one answer of the feed make of the replica.
 *
 * Objects are read whole, so most changes are an entry or a deletion. The rest of this file is what
 * the directory does not tell, because it refers to objects by number and shows names:
 *
 *  - a container moved: what lies below it has other names. The replica keeps names by their
 *    parents, so within the scope nothing is to be done; from outside the scope its contents are
 *    read, to the outside they are found to be gone by an audit;
 *  - an object moved: the groups that hold it show its new name, and are no change. They are read
 *    again;
 *  - an object of the configuration was renamed: recipients show its new name as their home. The
 *    parts that have them are told (ad_homes.h);
 *  - an object was deleted: the groups that held it have lost it, and are no change. A member that
 *    does not exist is no harm until another object takes its name. Then, and after some time,
 *    all that hold names are read again. Where deletions are not told of, any name that is taken
 *    may be such a one.
 */
#ifndef WP_LDAPSYNC_AD_CHANGES_H
#define WP_LDAPSYNC_AD_CHANGES_H

#include "ldapsync/ad_feed.h"
#include "ldapsync/ad_reader.h"

struct ad_name;

struct ad_changes {
	struct session *session;
	struct ad_search *search;
	struct ad_reader *reader;
	const struct sync_scope *scope;
	const char *links; /* filter for all that hold names, or null: nothing does */
	const char **link_names;
	struct ad_name *freed; /* names of deleted objects, since links were read last */
	size_t n_freed;
	bool is_blind;    /* set by who follows: deleted objects are not told of */
	bool owes_links;  /* they may hold names of what is gone: to be read in their own time */
	bool wants_audit; /* objects may have left the scope without a word */
	bool wants_links; /* names may have changed: all that hold them are to be read */
};

void ad_changes_init(struct ad_changes *changes, struct ad_reader *reader);
void ad_changes_fini(struct ad_changes *changes);
/* Gives what FEED's last answer means to the sink. -1 and ERR: the session is over. */
int ad_changes_apply(struct ad_changes *changes, const struct ad_feed *feed, struct err *err)
	WP_MUST_CHECK;
/* Reads again all that hold names of others. */
int ad_changes_read_links(struct ad_changes *changes, struct err *err) WP_MUST_CHECK;
/* Reads the objects GUIDS again; one that does not come is deleted. */
int ad_changes_read(struct ad_changes *changes, const struct buf *guids, struct err *err)
	WP_MUST_CHECK;

#endif
