/* The reply parser: what is a reply, what is not, and that reads may split it anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "delivery/client_ehlo.h"
#include "delivery/smtp_reply_parser.h"

/* Feeds DATA in two parts; prints every reply, or "error", into OUT. */
static void parse_split(const char *data, size_t len, size_t split, struct buf *out)
{
	struct smtp_reply_parser p = { 0 };
	const size_t parts[2] = { split, len - split };

	buf_clear(out);
	for (int i = 0; i < 2; i++) {
		char *copy = malloc(parts[i] + 1), *at = copy;
		size_t left = parts[i], used;

		memcpy(copy, data + (i ? split : 0), left);
		while (left) {
			struct smtp_reply r;
			struct err e;
			int result = smtp_reply_parse(&p, at, left, &used, &r, &e);

			if (result > 0)
				buf_printf(out, "%u/%u[%s]%.*s;", r.code, r.lines, r.status,
					   (int)r.text_len, r.text);
			if (result < 0) {
				buf_adds(out, "error");
				free(copy);
				smtp_reply_parser_fini(&p);
				return;
			}
			at += used;
			left -= used;
		}
		free(copy);
	}
	if (smtp_reply_parser_is_pending(&p))
		buf_adds(out, "pending");
	smtp_reply_parser_fini(&p);
}

static void replies_are_read_at_every_split(void **state)
{
	static const struct {
		const char *data, *want;
	} rows[] = {
		{ "250 Ok\r\n", "250/1[]Ok;" },
		{ "250\r\n", "250/1[];" },
		{ "250 \r\n", "250/1[];" },
		{ "250-\r\n250\r\n", "250/2[]\n;" },
		{ "250 2.1.5 Ok\r\n", "250/1[2.1.5]Ok;" },
		{ "250 2.1.5\r\n", "250/1[2.1.5];" },
		{ "550 5.123.999 x\r\n", "550/1[5.123.999]x;" },
		{ "550 5.1234.9 x\r\n", "550/1[]5.1234.9 x;" },
		{ "550 5.1 x\r\n", "550/1[]5.1 x;" },
		{ "550 5.1.1: x\r\n", "550/1[]5.1.1: x;" },
		{ "550 2.1.1 x\r\n", "550/1[]2.1.1 x;" },
		{ "550-5.1.1 a\r\n550-5.1.1 b\r\n550 5.1.1 c\r\n", "550/3[5.1.1]a\nb\nc;" },
		{ "250-a\r\n250 b\r\n354 go\r\n", "250/2[]a\nb;354/1[]go;" },
		{ "571 x\r\n", "571/1[]x;" },
		{ "250 o", "pending" },
		{ "250-o\r\n", "pending" },
		{ "250 a\xc3\xa4\t b\r\n", "250/1[]a\xc3\xa4\t b;" },
		{ "2\r\n", "error" },
		{ "25 Ok\r\n", "error" },
		{ "2500 Ok\r\n", "error" },
		{ "25O Ok\r\n", "error" },
		{ "150 Ok\r\n", "error" },
		{ "650 Ok\r\n", "error" },
		{ "250:Ok\r\n", "error" },
		{ "250 Ok\n", "error" },
		{ "250 O\rk\r\n", "error" },
		{ "250 Ok\r\r\n", "error" },
		{ "\r\n", "error" },
		{ " 250 Ok\r\n", "error" },
		{ "250-a\r\n251 b\r\n", "error" },
		{ "250-a\r\nb\r\n", "error" },
		{ "220 ok\r\nSSH-2.0\r\n", "220/1[]ok;error" },
	};
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < WP_COUNT(rows); i++) {
		size_t len = strlen(rows[i].data);

		for (size_t split = 0; split <= len; split++) {
			parse_split(rows[i].data, len, split, &out);
			if (strcmp(out.data, rows[i].want))
				fail_msg("row %zu at %zu: %s", i, split, out.data);
		}
	}
	buf_free(&out);
}

