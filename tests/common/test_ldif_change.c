/* LDIF change records: what is read, what is refused and where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/compiler.h"
#include "common/ldif_change.h"

/* The text in a block of its exact size, so that a read beyond it is seen. */
static int read_text(TALLOC_CTX *ctx, const char *text, struct ldif_change_list *list,
		     struct err *err)
{
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1);
	int rc;

	memcpy(copy, text, len);
	rc = ldif_change_read(ctx, copy, len, list, err);
	free(copy);
	return rc;
}

static char *add_values(char *text, const char *name, const struct entry_value *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		text = talloc_asprintf_append(text, "|%s=%s", name, values[i].data);
	return text;
}

static char *add_change(char *text, const struct ldif_change *change)
{
	text = talloc_asprintf_append(text, "%zu %s %s", change->line,
				      ldif_change_name(change->type), change->dn);
	if (change->type == LDIF_ADD)
		for (size_t i = 0; i < change->entry->n_attributes; i++)
			text = add_values(text, change->entry->attributes[i].name,
					  change->entry->attributes[i].values,
					  change->entry->attributes[i].n_values);
	for (size_t i = 0; i < change->n_mods; i++) {
		text = talloc_asprintf_append(text, " %c%s", "+-="[change->mods[i].kind],
					      change->mods[i].name);
		text = add_values(text, "", change->mods[i].values, change->mods[i].n_values);
	}
	if (change->new_rdn != NULL)
		text = talloc_asprintf_append(text, "|%s|%d|%s", change->new_rdn,
					      change->deletes_old_rdn,
					      change->new_superior ? change->new_superior : "-");
	return talloc_asprintf_append(text, "\n");
}

/* One line a change. */
static char *describe(TALLOC_CTX *ctx, const struct ldif_change_list *list)
{
	char *text = talloc_strdup(ctx, "");

	for (size_t i = 0; i < list->count; i++)
		text = add_change(text, list->items[i]);
	return text;
}

#define A "dn: cn=a\n"

static const struct {
	const char *text, *changes;
} valid[] = {
	{ "", "" },
	{ "version: 1\n\n# nothing\n", "" },
	{ A "cn: a\n", "1 add cn=a|cn=a\n" },
	{ "version: 1\n" A "changetype: add\ncn: a\nsn: b\n", "2 add cn=a|cn=a|sn=b\n" },
	{ A "# c\nChangeType: DELETE\n\n\n" A "changetype: delete", "1 delete cn=a\n6 delete cn=a\n" },
	{ A "changetype: modify\nadd: x\nx: 1\nx: 2\n-\n", "1 modify cn=a +x|=1|=2\n" },
	{ A "changetype: modify\ndelete: x\n-\nreplace: y\ny:: YWI=\n-\n\n" A "cn: a\n",
	  "1 modify cn=a -x =y|=ab\n9 add cn=a|cn=a\n" },
	{ A "changetype: modify\nreplace: x\n-\n", "1 modify cn=a =x\n" },
	{ A "changetype: modify\nreplace: x\nX: 1\n", "1 modify cn=a =x|=1\n" },
	{ A "changetype: modify\nadd: x;binary\nx;binary:: YQ==\n# c\n-\n", "1 modify cn=a +x|=a\n" },
	{ A "changetype: modify\n", "1 modify cn=a\n" },
	{ A "changetype: modrdn\nnewrdn: cn=b\ndeleteoldrdn: 1\n", "1 modrdn cn=a|cn=b|1|-\n" },
	{ A "changetype: moddn\nnewrdn: cn=b+uid=c\ndeleteoldrdn: 0\nnewsuperior: dc=x\n",
	  "1 modrdn cn=a|cn=b+uid=c|0|dc=x\n" },
	{ A "changetype: moddn\nnewrdn: cn=b\ndeleteoldrdn: 0\nnewsuperior:\n", "1 modrdn cn=a|cn=b|0|\n" },
	{ A "control: 2.16.840.1.113730.3.4.2\ncontrol: 1.2 false\nchangetype: delete\n",
	  "1 delete cn=a\n" },
	{ A "control: 1.2\ncn: a\n", "1 add cn=a|cn=a\n" },
	{ "dn: cn=a\r\nchangetype: mod\r\n ify\r\nadd: x\r\nx: 1\r\n-\r\n", "1 modify cn=a +x|=1\n" },
	{ "dn:: Y249YQ==\nchangetype:: ZGVsZXRl\n", "1 delete cn=a\n" },
};

