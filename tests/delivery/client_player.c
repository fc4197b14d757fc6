/* Plays a written dialogue against the client engine. */
#include "tests/delivery/client_player.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "delivery/client_session.h"

enum { PLAYER_MESSAGES = 64, PLAYER_RCPTS = 64 };

struct player_message {
	struct client_message m;
	struct client_rcpt rcpts[PLAYER_RCPTS];
	struct span_list body;
	struct buf text;
};

struct player {
	struct client_config config;
	struct client_session *session;
	struct player_message messages[PLAYER_MESSAGES];
	uint32_t message_count;
	struct buf strings[512]; /* of keys, freed at the end */
	uint32_t string_count;
	struct buf input; /* said by the server, not yet fed */
	struct buf sent;  /* said by the client, not yet expected */
	uint64_t now_ms;
	uint64_t budget; /* octets that may be written */
	unsigned writes;
	enum player_split split;
	unsigned seed;
	unsigned line;
	char *error;
	size_t error_size;
};

static bool fail(struct player *p, const char *fmt, ...) WP_PRINTF(2, 3);

static bool fail(struct player *p, const char *fmt, ...)
{
	va_list args;
	int n = snprintf(p->error, p->error_size, "line %u: ", p->line);

	va_start(args, fmt);
	vsnprintf(p->error + n, p->error_size - (size_t)n, fmt, args);
	va_end(args);
	return false;
}

