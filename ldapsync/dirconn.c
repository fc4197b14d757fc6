/* One LDAP connection: options, connecting, TLS, and waiting. */
#include "ldapsync/dirconn_private.h"

#include <openldap.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "ldapsync/dirlayer.h"

enum { CONNECTING_LOOK_MS = 10, READ_AHEAD = 64 * 1024 };

void dirconn_init_library(void)
{
	/* What an administrator set for himself (ldaprc, LDAPTLS_…) is not ours. */
	setenv("LDAPNOINIT", "1", 1);
	dirconn_sasl_init();
	ldap_set_option(NULL, LDAP_OPT_REFERRALS, LDAP_OPT_OFF); /* libldap makes itself ready */
}

int dirconn_fail(LDAP *ld, int code, struct err *err, const char *what)
{
	char *diagnostic = NULL;

	if (ld != NULL && dirlayer_error(ld, err))
		return err_note(err, "%s", what);
	if (ld != NULL)
		ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &diagnostic);
	err_set(err, ERR_DIRECTORY, code, "%s: %s%s%s", what, ldap_err2string(code),
		diagnostic != NULL && *diagnostic != '\0' ? ": " : "",
		diagnostic != NULL ? diagnostic : "");
	ldap_memfree(diagnostic);
	return code == LDAP_FILTER_ERROR ? err_remedy(err, "correct filter in the host file") : -1;
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

/* A part of a large answer may lie in our layer of TLS or read ahead: no descriptor shows that. */
static bool has_decoded(LDAP *ld)
{
	Sockbuf *sockbuf = dirlayer_sockbuf(ld);

	return sockbuf != NULL && ber_sockbuf_ctrl(sockbuf, LBER_SB_OPT_DATA_READY, NULL) > 0;
}

void dirconn_wait(LDAP *ld, int stop_fd, int ms)
{
	struct pollfd fds[2] = { { .fd = stop_fd, .events = POLLIN },
				 { .fd = -1, .events = POLLIN } };

	if (has_decoded(ld))
		return;
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

int dirconn_result(LDAP *ld, int id, int stop_fd)
{
	LDAPMessage *message = NULL;
	int code, rc = dirconn_await(ld, id, stop_fd, &message);

	if (rc != LDAP_SUCCESS)
		return rc;
	rc = ldap_parse_result(ld, message, &code, NULL, NULL, NULL, NULL, 1);
	return rc != LDAP_SUCCESS ? rc : code;
}

/* ---- options ---- */

/* A length that no message has would be allocated, and waited for. */
static void limit_messages(LDAP *ld)
{
	Sockbuf *sockbuf = dirlayer_sockbuf(ld);
	ber_len_t most = DIRCONN_MESSAGE_MAX;

	if (sockbuf != NULL)
		ber_sockbuf_ctrl(sockbuf, LBER_SB_OPT_SET_MAX_INCOMING, &most);
}

static void set_options(LDAP *ld)
{
	const int version = LDAP_VERSION3;
	const struct timeval answer = { .tv_sec = DIRCONN_ANSWER_MS / 1000 };

	ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version);
	ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
	ldap_set_option(ld, LDAP_OPT_RESTART, LDAP_OPT_ON);
	ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &answer);
	ldap_set_option(ld, LDAP_OPT_TIMEOUT, &answer);
	ldap_set_option(ld, LDAP_OPT_X_SASL_NOCANON, LDAP_OPT_ON);
	limit_messages(ld);
}

/* ---- connect, TLS, bind ---- */

bool dirconn_has_tls(const struct dial *dial)
{
	return dial->uri->scheme == HOST_LDAPS ||
	       (dial->uri->scheme == HOST_LDAP && dial->directory->starttls);
}

static int start_tls(const struct dial *dial, struct err *err)
{
	int id, rc = ldap_start_tls(dial->ld, NULL, NULL, &id);

	if (rc == LDAP_SUCCESS)
		rc = dirconn_result(dial->ld, id, dial->stop_fd);
	if (rc == LDAP_SUCCESS)
		return dirconn_tls(dial, err);
	dirconn_fail(dial->ld, rc, err, "STARTTLS");
	return err_remedy(err, "give the server a certificate: without one it offers no STARTTLS");
}

static int begin_tls(const struct dial *dial, struct err *err)
{
	if (!dirconn_has_tls(dial))
		return 0;
	return dial->uri->scheme == HOST_LDAP ? start_tls(dial, err) : dirconn_tls(dial, err);
}

/* The handle, connected: libldap itself would try only the first address of a name. */
static int begin(struct dial *dial, struct err *err)
{
	int fd, rc;

	if (dial->uri->scheme == HOST_LDAPI) {
		rc = ldap_initialize(&dial->ld, dial->uri->text);
	} else {
		fd = dirconn_socket(dial, err);
		if (fd < 0)
			return -1;
		rc = ldap_init_fd(fd, LDAP_PROTO_TCP, dial->uri->text, &dial->ld);
		if (rc != LDAP_SUCCESS)
			close(fd);
	}
	if (rc != LDAP_SUCCESS)
		return dirconn_fail(NULL, rc, err, "libldap");
	set_options(dial->ld);
	return 0;
}

/* liblber would read each message by two calls of the kernel. */
static void read_ahead(LDAP *ld)
{
	Sockbuf *sockbuf = dirlayer_sockbuf(ld);
	int octets = READ_AHEAD;

	if (sockbuf != NULL)
		ber_sockbuf_add_io(sockbuf, &ber_sockbuf_io_readahead, LBER_SBIOD_LEVEL_PROVIDER,
				   &octets);
}

int dirconn_open(const struct host_directory *directory, const struct host_uri *uri, int stop_fd,
		 LDAP **ld_r, struct err *err)
{
	struct dial dial = { .directory = directory, .uri = uri, .stop_fd = stop_fd,
			     .deadline_ms = clock_mono_ms() + DIRCONN_ANSWER_MS };

	if (begin(&dial, err) < 0 || begin_tls(&dial, err) < 0 || dirconn_bind(&dial, err) < 0) {
		dirconn_close(&dial.ld);
		return err_note(err, "%s", uri->text);
	}
	if (!dirconn_has_tls(&dial)) /* our layer of TLS does */
		read_ahead(dial.ld);
	*ld_r = dial.ld;
	return 0;
}

void dirconn_close(LDAP **ld)
{
	if (*ld != NULL)
		ldap_destroy(*ld); /* without an unbind: a hung server must not matter */
	*ld = NULL;
}
