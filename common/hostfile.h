/*
 * The host file, /etc/waypost/waypost.conf: what a host needs to reach its directory and its
 * own disks; everything else is in the directory.
 *
 * hostfile_load() refuses unknown keys, values out of range, secrets that others can read and
 * combinations that cannot work, with file, line and remedy (ERR_CONFIG). The result is one
 * immutable talloc tree: any thread may read it, the thread that loaded it frees it. Loading
 * is for one thread at a time (libConfuse's lexer has globals). A reload loads a second tree
 * and swaps. Strings that were not given, or given as "", are null unless a default is named.
 * doc/waypost.conf.5 describes the keys; the table that is read is in hostfile.c.
 */
#ifndef WP_COMMON_HOSTFILE_H
#define WP_COMMON_HOSTFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/host_profile.h"
#include "common/log.h"

#define HOSTFILE_DEFAULT "/etc/waypost/waypost.conf"

enum host_scheme { HOST_LDAP, HOST_LDAPS, HOST_LDAPI, HOST_FILE, HOST_SRV };
enum host_bind {
	HOST_BIND_NONE,
	HOST_BIND_SIMPLE,
	HOST_BIND_EXTERNAL,
	HOST_BIND_GSSAPI,
	HOST_BIND_GSS_SPNEGO,
	HOST_BIND_SCRAM_SHA_256,
};
enum host_resolver_mode { HOST_RESOLVER_FORWARD, HOST_RESOLVER_RECURSIVE };
enum host_milter_failure { HOST_MILTER_TEMPFAIL, HOST_MILTER_ACCEPT, HOST_MILTER_REJECT };

/* Where a directory is: one of the addresses that are tried in order. */
struct host_uri {
	enum host_scheme scheme;
	const char *text; /* as given; ldap, ldaps, ldapi: without a DN, as libldap takes it */
	const char *host; /* ldap, ldaps: host name or address without brackets; srv: the domain */
	uint16_t port;    /* ldap, ldaps: given, else 389 or 636; otherwise 0 */
	const char *path; /* file: the file; ldapi: the socket or null */
	const char *dn;   /* ldap, ldaps, ldapi: the DN or null (the host file refuses one) */
};

struct host_directory {
	const char *title;
	const struct host_uri *uris;
	size_t n_uris; /* at least 1; a file stands alone */
	enum host_profile profile; /* waypost */
	const char *const *assume; /* profile exchange: "NAME=VALUE", see assumption.h */
	size_t n_assume;
	const char *site; /* AD: whose domain controllers are asked first; null: nobody's */
	const char *base; /* null: of a file its waypostOrganization, in AD the configuration */
	const char *const *recipients;
	size_t n_recipients; /* 0: the whole file; in AD the domain */
	const char *filter;  /* null: the profile's */
	enum host_bind bind; /* none */
	const char *bind_dn, *password_file; /* both there for a simple bind and SCRAM */
	const char *keytab;
	bool starttls, cleartext;
	const char *tls_ca, *tls_cert, *tls_key; /* cert and key: both or neither */
	unsigned sweep_guard_percent;            /* 20 */
};

struct host_milter {
	const char *title, *socket; /* "inet:HOST:PORT" or "unix:PATH" */
	unsigned timeout_s;         /* 30 */
	enum host_milter_failure on_failure;
};

/* An IP literal without brackets, and a port. */
struct host_address {
	const char *ip;
	uint16_t port;
};

struct host_delivery {
	unsigned workers; /* 0: one per core */
	const char *tls_cert, *tls_key, *tls_ca; /* cert and key: both or neither */
	const struct host_address *resolvers;    /* none: the system's */
	size_t n_resolvers;
	enum host_resolver_mode resolver_mode;
	const char *const *resolver_insecure; /* zones */
	size_t n_resolver_insecure;
	const char *credentials_file;
	const struct host_milter *milters;
	size_t n_milters;
	const char *const *trusted_proxies; /* as ipaddr_range_parse takes them */
	size_t n_trusted_proxies;
};

/* How much of the history of snapshots is kept; whichever limit is reached first. */
struct host_history {
	unsigned snapshots; /* 100 */
	unsigned days;      /* 30; 0: without limit */
	unsigned megabytes; /* of images, 1024; 0: without limit */
};

struct host_console {
	bool is_configured; /* there is a console section */
	struct host_address listen; /* 127.0.0.1:8443 */
	const char *tls_cert, *tls_key, *read_group;
};

struct hostfile {
	const char *path;   /* the file that was read */
	const char *server; /* cn of this host's waypostServer; null: the one with our fqdn */
	const char *fqdn;   /* this host's name, for that */
	const char *state;  /* /var/lib/waypost; absolute */
	const char *run;    /* /run/waypost; absolute */
	enum log_level log_level; /* info */
	const char *user;   /* null: keep the caller's */
	const struct host_directory *directories;
	size_t n_directories; /* at least 1 */
	struct host_delivery delivery;
	struct host_history history;
	struct host_console console;
};

/* Reads PATH (null: HOSTFILE_DEFAULT). 0, and *HOST_R is the caller's; -1 and E is filled. */
int hostfile_load(const char *path, struct hostfile **host_r, struct err *e) WP_MUST_CHECK;
/* Whether TEXT could be read as the host file PATH, which need not be there: 0, or -1 and E. */
int hostfile_judge(const char *path, const char *text, struct err *e) WP_MUST_CHECK;
/* Frees and nulls. Null and a null inside are fine. */
void hostfile_free(struct hostfile **host);

/* How the host file calls them. */
const char *host_profile_name(enum host_profile profile);
const char *host_bind_name(enum host_bind bind);
/* The one that TEXT names; false if there is none. */
bool host_profile_parse(const char *text, enum host_profile *profile_r);
bool host_bind_parse(const char *text, enum host_bind *bind_r);

/* This host's name with its domain, as far as it knows it; talloc'd below CTX. */
const char *hostfile_fqdn(void *ctx);

/*
 * Reads a secret (password_file, credentials_file) into *SECRET_R, a malloc'd string without
 * its last line end, at most 64 KiB; refuses a file that others can read (ERR_CONFIG). The caller wipes it
 * (explicit_bzero) and frees it.
 */
int hostfile_secret(const char *path, char **secret_r, struct err *e) WP_MUST_CHECK;

/*
 * Takes the address of a directory apart (ERR_USAGE if it is none): ldap://, ldaps://, ldapi://, file:///PATH,
 * srv:DOMAIN. The strings of *URI_R are talloc'd below CTX. For `--directory`, which also
 * takes a bare file name, a name without scheme is a file if BARE_FILE.
 */
int host_uri_parse(void *ctx, const char *text, bool bare_file, struct host_uri *uri_r,
		   struct err *e) WP_MUST_CHECK;

#endif
