/*
 * The directory doctor: indexes that matter. OpenLDAP and 389 show theirs to few, Active
 * Directory to everybody, in the schema.
 */
#include <stdlib.h>
#include <string.h>

#include "admin/dirquery.h"
#include "admin/doctor_private.h"
#include "admin/doctor_wanted.h"

enum { SEARCH_FLAG_INDEX = 1 };

/* Attributes that the searches of the agent ask by; those of the filter follow. */
static const char *const sync_attributes[] = { "objectClass", "entryUUID", "entryCSN" };

/* Those of the filter that the server knows: on others there can be no index. */
static void want_known(struct doctor_server *s, struct wanted_list *list)
{
	const char *subschema = s->dse->subschema != NULL ? s->dse->subschema : "cn=Subschema";
	struct wanted_list named = { 0 };

	wanted_add_filter(s->ctx, &named, s->directory.filter);
	if (doctor_read_subschema(s->ld, s->ctx, subschema, &named) < 0)
		return;
	for (size_t i = 0; i < named.n; i++)
		if (named.items[i].is_found)
			wanted_add(s->ctx, list, named.items[i].name);
}

/* The first N_NEEDED are asked by all the time; COMMANDS makes what is missing. */
static void say_indexes(struct doctor_server *s, const struct wanted_list *list,
			size_t n_needed,
			const char *(*commands)(struct doctor_server *s, const char *missing))
{
	const char *needed = wanted_text(s->ctx, list, 0, n_needed, false);
	const char *useful = wanted_text(s->ctx, list, n_needed, list->n, false);

	if (*needed != '\0') {
		doctor_say(
			s->doctor, DOCTOR_WARNING,
			"there is no index on %s, so every resumption reads the whole database",
			needed);
		doctor_fix(s->doctor, "add it");
		doctor_commands(s->doctor, "%s", commands(s, needed));
	} else if (*useful != '\0') {
		doctor_say(s->doctor, DOCTOR_NOTE, "there is no index on %s of the filter",
			   useful);
		doctor_fix(s->doctor,
			   "where few entries of a large directory are recipients, one "
			   "makes reading them faster");
		doctor_commands(s->doctor, "%s", commands(s, useful));
	} else {
		doctor_say(s->doctor, DOCTOR_OK, "what the agent asks by is indexed");
	}
}

/* ---- OpenLDAP ---- */

/* "a,b,c eq,sub" of olcDbIndex. */
static void find_index(struct wanted_list *list, const char *value)
{
	const char *end = value + strcspn(value, " \t");

	for (const char *at = value; at < end;) {
		size_t len = strcspn(at, ", \t");

		wanted_find(list, at, len);
		at += len + 1;
	}
}

static const char *openldap_index(struct doctor_server *s, const char *missing)
{
	bool is_presence =
		strstr(missing, "entry") == NULL && strstr(missing, "objectClass") == NULL;

	return talloc_asprintf(s->ctx,
			       "ldapmodify -Y EXTERNAL -H %s <<'EOF'\ndn: %s\n"
			       "changetype: modify\nadd: olcDbIndex\nolcDbIndex: %s %s\nEOF",
			       doctor_ldapi(s->uri), doctor_database(s), missing, is_presence ? "pres,eq" : "eq");
}

static void check_openldap(struct doctor_server *s)
{
	struct wanted_list list = { 0 };

	if (s->database == NULL) {
		doctor_say(s->doctor, DOCTOR_NOTE, "they cannot be seen with this account");
		doctor_fix(s->doctor,
			   "look for objectClass, entryUUID and entryCSN eq in what the "
			   "command below prints");
		doctor_commands(s->doctor,
				"ldapsearch -Q -LLL -Y EXTERNAL -H %s -b cn=config "
				"'(olcSuffix=*)' olcSuffix olcDbIndex", doctor_ldapi(s->uri));
		return;
	}
	for (size_t i = 0; i < WP_COUNT(sync_attributes); i++)
		wanted_add(s->ctx, &list, sync_attributes[i]);
	want_known(s, &list);
	wanted_find_values(&list, s->database, "olcDbIndex", find_index);
	say_indexes(s, &list, WP_COUNT(sync_attributes), openldap_index);
}

/* ---- 389 Directory Server: what it asks itself by is always indexed ---- */

