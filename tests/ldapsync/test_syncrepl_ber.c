/* RFC 4533 in BER: what liblber encodes is understood, what is broken is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <ldap.h>

#include "ldapsync/syncrepl_ber.h"

static const char uuid[] = "0123456789abcdef";

/* The encoding as liblber makes it, in a block of its exact size. */
static struct berval flatten(BerElement *ber)
{
	struct berval value, copy;

	assert_int_equal(ber_flatten2(ber, &value, 0), 0);
	copy.bv_len = value.bv_len;
	copy.bv_val = malloc(value.bv_len ? value.bv_len : 1);
	memcpy(copy.bv_val, value.bv_val, value.bv_len);
	ber_free(ber, 1);
	return copy;
}

static void test_sync_state_is_read(void **state)
{
	BerElement *ber = ber_alloc_t(LBER_USE_DER);
	struct syncrepl_state_value value;
	struct berval octets;

	(void)state;
	ber_printf(ber, "{eoo}", (ber_int_t)2, uuid, (ber_len_t)16, "cookie", (ber_len_t)6);
	octets = flatten(ber);
	assert_int_equal(syncrepl_decode_state(octets.bv_val, octets.bv_len, &value, NULL), 0);
	assert_int_equal(value.state, SYNCREPL_MODIFY);
	assert_memory_equal(value.uuid.bytes, uuid, 16);
	assert_int_equal(value.cookie.len, 6);
	assert_memory_equal(value.cookie.data, "cookie", 6);
	free(octets.bv_val);
}

static void test_sync_state_without_cookie_is_read(void **state)
{
	BerElement *ber = ber_alloc_t(LBER_USE_DER);
	struct syncrepl_state_value value;
	struct berval octets;

	(void)state;
	ber_printf(ber, "{eo}", (ber_int_t)1, uuid, (ber_len_t)16);
	octets = flatten(ber);
	assert_int_equal(syncrepl_decode_state(octets.bv_val, octets.bv_len, &value, NULL), 0);
	assert_null(value.cookie.data);
	free(octets.bv_val);
}

static struct berval id_set(void)
{
	BerElement *ber = ber_alloc_t(LBER_USE_DER);

	ber_printf(ber, "t{ob[oo]}", LDAP_TAG_SYNC_ID_SET, "c", (ber_len_t)1, (ber_int_t)1, uuid,
		   (ber_len_t)16, uuid, (ber_len_t)16);
	return flatten(ber);
}

static void test_sync_info_is_read(void **state)
{
	struct syncrepl_info info;
	struct buf uuids = { 0 };
	struct berval octets = id_set();
	BerElement *ber;

	(void)state;
	assert_int_equal(syncrepl_decode_info(octets.bv_val, octets.bv_len, &info, &uuids, NULL), 0);
	assert_int_equal(info.kind, SYNCREPL_ID_SET);
	assert_true(info.refresh_deletes);
	assert_int_equal(uuids.len, 32);
	free(octets.bv_val);

	ber = ber_alloc_t(LBER_USE_DER);
	ber_printf(ber, "t{ob}", LDAP_TAG_SYNC_REFRESH_PRESENT, "cc", (ber_len_t)2, (ber_int_t)0);
	octets = flatten(ber);
	assert_int_equal(syncrepl_decode_info(octets.bv_val, octets.bv_len, &info, &uuids, NULL), 0);
	assert_int_equal(info.kind, SYNCREPL_REFRESH_PRESENT);
	assert_false(info.refresh_done);
	assert_int_equal(info.cookie.len, 2);
	assert_int_equal(uuids.len, 0);
	free(octets.bv_val);

	ber = ber_alloc_t(LBER_USE_DER);
	ber_printf(ber, "t{}", LDAP_TAG_SYNC_REFRESH_DELETE);
	octets = flatten(ber);
	assert_int_equal(syncrepl_decode_info(octets.bv_val, octets.bv_len, &info, &uuids, NULL), 0);
	assert_int_equal(info.kind, SYNCREPL_REFRESH_DELETE);
	assert_true(info.refresh_done);
	free(octets.bv_val);

	ber = ber_alloc_t(LBER_USE_DER);
	ber_printf(ber, "to", LDAP_TAG_SYNC_NEW_COOKIE, "new", (ber_len_t)3);
	octets = flatten(ber);
	assert_int_equal(syncrepl_decode_info(octets.bv_val, octets.bv_len, &info, &uuids, NULL), 0);
	assert_int_equal(info.kind, SYNCREPL_NEW_COOKIE);
	assert_memory_equal(info.cookie.data, "new", 3);
	free(octets.bv_val);
	buf_free(&uuids);
}

