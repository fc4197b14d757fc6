/* delivery/spool: messages, states, groups, bodies and reading back, across restarts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/buf.h"
#include "tests/delivery/spool_fixture.h"

static void test_stored_message_is_read_back_at_once_and_after_restart(void **state)
{
	static const size_t sizes[] = { 0, 1, 7, 8, 4096, 20000 };
	uint64_t id[WP_COUNT(sizes)];
	struct spool_bench b;

	(void)state;
	bench_init(&b);
	bench_open(&b);
	for (size_t i = 0; i < WP_COUNT(sizes); i++) {
		assert_int_equal(bench_put(&b, 1 + (uint32_t)i, sizes[i], &id[i]), SPOOL_OK);
		assert_int_equal(bench_check(&b, id[i], 1 + (uint32_t)i, sizes[i]), SPOOL_OK);
	}
	bench_close(&b);
	bench_open(&b);
	assert_int_equal(b.recovered.count, WP_COUNT(sizes));
	for (size_t i = 0; i < WP_COUNT(sizes); i++) {
		const struct spool_summary *s = bench_recovered(&b, id[i]);

		assert_ptr_equal(s, &b.recovered.summary[i]);
		assert_int_equal(s->recipients, 1 + i);
		assert_int_equal(s->waiting, 1 + i);
		assert_int_equal(s->stored_size, sizes[i]);
		assert_int_equal(s->arrival_ms, 1700000000000 + id[i]);
		assert_int_equal(bench_check(&b, id[i], 1 + (uint32_t)i, sizes[i]), SPOOL_OK);
	}
	bench_fini(&b);
}

static void test_ids_are_never_given_twice(void **state)
{
	struct spool_bench b;
	uint64_t last = 0;

	(void)state;
	bench_init(&b);
	for (int i = 0; i < 4; i++) {
		uint64_t id;

		bench_open(&b);
		assert_int_equal(bench_put(&b, 1, 10, &id), SPOOL_OK);
		assert_true(id > last);
		last = spool_next_id(b.spool);
		spool_done(b.spool, id);
		bench_close(&b);
	}
	bench_fini(&b);
}

static void test_notice_comes_only_for_stored_messages(void **state)
{
	struct mail notice = { NULL, 77 };
	struct envelope *env = make_envelope(1, 1);
	struct spool_submit s = { .notice = &notice };
	struct waiting_room scheduler;
	struct spool_bench b;
	char *body = make_body(1, 200000);
	struct iovec part = { body, 100 };

	(void)state;
	bench_init(&b);
	bench_open(&b);
	waiting_room_init(&scheduler);
	s.door = &b.room.door;
	s.notice_door = &scheduler.door;
	s.mail.kind = 5;
	spool_submit_message(&s, spool_next_id(b.spool), env, &part, 1);
	spool_submit(b.spool, &s);
	assert_ptr_equal(waiting_room_next(&b.room), &s.mail);
	assert_int_equal(s.mail.kind, 5);
	assert_ptr_equal(waiting_room_next(&scheduler), &notice);
	assert_int_equal(notice.kind, 77);
	spool_submit_fini(&s);
	/* Larger than a segment of the test. */
	part.iov_len = 200000;
	spool_submit_message(&s, spool_next_id(b.spool), env, &part, 1);
	spool_submit(b.spool, &s);
	assert_ptr_equal(waiting_room_next(&b.room), &s.mail);
	assert_int_equal(s.error, SPOOL_TOO_LARGE);
	assert_true(mailbox_is_empty(&scheduler.box));
	spool_submit_fini(&s);
	envelope_unref(env);
	free(body);
	waiting_room_fini(&scheduler);
	bench_fini(&b);
}

