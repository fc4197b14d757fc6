/*
 * The server engine under arbitrary octets. The first octet chooses policies, the second how
 * the rest is split. Every input runs twice, whole with answers at once and in pieces with late
 * answers: replies and events have to be the same. No stored message may hold anything but
 * whole lines, or a line that ends it early.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "delivery/server_session.h"

static const char *const fields[] = { "Message-ID", "Subject" };

struct run {
	struct server_session *session;
	struct buf heard; /* events and replies */
	uint32_t token;   /* of the event that is out */
	bool is_late;
	unsigned seed;
};

static void configure(struct server_config *config, uint8_t choice)
{
	memset(config, 0, sizeof(*config));
	config->host = "h";
	config->extensions = ~0u;
	config->bare_newline = choice & 1 ? SERVER_BARE_NORMALISE : SERVER_BARE_REFUSE;
	config->accept_nul = choice & 2;
	config->chunk_bytes = choice & 4 ? 64 : 0;
	config->fields = fields;
	config->field_count = 2;
	server_limits_default(&config->limits);
	config->limits.tarpit_ms = 0;
	config->limits.errors = choice & 8 ? 3 : 0;
	config->limits.recipients = 3;
	config->limits.idle_commands = choice & 16 ? 4 : 0;
	config->limits.message_bytes = choice & 32 ? 200 : 0;
	config->limits.header_bytes = choice & 32 ? 100 : 0;
	config->limits.hops = 2;
	config->limits.body_line_bytes = choice & 64 ? 60 : 0;
}

static void check_message(const struct body *body)
{
	const char *p = body_data(body);
	bool at_line = true;

	FUZZ_PROMISE(body->taken_bytes + body->len == body->facts.stored_size);
	FUZZ_PROMISE(body->facts.header_length <= body->facts.stored_size);
	if (body->taken_bytes > 0)
		return;
	FUZZ_PROMISE(body->len == 0 || (body->len >= 2 && memcmp(p + body->len - 2, "\r\n", 2) == 0));
	for (size_t i = 0; i < body->len; i++) {
		FUZZ_PROMISE(!(at_line && body->len - i >= 3 && memcmp(p + i, ".\r\n", 3) == 0));
		at_line = p[i] == '\n';
		FUZZ_PROMISE(!at_line || (i > 0 && p[i - 1] == '\r'));
		FUZZ_PROMISE(p[i] != '\r' || (i + 1 < body->len && p[i + 1] == '\n'));
	}
	for (size_t i = 0; i < 2; i++)
		FUZZ_PROMISE(body->field[i].at + body->field[i].len <= body->facts.header_length);
}

static void hear(struct run *r, const struct server_event *event)
{
	if (event->kind == SERVER_EVENT_CHUNK) {
		char *mem;

		body_take(event->u.message.body, event->u.message.keep, &mem);
		free(mem);
		return;
	}
	buf_printf(&r->heard, "%s ", server_event_name(event->kind));
	if (event->kind == SERVER_EVENT_MAIL)
		buf_adds(&r->heard, event->u.mail.path.mailbox);
	if (event->kind == SERVER_EVENT_RCPT)
		buf_adds(&r->heard, event->u.rcpt.path.mailbox);
	if (event->kind == SERVER_EVENT_MESSAGE) {
		if (event->u.message.body != NULL)
			check_message(event->u.message.body);
		buf_printf(&r->heard, "%llu",
			   event->u.message.body == NULL
				   ? 0ull
				   : (unsigned long long)event->u.message.body->facts.stored_size);
	}
	buf_addc(&r->heard, '\n');
}

static void answer(struct run *r)
{
	struct server_verdict verdict = { .kind = SERVER_ACCEPT };
	uint32_t token = r->token;

	r->token = 0;
	FUZZ_PROMISE(!server_session_answer(r->session, token - 1, &verdict, 1));
	FUZZ_PROMISE(server_session_answer(r->session, token, &verdict, 1));
	FUZZ_PROMISE(!server_session_answer(r->session, token, &verdict, 1));
}

