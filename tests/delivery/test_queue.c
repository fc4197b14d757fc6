/* delivery/queue: who is served when. Time is a number. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "delivery/body.h"
#include "delivery/message.h"
#include "delivery/queue.h"

static struct message *make_message(uint64_t id)
{
	struct envelope description = { 0 };

	return message_new(id, envelope_new(&description), body_new(0, 100));
}

static struct queue_destination to(const char *hop)
{
	static const uint32_t first[] = { 0 };
	struct queue_destination d = { .key = { .kind = QUEUE_SMART_HOST }, .recipients = first, .count = 1 };

	strcpy(d.key.next_hop, hop);
	return d;
}

static void accept_to_kind(struct queue_set *set, uint64_t id, enum queue_kind kind,
			   const char *hop)
{
	struct message *m = make_message(id);
	struct queue_destination d = to(hop);

	d.key.kind = kind;
	queue_accept(set, id, 1000, 0, m, &d, 1, 0);
	message_unref(m);
}

static void accept_to(struct queue_set *set, uint64_t id, const char *hop)
{
	accept_to_kind(set, id, QUEUE_SMART_HOST, hop);
}

static bool next(struct queue_set *set, uint64_t now_ms, struct queue_action *a)
{
	return queue_next(set, now_ms, (uint32_t)(1000 + now_ms / 1000), true, a);
}

static void open_connection(struct queue_set *set, struct queue_connection *c, uint64_t now_ms)
{
	struct queue_action a;

	assert_true(next(set, now_ms, &a));
	assert_int_equal(a.kind, QUEUE_ACTION_OPEN);
	queue_connection_add(set, a.queue, c, 0);
}

static void test_a_message_opens_is_assigned_and_goes(void **state)
{
	struct queue_set *set = queue_set_new(&queue_limits_hub);
	struct queue_connection c;
	struct queue_action a;

	(void)state;
	accept_to(set, 7, "mx");
	open_connection(set, &c, 0);
	assert_false(next(set, 0, &a));
	queue_connection_ready(set, &c, 1);
	assert_true(next(set, 1, &a));
	assert_int_equal(a.kind, QUEUE_ACTION_ASSIGN);
	assert_int_equal(a.count, 1);
	assert_int_equal(a.copies[0]->spool_id, 7);
	queue_copy_done(set, a.copies[0], &c, NULL, 0, false, "", 2);
	assert_int_equal(queue_set_copies(set), 0);
	assert_int_equal(queue_set_resident(set, NULL), 0);
	queue_connection_gone(set, &c, false, "", 3);
	queue_set_free(set);
}

struct wait {
	unsigned failures;
	uint32_t wait_ms;
};

/* The waits after some of the failures of a destination that never answers; ROWS end with 0. */
static void check_waits(const struct queue_limits *limits, const struct wait *rows)
{
	struct queue_set *set = queue_set_new(limits);
	uint64_t now = 0;

	accept_to(set, 1, "down");
	for (unsigned failures = 1; rows->failures != 0; failures++) {
		struct queue_connection c;
		struct queue_action a;
		struct queue *queue;

		open_connection(set, &c, now);
		queue = c.queue;
		queue_connection_gone(set, &c, true, "refused", now);
		assert_string_equal(queue_state_name(queue), "retry");
		assert_string_equal(queue->last_error, "refused");
		if (rows->failures == failures)
			assert_int_equal(queue->next_retry_ms - now, rows++->wait_ms);
		assert_false(next(set, queue->next_retry_ms - 1, &a));
		now = queue->next_retry_ms;
	}
	queue_set_free(set);
}

static void test_t01_retries_follow_glitch_transient_failure(void **state)
{
	(void)state;
	/* 4 × 60 s, 6 × 300 s, then 600 s. */
	check_waits(&queue_limits_hub, (const struct wait[]){ { 1, 60000 }, { 4, 60000 }, { 5, 300000 },
							      { 10, 300000 }, { 11, 600000 }, { 0, 0 } });
}

static void test_t02_an_edge_waits_longer(void **state)
{
	(void)state;
	check_waits(&queue_limits_edge, (const struct wait[]){ { 1, 60000 }, { 4, 60000 }, { 5, 600000 },
							       { 10, 600000 }, { 11, 1800000 }, { 0, 0 } });
}

