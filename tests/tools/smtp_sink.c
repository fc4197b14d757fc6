/*
 * smtp_sink: an SMTP or LMTP server for tests, the next hop that counts, remembers and
 * misbehaves on demand. Prints `listening PORT` first and one line of JSON at its end.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/tools/peer.h"
#include "tests/tools/sink_record.h"
#include "tests/tools/sink_rules.h"
#include "tests/tools/sink_session.h"

static const char usage[] =
	"usage: smtp_sink [options]\n"
	"  --listen ADDRESS:PORT   repeatable; [v6]:PORT; port 0: a free one (127.0.0.1:0)\n"
	"  --port-file FILE        the port of the first listener, written once it listens\n"
	"  --lmtp                  speak LMTP\n"
	"  --name NAME             in banner and EHLO\n"
	"  --cert FILE --key FILE  offer STARTTLS\n"
	"  --require-tls           refuse MAIL in clear\n"
	"  --with A,B --without A,B  extensions: pipelining size 8bitmime enhancedstatuscodes\n"
	"                          (on) dsn smtputf8 chunking (off)\n"
	"  --size N                the limit that SIZE declares and the dot enforces\n"
	"  --max-messages N        ends a session after N messages\n"
	"  --journal FILE          one line of JSON for each accepted message (sink_record.h)\n"
	"  --keep DIR              the messages themselves: DIR/000001.eml…\n"
	"  --rule RULE             misbehave (sink_rules.h); repeatable\n"
	"  --refuse-file FILE      refuse connections, and drop those there are, while it exists\n"
	"  --notify PORT           send each number to UDP 127.0.0.1:PORT (smtp_load --notify)\n"
	"  --count N               end after N messages were accepted (--recipients N: recipients)\n"
	"  --idle SECONDS          end that long after the last message\n"
	"  --linger SECONDS        at the end, serve open sessions until they are closed, so long\n"
	"  --timeout SECONDS       end then in any case\n";

#define LISTENERS_MAX 16
#define TICK_MS 50

struct listener {
	struct peer_conn conn; /* first */
	struct sockaddr_storage sa;
	socklen_t len;
};

static struct listener listeners[LISTENERS_MAX];
static size_t listener_count;
static volatile int is_stopped;
static const char *port_file, *refuse_file, *journal, *keep_dir, *cert, *key;
static uint64_t count_wanted, recipients_wanted, idle_s, linger_s, timeout_s;
static uint16_t notify_port;
static uint64_t begin_ns;

