/*
 * The connection of the client engine: handshake, replies in their order, events, deadlines.
 *
 * Replies are matched to a short queue of what is awaited, in the order in which the
 * commands were put out; each kind is a row of the verb table: its name, the stage that
 * outcomes tell, the longest wait, the function that takes the reply.
 */
#include "delivery/client_private.h"

#include <stdlib.h>
#include <string.h>

typedef void reply_fn(struct client_session *s, struct client_await *a,
		      const struct smtp_reply *reply);

static reply_fn on_banner, on_ehlo, on_helo, on_starttls, on_quit;

/* Longest waits: RFC 5321 §4.5.3.2; QUIT is not worth more than half a minute. */
static const struct {
	const char *name; /* "no reply to …" */
	enum outcome_stage stage;
	uint32_t limit_ms;
	reply_fn *on_reply;
} verbs[CLIENT_VERBS] = {
	[CLIENT_VERB_BANNER] = { "the connection", OUTCOME_STAGE_BANNER, 300000, on_banner },
	[CLIENT_VERB_EHLO] = { "EHLO", OUTCOME_STAGE_EHLO, 300000, on_ehlo },
	[CLIENT_VERB_HELO] = { "HELO", OUTCOME_STAGE_EHLO, 300000, on_helo },
	[CLIENT_VERB_STARTTLS] = { "STARTTLS", OUTCOME_STAGE_STARTTLS, 300000, on_starttls },
	[CLIENT_VERB_RSET] = { "RSET", OUTCOME_STAGE_MAIL, 300000, client_on_rset },
	[CLIENT_VERB_MAIL] = { "MAIL FROM", OUTCOME_STAGE_MAIL, 300000, client_on_mail },
	[CLIENT_VERB_RCPT] = { "RCPT TO", OUTCOME_STAGE_RCPT, 300000, client_on_rcpt },
	[CLIENT_VERB_DATA] = { "DATA", OUTCOME_STAGE_DATA, 120000, client_on_data },
	[CLIENT_VERB_DOT] = { "the end of the message", OUTCOME_STAGE_DOT, 600000,
			      client_on_dot },
	[CLIENT_VERB_QUIT] = { "QUIT", OUTCOME_STAGE_QUIT, 30000, on_quit },
};

enum {
	INACTIVITY_DEFAULT_MS = 600000,
	BODY_PROGRESS_MS = 180000, /* RFC 5321 §4.5.3.2.5 */
	HANDSHAKE_MS = 300000,	   /* RFC 5321 has none; as long as for a greeting */
	DOT_FACTOR = 3,		   /* directory.md: InactivityTimeout */
};

/* --- life ------------------------------------------------------------------------------ */

static char *own_text(const char *text)
{
	return mem_strdup(text ? text : "");
}

struct client_session *client_session_new(const struct client_config *config, uint64_t now_ms)
{
	struct client_session *s = mem_zero(1, sizeof(*s));

	s->config = *config;
	s->config.helo = own_text(config->helo);
	s->config.peer.host = own_text(config->peer.host);
	s->config.peer.address = own_text(config->peer.address);
	s->config.peer.tls = s->tls = own_text(config->peer.tls);
	if (!s->config.inactivity_timeout_ms)
		s->config.inactivity_timeout_ms = INACTIVITY_DEFAULT_MS;
	TAILQ_INIT(&s->pending);
	TAILQ_INIT(&s->done);
	TAILQ_INIT(&s->spare);
	s->since_ms = now_ms;
	client_await(s, CLIENT_VERB_BANNER, NULL, 1, 0);
	return s;
}

static void free_all(struct client_transactions *list)
{
	struct client_transaction *t;

	while ((t = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, t, link);
		client_transaction_free(t);
	}
}