static void test_t03_without_transient_retries_the_long_interval_follows(void **state)
{
	struct queue_limits limits = queue_limits_hub;

	(void)state;
	limits.transient_count = 0;
	check_waits(&limits, (const struct wait[]){ { 4, 60000 }, { 5, 600000 }, { 0, 0 } });
}

/* The 4th wait would end at 240 s; an attempt by hand at 200 s fails, and the next is counted from it. */
static void test_t05_the_next_retry_is_counted_from_the_one_by_hand(void **state)
{
	struct queue_set *set = queue_set_new(&queue_limits_hub);
	struct queue_connection c;
	uint64_t now = 0;

	(void)state;
	accept_to(set, 1, "down");
	for (int i = 0; i < 4; i++, now += 60000) {
		open_connection(set, &c, now);
		queue_connection_gone(set, &c, true, "refused", now);
	}
	now -= 40000;
	queue_retry(set, c.queue, now);
	open_connection(set, &c, now);
	queue_connection_gone(set, &c, true, "refused", now);
	assert_int_equal(c.queue->next_retry_ms, now + 300000);
	queue_set_free(set);
}

static void test_a_deferred_message_waits_and_others_pass(void **state)
{
	struct queue_set *set = queue_set_new(&queue_limits_hub);
	struct queue_connection c;
	struct queue_action a;
	static const uint32_t keep[] = { 0 };

	(void)state;
	accept_to(set, 1, "mx");
	open_connection(set, &c, 0);
	queue_connection_ready(set, &c, 0);
	assert_true(next(set, 0, &a));
	queue_copy_done(set, a.copies[0], &c, keep, 1, true, "450 greylisted", 0);
	accept_to(set, 2, "mx");
	assert_true(next(set, 10, &a));
	assert_int_equal(a.copies[0]->spool_id, 2);
	queue_copy_done(set, a.copies[0], &c, NULL, 0, false, "", 10);
	queue_connection_gone(set, &c, false, "", 20);
	assert_false(next(set, 59999, &a));
	assert_true(next(set, 60000, &a));
	assert_int_equal(a.kind, QUEUE_ACTION_OPEN);
	queue_set_free(set);
}

static void test_a_dead_queue_does_not_hold_others_up(void **state)
{
	struct queue_set *set = queue_set_new(&queue_limits_hub);
	struct queue_connection dead, alive;
	struct queue_action a;

	(void)state;
	for (uint64_t i = 0; i < 100; i++)
		accept_to(set, i, "dead");
	open_connection(set, &dead, 0);
	accept_to(set, 1000, "alive");
	while (next(set, 0, &a) && a.kind == QUEUE_ACTION_OPEN &&
	       strcmp(a.queue->key.next_hop, "dead") == 0) {
		struct queue_connection *more = calloc(1, sizeof(*more));

		queue_connection_add(set, a.queue, more, 0);
		queue_connection_gone(set, more, true, "x", 0);
		free(more);
	}
	assert_string_equal(a.queue->key.next_hop, "alive");
	queue_connection_add(set, a.queue, &alive, 0);
	queue_connection_ready(set, &alive, 0);
	while (next(set, 0, &a) && a.kind != QUEUE_ACTION_ASSIGN)
		;
	assert_int_equal(a.copies[0]->spool_id, 1000);
	queue_set_free(set);
}

static void test_nothing_expires_before_an_attempt(void **state)
{
	struct queue_set *set = queue_set_new(&queue_limits_hub);
	static const uint32_t one[] = { 0 };
	uint64_t late = 400000000ULL;
	struct queue_connection c;
	struct queue_action a;
	struct message *m = make_message(5);
	struct queue_destination d = to("mx");

	(void)state;
	queue_recover(set, 5, 1000, one, 1);
	assert_true(next(set, late, &a));
	assert_int_equal(a.kind, QUEUE_ACTION_LOAD);
	queue_loaded(set, a.copies[0], m, late);
	message_unref(m);
	assert_true(next(set, late, &a));
	assert_int_equal(a.kind, QUEUE_ACTION_ROUTE);
	queue_routed(set, a.copies[0], &d, 1, late);
	open_connection(set, &c, late);
	queue_connection_gone(set, &c, true, "down", late);
	late += 60001;
	assert_true(next(set, late, &a));
	assert_int_equal(a.kind, QUEUE_ACTION_EXPIRED);
	queue_copy_gone(set, a.copies[0], late);
	queue_set_free(set);
}

