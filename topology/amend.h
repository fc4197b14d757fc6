/*
 * Change records applied to a directory held as a list of entries: what it would be afterwards.
 * Pure.
 *
 * As an LDAP server would do it, with the same refusals: to add what exists, to change what does
 * not, to delete what has entries below, to add a value that is there or delete one that is not.
 * Not checked: the schema, access rules, and whether the parent of what is added exists, because
 * a list often lacks the containers. References to a renamed or deleted entry stay as they are
 * and so point nowhere: LDAP does not rewrite them either. Values compare like DNs, or else like
 * names (case does not matter), or as octets.
 */
#ifndef WP_TOPOLOGY_AMEND_H
#define WP_TOPOLOGY_AMEND_H

#include "common/ldif_change.h"

/*
 * Applies CHANGES in their order to LIST, whose array is replaced by one under CTX. Entries are
 * never changed in place: those that change are copied under CTX, the others are shared. -1 and
 * ERR (ERR_DIRECTORY, "line N: …") for the first that cannot be made; then LIST is as it was.
 */
int amend_entries(TALLOC_CTX *ctx, struct entry_list *list, const struct ldif_change_list *changes,
		  struct err *err) WP_MUST_CHECK;

#endif
