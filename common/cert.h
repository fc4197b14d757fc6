/*
 * A host's certificate: made if missing, loaded, and the hash by which other servers of the
 * organisation know it (`CertificateHash` of the directory: "sha256:<hex>" of the DER form).
 *
 * Any thread. OpenSSL's error queue is left empty.
 */
#ifndef WP_COMMON_CERT_H
#define WP_COMMON_CERT_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/hostfile.h"

enum { CERT_HASH_TEXT = 7 + 64 + 1 }; /* "sha256:" and 64 lower-case digits, NUL */

struct cert_pair {
	X509 *x509;    /* the first certificate of the file */
	EVP_PKEY *key; /* null if not asked for */
	char hash[CERT_HASH_TEXT];
	uint8_t *der;
	size_t der_len;
};

/*
 * Where the host's pair is: delivery.tls_cert and tls_key, else STATE/tls/server.crt and
 * server.key. Malloc'd.
 */
void cert_paths(const struct hostfile *host, char **cert_path_r, char **key_path_r);

/*
 * Makes a self-signed EC P-256 pair for NAME (CN and subjectAltName), valid for ten years from
 * the day before WALL_MS, unless both files are there. The key comes first (0600), then the certificate
 * (0644), each durably by rename; a key alone, left by an interruption, gets its certificate, a
 * certificate alone is an error. Their folder is made; two processes wait for each other. 0: both
 * were there; 1: made.
 */
int cert_make_if_missing(const char *cert_path, const char *key_path, const char *name,
			 uint64_t wall_ms, struct err *e) WP_MUST_CHECK;

/* Loads the certificate and, unless KEY_PATH is null, its key; they have to belong together. */
int cert_load(const char *cert_path, const char *key_path, struct cert_pair *pair_r,
	      struct err *e) WP_MUST_CHECK;
/* Frees what the pair holds; a zeroed pair is fine. */
void cert_fini(struct cert_pair *pair);

/* The hash of a certificate, for comparing a peer with the directory. */
int cert_hash(const X509 *x509, char hash_r[static CERT_HASH_TEXT], struct err *e);
/* The same of a DER form as the directory holds it, whatever its octets. */
void cert_hash_der(const void *der, size_t len, char hash_r[static CERT_HASH_TEXT]);

#endif
