/* Plays a written dialogue against the server engine. */
#include "tests/delivery/server_player.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "delivery/server_session.h"

enum { PLAYER_VERDICTS = 32 };

struct ordered {
	char event[16];
	char text[1024];
	struct server_verdict verdict;
};

struct player {
	const struct server_player_mode *mode;
	struct server_config config;
	struct server_session *session;
	struct ordered orders[PLAYER_VERDICTS];
	size_t order_count;
	uint64_t now_ms;
	uint32_t token;      /* of the event that is out, in late mode */
	struct server_verdict verdict; /* for it */
	struct buf input;    /* said by the client, not yet fed */
	struct buf said;     /* by the server, not yet expected */
	struct buf events;   /* lines, since the client spoke last */
	struct body *body;   /* of the last message */
	size_t body_at;
	unsigned writes;
	unsigned seed;
	unsigned line;
	char *error;
	size_t error_size;
	bool failed;
};

static bool fail(struct player *p, const char *fmt, ...) WP_PRINTF(2, 3);

static bool fail(struct player *p, const char *fmt, ...)
{
	va_list args;
	int n;

	if (p->failed)
		return false;
	p->failed = true;
	n = snprintf(p->error, p->error_size, "line %u: ", p->line);
	va_start(args, fmt);
	vsnprintf(p->error + n, p->error_size - (size_t)n, fmt, args);
	va_end(args);
	return false;
}

static void unescape(struct buf *out, const char *text)
{
	static const char from[] = "rnt0s\\", to[] = "\r\n\t\0 \\";

	for (; *text; text++) {
		const char *at;

		if (*text != '\\') {
			buf_addc(out, *text);
		} else if (text[1] == 'x') {
			char hex[3] = { text[2], text[3], '\0' };

			buf_addc(out, (char)strtoul(hex, NULL, 16));
			text += 3;
		} else {
			at = strchr(from, *++text);
			buf_addc(out, at ? to[at - from] : *text);
		}
	}
}

/* --- configuration --- */

static const struct {
	const char *name;
	size_t place; /* in struct server_config */
	size_t size;
} keys[] = {
#define KEY(name, member) \
	{ name, offsetof(struct server_config, member), \
	  sizeof(((struct server_config *)0)->member) }
	KEY("extensions", extensions), KEY("require-tls", require_tls),
	KEY("accept-nul", accept_nul), KEY("normalise", bare_newline),
	KEY("chunk", chunk_bytes), KEY("errors", limits.errors),
	KEY("idle", limits.idle_commands), KEY("recipients", limits.recipients),
	KEY("command", limits.command_bytes), KEY("line", limits.body_line_bytes),
	KEY("header", limits.header_bytes), KEY("hops", limits.hops),
	KEY("size", limits.message_bytes), KEY("inactivity", limits.inactivity_ms),
	KEY("connection", limits.connection_ms), KEY("tarpit", limits.tarpit_ms),
#undef KEY
};

static bool config_word(struct player *p, const char *word)
{
	size_t name = strcspn(word, "=");
	uint64_t value = word[name] == '=' ? strtoull(word + name + 1, NULL, 0) : 1;

	for (size_t i = 0; i < WP_COUNT(keys); i++) {
		if (strlen(keys[i].name) != name || strncmp(keys[i].name, word, name) != 0)
			continue;
		/* Little endian, as all machines we build on. */
		memcpy((char *)&p->config + keys[i].place, &value, keys[i].size);
		return true;
	}
	return fail(p, "no such key: %s", word);
}

/* --- verdicts --- */

static void read_reply(struct server_reply *reply, char *text)
{
	unsigned code = 0, c = 0, s = 0, d = 0;
	int n = 0;

	memset(reply, 0, sizeof(*reply));
	if (sscanf(text, "%u %n", &code, &n) < 1)
		return;
	reply->code = (uint16_t)code;
	text += n;
	n = 0;
	if (sscanf(text, "%1u.%u.%u %n", &c, &s, &d, &n) >= 3) {
		reply->enhanced = (struct server_status){ (uint8_t)c, (uint16_t)s, (uint16_t)d };
		text += n;
	}
	reply->text = text;
}

