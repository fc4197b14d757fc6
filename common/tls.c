/*
 * TLS over memory BIOs: one session turns ciphertext into plaintext and back.
 * Loop thread only. Errors of the peer are results, never asserts.
 */
#include "common/tls.h"

#include <limits.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct tls_context {
	SSL_CTX *ctx;
	enum tls_role role;
};

struct tls {
	SSL *ssl;
	BIO *in;  /* owned by ssl */
	BIO *out; /* owned by ssl */
};

/* The first queued OpenSSL error as text; empties the queue. */
static int openssl_error(struct err *err, const char *what)
{
	unsigned long code = ERR_get_error();
	const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return err_set(err, ERR_TLS, 0, "%s: %s", what,
		       reason != NULL ? reason : "no further details");
}

/* Chains are judged after the handshake by tls_verify_peer(), hashes by the caller. */
static int accept_any_chain(int ok, X509_STORE_CTX *store)
{
	(void)ok;
	(void)store;
	return 1;
}

static int load_files(SSL_CTX *ctx, const struct tls_files *files, struct err *err)
{
	if (files->cert != NULL && SSL_CTX_use_certificate_chain_file(ctx, files->cert) != 1) {
		openssl_error(err, files->cert);
		return err_remedy(err, "tls_cert must be a PEM certificate this process can read");
	}
	if (files->cert != NULL && SSL_CTX_use_PrivateKey_file(ctx, files->key, SSL_FILETYPE_PEM) != 1) {
		openssl_error(err, files->key);
		return err_remedy(err, "tls_key must be the PEM key that belongs to tls_cert");
	}
	if (files->ca != NULL && SSL_CTX_load_verify_file(ctx, files->ca) != 1) {
		openssl_error(err, files->ca);
		return err_remedy(err, "tls_ca must be a PEM file of certification authorities");
	}
	return 0;
}

struct tls_context *tls_context_new(enum tls_role role, const struct tls_files *files,
				    struct err *err)
{
	SSL_CTX *ctx = SSL_CTX_new(role == TLS_SERVER ? TLS_server_method() : TLS_client_method());
	struct tls_context *context;

	if (ctx == NULL) {
		openssl_error(err, "a TLS context");
		return NULL;
	}
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, accept_any_chain);
	/* Resumed sessions are compared with the current directory like any other. */
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"waypost", 7);
	if (load_files(ctx, files, err) != 0) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	context = mem_zero(1, sizeof(*context));
	context->ctx = ctx;
	context->role = role;
	return context;
}

void tls_context_free(struct tls_context *context)
{
	if (context == NULL)
		return;
	SSL_CTX_free(context->ctx); /* sessions hold their own reference */
	free(context);
}

struct tls *tls_new(struct tls_context *context, const char *server_name)
{
	struct tls *tls = mem_zero(1, sizeof(*tls));

	tls->ssl = SSL_new(context->ctx);
	tls->in = BIO_new(BIO_s_mem());
	tls->out = BIO_new(BIO_s_mem());
	if (tls->ssl == NULL || tls->in == NULL || tls->out == NULL)
		mem_fatal(sizeof(*tls));
	SSL_set_bio(tls->ssl, tls->in, tls->out);
	if (context->role == TLS_SERVER) {
		SSL_set_accept_state(tls->ssl);
	} else {
		SSL_set_connect_state(tls->ssl);
		if (server_name != NULL)
			SSL_set_tlsext_host_name(tls->ssl, server_name);
	}
	return tls;
}

void tls_free(struct tls *tls)
{
	if (tls == NULL)
		return;
	SSL_free(tls->ssl);
	free(tls);
}

void tls_feed(struct tls *tls, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0) {
		int part = len > INT_MAX ? INT_MAX : (int)len;
		int n = BIO_write(tls->in, at, part);

		if (n <= 0)
			mem_fatal(len); /* a memory BIO refuses only without memory */
		at += n;
		len -= (size_t)n;
	}
}

int tls_handshake(struct tls *tls, struct err *err)
{
	int rc, why;

	ERR_clear_error();
	rc = SSL_do_handshake(tls->ssl);
	if (rc == 1)
		return 1;
	why = SSL_get_error(tls->ssl, rc);
	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
		return 0;
	return openssl_error(err, "TLS handshake");
}

