/*
 * The messages of the client engine: MAIL, RCPT, DATA and the body out, an outcome for every
 * recipient back.
 *
 * With PIPELINING (RFC 2920) a message's envelope is one group ended by DATA; the final dot
 * may begin the next group, so the next message's envelope rides the write that carries
 * the body. At most one envelope is open at a time, since DATA ends a group. Without it every
 * command waits for the reply to the one before.
 */
#include "delivery/client_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- transactions ---------------------------------------------------------------------- */

static struct client_transaction *transaction_new(struct client_session *s,
						  const struct client_message *m)
{
	struct client_transaction *t = TAILQ_FIRST(&s->spare);
	struct outcome **outcomes;
	uint32_t cap;

	if (t) {
		TAILQ_REMOVE(&s->spare, t, link);
		s->spare_count--;
	} else {
		t = mem_zero(1, sizeof(*t));
	}
	cap = t->cap;
	outcomes = t->outcomes;
	if (m->rcpt_count > cap) {
		cap = m->rcpt_count;
		outcomes = mem_grow(outcomes, cap * sizeof(struct outcome *));
	}
	memset(t, 0, sizeof(*t));
	t->cap = cap;
	t->outcomes = outcomes;
	memset(t->outcomes, 0, m->rcpt_count * sizeof(struct outcome *));
	t->message = m;
	t->count = m->rcpt_count;
	return t;
}

static void drop_outcomes(struct client_transaction *t)
{
	for (uint32_t i = 0; i < t->count; i++)
		outcome_unref(t->outcomes[i]);
	t->count = 0;
}

void client_transaction_free(struct client_transaction *t)
{
	if (!t)
		return;
	drop_outcomes(t);
	free(t->outcomes);
	free(t);
}

void client_transaction_retire(struct client_session *s, struct client_transaction *t)
{
	enum { KEEP_RCPTS = 64 };

	drop_outcomes(t);
	if (s->spare_count >= CLIENT_SPARES || t->cap > KEEP_RCPTS) {
		client_transaction_free(t);
		return;
	}
	TAILQ_INSERT_HEAD(&s->spare, t, link);
	s->spare_count++;
}

/* The recipients without an outcome get OUTCOME, which is taken. */
static void settle(struct client_transaction *t, struct outcome *outcome)
{
	for (uint32_t i = 0; i < t->count; i++)
		if (!t->outcomes[i])
			t->outcomes[i] = outcome_ref(outcome);
	outcome_unref(outcome);
}

/* Every recipient has its outcome. */
static void finish(struct client_session *s, struct client_transaction *t)
{
	TAILQ_REMOVE(&s->pending, t, link);
	s->pending_count--;
	TAILQ_INSERT_TAIL(&s->done, t, link);
	if (s->envelope == t)
		s->envelope = NULL;
	s->is_ready_due = true;
}

static struct outcome *from_reply(struct client_session *s, enum outcome_stage stage,
				  const struct smtp_reply *r)
{
	return outcome_from_reply(stage, r, &s->config.peer);
}

/* A message of which the peer said nothing is free for another connection, unless the peer
 * may have fallen over it: the one being answered, if it is the first here. */
void client_abandon(struct client_session *s, struct client_transaction *first,
		    struct outcome *own)
{
	struct client_transaction *t;

	while ((t = TAILQ_FIRST(&s->pending))) {
		t->is_untouched = !t->is_heard && (t != first || s->served > 0);
		if (t == first)
			settle(t, outcome_ref(own));
		else
			settle(t,
			       outcome_broken(OUTCOME_STAGE_MAIL, "4.4.2", &s->config.peer,
					      "the connection ended before: %s", own->reply));
		finish(s, t);
	}
}

/* --- what the peer cannot take --------------------------------------------------------- */

/* No octet that could end or split a command. */
static bool is_plain(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 32 || *text == 127)
			return false;
	return true;
}

static bool is_ascii(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text > 127)
			return false;
	return true;
}

static bool wants_utf8(const struct client_message *m)
{
	bool wants = m->is_utf8 || !is_ascii(m->sender);

	for (uint32_t i = 0; i < m->rcpt_count && !wants; i++)
		wants = !is_ascii(m->rcpts[i].address);
	return wants;
}

static uint64_t declared_size(const struct client_message *m)
{
	return m->size_bytes ? m->size_bytes : m->body->total_bytes;
}

