/* The host's key pair and the hash that stands for it in the directory. */
#include "common/cert.h"

#include <fcntl.h>
#include <libgen.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/fsutil.h"

enum { VALID_DAYS = 3653, SERIAL_BITS = 127, PEM_MAX = 1024 * 1024 };

/* WHAT, with OpenSSL's own reason; empties its queue. */
static int tls_error(struct err *e, const char *what, const char *path)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return err_set(e, ERR_TLS, 0, "%s%s%s%s%s", what, path != NULL ? " " : "",
		       path != NULL ? path : "", reason != NULL ? ": " : "",
		       reason != NULL ? reason : "");
}

static char *join(const char *folder, const char *name)
{
	struct buf path = { 0 };

	buf_printf(&path, "%s/%s", folder, name);
	return path.data;
}

void cert_paths(const struct hostfile *host, char **cert_path_r, char **key_path_r)
{
	const struct host_delivery *delivery = &host->delivery;
	bool is_given = delivery->tls_cert != NULL;

	*cert_path_r = is_given ? mem_strdup(delivery->tls_cert) : join(host->state, "tls/server.crt");
	*key_path_r = is_given ? mem_strdup(delivery->tls_key) : join(host->state, "tls/server.key");
}

/* ---- making ---- */

static bool add_extension(X509 *x509, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	bool ok = extension != NULL && X509_add_ext(x509, extension, -1) == 1;

	X509_EXTENSION_free(extension);
	return ok;
}

static bool set_serial(X509 *x509)
{
	BIGNUM *number = BN_new();
	bool ok = BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
		  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != NULL;

	BN_free(number);
	return ok;
}

/* A name of other characters than these would be an option of the extension's syntax. */
static bool is_dns_name(const char *name)
{
	return name[0] != '\0' &&
	       name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789.-_")] == '\0';
}

static bool describe(X509 *x509, EVP_PKEY *key, const char *name, uint64_t wall_ms)
{
	time_t now = (time_t)(wall_ms / 1000);
	X509_NAME *subject = X509_get_subject_name(x509);
	char cn[65], san[300];

	snprintf(cn, sizeof(cn), "%.64s", name);
	snprintf(san, sizeof(san), "DNS:%.255s", name);
	return X509_set_version(x509, X509_VERSION_3) == 1 && set_serial(x509) &&
	       X509_time_adj_ex(X509_getm_notBefore(x509), -1, 0, &now) != NULL &&
	       X509_time_adj_ex(X509_getm_notAfter(x509), VALID_DAYS, 0, &now) != NULL &&
	       X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (unsigned char *)cn, -1, -1,
					  0) == 1 &&
	       X509_set_issuer_name(x509, subject) == 1 && X509_set_pubkey(x509, key) == 1 &&
	       (!is_dns_name(name) || add_extension(x509, NID_subject_alt_name, san)) &&
	       add_extension(x509, NID_ext_key_usage, "serverAuth,clientAuth") &&
	       X509_sign(x509, key, EVP_sha256()) > 0;
}

/* PEM in memory goes to disk whole, or not at all. */
static int put_pem(const char *path, BIO *pem, mode_t mode, struct err *e)
{
	char *folder = mem_strdup(path), *name = mem_strdup(path), *data;
	long len = BIO_get_mem_data(pem, &data);
	int rc = fs_replace(dirname(folder), basename(name), data, (size_t)len, mode, e);

	free(folder);
	free(name);
	return rc;
}

static int write_key(const char *path, EVP_PKEY *key, struct err *e)
{
	BIO *pem = BIO_new(BIO_s_secmem());
	int rc;

	if (PEM_write_bio_PKCS8PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL) == 1)
		rc = put_pem(path, pem, 0600, e);
	else
		rc = tls_error(e, "the key cannot be written", NULL);
	BIO_free(pem);
	return rc;
}

static int write_cert(const char *path, EVP_PKEY *key, const char *name, uint64_t wall_ms,
		      struct err *e)
{
	X509 *x509 = X509_new();
	BIO *pem = BIO_new(BIO_s_mem());
	int rc;

	if (describe(x509, key, name, wall_ms) && PEM_write_bio_X509(pem, x509) == 1)
		rc = put_pem(path, pem, 0644, e);
	else
		rc = tls_error(e, "the certificate cannot be made", NULL);
	BIO_free(pem);
	X509_free(x509);
	return rc;
}

static EVP_PKEY *load_key(const char *path, struct err *e)
{
	struct buf text = { 0 };
	EVP_PKEY *key = NULL;
	BIO *pem;

	if (fs_read(path, PEM_MAX, &text, e) < 0)
		return NULL;
	pem = BIO_new_mem_buf(text.data, (int)text.len);
	key = PEM_read_bio_PrivateKey(pem, NULL, NULL, (void *)"");
	BIO_free(pem);
	explicit_bzero(text.data, text.len);
	buf_free(&text);
	if (key == NULL) {
		tls_error(e, "there is no key in", path);
		err_remedy(e, "it has to be PEM, without a passphrase");
	}
	return key;
}

