/* delivery/resolver_client: a loop's side of the resolver; the test is the other side. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "delivery/resolver_private.h"
#include "delivery/resolver_proto.h"

static uv_loop_t loop;
static struct resolver *client;
static int peer;

struct seen {
	unsigned calls;
	bool is_temporary;
	uint8_t rcode;
	size_t count;
	bool asks_again;
};

static int set_up(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	uv_loop_init(&loop);
	client = resolver_client_open(&loop, fds[0]);
	peer = fds[1];
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	resolver_free(client);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	if (peer >= 0)
		close(peer);
	return 0;
}

static void on_answer(void *arg, const struct dns_answer *answer)
{
	struct seen *seen = arg;

	seen->calls++;
	seen->is_temporary = answer->is_temporary;
	seen->rcode = answer->rcode;
	seen->count = answer->count;
	if (seen->asks_again) {
		seen->asks_again = false;
		resolver_ask(client, "again", DNS_A, 60000, on_answer, seen);
	}
}

static uint64_t ask(const char *name, struct seen *seen)
{
	return resolver_ask(client, name, DNS_A, 60000, on_answer, seen);
}

/* The next question at the other side; false: there is none. */
static bool take_question(struct resolver_question *q)
{
	char packet[RESOLVER_PACKET_MAX];
	ssize_t n = recv(peer, packet, sizeof(packet), MSG_DONTWAIT);

	if (n < 0)
		return false;
	assert_true(resolver_get_question(packet, (size_t)n, q));
	return true;
}

static void send_packet(const struct buf *b)
{
	assert_int_equal(send(peer, b->data, b->len, MSG_NOSIGNAL), b->len);
}

static void answer_question(uint64_t id)
{
	static const uint8_t address[] = { 192, 0, 2, 1 };
	const struct dns_rdata record = { address, 4 };
	struct dns_answer a = { .records = &record, .count = 1, .canonical = "a", .why = "" };
	struct buf b = { 0 };

	resolver_put_answer(&b, id, &a);
	send_packet(&b);
	buf_free(&b);
}

static void test_answers_find_their_questions(void **state)
{
	struct seen first = { 0 }, second = { 0 };
	struct resolver_question q1, q2;

	(void)state;
	ask("one.example", &first);
	ask("two.example", &second);
	assert_true(take_question(&q1) && take_question(&q2));
	assert_string_equal(q1.name, "one.example");
	assert_in_range(q1.deadline_ms, 1, 60000);
	answer_question(q2.id);
	while (second.calls == 0)
		uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(first.calls, 0);
	answer_question(q1.id);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_true(first.calls == 1 && first.count == 1 && !first.is_temporary);
	assert_int_equal(second.calls, 1);
}

static void test_a_cancelled_question_is_not_answered(void **state)
{
	struct seen kept = { 0 }, cancelled = { 0 };
	struct resolver_question q1, q2;
	uint64_t id = ask("a", &cancelled);

	(void)state;
	ask("b", &kept);
	assert_true(take_question(&q1) && take_question(&q2));
	resolver_cancel(client, id);
	resolver_cancel(client, id);
	answer_question(q1.id);
	answer_question(q2.id);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(kept.calls, 1);
	assert_int_equal(cancelled.calls, 0);
}

static void test_the_deadline_answers_when_nobody_does(void **state)
{
	struct seen seen = { 0 };
	struct resolver_question q;

	(void)state;
	resolver_ask(client, "a", DNS_A, 1, on_answer, &seen);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_true(seen.calls == 1 && seen.is_temporary);
	/* The answer that comes after all is nobody's. */
	assert_true(take_question(&q));
	answer_question(q.id);
	uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(seen.calls, 1);
}

static void test_when_the_process_ends_open_questions_fail(void **state)
{
	struct seen seen = { .asks_again = true }, later = { 0 };
	struct resolver_question q;
	struct buf b = { 0 };

	(void)state;
	ask("a", &seen);
	resolver_put_gone(&b);
	send_packet(&b);
	while (seen.calls == 0)
		uv_run(&loop, UV_RUN_ONCE);
	assert_true(seen.is_temporary);
	/* What was asked from the callback is for the next process. */
	assert_int_equal(seen.calls, 1);
	assert_true(take_question(&q) && take_question(&q));
	assert_string_equal(q.name, "again");
	answer_question(q.id);
	ask("b", &later);
	assert_true(take_question(&q));
	answer_question(q.id);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_true(seen.calls == 2 && !seen.is_temporary);
	assert_true(later.calls == 1 && !later.is_temporary);
	buf_free(&b);
}

static void test_what_is_no_name_is_not_sent(void **state)
{
	static const char *const bad[] = { "", "a..b", "..", "a\\" };
	struct resolver_question q;

	(void)state;
	for (size_t i = 0; i < WP_COUNT(bad); i++) {
		struct seen seen = { 0 };

		ask(bad[i], &seen);
		assert_int_equal(seen.calls, 0);
		uv_run(&loop, UV_RUN_DEFAULT);
		assert_true(seen.calls == 1 && seen.rcode == DNS_NXDOMAIN && !seen.is_temporary);
	}
	assert_false(take_question(&q));
}

static void test_more_than_the_socket_holds_is_sent_later(void **state)
{
	enum { COUNT = 5000 };
	struct seen *seen = calloc(COUNT, sizeof(*seen));
	struct resolver_question q;
	unsigned answered = 0;

	(void)state;
	for (unsigned i = 0; i < COUNT; i++)
		ask("a-name-of-some-length.example.org", &seen[i]);
	while (answered < COUNT) {
		while (take_question(&q)) {
			answer_question(q.id);
			answered++;
			uv_run(&loop, UV_RUN_NOWAIT);
		}
		uv_run(&loop, UV_RUN_NOWAIT);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	for (unsigned i = 0; i < COUNT; i++)
		assert_true(seen[i].calls == 1 && !seen[i].is_temporary);
	free(seen);
}

static void test_without_a_service_everything_fails(void **state)
{
	struct seen open = { 0 }, later = { 0 };

	(void)state;
	ask("a", &open);
	close(peer);
	peer = -1;
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_true(open.calls == 1 && open.is_temporary);
	ask("b", &later);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_true(later.calls == 1 && later.is_temporary);
}

static void test_malformed_packets_are_dropped(void **state)
{
	static const char *const bad[] = { "\x02", "\x09xyz", "\x01", "\x04\x01" };
	struct seen seen = { 0 };
	struct resolver_question q;

	(void)state;
	ask("a", &seen);
	assert_true(take_question(&q));
	for (size_t i = 0; i < WP_COUNT(bad); i++)
		assert_true(send(peer, bad[i], strlen(bad[i]), 0) > 0);
	answer_question(q.id);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_true(seen.calls == 1 && !seen.is_temporary);
}

static void test_open_questions_end_with_the_client(void **state)
{
	static struct seen seen;

	(void)state;
	ask("a", &seen);
	ask("..", &seen);
	/* tear_down frees it. */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers_find_their_questions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_cancelled_question_is_not_answered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_deadline_answers_when_nobody_does, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_when_the_process_ends_open_questions_fail, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_no_name_is_not_sent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_more_than_the_socket_holds_is_sent_later, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_without_a_service_everything_fails, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_malformed_packets_are_dropped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_open_questions_end_with_the_client, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
