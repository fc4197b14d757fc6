/* One SMTP or LMTP session of the sink: see sink_session.h. */
#include "config.h"

#include "tests/tools/sink_session.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "tests/tools/sink_record.h"
#include "tests/tools/sink_rules.h"

#define COMMAND_MAX 8192

struct sink_config sink_config = { .pipelining = true, .size = true, .eightbitmime = true,
				   .enhanced = true, .size_max = 100 * 1024 * 1024,
				   .name = "sink.example" };
struct sink_sessions sink_sessions;

/* What the next octets are. */
enum input { INPUT_COMMAND, INPUT_LINES, INPUT_CHUNK };

struct session {
	struct peer_conn conn; /* first: on_ready gets its address */
	LIST_ENTRY(session) link;
	enum input input;
	char helo[256];
	char *from, *from_params;
	struct sink_rcpt *rcpts;
	size_t rcpt_count;
	struct buf message;
	bool at_line_start;
	bool chunk_is_last;
	uint64_t chunk_left;
	uint64_t number, messages;
	bool is_ending, is_dead; /* close when written out; at once */
	struct buf held;	 /* replies that wait until resume_ns */
	uint64_t resume_ns;	 /* 0: not paused; UINT64_MAX: for ever */
};

static LIST_HEAD(, session) sessions = LIST_HEAD_INITIALIZER(sessions);

static void put(struct session *s, const char *text)
{
	struct buf *out = s->resume_ns != 0 ? &s->held : &s->conn.out;

	buf_adds(out, text);
	buf_adds(out, "\r\n");
}

/* Replies as the rules say, else with TEXT; is it a positive reply, and did one go out at all? */
static bool reply(struct session *s, enum sink_stage stage, const char *address, const char *text)
{
	struct sink_verdict v = sink_rules_ask(stage, address);

	if (v.delay_ms != 0 && s->resume_ns == 0)
		s->resume_ns = peer_now_ns() + v.delay_ms * UINT64_C(1000000);
	switch (v.action) {
	case ACTION_STALL:
		s->resume_ns = UINT64_MAX;
		return false;
	case ACTION_CLOSE:
		s->is_dead = true;
		return false;
	case ACTION_KEEP_CLOSE:
		s->is_dead = true;
		return true;
	case ACTION_REPLY:
		text = v.reply;
		break;
	case ACTION_ACCEPT:
		break;
	}
	put(s, text);
	if (text[0] < '4')
		return true;
	sink_sessions.refused_replies++;
	s->is_ending |= strncmp(text, "421", 3) == 0;
	return false;
}

static void forget_transaction(struct session *s)
{
	for (size_t i = 0; i < s->rcpt_count; i++) {
		free(s->rcpts[i].address);
		free(s->rcpts[i].params);
	}
	s->rcpt_count = 0;
	free(s->from);
	free(s->from_params);
	s->from = s->from_params = NULL;
	buf_clear(&s->message);
}

static void session_free(struct session *s)
{
	LIST_REMOVE(s, link);
	peer_close(&s->conn);
	forget_transaction(s);
	free(s->rcpts);
	buf_free(&s->message);
	buf_free(&s->held);
	free(s);
	sink_sessions.open--;
}

/* "FROM:<a@b> PARAMS" after the verb; false: not like that. */
static bool split_path(const char *args, const char *prefix, char **address_r, char **params_r)
{
	const char *open, *close;

	if (strncasecmp(args, prefix, strlen(prefix)) != 0)
		return false;
	open = strchr(args, '<');
	close = open == NULL ? NULL : strrchr(open, '>');
	if (close == NULL)
		return false;
	*address_r = strndup(open + 1, (size_t)(close - open - 1));
	*params_r = mem_strdup(close + 1);
	return true;
}

