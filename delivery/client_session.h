/*
 * The client side of one SMTP or LMTP connection: an engine without sockets or clock.
 *
 * The adapter connects, then: feed what was read, write what output asks for and tell how
 * much, take events until there are none, come back at the deadline. No call re-enters
 * another; every call may raise events. One thread at a time. All times are of one
 * monotonic clock in milliseconds.
 *
 *	banner ─► EHLO ─► (STARTTLS ─► tls_started ─► EHLO) ─► ready ⇄ messages ─► QUIT ─► end
 *	            └► HELO (5yz to EHLO, or ForceHelo)
 *
 * RFC 5321, 2920 (pipelining), 1870 (SIZE), 6152 (8BITMIME), 3461 (DSN parameters), 3207,
 * 2033 (LMTP), 9422 (MAILMAX); delivery.md §5, §6; directory.md waypostSendConnector.
 */
#ifndef WP_DELIVERY_CLIENT_SESSION_H
#define WP_DELIVERY_CLIENT_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "delivery/client_ehlo.h"
#include "delivery/envelope.h"
#include "delivery/outcome.h"
#include "delivery/span.h"

enum client_protocol { CLIENT_SMTP, CLIENT_LMTP };

enum client_tls {
	CLIENT_TLS_NONE,	  /* IgnoreStartTls, or the attempt after a failed handshake */
	CLIENT_TLS_OPPORTUNISTIC, /* if offered; a refusal then still ends the connection: the
				   * adapter connects afresh with CLIENT_TLS_NONE */
	CLIENT_TLS_REQUIRED,	  /* not offered or refused: host unavailable */
};

/* Messages that a session holds at most, sent and waiting. */
#define CLIENT_MESSAGES_MAX 16
/* Entries of iovec that always suffice for one write of a usual message. */
#define CLIENT_IOV_MAX 16

struct client_config {
	enum client_protocol protocol;
	enum client_tls tls;
	bool force_helo;
	const char *helo;		/* our name in EHLO */
	struct outcome_peer peer;	/* for outcomes; tls is told by tls_started */
	uint64_t inactivity_timeout_ms; /* 0: 600 s */
	uint32_t max_messages;		/* on this connection; 0: no limit */
	bool never_pipeline_dot;	/* the next MAIL waits for the reply to the dot; else
					 * it rides along when PIPELINING is offered */
};

struct client_rcpt {
	const char *address; /* without the angle brackets */
	uint32_t index;	     /* the caller's number for it, carried along */
	uint32_t notify;     /* NOTIFY_* of delivery/envelope.h; 0: not given */
	const char *orcpt;   /* "rfc822;xtext" as received; "" or null: none */
};

/*
 * A message to send. It and all it points to stay the caller's, unchanged, until
 * CLIENT_EVENT_MESSAGE_DONE for it or client_session_free.
 */
struct client_message {
	uint64_t token;	    /* the caller's, carried along */
	const char *sender; /* without the angle brackets; "" is the null sender */
	const struct client_rcpt *rcpts;
	uint32_t rcpt_count;	      /* at least 1 */
	const struct span_list *body; /* dot-stuffed wire form, ends in CRLF; no final dot */
	uint64_t size_bytes;	      /* unstuffed, for SIZE=; 0: body->total_bytes */
	bool is_8bit;		      /* octets above 127 in the body */
	bool is_utf8;		      /* header or an address needs SMTPUTF8 */
	enum envelope_ret ret;
	const char *envid; /* xtext as received; "" or null: none */
};

enum client_event_type {
	CLIENT_EVENT_NONE,
	/* Handshake done, or a message less: `room` more messages may be given to send. */
	CLIENT_EVENT_READY,
	/* STARTTLS was accepted: start the handshake now, then call tls_started. Everything
	 * read before it was the session's; the session takes nothing until then. */
	CLIENT_EVENT_WANT_STARTTLS,
	CLIENT_EVENT_MESSAGE_DONE,
	/* The last event. The connection ended in order (QUIT, idle): close the socket. */
	CLIENT_EVENT_CLOSED,
	/* The last event. It broke, or the host made itself unavailable (also by its reply to
	 * MAIL): `outcome` says how. MESSAGE_DONE of every message came before. Close the
	 * socket. */
	CLIENT_EVENT_FAILED,
};

