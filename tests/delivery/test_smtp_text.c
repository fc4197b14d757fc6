/* delivery/smtp_text, smtp_cmd, smtp_param, server_reply: tables of what is and what is not. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/compiler.h"
#include "delivery/server_reply.h"
#include "delivery/smtp_cmd.h"
#include "delivery/smtp_param.h"
#include "delivery/smtp_text.h"

/* --- lines --- */

static void test_only_crlf_ends_a_line_however_it_arrives(void **state)
{
	static const struct {
		const char *data;
		int len; /* of the line, or -1 */
	} rows[] = {
		{ "\r\n", 0 },		{ "QUIT\r\n", 4 },    { "QUIT\r\nNOOP\r\n", 4 },
		{ "QUIT\n", -1 },	{ "QUIT\r", -1 },     { "QUIT", -1 },
		{ "a\nb\r\n", 3 },	{ "a\rb\r\n", 3 },    { "a\r\r\n", 2 },
		{ "\n\r\n", 1 },	{ "\n\n\n", -1 },     { "\n\r", -1 },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(rows); i++) {
		size_t all = strlen(rows[i].data), scanned = 0, len = 99;
		int found = 0;

		for (size_t n = 1; n <= all && !found; n++)
			found = smtp_line_find(rows[i].data, n, &scanned, &len);
		assert_int_equal(found ? (int)len : -1, rows[i].len);
		scanned = 0;
		found = smtp_line_find(rows[i].data, all, &scanned, &len);
		assert_int_equal(found ? (int)len : -1, rows[i].len);
	}
}

/* --- paths --- */

enum { FROM = SMTP_PATH_NULL, TO = SMTP_PATH_POSTMASTER, U8 = SMTP_PATH_UTF8 };

static void test_valid_paths_give_mailbox_and_domain(void **state)
{
	static const struct {
		const char *text;
		unsigned flags;
		const char *mailbox;
		const char *domain;
	} rows[] = {
		{ "<a@b.example>", 0, "a@b.example", "b.example" },
		{ "<a@b>", 0, "a@b", "b" },
		{ "<a.b.c@b.example> SIZE=1", 0, "a.b.c@b.example", "b.example" },
		{ "<!#$%&'*+-/=?^_`{|}~@b>", 0, "!#$%&'*+-/=?^_`{|}~@b", "b" },
		{ "<\"a b\"@c.d>", 0, "\"a b\"@c.d", "c.d" },
		{ "<\"a>b\"@c.d>", 0, "\"a>b\"@c.d", "c.d" },
		{ "<\"a\\\"b\\\\\"@c.d>", 0, "\"a\\\"b\\\\\"@c.d", "c.d" },
		{ "<\"a@b\"@c.d>", 0, "\"a@b\"@c.d", "c.d" },
		{ "<\"\"@c.d>", 0, "\"\"@c.d", "c.d" },
		{ "<a@[192.0.2.1]>", 0, "a@[192.0.2.1]", "[192.0.2.1]" },
		{ "<a@[IPv6:2001:db8::1]>", 0, "a@[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]" },
		{ "<a@[ipv6:::1]>", 0, "a@[ipv6:::1]", "[ipv6:::1]" },
		{ "<a@[tag:any-thing]>", 0, "a@[tag:any-thing]", "[tag:any-thing]" },
		{ "<@x.y,@z:a@b.c>", 0, "a@b.c", "b.c" },
		{ "<@x:\"a:b\"@b.c>", 0, "\"a:b\"@b.c", "b.c" },
		{ "<>", FROM, "", "" },
		{ "<Postmaster>", TO, "Postmaster", "" },
		{ "<pOSTMASTER>", TO, "pOSTMASTER", "" },
		{ "<a%b@c.d>", TO, "a%b@c.d", "c.d" },
		{ "<x!a@c.d>", TO, "x!a@c.d", "c.d" },
		{ "<\xc3\xa4@b.c>", U8, "\xc3\xa4@b.c", "b.c" },
		{ "<a@\xc3\xa4.c>", U8, "a@\xc3\xa4.c", "\xc3\xa4.c" },
		{ "<a_b@c_d.e>", 0, "a_b@c_d.e", "c_d.e" },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(rows); i++) {
		struct smtp_path path;
		const char *why = "";
		size_t used;

		if (smtp_path_parse(rows[i].text, strlen(rows[i].text), rows[i].flags, &path,
				    &used, &why) < 0)
			fail_msg("%s: %s", rows[i].text, why);
		assert_int_equal(path.mailbox_len, strlen(rows[i].mailbox));
		assert_memory_equal(path.mailbox, rows[i].mailbox, path.mailbox_len);
		assert_int_equal(path.domain_len, strlen(rows[i].domain));
		assert_memory_equal(path.domain, rows[i].domain, path.domain_len);
		assert_int_equal(path.is_null, path.mailbox_len == 0);
		assert_int_equal(path.is_quoted, path.local_len > 0 && path.local[0] == '"');
		assert_int_equal(path.is_literal, path.domain_len > 0 && path.domain[0] == '[');
		assert_int_equal(rows[i].text[used - 1], '>');
	}
}

