/* What the test peers share: see peer.h. */
#include "config.h"

#include "tests/tools/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define READ_AT_ONCE 32768
/* Input that is not taken yet: more is left in the kernel. */
#define INPUT_MAX (1024 * 1024)
#define TURN_EVENTS 256

static volatile int *stop_flag;

void peer_die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

uint64_t peer_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

double peer_cpu_s(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e-6;
}

void peer_raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void on_signal(int number)
{
	(void)number;
	*stop_flag = 1;
}

void peer_catch_signals(volatile int *flag)
{
	struct sigaction action = { .sa_handler = on_signal };

	stop_flag = flag;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

void peer_address(const char *text, uint16_t port, struct sockaddr_storage *sa_r,
		  socklen_t *len_r)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)sa_r;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)sa_r;

	memset(sa_r, 0, sizeof(*sa_r));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		*len_r = sizeof(*v4);
	} else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		*len_r = sizeof(*v6);
	} else {
		peer_die("%s is no IP address", text);
	}
}

uint16_t peer_local_port(int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0)
		peer_die("getsockname: %s", strerror(errno));
	return ntohs(sa.ss_family == AF_INET ? ((struct sockaddr_in *)&sa)->sin_port
					     : ((struct sockaddr_in6 *)&sa)->sin6_port);
}

int peer_epoll(void)
{
	static int fd = -1;

	if (fd < 0 && (fd = epoll_create1(EPOLL_CLOEXEC)) < 0)
		peer_die("epoll_create1: %s", strerror(errno));
	return fd;
}

void peer_open(struct peer_conn *c, int fd, void (*on_ready)(struct peer_conn *))
{
	int one = 1;

	memset(c, 0, sizeof(*c));
	c->fd = fd;
	c->on_ready = on_ready;
	/* Fails on the sockets that listen for datagrams, where it means nothing. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	peer_watch(c);
}

void peer_watch(struct peer_conn *c)
{
	struct epoll_event event = { .data.ptr = c };
	int op = c->watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

	/* EPOLLRDHUP keeps a deaf connection among the watched. */
	event.events = EPOLLRDHUP | (c->is_deaf ? 0u : EPOLLIN);
	if ((!peer_is_drained(c) && !c->is_shaking) || c->tls_wants_write)
		event.events |= EPOLLOUT;
	if (event.events == c->watched)
		return;
	if (epoll_ctl(peer_epoll(), op, c->fd, &event) != 0)
		peer_die("epoll_ctl: %s", strerror(errno));
	c->watched = event.events;
}

void peer_close(struct peer_conn *c)
{
	if (c->fd < 0)
		return;
	if (c->ssl != NULL) {
		if (!c->is_shaking)
			SSL_shutdown(c->ssl);
		SSL_free(c->ssl);
		c->ssl = NULL;
	}
	close(c->fd);
	c->fd = -1;
	c->watched = 0;
	buf_free(&c->in);
	buf_free(&c->out);
	c->in_taken = c->out_sent = 0;
}

void peer_wait(int timeout_ms)
{
	struct epoll_event events[TURN_EVENTS];
	int n = epoll_wait(peer_epoll(), events, TURN_EVENTS, timeout_ms);

	for (int i = 0; i < n; i++) {
		struct peer_conn *c = events[i].data.ptr;

		if (c->fd >= 0)
			c->on_ready(c);
	}
}

