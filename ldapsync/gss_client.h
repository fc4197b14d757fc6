/*
 * The client's side of a Kerberos conversation, as tokens to and from a server: GSSAPI of libkrb5
 * (RFC 4121), plain or within SPNEGO (RFC 4178, with nothing but Kerberos to choose), tied to the
 * channel that the tokens go over. No socket.
 *
 * Belongs to one thread. libkrb5 may ask a KDC or DNS where no ticket was fetched before, so each
 * step is made aside, and whoever waits for it can stop.
 */
#ifndef WP_LDAPSYNC_GSS_CLIENT_H
#define WP_LDAPSYNC_GSS_CLIENT_H

#include "common/buf.h"
#include "common/err.h"
#include "ldapsync/ticket.h"

struct gss_client;

enum gss_mechanism { GSS_KERBEROS, GSS_SPNEGO };

/*
 * A conversation with ldap/HOST by TICKET, which it takes; null: by what the system has. CHANNEL:
 * the channel binding, empty for none.
 */
struct gss_client *gss_client_new(enum gss_mechanism mechanism, struct ticket *ticket,
				  const char *host, const struct buf *channel);
/* Null is fine. */
void gss_client_free(struct gss_client *client);

/*
 * From the server's token IN (empty at first) to ours, OUT, which may be empty. 1: the conversation
 * is over, each side has proved to the other who it is; 0: the server has to answer; -1 and ERR
 * (ERR_DIRECTORY, LDAP_LOCAL_ERROR). When STOP_FD is readable or TICKET_WAIT_MS are over, the client
 * is left to the step that hangs, and *CLIENT null.
 */
int gss_client_step(struct gss_client **client, const struct buf *in, struct buf *out, int stop_fd,
		    struct err *err) WP_MUST_CHECK;

/* Afterwards. A message that is protected, but not hidden, and what is in one. -1 and ERR. */
int gss_client_wrap(struct gss_client *client, const struct buf *in, struct buf *out,
		    struct err *err) WP_MUST_CHECK;
int gss_client_unwrap(struct gss_client *client, const struct buf *in, struct buf *out,
		      struct err *err) WP_MUST_CHECK;
/* Appends who we are. */
void gss_client_name(struct gss_client *client, struct buf *name);

#endif
