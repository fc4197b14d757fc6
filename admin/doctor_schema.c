/* The directory doctor: the schema. */
#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>

#include "admin/dirquery.h"
#include "admin/doctor_private.h"
#include "admin/doctor_wanted.h"
#include "topology/attrs.h"

enum { SCHEMA_MS = 15 * 1000 };

/* ---- which names there have to be ---- */

/* Active Directory has objects of its own for these. */
static const char *const foreign_in_ad[] = { "waypostSite", "waypostSiteLink",
					     "waypostSubnet" };

static bool is_wanted(const struct attr_class *class, bool is_ad)
{
	for (size_t i = 0; is_ad && i < WP_COUNT(foreign_in_ad); i++)
		if (strcmp(class->name, foreign_in_ad[i]) == 0)
			return false;
	return true;
}

static void want(TALLOC_CTX *ctx, struct wanted_list *list, const char *name)
{
	bool is_known = strncmp(name, "waypost", strlen("waypost")) != 0; /* cn, description */

	for (size_t i = 0; i < list->n && !is_known; i++)
		is_known = strcmp(list->items[i].name, name) == 0;
	if (!is_known)
		wanted_add(ctx, list, name);
}

/* The classes, and the attributes that they use. */
static void want_all(TALLOC_CTX *ctx, struct wanted_list *list, bool is_ad)
{
	size_t n;
	const struct attr_class *classes = attr_classes(&n);

	for (size_t i = 0; i < n; i++) {
		if (!is_wanted(&classes[i], is_ad))
			continue;
		want(ctx, list, classes[i].name);
		for (size_t j = 0; j < classes[i].n_uses; j++)
			want(ctx, list, classes[i].uses[j].attribute);
	}
}

/* ---- what there is ---- */

int doctor_read_subschema(LDAP *ld, TALLOC_CTX *ctx, const char *dn, struct wanted_list *list)
{
	const char *const attributes[] = { "objectClasses", "attributeTypes", NULL };
	const struct dirquery query = { .base = dn,
					.scope = LDAP_SCOPE_BASE,
					.attributes = attributes,
					.filter = "(objectClass=subschema)",
					.limit_ms = SCHEMA_MS };
	struct dirreply *reply = dirquery(ld, ctx, &query);

	if (reply->entries.count == 0)
		return -1;
	wanted_find_values(list, reply->entries.items[0], "objectClasses", wanted_find_defined);
	wanted_find_values(list, reply->entries.items[0], "attributeTypes",
			   wanted_find_defined);
	return 0;
}

static bool find_entry(void *list, const struct entry *entry)
{
	wanted_find_values(list, entry, "lDAPDisplayName", wanted_find_name);
	return true;
}

static int read_ad_schema(LDAP *ld, const char *dn, struct wanted_list *list)
{
	const char *const attributes[] = { "lDAPDisplayName", NULL };
	const struct dirquery query = { .base = dn,
					.scope = LDAP_SCOPE_ONELEVEL,
					.attributes = attributes,
					.filter = "(lDAPDisplayName=waypost*)",
					.limit_ms = SCHEMA_MS };

	return dirquery_pages(ld, &query, find_entry, list) == LDAP_SUCCESS ? 0 : -1;
}

const char *doctor_missing_schema(LDAP *ld, TALLOC_CTX *ctx, const struct rootdse *dse,
				  size_t *missing_r, size_t *all_r)
{
	const char *subschema = dse->subschema != NULL ? dse->subschema : "cn=Subschema";
	bool is_ad = dse->schema_context != NULL;
	struct wanted_list list = { 0 };
	int rc;

	want_all(ctx, &list, is_ad);
	rc = is_ad ? read_ad_schema(ld, dse->schema_context, &list) :
		     doctor_read_subschema(ld, ctx, subschema, &list);
	*all_r = list.n;
	*missing_r = 0;
	for (size_t i = 0; i < list.n; i++)
		*missing_r += !list.items[i].is_found;
	return rc == 0 ? wanted_text(ctx, &list, 0, list.n, false) : NULL;
}

