/* Parent of a host's daemons. */
#define _GNU_SOURCE
#include "admin/supervisor.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/fsutil.h"
#include "common/log.h"
#include "common/runlock.h"
#include "config.h"

#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

enum {
	CHILDREN_MAX = 4,
	BACKOFF_FIRST_MS = 100,
	BACKOFF_MAX_MS = 10 * 1000,
	STEADY_MS = 10 * 1000,  /* who ran so long begins its back-off afresh */
	STOP_MS = 4500,         /* then SIGKILL, so that all is over within 5 s */
	READY_FD = 3,
	EXIT_CONFIG = 6,
	READY_LINE_MAX = 4096,
};

struct child {
	const struct supervised *what;
	pid_t pid; /* 0: not running */
	uint64_t started_ms, start_at_ms;
	unsigned backoff_ms;
};

struct supervisor {
	struct child children[CHILDREN_MAX];
	size_t n;
	const char *config;
	int signal_fd;
	int ready[2];
	struct buf ready_line;
	bool was_ready;
	bool is_stopping;
	uint64_t kill_at_ms; /* once stopping */
	sigset_t old_mask;
	struct err *e; /* filled: the reason to stop */
};

/* ---- children ---- */

/* In the child: only what is safe between fork and exec of a single-threaded parent. */
static void become_daemon(const struct supervisor *s, const struct supervised *what, pid_t parent)
{
	const char *const argv[] = { what->path, "--config", s->config, NULL };
	char pid[24];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	sigprocmask(SIG_SETMASK, &s->old_mask, NULL);
	snprintf(pid, sizeof(pid), "%d", (int)parent);
	setenv("WAYPOST_SUPERVISOR", pid, 1);
	unsetenv("NOTIFY_SOCKET"); /* ours alone */
	unsetenv("WAYPOST_READY_FD");
	if (what->tells_ready && dup2(s->ready[1], READY_FD) == READY_FD)
		setenv("WAYPOST_READY_FD", "3", 1);
	execv(what->path, (char *const *)(uintptr_t)argv);
	log_error("%s cannot be started: %s", what->path, strerror(errno));
	_exit(127);
}

static void start(struct supervisor *s, struct child *child)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0)
		become_daemon(s, child->what, parent);
	child->started_ms = clock_mono_ms();
	if (pid < 0) {
		log_error("%s cannot be forked: %s", child->what->name, strerror(errno));
		child->start_at_ms = child->started_ms + BACKOFF_MAX_MS;
		return;
	}
	child->pid = pid;
	log_info("%s started as process %d", child->what->name, (int)pid);
}

static void start_due(struct supervisor *s)
{
	uint64_t now = clock_mono_ms();

	for (size_t i = 0; i < s->n && !s->is_stopping; i++)
		if (s->children[i].pid == 0 && s->children[i].start_at_ms <= now)
			start(s, &s->children[i]);
}

static void signal_all(const struct supervisor *s, int signal)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->children[i].pid != 0)
			kill(s->children[i].pid, signal);
}

static void stop(struct supervisor *s)
{
	if (s->is_stopping)
		return;
	s->is_stopping = true;
	s->kill_at_ms = clock_mono_ms() + STOP_MS;
#ifdef HAVE_SYSTEMD
	sd_notify(0, "STOPPING=1");
#endif
	signal_all(s, SIGTERM);
}

static bool all_ended(const struct supervisor *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->children[i].pid != 0)
			return false;
	return true;
}

static void describe_end(int status, char *text, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(text, size, "ended by signal %d", WTERMSIG(status));
	else
		snprintf(text, size, "ended with status %d", WEXITSTATUS(status));
}

/* A host file that a daemon refuses from the start will not get better by trying again. */
static bool is_hopeless(const struct supervisor *s, int status)
{
	return !s->was_ready && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_CONFIG;
}

static void plan_restart(struct supervisor *s, struct child *child, int status)
{
	uint64_t now = clock_mono_ms();
	char end[48];

	describe_end(status, end, sizeof(end));
	if (s->is_stopping) {
		log_info("%s %s", child->what->name, end);
		return;
	}
	if (is_hopeless(s, status)) {
		err_set(s->e, ERR_CONFIG, 0, "%s refuses its configuration", child->what->name);
		err_remedy(s->e, "its own message above says why");
		stop(s);
		return;
	}
	if (now - child->started_ms >= STEADY_MS)
		child->backoff_ms = BACKOFF_FIRST_MS;
	child->start_at_ms = now + child->backoff_ms;
	log_warn("%s %s; starts again in %u ms", child->what->name, end, child->backoff_ms);
	child->backoff_ms *= 2;
	if (child->backoff_ms > BACKOFF_MAX_MS)
		child->backoff_ms = BACKOFF_MAX_MS;
}

