/*
 * The control thread: accepts clients, takes their lines apart, runs handlers, writes answers.
 *
 * One poll loop; its list of descriptors is made anew every turn, for at most 64 clients. A
 * client that has enough unanswered calls or unread output is not read from. When all places are
 * taken, or the process is short of descriptors, a client that waits for nothing yields its place.
 */
#define _GNU_SOURCE
#include "common/ctl_server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/ctl_private.h"
#include "common/runlock.h"

enum {
	POLL_FIXED = 2,
	READ_CHUNK = 64 * 1024,
	NO_DESCRIPTORS_PAUSE_MS = 100,
	CLIENTS_SHARE = 4, /* clients have a fourth of the descriptors at most */
};

struct ctl_server {
	const char *program;
	const struct ctl_verb *verbs;
	size_t n_verbs;
	void *ctx;
	struct sockaddr_un address;
	int lock_fd, listen_fd, wake_fd;
	pthread_t thread;
	atomic_bool is_stopping;
	TAILQ_HEAD(, ctl_conn) conns;
	unsigned n_conns, max_conns;
	uint64_t n_heard; /* times that anybody was heard */
	bool is_short; /* of descriptors: accept again only after a pause */
};

/* ---- requests ---- */

static const char *const type_names[] = { "string", "integer", "boolean" };

static bool has_type(const json_t *value, enum ctl_type type)
{
	switch (type) {
	case CTL_STRING:
		return json_is_string(value);
	case CTL_INTEGER:
		return json_is_integer(value) && json_integer_value(value) >= 0;
	case CTL_BOOLEAN:
		return json_is_boolean(value);
	}
	return false;
}

static const struct ctl_arg *find_arg(const struct ctl_verb *verb, const char *name)
{
	for (const struct ctl_arg *arg = verb->args; arg != NULL && arg->name != NULL; arg++)
		if (strcmp(arg->name, name) == 0)
			return arg;
	return NULL;
}

static int check_args(const struct ctl_verb *verb, json_t *args, struct err *e)
{
	const char *name;
	json_t *value;

	json_object_foreach(args, name, value) {
		const struct ctl_arg *arg = find_arg(verb, name);

		if (arg == NULL)
			return err_set(e, ERR_USAGE, 0, "%s has no argument \"%.60s\"", verb->name,
				       name);
		if (!has_type(value, arg->type))
			return err_set(e, ERR_USAGE, 0, "argument \"%s\" of %s is no %s", name,
				       verb->name, type_names[arg->type]);
	}
	for (const struct ctl_arg *arg = verb->args; arg != NULL && arg->name != NULL; arg++)
		if (arg->is_required && json_object_get(args, arg->name) == NULL)
			return err_set(e, ERR_USAGE, 0, "%s needs the argument \"%s\"", verb->name,
				       arg->name);
	return 0;
}

static json_t *args_as_json(const struct ctl_verb *verb)
{
	json_t *list = json_array();

	for (const struct ctl_arg *arg = verb->args; arg != NULL && arg->name != NULL; arg++)
		json_array_append_new(list, json_pack("{ss ss sb ss}", "name", arg->name, "type",
						      type_names[arg->type], "required",
						      (int)arg->is_required, "help", arg->help));
	return list;
}

static void answer_help(const struct ctl_server *server, struct ctl_call *call)
{
	for (size_t i = 0; i < server->n_verbs; i++) {
		const struct ctl_verb *verb = &server->verbs[i];

		ctl_row(call, json_pack("{ss ss ss so}", "verb", verb->name, "right",
					verb->right == CTL_ADMIN ? "admin" : "read", "help",
					verb->help, "args", args_as_json(verb)));
	}
	ctl_end(call, NULL);
}

static const struct ctl_verb *find_verb(const struct ctl_server *server, const char *name)
{
	for (size_t i = 0; i < server->n_verbs; i++)
		if (strcmp(server->verbs[i].name, name) == 0)
			return &server->verbs[i];
	return NULL;
}

