/*
 * common/stream and common/tls: two streams on one loop, joined by a socket pair. What one side
 * sends arrives whole on the other, however small the socket is and in clear or under TLS.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/buf.h"
#include "common/cert.h"
#include "common/stream.h"

enum { LARGE = 3 * 1000 * 1000, ROOM = 5000 };

/* One side: sends OUT from the front, by turns out of a buffer that it scribbles over. */
struct side {
	struct stream stream;
	struct buf out, in;
	size_t given;      /* of out: handed over */
	char scratch[8192]; /* what `output` points to for a volatile side */
	bool is_volatile;
	bool echoes;       /* sends back what comes in */
	size_t room;       /* octets it takes before it stops reading; 0: any number */
	unsigned ends, eofs, drained, secure, closed;
	struct err end_error;
	bool has_end_error;
};

static uv_loop_t loop;
static char read_buffer[16 * 1024];
static struct side a, b;
static struct tls_context *server_context, *client_context;
static char folder[] = "/tmp/wp-stream-XXXXXX";
static char server_hash[CERT_HASH_TEXT];

/* --- the handler ------------------------------------------------------------------------------ */

static size_t on_room(void *arg, char **at_r)
{
	struct side *s = arg;
	size_t left = s->room > s->in.len ? s->room - s->in.len : 0;

	if (s->room == 0)
		return sizeof(read_buffer);
	(void)at_r;
	return left < sizeof(read_buffer) ? left : sizeof(read_buffer);
}

static void on_data(void *arg, const char *data, size_t len)
{
	struct side *s = arg;

	buf_add(&s->in, data, len);
	if (!s->echoes)
		return;
	buf_add(&s->out, data, len);
	stream_flush(&s->stream);
}

static void on_secure(void *arg)
{
	((struct side *)arg)->secure++;
	stream_flush(&((struct side *)arg)->stream);
}

static void on_eof(void *arg)
{
	((struct side *)arg)->eofs++;
}

static void on_end(void *arg, const struct err *err)
{
	struct side *s = arg;

	s->ends++;
	s->has_end_error = err != NULL;
	if (err != NULL)
		s->end_error = *err;
	stream_close(&s->stream);
}

static void on_closed(void *arg)
{
	((struct side *)arg)->closed++;
}

static int on_output(void *arg, struct iovec *iov, int max)
{
	struct side *s = arg;
	size_t left = s->out.len - s->given;

	if (left == 0 || max < 2)
		return 0;
	if (s->is_volatile) {
		size_t n = left < sizeof(s->scratch) ? left : sizeof(s->scratch);

		memcpy(s->scratch, s->out.data + s->given, n);
		iov[0] = (struct iovec){ s->scratch, n };
		return 1;
	}
	/* Two ranges, so that a short write may end in the first. */
	iov[0] = (struct iovec){ s->out.data + s->given, (left + 1) / 2 };
	iov[1] = (struct iovec){ s->out.data + s->given + (left + 1) / 2, left / 2 };
	return left > 1 ? 2 : 1;
}

static void on_wrote(void *arg, size_t n)
{
	struct side *s = arg;

	s->given += n;
	if (s->is_volatile)
		memset(s->scratch, '#', sizeof(s->scratch)); /* it was promised to be ours again */
}

static void on_drained(void *arg)
{
	((struct side *)arg)->drained++;
}

static const struct stream_handler plain = {
	.on_data = on_data, .on_secure = on_secure, .on_end = on_end, .on_closed = on_closed,
	.output = on_output, .wrote = on_wrote,
};
static const struct stream_handler copying = {
	.room = on_room, .on_data = on_data, .on_secure = on_secure, .on_eof = on_eof,
	.on_end = on_end, .on_closed = on_closed, .output = on_output, .wrote = on_wrote,
	.on_drained = on_drained, .copies = true,
};

/* --- the pair --------------------------------------------------------------------------------- */

static void init_side(struct side *s, const struct stream_handler *handler, int fd)
{
	memset(s, 0, sizeof(*s));
	s->is_volatile = handler->copies;
	stream_init_local(&s->stream, &loop, handler, s, read_buffer, sizeof(read_buffer));
	assert_int_equal(uv_pipe_open(&s->stream.uv.pipe, fd), 0);
	stream_read_start(&s->stream);
}

static void join(const struct stream_handler *of_a, const struct stream_handler *of_b)
{
	int fds[2], small = 4096;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	for (int i = 0; i < 2; i++)
		setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	uv_loop_init(&loop);
	init_side(&a, of_a, fds[0]);
	init_side(&b, of_b, fds[1]);
}

