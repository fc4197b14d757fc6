/*
 * smtp_load: an SMTP load generator for tests. Every message is stamped (stamp.h), so that
 * smtp_sink and smtp_check can prove what became of it. One line of JSON at the end; exit
 * status 0 if every message was accepted.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/tools/load_job.h"
#include "tests/tools/load_session.h"
#include "tests/tools/peer.h"

static const char usage[] =
	"usage: smtp_load --port PORT [options]\n"
	"  --host ADDRESS         127.0.0.1\n"
	"  --sessions N           connections at the same time (1)\n"
	"  --messages N           how many, in all (1)\n"
	"  --per-connection N     QUIT after so many (no limit)\n"
	"  --size N[-M]           octets of the body (4096); a range: spread over it\n"
	"  --rcpts N              recipients of a message (1)\n"
	"  --from PATTERN --to PATTERN  addresses (load_job.h): s%s@sender.example, u%u@d%d.example\n"
	"  --users N --domains N  what %u and %d run over (1000, 1)\n"
	"  --first-seq N          the first number (0)\n"
	"  --dots                 lines that begin with dots\n"
	"  --no-pipelining\n"
	"  --starttls             verifies nothing\n"
	"  --helo NAME            load.example\n"
	"  --source ADDRESS[+N]   connect from it; from N addresses on, in turn\n"
	"  --rate N               messages per second at most\n"
	"  --retry                send again what was refused with 4yz or lost with its connection\n"
	"  --retry-delay MS       100\n"
	"  --acked FILE           a line `NUMBER ATTEMPT RECIPIENTS` per accepted message, written\n"
	"                         before anything else is sent\n"
	"  --notify PORT          one at a time: the next when smtp_sink --notify PORT has it\n"
	"  --idle                 open the sessions, say EHLO, print `held N`, wait for SIGTERM\n"
	"  --duration SECONDS     begin no new message after that\n"
	"  --timeout SECONDS      give up after that\n";

#define TURN_MS 100

static struct load_session **sessions;
static uint64_t session_count = 1, duration_s, timeout_s, begin_ns;
static volatile int is_stopped;
static const char *host = "127.0.0.1";
static uint16_t port, notify_port;
static uint64_t notified;
static struct peer_conn notify_conn = { .fd = -1 };
static bool with_tls;

enum {
	OPT_HOST = 1, OPT_PORT, OPT_SESSIONS, OPT_MESSAGES, OPT_PER_CONNECTION, OPT_SIZE, OPT_RCPTS,
	OPT_FROM, OPT_TO, OPT_USERS, OPT_DOMAINS, OPT_FIRST_SEQ, OPT_DOTS, OPT_NO_PIPELINING,
	OPT_STARTTLS, OPT_HELO, OPT_SOURCE, OPT_RATE, OPT_RETRY, OPT_RETRY_DELAY, OPT_ACKED,
	OPT_NOTIFY, OPT_IDLE, OPT_DURATION, OPT_TIMEOUT,
};

static const struct option options[] = {
	{ "host", required_argument, NULL, OPT_HOST },
	{ "port", required_argument, NULL, OPT_PORT },
	{ "sessions", required_argument, NULL, OPT_SESSIONS },
	{ "messages", required_argument, NULL, OPT_MESSAGES },
	{ "per-connection", required_argument, NULL, OPT_PER_CONNECTION },
	{ "size", required_argument, NULL, OPT_SIZE },
	{ "rcpts", required_argument, NULL, OPT_RCPTS },
	{ "from", required_argument, NULL, OPT_FROM },
	{ "to", required_argument, NULL, OPT_TO },
	{ "users", required_argument, NULL, OPT_USERS },
	{ "domains", required_argument, NULL, OPT_DOMAINS },
	{ "first-seq", required_argument, NULL, OPT_FIRST_SEQ },
	{ "dots", no_argument, NULL, OPT_DOTS },
	{ "no-pipelining", no_argument, NULL, OPT_NO_PIPELINING },
	{ "starttls", no_argument, NULL, OPT_STARTTLS },
	{ "helo", required_argument, NULL, OPT_HELO },
	{ "source", required_argument, NULL, OPT_SOURCE },
	{ "rate", required_argument, NULL, OPT_RATE },
	{ "retry", no_argument, NULL, OPT_RETRY },
	{ "retry-delay", required_argument, NULL, OPT_RETRY_DELAY },
	{ "acked", required_argument, NULL, OPT_ACKED },
	{ "notify", required_argument, NULL, OPT_NOTIFY },
	{ "idle", no_argument, NULL, OPT_IDLE },
	{ "duration", required_argument, NULL, OPT_DURATION },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ 0 },
};

static void set_size(const char *arg)
{
	const char *dash = strchr(arg, '-');
	char *low = strndup(arg, dash == NULL ? strlen(arg) : (size_t)(dash - arg));

	load_config.size_min = peer_number("size", low, UINT32_MAX);
	load_config.size_max = dash == NULL ? load_config.size_min
					    : peer_number("size", dash + 1, UINT32_MAX);
	if (load_config.size_max < load_config.size_min)
		peer_die("--size %s: the range is empty", arg);
	free(low);
}

static void set_source(const char *arg)
{
	const char *plus = strchr(arg, '+');
	char *address = strndup(arg, plus == NULL ? strlen(arg) : (size_t)(plus - arg));

	session_config.sources = plus == NULL ? 1 : peer_number("source", plus + 1, 65536);
	peer_address(address, 0, &session_config.source, &session_config.source_len);
	free(address);
}

/* At least 1. */
static uint64_t count(const char *option, const char *arg)
{
	uint64_t n = peer_number(option, arg, UINT32_MAX);

	return n == 0 ? 1 : n;
}

