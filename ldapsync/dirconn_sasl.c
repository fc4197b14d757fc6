/*
 * Binds by SASL: GSSAPI, GSS-SPNEGO, SCRAM-SHA-256. Cyrus SASL within libldap makes them, but for
 * Kerberos within TLS, which it cannot tie to the TLS: that is dirconn_gss.c.
 *
 * Nobody may read along or change what is read: over TLS no layer of SASL is made (Active
 * Directory refuses one within TLS); in clear Kerberos has to seal. Reasons:
 * doc/design/directories.md.
 */
#define _GNU_SOURCE
#include <sasl/sasl.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "ldapsync/dirconn_private.h"

void dirconn_sasl_init(void)
{
	(void)sasl_client_init(NULL); /* without mechanisms a bind says so */
}

/* ---- what the server offers ---- */

/* The values of supportedSASLMechanisms, the caller's; null: none, or the server does not say. */
static struct berval **read_mechanisms(const struct dial *dial, int *rc_r)
{
	static char attribute[] = "supportedSASLMechanisms";
	char *attributes[] = { attribute, NULL };
	struct berval **values = NULL;
	LDAPMessage *message = NULL, *entry;
	int id;

	*rc_r = ldap_search_ext(dial->ld, "", LDAP_SCOPE_BASE, "(objectClass=*)", attributes,
					0, NULL, NULL, NULL, 1, &id);
	if (*rc_r == LDAP_SUCCESS)
		*rc_r = dirconn_await(dial->ld, id, dial->stop_fd, &message);
	if (*rc_r != LDAP_SUCCESS)
		return NULL;
	entry = ldap_first_entry(dial->ld, message);
	if (entry != NULL)
		values = ldap_get_values_len(dial->ld, entry, attribute);
	ldap_msgfree(message);
	return values;
}

static bool has(struct berval **values, const char *mechanism)
{
	for (; *values != NULL; values++)
		if (ascii_equal_n((*values)->bv_val, mechanism, strlen(mechanism) + 1))
			return true;
	return false;
}

static int refuse(struct berval **values, const char *mechanism, struct err *err)
{
	struct buf list = { 0 };

	for (int i = 0; values[i] != NULL; i++)
		buf_printf(&list, "%s%.*s", i > 0 ? ", " : "", (int)values[i]->bv_len,
			   values[i]->bv_val);
	err_set(err, ERR_DIRECTORY, LDAP_AUTH_METHOD_NOT_SUPPORTED,
		"bind: the server does not offer %s but %s", mechanism, list.data);
	buf_free(&list);
	return err_remedy(err, "choose one of these for bind, or install the server's SASL module");
}

int dirconn_sasl_offers(const struct dial *dial, const char *mechanism, struct err *err)
{
	int rc;
	struct berval **values = read_mechanisms(dial, &rc);

	if (rc != LDAP_SUCCESS)
		return dirconn_bind_fail(dial, rc, err);
	rc = values == NULL || has(values, mechanism) ? 0 : refuse(values, mechanism, err);
	ldap_value_free_len(values);
	return rc;
}

/* ---- the conversation ---- */

struct answers {
	const char *user, *password; /* "" where there is none */
};

static int on_interact(LDAP *ld, unsigned flags, void *defaults, void *prompts)
{
	const struct answers *answers = defaults;

	(void)ld;
	(void)flags;
	for (sasl_interact_t *prompt = prompts; prompt->id != SASL_CB_LIST_END; prompt++) {
		const char *answer = prompt->id == SASL_CB_AUTHNAME ? answers->user :
				     prompt->id == SASL_CB_PASS	    ? answers->password :
								      "";

		prompt->result = answer;
		prompt->len = (unsigned)strlen(answer);
	}
	return LDAP_SUCCESS;
}

static int converse(const struct dial *dial, const char *mechanism, struct answers *answers)
{
	LDAPMessage *message = NULL;
	const char *used = NULL;
	int id = -1, rc;

	for (;;) {
		rc = ldap_sasl_interactive_bind(dial->ld, NULL, mechanism, NULL, NULL, LDAP_SASL_QUIET,
						on_interact, answers, message, &used, &id);
		ldap_msgfree(message);
		message = NULL;
		if (rc != LDAP_SASL_BIND_IN_PROGRESS)
			return rc;
		rc = dirconn_await(dial->ld, id, dial->stop_fd, &message);
		if (rc != LDAP_SUCCESS)
			return rc;
	}
}

