/* The directory doctor: whether the account may read what it has to, and what it then finds. */
#include <stdlib.h>
#include <string.h>

#include "admin/dirquery.h"
#include "admin/doctor_private.h"
#include "admin/survey.h"
#include "common/cert.h"
#include "common/dn.h"
#include "topology/recipient.h"

/* ---- fixes ---- */

/* Who the account is in a rule: `dn.exact="…"` or `anonymous`. */
static const char *who(const struct doctor_server *s)
{
	if (s->directory.bind == HOST_BIND_NONE)
		return "anonymous";
	return talloc_asprintf(s->ctx, "dn.exact=\"%s\"",
			       s->account != NULL ? s->account : "ACCOUNT");
}

/* Without --force it refuses to begin where there is a host file, as there is here. */
static const char *init_anew(const struct doctor_server *s)
{
	return talloc_asprintf(s->ctx, "waypost init --create --force --config %s",
			       s->doctor->host->path);
}

static void offer_openldap_access(struct doctor_server *s)
{
	doctor_fix(s->doctor, "let the account read everything but passwords, without limits%s",
		   s->database == NULL ? "; the database may have another number" : "");
	doctor_commands(s->doctor,
			"ldapmodify -Y EXTERNAL -H %s <<'EOF'\ndn: %s\n"
			"changetype: modify\nadd: olcAccess\n"
			"olcAccess: {0}to attrs=userPassword by %s auth by * break\n"
			"olcAccess: {1}to * by %s read by * break\n-\n"
			"add: olcLimits\nolcLimits: {0}%s size=unlimited time=unlimited\nEOF",
			doctor_ldapi(s->uri), doctor_database(s), who(s), who(s), who(s));
}

static const char *suffix(const struct doctor_server *s)
{
	const char *base = s->directory.base != NULL ? s->directory.base : "";
	const char *context = doctor_context_of(s->ctx, s->dse, base);

	return context != NULL ? context : "SUFFIX";
}

static void offer_389_access(struct doctor_server *s)
{
	doctor_fix(s->doctor, "let the account read everything below the suffix but passwords");
	doctor_commands(s->doctor,
			"ldapmodify -D 'cn=Directory Manager' -W -H %s <<'EOF'\ndn: %s\n"
			"changetype: modify\nadd: aci\naci: (targetattr!=\"userPassword\")(version 3.0; "
			"acl \"Waypost\"; "
			"allow (read,search,compare) userdn=\"ldap:///%s\";)\nEOF",
			s->uri->text, suffix(s), s->account != NULL ? s->account : "anyone");
}

void doctor_offer_access(struct doctor_server *s)
{
	if (s->has_offered_access)
		doctor_fix(s->doctor, "let the account read it, by the fix above");
	else if (s->kind == KIND_OPENLDAP)
		offer_openldap_access(s);
	else if (s->kind == KIND_389)
		offer_389_access(s);
	else
		doctor_fix(s->doctor,
			   "let the account read it (delegate Read on its container)");
	s->has_offered_access = true;
}

/* ---- base ---- */

static void say_unreadable(struct doctor_server *s, const char *dn, int code)
{
	if (code == LDAP_NO_SUCH_OBJECT || code == LDAP_SUCCESS)
		doctor_say(s->doctor, DOCTOR_FAILED,
			   "%s is not there, or the account may not see it", dn);
	else
		doctor_say(s->doctor, DOCTOR_FAILED, "%s: %s", dn, ldap_err2string(code));
	if (code == LDAP_TIMEOUT) {
		doctor_fix(s->doctor,
			   "the server takes connections and does not answer: look at its log");
		s->has = 0;
		return;
	}
	if (code == LDAP_FILTER_ERROR || code == LDAP_INVALID_DN_SYNTAX) {
		doctor_fix(s->doctor, "correct %s in the host file",
			   code == LDAP_FILTER_ERROR ? "filter" : "this DN");
		return;
	}
	doctor_offer_access(s);
	if (code == LDAP_NO_SUCH_OBJECT)
		doctor_fix(s->doctor,
			   "correct it in the host file, or make it and write that file anew: %s; if "
			   "it is there, let the account read it", init_anew(s));
}

