/*
 * waypost-resolver: answers the DNS questions of the mail loops, so that a parser of strangers'
 * packets is not in their process. Started by resolver_service.c with one socket pair per loop;
 * one poll loop, libunbound works in threads of its own. Ends when nobody is left to ask.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "delivery/resolver_private.h"
#include "delivery/resolver_sandbox.h"
#include "delivery/resolver_unbound.h"

#define CLIENTS_MAX 256
#define LISTED_MAX  64
#define SWEEP_MS    200
/* More questions than libunbound holds are refused, not queued. */
#define JOBS_MAX 8192
/* Packets read from one loop in a turn. */
#define BUDGET 64

/* A packet that a full socket did not take. */
struct parcel {
	STAILQ_ENTRY(parcel) link;
	struct buf packet;
};

struct client {
	int fd; /* -1: the loop is gone */
	STAILQ_HEAD(, parcel) waiting;
};

struct job {
	TAILQ_ENTRY(job) link;
	struct client *client;
	uint64_t id, deadline_ms;
	struct unbound_question question;
};

static struct client clients[CLIENTS_MAX];
static unsigned client_count;
static TAILQ_HEAD(, job) jobs = TAILQ_HEAD_INITIALIZER(jobs);
static unsigned job_count;
static struct buf out;
static enum resolver_dnssec told = RESOLVER_DNSSEC_UNKNOWN;

static void client_gone(struct client *c)
{
	struct parcel *p;

	close(c->fd);
	c->fd = -1;
	while ((p = STAILQ_FIRST(&c->waiting)) != NULL) {
		STAILQ_REMOVE_HEAD(&c->waiting, link);
		buf_free(&p->packet);
		free(p);
	}
}