static void test_payloads_beyond_the_budget_are_read_back(void **state)
{
	struct queue_limits limits = queue_limits_hub;
	struct queue_set *set;
	struct queue_connection c;
	struct queue_action a;
	unsigned loads = 0, assigned = 0;

	(void)state;
	limits.resident_messages = 2;
	set = queue_set_new(&limits);
	for (uint64_t i = 1; i <= 5; i++)
		accept_to(set, i, "mx");
	assert_int_equal(queue_set_resident(set, NULL), 2);
	open_connection(set, &c, 0);
	queue_connection_ready(set, &c, 0);
	for (unsigned turn = 0; assigned < 5 && turn < 40; turn++) {
		if (!next(set, 0, &a))
			break;
		if (a.kind == QUEUE_ACTION_LOAD) {
			struct message *m = make_message(a.copies[0]->spool_id);

			loads++;
			queue_loaded(set, a.copies[0], m, 0);
			message_unref(m);
		}
		for (unsigned i = 0; a.kind == QUEUE_ACTION_ASSIGN && i < a.count; i++) {
			assigned++;
			queue_copy_done(set, a.copies[i], &c, NULL, 0, false, "", 0);
		}
	}
	assert_int_equal(assigned, 5);
	assert_int_equal(loads, 3);
	queue_connection_gone(set, &c, false, "", 0);
	queue_set_free(set);
}

static void test_a_host_that_hangs_up_is_not_called_at_once(void **state)
{
	static const uint32_t keep[] = { 0 };
	struct queue_set *set = queue_set_new(&queue_limits_hub);
	struct queue_connection c;
	struct queue_action a;
	struct queue *queue;

	(void)state;
	accept_to(set, 1, "mx");
	open_connection(set, &c, 0);
	queue = c.queue;
	queue_connection_ready(set, &c, 0);
	assert_true(next(set, 0, &a));
	assert_int_equal(a.kind, QUEUE_ACTION_ASSIGN);
	queue_connection_gone(set, &c, false, "", 0);
	queue_copy_done(set, a.copies[0], NULL, keep, 1, false, "", 0);
	assert_string_equal(queue_state_name(queue), "retry");
	assert_false(next(set, 0, &a));
	/* One that took a message may close as it likes. */
	assert_true(next(set, 60000, &a));
	queue_connection_add(set, queue, &c, 0);
	queue_connection_ready(set, &c, 60000);
	assert_true(next(set, 60000, &a));
	accept_to(set, 2, "mx");
	queue_copy_done(set, a.copies[0], &c, NULL, 0, false, "", 60000);
	queue_connection_gone(set, &c, false, "", 60000);
	assert_true(next(set, 60000, &a));
	assert_int_equal(a.kind, QUEUE_ACTION_OPEN);
	queue_set_free(set);
}

static void test_a_queue_that_waits_for_connections_of_others_goes_on(void **state)
{
	struct queue_limits limits = queue_limits_hub;
	struct queue_connection first, second;
	struct queue_set *set;
	struct queue_action a;

	(void)state;
	limits.max_connections = 1;
	set = queue_set_new(&limits);
	accept_to(set, 1, "a");
	accept_to(set, 2, "b");
	accept_to(set, 3, "c");
	open_connection(set, &first, 0);
	assert_false(next(set, 0, &a));
	queue_connection_gone(set, &first, true, "refused", 0);
	open_connection(set, &second, 0);
	assert_string_equal(second.queue->key.next_hop, "b");
	queue_connection_gone(set, &second, true, "refused", 0);
	open_connection(set, &second, 0);
	assert_string_equal(second.queue->key.next_hop, "c");
	queue_connection_gone(set, &second, true, "refused", 0);
	queue_set_free(set);
}

/* However many domains do not answer, a quarter of the connections is for who the directory names. */
static void test_the_world_leaves_connections_to_those_named(void **state)
{
	struct queue_limits limits = queue_limits_hub;
	struct queue_connection foreign[6], own;
	struct queue_set *set;
	struct queue_action a;
	char hop[16];

	(void)state;
	limits.max_connections = 8;
	set = queue_set_new(&limits);
	for (unsigned i = 0; i < 20; i++) {
		snprintf(hop, sizeof(hop), "dead%u", i);
		accept_to_kind(set, 1 + i, QUEUE_DNS_CONNECTOR, hop);
	}
	for (unsigned i = 0; i < 6; i++)
		open_connection(set, &foreign[i], 0);
	assert_false(next(set, 0, &a));
	accept_to_kind(set, 50, QUEUE_MAILBOX, "MBX1");
	open_connection(set, &own, 0);
	assert_string_equal(own.queue->key.next_hop, "MBX1");
	assert_false(next(set, 0, &a));
	/* What one of them gives back goes to the next of them. */
	queue_connection_gone(set, &foreign[0], true, "silence", 0);
	open_connection(set, &foreign[0], 0);
	assert_string_equal(foreign[0].queue->key.next_hop, "dead6");
	queue_set_free(set);
}

