/*
 * MAIL and RCPT. Pure. RFC 5321 §4.1.1.2, §4.1.1.3, RFC 1870.
 *
 *	MAIL FROM:<reverse-path> [parameters]
 *	RCPT TO:<forward-path> [parameters]
 */
#include "delivery/server_private.h"

/* White space behind the colon is not in the grammar, but common and harmless. */
static int parse_path(struct server_session *s, const struct smtp_cmd *cmd, const char *prefix,
		      unsigned flags, struct smtp_path *path, const char **rest, size_t *rest_len)
{
	bool is_mail = flags & SMTP_PATH_NULL;
	const char *why;
	size_t used;

	if (!smtp_cmd_prefix(cmd, prefix, rest, rest_len)) {
		server_error(s, &SERVER_REPLY(501, 5, 5, 4,
					      is_mail ? "Syntax: MAIL FROM:<address> [parameters]"
						      : "Syntax: RCPT TO:<address> [parameters]"));
		return -1;
	}
	/* UTF-8 is parsed to be refused for what it is. */
	if (smtp_path_parse(*rest, *rest_len, flags | SMTP_PATH_UTF8, path, &used, &why) < 0) {
		server_error(s, &SERVER_REPLY(501, 5, 1, is_mail ? 7 : 3, why));
		return -1;
	}
	if (path->has_utf8) {
		server_error(s, &SERVER_REPLY(553, 5, 6, 7, "Addresses have to be ASCII here"));
		return -1;
	}
	*rest += used;
	*rest_len -= used;
	return 0;
}

/* Parameters of extensions count only for those who said EHLO. */
static unsigned extensions_in_force(const struct server_session *s)
{
	return s->is_extended ? server_offered(s) : 0;
}

bool server_begin_mail(struct server_session *s, const struct smtp_cmd *cmd,
		       struct server_event *event)
{
	uint64_t limit = s->config->limits.message_bytes;
	struct smtp_mail_params *params = &event->u.mail.params;
	struct smtp_path *path = &event->u.mail.path;
	struct server_reply reply;
	const char *rest;
	size_t len;

	if (parse_path(s, cmd, "FROM:", SMTP_PATH_NULL, path, &rest, &len) < 0)
		return false;
	if (smtp_mail_params_parse(rest, len, extensions_in_force(s), params, &reply) < 0) {
		server_error(s, &reply);
		return false;
	}
	if (limit > 0 && params->size_bytes > limit) {
		server_say(s, &SERVER_REPLY(552, 5, 3, 4,
					    "The message is larger than this server accepts"));
		return false;
	}
	s->declared_bytes = params->size_bytes;
	server_input_terminate(s, path->mailbox + path->mailbox_len);
	return true;
}

void server_mail_accepted(struct server_session *s, const struct server_verdict *verdict)
{
	(void)verdict;
	s->recipients = 0;
	server_enter(s, SERVER_SENDER);
}

/* No message came of it: who asks again and again for what is refused for now has to end too. */
void server_mail_refused(struct server_session *s, const struct server_verdict *verdict)
{
	if (server_count_idle(s))
		server_say_verdict(s, verdict, &SERVER_REPLY(451, 4, 3, 0, "Not now, try again"));
}

bool server_begin_rcpt(struct server_session *s, const struct smtp_cmd *cmd,
		       struct server_event *event)
{
	uint32_t limit = s->config->limits.recipients;
	struct smtp_path *path = &event->u.rcpt.path;
	struct server_reply reply;
	const char *rest;
	size_t len;

	if (parse_path(s, cmd, "TO:", SMTP_PATH_POSTMASTER, path, &rest, &len) < 0)
		return false;
	if (smtp_rcpt_params_parse(rest, len, extensions_in_force(s), &reply) < 0) {
		server_error(s, &reply);
		return false;
	}
	if (limit > 0 && s->recipients >= limit) {
		server_say(s, &SERVER_REPLY(452, 4, 5, 3, "Too many recipients for one message"));
		return false;
	}
	event->u.rcpt.accepted = s->recipients;
	server_input_terminate(s, path->mailbox + path->mailbox_len);
	return true;
}

void server_rcpt_accepted(struct server_session *s, const struct server_verdict *verdict)
{
	(void)verdict;
	s->recipients++;
	server_enter(s, SERVER_RECIPIENTS);
}
