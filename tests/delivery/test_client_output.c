/* The sequence of commands and bodies: whatever is taken at a time, the same octets leave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "delivery/client_private.h"

/* Takes at most STEP octets and ENTRIES entries at a time until nothing is left. */
static void drain(struct client_output *out, size_t step, int entries, struct buf *got)
{
	struct iovec iov[8];
	int n;

	while ((n = client_output_fill(out, iov, entries)) > 0) {
		size_t total = 0;

		assert_true(n <= entries);
		assert_true(client_output_is_held(out));
		for (int i = 0; i < n && total < step; i++) {
			size_t take = iov[i].iov_len < step - total ? iov[i].iov_len : step - total;

			assert_true(iov[i].iov_len > 0);
			buf_add(got, iov[i].iov_base, take);
			total += take;
		}
		client_output_wrote(out, total);
	}
	assert_false(client_output_is_held(out));
	assert_int_equal(out->written, out->queued);
}

static void commands_surround_bodies_at_every_step(void **state)
{
	static const char first[] = "first body\r\n", second[] = "2\r\n";
	static const char want[] = "DATA\r\nfirst body\r\n.\r\nMAIL\r\nDATA\r\n2\r\n.\r\nQUIT\r\n";
	struct span_list one = { 0 }, two = { 0 }, none = { 0 };

	(void)state;
	/* by hand, since span_add joins neighbours */
	one.few[0] = (struct span){ first, 6 };
	one.few[1] = (struct span){ first + 6, 6 };
	one.count = 2;
	one.total_bytes = 12;
	span_add(&two, second, 3);
	for (size_t step = 1; step <= sizeof(want); step++) {
		for (int entries = 1; entries <= 8; entries++) {
			struct client_output out = { 0 };
			struct buf got = { 0 };

			client_output_adds(&out, "DATA\r\n");
			drain(&out, step, entries, &got);
			client_output_body(&out, &one);
			client_output_adds(&out, ".\r\n");
			client_output_adds(&out, "MAIL\r\nDATA\r\n");
			drain(&out, step, entries, &got);
			client_output_body(&out, &two);
			client_output_adds(&out, ".\r\n");
			drain(&out, step, entries, &got);
			client_output_body(&out, &none);
			client_output_adds(&out, "QUIT\r\n");
			drain(&out, step, entries, &got);
			assert_string_equal(got.data, want);
			buf_free(&got);
			client_output_fini(&out);
		}
	}
}

static void the_memory_of_a_huge_envelope_is_given_back(void **state)
{
	struct client_output out = { 0 };
	struct buf got = { 0 };

	(void)state;
	for (int i = 0; i < 5000; i++)
		client_output_adds(&out, "RCPT TO:<somebody@example.com>\r\n");
	drain(&out, 1460, 4, &got);
	assert_int_equal(got.len, 5000 * 32);
	assert_int_equal(out.head.cap, 0);
	client_output_adds(&out, "RSET\r\n");
	buf_clear(&got);
	drain(&out, 1460, 4, &got);
	assert_string_equal(got.data, "RSET\r\n");
	buf_free(&got);
	client_output_fini(&out);
}

static void more_than_there_is_cannot_be_written(void **state)
{
	struct client_output out = { 0 };
	struct iovec iov[1];

	(void)state;
	client_output_adds(&out, "RSET\r\n");
	client_output_wrote(&out, 1000);
	assert_int_equal(out.written, 6);
	assert_int_equal(client_output_fill(&out, iov, 1), 0);
	client_output_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_surround_bodies_at_every_step),
		cmocka_unit_test(the_memory_of_a_huge_envelope_is_given_back),
		cmocka_unit_test(more_than_there_is_cannot_be_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
