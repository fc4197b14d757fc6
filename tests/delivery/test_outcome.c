/* What replies and breaks mean, and that an outcome survives storage and hostile text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "delivery/outcome.h"
#include "delivery/smtp_reply_parser.h"

static struct smtp_reply reply_of(unsigned code, const char *status, const char *text)
{
	struct smtp_reply r = { .code = (uint16_t)code, .lines = 1 };

	strcpy(r.status, status);
	r.text = text;
	r.text_len = strlen(text);
	return r;
}

static void the_rule_of_unavailability(void **state)
{
	static const struct {
		enum outcome_stage stage;
		unsigned code;
		const char *status;
		bool is_unavailable;
	} rows[] = {
		{ OUTCOME_STAGE_NONE, 0, "5.4.6", false },
		{ OUTCOME_STAGE_RESOLVE, 0, "4.4.3", true },
		{ OUTCOME_STAGE_CONNECT, 0, "4.4.1", true },
		{ OUTCOME_STAGE_BANNER, 0, "4.4.2", true },
		{ OUTCOME_STAGE_BANNER, 554, "", true },
		{ OUTCOME_STAGE_BANNER, 421, "4.3.2", true },
		{ OUTCOME_STAGE_BANNER, 220, "", false },
		{ OUTCOME_STAGE_EHLO, 550, "5.7.1", true },
		{ OUTCOME_STAGE_EHLO, 450, "", true },
		{ OUTCOME_STAGE_STARTTLS, 454, "4.7.0", true },
		{ OUTCOME_STAGE_STARTTLS, 0, "4.7.5", true },
		{ OUTCOME_STAGE_MAIL, 0, "4.4.2", true },
		{ OUTCOME_STAGE_MAIL, 421, "", true },
		{ OUTCOME_STAGE_MAIL, 452, "4.3.1", true },
		{ OUTCOME_STAGE_MAIL, 452, "", false },
		{ OUTCOME_STAGE_MAIL, 451, "4.7.1", false },
		{ OUTCOME_STAGE_MAIL, 550, "5.3.0", false },
		{ OUTCOME_STAGE_MAIL, 250, "2.1.0", false },
		{ OUTCOME_STAGE_RCPT, 421, "4.3.2", false },
		{ OUTCOME_STAGE_RCPT, 0, "4.4.2", false },
		{ OUTCOME_STAGE_DATA, 451, "4.3.0", false },
		{ OUTCOME_STAGE_DOT, 421, "4.3.2", false },
		{ OUTCOME_STAGE_DOT, 0, "4.4.2", false },
		{ OUTCOME_STAGE_QUIT, 0, "4.4.2", false },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(rows); i++) {
		bool got =
			outcome_host_unavailable(rows[i].stage, rows[i].code, rows[i].status);

		if (got != rows[i].is_unavailable)
			fail_msg("row %zu: %s %u %s", i, outcome_stage_name(rows[i].stage),
				 rows[i].code, rows[i].status);
	}
}

static void a_reply_becomes_class_and_status(void **state)
{
	static const struct {
		enum outcome_stage stage;
		unsigned code;
		const char *status;
		enum outcome_class class;
		const char *status_r;
	} rows[] = {
		{ OUTCOME_STAGE_DOT, 250, "2.6.0", OUTCOME_DELIVERED, "2.6.0" },
		{ OUTCOME_STAGE_DOT, 250, "", OUTCOME_DELIVERED, "2.0.0" },
		{ OUTCOME_STAGE_DOT, 554, "", OUTCOME_FAILED, "5.0.0" },
		{ OUTCOME_STAGE_DOT, 451, "", OUTCOME_DEFERRED, "4.0.0" },
		{ OUTCOME_STAGE_RCPT, 550, "5.1.1", OUTCOME_FAILED, "5.1.1" },
		{ OUTCOME_STAGE_RCPT, 552, "", OUTCOME_DEFERRED, "4.0.0" },
		{ OUTCOME_STAGE_RCPT, 552, "5.2.2", OUTCOME_FAILED, "5.2.2" },
		{ OUTCOME_STAGE_DATA, 552, "", OUTCOME_FAILED, "5.0.0" },
		{ OUTCOME_STAGE_MAIL, 421, "", OUTCOME_HOST_UNAVAILABLE, "4.0.0" },
		{ OUTCOME_STAGE_BANNER, 554, "", OUTCOME_HOST_UNAVAILABLE, "4.3.2" },
		{ OUTCOME_STAGE_BANNER, 554, "5.7.1", OUTCOME_HOST_UNAVAILABLE, "5.7.1" },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(rows); i++) {
		struct smtp_reply r = reply_of(rows[i].code, rows[i].status, "text");
		struct outcome *o = outcome_from_reply(rows[i].stage, &r, NULL);

		assert_int_equal(o->class, rows[i].class);
		assert_string_equal(o->status, rows[i].status_r);
		assert_int_equal(o->diagnostic, OUTCOME_DIAGNOSTIC_SMTP);
		assert_int_equal(o->smtp_code, rows[i].code);
		assert_string_equal(o->reply, "text");
		assert_string_equal(o->host, "");
		outcome_unref(o);
	}
}

static void unknown_is_empty_never_null(void **state)
{
	struct outcome *o = outcome_new(&(struct outcome){ .class = OUTCOME_FAILED });

	(void)state;
	assert_string_equal(o->status, "");
	assert_string_equal(o->reply, "");
	assert_string_equal(o->host, "");
	assert_string_equal(o->address, "");
	assert_string_equal(o->tls, "");
	outcome_unref(o);
	outcome_unref(NULL);
}

static void texts_are_printable_and_bounded(void **state)
{
	struct smtp_reply r = reply_of(550, "5.1.1", "");
	struct outcome_peer peer = { .host = "h\r\nX: y" };
	char text[3 * OUTCOME_REPLY_MAX];
	struct outcome *o;

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "a\r\nb\0c\n\xc3\xa4\x7f", 10);
	r.text = text;
	r.text_len = sizeof(text);
	o = outcome_from_reply(OUTCOME_STAGE_RCPT, &r, &peer);
	assert_memory_equal(o->reply, "a  b c ?? xxx", 13);
	assert_int_equal(strlen(o->reply), OUTCOME_REPLY_MAX);
	assert_string_equal(o->host, "h  X: y");
	outcome_unref(o);
}

static void a_broken_connection_is_judged_by_its_stage(void **state)
{
	struct outcome_peer peer = { "mx.example", "192.0.2.1:25", "" };
	struct outcome *o =
		outcome_broken(OUTCOME_STAGE_CONNECT, "4.4.1", &peer, "%s", "refused");

	(void)state;
	assert_int_equal(o->class, OUTCOME_HOST_UNAVAILABLE);
	assert_int_equal(o->diagnostic, OUTCOME_DIAGNOSTIC_LOCAL);
	assert_string_equal(o->address, "192.0.2.1:25");
	outcome_unref(o);
	o = outcome_broken(OUTCOME_STAGE_DOT, "4.4.2", &peer, "lost");
	assert_int_equal(o->class, OUTCOME_DEFERRED);
	outcome_unref(o);
}

static void the_stored_form_comes_back(void **state)
{
	struct outcome_peer peer = { "mx.example", "[2001:db8::1]:25", "TLSv1.3" };
	struct smtp_reply r = reply_of(550, "5.7.1", "no");
	struct outcome *o = outcome_from_reply(OUTCOME_STAGE_DOT, &r, &peer), *back;
	struct buf stored = { 0 };

	(void)state;
	outcome_encode(o, &stored);
	back = outcome_decode(stored.data, stored.len);
	assert_non_null(back);
	assert_int_equal(back->class, o->class);
	assert_int_equal(back->stage, o->stage);
	assert_int_equal(back->diagnostic, o->diagnostic);
	assert_int_equal(back->smtp_code, 550);
	assert_string_equal(back->status, "5.7.1");
	assert_string_equal(back->reply, "no");
	assert_string_equal(back->host, "mx.example");
	assert_string_equal(back->address, "[2001:db8::1]:25");
	assert_string_equal(back->tls, "TLSv1.3");
	outcome_unref(back);
	for (size_t len = 0; len < stored.len; len++)
		assert_null(outcome_decode(stored.data, len));
	buf_addc(&stored, 'x');
	assert_null(outcome_decode(stored.data, stored.len));
	stored.data[1] = OUTCOME_CLASSES;
	assert_null(outcome_decode(stored.data, stored.len - 1));
	outcome_unref(o);
	buf_free(&stored);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rule_of_unavailability),
		cmocka_unit_test(a_reply_becomes_class_and_status),
		cmocka_unit_test(unknown_is_empty_never_null),
		cmocka_unit_test(texts_are_printable_and_bounded),
		cmocka_unit_test(a_broken_connection_is_judged_by_its_stage),
		cmocka_unit_test(the_stored_form_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
