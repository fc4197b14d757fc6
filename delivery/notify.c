/* Building and storing notifications. Loop thread only. */
#define _GNU_SOURCE /* memmem */
#include "delivery/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "delivery/body.h"
#include "delivery/dsn.h"
#include "delivery/intake.h"
#include "delivery/scheduler.h"

/* A notification on its way to the spool. */
struct notification {
	TALLOC_CTX *ctx;
	struct loop *loop;
	struct notify_order *order;
	struct body *body;
	struct envelope *envelope;
	struct spool_submit submit;
	struct accepted *notice;
	uint64_t spool_id;
	uint64_t now_ms;
	char id[40];
};

static void answer(struct loop *loop, struct notify_order *order, bool stored)
{
	order->stored = stored;
	order->mail.kind = MAIL_NOTIFIED;
	scheduler_post(loop->engine->scheduler, &order->mail);
}

static void notification_free(struct notification *n)
{
	struct loop *loop = n->loop;

	body_unref(n->body);
	envelope_unref(n->envelope);
	if (n->notice != NULL)
		accepted_free(n->notice);
	talloc_free(n->ctx);
	loop_release(loop);
}

/* --- the text ------------------------------------------------------------------------------------ */

static struct dsn_rcpt *describe_failures(TALLOC_CTX *ctx, const struct notify_order *order)
{
	const struct envelope *env = order->message->envelope;
	struct dsn_rcpt *rcpts = talloc_zero_array(ctx, struct dsn_rcpt, order->count);

	for (uint32_t i = 0; i < order->count; i++) {
		const struct envelope_rcpt *rcpt = &env->rcpt[order->failures[i].recipient];

		rcpts[i] = (struct dsn_rcpt){ .address = rcpt->address, .orcpt = rcpt->orcpt,
					      .action = DSN_FAILED,
					      .outcome = order->failures[i].outcome };
	}
	return rcpts;
}

static bool build_text(struct notification *n, struct buf *text, bool *is_8bit)
{
	const struct notify_order *order = n->order;
	const struct envelope *env = order->message->envelope;
	const struct body *body = order->message->body;
	struct dsn_request request = {
		.reporting_host = n->loop->view->fqdn,
		.postmaster = snap_str(n->loop->view->snap,
				       snap_org(n->loop->view->snap)->postmaster),
		.id = n->id,
		.now_ms = n->now_ms,
		.sender = env->sender,
		.envid = env->envid,
		.received_from = env->client.helo,
		.message_id = env->transaction,
		.arrival_ms = env->arrival_ms,
		.data = body_data(body),
		.len = body->len,
		.header_len = env->body.header_length,
		.full = env->ret == ENVELOPE_RET_FULL,
		.is_8bit = env->body.has_8bit,
		.rcpts = describe_failures(n->ctx, order),
		.rcpt_count = order->count,
	};

	return dsn_build(&request, text, is_8bit);
}

/* Facts of a text that we wrote ourselves: wire form, short lines. */
static struct body_facts facts_of(const struct buf *text, bool is_8bit)
{
	struct body_facts facts = { .form = BODY_LINES, .has_8bit = is_8bit,
				    .stored_size = text->len, .received_count = 0 };
	const char *end = memmem(text->data, text->len, "\r\n\r\n", 4);
	uint32_t line = 0;

	facts.header_length = end != NULL ? (uint32_t)(end + 4 - text->data) : (uint32_t)text->len;
	for (size_t i = 0; i < text->len; i++) {
		if (text->data[i] == '.' && line == 0)
			facts.stuffed_dots++;
		line = text->data[i] == '\n' ? 0 : line + 1;
		if (line > facts.longest_line)
			facts.longest_line = line;
	}
	facts.unstuffed_size = facts.accepted_size = text->len - facts.stuffed_dots;
	return facts;
}

/* --- the message --------------------------------------------------------------------------------- */

static int resolve_sender(struct notification *n, struct leaves *leaves, struct err *err)
{
	const struct envelope *env = n->order->message->envelope;
	const struct resolve_query query = { .authenticated = true };
	struct resolution *resolution;

	if (router_resolve(n->loop->router, n->loop->view, n->ctx, env->sender, &query, &resolution,
			   err) != 0)
		return -1;
	leaves_flatten(n->ctx, &resolution, 1, leaves);
	return 0;
}

