/* Kerberos tickets from a keytab, fetched aside: libkrb5 waits for KDCs as it likes. */
#include "ldapsync/ticket.h"

#include <errno.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5.h>
#include <ldap.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "ldapsync/aside.h"

struct ticket {
	char *keytab, *principal, *host; /* what was asked */
	krb5_context krb;
	krb5_ccache cache;
	char *cache_name, *service;
	struct err err; /* domain ERR_NONE: it is there */
};

/* What the commonest failures mean. */
static const struct {
	krb5_error_code code;
	const char *remedy;
} failures[] = {
	{ KRB5_KDC_UNREACH, "is the KDC up, and do /etc/krb5.conf or the realm's DNS name it?" },
	{ KRB5_REALM_UNKNOWN, "name the realm's KDCs in /etc/krb5.conf or in DNS" },
	{ KRB5_REALM_CANT_RESOLVE, "name the realm's KDCs in /etc/krb5.conf or in DNS" },
	{ KRB5_CONFIG_NODEFREALM, "set default_realm in /etc/krb5.conf, or write bind_dn as NAME@REALM" },
	{ KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN, "correct bind_dn, or export the account's keytab again" },
	{ KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN,
	  "name the server in uri as the KDC knows it, which is its whole host name, or add that "
	  "service principal" },
	{ KRB5KDC_ERR_PREAUTH_FAILED, "the account's keys are newer than the keytab: export it again" },
	{ KRB5KRB_AP_ERR_BAD_INTEGRITY, "the account's keys are newer than the keytab: export it again" },
	{ KRB5_KT_NOTFOUND, "export the account's keytab again, or correct bind_dn" },
	{ KRB5_KT_KVNONOTFOUND, "the account's keys are newer than the keytab: export it again" },
	{ KRB5_KT_END, "the keytab is empty: export it again" },
	{ KRB5_KEYTAB_BADVNO, "the file is no keytab: export it again" },
	{ KRB5KDC_ERR_ETYPE_NOSUPP, "the keytab has no key of a type that the KDC still takes: export it again" },
	{ KRB5KRB_AP_ERR_TKT_EXPIRED,
	  "tickets have to be made anew in time: set keytab, which does, or see to kinit" },
	{ KRB5_FCC_NOFILE, "set keytab in the host file, or sign in with kinit" },
	{ KRB5_CC_NOTFOUND, "set keytab in the host file, or sign in with kinit" },
	{ KRB5KRB_AP_ERR_SKEW, "set the clocks of this host and of the KDC right" },
	{ KRB5KDC_ERR_KEY_EXP, "the account's password has expired: set a new one, export the keytab again" },
	{ KRB5KDC_ERR_CLIENT_REVOKED, "the account is locked or expired: unlock it" },
	{ ENOENT, "there is no such keytab: correct keytab in the host file" },
	{ EACCES, "let the daemons' user read the keytab" },
};

void ticket_remedy(struct err *err, int64_t code)
{
	for (size_t i = 0; i < WP_COUNT(failures); i++)
		if (failures[i].code == code)
			err_remedy(err, "%s", failures[i].remedy);
}

static void fail(struct ticket *t, krb5_error_code code, const char *what, const char *whose)
{
	const char *text = t->krb != NULL ? krb5_get_error_message(t->krb, code) : "no memory";

	err_set(&t->err, ERR_DIRECTORY, LDAP_LOCAL_ERROR, "Kerberos: %s %s: %s", what, whose, text);
	if (t->krb != NULL)
		krb5_free_error_message(t->krb, text);
	ticket_remedy(&t->err, code);
}

/* ---- aside ---- */

static krb5_error_code first_principal(struct ticket *t, krb5_keytab keytab, krb5_principal *who_r)
{
	krb5_keytab_entry entry;
	krb5_kt_cursor cursor;
	krb5_error_code code = krb5_kt_start_seq_get(t->krb, keytab, &cursor);

	if (code != 0)
		return code;
	code = krb5_kt_next_entry(t->krb, keytab, &entry, &cursor);
	if (code == 0) {
		code = krb5_copy_principal(t->krb, entry.principal, who_r);
		krb5_free_keytab_entry_contents(t->krb, &entry);
	}
	krb5_kt_end_seq_get(t->krb, keytab, &cursor);
	return code;
}

static void store(struct ticket *t, krb5_principal who, krb5_creds *creds)
{
	krb5_error_code code = krb5_cc_new_unique(t->krb, "MEMORY", NULL, &t->cache);

	if (code == 0)
		code = krb5_cc_initialize(t->krb, t->cache, who);
	if (code == 0)
		code = krb5_cc_store_cred(t->krb, t->cache, creds);
	if (code == 0)
		code = krb5_cc_get_full_name(t->krb, t->cache, &t->cache_name);
	if (code != 0)
		fail(t, code, "a cache in", "memory");
}

static void sign_in(struct ticket *t, krb5_keytab keytab, krb5_principal who)
{
	char *name = NULL;
	krb5_creds creds = { 0 };
	krb5_error_code code = krb5_get_init_creds_keytab(t->krb, &creds, who, keytab, 0, NULL, NULL);

	if (code == 0) {
		store(t, who, &creds);
		krb5_free_cred_contents(t->krb, &creds);
	} else {
		(void)krb5_unparse_name(t->krb, who, &name);
		fail(t, code, "signing in as", name != NULL ? name : "?");
		krb5_free_unparsed_name(t->krb, name);
	}
}

