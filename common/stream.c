/* A TCP connection under libuv, with or without TLS. Loop thread only. */
#include "common/stream.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

enum { TLS_PIECE = 16 * 1024 };

static void on_written(uv_write_t *request, int status);

/* --- the end --------------------------------------------------------------------------- */

static void end(struct stream *s, const struct err *err)
{
	if (s->ended || s->closing)
		return;
	s->ended = true;
	stream_read_stop(s);
	s->handler->on_end(s->arg, err);
}

/* A peer that has said all may still wait for the answers. */
static void end_of_input(struct stream *s)
{
	if (s->handler->on_eof == NULL) {
		end(s, NULL);
		return;
	}
	if (s->ended || s->closing || s->has_eof)
		return;
	s->has_eof = true;
	stream_read_stop(s);
	s->handler->on_eof(s->arg);
}

static void end_uv(struct stream *s, int status)
{
	struct err err;

	if (status == UV_EOF) {
		end_of_input(s);
		return;
	}
	err_set(&err, ERR_SYSTEM, -status, "%s", uv_strerror(status));
	end(s, &err);
}

static void on_closed(uv_handle_t *handle)
{
	struct stream *s = handle->data;

	tls_free(s->tls);
	s->tls = NULL;
	s->handler->on_closed(s->arg);
}

void stream_close(struct stream *s)
{
	if (s->closing)
		return;
	s->closing = true;
	uv_close(&s->uv.handle, on_closed);
}

/* --- writing --------------------------------------------------------------------------- */

/* What the socket takes at once: octets, 0 when it is full, negative on an error. */
static ssize_t try_ranges(struct stream *s, const struct iovec *iov, int count, uv_buf_t *bufs)
{
	int rc;

	for (int i = 0; i < count; i++)
		bufs[i] = uv_buf_init(iov[i].iov_base, (unsigned)iov[i].iov_len);
	rc = uv_try_write(&s->uv.stream, bufs, (unsigned)count);
	return rc == UV_EAGAIN ? 0 : rc;
}

/* The socket is full: the ranges go when it has room, then on_written comes. */
static void queue_ranges(struct stream *s, const uv_buf_t *bufs, int count)
{
	int rc;

	s->request.data = s;
	rc = uv_write(&s->request, &s->uv.stream, bufs, (unsigned)count, on_written);
	if (rc == 0) {
		s->writing = true;
		return;
	}
	free(s->parked);
	s->parked = NULL;
	end_uv(s, rc);
}

static void queue_owned(struct stream *s, const uv_buf_t *bufs, int count)
{
	s->queued_bytes = 0;
	for (int i = 0; i < count; i++)
		s->queued_bytes += bufs[i].len;
	queue_ranges(s, bufs, count);
}

/* What its owner may change or move while it waits is copied. */
static size_t park(struct stream *s, const uv_buf_t *bufs, int count)
{
	size_t size = 0, at = 0;

	for (int i = 0; i < count; i++)
		size += bufs[i].len;
	s->parked = mem_alloc(size);
	for (int i = 0; i < count; i++) {
		memcpy(s->parked + at, bufs[i].base, bufs[i].len);
		at += bufs[i].len;
	}
	s->queued_bytes = 0;
	return size;
}

static void queue_parked(struct stream *s, size_t size)
{
	uv_buf_t buf = uv_buf_init(s->parked, (unsigned)size);

	queue_ranges(s, &buf, 1);
}

/* Told as written before it is: the owner goes on with other memory. */
static void queue_copy(struct stream *s, const uv_buf_t *bufs, int count)
{
	size_t size = park(s, bufs, count);

	s->handler->wrote(s->arg, size);
	queue_parked(s, size);
}

static void flush_clear(struct stream *s)
{
	struct iovec iov[STREAM_IOV_MAX];
	uv_buf_t bufs[STREAM_IOV_MAX];

	while (!s->writing && !s->ended && !s->closing) {
		int count = s->handler->output(s->arg, iov, STREAM_IOV_MAX);
		ssize_t n;

		if (count == 0)
			return;
		n = try_ranges(s, iov, count, bufs);
		if (n < 0)
			end_uv(s, (int)n);
		else if (n > 0)
			s->handler->wrote(s->arg, (size_t)n);
		else if (s->handler->copies)
			queue_copy(s, bufs, count);
		else
			queue_owned(s, bufs, count);
	}
}

/* Ciphertext that waits is moved out of the BIO, which may grow and move meanwhile. */
static void queue_ciphertext(struct stream *s, const uv_buf_t *buf)
{
	size_t size = park(s, buf, 1);

	tls_output_done(s->tls, size);
	queue_parked(s, size);
}

static void send_ciphertext(struct stream *s)
{
	while (!s->writing && !s->ended && !s->closing) {
		struct iovec iov;
		uv_buf_t buf;
		ssize_t n;
		const char *data = tls_output(s->tls, &iov.iov_len);

		if (iov.iov_len == 0)
			return;
		iov.iov_base = (void *)data;
		n = try_ranges(s, &iov, 1, &buf);
		if (n < 0)
			end_uv(s, (int)n);
		else if (n > 0)
			tls_output_done(s->tls, (size_t)n);
		else
			queue_ciphertext(s, &buf);
	}
}

/* Small ranges are gathered, so that a reply group or a message is few TLS records. */
static bool encrypt_some(struct stream *s)
{
	struct iovec iov[STREAM_IOV_MAX];
	char piece[TLS_PIECE];
	size_t len = 0;
	struct err err;
	int count = s->handler->output(s->arg, iov, STREAM_IOV_MAX);

	for (int i = 0; i < count && len < sizeof(piece); i++) {
		size_t part = iov[i].iov_len;

		if (part > sizeof(piece) - len)
			part = sizeof(piece) - len;
		memcpy(piece + len, iov[i].iov_base, part);
		len += part;
	}
	if (len == 0)
		return false;
	if (tls_write(s->tls, piece, len, &err) != 0) {
		end(s, &err);
		return false;
	}
	s->handler->wrote(s->arg, len);
	return true;
}

