/*
 * The connection, HELO, EHLO and STARTTLS. Pure. RFC 5321 §3.1, §4.1.1.1, RFC 3207.
 */
#include <stdlib.h>
#include <string.h>

#include "delivery/server_private.h"

void server_connect_accepted(struct server_session *s, const struct server_verdict *verdict)
{
	struct server_reply banner = SERVER_REPLY(220, 0, 0, 0, s->config->banner);

	if (s->is_early) {
		server_say_host(s, &SERVER_REPLY(554, 5, 5, 0, "You talked before the greeting"));
		server_end(s);
		return;
	}
	if (verdict->reply.code != 0)
		banner.text = verdict->reply.text;
	if (banner.text != NULL)
		server_say(s, &banner);
	else
		server_say_host(s, &SERVER_REPLY(220, 0, 0, 0, "ESMTP Waypost"));
}

void server_connect_refused(struct server_session *s, const struct server_verdict *verdict)
{
	server_say_verdict(s, verdict, &SERVER_REPLY(554, 5, 3, 2, "No mail service here"));
	server_end(s);
}

/* Ends a transaction whatever the verdict is (RFC 5321 §4.1.4). */
static bool begin_hello(struct server_session *s, const struct smtp_cmd *cmd, bool is_extended,
			struct server_event *event)
{
	if (!smtp_domain_is_valid(cmd->arg, cmd->arg_len)) {
		server_error(s, &SERVER_REPLY(501, 5, 5, 4,
					      "The name is no domain and no address literal"));
		return false;
	}
	server_reset(s);
	server_enter(s, SERVER_GREETED);
	free(s->hello);
	s->hello = mem_strdup(cmd->arg);
	s->is_extended = is_extended;
	event->u.hello.name = s->hello;
	event->u.hello.is_extended = is_extended;
	return true;
}

bool server_begin_helo(struct server_session *s, const struct smtp_cmd *cmd,
		       struct server_event *event)
{
	return begin_hello(s, cmd, false, event);
}

bool server_begin_ehlo(struct server_session *s, const struct smtp_cmd *cmd,
		       struct server_event *event)
{
	return begin_hello(s, cmd, true, event);
}

/* The extensions, one line each (RFC 5321 §4.1.1.1). */
static void add_keywords(struct server_session *s, struct buf *text)
{
	unsigned offered = server_offered(s);

	for (size_t i = 0; i < smtp_ext_count; i++) {
		if (!(offered & smtp_exts[i].bit))
			continue;
		buf_addc(text, '\n');
		buf_adds(text, smtp_exts[i].name);
		if (smtp_exts[i].has_number)
			buf_printf(text, " %llu",
				   (unsigned long long)s->config->limits.message_bytes);
	}
}

void server_hello_accepted(struct server_session *s, const struct server_verdict *verdict)
{
	const char *greeting = verdict->reply.code != 0 ? verdict->reply.text : s->config->host;
	struct buf text = { 0 };

	server_enter(s, SERVER_READY);
	buf_adds(&text, greeting != NULL ? greeting : "");
	if (s->is_extended)
		add_keywords(s, &text);
	server_say(s, &SERVER_REPLY(250, 0, 0, 0, text.data));
	buf_free(&text);
}

bool server_begin_starttls(struct server_session *s, const struct smtp_cmd *cmd,
			   struct server_event *event)
{
	(void)cmd;
	(void)event;
	if (s->tls.is_used)
		server_error(s, &SERVER_REPLY(503, 5, 5, 1, "TLS is in use already"));
	else if (!(server_offered(s) & SMTP_EXT_STARTTLS))
		server_error(s, &SERVER_REPLY(502, 5, 5, 1, "Not implemented"));
	else
		return true;
	return false;
}

/* What the peer sent behind STARTTLS was sent in clear, by whomever: it is never read as if
 * it had come by TLS (RFC 3207 §4.2, CVE-2011-0411). */
void server_starttls_accepted(struct server_session *s, const struct server_verdict *verdict)
{
	server_input_discard(s);
	server_say_verdict(s, verdict, &SERVER_REPLY(220, 2, 0, 0, "Begin TLS"));
	server_enter(s, SERVER_TLS);
}
