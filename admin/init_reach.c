/* `waypost init`: which server is spoken to, by which TLS, as whom. */
#define _GNU_SOURCE
#include "admin/init.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/init_hostfile.h"
#include "common/endpoint.h"
#include "common/ipaddr.h"
#include "ldapsync/dirconn.h"

#define OID_STARTTLS	   "1.3.6.1.4.1.1466.20037"
#define SYSTEM_AUTHORITIES "/etc/ssl/certs/ca-certificates.crt"

enum { NO_FD = -1, URIS_MAX = 16 };

/* ---- where ---- */

/* ADDRESSES separated by spaces or commas, or a domain, into the directory. */
static int take_addresses(struct init *i, const char *addresses, struct err *e)
{
	bool is_domain = strstr(addresses, "://") == NULL && strncmp(addresses, "srv:", 4) != 0;
	char *text = is_domain ? talloc_asprintf(i->ctx, "srv:%s", addresses) :
				 talloc_strdup(i->ctx, addresses);
	struct host_uri *uris = talloc_zero_array(i->ctx, struct host_uri, URIS_MAX);
	char *save = NULL;
	size_t n = 0;

	for (char *one = strtok_r(text, " ,", &save); one != NULL && n < URIS_MAX;
	     one = strtok_r(NULL, " ,", &save)) {
		if (host_uri_parse(i->ctx, one, false, &uris[n], e) < 0)
			return -1;
		if (uris[n].scheme == HOST_FILE) {
			err_set(e, ERR_USAGE, 0, "%s is a file, which needs no init", one);
			return err_remedy(e, "write uri = {\"%s\"} into the host file", one);
		}
		if (uris[n].dn != NULL && i->directory.base == NULL)
			i->directory.base = uris[n].dn;
		n++;
	}
	i->directory.uris = uris;
	i->directory.n_uris = n;
	return n > 0 ? 0 : err_set(e, ERR_USAGE, 0, "\"%s\" names no server", addresses);
}

/* What the server says before anybody has signed in; no answer is one too. */
static void ask_stranger(struct init *i)
{
	struct host_directory directory = i->directory;
	struct err ignored;
	LDAP *ld = NULL;

	directory.bind = HOST_BIND_NONE;
	if (dirconn_open(&directory, &i->uri, NO_FD, &ld, &ignored) < 0)
		return;
	i->dse = rootdse_read(i->ctx, ld, NO_FD, &ignored);
	dirconn_close(&ld);
	if (i->dse != NULL)
		i->kind = doctor_kind_of(i->dse);
}

static int reach_in_clear(struct init *i, struct err *e)
{
	i->directory.starttls = false;
	if (doctor_reach(i->cli, i->ctx, &i->host, &i->uri, e) < 0)
		return -1;
	if (i->uri.scheme == HOST_LDAP || i->uri.scheme == HOST_LDAPI)
		ask_stranger(i);
	return 0;
}

static bool wants_tls(const struct init *i)
{
	if (i->uri.scheme == HOST_LDAPS)
		return true;
	/* Samba offers it and does not say so. */
	return i->uri.scheme == HOST_LDAP && !i->directory.cleartext &&
	       (i->dse == NULL || cli_flag(i->cli, "ca") || i->kind == KIND_SAMBA ||
		rootdse_has(&i->dse->extensions, OID_STARTTLS));
}

static const char *absolute(struct init *i, const char *path)
{
	char *found = path != NULL ? realpath(path, NULL) : NULL;
	const char *text = found != NULL ? talloc_strdup(i->ctx, found) : path;

	free(found);
	return found != NULL || path == NULL ? text : init_absolute(i->ctx, path);
}

static int reach_by_tls(struct init *i, struct err *e)
{
	const char *usual = access(SYSTEM_AUTHORITIES, R_OK) == 0 ? SYSTEM_AUTHORITIES : NULL;

	i->directory.starttls = i->uri.scheme == HOST_LDAP;
	do {
		i->directory.tls_ca = absolute(i, ask_text(&i->ask, "ca",
							   "File with the certificate of the "
							   "authority that the server's is by",
							   usual));
		if (ask_check(&i->ask, e) < 0)
			return -1;
		if (doctor_reach(i->cli, i->ctx, &i->host, &i->uri, e) == 0)
			return 0;
		usual = NULL;
	} while (ask_again(&i->ask, "ca", e));
	return -1;
}

