/* Controls, ranges and names of Active Directory: liblber agrees, and what is broken is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lber.h>

#include "ldapsync/ad_wire.h"

static const uint8_t guid_octets[16] = { 0x2a, 0x28, 0x29, 0x5c, 0, 1, 2, 3,
					 4,    5,    6,    7,    8, 9, 0xfe, 0xff };

static void test_liblber_reads_dirsync(void **state)
{
	static const uint32_t flags[] = { 0, 1, 0x7f, 0x80, 0x801, 0x7fffffff, 0x80000000, 0xffffffff };
	struct buf cookie = { 0 };

	(void)state;
	for (int i = 0; i < 40; i++)
		buf_add(&cookie, "MSDS\0", 5); /* long enough for a long length */
	for (size_t i = 0; i < WP_COUNT(flags); i++) {
		struct buf out = { 0 };
		struct berval value, got;
		ber_int_t number, max;
		BerElement *ber;

		ad_encode_dirsync(flags[i], 1048576, &cookie, &out);
		value = (struct berval){ out.len, out.data };
		ber = ber_init(&value);
		assert_int_not_equal(ber_scanf(ber, "{iim}", &number, &max, &got), LBER_ERROR);
		assert_int_equal((uint32_t)number, flags[i]);
		assert_int_equal(max, 1048576);
		assert_int_equal(got.bv_len, cookie.len);
		assert_memory_equal(got.bv_val, cookie.data, cookie.len);
		ber_free(ber, 1);
		buf_free(&out);
	}
	buf_free(&cookie);
}

/* A flag of 2^31 as five octets is what servers refuse. */
static void test_the_highest_flag_is_a_negative_number(void **state)
{
	static const char want[] = "\x30\x0b\x02\x04\x80\x00\x00\x00\x02\x01\x00\x04\x00";
	struct buf none = { 0 }, out = { 0 };

	(void)state;
	ad_encode_dirsync(0x80000000, 0, &none, &out);
	assert_int_equal(out.len, sizeof(want) - 1);
	assert_memory_equal(out.data, want, out.len);
	buf_free(&out);
}

static struct berval dirsync_answer(ber_int_t more, ber_int_t unused)
{
	BerElement *ber = ber_alloc_t(LBER_USE_DER);
	struct berval value, copy;

	ber_printf(ber, "{iio}", more, unused, "cookie", (ber_len_t)6);
	assert_int_equal(ber_flatten2(ber, &value, 0), 0);
	copy = (struct berval){ value.bv_len, malloc(value.bv_len) };
	memcpy(copy.bv_val, value.bv_val, value.bv_len);
	ber_free(ber, 1);
	return copy;
}

static void test_dirsync_answers_are_read(void **state)
{
	static const ber_int_t numbers[] = { 0, 1, -1, 300, 70000, INT32_MAX, INT32_MIN };
	struct ad_octets cookie;
	bool more;

	(void)state;
	for (size_t i = 0; i < WP_COUNT(numbers); i++) {
		struct berval octets = dirsync_answer(numbers[i], numbers[i]);

		assert_int_equal(ad_decode_dirsync(octets.bv_val, octets.bv_len, &more, &cookie, NULL),
				 0);
		assert_int_equal(more, numbers[i] != 0);
		assert_int_equal(cookie.len, 6);
		assert_memory_equal(cookie.data, "cookie", 6);
		free(octets.bv_val);
	}
}

static void test_every_truncation_is_refused(void **state)
{
	struct berval octets = dirsync_answer(1, 0);
	struct ad_octets cookie;
	struct err err;
	bool more;

	(void)state;
	for (size_t len = 0; len < octets.bv_len; len++) {
		char *part = malloc(len ? len : 1);

		memcpy(part, octets.bv_val, len);
		assert_int_equal(ad_decode_dirsync(part, len, &more, &cookie, &err), -1);
		assert_int_equal(err.domain, ERR_PROTOCOL);
		assert_int_equal(ad_decode_page(part, len, &cookie, &err), -1);
		free(part);
	}
	free(octets.bv_val);
}

