/* delivery/spool_clean: the log stays small although some mail stays for ever. Invariant 6. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/delivery/spool_image.h"

enum { MESSAGES = 3000, KEPT_EVERY = 50, KEPT = MESSAGES / KEPT_EVERY, BODY = 2000 };

static void begin(struct spool_bench *b)
{
	bench_init(b);
	b->options.clean_above_bytes = 512 * 1024;
	bench_open(b);
}

/* 2 % of the mail stays, each with a state of its own. */
static void put_mail(struct spool_bench *b, uint64_t *kept)
{
	for (int i = 0; i < MESSAGES; i++) {
		char outcome[32];
		uint64_t id;

		assert_int_equal(bench_put(b, 2, BODY, &id), SPOOL_OK);
		if (i % KEPT_EVERY != 0) {
			spool_done(b->spool, id);
			continue;
		}
		kept[i / KEPT_EVERY] = id;
		snprintf(outcome, sizeof(outcome), "450 %d", i / KEPT_EVERY);
		bench_state(b, id, 1, RCPT_WAITING, 7000 + id, outcome);
	}
}

static void assert_kept(struct spool_bench *b, const uint64_t *kept)
{
	for (int i = 0; i < KEPT; i++) {
		struct rcpt_states *states = bench_states(b, kept[i]);
		char outcome[32];

		snprintf(outcome, sizeof(outcome), "450 %d", i);
		assert_string_equal(states->rcpt[1].outcome, outcome);
		assert_int_equal(states->rcpt[1].next_try_ms, 7000 + kept[i]);
		assert_string_equal(states->rcpt[0].outcome, "");
		free(states);
		assert_int_equal(bench_check(b, kept[i], 2, BODY), SPOOL_OK);
	}
}

static void test_long_lived_mail_is_moved_and_keeps_its_states(void **state)
{
	struct spool_stats stats;
	struct spool_bench b;
	uint64_t kept[KEPT];

	(void)state;
	begin(&b);
	put_mail(&b, kept);
	/* The cleaner works on while nothing else happens; the bound leaves it a segment or two. */
	do {
		usleep(1000);
		spool_statistics(b.spool, &stats);
	} while (stats.log_bytes > b.options.clean_above_bytes + 2 * b.options.segment_bytes);
	assert_true(stats.bytes > 6000000);
	assert_true(stats.moved_bytes > 0);
	assert_true(stats.moved_bytes < stats.bytes / 4);
	assert_kept(&b, kept);
	for (int round = 0; round < 3; round++) {
		bench_close(&b);
		b.options.ignore_sidecars = round == 1;
		assert_true(bench_files(&b, ".", ".log") <= 16);
		bench_open(&b);
		assert_int_equal(b.recovered.count, KEPT);
		assert_kept(&b, kept);
	}
	bench_fini(&b);
}

static void test_empty_spool_gives_everything_back(void **state)
{
	struct spool_bench b;
	uint64_t kept[KEPT];

	(void)state;
	begin(&b);
	put_mail(&b, kept);
	for (int i = 0; i < KEPT; i++)
		spool_done(b.spool, kept[i]);
	bench_close(&b);
	bench_open(&b);
	assert_int_equal(b.recovered.count, 0);
	bench_close(&b);
	assert_true(bench_files(&b, ".", ".log") <= 3);
	assert_true(bench_files(&b, ".", ".idx") <= 3);
	bench_fini(&b);
}

/*
 * A record damaged at WHERE does not hold up the log; what there is, is kept aside. Its error when
 * it is read afterwards.
 */
static enum spool_error clean_damaged(uint32_t where, bool *has_envelope_r)
{
	enum spool_error error;
	struct image_file *log;
	struct spool_bench b;
	struct image image;
	uint64_t bad, kept[KEPT];

	begin(&b);
	assert_int_equal(bench_put(&b, 1, BODY, &bad), SPOOL_OK);
	bench_close(&b);
	image_take(&image, &b);
	log = image_find_segment(&image, SPOOL_MSG, bad);
	log->data.data[image_find(&image, log, SPOOL_MSG, bad) + where] ^= 1;
	image_put(&image, &b);
	image_free(&image);
	bench_open(&b);
	assert_int_equal(b.recovered.count, 1);
	put_mail(&b, kept);
	assert_int_equal(b.recovered.damaged_id, bad);
	assert_int_equal(bench_files(&b, "quarantine", ".log"), 1);
	bench_close(&b);
	b.options.ignore_sidecars = true; /* the log is whole again: nothing stops the start */
	bench_open(&b);
	error = bench_check(&b, bad, 1, BODY);
	*has_envelope_r = b.has_envelope;
	assert_kept(&b, kept);
	bench_fini(&b);
	return error;
}

static void test_record_that_cannot_be_read_is_given_up_and_told(void **state)
{
	bool has_envelope;

	(void)state;
	assert_int_equal(clean_damaged(100, &has_envelope), SPOOL_GONE);
	assert_false(has_envelope);
}

static void test_record_without_its_body_keeps_its_envelope(void **state)
{
	bool has_envelope;

	(void)state;
	assert_int_equal(clean_damaged(1000, &has_envelope), SPOOL_DAMAGED);
	assert_true(has_envelope);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_long_lived_mail_is_moved_and_keeps_its_states),
		cmocka_unit_test(test_empty_spool_gives_everything_back),
		cmocka_unit_test(test_record_that_cannot_be_read_is_given_up_and_told),
		cmocka_unit_test(test_record_without_its_body_keeps_its_envelope),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
