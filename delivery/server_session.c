/*
 * The SMTP server engine: life of a session, input, output, time. Pure. The verbs are in
 * server_verb.c and server_cmd_*.c.
 */
#include "delivery/server_session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "delivery/server_private.h"

enum {
	INPUT_BYTES = 4096,       /* buffered ahead of the command that is served */
	OUTPUT_BYTES = 16 * 1024, /* not sent yet: then nothing more is served */
	SKIP_BYTES = 64 * 1024,   /* of a line without end: then the session ends */
	CLOSING_MS = 5000,        /* for the last reply to leave */
};

static const char *const state_names[SERVER_STATES] = {
	[SERVER_START] = "start",     [SERVER_GREETED] = "greeted",
	[SERVER_READY] = "ready",     [SERVER_SENDER] = "sender",
	[SERVER_RECIPIENTS] = "recipients", [SERVER_DATA] = "data",
	[SERVER_MESSAGE] = "message", [SERVER_TLS] = "tls",
	[SERVER_CLOSING] = "closing", [SERVER_CLOSED] = "closed",
};

void server_limits_default(struct server_limits *limits)
{
	*limits = (struct server_limits){
		.errors = 5,
		.idle_commands = 100,
		.recipients = 200,
		.command_bytes = 2048,
		.body_line_bytes = 64 * 1024,
		.header_bytes = 256 * 1024,
		.hops = 100,
		.message_bytes = 36700160,
		.inactivity_ms = 300 * 1000,
		.connection_ms = 600 * 1000,
		.tarpit_ms = 5000,
	};
}

/* --- life --- */

struct server_session *server_session_new(const struct server_config *config, uint64_t now_ms)
{
	struct server_session *s = mem_zero(1, sizeof(*s));

	s->config = config;
	s->now_ms = s->started_ms = s->active_ms = now_ms;
	return s;
}

void server_session_free(struct server_session *s)
{
	if (s == NULL)
		return;
	server_data_drop(s);
	free(s->in.mem);
	buf_free(&s->out);
	free(s->hello);
	free(s);
}

void server_session_set_config(struct server_session *s, const struct server_config *config)
{
	assert(s->state != SERVER_DATA);
	s->config = config;
}

const char *server_session_state(const struct server_session *s)
{
	return state_names[s->state];
}

void server_enter(struct server_session *s, enum server_state state)
{
	s->state = state;
}

void server_reset(struct server_session *s)
{
	s->recipients = 0;
	s->declared_bytes = 0;
	if (s->state != SERVER_GREETED)
		server_enter(s, SERVER_READY);
}

void server_end(struct server_session *s)
{
	server_data_drop(s);
	server_input_discard(s);
	s->waiting_for = SERVER_EVENT_NONE;
	s->hold_ms = 0;
	s->active_ms = s->now_ms;
	server_enter(s, SERVER_CLOSING);
}

void server_session_lost(struct server_session *s)
{
	server_end(s);
	buf_free(&s->out);
	server_enter(s, SERVER_CLOSED);
}

static bool is_over(const struct server_session *s)
{
	return s->state == SERVER_CLOSING || s->state == SERVER_CLOSED;
}

/* During a handshake nothing can be said. */
static bool end_unless_over(struct server_session *s)
{
	if (is_over(s))
		return false;
	if (s->state == SERVER_TLS) {
		server_session_lost(s);
		return false;
	}
	server_end(s);
	return true;
}

void server_session_close(struct server_session *s, const struct server_reply *reply)
{
	if (!end_unless_over(s))
		return;
	if (reply != NULL && reply->code != 0)
		server_say(s, reply);
	else
		server_say_host(s, &SERVER_REPLY(421, 4, 3, 2, "Service not available, closing"));
}

void server_session_drain(struct server_session *s)
{
	s->is_draining = true;
}

bool server_session_is_finished(const struct server_session *s)
{
	return s->state == SERVER_CLOSED || (s->state == SERVER_CLOSING && s->out.len == 0);
}

bool server_session_is_lost(const struct server_session *s)
{
	return s->state == SERVER_CLOSED;
}

