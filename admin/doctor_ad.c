/* The directory doctor: what Active Directory lets the account do, so that changes can be
 * followed. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "admin/dirquery.h"
#include "admin/doctor_private.h"
#include "ldapsync/ad_wire.h"

enum { DIRSYNC_MAX_BYTES = 1024 * 1024 };

/* ---- DirSync ([MS-ADTS] 3.1.1.3.4.1.3) ---- */

/* The code of a DirSync search of the naming context that finds nothing. */
static int try_dirsync(struct doctor_server *s, const char *context, uint32_t flags)
{
	const char *const none[] = { LDAP_NO_ATTRS, NULL };
	const struct buf no_cookie = { 0 };
	struct buf value = { 0 };
	LDAPControl control = { .ldctl_oid = (char *)(uintptr_t)AD_CONTROL_DIRSYNC,
				.ldctl_iscritical = 1 };
	const struct dirquery query = { .base = context,
					.scope = LDAP_SCOPE_SUBTREE,
					.attributes = none,
					.filter = "(objectClass=waypostNothing)",
					.control = &control };
	int code;

	ad_encode_dirsync(flags, DIRSYNC_MAX_BYTES, &no_cookie, &value);
	control.ldctl_value = (struct berval){ value.len, value.data };
	code = dirquery(s->ld, s->ctx, &query)->code;
	buf_free(&value);
	return code;
}

/* The account as Windows' tools take it. */
static const char *windows_name(const struct doctor_server *s)
{
	const char *name = s->directory.bind_dn;

	return name != NULL && strpbrk(name, "@\\") != NULL ? name : "DOMAIN\\ACCOUNT";
}

/* "S-1-5-21-…" of a SID ([MS-DTYP] 2.4.2.2), under CTX; null if it is none. */
static const char *sid_text(TALLOC_CTX *ctx, const struct entry_value *sid)
{
	const uint8_t *at = (const uint8_t *)sid->data;
	uint64_t authority = 0;
	char *text;

	if (sid->len < 8 || sid->len != 8 + 4 * (size_t)at[1])
		return NULL;
	for (int i = 2; i < 8; i++)
		authority = authority << 8 | at[i];
	text = talloc_asprintf(ctx, "S-%u-%" PRIu64, at[0], authority);
	for (int i = 0; i < at[1]; i++) {
		const uint8_t *part = at + 8 + 4 * i;

		text = talloc_asprintf_append(text, "-%" PRIu32,
					      (uint32_t)part[3] << 24 | (uint32_t)part[2] << 16 |
						      (uint32_t)part[1] << 8 | part[0]);
	}
	return text;
}

/* The account's own SID: the first of the groups that the server counts it to. */
static const char *own_sid(struct doctor_server *s)
{
	const char *const attributes[] = { "tokenGroups", NULL };
	struct entry *root = dirquery_entry(s->ld, s->ctx, "", attributes, NULL);
	const struct entry_attribute *groups = root != NULL ? entry_find(root, "tokenGroups") : NULL;
	const char *text = groups != NULL && groups->n_values > 0 ?
				   sid_text(s->ctx, &groups->values[0]) :
				   NULL;

	return text != NULL ? text : "SID";
}

static void fix_dirsync(struct doctor_server *s, const char *context)
{
	doctor_fix(s->doctor, "give the account the right \"Replicating Directory Changes\"");
	if (s->kind == KIND_SAMBA)
		doctor_commands(s->doctor,
				"samba-tool dsacl set --action=allow --objectdn='%s' \\\n"
				"  --sddl='(OA;;CR;1131f6aa-9c07-11d1-f79f-00c04fc2dcd2;;%s)'",
				context, own_sid(s));
	else
		doctor_commands(
			s->doctor,
			"dsacls \"%s\" /G \"%s:CA;Replicating Directory Changes\"", context,
			windows_name(s));
}

static void check_context(struct doctor_server *s, const char *context)
{
	int code = try_dirsync(s, context, 0);

	if (code == LDAP_SUCCESS) {
		doctor_say(s->doctor, DOCTOR_OK, "%s: allowed", context);
		return;
	}
	if (try_dirsync(s, context, AD_OBJECT_SECURITY) == LDAP_SUCCESS) {
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
	LDAPControl control = { .ldctl_oid = (char *)(uintptr_t)AD_CONTROL_SHOW_DELETED,
				.ldctl_iscritical = 1 };
	struct dirquery query = { .scope = LDAP_SCOPE_BASE, .attributes = attributes,
				  .control = &control };
	struct dirreply *reply;

	if (s->dse->default_context == NULL)
		return;
	query.base = talloc_asprintf(s->ctx, "CN=Deleted Objects,%s", s->dse->default_context);
	reply = dirquery(s->ld, s->ctx, &query);
	/* Samba shows the container to everybody, and what is in it to few. */
	if (reply->entries.count > 0 && entry_find(reply->entries.items[0], "isDeleted") != NULL) {
		doctor_say(s->doctor, DOCTOR_OK, "can be seen");
		return;
	}
	doctor_say(s->doctor, DOCTOR_NOTE,
		   "cannot be seen (%s): %s, a deletion is found only by comparing everything, every "
		   "10 minutes",
		   reply->code == LDAP_SUCCESS ? "no attributes" : ldap_err2string(reply->code),
		   s->kind == KIND_SAMBA ? "here" : "without DirSync");
	doctor_fix(s->doctor, "let the account list and read them%s",
		   s->kind == KIND_SAMBA ? ", from Windows: samba-tool does not find this object" : "");
	doctor_commands(
		s->doctor,
		"dsacls \"%s\" /takeownership\ndsacls \"%s\" /G \"%s:LCRP\"", query.base,
		query.base, windows_name(s));
}

void doctor_check_notification(struct doctor_server *s)
{
	if (rootdse_has(&s->dse->controls, AD_CONTROL_NOTIFICATION)) {
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
		doctor_commands(s->doctor,
				"ntdsutil \"ldap policies\" connections \"connect to server %s\" quit "
				"\"set maxpagesize to 1000\" \"commit changes\" quit quit",
				s->dse->dns_host_name != NULL ? s->dse->dns_host_name : "DC");
	} else {
		doctor_say(s->doctor, DOCTOR_OK,
			   "MaxPageSize %s%s%s; everything is read in pages and ranges", page,
			   range != NULL ? ", MaxValRange " : "", range != NULL ? range : "");
	}
}
