/* delivery/spool: full disks, failing writes and syncs, short writes. Invariants 8, 9 and 14. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/buf.h"
#include "tests/delivery/spool_fixture.h"

enum { MESSAGES = 400, BODY = 3000 };

/* Puts until the disk is full; the number of messages stored. */
static int put_until_full(struct spool_bench *b, uint64_t *id)
{
	enum spool_error error = SPOOL_OK;
	int count = 0;

	while (count < MESSAGES && error == SPOOL_OK) {
		error = bench_put(b, 1, BODY, &id[count]);
		count += error == SPOOL_OK;
	}
	assert_int_equal(error, SPOOL_NO_SPACE);
	return count;
}

static void test_full_disk_refuses_mail_and_still_takes_states(void **state)
{
	struct spool_stats stats;
	struct spool_bench b;
	uint64_t id[MESSAGES], late;
	int count;

	(void)state;
	bench_init(&b);
	bench_open(&b);
	bench_settle(&b);
	fault_set(FAULT_ALLOCATE, 1, ENOSPC, true);
	count = put_until_full(&b, id);
	assert_true(count > 0);
	/* Small mail that still fits the segment is no exception to the rule: it is stored. */
	for (int i = 0; i < count; i++)
		bench_state(&b, id[i], 0, i % 2 ? RCPT_DELIVERED : RCPT_WAITING, 1234,
			    "a reason long enough to fill the segments that are left in reserve");
	assert_int_equal(b.recovered.read_only, 0);
	spool_statistics(b.spool, &stats);
	assert_true(stats.is_full);
	assert_false(stats.is_read_only);
	assert_true(stats.refused > 0);
	bench_close(&b);
	fault_reset();
	bench_open(&b);
	assert_int_equal(b.recovered.count, count);
	for (int i = 0; i < count; i++) {
		const struct spool_summary *s = bench_recovered(&b, id[i]);

		assert_int_equal(s->waiting, !(i % 2));
		assert_int_equal(s->next_try_ms, i % 2 ? 0 : 1234);
	}
	assert_int_equal(bench_put(&b, 1, BODY, &late), SPOOL_OK);
	bench_fini(&b);
}

static void test_room_comes_back_when_mail_is_done(void **state)
{
	enum spool_error error = SPOOL_NO_SPACE;
	struct spool_bench b;
	uint64_t id[MESSAGES];
	int count;

	(void)state;
	bench_init(&b);
	bench_open(&b);
	bench_settle(&b);
	fault_set(FAULT_ALLOCATE, 1, ENOSPC, true);
	count = put_until_full(&b, id);
	for (int i = 0; i < count; i++)
		spool_done(b.spool, id[i]);
	fault_reset();
	/* The room is looked for when a segment was given back, or a second later. */
	while (error == SPOOL_NO_SPACE)
		error = bench_put(&b, 1, BODY, NULL);
	assert_int_equal(error, SPOOL_OK);
	bench_fini(&b);
}

/* A spool that filled up and was closed; its disk is still full. The number of messages. */
static int fill(struct spool_bench *b, uint64_t *id)
{
	int count;

	bench_init(b);
	bench_open(b);
	bench_settle(b);
	fault_set(FAULT_ALLOCATE, 1, ENOSPC, true);
	count = put_until_full(b, id);
	bench_close(b);
	return count;
}

static enum spool_error put_when_there_is_room(struct spool_bench *b, uint64_t *id_r)
{
	enum spool_error error = SPOOL_NO_SPACE;

	while (error == SPOOL_NO_SPACE)
		error = bench_put(b, 1, BODY, id_r);
	return error;
}

static unsigned waiting(const struct spool_bench *b)
{
	unsigned count = 0;

	for (size_t i = 0; i < b->recovered.count; i++)
		count += b->recovered.summary[i].waiting > 0;
	return count;
}