static bool order(struct player *p, const char *text)
{
	struct ordered *o = &p->orders[p->order_count++];
	char what[16] = "";
	int n = 0;

	memset(o, 0, sizeof(*o));
	sscanf(text, "%15s %15s %n", o->event, what, &n);
	snprintf(o->text, sizeof(o->text), "%s", text + n);
	if (strcmp(what, "hold") == 0) {
		o->verdict.not_before_ms = p->now_ms + strtoull(o->text, NULL, 10);
		return true;
	}
	o->verdict.kind = strcmp(what, "accept") == 0   ? SERVER_ACCEPT
			  : strcmp(what, "refuse") == 0 ? SERVER_REFUSE
							: SERVER_CLOSE;
	read_reply(&o->verdict.reply, o->text);
	return strcmp(what, "close") == 0 || o->verdict.kind != SERVER_CLOSE ||
	       fail(p, "no such verdict: %s", what);
}

static struct server_verdict take_order(struct player *p, enum server_event_kind kind)
{
	static const struct server_verdict accept = { .kind = SERVER_ACCEPT };

	for (size_t i = 0; i < p->order_count; i++) {
		if (strcmp(p->orders[i].event, server_event_name(kind)) != 0)
			continue;
		p->orders[i].event[0] = '\0';
		return p->orders[i].verdict;
	}
	return accept;
}

/* --- events --- */

static void note_message(struct player *p, const struct server_event *e)
{
	const struct server_reply *refusal = e->u.message.refusal;

	body_unref(p->body);
	p->body = refusal == NULL ? body_ref(e->u.message.body) : NULL;
	p->body_at = 0;
	if (refusal != NULL)
		buf_printf(&p->events, " refused %u", refusal->code);
}

static void note(struct player *p, const struct server_event *e)
{
	buf_adds(&p->events, server_event_name(e->kind));
	switch (e->kind) {
	case SERVER_EVENT_HELLO:
		buf_printf(&p->events, " %s %s", e->u.hello.is_extended ? "EHLO" : "HELO",
			   e->u.hello.name);
		break;
	case SERVER_EVENT_MAIL:
		buf_printf(&p->events, " <%s>", e->u.mail.path.mailbox);
		if (e->u.mail.params.has_size)
			buf_printf(&p->events, " size=%llu",
				   (unsigned long long)e->u.mail.params.size_bytes);
		if (e->u.mail.params.body == SMTP_BODY_8BITMIME)
			buf_adds(&p->events, " 8bit");
		break;
	case SERVER_EVENT_RCPT:
		buf_printf(&p->events, " <%s> after %u", e->u.rcpt.path.mailbox,
			   e->u.rcpt.accepted);
		break;
	case SERVER_EVENT_DATA:
		buf_printf(&p->events, " for %u", e->u.data.recipients);
		break;
	case SERVER_EVENT_MESSAGE:
		note_message(p, e);
		break;
	case SERVER_EVENT_NOOP:
	case SERVER_EVENT_VRFY:
	case SERVER_EVENT_HELP:
		buf_printf(&p->events, " (%s)", e->u.text.text);
		break;
	default:
		break;
	}
	buf_addc(&p->events, '\n');
}

static void answer(struct player *p, uint32_t token, const struct server_verdict *verdict)
{
	if (server_session_answer(p->session, token - 1, verdict, p->now_ms))
		fail(p, "an old token was taken");
	if (!server_session_answer(p->session, token, verdict, p->now_ms))
		fail(p, "the token was not awaited");
	if (server_session_answer(p->session, token, verdict, p->now_ms))
		fail(p, "a second answer was taken");
}

static void pump(struct player *p)
{
	struct server_event event;
	const char *data;
	size_t n;

	while (p->token == 0 && server_session_next_event(p->session, p->now_ms, &event)) {
		note(p, &event);
		if (p->mode->is_late) {
			p->token = event.token;
			p->verdict = take_order(p, event.kind);
		} else {
			struct server_verdict verdict = take_order(p, event.kind);

			answer(p, event.token, &verdict);
		}
	}
	if (!server_session_wants_write(p->session))
		return;
	n = server_session_output(p->session, &data);
	buf_add(&p->said, data, n);
	server_session_sent(p->session, n);
	p->writes++;
	if (!server_session_is_finished(p->session))
		pump(p); /* what stopped for lack of room goes on */
}

static void answer_late(struct player *p)
{
	uint32_t token = p->token;

	p->token = 0;
	answer(p, token, &p->verdict);
	pump(p);
}

/* All that is under way comes to its end. */
static void settle(struct player *p)
{
	pump(p);
	while (p->token != 0)
		answer_late(p);
}

static size_t portion(struct player *p, size_t len)
{
	if (p->mode->split == SERVER_PLAYER_BYTEWISE)
		return 1;
	if (p->mode->split == SERVER_PLAYER_RANDOM)
		return (size_t)rand_r(&p->seed) % len + 1;
	return len;
}