/* The service's ticket into the cache, so that nobody waits for a KDC in the bind. */
static void get_service(struct ticket *t, krb5_principal who)
{
	krb5_creds wanted = { .client = who }, *got = NULL;
	/* By this type the name stays as it is, whatever DNS would make of it. */
	krb5_error_code code = krb5_sname_to_principal(t->krb, t->host, "ldap", KRB5_NT_UNKNOWN,
						       &wanted.server);

	if (code == 0)
		code = krb5_unparse_name(t->krb, wanted.server, &t->service);
	if (code == 0)
		code = krb5_get_credentials(t->krb, 0, t->cache, &wanted, &got);
	if (code != 0)
		fail(t, code, "the ticket for ldap", t->host);
	krb5_free_creds(t->krb, got);
	krb5_free_principal(t->krb, wanted.server);
}

static void fetch_with(struct ticket *t, krb5_keytab keytab)
{
	krb5_principal who = NULL;
	krb5_error_code code = t->principal != NULL ? krb5_parse_name(t->krb, t->principal, &who) :
						      first_principal(t, keytab, &who);

	if (code != 0)
		fail(t, code, t->principal != NULL ? "the name" : "the keytab",
		     t->principal != NULL ? t->principal : t->keytab);
	if (t->err.domain == ERR_NONE)
		sign_in(t, keytab, who);
	if (t->err.domain == ERR_NONE)
		get_service(t, who);
	krb5_free_principal(t->krb, who);
}

static void fetch(void *job)
{
	struct ticket *t = job;
	krb5_keytab keytab = NULL;
	krb5_error_code code = krb5_init_context(&t->krb);

	if (code == 0)
		code = krb5_kt_resolve(t->krb, t->keytab, &keytab);
	if (code != 0) {
		fail(t, code, "the keytab", t->keytab);
		return;
	}
	fetch_with(t, keytab);
	krb5_kt_close(t->krb, keytab);
}

/* What GSSAPI will make of the host's name by itself. */
static void compare(void *job)
{
	struct ticket *t = job;
	krb5_principal server = NULL;
	krb5_error_code code = krb5_init_context(&t->krb);
	const krb5_data *host;

	if (code == 0)
		code = krb5_sname_to_principal(t->krb, t->host, "ldap", KRB5_NT_SRV_HST, &server);
	if (code != 0) {
		fail(t, code, "the name of", t->host);
		return;
	}
	host = krb5_princ_component(t->krb, server, 1);
	if (host->length != strlen(t->host) || memcmp(host->data, t->host, host->length) != 0) {
		err_set(&t->err, ERR_DIRECTORY, LDAP_LOCAL_ERROR,
			"Kerberos: DNS makes %.*s of %s, and without TLS nothing else says who the server is",
			(int)host->length, host->data, t->host);
		err_remedy(&t->err, "set rdns = false and dns_canonicalize_hostname = false in "
				    "/etc/krb5.conf, or use TLS");
	}
	krb5_free_principal(t->krb, server);
}

static void drop(void *job)
{
	ticket_free(job);
}

/* ---- the caller ---- */

int ticket_late(struct err *err)
{
	err_set(err, ERR_DIRECTORY, LDAP_LOCAL_ERROR, "Kerberos: no KDC answers within %d s",
		TICKET_WAIT_MS / 1000);
	return err_remedy(err, "are the KDCs up that /etc/krb5.conf or DNS name?");
}

static struct ticket *ask(const char *host)
{
	struct ticket *t = mem_zero(1, sizeof(*t));

	t->host = mem_strdup(host);
	for (char *c = t->host; *c != '\0'; c++)
		*c = ascii_lower(*c);
	return t;
}

/* T with what came of RUN, or null. */
static struct ticket *await(void (*run)(void *job), struct ticket *t, int stop_fd, struct err *err)
{
	if (!aside_run(run, drop, t, stop_fd, clock_mono_ms() + TICKET_WAIT_MS)) {
		ticket_late(err);
		return NULL;
	}
	if (t->err.domain == ERR_NONE)
		return t;
	if (err != NULL)
		*err = t->err;
	ticket_free(t);
	return NULL;
}

struct ticket *ticket_fetch(const char *keytab, const char *principal, const char *host,
			    int stop_fd, struct err *err)
{
	struct ticket *t = ask(host);

	t->keytab = mem_strdup(keytab);
	t->principal = principal != NULL ? mem_strdup(principal) : NULL;
	return await(fetch, t, stop_fd, err);
}

int ticket_check_name(const char *host, int stop_fd, struct err *err)
{
	struct ticket *t = await(compare, ask(host), stop_fd, err);
	int rc = t != NULL ? 0 : -1;

	ticket_free(t);
	return rc;
}

int ticket_use(const struct ticket *ticket, struct err *err)
{
	OM_uint32 minor;

	if (gss_krb5_ccache_name(&minor, ticket != NULL ? ticket->cache_name : NULL, NULL) == GSS_S_COMPLETE)
		return 0;
	return err_set(err, ERR_DIRECTORY, LDAP_LOCAL_ERROR, "Kerberos: GSSAPI takes no ticket");
}

const char *ticket_cache(const struct ticket *ticket)
{
	return ticket->cache_name;
}

const char *ticket_service(const struct ticket *ticket)
{
	return ticket->service;
}

void ticket_free(struct ticket *t)
{
	if (t == NULL)
		return;
	if (t->cache != NULL)
		krb5_cc_destroy(t->krb, t->cache);
	if (t->cache_name != NULL)
		krb5_free_string(t->krb, t->cache_name);
	krb5_free_unparsed_name(t->krb, t->service);
	if (t->krb != NULL)
		krb5_free_context(t->krb);
	free(t->keytab);
	free(t->principal);
	free(t->host);
	free(t);
}