const char *server_session_hello(const struct server_session *s, bool *is_extended_r)
{
	*is_extended_r = s->is_extended;
	return s->hello != NULL ? s->hello : "";
}

/* --- time --- */

static void tell_time(struct server_session *s, uint64_t now_ms)
{
	if (now_ms > s->now_ms)
		s->now_ms = now_ms;
	if (s->hold_ms > 0 && s->now_ms >= s->hold_ms) {
		s->hold_ms = 0;
		s->active_ms = s->now_ms;
	}
}

static uint64_t after(uint64_t from_ms, uint64_t delay_ms)
{
	return delay_ms > 0 ? from_ms + delay_ms : SERVER_NEVER;
}

uint64_t server_session_deadline(const struct server_session *s)
{
	const struct server_limits *limits = &s->config->limits;
	uint64_t inactive = after(s->active_ms, limits->inactivity_ms);
	uint64_t expired = after(s->started_ms, limits->connection_ms);

	if (s->state == SERVER_CLOSING)
		return s->active_ms + CLOSING_MS;
	if (s->state == SERVER_CLOSED || s->waiting_for != SERVER_EVENT_NONE)
		return SERVER_NEVER;
	if (s->hold_ms > 0)
		return s->hold_ms;
	return inactive < expired ? inactive : expired;
}

void server_session_tick(struct server_session *s, uint64_t now_ms)
{
	bool was_held = s->hold_ms > 0;

	tell_time(s, now_ms);
	if (was_held || s->now_ms < server_session_deadline(s))
		return;
	if (s->state == SERVER_CLOSING)
		server_session_lost(s);
	else if (end_unless_over(s))
		server_say_host(s, &SERVER_REPLY(421, 4, 4, 2, "Timeout, closing"));
}

/* --- input --- */

static size_t command_limit(const struct server_session *s)
{
	size_t limit = s->config->limits.command_bytes;

	return limit > SMTP_COMMAND_LINE_MIN ? limit : SMTP_COMMAND_LINE_MIN;
}

static size_t input_cap(const struct server_session *s)
{
	size_t lines = 2 * command_limit(s);

	return lines > INPUT_BYTES ? lines : INPUT_BYTES;
}

void server_input_discard(struct server_session *s)
{
	free(s->in.mem);
	memset(&s->in, 0, sizeof(s->in));
}

void server_input_put(struct server_session *s, const char *data, size_t len)
{
	size_t cap = input_cap(s);

	server_input_discard(s);
	s->in.cap = len > cap ? len : cap;
	s->in.mem = memcpy(mem_alloc(s->in.cap), data, len);
	s->in.end = len;
}

void server_input_terminate(struct server_session *s, const char *end)
{
	s->in.mem[end - s->in.mem] = '\0';
}

static size_t input_space(struct server_session *s, char **at_r)
{
	struct server_input *in = &s->in;

	if (in->mem == NULL) {
		in->cap = input_cap(s);
		in->mem = mem_alloc(in->cap);
	}
	if (s->waiting_for == SERVER_EVENT_NONE && in->start > 0) {
		memmove(in->mem, in->mem + in->start, in->end - in->start);
		in->end -= in->start;
		in->start = 0;
	}
	*at_r = in->mem + in->end;
	return in->cap - in->end;
}

size_t server_session_space(struct server_session *s, char **at_r)
{
	if (is_over(s) || s->state == SERVER_TLS || s->has_eof)
		return 0;
	s->place_is_body = s->state == SERVER_DATA && !s->data.rules.normalise &&
			   s->waiting_for == SERVER_EVENT_NONE && s->in.start == s->in.end;
	return s->place_is_body ? server_data_space(s, at_r) : input_space(s, at_r);
}

/* RFC 5321 §4.3.1: the client waits for the greeting. Who does not is no SMTP client. */
static void talked_early(struct server_session *s)
{
	s->is_early = true;
	if (s->out.len == 0)
		return; /* the verdict is still awaited */
	buf_clear(&s->out);
	server_connect_accepted(s, &(struct server_verdict){ .kind = SERVER_ACCEPT });
}