static void pump(struct run *r)
{
	struct server_event event;
	const char *out;
	size_t n;

	while (r->token == 0 && server_session_next_event(r->session, 1, &event)) {
		hear(r, &event);
		r->token = event.token;
		if (!r->is_late)
			answer(r);
	}
	if (!server_session_wants_write(r->session))
		return;
	n = server_session_output(r->session, &out);
	FUZZ_PROMISE(n >= 2 && memcmp(out + n - 2, "\r\n", 2) == 0);
	buf_add(&r->heard, out, n);
	server_session_sent(r->session, n);
	if (server_session_wants_tls(r->session))
		server_session_tls_started(r->session, &(struct server_tls){ .is_used = true }, 1);
	else if (!server_session_is_finished(r->session))
		pump(r);
}

static void settle(struct run *r)
{
	pump(r);
	while (r->token != 0) {
		answer(r);
		pump(r);
	}
}

static void feed(struct run *r, const char *data, size_t len)
{
	size_t at = 0;

	while (at < len && !server_session_is_finished(r->session)) {
		size_t n = len - at, taken;

		if (r->is_late && n > 1)
			n = (size_t)rand_r(&r->seed) % (n < 40 ? n : 40) + 1;
		taken = server_session_feed(r->session, data + at, n, 1);
		at += taken;
		pump(r);
		if (taken == 0 && r->token == 0)
			break;
		if (taken == 0)
			answer(r);
	}
	settle(r);
}

static struct buf play(const struct server_config *config, const char *data, size_t len,
		       bool is_late, unsigned seed)
{
	struct run r = { .session = server_session_new(config, 1), .is_late = is_late,
			 .seed = seed };

	buf_reserve(&r.heard, 1);
	settle(&r);
	feed(&r, "EHLO x\r\n", 8);
	feed(&r, data, len);
	server_session_eof(r.session);
	settle(&r);
	FUZZ_PROMISE(server_session_is_finished(r.session));
	server_session_free(r.session);
	return r.heard;
}

/* Where the engine looks at what came in one piece, on purpose. */
static bool depends_on_pieces(const char *data, size_t len)
{
	for (size_t i = 0; i + 4 <= len; i++)
		if (strncasecmp(data + i, "ehlo", 4) == 0 || strncasecmp(data + i, "helo", 4) == 0 ||
		    strncasecmp(data + i, "star", 4) == 0)
			return true;
	return false;
}

/* Replies and events interleave differently; each kind keeps its order. */
static struct buf only(const struct buf *heard, bool replies)
{
	struct buf out = { 0 };

	buf_reserve(&out, 1);
	for (size_t i = 0; i < heard->len;) {
		const char *nl = memchr(heard->data + i, '\n', heard->len - i);
		size_t n = nl == NULL ? heard->len - i : (size_t)(nl - (heard->data + i)) + 1;
		bool is_reply = heard->data[i] >= '0' && heard->data[i] <= '9';

		if (is_reply == replies)
			buf_add(&out, heard->data + i, n);
		i += n;
	}
	return out;
}

static void check_same(const struct buf *a, const struct buf *b, bool replies)
{
	struct buf x = only(a, replies), y = only(b, replies);

	FUZZ_PROMISE(x.len == y.len && memcmp(x.data, y.data, x.len) == 0);
	buf_free(&x);
	buf_free(&y);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *octets = (const char *)data + 2;
	struct server_config config;
	struct buf whole, pieces;

	if (size < 2)
		return 0;
	configure(&config, data[0]);
	whole = play(&config, octets, size - 2, false, 0);
	pieces = play(&config, octets, size - 2, true, data[1]);
	if (!depends_on_pieces(octets, size - 2)) {
		check_same(&whole, &pieces, true);
		check_same(&whole, &pieces, false);
	}
	buf_free(&whole);
	buf_free(&pieces);
	return 0;
}