static void test_one_group_answers_each_door_with_one_chain(void **state)
{
	enum { MESSAGES = 300 };
	struct spool_submit *s = mem_zero(MESSAGES, sizeof(*s));
	struct envelope *env = make_envelope(1, 1);
	struct waiting_room other;
	struct spool_stats stats;
	struct spool_bench b;

	(void)state;
	bench_init(&b);
	b.options.segment_bytes = 1024 * 1024;
	bench_open(&b);
	waiting_room_init(&other);
	for (int i = 0; i < MESSAGES; i++) {
		s[i].door = i % 2 ? &other.door : &b.room.door;
		spool_submit_message(&s[i], spool_next_id(b.spool), env, NULL, 0);
	}
	for (int i = 0; i < MESSAGES; i++)
		spool_submit(b.spool, &s[i]);
	for (int i = 0; i < MESSAGES; i += 2) {
		assert_ptr_equal(waiting_room_next(&b.room), &s[i].mail);
		assert_ptr_equal(waiting_room_next(&other), &s[i + 1].mail);
	}
	spool_statistics(b.spool, &stats);
	assert_int_equal(stats.messages, MESSAGES);
	assert_true(stats.commits <= MESSAGES);
	assert_int_equal(stats.live_messages, MESSAGES);
	for (int i = 0; i < MESSAGES; i++)
		spool_submit_fini(&s[i]);
	free(s);
	envelope_unref(env);
	waiting_room_fini(&other);
	bench_fini(&b);
}

static void test_states_survive_restart(void **state)
{
	struct rcpt_range even[] = { { 0, 1 }, { 2, 1 }, { 4, 100 } };
	const struct spool_summary *summary;
	struct rcpt_states *states;
	struct spool_batch *batch;
	struct spool_bench b;
	uint64_t id;

	(void)state;
	bench_init(&b);
	bench_open(&b);
	assert_int_equal(bench_put(&b, 6, 100, &id), SPOOL_OK);
	batch = spool_batch_new();
	assert_true(spool_batch_is_empty(batch));
	spool_batch_rcpt(batch, id, even, 3, RCPT_WAITING, 5000, "421 later");
	spool_batch_rcpt(batch, id, &(struct rcpt_range){ 1, 1 }, 1, RCPT_FAILED_UNREPORTED, 0,
			 "550 no");
	spool_batch_rcpt(batch, id, &(struct rcpt_range){ 3, 1 }, 1, RCPT_DELIVERED, 0, NULL);
	assert_false(spool_batch_is_empty(batch));
	spool_state(b.spool, batch);
	bench_state(&b, id, 2, RCPT_WAITING, 4000, "421 sooner");
	bench_state(&b, 999999, 0, RCPT_DELIVERED, 0, NULL); /* no such message */
	for (int round = 0; round < 3; round++) {
		bench_close(&b);
		b.options.ignore_sidecars = round == 1;
		bench_open(&b);
		summary = bench_recovered(&b, id);
		assert_non_null(summary);
		assert_int_equal(summary->waiting, 4);
		assert_int_equal(summary->unreported, 1);
		assert_int_equal(summary->next_try_ms, 4000);
		states = bench_states(&b, id);
		assert_int_equal(states->rcpt[0].next_try_ms, 5000);
		assert_string_equal(states->rcpt[0].outcome, "421 later");
		assert_int_equal(states->rcpt[1].state, RCPT_FAILED_UNREPORTED);
		assert_string_equal(states->rcpt[1].outcome, "550 no");
		assert_string_equal(states->rcpt[2].outcome, "421 sooner");
		assert_int_equal(states->rcpt[3].state, RCPT_DELIVERED);
		assert_string_equal(states->rcpt[3].outcome, "");
		assert_string_equal(states->rcpt[5].outcome, "421 later");
		free(states);
	}
	bench_fini(&b);
}

static void test_done_message_is_gone_for_good(void **state)
{
	struct spool_bench b;
	uint64_t kept, done;

	(void)state;
	bench_init(&b);
	bench_open(&b);
	assert_int_equal(bench_put(&b, 1, 100, &done), SPOOL_OK);
	spool_done(b.spool, done);
	assert_int_equal(bench_put(&b, 1, 100, &kept), SPOOL_OK);
	assert_int_equal(bench_check(&b, done, 1, 100), SPOOL_GONE);
	bench_close(&b);
	bench_open(&b);
	assert_int_equal(b.recovered.count, 1);
	assert_non_null(bench_recovered(&b, kept));
	assert_int_equal(bench_check(&b, done, 1, 100), SPOOL_GONE);
	bench_fini(&b);
}