static const struct {
	const char *text;
	size_t line;
} invalid[] = {
	{ "changetype: add\n", 1 },
	{ A, 2 },
	{ A "changetype: add\n", 3 },
	{ A "changetype: increment\n", 2 },
	{ A "changetype:\n", 2 },
	{ A "cn: a\nchangetype: add\n", 3 },
	{ A "changetype: add\nchangetype: add\n", 3 },
	{ A "changetype: delete\ncn: a\n", 3 },
	{ A "changetype: modify\nx: 1\n", 3 },
	{ A "changetype: modify\nincrement: x\nx: 1\n", 3 },
	{ A "changetype: modify\nadd: x\n-\n", 3 },
	{ A "changetype: modify\nadd: x\ny: 1\n-\n", 4 },
	{ A "changetype: modify\nadd: x\nx: 1\nadd: y\ny: 1\n", 5 },
	{ A "changetype: modify\nadd:\n-\n", 3 },
	{ A "changetype: modify\nadd: x y\nx: 1\n", 3 },
	{ A "changetype: modify\nadd: x\nx: 1\n--\n", 5 },
	{ A "changetype: modify\n-\n", 3 },
	{ A "changetype: modify\nadd: x\nx:< file:///etc/passwd\n-\n", 4 },
	{ A "changetype: modrdn\n", 3 },
	{ A "changetype: modrdn\ndeleteoldrdn: 1\nnewrdn: cn=b\n", 3 },
	{ A "changetype: modrdn\nnewrdn: b\ndeleteoldrdn: 1\n", 3 },
	{ A "changetype: modrdn\nnewrdn: cn=b,dc=x\ndeleteoldrdn: 1\n", 3 },
	{ A "changetype: modrdn\nnewrdn: cn=b\n", 4 },
	{ A "changetype: modrdn\nnewrdn: cn=b\ndeleteoldrdn: 2\n", 4 },
	{ A "changetype: modrdn\nnewrdn: cn=b\ndeleteoldrdn: 1\nnewsuperior: x\n", 5 },
	{ A "changetype: modrdn\nnewrdn: cn=b\ndeleteoldrdn: 1\nx: 1\n", 5 },
	{ A "changetype: modrdn\nnewrdn: cn=b\ndeleteoldrdn: 1\nnewsuperior: dc=x\nx: 1\n", 6 },
	{ A "changetype: modrdn\nnewrdn:: Y249YgA=\ndeleteoldrdn: 1\n", 3 },
	{ A "control: 1.2.840.113556.1.4.805 true\nchangetype: delete\n", 2 },
	{ A "control: 1.2 TRUE: x\nchangetype: delete\n", 2 },
};

static void test_change_records_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < WP_COUNT(valid); i++) {
		TALLOC_CTX *ctx = talloc_new(NULL);
		struct ldif_change_list list = { 0 };
		struct err err = { 0 };

		if (read_text(ctx, valid[i].text, &list, &err) != 0)
			fail_msg("refused: %s (%s)", valid[i].text, err.text);
		assert_string_equal(describe(ctx, &list), valid[i].changes);
		talloc_free(ctx);
	}
}

static void test_malformed_text_is_refused_with_its_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < WP_COUNT(invalid); i++) {
		TALLOC_CTX *ctx = talloc_new(NULL);
		struct ldif_change_list list = { 0 };
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

static const char whole[] = "version: 1\n\n" A "changetype: modify\nadd: x\nx:: YWI=\n-\n# c\nreplace: y\n-\n\n"
			    A "changetype: moddn\nnewrdn: cn=b\ndeleteoldrdn: 1\nnewsuperior: dc=x\n\n"
			    A "cn: a\n";

static void test_a_line_may_be_folded_anywhere(void **state)
{
	(void)state;
	for (size_t at = 1; at + 1 < strlen(whole); at++) {
		TALLOC_CTX *ctx = talloc_new(NULL);
		struct ldif_change_list list = { 0 };
		struct err err = { 0 };
		char *folded;

		if (whole[at] == '\n' || whole[at - 1] == '\n') {
			talloc_free(ctx);
			continue;
		}
		folded = talloc_asprintf(ctx, "%.*s\n %s", (int)at, whole, whole + at);
		if (read_text(ctx, folded, &list, &err) != 0)
			fail_msg("folded at %zu: %s", at, err.text);
		assert_int_equal(list.count, 3);
		for (size_t i = 0; i < 3; i++) /* they moved by the line that was folded */
			list.items[i]->line = i;
		assert_string_equal(describe(ctx, &list), "0 modify cn=a +x|=ab =y\n"
							  "1 modrdn cn=a|cn=b|1|dc=x\n"
							  "2 add cn=a|cn=a\n");
		talloc_free(ctx);
	}
}

static void test_every_prefix_is_read_or_refused(void **state)
{
	(void)state;
	for (size_t len = 0; len <= strlen(whole); len++) {
		TALLOC_CTX *ctx = talloc_new(NULL);
		struct ldif_change_list list = { 0 };
		struct err err;

		if (read_text(ctx, talloc_strndup(ctx, whole, len), &list, &err) == 0)
			assert_true(list.count <= 3);
		else
			assert_memory_equal(err.text, "line ", 5);
		talloc_free(ctx);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_change_records_are_read),
		cmocka_unit_test(test_malformed_text_is_refused_with_its_line),
		cmocka_unit_test(test_a_line_may_be_folded_anywhere),
		cmocka_unit_test(test_every_prefix_is_read_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
