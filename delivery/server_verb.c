/*
 * The verbs and the events of the server engine: two tables and the dispatcher that believes
 * them. Pure.
 */
#include <string.h>

#include "common/compiler.h"
#include "delivery/server_private.h"

#define IN(state) (1u << SERVER_##state)

enum {
	BEFORE_MAIL = IN(GREETED) | IN(READY),
	IN_MAIL = IN(SENDER) | IN(RECIPIENTS),
	ANYWHERE = BEFORE_MAIL | IN_MAIL,
};

const struct server_verb server_verbs[] = {
	{ "MAIL", IN(READY), 0, ARG_REQUIRED, "Syntax: MAIL FROM:<address> [parameters]",
	  SERVER_EVENT_MAIL, server_begin_mail },
	{ "RCPT", IN_MAIL, VERB_BEHIND_MAIL, ARG_REQUIRED, "Syntax: RCPT TO:<address> [parameters]",
	  SERVER_EVENT_RCPT, server_begin_rcpt },
	{ "DATA", IN_MAIL, VERB_BEHIND_MAIL, ARG_NONE, "Syntax: DATA", SERVER_EVENT_DATA,
	  server_begin_data },
	{ "EHLO", ANYWHERE, VERB_BEFORE_TLS | VERB_IDLE | VERB_SYNC, ARG_REQUIRED,
	  "Syntax: EHLO domain", SERVER_EVENT_HELLO, server_begin_ehlo },
	{ "HELO", ANYWHERE, VERB_BEFORE_TLS | VERB_IDLE | VERB_SYNC, ARG_REQUIRED,
	  "Syntax: HELO domain", SERVER_EVENT_HELLO, server_begin_helo },
	{ "QUIT", ANYWHERE, VERB_BEFORE_TLS, ARG_NONE, "Syntax: QUIT", SERVER_EVENT_QUIT, NULL },
	{ "RSET", ANYWHERE, VERB_BEFORE_TLS | VERB_IDLE, ARG_NONE, "Syntax: RSET",
	  SERVER_EVENT_RSET, server_begin_rset },
	{ "STARTTLS", IN(READY), VERB_BEFORE_TLS, ARG_NONE, "Syntax: STARTTLS",
	  SERVER_EVENT_STARTTLS, server_begin_starttls },
	{ "NOOP", ANYWHERE, VERB_BEFORE_TLS | VERB_IDLE, ARG_OPTIONAL, "Syntax: NOOP [text]",
	  SERVER_EVENT_NOOP, server_begin_text },
	{ "VRFY", ANYWHERE, VERB_IDLE, ARG_REQUIRED, "Syntax: VRFY name", SERVER_EVENT_VRFY,
	  server_begin_text },
	{ "HELP", ANYWHERE, VERB_BEFORE_TLS | VERB_IDLE, ARG_OPTIONAL, "Syntax: HELP [verb]",
	  SERVER_EVENT_HELP, server_begin_text },
	{ "EXPN", ANYWHERE, VERB_BEFORE_TLS, ARG_OPTIONAL, "", SERVER_EVENT_NONE,
	  server_begin_not_implemented },
	/* A browser that is made to talk to us by somebody else's page. */
	{ "GET", ANYWHERE, VERB_BEFORE_TLS, ARG_OPTIONAL, "", SERVER_EVENT_NONE,
	  server_begin_foreign },
	{ "POST", ANYWHERE, VERB_BEFORE_TLS, ARG_OPTIONAL, "", SERVER_EVENT_NONE,
	  server_begin_foreign },
	{ "PUT", ANYWHERE, VERB_BEFORE_TLS, ARG_OPTIONAL, "", SERVER_EVENT_NONE,
	  server_begin_foreign },
	{ "CONNECT", ANYWHERE, VERB_BEFORE_TLS, ARG_OPTIONAL, "", SERVER_EVENT_NONE,
	  server_begin_foreign },
};
const size_t server_verb_count = WP_COUNT(server_verbs);

