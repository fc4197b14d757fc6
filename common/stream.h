/*
 * A TCP or local connection under libuv, with or without TLS, that knows no protocol.
 *
 * The owner is told what came in (on_data), is asked for what shall go out (output, wrote),
 * and hears of the end exactly once (on_end), after which only stream_close() may follow.
 * Writing is a pull: stream_flush() asks for ranges and sends them with one writev; ranges
 * stay the owner's and unchanged until `wrote` was told of them, or are copied when they have
 * to wait (`copies`). Under TLS plaintext is taken in pieces of 16 KiB while less than
 * STREAM_TLS_AHEAD octets of ciphertext wait.
 *
 * Loop thread only. The structure is embedded in its owner and its memory may be used again
 * only from on_closed on. Within a call of the owner come only `output`, `wrote` and, when the
 * connection turns out to be broken, on_end (stream_flush, stream_start_tls), and octets that
 * were decrypted before a pause (stream_read_start).
 */
#ifndef WP_COMMON_STREAM_H
#define WP_COMMON_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <uv.h>

#include "common/err.h"
#include "common/tls.h"

enum { STREAM_IOV_MAX = 64, STREAM_TLS_AHEAD = 128 * 1024 };

struct stream;

struct stream_handler {
	/* Where the next octets may go and how many; 0: reading stops until stream_read_start().
	 * Null: the loop's shared buffer is used. */
	size_t (*room)(void *arg, char **at_r);
	/* Octets from the peer, in clear; in the room given, or valid during the call. */
	void (*on_data)(void *arg, const char *data, size_t len);
	/* The TLS handshake is done. */
	void (*on_secure)(void *arg);
	/* The peer sends nothing more but may still read. Once; null: on_end is called. */
	void (*on_eof)(void *arg);
	/* The peer closed (ERR null) or the connection or its TLS broke. Once. */
	void (*on_end)(void *arg, const struct err *err);
	/* The socket is closed: the memory is the owner's again. */
	void (*on_closed)(void *arg);
	/* Up to MAX ranges to send now; 0: nothing. */
	int (*output)(void *arg, struct iovec *iov, int max);
	/* N octets of them were handed to the kernel, to TLS or to a copy. */
	void (*wrote)(void *arg, size_t n);
	/* What had to wait for the socket has left (not called when nothing had to). May be null. */
	void (*on_drained)(void *arg);
	/* The ranges change while they wait, so a copy waits instead. For small output. */
	bool copies;
};

struct stream {
	union { /* a TCP or a local socket */
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} uv;
	uv_write_t request;
	const struct stream_handler *handler;
	void *arg;
	char *read_buffer; /* shared by all streams of a loop */
	size_t read_size;
	struct tls *tls;
	bool secure;    /* handshake done */
	bool reading, writing, has_eof, ended, closing;
	size_t queued_bytes; /* of the write that waits for the socket; the owner's memory */
	char *parked;        /* or the copy that waits, or null */
};

/* Prepares a stream on LOOP. READ_BUFFER is scratch shared by the streams of the loop. */
void stream_init(struct stream *s, uv_loop_t *loop, const struct stream_handler *handler,
		 void *arg, char *read_buffer, size_t read_size);
/* The same for a local socket: uv_pipe_connect on s->uv.pipe. */
void stream_init_local(struct stream *s, uv_loop_t *loop, const struct stream_handler *handler,
		       void *arg, char *read_buffer, size_t read_size);
/* After uv_accept or uv_tcp_connect succeeded on s->uv.tcp: switches off Nagle. */
void stream_connected(struct stream *s);
void stream_read_start(struct stream *s);
void stream_read_stop(struct stream *s);
/* Sends what the owner has; the rest goes when the socket takes it. */
void stream_flush(struct stream *s);
/* True if nothing is on its way: neither ours nor TLS's. */
bool stream_is_drained(const struct stream *s);
/*
 * Turns the connection to TLS; what was read so far stays in clear. The owner must have
 * nothing left to send. SERVER_NAME as in tls_new().
 */
void stream_start_tls(struct stream *s, struct tls_context *context, const char *server_name);
/* Ends it; on_closed follows, nothing else does. May be called more than once. */
void stream_close(struct stream *s);

#endif
