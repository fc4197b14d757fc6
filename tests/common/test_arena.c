/* Memory that dies together: alignment, zeros, large pieces, texts. */
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/arena.h"

static void test_every_piece_is_its_own(void **state)
{
	struct arena arena = { .ctx = talloc_new(NULL) };
	unsigned char *pieces[500];
	char *texts[500];

	(void)state;
	for (size_t i = 0; i < 500; i++) {
		size_t size = i % 100 == 99 ? 400000 : 1 + i * 7 % 5000;

		pieces[i] = arena_zero(&arena, size);
		assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
		for (size_t at = 0; at < size; at++)
			assert_int_equal(pieces[i][at], 0);
		memset(pieces[i], (int)(i % 255), size);
		texts[i] = arena_text(&arena, "abc\0defgh", i % 10);
	}
	for (size_t i = 0; i < 500; i++) {
		size_t size = i % 100 == 99 ? 400000 : 1 + i * 7 % 5000;

		for (size_t at = 0; at < size; at++)
			assert_int_equal(pieces[i][at], i % 255);
		assert_memory_equal(texts[i], "abc\0defgh", i % 10);
		assert_int_equal(texts[i][i % 10], '\0');
	}
	talloc_free(arena.ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_piece_is_its_own) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