static void test_malformed_paths_are_refused_with_a_reason(void **state)
{
	static const struct {
		const char *text;
		unsigned flags;
	} rows[] = {
		{ "", FROM },		{ "a@b", FROM },	{ "<a@b", FROM },
		{ "<", FROM },		{ "<>", TO },		{ "<postmaster>", FROM },
		{ "<root>", TO },	{ "<@>", FROM },	{ "<@b>", FROM },
		{ "<a@>", FROM },	{ "<a@b@c>", FROM },	{ "<a b@c>", FROM },
		{ "<.a@b>", FROM },	{ "<a.@b>", FROM },	{ "<a..c@b>", FROM },
		{ "<a@.b>", FROM },	{ "<a@b.>", FROM },	{ "<a@b..c>", FROM },
		{ "<a@-b>", FROM },	{ "<a@b->", FROM },	{ "<a@b c>", FROM },
		{ "<a@b,c>", FROM },	{ "<\"a@b>", FROM },	{ "<\"a\"b@c>", FROM },
		{ "<\"a\\\"@c>", FROM },	{ "<a\"b\"@c>", FROM },	{ "<a@[1.2.3]>", FROM },
		{ "<a@[1.2.3.4>", FROM }, { "<a@1.2.3.4]>", FROM }, { "<a@[]>", FROM },
		{ "<a@[1.2.3.256]>", FROM }, { "<a@[IPv6:1:2]>", FROM }, { "<a@[foo]>", FROM },
		{ "<a@[:x]>", FROM },	{ "<a@[x-:y]>", FROM },	{ "<a@[x:]>", FROM },
		{ "<@x a@b>", FROM },	{ "<@x,a@b>", FROM },	{ "<@x,:a@b>", FROM },
		{ "<@:a@b>", FROM },	{ "<@x:>", FROM },	{ "<<a@b>>", FROM },
		{ "<a(c)@b>", FROM },	{ "<\xc3\xa4@b>", 0 },	{ "<\xc3@b>", U8 },
		{ "<\xed\xa0\x80@b>", U8 }, { "<\"\x01\"@b>", FROM }, { "<a@b\x7f>", FROM },
		{ "<,@b>", FROM },	{ "<a;b@c>", FROM },
	};
	char long_label[128], long_box[700];

	(void)state;
	for (size_t i = 0; i < WP_COUNT(rows); i++) {
		struct smtp_path path;
		const char *why = NULL;
		size_t used;

		if (smtp_path_parse(rows[i].text, strlen(rows[i].text), rows[i].flags, &path,
				    &used, &why) == 0)
			fail_msg("taken: %s", rows[i].text);
		assert_non_null(why);
	}
	memset(long_label, 'x', sizeof(long_label));
	assert_false(smtp_domain_is_valid(long_label, 64));
	assert_true(smtp_domain_is_valid(long_label, 63));
	for (int size = SMTP_MAILBOX_MAX; size <= SMTP_MAILBOX_MAX + 1; size++) {
		struct smtp_path path;
		const char *why;
		size_t used;

		memset(long_box, 'x', sizeof(long_box));
		long_box[0] = '<';
		memcpy(long_box + size - 1, "@b>", 3);
		long_box[size] = 'b';
		long_box[size + 1] = '>';
		assert_int_equal(smtp_path_parse(long_box, (size_t)size + 2, 0, &path, &used, &why),
				 size <= SMTP_MAILBOX_MAX ? 0 : -1);
	}
}

