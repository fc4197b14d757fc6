/*
 * DATA: from 354 to the verdict on the message. Pure. RFC 5321 §4.1.1.4.
 *
 * While the message comes in, its octets go straight into the body; the input buffer holds only
 * what came with the command lines and what came behind the end.
 */
#include <stdlib.h>
#include <string.h>

#include "delivery/server_private.h"

enum {
	BODY_ROOM_FIRST = 8 * 1024,   /* for a message of unknown size */
	BODY_ROOM_MORE = 4 * 1024,    /* the least to read at once … */
	BODY_ROOM_MOST = 256 * 1024,  /* … and the most */
	BODY_DECLARED_MAX = 1024 * 1024, /* so far a declared size is believed */
};

bool server_begin_data(struct server_session *s, const struct smtp_cmd *cmd,
		       struct server_event *event)
{
	(void)cmd;
	/* No error: it may have been sent together with the refused recipients. */
	if (s->recipients == 0) {
		server_say(s, &SERVER_REPLY(554, 5, 5, 1, "No valid recipients"));
		return false;
	}
	event->u.data.recipients = s->recipients;
	event->u.data.declared_bytes = s->declared_bytes;
	return true;
}

static struct body *make_body(const struct server_session *s)
{
	uint64_t size = s->declared_bytes;

	if (size == 0)
		return body_new(0, BODY_ROOM_FIRST);
	return body_new(0, (size < BODY_DECLARED_MAX ? size : BODY_DECLARED_MAX) + BODY_ROOM_MORE);
}

void server_data_accepted(struct server_session *s, const struct server_verdict *verdict)
{
	const struct server_config *config = s->config;
	struct smtp_data_rules rules = {
		.message_bytes = config->limits.message_bytes,
		.line_bytes = config->limits.body_line_bytes,
		.header_bytes = config->limits.header_bytes,
		.hops = config->limits.hops,
		.accept_nul = config->accept_nul,
		.normalise = config->bare_newline == SERVER_BARE_NORMALISE,
		.fields = config->fields,
		.field_count = config->field_count,
	};

	smtp_data_begin(&s->data, &rules, verdict->body != NULL ? verdict->body : make_body(s));
	s->chunk_at = config->chunk_bytes;
	server_enter(s, SERVER_DATA);
}

size_t server_data_space(struct server_session *s, char **at_r)
{
	struct body *body = s->data.body;
	size_t room;

	if (body->taken_bytes + body->len - s->data.scanned >= BODY_ROOM_MOST)
		return 0;
	*at_r = body_room(body, BODY_ROOM_MORE);
	room = body->cap - body->len;
	return room < BODY_ROOM_MOST ? room : BODY_ROOM_MOST;
}

static int read_on(struct server_session *s)
{
	struct server_input *in = &s->in;
	const char *behind;
	size_t used;
	int rc;

	if (in->start < in->end) {
		rc = smtp_data_feed(&s->data, in->mem + in->start, in->end - in->start, &used);
		in->start += used;
		return rc;
	}
	rc = smtp_data_scan(&s->data, &behind, &used);
	if (used > 0)
		server_input_put(s, behind, used);
	return rc;
}

static bool wants_chunk(const struct server_session *s)
{
	return s->config->chunk_bytes > 0 && s->data.body->len >= s->chunk_at &&
	       !s->data.in_header && smtp_data_refusal(&s->data) == NULL;
}

static void message_complete(struct server_session *s, struct server_event *event)
{
	server_enter(s, SERVER_MESSAGE);
	event->kind = SERVER_EVENT_MESSAGE;
	event->u.message.refusal = smtp_data_refusal(&s->data);
	if (event->u.message.refusal != NULL)
		smtp_data_fini(&s->data);
	event->u.message.body = s->data.body;
}

bool server_data_run(struct server_session *s, struct server_event *event)
{
	if (read_on(s) > 0) {
		message_complete(s, event);
		return true;
	}
	if (!wants_chunk(s))
		return false;
	event->kind = SERVER_EVENT_CHUNK;
	event->u.message.body = s->data.body;
	event->u.message.keep = smtp_data_undecided(&s->data);
	return true;
}

void server_chunk_accepted(struct server_session *s, const struct server_verdict *verdict)
{
	(void)verdict;
	s->chunk_at = s->data.body->len + s->config->chunk_bytes;
}

/* The reply is kept until the end of data, when it can be given. */
void server_chunk_refused(struct server_session *s, const struct server_verdict *verdict)
{
	s->chunk_refusal = verdict->reply.code != 0
				   ? verdict->reply
				   : SERVER_REPLY(452, 4, 3, 1, "No room for the message now");
	s->chunk_refusal.text =
		mem_strdup(s->chunk_refusal.text != NULL ? s->chunk_refusal.text : "");
	smtp_data_refuse(&s->data, &s->chunk_refusal);
}

void server_message_accepted(struct server_session *s, const struct server_verdict *verdict)
{
	const struct server_reply *refusal = smtp_data_refusal(&s->data);

	if (refusal != NULL) {
		server_say(s, refusal);
	} else {
		server_say_verdict(s, verdict, &SERVER_REPLY(250, 2, 0, 0, "Message accepted"));
		s->idle_commands = 0;
	}
	server_data_drop(s);
	server_reset(s);
}

void server_message_refused(struct server_session *s, const struct server_verdict *verdict)
{
	server_say_verdict(s, verdict, &SERVER_REPLY(451, 4, 3, 0, "Not now, try again"));
	server_data_drop(s);
	server_reset(s);
}

void server_data_drop(struct server_session *s)
{
	if (s->state == SERVER_DATA || s->state == SERVER_MESSAGE)
		smtp_data_fini(&s->data);
	free((char *)(uintptr_t)s->chunk_refusal.text);
	memset(&s->chunk_refusal, 0, sizeof(s->chunk_refusal));
}
