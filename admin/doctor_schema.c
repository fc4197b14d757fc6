/* The directory doctor: schema and indexes. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/dirquery.h"
#include "admin/doctor_private.h"
#include "topology/attrs.h"

enum { SEARCH_FLAG_INDEX = 1, SCHEMA_MS = 15 * 1000 };

/* ---- which names there have to be ---- */

struct wanted {
	const char *name;
	bool is_found;
};

struct wanted_list {
	struct wanted *items;
	size_t n;
};

static bool is_ours(const char *name)
{
	return strncmp(name, "waypost", strlen("waypost")) == 0;
}

static void add(TALLOC_CTX *ctx, struct wanted_list *list, const char *name)
{
	list->items = talloc_realloc(ctx, list->items, struct wanted, list->n + 1);
	list->items[list->n++] = (struct wanted){ name, false };
}

static void want(TALLOC_CTX *ctx, struct wanted_list *list, const char *name)
{
	if (is_ours(name))
		add(ctx, list, name);
}

static void want_all(TALLOC_CTX *ctx, struct wanted_list *list)
{
	size_t n_types, n_classes;
	const struct attr_type *types = attr_types(&n_types);
	const struct attr_class *classes = attr_classes(&n_classes);

	for (size_t i = 0; i < n_types; i++)
		want(ctx, list, types[i].name);
	for (size_t i = 0; i < n_classes; i++)
		want(ctx, list, classes[i].name);
}

static void find(struct wanted_list *list, const char *name, size_t len)
{
	for (size_t i = 0; i < list->n; i++)
		if (strlen(list->items[i].name) == len &&
		    ascii_equal_n(list->items[i].name, name, len))
			list->items[i].is_found = true;
}

/* The names of a definition: ( OID NAME 'a' … ) or NAME ( 'a' 'b' ) (RFC 4512 §4.1). */
static void find_defined(struct wanted_list *list, const char *definition)
{
	const char *at = strstr(definition, " NAME "), *end;

	if (at == NULL)
		return;
	at += strlen(" NAME ");
	end = *at == '(' ? strchr(at, ')') : at + strlen(at);
	while (at != NULL && (at = strchr(at, '\'')) != NULL && end != NULL && at < end) {
		size_t len = strcspn(++at, "'");

		find(list, at, len);
		if (*end == '\0')
			return;
		at += len + (at[len] != '\0');
	}
}

static void find_attribute(struct wanted_list *list, const struct entry *entry,
			   const char *name,
			   void (*fn)(struct wanted_list *list, const char *value))
{
	const struct entry_attribute *attribute = entry_find(entry, name);

	for (size_t i = 0; attribute != NULL && i < attribute->n_values; i++)
		fn(list, attribute->values[i].data);
}

static void find_whole(struct wanted_list *list, const char *name)
{
	find(list, name, strlen(name));
}

/* ---- what there is ---- */

static int read_subschema(LDAP *ld, TALLOC_CTX *ctx, const char *dn, struct wanted_list *list)
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
	find_attribute(list, reply->entries.items[0], "objectClasses", find_defined);
	find_attribute(list, reply->entries.items[0], "attributeTypes", find_defined);
	return 0;
}

static bool find_entry(void *list, const struct entry *entry)
{
	find_attribute(list, entry, "lDAPDisplayName", find_whole);
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
				  size_t *n_r)
{
	struct wanted_list list = { 0 };
	char *missing = talloc_strdup(ctx, "");
	int rc;

	*n_r = 0;
	want_all(ctx, &list);
	if (dse->schema_context != NULL)
		rc = read_ad_schema(ld, dse->schema_context, &list);
	else
		rc = read_subschema(ld, ctx,
				    dse->subschema != NULL ? dse->subschema : "cn=Subschema",
				    &list);
	for (size_t i = 0; i < list.n; i++)
		if (!list.items[i].is_found)
			missing = talloc_asprintf_append(
				missing, "%s%s", (*n_r)++ > 0 ? ", " : "", list.items[i].name);
	return rc == 0 ? missing : NULL;
}

/* ---- how it is loaded ---- */

static const char *schema_path(TALLOC_CTX *ctx, const char *file)
{
	const char *path = talloc_asprintf(ctx, SCHEMA_FOLDER "/%s", file);

	/* Not installed yet: as the sources have it. */
	return access(path, R_OK) == 0 ? path : talloc_asprintf(ctx, "schema/%s", file);
}

