/* What the parts of opening a connection share: dirconn.c, dirconn_socket.c, dirconn_tls.c,
 * dirconn_bind.c, dirconn_sasl.c, dirconn_gss.c. */
#ifndef WP_LDAPSYNC_DIRCONN_PRIVATE_H
#define WP_LDAPSYNC_DIRCONN_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "ldapsync/dirconn.h"
#include "ldapsync/ticket.h"

/* One attempt. */
struct dial {
	const struct host_directory *directory;
	const struct host_uri *uri;
	int stop_fd;
	uint64_t deadline_ms; /* of finding the address, connecting and TLS, on clock_mono_ms */
	LDAP *ld;
};

/* A connected, non-blocking socket to the host of DIAL, the caller's. -1 and ERR. */
int dirconn_socket(const struct dial *dial, struct err *err) WP_MUST_CHECK;
/* Waits for EVENTS of FD until DEADLINE_MS or a stop. -1 and ERR: WHAT did not come. */
int dirconn_wait_socket(const struct dial *dial, int fd, short events, uint64_t deadline_ms,
			const char *what, struct err *err) WP_MUST_CHECK;

/* TLS on the connection of DIAL: handshake, chain and name. */
int dirconn_tls(const struct dial *dial, struct err *err) WP_MUST_CHECK;
/* Whether the host file asks for TLS on this connection. */
bool dirconn_has_tls(const struct dial *dial);
/* Appends what a bind within the TLS of LD can be tied to; false: there is nothing of the kind. */
bool dirconn_tls_channel(LDAP *ld, struct buf *binding) WP_MUST_CHECK;
/* Keeps with the TLS of LD, which there is, who was bound within it and how; null: nobody was. */
void dirconn_tls_keep(LDAP *ld, const char *words);
const char *dirconn_tls_kept(LDAP *ld);
/* Waits for the result of operation ID: its code, or libldap's. */
int dirconn_result(LDAP *ld, int id, int stop_fd);

/* The bind that the host file asks for. */
int dirconn_bind(const struct dial *dial, struct err *err) WP_MUST_CHECK;
/* ERR from LDAP's CODE at a bind, with what is to be done. Returns -1. */
int dirconn_bind_fail(const struct dial *dial, int code, struct err *err);

/* SEC_E_BAD_BINDINGS, in what a domain controller says. */
#define DIRCONN_BAD_BINDINGS "80090346"

/* The library of SASL, once, before threads. */
void dirconn_sasl_init(void);
/* A bind with MECHANISM: "GSSAPI", "GSS-SPNEGO", "SCRAM-SHA-256". */
int dirconn_sasl(const struct dial *dial, const char *mechanism, struct err *err) WP_MUST_CHECK;
/* ERR from LDAP's CODE at a bind with MECHANISM, with what is to be done. Returns -1. */
int dirconn_sasl_fail(const struct dial *dial, int code, const char *mechanism, struct err *err);
/* A bind by Kerberos within TLS, tied to it: "GSSAPI" or "GSS-SPNEGO". TICKET is freed. */
int dirconn_gss(const struct dial *dial, const char *mechanism, struct ticket *ticket,
		struct err *err) WP_MUST_CHECK;
/* 0 if the server offers MECHANISM, or does not say what it offers; else -1 and ERR. */
int dirconn_sasl_offers(const struct dial *dial, const char *mechanism,
			struct err *err) WP_MUST_CHECK;

#endif
