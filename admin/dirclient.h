/*
 * The directory with the administrator's own credentials: read it once, or find this host's
 * server object and change it, add entries. Blocking; one thread.
 */
#ifndef WP_ADMIN_DIRCLIENT_H
#define WP_ADMIN_DIRCLIENT_H

#include <ldap.h>
#include <talloc.h>

#include "admin/publish.h"
#include "common/entry.h"
#include "common/err.h"
#include "common/hostfile.h"

struct dirclient;

/* How the administrator signs in: simple with bind_dn, else EXTERNAL if wanted, else anonymously. */
struct dirclient_bind {
	const char *bind_dn, *password;
	bool external;
};

/*
 * Connects to the first address of DIRECTORY that answers (its TLS settings hold) and binds.
 * A password goes over ldap:// only with StartTLS or `cleartext`. -1: ERR_DIRECTORY with the LDAP
 * result, ERR_PERMISSION for refused credentials, ERR_USAGE.
 */
int dirclient_open(const struct host_directory *directory, const struct dirclient_bind *bind,
		  struct dirclient **dir_r, struct err *e) WP_MUST_CHECK;
void dirclient_close(struct dirclient **dir);
/* One over LD, which is signed in already and goes with it; URI is for messages. */
struct dirclient *dirclient_of(LDAP *ld, const char *uri);
/*
 * The server object below BASE: by its cn NAME, or without one by its host name FQDN. Talloc'd
 * under CTX. ERR_NOT_FOUND if there is none or more than one.
 */
int dirclient_find_server(struct dirclient *dir, TALLOC_CTX *ctx, const char *base, const char *name,
			 const char *fqdn, struct entry **entry_r, struct err *e) WP_MUST_CHECK;
/*
 * Reads every entry at or below BASE into LIST, under CTX; in pages, so that a server's limit
 * of one answer does not matter.
 */
int dirclient_read(struct dirclient *dir, TALLOC_CTX *ctx, const char *base, struct entry_list *list,
		   struct err *e) WP_MUST_CHECK;
/* Adds ENTRY as it stands. */
int dirclient_add(struct dirclient *dir, const struct entry *entry, struct err *e) WP_MUST_CHECK;
int dirclient_apply(struct dirclient *dir, const struct publish_plan *plan, struct err *e)
	WP_MUST_CHECK;

#endif
