/*
 * Directories that say anything: LDIF of any kind becomes a snapshot that opens, and every
 * server of it answers queries. Promises: what was built is whole, an answer names its outcome,
 * and the quick way of selection agrees with the steps.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/ldif.h"
#include "topology/load.h"
#include "topology/recipient_memory.h"
#include "topology/route_json.h"

enum { SERVERS_MAX = 8, RECIPIENTS_MAX = 12 };

static const char *const always[] = { "postmaster", "u@f.com", "u@x.example.com", "FAX:1",
				      "u@[192.0.2.1]" };

static void ask(struct route_desk *desk, const char *from, const char *recipient)
{
	json_t *query = json_pack("{s:s,s:s,s:i}", "from", from, "recipient", recipient, "size", 5000);
	json_t *answer;

	if (query == NULL) /* no UTF-8 */
		return;
	answer = route_desk_answer(desk, query, true);
	FUZZ_PROMISE(json_object_get(answer, "outcome") != NULL);
	json_decref(answer);
	json_decref(query);
}

/* Asks about the addresses that the directory itself holds. */
static void ask_own(struct route_desk *desk, const char *from, const struct entry_list *list)
{
	unsigned asked = 0;

	for (size_t i = 0; i < list->count && asked < RECIPIENTS_MAX; i++) {
		const char *mail = entry_text(list->items[i], "mail");

		if (mail == NULL)
			continue;
		ask(desk, from, mail);
		asked++;
	}
}

static void ask_all(const struct snapshot *snap, const struct entry_list *list)
{
	struct recipient_memory *memory = recipient_memory_new(NULL);
	struct recipient_source source = recipient_memory_source(memory);
	struct route_desk *desk = route_desk_new(snap, &source);

	recipient_memory_add_list(memory, list);
	for (uint32_t s = 0; s < snap_count(snap, SNAP_SERVERS) && s < SERVERS_MAX; s++) {
		const char *from = snap_str(snap, snap_server(snap, s)->peer.name);

		for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
			ask(desk, from, always[i]);
		ask_own(desk, from, list);
	}
	route_desk_free(desk);
	talloc_free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct entry_list list = { NULL, 0 };
	struct snapshot_source source = snapshot_source_of_list(&list);
	struct buf image = { NULL, 0, 0 };
	struct snapshot snap;
	struct err err;

	if (ldif_read(ctx, (const char *)data, size, &list, &err) == 0) {
		FUZZ_PROMISE(snapshot_build(&source, NULL, 1, &image, &err) == 0);
		FUZZ_PROMISE(snapshot_open(&snap, image.data, image.len, &err) == 0);
		ask_all(&snap, &list);
	}
	buf_free(&image);
	talloc_free(ctx);
	return 0;
}
