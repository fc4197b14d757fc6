/* The carrier of what happened to a recipient, a message or a connection. */
#include "delivery/outcome.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delivery/smtp_reply_parser.h"

static const char *const class_names[OUTCOME_CLASSES] = {
	[OUTCOME_DELIVERED] = "delivered",
	[OUTCOME_DEFERRED] = "deferred",
	[OUTCOME_FAILED] = "failed",
	[OUTCOME_HOST_UNAVAILABLE] = "unavailable",
};

/* Per stage its name and the subject.detail of a status when the reply brought none. */
static const struct {
	const char *name;
	const char *detail;
} stages[OUTCOME_STAGES] = {
	[OUTCOME_STAGE_NONE] = { "none", "0.0" },
	[OUTCOME_STAGE_RESOLVE] = { "resolve", "4.3" },
	[OUTCOME_STAGE_CONNECT] = { "connect", "4.1" },
	[OUTCOME_STAGE_BANNER] = { "banner", "3.2" },
	[OUTCOME_STAGE_EHLO] = { "ehlo", "3.2" },
	[OUTCOME_STAGE_STARTTLS] = { "starttls", "7.0" },
	[OUTCOME_STAGE_MAIL] = { "mail", "0.0" },
	[OUTCOME_STAGE_RCPT] = { "rcpt", "0.0" },
	[OUTCOME_STAGE_DATA] = { "data", "0.0" },
	[OUTCOME_STAGE_DOT] = { "dot", "0.0" },
	[OUTCOME_STAGE_QUIT] = { "quit", "0.0" },
};

const char *outcome_class_name(enum outcome_class class)
{
	return (unsigned)class < OUTCOME_CLASSES ? class_names[class] : "unknown";
}

const char *outcome_stage_name(enum outcome_stage stage)
{
	return (unsigned)stage < OUTCOME_STAGES ? stages[stage].name : "unknown";
}

bool outcome_host_unavailable(enum outcome_stage stage, unsigned code, const char *status)
{
	if (stage == OUTCOME_STAGE_NONE || stage > OUTCOME_STAGE_MAIL)
		return false;
	if (stage < OUTCOME_STAGE_MAIL)
		return code / 100 != 2;
	return code == 0 || code == 421 || (code / 100 == 4 && !strncmp(status, "4.3.", 4));
}

/* Copies the printable form of TEXT to *TO, which moves behind the NUL; where it begins. */
static const char *pack_text(char **to, const char *text, size_t len)
{
	char *begin = *to, *p = begin;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		*p++ = c < 32 || c == 127 ? ' ' : c > 126 ? '?' : (char)c;
	}
	*p++ = '\0';
	*to = p;
	return begin;
}

struct packed {
	const char *text;
	size_t len;
};

static struct packed packed_text(const char *text, size_t max)
{
	return (struct packed){ text ? text : "", text ? strnlen(text, max) : 0 };
}

static struct outcome *make(const struct outcome *like, struct packed reply)
{
	struct packed host = packed_text(like->host, OUTCOME_NAME_MAX);
	struct packed address = packed_text(like->address, OUTCOME_NAME_MAX);
	struct packed tls = packed_text(like->tls, OUTCOME_NAME_MAX);
	struct outcome *o;
	char *to;

	if (reply.len > OUTCOME_REPLY_MAX)
		reply.len = OUTCOME_REPLY_MAX;
	o = mem_alloc(sizeof(*o) + reply.len + host.len + address.len + tls.len + 4);
	atomic_init(&o->refs, 1);
	o->class = like->class;
	o->stage = like->stage;
	o->diagnostic = like->diagnostic;
	o->smtp_code = like->smtp_code;
	snprintf(o->status, sizeof(o->status), "%s", like->status);
	to = (char *)(o + 1);
	o->reply = pack_text(&to, reply.text, reply.len);
	o->host = pack_text(&to, host.text, host.len);
	o->address = pack_text(&to, address.text, address.len);
	o->tls = pack_text(&to, tls.text, tls.len);
	return o;
}

struct outcome *outcome_new(const struct outcome *like)
{
	return make(like, packed_text(like->reply, OUTCOME_REPLY_MAX));
}

struct outcome *outcome_ref(struct outcome *o)
{
	atomic_fetch_add_explicit(&o->refs, 1, memory_order_relaxed);
	return o;
}

void outcome_unref(struct outcome *o)
{
	if (o && atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) == 1)
		free(o);
}

static struct outcome like_peer(const struct outcome_peer *peer, enum outcome_stage stage)
{
	struct outcome like = { .stage = stage };

	if (peer) {
		like.host = peer->host;
		like.address = peer->address;
		like.tls = peer->tls;
	}
	return like;
}

static struct outcome *local_outcome(struct outcome *like, const char *status, const char *fmt,
				     va_list args) WP_PRINTF(3, 0);

