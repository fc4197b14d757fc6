/* common/names: NFC and full case folding, order of code points. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "common/compiler.h"
#include "common/names.h"

static void test_names_that_differ_in_case_or_form_have_one_key(void **state)
{
	static const char *const same[][2] = {
		{ "HQ-Hub1", "hq-hUB1" },
		{ "Z\xc3\xbcrich", "zu\xcc\x88rich" },          /* composed, decomposed */
		{ "Stra\xc3\x9f" "e", "STRASSE" },              /* full folding of sharp s */
		{ "\xce\xa3\xce\x91\xce\xa3", "\xcf\x83\xce\xb1\xcf\x82" }, /* final sigma */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		assert_int_equal(name_compare(same[i][0], same[i][1]), 0);
}

static void test_names_sort_by_code_point_not_by_locale(void **state)
{
	(void)state;
	assert_true(name_compare("site-a", "site_a") < 0);
	assert_true(name_compare("z", "\xc3\xa4") < 0);
	assert_true(name_compare("\xef\xbf\xbd", "\xf0\x90\x80\x80") < 0); /* U+FFFD, U+10000 */
	assert_true(name_compare("A", "b") < 0);
	assert_true(name_compare("a", "B") < 0);
}

static void test_octets_that_are_not_utf8_have_no_key(void **state)
{
	char out[8];

	(void)state;
	assert_null(name_key(NULL, "a\xff", 2));
	assert_int_equal(name_key_into("a\xc3", 2, out, sizeof(out)), -1);
}

static void test_a_key_that_does_not_fit_is_refused(void **state)
{
	char out[8];

	(void)state;
	assert_int_equal(name_key_into("abcdefg", 7, out, sizeof(out)), 7);
	assert_int_equal(name_key_into("abcdefgh", 8, out, sizeof(out)), -1);
	assert_int_equal(name_key_into("\xc3\x9f\xc3\x9f\xc3\x9f\xc3\x9f", 8, out, sizeof(out)), -1);
	assert_int_equal(name_key_into("\xc3\x9f\xc3\x9f\xc3\x9f", 6, out, sizeof(out)), 6);
	assert_string_equal(out, "ssssss");
}

static void test_printable_text_has_no_control_characters(void **state)
{
	static const char *const bad[] = { "a\nb", "\x1b[1m", "\x7f", "a\xc2\x85", "\xc2\x9f", "\xff",
					   "a\t", "a\xe2\x80\xae-b", "\xe2\x81\xa6", "a\xe2\x80\xa8" };
	static const char *const good[] = { "", "a b", "\xc2\xa0", "Z\xc3\xbcrich",
					    "\xe6\x9d\xb1", "\xe2\x80\x94", "a\xe2\x80\x8d" };

	(void)state;
	for (size_t i = 0; i < WP_COUNT(bad); i++)
		assert_false(name_is_printable(bad[i], strlen(bad[i])));
	for (size_t i = 0; i < WP_COUNT(good); i++)
		assert_true(name_is_printable(good[i], strlen(good[i])));
	assert_false(name_is_printable("a\0b", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_printable_text_has_no_control_characters),
		cmocka_unit_test(test_names_that_differ_in_case_or_form_have_one_key),
		cmocka_unit_test(test_names_sort_by_code_point_not_by_locale),
		cmocka_unit_test(test_octets_that_are_not_utf8_have_no_key),
		cmocka_unit_test(test_a_key_that_does_not_fit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
