/* topology/amend: change records applied to entries, and what is refused as LDAP does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "topology/amend.h"

/* Sites A and B, with a link; the containers are not in the list. */
static const char base[] =
	"dn: cn=A,cn=Sites,dc=x\nobjectClass: waypostSite\ncn: A\n\n"
	"dn: cn=B,cn=Sites,dc=x\nobjectClass: waypostSite\ncn: B\ndescription: one\ndescription: two\n\n"
	"dn: cn=L,cn=Links,dc=x\ncn: L\nwaypostLinkedSite: cn=A,cn=Sites,dc=x\n"
	"waypostLinkedSite: cn=B,cn=Sites,dc=x\n";

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *describe_entry(TALLOC_CTX *ctx, const struct entry *entry)
{
	char *text = talloc_strdup(ctx, entry->dn);

	for (size_t i = 0; i < entry->n_attributes; i++)
		for (size_t v = 0; v < entry->attributes[i].n_values; v++)
			if (strcmp(entry->attributes[i].name, "objectClass") != 0)
				text = talloc_asprintf_append(text, "|%s=%s", entry->attributes[i].name,
							      entry->attributes[i].values[v].data);
	return text;
}

/* Entries by name, one a line. */
static char *describe(TALLOC_CTX *ctx, const struct entry_list *list)
{
	char **lines = talloc_array(ctx, char *, (unsigned)list->count + 1);
	char *text = talloc_strdup(ctx, "");

	for (size_t i = 0; i < list->count; i++)
		lines[i] = describe_entry(ctx, list->items[i]);
	qsort(lines, list->count, sizeof(*lines), compare_texts);
	for (size_t i = 0; i < list->count; i++)
		text = talloc_asprintf_append(text, "%s\n", lines[i]);
	return text;
}

/* The entries of BASE after CHANGES, or "! error". */
static char *amended(TALLOC_CTX *ctx, const char *changes)
{
	struct entry_list list = { NULL, 0 };
	struct ldif_change_list records = { NULL, 0 };
	struct err err;

	if (ldif_read(ctx, base, strlen(base), &list, &err) < 0 ||
	    ldif_change_read(ctx, changes, strlen(changes), &records, &err) < 0)
		fail_msg("%s", err.text);
	if (amend_entries(ctx, &list, &records, &err) == 0)
		return describe(ctx, &list);
	assert_int_equal(list.count, 3); /* as it was */
	return talloc_asprintf(ctx, "! %s", err.text);
}

#define LINE_A "cn=A,cn=Sites,dc=x|cn=A\n"
#define LINE_B "cn=B,cn=Sites,dc=x|cn=B|description=one|description=two\n"
#define LINE_L "cn=L,cn=Links,dc=x|cn=L|waypostLinkedSite=cn=A,cn=Sites,dc=x|waypostLinkedSite=cn=B,cn=Sites,dc=x\n"
#define DN_A "dn: CN=a, CN=Sites, DC=x\n"
#define DN_B "dn: cn=B,cn=Sites,dc=x\n"
#define DN_L "dn: cn=L,cn=Links,dc=x\n"
#define DN_SITES "dn: cn=Sites,dc=x\n"
#define MODIFY "changetype: modify\n"
#define RENAME "changetype: modrdn\n"

