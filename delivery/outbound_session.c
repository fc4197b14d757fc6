/* The client engine on a connected socket. Loop thread only. */
#include "delivery/outbound_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "delivery/scheduler.h"

/* --- beginning ------------------------------------------------------------------------------------ */

static enum client_tls tls_mode(const struct outbound *o)
{
	enum plan_tls tls = outbound_target(o)->rules.tls;

	if (o->without_tls || tls == PLAN_TLS_NONE)
		return CLIENT_TLS_NONE;
	return tls == PLAN_TLS_OPPORTUNISTIC ? CLIENT_TLS_OPPORTUNISTIC : CLIENT_TLS_REQUIRED;
}

void outbound_session_begin(struct outbound *o)
{
	const struct plan *plan = o->plan;
	const struct plan_rules *rules = &outbound_target(o)->rules;
	struct client_config config = {
		.protocol = plan->is_lmtp ? CLIENT_LMTP : CLIENT_SMTP,
		.tls = tls_mode(o),
		.force_helo = rules->force_helo,
		.helo = plan->helo,
		.peer = { .host = o->host, .address = o->address },
		.inactivity_timeout_ms = rules->inactivity_ms,
		.max_messages = rules->max_messages,
	};

	o->state = OUTBOUND_SESSION;
	o->session = client_session_new(&config, loop_now_ms(o->loop));
	if (o->socket->stream.uv.handle.type == UV_TCP)
		stream_connected(&o->socket->stream);
	stream_read_start(&o->socket->stream);
	outbound_pump(o);
}

/* --- identity ------------------------------------------------------------------------------------- */

/* The peer has to show one of the certificates that the directory has for it. */
static bool check_pin(struct outbound *o, const struct tls *tls, struct err *err)
{
	uint8_t hash[TLS_HASH_SIZE];

	if (!tls_peer_hash(tls, hash) || !plan_is_pinned(outbound_target(o), hash)) {
		err_set(err, ERR_TLS, 0,
			"%s shows a certificate that the directory does not have for it", o->host);
		return false;
	}
	tls_hash_format(hash, o->peer_hash);
	return true;
}

static bool check_identity(struct outbound *o, const struct tls *tls, struct err *err)
{
	const struct plan_rules *rules = &outbound_target(o)->rules;
	const char *name = rules->tls_domain[0] != '\0' ? rules->tls_domain : o->host;

	switch (rules->tls) {
	case PLAN_TLS_PINNED:
		return check_pin(o, tls, err);
	case PLAN_TLS_CERTIFICATE:
		return tls_verify_peer(tls, NULL, err);
	case PLAN_TLS_DOMAIN:
		return tls_verify_peer(tls, name, err);
	case PLAN_TLS_NONE:
	case PLAN_TLS_OPPORTUNISTIC:
	case PLAN_TLS_ENCRYPTION:
		break;
	}
	return true;
}

static void on_secure(void *arg)
{
	struct socket_slot *slot = arg;
	struct outbound *o = slot->owner;
	const struct tls *tls = slot->stream.tls;
	char text[160];
	struct err err;

	if (o == NULL)
		return;
	tls_describe(tls, text, sizeof(text) - 16);
	if (check_identity(o, tls, &err)) {
		if (o->peer_hash[0] != '\0')
			strcat(text, " pinned");
		client_session_tls_started(o->session, text, loop_now_ms(o->loop));
	} else {
		client_session_tls_failed(o->session, err.text, loop_now_ms(o->loop));
	}
	outbound_pump(o);
}

/* --- events ---------------------------------------------------------------------------------------- */

static void tell_ready(struct outbound *o)
{
	struct connection_report *r;

	if (o->was_ready)
		return;
	o->was_ready = true;
	r = mem_zero(1, sizeof(*r));
	r->mail.kind = MAIL_CONNECTION_READY;
	r->connection = o->handle;
	scheduler_post(o->loop->engine->scheduler, &r->mail);
}

/* Whether the host decided about the message, so that the connection was of use. */
static bool has_judged(const struct assignment *a, const struct client_event *event)
{
	for (uint32_t i = 0; i < a->count; i++)
		if (!event->untouched && event->outcomes[i]->class != OUTCOME_HOST_UNAVAILABLE)
			return true;
	return false;
}

static void message_done(struct outbound *o, const struct client_event *event)
{
	struct assignment *a = WP_CONTAINER(event->message, struct assignment, wire);
	struct assignment **at = &o->sent;

	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	o->has_served |= has_judged(a, event);
	outbound_return(o, a, event->outcomes, event->untouched);
}

