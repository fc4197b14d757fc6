/* One LDAP connection. */
#include "ldapsync/dirconn.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"

enum {
	CONNECTING_LOOK_MS = 10,
	KEEPALIVE_IDLE_S = 30,
	KEEPALIVE_PROBES = 3,
	KEEPALIVE_INTERVAL_S = 5,
};

void dirconn_init_library(void)
{
	char *package = NULL;

	/* What an administrator set for himself (ldaprc, LDAPTLS_…) is not ours. */
	setenv("LDAPNOINIT", "1", 1);
	ldap_get_option(NULL, LDAP_OPT_X_TLS_PACKAGE, &package);
	log_debug("libldap %d, TLS by %s", LDAP_VENDOR_VERSION,
		  package != NULL ? package : "nothing");
	ldap_memfree(package);
}

int dirconn_fail(LDAP *ld, int code, struct err *err, const char *what)
{
	char *diagnostic = NULL;

	if (ld != NULL)
		ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &diagnostic);
	err_set(err, ERR_DIRECTORY, code, "%s: %s%s%s", what, ldap_err2string(code),
		diagnostic != NULL && *diagnostic != '\0' ? ": " : "",
		diagnostic != NULL ? diagnostic : "");
	ldap_memfree(diagnostic);
	return -1;
}

static int result_code(LDAP *ld)
{
	int code = LDAP_OTHER;

	ldap_get_option(ld, LDAP_OPT_RESULT_CODE, &code);
	return code;
}

static bool is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

void dirconn_wait(LDAP *ld, int stop_fd, int ms)
{
	struct pollfd fds[2] = { { .fd = stop_fd, .events = POLLIN },
				 { .fd = -1, .events = POLLIN } };

	/* Anew each time: libldap may have another descriptor, or none yet. */
	ldap_get_option(ld, LDAP_OPT_DESC, &fds[1].fd);
	poll(fds, 2, fds[1].fd >= 0 || ms < CONNECTING_LOOK_MS ? ms : CONNECTING_LOOK_MS);
}

int dirconn_await(LDAP *ld, int id, int stop_fd, LDAPMessage **message_r)
{
	uint64_t deadline = clock_mono_ms() + DIRCONN_ANSWER_MS;

	for (;;) {
		struct timeval none = { 0, 0 };
		uint64_t now = clock_mono_ms();
		int rc = ldap_result(ld, id, LDAP_MSG_ALL, &none, message_r);

		if (rc < 0)
			return result_code(ld);
		if (rc > 0)
			return LDAP_SUCCESS;
		if (now >= deadline || is_readable(stop_fd))
			return LDAP_TIMEOUT;
		dirconn_wait(ld, stop_fd, (int)(deadline - now));
	}
}

static int await_result(LDAP *ld, int id, int stop_fd)
{
	LDAPMessage *message = NULL;
	int code, rc = dirconn_await(ld, id, stop_fd, &message);

	if (rc != LDAP_SUCCESS)
		return rc;
	rc = ldap_parse_result(ld, message, &code, NULL, NULL, NULL, NULL, 1);
	return rc != LDAP_SUCCESS ? rc : code;
}

/* ---- options ---- */

static void set_tls_options(LDAP *ld, const struct host_directory *directory)
{
	int hard = LDAP_OPT_X_TLS_HARD, is_server = 0, minimum = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2;

	if (directory->tls_ca != NULL)
		ldap_set_option(ld, LDAP_OPT_X_TLS_CACERTFILE, directory->tls_ca);
	if (directory->tls_cert != NULL) {
		ldap_set_option(ld, LDAP_OPT_X_TLS_CERTFILE, directory->tls_cert);
		ldap_set_option(ld, LDAP_OPT_X_TLS_KEYFILE, directory->tls_key);
	}
	ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &hard);
	ldap_set_option(ld, LDAP_OPT_X_TLS_PROTOCOL_MIN, &minimum);
	ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &is_server); /* last: takes what is set */
}

static void set_options(LDAP *ld)
{
	const int version = LDAP_VERSION3, idle = KEEPALIVE_IDLE_S, probes = KEEPALIVE_PROBES;
	const int interval = KEEPALIVE_INTERVAL_S;
	const unsigned user_timeout = 2 * DIRCONN_ANSWER_MS;
	const struct timeval answer = { .tv_sec = DIRCONN_ANSWER_MS / 1000 };

	ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version);
	ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
	ldap_set_option(ld, LDAP_OPT_RESTART, LDAP_OPT_ON);
	ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &answer);
	ldap_set_option(ld, LDAP_OPT_TIMEOUT, &answer);
	/* Without it a stalled TLS handshake never ends. */
	ldap_set_option(ld, LDAP_OPT_CONNECT_ASYNC, LDAP_OPT_ON);
	ldap_set_option(ld, LDAP_OPT_X_KEEPALIVE_IDLE, &idle);
	ldap_set_option(ld, LDAP_OPT_X_KEEPALIVE_PROBES, &probes);
	ldap_set_option(ld, LDAP_OPT_X_KEEPALIVE_INTERVAL, &interval);
	ldap_set_option(ld, LDAP_OPT_TCP_USER_TIMEOUT, &user_timeout);
	ldap_set_option(ld, LDAP_OPT_X_SASL_NOCANON, LDAP_OPT_ON);
}