void server_session_fed(struct server_session *s, size_t n, uint64_t now_ms)
{
	tell_time(s, now_ms);
	if (n == 0 || is_over(s))
		return;
	s->active_ms = s->now_ms;
	if (s->place_is_body)
		s->data.body->len += n;
	else
		s->in.end += n;
	if (s->state == SERVER_START)
		talked_early(s);
}

size_t server_session_feed(struct server_session *s, const char *data, size_t len,
			   uint64_t now_ms)
{
	size_t taken = 0;

	while (taken < len) {
		char *at;
		size_t n = server_session_space(s, &at);

		if (n == 0)
			break;
		if (n > len - taken)
			n = len - taken;
		memcpy(at, data + taken, n);
		server_session_fed(s, n, now_ms);
		taken += n;
	}
	return taken;
}

void server_session_eof(struct server_session *s)
{
	s->has_eof = true;
}

/* --- events --- */

enum step { STEP_EVENT, STEP_AGAIN, STEP_IDLE };

/* No CRLF within a command's length: what came so far is dropped but for a CR at its end. */
static enum step skip_long_line(struct server_session *s)
{
	struct server_input *in = &s->in;

	in->skipped += in->end - in->start - 1;
	in->start = in->end - 1;
	in->scanned = 0;
	if (in->skipped > SKIP_BYTES) {
		server_end(s);
		server_say_host(s, &SERVER_REPLY(421, 4, 7, 0, "A line without end, closing"));
	}
	return STEP_IDLE;
}

static enum step input_used_up(struct server_session *s)
{
	struct server_input *in = &s->in;

	if (s->has_eof)
		server_end(s);
	else if (in->start == in->end && in->skipped == 0)
		server_input_discard(s);
	else if (in->end - in->start >= command_limit(s))
		return skip_long_line(s);
	return STEP_IDLE;
}

static enum step run_command(struct server_session *s, struct server_event *event)
{
	struct server_input *in = &s->in;
	bool is_too_long;
	char *line;
	size_t len;

	if (s->is_draining && (s->state == SERVER_GREETED || s->state == SERVER_READY)) {
		server_session_close(s, NULL);
		return STEP_IDLE;
	}
	if (in->start == in->end)
		return input_used_up(s);
	line = in->mem + in->start;
	if (!smtp_line_find(line, in->end - in->start, &in->scanned, &len))
		return input_used_up(s);
	is_too_long = in->skipped > 0 || len + 2 > command_limit(s);
	in->start += len + 2;
	in->scanned = in->skipped = 0;
	if (is_too_long) {
		server_error(s, &SERVER_REPLY(500, 5, 5, 2, "The command line is too long"));
		return STEP_AGAIN;
	}
	return server_verb_run(s, line, len, event) ? STEP_EVENT : STEP_AGAIN;
}

static enum step run(struct server_session *s, struct server_event *event)
{
	switch (s->state) {
	case SERVER_START:
		event->kind = SERVER_EVENT_CONNECT;
		return s->token == 0 ? STEP_EVENT : STEP_IDLE;
	case SERVER_GREETED:
	case SERVER_READY:
	case SERVER_SENDER:
	case SERVER_RECIPIENTS:
		return run_command(s, event);
	case SERVER_DATA:
		if (server_data_run(s, event))
			return STEP_EVENT;
		return input_used_up(s);
	case SERVER_TLS:
		if (s->has_eof)
			server_session_lost(s);
		return STEP_IDLE;
	default:
		return STEP_IDLE;
	}
}

static bool is_stopped(const struct server_session *s)
{
	return s->waiting_for != SERVER_EVENT_NONE || s->hold_ms > 0 || s->out.len >= OUTPUT_BYTES;
}

bool server_session_next_event(struct server_session *s, uint64_t now_ms,
			       struct server_event *event_r)
{
	enum step step = STEP_AGAIN;

	tell_time(s, now_ms);
	while (step == STEP_AGAIN && !is_stopped(s)) {
		memset(event_r, 0, sizeof(*event_r));
		step = run(s, event_r);
	}
	if (step != STEP_EVENT)
		return false;
	s->waiting_for = event_r->kind;
	event_r->token = ++s->token;
	return true;
}