static void test_hello_names(void **state)
{
	static const struct {
		const char *name;
		bool is_valid;
	} rows[] = {
		{ "a", true },		{ "mail.example.com", true }, { "my_pc", true },
		{ "[192.0.2.1]", true }, { "[IPv6:::1]", true },      { "1.2.3.4", true },
		{ "", false },		{ "a b", false },	      { ".a", false },
		{ "a.", false },	{ "[", false },		      { "[]", false },
		{ "a@b", false },	{ "<a>", false },	      { "-a", false },
		{ "\xc3\xa4", false },	{ "[a b]", false },	      { "a\tb", false },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(rows); i++)
		if (smtp_domain_is_valid(rows[i].name, strlen(rows[i].name)) != rows[i].is_valid)
			fail_msg("%s", rows[i].name);
}

/* --- xtext, UTF-8 --- */

static void test_xtext_round_trip_and_strictness(void **state)
{
	static const char *const bad[] = { "+", "+4", "+4g", "+2b", "a b", "a=b", "\x7f" };
	char all[256];
	struct buf coded = { 0 }, plain = { 0 };

	(void)state;
	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	smtp_xtext_encode(&coded, all, sizeof(all));
	assert_int_equal(smtp_xtext_decode(&plain, coded.data, coded.len), 0);
	assert_int_equal(plain.len, sizeof(all));
	assert_memory_equal(plain.data, all, sizeof(all));
	for (size_t i = 0; i < coded.len; i++)
		assert_true(coded.data[i] > 32 && coded.data[i] < 127);
	for (size_t i = 0; i < WP_COUNT(bad); i++)
		assert_int_equal(smtp_xtext_decode(&plain, bad[i], strlen(bad[i])), -1);
	buf_free(&coded);
	buf_free(&plain);
}

static void test_utf8_is_well_formed_or_not(void **state)
{
	static const struct {
		const char *text;
		bool is_valid;
	} rows[] = {
		{ "", true },			{ "abc", true },
		{ "\xc2\x80", true },		{ "\xe0\xa0\x80", true },
		{ "\xed\x9f\xbf", true },	{ "\xf0\x90\x80\x80", true },
		{ "\xf4\x8f\xbf\xbf", true },	{ "\x80", false },
		{ "\xc1\xbf", false },		{ "\xc2", false },
		{ "\xe0\x9f\xbf", false },	{ "\xed\xa0\x80", false },
		{ "\xf0\x8f\xbf\xbf", false },	{ "\xf4\x90\x80\x80", false },
		{ "\xf5\x80\x80\x80", false },	{ "\xe2\x82", false },
		{ "\xe2\x28\xa1", false },	{ "\xff", false },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(rows); i++)
		assert_int_equal(smtp_is_utf8(rows[i].text, strlen(rows[i].text)),
				 rows[i].is_valid);
}

/* --- commands --- */