static void test_dsn_group_stores_message_and_states(void **state)
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
	assert_int_equal(bench_put(&b, 3, 100, &id), SPOOL_OK);
	batch = spool_batch_new();
	spool_batch_rcpt(batch, id, &(struct rcpt_range){ 0, 3 }, 1, RCPT_REPORTED, 0, "550 no");
	s.door = &b.room.door;
	spool_submit_message(&s, spool_next_id(b.spool), env, NULL, 0);
	spool_group(b.spool, &s, batch);
	waiting_room_next(&b.room);
	assert_int_equal(s.error, SPOOL_OK);
	for (int round = 0; round < 2; round++) {
		states = bench_states(&b, id);
		for (uint32_t i = 0; i < 3; i++)
			assert_int_equal(states->rcpt[i].state, RCPT_REPORTED);
		free(states);
		bench_close(&b);
		bench_open(&b);
		assert_int_equal(b.recovered.count, 2);
	}
	spool_submit_fini(&s);
	envelope_unref(env);
	bench_fini(&b);
}

static void test_large_body_is_a_file_that_goes_with_its_message(void **state)
{
	static const size_t sizes[] = { 0, 1, 100000, 700001 };
	struct spool_bench b;
	uint64_t id;

	(void)state;
	bench_init(&b);
	for (size_t i = 0; i < WP_COUNT(sizes); i++) {
		bench_open(&b);
		assert_int_equal(bench_put_large(&b, sizes[i], 65536, &id), SPOOL_OK);
		assert_int_equal(bench_check(&b, id, 1, sizes[i]), SPOOL_OK);
		bench_close(&b);
		bench_open(&b);
		assert_int_equal(bench_recovered(&b, id)->stored_size, sizes[i]);
		assert_int_equal(bench_check(&b, id, 1, sizes[i]), SPOOL_OK);
		spool_done(b.spool, id);
		bench_close(&b);
		for (unsigned k = 0; k < 256; k++) {
			char folder[16];

			snprintf(folder, sizeof(folder), "body/%02x", k);
			assert_int_equal(bench_files(&b, folder, ""), 0);
		}
	}
	bench_fini(&b);
}

static void test_body_file_nobody_committed_is_removed_at_start(void **state)
{
	struct body_write write = { .data = "text", .len = 4 };
	struct body_file *file;
	struct spool_bench b;

	(void)state;
	bench_init(&b);
	bench_open(&b);
	file = body_store_begin(b.spool, 0x12345, &b.room.door);
	assert_true(body_store_append(file, &write));
	waiting_room_next(&b.room);
	body_store_end(file, true); /* a crash before the commit looks like this */
	bench_close(&b);
	assert_int_equal(bench_files(&b, "body/45", ""), 1);
	bench_open(&b);
	assert_int_equal(bench_files(&b, "body/45", ""), 0);
	file = body_store_begin(b.spool, 0x54321, &b.room.door);
	assert_true(body_store_append(file, &write));
	body_store_end(file, false); /* the session went away */
	waiting_room_next(&b.room);
	bench_close(&b);
	assert_int_equal(bench_files(&b, "body/21", ""), 0);
	bench_fini(&b);
}

static void test_body_store_takes_two_chunks_at_a_time(void **state)
{
	struct body_write write[4] = { { .data = "one", .len = 3 },
				       { .data = "two", .len = 3 },
				       { .data = "three", .len = 5 } };
	struct body_file *file;
	struct spool_bench b;

	(void)state;
	bench_init(&b);
	bench_open(&b);
	file = body_store_begin(b.spool, spool_next_id(b.spool), &b.room.door);
	fault_hold();
	assert_true(body_store_append(file, &write[0]));
	assert_true(body_store_append(file, &write[1]));
	assert_false(body_store_append(file, &write[2]));
	fault_release();
	assert_ptr_equal(waiting_room_next(&b.room), &write[0].mail);
	assert_true(body_store_append(file, &write[2]));
	body_store_finish(file, &write[3]);
	assert_ptr_equal(waiting_room_next(&b.room), &write[1].mail);
	assert_int_equal(write[1].size, 6);
	assert_ptr_equal(waiting_room_next(&b.room), &write[2].mail);
	assert_ptr_equal(waiting_room_next(&b.room), &write[3].mail);
	assert_int_equal(write[3].size, 11);
	body_store_end(file, false);
	bench_fini(&b);
}

