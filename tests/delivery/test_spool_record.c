/* delivery/spool_record and spool_index: records that say when they are damaged; the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "delivery/spool_index.h"
#include "delivery/spool_record.h"
#include "delivery/tlv.h"

enum { SEED = 77 };

static void stamp(struct buf *record, uint64_t seed)
{
	struct spool_header header;

	memcpy(&header, record->data, sizeof(header));
	spool_record_stamp(&header, seed, 3);
	memcpy(record->data, &header, sizeof(header));
}

static const struct envelope_rcpt one_rcpt = { .address = "a@example.com" };
static const char *const one_original = "a@example.com";
static const struct envelope small = {
	.arrival_ms = 1700000000000,
	.original_count = 1,
	.original = &one_original,
	.rcpt_count = 1,
	.rcpt = &one_rcpt,
};

/* One record of each kind, the message with its body behind it. */
static void make_record(unsigned type, struct buf *out)
{
	struct rcpt_range ranges[] = { { 0, 3 }, { 7, 1 } };
	char body[] = "Subject: x\r\n\r\nhello\r\n";
	struct iovec parts[] = { { body, 5 }, { body + 5, sizeof(body) - 6 } };
	char group[SPOOL_GROUP_BYTES];

	switch (type) {
	case SPOOL_MSG:
		spool_put_message(out, 42, &small, parts, 2);
		buf_add(out, body, sizeof(body) - 1);
		while (out->len % SPOOL_ALIGN != 0)
			buf_addc(out, '\0');
		break;
	case SPOOL_MSGREF:
		spool_put_ref(out, 42, &small, 1000000, 0x1234);
		break;
	case SPOOL_RCPT:
		spool_put_rcpt(out, 42, ranges, 2, RCPT_WAITING, 5000, "450 busy");
		break;
	case SPOOL_DONE:
		spool_put_done(out, 42);
		break;
	case SPOOL_HEAD:
		spool_put_head(out, 9, UINT64_MAX, UINT64_MAX);
		assert_true(out->len <= SPOOL_HEAD_MAX);
		break;
	case SPOOL_GROUP:
		spool_fill_group(group, 2, 512);
		buf_add(out, group, sizeof(group));
		break;
	}
	stamp(out, SEED);
}

static const unsigned types[] = { SPOOL_MSG,  SPOOL_MSGREF, SPOOL_RCPT,
				  SPOOL_DONE, SPOOL_HEAD,   SPOOL_GROUP };

static void test_every_damaged_octet_is_seen(void **state)
{
	(void)state;
	for (size_t t = 0; t < WP_COUNT(types); t++) {
		struct spool_header header;
		struct buf b = { 0 };
		size_t used;

		make_record(types[t], &b);
		assert_int_equal(spool_record_check(b.data, b.len, SEED, &header),
				 SPOOL_CHECK_GOOD);
		assert_int_equal(header.type, types[t]);
		assert_int_equal(b.len, spool_record_size(header.length));
		used = SPOOL_HEADER_BYTES + header.length;
		for (size_t i = 0; i < used; i++) {
			b.data[i] ^= 0x10;
			assert_int_equal(spool_record_check(b.data, b.len, SEED, &header),
					 i < SPOOL_HEADER_BYTES ? SPOOL_CHECK_NO_HEADER
								: SPOOL_CHECK_BAD_PAYLOAD);
			b.data[i] ^= 0x10;
		}
		for (size_t len = 0; len < b.len; len++)
			assert_int_not_equal(spool_record_check(b.data, len, SEED, &header),
					     SPOOL_CHECK_GOOD);
		buf_free(&b);
	}
}

/* The part in front of the body is believed exactly if none of its octets has changed. */
static void test_what_precedes_a_damaged_body_is_told_from_what_is_damaged(void **state)
{
	(void)state;
	for (size_t t = 0; t < 2; t++) {
		struct spool_message message;
		struct spool_header header;
		struct buf b = { 0 };
		char *payload;
		size_t front;

		make_record(types[t], &b);
		memcpy(&header, b.data, sizeof(header));
		payload = b.data + SPOOL_HEADER_BYTES;
		assert_true(spool_read_front(payload, header.length, 42, &message));
		assert_int_equal(message.recipients, 1);
		assert_true(message.envelope_len > 0 && message.body == NULL);
		front = message.front_len;
		assert_true(types[t] == SPOOL_MSG ? front < header.length : front == header.length);
		for (size_t i = 0; i < header.length; i++) {
			payload[i] ^= 0x10;
			assert_int_equal(spool_read_front(payload, header.length, 42, &message),
					 i >= front);
			payload[i] ^= 0x10;
		}
		for (size_t len = 0; len < front; len++)
			assert_false(spool_read_front(payload, len, 42, &message));
		assert_false(spool_read_front(payload, header.length, 43, &message));
		buf_free(&b);
	}
}