static void test_odd_controls_are_refused(void **state)
{
	static const struct {
		const char *octets;
		size_t len;
	} bad[] = {
		{ "\x30\x0a\x02\x05\x01\x01\x01\x01\x01\x04\x01x", 12 }, /* number of five octets */
		{ "\x30\x04\x02\x00\x04\x00", 6 },                    /* and of none */
		{ "\x30\x06\x02\x01\x01\x04\x00\x00", 8 },            /* something behind */
		{ "\x30\x05\x02\x01\x01\x04\x00\x00", 8 },            /* behind the sequence */
		{ "\x30\x80\x02\x01\x01\x04\x00\x00\x00", 9 },        /* indefinite length */
		{ "\x30\x05\x0a\x01\x01\x04\x00", 7 },                /* an enumerated */
	};
	struct ad_octets cookie;

	(void)state;
	for (size_t i = 0; i < WP_COUNT(bad); i++)
		assert_int_equal(ad_decode_page(bad[i].octets, bad[i].len, &cookie, NULL), -1);
	assert_int_equal(ad_decode_page("\x30\x05\x02\x01\x01\x04\x00", 7, &cookie, NULL), 0);
	assert_int_equal(cookie.len, 0);
}

static void test_liblber_reads_a_page(void **state)
{
	struct buf cookie = { 0 }, out = { 0 };
	struct berval value, got;
	BerElement *ber;
	ber_int_t size;

	(void)state;
	buf_adds(&cookie, "c");
	ad_encode_page(1000, &cookie, &out);
	value = (struct berval){ out.len, out.data };
	ber = ber_init(&value);
	assert_int_not_equal(ber_scanf(ber, "{im}", &size, &got), LBER_ERROR);
	assert_int_equal(size, 1000);
	assert_int_equal(got.bv_len, 1);
	ber_free(ber, 1);
	buf_free(&cookie);
	buf_free(&out);
}

static void test_ranges(void **state)
{
	static const struct {
		const char *name;
		bool is_range;
		size_t name_len;
		uint32_t first, last;
		bool is_last;
	} rows[] = {
		{ "member", false, 0, 0, 0, false },
		{ "member;binary", false, 0, 0, 0, false },
		{ "member;range=0-1499", true, 6, 0, 1499, false },
		{ "member;Range=1500-*", true, 6, 1500, 0, true },
		{ "m;binary;range=0-0", true, 8, 0, 0, false },
		{ "member;range=", false, 0, 0, 0, false },
		{ "member;range=5", false, 0, 0, 0, false },
		{ "member;range=5-", false, 0, 0, 0, false },
		{ "member;range=-5", false, 0, 0, 0, false },
		{ "member;range=5-4", false, 0, 0, 0, false },
		{ "member;range=0-4294967295", false, 0, 0, 0, false },
		{ "member;range=0-99999999999999999999", false, 0, 0, 0, false },
		{ "member;range=*-*", false, 0, 0, 0, false },
		{ "", false, 0, 0, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(rows); i++) {
		struct ad_range range = { 0 };

		assert_int_equal(ad_parse_range(rows[i].name, &range), rows[i].is_range);
		if (!rows[i].is_range)
			continue;
		assert_int_equal(range.name_len, rows[i].name_len);
		assert_int_equal(range.first, rows[i].first);
		assert_int_equal(range.last, rows[i].last);
		assert_int_equal(range.is_last, rows[i].is_last);
	}
}

static void test_names_by_guid(void **state)
{
	char base[AD_GUID_BASE_SIZE];
	struct buf filter = { 0 };
	struct entry_uuid guid;

	(void)state;
	memcpy(guid.bytes, guid_octets, sizeof(guid.bytes));
	ad_guid_base(&guid, base);
	assert_string_equal(base, "<GUID=2a28295c000102030405060708" "09feff>");
	ad_filter_guid(&guid, &filter);
	assert_string_equal(filter.data, "(objectGUID=\\2a\\28\\29\\5c\\00\\01\\02\\03\\04\\05\\06\\07"
					 "\\08\\09\\fe\\ff)");
	buf_clear(&filter);
	ad_filter_equal("member", "CN=Paul\\, (the *) é,DC=x", &filter);
	assert_string_equal(filter.data, "(member=CN=Paul\\5c, \\28the \\2a\\29 é,DC=x)");
	buf_free(&filter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_liblber_reads_dirsync),
		cmocka_unit_test(test_the_highest_flag_is_a_negative_number),
		cmocka_unit_test(test_dirsync_answers_are_read),
		cmocka_unit_test(test_every_truncation_is_refused),
		cmocka_unit_test(test_odd_controls_are_refused),
		cmocka_unit_test(test_liblber_reads_a_page),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_names_by_guid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