/* ---- connect, TLS, bind ---- */

struct dial {
	const struct host_directory *directory;
	const struct host_uri *uri;
	int stop_fd;
	uint64_t deadline;
};

/* Whether an operation that returned RC may be asked again: the connection is being made. */
static bool still_connecting(const struct dial *dial, int rc)
{
	struct pollfd stop = { .fd = dial->stop_fd, .events = POLLIN };

	if (rc != LDAP_X_CONNECTING || clock_mono_ms() >= dial->deadline)
		return false;
	return poll(&stop, 1, CONNECTING_LOOK_MS) == 0;
}

static int start_tls(LDAP *ld, const struct dial *dial, struct err *err)
{
	int id, rc;

	do
		rc = ldap_start_tls(ld, NULL, NULL, &id);
	while (still_connecting(dial, rc));
	if (rc == LDAP_SUCCESS)
		rc = await_result(ld, id, dial->stop_fd);
	if (rc == LDAP_SUCCESS)
		rc = ldap_install_tls(ld);
	return rc == LDAP_SUCCESS ? 0 : dirconn_fail(ld, rc, err, "STARTTLS");
}

static int bind_sasl(LDAP *ld, const struct dial *dial, const char *dn, const char *mechanism,
		     const char *secret, struct err *err)
{
	struct berval credential = { strlen(secret), (char *)(uintptr_t)secret };
	int id, rc;

	do
		rc = ldap_sasl_bind(ld, dn, mechanism, &credential, NULL, NULL, &id);
	while (still_connecting(dial, rc));
	if (rc == LDAP_SUCCESS)
		rc = await_result(ld, id, dial->stop_fd);
	/* GnuTLS tells nothing more of a failed handshake or certificate. */
	if (rc == LDAP_SERVER_DOWN && dial->uri->scheme == HOST_LDAPS)
		return dirconn_fail(ld, rc, err, "TLS or connect");
	return rc == LDAP_SUCCESS ? 0 : dirconn_fail(ld, rc, err, "bind");
}

static int bind_none(LDAP *ld, const struct dial *dial, struct err *err)
{
	return bind_sasl(ld, dial, "", LDAP_SASL_SIMPLE, "", err);
}

static bool is_private(const struct dial *dial)
{
	return dial->uri->scheme == HOST_LDAPI || dial->uri->scheme == HOST_LDAPS ||
	       dial->directory->starttls || dial->directory->cleartext;
}

static int bind_simple(LDAP *ld, const struct dial *dial, struct err *err)
{
	const struct host_directory *directory = dial->directory;
	char *secret;
	int rc;

	if (!is_private(dial)) {
		err_set(err, ERR_CONFIG, 0, "directory %s: the password would cross the network in clear",
			directory->title);
		return err_remedy(err, "set starttls = true, or use ldaps:// or ldapi://");
	}
	if (hostfile_secret(directory->password_file, &secret, err) < 0)
		return -1;
	rc = bind_sasl(ld, dial, directory->bind_dn, LDAP_SASL_SIMPLE, secret, err);
	explicit_bzero(secret, strlen(secret));
	free(secret);
	return rc;
}

static int bind_external(LDAP *ld, const struct dial *dial, struct err *err)
{
	return bind_sasl(ld, dial, NULL, "EXTERNAL", "", err);
}

/* A method without a row's function is not there yet and is refused by name. */
static const struct {
	const char *name;
	int (*bind)(LDAP *ld, const struct dial *dial, struct err *err);
} bind_methods[] = {
	[HOST_BIND_NONE] = { "none", bind_none },
	[HOST_BIND_SIMPLE] = { "simple", bind_simple },
	[HOST_BIND_EXTERNAL] = { "external", bind_external },
	[HOST_BIND_GSSAPI] = { "gssapi", NULL },
	[HOST_BIND_GSS_SPNEGO] = { "gss-spnego", NULL },
	[HOST_BIND_SCRAM_SHA_256] = { "scram-sha-256", NULL },
};

