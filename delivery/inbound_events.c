/* What the verbs of a session ask of the directory. Loop thread only. */
#include "delivery/inbound_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/log.h"
#include "delivery/engine.h"
#include "topology/route.h"

static const struct view *current(const struct inbound *in)
{
	return in->loop->view;
}

/* --- limits of the receive connector --------------------------------------------------------- */

/* A flood of refusals is no flood of lines. */
static void log_refusal(struct inbound *in, enum admission_refusal refusal)
{
	uint64_t silent;
	char more[80] = "";

	if (!admission_wants_log(in->loop->engine->admission, refusal, loop_now_ms(in->loop), &silent))
		return;
	if (silent > 0)
		snprintf(more, sizeof(more), " (%llu more since this was last logged)",
			 (unsigned long long)silent);
	log_warn("receive connector %s refuses %s: %s%s", in->rules.name, in->peer_text,
		 admission_replies[refusal].text, more);
}

/* False: the event was answered. */
static bool is_granted(struct inbound *in, enum admission_refusal refusal)
{
	const struct admission_reply *reply = &admission_replies[refusal];

	if (refusal == ADMISSION_GRANTED)
		return true;
	log_refusal(in, refusal);
	inbound_refuse(in, reply->code, reply->status, reply->text);
	return false;
}

/* Who has an address of ours is taken for an own server until its certificate can be seen. */
static bool may_connect(struct inbound *in)
{
	return is_granted(in, admission_enter(in->loop->engine->admission, in->rules.name, &in->peer,
					      &in->rules.admission,
					      view_is_own_address(current(in), &in->peer),
					      loop_now_ms(in->loop), &in->slot));
}

static bool may_begin_message(struct inbound *in)
{
	return is_granted(in, admission_message(in->loop->engine->admission, in->rules.name, &in->peer,
						in->rules.admission.per_minute,
						loop_now_ms(in->loop)));
}

/* --- before a transaction ------------------------------------------------------------------ */

static void on_connect(struct inbound *in, const struct server_event *event)
{
	const struct view *view = current(in);

	(void)event;
	if (view == NULL)
		inbound_refuse(in, 421, "4.3.2", "no directory has been read yet, try again later");
	else if (!view->is_serving)
		inbound_refuse(in, 421, "4.3.2", view->why);
	else if (in->view == NULL || in->rules.name[0] == '\0')
		inbound_refuse(in, 421, "4.7.0", "no receive connector serves your address");
	else if (may_connect(in))
		inbound_accept_event(in);
}

static void on_plain(struct inbound *in, const struct server_event *event)
{
	(void)event;
	inbound_accept_event(in);
}

static void on_reset(struct inbound *in, const struct server_event *event)
{
	(void)event;
	transaction_drop(in->transaction);
	in->transaction = NULL;
	inbound_accept_event(in);
}

/* --- MAIL ----------------------------------------------------------------------------------- */

static bool may_send(const struct inbound *in)
{
	if (in->is_own && (in->rules.permit & PERMIT_SERVERS) != 0)
		return true;
	return (in->rules.permit & PERMIT_ANONYMOUS) != 0;
}

/* "5.3.4" refuses with 552, everything else about a recipient with 550. */
static unsigned code_of(const char *status)
{
	if (strcmp(status, "5.3.4") == 0 || strcmp(status, "5.2.3") == 0)
		return 552;
	return status[0] == '4' ? 451 : 550;
}

static void refuse_reason(struct inbound *in, enum route_reason reason)
{
	const struct reason_row *row = reason_row(reason);

	inbound_refuse(in, code_of(row->status), row->status, row->text);
}

static void on_mail(struct inbound *in, const struct server_event *event)
{
	const struct view *view = current(in);
	const struct smtp_path *path = &event->u.mail.path;
	enum route_reason reason;
	struct transaction *t;

	transaction_drop(in->transaction);
	in->transaction = NULL;
	if (view == NULL || !view->is_serving) {
		inbound_refuse(in, 421, "4.3.2", view == NULL ? "no directory" : view->why);
		return;
	}
	if (!inbound_renew_rules(in)) {
		inbound_refuse(in, 421, "4.7.0", "no receive connector serves your address any more");
		return;
	}
	if (!may_send(in)) {
		inbound_refuse(in, 550, "5.7.1", "this receive connector takes no mail from you");
		return;
	}
	reason = route_check_size(view->viewpoint, in->rules.index, in->is_own,
				  event->u.mail.params.size_bytes);
	if (reason != REASON_NONE) {
		refuse_reason(in, reason);
		return;
	}
	if (!may_begin_message(in))
		return;
	t = in->transaction = transaction_new(in);
	t->sender = talloc_strndup(t->ctx, path->mailbox, path->mailbox_len);
	t->declared_size = event->u.mail.params.size_bytes;
	t->is_8bit = event->u.mail.params.body == SMTP_BODY_8BITMIME;
	inbound_accept_event(in);
}

