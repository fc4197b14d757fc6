/*
 * delivery/spool_recover: what a torn tail, a damaged segment, a missing one and a later format
 * do to the start.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "delivery/body_files.h"
#include "delivery/tlv.h"
#include "tests/delivery/spool_image.h"

/* A DSN that reports all recipients of ID. */
static uint64_t put_dsn(struct spool_bench *b, uint64_t id)
{
	struct spool_submit s = { .door = &b->room.door };
	struct spool_batch *batch = spool_batch_new();
	uint64_t dsn = spool_next_id(b->spool);
	struct envelope *env = make_envelope(dsn, 1);
	char *body = make_body(dsn, 50);
	struct iovec part = { body, 50 };

	spool_batch_rcpt(batch, id, &(struct rcpt_range){ 0, 1 }, 1, RCPT_REPORTED, 0, "550 a");
	spool_batch_rcpt(batch, id, &(struct rcpt_range){ 1, 2 }, 1, RCPT_REPORTED, 0, "550 b");
	spool_submit_message(&s, dsn, env, &part, 1);
	spool_group(b->spool, &s, batch);
	waiting_room_next(&b->room);
	assert_int_equal(s.error, SPOOL_OK);
	spool_submit_fini(&s);
	envelope_unref(env);
	free(body);
	return dsn;
}

static unsigned count_state(struct spool_bench *b, uint64_t id, enum rcpt_state state)
{
	struct rcpt_states *states = bench_states(b, id);
	unsigned count = 0;

	for (uint32_t i = 0; i < states->count; i++)
		count += states->rcpt[i].state == state;
	free(states);
	return count;
}

enum tear { TEAR_ZERO, TEAR_GARBAGE, TEAR_FLIP, TEARS };

/* Damages what lies between AT and END as a power cut may; false if nothing has changed. */
static bool tear(struct buf *data, uint32_t at, uint32_t end, enum tear how)
{
	struct buf old = { 0 };
	bool has_changed;

	buf_add(&old, data->data, data->len);
	if (how == TEAR_ZERO)
		memset(data->data + at, 0, data->len - at);
	else if (how == TEAR_GARBAGE)
		memset(data->data + at, 0xa5, end - at);
	else
		data->data[at] ^= 1;
	has_changed = memcmp(old.data, data->data, data->len) != 0;
	buf_free(&old);
	return has_changed;
}

/* At every octet of the last group, in three ways: it counts whole or not at all. */
static void test_torn_last_group_is_all_or_nothing(void **state)
{
	struct image image;
	struct image_file *log;
	struct spool_bench b;
	uint64_t first, second, dsn;
	uint32_t begin, end, whole = 0, torn = 0;

	(void)state;
	bench_init(&b);
	bench_open(&b);
	assert_int_equal(bench_put(&b, 3, 100, &first), SPOOL_OK);
	assert_int_equal(bench_put(&b, 1, 333, &second), SPOOL_OK);
	image_take(&image, &b);
	begin = image_end(&image, image_find_segment(&image, SPOOL_MSG, first));
	image_free(&image);
	dsn = put_dsn(&b, first);
	image_take(&image, &b);
	bench_close(&b);
	log = image_find_segment(&image, SPOOL_MSG, first);
	end = image_end(&image, log);
	assert_true(end > begin);
	for (uint32_t at = begin; at < end; at += getenv("WP_FULL") != NULL ? 1 : 11) {
		for (int how = 0; how < TEARS; how++) {
			struct buf old = { 0 };
			bool has_dsn;

			buf_add(&old, log->data.data, log->data.len);
			tear(&log->data, at, end, (enum tear)how);
			image_put(&image, &b);
			memcpy(log->data.data, old.data, old.len);
			buf_free(&old);
			bench_open(&b);
			assert_int_equal(b.recovered.damages, 0);
			assert_int_equal(bench_check(&b, first, 3, 100), SPOOL_OK);
			assert_int_equal(bench_check(&b, second, 1, 333), SPOOL_OK);
			has_dsn = bench_recovered(&b, dsn) != NULL;
			assert_int_equal(b.recovered.count, has_dsn ? 3 : 2);
			assert_int_equal(count_state(&b, first, RCPT_REPORTED), has_dsn ? 3 : 0);
			whole += has_dsn;
			torn += !has_dsn;
			bench_close(&b);
		}
	}
	/* Only padding may be torn unseen. */
	assert_true(torn > 0 && whole <= 3 * SPOOL_ALIGN);
	image_free(&image);
	bench_fini(&b);
}