/* An ldaps:// server cannot be looked at in clear: its certificate is what is asked about. */
static int reach(struct init *i, struct err *e)
{
	bool is_tls_only = i->directory.uris[0].scheme == HOST_LDAPS;

	i->directory.cleartext = cli_flag(i->cli, "cleartext");
	i->uri = i->directory.uris[0];
	i->dse = NULL;
	if (!is_tls_only && reach_in_clear(i, e) < 0)
		return -1;
	return wants_tls(i) ? reach_by_tls(i, e) : 0;
}

/* The name server that is to be asked, in place of the system's. */
static int take_resolver(struct init *i, struct err *e)
{
	const char *text = init_option(i, "resolver");
	struct host_address *resolver = talloc_zero(i->ctx, struct host_address);
	char *ip = talloc_array(resolver, char, IPADDR_TEXT_SIZE);
	struct ipaddr address;

	if (text == NULL)
		return 0;
	if (!endpoint_parse_binding(text, &address, &resolver->port)) {
		err_set(e, ERR_USAGE, 0, "\"%s\" is no name server", text);
		return err_remedy(e, "write it as 192.0.2.1:53");
	}
	ipaddr_format(&address, ip);
	resolver->ip = ip;
	i->host.delivery.resolvers = resolver;
	i->host.delivery.n_resolvers = 1;
	return 0;
}

int init_find_server(struct init *i, struct err *e)
{
	const char *option = cli_value(i->cli, "domain") != NULL ? "domain" : "uri";
	const char *addresses;

	if (take_resolver(i, e) < 0)
		return -1;
	if (cli_flag(i->cli, "domain") && cli_flag(i->cli, "uri")) {
		err_set(e, ERR_USAGE, 0, "--domain and --uri both say where the directory is");
		return err_remedy(e, "give one of them; --uri takes srv:DOMAIN too");
	}
	do {
		addresses =
			ask_text(&i->ask, option, "Domain or address of the directory", NULL);
		if (addresses == NULL)
			return 0; /* ask_check says so, with what else is missing */
		if (take_addresses(i, addresses, e) == 0 && reach(i, e) == 0) {
			ask_tell(&i->ask, "%s answers.\n", i->uri.text);
			return 0;
		}
	} while (ask_again(&i->ask, option, e));
	return -1;
}

/* ---- signing in ---- */

int init_hide_secret(const char *secret, const char **path_r, TALLOC_CTX *ctx)
{
	int fd = memfd_create("password", MFD_CLOEXEC);
	size_t len = strlen(secret);

	if (fd < 0 || fchmod(fd, 0600) < 0 || write(fd, secret, len) != (ssize_t)len)
		mem_fatal(len);
	*path_r = talloc_asprintf(ctx, "/proc/self/fd/%d", fd);
	return fd;
}

static bool needs_password(enum host_bind bind)
{
	return bind == HOST_BIND_SIMPLE || bind == HOST_BIND_SCRAM_SHA_256;
}

static void forget_secret(struct init *i)
{
	if (i->secret != NULL)
		explicit_bzero(i->secret, strlen(i->secret));
	free(i->secret);
	if (i->secret_fd >= 0)
		close(i->secret_fd);
	i->secret = NULL;
	i->secret_fd = NO_FD;
}

/* A file is named as it is; what is typed goes into one beside the host file, in the end. */
static int take_password(struct init *i, struct err *e)
{
	const char *file = init_option(i, "password-file");

	forget_secret(i);
	if (file == NULL)
		i->secret = ask_secret(&i->ask, "Its password");
	if (i->secret == NULL) {
		i->directory.password_file =
			absolute(i, ask_text(&i->ask, "password-file", "", NULL));
		return 0;
	}
	if (*i->secret == '\0')
		return err_set(e, ERR_USAGE, 0, "no password was typed");
	i->secret_fd = init_hide_secret(i->secret, &i->directory.password_file, i->ctx);
	return 0;
}

