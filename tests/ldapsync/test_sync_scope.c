/* What is asked of a directory: the base of the search, the filter, what belongs to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ldapsync/sync_scope.h"

static const char *const contexts[] = { "dc=Example,dc=com", "dc=other" };
static const struct host_uri uri = { .scheme = HOST_LDAP, .text = "ldap://127.0.0.1" };

static struct host_directory directory_of(const char *base, const char *const *recipients, size_t n)
{
	return (struct host_directory){ .title = "corp", .uris = &uri, .n_uris = 1, .base = base,
					.recipients = recipients, .n_recipients = n };
}

static const struct sync_contexts two = { contexts, 2, NULL, NULL };

static struct sync_scope *scope_of(const struct host_directory *directory, enum part_content content,
				   const struct sync_contexts *server, struct err *err)
{
	const struct part part = { .directory = directory, .content = content,
				   .title = directory->title };

	return sync_scope_new(NULL, &part, server, err);
}

static void test_the_search_begins_at_the_lowest_entry_above_all_bases(void **state)
{
	static const struct {
		const char *base, *recipients, *search;
	} rows[] = {
		{ "cn=Waypost,dc=example,dc=com", "ou=People,dc=example,dc=com",
		  "dc=example,dc=com" },
		{ "cn=Waypost,ou=Mail,dc=example,dc=com", "ou=People,ou=Mail,dc=example,dc=com",
		  "ou=mail,dc=example,dc=com" },
		{ "cn=Waypost,dc=example,dc=com", "dc=example,dc=com", "dc=example,dc=com" },
		{ "CN=Waypost, DC=example,DC=com", "cn=waypost,dc=example,dc=com",
		  "cn=waypost,dc=example,dc=com" },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(rows); i++) {
		const char *const recipients[] = { rows[i].recipients };
		struct host_directory directory = directory_of(rows[i].base, recipients, 1);
		struct sync_scope *scope = scope_of(&directory, PART_ALL, &two, NULL);

		assert_non_null(scope);
		assert_string_equal(scope->base, rows[i].search);
		talloc_free(scope);
	}
}

static void test_bases_without_a_common_context_are_refused(void **state)
{
	const char *const apart[] = { "ou=People,dc=other" };
	const char *const bad[] = { "nonsense" };
	const char *const elsewhere[] = { "ou=People,dc=example,dc=org" };
	struct host_directory directories[] = {
		directory_of("cn=Waypost,dc=example,dc=com", apart, 1),
		directory_of("cn=Waypost,dc=example,dc=com", bad, 1),
		directory_of("cn=Waypost,dc=example,dc=org", elsewhere, 1),
		directory_of(NULL, NULL, 0),
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < WP_COUNT(directories); i++) {
		assert_null(scope_of(&directories[i], PART_ALL, &two, &err));
		assert_int_equal(err.domain, ERR_CONFIG);
	}
}

static void test_only_what_lies_below_the_bases_belongs_to_it(void **state)
{
	const char *const recipients[] = { "ou=People,dc=example,dc=com" };
	struct host_directory directory = directory_of("cn=Waypost,dc=example,dc=com", recipients, 1);
	struct sync_scope *scope = scope_of(&directory, PART_ALL, &two, NULL);

	(void)state;
	assert_true(sync_scope_has(scope, "uid=a,OU=People,dc=example,dc=com"));
	assert_true(sync_scope_has(scope, "cn=S,cn=Sites,cn=waypost,dc=example,dc=com"));
	assert_false(sync_scope_has(scope, "uid=a,ou=Others,dc=example,dc=com"));
	assert_false(sync_scope_has(scope, "dc=example,dc=com"));
	assert_true(sync_scope_has(scope, "nonsense")); /* to become a diagnostic */
	talloc_free(scope);
}

static void test_the_cookie_is_bound_to_all_that_is_asked(void **state)
{
	const char *const recipients[] = { "ou=People,dc=example,dc=com" };
	struct host_directory plain = directory_of("cn=Waypost,dc=example,dc=com", recipients, 1);
	struct host_directory others[3] = { plain, plain, plain };
	struct sync_scope *scope = scope_of(&plain, PART_ALL, &two, NULL);
	struct sync_scope *same = scope_of(&plain, PART_ALL, &(struct sync_contexts){ 0 }, NULL);
	static const struct host_uri other_uri = { .scheme = HOST_LDAP, .text = "ldap://192.0.2.1" };

	(void)state;
	others[0].filter = "(mail=a*)";
	others[1].uris = &other_uri;
	others[2].base = "cn=Other,dc=example,dc=com";
	assert_true(scope->binding == same->binding);
	for (size_t i = 0; i < WP_COUNT(others); i++) {
		struct sync_scope *other = scope_of(&others[i], PART_ALL, &two, NULL);

		assert_true(other->binding != scope->binding);
		talloc_free(other);
	}
	talloc_free(scope);
	talloc_free(same);
}