/* The outcome of a message that this peer cannot be given, or null. */
static struct outcome *unsuitable(const struct client_session *s,
				  const struct client_message *m)
{
	const struct outcome_peer *peer = &s->config.peer;
	unsigned long long limit = s->offers.size_max;

	if (!is_plain(m->sender))
		return outcome_local(OUTCOME_FAILED, OUTCOME_STAGE_MAIL, "5.1.7", peer,
				     "the sender's address has control characters");
	if (m->is_8bit && !client_offers(s, CLIENT_EXT_8BITMIME))
		return outcome_local(
			OUTCOME_FAILED, OUTCOME_STAGE_MAIL, "5.6.3", peer,
			"the message has 8-bit text and the host does not offer 8BITMIME");
	if (wants_utf8(m) && !client_offers(s, CLIENT_EXT_SMTPUTF8))
		return outcome_local(
			OUTCOME_FAILED, OUTCOME_STAGE_MAIL, "5.6.7", peer,
			"an address needs SMTPUTF8 and the host does not offer it");
	if (limit && declared_size(m) > limit)
		return outcome_local(OUTCOME_FAILED, OUTCOME_STAGE_MAIL, "5.3.4", peer,
				     "the message has %llu octets and the host takes %llu",
				     (unsigned long long)declared_size(m), limit);
	return NULL;
}

/* Refuses the recipients that cannot be said; how many are left. */
static uint32_t check_rcpts(const struct client_session *s, struct client_transaction *t)
{
	const struct client_message *m = t->message;
	uint32_t left = 0;

	for (uint32_t i = 0; i < m->rcpt_count; i++) {
		if (m->rcpts[i].address[0] && is_plain(m->rcpts[i].address))
			left++;
		else
			t->outcomes[i] = outcome_local(
				OUTCOME_FAILED, OUTCOME_STAGE_RCPT, "5.1.3", &s->config.peer,
				"the address has control characters or is empty");
	}
	return left;
}

bool client_session_send(struct client_session *s, const struct client_message *m,
			 uint64_t now_ms)
{
	struct client_transaction *t;
	struct outcome *no;

	if (!client_session_room(s))
		return false;
	t = transaction_new(s, m);
	TAILQ_INSERT_TAIL(&s->pending, t, link);
	s->pending_count++;
	no = unsuitable(s, m);
	if (no)
		settle(t, no);
	if (no || !check_rcpts(s, t))
		finish(s, t);
	client_pump(s, now_ms);
	return true;
}

/* --- commands -------------------------------------------------------------------------- */

static void add(struct client_session *s, const char *text)
{
	client_output_adds(&s->output, text);
}

/* A parameter as the sender gave it, unless it could split the command. */
static void add_given(struct client_session *s, const char *name, const char *value)
{
	if (!value || !value[0])
		return;
	for (const char *p = value; *p; p++)
		if (*p <= 32 || *p == 127)
			return;
	add(s, name);
	add(s, value);
}

static void add_mail(struct client_session *s, const struct client_message *m)
{
	static const char *const rets[] = { "", " RET=FULL", " RET=HDRS" };
	char size[32];

	add(s, "MAIL FROM:<");
	add(s, m->sender);
	add(s, ">");
	if (client_offers(s, CLIENT_EXT_SIZE)) {
		snprintf(size, sizeof(size), " SIZE=%llu",
			 (unsigned long long)declared_size(m));
		add(s, size);
	}
	if (m->is_8bit)
		add(s, " BODY=8BITMIME");
	if (wants_utf8(m))
		add(s, " SMTPUTF8");
	if (client_offers(s, CLIENT_EXT_DSN)) {
		add(s, rets[m->ret]);
		add_given(s, " ENVID=", m->envid);
	}
	add(s, "\r\n");
}

/* RFC 3461 §4.1: NEVER stands alone. */
static void add_notify(struct client_session *s, uint32_t notify)
{
	static const struct {
		uint32_t flag;
		const char *name;
	} names[] = {
		{ NOTIFY_SUCCESS, "SUCCESS" },
		{ NOTIFY_FAILURE, "FAILURE" },
		{ NOTIFY_DELAY, "DELAY" },
	};
	const char *before = " NOTIFY=";

	if (notify & NOTIFY_NEVER) {
		add(s, " NOTIFY=NEVER");
		return;
	}
	for (size_t i = 0; i < WP_COUNT(names); i++) {
		if (!(notify & names[i].flag))
			continue;
		add(s, before);
		add(s, names[i].name);
		before = ",";
	}
}