static void test_a_queue_that_waits_for_reads_of_others_goes_on(void **state)
{
	struct queue_limits limits = queue_limits_hub;
	struct queue_connection slow, fast;
	struct queue_action load, a;
	struct message *m = make_message(2);
	struct queue_set *set;

	(void)state;
	limits.loading = 1;
	limits.resident_messages = 0;
	set = queue_set_new(&limits);
	accept_to(set, 1, "slow");
	open_connection(set, &slow, 0);
	accept_to(set, 2, "fast");
	open_connection(set, &fast, 0);
	queue_connection_ready(set, &slow, 0);
	queue_connection_ready(set, &fast, 0);
	assert_true(next(set, 0, &load));
	assert_int_equal(load.kind, QUEUE_ACTION_LOAD);
	assert_false(next(set, 0, &a));
	queue_loaded(set, load.copies[0], NULL, 0); /* it could not be read */
	assert_true(next(set, 0, &a));
	assert_int_equal(a.kind, QUEUE_ACTION_LOAD);
	assert_ptr_not_equal(a.queue, load.queue);
	queue_loaded(set, a.copies[0], m, 0);
	assert_true(next(set, 0, &a));
	assert_int_equal(a.kind, QUEUE_ACTION_ASSIGN);
	message_unref(m);
	queue_set_free(set);
}

/* It would take its suspension with it. */
static void test_a_suspended_queue_is_kept(void **state)
{
	struct queue_set *set = queue_set_new(&queue_limits_hub);
	struct queue_connection c;
	struct queue_action a;
	struct queue *queue;

	(void)state;
	accept_to(set, 1, "mx");
	open_connection(set, &c, 0);
	queue_connection_ready(set, &c, 0);
	assert_true(next(set, 0, &a));
	queue = c.queue;
	queue_suspend(set, queue, true);
	queue_copy_done(set, a.copies[0], &c, NULL, 0, false, "", 0);
	assert_true(next(set, 5000, &a));
	assert_int_equal(a.kind, QUEUE_ACTION_CLOSE);
	queue_connection_gone(set, &c, false, "", 5000);
	for (uint64_t now = 5000; now < 1000000; now += 1000)
		assert_false(next(set, now, &a));
	accept_to(set, 2, "mx");
	assert_ptr_equal(queue_after(queue_first(set)), queue);
	assert_false(next(set, 1000000, &a));
	queue_copy_gone(set, TAILQ_FIRST(&queue->ready), 1000000);
	queue_suspend(set, queue, false);
	assert_false(next(set, 1000001, &a));
	assert_true(next(set, 1200000, &a));
	assert_int_equal(a.kind, QUEUE_ACTION_FORGET);
	queue_set_free(set);
}

static void test_what_stays_unreachable_expires(void **state)
{
	struct queue_set *set = queue_set_new(&queue_limits_hub);
	struct queue_destination d = to("no-route");
	struct message *m = make_message(1);
	struct queue_action a;

	(void)state;
	d.key.kind = QUEUE_UNREACHABLE;
	queue_accept(set, 1, 1000, 0, m, &d, 1, 0);
	message_unref(m);
	assert_false(next(set, 172700000, &a));
	assert_true(next(set, 172800000 + 60000, &a));
	assert_int_equal(a.kind, QUEUE_ACTION_EXPIRED);
	queue_set_free(set);
}

static void test_an_empty_queue_is_forgotten(void **state)
{
	struct queue_set *set = queue_set_new(&queue_limits_hub);
	struct queue_connection c;
	struct queue_action a;

	(void)state;
	accept_to(set, 1, "mx");
	open_connection(set, &c, 0);
	queue_connection_ready(set, &c, 0);
	assert_true(next(set, 0, &a));
	queue_copy_done(set, a.copies[0], &c, NULL, 0, false, "", 0);
	assert_true(next(set, 5000, &a));
	assert_int_equal(a.kind, QUEUE_ACTION_CLOSE);
	queue_connection_gone(set, &c, false, "", 5000);
	assert_false(next(set, 184999, &a));
	assert_true(next(set, 185000, &a));
	assert_int_equal(a.kind, QUEUE_ACTION_FORGET);
	queue_forget(set, a.queue);
	assert_null(queue_after(queue_first(set)));
	queue_set_free(set);
}