void client_session_free(struct client_session *s)
{
	if (!s)
		return;
	free_all(&s->pending);
	free_all(&s->done);
	free_all(&s->spare);
	client_transaction_free(s->reported);
	outcome_unref(s->failure);
	client_output_fini(&s->output);
	smtp_reply_parser_fini(&s->parser);
	free((char *)(uintptr_t)s->config.helo);
	free((char *)(uintptr_t)s->config.peer.host);
	free((char *)(uintptr_t)s->config.peer.address);
	free(s->tls);
	free(s);
}

/* --- what is awaited ------------------------------------------------------------------- */

void client_await(struct client_session *s, enum client_verb verb, struct client_transaction *t,
		  uint32_t count, uint64_t written)
{
	uint32_t at = (s->await_first + s->await_count) % CLIENT_AWAITS;

	s->awaits[at] = (struct client_await){ verb, count, written, t };
	s->await_count++;
}

static struct client_await *head(struct client_session *s)
{
	return s->await_count ? &s->awaits[s->await_first] : NULL;
}

static void pop(struct client_session *s)
{
	s->await_first = (s->await_first + 1) % CLIENT_AWAITS;
	s->await_count--;
}

/* A command of the handshake: one reply follows. */
static void command(struct client_session *s, enum client_verb verb, const char *text,
		    const char *argument)
{
	client_output_adds(&s->output, text);
	client_output_adds(&s->output, argument);
	client_output_add(&s->output, "\r\n", 2);
	client_await(s, verb, NULL, 1, s->output.queued);
}

bool client_offers(const struct client_session *s, enum client_extension extension)
{
	return s->offers.extensions & extension;
}

/* --- how it ends ----------------------------------------------------------------------- */

static void end(struct client_session *s)
{
	s->phase = CLIENT_OVER;
	s->await_count = 0;
	s->is_end_due = true;
	s->is_ready_due = false;
	s->is_starttls_due = false;
}

void client_break(struct client_session *s, struct outcome *outcome)
{
	struct client_await *a = head(s);

	if (s->phase == CLIENT_OVER || s->phase == CLIENT_QUITTING) {
		outcome_unref(outcome); /* nobody's message */
	} else {
		s->failure = outcome;
		client_abandon(s, a ? a->transaction : NULL, outcome);
	}
	if (s->phase != CLIENT_OVER)
		end(s);
}

static enum outcome_stage current_stage(struct client_session *s)
{
	if (s->phase == CLIENT_HANDSHAKE)
		return OUTCOME_STAGE_STARTTLS;
	return s->await_count ? verbs[head(s)->verb].stage : OUTCOME_STAGE_NONE;
}

static void broken(struct client_session *s, const char *status, const char *text)
{
	client_break(s, outcome_broken(current_stage(s), status, &s->config.peer, "%s", text));
}

void client_break_protocol(struct client_session *s, const char *what)
{
	broken(s, "4.5.0", what);
}

/* Nobody was waiting for anything of value: an end in order. */
static bool is_at_rest(struct client_session *s)
{
	return s->phase == CLIENT_QUITTING ||
	       (s->phase == CLIENT_OPEN && TAILQ_EMPTY(&s->pending));
}

void client_session_lost(struct client_session *s, const char *why, uint64_t now_ms)
{
	(void)now_ms;
	if (is_at_rest(s))
		end(s);
	else
		broken(s, "4.4.2", why ? why : "the peer closed the connection");
}

/* --- replies --------------------------------------------------------------------------- */

/* A refusal before MAIL: whatever it says, this host is not available. */
static void refused(struct client_session *s, enum outcome_stage stage,
		    const struct smtp_reply *r)
{
	client_break(s, outcome_from_reply(stage, r, &s->config.peer));
}

static void say_hello(struct client_session *s)
{
	if (s->config.protocol == CLIENT_LMTP)
		command(s, CLIENT_VERB_EHLO, "LHLO ", s->config.helo);
	else if (s->config.force_helo)
		command(s, CLIENT_VERB_HELO, "HELO ", s->config.helo);
	else
		command(s, CLIENT_VERB_EHLO, "EHLO ", s->config.helo);
}