static struct outcome *local_outcome(struct outcome *like, const char *status, const char *fmt,
				     va_list args)
{
	char text[OUTCOME_REPLY_MAX + 1];

	vsnprintf(text, sizeof(text), fmt, args);
	like->diagnostic = OUTCOME_DIAGNOSTIC_LOCAL;
	snprintf(like->status, sizeof(like->status), "%s", status);
	return make(like, packed_text(text, OUTCOME_REPLY_MAX));
}

struct outcome *outcome_local(enum outcome_class class, enum outcome_stage stage,
			      const char *status, const struct outcome_peer *peer,
			      const char *fmt, ...)
{
	struct outcome like = like_peer(peer, stage);
	struct outcome *o;
	va_list args;

	like.class = class;
	va_start(args, fmt);
	o = local_outcome(&like, status, fmt, args);
	va_end(args);
	return o;
}

struct outcome *outcome_broken(enum outcome_stage stage, const char *status,
			       const struct outcome_peer *peer, const char *fmt, ...)
{
	struct outcome like = like_peer(peer, stage);
	struct outcome *o;
	va_list args;

	like.class = outcome_host_unavailable(stage, 0, status) ? OUTCOME_HOST_UNAVAILABLE
								: OUTCOME_DEFERRED;
	va_start(args, fmt);
	o = local_outcome(&like, status, fmt, args);
	va_end(args);
	return o;
}

/*
 * RFC 5321 §4.5.3.1.10: 552 to RCPT once meant "too many recipients", so without a status
 * that says otherwise it is temporary.
 */
static enum outcome_class class_of(enum outcome_stage stage, const struct smtp_reply *reply)
{
	if (outcome_host_unavailable(stage, reply->code, reply->status))
		return OUTCOME_HOST_UNAVAILABLE;
	if (reply->code / 100 == 2)
		return OUTCOME_DELIVERED;
	if (stage == OUTCOME_STAGE_RCPT && reply->code == 552 && !reply->status[0])
		return OUTCOME_DEFERRED;
	return reply->code / 100 == 5 ? OUTCOME_FAILED : OUTCOME_DEFERRED;
}

struct outcome *outcome_from_reply(enum outcome_stage stage, const struct smtp_reply *reply,
				   const struct outcome_peer *peer)
{
	struct outcome like = like_peer(peer, stage);

	like.class = class_of(stage, reply);
	like.diagnostic = OUTCOME_DIAGNOSTIC_SMTP;
	like.smtp_code = reply->code;
	if (reply->status[0])
		snprintf(like.status, sizeof(like.status), "%s", reply->status);
	else
		snprintf(like.status, sizeof(like.status), "%c.%s",
			 like.class == OUTCOME_DELIVERED ? '2'
			 : like.class == OUTCOME_FAILED	 ? '5'
							 : '4',
			 like.class == OUTCOME_DELIVERED ? "0.0" : stages[stage].detail);
	return make(&like, (struct packed){ reply->text, reply->text_len });
}

/*
 * Stored form: version, class, stage, diagnostic, code (two octets, high first), then
 * status, reply, host, address and tls, each ended by NUL.
 */
enum { STORED_VERSION = 1, STORED_HEAD = 6, STORED_TEXTS = 5 };

void outcome_encode(const struct outcome *o, struct buf *out)
{
	const char *texts[STORED_TEXTS] = { o->status, o->reply, o->host, o->address, o->tls };
	const char head[STORED_HEAD] = { STORED_VERSION,
					 (char)o->class,
					 (char)o->stage,
					 (char)o->diagnostic,
					 (char)(o->smtp_code >> 8),
					 (char)o->smtp_code };

	buf_add(out, head, sizeof(head));
	for (int i = 0; i < STORED_TEXTS; i++)
		buf_add(out, texts[i], strlen(texts[i]) + 1);
}

struct outcome *outcome_decode(const void *data, size_t len)
{
	const unsigned char *head = data;
	const char *texts[STORED_TEXTS], *at = (const char *)data + STORED_HEAD;
	const char *end = (const char *)data + len;
	struct outcome like = { 0 };

	if (len < STORED_HEAD || head[0] != STORED_VERSION || head[1] >= OUTCOME_CLASSES ||
	    head[2] >= OUTCOME_STAGES || head[3] >= OUTCOME_DIAGNOSTICS)
		return NULL;
	for (int i = 0; i < STORED_TEXTS; i++) {
		const char *stop = memchr(at, '\0', (size_t)(end - at));

		if (!stop)
			return NULL;
		texts[i] = at;
		at = stop + 1;
	}
	if (at != end || strlen(texts[0]) >= sizeof(like.status))
		return NULL;
	like.class = head[1];
	like.stage = head[2];
	like.diagnostic = head[3];
	like.smtp_code = (uint16_t)(head[4] << 8 | head[5]);
	memcpy(like.status, texts[0], strlen(texts[0]));
	like.reply = texts[1];
	like.host = texts[2];
	like.address = texts[3];
	like.tls = texts[4];
	return outcome_new(&like);
}
