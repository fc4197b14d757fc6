/* Making and releasing the mails of engine.h. Any thread. */
#include "delivery/engine.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

struct assignment *assignment_new(struct message *message, const uint32_t *recipients,
				  uint32_t count)
{
	size_t size = sizeof(struct assignment) + count * (sizeof(struct client_rcpt) +
							   sizeof(struct outcome *) + sizeof(uint32_t));
	struct assignment *a = mem_zero(1, size);

	a->rcpts = (struct client_rcpt *)(a + 1);
	a->outcomes = (struct outcome **)(a->rcpts + count);
	a->recipients = (uint32_t *)(a->outcomes + count);
	a->message = message_ref(message);
	a->count = count;
	memcpy(a->recipients, recipients, count * sizeof(*recipients));
	return a;
}

void assignment_free(struct assignment *a)
{
	for (uint32_t i = 0; i < a->count; i++)
		outcome_unref(a->outcomes[i]);
	edit_list_fini(&a->edits);
	span_list_fini(&a->spans);
	message_unref(a->message);
	free(a);
}

struct route_order *route_order_new(struct message *message, const uint32_t *recipients,
				    uint32_t count)
{
	struct route_order *order = mem_zero(1, sizeof(*order) + count * sizeof(*recipients));

	order->recipients = (uint32_t *)(order + 1);
	order->message = message_ref(message);
	order->count = count;
	memcpy(order->recipients, recipients, count * sizeof(*recipients));
	return order;
}

void route_order_free(struct route_order *order)
{
	message_unref(order->message);
	routed_free(order->routed);
	free(order);
}

void notify_order_free(struct notify_order *order)
{
	for (uint32_t i = 0; i < order->count; i++)
		outcome_unref(order->failures[i].outcome);
	free(order->failures);
	message_unref(order->message);
	free(order);
}

void accepted_free(struct accepted *a)
{
	message_unref(a->message);
	routed_free(a->routed);
	track_drop(a->track);
	free(a);
}

/* The scheduler has ended; the message is on disk nevertheless. */
static void free_accepted(struct mail *mail)
{
	struct accepted *a = WP_CONTAINER(mail, struct accepted, mail);

	track_end(a->track);
	a->track = NULL;
	accepted_free(a);
}

static void free_view_mail(struct mail *mail)
{
	struct view_mail *m = WP_CONTAINER(mail, struct view_mail, mail);

	view_unref(m->view);
	free(m);
}

static void free_connect_order(struct mail *mail)
{
	struct connect_order *order = WP_CONTAINER(mail, struct connect_order, mail);

	plan_unref(order->plan);
	free(order);
}

static void free_connection_report(struct mail *mail)
{
	struct connection_report *report = WP_CONTAINER(mail, struct connection_report, mail);

	outcome_unref(report->outcome);
	free(report);
}

static void free_read(struct mail *mail)
{
	struct spool_read *read = WP_CONTAINER(mail, struct spool_read, mail);

	envelope_unref(read->envelope);
	free(read->states);
	free(read->body);
	free(read);
}

void engine_mail_free(struct mail *mail)
{
	switch ((enum mail_kind)mail->kind) {
	case MAIL_LOOP_VIEW:
	case MAIL_SCHEDULER_VIEW:
		free_view_mail(mail);
		return;
	case MAIL_CONNECT:
	case MAIL_DISCONNECT:
	case MAIL_CONNECTION_PLAN:
		free_connect_order(mail);
		return;
	case MAIL_ASSIGN:
	case MAIL_ASSIGNED:
		assignment_free(WP_CONTAINER(mail, struct assignment, mail));
		return;
	case MAIL_ROUTE:
	case MAIL_ROUTED:
		route_order_free(WP_CONTAINER(mail, struct route_order, mail));
		return;
	case MAIL_NOTIFY:
	case MAIL_NOTIFIED:
		notify_order_free(WP_CONTAINER(mail, struct notify_order, mail));
		return;
	case MAIL_ACCEPTED:
		free_accepted(mail);
		return;
	case MAIL_CONNECTION_READY:
	case MAIL_CONNECTION_CLOSING:
	case MAIL_CONNECTION_GONE:
		free_connection_report(mail);
		return;
	case MAIL_LOADED:
		free_read(mail);
		return;
	case MAIL_COMMITTED:    /* belongs to its session, which outlives the spool */
	case MAIL_BODY_WRITTEN:
	case MAIL_CALL:
	case MAIL_LOOP_STOP:
	case MAIL_LOOP_CUT:
	case MAIL_SCHEDULER_DRAIN:
	case MAIL_SCHEDULER_STOP:
		return;
	}
}
