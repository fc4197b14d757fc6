/*
 * The directory with the administrator's own credentials: read one server object, change it.
 * Blocking; one thread.
 */
#ifndef WP_ADMIN_DIRWRITE_H
#define WP_ADMIN_DIRWRITE_H

#include <talloc.h>

#include "admin/publish.h"
#include "common/entry.h"
#include "common/err.h"
#include "common/hostfile.h"

struct dirwrite;

/* How the administrator signs in: simple with bind_dn, else EXTERNAL if wanted, else anonymously. */
struct dirwrite_bind {
	const char *bind_dn, *password;
	bool external;
};

/*
 * Connects to the first address of DIRECTORY that answers (its TLS settings hold) and binds.
 * A password goes over ldap:// only with StartTLS or `cleartext`. -1: ERR_DIRECTORY with the LDAP
 * result, ERR_PERMISSION for refused credentials, ERR_USAGE.
 */
int dirwrite_open(const struct host_directory *directory, const struct dirwrite_bind *bind,
		  struct dirwrite **dir_r, struct err *e) WP_MUST_CHECK;
void dirwrite_close(struct dirwrite **dir);
/*
 * The server object below BASE: by its cn NAME, or without one by its host name FQDN. Talloc'd
 * under CTX. ERR_NOT_FOUND if there is none or more than one.
 */
int dirwrite_find_server(struct dirwrite *dir, TALLOC_CTX *ctx, const char *base, const char *name,
			 const char *fqdn, struct entry **entry_r, struct err *e) WP_MUST_CHECK;
int dirwrite_apply(struct dirwrite *dir, const struct publish_plan *plan, struct err *e)
	WP_MUST_CHECK;

#endif
