/* delivery/admission: limits over all loops, own servers, refusals that are logged seldom. */
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "common/compiler.h"
#include "delivery/admission.h"

static struct admission *admission;
static const struct admission_limits limits = { .connections = 5, .per_source = 2, .per_minute = 3 };

static int begin(void **state)
{
	(void)state;
	admission = admission_new();
	return 0;
}

static int end(void **state)
{
	(void)state;
	admission_free(admission);
	return 0;
}

static struct ipaddr address(const char *text)
{
	struct ipaddr addr;

	assert_true(ipaddr_parse(text, strlen(text), &addr));
	return addr;
}

static enum admission_refusal enter(const char *peer, bool is_own, struct admission_slot *slot_r)
{
	struct ipaddr addr = address(peer);

	return admission_enter(admission, "In", &addr, &limits, is_own, 0, slot_r);
}

static enum admission_refusal message(const char *peer, uint64_t now_ms)
{
	struct ipaddr addr = address(peer);

	return admission_message(admission, "In", &addr, limits.per_minute, now_ms);
}

static void test_a_source_has_its_share_and_the_connector_its_own(void **state)
{
	struct admission_slot slot[6];

	(void)state;
	assert_int_equal(enter("192.0.2.1", false, &slot[0]), ADMISSION_GRANTED);
	assert_int_equal(enter("192.0.2.1", false, &slot[1]), ADMISSION_GRANTED);
	assert_int_equal(enter("192.0.2.1", false, &slot[2]), ADMISSION_SOURCE_FULL);
	assert_int_equal(enter("192.0.2.2", false, &slot[2]), ADMISSION_GRANTED);
	assert_int_equal(enter("192.0.2.2", false, &slot[3]), ADMISSION_GRANTED);
	assert_int_equal(enter("192.0.2.3", false, &slot[4]), ADMISSION_GRANTED);
	assert_int_equal(enter("192.0.2.4", false, &slot[5]), ADMISSION_FULL);
	assert_int_equal(enter("192.0.2.5", true, &slot[5]), ADMISSION_FULL);
	admission_leave(&slot[5], 0); /* refused: it holds nothing */
	admission_leave(&slot[0], 0);
	admission_leave(&slot[0], 0);
	assert_int_equal(enter("192.0.2.4", false, &slot[0]), ADMISSION_GRANTED);
	assert_int_equal(enter("192.0.2.1", false, &slot[5]), ADMISSION_FULL);
	for (unsigned i = 0; i < WP_COUNT(slot); i++)
		admission_leave(&slot[i], 0);
	assert_int_equal(admission_size(admission), 0);
}

static void test_own_servers_are_not_counted_against_each_other(void **state)
{
	struct admission_slot slot[5], refused;

	(void)state;
	assert_int_equal(enter("192.0.2.1", true, &slot[0]), ADMISSION_GRANTED);
	assert_int_equal(enter("192.0.2.1", true, &slot[1]), ADMISSION_GRANTED);
	assert_int_equal(enter("192.0.2.1", true, &slot[2]), ADMISSION_GRANTED);
	/* Nor strangers against them. */
	assert_int_equal(enter("192.0.2.1", false, &slot[3]), ADMISSION_GRANTED);
	assert_int_equal(enter("192.0.2.1", false, &slot[4]), ADMISSION_GRANTED);
	assert_int_equal(enter("192.0.2.1", false, &refused), ADMISSION_SOURCE_FULL);
	for (unsigned i = 0; i < WP_COUNT(slot); i++)
		admission_leave(&slot[i], 0);
	assert_int_equal(admission_size(admission), 0);
}

static void test_who_proves_itself_makes_room(void **state)
{
	struct admission_slot slot[5], refused;

	(void)state;
	for (unsigned i = 0; i < WP_COUNT(slot); i++) {
		assert_int_equal(enter("192.0.2.1", false, &slot[i]), ADMISSION_GRANTED);
		admission_trust(&slot[i], 0);
		admission_trust(&slot[i], 0);
	}
	/* It still is a connection of the connector. */
	assert_int_equal(enter("192.0.2.2", false, &refused), ADMISSION_FULL);
	for (unsigned i = 0; i < WP_COUNT(slot); i++)
		admission_leave(&slot[i], 0);
	assert_int_equal(admission_size(admission), 0);
}

static void test_an_ipv6_network_is_one_source(void **state)
{
	struct admission_slot slot;

	(void)state;
	assert_int_equal(enter("2001:db8:0:1::1", false, &slot), ADMISSION_GRANTED);
	assert_int_equal(enter("2001:db8:0:1:ffff::2", false, &slot), ADMISSION_GRANTED);
	assert_int_equal(enter("2001:db8:0:1::3", false, &slot), ADMISSION_SOURCE_FULL);
	assert_int_equal(enter("2001:db8:0:2::3", false, &slot), ADMISSION_GRANTED);
	assert_int_equal(enter("192.0.2.1", false, &slot), ADMISSION_GRANTED);
	assert_int_equal(enter("::ffff:192.0.2.2", false, &slot), ADMISSION_GRANTED);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(message("2001:db8::1", 0), ADMISSION_GRANTED);
	assert_int_equal(message("2001:db8::2", 0), ADMISSION_TOO_FAST);
}