const char *doctor_schema_commands(TALLOC_CTX *ctx, enum doctor_kind kind)
{
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
			"# on the schema master, Samba stopped; BASE being the forest's root\n"
			"sed 's/@BASE@/BASE/' %s >/tmp/waypost-ad.ldif\n"
			"ldbmodify -H /var/lib/samba/private/sam.ldb "
			"--option='dsdb:schema update allowed=true' /tmp/waypost-ad.ldif",
			schema_path(ctx, "waypost-ad.ldif"));
	case KIND_AD:
		return talloc_asprintf(
			ctx,
			"rem on the schema master, as a member of Schema Admins\n"
			"ldifde -i -f waypost-ad.ldif -c \"@BASE@\" \"DC=example,DC=com\"\n"
			"rem the file: %s",
			schema_path(ctx, "waypost-ad.ldif"));
	default:
		return talloc_asprintf(ctx, "ldapadd -Y EXTERNAL -H ldapi:/// -f %s",
				       schema_path(ctx, "waypost.ldif"));
	}
}

/* ---- the check ---- */

void doctor_check_schema(struct doctor_server *s)
{
	struct wanted_list all = { 0 };
	const char *missing;
	size_t n;

	/* What is Microsoft's is not ours to look for. */
	if (s->directory.profile == HOST_PROFILE_EXCHANGE)
		return;
	missing = doctor_missing_schema(s->ld, s->ctx, s->dse, &n);
	want_all(s->ctx, &all);
	if (missing == NULL) {
		doctor_say(s->doctor, DOCTOR_NOTE, "it cannot be seen with this account");
		if (s->kind == KIND_OPENLDAP)
			doctor_fix(s->doctor,
				   "let it: olcAccess: to dn.base=\"cn=Subschema\" by * read");
	} else if (n == 0) {
		doctor_say(s->doctor, DOCTOR_OK,
			   "it has all %zu classes and attributes of Waypost", all.n);
	} else if (n == all.n) {
		doctor_say(s->doctor, DOCTOR_FAILED, "the schema of Waypost is not loaded");
		doctor_fix(s->doctor, "load it");
		doctor_commands(s->doctor, "%s", doctor_schema_commands(s->ctx, s->kind));
	} else {
		doctor_say(s->doctor, DOCTOR_WARNING,
			   "the schema of Waypost is of another version: %zu of %zu "
			   "classes and attributes are missing: %s",
			   n, all.n, missing);
		doctor_fix(
			s->doctor,
			"add the missing definitions; the whole schema is in the file below");
		doctor_commands(s->doctor, "%s", doctor_schema_commands(s->ctx, s->kind));
	}
}

/* ---- indexes ---- */

/* Attributes that the searches of the agent ask by; those of the filter follow. */
static const char *const sync_attributes[] = { "objectClass", "entryUUID", "entryCSN" };