static void flush_tls(struct stream *s)
{
	size_t waiting;

	while (!s->writing && !s->ended && !s->closing) {
		do {
			tls_output(s->tls, &waiting);
		} while (s->secure && waiting < STREAM_TLS_AHEAD && encrypt_some(s));
		tls_output(s->tls, &waiting);
		if (waiting == 0)
			return;
		send_ciphertext(s);
	}
}

void stream_flush(struct stream *s)
{
	if (s->tls != NULL)
		flush_tls(s);
	else
		flush_clear(s);
}

static void on_written(uv_write_t *request, int status)
{
	struct stream *s = request->data;
	size_t owned = s->queued_bytes;

	s->writing = false;
	s->queued_bytes = 0;
	free(s->parked);
	s->parked = NULL;
	if (s->closing || s->ended)
		return;
	if (status < 0) {
		end_uv(s, status);
		return;
	}
	if (owned > 0)
		s->handler->wrote(s->arg, owned);
	stream_flush(s);
	if (s->handler->on_drained != NULL && !s->writing && !s->closing && !s->ended)
		s->handler->on_drained(s->arg);
}

bool stream_is_drained(const struct stream *s)
{
	size_t waiting = 0;

	if (s->tls != NULL)
		tls_output(s->tls, &waiting);
	return !s->writing && waiting == 0;
}

/* --- reading --------------------------------------------------------------------------- */

static size_t find_room(struct stream *s, char **at_r)
{
	*at_r = s->read_buffer;
	return s->handler->room != NULL ? s->handler->room(s->arg, at_r) : s->read_size;
}

static void deliver_plaintext(struct stream *s)
{
	struct err err;

	while (s->reading && !s->ended && !s->closing) {
		char *at;
		size_t room = find_room(s, &at);
		int n;

		if (room == 0) {
			stream_read_stop(s);
			return;
		}
		n = tls_read(s->tls, at, room, &err);
		if (n > 0)
			s->handler->on_data(s->arg, at, (size_t)n);
		else if (n == 0)
			return;
		else if (n == -2)
			end_of_input(s);
		else
			end(s, &err);
	}
}

static void run_tls(struct stream *s)
{
	struct err err;

	if (!s->secure) {
		int rc = tls_handshake(s->tls, &err);

		stream_flush(s); /* our flight, or the alert that tells why */
		if (rc < 0) {
			end(s, &err);
			return;
		}
		if (rc == 0 || s->ended || s->closing)
			return;
		s->secure = true;
		s->handler->on_secure(s->arg);
	}
	deliver_plaintext(s);
}

/* Ciphertext always comes by the shared buffer: TLS takes it at once. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct stream *s = handle->data;
	char *at = s->read_buffer;
	size_t room = s->tls != NULL ? s->read_size : find_room(s, &at);

	(void)suggested;
	*buf = uv_buf_init(at, (unsigned)room);
}

static void on_read(uv_stream_t *tcp, ssize_t n, const uv_buf_t *buf)
{
	struct stream *s = tcp->data;

	if (n == UV_ENOBUFS)
		stream_read_stop(s); /* no room: here, since libuv calls us after on_alloc */
	if (n == 0 || n == UV_ENOBUFS || s->closing || s->ended)
		return;
	if (n < 0) {
		end_uv(s, (int)n);
		return;
	}
	if (s->tls == NULL) {
		s->handler->on_data(s->arg, buf->base, (size_t)n);
		return;
	}
	tls_feed(s->tls, buf->base, (size_t)n);
	run_tls(s);
}

void stream_read_start(struct stream *s)
{
	if (s->reading || s->has_eof || s->ended || s->closing)
		return;
	s->reading = true;
	uv_read_start(&s->uv.stream, on_alloc, on_read);
	if (s->tls != NULL && s->secure)
		deliver_plaintext(s); /* decrypted before the pause */
}

void stream_read_stop(struct stream *s)
{
	if (!s->reading)
		return;
	s->reading = false;
	uv_read_stop(&s->uv.stream);
}

/* --- beginning ------------------------------------------------------------------------- */

static void stream_setup(struct stream *s, const struct stream_handler *handler, void *arg,
			 char *read_buffer, size_t read_size)
{
	s->uv.handle.data = s;
	s->handler = handler;
	s->arg = arg;
	s->read_buffer = read_buffer;
	s->read_size = read_size;
}

void stream_init(struct stream *s, uv_loop_t *loop, const struct stream_handler *handler,
		 void *arg, char *read_buffer, size_t read_size)
{
	memset(s, 0, sizeof(*s));
	uv_tcp_init(loop, &s->uv.tcp);
	stream_setup(s, handler, arg, read_buffer, read_size);
}

void stream_init_local(struct stream *s, uv_loop_t *loop, const struct stream_handler *handler,
		       void *arg, char *read_buffer, size_t read_size)
{
	memset(s, 0, sizeof(*s));
	uv_pipe_init(loop, &s->uv.pipe, 0);
	stream_setup(s, handler, arg, read_buffer, read_size);
}

void stream_connected(struct stream *s)
{
	uv_tcp_nodelay(&s->uv.tcp, 1);
}

void stream_start_tls(struct stream *s, struct tls_context *context, const char *server_name)
{
	s->tls = tls_new(context, server_name);
	s->secure = false;
	stream_read_start(s);
	run_tls(s); /* a client speaks first */
}
