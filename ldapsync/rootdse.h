/*
 * What a server says of itself in its rootDSE (RFC 4512 §5.1; [MS-ADTS] 3.1.1.3.2), read in one
 * search. The server's word: absent values are null, 0 and empty lists, and any may be wrong.
 */
#ifndef WP_LDAPSYNC_ROOTDSE_H
#define WP_LDAPSYNC_ROOTDSE_H

#include <ldap.h>
#include <stdbool.h>
#include <stdint.h>
#include <talloc.h>

#include "common/err.h"
#include "ldapsync/sync_scope.h"

/* The capability that decides how a directory is read. */
#define ROOTDSE_ACTIVE_DIRECTORY "1.2.840.113556.1.4.800"

struct rootdse_list {
	const char **values;
	size_t count;
};

struct rootdse {
	struct rootdse_list naming_contexts;
	struct rootdse_list controls, extensions, capabilities, mechanisms;
	const char *default_context, *configuration_context, *schema_context; /* AD; DNs */
	const char *root_domain_context;
	const char *dns_host_name;   /* AD: of this domain controller */
	const char *server_name;     /* AD: DN of its server object */
	const char *service_name;    /* AD: DN of its nTDSDSA object, dsServiceName */
	const char *current_time;    /* AD: GeneralizedTime */
	const char *vendor_name, *vendor_version;
	const char *is_synchronized; /* AD: "TRUE" or "FALSE" */
	const char *functionality;   /* AD: domainControllerFunctionality, a number */
	struct rootdse_list classes; /* of the rootDSE itself; OpenLDAProotDSE says who it is */
	const char *subschema;       /* where the schema can be read */
	const char *config_context, *monitor_context; /* OpenLDAP */
	uint64_t highest_usn;        /* AD: highestCommittedUSN */
};

/* The rootDSE of the server of LD, under CTX; STOP_FD ends the wait. Null and ERR filled. */
struct rootdse *rootdse_read(TALLOC_CTX *ctx, LDAP *ld, int stop_fd, struct err *err);

/* Its naming contexts, for what is asked for there. They live as long as ROOT. */
struct sync_contexts rootdse_contexts(const struct rootdse *root);

/* Whether LIST has VALUE, by ASCII without case. */
bool rootdse_has(const struct rootdse_list *list, const char *value);
/* Whether it says that it is a 389 Directory Server. */
bool rootdse_is_389(const struct rootdse *root);

/* The pure half of rootdse_read: the attributes to ask for, null-terminated, */
enum { ROOTDSE_ATTRIBUTES = 22 };
void rootdse_attributes(const char *names_r[static ROOTDSE_ATTRIBUTES + 1]);
/* and one value of the answer into ROOT; what is not known or not text is left out. */
void rootdse_take(struct rootdse *root, const char *attribute, const char *value, size_t len);

#endif
