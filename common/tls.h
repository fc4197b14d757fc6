/*
 * TLS as a byte transformer: ciphertext in and out, plaintext in and out, no socket.
 *
 * The only user of OpenSSL's SSL_* in the product (certificates on disk: common/cert.h). A
 * context belongs to one loop thread and lives as long as any of its sessions; a session
 * belongs to the same thread. Trust is decided by the caller after the handshake, from what
 * tls_peer_hash() and tls_verify_peer() say: own servers are pinned by the hash of their
 * certificate (no chain), other peers by policy.
 *
 * TLS 1.2 is the least version. RFC 3207, RFC 8446.
 */
#ifndef WP_COMMON_TLS_H
#define WP_COMMON_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/compiler.h"
#include "common/err.h"

struct tls_context;
struct tls;

enum {
	TLS_HASH_SIZE = 32,                /* SHA-256 of the DER certificate */
	TLS_HASH_TEXT = 7 + 64 + 1,        /* "sha256:<hex>" and NUL */
};

enum tls_role { TLS_SERVER, TLS_CLIENT };

/* What a context is made of. Paths are PEM files; CA_FILE may be null (nothing verifies). */
struct tls_files {
	const char *cert;
	const char *key;
	const char *ca;
};

/*
 * A context for both roles: servers ask for a client certificate and accept none, clients
 * offer theirs. Null with ERR filled if a file cannot be used.
 */
struct tls_context *tls_context_new(enum tls_role role, const struct tls_files *files,
				    struct err *err) WP_MUST_CHECK;
/* Sessions keep the context alive; null is accepted. */
void tls_context_free(struct tls_context *context);

/*
 * A session. SERVER_NAME (client only, may be null): sent as SNI.
 */
struct tls *tls_new(struct tls_context *context, const char *server_name);
void tls_free(struct tls *tls);

/* Ciphertext from the wire. Never blocks; the bytes are copied. */
void tls_feed(struct tls *tls, const void *data, size_t len);
/* 1 done, 0 needs more from the peer, -1 failed (ERR filled). There may be output after each. */
int tls_handshake(struct tls *tls, struct err *err);
/* Plaintext: octets read, 0 none now, -1 failed (ERR filled), -2 the peer closed cleanly. */
int tls_read(struct tls *tls, void *data, size_t cap, struct err *err);
/* Encrypts LEN octets into the output; -1 failed. */
int tls_write(struct tls *tls, const void *data, size_t len, struct err *err);
/* Says goodbye (close_notify) into the output. */
void tls_shutdown(struct tls *tls);
/* Ciphertext that has to go out; stays valid until tls_output_done() or the next call. */
const char *tls_output(struct tls *tls, size_t *len_r);
void tls_output_done(struct tls *tls, size_t len);

/*
 * Certificate I that a server sent, 0 its own, in DER form: its length and *DER_R, which is
 * malloc'd; 0 if there are fewer. See common/cert_facts.h.
 */
size_t tls_peer_der(const struct tls *tls, int i, uint8_t **der_r);
/* SHA-256 of the peer's DER certificate; false if it showed none. */
bool tls_peer_hash(const struct tls *tls, uint8_t hash[static TLS_HASH_SIZE]);
/*
 * Whether the peer's chain leads to the CA file and, with NAME (a host's or an IP literal), the
 * certificate is for that name; ERR says what failed and what to do at the peer. Only
 * meaningful after the handshake.
 */
bool tls_verify_peer(const struct tls *tls, const char *name, struct err *err);
/*
 * Appends the channel binding "tls-server-end-point" (RFC 5929) of a client's session: its name, a
 * colon and the hash of the server's certificate. False: the certificate's signature is of a kind for
 * which it is not defined, as Ed25519 is.
 */
bool tls_channel_binding(const struct tls *tls, struct buf *binding) WP_MUST_CHECK;
/* "TLSv1.3 TLS_AES_256_GCM_SHA384", for logs and trace fields. */
void tls_describe(const struct tls *tls, char *text, size_t size);

/* "sha256:<hex>" of a hash, and back (case of the hex digits does not matter). */
void tls_hash_format(const uint8_t hash[static TLS_HASH_SIZE], char text[static TLS_HASH_TEXT]);
bool tls_hash_parse(const char *text, uint8_t hash[static TLS_HASH_SIZE]);

#endif
