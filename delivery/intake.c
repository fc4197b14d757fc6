/* Leaves of resolutions to envelope and routes. */
#include "delivery/intake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

void intake_describe(TALLOC_CTX *ctx, const struct view *view, const struct leaves *leaves,
		     struct envelope *description)
{
	struct envelope_rcpt *rcpt = talloc_zero_array(ctx, struct envelope_rcpt, leaves->count + 1);

	for (uint32_t i = 0; i < leaves->count; i++) {
		const struct resolved *leaf = leaves->list[i];

		rcpt[i].address = leaf->address;
		rcpt[i].original = leaves->original[i];
		if (leaf->home != SNAP_NONE)
			rcpt[i].home_server = snap_str(view->snap,
						       snap_server(view->snap, leaf->home)->peer.dn);
	}
	description->rcpt = rcpt;
	description->rcpt_count = leaves->count;
}

bool intake_all_failed(const struct routed *routed, const struct outcome **first_r)
{
	if (routed->count > 0 || routed->discarded_count > 0 || routed->failure_count == 0)
		return false;
	*first_r = routed->failures[0].outcome;
	return true;
}

static void track_recipients(struct track *t, const struct envelope *envelope)
{
	track_list(t, "recipients");
	for (uint32_t i = 0; i < envelope->original_count; i++)
		track_item(t, envelope->original[i]);
	track_list_end(t);
}

static bool is_resolved_otherwise(const struct envelope *envelope)
{
	if (envelope->rcpt_count != envelope->original_count)
		return true;
	for (uint32_t i = 0; i < envelope->rcpt_count; i++)
		if (strcmp(envelope->rcpt[i].address, envelope->original[i]) != 0)
			return true;
	return false;
}

/* What forwards and groups made of the recipients; left out where they stayed what they are. */
static void track_resolved(struct track *t, const struct envelope *envelope)
{
	if (!is_resolved_otherwise(envelope))
		return;
	track_list(t, "resolved");
	for (uint32_t i = 0; i < envelope->rcpt_count; i++)
		track_item(t, envelope->rcpt[i].address);
	track_list_end(t);
}

/* The next hops chosen at acceptance, in words: "relay-site HQ". */
static void track_routes(struct track *t, const struct routed *routed)
{
	char text[600];

	track_list(t, "next_hops");
	for (uint32_t i = 0; i < routed->count; i++) {
		const struct queue_key *key = &routed->destinations[i].key;

		snprintf(text, sizeof(text), "%s %s%s%s", queue_kind_name(key->kind), key->next_hop,
			 key->next_hop[0] != '\0' && key->connector[0] != '\0' ? " " : "",
			 key->connector);
		track_item(t, text);
	}
	track_list_end(t);
}

struct track *intake_track(struct engine *engine, const struct envelope *envelope,
			   uint64_t spool_id, const char *message_id,
			   const struct routed *routed, enum track_event event)
{
	struct track *t = track_begin(engine->tracker, event, envelope->arrival_ms);

	track_number(t, "id", spool_id);
	track_text(t, "transaction", envelope->transaction);
	track_text(t, "message_id", message_id);
	track_text(t, "sender", envelope->sender[0] != '\0' ? envelope->sender : "<>");
	track_recipients(t, envelope);
	track_resolved(t, envelope);
	track_routes(t, routed);
	track_number(t, "size", envelope->body.stored_size);
	track_text(t, "client_ip", envelope->client.ip);
	track_text(t, "client_helo", envelope->client.helo);
	track_text(t, "receive_connector", envelope->client.connector);
	for (uint32_t i = 0; i < routed->discarded_count; i++) {
		track_also(t, TRACK_DROP, envelope->arrival_ms);
		track_number(t, "id", spool_id);
		track_text(t, "message_id", message_id);
		track_text(t, "recipient", envelope->rcpt[routed->discarded[i]].address);
	}
	return t;
}
