/* delivery/mx: which addresses serve a next hop. Each test is a small DNS and what is expected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/buf.h"
#include "delivery/mx.h"
#include "tests/lib/resolver_fake.h"

static const char *const own_names[] = { "hub1.example.com", "Mail.Example.COM." };
static struct mx_endpoint own_bindings[2];
static const struct mx_self self = { own_names, 2, own_bindings, 2 };

static int set_up(void **state)
{
	(void)state;
	own_bindings[0].port = own_bindings[1].port = 25;
	assert_true(ipaddr_parse("198.51.100.1", 12, &own_bindings[0].address));
	assert_true(ipaddr_parse("2001:db8:5::1", 13, &own_bindings[1].address));
	return 0;
}

/* Answers from TABLE; the newest open question first if BACKWARDS. */
static struct mx_search *run(const struct mx_hop *hop, const char *table, uint64_t random, bool backwards)
{
	struct mx_search *s = mx_search_new(hop, &self, random);
	struct mx_question open[64], q;
	unsigned count = 0;

	for (;;) {
		struct dns_answer *answer;

		while (mx_search_question(s, &q))
			open[count++] = q;
		if (count == 0)
			break;
		q = backwards ? open[--count] : open[0];
		if (!backwards)
			memmove(open, open + 1, --count * sizeof(open[0]));
		answer = dns_table_answer(table, q.name, q.type);
		mx_search_answer(s, q.id, answer);
		dns_answer_free(answer);
	}
	assert_true(mx_search_is_done(s));
	return s;
}

/* "name[address]:port …", or "class status" without targets. */
static char *describe(struct mx_search *s)
{
	const struct mx_target *targets;
	size_t count = mx_search_targets(s, &targets);
	struct outcome *o = mx_search_outcome(s);
	struct buf b = { 0 };

	assert_int_equal(count == 0, o != NULL);
	if (o != NULL) {
		buf_printf(&b, "%s %s", outcome_class_name(o->class), o->status);
		assert_int_equal(o->stage, OUTCOME_STAGE_RESOLVE);
		assert_true(o->reply[0] != '\0');
	}
	for (size_t i = 0; i < count; i++) {
		char text[IPADDR_TEXT_SIZE];

		ipaddr_format(&targets[i].address, text);
		buf_printf(&b, "%s%s[%s]:%u%s", i == 0 ? "" : " ", targets[i].name, text,
			   targets[i].port, targets[i].secure ? "!" : "");
	}
	return b.data;
}

static void expect_hop(const struct mx_hop *hop, const char *table, const char *expected)
{
	for (int backwards = 0; backwards < 2; backwards++) {
		struct mx_search *s = run(hop, table, 1, backwards != 0);
		char *got = describe(s);

		assert_string_equal(got, expected);
		free(got);
		mx_search_free(s);
	}
}

static void expect(const char *domain, const char *table, const char *expected)
{
	struct mx_hop hop;

	assert_true(mx_domain_parse(domain, 25, &hop));
	expect_hop(&hop, table, expected);
}

static void expect_smart(const char *text, const char *table, const char *expected)
{
	struct mx_hop hop;

	assert_int_equal(mx_smart_host_parse(text, 25, &hop, NULL), 0);
	expect_hop(&hop, table, expected);
}

static void test_lower_preference_comes_first(void **state)
{
	(void)state;
	expect("example.org",
	       "example.org MX 20 b.example.org\nexample.org MX 5 a.example.org\n"
	       "example.org MX 30 c.example.org\na.example.org A 192.0.2.1\n"
	       "b.example.org A 192.0.2.2\nc.example.org A 192.0.2.3\n",
	       "a.example.org[192.0.2.1]:25 b.example.org[192.0.2.2]:25 c.example.org[192.0.2.3]:25");
}

static void test_equals_are_shuffled_within_their_preference(void **state)
{
	static const char table[] = "example.org MX 10 a\nexample.org MX 10 b\nexample.org MX 10 c\n"
				    "example.org MX 5 first\nexample.org MX 20 last\n"
				    "a A 192.0.2.1\nb A 192.0.2.2\nc A 192.0.2.3\n"
				    "first A 192.0.2.4\nlast A 192.0.2.5\n";
	struct mx_hop hop;
	unsigned at_second[3] = { 0 };

	(void)state;
	assert_true(mx_domain_parse("example.org", 25, &hop));
	for (uint64_t random = 0; random < 300; random++) {
		struct mx_search *s = run(&hop, table, random * UINT64_C(0x123456789abcdef), false);
		const struct mx_target *targets;

		assert_int_equal(mx_search_targets(s, &targets), 5);
		assert_string_equal(targets[0].name, "first");
		assert_string_equal(targets[4].name, "last");
		assert_in_range(targets[1].name[0], 'a', 'c');
		at_second[targets[1].name[0] - 'a']++;
		mx_search_free(s);
	}
	for (int i = 0; i < 3; i++)
		assert_in_range(at_second[i], 60, 140);
}