const struct server_step server_steps[SERVER_EVENT_COUNT] = {
	[SERVER_EVENT_NONE] = { "NONE", { 0, { 0, 0, 0 }, NULL }, NULL, NULL },
	[SERVER_EVENT_CONNECT] = { "CONNECT", { 0, { 0, 0, 0 }, NULL }, server_connect_accepted,
				   server_connect_refused },
	[SERVER_EVENT_HELLO] = { "HELLO", { 0, { 0, 0, 0 }, NULL }, server_hello_accepted, NULL },
	[SERVER_EVENT_STARTTLS] = { "STARTTLS", { 0, { 0, 0, 0 }, NULL },
				    server_starttls_accepted, NULL },
	[SERVER_EVENT_MAIL] = { "MAIL", { 250, { 2, 1, 0 }, "Sender accepted" },
				server_mail_accepted, server_mail_refused },
	[SERVER_EVENT_RCPT] = { "RCPT", { 250, { 2, 1, 5 }, "Recipient accepted" },
				server_rcpt_accepted, NULL },
	[SERVER_EVENT_DATA] = { "DATA", { 354, { 0, 0, 0 }, "End the message with <CRLF>.<CRLF>" },
				server_data_accepted, NULL },
	[SERVER_EVENT_CHUNK] = { "CHUNK", { 0, { 0, 0, 0 }, NULL }, server_chunk_accepted,
				 server_chunk_refused },
	[SERVER_EVENT_MESSAGE] = { "MESSAGE", { 0, { 0, 0, 0 }, NULL }, server_message_accepted,
				   server_message_refused },
	[SERVER_EVENT_RSET] = { "RSET", { 250, { 2, 0, 0 }, "Forgotten" }, NULL, NULL },
	[SERVER_EVENT_NOOP] = { "NOOP", { 250, { 2, 0, 0 }, "Ok" }, NULL, NULL },
	[SERVER_EVENT_VRFY] = { "VRFY", { 252, { 2, 1, 5 }, "Not verified here: try RCPT" }, NULL,
				NULL },
	[SERVER_EVENT_HELP] = { "HELP", { 214, { 2, 0, 0 }, "See RFC 5321" }, NULL, NULL },
	[SERVER_EVENT_QUIT] = { "QUIT", { 0, { 0, 0, 0 }, NULL }, server_quit_accepted, NULL },
};

const char *server_event_name(enum server_event_kind kind)
{
	return server_steps[kind].name;
}

static const struct server_verb *find(const struct smtp_cmd *cmd)
{
	for (size_t i = 0; i < server_verb_count; i++)
		if (smtp_cmd_is(cmd, server_verbs[i].name))
			return &server_verbs[i];
	return NULL;
}

/* What a verb misses in the states that do not allow it. */
static const char *missing(enum server_state state)
{
	switch (state) {
	case SERVER_GREETED:
		return "Say EHLO first";
	case SERVER_READY:
		return "Say MAIL first";
	default:
		return "A message is under way: finish it or say RSET";
	}
}

static bool has_wrong_arg(const struct server_verb *verb, const struct smtp_cmd *cmd)
{
	return verb->arg == ARG_NONE ? cmd->arg_len > 0
				     : verb->arg == ARG_REQUIRED && cmd->arg_len == 0;
}

bool server_count_idle(struct server_session *s)
{
	uint32_t limit = s->config->limits.idle_commands;

	if (limit == 0 || ++s->idle_commands <= limit)
		return true;
	server_end(s);
	server_say_host(s, &SERVER_REPLY(421, 4, 7, 0, "Too many commands without a message"));
	return false;
}

/* RCPT and DATA behind a refused MAIL of the same group are no error of the peer. */
static void refuse_order(struct server_session *s, const struct server_verb *verb)
{
	struct server_reply reply = SERVER_REPLY(503, 5, 5, 1, missing(s->state));

	if (!(verb->flags & VERB_BEHIND_MAIL) || s->state != SERVER_READY)
		server_error(s, &reply);
	else if (server_count_idle(s))
		server_say(s, &reply);
}

bool server_verb_run(struct server_session *s, char *line, size_t len,
		     struct server_event *event)
{
	const struct server_verb *verb;
	struct smtp_cmd cmd;

	/* 1. It has to be a command … */
	if (smtp_cmd_parse(line, len, &cmd) < 0) {
		server_error(s, &SERVER_REPLY(500, 5, 5, 2, "Not a command line"));
		return false;
	}
	line[cmd.arg - line + (ptrdiff_t)cmd.arg_len] = '\0';
	/* 2. … that is known. */
	verb = find(&cmd);
	if (verb == NULL) {
		server_error(s, &SERVER_REPLY(500, 5, 5, 1, "Unknown command"));
		return false;
	}
	/* 3. TLS, where it is required. */
	if (s->config->require_tls && !s->tls.is_used && !(verb->flags & VERB_BEFORE_TLS)) {
		server_error(s, &SERVER_REPLY(530, 5, 7, 0, "Say STARTTLS first"));
		return false;
	}
	/* 4. The state. */
	if (!(verb->states & 1u << s->state)) {
		refuse_order(s, verb);
		return false;
	}
	/* 5. Nothing may follow a verb whose reply has to be waited for (RFC 2920 §3.1). */
	if ((verb->flags & VERB_SYNC) && s->in.start < s->in.end) {
		server_error(s, &SERVER_REPLY(503, 5, 5, 0, "Wait for the reply to this command"));
		return false;
	}
	/* 6. The argument. */
	if (has_wrong_arg(verb, &cmd)) {
		server_error(s, &SERVER_REPLY(501, 5, 5, 4, verb->syntax));
		return false;
	}
	/* 7. Commands without mail. */
	if ((verb->flags & VERB_IDLE) && !server_count_idle(s))
		return false;
	/* 8. What the verb itself wants. */
	event->kind = verb->event;
	return verb->begin == NULL || verb->begin(s, &cmd, event);
}
