/*
 * Recipients that hold names of others, read again: those that the directory finds by the attribute, and
 * those that held one here and hold none there any more, which nothing finds. (A group whose last
 * member was deleted, a forward to a deleted person: they are no change of theirs.)
 */
#ifndef WP_LDAPSYNC_AD_HOLDERS_H
#define WP_LDAPSYNC_AD_HOLDERS_H

#include "ldapsync/ad_changes.h"

/* Within CHANGES' links filter. -1 and ERR: the session is over. */
int ad_holders_read(struct ad_changes *changes, struct err *err) WP_MUST_CHECK;

#endif
