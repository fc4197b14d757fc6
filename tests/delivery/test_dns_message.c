/* delivery/dns_message: names and rdata, valid and broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "delivery/dns_message.h"

static void test_names_survive_the_wire(void **state)
{
	static const char *const table[][2] = {
		{ "", "" },
		{ ".", "" },
		{ "example.org", "example.org" },
		{ "Example.ORG.", "example.org" },
		{ "a\\.b.org", "a\\.b.org" },
		{ "a\\\\b", "a\\\\b" },
		{ "a\\000b\\255", "a\\000b\\255" },
		{ "\\097.x", "a.x" },
		{ "sp\\032ace", "sp\\032ace" },
	};
	uint8_t wire[DNS_NAME_WIRE];
	char text[DNS_NAME_TEXT];

	(void)state;
	for (size_t i = 0; i < WP_COUNT(table); i++) {
		size_t len = dns_name_to_wire(table[i][0], wire);

		assert_true(len > 0);
		assert_int_equal(dns_name_to_text(wire, len, text), len);
		assert_string_equal(text, table[i][1]);
	}
}

static void test_what_is_no_name_is_refused(void **state)
{
	static const char *const bad[] = {
		"..", ".a", "a..b", "a\\", "a\\1", "a\\12", "a\\256", "a\\1x2",
		"0123456789012345678901234567890123456789012345678901234567890123.org",
	};
	uint8_t wire[DNS_NAME_WIRE];
	char longest[300];

	(void)state;
	for (size_t i = 0; i < WP_COUNT(bad); i++)
		assert_int_equal(dns_name_to_wire(bad[i], wire), 0);
	/* 127 labels of one octet are 255 octets; one more is too many. */
	for (int i = 0; i < 127; i++)
		memcpy(longest + 2 * i, "a.", 3);
	assert_int_equal(dns_name_to_wire(longest, wire), 255);
	memcpy(longest + 2 * 127, "a", 2);
	assert_int_equal(dns_name_to_wire(longest, wire), 0);
}

static void test_a_name_of_the_worst_octets_fits(void **state)
{
	uint8_t wire[DNS_NAME_WIRE] = { 0 };
	char text[DNS_NAME_TEXT];

	(void)state;
	memset(wire, 0xff, sizeof(wire));
	wire[0] = wire[64] = wire[128] = 63;
	wire[192] = 61;
	wire[254] = 0;
	assert_int_equal(dns_name_to_text(wire, sizeof(wire), text), 255);
	assert_int_equal(strlen(text), 4 * (63 * 3 + 61) + 3);
	assert_int_equal(dns_name_to_wire(text, wire), 255);
}

static void test_every_cut_of_a_name_is_refused(void **state)
{
	static const uint8_t wire[] = { 3, 'm', 'x', '1', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0, 9 };
	static const uint8_t pointer[] = { 1, 'a', 0xc0, 0 }, extended[] = { 0x41, 'a', 0 };
	char text[DNS_NAME_TEXT];

	(void)state;
	for (size_t len = 0; len < sizeof(wire) - 1; len++)
		assert_int_equal(dns_name_to_text(wire, len, text), 0);
	assert_int_equal(dns_name_to_text(wire, sizeof(wire), text), sizeof(wire) - 1);
	assert_string_equal(text, "mx1.example");
	assert_int_equal(dns_name_to_text(pointer, sizeof(pointer), text), 0);
	assert_int_equal(dns_name_to_text(extended, sizeof(extended), text), 0);
}

static void test_names_compare_without_case(void **state)
{
	(void)state;
	assert_true(dns_name_equal("Example.org.", "example.ORG"));
	assert_true(dns_name_equal("\\101xample", "example"));
	assert_false(dns_name_equal("example.org", "example.com"));
	assert_false(dns_name_equal("a.b", "a\\.b"));
	assert_false(dns_name_equal("..", ".."));
}