static void accept_to_number(struct queue_set *set, unsigned number)
{
	char hop[20];

	snprintf(hop, sizeof(hop), "%u", number);
	accept_to(set, number + 1, hop);
}

/* A list that goes on by number shows each queue once, whatever comes and goes between pages. */
static void test_a_list_goes_on_where_it_stopped(void **state)
{
	enum { QUEUES = 3000, PAGE = 100, NEW = 20 };
	struct queue_set *set = queue_set_new(&queue_limits_hub);
	struct queue *queue, *last = NULL;
	unsigned seen[QUEUES + NEW] = { 0 }, pages = 0;
	uint64_t from = 0;

	(void)state;
	for (unsigned i = 0; i < QUEUES; i++)
		accept_to_number(set, i);
	while ((queue = queue_from(set, from)) != NULL) {
		for (unsigned i = 0; queue != NULL && i < PAGE; i++, queue = queue_after(queue)) {
			assert_true(queue->number >= from);
			from = queue->number + 1;
			last = queue;
			if (queue->key.kind != QUEUE_SUBMISSION)
				seen[atoi(queue->key.next_hop)]++;
		}
		if (pages < NEW) { /* the one that was shown last goes, a new one comes */
			queue_copy_gone(set, TAILQ_FIRST(&last->ready), 0);
			queue_forget(set, last);
			accept_to_number(set, QUEUES + pages);
		}
		pages++;
	}
	for (unsigned i = 0; i < QUEUES + NEW; i++)
		assert_int_equal(seen[i], 1);
	queue_set_free(set);
}

static void test_operators_retry_suspend_resubmit(void **state)
{
	struct queue_set *set = queue_set_new(&queue_limits_hub);
	struct queue_connection c;
	struct queue_action a;
	struct queue *queue;

	(void)state;
	accept_to(set, 1, "mx");
	open_connection(set, &c, 0);
	queue = c.queue;
	queue_connection_gone(set, &c, true, "down", 0);
	assert_false(next(set, 1, &a));
	queue_retry(set, queue, 1);
	open_connection(set, &c, 1);
	queue_connection_gone(set, &c, true, "down", 1);
	queue_suspend(set, queue, true);
	assert_string_equal(queue_state_name(queue), "suspended");
	assert_false(next(set, 100000, &a));
	queue_suspend(set, queue, false);
	queue_resubmit(set, queue, 100000);
	assert_true(next(set, 100000, &a));
	assert_int_equal(a.kind, QUEUE_ACTION_ROUTE);
	queue_set_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_message_opens_is_assigned_and_goes),
		cmocka_unit_test(test_t01_retries_follow_glitch_transient_failure),
		cmocka_unit_test(test_t02_an_edge_waits_longer),
		cmocka_unit_test(test_t03_without_transient_retries_the_long_interval_follows),
		cmocka_unit_test(test_t05_the_next_retry_is_counted_from_the_one_by_hand),
		cmocka_unit_test(test_a_deferred_message_waits_and_others_pass),
		cmocka_unit_test(test_a_dead_queue_does_not_hold_others_up),
		cmocka_unit_test(test_nothing_expires_before_an_attempt),
		cmocka_unit_test(test_payloads_beyond_the_budget_are_read_back),
		cmocka_unit_test(test_a_host_that_hangs_up_is_not_called_at_once),
		cmocka_unit_test(test_a_queue_that_waits_for_connections_of_others_goes_on),
		cmocka_unit_test(test_the_world_leaves_connections_to_those_named),
		cmocka_unit_test(test_a_queue_that_waits_for_reads_of_others_goes_on),
		cmocka_unit_test(test_what_stays_unreachable_expires),
		cmocka_unit_test(test_an_empty_queue_is_forgotten),
		cmocka_unit_test(test_a_suspended_queue_is_kept),
		cmocka_unit_test(test_a_list_goes_on_where_it_stopped),
		cmocka_unit_test(test_operators_retry_suspend_resubmit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