static const struct {
	const char *changes, *after;
} cases[] = {
	{ "", LINE_A LINE_B LINE_L },
	{ "dn: cn=C,cn=Sites,dc=x\ncn: C\n", LINE_A LINE_B "cn=C,cn=Sites,dc=x|cn=C\n" LINE_L },
	{ "\n" DN_A "cn: A\n", "! line 2: CN=a, CN=Sites, DC=x exists already" },
	{ "dn: no name\ncn: C\n", LINE_A LINE_B LINE_L "no name|cn=C\n" },
	{ DN_A "changetype: delete\n", LINE_B LINE_L },
	{ DN_A "changetype: delete\n\n" DN_A "changetype: delete\n",
	  "! line 4: CN=a, CN=Sites, DC=x does not exist" },
	{ DN_A "changetype: delete\n\n" DN_A "cn: again\n",
	  "CN=a, CN=Sites, DC=x|cn=again\n" LINE_B LINE_L },
	{ "dn: no name\nchangetype: delete\n", "! line 1: no name does not exist" },
	{ DN_SITES "changetype: delete\n",
	  "! line 1: cn=Sites,dc=x has entries below it; delete them first" },
	{ "dn: cn=x,cn=A,cn=Sites,dc=x\ncn: x\n\n" DN_A "changetype: delete\n",
	  "! line 4: CN=a, CN=Sites, DC=x has entries below it; delete them first" },
	/* The last entry below a container takes it along. */
	{ DN_L "changetype: delete\n\ndn: cn=Links,dc=x\nchangetype: delete\n",
	  "! line 4: cn=Links,dc=x does not exist" },

	{ DN_B MODIFY "add: description\ndescription: three\n-\nreplace: cn\ncn: BB\n",
	  LINE_A "cn=B,cn=Sites,dc=x|description=one|description=two|description=three|cn=BB\n" LINE_L },
	{ DN_B MODIFY "delete: Description\nDescription: ONE\n", LINE_A "cn=B,cn=Sites,dc=x|cn=B|description=two\n" LINE_L },
	{ DN_B MODIFY "delete: description\n-\nadd: description\ndescription: x\n",
	  LINE_A "cn=B,cn=Sites,dc=x|cn=B|description=x\n" LINE_L },
	{ DN_B MODIFY "replace: description\n-\nreplace: nothing\n", LINE_A "cn=B,cn=Sites,dc=x|cn=B\n" LINE_L },
	{ DN_L MODIFY "delete: waypostLinkedSite\nwaypostLinkedSite: CN=A, CN=Sites, DC=x\n",
	  LINE_A LINE_B "cn=L,cn=Links,dc=x|cn=L|waypostLinkedSite=cn=B,cn=Sites,dc=x\n" },
	{ DN_B MODIFY "add: cn\ncn: x\n-\nadd: description\ndescription: three\ndescription: Two\n-\n",
	  "! line 6: cn=B,cn=Sites,dc=x: description has this value already: Two" },
	{ DN_B MODIFY "delete: description\ndescription: three\n",
	  "! line 3: cn=B,cn=Sites,dc=x: description has no such value: three" },
	{ DN_B MODIFY "delete: waypostHubSite\n",
	  "! line 3: cn=B,cn=Sites,dc=x: waypostHubSite is not there to be deleted" },
	{ DN_B MODIFY "delete: description\n-\ndelete: description\ndescription: one\n",
	  "! line 5: cn=B,cn=Sites,dc=x: description is not there to be deleted" },
	{ "dn: cn=C,cn=Sites,dc=x\n" MODIFY "replace: cn\ncn: x\n",
	  "! line 1: cn=C,cn=Sites,dc=x does not exist" },
	{ DN_SITES MODIFY "replace: cn\ncn: x\n", LINE_A LINE_B LINE_L },

	/* References to what is renamed stay. */
	{ DN_B RENAME "newrdn: cn=C\ndeleteoldrdn: 1\n",
	  LINE_A "cn=C,cn=Sites,dc=x|description=one|description=two|cn=C\n" LINE_L },
	{ DN_A RENAME "newrdn: cn=C+description=x\\,y\ndeleteoldrdn: 0\n",
	  LINE_B "cn=C+description=x\\,y,CN=Sites, DC=x|cn=A|cn=C|description=x,y\n" LINE_L },
	{ DN_A RENAME "newrdn: cn=aa\ndeleteoldrdn: 1\nnewsuperior: dc=y\n",
	  LINE_B LINE_L "cn=aa,dc=y|cn=aa\n" },
	{ DN_A RENAME "newrdn: CN=A\ndeleteoldrdn: 1\n", "CN=A,CN=Sites, DC=x|CN=A\n" LINE_B LINE_L },
	{ DN_A RENAME "newrdn: cn=a\ndeleteoldrdn: 1\nnewsuperior:\n", LINE_B LINE_L "cn=a|cn=a\n" },
	{ DN_SITES RENAME "newrdn: cn=Places\ndeleteoldrdn: 1\n",
	  "cn=A,cn=Places,dc=x|cn=A\ncn=B,cn=Places,dc=x|cn=B|description=one|description=two\n" LINE_L },
	{ DN_SITES RENAME "newrdn: cn=Sites\ndeleteoldrdn: 1\nnewsuperior: cn=deep,dc=x\n",
	  "cn=A,cn=Sites,cn=deep,dc=x|cn=A\n"
	  "cn=B,cn=Sites,cn=deep,dc=x|cn=B|description=one|description=two\n" LINE_L },
	{ "dn: dc=x\n" RENAME "newrdn: dc=y\ndeleteoldrdn: 1\n\n" DN_A "changetype: delete\n",
	  "! line 6: CN=a, CN=Sites, DC=x does not exist" },
	{ DN_A RENAME "newrdn: cn=b\ndeleteoldrdn: 1\n",
	  "! line 1: CN=a, CN=Sites, DC=x cannot take a name that another entry bears" },
	{ DN_A RENAME "newrdn: cn=Links\ndeleteoldrdn: 1\nnewsuperior: dc=x\n",
	  "! line 1: CN=a, CN=Sites, DC=x cannot take a name that another entry bears" },
	{ DN_SITES RENAME "newrdn: cn=x\ndeleteoldrdn: 1\nnewsuperior: cn=B,cn=Sites,dc=x\n",
	  "! line 1: cn=Sites,dc=x cannot be moved below itself" },
	{ "dn: cn=C,dc=x\n" RENAME "newrdn: cn=x\ndeleteoldrdn: 1\n", "! line 1: cn=C,dc=x does not exist" },
};