static void set_option(int option, const char *arg)
{
	struct load_config *c = &load_config;

	switch (option) {
	case OPT_HOST: host = arg; break;
	case OPT_PORT: port = (uint16_t)peer_number("port", arg, 65535); break;
	case OPT_SESSIONS: session_count = count("sessions", arg); break;
	case OPT_MESSAGES: c->messages = count("messages", arg); break;
	case OPT_PER_CONNECTION: session_config.per_connection = count("per-connection", arg); break;
	case OPT_SIZE: set_size(arg); break;
	case OPT_RCPTS: c->rcpts = count("rcpts", arg); break;
	case OPT_FROM: c->from = arg; break;
	case OPT_TO: c->to = arg; break;
	case OPT_USERS: c->users = count("users", arg); break;
	case OPT_DOMAINS: c->domains = count("domains", arg); break;
	case OPT_FIRST_SEQ: c->first_seq = peer_number("first-seq", arg, UINT64_MAX / 2); break;
	case OPT_DOTS: c->dots = true; break;
	case OPT_NO_PIPELINING: session_config.no_pipelining = true; break;
	case OPT_STARTTLS: with_tls = true; break;
	case OPT_HELO: session_config.helo = arg; break;
	case OPT_SOURCE: set_source(arg); break;
	case OPT_RATE: c->rate = count("rate", arg); break;
	case OPT_RETRY: c->retry = true; break;
	case OPT_RETRY_DELAY: c->retry_delay_ns = peer_number("retry-delay", arg, 3600000) * 1000000; break;
	case OPT_ACKED: c->acked_path = arg; break;
	case OPT_NOTIFY: notify_port = (uint16_t)peer_number("notify", arg, 65535); break;
	case OPT_IDLE: session_config.is_idle = true; break;
	case OPT_DURATION: duration_s = peer_number("duration", arg, 86400); break;
	case OPT_TIMEOUT: timeout_s = peer_number("timeout", arg, 86400); break;
	default: fputs(usage, stderr); exit(2);
	}
}

static void on_notified(struct peer_conn *conn)
{
	uint64_t seq;

	while (recv(conn->fd, &seq, sizeof(seq), 0) > 0)
		notified++;
}

static void open_notify(void)
{
	struct sockaddr_storage sa;
	socklen_t len;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	peer_address("127.0.0.1", notify_port, &sa, &len);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, len) != 0)
		peer_die("notify port %u: %s", notify_port, strerror(errno));
	peer_open(&notify_conn, fd, on_notified);
	session_config.is_single = true;
	session_count = 1;
}

