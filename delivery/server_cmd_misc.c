/*
 * RSET, NOOP, VRFY, HELP, QUIT, and what is not for us. Pure. RFC 5321 §4.1.1.5–10, §3.5.
 */
#include "delivery/server_private.h"

bool server_begin_rset(struct server_session *s, const struct smtp_cmd *cmd,
		       struct server_event *event)
{
	(void)cmd;
	(void)event;
	server_reset(s);
	return true;
}

/* NOOP, VRFY and HELP: any text. */
bool server_begin_text(struct server_session *s, const struct smtp_cmd *cmd,
		       struct server_event *event)
{
	(void)s;
	event->u.text.text = cmd->arg;
	return true;
}

/* EXPN: what a group holds is told to nobody (RFC 5321 §7.3). */
bool server_begin_not_implemented(struct server_session *s, const struct smtp_cmd *cmd,
				  struct server_event *event)
{
	(void)cmd;
	(void)event;
	server_error(s, &SERVER_REPLY(502, 5, 5, 1, "Not implemented"));
	return false;
}

/* HTTP: whoever wrote it, the rest of the request is not to be taken for commands. */
bool server_begin_foreign(struct server_session *s, const struct smtp_cmd *cmd,
			  struct server_event *event)
{
	(void)cmd;
	(void)event;
	server_say_host(s, &SERVER_REPLY(554, 5, 5, 1, "This is no web server"));
	server_end(s);
	return false;
}

void server_quit_accepted(struct server_session *s, const struct server_verdict *verdict)
{
	if (verdict->reply.code != 0)
		server_say(s, &verdict->reply);
	else
		server_say_host(s, &SERVER_REPLY(221, 2, 0, 0, "closes the connection"));
	server_end(s);
}