static void test_torn_tail_is_sealed_and_never_written_again(void **state)
{
	struct image image;
	struct image_file *log;
	struct spool_bench b;
	uint64_t id[4];
	uint32_t end, number;

	(void)state;
	bench_init(&b);
	bench_open(&b);
	for (int i = 0; i < 3; i++)
		assert_int_equal(bench_put(&b, 1, 500, &id[i]), SPOOL_OK);
	image_take(&image, &b);
	bench_close(&b);
	log = image_find_segment(&image, SPOOL_MSG, id[2]);
	end = image_find(&image, log, SPOOL_MSG, id[2]);
	number = log->segment;
	log->data.data[end + 60] ^= 1;
	image_put(&image, &b);
	image_free(&image);
	bench_open(&b);
	assert_int_equal(b.recovered.count, 2);
	assert_int_equal(bench_put(&b, 1, 500, &id[3]), SPOOL_OK);
	image_take(&image, &b);
	assert_int_equal(image_segment(&image, number)->data.len, end);
	assert_int_equal(image_find_segment(&image, SPOOL_MSG, id[3])->segment, number + 1);
	image_free(&image);
	bench_close(&b);
	bench_open(&b);
	assert_int_equal(b.recovered.count, 3);
	bench_fini(&b);
}

/* Messages of one segment and the beginning of the next; the log as a crash leaves it. */
static void fill(struct spool_bench *b, uint64_t *id, int count, struct image *image)
{
	bench_open(b);
	for (int i = 0; i < count; i++)
		assert_int_equal(bench_put(b, 1, 4000, &id[i]), SPOOL_OK);
	image_take(image, b);
	bench_close(b);
}

enum { FILL = 24 };

static void break_message(struct image *image, uint64_t id, uint32_t where)
{
	struct image_file *log = image_find_segment(image, SPOOL_MSG, id);

	log->data.data[image_find(image, log, SPOOL_MSG, id) + where] ^= 4;
}

static void assert_start_is_refused(struct spool_bench *b)
{
	assert_false(bench_try_open(b));
	assert_int_equal(b->e.domain, ERR_STORE);
	assert_non_null(strstr(b->e.text, "damaged"));
	assert_true(b->e.remedy[0] != '\0');
	assert_true(b->recovered.damages > 0);
	assert_true(bench_files(b, "quarantine", ".log") > 0);
}

static void test_damaged_sealed_record_stops_the_start_unless_accepted(void **state)
{
	static const struct {
		uint32_t place;
		enum spool_error then;
	} rows[] = {
		{ 0, SPOOL_GONE },  { 20, SPOOL_GONE },  { 39, SPOOL_GONE },
		{ 40, SPOOL_GONE }, { 100, SPOOL_GONE }, /* in the envelope */
		{ 300, SPOOL_DAMAGED }, /* in the body: the envelope is saved */
	};

	(void)state;
	for (size_t p = 0; p < WP_COUNT(rows); p++) {
		struct spool_bench b;
		struct image image;
		uint64_t id[FILL];

		bench_init(&b);
		b.options.ignore_sidecars = true;
		fill(&b, id, FILL, &image);
		break_message(&image, id[3], rows[p].place);
		image_put(&image, &b);
		assert_start_is_refused(&b);
		assert_start_is_refused(&b);
		b.options.accept_damage = true;
		bench_open(&b);
		assert_int_equal(b.recovered.damages, 1);
		assert_int_equal(b.recovered.damaged_id,
				 rows[p].place < SPOOL_HEADER_BYTES ? 0 : id[3]);
		assert_int_equal(b.recovered.count, FILL - (rows[p].then == SPOOL_GONE));
		for (int i = 0; i < FILL; i++) {
			enum spool_error want = i == 3 ? rows[p].then : SPOOL_OK;

			assert_int_equal(bench_check(&b, id[i], 1, 4000), want);
			assert_int_equal(b.has_envelope, want != SPOOL_GONE);
		}
		/* It was accepted once: the next start is like any other. */
		bench_close(&b);
		b.options.accept_damage = b.options.ignore_sidecars = false;
		bench_open(&b);
		assert_int_equal(bench_check(&b, id[3], 1, 4000), rows[p].then);
		image_free(&image);
		bench_fini(&b);
	}
}

