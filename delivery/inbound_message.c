/* A transaction: from MAIL over the end of data to the answer of the spool. Loop thread only. */
#include "delivery/inbound_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "delivery/intake.h"
#include "delivery/scheduler.h"
#include "delivery/trace_header.h"
#include "topology/route.h"

static void spill_go_on(struct spill *spill, struct inbound *in);

enum {
	BODY_FIRST_CAPACITY = 6 * 1024,
	VISITS_MAX = 4, /* of one message to this server before (delivery.md §3) */
};

/* --- life ------------------------------------------------------------------------------------ */

struct transaction *transaction_new(struct inbound *in)
{
	TALLOC_CTX *ctx = talloc_pool(NULL, 4096);
	struct transaction *t = talloc_zero(ctx, struct transaction);

	t->ctx = ctx;
	t->loop = in->loop;
	loop_hold(t->loop);
	t->session = in->handle;
	t->view = view_ref(in->loop->view);
	t->arrival_ms = clock_wall_ms();
	snprintf(t->id, sizeof(t->id), "%llx-%x-%llx", (unsigned long long)(t->arrival_ms & 0xffffffffff),
		 (unsigned)in->loop->index, (unsigned long long)++in->loop->transactions);
	return t;
}

static void transaction_free(struct transaction *t)
{
	struct loop *loop = t->loop;

	if (t->spill != NULL) {
		free(t->spill->last);
		free(t->spill);
	}
	free(t->rcpts);
	view_unref(t->view);
	body_unref(t->body);
	envelope_unref(t->envelope);
	routed_free(t->routed);
	if (t->notice != NULL)
		accepted_free(t->notice);
	talloc_free(t->ctx);
	loop_release(loop);
}

static bool is_out(const struct transaction *t)
{
	return t->is_submitted || (t->spill != NULL && t->spill->in_flight > 0);
}

/* A submitted message cannot be called back: it is the spool's until it is answered. */
void transaction_drop(struct transaction *t)
{
	if (t == NULL)
		return;
	t->session.generation = 0; /* no session has it: late answers find nobody */
	if (t->is_submitted)
		return;
	if (t->spill != NULL && t->spill->file != NULL) {
		body_store_end(t->spill->file, false);
		t->spill->file = NULL;
	}
	if (!is_out(t))
		transaction_free(t);
}

/* --- data ------------------------------------------------------------------------------------ */

struct body *transaction_begin_body(struct inbound *in)
{
	struct transaction *t = in->transaction;
	const struct server_tls *tls = server_session_tls(in->session);
	struct body *body = body_new(0, BODY_FIRST_CAPACITY);
	bool is_extended;
	char cipher[64] = "";
	struct buf field = { 0 };

	if (tls->is_used)
		snprintf(cipher, sizeof(cipher), "%s with cipher %s", tls->version, tls->cipher);
	struct trace_received received = {
		.helo = server_session_hello(in->session, &is_extended),
		.address = in->peer_text,
		.by = in->rules.config.host,
		.tls = cipher,
		.id = t->id,
		.rcpt = t->rcpt_count == 1 ? t->rcpts[0].address : "",
		.wall_ms = t->arrival_ms,
	};
	received.with = !is_extended ? "SMTP" : tls->is_used ? "ESMTPS" : "ESMTP";
	trace_received_add(&field, &received);
	body_add(body, field.data, field.len);
	buf_free(&field);
	return body;
}

/* --- what the header says ------------------------------------------------------------------ */

static bool lies_in_memory(const struct body *body, const struct body_field *field, size_t *at_r)
{
	if (field->count == 0 || field->at < body->taken_bytes ||
	    field->at + field->len > body->taken_bytes + body->len)
		return false;
	*at_r = (size_t)(field->at - body->taken_bytes);
	return true;
}

static void copy_field(const struct body *body, unsigned which, char *text, size_t size)
{
	const struct body_field *field = &body->field[which];
	size_t at, len;

	text[0] = '\0';
	if (!lies_in_memory(body, field, &at))
		return;
	len = field->len < size - 1 ? field->len : size - 1;
	memcpy(text, body_data(body) + at, len);
	text[len] = '\0';
	for (char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20)
			*c = ' ';
}

