/* Distinguished names: equality by key, refusals, parents and escapes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/compiler.h"
#include "common/dn.h"

static const struct {
	const char *dn, *key;
} valid[] = {
	{ "", "" },
	{ "  ", "" },
	{ "CN=Site A,DC=Example", "cn=site a,dc=example" },
	{ "cn = Site   A , dc = example ", "cn=site a,dc=example" },
	{ "cn=\\ a\\ ,dc=x", "cn=a,dc=x" },
	{ "cn=a\\,b,dc=x", "cn=a\\2cb,dc=x" },
	{ "cn=a\\2Cb,dc=x", "cn=a\\2cb,dc=x" },
	{ "cn=a=b", "cn=a\\3db" },
	{ "cn=a\\=b", "cn=a\\3db" },
	{ "cn=\\#a", "cn=\\23a" },
	{ "cn=#0403AB", "cn=\\230403ab" },
	{ "cn=", "cn=" },
	{ "uid=b+cn=a,dc=x", "cn=a+uid=b,dc=x" },
	{ "cn=a+uid=b,dc=x", "cn=a+uid=b,dc=x" },
	{ "2.5.4.3=a", "2.5.4.3=a" },
	{ "cn=Stra\xc3\x9f"
	  "e",
	  "cn=strasse" },
	{ "cn=\xc3\x84rger", "cn=\xc3\xa4rger" },
	{ "cn=A\xcc\x88rger", "cn=\xc3\xa4rger" },     /* decomposed */
	{ "cn=\\C3\\84rger", "cn=\xc3\xa4rger" },
	{ "cn=\\ff\\fe", "cn=\xff\xfe" },              /* no UTF-8: itself */
	{ "cn=a\\00b", "cn=a\\00b" },
	{ "UID=A@b.c,ou=Two Words,dc=x", "uid=a@b.c,ou=two words,dc=x" },
	{ "cn=10.1.0.0/16,DC=x", "cn=10.1.0.0/16,dc=x" },
	{ "cn=,dc=x", "cn=,dc=x" },
};

static const char *const invalid[] = {
	"a", "=a", "cn", ",", "cn=a,", ",cn=a", "cn=a,,dc=b", "cn=a+", "cn=a+,dc=b", "c n=a",
	"cn=a\\", "cn=a\\x", "cn=a\\4", "cn=a;b", "cn=a\"b", "cn=<a>", "cn=#", "cn=#0", "cn=#0g",
	"-cn=a", "1x=a", "cn=#04 x",
};

static void test_names_have_the_key_of_their_meaning(void **state)
{
	(void)state;
	for (size_t i = 0; i < WP_COUNT(valid); i++) {
		char *key = dn_key(NULL, valid[i].dn);

		assert_non_null(key);
		assert_string_equal(key, valid[i].key);
		talloc_free(key);
	}
}

static void test_a_key_is_its_own_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < WP_COUNT(valid); i++) {
		char *key;

		if (strstr(valid[i].key, "\xff") != NULL)
			continue;
		key = dn_key(NULL, valid[i].key);
		assert_non_null(key);
		assert_string_equal(key, valid[i].key);
		talloc_free(key);
	}
}

static void test_malformed_names_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < WP_COUNT(invalid); i++) {
		if (dn_is_valid(invalid[i]))
			fail_msg("accepted: %s", invalid[i]);
		assert_false(dn_equal(invalid[i], invalid[i]));
	}
	assert_true(dn_equal("CN=a, dc=b", "cn=A,DC=b"));
	assert_false(dn_equal("cn=a", "cn=b"));
}

/* A leading space means nothing and is nothing plain, so both ways to a key are compared. */
static void test_the_short_way_to_a_key_leads_to_the_same(void **state)
{
	static const char letters[] = "aB1==,,  +\\#-.\xc3";
	uint64_t seed = 1;
	char text[16] = " ", room[16];

	(void)state;
	for (int round = 0; round < 200000; round++) {
		size_t len = 1 + (size_t)round % 14;
		char *plain, *slow;

		for (size_t i = 1; i < len + 1; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			text[i] = letters[(seed >> 33) % (sizeof(letters) - 1)];
		}
		text[len + 1] = '\0';
		plain = dn_key(NULL, text + 1);
		slow = dn_key(NULL, text);
		if ((plain == NULL) != (slow == NULL) || (plain && strcmp(plain, slow) != 0))
			fail_msg("\"%s\": \"%s\", not \"%s\"", text, plain, slow);
		if (plain != NULL && strlen(plain) < sizeof(room))
			assert_string_equal(dn_key_into(text + 1, room, sizeof(room)), slow);
		else
			assert_null(dn_key_into(text + 1, room, sizeof(room)));
		talloc_free(plain);
		talloc_free(slow);
	}
}

