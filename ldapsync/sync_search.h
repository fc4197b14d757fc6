/*
 * The search of RFC 4533 in libldap's messages: how it is asked, and what an answer holds.
 *
 * What the parts of an answer mean together is for syncrepl.h. One thread, the connection's.
 */
#ifndef WP_LDAPSYNC_SYNC_SEARCH_H
#define WP_LDAPSYNC_SYNC_SEARCH_H

#include <ldap.h>

#include "common/buf.h"
#include "common/err.h"
#include "ldapsync/sync_scope.h"
#include "ldapsync/syncrepl_ber.h"

/* Asks for all of SCOPE, by COOKIE if it is not empty, with ATTRIBUTES; *ID_R is libldap's number of
 * the search. */
int sync_search(LDAP *ld, const struct sync_scope *scope, enum syncrepl_mode mode,
		const struct buf *cookie, char **attributes, int *id_r, struct err *err)
	WP_MUST_CHECK;

/* The sync state of the entry MESSAGE, which lives as long as *CONTROLS_R: the caller's, always to be
 * freed. -1 and ERR: there is none, or it is malformed. */
int sync_search_state(LDAP *ld, LDAPMessage *message, struct syncrepl_state_value *state_r,
		      LDAPControl ***controls_r, struct err *err) WP_MUST_CHECK;
/* The sync info that the intermediate response MESSAGE is, the caller's; null: it is another. */
int sync_search_info(LDAP *ld, LDAPMessage *message, struct berval **value_r, struct err *err)
	WP_MUST_CHECK;
/* The code of the result MESSAGE, and what it says as ERR, whatever it is; *DIAGNOSTIC_R is libldap's. */
int sync_search_result(LDAP *ld, LDAPMessage *message, char **diagnostic_r, struct err *err);
/* Adds what an administrator can do about the result CODE. */
void sync_search_remedy(struct err *err, int code);

#endif
