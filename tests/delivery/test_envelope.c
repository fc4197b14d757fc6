/* delivery/envelope: one block, and a codec that survives whatever it reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "delivery/envelope.h"
#include "delivery/tlv.h"

static const char *const originals[] = { "staff@example.com", "j\xc3\xb6rg@example.com" };
static const struct envelope_rcpt rcpts[] = {
	{ .address = "a@example.com", .original = 0, .branch = 0, .notify = NOTIFY_NEVER },
	{ .address = "b@example.com",
	  .orcpt = "rfc822;staff+2Bx@example.com",
	  .home_server = "cn=MB1,cn=Servers,dc=example",
	  .original = 0,
	  .branch = 2,
	  .notify = NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY },
	{ .address = "c@example.net", .connector = "cn=Fax,dc=example", .original = 1 },
};

static struct envelope full_description(void)
{
	return (struct envelope){
		.guid = "0123456789abcde",
		.arrival_ms = 1700000000123,
		.transaction = "HQ-0001-2",
		.sender = "sender@example.com",
		.envid = "QQ314159",
		.ret = ENVELOPE_RET_HDRS,
		.is_smtputf8 = true,
		.client = { "192.0.2.7", "helo.example", "rdns.example", "Default", true, true },
		.body = { BODY_OCTETS, true, 1234567890123, 1234567890122, 1234567890121, 7, 512,
			  998, 3 },
		.original_count = 2,
		.rcpt_count = 3,
		.original = originals,
		.rcpt = rcpts,
	};
}

static void assert_same_text(const char *got, const char *want)
{
	assert_string_equal(got, want != NULL ? want : "");
}

static void assert_same_rcpt(const struct envelope_rcpt *got, const struct envelope_rcpt *want)
{
	assert_same_text(got->address, want->address);
	assert_same_text(got->orcpt, want->orcpt);
	assert_same_text(got->home_server, want->home_server);
	assert_same_text(got->connector, want->connector);
	assert_int_equal(got->original, want->original);
	assert_int_equal(got->branch, want->branch);
	assert_int_equal(got->notify, want->notify);
}

static void assert_same(const struct envelope *got, const struct envelope *want)
{
	assert_memory_equal(got->guid, want->guid, ENVELOPE_GUID_BYTES);
	assert_int_equal(got->arrival_ms, want->arrival_ms);
	assert_same_text(got->transaction, want->transaction);
	assert_same_text(got->sender, want->sender);
	assert_same_text(got->envid, want->envid);
	assert_int_equal(got->ret, want->ret);
	assert_int_equal(got->is_smtputf8, want->is_smtputf8);
	assert_same_text(got->client.ip, want->client.ip);
	assert_same_text(got->client.helo, want->client.helo);
	assert_same_text(got->client.name, want->client.name);
	assert_same_text(got->client.connector, want->client.connector);
	assert_int_equal(got->client.is_authenticated, want->client.is_authenticated);
	assert_int_equal(got->client.is_own_server, want->client.is_own_server);
	assert_int_equal(got->body.form, want->body.form);
	assert_int_equal(got->body.has_8bit, want->body.has_8bit);
	assert_int_equal(got->body.stored_size, want->body.stored_size);
	assert_int_equal(got->body.unstuffed_size, want->body.unstuffed_size);
	assert_int_equal(got->body.accepted_size, want->body.accepted_size);
	assert_int_equal(got->body.stuffed_dots, want->body.stuffed_dots);
	assert_int_equal(got->body.header_length, want->body.header_length);
	assert_int_equal(got->body.longest_line, want->body.longest_line);
	assert_int_equal(got->body.received_count, want->body.received_count);
	assert_int_equal(got->original_count, want->original_count);
	for (uint32_t i = 0; i < want->original_count; i++)
		assert_string_equal(got->original[i], want->original[i]);
	assert_int_equal(got->rcpt_count, want->rcpt_count);
	for (uint32_t i = 0; i < want->rcpt_count; i++)
		assert_same_rcpt(&got->rcpt[i], &want->rcpt[i]);
}

static struct envelope *decode(const struct buf *b)
{
	struct envelope *env;
	struct err e = { 0 };

	if (envelope_decode(b->data, b->len, &env, &e) < 0)
		fail_msg("decode: %s", e.text);
	return env;
}

static void test_copy_and_codec_keep_every_member(void **state)
{
	struct envelope description = full_description();
	struct envelope *copy = envelope_new(&description), *decoded;
	struct buf first = { 0 }, again = { 0 };

	(void)state;
	assert_same(copy, &description);
	envelope_encode(&description, &first);
	envelope_encode(copy, &again);
	assert_int_equal(first.len, again.len);
	assert_memory_equal(first.data, again.data, first.len);
	decoded = decode(&first);
	assert_same(decoded, &description);
	envelope_unref(envelope_ref(decoded));
	assert_same(decoded, copy);
	envelope_unref(decoded);
	envelope_unref(copy);
	envelope_unref(NULL);
	buf_free(&first);
	buf_free(&again);
}

static void test_null_sender_and_no_text_are_empty(void **state)
{
	struct envelope description = { .guid = { 0 } };
	struct envelope *copy = envelope_new(&description), *decoded;
	struct buf b = { 0 };

	(void)state;
	assert_string_equal(copy->sender, "");
	assert_string_equal(copy->client.ip, "");
	envelope_encode(copy, &b);
	decoded = decode(&b);
	assert_same(decoded, &description);
	assert_string_equal(decoded->sender, "");
	envelope_unref(decoded);
	envelope_unref(copy);
	buf_free(&b);
}

/* A copy of the right size, so that the sanitizer sees one octet too many. */
static int decode_copy(const char *data, size_t len, struct envelope **env_r, struct err *e)
{
	char *copy = mem_alloc(len);
	int result;

	memcpy(copy, data, len);
	result = envelope_decode(copy, len, env_r, e);
	free(copy);
	return result;
}