static void test_record_of_another_segment_is_no_record(void **state)
{
	struct spool_header header;
	struct buf b = { 0 };

	(void)state;
	make_record(SPOOL_MSG, &b);
	assert_int_equal(spool_record_check(b.data, b.len, SEED + 1, &header),
			 SPOOL_CHECK_NO_HEADER);
	assert_int_equal(spool_record_check(b.data, b.len, spool_seed(5, SEED), &header),
			 SPOOL_CHECK_NO_HEADER);
	buf_free(&b);
}

static void test_payloads_are_read_as_written(void **state)
{
	struct buf b = { 0 };
	struct spool_message message;
	struct spool_group_of group;
	struct spool_rcpt rcpt;
	struct spool_head head;
	struct spool_header header;
	const char *payload;
	struct err e;

	(void)state;
	for (size_t t = 0; t < WP_COUNT(types); t++) {
		buf_clear(&b);
		make_record(types[t], &b);
		memcpy(&header, b.data, sizeof(header));
		payload = b.data + SPOOL_HEADER_BYTES;
		switch (types[t]) {
		case SPOOL_MSG:
		case SPOOL_MSGREF:
			assert_int_equal(spool_read_message(payload, header.length, &message, &e),
					 0);
			assert_int_equal(message.arrival_ms, 1700000000000);
			assert_int_equal(message.recipients, 1);
			assert_int_equal(message.is_ref, types[t] == SPOOL_MSGREF);
			assert_int_equal(message.stored_size, message.is_ref ? 1000000 : 21);
			if (message.is_ref)
				assert_int_equal(message.body_sum, 0x1234);
			else
				assert_memory_equal(message.body, "Subject: x\r\n\r\nhello\r\n", 21);
			assert_true(spool_record_gist(&header, payload) <
				    (size_t)((const char *)message.envelope - payload));
			break;
		case SPOOL_RCPT:
			assert_int_equal(spool_read_rcpt(payload, header.length, &rcpt, &e), 0);
			assert_int_equal(rcpt.range_count, 2);
			assert_int_equal(spool_rcpt_range(&rcpt, 1).first, 7);
			assert_int_equal(spool_rcpt_range(&rcpt, 0).count, 3);
			assert_int_equal(rcpt.outcome_len, 8);
			assert_memory_equal(rcpt.outcome, "450 busy", 8);
			break;
		case SPOOL_HEAD:
			assert_int_equal(spool_read_head(payload, header.length, &head, &e), 0);
			assert_int_equal(head.version, SPOOL_FORMAT_VERSION);
			assert_int_equal(head.oldest, 9);
			assert_true(head.key == UINT64_MAX && head.next_id == UINT64_MAX);
			break;
		case SPOOL_GROUP:
			assert_int_equal(spool_read_group(payload, header.length, &group, &e), 0);
			assert_int_equal(group.count, 2);
			assert_int_equal(group.bytes, 512);
			break;
		}
	}
	buf_free(&b);
}

static void test_wrong_fields_are_refused(void **state)
{
	struct spool_message message;
	struct spool_group_of group;
	struct spool_rcpt rcpt;
	struct spool_head head;
	struct buf b = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(spool_read_rcpt("", 0, &rcpt, &e), -1);
	assert_int_equal(spool_read_head("", 0, &head, &e), -1);
	assert_int_equal(spool_read_group("", 0, &group, &e), -1);
	assert_int_equal(spool_read_message("abc", 3, &message, &e), -1);
	tlv_put_u64(&b, 16, 99); /* no such state */
	assert_int_equal(spool_read_rcpt(b.data, b.len, &rcpt, &e), -1);
	buf_clear(&b);
	tlv_put(&b, 18, "1234567", 7); /* not pairs */
	assert_int_equal(spool_read_rcpt(b.data, b.len, &rcpt, &e), -1);
	buf_clear(&b);
	tlv_put_text(&b, TLV_OPTIONAL | 999, "x");
	assert_int_equal(spool_read_message(b.data, b.len, &message, &e), 0);
	tlv_put_text(&b, 999, "x");
	assert_int_equal(spool_read_message(b.data, b.len, &message, &e), -1);
	assert_non_null(strstr(e.text, "999"));
	buf_free(&b);
}