static void on_hello(struct session *s, const char *args)
{
	const struct sink_config *c = &sink_config;
	const struct {
		bool offered;
		const char *line;
	} extensions[] = {
		{ c->pipelining, "250-PIPELINING" },
		{ c->eightbitmime, "250-8BITMIME" },
		{ c->smtputf8, "250-SMTPUTF8" },
		{ c->dsn, "250-DSN" },
		{ c->chunking, "250-CHUNKING" },
		{ c->enhanced, "250-ENHANCEDSTATUSCODES" },
		{ c->tls != NULL && s->conn.ssl == NULL, "250-STARTTLS" },
	};
	char line[320];

	forget_transaction(s);
	snprintf(s->helo, sizeof(s->helo), "%s", args);
	snprintf(line, sizeof(line), "250-%s", c->name);
	if (!reply(s, STAGE_EHLO, args, line))
		return;
	for (size_t i = 0; i < WP_COUNT(extensions); i++) {
		if (extensions[i].offered)
			put(s, extensions[i].line);
	}
	snprintf(line, sizeof(line), "250 SIZE %llu", (unsigned long long)c->size_max);
	put(s, c->size ? line : "250 HELP");
}

static void on_helo(struct session *s, const char *args)
{
	forget_transaction(s);
	snprintf(s->helo, sizeof(s->helo), "%s", args);
	reply(s, STAGE_EHLO, args, "250 sink.example");
}

static void on_mail(struct session *s, const char *args)
{
	char *address, *params;

	if (sink_config.requires_tls && s->conn.ssl == NULL) {
		put(s, "530 5.7.0 Must issue a STARTTLS command first");
		return;
	}
	if (s->from != NULL || !split_path(args, "FROM:", &address, &params)) {
		put(s, s->from != NULL ? "503 5.5.1 Nested MAIL" : "501 5.5.4 Syntax: MAIL FROM:<address>");
		return;
	}
	if (reply(s, STAGE_MAIL, address, "250 2.1.0 Ok")) {
		s->from = address;
		s->from_params = params;
	} else {
		free(address);
		free(params);
	}
}

static void on_rcpt(struct session *s, const char *args)
{
	struct sink_rcpt r = { 0 };

	if (s->from == NULL || !split_path(args, "TO:", &r.address, &r.params)) {
		put(s, s->from == NULL ? "503 5.5.1 Need MAIL" : "501 5.5.4 Syntax: RCPT TO:<address>");
		return;
	}
	if (reply(s, STAGE_RCPT, r.address, "250 2.1.5 Ok")) {
		s->rcpts = mem_grow(s->rcpts, (s->rcpt_count + 1) * sizeof(r));
		s->rcpts[s->rcpt_count++] = r;
	} else {
		free(r.address);
		free(r.params);
	}
}

static void on_data(struct session *s, const char *args)
{
	(void)args;
	if (s->rcpt_count == 0) {
		put(s, "503 5.5.1 No recipients");
	} else if (reply(s, STAGE_DATA, s->from, "354 End with CRLF.CRLF")) {
		s->input = INPUT_LINES;
		s->at_line_start = true;
	}
}

static void on_bdat(struct session *s, const char *args)
{
	char *end;

	s->chunk_left = strtoull(args, &end, 10);
	s->chunk_is_last = strcasecmp(end, " LAST") == 0;
	s->input = INPUT_CHUNK;
}

static void on_starttls(struct session *s, const char *args)
{
	size_t waiting;

	(void)args;
	if (sink_config.tls == NULL || s->conn.ssl != NULL) {
		put(s, "502 5.5.1 Not available");
		return;
	}
	if (!reply(s, STAGE_STARTTLS, "", "220 2.0.0 Ready"))
		return;
	/* Whatever was sent in clear after the command is dropped, RFC 3207 §4.2. */
	peer_input(&s->conn, &waiting);
	peer_consume(&s->conn, waiting);
	if (peer_flush(&s->conn) != 0 || !peer_is_drained(&s->conn)) {
		s->is_dead = true;
		return;
	}
	forget_transaction(s);
	sink_sessions.tls++;
	peer_start_tls(&s->conn, sink_config.tls, true);
}

static void on_rset(struct session *s, const char *args)
{
	(void)args;
	forget_transaction(s);
	reply(s, STAGE_RSET, "", "250 2.0.0 Ok");
}

static void on_noop(struct session *s, const char *args)
{
	(void)args;
	reply(s, STAGE_NOOP, "", "250 2.0.0 Ok");
}

