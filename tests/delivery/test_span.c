/* Span lists and the edits of a branch, against plain copying. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "delivery/span.h"

static void gather(const struct span_list *list, const struct span_cursor *at, struct buf *out)
{
	struct iovec iov[64];
	int n = span_fill_iov(list, at, iov, 64);

	buf_clear(out);
	buf_adds(out, "");
	for (int i = 0; i < n; i++)
		buf_add(out, iov[i].iov_base, iov[i].iov_len);
}

static void every_position_is_reached_in_any_steps(void **state)
{
	static const char *const parts[] = { "a", "bcd", "", "ef", "ghij", "k", "lmn", "o" };
	static const char whole[] = "abcdefghijklmno";
	struct span_list list = { 0 };
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < WP_COUNT(parts); i++) {
		/* apart in memory, so that nothing is joined */
		char *copy = calloc(1, 64);

		memcpy(copy + 8, parts[i], strlen(parts[i]));
		span_add(&list, copy + 8, strlen(parts[i]));
		if (!*parts[i])
			free(copy);
	}
	assert_int_equal(list.total_bytes, strlen(whole));
	assert_int_equal(list.count, 7);
	for (uint64_t step = 1; step <= strlen(whole) + 3; step++) {
		struct span_cursor at = { 0 };

		while (at.position < list.total_bytes) {
			char copied[64] = "";
			size_t n = span_copy(&list, &at, copied, step);

			assert_memory_equal(copied, whole + at.position, n);
			gather(&list, &at, &out);
			assert_string_equal(out.data, whole + at.position);
			span_advance(&list, &at, step);
		}
		assert_int_equal(at.position, list.total_bytes);
		gather(&list, &at, &out);
		assert_int_equal(out.len, 0);
	}
	for (uint32_t i = 0; i < list.count; i++)
		free((char *)(uintptr_t)span_items(&list)[i].data - 8);
	span_list_fini(&list);
	buf_free(&out);
}

static void neighbours_are_joined_and_few_entries_limit_the_vector(void **state)
{
	static const char text[] = "0123456789";
	struct span_list list = { 0 };
	struct span_cursor at = { 0 };
	struct iovec iov[2];

	(void)state;
	span_add(&list, text, 3);
	span_add(&list, text + 3, 3);
	assert_int_equal(list.count, 1);
	for (int i = 0; i < 9; i += 2)
		span_add(&list, text + i, 1);
	assert_int_equal(list.count, 6);
	assert_int_equal(span_fill_iov(&list, &at, iov, 2), 2);
	assert_int_equal(span_fill_iov(&list, &at, iov, 0), 0);
	span_list_clear(&list);
	span_add(&list, text, 1);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.total_bytes, 1);
	assert_true(span_items(&list)[0].data == text);
	span_list_fini(&list);
}

static void expect_edited(const struct edit_list *edits, const char *body, const char *want)
{
	struct span_list spans = { 0 };
	struct span_cursor at = { 0 };
	struct buf out = { 0 };

	edit_apply(edits, body, strlen(body), &spans);
	gather(&spans, &at, &out);
	assert_string_equal(out.data, want);
	assert_int_equal(spans.total_bytes, strlen(want));
	span_list_fini(&spans);
	buf_free(&out);
}

static void edits_apply_in_the_order_of_their_places(void **state)
{
	struct edit_list edits = { 0 };

	(void)state;
	expect_edited(NULL, "body", "body");
	expect_edited(&edits, "", "");
	edit_remove(&edits, 6, 2);
	edit_prepend(&edits, "B", 1);
	edit_replace(&edits, 2, 2, "XYZ", 3);
	edit_prepend(&edits, "A", 1);
	expect_edited(&edits, "0123456789", "AB01XYZ4589");
	edit_remove(&edits, 0, 1); /* behind what is prepended */
	expect_edited(&edits, "0123456789", "AB1XYZ4589");
	edit_remove(&edits, 9, 100); /* cut at the end */
	expect_edited(&edits, "0123456789", "AB1XYZ458");
	edit_remove(&edits, 50, 1);
	expect_edited(&edits, "0123456789", "AB1XYZ458");
	edit_list_fini(&edits);
	edit_remove(&edits, 2, 4); /* overlapping and contained */
	edit_remove(&edits, 3, 1);
	edit_remove(&edits, 4, 4);
	expect_edited(&edits, "0123456789", "0189");
	edit_list_fini(&edits);
	edit_remove(&edits, 1, UINT64_MAX);
	expect_edited(&edits, "0123456789", "0");
	edit_list_fini(&edits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_position_is_reached_in_any_steps),
		cmocka_unit_test(neighbours_are_joined_and_few_entries_limit_the_vector),
		cmocka_unit_test(edits_apply_in_the_order_of_their_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