static void test_no_mx_record_means_the_domain_itself(void **state)
{
	(void)state;
	expect("example.org", "example.org A 192.0.2.1\n", "example.org[192.0.2.1]:25");
	expect("example.org", "example.org AAAA 2001:db8::1\n", "example.org[2001:db8::1]:25");
	/* Nor is the address record of use where there is an MX record. */
	expect("example.org", "example.org A 192.0.2.1\nexample.org MX 1 gone\n", "failed 5.4.4");
}

static void test_a_null_mx_fails_at_once(void **state)
{
	(void)state;
	expect("example.org", "example.org MX 0 .\nexample.org A 192.0.2.1\n", "failed 5.1.10");
	/* RFC 7505 §3: among others it is no null MX; the root is no host either. */
	expect("example.org", "example.org MX 0 .\nexample.org MX 1 a\na A 192.0.2.1\n",
	       "a[192.0.2.1]:25");
}

static void test_no_domain_fails_and_no_address_fails(void **state)
{
	(void)state;
	expect("example.org", "", "failed 5.1.2");
	expect("example.org", "example.org TXT x\n", "failed 5.1.2");
	expect("example.org", "example.org MX 1 a\nexample.org MX 2 b\n", "failed 5.4.4");
}

static void test_what_is_not_known_now_is_deferred(void **state)
{
	(void)state;
	expect("example.org", "example.org SERVFAIL\n", "deferred 4.4.3");
	expect("example.org", "example.org TIMEOUT\n", "deferred 4.4.3");
	expect("example.org", "example.org MX 1 a\na SERVFAIL\n", "deferred 4.4.3");
	expect("example.org", "example.org MX 1 a\nexample.org MX 2 b\na SERVFAIL AAAA\n",
	       "deferred 4.4.3");
	expect("example.org", "example.org TXT x\nexample.org SERVFAIL A\n", "deferred 4.4.3");
}

static void test_a_bogus_answer_is_never_used(void **state)
{
	(void)state;
	expect("example.org", "example.org BOGUS\nexample.org MX 1 a\na A 192.0.2.1\n", "deferred 4.4.3");
	expect("example.org", "example.org MX 1 a\na BOGUS A\na A 192.0.2.1\n", "deferred 4.4.3");
	expect("example.org", "example.org MX 1 a\na BOGUS A\na A 192.0.2.1\na AAAA 2001:db8::1\n",
	       "a[2001:db8::1]:25");
}

static void test_hosts_that_answer_serve_while_others_fail(void **state)
{
	(void)state;
	expect("example.org", "example.org MX 1 a\nexample.org MX 2 b\na SERVFAIL\nb A 192.0.2.2\n",
	       "b[192.0.2.2]:25");
	expect("example.org", "example.org MX 1 a\na SERVFAIL AAAA\na A 192.0.2.1\n", "a[192.0.2.1]:25");
}

static void test_cnames_are_followed(void **state)
{
	struct mx_hop hop;
	struct mx_search *s;
	const struct mx_target *targets;

	(void)state;
	expect("alias.org", "alias.org CNAME example.org\nexample.org MX 1 a\na A 192.0.2.1\n",
	       "a[192.0.2.1]:25");
	expect("alias.org", "alias.org CNAME example.org\nexample.org A 192.0.2.1\n",
	       "alias.org[192.0.2.1]:25");
	assert_true(mx_domain_parse("example.org", 25, &hop));
	s = run(&hop, "example.org MX 1 a\na CNAME b\nb A 192.0.2.1\n", 1, false);
	assert_int_equal(mx_search_targets(s, &targets), 1);
	assert_string_equal(targets[0].name, "a");
	assert_string_equal(targets[0].canonical, "b");
	mx_search_free(s);
}

