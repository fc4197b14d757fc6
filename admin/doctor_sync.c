/* The directory doctor: whether changes can be followed by RFC 4533, and what cuts a full read.
 */
#include <stdlib.h>

#include "admin/dirquery.h"
#include "admin/doctor_private.h"
#include "ldapsync/syncrepl_ber.h"

enum { READ_MS = 20 * 1000, READ_MOST = 2000000 };

struct sync_scope *doctor_scope(TALLOC_CTX *ctx, const struct host_directory *directory,
				enum part_content content, const struct rootdse *dse,
				struct err *e)
{
	const struct part part = { .directory = directory,
				   .content = content,
				   .title = directory->title };
	const struct sync_contexts contexts = rootdse_contexts(dse);

	return sync_scope_new(ctx, &part, &contexts, e);
}

/* ---- content synchronisation ---- */

static void fix_sync(struct doctor_server *s)
{
	if (s->kind == KIND_OPENLDAP) {
		doctor_fix(s->doctor, "load syncprov and put it over the database%s",
			   s->database == NULL ? ", which may have another number" : "");
		doctor_commands(
			s->doctor,
			"ldapmodify -Y EXTERNAL -H %s <<'EOF'\n"
			"dn: cn=module{0},cn=config\nchangetype: modify\nadd: olcModuleLoad\n"
			"olcModuleLoad: syncprov\n\ndn: olcOverlay=syncprov,%s\nchangetype: "
			"add\n"
			"objectClass: olcOverlayConfig\nobjectClass: olcSyncProvConfig\n"
			"olcOverlay: syncprov\nolcSpCheckpoint: 100 10\nolcSpSessionlog: "
			"10000\nEOF",
			doctor_ldapi(s->uri), doctor_database(s));
	} else if (s->kind == KIND_389) {
		doctor_fix(s->doctor, "enable content synchronisation and the changelog that "
				      "it needs, then restart");
		doctor_commands(
			s->doctor,
			"dsconf INSTANCE plugin retro-changelog enable\n"
			"dsconf INSTANCE plugin retro-changelog set --attribute "
			"nsuniqueid:targetUniqueId\n"
			"dsconf INSTANCE plugin contentsync enable\ndsctl INSTANCE restart");
	} else {
		doctor_fix(s->doctor,
			   "the server has to support content synchronisation, RFC 4533");
	}
}

void doctor_check_sync(struct doctor_server *s)
{
	const char *const none[] = { LDAP_NO_ATTRS, NULL };
	LDAPControl control = { .ldctl_oid = (char *)LDAP_CONTROL_SYNC, .ldctl_iscritical = 1 };
	struct dirquery query = { .base = s->directory.base,
				  .scope = LDAP_SCOPE_BASE,
				  .attributes = none,
				  .control = &control };
	struct buf no_cookie = { 0 }, value = { 0 };
	struct dirreply *reply;

	if (query.base == NULL && s->directory.n_recipients > 0)
		query.base = s->directory.recipients[0];
	if (query.base == NULL)
		return;
	if (!rootdse_has(&s->dse->controls, LDAP_CONTROL_SYNC)) {
		doctor_say(s->doctor, DOCTOR_FAILED,
			   "the server does not offer content synchronisation (RFC 4533)");
		fix_sync(s);
		return;
	}
	syncrepl_encode_request(SYNCREPL_REFRESH_ONLY, &no_cookie, &value);
	control.ldctl_value = (struct berval){ value.len, value.data };
	reply = dirquery(s->ld, s->ctx, &query);
	buf_free(&value);
	if (reply->code == LDAP_SUCCESS) {
		doctor_say(s->doctor, DOCTOR_OK,
			   "changes can be followed by content synchronisation (RFC 4533)");
		return;
	}
	doctor_say(s->doctor, DOCTOR_FAILED, "content synchronisation is refused: %s%s%s",
		   ldap_err2string(reply->code), reply->text[0] != '\0' ? ": " : "",
		   reply->text);
	if (reply->code == LDAP_UNAVAILABLE_CRITICAL_EXTENSION)
		fix_sync(s);
	else
		doctor_offer_access(s);
}