static void reap(struct supervisor *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < s->n; i++)
			if (s->children[i].pid == pid) {
				s->children[i].pid = 0;
				plan_restart(s, &s->children[i], status);
			}
}

/* ---- events ---- */

static void on_signal(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			reap(s);
		else if (info.ssi_signo == SIGHUP)
			signal_all(s, SIGHUP);
		else
			stop(s);
	}
}

static void announce(struct supervisor *s, const char *line)
{
	s->was_ready = true;
	printf("%s\n", line);
	fflush(stdout);
#ifdef HAVE_SYSTEMD
	sd_notifyf(0, "READY=1\nSTATUS=%s", line);
#endif
}

static void on_ready(struct supervisor *s)
{
	char chunk[256], *end;
	ssize_t n = read(s->ready[0], chunk, sizeof(chunk));

	if (n <= 0)
		return;
	buf_add(&s->ready_line, chunk, (size_t)n);
	while (s->ready_line.len > 0 &&
	       (end = memchr(s->ready_line.data, '\n', s->ready_line.len)) != NULL) {
		*end = '\0';
		announce(s, s->ready_line.data);
		buf_consume(&s->ready_line, (size_t)(end - s->ready_line.data) + 1);
	}
	if (s->ready_line.len > READY_LINE_MAX)
		buf_clear(&s->ready_line);
}

/* How long nothing has to be done, in ms; -1: until an event. */
static int next_timeout(const struct supervisor *s)
{
	uint64_t now = clock_mono_ms(), next = UINT64_MAX;

	if (s->is_stopping)
		next = s->kill_at_ms;
	for (size_t i = 0; i < s->n && !s->is_stopping; i++)
		if (s->children[i].pid == 0 && s->children[i].start_at_ms < next)
			next = s->children[i].start_at_ms;
	if (next == UINT64_MAX)
		return -1;
	return next > now ? (int)(next - now) : 0;
}

static void turn(struct supervisor *s)
{
	struct pollfd fds[] = { { .fd = s->signal_fd, .events = POLLIN },
				{ .fd = s->ready[0], .events = POLLIN } };

	if (poll(fds, WP_COUNT(fds), next_timeout(s)) > 0) {
		if (fds[1].revents != 0)
			on_ready(s);
		if (fds[0].revents != 0)
			on_signal(s);
	}
	start_due(s);
	if (s->is_stopping && clock_mono_ms() >= s->kill_at_ms) {
		log_warn("a daemon does not end; killed");
		signal_all(s, SIGKILL);
		s->kill_at_ms += BACKOFF_MAX_MS;
	}
}

/* ---- life ---- */

static int prepare(struct supervisor *s, struct err *e)
{
	sigset_t signals;
	int writer;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &signals, &s->old_mask) < 0)
		return err_errno(e, "signals cannot be blocked");
	s->signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (s->signal_fd < 0 || pipe2(s->ready, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_errno(e, "the supervisor has no descriptors");
	/* Out of the way of READY_FD: dup2 onto itself would leave close-on-exec set. */
	writer = s->ready[1];
	s->ready[1] = fcntl(writer, F_DUPFD_CLOEXEC, READY_FD + 1);
	close(writer);
	if (s->ready[1] < 0)
		return err_errno(e, "the supervisor has no descriptors");
	return 0;
}

static void run(struct supervisor *s)
{
	start_due(s);
	while (!s->is_stopping || !all_ended(s))
		turn(s);
}

int supervise(const struct supervised *daemons, size_t n, const char *run_dir,
	      const char *config, struct err *e)
{
	struct supervisor s = { .n = n, .config = config, .e = e, .signal_fd = -1,
				.ready = { -1, -1 } };
	int lock, rc;

	assert(n <= CHILDREN_MAX);
	for (size_t i = 0; i < n; i++)
		s.children[i] = (struct child){ .what = &daemons[i], .backoff_ms = BACKOFF_FIRST_MS };
	lock = runlock_take(run_dir, "waypost", e);
	if (lock < 0)
		return -1;
	*e = (struct err){ .domain = ERR_NONE };
	rc = prepare(&s, e);
	if (rc == 0)
		run(&s);
	sigprocmask(SIG_SETMASK, &s.old_mask, NULL);
	for (size_t i = 0; i < 2; i++)
		if (s.ready[i] >= 0)
			close(s.ready[i]);
	if (s.signal_fd >= 0)
		close(s.signal_fd);
	close(lock);
	buf_free(&s.ready_line);
	return rc < 0 || e->domain != ERR_NONE ? -1 : 0;
}