static void test_spool_opens_on_a_full_disk_and_keeps_states(void **state)
{
	struct spool_stats stats;
	struct spool_bench b;
	uint64_t id[MESSAGES], late;
	int count = fill(&b, id);

	(void)state;
	bench_open(&b);
	spool_statistics(b.spool, &stats);
	assert_true(stats.is_full);
	assert_int_equal(b.recovered.count, count);
	assert_int_equal(bench_put(&b, 1, 1, NULL), SPOOL_NO_SPACE);
	for (int i = 0; i < count; i++) {
		assert_int_equal(bench_check(&b, id[i], 1, BODY), SPOOL_OK);
		if (i % 2)
			bench_state(&b, id[i], 0, RCPT_DELIVERED, 0, NULL);
	}
	assert_int_equal(bench_put(&b, 1, 1, NULL), SPOOL_NO_SPACE);
	bench_close(&b);
	/* And once more: the states are where mail finds no room. */
	bench_open(&b);
	assert_int_equal(b.recovered.count, count);
	assert_int_equal(waiting(&b), (count + 1) / 2);
	assert_int_equal(bench_put(&b, 1, 1, NULL), SPOOL_NO_SPACE);
	fault_reset();
	assert_int_equal(put_when_there_is_room(&b, &late), SPOOL_OK);
	assert_int_equal(b.recovered.read_only, 0);
	bench_close(&b);
	bench_open(&b);
	assert_int_equal(b.recovered.count, count + 1);
	assert_int_equal(bench_check(&b, late, 1, BODY), SPOOL_OK);
	bench_fini(&b);
}

/* Half of the mail is done: the cleaner would move the rest, and there is no room for that. */
static void test_moves_without_room_do_not_hold_up_states(void **state)
{
	struct spool_bench b;
	uint64_t id[MESSAGES];
	int count = fill(&b, id);
	unsigned reads;

	(void)state;
	bench_open(&b);
	reads = fault_count(FAULT_PREAD);
	for (int i = 0; i < count; i++)
		if (i % 4)
			spool_done(b.spool, id[i]);
	assert_int_equal(bench_put(&b, 1, 1, NULL), SPOOL_NO_SPACE);
	while (fault_count(FAULT_PREAD) == reads) /* it looks at what it would move */
		assert_int_equal(bench_put(&b, 1, 1, NULL), SPOOL_NO_SPACE);
	for (int i = 0; i < count; i += 4)
		bench_state(&b, id[i], 0, RCPT_DELIVERED, 0, NULL);
	bench_close(&b);
	bench_open(&b);
	assert_int_equal(b.recovered.count, (count + 3) / 4);
	assert_int_equal(waiting(&b), 0);
	fault_reset();
	assert_int_equal(put_when_there_is_room(&b, NULL), SPOOL_OK);
	for (int i = 0; i < count; i += 4)
		assert_int_equal(bench_check(&b, id[i], 1, BODY), SPOOL_OK);
	bench_fini(&b);
}

/* Beyond the last resort states wait in memory, none is lost, and nobody has to restart. */
static void test_states_beyond_the_last_resort_wait_for_room(void **state)
{
	static char reason[4000];
	struct spool_bench b;
	uint64_t id[MESSAGES];
	int count = fill(&b, id);

	(void)state;
	memset(reason, 'r', sizeof(reason) - 1);
	bench_open(&b);
	for (int i = 0; i < count; i++)
		bench_state(&b, id[i], 0, RCPT_FAILED_UNREPORTED, 0, reason);
	assert_int_equal(bench_put(&b, 1, 1, NULL), SPOOL_NO_SPACE);
	fault_reset();
	assert_int_equal(put_when_there_is_room(&b, NULL), SPOOL_OK);
	bench_close(&b);
	bench_open(&b);
	assert_int_equal(b.recovered.count, count + 1);
	for (int i = 0; i < count; i++)
		assert_int_equal(bench_recovered(&b, id[i])->unreported, 1);
	bench_fini(&b);
}