/* ---- limits ---- */

static bool is_limit(int code)
{
	return code == LDAP_SIZELIMIT_EXCEEDED || code == LDAP_TIMELIMIT_EXCEEDED ||
	       code == LDAP_ADMINLIMIT_EXCEEDED;
}

static void fix_limit(struct doctor_server *s)
{
	const char *account = s->account != NULL ? s->account : "ACCOUNT";

	if (s->kind == KIND_389) {
		doctor_fix(s->doctor, "take the limits from the account");
		doctor_commands(
			s->doctor,
			"ldapmodify -D 'cn=Directory Manager' -W -H %s <<'EOF'\ndn: %s\n"
			"changetype: modify\nreplace: nsSizeLimit\nnsSizeLimit: -1\n-\n"
			"replace: nsTimeLimit\nnsTimeLimit: -1\n-\nreplace: "
			"nsLookThroughLimit\n"
			"nsLookThroughLimit: -1\nEOF",
			s->uri->text, account);
		return;
	}
	doctor_fix(s->doctor,
		   "take the limits from the account, and restart slapd if it had other "
		   "olcLimits%s",
		   s->database == NULL ? "; the database may have another number" : "");
	doctor_commands(s->doctor,
			"ldapmodify -Y EXTERNAL -H %s <<'EOF'\ndn: %s\n"
			"changetype: modify\nadd: olcLimits\nolcLimits: {0}%s%s%s "
			"size=unlimited time=unlimited\n"
			"EOF",
			doctor_ldapi(s->uri), doctor_database(s),
			s->directory.bind == HOST_BIND_NONE ? "anonymous" : "dn.exact=\"",
			s->directory.bind == HOST_BIND_NONE ? "" : account,
			s->directory.bind == HOST_BIND_NONE ? "" : "\"");
}

/* The same search that the agent makes, for names only: a limit that would cut that cuts this.
 */
static void count_part(struct doctor_server *s, enum part_content content)
{
	const char *const none[] = { LDAP_NO_ATTRS, NULL };
	struct err e;
	struct sync_scope *scope = doctor_scope(s->ctx, &s->directory, content, s->dse, &e);
	struct dirquery query = { .scope = LDAP_SCOPE_SUBTREE,
				  .attributes = none,
				  .limit_ms = READ_MS };
	size_t count;
	int code;

	if (scope == NULL) {
		doctor_say_error(s->doctor, DOCTOR_FAILED, &e);
		return;
	}
	query.base = scope->base;
	query.filter = scope->filter;
	code = dirquery_count(s->ld, &query, READ_MOST, &count);
	if (code == LDAP_SUCCESS) {
		doctor_say(s->doctor, DOCTOR_OK, "one search gives all %zu entries", count);
	} else if (code == LDAP_TIMEOUT && count > 0) {
		doctor_say(s->doctor, DOCTOR_OK,
			   "one search gives %zu entries and more: what came in %d s", count,
			   READ_MS / 1000);
	} else if (is_limit(code)) {
		doctor_say(s->doctor, DOCTOR_FAILED,
			   "the server ends a search after %zu entries: %s", count,
			   ldap_err2string(code));
		fix_limit(s);
	} else {
		doctor_say(s->doctor, DOCTOR_FAILED, "a search below %s: %s", scope->base,
			   ldap_err2string(code));
	}
}

/* A directory with Microsoft's names is read in two parts, wherever it is. */
void doctor_check_limits(struct doctor_server *s)
{
	if (s->directory.profile == HOST_PROFILE_WAYPOST) {
		count_part(s, PART_ALL);
		return;
	}
	if (s->directory.base != NULL)
		count_part(s, PART_CONFIGURATION);
	if (s->directory.n_recipients > 0)
		count_part(s, PART_RECIPIENTS);
}
