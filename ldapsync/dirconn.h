/*
 * One LDAP connection: connect, TLS, bind, and waiting for answers with a deadline of our own.
 *
 * Belongs to one thread. The socket and TLS are ours, libldap speaks LDAP over them: its own
 * block. Never its synchronous calls: they wait for ever on a server that hangs. On any error
 * the connection is closed, never repaired: libldap would connect again by itself, in clear.
 * Reasons: doc/design/directories.md.
 */
#ifndef WP_LDAPSYNC_DIRCONN_H
#define WP_LDAPSYNC_DIRCONN_H

#include <ldap.h>

#include "common/err.h"
#include "common/hostfile.h"

enum {
	DIRCONN_ANSWER_MS = 5000, /* connect, TLS, bind, one answer */
	DIRCONN_MESSAGE_MAX = 256 << 20, /* octets: a group of millions fits into it */
};

/* What is global in libldap and SASL. Once, before threads. */
void dirconn_init_library(void);

/*
 * Connects to URI with the directory's TLS and bind settings; STOP_FD readable ends the
 * attempt. *LD_R is the caller's: dirconn_close. -1 and ERR: ERR_DIRECTORY with the LDAP result
 * code; ERR_TLS, with X509_V_ERR_… where it is the server's certificate; ERR_CONFIG for what
 * cannot work.
 */
int dirconn_open(const struct host_directory *directory, const struct host_uri *uri, int stop_fd,
		 LDAP **ld_r, struct err *err) WP_MUST_CHECK;
void dirconn_close(LDAP **ld);

/*
 * How the connection LD, which dirconn_open made, is bound ("gssapi as waypost@EXAMPLE.COM,
 * sealed") and by what TLS it is protected; under CTX.
 */
void dirconn_describe(LDAP *ld, const struct host_directory *directory,
		      const struct host_uri *uri, void *ctx, const char **bind_r,
		      const char **tls_r);

/* Waits until the connection is readable, STOP_FD is, or MS milliseconds are over. Call it only
 * after ldap_result(…, 0) had nothing: libldap and TLS hold decoded data of their own. */
void dirconn_wait(LDAP *ld, int stop_fd, int ms);
/*
 * The whole answer to ID in *MESSAGE_R (the caller's): LDAP_SUCCESS, whatever its own result code
 * says; LDAP_TIMEOUT after DIRCONN_ANSWER_MS or when STOP_FD is readable.
 */
int dirconn_await(LDAP *ld, int id, int stop_fd, LDAPMessage **message_r) WP_MUST_CHECK;
/* Fills ERR with LDAP's code and the server's or the TLS library's words. Returns -1. */
int dirconn_fail(LDAP *ld, int code, struct err *err, const char *what);

#endif
