/* delivery/tally: what is counted, what a minute holds, and what is forgotten. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/compiler.h"
#include "delivery/tally.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND };

static struct tally tally;

static int begin(void **state)
{
	(void)state;
	tally_init(&tally);
	return 0;
}

static int end(void **state)
{
	(void)state;
	tally_fini(&tally);
	return 0;
}

/* The same text is the same key, whatever memory it is in; null: all sources. */
static const struct tally_key *key(const char *connector, const char *source)
{
	static struct ipaddr address;
	static char name[64];
	static struct tally_key made;

	strncpy(name, connector, sizeof(name) - 1);
	made.connector = name;
	made.source = NULL;
	if (source != NULL) {
		assert_true(ipaddr_parse(source, strlen(source), &address));
		made.source = &address;
	}
	return &made;
}

static unsigned spend_all(const struct tally_key *k, uint32_t rate, uint64_t now_ms)
{
	unsigned count = 0;

	while (tally_spend(&tally, k, rate, now_ms))
		count++;
	return count;
}

static void test_the_limit_is_how_many_are_counted(void **state)
{
	struct tally_entry *taken[3];

	(void)state;
	for (unsigned i = 0; i < WP_COUNT(taken); i++)
		taken[i] = tally_take(&tally, key("In", "192.0.2.1"), 3, 0);
	assert_non_null(taken[2]);
	assert_null(tally_take(&tally, key("In", "192.0.2.1"), 3, 0));
	tally_give(&tally, taken[0], 0);
	taken[0] = tally_take(&tally, key("In", "192.0.2.1"), 3, 0);
	assert_non_null(taken[0]);
	assert_null(tally_take(&tally, key("In", "192.0.2.1"), 3, 0));
	/* A limit that changes counts for the next one. */
	assert_null(tally_take(&tally, key("In", "192.0.2.1"), 2, 0));
	assert_non_null(tally_take(&tally, key("In", "192.0.2.1"), 4, 0));
	assert_non_null(tally_take(&tally, key("In", "192.0.2.1"), 0, 0));
}

static void test_connectors_and_sources_are_counted_apart(void **state)
{
	static const char *const sources[] = { "192.0.2.1", "192.0.2.2", "2001:db8::1", "::",
					       "0.0.0.0", NULL };

	(void)state;
	for (unsigned i = 0; i < WP_COUNT(sources); i++) {
		assert_non_null(tally_take(&tally, key("In", sources[i]), 1, 0));
		assert_non_null(tally_take(&tally, key("Out", sources[i]), 1, 0));
	}
	assert_int_equal(tally.size, 2 * WP_COUNT(sources));
	for (unsigned i = 0; i < WP_COUNT(sources); i++)
		assert_null(tally_take(&tally, key("Out", sources[i]), 1, 0));
}

static void test_what_is_given_back_is_forgotten(void **state)
{
	struct tally_entry *a = tally_take(&tally, key("In", "192.0.2.1"), 0, 0);
	struct tally_entry *b = tally_take(&tally, key("In", "192.0.2.1"), 0, 0);

	(void)state;
	assert_ptr_equal(a, b);
	assert_int_equal(tally.size, 1);
	tally_give(&tally, a, 0);
	assert_int_equal(tally.size, 1);
	tally_give(&tally, b, 0);
	assert_int_equal(tally.size, 0);
}

static void test_a_minute_holds_as_many_messages_as_the_rate_says(void **state)
{
	static const uint32_t rates[] = { 1, 2, 7, 30, 60, 1000, 7777 };
	uint64_t now = 5;

	(void)state;
	for (unsigned i = 0; i < WP_COUNT(rates); i++) {
		unsigned all = spend_all(key("In", "192.0.2.1"), rates[i], now), more = 0;

		/* The price of a message is whole microseconds: cheaper by less than one. */
		assert_in_range(all, rates[i], rates[i] + 1);
		for (unsigned s = 0; s < 60; s++)
			more += spend_all(key("In", "192.0.2.1"), rates[i], now += SECOND);
		assert_in_range(more, rates[i] - 1, rates[i] + 1);
		now += MINUTE;
	}
}

