/*
 * Kerberos tickets for one bind, from a keytab: no kinit, no cache on disk, no environment.
 *
 * Tickets are in a cache in memory that only the thread uses which says so, so that directories
 * with different accounts do not meet. They are fetched anew for each connection: nothing has to
 * be renewed, and a keytab that was replaced counts from the next connection on.
 */
#ifndef WP_LDAPSYNC_TICKET_H
#define WP_LDAPSYNC_TICKET_H

#include <stdint.h>

#include "common/err.h"

enum { TICKET_WAIT_MS = 8000 }; /* libkrb5's own limits add up to some 30 s */

struct ticket;

/*
 * Signs PRINCIPAL (null: the first in the keytab) in and gets its ticket for ldap/HOST. Null and
 * ERR (ERR_DIRECTORY, LDAP_LOCAL_ERROR); also when STOP_FD is readable or TICKET_WAIT_MS are over.
 */
struct ticket *ticket_fetch(const char *keytab, const char *principal, const char *host,
			    int stop_fd, struct err *err) WP_MUST_CHECK;
/*
 * Whether GSSAPI, which makes the service's name by itself, will take HOST as it is: libkrb5 may have
 * DNS name another, by its default. -1 and ERR, also as above.
 */
int ticket_check_name(const char *host, int stop_fd, struct err *err) WP_MUST_CHECK;
/* GSSAPI in this thread uses TICKET, until it is told another; null: what the system has. */
int ticket_use(const struct ticket *ticket, struct err *err);
/* The name of the cache that has it, and of the service it is for, as the KDC knows that. */
const char *ticket_cache(const struct ticket *ticket);
const char *ticket_service(const struct ticket *ticket);
/* ERR: libkrb5 came back with nothing within TICKET_WAIT_MS. Returns -1. */
int ticket_late(struct err *err);
/* What libkrb5's CODE means, if that is known, as the remedy of ERR. */
void ticket_remedy(struct err *err, int64_t code);
/* The tickets are gone; contexts made with them live on. Null is fine. */
void ticket_free(struct ticket *ticket);

#endif
