/* The inside of the directory doctor: one server as it becomes known, and the checks of it. */
#ifndef WP_ADMIN_DOCTOR_PRIVATE_H
#define WP_ADMIN_DOCTOR_PRIVATE_H

#include <ldap.h>
#include <netdb.h>

#include "admin/doctor.h"
#include "common/entry.h"
#include "ldapsync/rootdse.h"
#include "ldapsync/sync_scope.h"

/* What is known of a server, and what a check may need. */
enum doctor_has {
	HAS_ADDRESS = 1,    /* its name resolves */
	HAS_CONNECTION = 2, /* it takes connections */
	HAS_PRIVACY = 4,    /* TLS is as it should be, or not wanted */
	HAS_ROOT = 8,	    /* the rootDSE was read */
	HAS_BIND = 16,	    /* the host file's account is bound */
	HAS_BASE = 32,	    /* it may read where it has to read */
};

/* Who follows changes of it, and so which checks concern it. */
enum doctor_tracker { TRACK_SYNC = 1, TRACK_AD = 2, TRACK_ANY = TRACK_SYNC | TRACK_AD };

enum doctor_kind { KIND_UNKNOWN, KIND_OPENLDAP, KIND_389, KIND_SAMBA, KIND_AD };

struct doctor_server {
	struct doctor *doctor;
	TALLOC_CTX *ctx;
	struct host_directory directory; /* as in the host file, but this is its only address */
	const struct host_uri *uri;
	unsigned has;
	enum doctor_tracker tracker;
	enum doctor_kind kind;
	struct addrinfo *addresses;
	LDAP *ld;	     /* bound as told, else anonymously; null: neither */
	struct rootdse *dse; /* null: not read */
	const char *account; /* its DN, as the host file or the server says; null: not known */
	struct entry *database; /* OpenLDAP: its configuration; null: it cannot be seen */
	bool has_offered_access; /* once is enough: the rule cannot be added twice */
};

struct doctor_check {
	const char *name;
	unsigned needs; /* enum doctor_has */
	enum doctor_tracker tracker;
	void (*run)(struct doctor_server *server);
};

/* doctor_reach.c: the servers that DIRECTORY names, talloc'd; *N_R of them, maybe none. */
const struct host_uri *doctor_find_servers(struct doctor *doctor, TALLOC_CTX *ctx,
					   const struct host_directory *directory, size_t *n_r);
void doctor_check_dns(struct doctor_server *server);
void doctor_check_connection(struct doctor_server *server);
/* A connected socket to the server, or -1 and E. */
int doctor_connect(const struct doctor_server *server, struct err *e);

void doctor_check_tls(struct doctor_server *server); /* doctor_tls.c */

/* doctor_bind.c */
void doctor_check_bind(struct doctor_server *server);
void doctor_check_mechanisms(struct doctor_server *server);
void doctor_check_clear_text(struct doctor_server *server);
void doctor_check_identity(struct doctor_server *server);

/* doctor_server.c */
enum doctor_kind doctor_kind_of(const struct rootdse *dse);
void doctor_check_kind(struct doctor_server *server);
void doctor_check_clock(struct doctor_server *server);
/* Where the database of slapd is configured, as far as that is known. */
const char *doctor_database(const struct doctor_server *server);
/* Fills in what the host file may leave to the server and the profile: base, recipients,
 * filter. */
void doctor_complete(TALLOC_CTX *ctx, struct host_directory *directory,
		     const struct rootdse *dse);
/* The naming context that DN lies in, the longest if several do; null: none. */
const char *doctor_context_of(TALLOC_CTX *ctx, const struct rootdse *dse, const char *dn);

void doctor_check_indexes(struct doctor_server *server); /* doctor_index.c */

/* doctor_schema.c */
struct wanted_list;
void doctor_check_schema(struct doctor_server *server);
/* Which of LIST the subschema entry DN defines. -1: it cannot be read. */
int doctor_read_subschema(LDAP *ld, TALLOC_CTX *ctx, const char *dn,
			  struct wanted_list *list) WP_MUST_CHECK;
/* What of the schema is missing on LD, under CTX, "" if nothing is; null if it cannot be read.
 * How many, and of how many. */
const char *doctor_missing_schema(LDAP *ld, TALLOC_CTX *ctx, const struct rootdse *dse,
				  size_t *missing_r, size_t *all_r);
/* How it is loaded into the server at URI, which is of KIND: lines to paste. */
const char *doctor_schema_commands(TALLOC_CTX *ctx, enum doctor_kind kind,
				   const struct host_uri *uri, const struct rootdse *dse);
/* Where root is the configuration's administrator on the host of the server at URI. */
const char *doctor_ldapi(const struct host_uri *uri);

/* doctor_rights.c */
void doctor_check_base(struct doctor_server *server);
void doctor_check_recipients(struct doctor_server *server);
void doctor_check_self(struct doctor_server *server);
/* What lets the account read everything, as fix and commands of the last row. */
void doctor_offer_access(struct doctor_server *server);

/* doctor_sync.c */
/* What the agent would ask the server for as CONTENT of the directory, under CTX; null and E.
 */
struct sync_scope *doctor_scope(TALLOC_CTX *ctx, const struct host_directory *directory,
				enum part_content content, const struct rootdse *dse,
				struct err *e);
void doctor_check_sync(struct doctor_server *server);
void doctor_check_limits(struct doctor_server *server);

/* doctor_ad.c */
void doctor_check_dirsync(struct doctor_server *server);
void doctor_check_deleted(struct doctor_server *server);
void doctor_check_notification(struct doctor_server *server);
void doctor_check_paging(struct doctor_server *server);

#endif
