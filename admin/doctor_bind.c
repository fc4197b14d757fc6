/* The directory doctor: signing in as the host file says, and what else the server would take.
 */
#define _GNU_SOURCE
#include <string.h>

#include "admin/dirquery.h"
#include "admin/doctor_private.h"
#include "common/clock.h"
#include "ldapsync/dirconn.h"

#define OID_WHO_AM_I "1.3.6.1.4.1.4203.1.11.3"

enum { NO_FD = -1 };

/* How the methods of the host file are called on the wire; null: no SASL. */
static const char *const mechanisms[] = {
	[HOST_BIND_NONE] = NULL,
	[HOST_BIND_SIMPLE] = NULL,
	[HOST_BIND_EXTERNAL] = "EXTERNAL",
	[HOST_BIND_GSSAPI] = "GSSAPI",
	[HOST_BIND_GSS_SPNEGO] = "GSS-SPNEGO",
	[HOST_BIND_SCRAM_SHA_256] = "SCRAM-SHA-256",
};

/* ---- the bind of the host file ---- */

/* Nobody in particular: so much can be said of a server that does not know the account. */
static void open_anonymously(struct doctor_server *s)
{
	struct host_directory directory = s->directory;
	struct err ignored;

	directory.bind = HOST_BIND_NONE;
	if (dirconn_open(&directory, s->uri, NO_FD, &s->ld, &ignored) < 0)
		s->ld = NULL;
}

static void read_root(struct doctor_server *s)
{
	struct err e;

	s->dse = rootdse_read(s->ctx, s->ld, NO_FD, &e);
	if (s->dse == NULL) {
		doctor_say_error(s->doctor, DOCTOR_FAILED, &e);
		doctor_fix(s->doctor, "let everybody read the rootDSE (OpenLDAP: olcAccess: to "
				      "dn.base=\"\" by "
				      "* read)");
		s->has &= ~(unsigned)HAS_BIND;
		return;
	}
	s->has |= HAS_ROOT;
	s->tracker = rootdse_has(&s->dse->capabilities, ROOTDSE_ACTIVE_DIRECTORY) ? TRACK_AD :
										    TRACK_SYNC;
	s->kind = doctor_kind_of(s->dse);
	doctor_complete(s->ctx, &s->directory, s->dse);
}

void doctor_check_bind(struct doctor_server *s)
{
	uint64_t begin = clock_mono_ms();
	const char *how, *tls;
	struct err e;

	if (dirconn_open(&s->directory, s->uri, NO_FD, &s->ld, &e) == 0) {
		s->has |= HAS_BIND;
		s->account = s->directory.bind_dn;
		dirconn_describe(s->ld, &s->directory, s->uri, s->ctx, &how, &tls);
		doctor_say(s->doctor, DOCTOR_OK, "accepted: %s, in %llu ms", how,
			   (unsigned long long)(clock_mono_ms() - begin));
	} else {
		s->ld = NULL;
		doctor_say_error(s->doctor, DOCTOR_FAILED, &e);
		if (e.domain == ERR_DIRECTORY && e.code != LDAP_TIMEOUT &&
		    e.code != LDAP_SERVER_DOWN)
			open_anonymously(s);
	}
	if (s->ld != NULL)
		read_root(s);
}

/* ---- what it takes ---- */

void doctor_check_mechanisms(struct doctor_server *s)
{
	const char *wanted = mechanisms[s->directory.bind];
	const struct rootdse_list *offered = &s->dse->mechanisms;
	struct buf list = { 0 };

	for (size_t i = 0; i < offered->count; i++)
		buf_printf(&list, "%s%s", i > 0 ? ", " : "", offered->values[i]);
	if (wanted != NULL && !rootdse_has(offered, wanted) && (s->has & HAS_BIND) == 0) {
		doctor_say(s->doctor, DOCTOR_FAILED, "%s is not offered; %s", wanted,
			   list.len > 0 ? list.data : "no SASL method is");
		doctor_fix(s->doctor, strcmp(wanted, "EXTERNAL") == 0 ?
					      "EXTERNAL needs ldapi:// or a client "
					      "certificate: set tls_cert and tls_key" :
					      "install the server's SASL module for it, or "
					      "choose another bind");
	} else {
		doctor_say(s->doctor, DOCTOR_OK, "simple%s%s", list.len > 0 ? ", " : "",
			   list.len > 0 ? list.data : "");
	}
	buf_free(&list);
}

