/* The directory doctor: names, SRV records and connections. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/doctor_private.h"
#include "common/clock.h"
#include "common/ipaddr.h"
#include "ldapsync/addresses.h"
#include "ldapsync/dirservers.h"

enum { CONNECT_MS = 3000, NAME_MS = 5000 };

/* ---- which servers there are ---- */

static void add_uri(TALLOC_CTX *ctx, struct host_uri **list, size_t *n,
		    const struct host_uri *uri)
{
	*list = talloc_realloc(ctx, *list, struct host_uri, *n + 1);
	(*list)[(*n)++] = *uri;
}

/* The servers that the SRV records of SRV's domain name, one row about them. */
static void find_by_srv(struct doctor *d, TALLOC_CTX *ctx,
			const struct host_directory *directory, const struct host_uri *srv,
			struct host_uri **list, size_t *n)
{
	struct dirservers servers;
	struct buf names = { 0 };
	const char *name;
	struct err e;

	d->check = "srv records";
	if (dirservers_look_up(ctx, d->host, directory, srv, -1, &servers, &name, &e) < 0) {
		doctor_say_error(d, DOCTOR_FAILED, &e);
		doctor_commands(d, "host -t SRV _ldap._tcp.%s", srv->host);
		return;
	}
	for (size_t i = 0; i < servers.n; i++) {
		buf_printf(&names, "%s%s:%u", names.len > 0 ? ", " : "", servers.uris[i].host,
			   servers.uris[i].port);
		add_uri(ctx, list, n, &servers.uris[i]);
	}
	doctor_say(d, DOCTOR_OK, "%s: %s", name, names.data);
	buf_free(&names);
}

const struct host_uri *doctor_find_servers(struct doctor *d, TALLOC_CTX *ctx,
					   const struct host_directory *directory, size_t *n_r)
{
	struct host_uri *list = NULL;

	*n_r = 0;
	for (size_t i = 0; i < directory->n_uris; i++)
		if (directory->uris[i].scheme == HOST_SRV)
			find_by_srv(d, ctx, directory, &directory->uris[i], &list, n_r);
		else
			add_uri(ctx, &list, n_r, &directory->uris[i]);
	return list;
}

/* ---- names ---- */

/* "192.0.2.1" of an address, into TEXT. */
static const char *address_text(const struct addrinfo *a, char text[static NI_MAXHOST])
{
	if (getnameinfo(a->ai_addr, a->ai_addrlen, text, NI_MAXHOST, NULL, 0, NI_NUMERICHOST) !=
	    0)
		snprintf(text, NI_MAXHOST, "?");
	return text;
}

void doctor_check_dns(struct doctor_server *s)
{
	char text[NI_MAXHOST];
	struct buf list = { 0 };
	struct ipaddr ignored;
	const char *why;

	if (s->uri->scheme == HOST_LDAPI) {
		s->has |= HAS_ADDRESS;
		return;
	}
	if (addresses_find(s->uri->host, s->uri->port, -1, clock_mono_ms() + NAME_MS, &s->addresses,
			   &why) < 0) {
		doctor_say(s->doctor, DOCTOR_FAILED, "%s: %s", s->uri->host, why);
		doctor_fix(
			s->doctor,
			"correct the name in uri, add it to DNS, or look at /etc/resolv.conf");
		doctor_commands(s->doctor, "getent ahosts %s", s->uri->host);
		return;
	}
	s->has |= HAS_ADDRESS;
	for (const struct addrinfo *a = s->addresses; a != NULL; a = a->ai_next)
		buf_printf(&list, "%s%s", list.len > 0 ? ", " : "", address_text(a, text));
	if (!ipaddr_parse(s->uri->host, strlen(s->uri->host), &ignored))
		doctor_say(s->doctor, DOCTOR_OK, "%s is %s", s->uri->host, list.data);
	buf_free(&list);
}

/* ---- connections ---- */