static void refuse(struct server_session *s, const struct server_step *step,
		   const struct server_verdict *verdict)
{
	if (step->refused != NULL)
		step->refused(s, verdict);
	else
		server_say_verdict(s, verdict, &SERVER_REPLY(451, 4, 3, 0, "Not now, try again"));
}

bool server_session_answer(struct server_session *s, uint32_t token,
			   const struct server_verdict *verdict, uint64_t now_ms)
{
	const struct server_step *step = &server_steps[s->waiting_for];

	if (s->waiting_for == SERVER_EVENT_NONE || token != s->token)
		return false;
	tell_time(s, now_ms);
	s->waiting_for = SERVER_EVENT_NONE;
	s->active_ms = s->now_ms;
	if (verdict->not_before_ms > s->now_ms)
		s->hold_ms = verdict->not_before_ms;
	if (verdict->kind == SERVER_CLOSE) {
		server_session_close(s, &verdict->reply);
	} else if (verdict->kind == SERVER_REFUSE) {
		refuse(s, step, verdict);
	} else {
		if (step->accepted != NULL)
			step->accepted(s, verdict);
		if (step->reply.code != 0)
			server_say_verdict(s, verdict, &step->reply);
	}
	return true;
}

bool server_session_is_waiting(const struct server_session *s)
{
	return s->waiting_for != SERVER_EVENT_NONE;
}

/* --- output --- */

unsigned server_offered(const struct server_session *s)
{
	unsigned offered = s->config->extensions;

	for (size_t i = 0; i < smtp_ext_count; i++)
		if (smtp_exts[i].clear_only && s->tls.is_used)
			offered &= ~(unsigned)smtp_exts[i].bit;
	return offered;
}

void server_say(struct server_session *s, const struct server_reply *reply)
{
	uint64_t until = s->now_ms + s->config->limits.tarpit_ms;

	server_reply_format(&s->out, reply);
	if (reply->code >= 500 && !is_over(s) && until > s->now_ms && until > s->hold_ms)
		s->hold_ms = until;
}

void server_say_host(struct server_session *s, const struct server_reply *reply)
{
	struct server_reply with_host = *reply;
	struct buf text = { 0 };

	buf_printf(&text, "%s %s", s->config->host, reply->text);
	with_host.text = text.data;
	server_say(s, &with_host);
	buf_free(&text);
}

void server_say_verdict(struct server_session *s, const struct server_verdict *verdict,
			const struct server_reply *default_reply)
{
	server_say(s, verdict->reply.code != 0 ? &verdict->reply : default_reply);
}

void server_error(struct server_session *s, const struct server_reply *reply)
{
	uint32_t limit = s->config->limits.errors;

	if (limit == 0 || ++s->errors <= limit) {
		server_say(s, reply);
		return;
	}
	server_end(s);
	server_say_host(s, &SERVER_REPLY(421, 4, 7, 0, "Too many errors, closing"));
}

bool server_session_wants_write(const struct server_session *s)
{
	if (s->out.len == 0 || s->hold_ms > 0)
		return false;
	return s->waiting_for == SERVER_EVENT_NONE || s->out.len >= OUTPUT_BYTES;
}

size_t server_session_output(const struct server_session *s, const char **data_r)
{
	*data_r = s->out.data;
	return s->out.len;
}

void server_session_sent(struct server_session *s, size_t n)
{
	if (n == 0)
		return;
	buf_consume(&s->out, n);
	s->active_ms = s->now_ms;
	if (s->state == SERVER_START)
		server_enter(s, SERVER_GREETED);
}

/* --- TLS --- */

bool server_session_wants_tls(const struct server_session *s)
{
	return s->state == SERVER_TLS && s->out.len == 0;
}

void server_session_tls_started(struct server_session *s, const struct server_tls *tls,
				uint64_t now_ms)
{
	tell_time(s, now_ms);
	if (s->state != SERVER_TLS)
		return;
	s->active_ms = s->now_ms;
	s->tls = *tls;
	s->tls.is_used = true;
	free(s->hello);
	s->hello = NULL;
	s->is_extended = false;
	server_enter(s, SERVER_GREETED);
}

const struct server_tls *server_session_tls(const struct server_session *s)
{
	return &s->tls;
}