static void make_envelope(struct notification *n, const struct leaves *leaves,
			  const struct body_facts *facts)
{
	const char *sender = n->order->message->envelope->sender;
	struct envelope e = { .arrival_ms = n->now_ms, .transaction = n->id, .sender = "",
			      .body = *facts, .original_count = 1, .original = &sender };

	loop_guid(n->loop, e.guid);
	intake_describe(n->ctx, n->loop->view, leaves, &e);
	n->envelope = envelope_new(&e);
}

static struct spool_batch *reported_states(const struct notify_order *order)
{
	struct spool_batch *batch = spool_batch_new();

	for (uint32_t i = 0; i < order->count; i++) {
		struct rcpt_range range = { .first = order->failures[i].recipient, .count = 1 };

		spool_batch_rcpt(batch, order->spool_id, &range, 1, RCPT_REPORTED, 0, NULL);
	}
	if (order->is_last)
		spool_batch_done(batch, order->spool_id);
	return batch;
}

static void hand_in(struct notification *n, struct routed *routed)
{
	struct engine *engine = n->loop->engine;
	struct iovec part = { .iov_base = body_data(n->body), .iov_len = n->body->len };
	struct accepted *a = mem_zero(1, sizeof(*a));

	n->spool_id = spool_next_id(engine->spool);
	a->mail.kind = MAIL_ACCEPTED;
	a->spool_id = n->spool_id;
	a->arrival_s = (uint32_t)(n->now_ms / 1000);
	a->loop = n->loop->index;
	a->message = message_new(n->spool_id, envelope_ref(n->envelope), body_ref(n->body));
	a->routed = routed;
	n->notice = a;
	spool_submit_message(&n->submit, n->spool_id, n->envelope, &part, 1);
	n->submit.mail.kind = MAIL_COMMITTED;
	n->submit.owner = (struct handle){ .loop = n->loop->index, .slot = NOTIFY_SLOT };
	n->submit.door = &n->loop->door;
	n->submit.notice = &a->mail;
	n->submit.notice_door = scheduler_door(engine->scheduler);
	a->track = intake_track(engine, n->envelope, n->spool_id, "", routed, TRACK_DSN);
	spool_group(engine->spool, &n->submit, reported_states(n->order));
}

static struct notification *notification_new(struct loop *loop, struct notify_order *order)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct notification *n = talloc_zero(ctx, struct notification);

	n->ctx = ctx;
	n->loop = loop;
	loop_hold(loop);
	n->order = order;
	n->now_ms = clock_wall_ms();
	snprintf(n->id, sizeof(n->id), "%llx-%x-%llx.dsn", (unsigned long long)n->now_ms,
		 (unsigned)loop->index, (unsigned long long)++loop->transactions);
	return n;
}

void notify_build(struct loop *loop, struct notify_order *order)
{
	struct notification *n;
	struct leaves leaves;
	struct body_facts facts;
	struct buf text = { 0 };
	bool is_8bit = false;
	struct err err = { .domain = ERR_NONE };

	if (loop->is_stopping || loop->view == NULL || loop->view->viewpoint == NULL) {
		answer(loop, order, false); /* stays due */
		return;
	}
	n = notification_new(loop, order);
	if (resolve_sender(n, &leaves, &err) != 0 || !build_text(n, &text, &is_8bit)) {
		log_err("a notification waits", &err);
		notification_free(n);
		buf_free(&text);
		answer(loop, order, false);
		return;
	}
	facts = facts_of(&text, is_8bit);
	n->body = body_new(0, text.len);
	body_add(n->body, text.data, text.len);
	n->body->facts = facts;
	buf_free(&text);
	make_envelope(n, &leaves, &facts);
	hand_in(n, router_route(loop->view, leaves.list, NULL, leaves.count, facts.stored_size,
				SNAP_NONE));
}

void notify_committed(struct loop *loop, struct spool_submit *submit)
{
	struct notification *n = WP_CONTAINER(submit, struct notification, submit);
	bool stored = submit->error == SPOOL_OK;

	if (stored)
		n->notice = NULL; /* the scheduler has it */
	spool_submit_fini(submit);
	answer(loop, n->order, stored);
	notification_free(n);
}