static void on_banner(struct client_session *s, struct client_await *a,
		      const struct smtp_reply *r)
{
	(void)a;
	if (r->code / 100 != 2) {
		refused(s, OUTCOME_STAGE_BANNER, r);
		return;
	}
	say_hello(s);
}

static bool is_secure(const struct client_session *s)
{
	return s->tls[0];
}

/* The greeting is done: TLS where the policy wants it, else messages. */
static void greeted(struct client_session *s)
{
	bool offered = client_offers(s, CLIENT_EXT_STARTTLS);

	if (!is_secure(s) && s->config.tls != CLIENT_TLS_NONE && offered) {
		command(s, CLIENT_VERB_STARTTLS, "STARTTLS", "");
		return;
	}
	if (!is_secure(s) && s->config.tls == CLIENT_TLS_REQUIRED) {
		client_break(s,
			     outcome_broken(OUTCOME_STAGE_STARTTLS, "4.7.10", &s->config.peer,
					    "TLS is required and the host does not offer it"));
		return;
	}
	s->phase = CLIENT_OPEN;
	s->is_ready_due = true;
}

static void on_ehlo(struct client_session *s, struct client_await *a,
		    const struct smtp_reply *r)
{
	(void)a;
	if (r->code / 100 == 5 && s->config.protocol == CLIENT_SMTP) { /* RFC 5321 §3.2 */
		command(s, CLIENT_VERB_HELO, "HELO ", s->config.helo);
		return;
	}
	if (r->code / 100 != 2) {
		refused(s, OUTCOME_STAGE_EHLO, r);
		return;
	}
	client_ehlo_parse(&s->offers, r);
	greeted(s);
}

static void on_helo(struct client_session *s, struct client_await *a,
		    const struct smtp_reply *r)
{
	(void)a;
	if (r->code / 100 != 2) {
		refused(s, OUTCOME_STAGE_EHLO, r);
		return;
	}
	greeted(s);
}

static void on_starttls(struct client_session *s, struct client_await *a,
			const struct smtp_reply *r)
{
	(void)a;
	if (r->code != 220) {
		if (r->code / 100 == 2)
			client_break_protocol(s, "the reply to STARTTLS was not 220");
		else
			refused(s, OUTCOME_STAGE_STARTTLS, r);
		return;
	}
	s->phase = CLIENT_HANDSHAKE;
	s->is_starttls_due = true;
}

static void on_quit(struct client_session *s, struct client_await *a,
		    const struct smtp_reply *r)
{
	(void)a;
	(void)r;
	end(s);
}

void client_session_tls_started(struct client_session *s, const char *tls, uint64_t now_ms)
{
	if (s->phase != CLIENT_HANDSHAKE)
		return;
	free(s->tls);
	s->config.peer.tls = s->tls = own_text(tls && tls[0] ? tls : "TLS");
	s->phase = CLIENT_GREETING;
	s->since_ms = now_ms;
	memset(&s->offers, 0, sizeof(s->offers)); /* RFC 3207 §4.2 */
	say_hello(s);
}

void client_session_tls_failed(struct client_session *s, const char *why, uint64_t now_ms)
{
	(void)now_ms;
	if (s->phase == CLIENT_HANDSHAKE)
		broken(s, "4.7.5", why ? why : "the TLS handshake failed");
}

/* No command has left yet that could be answered now. */
static bool is_early(struct client_session *s)
{
	struct client_await *a = head(s);

	return !a || s->output.written < a->written;
}

/*
 * A reply that came before its command had left. In order are a parting 421, and the
 * refusal of a body while it is still being sent, after which nothing can follow.
 */