/* False: not now. */
static bool send_packet(struct client *c, const struct buf *packet)
{
	if (send(c->fd, packet->data, packet->len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return true;
	if (errno == EAGAIN || errno == ENOBUFS)
		return false;
	client_gone(c);
	return true;
}

static void deliver(struct client *c, uint64_t id, const struct dns_answer *answer)
{
	struct parcel *p;

	if (c->fd < 0)
		return;
	resolver_put_answer(&out, id, answer);
	if (STAILQ_EMPTY(&c->waiting) && send_packet(c, &out))
		return;
	p = mem_zero(1, sizeof(*p));
	buf_add(&p->packet, out.data, out.len);
	STAILQ_INSERT_TAIL(&c->waiting, p, link);
}

static void deliver_waiting(struct client *c)
{
	struct parcel *p;

	while (c->fd >= 0 && (p = STAILQ_FIRST(&c->waiting)) != NULL && send_packet(c, &p->packet)) {
		if (c->fd < 0)
			break;
		STAILQ_REMOVE_HEAD(&c->waiting, link);
		buf_free(&p->packet);
		free(p);
	}
}

static void job_end(struct job *job, const struct dns_answer *answer)
{
	deliver(job->client, job->id, answer);
	TAILQ_REMOVE(&jobs, job, link);
	job_count--;
	free(job);
}

static void job_fail(struct job *job, const char *why)
{
	struct dns_answer answer = {
		.is_temporary = true, .rcode = DNS_SERVFAIL,
		.canonical = job->question.name, .why = why,
	};

	job_end(job, &answer);
}

static void on_answer(void *arg, const struct dns_answer *answer)
{
	job_end(arg, answer);
}

static void take_question(struct resolver_unbound *u, struct client *c,
			  const struct resolver_question *question)
{
	struct job *job = mem_zero(1, sizeof(*job));

	job->client = c;
	job->id = question->id;
	job->deadline_ms = clock_mono_ms() + question->deadline_ms;
	TAILQ_INSERT_TAIL(&jobs, job, link);
	if (++job_count > JOBS_MAX)
		job_fail(job, "too many questions are open");
	else if (!resolver_unbound_ask(u, question->name, question->type, on_answer, job, &job->question))
		job_fail(job, "the question could not be asked");
}

static void read_client(struct resolver_unbound *u, struct client *c)
{
	struct resolver_question question;
	char packet[2048];

	for (int i = 0; i < BUDGET && c->fd >= 0; i++) {
		ssize_t n = recv(c->fd, packet, sizeof(packet), MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0)
			client_gone(c);
		else if (resolver_get_question(packet, (size_t)n, &question))
			take_question(u, c, &question);
	}
}

/* Answers what is too late; asked for a jump of the clock it does no harm. */
static void sweep(uint64_t now_ms)
{
	struct job *job = TAILQ_FIRST(&jobs);

	while (job != NULL) {
		struct job *next = TAILQ_NEXT(job, link);

		if (job->deadline_ms <= now_ms) {
			resolver_unbound_cancel(&job->question);
			job_fail(job, "the name servers gave no answer in time");
		}
		job = next;
	}
}

static void tell_dnssec(const struct resolver_unbound *u)
{
	enum resolver_dnssec now = resolver_unbound_dnssec(u);

	if (now == told)
		return;
	resolver_put_dnssec(&out, now);
	if (send(RESOLVER_STATUS_FD, out.data, out.len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		told = now;
}

/* One turn. False: nobody is left. */
static bool turn(struct resolver_unbound *u)
{
	struct pollfd fds[1 + UNBOUND_FDS + CLIENTS_MAX];
	struct pollfd *client_fds = fds + 1 + UNBOUND_FDS;
	uint64_t now_ms = clock_mono_ms(), wake_ms = resolver_unbound_tick(u, now_ms);

	if (job_count > 0 && wake_ms > now_ms + SWEEP_MS)
		wake_ms = now_ms + SWEEP_MS;
	tell_dnssec(u);
	/* The service never writes: what comes from it is its end. */
	fds[0] = (struct pollfd){ .fd = RESOLVER_STATUS_FD, .events = POLLIN };
	resolver_unbound_fds(u, fds + 1);
	for (unsigned i = 0; i < client_count; i++) {
		client_fds[i] = (struct pollfd){ .fd = clients[i].fd };
		if (resolver_unbound_is_ready(u))
			client_fds[i].events |= POLLIN;
		if (!STAILQ_EMPTY(&clients[i].waiting))
			client_fds[i].events |= POLLOUT;
	}
	wake_ms = wake_ms > now_ms + 60000 ? now_ms + 60000 : wake_ms;
	if (poll(fds, 1 + UNBOUND_FDS + client_count, wake_ms > now_ms ? (int)(wake_ms - now_ms) : 0) < 0)
		return errno == EINTR;
	if (fds[0].revents != 0)
		return false;
	resolver_unbound_process(u);
	for (unsigned i = 0; i < client_count; i++) {
		if ((client_fds[i].revents & POLLOUT) != 0)
			deliver_waiting(&clients[i]);
		if ((client_fds[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
			read_client(u, &clients[i]);
	}
	sweep(clock_mono_ms());
	return true;
}

static void usage(void)
{
	fputs("waypost-resolver is started by waypost-delivery.\n", stderr);
	exit(2);
}

static void read_args(int argc, char **argv, struct unbound_options *o)
{
	static const struct option options[] = {
		{ "clients", required_argument, NULL, 'c' },
		{ "log-level", required_argument, NULL, 'l' },
		{ "recursive", no_argument, NULL, 'r' },
		{ "server", required_argument, NULL, 's' },
		{ "insecure", required_argument, NULL, 'i' },
		{ "trust-anchor", required_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	static const char *servers[LISTED_MAX], *insecure[LISTED_MAX];
	enum log_level level = LOG_LEVEL_INFO;
	int option;

	o->servers = servers;
	o->insecure = insecure;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'c')
			client_count = (unsigned)atoi(optarg);
		else if (option == 'l' && log_level_parse(optarg, &level))
			log_open("waypost-resolver", level);
		else if (option == 'r')
			o->recursive = true;
		else if (option == 's' && o->server_count < LISTED_MAX)
			o->servers[o->server_count++] = optarg;
		else if (option == 'i' && o->insecure_count < LISTED_MAX)
			o->insecure[o->insecure_count++] = optarg;
		else if (option == 't')
			o->trust_anchor = optarg;
		else
			usage();
	}
	if (optind < argc || client_count == 0 || client_count > CLIENTS_MAX)
		usage();
}

static void prepare(void)
{
	struct rlimit files;

	/* Ctrl-C is for the service, which ends us when it is done. */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	for (unsigned i = 0; i < client_count; i++) {
		clients[i].fd = RESOLVER_FIRST_FD + (int)i;
		STAILQ_INIT(&clients[i].waiting);
	}
}

int main(int argc, char **argv)
{
	struct unbound_options options = { 0 };
	struct resolver_unbound *u;
	struct err e;

	log_open("waypost-resolver", LOG_LEVEL_INFO);
	read_args(argc, argv, &options);
	prepare();
	if (resolver_unbound_new(&options, &u, &e) != 0 || resolver_sandbox_enter(&e) != 0) {
		log_err("start", &e);
		return 1;
	}
	while (turn(u))
		continue;
	/* Threads of libunbound may still run: nothing is taken down. */
	_exit(0);
}