static void test_long_outcome_is_cut(void **state)
{
	char *outcome = mem_zero(1, 10001);
	struct buf b = { 0 };
	struct spool_header header;
	struct spool_rcpt rcpt;
	struct err e;

	(void)state;
	memset(outcome, 'x', 10000);
	spool_put_rcpt(&b, 1, &(struct rcpt_range){ 0, 1 }, 1, RCPT_WAITING, 0, outcome);
	memcpy(&header, b.data, sizeof(header));
	assert_int_equal(
		spool_read_rcpt(b.data + SPOOL_HEADER_BYTES, header.length, &rcpt, &e), 0);
	assert_int_equal(rcpt.outcome_len, SPOOL_OUTCOME_MAX);
	free(outcome);
	buf_free(&b);
}

/* Against an array, with ids that come and go in a changing order. */
static void test_index_holds_exactly_what_was_put(void **state)
{
	enum { IDS = 5000, STEPS = 60000 };
	bool *is_there = mem_zero(IDS + 1, sizeof(*is_there));
	struct spool_index index;
	uint64_t x = 88172645463325252u, count = 0;

	(void)state;
	spool_index_init(&index);
	assert_null(spool_index_find(&index, 1));
	for (int i = 0; i < STEPS; i++) {
		uint64_t id;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		id = 1 + x % IDS;
		if (is_there[id]) {
			assert_int_equal(spool_index_find(&index, id)->offset, id * 8);
			spool_index_remove(&index, spool_index_find(&index, id));
			count--;
		} else {
			assert_null(spool_index_find(&index, id));
			spool_index_put(&index, id)->offset = (uint32_t)id * 8;
			count++;
		}
		is_there[id] = !is_there[id];
		assert_int_equal(index.count, count);
	}
	for (uint64_t id = 1; id <= IDS; id++)
		assert_int_equal(spool_index_find(&index, id) != NULL, is_there[id]);
	spool_index_fini(&index);
	free(is_there);
}

static void test_moved_states_say_what_the_entry_says(void **state)
{
	struct spool_entry entry = { .id = 42, .recipients = 6 }, again = entry;
	struct rcpt_range ranges[] = { { 0, 2 }, { 4, 9 } };
	struct rcpt_states *a, *b;
	struct buf records = { 0 };
	struct spool_index index;
	struct spool_rcpt record;
	size_t at = 0;
	struct err e;

	(void)state;
	assert_int_equal(spool_entry_put_states(&entry, &records), 0);
	spool_put_rcpt(&records, 42, ranges, 2, RCPT_FAILED_UNREPORTED, 9, "550 no");
	assert_int_equal(spool_read_rcpt(records.data + SPOOL_HEADER_BYTES,
					 ((struct spool_header *)(void *)records.data)->length,
					 &record, &e),
			 0);
	spool_entry_apply(&entry, &record);
	buf_clear(&records);
	assert_int_equal(spool_entry_put_states(&entry, &records), 3);
	while (at < records.len) {
		struct spool_header header;

		memcpy(&header, records.data + at, sizeof(header));
		assert_int_equal(spool_read_rcpt(records.data + at + SPOOL_HEADER_BYTES,
						 header.length, &record, &e),
				 0);
		spool_entry_apply(&again, &record);
		at += spool_record_size(header.length);
	}
	a = spool_entry_states(&entry);
	b = spool_entry_states(&again);
	for (uint32_t i = 0; i < 6; i++) {
		assert_int_equal(a->rcpt[i].state, b->rcpt[i].state);
		assert_int_equal(a->rcpt[i].next_try_ms, b->rcpt[i].next_try_ms);
		assert_string_equal(a->rcpt[i].outcome, b->rcpt[i].outcome);
	}
	assert_int_equal(a->rcpt[1].state, RCPT_FAILED_UNREPORTED);
	assert_int_equal(a->rcpt[2].state, RCPT_WAITING);
	assert_string_equal(a->rcpt[5].outcome, "550 no");
	free(a);
	free(b);
	/* The table frees what entries hold. */
	spool_index_init(&index);
	*spool_index_put(&index, 42) = entry;
	spool_index_remove(&index, spool_index_find(&index, 42));
	*spool_index_put(&index, 42) = again;
	spool_index_fini(&index);
	buf_free(&records);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_damaged_octet_is_seen),
		cmocka_unit_test(test_what_precedes_a_damaged_body_is_told_from_what_is_damaged),
		cmocka_unit_test(test_record_of_another_segment_is_no_record),
		cmocka_unit_test(test_payloads_are_read_as_written),
		cmocka_unit_test(test_wrong_fields_are_refused),
		cmocka_unit_test(test_long_outcome_is_cut),
		cmocka_unit_test(test_index_holds_exactly_what_was_put),
		cmocka_unit_test(test_moved_states_say_what_the_entry_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