struct client_event {
	enum client_event_type type;
	uint32_t room;			      /* READY */
	const struct client_message *message; /* MESSAGE_DONE: it is the caller's again */
	/* MESSAGE_DONE: one per recipient in the message's order, never null; often the same
	 * object many times. The array and its references belong to the session until the
	 * next call of client_session_event: outcome_ref what is kept. */
	struct outcome **outcomes;
	/* MESSAGE_DONE: the connection ended before the peer said a word to this message, and
	 * the message is not to blame: another connection may send it at once, and it does
	 * not count as an attempt. Never set for the first message of a new connection. */
	bool untouched;
	struct outcome *outcome; /* FAILED: borrowed until client_session_free */
};

struct client_session;

/* A connection was just established. CONFIG is copied, strings too. Never null. */
struct client_session *client_session_new(const struct client_config *config, uint64_t now_ms);
/* Messages not done are the caller's again. Null is accepted. */
void client_session_free(struct client_session *s);

/* How many more messages it takes now; 0 before READY, at the limit and when ending. */
uint32_t client_session_room(const struct client_session *s);
/* True if no message is in it and it could take one: to be kept in the pool. */
bool client_session_is_idle(const struct client_session *s);
/* Gives it a message; false if there is no room, then nothing happened. What the peer cannot
 * take (8-bit, UTF-8, size) is answered by an event without a word to the peer. */
bool client_session_send(struct client_session *s, const struct client_message *m,
			 uint64_t now_ms);
/* Ends it after the messages given so far, by QUIT. */
void client_session_quit(struct client_session *s, uint64_t now_ms);

/* TLS is on and the peer is who it should be; TLS (copied) describes it for outcomes. */
void client_session_tls_started(struct client_session *s, const char *tls, uint64_t now_ms);
/* The handshake failed or the peer is somebody else; WHY is a sentence for the outcome. */
void client_session_tls_failed(struct client_session *s, const char *why, uint64_t now_ms);

/* Octets read. Tell what was written before feeding what was read after it. */
void client_session_feed(struct client_session *s, const char *data, size_t len,
			 uint64_t now_ms);
/* The peer closed, or the connection broke (WHY a sentence, null for a plain close). After a
 * failed write feed first what can still be read: often it says why. */
void client_session_lost(struct client_session *s, const char *why, uint64_t now_ms);

/*
 * What is to be written now: at most MAX entries; how many, 0: nothing. A message's body, its
 * dot and the next message's commands are one sequence. What was given stays as it is until
 * all of it was told by wrote, whatever is fed meanwhile, so a write may be left to the
 * kernel. Only when the session breaks (FAILED) may bodies be handed back before they were
 * written: close the socket before releasing them.
 */
int client_session_output(struct client_session *s, struct iovec *iov, int max);
/* True if output would give something. */
bool client_session_wants_write(const struct client_session *s);
/* N octets of what output gave have been written (or handed to TLS). */
void client_session_wrote(struct client_session *s, size_t n, uint64_t now_ms);

/* The next event into EVENT_R; false: none. */
bool client_session_event(struct client_session *s, struct client_event *event_r);

/* When to call client_session_tick; UINT64_MAX: not needed. During the TLS handshake too. */
uint64_t client_session_deadline(const struct client_session *s);
void client_session_tick(struct client_session *s, uint64_t now_ms);

/* What the server offered, as last heard; zeroes before EHLO. */
const struct client_ehlo *client_session_offers(const struct client_session *s);
/* The state's name, for logs and tools: what is awaited. */
const char *client_session_state(const struct client_session *s);

#endif
