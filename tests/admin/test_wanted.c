/* admin/doctor_wanted: names in schema definitions, filters, and which of them were found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "admin/doctor_wanted.h"

/* Which of "mail,cn,sn" a definition defines. */
static const char *defined(TALLOC_CTX *ctx, const char *definition)
{
	struct wanted_list list = { 0 };

	wanted_add(ctx, &list, "mail");
	wanted_add(ctx, &list, "cn");
	wanted_add(ctx, &list, "sn");
	wanted_find_defined(&list, definition);
	return wanted_text(ctx, &list, 0, list.n, true);
}

static void test_definitions_name_what_they_define(void **state)
{
	static const struct {
		const char *definition, *names;
	} cases[] = {
		{ "( 1.2.3 NAME 'mail' DESC 'x' )", "mail" },
		{ "( 1.2.3 NAME 'MAIL' DESC 'cn' )", "mail" },
		{ "( 1.2.3 NAME ( 'cn' 'commonName' ) SUP name )", "cn" },
		{ "( 1.2.3 NAME ( 'x' 'sn' 'cn' ) DESC 'mail' )", "cn,sn" },
		{ "( 1.2.3 NAME ('cn''sn') )", "cn,sn" },
		{ "( 1.2.3 DESC 'mail' )", "" },
		{ "( 1.2.3 NAME mail )", "" },
		{ "( 1.2.3 NAME 'mail", "" },
		{ "( 1.2.3 NAME ( 'mail' 'cn", "" },
		{ "( 1.2.3 NAME ( 'mail )", "" },
		{ "( 1.2.3 NAME ", "" },
		{ "", "" },
	};
	TALLOC_CTX *ctx = talloc_new(NULL);

	(void)state;
	for (size_t i = 0; i < WP_COUNT(cases); i++)
		assert_string_equal(defined(ctx, cases[i].definition), cases[i].names);
	talloc_free(ctx);
}

static const char *of_filter(TALLOC_CTX *ctx, const char *filter)
{
	struct wanted_list list = { 0 };

	wanted_add_filter(ctx, &list, filter);
	return wanted_text(ctx, &list, 0, list.n, false);
}

static void test_filters_name_attributes(void **state)
{
	static const struct {
		const char *filter, *names;
	} cases[] = {
		{ "(|(mail=*)(proxyAddresses=*))", "mail,proxyAddresses" },
		{ "(&(a>=1)(!(b<=2))(c~=3)(d:2.5.13.5:=x))", "a,b,c,d" },
		{ "(cn=\\28x=y\\29)", "cn" },
		{ "mail=*", "" },
		{ "(mail", "" },
		{ "((((", "" },
		{ "", "" },
	};
	TALLOC_CTX *ctx = talloc_new(NULL);

	(void)state;
	for (size_t i = 0; i < WP_COUNT(cases); i++)
		assert_string_equal(of_filter(ctx, cases[i].filter), cases[i].names);
	talloc_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_definitions_name_what_they_define),
		cmocka_unit_test(test_filters_name_attributes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