static void on_quit(struct session *s, const char *args)
{
	(void)args;
	reply(s, STAGE_QUIT, "", "221 2.0.0 Bye");
	s->is_ending = true;
}

static const struct {
	const char *name;
	void (*run)(struct session *s, const char *args);
} verbs[] = {
	{ "MAIL", on_mail },	 { "RCPT", on_rcpt },	      { "DATA", on_data },
	{ "BDAT", on_bdat },	 { "RSET", on_rset },	      { "EHLO", on_hello },
	{ "LHLO", on_hello },	 { "HELO", on_helo },	      { "QUIT", on_quit },
	{ "NOOP", on_noop },	 { "STARTTLS", on_starttls },
};

static void run_command(struct session *s, char *line)
{
	size_t verb_len = strcspn(line, " ");
	char *args = line + verb_len;

	args += *args == ' ';
	for (size_t i = 0; i < WP_COUNT(verbs); i++) {
		if (strlen(verbs[i].name) == verb_len &&
		    strncasecmp(line, verbs[i].name, verb_len) == 0) {
			verbs[i].run(s, args);
			return;
		}
	}
	put(s, "500 5.5.2 Unknown command");
}

/* The replies to a whole message: one, or with LMTP one for each recipient. Is it ours now? */
static bool answer_message(struct session *s)
{
	bool kept = false;

	if (s->message.len > sink_config.size_max) {
		put(s, "552 5.3.4 Too big");
		return false;
	}
	if (!sink_config.is_lmtp)
		return reply(s, STAGE_DOT, s->from, "250 2.0.0 Ok: sunk");
	for (size_t i = 0; i < s->rcpt_count && !s->is_dead; i++) {
		struct sink_rcpt *r = &s->rcpts[i];

		r->is_refused = !reply(s, STAGE_DOT, r->address, "250 2.1.5 Ok: sunk");
		kept |= !r->is_refused;
	}
	return kept;
}

static void end_message(struct session *s)
{
	struct sink_envelope envelope = {
		.from = s->from, .params = s->from_params, .rcpts = s->rcpts,
		.rcpt_count = s->rcpt_count, .helo = s->helo, .connection = s->number,
		.is_tls = s->conn.ssl != NULL,
	};
	struct sink_verdict sent;

	s->input = INPUT_COMMAND;
	if (answer_message(s))
		sink_record(&envelope, s->message.data == NULL ? "" : s->message.data, s->message.len);
	forget_transaction(s);
	s->messages++;
	sent = sink_rules_ask(STAGE_SENT, "");
	if (sent.action == ACTION_CLOSE || s->messages == sink_config.messages_max)
		s->is_ending = true;
}

/* Each returns the octets it took, 0 if it needs more. */
static size_t take_command(struct session *s, const char *in, size_t len)
{
	const char *end = memmem(in, len, "\r\n", 2);
	char line[COMMAND_MAX];

	if (end == NULL || (size_t)(end - in) >= sizeof(line)) {
		s->is_dead = len >= sizeof(line);
		return 0;
	}
	memcpy(line, in, (size_t)(end - in));
	line[end - in] = '\0';
	run_command(s, line);
	/* STARTTLS has thrown the input away, this line included. */
	return s->conn.is_shaking || s->is_dead ? 0 : (size_t)(end - in) + 2;
}

/* One line of the text of a message, or what is there of it. */
static size_t take_line(struct session *s, const char *in, size_t len)
{
	size_t dot = s->at_line_start && in[0] == '.', n;
	const char *lf;

	if (dot && (len == 1 || (len == 2 && in[1] == '\r')))
		return 0;
	if (dot && in[1] == '\r' && in[2] == '\n') {
		end_message(s);
		return 3;
	}
	lf = memchr(in + dot, '\n', len - dot);
	n = lf == NULL ? len : (size_t)(lf - in) + 1;
	buf_add(&s->message, in + dot, n - dot);
	/* Only CRLF ends a line. */
	s->at_line_start = lf != NULL && s->message.len >= 2 &&
			   s->message.data[s->message.len - 2] == '\r';
	return n;
}

