/*
 * LDIF changes: any text is read or refused with its line; what was read is applied to a small
 * directory or refused with a line, and both states of it compare, as entries and as snapshots,
 * whatever they hold.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "topology/amend.h"
#include "topology/changes.h"
#include "topology/diff.h"
#include "topology/load.h"
#include "topology/recipient_memory.h"

#define SITES ",cn=Sites,dc=x\n"

static const char base[] =
	"dn: dc=x\nobjectClass: waypostOrganization\ncn: x\n\n"
	"dn: cn=A" SITES "objectClass: waypostSite\ncn: A\n\n"
	"dn: cn=B" SITES "objectClass: waypostSite\ncn: B\nwaypostHubSite: TRUE\n\n"
	"dn: cn=L,dc=x\nobjectClass: waypostSiteLink\ncn: L\nwaypostCost: 10\n"
	"waypostLinkedSite: cn=A" SITES "waypostLinkedSite: cn=B" SITES "\n"
	"dn: cn=HA,dc=x\nobjectClass: waypostServer\ncn: HA\nwaypostRole: hub\nwaypostSiteDN: cn=A" SITES "\n"
	"dn: cn=HB,dc=x\nobjectClass: waypostServer\ncn: HB\nwaypostRole: hub\nwaypostSiteDN: cn=B" SITES "\n"
	"dn: cn=C,dc=x\nobjectClass: waypostSendConnector\ncn: C\nwaypostAddressSpace: *;1\n"
	"waypostAddressSpace: [192.0.2.0/24]\nwaypostSourceServer: cn=HB,dc=x\n\n"
	"dn: cn=D,dc=x\nobjectClass: waypostAcceptedDomain\ncn: D\nwaypostDomain: x.com\n\n"
	"dn: uid=p,dc=x\nobjectClass: inetOrgPerson\nmail: p@x.com\nwaypostHomeServer: cn=HA,dc=x\n";

struct state {
	struct buf image;
	struct snapshot snap;
	struct recipient_source recipients;
};

static void build(TALLOC_CTX *ctx, const struct entry_list *entries, struct state *state)
{
	struct snapshot_source source = snapshot_source_of_list(entries);
	struct recipient_memory *memory = recipient_memory_new(ctx);

	FUZZ_PROMISE(snapshot_build(&source, NULL, 1, &state->image, NULL) == 0);
	FUZZ_PROMISE(snapshot_open(&state->snap, state->image.data, state->image.len, NULL) == 0);
	recipient_memory_add_list(memory, entries);
	state->recipients = recipient_memory_source(memory);
}

static long long total(const json_t *diff, const char *field)
{
	return (long long)json_integer_value(json_object_get(diff, field));
}

/* What is gained one way is lost the other way. */
static void compare_routes(TALLOC_CTX *ctx, const struct entry_list *before,
			   const struct entry_list *after)
{
	struct state old = { .image = { 0 } }, new = { .image = { 0 } };
	struct diff_query query = { .size = 100 };
	struct buf text = { 0 };
	json_t *there, *back;

	build(ctx, before, &old);
	build(ctx, after, &new);
	query.old = (struct diff_side){ &old.snap, &old.recipients, recipient_memory_each };
	query.new = (struct diff_side){ &new.snap, &new.recipients, recipient_memory_each };
	FUZZ_PROMISE(diff_snapshots(&query, &there, NULL) == 0);
	query = (struct diff_query){ query.new, query.old, .size = 100 };
	FUZZ_PROMISE(diff_snapshots(&query, &back, NULL) == 0);
	FUZZ_PROMISE(total(there, "lost") == total(back, "gained"));
	FUZZ_PROMISE(total(there, "gained") == total(back, "lost"));
	FUZZ_PROMISE(total(there, "moved") == total(back, "moved"));
	diff_text(there, &text);
	FUZZ_PROMISE(text.len > 0);
	buf_free(&text);
	json_decref(there);
	json_decref(back);
	buf_free(&old.image);
	buf_free(&new.image);
}

static bool names_a_line(const struct err *err)
{
	return err->domain == ERR_DIRECTORY && strncmp(err->text, "line ", 5) == 0;
}

static void compare_entries(TALLOC_CTX *ctx, const struct entry_list *before,
			    const struct entry_list *after)
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
	    amend_entries(ctx, &after, &changes, &err) == 0) {
		compare_entries(ctx, &before, &after);
		compare_routes(ctx, &before, &after);
	} else {
		FUZZ_PROMISE(names_a_line(&err));
	}
	talloc_free(ctx);
	return 0;
}