static void test_one_rdn_has_a_key_and_two_have_not(void **state)
{
	char *key = dn_rdn_key(NULL, "CN=A\\,b + uid=C");

	(void)state;
	assert_string_equal(key, "cn=a\\2cb+uid=c");
	talloc_free(key);
	assert_null(dn_rdn_key(NULL, "cn=a,dc=b"));
	assert_null(dn_rdn_key(NULL, ""));
}

static void test_keys_tell_who_lies_below_whom(void **state)
{
	(void)state;
	assert_string_equal(dn_key_parent("cn=a\\2cb,dc=x,dc=y"), "dc=x,dc=y");
	assert_string_equal(dn_key_parent("dc=y"), "");
	assert_string_equal(dn_key_parent(""), "");
	assert_true(dn_key_is_under("cn=a,dc=x", "dc=x"));
	assert_true(dn_key_is_under("dc=x", "dc=x"));
	assert_true(dn_key_is_under("dc=x", ""));
	assert_false(dn_key_is_under("cn=adc=x", "dc=x"));
	assert_false(dn_key_is_under("dc=x", "cn=a,dc=x"));
}

static void test_a_name_splits_into_its_first_part_and_its_parent(void **state)
{
	static const struct {
		const char *dn, *rdn, *value, *parent;
	} rows[] = {
		{ "cn=a,dc=b", "cn=a", "a", "dc=b" },
		{ " cn=A b , dc=b", "cn=A b", "A b", "dc=b" },
		{ "cn=a\\,b\\ ,dc=b,dc=c", "cn=a\\,b\\ ", "a,b ", "dc=b,dc=c" },
		{ "cn=a+uid=b", "cn=a+uid=b", "a", "" },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(rows); i++) {
		char *rdn = dn_rdn(NULL, rows[i].dn), *value = dn_rdn_value(NULL, rows[i].dn);

		assert_string_equal(rdn, rows[i].rdn);
		assert_string_equal(value, rows[i].value);
		assert_string_equal(dn_parent(rows[i].dn), rows[i].parent);
		talloc_free(rdn);
		talloc_free(value);
	}
	assert_null(dn_rdn_value(NULL, "nonsense"));
}

static void test_an_escaped_value_reads_back(void **state)
{
	static const char *const values[] = { "plain", " a ", "#a", "a#", "a,b+c\"d\\e<f>;g=h",
					      "10.1.0.0/16", " ", "\xc3\xa4" };

	(void)state;
	for (size_t i = 0; i < WP_COUNT(values); i++) {
		char *escaped = dn_escape(NULL, values[i]);
		char *dn = talloc_asprintf(escaped, "cn=%s,dc=x", escaped);
		char *value = dn_rdn_value(escaped, dn);

		assert_string_equal(value, values[i]);
		talloc_free(escaped);
	}
}

static void test_the_parts_of_an_rdn(void **state)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct dn_part *parts;

	(void)state;
	assert_int_equal(dn_rdn_parts(ctx, "cn=A\\, b + uid = c ,dc=x", &parts), 2);
	assert_string_equal(parts[0].type, "cn");
	assert_string_equal(parts[0].value, "A, b");
	assert_string_equal(parts[1].type, "uid");
	assert_string_equal(parts[1].value, "c");
	assert_int_equal(dn_rdn_parts(ctx, "cn=a", &parts), 1);
	assert_int_equal(dn_rdn_parts(ctx, "", &parts), 0);
	assert_int_equal(dn_rdn_parts(ctx, "cn=a+", &parts), 0);
	assert_int_equal(dn_rdn_parts(ctx, "cn=a;b", &parts), 0);
	assert_int_equal(dn_rdn_parts(ctx, "a=1+b=1+c=1+d=1+e=1+f=1+g=1+h=1+i=1+j=1+k=1+l=1+m=1+n=1+o=1+p=1+q=1",
				      &parts), 0);
	talloc_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_have_the_key_of_their_meaning),
		cmocka_unit_test(test_a_key_is_its_own_key),
		cmocka_unit_test(test_malformed_names_are_refused),
		cmocka_unit_test(test_the_short_way_to_a_key_leads_to_the_same),
		cmocka_unit_test(test_one_rdn_has_a_key_and_two_have_not),
		cmocka_unit_test(test_keys_tell_who_lies_below_whom),
		cmocka_unit_test(test_a_name_splits_into_its_first_part_and_its_parent),
		cmocka_unit_test(test_the_parts_of_an_rdn),
		cmocka_unit_test(test_an_escaped_value_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