/*
 * What the header says, while it is still in memory: before the first chunk of a large body is
 * taken away, else at the end of data. Own servers tell how large the message was when the
 * organisation accepted it.
 */
static void note_fields(const struct inbound *in, struct transaction *t, const struct body *body)
{
	char text[24];

	copy_field(body, FIELD_MESSAGE_ID, t->message_id, sizeof(t->message_id));
	copy_field(body, FIELD_ORG_SIZE, text, sizeof(text));
	t->has_org_size = in->is_own && parse_u64(text, strlen(text), UINT64_MAX, &t->org_size);
}

/*
 * True: the message comes by here again and again, and was refused. Looked at as note_fields()
 * does, while the header is in memory; the field of this visit is in it.
 */
static bool refuse_circle(struct inbound *in, const struct body *body)
{
	struct trace_hops hops;

	if (body->facts.received_count <= VISITS_MAX)
		return false;
	trace_count_hops(body_data(body), body->len, in->rules.config.host, &hops);
	if (hops.by_us <= VISITS_MAX + 1)
		return false;
	inbound_refuse(in, 554, "5.4.6", "the message comes to this server again and again: mail loop");
	return true;
}

/* --- large bodies ----------------------------------------------------------------------------- */

/* DATA null: the order to make the file durable. There has to be a free write. */
static void spill_write(struct spill *spill, char *data, size_t len)
{
	struct spill_write *w = spill->writes;

	while (w->is_out)
		w++;
	memset(&w->write, 0, sizeof(w->write));
	w->write.mail.kind = MAIL_BODY_WRITTEN;
	w->write.data = data;
	w->write.len = len;
	w->spill = spill;
	w->chunk = data;
	w->is_out = true;
	spill->in_flight++;
	if (data != NULL)
		body_store_append(spill->file, &w->write);
	else
		body_store_finish(spill->file, &w->write);
}

static void spill_begin(struct transaction *t)
{
	struct engine *engine = t->loop->engine;

	t->spool_id = spool_next_id(engine->spool);
	t->spill = mem_zero(1, sizeof(*t->spill));
	t->spill->owner = t;
	t->spill->file = body_store_begin(engine->spool, t->spool_id, &t->loop->door);
}

void transaction_chunk(struct inbound *in, struct body *body, size_t keep)
{
	struct transaction *t = in->transaction;
	char *data;
	size_t len;

	if (t->spill == NULL) {
		if (refuse_circle(in, body))
			return;
		note_fields(in, t, body);
		spill_begin(t);
	}
	if (t->spill->error != SPOOL_OK) {
		inbound_refuse(in, 452, "4.3.1", "insufficient system storage");
		return;
	}
	if (t->spill->in_flight >= BODY_STORE_IN_FLIGHT) {
		t->spill->waiting_body = body; /* reading stops until one comes back */
		t->spill->waiting_keep = keep;
		return;
	}
	len = body_take(body, keep, &data);
	spill_write(t->spill, data, len);
	inbound_accept_event(in);
}

/* --- the end of data --------------------------------------------------------------------------- */

static const char **originals(struct transaction *t)
{
	const char **list = talloc_array(t->ctx, const char *, t->rcpt_count + 1);

	for (uint32_t i = 0; i < t->rcpt_count; i++)
		list[i] = t->rcpts[i].address;
	return list;
}

static void make_envelope(struct inbound *in, const struct leaves *leaves, const struct body *body)
{
	struct transaction *t = in->transaction;
	bool is_extended;
	struct envelope e = {
		.arrival_ms = t->arrival_ms,
		.transaction = t->id,
		.sender = t->sender,
		.client = { .ip = in->peer_text, .connector = in->rules.name,
			    .helo = server_session_hello(in->session, &is_extended),
			    .is_own_server = in->is_own, .is_authenticated = in->is_own },
		.body = body->facts,
		.original_count = t->rcpt_count,
		.original = originals(t),
	};

	if (t->has_org_size)
		e.body.accepted_size = t->org_size;
	loop_guid(in->loop, e.guid);
	intake_describe(t->ctx, t->view, leaves, &e);
	t->envelope = envelope_new(&e);
}