/* How many of WHAT; few is nothing to be silent about. */
static void count(struct doctor_server *s, enum survey_what what, enum doctor_severity if_none)
{
	struct survey_row row;

	survey_take(s->ld, s->ctx, &s->directory, s->dse->configuration_context, what, &row);
	if (row.code != LDAP_SUCCESS) {
		doctor_say(s->doctor, DOCTOR_FAILED, "%s: %s", survey_label(what),
			   ldap_err2string(row.code));
		doctor_offer_access(s);
	} else if (row.count == 0) {
		doctor_say(s->doctor, if_none,
			   "there are no %s, or the account may not see them",
			   survey_label(what));
		if (if_none != DOCTOR_OK)
			doctor_fix(s->doctor, "add some, or let the account read them%s%s",
				   s->directory.profile == HOST_PROFILE_EXCHANGE ?
					   "" :
					   "; what makes a first site with this server, and "
					   "the host file anew: ",
				   s->directory.profile == HOST_PROFILE_EXCHANGE ? "" : init_anew(s));
	} else {
		doctor_say(s->doctor, DOCTOR_OK, "%zu%s %.*s", row.count,
			   row.is_cut ? " or more" : "",
			   (int)strlen(survey_label(what)) - (row.count == 1),
			   survey_label(what));
	}
}

static void judge_base(struct doctor_server *s, const struct entry *base)
{
	if (s->directory.profile == HOST_PROFILE_WAYPOST &&
	    !entry_has_class(base, "waypostOrganization")) {
		doctor_say(s->doctor, DOCTOR_FAILED, "%s is no waypostOrganization", base->dn);
		doctor_fix(s->doctor, "name the organisation's entry as base, or make one, and the "
				      "host file anew: %s", init_anew(s));
		return;
	}
	s->has |= HAS_BASE;
	doctor_say(s->doctor, DOCTOR_OK, "%s can be read", base->dn);
	/* 389-ds has ids of its own. */
	if (s->tracker == TRACK_SYNC && s->kind != KIND_389 && entry_uuid_is_null(&base->uuid)) {
		doctor_say(s->doctor, DOCTOR_WARNING,
			   "entryUUID cannot be read, so commands that read this "
			   "directory themselves take a renamed entry for a new one");
		doctor_offer_access(s);
	}
	count(s, SURVEY_SITES, DOCTOR_WARNING);
	count(s, SURVEY_SERVERS, DOCTOR_WARNING);
}

void doctor_check_base(struct doctor_server *s)
{
	const char *const attributes[] = { "objectClass", "entryUUID", "objectGUID", NULL };
	const char *dn = s->directory.base;
	struct entry *base;
	int code;

	if (dn == NULL) {
		s->has |= HAS_BASE;
		return;
	}
	base = dirquery_entry(s->ld, s->ctx, dn, attributes, &code);
	if (base == NULL)
		say_unreadable(s, dn, code);
	else if (entry_find(base, "objectClass") == NULL) {
		doctor_say(s->doctor, DOCTOR_FAILED,
			   "%s is there, but its attributes may not be read", dn);
		doctor_offer_access(s);
	} else {
		judge_base(s, base);
	}
}

/* ---- recipients ---- */

/* Whether ENTRY shows anything that a recipient has: who may search may not have the right to
 * read. */
static bool has_address(const struct entry *entry)
{
	const char *const *names = recipient_attributes();

	for (size_t i = 0; names[i] != NULL; i++)
		if (entry_find(entry, names[i]) != NULL)
			return true;
	return false;
}

static void check_recipients_at(struct doctor_server *s, const char *dn)
{
	const struct dirquery query = { .base = dn,
					.scope = LDAP_SCOPE_SUBTREE,
					.filter = s->directory.filter,
					.size_limit = 1,
					.attributes = recipient_attributes() };
	struct dirreply *reply = dirquery(s->ld, s->ctx, &query);

	if (reply->code != LDAP_SUCCESS && reply->code != LDAP_SIZELIMIT_EXCEEDED) {
		say_unreadable(s, dn, reply->code);
	} else if (reply->entries.count == 0) {
		doctor_say(s->doctor, DOCTOR_WARNING,
			   "%s has no entry that matches %s, or the account may not "
			   "see them",
			   dn, s->directory.filter);
		doctor_offer_access(s);
		doctor_fix(s->doctor,
			   "correct recipients or filter in the host file, add people "
			   "there, or let the account read them");
	} else if (!has_address(reply->entries.items[0])) {
		doctor_say(s->doctor, DOCTOR_FAILED,
			   "%s may be searched, but the addresses there may not be read", dn);
		doctor_offer_access(s);
	} else {
		doctor_say(s->doctor, DOCTOR_OK, "%s can be read", dn);
	}
}