static const char *index_389(struct doctor_server *s, const char *missing)
{
	char *text = talloc_strdup(s->ctx, "dsconf INSTANCE backend index add --index-type eq "
					   "--index-type pres --reindex");

	for (const char *at = missing; *at != '\0';
	     at += strcspn(at, ",") + (strchr(at, ',') != NULL))
		text = talloc_asprintf_append(text, " --attr %.*s", (int)strcspn(at, ","), at);
	return talloc_asprintf_append(text, " userRoot");
}

static void check_389(struct doctor_server *s)
{
	const char *const attributes[] = { "cn", NULL };
	const struct dirquery query = { .base = "cn=ldbm database,cn=plugins,cn=config",
					.scope = LDAP_SCOPE_SUBTREE,
					.filter = "(objectClass=nsIndex)",
					.attributes = attributes };
	struct dirreply *reply = dirquery(s->ld, s->ctx, &query);
	struct wanted_list list = { 0 };

	if (reply->entries.count == 0) {
		doctor_say(s->doctor, DOCTOR_NOTE, "they cannot be seen with this account");
		doctor_fix(s->doctor,
			   "look for the attributes of the filter in what the command "
			   "below prints");
		doctor_commands(s->doctor, "dsconf INSTANCE backend index list userRoot");
		return;
	}
	want_known(s, &list);
	for (size_t i = 0; i < reply->entries.count; i++)
		wanted_find_values(&list, reply->entries.items[i], "cn", wanted_find_name);
	say_indexes(s, &list, 0, index_389);
}

/* ---- Active Directory ---- */

/* An attribute of the filter that is there without an index, with what gives it one. */
struct unindexed {
	char *names, *commands;
};

static bool judge_flags(void *arg, const struct entry *entry)
{
	struct unindexed *found = arg;
	const char *text = entry_text(entry, "searchFlags");
	const char *name = entry_text(entry, "lDAPDisplayName");
	long flags = text != NULL ? strtol(text, NULL, 10) : 0;

	if ((flags & SEARCH_FLAG_INDEX) != 0 || name == NULL)
		return true;
	found->names = talloc_asprintf_append(found->names, "%s%s",
					      *found->names != '\0' ? ", " : "", name);
	found->commands =
		talloc_asprintf_append(found->commands,
				       "dn: %s\nchangetype: modify\nreplace: searchFlags\n"
				       "searchFlags: %ld\n\n",
				       entry->dn, flags | SEARCH_FLAG_INDEX);
	return true;
}

static void check_ad(struct doctor_server *s)
{
	const char *const attributes[] = { "lDAPDisplayName", "searchFlags", NULL };
	struct unindexed found = { talloc_strdup(s->ctx, ""), talloc_strdup(s->ctx, "") };
	char *filter = talloc_strdup(s->ctx, "(|");
	struct wanted_list list = { 0 };
	struct dirquery query = { .base = s->dse->schema_context,
				  .scope = LDAP_SCOPE_ONELEVEL,
				  .attributes = attributes };

	wanted_add_filter(s->ctx, &list, s->directory.filter);
	for (size_t i = 0; i < list.n; i++)
		filter = talloc_asprintf_append(filter, "(lDAPDisplayName=%s)",
						list.items[i].name);
	query.filter = talloc_asprintf_append(filter, ")");
	if (query.base == NULL || list.n == 0 ||
	    dirquery_pages(s->ld, &query, judge_flags, &found) != LDAP_SUCCESS)
		return;
	if (*found.names == '\0') {
		doctor_say(s->doctor, DOCTOR_OK, "the attributes of the filter are indexed");
		return;
	}
	doctor_say(s->doctor, DOCTOR_NOTE, "there is no index on %s of the filter",
		   found.names);
	doctor_fix(s->doctor,
		   "where few entries of a large directory are recipients, one makes "
		   "reading them faster; these changes are made on the schema master");
	doctor_commands(s->doctor, "%s", found.commands);
}

void doctor_check_indexes(struct doctor_server *s)
{
	if (s->tracker == TRACK_AD)
		check_ad(s);
	else if (s->kind == KIND_OPENLDAP)
		check_openldap(s);
	else if (s->kind == KIND_389)
		check_389(s);
}