/* Servers say what they found in words of their own only. */
static const struct {
	const char *words, *remedy;
} refusals[] = {
	{ "SASL(-15)", "the server neither signs nor seals: use TLS" },
	{ DIRCONN_BAD_BINDINGS,
	  "the server sees another TLS than this host: nothing between them may end it (relay, load "
	  "balancer) with another certificate than the server's own" },
	/* GSS_S_BAD_BINDINGS, in libkrb5's words. */
	{ "channel bindings were supplied",
	  "the server sees another TLS than this host: nothing between them may end it (relay, load "
	  "balancer) with another certificate than the server's own" },
};

int dirconn_sasl_fail(const struct dial *dial, int code, const char *mechanism, struct err *err)
{
	dirconn_bind_fail(dial, code, err);
	err_note(err, "%s", mechanism);
	for (size_t i = 0; err != NULL && i < WP_COUNT(refusals); i++)
		if (strstr(err->text, refusals[i].words) != NULL)
			return err_remedy(err, "%s", refusals[i].remedy);
	if (code == LDAP_AUTH_UNKNOWN)
		return err_remedy(err, "install this host's SASL module for it (Debian: "
				       "libsasl2-modules-gssapi-mit, libsasl2-modules)");
	return -1;
}

/* ---- who protects the connection ---- */

static void protect(const struct dial *dial, bool has_kerberos)
{
	/* 56: the least that seals; signing alone would count as 1. */
	const char *properties = dirconn_has_tls(dial) || dial->uri->scheme == HOST_LDAPI ?
					 "maxssf=0" :
				 has_kerberos ? "minssf=56" :
						"minssf=0";

	ldap_set_option(dial->ld, LDAP_OPT_X_SASL_SECPROPS, properties);
}

/* In clear, or by a local socket. */
static int bind_by_cyrus(const struct dial *dial, const char *mechanism, struct ticket *ticket,
			 struct err *err)
{
	struct answers answers = { "", "" };
	int rc = ticket_use(ticket, err);

	protect(dial, true);
	if (rc == 0) {
		int code = converse(dial, mechanism, &answers);

		rc = code == LDAP_SUCCESS ? 0 : dirconn_sasl_fail(dial, code, mechanism, err);
		ticket_use(NULL, NULL);
	}
	ticket_free(ticket);
	return rc;
}

static int bind_kerberos(const struct dial *dial, const char *mechanism, struct err *err)
{
	const struct host_directory *directory = dial->directory;
	const char *host = dial->uri->host != NULL ? dial->uri->host : "localhost";
	struct ticket *ticket = NULL;

	if (dial->uri->scheme == HOST_LDAP && !dirconn_has_tls(dial) &&
	    ticket_check_name(host, dial->stop_fd, err) < 0)
		return -1;
	if (directory->keytab != NULL) {
		ticket = ticket_fetch(directory->keytab, directory->bind_dn, host, dial->stop_fd,
				      err);
		if (ticket == NULL)
			return -1;
	}
	return dirconn_has_tls(dial) ? dirconn_gss(dial, mechanism, ticket, err) :
				       bind_by_cyrus(dial, mechanism, ticket, err);
}

static int bind_password(const struct dial *dial, const char *mechanism, struct err *err)
{
	const struct host_directory *directory = dial->directory;
	struct answers answers = { directory->bind_dn != NULL ? directory->bind_dn : "", NULL };
	char *secret;
	int rc;

	if (hostfile_secret(directory->password_file, &secret, err) < 0)
		return -1;
	answers.password = secret;
	protect(dial, false);
	rc = converse(dial, mechanism, &answers);
	explicit_bzero(secret, strlen(secret));
	free(secret);
	return rc == LDAP_SUCCESS ? 0 : dirconn_sasl_fail(dial, rc, mechanism, err);
}

int dirconn_sasl(const struct dial *dial, const char *mechanism, struct err *err)
{
	if (dirconn_sasl_offers(dial, mechanism, err) < 0)
		return -1;
	return dial->directory->bind == HOST_BIND_SCRAM_SHA_256 ?
		       bind_password(dial, mechanism, err) :
		       bind_kerberos(dial, mechanism, err);
}