static void start(void)
{
	peer_address(host, port, &session_config.server, &session_config.server_len);
	if (with_tls)
		session_config.tls = peer_tls_client();
	if (notify_port != 0)
		open_notify();
	begin_ns = peer_now_ns();
	load_jobs_open(begin_ns);
	sessions = mem_alloc(session_count * sizeof(struct load_session *));
	for (uint64_t i = 0; i < session_count; i++)
		sessions[i] = load_session_new(i);
}

static bool has_passed(uint64_t seconds, uint64_t now_ns)
{
	return seconds > 0 && now_ns - begin_ns > seconds * UINT64_C(1000000000);
}

/* Milliseconds that nothing has to be done for, unless the network says so. */
static int tick(void)
{
	uint64_t now_ns = peer_now_ns(), next_ns = now_ns + TURN_MS * UINT64_C(1000000);

	if (has_passed(duration_s, now_ns))
		load_jobs_stop();
	for (uint64_t i = 0; i < session_count; i++) {
		uint64_t want_ns = load_session_tick(sessions[i], now_ns);

		if (want_ns < next_ns)
			next_ns = want_ns;
		if (notify_port != 0 && notified >= load_totals.accepted)
			load_session_go_on(sessions[i]);
	}
	return next_ns <= now_ns ? 0 : (int)((next_ns - now_ns + 999999) / 1000000);
}

static bool is_over(void)
{
	if (is_stopped || has_passed(timeout_s, peer_now_ns()))
		return true;
	if (session_config.is_idle || !load_jobs_are_done())
		return false;
	/* Until every QUIT is answered. */
	for (uint64_t i = 0; i < session_count; i++) {
		if (load_session_is_open(sessions[i]))
			return false;
	}
	return true;
}

static void print_summary(void)
{
	const struct load_totals *t = &load_totals;
	struct buf b = { 0 };
	double seconds = t->last_ns > begin_ns ? (double)(t->last_ns - begin_ns) / 1e9 : 0;

	buf_printf(&b,
		   "{\"messages\":%" PRIu64 ",\"accepted\":%" PRIu64 ",\"failed\":%" PRIu64
		   ",\"refused_replies\":%" PRIu64 ",\"rcpts_refused\":%" PRIu64
		   ",\"connections\":%" PRIu64 ",\"lost_connections\":%" PRIu64 ",\"tls\":%" PRIu64
		   ",\"held\":%" PRIu64 ",\"begin_ns\":%" PRIu64 ",\"last_ns\":%" PRIu64
		   ",\"accepted_per_s\":%.1f,",
		   load_config.messages, t->accepted, t->failed, t->refused, t->rcpts_refused,
		   session_totals.connections, session_totals.lost, session_totals.tls,
		   session_totals.held, begin_ns, t->last_ns,
		   seconds > 0 ? (double)t->accepted / seconds : 0);
	peer_times_print(&session_totals.accept, "accept", &b);
	buf_adds(&b, ",\"first_error\":");
	peer_json_string(&b, t->first_error, strlen(t->first_error));
	buf_printf(&b, ",\"cpu_s\":%.3f}", peer_cpu_s());
	puts(b.data);
	buf_free(&b);
}

int main(int argc, char **argv)
{
	bool told = false;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		set_option(option, optarg);
	if (optind < argc || port == 0)
		set_option('?', NULL);
	peer_raise_limits();
	peer_catch_signals(&is_stopped);
	start();
	while (!is_over()) {
		peer_wait(tick());
		if (session_config.is_idle && !told && session_totals.held == session_count) {
			printf("held %" PRIu64 "\n", session_totals.held);
			fflush(stdout);
			told = true;
		}
	}
	print_summary();
	for (uint64_t i = 0; i < session_count; i++)
		load_session_free(sessions[i]);
	peer_close(&notify_conn);
	SSL_CTX_free(session_config.tls);
	return session_config.is_idle || load_totals.accepted == load_config.messages ? 0 : 1;
}