int tls_read(struct tls *tls, void *data, size_t cap, struct err *err)
{
	int rc, why;

	ERR_clear_error();
	rc = SSL_read(tls->ssl, data, cap > INT_MAX ? INT_MAX : (int)cap);
	if (rc > 0)
		return rc;
	why = SSL_get_error(tls->ssl, rc);
	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
		return 0;
	if (why == SSL_ERROR_ZERO_RETURN)
		return -2;
	return openssl_error(err, "TLS record");
}

int tls_write(struct tls *tls, const void *data, size_t len, struct err *err)
{
	const char *at = data;

	ERR_clear_error();
	while (len > 0) {
		int part = len > 1 << 20 ? 1 << 20 : (int)len;
		int rc = SSL_write(tls->ssl, at, part);

		if (rc <= 0)
			return openssl_error(err, "TLS record");
		at += rc;
		len -= (size_t)rc;
	}
	return 0;
}

void tls_shutdown(struct tls *tls)
{
	ERR_clear_error();
	SSL_shutdown(tls->ssl);
	ERR_clear_error();
}

const char *tls_output(struct tls *tls, size_t *len_r)
{
	char *data = NULL;
	long len = BIO_get_mem_data(tls->out, &data);

	*len_r = len > 0 ? (size_t)len : 0;
	return data;
}

void tls_output_done(struct tls *tls, size_t len)
{
	char scratch[4096];

	if (len >= (size_t)BIO_pending(tls->out)) {
		(void)BIO_reset(tls->out);
		return;
	}
	while (len > 0) {
		int n = BIO_read(tls->out, scratch,
				 len > sizeof(scratch) ? (int)sizeof(scratch) : (int)len);

		if (n <= 0)
			return;
		len -= (size_t)n;
	}
}

size_t tls_peer_der(const struct tls *tls, int i, uint8_t **der_r)
{
	STACK_OF(X509) *sent = SSL_get_peer_cert_chain(tls->ssl);
	unsigned char *der = NULL;
	int len = sent != NULL && i < sk_X509_num(sent) ? i2d_X509(sk_X509_value(sent, i), &der) : 0;

	*der_r = NULL;
	if (len <= 0)
		return 0;
	*der_r = mem_alloc((size_t)len);
	memcpy(*der_r, der, (size_t)len);
	OPENSSL_free(der);
	return (size_t)len;
}

bool tls_peer_hash(const struct tls *tls, uint8_t hash[static TLS_HASH_SIZE])
{
	X509 *peer = SSL_get0_peer_certificate(tls->ssl);
	unsigned len = TLS_HASH_SIZE;

	return peer != NULL && X509_digest(peer, EVP_sha256(), hash, &len) == 1;
}

/* What the peer's administrator, or ours, can do about a chain that does not verify. */
static const struct {
	long result;
	const char *remedy;
} chain_remedies[] = {
	{ X509_V_ERR_CERT_HAS_EXPIRED, "renew the certificate there; a wrong clock here looks the same" },
	{ X509_V_ERR_CERT_NOT_YET_VALID, "compare the clocks of both hosts" },
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "add the certificate, or the authority it should come "
						  "from, to tls_ca" },
	{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, "add its certification authority to tls_ca, if that "
						"is to be trusted" },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "add its certification authority to tls_ca, "
							"or let the peer send the whole chain" },
	{ X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, "add its certification authority to tls_ca, or "
						      "let the peer send the whole chain" },
	{ X509_V_ERR_CERT_SIGNATURE_FAILURE, "the authority in tls_ca has the same name but another "
					     "key: somebody else's, or renewed" },
	{ X509_V_ERR_CERT_REVOKED, "give the peer a new certificate" },
};

static bool refuse_chain(long result, struct err *err)
{
	err_set(err, ERR_TLS, (int)result, "the peer's certificate: %s",
		X509_verify_cert_error_string(result));
	for (size_t i = 0; i < WP_COUNT(chain_remedies); i++)
		if (chain_remedies[i].result == result)
			err_remedy(err, "%s", chain_remedies[i].remedy);
	return false;
}