/* Each portion is memory of its own, so that reading beyond it is noticed. */
static void feed(struct player *p)
{
	size_t at = 0;

	if (p->input.len > 0)
		buf_clear(&p->events);
	while (at < p->input.len && !server_session_is_finished(p->session)) {
		size_t n = portion(p, p->input.len - at), taken;
		char *copy = memcpy(mem_alloc(n), p->input.data + at, n);

		taken = server_session_feed(p->session, copy, n, p->now_ms);
		free(copy);
		at += taken;
		pump(p);
		if (taken > 0)
			continue;
		if (p->token == 0)
			break; /* it takes nothing any more */
		answer_late(p);
	}
	buf_clear(&p->input);
	settle(p);
}

static void start(struct player *p)
{
	if (p->session != NULL)
		return;
	p->session = server_session_new(&p->config, p->now_ms);
	settle(p);
}

/* --- expectations --- */

static bool expect_said(struct player *p, const char *text)
{
	struct buf wanted = { 0 };
	bool is_same;

	unescape(&wanted, text);
	buf_add(&wanted, "\r\n", 2);
	is_same = p->said.len >= wanted.len &&
		  memcmp(p->said.data, wanted.data, wanted.len) == 0;
	if (is_same)
		buf_consume(&p->said, wanted.len);
	else
		fail(p, "wanted '%s', the server said '%.*s'", text,
		     (int)strcspn(p->said.len > 0 ? p->said.data : "", "\r"),
		     p->said.len > 0 ? p->said.data : "");
	buf_free(&wanted);
	return is_same;
}

static bool expect_event(struct player *p, const char *text)
{
	size_t len = p->events.len > 0 ? strcspn(p->events.data, "\n") : 0;

	if (strcmp(text, "none") == 0 && p->events.len == 0)
		return true;
	if (p->events.len == 0 || strlen(text) != len || memcmp(p->events.data, text, len) != 0)
		return fail(p, "wanted event '%s', got '%.*s'", text, (int)len,
			    p->events.len > 0 ? p->events.data : "");
	buf_consume(&p->events, len + 1);
	return true;
}

static bool expect_body(struct player *p, const char *text)
{
	struct buf wanted = { 0 };
	bool is_same;

	if (p->body == NULL)
		return fail(p, "no message");
	if (strcmp(text, "end") == 0)
		return p->body_at == p->body->len || fail(p, "the message is longer");
	unescape(&wanted, text);
	is_same = p->body->len - p->body_at >= wanted.len &&
		  memcmp(body_data(p->body) + p->body_at, wanted.data, wanted.len) == 0;
	if (is_same)
		p->body_at += wanted.len;
	else
		fail(p, "the message is '%.*s'", (int)(p->body->len - p->body_at),
		     body_data(p->body) + p->body_at);
	buf_free(&wanted);
	return is_same;
}

static bool expect_fact(struct player *p, const char *word)
{
	const struct body *b = p->body;
	const struct body_facts *f = b != NULL ? &b->facts : NULL;
	const struct {
		const char *name;
		uint64_t value;
	} facts[] = {
		{ "stored", f ? f->stored_size : 0 },	  { "unstuffed", f ? f->unstuffed_size : 0 },
		{ "accepted", f ? f->accepted_size : 0 }, { "dots", f ? f->stuffed_dots : 0 },
		{ "header", f ? f->header_length : 0 },	  { "longest", f ? f->longest_line : 0 },
		{ "received", f ? f->received_count : 0 }, { "8bit", f ? f->has_8bit : 0 },
		{ "nul", b ? b->has_nul : 0 },		  { "bare", b ? b->has_bare_newline : 0 },
	};
	size_t name = strcspn(word, "=");

	if (f == NULL)
		return fail(p, "no message");
	for (size_t i = 0; i < WP_COUNT(facts); i++)
		if (strlen(facts[i].name) == name && memcmp(facts[i].name, word, name) == 0)
			return facts[i].value == strtoull(word + name + 1, NULL, 10) ||
			       fail(p, "%s is %llu", facts[i].name,
				    (unsigned long long)facts[i].value);
	return fail(p, "no such fact: %s", word);
}

static bool expect_deadline(struct player *p, const char *text)
{
	uint64_t at = server_session_deadline(p->session);

	if (strcmp(text, "none") == 0)
		return at == SERVER_NEVER || fail(p, "there is a deadline");
	return at == p->now_ms + strtoull(text, NULL, 10) ||
	       fail(p, "the deadline is in %lld", (long long)(at - p->now_ms));
}

