/* What a notification says in plain words, and when there is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "delivery/dsn.h"

static void there_is_none_for_the_null_sender(void **state)
{
	struct dsn_rcpt rcpt = { "r@b.example", "", DSN_FAILED, NULL };
	struct dsn_request request = { .reporting_host = "h",
				       .postmaster = "",
				       .id = "1",
				       .sender = "",
				       .envid = "",
				       .received_from = "",
				       .message_id = "",
				       .data = "",
				       .rcpts = &rcpt,
				       .rcpt_count = 1 };
	struct buf out = { 0 };
	bool is_8bit;

	(void)state;
	assert_false(dsn_build(&request, &out, &is_8bit));
	assert_int_equal(out.len, 0);
	request.sender = "s@a.example"; /* an empty message is no trouble */
	assert_true(dsn_build(&request, &out, &is_8bit));
	assert_false(is_8bit);
	assert_non_null(strstr(out.data, "postmaster@h"));
	assert_null(strstr(out.data, "text/rfc822-headers")); /* none of it is returned */
	buf_free(&out);
}

static void the_most_special_explanation_is_taken(void **state)
{
	static const struct {
		const char *status, *cause;
	} rows[] = {
		{ "5.1.1", "the address does not exist there" },
		{ "5.1.10", "the domain takes no mail at all" },
		{ "5.1.99", "there is something wrong with an address" },
		{ "5.2.2", "the recipient's mailbox is full" },
		{ "4.2.2", "the recipient's mailbox is full" },
		{ "4.3.1", "the receiving system has no room left" },
		{ "5.3.1", "the receiving system cannot take the message" },
		{ "5.7.26", "it was refused by a rule of security or policy" },
		{ "4.0.0", "the receiving system cannot take the message now" },
		{ "5.0.0", "the receiving system refused it" },
		{ "", "the receiving system refused it" },
		{ "2.1.5", "it was taken" },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(rows); i++) {
		const char *cause, *remedy;

		dsn_explain(rows[i].status, &cause, &remedy);
		assert_string_equal(cause, rows[i].cause);
		assert_non_null(remedy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_is_none_for_the_null_sender),
		cmocka_unit_test(the_most_special_explanation_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