/* --- RCPT ------------------------------------------------------------------------------------ */

/* Strangers reach accepted domains only; own servers reach everybody. */
static bool may_relay(const struct inbound *in, const char *address)
{
	if (in->is_own && (in->rules.permit & PERMIT_SERVERS) != 0)
		return true;
	return receive_is_inside(in->transaction->view->snap, address);
}

static void keep_rcpt(struct transaction *t, const char *address, struct resolution *resolution)
{
	if (t->rcpt_count == t->rcpt_cap) {
		t->rcpt_cap = t->rcpt_cap ? t->rcpt_cap * 2 : 4;
		t->rcpts = mem_grow(t->rcpts, t->rcpt_cap * sizeof(*t->rcpts));
	}
	t->rcpts[t->rcpt_count].address = address;
	t->rcpts[t->rcpt_count++].resolution = resolution;
}

/* Mail of a linked receive connector leaves by its send connector, whoever it is for. */
static bool is_linked(const struct inbound *in)
{
	return in->rules.index != SNAP_NONE &&
	       snap_receive(in->view->snap, in->rules.index)->linked_connector != SNAP_NONE;
}

static void on_rcpt(struct inbound *in, const struct server_event *event)
{
	const struct smtp_path *path = &event->u.rcpt.path;
	struct transaction *t = in->transaction;
	const char *address = talloc_strndup(t->ctx, path->mailbox, path->mailbox_len);
	struct resolve_query query;
	struct resolution *resolution;
	struct err err;

	if (t->rcpt_count >= snap_org(t->view->snap)->max_recipients) {
		inbound_refuse(in, 452, "4.5.3", "too many recipients");
		return;
	}
	if (!may_relay(in, address)) {
		inbound_refuse(in, 550, "5.7.1", "relaying is not allowed from your address");
		return;
	}
	query = (struct resolve_query){ .size = t->declared_size, .authenticated = in->is_own,
					.is_linked = is_linked(in) };
	if (router_resolve(in->loop->router, t->view, t->ctx, address, &query, &resolution, &err) != 0) {
		inbound_refuse(in, 451, "4.3.0", "recipients cannot be looked up now, try again later");
		return;
	}
	if (resolution->items[0].kind == RESOLVED_REJECTED) {
		refuse_reason(in, resolution->items[0].reason);
		return;
	}
	keep_rcpt(t, address, resolution);
	inbound_accept_event(in);
}

/* --- data -------------------------------------------------------------------------------------- */

static void on_data(struct inbound *in, const struct server_event *event)
{
	struct server_verdict verdict = { .kind = SERVER_ACCEPT };

	(void)event;
	verdict.body = transaction_begin_body(in);
	inbound_answer(in, &verdict);
}

static void on_chunk(struct inbound *in, const struct server_event *event)
{
	transaction_chunk(in, event->u.message.body, event->u.message.keep);
}

static void on_message(struct inbound *in, const struct server_event *event)
{
	if (event->u.message.refusal != NULL) {
		transaction_drop(in->transaction);
		in->transaction = NULL;
		inbound_accept_event(in);
		return;
	}
	transaction_message(in, event->u.message.body);
}

static void (*const handlers[SERVER_EVENT_COUNT])(struct inbound *in,
						  const struct server_event *event) = {
	[SERVER_EVENT_CONNECT] = on_connect,
	[SERVER_EVENT_HELLO] = on_reset,
	[SERVER_EVENT_STARTTLS] = on_reset,
	[SERVER_EVENT_MAIL] = on_mail,
	[SERVER_EVENT_RCPT] = on_rcpt,
	[SERVER_EVENT_DATA] = on_data,
	[SERVER_EVENT_CHUNK] = on_chunk,
	[SERVER_EVENT_MESSAGE] = on_message,
	[SERVER_EVENT_RSET] = on_reset,
	[SERVER_EVENT_NOOP] = on_plain,
	[SERVER_EVENT_VRFY] = on_plain,
	[SERVER_EVENT_HELP] = on_plain,
	[SERVER_EVENT_QUIT] = on_reset,
};

void inbound_event(struct inbound *in, const struct server_event *event)
{
	handlers[event->kind](in, event);
}
