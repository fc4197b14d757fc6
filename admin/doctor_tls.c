/*
 * The directory doctor: the certificate of a server, judged by time, name and authority apart. The
 * agent's own connection ends at the first of them that is wrong.
 */
#define _GNU_SOURCE
#include <lber.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/doctor_private.h"
#include "common/cert_facts.h"
#include "common/clock.h"
#include "common/ipaddr.h"
#include "common/tls.h"
#include "ldapsync/dirconn.h"

enum { SOON_DAYS = 30, DAY_MS = 24 * 3600 * 1000, CHAIN_MAX = 16, ANSWER_MAX = 8192 };

/* The conversation with one server. */
struct talk {
	struct doctor_server *server;
	int fd;
	uint64_t deadline;
	struct tls *tls;
};

static bool await(const struct talk *t, short events)
{
	struct pollfd p = { .fd = t->fd, .events = events };
	uint64_t now = clock_mono_ms();

	return now < t->deadline && poll(&p, 1, (int)(t->deadline - now)) > 0;
}

static int send_all(const struct talk *t, const char *data, size_t len, struct err *e)
{
	while (len > 0) {
		ssize_t n = await(t, POLLOUT) ? send(t->fd, data, len, MSG_NOSIGNAL) : -1;

		if (n <= 0)
			return err_set(e, ERR_TLS, 0, "the server takes nothing in");
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Some octets; 0 at the end, -1 and E if there were none in time. */
static ssize_t receive(const struct talk *t, char *data, size_t size, struct err *e)
{
	ssize_t n;

	if (!await(t, POLLIN)) {
		err_set(e, ERR_TLS, 0, "nothing came back within %d s",
			DIRCONN_ANSWER_MS / 1000);
		return err_remedy(e, "the server takes connections and does not serve them: "
				     "look at its log, "
				     "restart it");
	}
	n = recv(t->fd, data, size, 0);
	return n < 0 ? err_errno(e, "the connection broke") : n;
}

/* ---- StartTLS (RFC 4511 §4.14) ---- */

static const char start_tls[] = "\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
				"1.3.6.1.4.1.1466.20037";

/* Whether DATA is a whole LDAP message. Short definite lengths and those of two octets are
 * enough. */
static bool is_whole(const char *data, size_t len)
{
	const unsigned char *b = (const unsigned char *)data;
	size_t head = 2, body;

	if (len < 2)
		return false;
	body = b[1];
	if (b[1] == 0x81 && len > 2) {
		head = 3;
		body = b[2];
	} else if (b[1] == 0x82 && len > 3) {
		head = 4;
		body = (size_t)(b[2] << 8 | b[3]);
	} else if (b[1] >= 0x80) {
		return len >= 7; /* no server says that much: what is there is looked at */
	}
	return len >= head + body;
}

static int judge_answer(const char *data, size_t len, struct err *e)
{
	struct berval value = { len, (char *)(uintptr_t)data }, dn, text;
	BerElement *ber = ber_init(&value);
	ber_int_t id, code = LDAP_OTHER;
	bool ok = ber != NULL && ber_scanf(ber, "{i{emm", &id, &code, &dn, &text) != LBER_ERROR;

	if (!ok)
		err_set(e, ERR_TLS, 0, "what answers is no LDAP server");
	else if (code != LDAP_SUCCESS)
		err_set(e, ERR_TLS, code, "StartTLS is refused: %s%s%.*s",
			ldap_err2string(code), text.bv_len > 0 ? ": " : "", (int)text.bv_len,
			text.bv_val);
	ber_free(ber, 1);
	if (ok && code == LDAP_SUCCESS)
		return 0;
	return err_remedy(
		e, "give the server a certificate (olcTLSCertificateFile), or use ldaps://");
}

static int ask_for_tls(const struct talk *t, struct err *e)
{
	char answer[ANSWER_MAX];
	size_t len = 0;

	if (send_all(t, start_tls, sizeof(start_tls) - 1, e) < 0)
		return -1;
	while (!is_whole(answer, len) && len < sizeof(answer)) {
		ssize_t n = receive(t, answer + len, sizeof(answer) - len, e);

		if (n < 0)
			return -1;
		if (n == 0)
			return err_set(e, ERR_TLS, 0,
				       "the server closed the connection at StartTLS");
		len += (size_t)n;
	}
	return judge_answer(answer, len, e);
}

/* ---- the handshake ---- */

static int flush_output(const struct talk *t, struct err *e)
{
	size_t len;
	const char *data = tls_output(t->tls, &len);

	if (len > 0 && send_all(t, data, len, e) < 0)
		return -1;
	tls_output_done(t->tls, len);
	return 0;
}

static int shake_hands(const struct talk *t, struct err *e)
{
	char data[4096];

	for (;;) {
		int rc = tls_handshake(t->tls, e);
		struct err ignored;
		ssize_t n;

		if (flush_output(t, rc < 0 ? &ignored : e) < 0 && rc >= 0)
			return -1;
		if (rc != 0)
			return rc < 0 ? -1 : 0;
		n = receive(t, data, sizeof(data), e);
		if (n < 0)
			return -1;
		if (n == 0)
			return err_set(e, ERR_TLS, 0,
				       "the server closed the connection in the TLS handshake");
		tls_feed(t->tls, data, (size_t)n);
	}
}

/* ---- what the certificate says ---- */

static const char *day_text(uint64_t ms, char text[static 25])
{
	clock_iso8601(ms, text);
	text[10] = '\0';
	return text;
}

static void fix_renew(struct doctor_server *s)
{
	doctor_fix(s->doctor,
		   "put a new certificate where the server has this one (OpenLDAP: "
		   "olcTLSCertificateFile, olcTLSCertificateKeyFile) and restart it");
}

/* False if it may not be used today. */
static bool judge_time(struct doctor_server *s, const struct cert_facts *facts)
{
	uint64_t now = clock_wall_ms();
	char day[25];

	if (now > facts->ends_ms) {
		doctor_say(s->doctor, DOCTOR_FAILED, "the certificate of %s has expired on %s",
			   facts->subject, day_text(facts->ends_ms, day));
		fix_renew(s);
		return false;
	}
	if (now < facts->begins_ms) {
		doctor_say(s->doctor, DOCTOR_FAILED,
			   "the certificate of %s is valid from %s only", facts->subject,
			   day_text(facts->begins_ms, day));
		doctor_fix(s->doctor, "set this host's clock right, or wait until then");
		return false;
	}
	if (facts->ends_ms - now < (uint64_t)SOON_DAYS * DAY_MS) {
		doctor_say(s->doctor, DOCTOR_WARNING,
			   "the certificate of %s expires in %llu days, on %s", facts->subject,
			   (unsigned long long)((facts->ends_ms - now) / DAY_MS),
			   day_text(facts->ends_ms, day));
		fix_renew(s);
	}
	return true;
}

static bool judge_name(struct doctor_server *s, const struct cert_facts *facts, const void *der,
		       size_t len)
{
	const char *host = s->uri->host;
	size_t first = strcspn(facts->names, ",");

	if (cert_is_for(der, len, host))
		return true;
	doctor_say(s->doctor, DOCTOR_FAILED, "the certificate is not for %s but for %s", host,
		   *facts->names != '\0' ? facts->names : "no host");
	if (*facts->names != '\0')
		doctor_fix(s->doctor,
			   "name the server in uri as its certificate does: %.*s; or give it a "
			   "certificate for %s",
			   (int)first, facts->names, host);
	else
		doctor_fix(s->doctor, "give the server a certificate with subjectAltName %s",
			   host);
	return false;
}

/* Who stands at the end of the chain that the server sent. */
static const char *last_issuer(const struct talk *t)
{
	struct cert_facts facts = { .issuer = "?" };
	struct err ignored;

	for (int i = 0; i < CHAIN_MAX; i++) {
		uint8_t *der;
		size_t len = tls_peer_der(t->tls, i, &der);
		int rc = len > 0 ? cert_facts_read(t->server->ctx, der, len, &facts, &ignored) :
				   -1;

		free(der);
		if (rc < 0)
			break;
	}
	return facts.issuer;
}

static bool judge_chain(const struct talk *t)
{
	struct doctor_server *s = t->server;
	const char *ca = s->directory.tls_ca;
	struct err e;

	if (tls_verify_peer(t->tls, NULL, &e))
		return true;
	if (ca == NULL)
		doctor_say(s->doctor, DOCTOR_FAILED,
			   "tls_ca is not set, so no certificate is trusted; this one "
			   "was issued by %s",
			   last_issuer(t));
	else
		doctor_say(s->doctor, DOCTOR_FAILED,
			   "%s does not have the authority %s that issued it (%s)", ca,
			   last_issuer(t), e.text);
	doctor_fix(s->doctor, "put the authority's certificate into a file and name that with tls_ca; "
			      "it is often the last that the server sends");
	doctor_commands(s->doctor, "openssl s_client -showcerts -connect %s:%u%s </dev/null",
			s->uri->host, s->uri->port,
			s->uri->scheme == HOST_LDAP ? " -starttls ldap" : "");
	return false;
}

static void judge_peer(const struct talk *t)
{
	struct doctor_server *s = t->server;
	struct cert_facts facts;
	bool is_current, is_named, is_trusted;
	uint8_t *der;
	size_t len = tls_peer_der(t->tls, 0, &der);
	char cipher[80], day[25];
	struct err e;

	if (len == 0 || cert_facts_read(s->ctx, der, len, &facts, &e) < 0) {
		doctor_say(s->doctor, DOCTOR_FAILED, "the server shows no certificate");
		free(der);
		return;
	}
	is_current = judge_time(s, &facts);
	is_named = judge_name(s, &facts, der, len);
	/* One that has expired fails its chain, whoever issued it. */
	is_trusted = is_current && judge_chain(t);
	free(der);
	if (!is_named || !is_trusted)
		return;
	s->has |= HAS_PRIVACY;
	tls_describe(t->tls, cipher, sizeof(cipher));
	doctor_say(s->doctor, DOCTOR_OK, "%s; %s, by %s, until %s", cipher, facts.subject,
		   facts.issuer, day_text(facts.ends_ms, day));
}

/* ---- the check ---- */

static int talk_tls(struct talk *t, struct tls_context *context, struct err *e)
{
	const char *host = t->server->uri->host;
	struct ipaddr ignored;

	t->fd = doctor_connect(t->server, e);
	if (t->fd < 0)
		return -1;
	t->deadline = clock_mono_ms() + DIRCONN_ANSWER_MS;
	if (t->server->uri->scheme == HOST_LDAP && ask_for_tls(t, e) < 0)
		return -1;
	t->tls = tls_new(context, ipaddr_parse(host, strlen(host), &ignored) ? NULL : host);
	return shake_hands(t, e);
}

static void look_at_tls(struct doctor_server *s)
{
	const struct host_directory *directory = &s->directory;
	const struct tls_files files = { directory->tls_cert, directory->tls_key,
					 directory->tls_ca };
	struct talk t = { .server = s, .fd = -1 };
	struct err e = { .domain = ERR_NONE };
	struct tls_context *context = tls_context_new(TLS_CLIENT, &files, &e);

	if (context == NULL || talk_tls(&t, context, &e) < 0)
		doctor_say_error(s->doctor, DOCTOR_FAILED, &e);
	else
		judge_peer(&t);
	tls_free(t.tls);
	tls_context_free(context);
	if (t.fd >= 0)
		close(t.fd);
}

/* Without TLS: what crosses the network, and who protects it. */
static void look_at_no_tls(struct doctor_server *s)
{
	enum host_bind method = s->directory.bind;

	s->has |= HAS_PRIVACY;
	if (s->uri->scheme == HOST_LDAPI)
		return;
	if (method == HOST_BIND_GSSAPI || method == HOST_BIND_GSS_SPNEGO) {
		doctor_say(s->doctor, DOCTOR_OK, "not used; Kerberos protects the connection");
		return;
	}
	doctor_say(s->doctor, DOCTOR_WARNING,
		   "not used: %s crosses the network in clear, and nobody proves "
		   "who the server is",
		   method == HOST_BIND_SIMPLE ? "the password" : "what is read");
	doctor_fix(s->doctor, "set starttls = true and tls_ca, or use ldaps://");
}

void doctor_check_tls(struct doctor_server *s)
{
	if (s->uri->scheme == HOST_LDAPS ||
	    (s->uri->scheme == HOST_LDAP && s->directory.starttls))
		look_at_tls(s);
	else
		look_at_no_tls(s);
}
