/* delivery/resolver_proto: what one side writes the other reads; nothing else is believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "delivery/resolver_proto.h"

static const uint8_t rdata[] = { 0, 10, 1, 'a', 0 };
static const struct dns_rdata records[] = { { rdata, sizeof(rdata) }, { rdata, 0 } };
static const struct dns_answer answer = {
	.secure = true, .rcode = 3, .ttl_s = 300, .canonical = "example.org", .why = "",
	.records = records, .count = 2,
};

static void test_a_question_survives(void **state)
{
	struct resolver_question q = { .id = UINT64_C(1) << 60, .deadline_ms = 9, .type = 15, .name = "a.b" }, got;
	struct buf b = { 0 };

	(void)state;
	resolver_put_question(&b, &q);
	assert_true(resolver_get_question(b.data, b.len, &got));
	assert_true(got.id == q.id && got.deadline_ms == 9 && got.type == 15);
	assert_string_equal(got.name, "a.b");
	for (size_t len = 0; len < b.len; len++)
		assert_false(resolver_get_question(b.data, len, &got));
	buf_addc(&b, 'x');
	assert_false(resolver_get_question(b.data, b.len, &got));
	buf_free(&b);
}

static void test_an_answer_survives_and_its_cuts_do_not(void **state)
{
	struct dns_answer *got;
	struct buf b = { 0 };
	uint64_t id;

	(void)state;
	resolver_put_answer(&b, 42, &answer);
	assert_true(resolver_get_answer(b.data, b.len, &id, &got));
	assert_int_equal(id, 42);
	assert_true(got->secure && !got->bogus && !got->is_temporary);
	assert_int_equal(got->rcode, 3);
	assert_int_equal(got->ttl_s, 300);
	assert_string_equal(got->canonical, "example.org");
	assert_int_equal(got->count, 2);
	assert_memory_equal(got->records[0].data, rdata, sizeof(rdata));
	assert_int_equal(got->records[1].len, 0);
	dns_answer_free(got);
	for (size_t len = 0; len < b.len; len++)
		assert_false(resolver_get_answer(b.data, len, &id, &got));
	buf_free(&b);
}

static void test_bogus_without_temporary_is_not_believed(void **state)
{
	struct dns_answer bogus = answer, *got;
	struct buf b = { 0 };
	uint64_t id;

	(void)state;
	bogus.bogus = true;
	resolver_put_answer(&b, 1, &bogus);
	assert_false(resolver_get_answer(b.data, b.len, &id, &got));
	bogus.is_temporary = true;
	resolver_put_answer(&b, 1, &bogus);
	assert_true(resolver_get_answer(b.data, b.len, &id, &got));
	assert_int_equal(got->count, 0);
	dns_answer_free(got);
	buf_free(&b);
}

static void test_what_is_too_long_becomes_a_failure(void **state)
{
	static uint8_t big[60000];
	struct dns_rdata many[] = { { big, 60000 }, { big, 60000 } };
	struct dns_answer too_long = { .records = many, .count = 2, .canonical = "a", .why = "" }, *got;
	struct buf b = { 0 };
	uint64_t id;

	(void)state;
	resolver_put_answer(&b, 5, &too_long);
	assert_true(b.len <= RESOLVER_PACKET_MAX);
	assert_true(resolver_get_answer(b.data, b.len, &id, &got));
	assert_int_equal(id, 5);
	assert_true(got->is_temporary);
	dns_answer_free(got);
	buf_free(&b);
}

static void test_kinds_are_told_apart(void **state)
{
	enum resolver_dnssec dnssec;
	struct dns_answer *got;
	struct buf b = { 0 };
	uint64_t id;

	(void)state;
	assert_int_equal(resolver_kind("", 0), 0);
	assert_int_equal(resolver_kind("\x09", 1), 0);
	resolver_put_gone(&b);
	assert_int_equal(resolver_kind(b.data, b.len), RESOLVER_GONE);
	resolver_put_dnssec(&b, RESOLVER_DNSSEC_NO);
	assert_true(resolver_get_dnssec(b.data, b.len, &dnssec));
	assert_int_equal(dnssec, RESOLVER_DNSSEC_NO);
	assert_false(resolver_get_answer(b.data, b.len, &id, &got));
	b.data[1] = 9;
	assert_false(resolver_get_dnssec(b.data, b.len, &dnssec));
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_question_survives),
		cmocka_unit_test(test_an_answer_survives_and_its_cuts_do_not),
		cmocka_unit_test(test_bogus_without_temporary_is_not_believed),
		cmocka_unit_test(test_what_is_too_long_becomes_a_failure),
		cmocka_unit_test(test_kinds_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