static bool expect_writes(struct player *p, const char *text)
{
	unsigned writes = p->writes;

	p->writes = 0;
	return p->mode->split != SERVER_PLAYER_WHOLE || writes == strtoul(text, NULL, 10) ||
	       fail(p, "%u writes", writes);
}

/* --- steps --- */

static bool each_word(struct player *p, char *text, bool (*step)(struct player *, const char *))
{
	char *rest = NULL;

	for (char *word = strtok_r(text, " ", &rest); word != NULL;
	     word = strtok_r(NULL, " ", &rest))
		if (!step(p, word))
			return false;
	return true;
}

static bool wait_ms(struct player *p, const char *text)
{
	p->now_ms += strtoull(text, NULL, 10);
	if (server_session_deadline(p->session) <= p->now_ms)
		server_session_tick(p->session, p->now_ms);
	settle(p);
	return true;
}

static bool start_tls(struct player *p)
{
	static const struct server_tls tls = { .version = "TLSv1.3" };

	if (!server_session_wants_tls(p->session))
		return fail(p, "TLS is not wanted");
	server_session_tls_started(p->session, &tls, p->now_ms);
	return true;
}

static bool shut(struct player *p, char *text)
{
	struct server_reply reply;

	read_reply(&reply, text);
	server_session_close(p->session, &reply);
	settle(p);
	return true;
}

static bool step(struct player *p, char *word, char *text)
{
	if (strcmp(word, "config") == 0)
		return each_word(p, text, config_word);
	if (strcmp(word, "V") == 0)
		return order(p, text);
	start(p);
	if (strcmp(word, "C") == 0 || strcmp(word, "R") == 0) {
		unescape(&p->input, text);
		buf_adds(&p->input, *word == 'C' ? "\r\n" : "");
		return true;
	}
	feed(p);
	if (strcmp(word, "S") == 0)
		return expect_said(p, text);
	if (strcmp(word, "E") == 0)
		return expect_event(p, text);
	if (strcmp(word, "B") == 0)
		return expect_body(p, text);
	if (strcmp(word, "F") == 0)
		return each_word(p, text, expect_fact);
	if (strcmp(word, "wait") == 0)
		return wait_ms(p, text);
	if (strcmp(word, "deadline") == 0)
		return expect_deadline(p, text);
	if (strcmp(word, "writes") == 0)
		return expect_writes(p, text);
	if (strcmp(word, "state") == 0)
		return strcmp(server_session_state(p->session), text) == 0 ||
		       fail(p, "the state is %s", server_session_state(p->session));
	if (strcmp(word, "tls") == 0)
		return start_tls(p);
	if (strcmp(word, "shut") == 0)
		return shut(p, text);
	if (strcmp(word, "eof") == 0)
		return server_session_eof(p->session), settle(p), true;
	if (strcmp(word, "drain") == 0)
		return server_session_drain(p->session), settle(p), true;
	if (strcmp(word, "finished") == 0)
		return server_session_is_finished(p->session) || fail(p, "not finished");
	return fail(p, "no such step: %s", word);
}

static bool play(struct player *p, char *script)
{
	char *rest = NULL;

	for (char *line = script; line != NULL && !p->failed; line = rest) {
		char *text;

		p->line++;
		rest = strchr(line, '\n');
		if (rest != NULL)
			*rest++ = '\0';
		if (line[0] == '#' || line[0] == '\0')
			continue;
		text = line + strcspn(line, " ");
		if (*text == ' ')
			*text++ = '\0';
		if (!step(p, line, text))
			return false;
	}
	start(p);
	feed(p);
	return !p->failed && (p->said.len == 0 || fail(p, "left over: %s", p->said.data));
}

bool server_player_run(const char *script, const struct server_player_mode *mode, char *error,
		       size_t error_size)
{
	struct player p = { .mode = mode, .seed = mode->seed, .now_ms = 1000000,
			    .error = error, .error_size = error_size };
	char *copy = mem_strdup(script);
	bool is_good;

	server_limits_default(&p.config.limits);
	p.config.host = "mx.example";
	p.config.extensions = SMTP_EXT_PIPELINING | SMTP_EXT_SIZE | SMTP_EXT_8BITMIME |
			      SMTP_EXT_ENHANCEDSTATUSCODES | SMTP_EXT_STARTTLS;
	p.config.limits.tarpit_ms = 0;
	is_good = play(&p, copy);
	server_session_free(p.session);
	body_unref(p.body);
	buf_free(&p.input);
	buf_free(&p.said);
	buf_free(&p.events);
	free(copy);
	return is_good;
}