static void assert_is_read_only(struct spool_bench *b)
{
	unsigned syncs = fault_count(FAULT_FDATASYNC), writes = fault_count(FAULT_PWRITEV);
	struct spool_stats stats;

	assert_int_equal(b->recovered.read_only, 1);
	assert_int_equal(bench_put(b, 1, 100, NULL), SPOOL_READ_ONLY);
	bench_state(b, 1, 0, RCPT_DELIVERED, 0, NULL);
	assert_int_equal(bench_put(b, 1, 100, NULL), SPOOL_READ_ONLY);
	spool_statistics(b->spool, &stats);
	assert_true(stats.is_read_only);
	assert_int_equal(fault_count(FAULT_FDATASYNC), syncs);
	assert_int_equal(fault_count(FAULT_PWRITEV), writes);
	assert_int_equal(b->recovered.read_only, 1);
}

/* Once is enough: the next sync would succeed and mean nothing. */
static void test_any_failure_makes_the_spool_read_only_until_restart(void **state)
{
	static const struct {
		enum fault_call call;
		int code;
	} rows[] = { { FAULT_FDATASYNC, EIO }, { FAULT_PWRITEV, EIO }, { FAULT_PWRITEV, ENOSPC } };

	(void)state;
	for (size_t i = 0; i < WP_COUNT(rows); i++) {
		struct spool_bench b;
		uint64_t id[3];

		bench_init(&b);
		bench_open(&b);
		for (int k = 0; k < 3; k++)
			assert_int_equal(bench_put(&b, 2, 700, &id[k]), SPOOL_OK);
		bench_settle(&b);
		fault_set(rows[i].call, 1, rows[i].code, false);
		assert_int_equal(bench_put(&b, 1, 100, NULL), SPOOL_READ_ONLY);
		assert_is_read_only(&b);
		for (int k = 0; k < 3; k++)
			assert_int_equal(bench_check(&b, id[k], 2, 700), SPOOL_OK);
		bench_close(&b);
		fault_reset();
		bench_open(&b);
		for (int k = 0; k < 3; k++)
			assert_int_equal(bench_check(&b, id[k], 2, 700), SPOOL_OK);
		assert_int_equal(bench_put(&b, 1, 100, NULL), SPOOL_OK);
		bench_fini(&b);
	}
}

/* At the end of a segment: its last sync, its cut, or making the next one. */
static void test_failure_while_rolling_makes_the_spool_read_only(void **state)
{
	static const enum fault_call calls[] = { FAULT_FSYNC, FAULT_FTRUNCATE, FAULT_ALLOCATE };

	(void)state;
	for (size_t i = 0; i < WP_COUNT(calls); i++) {
		enum spool_error error = SPOOL_OK;
		struct spool_bench b;
		uint64_t id[MESSAGES];
		int count = 0;

		bench_init(&b);
		bench_open(&b);
		assert_int_equal(bench_put(&b, 1, BODY, &id[count++]), SPOOL_OK);
		fault_set(calls[i], 1, EIO, true);
		while (error == SPOOL_OK) {
			assert_true(count < MESSAGES);
			error = bench_put(&b, 1, BODY, &id[count]);
			count += error == SPOOL_OK;
		}
		assert_int_equal(error, SPOOL_READ_ONLY);
		bench_close(&b); /* the thread that failed may still be about to tell */
		assert_int_equal(b.recovered.read_only, 1);
		fault_reset();
		bench_open(&b);
		for (int k = 0; k < count; k++)
			assert_int_equal(bench_check(&b, id[k], 1, BODY), SPOOL_OK);
		bench_fini(&b);
	}
}

