/* Starts waypost-resolver, watches it, starts it again: see resolver_client.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/log.h"
#include "common/progpath.h"
#include "delivery/resolver_private.h"
#include "delivery/resolver_proto.h"

#define PROGRAM		"waypost-resolver"
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS	 30000
/* Having run for so long, it is started again at once. */
#define STABLE_MS 60000

extern char **environ;

/* One process, from its start until its handles are closed. */
struct run {
	struct resolver_service *service;
	pid_t pid;
	int pid_fd, status_fd;
	uint64_t started_ms;
	uv_poll_t exit_poll, status_poll;
	unsigned open_handles;
};

struct resolver_service {
	uv_loop_t *loop;
	char program[PATH_MAX];
	char **argv;
	size_t argc;
	unsigned clients;
	int *loop_fds;	/* -1: given away */
	int *child_fds; /* kept, so that the pairs outlive the process */
	struct run *run; /* null: none now */
	uv_timer_t restart;
	uint32_t backoff_ms; /* before the next start */
	atomic_int dnssec;   /* enum resolver_dnssec */
};

struct resolver_options resolver_options_of(const struct host_delivery *delivery)
{
	return (struct resolver_options){
		.servers = delivery->resolvers,
		.server_count = delivery->n_resolvers,
		.recursive = delivery->resolver_mode == HOST_RESOLVER_RECURSIVE,
		.insecure = delivery->resolver_insecure,
		.insecure_count = delivery->n_resolver_insecure,
	};
}

static void WP_PRINTF(2, 3) add_arg(struct resolver_service *s, const char *fmt, ...)
{
	struct buf b = { 0 };
	va_list args;

	va_start(args, fmt);
	buf_vprintf(&b, fmt, args);
	va_end(args);
	s->argv = mem_grow(s->argv, (s->argc + 2) * sizeof(*s->argv));
	s->argv[s->argc++] = b.data;
	s->argv[s->argc] = NULL;
}

static void make_args(struct resolver_service *s, const struct resolver_options *o)
{
	add_arg(s, PROGRAM);
	add_arg(s, "--clients=%u", s->clients);
	add_arg(s, "--log-level=%s",
		log_wants(LOG_LEVEL_DEBUG) ? "debug" : log_wants(LOG_LEVEL_INFO) ? "info" : "warn");
	if (o->recursive)
		add_arg(s, "--recursive");
	for (size_t i = 0; i < o->server_count; i++)
		add_arg(s, "--server=%s@%u", o->servers[i].ip, o->servers[i].port);
	for (size_t i = 0; i < o->insecure_count; i++)
		add_arg(s, "--insecure=%s", o->insecure[i]);
	if (o->trust_anchor != NULL)
		add_arg(s, "--trust-anchor=%s", o->trust_anchor);
}

/* FD moved out of the way of those that the process gets, close-on-exec. */
static int move_up(int fd, int lowest)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, lowest);

	close(fd);
	return moved;
}

static int make_pair(int fds[2], int lowest, struct err *e)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		return err_errno(e, "no socket pair for " PROGRAM);
	fds[1] = move_up(fds[1], lowest);
	if (fds[1] >= 0)
		return 0;
	err_errno(e, "no descriptor for " PROGRAM);
	close(fds[0]);
	return -1;
}

static int set_actions(posix_spawn_file_actions_t *actions, const struct resolver_service *s,
		       int status_fd)
{
	int rc = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(actions, status_fd, RESOLVER_STATUS_FD);
	for (unsigned i = 0; rc == 0 && i < s->clients; i++)
		rc = posix_spawn_file_actions_adddup2(actions, s->child_fds[i],
						      RESOLVER_FIRST_FD + (int)i);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(actions,
							      RESOLVER_FIRST_FD + (int)s->clients);
	return rc;
}

/* Nothing of our signal handling is inherited. */
static void set_signals(posix_spawnattr_t *attr)
{
	sigset_t all, none;

	sigfillset(&all);
	sigemptyset(&none);
	posix_spawnattr_setsigdefault(attr, &all);
	posix_spawnattr_setsigmask(attr, &none);
	posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
}

