/* The directory doctor: what kind of server it is, and what its clock says. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin/dirquery.h"
#include "admin/doctor_private.h"
#include "common/clock.h"
#include "common/dn.h"
#include "topology/profile.h"

enum { SKEW_KERBEROS_S = 300, SKEW_NOTED_S = 60 };

enum doctor_kind doctor_kind_of(const struct rootdse *dse)
{
	if (rootdse_has(&dse->classes, "OpenLDAProotDSE"))
		return KIND_OPENLDAP;
	if (rootdse_is_389(dse))
		return KIND_389;
	if (!rootdse_has(&dse->capabilities, ROOTDSE_ACTIVE_DIRECTORY))
		return KIND_UNKNOWN;
	return dse->vendor_name != NULL && strncmp(dse->vendor_name, "Samba", 5) == 0 ?
		       KIND_SAMBA :
		       KIND_AD;
}

/* ---- cn=config of OpenLDAP ---- */

/* The database that holds the base, as far as the account may see it. */
static struct entry *find_database(struct doctor_server *s)
{
	const char *const attributes[] = { "olcSuffix", "olcDbIndex", "olcLimits",
					   "olcSizeLimit", NULL };
	const struct dirquery query = { .base = "cn=config",
					.scope = LDAP_SCOPE_ONELEVEL,
					.filter = "(olcSuffix=*)",
					.attributes = attributes };
	const char *base = s->directory.base != NULL ? s->directory.base : "";
	struct dirreply *reply = dirquery(s->ld, s->ctx, &query);
	char *key = dn_key(s->ctx, base);
	struct entry *best = NULL;
	size_t longest = 0;

	for (size_t i = 0; i < reply->entries.count && key != NULL; i++) {
		struct entry *entry = reply->entries.items[i];
		const char *suffix = entry_text(entry, "olcSuffix");
		char *suffix_key = suffix != NULL ? dn_key(s->ctx, suffix) : NULL;

		if (suffix_key == NULL || !dn_key_is_under(key, suffix_key) ||
		    strlen(suffix_key) < longest)
			continue;
		best = entry;
		longest = strlen(suffix_key);
	}
	return best;
}

const char *doctor_database(const struct doctor_server *s)
{
	return s->database != NULL ? s->database->dn : "olcDatabase={1}mdb,cn=config";
}

const char *doctor_context_of(TALLOC_CTX *ctx, const struct rootdse *dse, const char *dn)
{
	char *key = dn_key(ctx, dn);
	const char *best = NULL;

	for (size_t i = 0; i < dse->naming_contexts.count && key != NULL; i++) {
		const char *context = dse->naming_contexts.values[i];
		char *context_key = dn_key(ctx, context);

		if (context_key != NULL && dn_key_is_under(key, context_key) &&
		    (best == NULL || strlen(context) > strlen(best)))
			best = context;
	}
	return best;
}

/* The profile's filter, where the host file has none. */
static const char *usual_filter(TALLOC_CTX *ctx, const struct host_directory *directory)
{
	struct err ignored;
	struct profile *profile = profile_new(ctx, directory->profile, directory->assume,
					      directory->n_assume, &ignored);

	return profile != NULL ? profile_recipient_filter(profile) : "(mail=*)";
}

void doctor_complete(TALLOC_CTX *ctx, struct host_directory *directory,
		     const struct rootdse *dse)
{
	const char **recipients = talloc_zero_array(ctx, const char *, 1);

	if (directory->filter == NULL)
		directory->filter = usual_filter(ctx, directory);
	if (directory->base == NULL && directory->profile != HOST_PROFILE_WAYPOST)
		directory->base = dse->configuration_context;
	/* What another server calls its default is nobody's people: 389-ds may name its changelog. */
	if (directory->n_recipients > 0 || directory->profile == HOST_PROFILE_WAYPOST ||
	    dse->default_context == NULL)
		return;
	recipients[0] = dse->default_context;
	directory->recipients = recipients;
	directory->n_recipients = 1;
}

/* ---- kind ---- */

static const char *openldap_version(struct doctor_server *s)
{
	const char *const attributes[] = { "monitoredInfo", NULL };
	struct entry *entry = NULL;

	if (s->dse->monitor_context != NULL)
		entry = dirquery_entry(s->ld, s->ctx, s->dse->monitor_context, attributes,
				       NULL);
	return entry != NULL ? entry_text(entry, "monitoredInfo") : NULL;
}

static const char *domain_text(struct doctor_server *s)
{
	const struct rootdse *dse = s->dse;

	return talloc_asprintf(s->ctx, "%s%s%s, domain %s",
			       dse->dns_host_name != NULL ? dse->dns_host_name : "",
			       dse->functionality != NULL ? ", functional level " : "",
			       dse->functionality != NULL ? dse->functionality : "",
			       dse->default_context != NULL ? dse->default_context : "?");
}

