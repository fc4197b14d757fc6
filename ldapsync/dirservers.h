/*
 * The servers of a directory: the addresses of the host file, with those that DNS names for
 * srv:DOMAIN in its place.
 */
#ifndef WP_LDAPSYNC_DIRSERVERS_H
#define WP_LDAPSYNC_DIRSERVERS_H

#include <talloc.h>

#include "common/err.h"
#include "common/hostfile.h"

struct dirservers {
	const struct host_uri *uris; /* none is HOST_SRV: by host name and port, as Kerberos needs it */
	size_t n;
};

/*
 * In the order in which they are to be tried, under CTX. -1 and ERR if there is none: then DNS
 * did not answer, or there are no records. Waits for DNS some seconds at most; STOP_FD readable
 * ends that.
 */
int dirservers_find(TALLOC_CTX *ctx, const struct hostfile *host,
		    const struct host_directory *directory, int stop_fd,
		    struct dirservers *servers_r, struct err *err) WP_MUST_CHECK;
/* The same of one srv:DOMAIN, URI; *NAME_R: the name whose records these are. */
int dirservers_look_up(TALLOC_CTX *ctx, const struct hostfile *host,
		       const struct host_directory *directory, const struct host_uri *uri,
		       int stop_fd, struct dirservers *servers_r, const char **name_r,
		       struct err *err) WP_MUST_CHECK;

#endif