/* Waits for the end of a connect(); errno says how it failed. */
static int await_connect(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof(errno);
	int code = 0;

	if (poll(&p, 1, CONNECT_MS) <= 0) {
		errno = ETIMEDOUT;
		return -1;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) < 0)
		return -1;
	errno = code;
	return code == 0 ? 0 : -1;
}

static int connect_to(const struct sockaddr *address, socklen_t len)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
	    code;

	if (fd < 0)
		return -1;
	if (connect(fd, address, len) == 0 || (errno == EINPROGRESS && await_connect(fd) == 0))
		return fd;
	code = errno;
	close(fd);
	errno = code;
	return -1;
}

int doctor_connect(const struct doctor_server *s, struct err *e)
{
	for (const struct addrinfo *a = s->addresses; a != NULL; a = a->ai_next) {
		int fd = connect_to(a->ai_addr, a->ai_addrlen);

		if (fd >= 0)
			return fd;
	}
	return err_errno(e, "no connection to %s", s->uri->text);
}

/* What a failure to connect means, as the fix of the last row. */
static void explain(struct doctor_server *s, int code)
{
	if (code == ECONNREFUSED)
		doctor_fix(s->doctor,
			   "nobody listens there: start the directory server, or correct the "
			   "port in uri");
	else if (code == ETIMEDOUT)
		doctor_fix(s->doctor,
			   "nothing comes back: is the server up, and does a firewall let this "
			   "host through to port %u?",
			   s->uri->port);
	else if (code == ENOENT)
		doctor_fix(s->doctor, "there is no such socket: start slapd with -h ldapi:///, "
				      "or correct uri");
	else if (code == EACCES)
		doctor_fix(s->doctor, "the user of this command may not use the socket: run it "
				      "as the daemons' "
				      "user or as root");
	else
		doctor_fix(s->doctor, "look at the network between this host and the server");
}

static void check_socket(struct doctor_server *s)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (s->uri->path == NULL || strlen(s->uri->path) >= sizeof(address.sun_path)) {
		s->has |= HAS_CONNECTION;
		return;
	}
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", s->uri->path);
	fd = connect_to((struct sockaddr *)&address, sizeof(address));
	if (fd < 0) {
		doctor_say(s->doctor, DOCTOR_FAILED, "%s: %s", s->uri->path, strerror(errno));
		explain(s, errno);
		return;
	}
	close(fd);
	s->has |= HAS_CONNECTION;
	doctor_say(s->doctor, DOCTOR_OK, "%s takes connections", s->uri->path);
}

/* One that works is enough; one that does not is still worth a word. */
static void check_address(struct doctor_server *s, const struct addrinfo *a, bool is_only)
{
	uint64_t begin = clock_mono_ms();
	char text[NI_MAXHOST];
	int fd = connect_to(a->ai_addr, a->ai_addrlen), code = errno;

	address_text(a, text);
	if (fd < 0) {
		doctor_say(s->doctor, is_only ? DOCTOR_FAILED : DOCTOR_WARNING,
			   "%s port %u: %s", text, s->uri->port, strerror(code));
		explain(s, code);
		return;
	}
	close(fd);
	s->has |= HAS_CONNECTION;
	doctor_say(s->doctor, DOCTOR_OK, "%s port %u takes connections, in %llu ms", text,
		   s->uri->port, (unsigned long long)(clock_mono_ms() - begin));
}

void doctor_check_connection(struct doctor_server *s)
{
	bool is_only = s->addresses != NULL && s->addresses->ai_next == NULL;

	if (s->uri->scheme == HOST_LDAPI)
		check_socket(s);
	for (const struct addrinfo *a = s->addresses; a != NULL; a = a->ai_next)
		check_address(s, a, is_only);
	if (!is_only && s->addresses != NULL && (s->has & HAS_CONNECTION) == 0)
		doctor_say(s->doctor, DOCTOR_FAILED,
			   "none of the addresses of %s takes connections", s->uri->host);
}