static void test_the_bucket_fills_evenly(void **state)
{
	const struct tally_key *k = key("In", "192.0.2.1");
	uint64_t now = 1000000;

	(void)state;
	assert_int_equal(spend_all(k, 60, now), 60);
	assert_false(tally_spend(&tally, k, 60, now + SECOND - 1));
	assert_true(tally_spend(&tally, k, 60, now + SECOND));
	assert_false(tally_spend(&tally, k, 60, now + SECOND));
	assert_int_equal(spend_all(k, 60, now + 11 * SECOND), 10);
	/* Never more than a minute's worth, however long it was silent. */
	assert_int_equal(spend_all(k, 60, now + 60 * MINUTE), 60);
}

static void test_refused_messages_cost_nothing(void **state)
{
	const struct tally_key *k = key("In", "192.0.2.1");

	(void)state;
	assert_int_equal(spend_all(k, 2, 0), 2);
	for (unsigned ms = 0; ms < 30 * SECOND; ms += 100)
		assert_false(tally_spend(&tally, k, 2, ms));
	assert_true(tally_spend(&tally, k, 2, 30 * SECOND));
}

static void test_a_new_rate_counts_at_once(void **state)
{
	const struct tally_key *k = key("In", "192.0.2.1");

	(void)state;
	assert_int_equal(spend_all(k, 2, 0), 2);
	assert_false(tally_spend(&tally, k, 2, SECOND));
	assert_true(tally_spend(&tally, k, 60, SECOND));
	assert_false(tally_spend(&tally, k, 60, SECOND));
}

static void test_the_pace_outlives_the_connection_by_a_minute_at_most(void **state)
{
	struct tally_entry *entry = tally_take(&tally, key("In", "192.0.2.1"), 0, 0);

	(void)state;
	assert_int_equal(spend_all(key("In", "192.0.2.1"), 3, 0), 3);
	tally_give(&tally, entry, 0);
	assert_int_equal(tally.size, 1);
	/* To come again does not make it forget. */
	entry = tally_take(&tally, key("In", "192.0.2.1"), 1, SECOND);
	assert_non_null(entry);
	assert_false(tally_spend(&tally, key("In", "192.0.2.1"), 3, SECOND));
	tally_give(&tally, entry, SECOND);
	assert_int_equal(tally.size, 1);
	/* Whoever comes next after the minute finds it gone. */
	tally_give(&tally, tally_take(&tally, key("In", NULL), 0, MINUTE), MINUTE);
	assert_int_equal(tally.size, 0);
}

static void test_idle_sources_are_bounded(void **state)
{
	struct tally_entry *busy = tally_take(&tally, key("In", "192.0.2.1"), 0, 0);
	char text[32];

	(void)state;
	for (unsigned i = 0; i < TALLY_IDLE_MAX + 1000; i++) {
		snprintf(text, sizeof(text), "10.0.%u.%u", i / 256, i % 256);
		assert_true(tally_spend(&tally, key("In", text), 1, i));
	}
	assert_in_range(tally.size, TALLY_IDLE_MAX, TALLY_IDLE_MAX + 2);
	/* The oldest went; the newest and those with connections are remembered. */
	assert_false(tally_spend(&tally, key("In", text), 1, TALLY_IDLE_MAX + 1000));
	assert_true(tally_spend(&tally, key("In", "10.0.0.0"), 1, TALLY_IDLE_MAX + 1000));
	assert_null(tally_take(&tally, key("In", "192.0.2.1"), 1, TALLY_IDLE_MAX + 1000));
	tally_give(&tally, busy, TALLY_IDLE_MAX + 1000);
}

/* Loops read their clocks at different moments. */
static void test_time_may_go_back_a_little(void **state)
{
	const struct tally_key *k = key("In", "192.0.2.1");

	(void)state;
	assert_int_equal(spend_all(k, 60, MINUTE), 60);
	assert_false(tally_spend(&tally, k, 60, MINUTE - 5));
	assert_true(tally_spend(&tally, k, 60, MINUTE + SECOND));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	static const struct CMUnitTest tests[] = {
		TEST(test_the_limit_is_how_many_are_counted),
		TEST(test_connectors_and_sources_are_counted_apart),
		TEST(test_what_is_given_back_is_forgotten),
		TEST(test_a_minute_holds_as_many_messages_as_the_rate_says),
		TEST(test_the_bucket_fills_evenly),
		TEST(test_refused_messages_cost_nothing),
		TEST(test_a_new_rate_counts_at_once),
		TEST(test_the_pace_outlives_the_connection_by_a_minute_at_most),
		TEST(test_idle_sources_are_bounded),
		TEST(test_time_may_go_back_a_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
