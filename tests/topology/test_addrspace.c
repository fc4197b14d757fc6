/* topology/addrspace: the text form of address spaces. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "common/compiler.h"
#include "topology/addrspace.h"

static void test_valid_spaces_are_taken_apart(void **state)
{
	static const struct {
		const char *value, *type, *text;
		enum snap_node_kind kind;
		uint32_t cost;
	} table[] = {
		{ "contoso.com", "SMTP", "contoso.com", NODE_EXACT, 1 },
		{ "SMTP:contoso.com", "SMTP", "contoso.com", NODE_EXACT, 1 },
		{ "contoso.com;1", "SMTP", "contoso.com", NODE_EXACT, 1 },
		{ "smtp:Contoso.COM;100", "SMTP", "contoso.com", NODE_EXACT, 100 },
		{ "*", "SMTP", "", NODE_ALL, 1 },
		{ "*;5", "SMTP", "", NODE_ALL, 5 },
		{ "*.contoso.com;007", "SMTP", "contoso.com", NODE_SUFFIX, 7 },
		{ "*.com", "SMTP", "com", NODE_SUFFIX, 1 },
		{ "b\xc3\xbc" "cher.example", "SMTP", "xn--bcher-kva.example", NODE_EXACT, 1 },
		{ "[192.0.2.1];2", "SMTP", "[192.0.2.1]", NODE_EXACT, 2 },
		{ "[192.0.2.0/24]", "SMTP", "192.0.2.0/24", NODE_PREFIX, 1 },
		{ "[2001:DB8::/32]", "SMTP", "2001:db8::/32", NODE_PREFIX, 1 },
		{ "[IPv6:2001:db8::1]", "SMTP", "[IPv6:2001:db8::1]", NODE_EXACT, 1 },
		{ "FAX:*;3", "FAX", "", NODE_ALL, 3 },
		{ "x400:C=US;A=x;P=y", "X400", "c=us;a=x;p=y", NODE_EXACT, 1 },
		{ "x400:C=US;A=x;9", "X400", "c=us;a=x", NODE_EXACT, 9 },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(table); i++) {
		struct addrspace space;

		assert_int_equal(addrspace_parse(table[i].value, strlen(table[i].value), &space),
				 ADDRSPACE_OK);
		assert_string_equal(space.type, table[i].type);
		assert_string_equal(space.text, table[i].text);
		assert_int_equal(space.kind, table[i].kind);
		assert_int_equal(space.cost, table[i].cost);
		assert_false(space.is_dashes);
	}
}

static void test_dashes_are_a_space_of_their_own(void **state)
{
	struct addrspace space;

	(void)state;
	assert_int_equal(addrspace_parse("SMTP:--;1", 9, &space), ADDRSPACE_OK);
	assert_true(space.is_dashes);
	assert_int_equal(addrspace_parse("--", 2, &space), ADDRSPACE_OK);
	assert_true(space.is_dashes);
}

static void test_invalid_spaces_are_refused(void **state)
{
	static const struct {
		const char *value;
		enum addrspace_error error;
	} table[] = {
		{ "", ADDRSPACE_MALFORMED },           { ";5", ADDRSPACE_MALFORMED },
		{ "*contoso.com", ADDRSPACE_MALFORMED }, { "*.*.com", ADDRSPACE_MALFORMED },
		{ "a.*.com", ADDRSPACE_MALFORMED },    { "*.", ADDRSPACE_MALFORMED },
		{ "a b.com", ADDRSPACE_MALFORMED },    { ":a.com", ADDRSPACE_MALFORMED },
		{ "SMTP:", ADDRSPACE_MALFORMED },      { "a.com;x", ADDRSPACE_MALFORMED },
		{ "[192.0.2.1", ADDRSPACE_MALFORMED }, { "[192.0.2.1/24]", ADDRSPACE_MALFORMED },
		{ "[192.0.2.1-192.0.2.9]", ADDRSPACE_MALFORMED }, { "[]", ADDRSPACE_MALFORMED },
		{ "a.com;0", ADDRSPACE_BAD_COST },     { "a.com;101", ADDRSPACE_BAD_COST },
		{ "a.com;99999999999999999999999", ADDRSPACE_BAD_COST },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(table); i++) {
		struct addrspace space;

		assert_int_equal(addrspace_parse(table[i].value, strlen(table[i].value), &space),
				 table[i].error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid_spaces_are_taken_apart),
		cmocka_unit_test(test_dashes_are_a_space_of_their_own),
		cmocka_unit_test(test_invalid_spaces_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