static void test_topology_containers_and_recipients_are_asked_for_and_no_secrets(void **state)
{
	const char *const recipients[] = { "ou=People,dc=example,dc=com" };
	struct host_directory directory = directory_of("cn=Waypost,dc=example,dc=com", recipients, 1);
	struct sync_scope *scope = scope_of(&directory, PART_ALL, &two, NULL);
	bool has_mail = false, has_cost = false;

	(void)state;
	assert_non_null(strstr(scope->filter, "(objectClass=waypostSite)"));
	assert_non_null(strstr(scope->filter, "(objectClass=organizationalUnit)"));
	assert_non_null(strstr(scope->filter, "(mail=*)"));
	for (char **name = scope->attributes; *name != NULL; name++) {
		has_mail |= strcmp(*name, "mail") == 0;
		has_cost |= strcmp(*name, "waypostCost") == 0;
		assert_string_not_equal(*name, "userPassword");
		assert_string_not_equal(*name, "*");
	}
	assert_true(has_mail && has_cost);
	talloc_free(scope);
}

static bool asks_for(char **names, const char *name)
{
	for (; *names != NULL; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

/* A few attributes do, and tell what has to be read whole; by other profiles it takes all. */
static void test_recipients_need_few_attributes(void **state)
{
	struct host_directory directory = directory_of("cn=Waypost,dc=example,dc=com", NULL, 0);
	struct sync_scope *scope = scope_of(&directory, PART_ALL, &two, NULL);

	(void)state;
	assert_true(asks_for(scope->few, "objectClass") && asks_for(scope->few, "mail"));
	assert_true(asks_for(scope->few, "member") && asks_for(scope->few, "waypostHomeServer"));
	assert_false(asks_for(scope->few, "waypostCost") || asks_for(scope->few, "cn"));
	for (char **name = scope->few; *name != NULL; name++)
		assert_true(asks_for(scope->attributes, *name));
	talloc_free(scope);
	directory.profile = HOST_PROFILE_EXCHANGE;
	scope = scope_of(&directory, PART_ALL, &two, NULL);
	assert_null(scope->few);
	talloc_free(scope);
}

static const char *const forest[] = { "DC=ad,DC=example", "CN=Configuration,DC=ad,DC=example" };
static const struct sync_contexts controller = { forest, 2, "CN=Configuration,DC=ad,DC=example",
						 "DC=ad,DC=example" };

static void test_a_forest_is_asked_for_its_configuration_and_its_people(void **state)
{
	struct host_directory directory = directory_of(NULL, NULL, 0);
	struct sync_scope *configuration, *people;

	(void)state;
	directory.profile = HOST_PROFILE_AD;
	configuration = scope_of(&directory, PART_CONFIGURATION, &controller, NULL);
	people = scope_of(&directory, PART_RECIPIENTS, &controller, NULL);
	assert_string_equal(configuration->base, "cn=configuration,dc=ad,dc=example");
	assert_string_equal(people->base, "dc=ad,dc=example");
	assert_non_null(strstr(configuration->filter, "(objectClass=siteLink)"));
	assert_null(strstr(configuration->filter, "(mail=*)"));
	assert_null(strstr(people->filter, "(objectClass=siteLink)"));
	assert_non_null(strstr(people->filter, "(mail=*)"));
	assert_non_null(strstr(people->filter, "(objectClass=organizationalUnit)"));
	assert_true(sync_scope_has(people, "CN=Ann,CN=Users,DC=ad,DC=example"));
	assert_false(sync_scope_has(people, "CN=Lyon,CN=Sites,CN=Configuration,DC=ad,DC=example"));
	assert_true(configuration->binding != people->binding);
	talloc_free(configuration);
	talloc_free(people);
}

static void test_a_base_among_the_services_asks_for_the_sites_too(void **state)
{
	const char *const recipients[] = { "OU=People,DC=ad,DC=example" };
	struct host_directory directory =
		directory_of("CN=Waypost,CN=Services,CN=Configuration,DC=ad,DC=example", recipients,
			     1);
	struct sync_scope *scope;

	(void)state;
	directory.profile = HOST_PROFILE_AD;
	scope = scope_of(&directory, PART_CONFIGURATION, &(struct sync_contexts){ 0 }, NULL);
	assert_string_equal(scope->base, "cn=configuration,dc=ad,dc=example");
	talloc_free(scope);
	scope = scope_of(&directory, PART_RECIPIENTS, &controller, NULL);
	assert_string_equal(scope->base, "ou=people,dc=ad,dc=example");
	talloc_free(scope);
}

static void test_a_server_that_names_no_contexts_needs_them_in_the_host_file(void **state)
{
	struct host_directory directory = directory_of(NULL, NULL, 0);
	struct err err;

	(void)state;
	directory.profile = HOST_PROFILE_AD;
	assert_null(scope_of(&directory, PART_CONFIGURATION, &two, &err));
	assert_non_null(strstr(err.remedy, "CN=Configuration"));
	assert_null(scope_of(&directory, PART_RECIPIENTS, &two, &err));
	assert_non_null(strstr(err.remedy, "recipients"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_search_begins_at_the_lowest_entry_above_all_bases),
		cmocka_unit_test(test_bases_without_a_common_context_are_refused),
		cmocka_unit_test(test_only_what_lies_below_the_bases_belongs_to_it),
		cmocka_unit_test(test_the_cookie_is_bound_to_all_that_is_asked),
		cmocka_unit_test(test_topology_containers_and_recipients_are_asked_for_and_no_secrets),
		cmocka_unit_test(test_recipients_need_few_attributes),
		cmocka_unit_test(test_a_forest_is_asked_for_its_configuration_and_its_people),
		cmocka_unit_test(test_a_base_among_the_services_asks_for_the_sites_too),
		cmocka_unit_test(test_a_server_that_names_no_contexts_needs_them_in_the_host_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