static void add_rcpt(struct client_session *s, const struct client_rcpt *rcpt)
{
	add(s, "RCPT TO:<");
	add(s, rcpt->address);
	add(s, ">");
	if (client_offers(s, CLIENT_EXT_DSN)) {
		add_notify(s, rcpt->notify);
		add_given(s, " ORCPT=", rcpt->orcpt);
	}
	add(s, "\r\n");
}

/* Sends at most MAX of the recipients not yet sent; how many were. */
static uint32_t send_rcpts(struct client_session *s, struct client_transaction *t, uint32_t max)
{
	uint64_t first_end = 0;
	uint32_t n = 0;

	for (; t->rcpt_sent < t->count && n < max; t->rcpt_sent++) {
		if (t->outcomes[t->rcpt_sent])
			continue;
		add_rcpt(s, &t->message->rcpts[t->rcpt_sent]);
		if (!n++)
			first_end = s->output.queued;
	}
	if (n)
		client_await(s, CLIENT_VERB_RCPT, t, n, first_end);
	return n;
}

static void send_data(struct client_session *s, struct client_transaction *t)
{
	add(s, "DATA\r\n");
	client_await(s, CLIENT_VERB_DATA, t, 1, s->output.queued);
}

static void send_mail(struct client_session *s, struct client_transaction *t)
{
	add_mail(s, t->message);
	client_await(s, CLIENT_VERB_MAIL, t, 1, s->output.queued);
}

static bool is_pipelining(const struct client_session *s)
{
	return client_offers(s, CLIENT_EXT_PIPELINING);
}

static void begin(struct client_session *s, struct client_transaction *t)
{
	t->is_begun = true;
	s->taken++;
	s->envelope = t;
	if (s->needs_reset) {
		s->needs_reset = false;
		add(s, "RSET\r\n");
		client_await(s, CLIENT_VERB_RSET, t, 1, s->output.queued);
		if (!is_pipelining(s))
			return;
	}
	send_mail(s, t);
	if (!is_pipelining(s))
		return;
	send_rcpts(s, t, UINT32_MAX);
	send_data(s, t);
}

/* --- when ------------------------------------------------------------------------------ */

uint32_t client_message_limit(const struct client_session *s)
{
	uint32_t ours = s->config.max_messages ? s->config.max_messages : UINT32_MAX;
	uint32_t theirs = s->offers.mail_max ? s->offers.mail_max : UINT32_MAX;

	return ours < theirs ? ours : theirs;
}

static struct client_transaction *next_to_begin(struct client_session *s)
{
	struct client_transaction *t;

	TAILQ_FOREACH(t, &s->pending, link) {
		if (!t->is_begun)
			return t;
	}
	return NULL;
}

static bool may_begin(const struct client_session *s)
{
	bool behind_dot = is_pipelining(s) && !s->config.never_pipeline_dot;

	return !s->envelope && (!s->await_count || behind_dot);
}

static bool has_enough(const struct client_session *s)
{
	return s->wants_quit || s->taken >= client_message_limit(s);
}

/* Not while buffers are handed out: what output gave stays where it is. */
void client_pump(struct client_session *s, uint64_t now_ms)
{
	struct client_transaction *t;

	if (s->phase != CLIENT_OPEN || client_output_is_held(&s->output))
		return;
	t = may_begin(s) ? next_to_begin(s) : NULL;
	if (!s->await_count && (t || has_enough(s))) {
		s->since_ms = now_ms;
		if (smtp_reply_parser_is_pending(&s->parser)) {
			client_break_protocol(s, "the peer spoke before there was a command");
			return;
		}
	}
	if (t)
		begin(s, t);
	else if (TAILQ_EMPTY(&s->pending) && has_enough(s)) {
		s->phase = CLIENT_QUITTING; /* never behind a dot: nothing is awaited */
		add(s, "QUIT\r\n");
		client_await(s, CLIENT_VERB_QUIT, NULL, 1, s->output.queued);
	}
}

/* --- replies --------------------------------------------------------------------------- */

void client_on_rset(struct client_session *s, struct client_await *a,
		    const struct smtp_reply *r)
{
	if (r->code / 100 != 2)
		client_break_protocol(s, "RSET was refused");
	else if (!is_pipelining(s))
		send_mail(s, a->transaction);
}

/* The envelope came to nothing: DATA is not, or was not, accepted. */
static void give_up(struct client_session *s, struct client_transaction *t)
{
	s->needs_reset = t->is_mail_accepted;
	s->served++;
	finish(s, t);
}

