/* The directory doctor: what Active Directory lets the account do, so that changes can be
 * followed. */
#include <lber.h>
#include <stdlib.h>
#include <string.h>

#include "admin/dirquery.h"
#include "admin/doctor_private.h"

#define OID_SHOW_DELETED "1.2.840.113556.1.4.417"

enum { DIRSYNC_OBJECT_SECURITY = 1, DIRSYNC_MAX_BYTES = 1024 * 1024 };

static LDAPControl *make_control(const char *oid, BerElement *ber)
{
	LDAPControl *control = NULL;
	struct berval value = { 0, (char *)(uintptr_t) "" };

	if (ber == NULL || ber_flatten2(ber, &value, 0) == 0)
		ldap_control_create(oid, 1, ber != NULL ? &value : NULL, 1, &control);
	return control;
}

/* ---- DirSync ([MS-ADTS] 3.1.1.3.4.1.3) ---- */

/* The code of a DirSync search of the naming context that finds nothing. */
static int try_dirsync(struct doctor_server *s, const char *context, int flags)
{
	const char *const none[] = { LDAP_NO_ATTRS, NULL };
	BerElement *ber = ber_alloc_t(LBER_USE_DER);
	struct dirquery query = { .base = context,
				  .scope = LDAP_SCOPE_SUBTREE,
				  .attributes = none,
				  .filter = "(objectClass=waypostNothing)" };
	struct dirreply *reply;
	int code = LDAP_ENCODING_ERROR;

	if (ber_printf(ber, "{iio}", flags, DIRSYNC_MAX_BYTES, "", (ber_len_t)0) >= 0) {
		query.control = make_control(ROOTDSE_DIRSYNC, ber);
		reply = dirquery(s->ld, s->ctx, &query);
		code = reply->code;
		ldap_control_free(query.control);
	}
	ber_free(ber, 1);
	return code;
}

static void fix_dirsync(struct doctor_server *s, const char *context)
{
	doctor_fix(s->doctor, "give the account the right \"Replicating Directory Changes\"");
	if (s->kind == KIND_SAMBA)
		doctor_commands(s->doctor,
				"samba-tool dsacl set --action=allow --objectdn='%s' \\\n"
				"  --sddl='(OA;;CR;1131f6aa-9c07-11d1-f79f-00c04fc2dcd2;;SID)'",
				context);
	else
		doctor_commands(
			s->doctor,
			"dsacls \"%s\" /G \"DOMAIN\\ACCOUNT:CA;Replicating Directory Changes\"",
			context);
}

static void check_context(struct doctor_server *s, const char *context)
{
	int code = try_dirsync(s, context, 0);

	if (code == LDAP_SUCCESS) {
		doctor_say(s->doctor, DOCTOR_OK, "%s: allowed", context);
		return;
	}
	if (try_dirsync(s, context, DIRSYNC_OBJECT_SECURITY) == LDAP_SUCCESS) {
		doctor_say(s->doctor, DOCTOR_NOTE,
			   "%s: allowed with OBJECT_SECURITY only, so what the account may "
			   "not read is not seen to change (%s without)",
			   context, ldap_err2string(code));
		fix_dirsync(s, context);
		return;
	}
	doctor_say(s->doctor, DOCTOR_WARNING, "%s: %s; changes are polled by uSNChanged",
		   context, ldap_err2string(code));
	fix_dirsync(s, context);
}

void doctor_check_dirsync(struct doctor_server *s)
{
	if (s->dse->default_context != NULL)
		check_context(s, s->dse->default_context);
	if (s->dse->configuration_context != NULL)
		check_context(s, s->dse->configuration_context);
}

/* ---- deletions ---- */

void doctor_check_deleted(struct doctor_server *s)
{
	const char *const attributes[] = { "isDeleted", NULL };
	struct dirquery query = { .scope = LDAP_SCOPE_BASE, .attributes = attributes };
	struct dirreply *reply;

	if (s->dse->default_context == NULL)
		return;
	query.base = talloc_asprintf(s->ctx, "CN=Deleted Objects,%s", s->dse->default_context);
	query.control = make_control(OID_SHOW_DELETED, NULL);
	reply = dirquery(s->ld, s->ctx, &query);
	ldap_control_free(query.control);
	if (reply->code == LDAP_SUCCESS && reply->entries.count > 0) {
		doctor_say(s->doctor, DOCTOR_OK, "can be seen");
		return;
	}
	doctor_say(s->doctor, DOCTOR_NOTE,
		   "cannot be seen (%s): without DirSync, a deletion is found only by "
		   "reading everything again",
		   ldap_err2string(reply->code));
	doctor_fix(s->doctor, "let the account list and read them");
	doctor_commands(
		s->doctor,
		"dsacls \"%s\" /takeownership\ndsacls \"%s\" /G \"DOMAIN\\ACCOUNT:LCRP\"",
		query.base, query.base);
}

void doctor_check_notification(struct doctor_server *s)
{
	if (rootdse_has(&s->dse->controls, ROOTDSE_NOTIFICATION)) {
		doctor_say(s->doctor, DOCTOR_OK, "the server tells of changes at once");
		return;
	}
	doctor_say(s->doctor, DOCTOR_NOTE,
		   "the server does not offer it, so changes are polled");
}

/* ---- paging ---- */

/* "MaxPageSize=1000" of the query policies. */
static const char *policy(const struct entry *entry, const char *name)
{
	const struct entry_attribute *limits = entry_find(entry, "lDAPAdminLimits");
	size_t len = strlen(name);

	for (size_t i = 0; limits != NULL && i < limits->n_values; i++)
		if (ascii_equal_n(limits->values[i].data, name, len) &&
		    limits->values[i].data[len] == '=')
			return limits->values[i].data + len + 1;
	return NULL;
}

enum { PAGE_LEAST = 100 };

void doctor_check_paging(struct doctor_server *s)
{
	const char *const attributes[] = { "lDAPAdminLimits", NULL };
	const char *page, *range;
	struct entry *entry;

	if (s->dse->configuration_context == NULL)
		return;
	entry = dirquery_entry(
		s->ld, s->ctx,
		talloc_asprintf(s->ctx,
				"CN=Default Query Policy,CN=Query-Policies,CN=Directory "
				"Service,CN=Windows NT,CN=Services,%s",
				s->dse->configuration_context),
		attributes, NULL);
	page = entry != NULL ? policy(entry, "MaxPageSize") : NULL;
	range = entry != NULL ? policy(entry, "MaxValRange") : NULL;
	if (page == NULL) {
		doctor_say(s->doctor, DOCTOR_OK,
			   "the limits cannot be seen; everything is read in pages");
	} else if (strtol(page, NULL, 10) < PAGE_LEAST) {
		doctor_say(s->doctor, DOCTOR_WARNING,
			   "MaxPageSize is %s, so a full read takes many questions", page);
		doctor_fix(s->doctor, "set it to its default of 1000");
		doctor_commands(s->doctor, "ntdsutil \"ldap policies\"");
	} else {
		doctor_say(s->doctor, DOCTOR_OK,
			   "MaxPageSize %s%s%s; everything is read in pages and ranges", page,
			   range != NULL ? ", MaxValRange " : "", range != NULL ? range : "");
	}
}