static void part(void)
{
	stream_close(&a.stream);
	stream_close(&b.stream);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(a.closed, 1);
	assert_int_equal(b.closed, 1);
	buf_free(&a.out);
	buf_free(&a.in);
	buf_free(&b.out);
	buf_free(&b.in);
}

static bool is_done(size_t to_b, size_t to_a)
{
	return b.in.len >= to_b && a.in.len >= to_a;
}

/* Until both have what they wait for, or one has ended; the test's time-out guards the rest. */
static void run_until(size_t to_b, size_t to_a)
{
	while (!is_done(to_b, to_a) && a.ends + b.ends == 0)
		assert_int_not_equal(uv_run(&loop, UV_RUN_ONCE), 0);
}

static void fill(struct buf *out, size_t len)
{
	uint32_t x = 12345;

	buf_reserve(out, len);
	while (out->len < len) {
		x = x * 1664525 + 1013904223;
		buf_addc(out, (char)(x >> 24));
	}
}

static void assert_same(const struct buf *got, const struct buf *sent)
{
	assert_int_equal(got->len, sent->len);
	assert_memory_equal(got->data, sent->data, sent->len);
}

/* --- in clear ----------------------------------------------------------------------------------- */

static void test_a_large_body_passes_a_small_socket(void **state)
{
	(void)state;
	join(&plain, &copying);
	fill(&a.out, LARGE);
	stream_flush(&a.stream);
	run_until(LARGE, 0);
	assert_same(&b.in, &a.out);
	assert_true(stream_is_drained(&a.stream));
	part();
}

static void test_what_waits_is_a_copy(void **state)
{
	(void)state;
	join(&copying, &plain);
	fill(&a.out, LARGE);
	stream_flush(&a.stream);
	while (!is_done(LARGE, 0)) {
		memset(a.scratch, '#', sizeof(a.scratch));
		uv_run(&loop, UV_RUN_ONCE);
	}
	assert_same(&b.in, &a.out);
	assert_true(a.drained > 0);
	part();
}

static void test_both_directions_at_once(void **state)
{
	(void)state;
	join(&plain, &copying);
	b.echoes = true;
	fill(&a.out, LARGE);
	stream_flush(&a.stream);
	run_until(LARGE, LARGE);
	assert_same(&a.in, &a.out);
	part();
}

static void test_reading_stops_without_room_and_goes_on(void **state)
{
	(void)state;
	join(&plain, &copying);
	b.room = ROOM;
	fill(&a.out, 200 * 1000);
	stream_flush(&a.stream);
	while (b.room < a.out.len) {
		while (b.stream.reading)
			uv_run(&loop, UV_RUN_ONCE);
		assert_int_equal(b.in.len, b.room);
		uv_run(&loop, UV_RUN_NOWAIT);
		assert_int_equal(b.in.len, b.room);
		b.room += ROOM;
		stream_read_start(&b.stream);
	}
	b.room = 0;
	stream_read_start(&b.stream);
	run_until(a.out.len, 0);
	assert_same(&b.in, &a.out);
	part();
}

static void test_who_closed_its_side_is_still_answered(void **state)
{
	uv_os_fd_t fd;

	(void)state;
	join(&plain, &copying);
	buf_adds(&a.out, "question");
	stream_flush(&a.stream);
	uv_fileno(&a.stream.uv.handle, &fd);
	shutdown(fd, SHUT_WR);
	while (b.eofs == 0)
		uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(b.ends, 0);
	stream_read_start(&b.stream); /* nothing comes any more */
	assert_false(b.stream.reading);
	fill(&b.out, 100 * 1000);
	stream_flush(&b.stream);
	run_until(8, b.out.len);
	assert_same(&a.in, &b.out);
	part();
}

static void test_the_end_is_told_once(void **state)
{
	(void)state;
	join(&copying, &plain);
	stream_close(&a.stream);
	while (b.closed == 0)
		uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(b.ends, 1);
	assert_false(b.has_end_error);
	assert_int_equal(a.ends, 0);
	part();
}

static void test_a_peer_that_is_gone_while_much_waits(void **state)
{
	(void)state;
	join(&plain, &copying);
	fill(&a.out, LARGE);
	stream_flush(&a.stream);
	assert_false(stream_is_drained(&a.stream));
	stream_close(&b.stream);
	while (a.closed == 0)
		uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(a.ends, 1);
	part();
}

static void test_closing_while_a_copy_waits(void **state)
{
	(void)state;
	join(&copying, &plain);
	fill(&a.out, LARGE);
	stream_flush(&a.stream);
	assert_true(a.stream.writing);
	part(); /* the sanitizers watch */
}

/* --- TLS ---------------------------------------------------------------------------------------- */