/* The attributes in a filter: (mail=*), (&(a=b)(c>=d)). */
static void want_filter(TALLOC_CTX *ctx, struct wanted_list *list, const char *filter)
{
	for (const char *at = filter; (at = strchr(at, '(')) != NULL;) {
		size_t len = strspn(
			++at,
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");

		if (len == 0 || strchr("=~<>:", at[len]) == NULL || at[len] == '\0')
			continue;
		add(ctx, list, talloc_strndup(ctx, at, len));
	}
}

/* Those of the filter that the server knows: on others there can be no index. */
static void want_known(struct doctor_server *s, struct wanted_list *list)
{
	const char *subschema = s->dse->subschema != NULL ? s->dse->subschema : "cn=Subschema";
	struct wanted_list named = { 0 };

	want_filter(s->ctx, &named, s->directory.filter);
	if (read_subschema(s->ld, s->ctx, subschema, &named) < 0)
		return;
	for (size_t i = 0; i < named.n; i++)
		if (named.items[i].is_found)
			add(s->ctx, list, named.items[i].name);
}

/* "a,b,c eq,sub" of olcDbIndex. */
static void find_index(struct wanted_list *list, const char *value)
{
	const char *end = value + strcspn(value, " \t");

	for (const char *at = value; at < end;) {
		size_t len = strcspn(at, ", \t");

		find(list, at, len);
		at += len + 1;
	}
}

static void say_indexes(struct doctor_server *s, const struct wanted_list *list,
			size_t n_needed,
			const char *(*commands)(struct doctor_server *s, const char *missing))
{
	char *needed = talloc_strdup(s->ctx, ""), *useful = talloc_strdup(s->ctx, "");

	for (size_t i = 0; i < list->n; i++) {
		char **to = i < n_needed ? &needed : &useful;

		if (!list->items[i].is_found)
			*to = talloc_asprintf_append(*to, "%s%s", **to != '\0' ? "," : "",
						     list->items[i].name);
	}
	if (*needed != '\0') {
		doctor_say(s->doctor, DOCTOR_WARNING,
			   "there is no index on %s, so every resumption reads the whole "
			   "database",
			   needed);
		doctor_fix(s->doctor, "add it");
		doctor_commands(s->doctor, "%s", commands(s, needed));
	} else if (*useful != '\0') {
		doctor_say(s->doctor, DOCTOR_NOTE, "there is no index on %s of the filter",
			   useful);
		doctor_fix(s->doctor, "a first synchronisation is not helped by it, and a "
				      "large directory that has "
				      "few recipients is");
		doctor_commands(s->doctor, "%s", commands(s, useful));
	} else {
		doctor_say(s->doctor, DOCTOR_OK, "what the agent asks by is indexed");
	}
}

static const char *openldap_index(struct doctor_server *s, const char *missing)
{
	return talloc_asprintf(s->ctx,
			       "ldapmodify -Y EXTERNAL -H ldapi:/// <<'EOF'\ndn: %s\n"
			       "changetype: modify\nadd: olcDbIndex\nolcDbIndex: %s %s\nEOF",
			       doctor_database(s), missing,
			       strstr(missing, "entry") != NULL ||
					       strstr(missing, "objectClass") != NULL ?
				       "eq" :
				       "pres,eq");
}

static void check_openldap(struct doctor_server *s)
{
	struct wanted_list list = { 0 };

	if (s->database == NULL) {
		doctor_say(s->doctor, DOCTOR_NOTE, "they cannot be seen with this account");
		doctor_fix(s->doctor, "look for objectClass, entryUUID and entryCSN eq in what "
				      "the command below "
				      "prints");
		doctor_commands(s->doctor,
				"ldapsearch -Q -LLL -Y EXTERNAL -H ldapi:/// -b cn=config "
				"'(olcSuffix=*)' olcSuffix olcDbIndex");
		return;
	}
	for (size_t i = 0; i < WP_COUNT(sync_attributes); i++)
		add(s->ctx, &list, sync_attributes[i]);
	want_known(s, &list);
	find_attribute(&list, s->database, "olcDbIndex", find_index);
	say_indexes(s, &list, WP_COUNT(sync_attributes), openldap_index);
}

static const char *ad_index(struct doctor_server *s, const char *missing)
{
	return talloc_asprintf(
		s->ctx, "rem set bit 1 of searchFlags of %s, on the schema master", missing);
}

static bool find_indexed(void *list, const struct entry *entry)
{
	const char *flags = entry_text(entry, "searchFlags");

	if (flags != NULL && (strtol(flags, NULL, 10) & SEARCH_FLAG_INDEX) != 0)
		find_attribute(list, entry, "lDAPDisplayName", find_whole);
	return true;
}

static void check_ad(struct doctor_server *s)
{
	const char *const attributes[] = { "lDAPDisplayName", "searchFlags", NULL };
	struct dirquery query = { .base = s->dse->schema_context,
				  .scope = LDAP_SCOPE_ONELEVEL,
				  .attributes = attributes };
	struct wanted_list list = { 0 };
	char *filter = talloc_strdup(s->ctx, "(|");

	if (query.base == NULL)
		return;
	want_filter(s->ctx, &list, s->directory.filter);
	for (size_t i = 0; i < list.n; i++)
		filter = talloc_asprintf_append(filter, "(lDAPDisplayName=%s)",
						list.items[i].name);
	query.filter = talloc_asprintf_append(filter, ")");
	if (list.n > 0 && dirquery_pages(s->ld, &query, find_indexed, &list) == LDAP_SUCCESS)
		say_indexes(s, &list, 0, ad_index);
}

void doctor_check_indexes(struct doctor_server *s)
{
	if (s->tracker == TRACK_AD)
		check_ad(s);
	else if (s->kind == KIND_OPENLDAP)
		check_openldap(s);
}
