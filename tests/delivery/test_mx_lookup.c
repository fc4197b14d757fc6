/* delivery/mx_lookup: a search run with a resolver on a loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "delivery/mx_lookup.h"
#include "tests/lib/resolver_fake.h"

static const char table[] = "example.org MX 10 a\nexample.org MX 20 b\na A 192.0.2.1\n"
			    "b A 192.0.2.2\ndead SERVFAIL\n";
static const struct mx_self self;

struct seen {
	unsigned calls;
	size_t targets;
	char first[64];
	enum outcome_class class;
};

static void on_done(void *arg, const struct mx_search *search)
{
	struct seen *seen = arg;
	const struct mx_target *targets;

	seen->calls++;
	seen->targets = mx_search_targets(search, &targets);
	if (seen->targets > 0)
		strncpy(seen->first, targets[0].name, sizeof(seen->first) - 1);
	else
		seen->class = mx_search_outcome(search)->class;
}

static unsigned look_up(const char *domain, bool cancel, struct seen *seen)
{
	uv_loop_t loop;
	unsigned asked = 0;
	struct resolver *resolver;
	struct mx_lookup *lookup;
	struct mx_hop hop;

	memset(seen, 0, sizeof(*seen));
	uv_loop_init(&loop);
	resolver = resolver_fake_new(&loop, table, &asked);
	assert_true(mx_domain_parse(domain, 25, &hop));
	lookup = mx_lookup_start(&loop, resolver, &hop, &self, 1, 1000, on_done, seen);
	assert_int_equal(seen->calls, 0);
	if (cancel)
		mx_lookup_cancel(lookup);
	uv_run(&loop, UV_RUN_DEFAULT);
	resolver_free(resolver);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	return asked;
}

static void test_targets_come_from_the_resolver(void **state)
{
	struct seen seen;

	(void)state;
	assert_int_equal(look_up("example.org", false, &seen), 5);
	assert_int_equal(seen.calls, 1);
	assert_int_equal(seen.targets, 2);
	assert_string_equal(seen.first, "a");
}

static void test_a_failure_is_told_once(void **state)
{
	struct seen seen;

	(void)state;
	assert_int_equal(look_up("dead", false, &seen), 1);
	assert_int_equal(seen.calls, 1);
	assert_int_equal(seen.class, OUTCOME_DEFERRED);
}

static void test_a_literal_is_answered_later_without_a_question(void **state)
{
	struct seen seen;

	(void)state;
	assert_int_equal(look_up("[192.0.2.9]", false, &seen), 0);
	assert_int_equal(seen.calls, 1);
	assert_string_equal(seen.first, "192.0.2.9");
}

static void test_after_a_cancel_nothing_comes(void **state)
{
	struct seen seen;

	(void)state;
	look_up("example.org", true, &seen);
	assert_int_equal(seen.calls, 0);
	look_up("[192.0.2.9]", true, &seen);
	assert_int_equal(seen.calls, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_targets_come_from_the_resolver),
		cmocka_unit_test(test_a_failure_is_told_once),
		cmocka_unit_test(test_a_literal_is_answered_later_without_a_question),
		cmocka_unit_test(test_after_a_cancel_nothing_comes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