/* Damage in one message is no reason to lose the envelope of the next, which is damaged as well. */
static void test_damaged_neighbours_keep_their_envelopes(void **state)
{
	struct spool_bench b;
	struct image image;
	uint64_t id[FILL];

	(void)state;
	bench_init(&b);
	b.options.ignore_sidecars = b.options.accept_damage = true;
	fill(&b, id, FILL, &image);
	for (int i = 6; i >= 3; i--) /* a record behind a broken one is not found */
		break_message(&image, id[i], i == 3 ? 0 : 1000);
	image_put(&image, &b);
	bench_open(&b);
	assert_int_equal(b.recovered.damages, 4);
	assert_int_equal(b.recovered.count, FILL - 1);
	for (int i = 3; i < 8; i++)
		assert_int_equal(bench_check(&b, id[i], 1, 4000),
				 i == 3 ? SPOOL_GONE : i < 7 ? SPOOL_DAMAGED : SPOOL_OK);
	image_free(&image);
	bench_fini(&b);
}

/* As a file in the folder it is the administrator's word, for one start. */
static void test_damage_is_accepted_once_by_a_file(void **state)
{
	struct spool_bench b;
	struct image image;
	uint64_t id[FILL];
	FILE *file;

	(void)state;
	bench_init(&b);
	b.options.ignore_sidecars = true;
	fill(&b, id, FILL, &image);
	break_message(&image, id[3], 0);
	image_put(&image, &b);
	assert_start_is_refused(&b);
	assert_non_null(strstr(b.e.remedy, "accept-damage"));
	file = fopen(bench_path(&b, "accept-damage"), "w");
	assert_non_null(file);
	fclose(file);
	bench_open(&b);
	assert_int_equal(b.recovered.count, FILL - 1);
	assert_int_equal(access(bench_path(&b, "accept-damage"), F_OK), -1);
	bench_close(&b);
	image_put(&image, &b);
	assert_start_is_refused(&b);
	image_free(&image);
	bench_fini(&b);
}

/* The last segment is no excuse: what later commits prove to have been durable is damage. */
static void test_damage_before_a_later_commit_is_no_torn_tail(void **state)
{
	struct spool_bench b;
	struct image image;
	uint64_t id[5];

	(void)state;
	bench_init(&b);
	fill(&b, id, 5, &image);
	break_message(&image, id[1], 100);
	image_put(&image, &b);
	assert_start_is_refused(&b);
	b.options.accept_damage = true;
	bench_open(&b);
	assert_int_equal(b.recovered.count, 4);
	assert_int_equal(b.recovered.damaged_id, id[1]);
	image_free(&image);
	bench_fini(&b);
}

static void change_byte(const char *path, uint32_t at)
{
	FILE *file = fopen(path, "r+");
	int byte;

	assert_non_null(file);
	assert_int_equal(fseek(file, at, SEEK_SET), 0);
	byte = fgetc(file);
	assert_int_equal(fseek(file, at, SEEK_SET), 0);
	fputc(byte ^ 4, file);
	assert_int_equal(fclose(file), 0);
}

/* A byte of a message in the log of a running spool. */
static void break_running(const struct spool_bench *b, struct image *image, uint64_t id,
			  uint32_t where)
{
	const struct image_file *log = image_find_segment(image, SPOOL_MSG, id);

	change_byte(bench_path(b, log->name), image_find(image, log, SPOOL_MSG, id) + where);
}