static void on_early_reply(struct client_session *s, const struct smtp_reply *r)
{
	struct client_await *a = head(s);

	if (r->code == 421 && is_at_rest(s))
		end(s);
	else if (r->code == 421 || (a && a->verb == CLIENT_VERB_DOT && r->code >= 400))
		client_break(s, outcome_from_reply(current_stage(s), r, &s->config.peer));
	else
		client_break_protocol(s, "the peer sent a reply before there was a command");
}

static void on_reply(struct client_session *s, const struct smtp_reply *r, uint64_t now_ms)
{
	struct client_await *a = head(s);

	s->since_ms = now_ms;
	if (s->is_reply_early) {
		on_early_reply(s, r);
		return;
	}
	if (a->transaction && a->verb != CLIENT_VERB_RSET)
		a->transaction->is_heard = true;
	if (r->code == 421 && a->verb != CLIENT_VERB_QUIT)
		client_break(s, outcome_from_reply(verbs[a->verb].stage, r, &s->config.peer));
	else if (r->code / 100 == 3 && a->verb != CLIENT_VERB_DATA)
		client_break_protocol(s, "the peer sent a 3yz reply that fits no command");
	else {
		a->count--;
		verbs[a->verb].on_reply(s, a, r); /* may put out more, never takes away */
		if (s->phase != CLIENT_OVER && a->count == 0)
			pop(s);
	}
}

void client_session_feed(struct client_session *s, const char *data, size_t len,
			 uint64_t now_ms)
{
	while (len && s->phase != CLIENT_OVER) {
		struct smtp_reply reply;
		struct err e;
		size_t used;
		int result;

		if (s->phase == CLIENT_HANDSHAKE) {
			client_break_protocol(s,
					      "octets in clear followed the reply to STARTTLS");
			return;
		}
		if (!smtp_reply_parser_is_pending(&s->parser))
			s->is_reply_early = is_early(s);
		result = smtp_reply_parse(&s->parser, data, len, &used, &reply, &e);
		if (result < 0)
			client_break_protocol(s, e.text);
		if (result <= 0)
			break;
		on_reply(s, &reply, now_ms);
		data += used;
		len -= used;
	}
	client_pump(s, now_ms);
}

/* --- output ---------------------------------------------------------------------------- */

int client_session_output(struct client_session *s, struct iovec *iov, int max)
{
	return s->phase == CLIENT_OVER ? 0 : client_output_fill(&s->output, iov, max);
}

bool client_session_wants_write(const struct client_session *s)
{
	return s->phase != CLIENT_OVER && s->output.written < s->output.queued;
}

void client_session_wrote(struct client_session *s, size_t n, uint64_t now_ms)
{
	if (s->phase == CLIENT_OVER)
		return;
	if (n && is_early(s))
		s->since_ms = now_ms;
	client_output_wrote(&s->output, n);
	client_pump(s, now_ms);
}

/* --- events ---------------------------------------------------------------------------- */

static bool done_event(struct client_session *s, struct client_event *event_r)
{
	struct client_transaction *t = TAILQ_FIRST(&s->done);

	if (!t)
		return false;
	TAILQ_REMOVE(&s->done, t, link);
	s->reported = t;
	event_r->type = CLIENT_EVENT_MESSAGE_DONE;
	event_r->message = t->message;
	event_r->outcomes = t->outcomes;
	event_r->untouched = t->is_untouched;
	return true;
}

static bool ready_event(struct client_session *s, struct client_event *event_r)
{
	if (!s->is_ready_due)
		return false;
	s->is_ready_due = false;
	event_r->type = CLIENT_EVENT_READY;
	event_r->room = client_session_room(s);
	return event_r->room > 0;
}

static bool flag_event(bool *flag, enum client_event_type type, struct client_event *event_r)
{
	if (!*flag)
		return false;
	*flag = false;
	event_r->type = type;
	return true;
}