static void run_request(struct ctl_server *server, struct ctl_conn *conn,
			const struct ctl_request *request)
{
	struct ctl_call *call = ctl_call_new(conn, request->id);
	const struct ctl_verb *verb = find_verb(server, request->verb);
	struct err e = { .domain = ERR_NONE };

	if (verb == NULL && strcmp(request->verb, "help") == 0) {
		answer_help(server, call);
		return;
	}
	if (verb == NULL) {
		err_set(&e, ERR_USAGE, 0, "%s knows no verb \"%s\"", server->program, request->verb);
		err_remedy(&e, "the verb \"help\" lists them");
	} else if (verb->right > conn->right) {
		err_set(&e, ERR_PERMISSION, 0, "%s is for administrators", verb->name);
		err_remedy(&e, "ask as root or as the daemon's user");
	} else {
		check_args(verb, request->args, &e);
	}
	if (e.domain != ERR_NONE)
		ctl_fail(call, &e);
	else
		verb->handler(call, request->args, server->ctx);
}

static void refuse_client(struct ctl_conn *conn, const struct err *e)
{
	ctl_conn_refuse(conn, e);
	buf_clear(&conn->in);
	conn->has_line = false;
	conn->is_ended = true;
}

static void run_line(struct ctl_server *server, struct ctl_conn *conn, size_t len)
{
	struct ctl_request request;
	struct err e;

	if (ctl_request_parse(conn->in.data, len, &request, &e) < 0) {
		refuse_client(conn, &e);
		return;
	}
	buf_consume(&conn->in, len + 1);
	run_request(server, conn, &request);
	json_decref(request.args);
}

static bool may_ask(struct ctl_conn *conn)
{
	bool may;

	pthread_mutex_lock(&conn->lock);
	may = !conn->is_gone && conn->n_calls < CTL_CALLS_MAX &&
	      conn->out.len <= CTL_OUTPUT_ENOUGH;
	pthread_mutex_unlock(&conn->lock);
	return may;
}

/* Whole lines, as long as the client may ask; has_line tells that one has to wait. */
static void run_lines(struct ctl_server *server, struct ctl_conn *conn)
{
	char *end;
	struct err e;

	conn->has_line = false;
	while (conn->in.len > 0) {
		end = memchr(conn->in.data, '\n', conn->in.len);
		conn->has_line = end != NULL;
		if (!may_ask(conn))
			return;
		if (end != NULL && end - conn->in.data < CTL_LINE_MAX) {
			run_line(server, conn, (size_t)(end - conn->in.data));
			continue;
		}
		if (conn->in.len >= CTL_LINE_MAX) {
			err_set(&e, ERR_PROTOCOL, 0, "the line is longer than 1 MiB");
			refuse_client(conn, &e);
		}
		return;
	}
}

/* ---- clients ---- */

static void drop(struct ctl_server *server, struct ctl_conn *conn)
{
	pthread_mutex_lock(&conn->lock);
	conn->is_gone = true;
	conn->wake_fd = -1;
	pthread_mutex_unlock(&conn->lock);
	close(conn->fd);
	TAILQ_REMOVE(&server->conns, conn, link);
	server->n_conns--;
	ctl_conn_unref(conn);
}

static enum ctl_right right_of(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return CTL_READ;
	return peer.uid == 0 || peer.uid == geteuid() ? CTL_ADMIN : CTL_READ;
}

/* Sends what is there; true if the client is to be dropped. */
static bool write_client(struct ctl_conn *conn)
{
	bool is_over;
	ssize_t n = 0;

	pthread_mutex_lock(&conn->lock);
	if (!conn->is_gone && conn->out.len > 0)
		n = send(conn->fd, conn->out.data, conn->out.len, MSG_NOSIGNAL);
	if (n > 0)
		buf_consume(&conn->out, (size_t)n);
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		conn->is_gone = true;
	is_over = conn->is_gone ||
		  (conn->is_ended && conn->n_calls == 0 && conn->out.len == 0 && conn->in.len == 0);
	pthread_mutex_unlock(&conn->lock);
	return is_over;
}

/* How soon the client yields its place to one who has RIGHT: 0 never, 2 if it waits for nothing, 1 if
 * it is a stranger's and the other an administrator's. */