static void say_kind(struct doctor_server *s)
{
	const char *version = s->dse->vendor_version != NULL ? s->dse->vendor_version : "";

	switch (s->kind) {
	case KIND_OPENLDAP:
		version = openldap_version(s);
		doctor_say(s->doctor, DOCTOR_OK, "%s",
			   version != NULL ? version :
					     "OpenLDAP, which does not "
					     "tell its version");
		break;
	case KIND_389:
		doctor_say(s->doctor, DOCTOR_OK, "%s",
			   *version != '\0' ? version : "389 Directory Server");
		break;
	case KIND_SAMBA:
		doctor_say(s->doctor, DOCTOR_OK, "Samba %s: %s", version, domain_text(s));
		break;
	case KIND_AD:
		doctor_say(s->doctor, DOCTOR_OK, "Active Directory: %s", domain_text(s));
		break;
	case KIND_UNKNOWN:
		doctor_say(s->doctor, DOCTOR_NOTE,
			   "%s %s, which Waypost has not been tried with",
			   s->dse->vendor_name != NULL ? s->dse->vendor_name :
							 "a directory server",
			   version);
		break;
	}
}

void doctor_check_kind(struct doctor_server *s)
{
	if (s->kind == KIND_OPENLDAP)
		s->database = find_database(s);
	say_kind(s);
	if (s->dse->is_synchronized != NULL && strcmp(s->dse->is_synchronized, "FALSE") == 0) {
		doctor_say(s->doctor, DOCTOR_FAILED,
			   "this domain controller has not finished its first "
			   "replication");
		doctor_fix(s->doctor, "wait for it, or look at its replication");
		doctor_commands(s->doctor,
				"repadmin /showrepl    (Samba: samba-tool drs showrepl)");
	}
}

/* ---- clock ---- */

/* GeneralizedTime, "20260131123456.0Z" or "20260131123456Z"; 0 if it is none. */
static time_t parse_time(const char *text)
{
	struct tm tm = { .tm_isdst = 0 };
	const char *end = text != NULL ? strptime(text, "%Y%m%d%H%M%S", &tm) : NULL;

	return end != NULL && strchr(end, 'Z') != NULL ? timegm(&tm) : 0;
}

/* What the server says the time is, or null. */
static const char *server_time(struct doctor_server *s)
{
	const char *const monitor[] = { "monitorTimestamp", NULL }, *const plain[] = {
		"currenttime", NULL
	};
	struct entry *entry = NULL;
	const char *dn;

	if (s->dse->current_time != NULL)
		return s->dse->current_time;
	if (s->kind == KIND_389) {
		entry = dirquery_entry(s->ld, s->ctx, "cn=monitor", plain, NULL);
		return entry != NULL ? entry_text(entry, "currenttime") : NULL;
	}
	if (s->dse->monitor_context == NULL)
		return NULL;
	dn = talloc_asprintf(s->ctx, "cn=Current,cn=Time,%s", s->dse->monitor_context);
	entry = dirquery_entry(s->ld, s->ctx, dn, monitor, NULL);
	return entry != NULL ? entry_text(entry, "monitorTimestamp") : NULL;
}

/* Without a clock to be read: the last change cannot lie in the future. */
static void guess_clock(struct doctor_server *s)
{
	const char *const attributes[] = { "contextCSN", NULL };
	size_t n = s->dse->naming_contexts.count;
	struct entry *entry =
		n > 0 ? dirquery_entry(s->ld, s->ctx, s->dse->naming_contexts.values[0],
				       attributes, NULL) :
			NULL;
	const char *csn = entry != NULL ? entry_text(entry, "contextCSN") : NULL;
	time_t last = parse_time(csn), now = (time_t)(clock_wall_ms() / 1000);

	if (last > now + SKEW_NOTED_S) {
		doctor_say(s->doctor, DOCTOR_WARNING,
			   "its last change lies %lld s in the future: its clock or "
			   "this host's is wrong",
			   (long long)(last - now));
		doctor_fix(s->doctor,
			   "keep both by a time service (chrony, systemd-timesyncd)");
	} else {
		doctor_say(s->doctor, DOCTOR_OK,
			   "the server does not tell the time; its last change is not "
			   "from the future");
	}
}

void doctor_check_clock(struct doctor_server *s)
{
	time_t then = parse_time(server_time(s)), now = (time_t)(clock_wall_ms() / 1000);
	long long skew = (long long)(then - now), size = skew < 0 ? -skew : skew;
	bool is_kerberos = s->directory.bind == HOST_BIND_GSSAPI ||
			   s->directory.bind == HOST_BIND_GSS_SPNEGO;

	if (then == 0) {
		guess_clock(s);
		return;
	}
	if (size <= SKEW_NOTED_S) {
		doctor_say(s->doctor, DOCTOR_OK, "%lld s apart", size);
		return;
	}
	doctor_say(s->doctor,
		   is_kerberos && size > SKEW_KERBEROS_S ? DOCTOR_FAILED : DOCTOR_WARNING,
		   "the server's clock is %lld s %s this host's%s", size,
		   skew > 0 ? "ahead of" : "behind",
		   size > SKEW_KERBEROS_S ? ", more than the 300 s that Kerberos allows" : "");
	doctor_fix(s->doctor, "keep both by a time service (chrony, systemd-timesyncd)");
}
