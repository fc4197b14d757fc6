/* What of a directory has a cookie and a sweep of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ldapsync/part.h"

static const struct host_uri ldap = { .scheme = HOST_LDAP, .text = "ldap://127.0.0.1" };
static const struct host_uri file = { .scheme = HOST_FILE, .text = "file:///org.ldif" };

struct expected {
	const char *title;
	enum part_content content;
};

static void check(const struct host_directory *directories, size_t n_directories,
		  const struct expected *expected, size_t n_expected)
{
	const struct hostfile host = { .directories = directories, .n_directories = n_directories };
	size_t n;
	const struct part *parts = part_list(NULL, &host, &n);

	assert_int_equal(n, n_expected);
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(parts[i].title, expected[i].title);
		assert_int_equal(parts[i].content, expected[i].content);
	}
	talloc_free((void *)(uintptr_t)parts);
}

static void test_a_directory_is_one_part(void **state)
{
	const struct host_directory directories[] = {
		{ .title = "corp", .uris = &ldap, .n_uris = 1 },
		{ .title = "export", .uris = &file, .n_uris = 1, .profile = HOST_PROFILE_EXCHANGE },
	};
	const struct expected expected[] = { { "corp", PART_ALL }, { "export", PART_ALL } };

	(void)state;
	check(directories, 2, expected, 2);
}

static void test_the_configuration_of_a_forest_is_read_once(void **state)
{
	const struct host_directory directories[] = {
		{ .title = "corp", .uris = &ldap, .n_uris = 1, .profile = HOST_PROFILE_AD },
		{ .title = "emea", .uris = &ldap, .n_uris = 1, .profile = HOST_PROFILE_AD },
	};
	const struct expected expected[] = { { "corp/configuration", PART_CONFIGURATION },
					     { "corp", PART_RECIPIENTS },
					     { "emea", PART_RECIPIENTS } };

	(void)state;
	check(directories, 2, expected, 3);
}

static void test_another_forest_is_read_where_a_base_says_so(void **state)
{
	const struct host_directory directories[] = {
		{ .title = "corp", .uris = &ldap, .n_uris = 1 },
		{ .title = "bought", .uris = &ldap, .n_uris = 1, .profile = HOST_PROFILE_AD,
		  .base = "CN=Configuration,DC=bought,DC=example" },
	};
	const struct expected expected[] = { { "corp", PART_ALL },
					     { "bought/configuration", PART_CONFIGURATION },
					     { "bought", PART_RECIPIENTS } };

	(void)state;
	check(directories, 2, expected, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_directory_is_one_part),
		cmocka_unit_test(test_the_configuration_of_a_forest_is_read_once),
		cmocka_unit_test(test_another_forest_is_read_where_a_base_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