void doctor_check_recipients(struct doctor_server *s)
{
	for (size_t i = 0; i < s->directory.n_recipients && (s->has & HAS_BIND) != 0; i++)
		check_recipients_at(s, s->directory.recipients[i]);
	if (s->directory.n_recipients > 0)
		return;
	doctor_say(s->doctor, DOCTOR_NOTE,
		   "the host file names no recipients, so none are read from here");
	doctor_fix(s->doctor,
		   "name the entry above people and groups: recipients = {\"ou=People,…\"}");
}

/* ---- this host ---- */

static struct entry *find_self(struct doctor_server *s, int *code_r)
{
	const struct hostfile *host = s->doctor->host;
	const char *const attributes[] = { "waypostRole", "waypostServerState",
					   "waypostCertificateHash", NULL };
	const char *name = host->server != NULL ? host->server : host->fqdn;
	struct dirquery query = { .base = s->directory.base,
				  .scope = LDAP_SCOPE_SUBTREE,
				  .attributes = attributes };
	struct dirreply *reply;

	query.filter = talloc_asprintf(
		s->ctx, "(&(objectClass=%s)(%s=%s))", survey_server_class(s->directory.profile),
		host->server != NULL ? "cn" : "waypostFqdn", dirquery_escape(s->ctx, name));
	reply = dirquery(s->ld, s->ctx, &query);
	*code_r = reply->code;
	return reply->entries.count == 1 ? reply->entries.items[0] : NULL;
}

/* Whether other servers can know this host by its certificate. */
static void judge_certificate(struct doctor_server *s, const struct entry *self)
{
	struct cert_pair pair = { 0 };
	char *cert_path, *key_path;
	struct err ignored;

	cert_paths(s->doctor->host, &cert_path, &key_path);
	if (cert_load(cert_path, NULL, &pair, &ignored) == 0 &&
	    entry_has_text(self, "waypostCertificateHash", pair.hash)) {
		doctor_say(s->doctor, DOCTOR_OK, "its certificate is published");
	} else {
		doctor_say(s->doctor, DOCTOR_WARNING,
			   "the certificate of this host is not published, so other "
			   "servers do not trust it");
		doctor_fix(s->doctor, "publish it with an account that may write");
		doctor_commands(s->doctor,
				"waypost --config %s config certificate\n"
				"waypost --config %s server publish-certificate -D DN -W",
				s->doctor->host->path, s->doctor->host->path);
	}
	cert_fini(&pair);
	free(cert_path);
	free(key_path);
}

static void judge_self(struct doctor_server *s, const struct entry *self)
{
	const char *state = entry_text(self, "waypostServerState");

	if (!entry_has_text(self, "waypostRole", "hub") && !entry_has_text(self, "waypostRole", "edge")) {
		doctor_say(s->doctor, DOCTOR_FAILED,
			   "%s is neither hub nor edge, so it takes no mail", self->dn);
		doctor_fix(s->doctor, "give it the role");
		doctor_commands(
			s->doctor,
			"ldapmodify -x -D DN -W -H %s <<'EOF'\ndn: %s\nchangetype: modify\n"
			"add: waypostRole\nwaypostRole: hub\nEOF",
			s->uri->text, self->dn);
		return;
	}
	if (state != NULL && ascii_equal(state, "disabled")) {
		doctor_say(s->doctor, DOCTOR_WARNING,
			   "%s is disabled in the directory, so it takes no mail", self->dn);
		doctor_fix(s->doctor, "set its waypostServerState to active");
	} else {
		doctor_say(s->doctor, DOCTOR_OK, "it is %s", self->dn);
	}
	judge_certificate(s, self);
}

void doctor_check_self(struct doctor_server *s)
{
	const struct hostfile *host = s->doctor->host;
	const char *name = host->server != NULL ? host->server : host->fqdn;
	struct entry *self;
	int code;

	/* Exchange's objects have none of what is asked here. */
	if (s->directory.base == NULL || s->directory.profile == HOST_PROFILE_EXCHANGE)
		return;
	self = find_self(s, &code);
	if (self != NULL) {
		judge_self(s, self);
		return;
	}
	doctor_say(s->doctor, DOCTOR_FAILED,
		   "the directory has no server %s, so this host takes no mail", name);
	doctor_fix(s->doctor,
		   "correct server = \"…\" in the host file, or add it, and write that file anew: "
		   "%s --server %s", init_anew(s), name);
}