static void on_mail_refused(struct client_session *s, struct client_transaction *t,
			    const struct smtp_reply *r)
{
	struct outcome *outcome = from_reply(s, OUTCOME_STAGE_MAIL, r);

	if (outcome->class == OUTCOME_HOST_UNAVAILABLE) {
		client_break(s, outcome); /* it would say the same to the next message */
		return;
	}
	settle(t, outcome);
	if (!is_pipelining(s))
		give_up(s, t);
}

void client_on_mail(struct client_session *s, struct client_await *a,
		    const struct smtp_reply *r)
{
	struct client_transaction *t = a->transaction;

	t->is_mail_accepted = r->code / 100 == 2;
	if (!t->is_mail_accepted)
		on_mail_refused(s, t, r);
	else if (!is_pipelining(s))
		send_rcpts(s, t, 1);
}

/* The index of the recipient that this reply is about: the next one that was sent. A
 * recipient refused here has its outcome before; one of a refused MAIL has it as well. */
static uint32_t answered_rcpt(struct client_transaction *t)
{
	while (t->is_mail_accepted && t->outcomes[t->rcpt_answered])
		t->rcpt_answered++;
	return t->rcpt_answered++;
}

void client_on_rcpt(struct client_session *s, struct client_await *a,
		    const struct smtp_reply *r)
{
	struct client_transaction *t = a->transaction;
	bool is_accepted = r->code / 100 == 2;
	uint32_t i = answered_rcpt(t);

	t->accepted += is_accepted;
	if (!is_accepted && t->is_mail_accepted)
		t->outcomes[i] = from_reply(s, OUTCOME_STAGE_RCPT, r);
	if (is_pipelining(s) || send_rcpts(s, t, 1))
		return;
	if (t->accepted)
		send_data(s, t);
	else
		give_up(s, t);
}

/* The dot, after a body or alone; the peer's transaction is closed by it. */
static void send_dot(struct client_session *s, struct client_transaction *t, uint32_t replies)
{
	client_output_add(&s->output, ".\r\n", 3);
	client_await(s, CLIENT_VERB_DOT, t, replies, s->output.queued);
	s->envelope = NULL;
}

static void send_body(struct client_session *s, struct client_transaction *t)
{
	const struct span_list *body = t->message->body;

	if (body->count) {
		const struct span *last = &span_items(body)[body->count - 1];

		assert(last->data[last->len - 1] == '\n');
	}
	client_output_body(&s->output, body);
	send_dot(s, t, s->config.protocol == CLIENT_LMTP ? t->accepted : 1);
}

/* RFC 2920 §3.1: DATA was sent before it was known that nobody is left; if it is accepted
 * all the same, an empty message for nobody has to be ended. */
static void on_needless_354(struct client_session *s, struct client_transaction *t)
{
	if (t->accepted || s->config.protocol == CLIENT_LMTP)
		client_break_protocol(s, "DATA was accepted for a message that was refused");
	else
		send_dot(s, t, 1);
}

void client_on_data(struct client_session *s, struct client_await *a,
		    const struct smtp_reply *r)
{
	struct client_transaction *t = a->transaction;
	bool is_wanted = t->accepted && t->is_mail_accepted;

	if (r->code == 354 && is_wanted) {
		send_body(s, t);
	} else if (r->code == 354) {
		on_needless_354(s, t);
	} else if (r->code < 400) {
		client_break_protocol(s, "the reply to DATA was neither 354 nor a refusal");
	} else {
		settle(t, from_reply(s, OUTCOME_STAGE_DATA, r));
		give_up(s, t);
	}
}

/* RFC 2033 §4.2: one reply for each accepted recipient, in their order. */
static void on_lmtp_dot(struct client_session *s, struct client_transaction *t,
			const struct smtp_reply *r)
{
	while (t->outcomes[t->dot_answered])
		t->dot_answered++;
	t->outcomes[t->dot_answered] = from_reply(s, OUTCOME_STAGE_DOT, r);
}

void client_on_dot(struct client_session *s, struct client_await *a, const struct smtp_reply *r)
{
	struct client_transaction *t = a->transaction;

	if (s->config.protocol == CLIENT_LMTP)
		on_lmtp_dot(s, t, r);
	else /* after a lone dot nobody is left */
		settle(t, from_reply(s, OUTCOME_STAGE_DOT, r));
	if (a->count)
		return;
	s->served++;
	finish(s, t);
}