static bool is_field_boundary(const struct buf *b, size_t len)
{
	struct tlv_reader r;
	struct tlv t;

	tlv_read(&r, b->data + 2, b->len - 2);
	while ((const char *)r.at < b->data + len && tlv_next(&r, &t) > 0)
		;
	return (const char *)r.at == b->data + len;
}

static void test_cut_anywhere_but_between_fields_is_refused(void **state)
{
	struct envelope description = full_description(), *env;
	struct buf b = { 0 };
	struct err e;

	(void)state;
	envelope_encode(&description, &b);
	for (size_t len = 0; len < b.len; len++) {
		int result = decode_copy(b.data, len, &env, &e);

		assert_int_equal(result, len >= 2 && is_field_boundary(&b, len) ? 0 : -1);
		if (result == 0)
			envelope_unref(env);
	}
	buf_free(&b);
}

static void test_any_changed_octet_is_survived(void **state)
{
	struct envelope description = full_description(), *env;
	struct buf b = { 0 };
	struct err e;

	(void)state;
	envelope_encode(&description, &b);
	for (size_t i = 0; i < b.len; i++) {
		char old = b.data[i];

		for (int bit = 0; bit < 8; bit++) {
			b.data[i] = (char)(old ^ 1 << bit);
			if (decode_copy(b.data, b.len, &env, &e) == 0)
				envelope_unref(env);
		}
		b.data[i] = old;
	}
	buf_free(&b);
}

static void test_unknown_field_is_skipped_only_if_optional(void **state)
{
	struct envelope description = full_description(), *env;
	struct buf b = { 0 };
	struct err e = { 0 };

	(void)state;
	envelope_encode(&description, &b);
	tlv_put_text(&b, TLV_OPTIONAL | 900, "from the future");
	env = decode(&b);
	assert_same(env, &description);
	envelope_unref(env);
	b.data[0] = 9; /* the version that wrote it */
	tlv_put_text(&b, 901, "and it matters");
	assert_int_equal(envelope_decode(b.data, b.len, &env, &e), -1);
	assert_int_equal(e.domain, ERR_STORE);
	assert_non_null(strstr(e.text, "901"));
	assert_non_null(strstr(e.text, "version 9 "));
	assert_true(e.remedy[0] != '\0');
	buf_free(&b);
}

static void test_wrong_values_are_refused(void **state)
{
	static const struct {
		const char *name;
		uint16_t tag;
		const char *value;
		size_t len;
	} rows[] = {
		{ "guid too short", 1, "123", 3 },
		{ "NUL in an original recipient", 2, "a\0b", 3 },
		{ "recipient of no original", 3, "\5\0\1\0\0\0\7", 7 },
		{ "field cut short in a recipient", 3, "\1\0\011\0\0\0a", 7 },
		{ "NUL in the sender", 18, "a\0b", 3 },
		{ "number of 9 octets", 16, "123456789", 9 },
		{ "RET of a later version", 20, "\7", 1 },
		{ "form of a later version", 48, "\2", 1 },
		{ "flag that is neither", 49, "\2", 1 },
		{ "header length beyond 32 bits", 54, "\0\0\0\0\1", 5 },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(rows); i++) {
		struct envelope description = full_description(), *env;
		struct buf b = { 0 };
		struct err e = { 0 };

		envelope_encode(&description, &b);
		tlv_put(&b, rows[i].tag, rows[i].value, rows[i].len);
		if (envelope_decode(b.data, b.len, &env, &e) == 0)
			fail_msg("accepted: %s", rows[i].name);
		assert_int_equal(e.domain, ERR_STORE);
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy_and_codec_keep_every_member),
		cmocka_unit_test(test_null_sender_and_no_text_are_empty),
		cmocka_unit_test(test_cut_anywhere_but_between_fields_is_refused),
		cmocka_unit_test(test_any_changed_octet_is_survived),
		cmocka_unit_test(test_unknown_field_is_skipped_only_if_optional),
		cmocka_unit_test(test_wrong_values_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