static bool is_kerberos(enum host_bind bind)
{
	return bind == HOST_BIND_GSSAPI || bind == HOST_BIND_GSS_SPNEGO;
}

/* An account that the method has no use for would be passed over in silence. */
static int judge_account(struct init *i, struct err *e)
{
	enum host_bind bind = i->directory.bind;
	const struct {
		const char *option;
		bool is_used;
	} rows[] = { { "bind-dn", needs_password(bind) || is_kerberos(bind) },
		     { "password-file", needs_password(bind) },
		     { "keytab", is_kerberos(bind) } };

	for (size_t n = 0; n < WP_COUNT(rows); n++) {
		if (rows[n].is_used || init_option(i, rows[n].option) == NULL)
			continue;
		err_set(e, ERR_USAGE, 0, "--%s is given, but signing in by %s does not use it",
			rows[n].option, host_bind_name(bind));
		return err_remedy(e, "leave it out, or give the --bind that is meant");
	}
	return 0;
}

static int take_method(struct init *i, struct err *e)
{
	bool is_socket = i->directory.n_uris > 0 && i->uri.scheme == HOST_LDAPI;
	const char *usual = is_socket ? "external" : i->ask.is_interactive ? "simple" : NULL;
	const char *account = i->directory.bind_dn; /* of a try that failed */
	const char *method = ask_text(&i->ask, "bind",
				      "How this host signs in (simple, external, gssapi, "
				      "gss-spnego, scram-sha-256, none)",
				      usual);

	if (method == NULL)
		return 0;
	if (!host_bind_parse(method, &i->directory.bind)) {
		err_set(e, ERR_USAGE, 0, "\"%s\" is no way to sign in", method);
		return err_remedy(e, "give one of simple, external, gssapi, gss-spnego, "
				     "scram-sha-256, none");
	}
	if (judge_account(i, e) < 0)
		return -1;
	if (needs_password(i->directory.bind)) {
		i->directory.bind_dn =
			ask_text(&i->ask, "bind-dn", "Its account (DN or user name)", account);
		if (take_password(i, e) < 0)
			return -1;
	} else if (is_kerberos(i->directory.bind)) {
		i->directory.bind_dn = init_option(i, "bind-dn");
		i->directory.keytab =
			absolute(i, ask_optional(&i->ask, "keytab",
						 "Its keytab (empty: the tickets there are)"));
	}
	i->directory.tls_cert = absolute(i, init_option(i, "tls-cert"));
	i->directory.tls_key = absolute(i, init_option(i, "tls-key"));
	return 0;
}

int init_refused(struct err *e)
{
	bool is_denied =
		e->code == LDAP_INVALID_CREDENTIALS || e->code == LDAP_INSUFFICIENT_ACCESS;

	if (e->domain == ERR_DIRECTORY && e->code == LDAP_INVALID_DN_SYNTAX)
		return err_remedy(e, "give the account's DN, as cn=waypost,ou=Services,dc=example,"
				     "dc=com");
	if (e->domain != ERR_DIRECTORY || !is_denied)
		return -1;
	e->domain = ERR_PERMISSION;
	return err_remedy(e, "correct the account's name or its password");
}

static int try_method(struct init *i, struct err *e)
{
	if (take_method(i, e) < 0 || ask_check(&i->ask, e) < 0)
		return -1;
	if (dirconn_open(&i->directory, &i->uri, NO_FD, &i->ld, e) < 0)
		return init_refused(e);
	i->dse = rootdse_read(i->ctx, i->ld, NO_FD, e);
	if (i->dse == NULL)
		return -1;
	i->kind = doctor_kind_of(i->dse);
	return 0;
}

int init_sign_in(struct init *i, struct err *e)
{
	while (try_method(i, e) < 0) {
		dirconn_close(&i->ld);
		if (!ask_again(&i->ask, "password-file", e))
			return -1;
	}
	/* A password that would cross the network in clear is refused: so it was not. */
	if (i->directory.bind != HOST_BIND_SIMPLE)
		i->directory.cleartext = false;
	if (i->secret != NULL)
		i->secret_path =
			talloc_asprintf(i->ctx, "%.*s/directory.password",
					(int)(strrchr(i->path, '/') - i->path), i->path);
	return 0;
}
