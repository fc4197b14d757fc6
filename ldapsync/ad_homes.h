/*
 * Recipients whose home is shown with another name, because a server or a mailbox database of the
 * configuration was renamed: no feed of their own naming context tells.
 *
 * Servers are not asked who has which home: Samba finds an attribute without a back link only by
 * the name that was written. All homes are looked through, and whom it concerns is read.
 */
#ifndef WP_LDAPSYNC_AD_HOMES_H
#define WP_LDAPSYNC_AD_HOMES_H

#include "ldapsync/ad_changes.h"

/* Reads again whose home is one of NAMES (each with its NUL) or lies below one; MANY: all that
 * have a home. As source_take_renamed gives them. */
int ad_homes_read(struct ad_changes *changes, const struct buf *names, bool many,
		  struct err *err) WP_MUST_CHECK;

#endif