static int rank_of(struct ctl_conn *conn, enum ctl_right right)
{
	bool is_idle;

	pthread_mutex_lock(&conn->lock);
	is_idle = conn->n_calls == 0 && conn->out.len == 0;
	pthread_mutex_unlock(&conn->lock);
	if (is_idle)
		return 2;
	return conn->right < right ? 1 : 0;
}

/* Drops the one not heard of for the longest of those that yield soonest. */
static bool make_place(struct ctl_server *server, enum ctl_right right, const struct ctl_conn *newcomer)
{
	struct ctl_conn *conn, *victim = NULL;
	int rank, best = 0;
	struct err e;

	TAILQ_FOREACH(conn, &server->conns, link) {
		rank = conn != newcomer ? rank_of(conn, right) : 0;
		if (rank > best || (rank > 0 && rank == best && conn->heard < victim->heard)) {
			best = rank;
			victim = conn;
		}
	}
	if (victim == NULL)
		return false;
	err_set(&e, ERR_UNREACHABLE, 0, "%s has no place for this client any more: others wait",
		server->program);
	ctl_conn_refuse(victim, &e);
	(void)write_client(victim);
	drop(server, victim);
	return true;
}

static void accept_client(struct ctl_server *server)
{
	int fd = accept4(server->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct ctl_conn *conn;
	struct err e;

	server->is_short = fd < 0 && (errno == EMFILE || errno == ENFILE) &&
			   !make_place(server, CTL_READ, NULL);
	if (fd < 0)
		return;
	conn = ctl_conn_new(fd, server->wake_fd, right_of(fd));
	conn->heard = ++server->n_heard;
	TAILQ_INSERT_TAIL(&server->conns, conn, link);
	if (++server->n_conns <= server->max_conns || make_place(server, conn->right, conn))
		return;
	err_set(&e, ERR_UNREACHABLE, 0, "%s has %u clients already", server->program,
		server->max_conns);
	err_remedy(&e, "all of them wait for answers: end a `waypost sync watch`, or ask as root");
	refuse_client(conn, &e);
}

static void read_client(struct ctl_server *server, struct ctl_conn *conn)
{
	ssize_t n;

	buf_reserve(&conn->in, READ_CHUNK);
	n = recv(conn->fd, conn->in.data + conn->in.len, READ_CHUNK, 0);
	if (n > 0) {
		conn->in.len += (size_t)n;
		conn->heard = ++server->n_heard;
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		conn->is_ended = true;
	}
}

static short wanted_events(struct ctl_conn *conn)
{
	bool may_read = !conn->is_ended && conn->in.len < CTL_LINE_MAX && may_ask(conn);
	bool has_output;

	pthread_mutex_lock(&conn->lock);
	has_output = conn->out.len > 0;
	pthread_mutex_unlock(&conn->lock);
	return (short)((may_read ? POLLIN : 0) | (has_output ? POLLOUT : 0));
}

static void serve_client(struct ctl_server *server, struct ctl_conn *conn, short events)
{
	if ((events & POLLIN) != 0)
		read_client(server, conn);
	run_lines(server, conn);
	if (conn->is_ended && conn->in.len > 0 && may_ask(conn))
		buf_clear(&conn->in); /* a last line without its end */
	if ((events & (POLLHUP | POLLERR)) != 0 && (events & POLLIN) == 0)
		drop(server, conn);
	else if (write_client(conn))
		drop(server, conn);
}

/* ---- the thread ---- */

static void serve_turn(struct ctl_server *server)
{
	struct pollfd fds[POLL_FIXED + CTL_CLIENTS_MAX + 1];
	struct ctl_conn *conn, *next;
	bool is_full = server->n_conns > server->max_conns;
	int timeout_ms = server->is_short ? NO_DESCRIPTORS_PAUSE_MS : -1;
	nfds_t n = POLL_FIXED;
	eventfd_t count;

	fds[0] = (struct pollfd){ .fd = server->wake_fd, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = is_full || server->is_short ? -1 : server->listen_fd,
				  .events = POLLIN };
	TAILQ_FOREACH(conn, &server->conns, link) {
		fds[n++] = (struct pollfd){ .fd = conn->fd, .events = wanted_events(conn) };
		if (conn->has_line && may_ask(conn))
			timeout_ms = 0;
	}
	if (poll(fds, n, timeout_ms) < 0)
		return;
	server->is_short = false;
	if (fds[0].revents != 0)
		eventfd_read(server->wake_fd, &count);
	n = POLL_FIXED;
	for (conn = TAILQ_FIRST(&server->conns); conn != NULL; conn = next) {
		next = TAILQ_NEXT(conn, link);
		serve_client(server, conn, fds[n++].revents);
	}
	if (fds[1].revents != 0)
		accept_client(server);
}

static void *serve(void *arg)
{
	struct ctl_server *server = arg;

	pthread_setname_np(pthread_self(), "control");
	while (!atomic_load(&server->is_stopping))
		serve_turn(server);
	while (!TAILQ_EMPTY(&server->conns))
		drop(server, TAILQ_FIRST(&server->conns));
	return NULL;
}

/* ---- start and stop ---- */

static int listen_at(struct ctl_server *server, struct err *e)
{
	const struct sockaddr *address = (const struct sockaddr *)&server->address;
	const char *path = server->address.sun_path;

	unlink(path);
	server->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (server->listen_fd < 0 || bind(server->listen_fd, address, sizeof(server->address)) < 0 ||
	    chmod(path, 0660) < 0 || listen(server->listen_fd, CTL_CLIENTS_MAX) < 0)
		return err_errno(e, "the control socket %s cannot be made", path);
	return 0;
}

/* Signals belong to the daemon's own loop. */
static int start_thread(struct ctl_server *server, struct err *e)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&server->thread, NULL, serve, server);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc == 0)
		return 0;
	errno = rc;
	return err_errno(e, "the control thread cannot be started");
}

