/*
 * LDIF changes: any text is read or refused with its line; what was read is applied to a small
 * directory or refused with a line, and two states of it compare whatever they hold.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "topology/amend.h"
#include "topology/changes.h"

static const char base[] = "dn: cn=A,cn=Sites,dc=x\nobjectClass: waypostSite\ncn: A\n\n"
			   "dn: cn=B,cn=Sites,dc=x\nobjectClass: waypostSite\ncn: B\n\n"
			   "dn: cn=L,dc=x\ncn: L\nwaypostLinkedSite: cn=A,cn=Sites,dc=x\n";

static bool names_a_line(const struct err *err)
{
	return err->domain == ERR_DIRECTORY && strncmp(err->text, "line ", 5) == 0;
}

static void compare(TALLOC_CTX *ctx, const struct entry_list *before, const struct entry_list *after)
{
	struct change_list *list = change_list_new(ctx);
	struct buf text = { 0 };
	json_t *json;

	changes_of_lists(list, before, after);
	json = changes_json(list);
	FUZZ_PROMISE(json_array_size(json) == list->count);
	changes_text(json, &text);
	FUZZ_PROMISE((text.len > 0) == (list->count > 0));
	json_decref(json);
	buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct ldif_change_list changes = { 0 };
	struct entry_list before = { 0 }, after;
	struct err err = { 0 };

	FUZZ_PROMISE(ldif_read(ctx, base, strlen(base), &before, &err) == 0);
	after = before;
	if (ldif_change_read(ctx, (const char *)data, size, &changes, &err) == 0 &&
	    amend_entries(ctx, &after, &changes, &err) == 0)
		compare(ctx, &before, &after);
	else
		FUZZ_PROMISE(names_a_line(&err));
	talloc_free(ctx);
	return 0;
}