/* ---- how it is loaded ---- */

static const char *schema_path(TALLOC_CTX *ctx, const char *file)
{
	const char *path = talloc_asprintf(ctx, SCHEMA_FOLDER "/%s", file);

	/* Not installed yet: as the sources have it. */
	return access(path, R_OK) == 0 ? path : talloc_asprintf(ctx, "schema/%s", file);
}

const char *doctor_ldapi(const struct host_uri *uri)
{
	return uri->scheme == HOST_LDAPI ? uri->text : "ldapi:///";
}

const char *doctor_schema_commands(TALLOC_CTX *ctx, enum doctor_kind kind,
				   const struct host_uri *uri, const struct rootdse *dse)
{
	const char *root = dse->root_domain_context != NULL ? dse->root_domain_context :
							      "DC=example,DC=com";

	switch (kind) {
	case KIND_389:
		return talloc_asprintf(
			ctx,
			"cp %s /etc/dirsrv/slapd-INSTANCE/schema/98waypost.ldif\n"
			"dsconf INSTANCE schema reload",
			schema_path(ctx, "waypost-389ds.ldif"));
	case KIND_SAMBA:
		return talloc_asprintf(
			ctx,
			"# on the schema master, Samba stopped\n"
			"sed 's/DC=X/%s/' %s | csplit -sz -f /tmp/waypost-ad. - '/^dn:$/' '{*}'\n"
			"for part in /tmp/waypost-ad.??; do\n"
			"  ldbmodify -H /var/lib/samba/private/sam.ldb "
			"--option='dsdb:schema update allowed=true' $part\n"
			"done",
			root, schema_path(ctx, "waypost-ad.ldif"));
	case KIND_AD:
		return talloc_asprintf(
			ctx,
			"rem on the schema master, as a member of Schema Admins\n"
			"ldifde -i -f waypost-ad.ldif -c \"DC=X\" \"%s\"\n"
			"rem the file: %s",
			root, schema_path(ctx, "waypost-ad.ldif"));
	default:
		return talloc_asprintf(ctx, "ldapadd -Y EXTERNAL -H %s -f %s", doctor_ldapi(uri),
				       schema_path(ctx, "waypost.ldif"));
	}
}

/* ---- the check ---- */

void doctor_check_schema(struct doctor_server *s)
{
	const char *missing;
	size_t n, all;

	/* What is Microsoft's is not ours to look for. */
	if (s->directory.profile == HOST_PROFILE_EXCHANGE)
		return;
	missing = doctor_missing_schema(s->ld, s->ctx, s->dse, &n, &all);
	if (missing == NULL) {
		doctor_say(s->doctor, DOCTOR_NOTE, "it cannot be seen with this account");
		if (s->kind == KIND_OPENLDAP)
			doctor_fix(s->doctor,
				   "let it: olcAccess: to dn.base=\"cn=Subschema\" by * read");
	} else if (n == 0) {
		doctor_say(s->doctor, DOCTOR_OK,
			   "it has all %zu classes and attributes of Waypost", all);
	} else if (n == all) {
		doctor_say(s->doctor, DOCTOR_FAILED, "the schema of Waypost is not loaded");
		doctor_fix(s->doctor, "load it");
		doctor_commands(s->doctor, "%s",
				doctor_schema_commands(s->ctx, s->kind, s->uri, s->dse));
	} else {
		doctor_say(s->doctor, DOCTOR_WARNING,
			   "the schema of Waypost is of another version: %zu of %zu "
			   "classes and attributes are missing: %s",
			   n, all, missing);
		doctor_fix(
			s->doctor,
			"add the missing definitions; the whole schema is in the file below");
		doctor_commands(s->doctor, "%s",
				doctor_schema_commands(s->ctx, s->kind, s->uri, s->dse));
	}
}