static void test_a_command_line_falls_into_verb_and_argument(void **state)
{
	static const struct {
		const char *line;
		const char *verb;
		const char *arg;
	} rows[] = {
		{ "QUIT", "QUIT", "" },		  { "quit  ", "quit", "" },
		{ "NOOP a  b ", "NOOP", "a  b" }, { "MAIL   FROM:<>", "MAIL", "FROM:<>" },
		{ "X\xc3\xa4 y", "X\xc3\xa4", "y" },
	};
	static const char *const bad[] = { "", " ", " QUIT", "QU\tIT", "QUIT\r", "a\nb", "a\x7f" };
	struct smtp_cmd cmd;

	(void)state;
	for (size_t i = 0; i < WP_COUNT(rows); i++) {
		assert_int_equal(smtp_cmd_parse(rows[i].line, strlen(rows[i].line), &cmd), 0);
		assert_true(smtp_cmd_is(&cmd, rows[i].verb));
		assert_int_equal(cmd.arg_len, strlen(rows[i].arg));
		assert_memory_equal(cmd.arg, rows[i].arg, cmd.arg_len);
	}
	for (size_t i = 0; i < WP_COUNT(bad); i++)
		assert_int_equal(smtp_cmd_parse(bad[i], strlen(bad[i]), &cmd), -1);
	assert_int_equal(smtp_cmd_parse("NO\0P", 4, &cmd), -1);
}

/* --- parameters --- */

