/* topology/changes: object, attribute, old and new values of two states of a directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/ldif.h"
#include "topology/changes.h"

static struct entry_list read_ldif(TALLOC_CTX *ctx, const char *text)
{
	struct entry_list list = { NULL, 0 };
	struct err err;

	if (ldif_read(ctx, text, strlen(text), &list, &err) < 0)
		fail_msg("%s", err.text);
	return list;
}

/* What differs between two LDIF texts, as text. */
static char *between(TALLOC_CTX *ctx, const char *before, const char *after)
{
	struct entry_list old = read_ldif(ctx, before), new = read_ldif(ctx, after);
	struct change_list *list = change_list_new(ctx);
	struct buf out = { NULL, 0, 0 };
	json_t *json;
	char *text;

	changes_of_lists(list, &old, &new);
	json = changes_json(list);
	changes_text(json, &out);
	text = talloc_strdup(ctx, out.len > 0 ? out.data : "");
	json_decref(json);
	buf_free(&out);
	return text;
}

static const struct {
	const char *before, *after, *changes;
} cases[] = {
	{ "", "", "" },
	/* The order of entries, attributes and values, and the case of names, is no change. */
	{ "dn: cn=a\ncn: a\nx: 1\nx: 2\n\ndn: cn=b\ncn: b\n",
	  "dn: cn=b\ncn: b\n\ndn: cn=a\nX: 2\nX: 1\nCN: a\n", "" },
	{ "dn: cn=a\nobjectClass: top\nobjectClass: waypostSiteLink\nwaypostCost: 10\n",
	  "dn: cn=a\nobjectClass: top\nobjectClass: waypostSiteLink\nwaypostCost: 5\n",
	  "~ waypostSiteLink cn=a\n    waypostCost: 10 → 5\n" },
	{ "dn: cn=a\nx: 1\n", "dn: cn=a\nx: 1\nx: 2\ny: 3\n", "~ cn=a\n    x: + 2\n    y: + 3\n" },
	{ "dn: cn=a\nx: 1\nx: 2\nx: 3\ny: 4\n", "dn: cn=a\nx: 3\n",
	  "~ cn=a\n    x: - 1, 2\n    y: - 4\n" },
	{ "dn: cn=a\nx: 1\nx: 2\nx: 3\n", "dn: cn=a\nx: 3\nx: 4\n", "~ cn=a\n    x: - 1, 2; + 4\n" },
	/* A value twice, which LDAP would not keep, counts twice. */
	{ "dn: cn=a\nx: 1\nx: 1\n", "dn: cn=a\nx: 1\n", "~ cn=a\n    x: - 1\n" },
	{ "dn: dc=x\ndc: x\n", "dn: cn=b,cn=a,dc=x\ncn: b\n\ndn: cn=a,dc=x\nmail: a@b\n",
	  "- dc=x\n    dc: - x\n+ recipient cn=a,dc=x\n    mail: + a@b\n+ cn=b,cn=a,dc=x\n    cn: + b\n" },
	/* Without UUIDs another name is another object, but not another spelling. */
	{ "dn: cn=a\nx: 1\n", "dn: cn=b\nx: 1\n", "- cn=a\n    x: - 1\n+ cn=b\n    x: + 1\n" },
	{ "dn: cn=a,dc=x\nx: 1\n", "dn: CN=A, DC=X\nx: 1\n",
	  "~ CN=A, DC=X\n    dn: cn=a,dc=x → CN=A, DC=X\n" },
	/* With them it is renamed, even if another takes its name. */
	{ "dn: cn=a\nentryUUID: 11111111-1111-1111-1111-111111111111\nx: 1\n",
	  "dn: cn=b\nentryUUID: 11111111-1111-1111-1111-111111111111\nx: 2\n\n"
	  "dn: cn=a\nentryUUID: 22222222-2222-2222-2222-222222222222\nx: 3\n",
	  "+ cn=a\n    x: + 3\n~ cn=b\n    dn: cn=a → cn=b\n    x: 1 → 2\n" },
	/* One side with UUIDs, the other without: the name decides. */
	{ "dn: cn=a\nentryUUID: 11111111-1111-1111-1111-111111111111\nx: 1\n", "dn: cn=A\nx: 2\n",
	  "~ cn=A\n    dn: cn=a → cn=A\n    x: 1 → 2\n" },
	{ "dn: cn=a\nmodifyTimestamp: 1\nentryCSN: 1\nx: 1\n",
	  "dn: cn=a\nmodifyTimestamp: 2\nentryCSN: 2\nx: 1\n", "" },
	{ "dn: cn=a\nuserPassword: geheim\nx:: AAE=\n", "dn: cn=a\nuserPassword: anders\nx:: AAE=\ny:: G1sx\n",
	  "~ cn=a\n    userPassword: (not shown) → (not shown)\n    y: + (3 octets, 6b8e47ba)\n" },
	{ "dn: cn=a\nx: 1\n", "dn: cn=a\nx:: YQkKYg==\n", "~ cn=a\n    x: 1 → a??b\n" },
	{ "dn: no name\nx: 1\n", "dn: no name\nx: 2\n", "~ no name\n    x: 1 → 2\n" },
};