static void secure(void)
{
	stream_start_tls(&b.stream, server_context, NULL);
	stream_start_tls(&a.stream, client_context, "hub1.example.com");
	while (a.secure + b.secure < 2 && a.ends + b.ends == 0)
		uv_run(&loop, UV_RUN_ONCE);
}

static void test_both_sides_see_the_others_certificate(void **state)
{
	uint8_t hash[TLS_HASH_SIZE];
	char text[TLS_HASH_TEXT];

	(void)state;
	join(&plain, &copying);
	secure();
	assert_int_equal(a.secure, 1);
	assert_int_equal(b.secure, 1);
	assert_true(tls_peer_hash(a.stream.tls, hash));
	tls_hash_format(hash, text);
	assert_string_equal(text, server_hash);
	assert_true(tls_peer_hash(b.stream.tls, hash));
	part();
}

static void test_large_bodies_under_tls(void **state)
{
	(void)state;
	join(&plain, &copying);
	b.echoes = true;
	secure();
	fill(&a.out, LARGE);
	stream_flush(&a.stream);
	run_until(LARGE, LARGE);
	assert_same(&b.in, &a.out);
	assert_same(&a.in, &a.out);
	part();
}

static void test_room_under_tls(void **state)
{
	(void)state;
	join(&plain, &copying);
	secure();
	b.room = ROOM;
	fill(&a.out, 100 * 1000);
	stream_flush(&a.stream);
	while (b.in.len < a.out.len) {
		while (b.stream.reading && b.in.len < a.out.len)
			uv_run(&loop, UV_RUN_ONCE);
		b.room += ROOM;
		stream_read_start(&b.stream); /* what was decrypted before the pause comes at once */
	}
	assert_same(&b.in, &a.out);
	part();
}

static void test_garbage_instead_of_a_handshake(void **state)
{
	(void)state;
	join(&plain, &copying);
	stream_start_tls(&b.stream, server_context, NULL);
	buf_adds(&a.out, "EHLO somebody\r\nMAIL FROM:<injected>\r\n");
	stream_flush(&a.stream);
	while (b.ends == 0)
		uv_run(&loop, UV_RUN_ONCE);
	assert_true(b.has_end_error);
	assert_int_equal(b.end_error.domain, ERR_TLS);
	assert_int_equal(b.secure, 0);
	assert_int_equal(b.in.len, 0);
	part();
}

static void test_a_peer_that_leaves_in_the_handshake(void **state)
{
	(void)state;
	join(&plain, &copying);
	stream_start_tls(&a.stream, client_context, NULL);
	uv_run(&loop, UV_RUN_NOWAIT);
	stream_close(&b.stream);
	while (a.ends == 0)
		uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(a.secure, 0);
	part();
}

/* --- setting up --------------------------------------------------------------------------------- */

static int make_contexts(void **state)
{
	struct cert_pair pair = { 0 };
	struct err err;
	char cert[64], key[64];
	struct tls_files files = { .cert = cert, .key = key };

	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(cert, sizeof(cert), "%s/server.crt", folder);
	snprintf(key, sizeof(key), "%s/server.key", folder);
	if (cert_make_if_missing(cert, key, "hub1.example.com", 1767225600000, &err) != 1 ||
	    cert_load(cert, NULL, &pair, &err) != 0)
		return -1;
	memcpy(server_hash, pair.hash, sizeof(server_hash));
	cert_fini(&pair);
	server_context = tls_context_new(TLS_SERVER, &files, &err);
	client_context = tls_context_new(TLS_CLIENT, &files, &err);
	return server_context != NULL && client_context != NULL ? 0 : -1;
}

static int free_contexts(void **state)
{
	char command[64];

	(void)state;
	tls_context_free(server_context);
	tls_context_free(client_context);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_large_body_passes_a_small_socket),
		cmocka_unit_test(test_what_waits_is_a_copy),
		cmocka_unit_test(test_both_directions_at_once),
		cmocka_unit_test(test_reading_stops_without_room_and_goes_on),
		cmocka_unit_test(test_who_closed_its_side_is_still_answered),
		cmocka_unit_test(test_the_end_is_told_once),
		cmocka_unit_test(test_a_peer_that_is_gone_while_much_waits),
		cmocka_unit_test(test_closing_while_a_copy_waits),
		cmocka_unit_test(test_both_sides_see_the_others_certificate),
		cmocka_unit_test(test_large_bodies_under_tls),
		cmocka_unit_test(test_room_under_tls),
		cmocka_unit_test(test_garbage_instead_of_a_handshake),
		cmocka_unit_test(test_a_peer_that_leaves_in_the_handshake),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, make_contexts, free_contexts);
}