/* The result of a simple bind by somebody who does not exist, over a connection of its own. */
static int bind_in_clear(struct doctor_server *s)
{
	const struct rootdse_list *contexts = &s->dse->naming_contexts;
	/* Outside of its databases slapd does not ask whether the password was protected. */
	const char *nobody =
		talloc_asprintf(s->ctx, "cn=waypost-doctor%s%s", contexts->count > 0 ? "," : "",
				contexts->count > 0 ? contexts->values[0] : "");
	struct berval password = { 7, (char *)(uintptr_t) "nothing" };
	LDAPMessage *message = NULL;
	int id, rc, code = LDAP_OTHER;
	LDAP *ld = NULL;
	struct host_directory directory = s->directory;
	struct err ignored;

	directory.bind = HOST_BIND_NONE;
	directory.starttls = false;
	if (dirconn_open(&directory, s->uri, NO_FD, &ld, &ignored) < 0)
		return ignored.code;
	rc = ldap_sasl_bind(ld, nobody, LDAP_SASL_SIMPLE, &password, NULL, NULL, &id);
	if (rc == LDAP_SUCCESS)
		rc = dirconn_await(ld, id, NO_FD, &message);
	if (rc == LDAP_SUCCESS)
		rc = ldap_parse_result(ld, message, &code, NULL, NULL, NULL, NULL, 1);
	dirconn_close(&ld);
	return rc == LDAP_SUCCESS ? code : rc;
}

static bool is_refusal_of_clear_text(int code)
{
	return code == LDAP_CONFIDENTIALITY_REQUIRED || code == LDAP_STRONG_AUTH_REQUIRED ||
	       code == LDAP_INAPPROPRIATE_AUTH || code == LDAP_UNWILLING_TO_PERFORM;
}

/* The port is there for everybody: what others send through it is the server's to refuse. */
void doctor_check_clear_text(struct doctor_server *s)
{
	int code;

	if (s->uri->scheme != HOST_LDAP)
		return;
	code = bind_in_clear(s);
	if (is_refusal_of_clear_text(code)) {
		doctor_say(s->doctor, DOCTOR_OK, "passwords without TLS are refused");
		return;
	}
	if (code != LDAP_INVALID_CREDENTIALS && code != LDAP_NO_SUCH_OBJECT &&
	    code != LDAP_INVALID_DN_SYNTAX)
		return;
	doctor_say(s->doctor, DOCTOR_NOTE,
		   "the server takes passwords without TLS from whoever sends them");
	if (s->kind == KIND_OPENLDAP) {
		/* 64: less than ldapi:// counts for, which needs no TLS. */
		doctor_fix(s->doctor, "have them refused");
		doctor_commands(s->doctor,
				"ldapmodify -Y EXTERNAL -H %s <<'EOF'\ndn: cn=config\n"
				"changetype: modify\nreplace: olcSecurity\n"
				"olcSecurity: simple_bind=64\nEOF", doctor_ldapi(s->uri));
	} else if (s->kind == KIND_389) {
		doctor_fix(s->doctor, "have them refused");
		doctor_commands(s->doctor,
				"dsconf INSTANCE config replace nsslapd-require-secure-binds=on");
	} else if (s->kind == KIND_SAMBA) {
		doctor_fix(s->doctor, "set `ldap server require strong auth = yes` in smb.conf");
	} else {
		doctor_fix(s->doctor, "let the domain controllers require signing (policy \"LDAP "
				      "server signing requirements\")");
	}
}

void doctor_check_identity(struct doctor_server *s)
{
	const char *name;
	int code;

	if (!rootdse_has(&s->dse->extensions, OID_WHO_AM_I))
		return;
	code = dirquery_extended(s->ld, s->ctx, OID_WHO_AM_I, &name);
	if (code != LDAP_SUCCESS)
		doctor_say(s->doctor, DOCTOR_NOTE, "who am I: %s", ldap_err2string(code));
	else if (name == NULL || *name == '\0')
		doctor_say(s->doctor,
			   s->directory.bind == HOST_BIND_NONE ? DOCTOR_NOTE : DOCTOR_WARNING,
			   "the server takes this host for nobody in particular");
	else
		doctor_say(s->doctor, DOCTOR_OK, "the server knows this host as %s", name);
	if (name != NULL && strncmp(name, "dn:", 3) == 0)
		s->account = name + 3 + strspn(name + 3, " ");
}