static void test_changes_of_directories(void **state)
{
	(void)state;
	for (size_t i = 0; i < WP_COUNT(cases); i++) {
		TALLOC_CTX *ctx = talloc_new(NULL);

		assert_string_equal(between(ctx, cases[i].before, cases[i].after), cases[i].changes);
		talloc_free(ctx);
	}
}

static void test_a_long_value_is_cut_between_characters(void **state)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct change_list *list = change_list_new(ctx);
	struct entry *before = entry_new(ctx, "cn=a"), *after = entry_new(ctx, "cn=a");
	char text[203], want[161];

	(void)state;
	for (size_t i = 0; i < 200; i += 2) /* 159 is in the middle of an ä */
		memcpy(text + 1 + i, "\xc3\xa4", 3);
	text[0] = 'x';
	entry_add_text(before, "description", text);
	strcat(text, "y");
	entry_add_text(after, "description", text);
	assert_int_equal(changes_of_entry(list, before, after), 1);
	memcpy(want, text, 159);
	want[159] = '\0';
	assert_memory_equal(list->items[0].new_values[0], want, 159);
	assert_memory_equal(list->items[0].new_values[0] + 159, "… (202 octets, ", 17);
	assert_string_not_equal(list->items[0].new_values[0], list->items[0].old_values[0]);
	talloc_free(ctx);
}

static void test_one_object_and_its_json(void **state)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct entry_list old = read_ldif(ctx, "dn: cn=a\nobjectClass: waypostSite\ncn: a\n");
	struct change_list *list = change_list_new(ctx);
	struct entry *odd = entry_new(ctx, "cn=\xff");
	json_t *json;
	char *text;

	(void)state;
	assert_int_equal(changes_of_entry(list, NULL, NULL), 0);
	assert_int_equal(changes_of_entry(list, old.items[0], old.items[0]), 0);
	assert_int_equal(changes_of_entry(list, old.items[0], NULL), 3);
	assert_int_equal(changes_of_entry(list, NULL, odd), 1);
	json = changes_json(list);
	text = json_dumps(json, JSON_COMPACT);
	assert_string_equal(text,
		"[{\"kind\":\"remove\",\"class\":\"waypostSite\",\"dn\":\"cn=a\"},"
		"{\"kind\":\"remove\",\"class\":\"waypostSite\",\"dn\":\"cn=a\",\"attribute\":\"cn\","
		"\"old\":[\"a\"]},"
		"{\"kind\":\"remove\",\"class\":\"waypostSite\",\"dn\":\"cn=a\","
		"\"attribute\":\"objectClass\",\"old\":[\"waypostSite\"]},"
		"{\"kind\":\"add\",\"class\":\"\",\"dn\":\"(4 octets, d97034ae)\"}]");
	free(text);
	json_decref(json);
	talloc_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes_of_directories),
		cmocka_unit_test(test_a_long_value_is_cut_between_characters),
		cmocka_unit_test(test_one_object_and_its_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