static void test_every_truncation_is_refused(void **state)
{
	struct berval octets = id_set();
	struct syncrepl_info info;
	struct buf uuids = { 0 };
	struct err err;

	(void)state;
	for (size_t len = 0; len < octets.bv_len; len++) {
		char *part = malloc(len ? len : 1);

		memcpy(part, octets.bv_val, len);
		assert_int_equal(syncrepl_decode_info(part, len, &info, &uuids, &err), -1);
		assert_int_equal(err.domain, ERR_PROTOCOL);
		free(part);
	}
	free(octets.bv_val);
	buf_free(&uuids);
}

static void test_odd_lengths_and_tags_are_refused(void **state)
{
	static const struct {
		const char *octets;
		size_t len;
	} bad[] = {
		{ "\x30\x80\x0a\x01\x01", 5 },                     /* indefinite length */
		{ "\x30\x85\x00\x00\x00\x00\x01", 7 },             /* length of five octets */
		{ "\x30\x84\xff\xff\xff\xff\x0a", 7 },
		{ "\x30\x05\x0a\x01\x01\x04\x00", 7 },             /* UUID of no octets */
		{ "\x30\x00", 2 },
		{ "\x04\x00", 2 },
	};
	struct syncrepl_state_value value;
	struct syncrepl_info info;
	struct buf uuids = { 0 };

	(void)state;
	for (size_t i = 0; i < WP_COUNT(bad); i++) {
		assert_int_equal(syncrepl_decode_state(bad[i].octets, bad[i].len, &value, NULL), -1);
		assert_int_equal(syncrepl_decode_info(bad[i].octets, bad[i].len, &info, &uuids,
						      NULL), -1);
	}
	buf_free(&uuids);
}

static void test_liblber_reads_the_request(void **state)
{
	struct buf cookie = { 0 }, out = { 0 };
	struct berval value, got;
	ber_int_t mode;
	BerElement *ber;

	(void)state;
	for (int i = 0; i < 40; i++)
		buf_adds(&cookie, "rid=1,csn"); /* long enough for a long length */
	syncrepl_encode_request(SYNCREPL_REFRESH_AND_PERSIST, &cookie, &out);
	value = (struct berval){ out.len, out.data };
	ber = ber_init(&value);
	assert_int_not_equal(ber_scanf(ber, "{em}", &mode, &got), LBER_ERROR);
	assert_int_equal(mode, LDAP_SYNC_REFRESH_AND_PERSIST);
	assert_int_equal(got.bv_len, cookie.len);
	assert_memory_equal(got.bv_val, cookie.data, cookie.len);
	ber_free(ber, 1);
	buf_free(&cookie);
	buf_free(&out);

	syncrepl_encode_request(SYNCREPL_REFRESH_ONLY, &cookie, &out);
	assert_int_equal(out.len, 5);
	assert_memory_equal(out.data, "\x30\x03\x0a\x01\x01", 5);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sync_state_is_read),
		cmocka_unit_test(test_sync_state_without_cookie_is_read),
		cmocka_unit_test(test_sync_info_is_read),
		cmocka_unit_test(test_every_truncation_is_refused),
		cmocka_unit_test(test_odd_lengths_and_tags_are_refused),
		cmocka_unit_test(test_liblber_reads_the_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