static void test_changes_are_made_or_refused_as_by_a_server(void **state)
{
	(void)state;
	for (size_t i = 0; i < WP_COUNT(cases); i++) {
		TALLOC_CTX *ctx = talloc_new(NULL);

		assert_string_equal(amended(ctx, cases[i].changes), cases[i].after);
		talloc_free(ctx);
	}
}

static void test_the_entries_before_are_not_touched(void **state)
{
	static const char changes[] = DN_A MODIFY "replace: cn\ncn: x\n\n" DN_B RENAME
				      "newrdn: cn=C\ndeleteoldrdn: 1\n";
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct entry_list before = { NULL, 0 }, after;
	struct ldif_change_list records = { NULL, 0 };

	(void)state;
	assert_int_equal(ldif_read(ctx, base, strlen(base), &before, NULL), 0);
	assert_int_equal(ldif_change_read(ctx, changes, strlen(changes), &records, NULL), 0);
	after = before;
	assert_int_equal(amend_entries(ctx, &after, &records, NULL), 0);
	assert_string_equal(describe(ctx, &before), LINE_A LINE_B LINE_L);
	talloc_free(ctx);
}

static void test_a_renamed_entry_keeps_its_uuid_and_who_takes_its_name_has_another(void **state)
{
	static const char changes[] = DN_A RENAME "newrdn: cn=C\ndeleteoldrdn: 1\n\n" DN_A "cn: a\n";
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct entry_list list = { NULL, 0 };
	struct ldif_change_list records = { NULL, 0 };
	struct entry_uuid uuid;
	unsigned n = 0;

	(void)state;
	assert_int_equal(ldif_read(ctx, base, strlen(base), &list, NULL), 0);
	assert_int_equal(ldif_change_read(ctx, changes, strlen(changes), &records, NULL), 0);
	uuid = list.items[0]->uuid;
	assert_int_equal(amend_entries(ctx, &list, &records, NULL), 0);
	for (size_t i = 0; i < list.count; i++) {
		if (!entry_uuid_equal(&list.items[i]->uuid, &uuid))
			continue;
		assert_string_equal(list.items[i]->dn, "cn=C,CN=Sites, DC=x");
		n++;
	}
	assert_int_equal(n, 1);
	talloc_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes_are_made_or_refused_as_by_a_server),
		cmocka_unit_test(test_the_entries_before_are_not_touched),
		cmocka_unit_test(test_a_renamed_entry_keeps_its_uuid_and_who_takes_its_name_has_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