/* One name of a certificate, if it is one that a host can have. */
static void add_name(const GENERAL_NAME *name, struct buf *text)
{
	int family = ASN1_STRING_length(name->d.ia5) == 4 ? AF_INET : AF_INET6;
	const unsigned char *data = ASN1_STRING_get0_data(name->d.ia5);
	char shown[256] = "";

	if (name->type == GEN_DNS)
		snprintf(shown, sizeof(shown), "%.*s", ASN1_STRING_length(name->d.ia5), data);
	else if (name->type == GEN_IPADD && (family == AF_INET || ASN1_STRING_length(name->d.ia5) == 16))
		inet_ntop(family, data, shown, sizeof(shown));
	for (const char *c = shown; *c != '\0'; c++)
		if (*c <= ' ' || *c > '~')
			return;
	if (shown[0] != '\0')
		buf_printf(text, "%s%s", text->len > 0 ? ", " : "", shown);
}

/* The DNS names and addresses in PEER, for a message. */
static void add_names(X509 *peer, struct buf *text)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(peer, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DNS || name->type == GEN_IPADD)
			add_name(name, text);
	}
	GENERAL_NAMES_free(names);
}

static bool refuse_name(X509 *peer, const char *name, struct err *err)
{
	struct buf names = { 0 };

	add_names(peer, &names);
	err_set(err, ERR_TLS, X509_V_ERR_HOSTNAME_MISMATCH,
		"the peer's certificate is not for %s but for %s", name,
		names.len > 0 ? names.data : "no name at all");
	err_remedy(err, "use a name that is in it, or renew it with subjectAltName %s", name);
	buf_free(&names);
	return false;
}

bool tls_verify_peer(const struct tls *tls, const char *name, struct err *err)
{
	X509 *peer = SSL_get0_peer_certificate(tls->ssl);
	long result = SSL_get_verify_result(tls->ssl);

	if (peer == NULL) {
		err_set(err, ERR_TLS, 0, "the peer showed no certificate");
		return false;
	}
	if (result != X509_V_OK)
		return refuse_chain(result, err);
	if (name != NULL && X509_check_host(peer, name, 0, 0, NULL) != 1 &&
	    X509_check_ip_asc(peer, name, 0) != 1)
		return refuse_name(peer, name, err);
	return true;
}

/* RFC 5929, 4.1: the hash of its signature, but none that is too weak. */
static const EVP_MD *binding_hash(X509 *cert)
{
	int hash;

	if (X509_get_signature_info(cert, &hash, NULL, NULL, NULL) != 1 || hash == NID_undef)
		return NULL;
	return hash == NID_md5 || hash == NID_sha1 ? EVP_sha256() : EVP_get_digestbynid(hash);
}

bool tls_channel_binding(const struct tls *tls, struct buf *binding)
{
	X509 *server = SSL_get0_peer_certificate(tls->ssl);
	const EVP_MD *hash = server != NULL ? binding_hash(server) : NULL;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len;

	if (hash == NULL || X509_digest(server, hash, digest, &len) != 1)
		return false;
	buf_adds(binding, "tls-server-end-point:");
	buf_add(binding, digest, len);
	return true;
}

void tls_describe(const struct tls *tls, char *text, size_t size)
{
	snprintf(text, size, "%s %s", SSL_get_version(tls->ssl), SSL_get_cipher_name(tls->ssl));
}

void tls_hash_format(const uint8_t hash[static TLS_HASH_SIZE], char text[static TLS_HASH_TEXT])
{
	memcpy(text, "sha256:", 7);
	for (int i = 0; i < TLS_HASH_SIZE; i++)
		snprintf(text + 7 + 2 * i, 3, "%02x", hash[i]);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool tls_hash_parse(const char *text, uint8_t hash[static TLS_HASH_SIZE])
{
	if (strlen(text) != TLS_HASH_TEXT - 1 || !ascii_equal_n(text, "sha256:", 7))
		return false;
	for (int i = 0; i < TLS_HASH_SIZE; i++) {
		int high = hex_digit(text[7 + 2 * i]), low = hex_digit(text[8 + 2 * i]);

		if (high < 0 || low < 0)
			return false;
		hash[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}