/*
 * The connection is over. Before it served anything, the fault is the host's and the next
 * address has its turn, with whatever was assigned meanwhile.
 */
static void session_failed(struct outbound *o, struct outcome *outcome)
{
	if (!o->has_served)
		outbound_attempt_failed(o, outcome);
	else
		outbound_finish(o, false, outcome);
}

/* False: the session is over and gone. */
static bool take_event(struct outbound *o, const struct client_event *event)
{
	struct outcome *outcome;

	switch (event->type) {
	case CLIENT_EVENT_READY:
		tell_ready(o);
		outbound_feed_pending(o);
		return true;
	case CLIENT_EVENT_WANT_STARTTLS:
		o->wants_tls = true;
		return true;
	case CLIENT_EVENT_MESSAGE_DONE:
		message_done(o, event);
		outbound_feed_pending(o);
		return true;
	case CLIENT_EVENT_CLOSED:
		outbound_finish(o, false, NULL);
		return false;
	case CLIENT_EVENT_FAILED:
		outcome = outcome_ref(event->outcome);
		session_failed(o, outcome);
		outcome_unref(outcome);
		return false;
	case CLIENT_EVENT_NONE:
		break;
	}
	return true;
}

static void start_tls(struct outbound *o)
{
	bool is_name = !outbound_target(o)->hop.is_literal;

	o->wants_tls = false;
	stream_start_tls(&o->socket->stream, o->loop->client_tls, is_name ? o->host : NULL);
}

void outbound_pump(struct outbound *o)
{
	struct client_event event;
	struct socket_slot *slot = o->socket;

	if (o->is_pumping)
		return;
	o->is_pumping = true;
	while (o->state == OUTBOUND_SESSION && o->socket == slot) {
		if (client_session_event(o->session, &event)) {
			if (!take_event(o, &event))
				break;
			continue;
		}
		if (!client_session_wants_write(o->session) || slot->stream.writing ||
		    slot->stream.ended)
			break;
		stream_flush(&slot->stream);
	}
	o->is_pumping = false;
	if (o->state != OUTBOUND_SESSION || o->socket != slot)
		return;
	if (o->wants_tls && stream_is_drained(&slot->stream))
		start_tls(o);
	if (o->state == OUTBOUND_SESSION && o->socket == slot)
		outbound_arm(o, client_session_deadline(o->session));
}

void outbound_feed_pending(struct outbound *o)
{
	uint64_t now = loop_now_ms(o->loop);

	while (o->pending != NULL && client_session_room(o->session) > 0) {
		struct assignment *a = o->pending;

		o->pending = a->next;
		if (o->pending == NULL)
			o->pending_tail = &o->pending;
		outbound_prepare(o, a);
		a->next = o->sent;
		o->sent = a;
		client_session_send(o->session, &a->wire, now);
	}
}

/* --- the stream ------------------------------------------------------------------------------------- */

static void on_data(void *arg, const char *data, size_t len)
{
	struct socket_slot *slot = arg;
	struct outbound *o = slot->owner;

	if (o == NULL || o->session == NULL)
		return;
	client_session_feed(o->session, data, len, loop_now_ms(o->loop));
	outbound_pump(o);
}

static void on_end(void *arg, const struct err *err)
{
	struct socket_slot *slot = arg;
	struct outbound *o = slot->owner;

	if (o == NULL || o->session == NULL)
		return;
	if (slot->stream.tls != NULL && !slot->stream.secure)
		client_session_tls_failed(o->session,
					  err != NULL ? err->text : "closed in the TLS handshake",
					  loop_now_ms(o->loop));
	else
		client_session_lost(o->session, err != NULL ? err->text : NULL, loop_now_ms(o->loop));
	outbound_pump(o);
}

static void on_closed(void *arg)
{
	free(arg);
}

static int on_output(void *arg, struct iovec *iov, int max)
{
	struct socket_slot *slot = arg;

	if (slot->owner == NULL || slot->owner->session == NULL)
		return 0;
	return client_session_output(slot->owner->session, iov, max);
}

static void on_wrote(void *arg, size_t n)
{
	struct socket_slot *slot = arg;

	if (slot->owner != NULL && slot->owner->session != NULL)
		client_session_wrote(slot->owner->session, n, loop_now_ms(slot->owner->loop));
}

const struct stream_handler outbound_stream_handler = {
	.on_data = on_data,
	.on_secure = on_secure,
	.on_end = on_end,
	.on_closed = on_closed,
	.output = on_output,
	.wrote = on_wrote,
};
