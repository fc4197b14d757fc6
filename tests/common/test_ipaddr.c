/* common/ipaddr: literals, prefixes, ranges, and which is the more specific. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "common/compiler.h"
#include "common/ipaddr.h"

static struct ipaddr addr(const char *text)
{
	struct ipaddr a;

	assert_true(ipaddr_parse(text, strlen(text), &a));
	return a;
}

static struct ipaddr_range range(const char *text)
{
	struct ipaddr_range r;

	assert_true(ipaddr_range_parse(text, strlen(text), &r));
	return r;
}

static void test_literals_are_read_and_written(void **state)
{
	static const char *const table[][2] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "2001:DB8:0:0::1", "2001:db8::1" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "::", "::" },
	};
	char text[IPADDR_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < WP_COUNT(table); i++) {
		struct ipaddr a = addr(table[i][0]);

		ipaddr_format(&a, text);
		assert_string_equal(text, table[i][1]);
	}
}

static void test_malformed_literals_and_ranges_are_refused(void **state)
{
	static const char *const bad[] = {
		"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.4 ", "fe80::1%eth0", ":::", "x",
		"10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/", "/8", "2001:db8::/129", "10.0.0.9-10.0.0.1",
		"10.0.0.1-", "10.0.0.1-::1", "10.0.0.0/-1", "10.0.0.0/8/8",
	};
	struct ipaddr_range r;

	(void)state;
	for (size_t i = 0; i < WP_COUNT(bad); i++)
		assert_false(ipaddr_range_parse(bad[i], strlen(bad[i]), &r));
}

static void test_a_range_holds_its_ends_and_nothing_beyond(void **state)
{
	static const struct {
		const char *range, *addr;
		bool inside;
	} table[] = {
		{ "10.1.0.0/16", "10.1.0.0", true },
		{ "10.1.0.0/16", "10.1.255.255", true },
		{ "10.1.0.0/16", "10.2.0.0", false },
		{ "0.0.0.0/0", "255.255.255.255", true },
		{ "0.0.0.0/0", "::1", false },
		{ "::/0", "2001:db8::1", true },
		{ "::/0", "192.0.2.1", false },
		{ "192.168.1.0-192.168.1.128", "192.168.1.128", true },
		{ "192.168.1.0-192.168.1.128", "192.168.1.129", false },
		{ "2001:db8::/33", "2001:db8:8000::", false },
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.0/24", "::ffff:192.0.2.7", true },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(table); i++) {
		struct ipaddr_range r = range(table[i].range);
		struct ipaddr a = addr(table[i].addr);

		assert_int_equal(ipaddr_range_contains(&r, &a), table[i].inside);
	}
}

static void test_prefix_lengths_are_found_again(void **state)
{
	static const struct {
		const char *range;
		int length;
	} table[] = {
		{ "10.0.0.0/8", 8 }, { "0.0.0.0/0", 0 }, { "192.0.2.1", 32 },
		{ "192.168.1.0-192.168.1.255", 24 }, { "192.168.1.0-192.168.1.254", -1 },
		{ "2001:db8::/32", 32 }, { "::/0", 0 }, { "2001:db8::1", 128 },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(table); i++) {
		struct ipaddr_range r = range(table[i].range);

		assert_int_equal(ipaddr_range_prefix_length(&r), table[i].length);
	}
}

static void test_the_smaller_range_is_the_more_specific(void **state)
{
	struct ipaddr_range one = range("192.168.1.75"), some = range("192.168.1.0-192.168.1.128"),
			    net = range("192.168.1.0/24"), all = range("0.0.0.0/0"),
			    cross = range("192.168.1.100-192.168.1.200");

	(void)state;
	assert_true(ipaddr_range_compare_size(&one, &some) < 0);
	assert_true(ipaddr_range_compare_size(&some, &net) < 0);
	assert_true(ipaddr_range_compare_size(&all, &net) > 0);
	assert_int_equal(ipaddr_range_compare_size(&net, &net), 0);
	assert_true(ipaddr_range_is_inside(&some, &net));
	assert_false(ipaddr_range_is_inside(&net, &some));
	assert_true(ipaddr_range_overlaps(&some, &cross));
	assert_false(ipaddr_range_overlaps(&one, &cross));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_literals_are_read_and_written),
		cmocka_unit_test(test_malformed_literals_and_ranges_are_refused),
		cmocka_unit_test(test_a_range_holds_its_ends_and_nothing_beyond),
		cmocka_unit_test(test_prefix_lengths_are_found_again),
		cmocka_unit_test(test_the_smaller_range_is_the_more_specific),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