static int bind_as_told(LDAP *ld, const struct dial *dial, struct err *err)
{
	enum host_bind method = dial->directory->bind;

	if (bind_methods[method].bind == NULL) {
		err_set(err, ERR_CONFIG, 0, "directory %s: bind = \"%s\" is not supported here",
			dial->directory->title, bind_methods[method].name);
		return err_remedy(err, "use simple over TLS, or external");
	}
	return bind_methods[method].bind(ld, dial, err);
}

/* libldap's address of URI, under CTX: as it stands, or what the domain's SRV records name. */
static const char *address_of(const struct host_uri *uri, void *ctx, struct err *err)
{
	char *hosts = NULL, *list, *save = NULL;
	int rc;

	if (uri->scheme != HOST_SRV)
		return uri->text;
	rc = ldap_domain2hostlist(uri->host, &hosts);
	if (rc != LDAP_SUCCESS) {
		err_set(err, ERR_DIRECTORY, rc, "no SRV records _ldap._tcp.%s", uri->host);
		return NULL;
	}
	list = talloc_strdup(ctx, "");
	for (char *host = strtok_r(hosts, " ", &save); host != NULL;
	     host = strtok_r(NULL, " ", &save))
		list = talloc_asprintf_append(list, "%sldap://%s", *list ? " " : "", host);
	ldap_memfree(hosts);
	return list;
}

/* liblber would read each message by two calls of the kernel. */
static void read_ahead(LDAP *ld)
{
	Sockbuf *sb = NULL;

	if (ldap_get_option(ld, LDAP_OPT_SOCKBUF, &sb) == LDAP_SUCCESS && sb != NULL)
		ber_sockbuf_add_io(sb, &ber_sockbuf_io_readahead, LBER_SBIOD_LEVEL_PROVIDER, NULL);
}

int dirconn_open(const struct host_directory *directory, const struct host_uri *uri, int stop_fd,
		 LDAP **ld_r, struct err *err)
{
	const struct dial dial = { directory, uri, stop_fd, clock_mono_ms() + DIRCONN_ANSWER_MS };
	bool wants_starttls = directory->starttls &&
			      (uri->scheme == HOST_LDAP || uri->scheme == HOST_SRV);
	void *ctx = talloc_new(NULL);
	const char *address = address_of(uri, ctx, err);
	LDAP *ld = NULL;
	int rc = -1;

	if (address != NULL) {
		int code = ldap_initialize(&ld, address);

		rc = code == LDAP_SUCCESS ? 0 : dirconn_fail(NULL, code, err, address);
	}
	talloc_free(ctx);
	if (rc < 0)
		return -1;
	set_options(ld);
	if (uri->scheme == HOST_LDAPS || wants_starttls)
		set_tls_options(ld, directory);
	if ((wants_starttls && start_tls(ld, &dial, err) < 0) || bind_as_told(ld, &dial, err) < 0) {
		dirconn_close(&ld);
		return err_note(err, "%s", uri->text);
	}
	read_ahead(ld);
	*ld_r = ld;
	return 0;
}

void dirconn_close(LDAP **ld)
{
	if (*ld != NULL)
		ldap_destroy(*ld); /* without an unbind: a hung server must not matter */
	*ld = NULL;
}

static void take_values(LDAP *ld, LDAPMessage *entry, const char *attribute, void *ctx,
			struct dirconn_values *values)
{
	struct berval **found = ldap_get_values_len(ld, entry, attribute);
	int n = ldap_count_values_len(found);

	values->values = talloc_array(ctx, const char *, n + 1);
	for (int i = 0; i < n; i++)
		values->values[values->count++] = talloc_strndup(values->values, found[i]->bv_val,
								 found[i]->bv_len);
	ldap_value_free_len(found);
}

int dirconn_root_dse(LDAP *ld, int stop_fd, const char *attribute, void *ctx,
		     struct dirconn_values *values_r, struct err *err)
{
	char *attributes[] = { (char *)(uintptr_t)attribute, NULL };
	LDAPMessage *message = NULL, *entry;
	int id, rc;

	*values_r = (struct dirconn_values){ 0 };
	rc = ldap_search_ext(ld, "", LDAP_SCOPE_BASE, "(objectClass=*)", attributes, 0, NULL, NULL,
			     NULL, 1, &id);
	if (rc == LDAP_SUCCESS)
		rc = dirconn_await(ld, id, stop_fd, &message);
	if (rc != LDAP_SUCCESS)
		return dirconn_fail(ld, rc, err, "reading the rootDSE");
	entry = ldap_first_entry(ld, message);
	if (entry != NULL)
		take_values(ld, entry, attribute, ctx, values_r);
	ldap_msgfree(message);
	return 0;
}