static void unescape(struct buf *out, const char *text)
{
	static const char from[] = "rnt0s\\", to[] = "\r\n\t\0 \\";

	buf_adds(out, "");
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

static const char *keep(struct player *p, const char *text)
{
	struct buf *b = &p->strings[p->string_count++];

	unescape(b, text);
	buf_addc(b, '\0');
	return b->data;
}

static size_t portion(struct player *p, size_t len)
{
	if (p->split == PLAYER_BYTEWISE)
		return 1;
	if (p->split == PLAYER_RANDOM)
		return (size_t)rand_r(&p->seed) % len + 1;
	return len;
}

/* Writes what the engine has, as far as the budget goes. */
static void drain(struct player *p)
{
	struct iovec iov[CLIENT_IOV_MAX];
	int n;

	while (p->budget && (n = client_session_output(p->session, iov, CLIENT_IOV_MAX)) > 0) {
		size_t total = 0, left;

		for (int i = 0; i < n; i++)
			total += iov[i].iov_len;
		left = portion(p, total);
		if (left > p->budget)
			left = (size_t)p->budget;
		total = left;
		for (int i = 0; left; i++) {
			size_t step = left < iov[i].iov_len ? left : iov[i].iov_len;

			buf_add(&p->sent, iov[i].iov_base, step);
			left -= step;
		}
		p->budget -= total;
		p->writes++;
		client_session_wrote(p->session, total, p->now_ms);
	}
}

/* Feeds what the server said since the last other step. Each portion is memory of its own,
 * so that reading beyond it is noticed. */
static void feed(struct player *p)
{
	size_t at = 0;

	while (at < p->input.len) {
		size_t n = portion(p, p->input.len - at);
		char *copy = memcpy(mem_alloc(n), p->input.data + at, n);

		client_session_feed(p->session, copy, n, p->now_ms);
		free(copy);
		at += n;
		drain(p);
	}
	buf_clear(&p->input);
}

static void start(struct player *p)
{
	if (!p->config.helo)
		p->config.helo = "client.example";
	if (!p->session)
		p->session = client_session_new(&p->config, p->now_ms);
}

static bool has_key(const char *word, const char *key, const char **value_r)
{
	size_t n = strlen(key);

	*value_r = word[n] == '=' ? word + n + 1 : "";
	return !strncmp(word, key, n) && (word[n] == '=' || word[n] == '\0');
}

static bool do_config(struct player *p, char *args)
{
	struct client_config *c = &p->config;
	const char *value;
	char *save;

	for (char *w = strtok_r(args, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		if (has_key(w, "helo", &value))
			c->helo = keep(p, value);
		else if (has_key(w, "host", &value))
			c->peer.host = keep(p, value);
		else if (has_key(w, "address", &value))
			c->peer.address = keep(p, value);
		else if (has_key(w, "tls", &value))
			c->tls = !strcmp(value, "required") ? CLIENT_TLS_REQUIRED
							    : CLIENT_TLS_OPPORTUNISTIC;
		else if (has_key(w, "lmtp", &value))
			c->protocol = CLIENT_LMTP;
		else if (has_key(w, "force-helo", &value))
			c->force_helo = true;
		else if (has_key(w, "never-pipeline-dot", &value))
			c->never_pipeline_dot = true;
		else if (has_key(w, "max", &value))
			c->max_messages = (uint32_t)atoi(value);
		else if (has_key(w, "inactivity", &value))
			c->inactivity_timeout_ms = (uint64_t)atoll(value);
		else
			return fail(p, "unknown config %s", w);
	}
	return true;
}

/* A body comes in two spans where it can, so that their border is met as well. */
static void set_body(struct player_message *pm, const char *value)
{
	size_t half;

	unescape(&pm->text, value);
	half = pm->text.len / 2;
	span_list_clear(&pm->body);
	pm->body.few[0] = (struct span){ pm->text.data, half };
	pm->body.few[1] = (struct span){ pm->text.data + half, pm->text.len - half };
	pm->body.count = pm->text.len ? 2 : 0;
	pm->body.total_bytes = pm->text.len;
	if (!half && pm->text.len) {
		span_list_clear(&pm->body);
		span_add(&pm->body, pm->text.data, pm->text.len);
	}
}

static bool read_message(struct player *p, struct player_message *pm, char *args)
{
	struct client_message *m = &pm->m;
	struct client_rcpt *rcpt = NULL;
	const char *value;
	char *save, *w = strtok_r(args, " ", &save);

	m->token = (uint64_t)atoll(w);
	m->sender = "from@a.example";
	m->rcpts = pm->rcpts;
	m->body = &pm->body;
	set_body(pm, "Subject: hi\\r\\n\\r\\nbody\\r\\n");
	while ((w = strtok_r(NULL, " ", &save))) {
		if (has_key(w, "from", &value))
			m->sender = keep(p, value);
		else if (has_key(w, "rcpt", &value)) {
			rcpt = &pm->rcpts[m->rcpt_count];
			rcpt->index = m->rcpt_count++;
			rcpt->address = keep(p, value);
		} else if (has_key(w, "body", &value)) {
			buf_clear(&pm->text);
			set_body(pm, value);
		} else if (has_key(w, "size", &value))
			m->size_bytes = (uint64_t)atoll(value);
		else if (has_key(w, "8bit", &value))
			m->is_8bit = true;
		else if (has_key(w, "utf8", &value))
			m->is_utf8 = true;
		else if (has_key(w, "ret", &value))
			m->ret = !strcmp(value, "FULL") ? ENVELOPE_RET_FULL : ENVELOPE_RET_HDRS;
		else if (has_key(w, "envid", &value))
			m->envid = keep(p, value);
		else if (rcpt && has_key(w, "notify", &value))
			rcpt->notify = (uint32_t)atoi(value);
		else if (rcpt && has_key(w, "orcpt", &value))
			rcpt->orcpt = keep(p, value);
		else
			return fail(p, "unknown key %s", w);
	}
	if (!m->rcpt_count)
		pm->rcpts[m->rcpt_count++].address = "to@b.example";
	return true;
}

static bool do_send(struct player *p, char *args, bool is_refused)
{
	struct player_message *pm = &p->messages[p->message_count++];

	if (!read_message(p, pm, args))
		return false;
	if (client_session_send(p->session, &pm->m, p->now_ms) == is_refused)
		return fail(p, is_refused ? "it was not refused" : "there was no room");
	return true;
}

static void print_outcome(struct buf *out, const struct outcome *o)
{
	buf_printf(out, "%s %s %u %s %s", outcome_class_name(o->class),
		   o->status[0] ? o->status : "-", o->smtp_code, outcome_stage_name(o->stage),
		   o->reply);
}

static void print_event(struct buf *out, const struct client_event *ev)
{
	static const char *const names[] = { "none", "ready",  "starttls",
					     "done", "closed", "failed" };

	buf_adds(out, names[ev->type]);
	if (ev->type == CLIENT_EVENT_READY)
		buf_printf(out, " %u", ev->room);
	if (ev->type == CLIENT_EVENT_FAILED) {
		buf_addc(out, ' ');
		print_outcome(out, ev->outcome);
	}
	if (ev->type != CLIENT_EVENT_MESSAGE_DONE)
		return;
	buf_printf(out, " %llu%s:", (unsigned long long)ev->message->token,
		   ev->untouched ? " untouched" : "");
	for (uint32_t i = 0; i < ev->message->rcpt_count; i++) {
		buf_adds(out, i ? " | " : " ");
		print_outcome(out, ev->outcomes[i]);
	}
}

static bool expect_event(struct player *p, const char *text)
{
	struct client_event ev;
	struct buf got = { 0 };
	bool same;

	client_session_event(p->session, &ev);
	print_event(&got, &ev);
	same = !strcmp(got.data, text);
	if (!same)
		fail(p, "the event was: %s", got.data);
	buf_free(&got);
	return same;
}

static bool expect_sent(struct player *p, const char *text, const char *tail)
{
	struct buf want = { 0 };
	bool same;

	unescape(&want, text);
	buf_adds(&want, tail);
	same = p->sent.len >= want.len && !memcmp(p->sent.data, want.data, want.len);
	if (same)
		buf_consume(&p->sent, want.len);
	else
		fail(p, "the client said: %.*s", (int)p->sent.len,
		     p->sent.data ? p->sent.data : "");
	buf_free(&want);
	return same;
}

static bool expect_deadline(struct player *p, const char *text)
{
	uint64_t deadline = client_session_deadline(p->session);

	if (!strcmp(text, "none"))
		return deadline == UINT64_MAX || fail(p, "there is a deadline");
	return deadline == p->now_ms + (uint64_t)atoll(text) ||
	       fail(p, "the deadline is in %lld ms", (long long)(deadline - p->now_ms));
}

static bool expect_writes(struct player *p, const char *text)
{
	unsigned writes = p->writes;

	p->writes = 0;
	return p->split != PLAYER_WHOLE || writes == (unsigned)atoi(text) ||
	       fail(p, "there were %u writes", writes);
}

static bool do_step(struct player *p, const char *verb, char *args)
{
	if (!strcmp(verb, "config"))
		return do_config(p, args);
	start(p);
	if (!strcmp(verb, "S") || !strcmp(verb, "R")) {
		unescape(&p->input, args);
		if (*verb == 'S')
			buf_adds(&p->input, "\r\n");
		return true;
	}
	feed(p);
	if (!strcmp(verb, "C"))
		return expect_sent(p, args, "\r\n");
	if (!strcmp(verb, "B"))
		return expect_sent(p, args, "");
	if (!strcmp(verb, "E"))
		return expect_event(p, args);
	if (!strcmp(verb, "writes"))
		return expect_writes(p, args);
	if (!strcmp(verb, "deadline"))
		return expect_deadline(p, args);
	if (!strcmp(verb, "state"))
		return !strcmp(client_session_state(p->session), args) ||
		       fail(p, "the state is %s", client_session_state(p->session));
	if (!strcmp(verb, "send") || !strcmp(verb, "refuse")) {
		if (!do_send(p, args, *verb == 'r'))
			return false;
	} else if (!strcmp(verb, "forget-messages")) {
		for (uint32_t i = 0; i < p->message_count; i++)
			memset(&p->messages[i].m, 0xdb, sizeof(p->messages[i].m));
	} else if (!strcmp(verb, "quit"))
		client_session_quit(p->session, p->now_ms);
	else if (!strcmp(verb, "tls"))
		client_session_tls_started(p->session, args, p->now_ms);
	else if (!strcmp(verb, "tls-failed"))
		client_session_tls_failed(p->session, args, p->now_ms);
	else if (!strcmp(verb, "close"))
		client_session_lost(p->session, *args ? args : NULL, p->now_ms);
	else if (!strcmp(verb, "stall"))
		p->budget = (uint64_t)atoll(args);
	else if (!strcmp(verb, "flow"))
		p->budget = UINT64_MAX;
	else if (!strcmp(verb, "wait")) {
		p->now_ms += (uint64_t)atoll(args);
		client_session_tick(p->session, p->now_ms);
	} else
		return fail(p, "unknown step %s", verb);
	drain(p);
	return true;
}

static bool do_line(struct player *p, char *line)
{
	char *args;

	p->line++;
	while (*line == ' ' || *line == '\t')
		line++;
	if (!*line || *line == '#')
		return true;
	args = strchr(line, ' ');
	if (args)
		*args++ = '\0';
	return do_step(p, line, args ? args : line + strlen(line));
}

static bool at_end(struct player *p)
{
	if (!p->session)
		return fail(p, "the script does nothing");
	feed(p);
	if (p->sent.len)
		return fail(p, "left over: %s", p->sent.data);
	return expect_event(p, "none");
}

static void player_fini(struct player *p)
{
	client_session_free(p->session);
	for (uint32_t i = 0; i < p->message_count; i++) {
		buf_free(&p->messages[i].text);
		span_list_fini(&p->messages[i].body);
	}
	for (uint32_t i = 0; i < p->string_count; i++)
		buf_free(&p->strings[i]);
	buf_free(&p->input);
	buf_free(&p->sent);
	free(p);
}

bool player_run(const char *script, enum player_split split, unsigned seed, char *error,
		size_t error_size)
{
	struct player *p = mem_zero(1, sizeof(*p));
	char *copy = mem_strdup(script), *at = copy, *line;
	bool went_well = true;

	p->split = split;
	p->seed = seed;
	p->budget = UINT64_MAX;
	p->now_ms = 1000000;
	p->error = error;
	p->error_size = error_size;
	while (went_well && (line = strsep(&at, "\n")))
		went_well = do_line(p, line);
	went_well = went_well && at_end(p);
	player_fini(p);
	free(copy);
	return went_well;
}