/* The daemon needs descriptors for other things than its clients. */
static unsigned clients_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
	    limit.rlim_cur / CLIENTS_SHARE >= CTL_CLIENTS_MAX)
		return CTL_CLIENTS_MAX;
	return limit.rlim_cur >= CLIENTS_SHARE ? (unsigned)limit.rlim_cur / CLIENTS_SHARE : 1;
}

static void close_all(struct ctl_server *server)
{
	const int fds[] = { server->listen_fd, server->wake_fd, server->lock_fd };

	for (size_t i = 0; i < WP_COUNT(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(server);
}

int ctl_server_start(const char *run_dir, const char *program, const struct ctl_verb *verbs,
		     size_t n, void *ctx, struct ctl_server **server_r, struct err *e)
{
	struct ctl_server *server = mem_zero(1, sizeof(*server));
	struct sockaddr_un *address = &server->address;

	*server = (struct ctl_server){ .program = program, .verbs = verbs, .n_verbs = n,
				       .ctx = ctx, .listen_fd = -1, .wake_fd = -1, .lock_fd = -1,
				       .max_conns = clients_max() };
	TAILQ_INIT(&server->conns);
	address->sun_family = AF_UNIX;
	if ((size_t)snprintf(address->sun_path, sizeof(address->sun_path), "%s/%s.sock", run_dir,
			     program) >= sizeof(address->sun_path)) {
		err_set(e, ERR_CONFIG, 0, "the path of the control socket in %s is too long", run_dir);
		err_remedy(e, "choose a shorter run = \"…\"");
		close_all(server);
		return -1;
	}
	server->lock_fd = runlock_take(run_dir, program, e);
	if (server->lock_fd < 0) {
		close_all(server);
		return -1;
	}
	server->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (listen_at(server, e) < 0 || start_thread(server, e) < 0) {
		close_all(server);
		return -1;
	}
	*server_r = server;
	return 0;
}

void ctl_server_stop(struct ctl_server **server)
{
	struct ctl_server *s = *server;

	if (s == NULL)
		return;
	atomic_store(&s->is_stopping, true);
	eventfd_write(s->wake_fd, 1);
	pthread_join(s->thread, NULL);
	unlink(s->address.sun_path);
	close_all(s);
	*server = NULL;
}