bool client_session_event(struct client_session *s, struct client_event *event_r)
{
	if (s->reported) {
		client_transaction_retire(s, s->reported);
		s->reported = NULL;
	}
	memset(event_r, 0, sizeof(*event_r));
	if (done_event(s, event_r) || ready_event(s, event_r) ||
	    flag_event(&s->is_starttls_due, CLIENT_EVENT_WANT_STARTTLS, event_r))
		return true;
	event_r->outcome = s->failure;
	if (flag_event(&s->is_end_due, s->failure ? CLIENT_EVENT_FAILED : CLIENT_EVENT_CLOSED,
		       event_r))
		return true;
	memset(event_r, 0, sizeof(*event_r));
	return false;
}

/* --- messages in and out --------------------------------------------------------------- */

uint32_t client_session_room(const struct client_session *s)
{
	uint32_t room = CLIENT_MESSAGES_MAX - s->pending_count, limit = client_message_limit(s);
	uint32_t waiting = s->pending_count + s->served;

	if (s->phase != CLIENT_OPEN || s->wants_quit || waiting >= limit)
		return 0;
	return room < limit - waiting ? room : limit - waiting;
}

bool client_session_is_idle(const struct client_session *s)
{
	return TAILQ_EMPTY(&s->pending) && client_session_room(s) > 0;
}

void client_session_quit(struct client_session *s, uint64_t now_ms)
{
	s->wants_quit = true;
	client_pump(s, now_ms);
}

const struct client_ehlo *client_session_offers(const struct client_session *s)
{
	return &s->offers;
}

/* --- time ------------------------------------------------------------------------------ */

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* directory.md, InactivityTimeout: a deadline for a whole reply, three times for the dot, for
 * progress in writing, and for an idle connection. */
static uint64_t wait_ms(const struct client_session *s)
{
	const struct client_await *a = &s->awaits[s->await_first];
	uint64_t inactivity = s->config.inactivity_timeout_ms;

	if (s->phase == CLIENT_HANDSHAKE)
		return least(inactivity, HANDSHAKE_MS);
	if (!s->await_count)
		return inactivity;
	if (s->output.written < a->written)
		return least(inactivity, BODY_PROGRESS_MS);
	if (a->verb == CLIENT_VERB_DOT)
		inactivity *= DOT_FACTOR;
	return least(inactivity, verbs[a->verb].limit_ms);
}

uint64_t client_session_deadline(const struct client_session *s)
{
	return s->phase == CLIENT_OVER ? UINT64_MAX : s->since_ms + wait_ms(s);
}

static void time_out(struct client_session *s)
{
	struct client_await *a = head(s);
	const char *status = a && a->verb == CLIENT_VERB_BANNER ? "4.4.1" : "4.4.2";
	unsigned long long seconds = wait_ms(s) / 1000;
	enum outcome_stage stage = current_stage(s);
	const struct outcome_peer *peer = &s->config.peer;

	if (!a)
		client_break(s, outcome_broken(stage, status, peer,
					       "the TLS handshake took longer than %llu s",
					       seconds));
	else if (is_early(s))
		client_break(s, outcome_broken(stage, status, peer,
					       "the peer took no octets for %llu s", seconds));
	else
		client_break(s,
			     outcome_broken(stage, status, peer, "no reply to %s within %llu s",
					    verbs[a->verb].name, seconds));
}

void client_session_tick(struct client_session *s, uint64_t now_ms)
{
	if (now_ms < client_session_deadline(s))
		return;
	if (s->phase == CLIENT_QUITTING)
		end(s);
	else if (is_at_rest(s))
		client_session_quit(s, now_ms);
	else
		time_out(s);
}

const char *client_session_state(const struct client_session *s)
{
	if (s->phase == CLIENT_OVER)
		return "closed";
	if (s->phase == CLIENT_HANDSHAKE)
		return "TLS handshake";
	if (s->output.body)
		return "sending a message";
	return s->await_count ? verbs[s->awaits[s->await_first].verb].name : "idle";
}