static int make_pair(const char *cert_path, const char *key_path, const char *name,
		     uint64_t wall_ms, struct err *e)
{
	bool has_key = access(key_path, F_OK) == 0;
	EVP_PKEY *key = has_key ? load_key(key_path, e) : EVP_EC_gen("P-256");
	int rc = key == NULL ? -1 : 0;

	if (key == NULL && !has_key)
		tls_error(e, "a key cannot be made", NULL);
	if (rc == 0 && !has_key)
		rc = write_key(key_path, key, e);
	if (rc == 0)
		rc = write_cert(cert_path, key, name, wall_ms, e);
	EVP_PKEY_free(key);
	return rc < 0 ? -1 : 1;
}

/* Made and locked: who comes second finds what the first has made. */
static int lock_folder(const char *path, struct err *e)
{
	char *copy = mem_strdup(path), *folder = dirname(copy);
	int fd = -1;

	if (fs_mkdirs(folder, 0750, e) == 0) {
		fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 || flock(fd, LOCK_EX) < 0)
			err_errno(e, "%s cannot be locked", folder);
	}
	free(copy);
	return fd;
}

int cert_make_if_missing(const char *cert_path, const char *key_path, const char *name,
			 uint64_t wall_ms, struct err *e)
{
	bool has_cert, has_key;
	int lock = lock_folder(key_path, e), rc = 0;

	if (lock < 0)
		return -1;
	has_cert = access(cert_path, F_OK) == 0;
	has_key = access(key_path, F_OK) == 0;
	if (has_cert && !has_key) {
		rc = err_set(e, ERR_TLS, 0, "%s is there but its key %s is not", cert_path, key_path);
		err_remedy(e, "restore the key, or move the certificate away for a new pair");
	} else if (!has_cert) {
		rc = make_pair(cert_path, key_path, name, wall_ms, e);
	}
	close(lock);
	return rc;
}

/* ---- loading ---- */

static X509 *load_x509(const char *path, struct err *e)
{
	struct buf text = { 0 };
	X509 *x509;
	BIO *pem;

	if (fs_read(path, PEM_MAX, &text, e) < 0)
		return NULL;
	pem = BIO_new_mem_buf(text.data, (int)text.len);
	x509 = PEM_read_bio_X509(pem, NULL, NULL, (void *)"");
	BIO_free(pem);
	buf_free(&text);
	if (x509 == NULL) {
		tls_error(e, "there is no certificate in", path);
		err_remedy(e, "it has to be PEM");
	}
	return x509;
}

static int load_into(const char *cert_path, const char *key_path, struct cert_pair *pair,
		     struct err *e)
{
	unsigned char *der = NULL;
	int len;

	pair->x509 = load_x509(cert_path, e);
	if (pair->x509 == NULL || cert_hash(pair->x509, pair->hash, e) < 0)
		return -1;
	len = i2d_X509(pair->x509, &der);
	if (len < 0)
		return tls_error(e, "the certificate cannot be encoded", cert_path);
	pair->der = der;
	pair->der_len = (size_t)len;
	if (key_path == NULL)
		return 0;
	pair->key = load_key(key_path, e);
	if (pair->key == NULL)
		return -1;
	if (X509_check_private_key(pair->x509, pair->key) == 1)
		return 0;
	tls_error(e, "the key is not that of", cert_path);
	return err_remedy(e, "give the key that belongs to it, not %s", key_path);
}

int cert_load(const char *cert_path, const char *key_path, struct cert_pair *pair_r, struct err *e)
{
	*pair_r = (struct cert_pair){ 0 };
	if (load_into(cert_path, key_path, pair_r, e) == 0)
		return 0;
	cert_fini(pair_r);
	return -1;
}

void cert_fini(struct cert_pair *pair)
{
	X509_free(pair->x509);
	EVP_PKEY_free(pair->key);
	OPENSSL_free(pair->der);
	*pair = (struct cert_pair){ 0 };
}

void cert_hash_der(const void *der, size_t len, char hash_r[static CERT_HASH_TEXT])
{
	unsigned char digest[SHA256_DIGEST_LENGTH];

	SHA256(der, len, digest);
	memcpy(hash_r, "sha256:", 8);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(hash_r + 7 + 2 * i, 3, "%02x", digest[i]);
}

int cert_hash(const X509 *x509, char hash_r[static CERT_HASH_TEXT], struct err *e)
{
	unsigned char *der = NULL;
	int len = i2d_X509(x509, &der);

	if (len < 0)
		return tls_error(e, "the certificate cannot be hashed", NULL);
	cert_hash_der(der, (size_t)len, hash_r);
	OPENSSL_free(der);
	return 0;
}
