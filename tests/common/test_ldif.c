/* LDIF content records: what is read, what is refused and where, and the way back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/compiler.h"
#include "common/ldif.h"

/* The text in a block of its exact size, so that a read beyond it is seen. */
static int read_text(TALLOC_CTX *ctx, const char *text, struct entry_list *list, struct err *err)
{
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1);
	int rc;

	memcpy(copy, text, len);
	rc = ldif_read(ctx, copy, len, list, err);
	free(copy);
	return rc;
}

/* Entries as one line each: dn|name=value|... */
static char *describe(TALLOC_CTX *ctx, const struct entry_list *list)
{
	char *text = talloc_strdup(ctx, "");

	for (size_t i = 0; i < list->count; i++) {
		const struct entry *entry = list->items[i];

		text = talloc_asprintf_append(text, "%s", entry->dn);
		for (size_t a = 0; a < entry->n_attributes; a++)
			for (size_t v = 0; v < entry->attributes[a].n_values; v++)
				text = talloc_asprintf_append(
					text, "|%s=%s", entry->attributes[a].name,
					entry->attributes[a].values[v].data);
		text = talloc_asprintf_append(text, "\n");
	}
	return text;
}

static const struct {
	const char *text, *entries;
} valid[] = {
	{ "", "" },
	{ "\n\n# nothing\n\n", "" },
	{ "version: 1\n", "" },
	{ "dn: cn=a\ncn: a\n", "cn=a|cn=a\n" },
	{ "dn: cn=a\ncn: a", "cn=a|cn=a\n" },
	{ "\xef\xbb\xbf"
	  "version: 1\n\ndn: cn=a\ncn: a\n",
	  "cn=a|cn=a\n" },
	{ "version: 1\ndn: cn=a\ncn: a\n", "cn=a|cn=a\n" },
	{ "dn: cn=a\r\ncn: a\r\n\r\ndn: cn=b\r\ncn: b\r\n", "cn=a|cn=a\ncn=b|cn=b\n" },
	{ "dn: cn=a\ncn: a\n\n\n\n\ndn: cn=b\ncn: b\n\n\n", "cn=a|cn=a\ncn=b|cn=b\n" },
	{ "# first\n#\n folded comment\ndn: cn=a\n# inside\n# twice\n too\ncn: a\n",
	  "cn=a|cn=a\n" },
	{ "dn: cn=a\n b,dc=\n x\ncn: a\n  b\n", "cn=ab,dc=x|cn=a b\n" },
	{ "dn:: Y249YQ==\ncn:: YQ==\nsn::YWI=\n", "cn=a|cn=a|sn=ab\n" },
	{ "dn: cn=a\ncn::\nsn:\ndescription:   x \n", "cn=a|cn=|sn=|description=x \n" },
	{ "dn: cn=a\nmail: a\nMail: b\ncn: c\n", "cn=a|mail=a|mail=b|cn=c\n" },
	{ "DN: cn=a\nuserCertificate;binary:: YWI=\n", "cn=a|userCertificate=ab\n" },
	{ "dn: not a name\ncn: a\n", "not a name|cn=a\n" },
	{ "dn: cn=\xc3\xa4\ncn: \xc3\xa4\n", "cn=\xc3\xa4|cn=\xc3\xa4\n" },
};

static const struct {
	const char *text;
	size_t line;
} invalid[] = {
	{ "cn: a\n", 1 },
	{ "version: 2\n\ndn: cn=a\ncn: a\n", 1 },
	{ "dn: cn=a\ncn: a\n\nversion: 1\n", 4 },
	{ "dn: cn=a\n", 2 },
	{ "dn:\ncn: a\n", 1 },
	{ "dn: cn=a\ncn a\n", 2 },
	{ "dn: cn=a\ncn: a\ndn: cn=b\ncn: b\n", 3 },
	{ "dn: cn=a\nchangetype: add\ncn: a\n", 2 },
	{ "dn: cn=a\ncn: a\nchangetype;x: add\n", 3 },
	{ "dn: cn=a\ncontrol: 1.2.3 true\nchangetype: delete\n", 2 },
	{ "dn: cn=a\ncn:< file:///etc/passwd\n", 2 },
	{ "dn: cn=a\ncn:: YQ=\n", 2 },
	{ "dn: cn=a\ncn:: Y*==\n", 2 },
	{ "dn: cn=a\ncn:: YQ== \n", 2 },
	{ "dn: cn=a\ncn:: =YQ=\n", 2 },
	{ "dn: cn=a\nc n: a\n", 2 },
	{ "dn: cn=a\n: a\n", 2 },
	{ "dn: cn=a\ncn: a\n-\n", 3 },
	{ "dn: cn=a\ncn: a\rb\n", 2 },
	{ "dn: cn=a\ncn: \xff\n", 2 },
	{ "\n dn: cn=a\ncn: a\n", 2 },
	{ "dn: cn=a\n x\ncn: a\nsn: b\n c\nbroken\n", 6 },
};