static void test_part_of_a_body_can_be_read(void **state)
{
	struct spool_bench b;
	uint64_t id[2];

	(void)state;
	bench_init(&b);
	bench_open(&b);
	assert_int_equal(bench_put(&b, 1, 1000, &id[0]), SPOOL_OK);
	assert_int_equal(bench_put_large(&b, 1000, 512, &id[1]), SPOOL_OK);
	for (int i = 0; i < 2; i++) {
		char *want = make_body(id[i], 1000);
		static const struct {
			uint64_t offset, max;
			size_t len;
		} rows[] = { { 0, 1, 1 },	{ 10, 20, 20 }, { 990, 20, 10 },
			     { 999, 0, 1 },	{ 1000, 0, 0 }, { 2000, 5, 0 },
			     { 0, 1000, 1000 }, { 1, 0, 999 } };

		for (size_t k = 0; k < WP_COUNT(rows); k++) {
			struct spool_read read = {
				.id = id[i],
				.wants = SPOOL_WANTS_BODY,
				.body_offset = rows[k].offset,
				.body_max = rows[k].max,
				.door = &b.room.door,
			};

			spool_read(b.spool, &read);
			waiting_room_next(&b.room);
			assert_int_equal(read.error, SPOOL_OK);
			assert_int_equal(read.body_len, rows[k].len);
			if (read.body_len > 0)
				assert_memory_equal(read.body, want + rows[k].offset,
						    read.body_len);
			assert_null(read.envelope);
			free(read.body);
		}
		free(want);
	}
	bench_fini(&b);
}

static void test_many_reads_are_all_answered(void **state)
{
	enum { MESSAGES = 200 };
	struct spool_read *read = mem_zero(MESSAGES, sizeof(*read));
	struct spool_bench b;
	uint64_t id;

	(void)state;
	bench_init(&b);
	bench_open(&b);
	for (int i = 0; i < MESSAGES; i++) {
		assert_int_equal(bench_put(&b, 1, 50, &id), SPOOL_OK);
		/* Asked for in the opposite order. */
		read[MESSAGES - 1 - i] = (struct spool_read){ .id = id,
							      .wants = SPOOL_WANTS_ENVELOPE,
							      .door = &b.room.door };
	}
	for (int i = 0; i < MESSAGES; i++)
		spool_read(b.spool, &read[i]);
	for (int i = 0; i < MESSAGES; i++) {
		struct spool_read *r = WP_CONTAINER(waiting_room_next(&b.room), struct spool_read,
						    mail);

		assert_int_equal(r->error, SPOOL_OK);
		assert_int_equal(r->envelope->arrival_ms, 1700000000000 + r->id);
		envelope_unref(r->envelope);
		r->envelope = NULL;
	}
	free(read);
	bench_fini(&b);
}

static void test_second_process_is_refused(void **state)
{
	struct spool_bench b;
	struct err e = { 0 };

	(void)state;
	bench_init(&b);
	bench_open(&b);
	assert_null(spool_open(b.dir, &b.options, NULL, &e));
	assert_int_equal(e.domain, ERR_STORE);
	assert_non_null(strstr(e.text, "another process"));
	bench_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stored_message_is_read_back_at_once_and_after_restart),
		cmocka_unit_test(test_ids_are_never_given_twice),
		cmocka_unit_test(test_notice_comes_only_for_stored_messages),
		cmocka_unit_test(test_one_group_answers_each_door_with_one_chain),
		cmocka_unit_test(test_states_survive_restart),
		cmocka_unit_test(test_done_message_is_gone_for_good),
		cmocka_unit_test(test_dsn_group_stores_message_and_states),
		cmocka_unit_test(test_large_body_is_a_file_that_goes_with_its_message),
		cmocka_unit_test(test_body_file_nobody_committed_is_removed_at_start),
		cmocka_unit_test(test_body_store_takes_two_chunks_at_a_time),
		cmocka_unit_test(test_part_of_a_body_can_be_read),
		cmocka_unit_test(test_many_reads_are_all_answered),
		cmocka_unit_test(test_second_process_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