static void test_messages_are_paced_by_source(void **state)
{
	struct ipaddr peer = address("192.0.2.1");

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(message("192.0.2.1", 0), ADMISSION_GRANTED);
	assert_int_equal(message("192.0.2.1", 19999), ADMISSION_TOO_FAST);
	assert_int_equal(message("192.0.2.2", 19999), ADMISSION_GRANTED);
	assert_int_equal(message("192.0.2.1", 20000), ADMISSION_GRANTED);
	assert_int_equal(message("192.0.2.1", 20000), ADMISSION_TOO_FAST);
	assert_int_equal(admission_message(admission, "In", &peer, 0, 20000), ADMISSION_GRANTED);
	assert_int_equal(admission_message(admission, "Other", &peer, 3, 20000), ADMISSION_GRANTED);
}

static void test_a_flood_of_refusals_is_logged_seldom(void **state)
{
	uint64_t silent, now = 12345;
	unsigned lines = 0;

	(void)state;
	for (unsigned i = 0; i < 100000; i++)
		lines += admission_wants_log(admission, ADMISSION_FULL, now + i, &silent);
	assert_int_equal(lines, 10);
	assert_true(admission_wants_log(admission, ADMISSION_TOO_FAST, now, &silent));
	assert_int_equal(silent, 0);
	assert_true(admission_wants_log(admission, ADMISSION_FULL, now + 100000, &silent));
	assert_int_equal(silent, 9999);
	assert_int_equal(admission_refused(admission), 100002);
}

static void test_refusals_are_lawful_replies(void **state)
{
	(void)state;
	for (unsigned i = ADMISSION_GRANTED + 1; i < ADMISSION_REFUSALS; i++) {
		const struct admission_reply *reply = &admission_replies[i];

		assert_in_range(reply->code, 400, 499);
		assert_int_equal(reply->status[0], '4');
		assert_true(reply->text[0] != '\0');
	}
}

/* --- threads ------------------------------------------------------------------------------ */

enum { THREADS = 4, ROUNDS = 20000, SOURCES = 8, HELD = 6 };

/* What the threads hold together, counted a little later and given up a little earlier. */
static atomic_int held[SOURCES], held_in_all;
static atomic_uint granted, refused, paid;

struct holding {
	struct admission_slot slot;
	int source; /* -1: a place that nobody has */
	bool is_counted;
};

static void let_go(struct holding *h, uint64_t now_ms)
{
	if (h->source < 0)
		return;
	if (h->is_counted)
		atomic_fetch_sub(&held[h->source], 1);
	atomic_fetch_sub(&held_in_all, 1);
	admission_leave(&h->slot, now_ms);
	h->source = -1;
}

static void try_to_hold(struct holding *h, int source, bool is_own, uint64_t now_ms)
{
	struct admission_limits both = { .connections = 12, .per_source = 3, .per_minute = 100 };
	struct ipaddr peer = address("192.0.2.0");

	peer.bytes[15] = (uint8_t)source;
	if (admission_message(admission, "In", &peer, both.per_minute, now_ms) == ADMISSION_GRANTED)
		atomic_fetch_add(&paid, 1);
	if (admission_enter(admission, "In", &peer, &both, is_own, now_ms, &h->slot) !=
	    ADMISSION_GRANTED) {
		atomic_fetch_add(&refused, 1);
		return;
	}
	atomic_fetch_add(&granted, 1);
	h->source = source;
	h->is_counted = !is_own;
	if (atomic_fetch_add(&held_in_all, 1) >= 12)
		abort();
	if (!is_own && atomic_fetch_add(&held[source], 1) >= 3)
		abort();
}

static void *hammer(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	struct holding own[HELD];
	uint64_t silent;

	for (unsigned i = 0; i < HELD; i++)
		own[i].source = -1;
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct holding *h = &own[rand_r(&seed) % HELD];

		if (h->source >= 0 && h->is_counted && rand_r(&seed) % 4 == 0) {
			h->is_counted = false;
			atomic_fetch_sub(&held[h->source], 1);
			admission_trust(&h->slot, 0);
		} else if (h->source >= 0) {
			let_go(h, 0);
		} else {
			try_to_hold(h, rand_r(&seed) % SOURCES, rand_r(&seed) % 8 == 0, 0);
		}
		admission_wants_log(admission, ADMISSION_FULL, i, &silent);
	}
	for (unsigned i = 0; i < HELD; i++)
		let_go(&own[i], 0);
	return NULL;
}

static void test_threads_never_exceed_the_limits(void **state)
{
	pthread_t threads[THREADS];
	struct ipaddr peer = address("192.0.2.1");
	struct admission_slot slot;

	(void)state;
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, hammer, (void *)(i + 1));
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_true(granted > 0 && refused > 0);
	assert_int_equal(paid, SOURCES * 100);
	assert_int_equal(admission_refused(admission), THREADS * ROUNDS);
	/* All is given back: a minute later there is room for all, and nothing is remembered. */
	for (unsigned i = 0; i < SOURCES; i++) {
		peer.bytes[15] = (uint8_t)i;
		assert_int_equal(admission_enter(admission, "In", &peer, &limits, false, 60000, &slot),
				 ADMISSION_GRANTED);
		admission_leave(&slot, 60000);
	}
	assert_int_equal(admission_size(admission), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	static const struct CMUnitTest tests[] = {
		TEST(test_a_source_has_its_share_and_the_connector_its_own),
		TEST(test_own_servers_are_not_counted_against_each_other),
		TEST(test_who_proves_itself_makes_room),
		TEST(test_an_ipv6_network_is_one_source),
		TEST(test_messages_are_paced_by_source),
		TEST(test_a_flood_of_refusals_is_logged_seldom),
		TEST(test_refusals_are_lawful_replies),
		TEST(test_threads_never_exceed_the_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