static void route(struct inbound *in, struct transaction *t, const struct body *body)
{
	struct resolution **list = talloc_array(t->ctx, struct resolution *, t->rcpt_count + 1);
	struct leaves leaves;

	for (uint32_t i = 0; i < t->rcpt_count; i++)
		list[i] = t->rcpts[i].resolution;
	leaves_flatten(t->ctx, list, t->rcpt_count, &leaves);
	make_envelope(in, &leaves, body);
	t->routed = router_route(t->view, leaves.list, NULL, leaves.count,
				 t->envelope->body.accepted_size, in->rules.index);
}

static struct accepted *make_notice(struct transaction *t, struct message *message)
{
	struct accepted *a = mem_zero(1, sizeof(*a));

	a->mail.kind = MAIL_ACCEPTED;
	a->spool_id = t->spool_id;
	a->arrival_s = (uint32_t)(t->arrival_ms / 1000);
	a->loop = t->loop->index;
	a->message = message;
	a->routed = t->routed;
	t->routed = NULL;
	return a;
}

static void hand_in(struct transaction *t)
{
	struct engine *engine = t->loop->engine;

	t->submit.mail.kind = MAIL_COMMITTED;
	t->submit.owner = t->session;
	t->submit.door = &t->loop->door;
	t->submit.notice = &t->notice->mail;
	t->submit.notice_door = scheduler_door(engine->scheduler);
	t->is_submitted = true;
	t->notice->track = intake_track(engine, t->envelope, t->spool_id, t->message_id,
					t->notice->routed, TRACK_RECEIVE);
	spool_submit(engine->spool, &t->submit);
}

static void submit_whole(struct transaction *t, struct body *body)
{
	struct iovec part = { .iov_base = body_data(body), .iov_len = body->len };
	struct message *message;

	t->spool_id = spool_next_id(t->loop->engine->spool);
	t->body = body_ref(body);
	message = message_new(t->spool_id, envelope_ref(t->envelope), body_ref(body));
	t->notice = make_notice(t, message);
	spool_submit_message(&t->submit, t->spool_id, t->envelope, &part, 1);
	hand_in(t);
}

static void submit_spilled(struct transaction *t)
{
	t->notice = make_notice(t, NULL); /* read back when its turn comes */
	spool_submit_ref(&t->submit, t->spool_id, t->envelope, t->spill->size, t->spill->sum);
	hand_in(t);
}

/* What can be done next: the chunk that waits, the last one, the sealing, the submission. */
static void spill_go_on(struct spill *spill, struct inbound *in)
{
	if (spill->in_flight >= BODY_STORE_IN_FLIGHT)
		return;
	if (spill->waiting_body != NULL) {
		struct body *body = spill->waiting_body;

		spill->waiting_body = NULL;
		transaction_chunk(in, body, spill->waiting_keep);
	} else if (spill->last != NULL) {
		char *data = spill->last;

		spill->last = NULL;
		spill_write(spill, data, spill->last_len);
	} else if (spill->is_finishing && spill->in_flight == 0 && !spill->is_sealing) {
		spill->is_sealing = true;
		spill_write(spill, NULL, 0);
	} else if (spill->is_sealing && spill->in_flight == 0) {
		submit_spilled(spill->owner);
	}
}

static void refuse_outcome(struct inbound *in, const struct outcome *outcome)
{
	unsigned code = strcmp(outcome->status, "5.3.4") == 0 || strcmp(outcome->status, "5.2.3") == 0
				? 552
				: 550;

	inbound_refuse(in, code, outcome->status, outcome->reply);
	transaction_drop(in->transaction);
	in->transaction = NULL;
}

