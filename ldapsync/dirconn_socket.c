/* A TCP connection to a directory server: each address of its name in turn, within one deadline. */
#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "ldapsync/addresses.h"
#include "ldapsync/dirconn_private.h"

enum {
	KEEPALIVE_IDLE_S = 30,
	KEEPALIVE_PROBES = 3,
	KEEPALIVE_INTERVAL_S = 5,
};

/* ---- connect ---- */

int dirconn_wait_socket(const struct dial *dial, int fd, short events, uint64_t deadline_ms,
			const char *what, struct err *err)
{
	for (;;) {
		struct pollfd fds[2] = { { .fd = fd, .events = events },
					 { .fd = dial->stop_fd, .events = POLLIN } };
		uint64_t now = clock_mono_ms();
		int n = now < deadline_ms ? poll(fds, 2, (int)(deadline_ms - now)) : 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n > 0 && fds[1].revents != 0)
			return err_set(err, ERR_DIRECTORY, LDAP_TIMEOUT, "%s: stopped", what);
		if (n > 0)
			return 0;
		return err_set(err, ERR_DIRECTORY, LDAP_TIMEOUT, "%s: no answer", what);
	}
}

/* A server that vanishes while nothing is sent, or does not take what is. */
static void set_limits(int fd)
{
	const struct {
		int level, name, value;
	} limits[] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S },
		{ IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES },
		{ IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, 2 * DIRCONN_ANSWER_MS },
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
	};

	for (size_t i = 0; i < WP_COUNT(limits); i++)
		setsockopt(fd, limits[i].level, limits[i].name, &limits[i].value, sizeof(int));
}

static int refused(int code, struct err *err)
{
	err_set(err, ERR_DIRECTORY, LDAP_SERVER_DOWN, "connect: %s", strerror(code));
	if (code == ECONNREFUSED)
		return err_remedy(err, "nobody listens there: start the directory server, or correct "
				       "uri");
	return err_remedy(err, "look at the network between this host and the server");
}

static int wait_connected(const struct dial *dial, int fd, uint64_t deadline_ms, struct err *err)
{
	socklen_t len = sizeof(errno);

	if (dirconn_wait_socket(dial, fd, POLLOUT, deadline_ms, "connect", err) < 0)
		return -1;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &errno, &len) < 0 || errno != 0)
		return refused(errno, err);
	return 0;
}

static int connect_to(const struct dial *dial, const struct addrinfo *address, uint64_t deadline_ms,
		      struct err *err)
{
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), rc = 0;

	if (fd < 0)
		return err_errno(err, "connect");
	set_limits(fd);
	if (connect(fd, address->ai_addr, address->ai_addrlen) < 0)
		rc = errno == EINPROGRESS ? wait_connected(dial, fd, deadline_ms, err) :
					    refused(errno, err);
	if (rc == 0)
		return fd;
	close(fd);
	return -1;
}

int dirconn_socket(const struct dial *dial, struct err *err)
{
	struct addrinfo *found;
	const char *why;
	int fd = -1;

	if (addresses_find(dial->uri->host, dial->uri->port, dial->stop_fd, dial->deadline_ms, &found,
			   &why) < 0) {
		err_set(err, ERR_DIRECTORY, LDAP_SERVER_DOWN, "no address of %s: %s", dial->uri->host,
			why);
		return err_remedy(err, "check the name, and the resolver in /etc/resolv.conf");
	}
	for (struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next) {
		/* One that swallows what is sent must leave time for the next. */
		uint64_t now = clock_mono_ms(), limit = dial->deadline_ms;

		if (a->ai_next != NULL && limit > now)
			limit = now + (limit - now) / 2;
		fd = connect_to(dial, a, limit, err);
	}
	freeaddrinfo(found);
	return fd;
}