static size_t take_chunk(struct session *s, const char *in, size_t len)
{
	size_t n = len < s->chunk_left ? len : (size_t)s->chunk_left;

	buf_add(&s->message, in, n);
	s->chunk_left -= n;
	if (s->chunk_left > 0)
		return n;
	s->input = INPUT_COMMAND;
	if (s->rcpt_count == 0)
		put(s, "503 5.5.1 No recipients");
	else if (s->chunk_is_last)
		end_message(s);
	else
		put(s, "250 2.0.0 Chunk taken");
	return n;
}

static void process(struct session *s)
{
	static size_t (*const takers[])(struct session *, const char *, size_t) = {
		[INPUT_COMMAND] = take_command, [INPUT_LINES] = take_line, [INPUT_CHUNK] = take_chunk,
	};

	while (s->resume_ns == 0 && !s->is_dead && !s->is_ending && !s->conn.is_shaking) {
		size_t len, taken;
		const char *in = peer_input(&s->conn, &len);

		/* BDAT 0 LAST has no octets to wait for. */
		if (len == 0 && (s->input != INPUT_CHUNK || s->chunk_left > 0))
			break;
		taken = takers[s->input](s, in, len);
		if (taken == 0 && len > 0)
			break;
		peer_consume(&s->conn, taken);
	}
}

/* Input was processed: writes, and closes what has ended. */
static void settle(struct session *s)
{
	sink_record_flush();
	if (s->is_dead || peer_flush(&s->conn) != 0 ||
	    (peer_is_drained(&s->conn) && s->resume_ns == 0 &&
	     (s->is_ending || s->conn.is_eof))) {
		session_free(s);
		return;
	}
	s->conn.is_deaf = s->resume_ns != 0;
	peer_watch(&s->conn);
}

static void on_ready(struct peer_conn *conn)
{
	struct session *s = (struct session *)conn;
	bool was_clear;

	if (s->resume_ns != 0 && peer_is_drained(conn)) {
		/* Deaf, so it is the peer who left. */
		session_free(s);
		return;
	}
	do {
		was_clear = conn->ssl == NULL;
		if (peer_fill(conn) != 0) {
			session_free(s);
			return;
		}
		process(s);
		/* After STARTTLS the peer's handshake may be here already, and more. */
	} while ((peer_has_more(conn) || was_clear != (conn->ssl == NULL)) &&
		 s->resume_ns == 0 && !s->is_dead);
	settle(s);
}

void sink_session_open(int fd)
{
	struct session *s = mem_zero(1, sizeof(*s));
	char banner[300];

	LIST_INSERT_HEAD(&sessions, s, link);
	s->number = ++sink_sessions.opened;
	if (++sink_sessions.open > sink_sessions.open_max)
		sink_sessions.open_max = sink_sessions.open;
	peer_open(&s->conn, fd, on_ready);
	snprintf(banner, sizeof(banner), "220 %s %s", sink_config.name,
		 sink_config.is_lmtp ? "LMTP" : "ESMTP");
	if (!reply(s, STAGE_CONNECT, "", banner))
		s->is_ending = true;
	settle(s);
}

void sink_session_close_all(void)
{
	while (!LIST_EMPTY(&sessions))
		session_free(LIST_FIRST(&sessions));
}

static void resume(struct session *s)
{
	s->resume_ns = 0;
	buf_add(&s->conn.out, s->held.data, s->held.len);
	buf_clear(&s->held);
	process(s);
	settle(s);
}

int sink_session_tick(int max_ms)
{
	uint64_t now_ns = peer_now_ns(), next_ns = now_ns + (uint64_t)max_ms * 1000000;
	struct session *s = LIST_FIRST(&sessions);

	while (s != NULL) {
		struct session *following = LIST_NEXT(s, link);

		if (s->resume_ns != 0 && s->resume_ns <= now_ns)
			resume(s);
		else if (s->resume_ns != 0 && s->resume_ns < next_ns)
			next_ns = s->resume_ns;
		s = following;
	}
	return (int)((next_ns - now_ns + 999999) / 1000000);
}
