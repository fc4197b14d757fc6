/* Outbound connections: orders of the scheduler, the timer, the end. Loop thread only. */
#include "delivery/outbound_private.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/log.h"
#include "delivery/scheduler.h"

/* --- the timer ------------------------------------------------------------------------------ */

static void on_timer(uv_timer_t *timer)
{
	struct outbound *o = timer->data;
	uint64_t now = loop_now_ms(o->loop);

	o->deadline_ms = 0;
	switch (o->state) {
	case OUTBOUND_CONNECT:
		if (now < o->connect_due_ms) {
			outbound_arm(o, o->connect_due_ms);
			return;
		}
		{
			struct outcome_peer peer = { .host = o->host, .address = o->address };
			struct outcome *outcome = outcome_broken(OUTCOME_STAGE_CONNECT, "4.4.1", &peer,
								 "no answer to the connection request");

			outbound_attempt_failed(o, outcome);
			outcome_unref(outcome);
		}
		return;
	case OUTBOUND_SESSION:
		client_session_tick(o->session, now);
		outbound_pump(o);
		return;
	case OUTBOUND_LOOKUP:
	case OUTBOUND_CLOSING:
		return;
	}
}

/* Moved only when it would fire too late; early firings are harmless. */
void outbound_arm(struct outbound *o, uint64_t deadline_ms)
{
	uint64_t now = loop_now_ms(o->loop);

	if (deadline_ms == UINT64_MAX || (o->deadline_ms != 0 && o->deadline_ms <= deadline_ms))
		return;
	o->deadline_ms = deadline_ms;
	uv_timer_start(&o->timer, on_timer, deadline_ms > now ? deadline_ms - now : 0, 0);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void on_timer_closed(uv_handle_t *handle)
{
	struct outbound *o = handle->data;
	struct loop *loop = o->loop;

	plan_unref(o->plan);
	outcome_unref(o->last);
	free(o);
	loop_release(loop);
}

static void report(struct loop *loop, const struct handle *connection, enum mail_kind kind,
		   bool host_failed, struct outcome *outcome)
{
	struct connection_report *r = mem_zero(1, sizeof(*r));

	r->mail.kind = kind;
	r->connection = *connection;
	r->host_failed = host_failed;
	r->outcome = outcome != NULL ? outcome_ref(outcome) : NULL;
	scheduler_post(loop->engine->scheduler, &r->mail);
}

static void return_all(struct outbound *o, struct assignment *list)
{
	while (list != NULL) {
		struct assignment *next = list->next;

		outbound_return(o, list, NULL, true);
		list = next;
	}
}

void outbound_finish(struct outbound *o, bool host_failed, struct outcome *outcome)
{
	if (o->state == OUTBOUND_CLOSING)
		return;
	o->state = OUTBOUND_CLOSING;
	mx_lookup_cancel(o->lookup);
	o->lookup = NULL;
	outbound_drop_socket(o); /* the engine lets go of the messages first */
	return_all(o, o->sent);
	return_all(o, o->pending);
	o->sent = o->pending = NULL;
	report(o->loop, &o->handle, MAIL_CONNECTION_GONE, host_failed, outcome);
	slot_remove(&o->loop->outbound, &o->handle);
	uv_close((uv_handle_t *)&o->timer, on_timer_closed);
}

/* --- orders ----------------------------------------------------------------------------------- */

void outbound_connect(struct loop *loop, struct connect_order *order)
{
	struct outbound *o;

	if (loop->is_stopping) {
		report(loop, &order->connection, MAIL_CONNECTION_GONE, false, NULL);
		engine_mail_free(&order->mail);
		return;
	}
	o = mem_zero(1, sizeof(*o));
	o->loop = loop;
	loop_hold(loop);
	o->handle = order->connection;
	o->plan = order->plan;
	o->pending_tail = &o->pending;
	free(order);
	uv_timer_init(&loop->uv, &o->timer);
	o->timer.data = o;
	slot_put(&loop->outbound, &o->handle, o);
	outbound_try_next(o);
}

void outbound_disconnect(struct loop *loop, struct connect_order *order)
{
	struct outbound *o = slot_find(&loop->outbound, &order->connection);

	engine_mail_free(&order->mail);
	if (o == NULL)
		return;
	o->is_quitting = true;
	if (o->state == OUTBOUND_SESSION) {
		client_session_quit(o->session, loop_now_ms(loop));
		outbound_pump(o);
	} else {
		outbound_finish(o, false, NULL);
	}
}

void outbound_assign(struct loop *loop, struct assignment *a)
{
	struct outbound *o = slot_find(&loop->outbound, &a->connection);

	if (o == NULL || o->is_quitting) {
		a->untouched = true;
		a->mail.kind = MAIL_ASSIGNED;
		scheduler_post(loop->engine->scheduler, &a->mail);
		return;
	}
	a->next = NULL;
	*o->pending_tail = a;
	o->pending_tail = &a->next;
	if (o->state == OUTBOUND_SESSION) {
		outbound_feed_pending(o);
		outbound_pump(o);
	}
}

static void each_connection(struct loop *loop, void (*fn)(struct outbound *o))
{
	for (uint32_t i = 0; i < loop->outbound.count; i++) {
		struct outbound *o = loop->outbound.slots[i].object;

		if (o != NULL)
			fn(o);
	}
}

/*
 * Ends a connection that the directory has no more use for, which is no fault of the host's: so the
 * scheduler is told first, and gives it nothing more.
 */
static void end_by_view(struct outbound *o, bool is_trusted)
{
	report(o->loop, &o->handle, MAIL_CONNECTION_CLOSING, false, NULL);
	o->is_quitting = true;
	if (o->state != OUTBOUND_SESSION) {
		outbound_finish(o, false, NULL);
		return;
	}
	if (is_trusted)
		client_session_quit(o->session, loop_now_ms(o->loop));
	else
		client_session_lost(o->session, "the peer's certificate left the directory",
				    loop_now_ms(o->loop));
	outbound_pump(o);
}

/* At once, also in the middle of a message. */
static void drop_untrusted(struct outbound *o)
{
	bool edge;

	if (o->state == OUTBOUND_SESSION && o->peer_hash[0] != '\0' &&
	    snapshot_find_certificate(o->loop->view->snap, o->peer_hash, &edge) == NULL)
		end_by_view(o, false);
}

void outbound_view_changed(struct loop *loop)
{
	each_connection(loop, drop_untrusted);
}

/* What the peer showed is still one of the certificates of this target; true for all others. */
static bool is_still_pinned(const struct outbound *o, const struct plan_target *target)
{
	uint8_t hash[TLS_HASH_SIZE];

	return o->peer_hash[0] == '\0' ||
	       (tls_hash_parse(o->peer_hash, hash) && plan_is_pinned(target, hash));
}

static void adopt_plan(struct outbound *o, struct plan *plan, unsigned target)
{
	struct plan *old = o->plan;

	o->plan = plan_ref(plan);
	if (o->state == OUTBOUND_LOOKUP)
		outbound_try_target(o, target); /* the search refers to the old one */
	else
		o->target = target + 1;
	plan_unref(old);
}

void outbound_new_plan(struct loop *loop, struct connect_order *order)
{
	struct outbound *o = slot_find(&loop->outbound, &order->connection);
	int target;

	if (o != NULL && !o->is_quitting) {
		target = plan_find_target(order->plan, o->plan, o->target - 1);
		if (target >= 0 && is_still_pinned(o, &order->plan->targets[target]))
			adopt_plan(o, order->plan, (unsigned)target);
		else
			end_by_view(o, target < 0);
	}
	engine_mail_free(&order->mail);
}

static void quit(struct outbound *o)
{
	o->is_quitting = true;
	if (o->state != OUTBOUND_SESSION) {
		outbound_finish(o, false, NULL);
		return;
	}
	client_session_quit(o->session, loop_now_ms(o->loop));
	outbound_pump(o);
}

void outbound_stop_all(struct loop *loop)
{
	each_connection(loop, quit);
}

static void cut(struct outbound *o)
{
	outbound_finish(o, false, NULL);
}

void outbound_cut_all(struct loop *loop)
{
	each_connection(loop, cut);
}