static void on_connections(struct peer_conn *conn)
{
	int fd;

	while ((fd = accept4(conn->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		sink_session_open(fd);
}

static void listen_on(struct listener *l)
{
	int one = 1;
	int fd = socket(l->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&l->sa, l->len) != 0 || listen(fd, 4096) != 0)
		peer_die("listen: %s", strerror(errno));
	/* With port 0, the one we got is kept over a refusal. */
	if (getsockname(fd, (struct sockaddr *)&l->sa, &l->len) != 0)
		peer_die("getsockname: %s", strerror(errno));
	peer_open(&l->conn, fd, on_connections);
}

static void add_listener(const char *text)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon == NULL ? 0 : (size_t)(colon - text);
	char *address;

	if (listener_count == LISTENERS_MAX || len < 2)
		peer_die("--listen takes ADDRESS:PORT, %d times at most", LISTENERS_MAX);
	address = text[0] == '[' ? strndup(text + 1, len - 2) : strndup(text, len);
	peer_address(address, (uint16_t)peer_number("listen", colon + 1, 65535),
		     &listeners[listener_count].sa, &listeners[listener_count].len);
	listeners[listener_count++].conn.fd = -1;
	free(address);
}

static void set_extensions(const char *list, bool on)
{
	struct sink_config *c = &sink_config;
	const struct {
		const char *name;
		bool *flag;
	} table[] = {
		{ "pipelining", &c->pipelining },   { "size", &c->size },
		{ "8bitmime", &c->eightbitmime },   { "dsn", &c->dsn },
		{ "smtputf8", &c->smtputf8 },	    { "chunking", &c->chunking },
		{ "enhancedstatuscodes", &c->enhanced },
	};
	char *copy = mem_strdup(list), *rest = copy, *name;

	while ((name = strsep(&rest, ",")) != NULL) {
		size_t i = 0;

		while (i < WP_COUNT(table) && strcmp(table[i].name, name) != 0)
			i++;
		if (i == WP_COUNT(table))
			peer_die("unknown extension %s", name);
		*table[i].flag = on;
	}
	free(copy);
}

enum {
	OPT_LISTEN = 1, OPT_PORT_FILE, OPT_LMTP, OPT_NAME, OPT_CERT, OPT_KEY, OPT_REQUIRE_TLS,
	OPT_WITH, OPT_WITHOUT, OPT_SIZE, OPT_MAX_MESSAGES, OPT_JOURNAL, OPT_KEEP, OPT_RULE,
	OPT_REFUSE_FILE, OPT_NOTIFY, OPT_COUNT, OPT_RECIPIENTS, OPT_IDLE, OPT_LINGER, OPT_TIMEOUT,
};

static const struct option options[] = {
	{ "listen", required_argument, NULL, OPT_LISTEN },
	{ "port-file", required_argument, NULL, OPT_PORT_FILE },
	{ "lmtp", no_argument, NULL, OPT_LMTP },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "cert", required_argument, NULL, OPT_CERT },
	{ "key", required_argument, NULL, OPT_KEY },
	{ "require-tls", no_argument, NULL, OPT_REQUIRE_TLS },
	{ "with", required_argument, NULL, OPT_WITH },
	{ "without", required_argument, NULL, OPT_WITHOUT },
	{ "size", required_argument, NULL, OPT_SIZE },
	{ "max-messages", required_argument, NULL, OPT_MAX_MESSAGES },
	{ "journal", required_argument, NULL, OPT_JOURNAL },
	{ "keep", required_argument, NULL, OPT_KEEP },
	{ "rule", required_argument, NULL, OPT_RULE },
	{ "refuse-file", required_argument, NULL, OPT_REFUSE_FILE },
	{ "notify", required_argument, NULL, OPT_NOTIFY },
	{ "count", required_argument, NULL, OPT_COUNT },
	{ "recipients", required_argument, NULL, OPT_RECIPIENTS },
	{ "idle", required_argument, NULL, OPT_IDLE },
	{ "linger", required_argument, NULL, OPT_LINGER },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ 0 },
};

static void set_option(int option, const char *arg)
{
	switch (option) {
	case OPT_LISTEN: add_listener(arg); break;
	case OPT_PORT_FILE: port_file = arg; break;
	case OPT_LMTP: sink_config.is_lmtp = true; break;
	case OPT_NAME: sink_config.name = arg; break;
	case OPT_CERT: cert = arg; break;
	case OPT_KEY: key = arg; break;
	case OPT_REQUIRE_TLS: sink_config.requires_tls = true; break;
	case OPT_WITH: set_extensions(arg, true); break;
	case OPT_WITHOUT: set_extensions(arg, false); break;
	case OPT_SIZE: sink_config.size_max = peer_number("size", arg, UINT32_MAX); break;
	case OPT_MAX_MESSAGES: sink_config.messages_max = peer_number("max-messages", arg, UINT32_MAX); break;
	case OPT_JOURNAL: journal = arg; break;
	case OPT_KEEP: keep_dir = arg; break;
	case OPT_RULE: sink_rule_add(arg); break;
	case OPT_REFUSE_FILE: refuse_file = arg; break;
	case OPT_NOTIFY: notify_port = (uint16_t)peer_number("notify", arg, 65535); break;
	case OPT_COUNT: count_wanted = peer_number("count", arg, UINT32_MAX); break;
	case OPT_RECIPIENTS: recipients_wanted = peer_number("recipients", arg, UINT32_MAX); break;
	case OPT_IDLE: idle_s = peer_number("idle", arg, 86400); break;
	case OPT_LINGER: linger_s = peer_number("linger", arg, 86400); break;
	case OPT_TIMEOUT: timeout_s = peer_number("timeout", arg, 86400); break;
	default: fputs(usage, stderr); exit(2);
	}
}