static void test_content_records_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < WP_COUNT(valid); i++) {
		TALLOC_CTX *ctx = talloc_new(NULL);
		struct entry_list list = { 0 };
		struct err err = { 0 };

		if (read_text(ctx, valid[i].text, &list, &err) != 0)
			fail_msg("refused: %s (%s)", valid[i].text, err.text);
		assert_string_equal(describe(ctx, &list), valid[i].entries);
		talloc_free(ctx);
	}
}

static void test_malformed_text_is_refused_with_its_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < WP_COUNT(invalid); i++) {
		TALLOC_CTX *ctx = talloc_new(NULL);
		struct entry_list list = { 0 };
		char line[32];
		struct err err;

		if (read_text(ctx, invalid[i].text, &list, &err) == 0)
			fail_msg("accepted: %s", invalid[i].text);
		snprintf(line, sizeof(line), "line %zu: ", invalid[i].line);
		assert_int_equal(err.domain, ERR_DIRECTORY);
		if (strncmp(err.text, line, strlen(line)) != 0)
			fail_msg("%s: %s", invalid[i].text, err.text);
		talloc_free(ctx);
	}
}

static void test_a_line_may_be_folded_anywhere(void **state)
{
	static const char text[] = "dn: cn=a\\,b,dc=x\ncn: \xc3\xa4 b\nsn:: YWI=\n";
	const char *want = "cn=a\\,b,dc=x|cn=\xc3\xa4 b|sn=ab\n";

	(void)state;
	for (size_t at = 1; at + 1 < strlen(text); at++) {
		TALLOC_CTX *ctx;
		struct entry_list list = { 0 };
		struct err err = { 0 };
		char *folded;

		if (text[at] == '\n' || text[at - 1] == '\n')
			continue;
		ctx = talloc_new(NULL);
		folded = talloc_asprintf(ctx, "%.*s\n %s", (int)at, text, text + at);
		if (read_text(ctx, folded, &list, &err) != 0)
			fail_msg("folded at %zu: %s", at, err.text);
		assert_string_equal(describe(ctx, &list), want);
		talloc_free(ctx);
	}
}

static void test_every_prefix_is_read_or_refused(void **state)
{
	static const char text[] = "version: 1\n\n# c\ndn: cn=a\ncn:: YQ==\n x\n\ndn: cn=b\nsn: c\n";

	(void)state;
	for (size_t len = 0; len <= strlen(text); len++) {
		TALLOC_CTX *ctx = talloc_new(NULL);
		struct entry_list list = { 0 };
		struct err err;
		char *part = talloc_strndup(ctx, text, len);

		if (read_text(ctx, part, &list, &err) == 0)
			assert_true(list.count <= 2);
		talloc_free(ctx);
	}
}

static void test_the_uuid_is_read_or_made_from_the_name(void **state)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct entry_list list = { 0 };
	char text[37];

	(void)state;
	assert_int_equal(read_text(ctx,
				   "dn: cn=a\nentryUUID: 6ba7b810-9dad-11d1-80b4-00c04fd430c8\n\n"
				   "dn: cn=B, dc=x\ncn: b\n\ndn: CN=b,DC=X\ncn: b\n\n"
				   "dn: cn=c\nentryUUID: nonsense\n",
				   &list, NULL),
			 0);
	entry_uuid_format(&list.items[0]->uuid, text);
	assert_string_equal(text, "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
	assert_true(entry_uuid_equal(&list.items[1]->uuid, &list.items[2]->uuid));
	assert_false(entry_uuid_is_null(&list.items[3]->uuid));
	talloc_free(ctx);
}

static void test_what_is_written_reads_back(void **state)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct entry *entry = entry_new(ctx, "cn=\xc3\xa4 with a name that is long enough to be "
					     "folded in the middle,dc=example,dc=com");
	struct entry_list list = { 0 };
	struct buf text = { 0 }, a = { 0 }, b = { 0 };

	(void)state;
	entry_add_text(entry, "cn", " leading");
	entry_add_text(entry, "cn", "trailing ");
	entry_add_text(entry, "cn", ":colon");
	entry_add_text(entry, "cn", "<less");
	entry_add_text(entry, "cn", "");
	entry_add_text(entry, "sn", "two\nlines");
	for (size_t len = 1; len < 200; len += 17)
		entry_add(entry, "jpegPhoto", memset(talloc_size(ctx, len), (int)len, len), len);
	ldif_write(entry, &text);
	assert_int_equal(ldif_read(ctx, text.data, text.len, &list, NULL), 0);
	assert_int_equal(list.count, 1);
	list.items[0]->uuid = entry->uuid;
	entry_encode(entry, &a);
	entry_encode(list.items[0], &b);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
	for (const char *line = text.data; *line != '\0'; line = strchr(line, '\n') + 1)
		assert_true(strchr(line, '\n') - line <= 76);
	buf_free(&text);
	buf_free(&a);
	buf_free(&b);
	talloc_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_content_records_are_read),
		cmocka_unit_test(test_malformed_text_is_refused_with_its_line),
		cmocka_unit_test(test_a_line_may_be_folded_anywhere),
		cmocka_unit_test(test_every_prefix_is_read_or_refused),
		cmocka_unit_test(test_the_uuid_is_read_or_made_from_the_name),
		cmocka_unit_test(test_what_is_written_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