static void test_own_host_cuts_off_itself_and_the_worse(void **state)
{
	(void)state;
	/* By name, whatever case. */
	expect("example.org",
	       "example.org MX 10 a\nexample.org MX 20 HUB1.example.com\nexample.org MX 30 c\n"
	       "a A 192.0.2.1\nhub1.example.com A 192.0.2.2\nc A 192.0.2.3\n",
	       "a[192.0.2.1]:25");
	/* By name, equal preference. */
	expect("example.org", "example.org MX 10 a\nexample.org MX 10 mail.example.com\na A 192.0.2.1\n",
	       "failed 5.4.6");
	/* By address, equal preference. */
	expect("example.org",
	       "example.org MX 5 a\nexample.org MX 10 b\nexample.org MX 10 c\na A 192.0.2.1\n"
	       "b A 192.0.2.2\nc A 192.0.2.3\nc A 198.51.100.1\n",
	       "a[192.0.2.1]:25");
	expect("example.org", "example.org MX 5 a\na AAAA 2001:db8:5::1\na A 192.0.2.1\n", "failed 5.4.6");
	/* By the name at the end of a CNAME. */
	expect("example.org", "example.org MX 5 a\na CNAME hub1.example.com\nhub1.example.com A 192.0.2.1\n",
	       "failed 5.4.6");
	/* An implicit MX is one of preference 0. */
	expect("hub1.example.com", "hub1.example.com A 192.0.2.1\n", "failed 5.4.6");
	/* The better ones cannot be looked up now. */
	expect("example.org", "example.org MX 5 a\nexample.org MX 10 hub1.example.com\na SERVFAIL\n",
	       "deferred 4.4.3");
}

static void test_own_address_at_another_port_is_another_host(void **state)
{
	struct mx_hop hop;

	(void)state;
	assert_true(mx_domain_parse("example.org", 2525, &hop));
	expect_hop(&hop, "example.org MX 5 a\na A 198.51.100.1\n", "a[198.51.100.1]:2525");
}

static void test_a_smart_host_is_own_by_address_and_port_only(void **state)
{
	(void)state;
	expect_smart("hub1.example.com", "hub1.example.com A 192.0.2.1\n", "hub1.example.com[192.0.2.1]:25");
	expect_smart("[198.51.100.1]", "", "unavailable 4.4.6");
	expect_smart("[198.51.100.1]:587", "", "198.51.100.1[198.51.100.1]:587");
	expect_smart("relay", "relay A 198.51.100.1\nrelay A 192.0.2.7\n", "relay[192.0.2.7]:25");
	expect_smart("relay:25", "relay A 198.51.100.1\n", "unavailable 4.4.6");
}

static void test_a_broken_smart_host_never_fails_a_message(void **state)
{
	(void)state;
	expect_smart("relay", "", "unavailable 4.1.2");
	expect_smart("relay", "relay MX 0 .\n", "unavailable 4.1.10");
	expect_smart("relay", "relay SERVFAIL\n", "unavailable 4.4.3");
	expect_smart("[relay]", "", "unavailable 4.4.4");
	expect_smart("relay", "relay MX 5 a\n", "unavailable 4.4.4");
}

static void test_mx_records_of_a_smart_host_count_unless_bracketed(void **state)
{
	static const char table[] = "relay MX 5 a\na A 192.0.2.1\nrelay A 192.0.2.2\n";

	(void)state;
	expect_smart("relay:2525", table, "a[192.0.2.1]:2525");
	expect_smart("[relay]:2525", table, "relay[192.0.2.2]:2525");
}