static void test_short_and_interrupted_writes_are_continued(void **state)
{
	static const size_t limits[] = { 1, 7, 100, 4096 };

	(void)state;
	for (size_t i = 0; i < WP_COUNT(limits); i++) {
		struct spool_bench b;
		uint64_t id[20];

		bench_init(&b);
		fault_short_writes(limits[i]);
		bench_open(&b);
		for (int k = 0; k < 20; k++) {
			fault_set(FAULT_PWRITEV, 3, EINTR, false);
			assert_int_equal(bench_put(&b, 1, 500, &id[k]), SPOOL_OK);
		}
		bench_close(&b);
		b.options.ignore_sidecars = true;
		bench_open(&b);
		assert_int_equal(b.recovered.damages, 0);
		for (int k = 0; k < 20; k++)
			assert_int_equal(bench_check(&b, id[k], 1, 500), SPOOL_OK);
		bench_fini(&b);
	}
}

static void test_body_file_meets_a_full_disk(void **state)
{
	struct spool_bench b;
	uint64_t id;

	(void)state;
	bench_init(&b);
	bench_open(&b);
	bench_settle(&b);
	fault_set(FAULT_PWRITEV, 2, ENOSPC, false);
	assert_int_equal(bench_put_large(&b, 100000, 30000, &id), SPOOL_NO_SPACE);
	assert_int_equal(b.recovered.read_only, 0);
	assert_int_equal(bench_put_large(&b, 100000, 30000, &id), SPOOL_OK);
	assert_int_equal(bench_check(&b, id, 1, 100000), SPOOL_OK);
	fault_set(FAULT_FDATASYNC, 1, EIO, false);
	assert_int_equal(bench_put_large(&b, 100000, 30000, &id), SPOOL_READ_ONLY);
	assert_int_equal(b.recovered.read_only, 1);
	assert_int_equal(bench_put(&b, 1, 100, NULL), SPOOL_READ_ONLY);
	bench_fini(&b);
}

static void test_failed_dsn_leaves_its_recipients_due(void **state)
{
	struct envelope *env = make_envelope(7, 1);
	struct spool_submit s = { .id = 0 };
	struct rcpt_states *states;
	struct spool_batch *batch;
	struct spool_bench b;
	uint64_t id;

	(void)state;
	bench_init(&b);
	bench_open(&b);
	assert_int_equal(bench_put(&b, 1, 100, &id), SPOOL_OK);
	bench_state(&b, id, 0, RCPT_FAILED_UNREPORTED, 0, "550 no");
	assert_int_equal(bench_put(&b, 1, 100, NULL), SPOOL_OK);
	bench_settle(&b);
	batch = spool_batch_new();
	spool_batch_rcpt(batch, id, &(struct rcpt_range){ 0, 1 }, 1, RCPT_REPORTED, 0, NULL);
	s.door = &b.room.door;
	spool_submit_message(&s, spool_next_id(b.spool), env, NULL, 0);
	fault_set(FAULT_PWRITEV, 1, EIO, false);
	spool_group(b.spool, &s, batch);
	waiting_room_next(&b.room);
	assert_int_equal(s.error, SPOOL_READ_ONLY);
	spool_submit_fini(&s);
	bench_close(&b);
	fault_reset();
	bench_open(&b);
	assert_int_equal(bench_recovered(&b, id)->unreported, 1);
	states = bench_states(&b, id);
	assert_string_equal(states->rcpt[0].outcome, "550 no");
	free(states);
	envelope_unref(env);
	bench_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full_disk_refuses_mail_and_still_takes_states),
		cmocka_unit_test(test_room_comes_back_when_mail_is_done),
		cmocka_unit_test(test_spool_opens_on_a_full_disk_and_keeps_states),
		cmocka_unit_test(test_moves_without_room_do_not_hold_up_states),
		cmocka_unit_test(test_states_beyond_the_last_resort_wait_for_room),
		cmocka_unit_test(test_any_failure_makes_the_spool_read_only_until_restart),
		cmocka_unit_test(test_failure_while_rolling_makes_the_spool_read_only),
		cmocka_unit_test(test_short_and_interrupted_writes_are_continued),
		cmocka_unit_test(test_body_file_meets_a_full_disk),
		cmocka_unit_test(test_failed_dsn_leaves_its_recipients_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
