/*
 * Kerberos within TLS, tied to the TLS by channel binding: SASL's GSSAPI (RFC 4752) and GSS-SPNEGO
 * (MS-ADTS 5.1.1.1), step by step, because Cyrus SASL 2.1.28 tells Kerberos nothing of the channel.
 * No layer is made: TLS protects. Reasons: doc/design/directories.md.
 */
#include <string.h>

#include "ldapsync/dirconn_private.h"
#include "ldapsync/gss_client.h"

enum {
	ROUNDS_MAX = 10, /* Kerberos takes three */
	LAYER_NONE = 1,	 /* RFC 4752, 3.3 */
	OFFER_SIZE = 4,	 /* layers, and the size of what they take */
};

struct talk {
	const struct dial *dial;
	const char *mechanism;
	struct gss_client *client;
	struct buf token;  /* ours, to be sent */
	struct buf answer; /* the server's */
	int code;	   /* what came with it */
};

static int protest(struct err *err, const char *what)
{
	return err_set(err, ERR_DIRECTORY, LDAP_PROTOCOL_ERROR, "bind: the server %s", what);
}

/* ---- one round over LDAP ---- */

static int read_answer(struct talk *t, LDAPMessage *message)
{
	struct berval *credentials = NULL;
	int rc = ldap_parse_sasl_bind_result(t->dial->ld, message, &credentials, 0);

	if (rc == LDAP_SUCCESS)
		rc = ldap_parse_result(t->dial->ld, message, &t->code, NULL, NULL, NULL, NULL, 0);
	buf_clear(&t->answer);
	if (credentials != NULL && credentials->bv_len > 0)
		buf_add(&t->answer, credentials->bv_val, credentials->bv_len);
	ber_bvfree(credentials);
	ldap_msgfree(message);
	return rc;
}

/* Sends the token, which may be empty, and has the server's answer in its place. */
static int send_token(struct talk *t, struct err *err)
{
	char nothing[] = "";
	struct berval token = { t->token.len, t->token.len > 0 ? t->token.data : nothing };
	LDAPMessage *message = NULL;
	int id, rc;

	rc = ldap_sasl_bind(t->dial->ld, NULL, t->mechanism, &token, NULL, NULL, &id);
	if (rc == LDAP_SUCCESS)
		rc = dirconn_await(t->dial->ld, id, t->dial->stop_fd, &message);
	if (rc == LDAP_SUCCESS)
		rc = read_answer(t, message);
	if (rc == LDAP_SUCCESS)
		rc = t->code == LDAP_SASL_BIND_IN_PROGRESS ? LDAP_SUCCESS : t->code;
	buf_clear(&t->token);
	return rc == LDAP_SUCCESS ? 0 : dirconn_sasl_fail(t->dial, rc, t->mechanism, err);
}

/* ---- the conversation ---- */

/* Until both have proved who they are, and what came of it is sent and answered. */
static int establish(struct talk *t, struct err *err)
{
	t->code = LDAP_SASL_BIND_IN_PROGRESS;
	for (int round = 0; round < ROUNDS_MAX; round++) {
		bool is_over = t->code == LDAP_SUCCESS; /* for the server */
		int rc = is_over && t->answer.len == 0 ? 0 :
			 gss_client_step(&t->client, &t->answer, &t->token, t->dial->stop_fd, err);

		if (rc < 0)
			return err_note(err, "bind");
		if (is_over && (rc == 0 || t->token.len > 0))
			return protest(err, "signs us in without having proved who it is");
		if (is_over)
			return 0;
		if (send_token(t, err) < 0)
			return -1;
		if (rc == 1)
			return 0;
	}
	return protest(err, "comes to no end");
}

/* The server names the layers that it takes, and we take none of them. RFC 4752, 3.1. */
static int take_no_layer(struct talk *t, struct err *err)
{
	const char choice[OFFER_SIZE] = { LAYER_NONE };
	struct buf offer = { 0 }, ours = { 0 };
	int rc;

	if (t->code != LDAP_SASL_BIND_IN_PROGRESS)
		return protest(err, "signs us in before the security layer was agreed upon");
	rc = gss_client_unwrap(t->client, &t->answer, &offer, err);
	if (rc == 0 && (offer.len != OFFER_SIZE || (offer.data[0] & LAYER_NONE) == 0))
		rc = protest(err, "insists on a layer of Kerberos within TLS");
	buf_free(&offer);
	if (rc < 0)
		return -1;
	buf_add(&ours, choice, sizeof(choice));
	rc = gss_client_wrap(t->client, &ours, &t->token, err);
	buf_free(&ours);
	return rc < 0 ? -1 : send_token(t, err);
}

static int converse(struct talk *t, struct err *err)
{
	if (establish(t, err) < 0)
		return -1;
	if (strcmp(t->mechanism, "GSSAPI") == 0 && take_no_layer(t, err) < 0)
		return -1;
	return t->code == LDAP_SUCCESS ? 0 : protest(err, "goes on when all is said");
}

static void keep_words(const struct talk *t, bool is_tied)
{
	struct buf words = { 0 };

	buf_printf(&words, "%s as ", host_bind_name(t->dial->directory->bind));
	gss_client_name(t->client, &words);
	buf_adds(&words, is_tied ? ", channel binding" : "");
	dirconn_tls_keep(t->dial->ld, words.data);
	buf_free(&words);
}

/* The remedy of a server that misses a channel binding is another, where none could be made. */
static void explain_no_channel(struct err *err)
{
	if (err != NULL && strstr(err->text, DIRCONN_BAD_BINDINGS) != NULL)
		err_remedy(err, "channel binding is not defined for the server's certificate: give it "
				"one that is signed by RSA or ECDSA");
}

int dirconn_gss(const struct dial *dial, const char *mechanism, struct ticket *ticket,
		struct err *err)
{
	struct talk t = { .dial = dial, .mechanism = mechanism };
	struct buf channel = { 0 };
	bool is_tied = dirconn_tls_channel(dial->ld, &channel);
	int rc;

	t.client = gss_client_new(strcmp(mechanism, "GSSAPI") == 0 ? GSS_KERBEROS : GSS_SPNEGO, ticket,
				  dial->uri->host, &channel);
	rc = converse(&t, err);
	if (rc == 0)
		keep_words(&t, is_tied);
	else if (!is_tied)
		explain_no_channel(err);
	gss_client_free(t.client);
	buf_free(&t.token);
	buf_free(&t.answer);
	buf_free(&channel);
	return rc;
}
