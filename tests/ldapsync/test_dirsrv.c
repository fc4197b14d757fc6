/* SRV records of directories: names, answers whole and broken, and the order of RFC 2782. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/compiler.h"
#include "ldapsync/dirsrv.h"

static void test_the_site_is_asked_first(void **state)
{
	const char *names[DIRSRV_NAMES];
	TALLOC_CTX *ctx = talloc_new(NULL);

	(void)state;
	assert_int_equal(dirsrv_names(ctx, "example.com", "HQ", names), 3);
	assert_string_equal(names[0], "_ldap._tcp.HQ._sites.dc._msdcs.example.com");
	assert_string_equal(names[1], "_ldap._tcp.dc._msdcs.example.com");
	assert_string_equal(names[2], "_ldap._tcp.example.com");
	assert_int_equal(dirsrv_names(ctx, "example.com", NULL, names), 2);
	assert_string_equal(names[0], "_ldap._tcp.dc._msdcs.example.com");
	talloc_free(ctx);
}

/* ---- answers ---- */

/* An answer to _ldap._tcp.x of some records: owner by pointer, TTL 60. */
struct message {
	uint8_t data[1024];
	size_t len;
};

static void add(struct message *m, const void *data, size_t len)
{
	assert_true(m->len + len <= sizeof(m->data));
	memcpy(m->data + m->len, data, len);
	m->len += len;
}

static void begin(struct message *m, uint8_t answers)
{
	const uint8_t head[12] = { 0x12, 0x34, 0x84, 0, 0, 1, 0, answers, 0, 0, 0, 0 };

	m->len = 0;
	add(m, head, sizeof(head));
	add(m, "\5_ldap\4_tcp\1x\0\0\41\0\1", 18);
}

static void add_record(struct message *m, uint16_t type, uint16_t priority, uint16_t weight,
		       uint16_t port, const char *target, size_t len)
{
	const uint8_t head[] = { 0xc0, 12, 0, (uint8_t)type, 0, 1, 0, 0, 0, 60, 0,
				 (uint8_t)(len + 6), (uint8_t)(priority >> 8), (uint8_t)priority,
				 (uint8_t)(weight >> 8), (uint8_t)weight, (uint8_t)(port >> 8),
				 (uint8_t)port };

	add(m, head, sizeof(head));
	add(m, target, len);
}

#define RECORD(m, priority, weight, port, target) \
	add_record(m, 33, priority, weight, port, target, sizeof(target))

static void test_an_answer_is_taken(void **state)
{
	struct dirsrv_record records[4];
	struct message m;

	(void)state;
	begin(&m, 2);
	RECORD(&m, 10, 300, 389, "\3dc1\1x");
	/* Not allowed, and seen: a compressed target. */
	add_record(&m, 33, 0, 0, 3389, "\3dc2\xc0\x17", 6);
	assert_int_equal(dirsrv_parse(m.data, m.len, records, 4), 2);
	assert_string_equal(records[0].target, "dc1.x");
	assert_int_equal(records[0].priority, 10);
	assert_int_equal(records[0].weight, 300);
	assert_int_equal(records[0].port, 389);
	assert_string_equal(records[1].target, "dc2.x");
	assert_int_equal(records[1].port, 3389);
	assert_int_equal(dirsrv_parse(m.data, m.len, records, 1), 1);
}

static void test_what_is_no_server_is_left_out(void **state)
{
	struct dirsrv_record records[8];
	struct message m;

	(void)state;
	begin(&m, 7);
	RECORD(&m, 0, 0, 389, "");                 /* "." */
	RECORD(&m, 0, 0, 0, "\3dc1\1x");           /* no port */
	RECORD(&m, 0, 0, 389, "\3d/c\1x");         /* would be another address */
	RECORD(&m, 0, 0, 389, "\3d\x40""c\1x");
	RECORD(&m, 0, 0, 389, "\3d.c\1x");         /* a dot within a label */
	add_record(&m, 1, 0, 0, 389, "\3dc2\1x", 7); /* an address record */
	RECORD(&m, 0, 0, 389, "\3dc3\1x");
	assert_int_equal(dirsrv_parse(m.data, m.len, records, 8), 1);
	assert_string_equal(records[0].target, "dc3.x");
}