static int spawn(const struct resolver_service *s, int status_fd, pid_t *pid_r, struct err *e)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int rc;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	set_signals(&attr);
	rc = set_actions(&actions, s, status_fd);
	if (rc == 0)
		rc = posix_spawn(pid_r, s->program, &actions, &attr, s->argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	errno = rc;
	return rc == 0 ? 0 : err_errno(e, "%s cannot be started", s->program);
}

static void on_run_closed(uv_handle_t *handle)
{
	struct run *run = handle->data;

	if (--run->open_handles > 0)
		return;
	close(run->pid_fd);
	close(run->status_fd);
	free(run);
}

/* The process has ended, or is about to. */
static void run_end(struct run *run)
{
	while (waitpid(run->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	uv_close((uv_handle_t *)&run->exit_poll, on_run_closed);
	uv_close((uv_handle_t *)&run->status_poll, on_run_closed);
}

static void tell_clients(struct resolver_service *s)
{
	struct buf packet = { 0 };

	resolver_put_gone(&packet);
	for (unsigned i = 0; i < s->clients; i++) {
		/* A full socket cannot be told: its questions wait for their deadlines. */
		if (send(s->child_fds[i], packet.data, packet.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			log_warn("resolver: loop %u does not hear that it ended: %s", i, strerror(errno));
	}
	buf_free(&packet);
}

static void on_restart(uv_timer_t *timer);

static void on_ended(uv_poll_t *poll, int status, int events)
{
	struct run *run = poll->data;
	struct resolver_service *s = run->service;

	(void)status;
	(void)events;
	if (uv_now(s->loop) - run->started_ms >= STABLE_MS)
		s->backoff_ms = 0;
	log_error("resolver: process %d ended; started again in %u ms", (int)run->pid, s->backoff_ms);
	s->run = NULL;
	run_end(run);
	tell_clients(s);
	uv_timer_start(&s->restart, on_restart, s->backoff_ms, 0);
	s->backoff_ms = s->backoff_ms == 0 ? BACKOFF_FIRST_MS : s->backoff_ms * 2;
	if (s->backoff_ms > BACKOFF_MAX_MS)
		s->backoff_ms = BACKOFF_MAX_MS;
}

static void on_status(uv_poll_t *poll, int status, int events)
{
	struct run *run = poll->data;
	enum resolver_dnssec state;
	char packet[16];
	ssize_t n = recv(run->status_fd, packet, sizeof(packet), MSG_DONTWAIT);

	(void)status;
	(void)events;
	if (n == 0)
		uv_poll_stop(poll); /* it is ending: on_ended follows */
	if (n <= 0 || !resolver_get_dnssec(packet, (size_t)n, &state))
		return;
	if (state == RESOLVER_DNSSEC_NO && atomic_load(&run->service->dnssec) != RESOLVER_DNSSEC_NO)
		log_warn("resolver-no-dnssec: the name servers do not pass DNSSEC; answers count as "
			 "insecure, DANE is off");
	atomic_store(&run->service->dnssec, (int)state);
}

static void watch_run(struct run *run)
{
	uv_loop_t *loop = run->service->loop;

	uv_poll_init(loop, &run->exit_poll, run->pid_fd);
	uv_poll_init(loop, &run->status_poll, run->status_fd);
	run->exit_poll.data = run->status_poll.data = run;
	run->open_handles = 2;
	uv_poll_start(&run->exit_poll, UV_READABLE, on_ended);
	uv_poll_start(&run->status_poll, UV_READABLE, on_status);
	uv_unref((uv_handle_t *)&run->exit_poll);
	uv_unref((uv_handle_t *)&run->status_poll);
}

static int start(struct resolver_service *s, struct err *e)
{
	struct run *run;
	int fds[2], rc;
	pid_t pid;

	if (make_pair(fds, RESOLVER_FIRST_FD + (int)s->clients, e) != 0)
		return -1;
	rc = spawn(s, fds[1], &pid, e);
	close(fds[1]);
	if (rc != 0) {
		close(fds[0]);
		return -1;
	}
	run = mem_zero(1, sizeof(*run));
	run->service = s;
	run->pid = pid;
	run->status_fd = fds[0];
	run->pid_fd = pidfd_open(pid, 0);
	run->started_ms = uv_now(s->loop);
	if (run->pid_fd < 0) {
		err_errno(e, "process %d cannot be watched", (int)pid);
		kill(pid, SIGTERM);
		waitpid(pid, NULL, 0);
		close(run->status_fd);
		free(run);
		return -1;
	}
	watch_run(run);
	s->run = run;
	return 0;
}

static void on_restart(uv_timer_t *timer)
{
	struct resolver_service *s = timer->data;
	struct err e;

	if (start(s, &e) == 0)
		return;
	log_err("resolver", &e);
	uv_timer_start(timer, on_restart, BACKOFF_MAX_MS, 0);
}

static void free_memory(struct resolver_service *s)
{
	for (unsigned i = 0; i < s->clients; i++) {
		if (s->loop_fds[i] >= 0)
			close(s->loop_fds[i]);
		if (s->child_fds[i] >= 0)
			close(s->child_fds[i]);
	}
	for (size_t i = 0; i < s->argc; i++)
		free(s->argv[i]);
	free(s->argv);
	free(s->loop_fds);
	free(s->child_fds);
	free(s);
}

static int make_pairs(struct resolver_service *s, unsigned clients, struct err *e)
{
	s->loop_fds = mem_alloc(clients * sizeof(int));
	s->child_fds = mem_alloc(clients * sizeof(int));
	for (; s->clients < clients; s->clients++) {
		int fds[2];

		if (make_pair(fds, RESOLVER_FIRST_FD + (int)clients, e) != 0)
			return -1;
		s->loop_fds[s->clients] = fds[0];
		s->child_fds[s->clients] = fds[1];
	}
	return 0;
}

int resolver_service_start(uv_loop_t *loop, const struct resolver_options *options,
			   unsigned clients, struct resolver_service **service_r, struct err *e)
{
	struct resolver_service *s = mem_zero(1, sizeof(*s));
	int rc = make_pairs(s, clients, e);

	s->loop = loop;
	if (rc == 0 && options->program != NULL)
		snprintf(s->program, sizeof(s->program), "%s", options->program);
	else if (rc == 0)
		rc = progpath_find(PROGRAM, s->program, e);
	if (rc == 0) {
		make_args(s, options);
		rc = start(s, e);
	}
	if (rc != 0) {
		free_memory(s);
		return -1;
	}
	uv_timer_init(loop, &s->restart);
	s->restart.data = s;
	uv_unref((uv_handle_t *)&s->restart);
	*service_r = s;
	return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
	free_memory(handle->data);
}

void resolver_service_free(struct resolver_service **service)
{
	struct resolver_service *s = *service;

	*service = NULL;
	if (s == NULL)
		return;
	if (s->run != NULL) {
		kill(s->run->pid, SIGTERM);
		run_end(s->run);
	}
	uv_close((uv_handle_t *)&s->restart, on_timer_closed);
}

int resolver_service_take(struct resolver_service *service, unsigned index)
{
	int fd = service->loop_fds[index];

	service->loop_fds[index] = -1;
	return fd;
}

pid_t resolver_service_pid(const struct resolver_service *service)
{
	return service->run == NULL ? 0 : service->run->pid;
}

bool resolver_service_has_dnssec(const struct resolver_service *service)
{
	return atomic_load(&service->dnssec) == RESOLVER_DNSSEC_YES;
}

bool resolver_service_lacks_dnssec(const struct resolver_service *service)
{
	return atomic_load(&service->dnssec) == RESOLVER_DNSSEC_NO;
}
