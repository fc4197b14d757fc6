/* Listening sockets. Loop thread only. */
#include "delivery/listener.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/ipaddr.h"
#include "common/log.h"
#include "delivery/inbound.h"
#include "delivery/receive.h"

struct listener {
	uv_tcp_t tcp;
	struct loop *loop;
	struct listener *next;
	bool is_wanted;
	char binding[RECEIVE_BINDING_MAX];
};

static void on_connection(uv_stream_t *server, int status)
{
	struct listener *listener = server->data;

	if (status == 0)
		inbound_accept(listener->loop, server, listener->binding);
}

static int open_socket(const struct sockaddr *address, struct err *err)
{
	int one = 1, fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t len = address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
						       : sizeof(struct sockaddr_in);

	if (fd < 0)
		return err_errno(err, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (address->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, address, len) != 0) {
		err_errno(err, "bind");
		err_remedy(err, errno == EACCES ? "ports below 1024 need CAP_NET_BIND_SERVICE"
						: "is another mail server running on this address?");
		close(fd);
		return -1;
	}
	return fd;
}

static void on_listener_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void listener_open(struct loop *loop, const char *binding)
{
	struct sockaddr_storage address;
	struct listener *listener;
	struct err err;
	int fd, rc;

	if (!receive_binding_parse(binding, &address)) {
		log_error("receive connector binding \"%s\" is malformed", binding);
		return;
	}
	fd = open_socket((struct sockaddr *)&address, &err);
	if (fd < 0) {
		log_err(binding, &err);
		return;
	}
	listener = mem_zero(1, sizeof(*listener));
	listener->loop = loop;
	listener->is_wanted = true;
	snprintf(listener->binding, sizeof(listener->binding), "%s", binding);
	uv_tcp_init(&loop->uv, &listener->tcp);
	listener->tcp.data = listener;
	rc = uv_tcp_open(&listener->tcp, fd);
	if (rc == 0)
		rc = uv_listen((uv_stream_t *)&listener->tcp, 1024, on_connection);
	if (rc != 0) {
		log_error("%s: %s", binding, uv_strerror(rc));
		uv_close((uv_handle_t *)&listener->tcp, on_listener_closed);
		return;
	}
	listener->next = loop->listeners;
	loop->listeners = listener;
	if (loop->index == 0)
		log_info("listening on %s", binding);
}

static void want(void *arg, const char *binding)
{
	struct loop *loop = arg;

	for (struct listener *l = loop->listeners; l != NULL; l = l->next) {
		if (strcmp(l->binding, binding) == 0) {
			l->is_wanted = true;
			return;
		}
	}
	listener_open(loop, binding);
}

static void close_unwanted(struct loop *loop)
{
	struct listener **at = &loop->listeners;

	while (*at != NULL) {
		struct listener *listener = *at;

		if (listener->is_wanted) {
			at = &listener->next;
			continue;
		}
		*at = listener->next;
		if (loop->index == 0)
			log_info("no longer listening on %s", listener->binding);
		uv_close((uv_handle_t *)&listener->tcp, on_listener_closed);
	}
}

void listeners_update(struct loop *loop)
{
	/* Without a server object the last bindings are kept: their sessions are told 421. */
	if (loop->view->server == SNAP_NONE || loop->is_stopping)
		return;
	for (struct listener *l = loop->listeners; l != NULL; l = l->next)
		l->is_wanted = false;
	receive_each_binding(loop->view, want, loop);
	close_unwanted(loop);
}

void listeners_close(struct loop *loop)
{
	for (struct listener *l = loop->listeners; l != NULL; l = l->next)
		l->is_wanted = false;
	close_unwanted(loop);
}