/* Every beginning of an answer, in memory that ends where it ends, and every octet changed. */
static void test_broken_answers_are_survived(void **state)
{
	struct dirsrv_record records[4];
	struct message m;

	(void)state;
	begin(&m, 2);
	RECORD(&m, 10, 300, 389, "\3dc1\1x");
	RECORD(&m, 0, 0, 389, "\3dc2\1x");
	for (size_t len = 0; len < m.len; len++) {
		uint8_t *part = malloc(len > 0 ? len : 1);

		memcpy(part, m.data, len);
		assert_true(dirsrv_parse(part, len, records, 4) < 2);
		free(part);
	}
	for (size_t at = 0; at < m.len; at++)
		for (unsigned value = 0; value < 256; value++) {
			uint8_t kept = m.data[at];

			m.data[at] = (uint8_t)value;
			assert_true(dirsrv_parse(m.data, m.len, records, 4) <= 4);
			m.data[at] = kept;
		}
}

/* ---- order ---- */

/* Says what is in the script; checks the bound it is asked for. */
struct script {
	uint32_t bounds[8], numbers[8];
	size_t at;
};

static uint32_t next(void *ctx, uint32_t bound)
{
	struct script *script = ctx;

	assert_int_equal(bound, script->bounds[script->at]);
	return script->numbers[script->at++];
}

static void test_priority_before_weight(void **state)
{
	struct dirsrv_record records[] = {
		{ 20, 100, 1, "far" }, { 10, 0, 1, "idle" }, { 10, 60, 1, "big" }, { 10, 20, 1, "small" },
	};
	/* idle 0, big 1–60, small 61–80; then idle 0, small 1–20; then idle; then far. */
	struct script script = { .bounds = { 80, 20, 0, 100 }, .numbers = { 60, 1, 0, 7 } };

	(void)state;
	dirsrv_order(records, 4, next, &script);
	assert_string_equal(records[0].target, "big");
	assert_string_equal(records[1].target, "small");
	assert_string_equal(records[2].target, "idle");
	assert_string_equal(records[3].target, "far");
	assert_int_equal(script.at, 4);
}

static void test_zero_chooses_the_weightless(void **state)
{
	struct dirsrv_record records[] = { { 1, 9, 1, "a" }, { 1, 0, 1, "idle" }, { 1, 5, 1, "b" } };
	struct script script = { .bounds = { 14, 14, 9 }, .numbers = { 0, 10, 9 } };

	(void)state;
	dirsrv_order(records, 3, next, &script);
	assert_string_equal(records[0].target, "idle");
	assert_string_equal(records[1].target, "b");
	assert_string_equal(records[2].target, "a");
}

static uint32_t count_up(void *ctx, uint32_t bound)
{
	uint32_t *seed = ctx;

	*seed = *seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)*seed * (bound + 1ULL) >> 32);
}

static void test_weights_are_shares(void **state)
{
	unsigned first = 0;
	uint32_t seed = 1;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		struct dirsrv_record records[] = { { 0, 65535, 1, "a" }, { 0, 21845, 1, "b" } };

		dirsrv_order(records, 2, count_up, &seed);
		first += records[0].target[0] == 'a';
	}
	assert_in_range(first, 7300, 7700);
}

static void test_nothing_is_in_order(void **state)
{
	(void)state;
	dirsrv_order(NULL, 0, next, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_site_is_asked_first),
		cmocka_unit_test(test_an_answer_is_taken),
		cmocka_unit_test(test_what_is_no_server_is_left_out),
		cmocka_unit_test(test_broken_answers_are_survived),
		cmocka_unit_test(test_priority_before_weight),
		cmocka_unit_test(test_zero_chooses_the_weightless),
		cmocka_unit_test(test_weights_are_shares),
		cmocka_unit_test(test_nothing_is_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
