/* The search of RFC 4533 in libldap's messages. */
#include "ldapsync/sync_search.h"

#include <string.h>

#include "ldapsync/dirconn.h"

/* The reload hint stays false: a server that cannot go on from the cookie says so (4096), and then
 * everything is fetched without one, which is a refresh that sweeps for certain. */
int sync_search(LDAP *ld, const struct sync_scope *scope, enum syncrepl_mode mode,
		const struct buf *cookie, char **attributes, int *id_r, struct err *err)
{
	struct buf value = { 0 };
	LDAPControl control = { .ldctl_oid = (char *)LDAP_CONTROL_SYNC, .ldctl_iscritical = 1 };
	LDAPControl *controls[] = { &control, NULL };
	int rc;

	syncrepl_encode_request(mode, cookie, &value);
	control.ldctl_value = (struct berval){ value.len, value.data };
	rc = ldap_search_ext(ld, scope->base, LDAP_SCOPE_SUBTREE, scope->filter, attributes, 0,
			     controls, NULL, NULL, LDAP_NO_LIMIT, id_r);
	buf_free(&value);
	return rc == LDAP_SUCCESS ? 0 : dirconn_fail(ld, rc, err, "search");
}

int sync_search_state(LDAP *ld, LDAPMessage *message, struct syncrepl_state_value *state_r,
		      LDAPControl ***controls_r, struct err *err)
{
	LDAPControl *control;

	*controls_r = NULL;
	if (ldap_get_entry_controls(ld, message, controls_r) != LDAP_SUCCESS ||
	    *controls_r == NULL)
		return err_set(err, ERR_PROTOCOL, 0, "an entry without its sync state");
	control = ldap_control_find(LDAP_CONTROL_SYNC_STATE, *controls_r, NULL);
	if (control == NULL)
		return err_set(err, ERR_PROTOCOL, 0, "an entry without its sync state");
	return syncrepl_decode_state(control->ldctl_value.bv_val, control->ldctl_value.bv_len,
				     state_r, err);
}

int sync_search_info(LDAP *ld, LDAPMessage *message, struct berval **value_r, struct err *err)
{
	char *oid = NULL;
	int code;

	*value_r = NULL;
	code = ldap_parse_intermediate(ld, message, &oid, value_r, NULL, 0);
	if (code == LDAP_SUCCESS && (oid == NULL || strcmp(oid, LDAP_SYNC_INFO) != 0)) {
		ber_bvfree(*value_r);
		*value_r = NULL;
	}
	ldap_memfree(oid);
	return code == LDAP_SUCCESS ? 0 : dirconn_fail(ld, code, err, "an intermediate response");
}

void sync_search_remedy(struct err *err, int code)
{
	static const struct {
		int code;
		const char *remedy;
	} rows[] = {
		{ LDAP_SIZELIMIT_EXCEEDED,
		  "give bind_dn no size limit: olcLimits with size=unlimited (OpenLDAP), "
		  "nsSizeLimit -1 in its entry (389-ds)" },
		{ LDAP_TIMELIMIT_EXCEEDED,
		  "give bind_dn no time limit: olcLimits with time=unlimited (OpenLDAP), "
		  "nsTimeLimit -1 in its entry (389-ds)" },
		{ LDAP_ADMINLIMIT_EXCEEDED,
		  "raise the limits for bind_dn: olcLimits with size.unchecked=unlimited "
		  "(OpenLDAP), nsLookThroughLimit -1 in its entry (389-ds)" },
		{ LDAP_INSUFFICIENT_ACCESS, "let bind_dn search and read everything below base and "
					    "recipients" },
		{ LDAP_NO_SUCH_OBJECT, "correct base and recipients in the host file, or let bind_dn "
				       "read what they name" },
		{ LDAP_REFERRAL, "put the server that holds the bases itself into uri: referrals are "
				 "not followed" },
		{ LDAP_UNAVAILABLE_CRITICAL_EXTENSION,
		  "load the overlay syncprov (OpenLDAP) or the content synchronization plug-in "
		  "(389-ds)" },
	};

	for (size_t i = 0; i < WP_COUNT(rows); i++)
		if (rows[i].code == code)
			err_remedy(err, "%s", rows[i].remedy);
}

int sync_search_result(LDAP *ld, LDAPMessage *message, char **diagnostic_r, struct err *err)
{
	int code = LDAP_OTHER;

	*diagnostic_r = NULL;
	ldap_parse_result(ld, message, &code, NULL, diagnostic_r, NULL, NULL, 0);
	err_set(err, ERR_DIRECTORY, code, "the server ended the search: %s%s%s",
		ldap_err2string(code), *diagnostic_r != NULL ? ": " : "",
		*diagnostic_r != NULL ? *diagnostic_r : "");
	sync_search_remedy(err, code);
	return code;
}