static void length_is_bounded(void **state)
{
	struct buf data = { 0 }, out = { 0 };

	(void)state;
	/* the longest line, and one octet more */
	buf_adds(&data, "250 ");
	while (data.len < SMTP_REPLY_LINE_MAX - 2)
		buf_addc(&data, 'x');
	buf_adds(&data, "\r\n");
	parse_split(data.data, data.len, 7, &out);
	assert_memory_equal(out.data, "250/1[]xxx", 10);
	data.len -= 2;
	buf_adds(&data, "x\r\n");
	parse_split(data.data, data.len, 0, &out);
	assert_string_equal(out.data, "error");
	/* a line that never ends is given up when it is too long, not later */
	parse_split(data.data, SMTP_REPLY_LINE_MAX + 1, 5, &out);
	assert_string_equal(out.data, "error");
	/* too many lines */
	buf_clear(&data);
	for (int i = 0; i < SMTP_REPLY_LINES_MAX - 1; i++)
		buf_adds(&data, "250-\r\n");
	buf_adds(&data, "250 \r\n");
	parse_split(data.data, data.len, 100, &out);
	assert_memory_equal(out.data, "250/128[]", 9);
	buf_clear(&data);
	for (int i = 0; i < SMTP_REPLY_LINES_MAX + 1; i++)
		buf_adds(&data, "250-\r\n");
	parse_split(data.data, data.len, 100, &out);
	assert_string_equal(out.data, "error");
	/* too many octets in few lines */
	buf_clear(&data);
	for (int i = 0; i < 10; i++)
		buf_printf(&data, "250-%02000d\r\n", 0);
	parse_split(data.data, data.len, 3000, &out);
	assert_string_equal(out.data, "error");
	buf_free(&data);
	buf_free(&out);
}

static void offers_are_read_from_the_table(void **state)
{
	static const struct {
		const char *text;
		uint32_t extensions;
		uint64_t size_max;
		uint32_t mail_max, rcpt_max;
	} rows[] = {
		{ "", 0, 0, 0, 0 },
		{ "PIPELINING", 0, 0, 0, 0 }, /* the first line is the name */
		{ "x\npipelining\nSize 1000\n8BITMIME",
		  CLIENT_EXT_PIPELINING | CLIENT_EXT_SIZE | CLIENT_EXT_8BITMIME, 1000, 0, 0 },
		{ "x\nSIZE", CLIENT_EXT_SIZE, 0, 0, 0 },
		{ "x\nSIZE 0", CLIENT_EXT_SIZE, 0, 0, 0 },
		{ "x\nSIZE none", CLIENT_EXT_SIZE, 0, 0, 0 },
		{ "x\nSIZE 99999999999999999999999", CLIENT_EXT_SIZE, 0, 0, 0 },
		{ "x\nSIZES 5\nPIPELININGS\nSTARTTLS\n", CLIENT_EXT_STARTTLS, 0, 0, 0 },
		{ "x\nLIMITS RCPTMAX=20  MAILMAX=5 OTHER=7", CLIENT_EXT_LIMITS, 0, 5, 20 },
		{ "x\nLIMITS RCPTMAX=x MAILMAX=", CLIENT_EXT_LIMITS, 0, 0, 0 },
		{ "x\nAUTH PLAIN LOGIN\nDSN\nSMTPUTF8\nCHUNKING\nBINARYMIME\nREQUIRETLS",
		  CLIENT_EXT_AUTH | CLIENT_EXT_DSN | CLIENT_EXT_SMTPUTF8 | CLIENT_EXT_CHUNKING |
			  CLIENT_EXT_BINARYMIME | CLIENT_EXT_REQUIRETLS,
		  0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(rows); i++) {
		struct smtp_reply r = { .code = 250,
					.text = rows[i].text,
					.text_len = strlen(rows[i].text) };
		struct client_ehlo ehlo;

		client_ehlo_parse(&ehlo, &r);
		assert_int_equal(ehlo.extensions, rows[i].extensions);
		assert_int_equal(ehlo.size_max, rows[i].size_max);
		assert_int_equal(ehlo.mail_max, rows[i].mail_max);
		assert_int_equal(ehlo.rcpt_max, rows[i].rcpt_max);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_are_read_at_every_split),
		cmocka_unit_test(length_is_bounded),
		cmocka_unit_test(offers_are_read_from_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
