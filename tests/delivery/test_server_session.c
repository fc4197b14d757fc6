/*
 * The server engine where the way octets and answers arrive matters: early talkers, injection
 * behind STARTTLS, bounds, tokens, disconnection, chunks, memory. What does not depend on that
 * is in the dialogues.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "delivery/server_private.h"

static const struct server_verdict accept = { .kind = SERVER_ACCEPT };

static struct server_config config;
static struct server_session *s;
static struct buf said;
static uint64_t now = 1000;

static int set_up(void **state)
{
	(void)state;
	memset(&config, 0, sizeof(config));
	config.host = "mx.example";
	config.extensions = ~0u;
	server_limits_default(&config.limits);
	config.limits.tarpit_ms = 0;
	now = 1000;
	s = server_session_new(&config, now);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	server_session_free(s);
	s = NULL;
	buf_free(&said);
	return 0;
}

static enum server_event_kind next(struct server_event *event)
{
	return server_session_next_event(s, now, event) ? event->kind : SERVER_EVENT_NONE;
}

/* The next event, which has to be of this kind. */
static struct server_event expect(enum server_event_kind kind)
{
	struct server_event event;

	assert_string_equal(server_event_name(next(&event)), server_event_name(kind));
	return event;
}

static void answer(const struct server_event *event)
{
	assert_true(server_session_answer(s, event->token, &accept, now));
}

/* Accepts all events up to one of KIND, which stays out. */
static struct server_event accept_until(enum server_event_kind kind)
{
	struct server_event event;

	while (next(&event) != SERVER_EVENT_NONE && event.kind != kind)
		answer(&event);
	assert_int_equal(event.kind, kind);
	return event;
}

static void send_all(void)
{
	const char *data;
	size_t n = server_session_output(s, &data);

	buf_add(&said, data, n);
	server_session_sent(s, n);
}

static void pump(void)
{
	struct server_event event;

	while (next(&event) != SERVER_EVENT_NONE)
		answer(&event);
	if (server_session_wants_write(s))
		send_all();
}

static void feed(const char *text)
{
	assert_int_equal(server_session_feed(s, text, strlen(text), now), strlen(text));
}

static void expect_said(const char *text)
{
	assert_string_equal(said.len > 0 ? said.data : "", text);
	buf_clear(&said);
}

/* In state READY, nothing left to read. */
static void greet(void)
{
	pump();
	feed("EHLO client.example\r\n");
	pump();
	buf_clear(&said);
}