static void break_body(const struct spool_bench *b, uint64_t id)
{
	char name[BODY_NAME_MAX], path[BODY_NAME_MAX + 8];

	body_name(id, name);
	snprintf(path, sizeof(path), "body/%s", name);
	change_byte(bench_path(b, path), 1000);
}

/* What of a message is intact under a running spool: all, the envelope, nothing. */
static void test_damage_under_a_running_spool_leaves_the_envelope(void **state)
{
	static const struct {
		uint32_t where;
		bool has_envelope;
	} rows[] = {
		{ 8, true },     /* the header of the record: the sum of what precedes the body holds */
		{ 100, false },  /* in the envelope */
		{ 3000, true },  /* in the body */
	};
	struct spool_bench b;
	struct image image;
	uint64_t id[WP_COUNT(rows)], large;

	(void)state;
	bench_init(&b);
	bench_open(&b);
	for (size_t i = 0; i < WP_COUNT(rows); i++) {
		assert_int_equal(bench_put(&b, 2, 4000, &id[i]), SPOOL_OK);
		bench_state(&b, id[i], 1, RCPT_DELIVERED, 0, NULL);
	}
	assert_int_equal(bench_put_large(&b, 600000, 100000, &large), SPOOL_OK);
	image_take(&image, &b);
	for (size_t i = 0; i < WP_COUNT(rows); i++) {
		break_running(&b, &image, id[i], rows[i].where);
		assert_int_equal(bench_check(&b, id[i], 2, 4000), SPOOL_DAMAGED);
		assert_int_equal(b.has_envelope, rows[i].has_envelope);
		assert_int_equal(b.recovered.damaged_id, id[i]);
	}
	image_free(&image);
	break_body(&b, large);
	assert_int_equal(bench_check(&b, large, 1, 600000), SPOOL_DAMAGED);
	assert_true(b.has_envelope);
	bench_fini(&b);
}

static void test_damage_behind_a_sidecar_is_seen_when_read(void **state)
{
	struct spool_bench b;
	struct image image;
	uint64_t id[FILL];

	(void)state;
	bench_init(&b);
	bench_open(&b);
	for (int i = 0; i < FILL; i++)
		assert_int_equal(bench_put(&b, 1, 4000, &id[i]), SPOOL_OK);
	bench_close(&b);
	image_take(&image, &b);
	break_message(&image, id[3], 300);
	image_put(&image, &b);
	bench_open(&b);
	assert_int_equal(b.recovered.count, FILL);
	assert_int_equal(bench_check(&b, id[2], 1, 4000), SPOOL_OK);
	assert_int_equal(bench_check(&b, id[3], 1, 4000), SPOOL_DAMAGED);
	assert_int_equal(b.recovered.damages, 1);
	assert_int_equal(b.recovered.damaged_id, id[3]);
	image_free(&image);
	bench_fini(&b);
}

static void test_damaged_sidecar_is_not_believed(void **state)
{
	struct spool_bench b;
	struct image image;
	uint64_t id[FILL];

	(void)state;
	bench_init(&b);
	bench_open(&b);
	for (int i = 0; i < FILL; i++)
		assert_int_equal(bench_put(&b, 1, 4000, &id[i]), SPOOL_OK);
	bench_close(&b);
	image_take(&image, &b);
	for (int round = 0; round < 4; round++) {
		for (size_t i = 0; i < image.count; i++) {
			struct buf *data = &image.file[i].data;

			if (image.file[i].is_log)
				continue;
			if (round < 3)
				data->data[data->len * (size_t)round / 3] ^= 1;
			else
				data->len /= 2;
		}
		image_put(&image, &b);
		bench_open(&b);
		assert_int_equal(b.recovered.count, FILL);
		assert_int_equal(bench_check(&b, id[FILL - 1], 1, 4000), SPOOL_OK);
		bench_close(&b);
	}
	image_free(&image);
	bench_fini(&b);
}

