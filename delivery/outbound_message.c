/* Copies in and out of the client engine, and what the tracking log says of them. */
#include "delivery/outbound_private.h"

#include <string.h>

#include "common/clock.h"
#include "delivery/body.h"
#include "delivery/scheduler.h"
#include "delivery/trace_header.h"

/* --- out --------------------------------------------------------------------------------------- */

/*
 * The edits of this branch: organisation fields are believed between own servers only, so they
 * are taken out at every border and made anew towards an own server.
 */
static void make_edits(struct outbound *o, struct assignment *a)
{
	const struct envelope *env = a->message->envelope;
	struct buf text = { 0 };

	trace_org_strip(body_data(a->message->body), env->body.header_length, &a->edits);
	if (outbound_target(o)->rules.is_own)
		trace_org_add(&text, TRACE_ORG_SIZE, env->body.accepted_size);
	if (o->plan->is_mailbox)
		trace_return_path_add(&text, env->sender);
	if (text.len > 0)
		edit_prepend(&a->edits, text.data, text.len);
	buf_free(&text);
}

void outbound_prepare(struct outbound *o, struct assignment *a)
{
	const struct envelope *env = a->message->envelope;

	if (a->edits.count == 0)
		make_edits(o, a);
	span_list_clear(&a->spans);
	edit_apply(&a->edits, body_data(a->message->body), a->message->body->len, &a->spans);
	for (uint32_t i = 0; i < a->count; i++) {
		const struct envelope_rcpt *rcpt = &env->rcpt[a->recipients[i]];

		a->rcpts[i] = (struct client_rcpt){
			.address = rcpt->address,
			.index = a->recipients[i],
			.notify = rcpt->notify,
			.orcpt = rcpt->orcpt[0] != '\0' ? rcpt->orcpt : NULL,
		};
	}
	a->wire = (struct client_message){
		.token = a->message->spool_id,
		.sender = env->sender,
		.rcpts = a->rcpts,
		.rcpt_count = a->count,
		.body = &a->spans,
		.size_bytes = a->spans.total_bytes - env->body.stuffed_dots,
		.is_8bit = env->body.has_8bit,
		.is_utf8 = env->is_smtputf8,
		.ret = env->ret,
		.envid = env->envid[0] != '\0' ? env->envid : NULL,
	};
}

/* --- tracking ------------------------------------------------------------------------------------ */

static void track_message_id(struct track *t, const struct message *message)
{
	const char *header = body_data(message->body);
	char text[256];
	struct trace_field field;
	size_t pos = 0, len;

	while (trace_field_next(header, message->envelope->body.header_length, &pos, &field)) {
		if (field.name_len != 10 || !ascii_equal_n(field.name, "Message-ID", 10))
			continue;
		while (field.value_len > 0 && (*field.value == ' ' || *field.value == '\t')) {
			field.value++;
			field.value_len--;
		}
		len = field.value_len < sizeof(text) - 1 ? field.value_len : sizeof(text) - 1;
		memcpy(text, field.value, len);
		text[len] = '\0';
		track_text(t, "message_id", text);
		return;
	}
}

static enum track_event event_of(const struct outbound *o, enum outcome_class class)
{
	if (class == OUTCOME_DELIVERED)
		return o->plan->is_mailbox ? TRACK_DELIVER : TRACK_SEND;
	return class == OUTCOME_FAILED ? TRACK_FAIL : TRACK_DEFER;
}

/* One record for the recipients that share OUTCOME, from index FIRST on. */
static void track_outcome(struct outbound *o, const struct assignment *a, uint32_t first)
{
	const struct outcome *outcome = a->outcomes[first];
	const struct envelope *env = a->message->envelope;
	struct track *t = track_begin(o->loop->engine->tracker, event_of(o, outcome->class),
				      clock_wall_ms());

	track_number(t, "id", a->message->spool_id);
	track_text(t, "transaction", env->transaction);
	track_message_id(t, a->message);
	track_text(t, "sender", env->sender[0] != '\0' ? env->sender : "<>");
	track_list(t, "recipients");
	for (uint32_t i = first; i < a->count; i++)
		if (a->outcomes[i] == outcome)
			track_item(t, env->rcpt[a->recipients[i]].address);
	track_list_end(t);
	track_text(t, "connector", outbound_target(o)->connector);
	track_text(t, "next_hop", o->plan->display);
	track_text(t, "host", outcome->host);
	track_text(t, "address", outcome->address);
	track_text(t, "tls", outcome->tls);
	track_text(t, "stage", outcome_stage_name(outcome->stage));
	track_text(t, "status", outcome->status);
	track_text(t, "reply", outcome->reply);
	track_end(t);
}

static bool shared_before(const struct assignment *a, uint32_t index)
{
	for (uint32_t i = 0; i < index; i++)
		if (a->outcomes[i] == a->outcomes[index])
			return true;
	return false;
}

/* --- back ------------------------------------------------------------------------------------------ */

static bool host_only(const struct assignment *a)
{
	for (uint32_t i = 0; i < a->count; i++)
		if (a->outcomes[i]->class != OUTCOME_HOST_UNAVAILABLE)
			return false;
	return true;
}

/* OUTCOMES null: the copy was never tried on this connection. */
void outbound_return(struct outbound *o, struct assignment *a, struct outcome *const *outcomes,
		     bool untouched)
{
	a->untouched = untouched || outcomes == NULL;
	for (uint32_t i = 0; outcomes != NULL && i < a->count; i++)
		a->outcomes[i] = outcome_ref(outcomes[i]);
	if (outcomes != NULL && !untouched) {
		for (uint32_t i = 0; i < a->count; i++)
			if (!shared_before(a, i))
				track_outcome(o, a, i);
		/* The host did not judge the message: the next one may have it at once. */
		a->untouched = host_only(a);
	}
	a->mail.kind = MAIL_ASSIGNED;
	scheduler_post(o->loop->engine->scheduler, &a->mail);
}
