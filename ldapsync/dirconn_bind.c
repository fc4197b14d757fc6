/* The binds of the host file. Secrets are read for each: one that was changed counts from then on. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "ldapsync/dirconn_private.h"

/* What a refusal means. */
static const struct {
	int code;
	const char *remedy;
} refusals[] = {
	{ LDAP_INVALID_CREDENTIALS,
	  "correct bind_dn and the password in password_file, or the keytab; the account may be "
	  "locked or expired" },
	{ LDAP_INVALID_DN_SYNTAX, "bind_dn is no DN: write it as cn=waypost,ou=Services,dc=example,dc=com" },
	{ LDAP_CONFIDENTIALITY_REQUIRED, "set starttls = true, or use ldaps://" },
	{ LDAP_STRONG_AUTH_REQUIRED,
	  "the server wants every bind signed or encrypted: set starttls = true, use ldaps://, or "
	  "bind = \"gssapi\"" },
	{ LDAP_INAPPROPRIATE_AUTH, "the server does not take this method: choose another bind" },
	{ LDAP_AUTH_METHOD_NOT_SUPPORTED,
	  "the server does not know this method: choose another bind" },
	{ LDAP_INSUFFICIENT_ACCESS,
	  "the account may not sign in: let it (OpenLDAP: by anonymous auth)" },
	{ LDAP_LOCAL_ERROR,
	  "with Kerberos: see that keytab has the account's keys, or that there is a ticket (klist, "
	  "kinit)" },
	{ LDAP_TIMEOUT,
	  "the server takes connections and does not answer: look at its log, restart it" },
	{ LDAP_SERVER_DOWN, "is the server up? If it is, it closed the connection: look at its log" },
};

int dirconn_bind_fail(const struct dial *dial, int code, struct err *err)
{
	dirconn_fail(dial->ld, code, err, "bind");
	for (size_t i = 0; i < WP_COUNT(refusals); i++)
		if (refusals[i].code == code)
			return err_remedy(err, "%s", refusals[i].remedy);
	return -1;
}

/* A bind of one request and one answer. */
static int bind_once(const struct dial *dial, const char *dn, const char *mechanism,
		     const char *secret, struct err *err)
{
	struct berval credential = { strlen(secret), (char *)(uintptr_t)secret };
	int id, rc;

	rc = ldap_sasl_bind(dial->ld, dn, mechanism, &credential, NULL, NULL, &id);
	if (rc == LDAP_SUCCESS)
		rc = dirconn_result(dial->ld, id, dial->stop_fd);
	return rc == LDAP_SUCCESS ? 0 : dirconn_bind_fail(dial, rc, err);
}

static int bind_none(const struct dial *dial, const char *mechanism, struct err *err)
{
	return bind_once(dial, "", mechanism, "", err);
}

static int bind_simple(const struct dial *dial, const char *mechanism, struct err *err)
{
	const struct host_directory *directory = dial->directory;
	char *secret;
	int rc;

	if (!dirconn_has_tls(dial) && dial->uri->scheme != HOST_LDAPI && !directory->cleartext) {
		err_set(err, ERR_CONFIG, 0,
			"directory %s: the password would cross the network in clear",
			directory->title);
		return err_remedy(err, "set starttls = true, or use ldaps:// or ldapi://");
	}
	if (hostfile_secret(directory->password_file, &secret, err) < 0)
		return -1;
	rc = bind_once(dial, directory->bind_dn, mechanism, secret, err);
	explicit_bzero(secret, strlen(secret));
	free(secret);
	return rc;
}

static int bind_external(const struct dial *dial, const char *mechanism, struct err *err)
{
	if (dirconn_sasl_offers(dial, mechanism, err) < 0)
		return err->code != LDAP_AUTH_METHOD_NOT_SUPPORTED ? -1 :
		       err_remedy(err, dial->uri->scheme == HOST_LDAPI || dial->directory->tls_cert != NULL ?
				  "the server does not know this host by its socket or by its "
				  "certificate: see that it trusts tls_cert's authority" :
				  "EXTERNAL needs ldapi:// or a certificate of this host: set "
				  "tls_cert and tls_key");
	return bind_once(dial, NULL, mechanism, "", err);
}

static const struct {
	const char *mechanism;
	int (*bind)(const struct dial *dial, const char *mechanism, struct err *err);
} methods[] = {
	[HOST_BIND_NONE] = { LDAP_SASL_SIMPLE, bind_none },
	[HOST_BIND_SIMPLE] = { LDAP_SASL_SIMPLE, bind_simple },
	[HOST_BIND_EXTERNAL] = { "EXTERNAL", bind_external },
	[HOST_BIND_GSSAPI] = { "GSSAPI", dirconn_sasl },
	[HOST_BIND_GSS_SPNEGO] = { "GSS-SPNEGO", dirconn_sasl },
	[HOST_BIND_SCRAM_SHA_256] = { "SCRAM-SHA-256", dirconn_sasl },
};

int dirconn_bind(const struct dial *dial, struct err *err)
{
	enum host_bind method = dial->directory->bind;

	return methods[method].bind(dial, methods[method].mechanism, err);
}