static void test_missing_segment_stops_the_start(void **state)
{
	struct spool_bench b;
	struct image image;
	uint64_t id[FILL * 2];
	char path[256];

	(void)state;
	bench_init(&b);
	fill(&b, id, FILL * 2, &image);
	image_put(&image, &b);
	snprintf(path, sizeof(path), "%s/%08x.log", b.dir,
		 image_find_segment(&image, SPOOL_MSG, id[0])->segment + 1);
	assert_int_equal(unlink(path), 0);
	assert_false(bench_try_open(&b));
	assert_int_equal(b.e.domain, ERR_STORE);
	b.options.accept_damage = true;
	bench_open(&b);
	assert_int_equal(bench_check(&b, id[0], 1, 4000), SPOOL_OK);
	assert_int_equal(bench_check(&b, id[FILL * 2 - 1], 1, 4000), SPOOL_OK);
	image_free(&image);
	bench_fini(&b);
}

/* Behind damage the recovery looks for records everywhere, also in the mail. */
static void test_mailed_records_are_not_believed(void **state)
{
	struct spool_submit s = { .id = 0 };
	struct spool_bench b;
	struct image image;
	struct buf evil = { 0 };
	struct envelope *env;
	struct iovec part;
	uint64_t id[3];

	(void)state;
	bench_init(&b);
	bench_open(&b);
	assert_int_equal(bench_put(&b, 1, 100, &id[0]), SPOOL_OK);
	/* A DONE for that message, stamped for many segments, without the key. */
	for (uint32_t segment = 0; segment < 64; segment++) {
		struct spool_header header;
		size_t at = evil.len;

		spool_put_done(&evil, id[0]);
		memcpy(&header, evil.data + at, sizeof(header));
		spool_record_stamp(&header, spool_seed(0, segment), 1000);
		memcpy(evil.data + at, &header, sizeof(header));
	}
	id[1] = spool_next_id(b.spool);
	env = make_envelope(id[1], 1);
	/* Whatever its place, one in eight copies is aligned. */
	for (int shift = 0; shift < 8; shift++) {
		struct buf body = { 0 };

		buf_add(&body, "\0\0\0\0\0\0\0", (size_t)shift);
		buf_add(&body, evil.data, evil.len);
		part = (struct iovec){ body.data, body.len };
		s.door = &b.room.door;
		spool_submit_message(&s, id[1], env, &part, 1);
		spool_submit(b.spool, &s);
		waiting_room_next(&b.room);
		spool_submit_fini(&s);
		buf_free(&body);
		image_take(&image, &b);
		break_message(&image, id[1], 8);
		bench_close(&b);
		image_put(&image, &b);
		bench_open(&b); /* a torn tail, nothing else */
		assert_int_equal(b.recovered.damages, 0);
		assert_int_equal(b.recovered.count, 1);
		image_free(&image);
	}
	buf_free(&evil);
	envelope_unref(env);
	bench_fini(&b);
}

/* --- versions --- */

static void make_head(struct buf *record, uint32_t version)
{
	size_t begun = spool_record_begin(record, SPOOL_HEAD, 0);

	tlv_put_u64(record, 32, version);
	tlv_put_text(record, 300, "of a later version");
	spool_record_end(record, begun, NULL, 0);
}

static void test_later_format_is_refused_with_its_version(void **state)
{
	struct spool_bench b;
	struct image image;
	struct buf record = { 0 };
	uint64_t id;

	(void)state;
	bench_init(&b);
	fill(&b, &id, 1, &image);
	make_head(&record, 7);
	image_write_record(&image, image_find_segment(&image, SPOOL_MSG, id), 0, &record, 1);
	image_put(&image, &b);
	assert_false(bench_try_open(&b));
	assert_non_null(strstr(b.e.text, "format version 7"));
	assert_non_null(strstr(b.e.text, "version 1"));
	buf_free(&record);
	image_free(&image);
	bench_fini(&b);
}

