/* common/mailaddr: folding, types, literals, limits. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "common/compiler.h"
#include "common/mailaddr.h"

static void test_addresses_fold_to_one_form(void **state)
{
	static const char *const table[][4] = { /* text, folded, type, domain */
		{ "Joe.Doe@Example.COM", "joe.doe@example.com", "SMTP", "example.com" },
		{ "<u@f.com>", "u@f.com", "SMTP", "f.com" },
		{ "smtp:U@F.com", "u@f.com", "SMTP", "f.com" },
		{ "u@f.com.", "u@f.com", "SMTP", "f.com" },
		{ "\"joe\"@f.com", "joe@f.com", "SMTP", "f.com" },
		{ "\"a b\"@f.com", "\"a b\"@f.com", "SMTP", "f.com" },
		{ "\"a\\\"@b\"@f.com", "\"a\\\"@b\"@f.com", "SMTP", "f.com" },
		{ "u@b\xc3\xbc" "cher.example", "u@xn--bcher-kva.example", "SMTP",
		  "xn--bcher-kva.example" },
		{ "u@B\xc3\x9c" "CHER.example", "u@xn--bcher-kva.example", "SMTP",
		  "xn--bcher-kva.example" },
		{ "Zu\xcc\x88@f.com", "z\xc3\xbc@f.com", "SMTP", "f.com" },
		{ "u@[192.0.2.1]", "u@[192.0.2.1]", "SMTP", "[192.0.2.1]" },
		{ "u@[ipv6:2001:DB8::0:1]", "u@[IPv6:2001:db8::1]", "SMTP", "[IPv6:2001:db8::1]" },
		{ "fax:+49 30 12345", "FAX:+49 30 12345", "FAX", "" },
		{ "X400:C=DE;A=x", "X400:c=de;a=x", "X400", "" },
		{ "a+tag@f.com", "a+tag@f.com", "SMTP", "f.com" },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(table); i++) {
		struct mailaddr a;

		assert_int_equal(mailaddr_parse(table[i][0], strlen(table[i][0]), &a), MAILADDR_OK);
		assert_string_equal(a.folded, table[i][1]);
		assert_string_equal(a.type, table[i][2]);
		assert_string_equal(a.domain, table[i][3]);
		assert_int_equal(a.is_literal, a.domain[0] == '[');
	}
}

static void test_malformed_addresses_are_told_apart(void **state)
{
	static const struct {
		const char *text;
		enum mailaddr_error error;
	} table[] = {
		{ "", MAILADDR_SYNTAX },
		{ "@f.com", MAILADDR_SYNTAX },
		{ "a b@f.com", MAILADDR_SYNTAX },
		{ "a@b@f.com", MAILADDR_BAD_DOMAIN },
		{ "\"a@f.com", MAILADDR_SYNTAX },
		{ "\"a\"b@f.com", MAILADDR_SYNTAX },
		{ "a\xff@f.com", MAILADDR_SYNTAX },
		{ "u@", MAILADDR_BAD_DOMAIN },
		{ "u@f..com", MAILADDR_BAD_DOMAIN },
		{ "u@-f.com", MAILADDR_BAD_DOMAIN },
		{ "u@f_x.com", MAILADDR_BAD_DOMAIN },
		{ "u@[192.0.2.256]", MAILADDR_BAD_DOMAIN },
		{ "u@[2001:db8::1]", MAILADDR_BAD_DOMAIN },
		{ "u@[192.0.2.1", MAILADDR_BAD_DOMAIN },
		{ "postmaster", MAILADDR_NO_DOMAIN },
		{ "FAX:", MAILADDR_SYNTAX },
		{ "FAX:a\nb", MAILADDR_SYNTAX },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(table); i++) {
		struct mailaddr a;

		assert_int_equal(mailaddr_parse(table[i].text, strlen(table[i].text), &a),
				 table[i].error);
	}
}

static void test_parts_over_their_limits_are_refused(void **state)
{
	char text[700];
	struct mailaddr a;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text + 64, "@f.com", 6);
	assert_int_equal(mailaddr_parse(text, 70, &a), MAILADDR_OK);
	memcpy(text + 64, "a@f.com", 7);
	assert_int_equal(mailaddr_parse(text, 71, &a), MAILADDR_TOO_LONG);
	memcpy(text, "u@", 2);
	for (size_t i = 2; i < sizeof(text); i++)
		text[i] = i % 60 == 0 ? '.' : 'd';
	assert_int_equal(mailaddr_parse(text, 2 + 253, &a), MAILADDR_OK);
	assert_int_equal(mailaddr_parse(text, 2 + 254, &a), MAILADDR_TOO_LONG);
	memcpy(text, "FAX:", 4);
	assert_int_equal(mailaddr_parse(text, 4 + 400, &a), MAILADDR_OK);
	assert_int_equal(mailaddr_parse(text, 4 + 401, &a), MAILADDR_TOO_LONG);
}

static void test_every_prefix_of_an_address_is_parsed_without_harm(void **state)
{
	static const char *const texts[] = { "\"a\\\"b\"@[IPv6:2001:db8::1]",
					     ("SMTP:z\xc3\xbc@b\xc3\xbc" "cher.example"),
					     "IMCEAFAX-a+2Bb_c@f.com" };
	char out[64];

	(void)state;
	for (size_t i = 0; i < WP_COUNT(texts); i++)
		for (size_t len = 0; len <= strlen(texts[i]); len++) {
			struct mailaddr a;
			enum mailaddr_error e = mailaddr_parse(texts[i], len, &a);

			assert_true(strlen(a.folded) < sizeof(a.folded));
			assert_non_null(mailaddr_error_text(e));
			mailaddr_imcea_decode(texts[i], len, out, sizeof(out));
		}
}

static void test_encapsulated_addresses_are_decoded(void **state)
{
	static const struct {
		const char *text, *decoded;
		int len;
	} table[] = {
		{ "IMCEAFAX-+2B49+2030@f.com", "FAX:+49 30", 10 },
		{ "imceax400-c=DE_a=x@f.com", "x400:c=DE/a=x", 13 },
		{ "joe@f.com", NULL, 0 },
		{ "IMCEA-x@f.com", NULL, 0 },
		{ "IMCEAFAX@f.com", NULL, 0 },
		{ "IMCEAFAX-a+2@f.com", NULL, -1 },
		{ "IMCEAFAX-a+00b@f.com", NULL, -1 },
		{ "IMCEAFAX-a!b@f.com", NULL, -1 },
		{ "IMCEAF\"X-ab@f.com", NULL, -1 },
		{ "IMCEAFAX-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@f.com", NULL, -1 },
	};
	char out[32];

	(void)state;
	for (size_t i = 0; i < WP_COUNT(table); i++) {
		int n = mailaddr_imcea_decode(table[i].text, strlen(table[i].text), out, sizeof(out));

		assert_int_equal(n, table[i].len);
		if (n > 0)
			assert_string_equal(out, table[i].decoded);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_fold_to_one_form),
		cmocka_unit_test(test_malformed_addresses_are_told_apart),
		cmocka_unit_test(test_parts_over_their_limits_are_refused),
		cmocka_unit_test(test_every_prefix_of_an_address_is_parsed_without_harm),
		cmocka_unit_test(test_encapsulated_addresses_are_decoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
