/* What the directory doctor looks at on this host: folders, secrets, certificate, programs. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/doctor.h"
#include "common/cert.h"
#include "common/progpath.h"

static void check_file(struct doctor *d)
{
	doctor_say(d, DOCTOR_OK, "%s", d->host->path);
}

static void check_name(struct doctor *d)
{
	const struct hostfile *host = d->host;

	if (host->server != NULL)
		doctor_say(d, DOCTOR_OK, "it is %s", host->server);
	else if (strchr(host->fqdn, '.') != NULL)
		doctor_say(d, DOCTOR_OK, "it is the server whose waypostFqdn is %s",
			   host->fqdn);
	else {
		doctor_say(d, DOCTOR_WARNING,
			   "this host calls itself %s, which is no whole name", host->fqdn);
		doctor_fix(
			d,
			"say server = \"NAME\" in %s, or give the host its name in /etc/hosts",
			host->path);
	}
}

static void check_user(struct doctor *d)
{
	const char *user = d->host->user;

	if (user == NULL)
		return;
	if (getpwnam(user) != NULL) {
		doctor_say(d, DOCTOR_OK, "%s", user);
		return;
	}
	doctor_say(d, DOCTOR_FAILED, "there is no user %s", user);
	doctor_fix(d, "make it, or leave user out of the host file");
	doctor_commands(d, "useradd --system --home-dir %s --shell /usr/sbin/nologin %s",
			d->host->state, user);
}

static void check_folder(struct doctor *d, const char *path)
{
	struct err e;

	if (access(path, W_OK | X_OK) == 0 || errno == ENOENT) {
		doctor_say(d, DOCTOR_OK, "%s", path);
		return;
	}
	err_errno(&e, "%s", path);
	err_remedy(&e, "make it writable for the daemons' user");
	doctor_say_error(d, DOCTOR_FAILED, &e);
}

static void check_state(struct doctor *d)
{
	check_folder(d, d->host->state);
}

/* The sockets in it have addresses of a limited length. */
static void check_run(struct doctor *d)
{
	static const char longest[] = "/waypost-ldapsync.sock";
	const char *path = d->host->run;
	size_t most = sizeof(((struct sockaddr_un *)NULL)->sun_path) - sizeof(longest);

	if (strlen(path) <= most) {
		check_folder(d, path);
		return;
	}
	doctor_say(d, DOCTOR_FAILED, "%s is too long a path for control sockets", path);
	doctor_fix(d, "name one of at most %zu octets in the host file", most);
}

static void check_credentials(struct doctor *d)
{
	const char *path = d->host->delivery.credentials_file;
	char *secret = NULL;
	struct err e;

	if (path == NULL)
		return;
	if (hostfile_secret(path, &secret, &e) < 0) {
		doctor_say_error(d, DOCTOR_FAILED, &e);
		return;
	}
	explicit_bzero(secret, strlen(secret));
	free(secret);
	doctor_say(d, DOCTOR_OK, "%s", path);
}

static void check_certificate(struct doctor *d)
{
	struct cert_pair pair;
	char *cert_path, *key_path;
	struct err e;

	cert_paths(d->host, &cert_path, &key_path);
	if (access(cert_path, F_OK) < 0 && access(key_path, F_OK) < 0) {
		doctor_say(d, DOCTOR_OK, "will be made at the first start");
	} else if (cert_load(cert_path, key_path, &pair, &e) < 0) {
		doctor_say_error(d, DOCTOR_FAILED, &e);
	} else {
		doctor_say(d, DOCTOR_OK, "%s", pair.hash);
		cert_fini(&pair);
	}
	free(cert_path);
	free(key_path);
}

static void check_program(struct doctor *d)
{
	char path[PATH_MAX];
	struct err e;

	if (progpath_find(d->check, path, &e) < 0)
		doctor_say_error(d, DOCTOR_FAILED, &e);
	else
		doctor_say(d, DOCTOR_OK, "%s", path);
}

/* Retries, expiries and Kerberos go by it. */
static void check_clock(struct doctor *d)
{
	struct timex state = { .modes = 0 };

	if (adjtimex(&state) != TIME_ERROR) {
		doctor_say(d, DOCTOR_OK, "it is kept by a time service");
		return;
	}
	doctor_say(d, DOCTOR_NOTE,
		   "the kernel knows of no time service that keeps this host's clock");
	doctor_fix(d, "run one, as systemd-timesyncd or chrony, unless the virtual machine's "
		      "host keeps it");
}

static const struct {
	const char *name;
	void (*run)(struct doctor *d);
} host_checks[] = {
	{ "host file", check_file },
	{ "host name", check_name },
	{ "user", check_user },
	{ "state folder", check_state },
	{ "run folder", check_run },
	{ "credentials file", check_credentials },
	{ "certificate", check_certificate },
	{ "host clock", check_clock },
	{ "waypost-ldapsync", check_program },
	{ "waypost-delivery", check_program },
};

void doctor_see_host(struct doctor *d)
{
	for (size_t i = 0; i < WP_COUNT(host_checks); i++) {
		d->check = host_checks[i].name;
		host_checks[i].run(d);
	}
}