static void test_unknown_record_is_skipped_only_if_optional(void **state)
{
	(void)state;
	for (int is_optional = 0; is_optional < 2; is_optional++) {
		struct spool_header header;
		struct buf record = { 0 };
		struct image_file *log;
		struct spool_bench b;
		struct image image;
		uint64_t id;

		bench_init(&b);
		fill(&b, &id, 1, &image);
		log = image_find_segment(&image, SPOOL_MSG, id);
		spool_record_end(&record, spool_record_begin(&record, (enum spool_type)99, id), NULL,
				 0);
		memcpy(&header, record.data, sizeof(header));
		header.flags = is_optional ? SPOOL_RECORD_OPTIONAL : 0;
		memcpy(record.data, &header, sizeof(header));
		image_write_record(&image, log, image_end(&image, log), &record, 3);
		image_put(&image, &b);
		if (is_optional) {
			bench_open(&b);
			assert_int_equal(b.recovered.count, 1);
		} else {
			assert_false(bench_try_open(&b));
			assert_non_null(strstr(b.e.text, "type 99"));
		}
		buf_free(&record);
		image_free(&image);
		bench_fini(&b);
	}
}

/* --- the head --- */

static void test_segments_below_the_head_do_not_come_back(void **state)
{
	struct spool_bench b;
	struct image early, late;
	uint64_t id[FILL * 2];

	(void)state;
	bench_init(&b);
	fill(&b, id, FILL, &early);
	bench_open(&b);
	for (int i = 0; i < FILL; i++)
		spool_done(b.spool, id[i]);
	for (int i = FILL; i < 2 * FILL; i++)
		assert_int_equal(bench_put(&b, 1, 4000, &id[i]), SPOOL_OK);
	bench_close(&b);
	image_take(&late, &b);
	assert_null(image_segment(&late, image_find_segment(&early, SPOOL_MSG, id[0])->segment));
	/* A file system that forgot the unlink. */
	late.file[late.count++] = *image_find_segment(&early, SPOOL_MSG, id[0]);
	image_put(&late, &b);
	late.count--;
	bench_open(&b);
	assert_int_equal(b.recovered.damages, 0);
	assert_int_equal(b.recovered.count, FILL);
	assert_null(bench_recovered(&b, id[0]));
	image_free(&early);
	image_free(&late);
	bench_fini(&b);
}

static void test_crash_while_recovering_leaves_the_same_to_recover(void **state)
{
	struct spool_bench b;
	struct image image;
	uint64_t id[FILL];

	(void)state;
	bench_init(&b);
	fill(&b, id, FILL, &image);
	for (unsigned nth = 1; nth < 6; nth++) {
		image_put(&image, &b);
		fault_set(FAULT_FSYNC, nth, 5, true);
		if (bench_try_open(&b)) {
			bench_close(&b);
			assert_true(nth > 2);
		} else {
			assert_true(b.e.text[0] != '\0');
		}
		fault_reset();
		bench_open(&b);
		assert_int_equal(b.recovered.damages, 0);
		assert_int_equal(b.recovered.count, FILL);
		bench_close(&b);
	}
	image_free(&image);
	bench_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_torn_last_group_is_all_or_nothing),
		cmocka_unit_test(test_torn_tail_is_sealed_and_never_written_again),
		cmocka_unit_test(test_damaged_sealed_record_stops_the_start_unless_accepted),
		cmocka_unit_test(test_damaged_neighbours_keep_their_envelopes),
		cmocka_unit_test(test_damage_is_accepted_once_by_a_file),
		cmocka_unit_test(test_damage_before_a_later_commit_is_no_torn_tail),
		cmocka_unit_test(test_damage_under_a_running_spool_leaves_the_envelope),
		cmocka_unit_test(test_damage_behind_a_sidecar_is_seen_when_read),
		cmocka_unit_test(test_damaged_sidecar_is_not_believed),
		cmocka_unit_test(test_missing_segment_stops_the_start),
		cmocka_unit_test(test_mailed_records_are_not_believed),
		cmocka_unit_test(test_later_format_is_refused_with_its_version),
		cmocka_unit_test(test_unknown_record_is_skipped_only_if_optional),
		cmocka_unit_test(test_segments_below_the_head_do_not_come_back),
		cmocka_unit_test(test_crash_while_recovering_leaves_the_same_to_recover),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
