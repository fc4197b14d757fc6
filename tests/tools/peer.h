/*
 * What the test peers share: non-blocking connections with optional TLS on epoll, times,
 * figures. One thread, plain malloc, out of memory ends the program.
 */
#ifndef WP_TESTS_TOOLS_PEER_H
#define WP_TESTS_TOOLS_PEER_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/buf.h"
#include "common/compiler.h"

struct peer_conn {
	int fd;	  /* -1: closed */
	SSL *ssl; /* null: in clear */
	bool is_shaking, is_eof, tls_wants_write;
	bool is_deaf; /* do not read for now */
	uint32_t watched;
	struct buf in, out;
	size_t in_taken, out_sent; /* octets at the front that are done with */
	void (*on_ready)(struct peer_conn *c);
};

/* Says what failed and ends the program with status 1. */
void peer_die(const char *fmt, ...) WP_PRINTF(1, 2) WP_NORETURN;
/* CLOCK_MONOTONIC, the same for all processes of the machine. */
uint64_t peer_now_ns(void);
/* User and system time of this process. */
double peer_cpu_s(void);
/* As many descriptors as the system gives us. */
void peer_raise_limits(void);
/* SIGTERM and SIGINT set *FLAG; SIGPIPE is ignored. */
void peer_catch_signals(volatile int *flag);

/* A literal of either family; ends the program if it is none. */
void peer_address(const char *text, uint16_t port, struct sockaddr_storage *sa_r,
		  socklen_t *len_r);
uint16_t peer_local_port(int fd);

/* The epoll instance of the process, made at the first call. */
int peer_epoll(void);
/* Watches FD; on_ready is called by peer_wait. */
void peer_open(struct peer_conn *c, int fd, void (*on_ready)(struct peer_conn *));
/* Reads and writes what is wanted by the buffers' state are watched. */
void peer_watch(struct peer_conn *c);
/* Closes, frees the buffers. A connection may be opened again. */
void peer_close(struct peer_conn *c);
/* One turn: waits at most TIMEOUT_MS and calls on_ready of each connection that is. */
void peer_wait(int timeout_ms);

/* Both: 0, or -1 when the connection is dead. */
int peer_fill(struct peer_conn *c);
int peer_flush(struct peer_conn *c);
/* Input that the TLS layer holds and that epoll does not know of: fill again. */
bool peer_has_more(const struct peer_conn *c);
static inline const char *peer_input(const struct peer_conn *c, size_t *len_r)
{
	*len_r = c->in.len - c->in_taken;
	return c->in.data == NULL ? "" : c->in.data + c->in_taken;
}
void peer_consume(struct peer_conn *c, size_t n);
static inline bool peer_is_drained(const struct peer_conn *c)
{
	return c->out.len == c->out_sent;
}

SSL_CTX *peer_tls_server(const char *cert, const char *key);
/* Nothing is verified. */
SSL_CTX *peer_tls_client(void);
void peer_start_tls(struct peer_conn *c, SSL_CTX *ctx, bool is_server);

/* A growing list of intervals. */
struct peer_times {
	uint64_t *ns;
	size_t count, cap;
};
void peer_times_add(struct peer_times *t, uint64_t ns);
/* Sorts, and adds `"NAME_p50_ms":…,"NAME_p99_ms":…,"NAME_max_ms":…` to OUT. */
void peer_times_print(struct peer_times *t, const char *name, struct buf *out);

/* TEXT as a JSON string with its quotes; octets that are no printable ASCII are escaped. */
void peer_json_string(struct buf *out, const char *text, size_t len);
/* A number from 0 to MAX of an option, or the end of the program. */
uint64_t peer_number(const char *option, const char *text, uint64_t max);

#endif