/* Nobody sees a port file that is not whole. */
static void write_port_file(uint16_t port)
{
	char temp[4096];
	FILE *f;

	snprintf(temp, sizeof(temp), "%s.new", port_file);
	f = fopen(temp, "w");
	if (f == NULL || fprintf(f, "%u\n", port) < 0 || fclose(f) != 0 || rename(temp, port_file) != 0)
		peer_die("%s: %s", port_file, strerror(errno));
}

static void start(void)
{
	if (listener_count == 0)
		add_listener("127.0.0.1:0");
	if (cert != NULL)
		sink_config.tls = peer_tls_server(cert, key == NULL ? cert : key);
	sink_record_open(journal, keep_dir, notify_port);
	for (size_t i = 0; i < listener_count; i++) {
		listen_on(&listeners[i]);
		printf("listening %u\n", peer_local_port(listeners[i].conn.fd));
	}
	fflush(stdout);
	if (port_file != NULL)
		write_port_file(peer_local_port(listeners[0].conn.fd));
}

static void obey_refuse_file(void)
{
	struct stat st;
	bool refuse = refuse_file != NULL && stat(refuse_file, &st) == 0;
	bool refuses = listeners[0].conn.fd < 0;

	if (refuse == refuses)
		return;
	for (size_t i = 0; i < listener_count; i++) {
		if (refuse)
			peer_close(&listeners[i].conn);
		else
			listen_on(&listeners[i]);
	}
	if (refuse)
		sink_session_close_all();
}

static bool is_over(uint64_t now_ns)
{
	const struct sink_totals *t = &sink_totals;

	return is_stopped || (count_wanted > 0 && t->messages >= count_wanted) ||
	       (recipients_wanted > 0 && t->recipients >= recipients_wanted) ||
	       (timeout_s > 0 && now_ns - begin_ns > timeout_s * UINT64_C(1000000000)) ||
	       (idle_s > 0 && t->last_ns > 0 && now_ns - t->last_ns > idle_s * UINT64_C(1000000000));
}

static void print_summary(void)
{
	struct sink_totals *t = &sink_totals;
	struct buf b = { 0 };

	buf_printf(&b,
		   "{\"messages\":%" PRIu64 ",\"recipients\":%" PRIu64 ",\"stamped\":%" PRIu64
		   ",\"distinct\":%" PRIu64 ",\"duplicates\":%" PRIu64 ",\"corrupt\":%" PRIu64
		   ",\"bytes\":%" PRIu64 ",\"connections\":%" PRIu64 ",\"max_connections\":%" PRIu64
		   ",\"tls\":%" PRIu64 ",\"refused_replies\":%" PRIu64 ",\"first_ns\":%" PRIu64
		   ",\"last_ns\":%" PRIu64 ",",
		   t->messages, t->recipients, t->stamped, t->distinct, t->duplicates, t->corrupt,
		   t->bytes, sink_sessions.opened, sink_sessions.open_max, sink_sessions.tls,
		   sink_sessions.refused_replies, t->first_ns, t->last_ns);
	peer_times_print(&t->latency, "latency", &b);
	buf_printf(&b, ",\"cpu_s\":%.3f}", peer_cpu_s());
	puts(b.data);
	buf_free(&b);
}

int main(int argc, char **argv)
{
	uint64_t over_ns = 0;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		set_option(option, optarg);
	if (optind < argc)
		set_option('?', NULL);
	peer_raise_limits();
	peer_catch_signals(&is_stopped);
	begin_ns = peer_now_ns();
	start();
	/* After the end, those who still have a session may finish it, for a while. */
	while (over_ns == 0 || (sink_sessions.open > 0 && !is_stopped &&
				peer_now_ns() - over_ns < linger_s * UINT64_C(1000000000))) {
		peer_wait(sink_session_tick(TICK_MS));
		obey_refuse_file();
		if (over_ns == 0 && is_over(peer_now_ns()))
			over_ns = peer_now_ns();
	}
	sink_session_close_all();
	for (size_t i = 0; i < listener_count; i++)
		peer_close(&listeners[i].conn);
	SSL_CTX_free(sink_config.tls);
	print_summary();
	return 0;
}