void transaction_message(struct inbound *in, struct body *body)
{
	struct transaction *t = in->transaction;
	const struct outcome *first;
	enum route_reason reason;
	char *data;
	size_t len;

	if (t->spill == NULL && refuse_circle(in, body)) {
		transaction_drop(t);
		in->transaction = NULL;
		return;
	}
	if (t->spill == NULL)
		note_fields(in, t, body);
	route(in, t, body);
	reason = route_check_size(t->view->viewpoint, in->rules.index, in->is_own,
				  t->envelope->body.accepted_size);
	if (reason != REASON_NONE) {
		const struct reason_row *row = reason_row(reason);

		inbound_refuse(in, 552, row->status, row->text);
		transaction_drop(t);
		in->transaction = NULL;
		return;
	}
	if (intake_all_failed(t->routed, &first)) {
		refuse_outcome(in, first);
		return;
	}
	if (t->spill == NULL && body->len <= SPOOL_BODY_MAX) {
		submit_whole(t, body);
		return;
	}
	if (t->spill == NULL)
		spill_begin(t);
	len = body_take(body, 0, &data);
	t->spill->is_finishing = true;
	t->spill->last = data;
	t->spill->last_len = len;
	spill_go_on(t->spill, in);
}

/* --- answers of spool and pool ------------------------------------------------------------------ */

static struct inbound *session_of(const struct transaction *t)
{
	return slot_find(&t->loop->inbound, &t->session);
}

static void answer_error(struct inbound *in, enum spool_error error)
{
	unsigned code = 451;
	char status[16] = "4.3.0";
	const char *line = spool_error_reply(error);

	sscanf(line, "%u %15s", &code, status);
	inbound_refuse(in, code, status, strlen(line) > 10 ? line + 10 : "");
}

static void answer_stored(struct inbound *in, const struct transaction *t)
{
	char text[64];
	struct server_verdict verdict = { .kind = SERVER_ACCEPT };

	snprintf(text, sizeof(text), "queued as %s", t->id);
	verdict.reply = SERVER_REPLY(250, 2, 6, 0, text);
	inbound_answer(in, &verdict);
}

void inbound_committed(struct loop *loop, struct spool_submit *submit)
{
	struct transaction *t = WP_CONTAINER(submit, struct transaction, submit);
	enum spool_error error = submit->error;
	struct inbound *in = session_of(t);

	(void)loop;
	if (error == SPOOL_OK)
		t->notice = NULL; /* the scheduler has it */
	if (t->spill != NULL && t->spill->file != NULL) {
		body_store_end(t->spill->file, error == SPOOL_OK);
		t->spill->file = NULL;
	}
	spool_submit_fini(submit);
	t->is_submitted = false;
	if (in != NULL) {
		in->transaction = NULL;
		if (error == SPOOL_OK)
			answer_stored(in, t);
		else
			answer_error(in, error);
	}
	transaction_free(t);
	if (in != NULL)
		inbound_pump(in);
}

static void fail_spilled(struct spill *spill, struct inbound *in)
{
	if (spill->waiting_body == NULL && !spill->is_finishing)
		return; /* told at the next chunk */
	answer_error(in, spill->error);
	if (!spill->is_finishing) {
		spill->waiting_body = NULL;
		return; /* the engine reads the rest and drops it */
	}
	in->transaction = NULL;
	transaction_drop(spill->owner);
}

void inbound_body_written(struct loop *loop, struct body_write *write)
{
	struct spill_write *w = WP_CONTAINER(write, struct spill_write, write);
	struct spill *spill = w->spill;
	struct inbound *in = session_of(spill->owner);

	(void)loop;
	free(w->chunk);
	w->is_out = false;
	spill->in_flight--;
	spill->size = write->size;
	spill->sum = write->sum;
	if (write->error != SPOOL_OK)
		spill->error = write->error;
	if (in == NULL) {
		transaction_drop(spill->owner);
		return;
	}
	if (spill->error == SPOOL_OK)
		spill_go_on(spill, in);
	else if (spill->in_flight == 0)
		fail_spilled(spill, in);
	inbound_pump(in);
}
