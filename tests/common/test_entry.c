/* Entries: attributes, the encoded form and what it refuses, UUIDs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/entry.h"

static struct entry *sample(TALLOC_CTX *ctx)
{
	struct entry *entry = entry_new(ctx, "cn=a,dc=example");

	memset(entry->uuid.bytes, 0xab, sizeof(entry->uuid.bytes));
	entry_add_text(entry, "objectClass", "top");
	entry_add_text(entry, "OBJECTCLASS", "waypostSite");
	entry_add(entry, "waypostCertificate;binary", "a\0b", 3);
	entry_add_text(entry, "description", "");
	return entry;
}

static void test_attributes_are_found_whatever_the_case(void **state)
{
	struct entry *entry = sample(NULL);

	(void)state;
	assert_int_equal(entry->n_attributes, 3);
	assert_int_equal(entry_find(entry, "objectclass")->n_values, 2);
	assert_true(entry_has_class(entry, "WAYPOSTSITE"));
	assert_false(entry_has_class(entry, "waypostSiteLink"));
	assert_null(entry_find(entry, "object"));
	assert_string_equal(entry_text(entry, "description"), "");
	assert_null(entry_text(entry, "mail"));
	talloc_free(entry);
}

static void test_options_of_an_attribute_are_dropped(void **state)
{
	struct entry *entry = sample(NULL);
	const struct entry_attribute *found = entry_find(entry, "waypostCertificate");

	(void)state;
	assert_non_null(found);
	assert_int_equal(found->values[0].len, 3);
	assert_memory_equal(found->values[0].data, "a\0b", 4);
	talloc_free(entry);
}

static void test_decoding_gives_back_what_was_encoded(void **state)
{
	struct entry *entry = sample(NULL), *back;
	struct buf bytes = { 0 }, again = { 0 };

	(void)state;
	entry_encode(entry, &bytes);
	back = entry_decode(NULL, bytes.data, bytes.len, NULL);
	assert_non_null(back);
	assert_string_equal(back->dn, entry->dn);
	assert_true(entry_uuid_equal(&back->uuid, &entry->uuid));
	entry_encode(back, &again);
	assert_int_equal(bytes.len, again.len);
	assert_memory_equal(bytes.data, again.data, bytes.len);
	talloc_free(entry);
	talloc_free(back);
	buf_free(&bytes);
	buf_free(&again);
}

static void test_a_truncated_or_longer_form_is_refused(void **state)
{
	struct entry *entry = sample(NULL);
	struct buf bytes = { 0 };
	struct err err;

	(void)state;
	entry_encode(entry, &bytes);
	for (size_t len = 0; len < bytes.len; len++) {
		char *part = malloc(len ? len : 1); /* so that a read beyond it is seen */

		memcpy(part, bytes.data, len);
		assert_null(entry_decode(NULL, part, len, &err));
		assert_int_equal(err.domain, ERR_STORE);
		free(part);
	}
	buf_addc(&bytes, 'x');
	assert_null(entry_decode(NULL, bytes.data, bytes.len, &err));
	talloc_free(entry);
	buf_free(&bytes);
}

static void test_any_changed_octet_decodes_or_is_refused(void **state)
{
	struct entry *entry = sample(NULL);
	struct buf bytes = { 0 };

	(void)state;
	entry_encode(entry, &bytes);
	for (size_t i = 0; i < bytes.len; i++) {
		char old = bytes.data[i];

		for (int v = 0; v < 256; v += 5) {
			bytes.data[i] = (char)v;
			talloc_free(entry_decode(entry, bytes.data, bytes.len, NULL));
		}
		bytes.data[i] = old;
	}
	talloc_free(entry);
	buf_free(&bytes);
}

static void test_uuid_text_round_trips(void **state)
{
	static const char text[] = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
	static const char *const bad[] = { "", "6ba7b810-9dad-11d1-80b4-00c04fd430c",
					   "6ba7b810x9dad-11d1-80b4-00c04fd430c8",
					   "6ba7b810-9dad-11d1-80b4-00c04fd430cg",
					   "6ba7b8109dad-11d1-80b4-00c04fd430c8--" };
	struct entry_uuid uuid;
	char back[37];

	(void)state;
	assert_true(entry_uuid_parse(text, 36, &uuid));
	entry_uuid_format(&uuid, back);
	assert_string_equal(back, text);
	for (size_t i = 0; i < WP_COUNT(bad); i++)
		assert_false(entry_uuid_parse(bad[i], strlen(bad[i]), &uuid));
}

static void test_uuid_made_from_a_key_is_stable_and_marked(void **state)
{
	struct entry_uuid a, b, other;

	(void)state;
	entry_uuid_from_key("cn=a,dc=example", &a);
	entry_uuid_from_key("cn=a,dc=example", &b);
	entry_uuid_from_key("cn=b,dc=example", &other);
	assert_true(entry_uuid_equal(&a, &b));
	assert_false(entry_uuid_equal(&a, &other));
	assert_int_equal(a.bytes[6] >> 4, 8);
	assert_int_equal(a.bytes[8] >> 6, 2);
	assert_false(entry_uuid_is_null(&a));
}

static void test_values_are_taken_out_of_a_copy(void **state)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct entry *entry = entry_new(ctx, "cn=a"), *copy;

	(void)state;
	entry_add_text(entry, "x", "1");
	entry_add_text(entry, "x", "2");
	entry_add_text(entry, "y", "3");
	copy = entry_copy(ctx, entry);
	entry_drop_value(copy, "X", 2);
	entry_drop_value(copy, "z", 0);
	entry_drop(copy, "z");
	assert_int_equal(entry_find(copy, "x")->n_values, 2);
	entry_drop_value(copy, "X", 0);
	assert_string_equal(entry_text(copy, "x"), "2");
	entry_drop_value(copy, "x", 0);
	assert_null(entry_find(copy, "x"));
	assert_string_equal(entry_text(copy, "y"), "3");
	entry_add_text(copy, "x", "4");
	entry_drop(copy, "Y");
	assert_int_equal(copy->n_attributes, 1);
	assert_string_equal(entry_text(copy, "x"), "4");
	assert_int_equal(entry->n_attributes, 2);
	assert_int_equal(entry_find(entry, "x")->n_values, 2);
	talloc_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attributes_are_found_whatever_the_case),
		cmocka_unit_test(test_options_of_an_attribute_are_dropped),
		cmocka_unit_test(test_decoding_gives_back_what_was_encoded),
		cmocka_unit_test(test_a_truncated_or_longer_form_is_refused),
		cmocka_unit_test(test_any_changed_octet_decodes_or_is_refused),
		cmocka_unit_test(test_uuid_text_round_trips),
		cmocka_unit_test(test_values_are_taken_out_of_a_copy),
		cmocka_unit_test(test_uuid_made_from_a_key_is_stable_and_marked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