/* In state DATA. */
static void open_data(void)
{
	feed("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	pump();
	buf_clear(&said);
	assert_string_equal(server_session_state(s), "data");
}

/* --- talking out of turn --- */

static const char early[] = "554 5.5.0 mx.example You talked before the greeting\r\n";

static void test_talking_before_the_verdict_on_the_connection_is_refused(void **state)
{
	struct server_event event;

	(void)state;
	event = expect(SERVER_EVENT_CONNECT);
	feed("EHLO x\r\n");
	assert_int_equal(next(&event), SERVER_EVENT_NONE);
	event.token = 1;
	answer(&event);
	pump();
	expect_said(early);
	assert_true(server_session_is_finished(s));
}

static void test_talking_before_the_first_event_is_refused(void **state)
{
	(void)state;
	feed("E");
	pump();
	expect_said(early);
}

static void test_talking_before_the_banner_left_is_refused(void **state)
{
	struct server_event event = expect(SERVER_EVENT_CONNECT);

	(void)state;
	answer(&event);
	feed("EHLO x\r\n");
	pump();
	expect_said(early);
	assert_true(server_session_is_finished(s));
}

static void test_nothing_may_follow_ehlo_before_its_reply(void **state)
{
	(void)state;
	pump();
	buf_clear(&said);
	feed("EHLO x\r\nMAIL FROM:<a@b>\r\n");
	pump();
	expect_said("503 5.5.0 Wait for the reply to this command\r\n"
		    "503 5.5.1 Say EHLO first\r\n");
	feed("EHLO x\r\n");
	pump();
	assert_string_equal(server_session_state(s), "ready");
}

/* --- STARTTLS --- */

static void finish_handshake(void)
{
	struct server_tls tls = { .has_peer_certificate = true, .version = "TLSv1.3" };
	bool is_extended = true;
	char *at;

	assert_false(server_session_wants_tls(s));
	assert_int_equal(server_session_space(s, &at), 0);
	send_all();
	assert_true(server_session_wants_tls(s));
	assert_int_equal(server_session_feed(s, "QUIT\r\n", 6, now), 0);
	tls.peer_sha256[0] = 42;
	server_session_tls_started(s, &tls, now);
	assert_true(server_session_tls(s)->is_used);
	assert_int_equal(server_session_tls(s)->peer_sha256[0], 42);
	assert_string_equal(server_session_hello(s, &is_extended), "");
	assert_false(is_extended);
}

static void test_what_was_sent_behind_starttls_is_never_read(void **state)
{
	struct server_event event;

	(void)state;
	greet();
	feed("STARTTLS\r\nMAIL FROM:<evil@x>\r\nRSET\r\nQU");
	event = expect(SERVER_EVENT_STARTTLS);
	answer(&event);
	assert_int_equal(next(&event), SERVER_EVENT_NONE);
	finish_handshake();
	assert_int_equal(next(&event), SERVER_EVENT_NONE);
	assert_string_equal(server_session_state(s), "greeted");
	feed("EHLO again\r\n");
	event = expect(SERVER_EVENT_HELLO);
	assert_string_equal(event.u.hello.name, "again");
}

static void test_what_comes_while_starttls_waits_for_its_verdict_is_never_read(void **state)
{
	struct server_event event;

	(void)state;
	greet();
	feed("STARTTLS\r\n");
	event = expect(SERVER_EVENT_STARTTLS);
	feed("EHLO evil\r\n");
	answer(&event);
	finish_handshake();
	assert_int_equal(next(&event), SERVER_EVENT_NONE);
}

static void test_a_handshake_has_a_deadline_and_no_clear_text_goodbye(void **state)
{
	struct server_event event;

	(void)state;
	greet();
	feed("STARTTLS\r\n");
	event = expect(SERVER_EVENT_STARTTLS);
	answer(&event);
	send_all();
	now = server_session_deadline(s);
	assert_int_equal(now, 1000 + config.limits.inactivity_ms);
	buf_clear(&said);
	server_session_tick(s, now);
	assert_true(server_session_is_finished(s));
	assert_false(server_session_wants_write(s));
}

/* --- bounds --- */

static void test_input_is_bounded_while_an_answer_is_outstanding(void **state)
{
	struct server_event event;
	size_t taken = 0, n;
	unsigned served = 0;

	(void)state;
	greet();
	feed("NOOP first\r\n");
	event = expect(SERVER_EVENT_NOOP);
	while ((n = server_session_feed(s, "NOOP\r\n", 6, now)) > 0)
		taken += n;
	assert_in_range(taken, 1000, 16384);
	assert_string_equal(event.u.text.text, "first");
	answer(&event);
	config.limits.idle_commands = 0;
	while (next(&event) != SERVER_EVENT_NONE) {
		served++;
		answer(&event);
	}
	assert_int_equal(served, taken / 6);
	assert_true(server_session_feed(s, &"NOOP\r\n"[taken % 6], 6 - taken % 6, now) > 0);
}

static void test_a_peer_that_reads_nothing_is_not_served_without_end(void **state)
{
	struct server_event event;
	size_t taken = 1;

	(void)state;
	greet();
	config.limits.idle_commands = 0;
	for (int i = 0; i < 100000 && taken > 0; i++) {
		taken = server_session_feed(s, "HELP\r\n", 6, now);
		while (next(&event) != SERVER_EVENT_NONE)
			answer(&event);
	}
	assert_int_equal(taken, 0);
	assert_true(server_session_wants_write(s));
	assert_in_range(s->out.len, 1, 32 * 1024);
	send_all();
	assert_int_equal(expect(SERVER_EVENT_HELP).kind, SERVER_EVENT_HELP);
}

static void test_a_goodbye_nobody_reads_is_given_up(void **state)
{
	(void)state;
	greet();
	feed("QUIT\r\n");
	pump();
	server_session_free(s);
	s = server_session_new(&config, now);
	greet();
	server_session_close(s, NULL);
	assert_false(server_session_is_finished(s));
	now = server_session_deadline(s);
	server_session_tick(s, now);
	assert_true(server_session_is_finished(s));
	assert_true(server_session_deadline(s) == SERVER_NEVER);
}

static void test_an_idle_session_is_small(void **state)
{
	(void)state;
	greet();
	open_data();
	feed("x\r\n.\r\n");
	pump();
	assert_null(s->in.mem);
	assert_true(sizeof(*s) + s->out.cap + 64 < 2048);
}

/* --- tokens --- */

static void check_stale(uint32_t token)
{
	struct server_verdict verdict = { .kind = SERVER_ACCEPT, .body = body_new(0, 16) };

	assert_false(server_session_answer(s, token, &verdict, now));
	body_unref(verdict.body); /* it stayed ours */
}

static void test_stale_tokens_change_nothing(void **state)
{
	struct server_event event;

	(void)state;
	check_stale(0);
	check_stale(1);
	greet();
	feed("MAIL FROM:<a@b>\r\n");
	event = expect(SERVER_EVENT_MAIL);
	check_stale(event.token - 1);
	check_stale(event.token + 1);
	assert_true(server_session_is_waiting(s));
	answer(&event);
	check_stale(event.token);
	assert_string_equal(server_session_state(s), "sender");
}

static void test_rset_waits_for_the_answer_that_is_outstanding(void **state)
{
	struct server_event mail, event;

	(void)state;
	greet();
	feed("MAIL FROM:<a@b>\r\n");
	mail = expect(SERVER_EVENT_MAIL);
	feed("RSET\r\nMAIL FROM:<c@d>\r\n");
	assert_int_equal(next(&event), SERVER_EVENT_NONE);
	assert_string_equal(mail.u.mail.path.mailbox, "a@b");
	answer(&mail);
	event = expect(SERVER_EVENT_RSET);
	check_stale(mail.token);
	answer(&event);
	event = expect(SERVER_EVENT_MAIL);
	assert_string_equal(event.u.mail.path.mailbox, "c@d");
}

static const char whole_session[] =
	"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nSubject: x\r\n\r\nbody\r\n.\r\n"
	"NOOP\r\nVRFY x\r\nHELP\r\nRSET\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nQUIT\r\n";

enum ending { LOST, CLOSED, TIMED_OUT, FREED };

/* Ends the session in one of the ways while its STOP-th event is out. False: there is none. */
static bool end_at(unsigned stop, enum ending ending)
{
	struct server_event event;

	set_up(NULL);
	for (unsigned i = 0; i < stop; i++) {
		if (next(&event) == SERVER_EVENT_NONE) {
			send_all();
			feed(i == 1 ? "EHLO x\r\n" : whole_session);
			if (server_session_is_finished(s) || next(&event) == SERVER_EVENT_NONE)
				return false;
		}
		if (i + 1 < stop)
			answer(&event);
	}
	if (ending == LOST)
		server_session_lost(s);
	else if (ending == CLOSED)
		server_session_close(s, &SERVER_REPLY(421, 4, 3, 2, "Bye"));
	else if (ending == TIMED_OUT)
		server_session_tick(s, now + 10000000);
	if (ending == LOST || ending == CLOSED)
		check_stale(event.token);
	if (ending == TIMED_OUT)
		assert_true(server_session_is_waiting(s)); /* ours to answer: no timeout */
	if (ending == LOST)
		assert_true(server_session_is_finished(s));
	return true;
}

static void test_a_session_may_end_while_any_event_is_out(void **state)
{
	unsigned events = 0;

	(void)state;
	tear_down(NULL);
	for (enum ending ending = LOST; ending <= FREED; ending++) {
		for (events = 1; events < 12; events++) {
			if (!end_at(events, ending))
				fail_msg("no event %u", events);
			tear_down(NULL);
		}
	}
}

/* --- groups --- */

static void test_replies_of_a_group_wait_for_its_end(void **state)
{
	struct server_event event;

	(void)state;
	greet();
	feed("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nNOO");
	event = expect(SERVER_EVENT_MAIL);
	answer(&event);
	event = expect(SERVER_EVENT_RCPT);
	assert_false(server_session_wants_write(s));
	answer(&event);
	event = expect(SERVER_EVENT_RCPT);
	assert_false(server_session_wants_write(s));
	answer(&event);
	assert_int_equal(next(&event), SERVER_EVENT_NONE);
	assert_true(server_session_wants_write(s));
	send_all();
	expect_said("250 2.1.0 Sender accepted\r\n250 2.1.5 Recipient accepted\r\n"
		    "250 2.1.5 Recipient accepted\r\n");
}

/* --- the message --- */

static void test_octets_are_read_into_the_adapters_body_and_stay_there(void **state)
{
	static const char trace[] = "Received: by mx.example\r\n";
	struct server_verdict verdict = { .kind = SERVER_ACCEPT };
	struct server_event event;
	struct body *body;
	char *at, *mem;
	size_t room;

	(void)state;
	greet();
	feed("MAIL FROM:<a@b> SIZE=4000\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	event = accept_until(SERVER_EVENT_DATA);
	assert_int_equal(event.u.data.declared_bytes, 4000);
	verdict.body = body = body_new(32, 8192);
	body_add(body, trace, strlen(trace));
	mem = body->mem;
	assert_true(server_session_answer(s, event.token, &verdict, now));
	pump();
	room = server_session_space(s, &at);
	assert_ptr_equal(at, mem + 32 + strlen(trace));
	assert_true(room >= 4000);
	memcpy(at, "Subject: x\r\n\r\nbody\r\n.\r\nNOOP\r\n", 29);
	server_session_fed(s, 29, now);
	event = expect(SERVER_EVENT_MESSAGE);
	assert_ptr_equal(event.u.message.body, body);
	assert_null(event.u.message.refusal);
	assert_ptr_equal(body->mem, mem);
	assert_int_equal(body->facts.stored_size, strlen(trace) + 20);
	assert_int_equal(body->facts.accepted_size, 20);
	assert_memory_equal(body_data(body), "Received: by mx.example\r\nSubject: x\r\n\r\nbody\r\n",
			    body->len);
	body_ref(body);
	answer(&event);
	assert_int_equal(expect(SERVER_EVENT_NOOP).kind, SERVER_EVENT_NOOP);
	assert_int_equal(atomic_load(&body->refs), 1);
	body_unref(body);
}

static void test_more_room_is_made_for_a_message_of_any_size(void **state)
{
	struct server_event event;
	size_t total = 0;

	(void)state;
	greet();
	open_data();
	feed("\r\n");
	assert_int_equal(next(&event), SERVER_EVENT_NONE);
	while (total < 3 << 20) {
		char *at;
		size_t n = server_session_space(s, &at);

		assert_in_range(n, 1024, 256 * 1024);
		for (size_t i = 0; i < n; i++)
			at[i] = "0123456789abcdef\r\n"[(total + i) % 18];
		server_session_fed(s, n, now);
		total += n;
		assert_int_equal(next(&event), SERVER_EVENT_NONE);
	}
	feed("\r\n.\r\n");
	event = expect(SERVER_EVENT_MESSAGE);
	assert_int_equal(event.u.message.body->len, total + 4);
	for (size_t i = 0; i < total; i++)
		if (body_data(event.u.message.body)[2 + i] != "0123456789abcdef\r\n"[i % 18])
			fail_msg("octet %zu", i);
}

/* Feeds a message of COUNT lines and answers chunks by TAKE; returns all octets. */
static struct buf chunked(unsigned count, bool take, const struct server_verdict *verdict,
			  unsigned *chunks_r, struct server_event *end_r)
{
	struct buf all = { 0 };
	struct server_event event;
	char *mem;

	*chunks_r = 0;
	for (unsigned i = 0; i <= count; i++) {
		feed(i == 0 ? "Subject: x\r\n\r\n" : i < count ? "..0123456789\r\n" : ".\r\n");
		if (next(&event) == SERVER_EVENT_NONE || event.kind != SERVER_EVENT_CHUNK)
			continue;
		++*chunks_r;
		if (take) {
			size_t n = body_take(event.u.message.body, event.u.message.keep, &mem);

			buf_add(&all, mem, n);
			free(mem);
		}
		assert_true(server_session_answer(s, event.token, verdict, now));
	}
	assert_int_equal(event.kind, SERVER_EVENT_MESSAGE);
	*end_r = event;
	return all;
}

static void test_large_messages_are_taken_away_in_chunks(void **state)
{
	struct server_event event;
	struct body *body;
	struct buf all;
	unsigned chunks;

	(void)state;
	config.chunk_bytes = 1000;
	greet();
	open_data();
	all = chunked(1000, true, &accept, &chunks, &event);
	body = event.u.message.body;
	buf_add(&all, body_data(body), body->len);
	assert_in_range(chunks, 10, 14);
	assert_int_equal(all.len, body->facts.stored_size);
	assert_int_equal(all.len, 14 + 999 * 14);
	assert_int_equal(body->facts.stuffed_dots, 999);
	assert_true(body->cap <= 16384);
	buf_free(&all);
}

static void test_chunks_left_alone_are_asked_for_again_later(void **state)
{
	struct server_event event;
	struct buf all;
	unsigned chunks;

	(void)state;
	config.chunk_bytes = 1000;
	greet();
	open_data();
	all = chunked(1000, false, &accept, &chunks, &event);
	assert_in_range(chunks, 10, 14);
	assert_int_equal(event.u.message.body->len, 14 + 999 * 14);
	assert_null(all.data);
}

static void test_a_refused_chunk_refuses_the_message_at_its_end(void **state)
{
	char text[] = "Disk full";
	struct server_verdict no = { .kind = SERVER_REFUSE,
				     .reply = { 452, { 4, 3, 1 }, text } };
	struct server_event event;
	struct buf all;
	unsigned chunks;

	(void)state;
	config.chunk_bytes = 1000;
	greet();
	open_data();
	all = chunked(1000, true, &no, &chunks, &event);
	text[0] = 'X'; /* the engine has a copy */
	assert_int_equal(chunks, 1);
	assert_null(event.u.message.body);
	assert_int_equal(event.u.message.refusal->code, 452);
	answer(&event);
	pump();
	expect_said("452 4.3.1 Disk full\r\n");
	assert_string_equal(server_session_state(s), "ready");
	buf_free(&all);
}

static void test_reading_stops_while_a_chunk_is_not_answered(void **state)
{
	struct server_event event;
	size_t taken = 0, n;
	char block[512];

	(void)state;
	memset(block, 'x', sizeof(block));
	config.chunk_bytes = 100;
	greet();
	open_data();
	feed("\r\n");
	server_session_feed(s, block, sizeof(block), now);
	event = expect(SERVER_EVENT_CHUNK);
	while ((n = server_session_feed(s, block, sizeof(block), now)) > 0)
		taken += n;
	assert_in_range(taken, 1, 16384);
	assert_int_equal(event.u.message.body->len, 2 + sizeof(block));
	config.chunk_bytes = 0;
	answer(&event);
	assert_int_equal(next(&event), SERVER_EVENT_NONE);
	feed("\r\n.\r\n");
	event = expect(SERVER_EVENT_MESSAGE);
	assert_int_equal(event.u.message.body->len, 2 + sizeof(block) + taken + 2);
}

static void test_the_places_of_wanted_fields_are_told(void **state)
{
	static const char *const names[] = { "Message-ID", "X-Org" };
	struct server_event event;
	const struct body *body;

	(void)state;
	config.fields = names;
	config.field_count = 2;
	greet();
	open_data();
	feed("Message-Id: <1@x>\r\n\r\nX-Org: no\r\n.\r\n");
	event = expect(SERVER_EVENT_MESSAGE);
	body = event.u.message.body;
	assert_int_equal(body->field[0].count, 1);
	assert_memory_equal(body_data(body) + body->field[0].at, "<1@x>", body->field[0].len);
	assert_int_equal(body->field[1].count, 0);
}

/* --- configuration and tables --- */

static void test_a_proven_peer_gets_other_limits(void **state)
{
	struct server_config own = config;
	struct server_event event;

	(void)state;
	config.limits.recipients = 1;
	greet();
	feed("MAIL FROM:<a@b>\r\nRCPT TO:<1@d>\r\nRCPT TO:<2@d>\r\n");
	pump();
	assert_non_null(strstr(said.data, "452 4.5.3"));
	own.limits.recipients = 2;
	server_session_set_config(s, &own);
	feed("RCPT TO:<2@d>\r\n");
	event = expect(SERVER_EVENT_RCPT);
	answer(&event);
	server_session_set_config(s, &config);
}

/* Every verb in every state that reads commands: refused for its order exactly where the table
 * does not allow it. */
static void test_the_verb_table_is_believed(void **state)
{
	static const char *const ways[] = {
		"", "EHLO x\r\n", "EHLO x\r\nMAIL FROM:<a@b>\r\n",
		"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n",
	};

	(void)state;
	tear_down(NULL);
	for (size_t v = 0; v < server_verb_count; v++) {
		for (size_t w = 0; w < WP_COUNT(ways); w++) {
			char line[64];
			bool is_allowed, is_order_error;

			set_up(NULL);
			pump();
			for (const char *at = ways[w]; *at; at = strchr(at, '\n') + 1) {
				snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n") + 1, at);
				feed(line);
				pump();
			}
			is_allowed = server_verbs[v].states & 1u << s->state;
			buf_clear(&said);
			snprintf(line, sizeof(line), "%s\r\n", server_verbs[v].name);
			feed(line);
			pump();
			is_order_error = said.len > 3 && memcmp(said.data, "503", 3) == 0;
			if (is_order_error == is_allowed)
				fail_msg("%s after '%s': %s", server_verbs[v].name, ways[w], said.data);
			tear_down(NULL);
		}
	}
}

/* --- the hot path --- */

static unsigned allocations;

void *__real_mem_alloc(size_t size);
void *__real_mem_zero(size_t count, size_t size);
void *__real_mem_grow(void *old, size_t size);
void *__wrap_mem_alloc(size_t size);
void *__wrap_mem_zero(size_t count, size_t size);
void *__wrap_mem_grow(void *old, size_t size);

void *__wrap_mem_alloc(size_t size)
{
	allocations++;
	return __real_mem_alloc(size);
}

void *__wrap_mem_zero(size_t count, size_t size)
{
	allocations++;
	return __real_mem_zero(count, size);
}

void *__wrap_mem_grow(void *old, size_t size)
{
	allocations++;
	return __real_mem_grow(old, size);
}

static void test_a_message_takes_a_handful_of_allocations(void **state)
{
	char message[4200];

	(void)state;
	memset(message, 'x', sizeof(message));
	for (size_t i = 78; i < 4096; i += 80)
		memcpy(message + i, "\r\n", 2);
	memcpy(message + 4096, "\r\n.\r\n", 6);
	greet();
	for (int i = 0; i < 3; i++) {
		allocations = 0;
		feed("MAIL FROM:<a@b> SIZE=4100\r\nRCPT TO:<c@d>\r\nDATA\r\n");
		pump();
		feed(message);
		pump();
		assert_in_range(allocations, 1, 4);
	}
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(test_talking_before_the_verdict_on_the_connection_is_refused),
		CASE(test_talking_before_the_first_event_is_refused),
		CASE(test_talking_before_the_banner_left_is_refused),
		CASE(test_nothing_may_follow_ehlo_before_its_reply),
		CASE(test_what_was_sent_behind_starttls_is_never_read),
		CASE(test_what_comes_while_starttls_waits_for_its_verdict_is_never_read),
		CASE(test_a_handshake_has_a_deadline_and_no_clear_text_goodbye),
		CASE(test_input_is_bounded_while_an_answer_is_outstanding),
		CASE(test_a_peer_that_reads_nothing_is_not_served_without_end),
		CASE(test_a_goodbye_nobody_reads_is_given_up),
		CASE(test_an_idle_session_is_small),
		CASE(test_stale_tokens_change_nothing),
		CASE(test_rset_waits_for_the_answer_that_is_outstanding),
		CASE(test_a_session_may_end_while_any_event_is_out),
		CASE(test_replies_of_a_group_wait_for_its_end),
		CASE(test_octets_are_read_into_the_adapters_body_and_stay_there),
		CASE(test_more_room_is_made_for_a_message_of_any_size),
		CASE(test_large_messages_are_taken_away_in_chunks),
		CASE(test_chunks_left_alone_are_asked_for_again_later),
		CASE(test_a_refused_chunk_refuses_the_message_at_its_end),
		CASE(test_reading_stops_while_a_chunk_is_not_answered),
		CASE(test_the_places_of_wanted_fields_are_told),
		CASE(test_a_proven_peer_gets_other_limits),
		CASE(test_the_verb_table_is_believed),
		CASE(test_a_message_takes_a_handful_of_allocations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