static void test_records_are_parsed_as_their_type(void **state)
{
	static const uint8_t mx[] = { 1, 2, 1, 'a', 0 }, six[16] = { 0x20, 1 }, four[] = { 192, 0, 2, 1 };
	struct dns_rdata rdata = { mx, sizeof(mx) };
	char name[DNS_NAME_TEXT], text[IPADDR_TEXT_SIZE];
	struct ipaddr address;
	uint16_t preference;

	(void)state;
	assert_true(dns_mx_parse(&rdata, &preference, name));
	assert_int_equal(preference, 258);
	assert_string_equal(name, "a");
	rdata = (struct dns_rdata){ mx + 2, 3 };
	assert_true(dns_cname_parse(&rdata, name));
	rdata = (struct dns_rdata){ four, 4 };
	assert_true(dns_address_parse(DNS_A, &rdata, &address));
	ipaddr_format(&address, text);
	assert_string_equal(text, "192.0.2.1");
	assert_false(dns_address_parse(DNS_AAAA, &rdata, &address));
	rdata = (struct dns_rdata){ six, 16 };
	assert_true(dns_address_parse(DNS_AAAA, &rdata, &address));
	assert_false(dns_address_parse(DNS_A, &rdata, &address));
	assert_false(dns_address_parse(DNS_MX, &rdata, &address));
}

static void test_rdata_has_to_be_used_up(void **state)
{
	static const uint8_t mx[] = { 0, 1, 1, 'a', 0, 0 }, four[] = { 192, 0, 2, 1, 0 };
	char name[DNS_NAME_TEXT];
	struct ipaddr address;
	uint16_t preference;

	(void)state;
	for (uint16_t len = 0; len <= sizeof(mx); len++) {
		struct dns_rdata rdata = { mx, len };

		assert_int_equal(dns_mx_parse(&rdata, &preference, name), len == 5);
	}
	for (uint16_t len = 0; len <= sizeof(four); len++) {
		struct dns_rdata rdata = { four, len };

		assert_int_equal(dns_address_parse(DNS_A, &rdata, &address), len == 4);
	}
}

static void test_an_answer_is_copied_whole(void **state)
{
	uint8_t data[] = { 1, 2, 3 };
	struct dns_rdata records[] = { { data, 3 }, { data + 1, 1 }, { data, 0 } };
	char canonical[] = "example.org";
	struct dns_answer like = { .secure = true, .ttl_s = 9, .canonical = canonical,
				   .records = records, .count = 3 };
	struct dns_answer *answer = dns_answer_new(&like);

	(void)state;
	memset(data, 0, sizeof(data));
	memset(records, 0, sizeof(records));
	canonical[0] = 'X';
	assert_true(answer->secure);
	assert_int_equal(answer->count, 3);
	assert_memory_equal(answer->records[0].data, "\1\2\3", 3);
	assert_memory_equal(answer->records[1].data, "\2", 1);
	assert_string_equal(answer->canonical, "example.org");
	assert_string_equal(answer->why, "");
	dns_answer_free(answer);
}

static void test_a_temporary_answer_has_no_records(void **state)
{
	struct dns_answer *answer = dns_answer_temporary("example.org", "nobody answers");

	(void)state;
	assert_true(answer->is_temporary);
	assert_int_equal(answer->count, 0);
	assert_string_equal(answer->why, "nobody answers");
	dns_answer_free(answer);
}

static void test_types_have_names(void **state)
{
	(void)state;
	assert_string_equal(dns_type_name(DNS_MX), "MX");
	assert_string_equal(dns_type_name(65280), "TYPE65280");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_survive_the_wire),
		cmocka_unit_test(test_what_is_no_name_is_refused),
		cmocka_unit_test(test_a_name_of_the_worst_octets_fits),
		cmocka_unit_test(test_every_cut_of_a_name_is_refused),
		cmocka_unit_test(test_names_compare_without_case),
		cmocka_unit_test(test_records_are_parsed_as_their_type),
		cmocka_unit_test(test_rdata_has_to_be_used_up),
		cmocka_unit_test(test_an_answer_is_copied_whole),
		cmocka_unit_test(test_a_temporary_answer_has_no_records),
		cmocka_unit_test(test_types_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