static void test_mail_parameters(void **state)
{
	enum { ALL = SMTP_EXT_SIZE | SMTP_EXT_8BITMIME };
	static const struct {
		const char *text;
		unsigned extensions;
		uint16_t code; /* 0: taken */
		uint64_t size;
		enum smtp_body_type body;
	} rows[] = {
		{ "", ALL, 0, 0, SMTP_BODY_7BIT },
		{ " ", ALL, 0, 0, SMTP_BODY_7BIT },
		{ " SIZE=0", ALL, 0, 0, SMTP_BODY_7BIT },
		{ " size=12345 body=8bitmime", ALL, 0, 12345, SMTP_BODY_8BITMIME },
		{ "  BODY=7BIT  SIZE=7", ALL, 0, 7, SMTP_BODY_7BIT },
		{ " SIZE=18446744073709551615", ALL, 0, UINT64_MAX, SMTP_BODY_7BIT },
		{ " SIZE=99999999999999999999", ALL, 0, UINT64_MAX, SMTP_BODY_7BIT },
		{ " SIZE=999999999999999999999", ALL, 501, 0, 0 },
		{ " SIZE=", ALL, 501, 0, 0 },
		{ " SIZE", ALL, 501, 0, 0 },
		{ " SIZE=-1", ALL, 501, 0, 0 },
		{ " SIZE=1k", ALL, 501, 0, 0 },
		{ " SIZE=1 SIZE=1", ALL, 501, 0, 0 },
		{ " SIZE=1 BODY=7BIT size=2", ALL, 501, 0, 0 },
		{ " BODY=9BIT", ALL, 501, 0, 0 },
		{ " BODY", ALL, 501, 0, 0 },
		{ " BODY=BINARYMIME", ALL, 501, 0, 0 },
		{ "SIZE=1", ALL, 501, 0, 0 },
		{ " =1", ALL, 501, 0, 0 },
		{ " SIZE=1=2", ALL, 501, 0, 0 },
		{ " S\xc3ZE=1", ALL, 501, 0, 0 },
		{ " RET=HDRS", ALL, 555, 0, 0 },
		{ " SMTPUTF8", ALL, 555, 0, 0 },
		{ " AUTH=<>", ALL, 555, 0, 0 },
		{ " SIZE=1", SMTP_EXT_8BITMIME, 555, 0, 0 },
		{ " SIZE=1", 0, 555, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(rows); i++) {
		struct smtp_mail_params params;
		struct server_reply reply = { 0, { 0, 0, 0 }, NULL };

		smtp_mail_params_parse(rows[i].text, strlen(rows[i].text), rows[i].extensions,
				       &params, &reply);
		if (reply.code != rows[i].code)
			fail_msg("'%s' gave %u", rows[i].text, reply.code);
		if (reply.code != 0)
			continue;
		assert_true(params.size_bytes == rows[i].size);
		assert_int_equal(params.body, rows[i].body);
	}
}

static void test_rcpt_knows_no_parameter_yet(void **state)
{
	struct server_reply reply;

	(void)state;
	assert_int_equal(smtp_rcpt_params_parse("", 0, ~0u, &reply), 0);
	assert_int_equal(smtp_rcpt_params_parse(" NOTIFY=NEVER", 13, ~0u, &reply), -1);
	assert_int_equal(reply.code, 555);
}

static void test_every_extension_is_found_by_its_keyword(void **state)
{
	(void)state;
	for (size_t i = 0; i < smtp_ext_count; i++)
		assert_ptr_equal(smtp_ext_find(smtp_exts[i].name, strlen(smtp_exts[i].name)),
				 &smtp_exts[i]);
	assert_non_null(smtp_ext_find("starttls", 8));
	assert_null(smtp_ext_find("STARTTL", 7));
	assert_null(smtp_ext_find("CHUNKING", 8));
}

/* --- replies --- */

static void check_reply(const struct server_reply *reply, const char *expected)
{
	struct buf out = { 0 };

	server_reply_format(&out, reply);
	assert_string_equal(out.data, expected);
	buf_free(&out);
}

static void test_replies_have_status_on_every_line_and_no_forged_ones(void **state)
{
	(void)state;
	check_reply(&SERVER_REPLY(250, 2, 0, 0, "Ok"), "250 2.0.0 Ok\r\n");
	check_reply(&SERVER_REPLY(354, 0, 0, 0, "Go"), "354 Go\r\n");
	check_reply(&SERVER_REPLY(250, 0, 0, 0, "a\nb\nc"), "250-a\r\n250-b\r\n250 c\r\n");
	check_reply(&SERVER_REPLY(550, 5, 1, 1, "x\ny"), "550-5.1.1 x\r\n550 5.1.1 y\r\n");
	check_reply(&SERVER_REPLY(550, 5, 6, 11, NULL), "550 5.6.11 \r\n");
	check_reply(&SERVER_REPLY(550, 5, 1, 1, "a\r\n250 ok"),
		    "550-5.1.1 a?\r\n550 5.1.1 250 ok\r\n");
	check_reply(&SERVER_REPLY(550, 5, 1, 1, "\x01\xc3\x7f"), "550 5.1.1 ???\r\n");
}

static void test_long_reply_texts_are_split_into_lawful_lines(void **state)
{
	struct buf out = { 0 };
	char text[1501];
	size_t begin = 0, letters = 0;

	(void)state;
	memset(text, 'x', 1500);
	text[1500] = '\0';
	server_reply_format(&out, &SERVER_REPLY(550, 5, 7, 1, text));
	for (size_t i = 0; i < out.len; i++) {
		letters += out.data[i] == 'x';
		if (out.data[i] != '\n')
			continue;
		assert_true(i + 1 - begin <= SMTP_REPLY_LINE_BYTES);
		assert_memory_equal(out.data + begin, "550", 3);
		assert_int_equal(out.data[begin + 3], i + 1 == out.len ? ' ' : '-');
		begin = i + 1;
	}
	assert_int_equal(letters, 1500);
	assert_int_equal(begin, out.len);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_crlf_ends_a_line_however_it_arrives),
		cmocka_unit_test(test_valid_paths_give_mailbox_and_domain),
		cmocka_unit_test(test_malformed_paths_are_refused_with_a_reason),
		cmocka_unit_test(test_hello_names),
		cmocka_unit_test(test_xtext_round_trip_and_strictness),
		cmocka_unit_test(test_utf8_is_well_formed_or_not),
		cmocka_unit_test(test_a_command_line_falls_into_verb_and_argument),
		cmocka_unit_test(test_mail_parameters),
		cmocka_unit_test(test_rcpt_knows_no_parameter_yet),
		cmocka_unit_test(test_every_extension_is_found_by_its_keyword),
		cmocka_unit_test(test_replies_have_status_on_every_line_and_no_forged_ones),
		cmocka_unit_test(test_long_reply_texts_are_split_into_lawful_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
