/*
 * Directories that say anything: LDIF of any kind becomes a snapshot that opens, and every
 * server of it answers queries, with explanations, one by one and as one message. Promises:
 * what was built is whole; an answer names its outcome; the quick way of selection agrees with
 * the steps; a recipient is in one copy or is not sent; all of it has a text.
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

/* The connector that the steps leave is the one that was chosen. */
static void check_selection(const json_t *answer)
{
	const json_t *explain = json_object_get(answer, "explain");
	const json_t *chosen = json_object_get(answer, "connector");
	size_t i;
	json_t *item;

	json_array_foreach(json_object_get(explain, "connectors"), i, item)
		if (json_object_get(item, "removed_by_step") == NULL && chosen != NULL)
			FUZZ_PROMISE(json_equal(json_object_get(item, "connector"), chosen));
}

static void check_text(const json_t *answer)
{
	struct buf text = { NULL, 0, 0 };

	route_answer_text(answer, &text);
	FUZZ_PROMISE(text.len > 0 && text.data[text.len - 1] == '\n');
	buf_free(&text);
}

static void ask(struct route_desk *desk, const char *from, const char *recipient)
{
	json_t *query = json_pack("{s:s,s:s,s:i}", "from", from, "recipient", recipient, "size", 5000);
	json_t *answer;

	if (query == NULL) /* no UTF-8 */
		return;
	answer = route_desk_answer(desk, query, true);
	FUZZ_PROMISE(json_object_get(answer, "outcome") != NULL);
	check_selection(answer);
	check_text(answer);
	json_decref(answer);
	json_decref(query);
}

/* One message to all of LIST: each copy has recipients and a way. */
static void ask_together(struct route_desk *desk, const char *from, json_t *list)
{
	json_t *query = json_pack("{s:s,s:O}", "from", from, "recipients", list), *answer, *copy;
	size_t i;

	if (query == NULL)
		return;
	answer = route_desk_answer(desk, query, true);
	FUZZ_PROMISE(json_array_size(json_object_get(answer, "recipients")) == json_array_size(list));
	json_array_foreach(json_object_get(answer, "copies"), i, copy) {
		FUZZ_PROMISE(json_object_get(copy, "outcome") != NULL);
		FUZZ_PROMISE(json_array_size(json_object_get(copy, "recipients")) > 0);
	}
	check_text(answer);
	json_decref(answer);
	json_decref(query);
}

/* Asks about the addresses that the directory itself holds. */
static void ask_own(struct route_desk *desk, const char *from, const struct entry_list *list)
{
	unsigned asked = 0;
	json_t *together = json_pack("[s,s]", "u@f.com", "postmaster");

	for (size_t i = 0; i < list->count && asked < RECIPIENTS_MAX; i++) {
		const char *mail = entry_text(list->items[i], "mail");

		if (mail == NULL)
			continue;
		ask(desk, from, mail);
		json_array_append_new(together, json_string(mail));
		asked++;
	}
	ask_together(desk, from, together);
	json_decref(together);
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