/* The result of an SSL call that gave no octets: 0 wait, -1 dead. */
static int tls_wait(struct peer_conn *c, int result)
{
	int why = SSL_get_error(c->ssl, result);

	c->tls_wants_write = why == SSL_ERROR_WANT_WRITE;
	return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static int shake_hands(struct peer_conn *c)
{
	int result;

	ERR_clear_error();
	result = SSL_do_handshake(c->ssl);
	if (result != 1)
		return tls_wait(c, result);
	c->is_shaking = c->tls_wants_write = false;
	return 0;
}

/* Octets read, 0 at the end, -1 none now, -2 dead. */
static ssize_t read_some(struct peer_conn *c)
{
	char *to = c->in.data + c->in.len;
	ssize_t n;

	if (c->ssl == NULL) {
		n = recv(c->fd, to, READ_AT_ONCE, 0);
		return n >= 0 ? n : errno == EAGAIN || errno == EINTR ? -1 : -2;
	}
	ERR_clear_error();
	n = SSL_read(c->ssl, to, READ_AT_ONCE);
	if (n > 0)
		return n;
	return tls_wait(c, (int)n) == 0 ? -1 : 0;
}

int peer_fill(struct peer_conn *c)
{
	ssize_t n;

	if (c->is_shaking && shake_hands(c) != 0)
		return -1;
	while (!c->is_shaking && !c->is_eof && c->in.len - c->in_taken < INPUT_MAX) {
		buf_reserve(&c->in, READ_AT_ONCE);
		n = read_some(c);
		if (n == -2)
			return -1;
		if (n == -1)
			break;
		c->is_eof = n == 0;
		c->in.len += (size_t)n;
		if (c->ssl == NULL && n < READ_AT_ONCE)
			break;
	}
	return c->is_eof && c->in.len == c->in_taken ? -1 : 0;
}

bool peer_has_more(const struct peer_conn *c)
{
	return c->ssl != NULL && !c->is_shaking && SSL_pending(c->ssl) > 0;
}

int peer_flush(struct peer_conn *c)
{
	while (!peer_is_drained(c) && !c->is_shaking) {
		const char *from = c->out.data + c->out_sent;
		size_t len = c->out.len - c->out_sent;
		ssize_t n;

		if (c->ssl != NULL) {
			ERR_clear_error();
			n = SSL_write(c->ssl, from, (int)len);
			if (n <= 0)
				return tls_wait(c, (int)n);
			c->tls_wants_write = false;
		} else {
			n = send(c->fd, from, len, MSG_NOSIGNAL);
			if (n < 0)
				return errno == EAGAIN || errno == EINTR ? 0 : -1;
		}
		c->out_sent += (size_t)n;
	}
	if (peer_is_drained(c)) {
		buf_clear(&c->out);
		c->out_sent = 0;
	}
	return 0;
}

void peer_consume(struct peer_conn *c, size_t n)
{
	c->in_taken += n;
	if (c->in_taken == c->in.len) {
		buf_clear(&c->in);
		c->in_taken = 0;
	} else if (c->in_taken > INPUT_MAX / 2) {
		buf_consume(&c->in, c->in_taken);
		c->in_taken = 0;
	}
}

static SSL_CTX *tls_context(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (ctx == NULL)
		peer_die("no TLS context");
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return ctx;
}

SSL_CTX *peer_tls_server(const char *cert, const char *key)
{
	SSL_CTX *ctx = tls_context(TLS_server_method());

	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		peer_die("%s and %s are no certificate and its key", cert, key);
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"sink", 4);
	return ctx;
}

SSL_CTX *peer_tls_client(void)
{
	SSL_CTX *ctx = tls_context(TLS_client_method());

	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	return ctx;
}

void peer_start_tls(struct peer_conn *c, SSL_CTX *ctx, bool is_server)
{
	c->ssl = SSL_new(ctx);
	if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1)
		peer_die("no TLS connection");
	if (is_server)
		SSL_set_accept_state(c->ssl);
	else
		SSL_set_connect_state(c->ssl);
	c->is_shaking = true;
}

void peer_times_add(struct peer_times *t, uint64_t ns)
{
	if (t->count == t->cap) {
		t->cap = t->cap * 2 + 4096;
		t->ns = mem_grow(t->ns, t->cap * sizeof(*t->ns));
	}
	t->ns[t->count++] = ns;
}

static int compare_ns(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static double part_ms(const struct peer_times *t, unsigned percent)
{
	return t->count == 0 ? 0 : (double)t->ns[(t->count - 1) * percent / 100] / 1e6;
}

void peer_times_print(struct peer_times *t, const char *name, struct buf *out)
{
	if (t->count > 0)
		qsort(t->ns, t->count, sizeof(*t->ns), compare_ns);
	buf_printf(out, "\"%s_p50_ms\":%.3f,\"%s_p99_ms\":%.3f,\"%s_max_ms\":%.3f", name,
		   part_ms(t, 50), name, part_ms(t, 99), name, part_ms(t, 100));
}

void peer_json_string(struct buf *out, const char *text, size_t len)
{
	buf_addc(out, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c > 0x7e || c == '"' || c == '\\')
			buf_printf(out, "\\u%04x", c);
		else
			buf_addc(out, (char)c);
	}
	buf_addc(out, '"');
}

uint64_t peer_number(const char *option, const char *text, uint64_t max)
{
	uint64_t value;

	if (!parse_u64(text, strlen(text), max, &value))
		peer_die("--%s takes a number up to %llu, not %s", option, (unsigned long long)max,
			 text);
	return value;
}