static void test_families_alternate_beginning_with_ipv6(void **state)
{
	struct mx_hop hop;
	struct mx_search *s;
	const struct mx_target *targets;

	(void)state;
	assert_true(mx_domain_parse("example.org", 25, &hop));
	s = run(&hop,
		"example.org MX 1 a\na A 192.0.2.1\na A 192.0.2.2\na A 192.0.2.3\n"
		"a AAAA 2001:db8::1\na AAAA 2001:db8::2\n",
		7, false);
	assert_int_equal(mx_search_targets(s, &targets), 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(ipaddr_is_v4(&targets[i].address), i % 2 == 1 || i == 4);
	mx_search_free(s);
}

static void test_unspecified_addresses_are_passed_over(void **state)
{
	(void)state;
	expect("example.org", "example.org MX 1 a\na A 0.0.0.0\na AAAA ::\n", "failed 5.4.4");
}

static void test_literals_need_no_question(void **state)
{
	(void)state;
	expect("[192.0.2.9]", "", "192.0.2.9[192.0.2.9]:25");
	expect("[IPv6:2001:DB8::9]", "", "2001:db8::9[2001:db8::9]:25");
}

static void test_secure_needs_every_answer_validated(void **state)
{
	static const char both[] = "example.org SECURE\nexample.org MX 1 a\na SECURE\na A 192.0.2.1\n";

	(void)state;
	expect("example.org", both, "a[192.0.2.1]:25!");
	expect("example.org", both + strlen("example.org SECURE\n"), "a[192.0.2.1]:25");
	expect("example.org", "example.org SECURE\nexample.org MX 1 a\na A 192.0.2.1\n", "a[192.0.2.1]:25");
}

static void test_a_host_that_is_listed_twice_is_tried_once(void **state)
{
	(void)state;
	expect("example.org", "example.org MX 20 a\nexample.org MX 10 A\nexample.org MX 15 b\n"
			      "a A 192.0.2.1\nb A 192.0.2.2\n",
	       "a[192.0.2.1]:25 b[192.0.2.2]:25");
}

static void test_only_the_best_hosts_of_a_long_list_are_looked_up(void **state)
{
	struct buf table = { 0 };
	struct mx_hop hop;
	struct mx_search *s;
	const struct mx_target *targets;

	(void)state;
	for (int i = 200; i > 0; i--)
		buf_printf(&table, "example.org MX %d h%d\nh%d A 192.0.2.%d\n", i, i, i, i);
	assert_true(mx_domain_parse("example.org", 25, &hop));
	s = run(&hop, table.data, 3, false);
	assert_int_equal(mx_search_targets(s, &targets), MX_HOSTS_MAX);
	assert_string_equal(targets[0].name, "h1");
	assert_string_equal(targets[MX_HOSTS_MAX - 1].name, "h16");
	mx_search_free(s);
	buf_free(&table);
}

static void test_targets_are_bounded(void **state)
{
	struct buf table = { 0 };
	struct mx_hop hop;
	struct mx_search *s;
	const struct mx_target *targets;

	(void)state;
	for (int h = 0; h < 10; h++) {
		buf_printf(&table, "example.org MX %d h%d\n", h, h);
		for (int i = 1; i < 24; i++)
			buf_printf(&table, "h%d A 192.0.%d.%d\n", h, h, i);
	}
	assert_true(mx_domain_parse("example.org", 25, &hop));
	s = run(&hop, table.data, 3, false);
	assert_int_equal(mx_search_targets(s, &targets), MX_TARGETS_MAX);
	mx_search_free(s);
	buf_free(&table);
}

static void test_malformed_records_are_passed_over(void **state)
{
	static const uint8_t good[] = { 0, 1, 1, 'a', 0 }, cut[] = { 0, 1, 5, 'a' }, tiny[] = { 0 };
	const struct dns_rdata records[] = { { cut, sizeof(cut) }, { good, sizeof(good) }, { tiny, 1 } };
	struct dns_answer answer = { .records = records, .count = 3 };
	struct mx_hop hop;
	struct mx_question q;

	(void)state;
	assert_true(mx_domain_parse("example.org", 25, &hop));
	for (size_t good_ones = 0; good_ones < 2; good_ones++) {
		struct mx_search *s = mx_search_new(&hop, &self, 1);

		assert_true(mx_search_question(s, &q));
		assert_int_equal(q.type, DNS_MX);
		answer.count = good_ones == 0 ? 1 : 3;
		mx_search_answer(s, q.id, &answer);
		assert_int_equal(mx_search_is_done(s), good_ones == 0);
		if (good_ones == 0)
			assert_int_equal(mx_search_outcome(s)->class, OUTCOME_DEFERRED);
		else
			assert_true(mx_search_question(s, &q) && strcmp(q.name, "a") == 0);
		mx_search_free(s);
	}
}

static void test_the_lowest_ttl_holds_and_failures_are_not_kept(void **state)
{
	static const uint8_t rdata[] = { 0, 1, 1, 'a', 0 }, address[] = { 192, 0, 2, 1 };
	const struct dns_rdata mx = { rdata, sizeof(rdata) }, a = { address, 4 };
	struct dns_answer answers[] = {
		{ .ttl_s = 500, .records = &mx, .count = 1 },
		{ .ttl_s = 70 },
		{ .ttl_s = 900, .records = &a, .count = 1 },
	};
	struct mx_hop hop;
	struct mx_question q;

	(void)state;
	assert_true(mx_domain_parse("example.org", 25, &hop));
	for (int fail = 0; fail < 2; fail++) {
		struct mx_search *s = mx_search_new(&hop, &self, 1);

		answers[1].is_temporary = fail != 0;
		while (mx_search_question(s, &q))
			mx_search_answer(s, q.id, &answers[q.id]);
		assert_true(mx_search_is_done(s));
		assert_int_equal(mx_search_ttl_s(s), fail != 0 ? 0 : 70);
		mx_search_free(s);
	}
}

static void test_smart_hosts_are_read(void **state)
{
	static const struct {
		const char *text;
		enum mx_kind kind;
		const char *name;
		bool is_literal;
		unsigned port;
	} table[] = {
		{ "relay.example.com", MX_SMART_HOST, "relay.example.com", false, 25 },
		{ "Relay.Example.com.", MX_SMART_HOST, "relay.example.com", false, 25 },
		{ "relay.example.com:2525", MX_SMART_HOST, "relay.example.com", false, 2525 },
		{ "smtp_out.example", MX_SMART_HOST, "smtp_out.example", false, 25 },
		{ "b\xc3\xbc" "cher.example", MX_SMART_HOST, "xn--bcher-kva.example", false, 25 },
		{ "[192.0.2.1]", MX_HOST, "192.0.2.1", true, 25 },
		{ "[192.0.2.1]:10025", MX_HOST, "192.0.2.1", true, 10025 },
		{ "192.0.2.1:26", MX_SMART_HOST, "192.0.2.1", true, 26 },
		{ "[2001:db8::1]:26", MX_HOST, "2001:db8::1", true, 26 },
		{ "[IPv6:2001:DB8::1]", MX_HOST, "2001:db8::1", true, 25 },
		{ "2001:db8::1", MX_SMART_HOST, "2001:db8::1", true, 25 },
		{ "[relay.example.com]:26", MX_HOST, "relay.example.com", false, 26 },
	};
	static const char *const bad[] = {
		"", "[", "[]", "[192.0.2.1", "[192.0.2.1]25", "[192.0.2.1]:", "relay:", "relay:0",
		"relay:65536", "relay:25x", "a..b", "re lay", "[IPv6:192.0.2.1]", "[x]y", ".",
	};
	struct mx_hop hop;
	struct err e;

	(void)state;
	for (size_t i = 0; i < WP_COUNT(table); i++) {
		assert_int_equal(mx_smart_host_parse(table[i].text, 25, &hop, NULL), 0);
		assert_int_equal(hop.kind, table[i].kind);
		assert_string_equal(hop.name, table[i].name);
		assert_int_equal(hop.is_literal, table[i].is_literal);
		assert_int_equal(hop.port, table[i].port);
	}
	for (size_t i = 0; i < WP_COUNT(bad); i++) {
		assert_int_equal(mx_smart_host_parse(bad[i], 25, &hop, &e), -1);
		assert_int_equal(e.domain, ERR_DIRECTORY);
	}
}

static void test_domains_are_read(void **state)
{
	static const char *const bad[] = { "", "a b", "a..b", "[", "[x]", "[192.0.2.1", "[192.0.2.1]x" };
	struct mx_hop hop;

	(void)state;
	assert_true(mx_domain_parse("Example.ORG", 25, &hop));
	assert_string_equal(hop.name, "example.org");
	for (size_t i = 0; i < WP_COUNT(bad); i++)
		assert_false(mx_domain_parse(bad[i], 25, &hop));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lower_preference_comes_first),
		cmocka_unit_test(test_equals_are_shuffled_within_their_preference),
		cmocka_unit_test(test_no_mx_record_means_the_domain_itself),
		cmocka_unit_test(test_a_null_mx_fails_at_once),
		cmocka_unit_test(test_no_domain_fails_and_no_address_fails),
		cmocka_unit_test(test_what_is_not_known_now_is_deferred),
		cmocka_unit_test(test_a_bogus_answer_is_never_used),
		cmocka_unit_test(test_hosts_that_answer_serve_while_others_fail),
		cmocka_unit_test(test_cnames_are_followed),
		cmocka_unit_test(test_own_host_cuts_off_itself_and_the_worse),
		cmocka_unit_test(test_own_address_at_another_port_is_another_host),
		cmocka_unit_test(test_a_smart_host_is_own_by_address_and_port_only),
		cmocka_unit_test(test_a_broken_smart_host_never_fails_a_message),
		cmocka_unit_test(test_mx_records_of_a_smart_host_count_unless_bracketed),
		cmocka_unit_test(test_families_alternate_beginning_with_ipv6),
		cmocka_unit_test(test_unspecified_addresses_are_passed_over),
		cmocka_unit_test(test_literals_need_no_question),
		cmocka_unit_test(test_secure_needs_every_answer_validated),
		cmocka_unit_test(test_a_host_that_is_listed_twice_is_tried_once),
		cmocka_unit_test(test_only_the_best_hosts_of_a_long_list_are_looked_up),
		cmocka_unit_test(test_targets_are_bounded),
		cmocka_unit_test(test_malformed_records_are_passed_over),
		cmocka_unit_test(test_the_lowest_ttl_holds_and_failures_are_not_kept),
		cmocka_unit_test(test_smart_hosts_are_read),
		cmocka_unit_test(test_domains_are_read),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
