/*
 * The SMTP server engine: octets in, octets and events out. Sans-I/O and pure.
 *
 * No socket, clock, log or global; times are arguments (milliseconds of one monotonic clock).
 * One thread owns a session. No callback exists, so nothing re-enters it.
 *
 * Every verb and the end of data yields an event with a token, and the engine stops consuming
 * until server_session_answer() gives the verdict: at once from within the loop that asked for
 * the event, or whenever it is known. Input stays buffered meanwhile and is bounded:
 * server_session_space() becomes 0 and the adapter stops reading. An answer whose token is no
 * longer awaited is ignored and says so.
 *
 * The adapter:
 *
 *	on readable:  n = read(into server_session_space()); server_session_fed(s, n, now)
 *	pump:         while (server_session_next_event(s, now, &event))
 *	                      decide; server_session_answer(s, event.token, &verdict, now)
 *	              if (server_session_wants_write(s))
 *	                      write server_session_output(); server_session_sent(s, n)
 *	              if (server_session_wants_tls(s)) do the handshake;
 *	                      server_session_tls_started(s, &tls, now)
 *	              if (server_session_is_finished(s)) close
 *	on time:      server_session_deadline(s) reached: server_session_tick(s, now), then pump
 *
 * Pump after every feed, answer, tick and completed write. Replies to a pipelined group leave
 * together: wants_write stays false inside the group.
 *
 * A transaction of the adapter begins when it accepts MAIL and ends at the next event MAIL,
 * HELLO, RSET, STARTTLS or QUIT, when MESSAGE was answered (in whatever way), and with the session.
 *
 * RFC 5321, RFC 2920 (pipelining), RFC 3207 (STARTTLS), RFC 1870, RFC 6152, RFC 2034.
 */
#ifndef WP_DELIVERY_SERVER_SESSION_H
#define WP_DELIVERY_SERVER_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "delivery/body.h"
#include "delivery/smtp_param.h"
#include "delivery/server_reply.h"
#include "delivery/smtp_text.h"

struct server_session;

/* No deadline. */
#define SERVER_NEVER UINT64_MAX

/* What is done with a CR or LF on its own in a message. It never ends a line or the message. */
enum server_bare_newline {
	SERVER_BARE_REFUSE,    /* the message is read to its end and refused 550 5.6.11 */
	SERVER_BARE_NORMALISE, /* becomes CRLF; a dot behind it is stuffed */
};

/* 0 means no limit unless said otherwise. */
struct server_limits {
	uint32_t errors;            /* protocol errors tolerated; the next one is 421 */
	uint32_t idle_commands;     /* commands without a message in between; then 421 */
	uint32_t recipients;        /* of one message; then 452 4.5.3 */
	uint32_t command_bytes;     /* of a command line with CRLF; less than 512 is 512 */
	uint32_t body_line_bytes;   /* of a line of a message; then 552 */
	uint32_t header_bytes;      /* then 552 5.3.4 */
	uint32_t hops;              /* Received fields on arrival; more is 554 5.4.6 */
	uint64_t message_bytes;     /* as received, dots unstuffed; also announced by SIZE */
	uint64_t inactivity_ms;     /* of the peer; then 421 */
	uint64_t connection_ms;     /* since the session began; then 421, whatever it does */
	uint64_t tarpit_ms;         /* a 5yz reply is held back for so long */
};

/* Given by the adapter, shared by sessions, constant while a session uses it. */
struct server_config {
	const char *host;           /* name in banner, HELO and EHLO replies, 221 and 421 */
	const char *banner;         /* text of 220; null: "HOST ESMTP Waypost" */
	unsigned extensions;        /* enum smtp_ext: what EHLO offers */
	bool require_tls;           /* before TLS, mail is 530 5.7.0 */
	bool accept_nul;            /* else a message with a NUL is refused 550 5.6.0 */
	enum server_bare_newline bare_newline;
	size_t chunk_bytes;         /* a CHUNK event whenever so much is in memory; 0: never */
	const char *const *fields;  /* header fields whose place the adapter wants to know */
	size_t field_count;         /* at most BODY_FIELDS */
	struct server_limits limits;
};

/* The figures of the design: 5 errors, 200 recipients, 256 KiB header, 100 hops, … */
void server_limits_default(struct server_limits *limits);

/* What the handshake proved; stored for the adapter. */
struct server_tls {
	bool is_used;
	bool has_peer_certificate;
	uint8_t peer_sha256[32];    /* of the DER certificate */
	char version[12];           /* "TLSv1.3" */
	char cipher[40];
};

enum server_event_kind {
	SERVER_EVENT_NONE,
	SERVER_EVENT_CONNECT,  /* accept: the banner */
	SERVER_EVENT_HELLO,    /* HELO, EHLO; ends a transaction */
	SERVER_EVENT_STARTTLS, /* accept: 220, then server_session_wants_tls() */
	SERVER_EVENT_MAIL,
	SERVER_EVENT_RCPT,
	SERVER_EVENT_DATA,     /* accept: 354; verdict.body takes the message */
	SERVER_EVENT_CHUNK,    /* body_take() may be called; refuse: the message is refused */
	SERVER_EVENT_MESSAGE,  /* end of data */
	SERVER_EVENT_RSET,
	SERVER_EVENT_NOOP,
	SERVER_EVENT_VRFY,
	SERVER_EVENT_HELP,
	SERVER_EVENT_QUIT,
	SERVER_EVENT_COUNT
};

/*
 * Texts are in the input buffer: NUL-terminated, valid until the answer.
 */
struct server_event {
	enum server_event_kind kind;
	uint32_t token;
	union {
		struct {
			const char *name;
			bool is_extended; /* EHLO */
		} hello;
		struct {
			struct smtp_path path;
			struct smtp_mail_params params;
		} mail;
		struct {
			struct smtp_path path;
			uint32_t accepted; /* recipients so far */
		} rcpt;
		struct {
			uint32_t recipients;
			uint64_t declared_bytes; /* of MAIL SIZE; 0: not declared */
		} data;
		struct {
			struct body *body; /* borrowed; facts are complete at MESSAGE only */
			size_t keep;       /* CHUNK: the KEEP of body_take() */
			/* MESSAGE: the message breaks a rule or a CHUNK was refused; there is no
			 * body, and accepting sends this reply. Null otherwise. */
			const struct server_reply *refusal;
		} message;
		struct {
			const char *text; /* argument of NOOP, VRFY, HELP */
		} text;
	} u;
};

enum server_verdict_kind {
	SERVER_ACCEPT, /* as the protocol foresees; the default reply unless a 2yz is given */
	SERVER_REFUSE, /* with this 4yz or 5yz reply (default: 451); at CONNECT also the end */
	SERVER_CLOSE,  /* this reply (default: 421), then the end of the session */
};

struct server_verdict {
	enum server_verdict_kind kind;
	struct server_reply reply;   /* code 0: the default one. The text is copied. */
	uint64_t not_before_ms;    /* the reply is held back until then; 0: at once */
	struct body *body;         /* DATA accepted (else not looked at): the session takes this
	                              reference; it may hold a trace header. Null: a new body. */
};

/* CONFIG is kept, not copied. The first event is CONNECT. */
struct server_session *server_session_new(const struct server_config *config, uint64_t now_ms);
/* Null is accepted. What was outstanding is forgotten; a body is given back. */
void server_session_free(struct server_session *s);

/* Another configuration from now on (a peer proved to be an own server). Not between the
 * acceptance of DATA and the event MESSAGE. */
void server_session_set_config(struct server_session *s, const struct server_config *config);

/*
 * Where the next octets of the peer go: during DATA the body itself. Returns how many are
 * welcome; 0: do not read now. The place is valid until the next call.
 */
size_t server_session_space(struct server_session *s, char **at_r);
/* N octets were put there. */
void server_session_fed(struct server_session *s, size_t n, uint64_t now_ms);
/* The same for octets that lie elsewhere; returns how many were taken. */
size_t server_session_feed(struct server_session *s, const char *data, size_t len,
			   uint64_t now_ms);
/* The peer sends nothing more (it may still read): what is buffered is still served. */
void server_session_eof(struct server_session *s);
/* The connection is gone: nothing is awaited and nothing can be written any more. */
void server_session_lost(struct server_session *s);

/* The state's name, for logs. */
const char *server_session_state(const struct server_session *s);

/* Consumes input up to the next event. False: nothing to do until fed, answered or ticked. */
bool server_session_next_event(struct server_session *s, uint64_t now_ms,
			       struct server_event *event_r);
/* False: TOKEN is not awaited (any more); nothing was done, a body given stays the caller's. */
bool server_session_answer(struct server_session *s, uint32_t token,
			   const struct server_verdict *verdict, uint64_t now_ms);
/* True between an event and its answer. */
bool server_session_is_waiting(const struct server_session *s);

/* Replies should leave now: the input is used up, or the verb ends a group. */
bool server_session_wants_write(const struct server_session *s);
/* All that was not sent yet; valid until the next call. */
size_t server_session_output(const struct server_session *s, const char **data_r);
void server_session_sent(struct server_session *s, size_t n);

/* 220 to STARTTLS was sent: what comes now belongs to TLS. */
bool server_session_wants_tls(const struct server_session *s);
void server_session_tls_started(struct server_session *s, const struct server_tls *tls,
				uint64_t now_ms);
const struct server_tls *server_session_tls(const struct server_session *s);
/* As the peer last said in HELO or EHLO, "" before; valid until the next call. */
const char *server_session_hello(const struct server_session *s, bool *is_extended_r);

/* The next moment at which server_session_tick() has something to do. */
uint64_t server_session_deadline(const struct server_session *s);
void server_session_tick(struct server_session *s, uint64_t now_ms);

/* 421 and the end as soon as no transaction is open (the host stops). */
void server_session_drain(struct server_session *s);
/* 421 (REPLY, or the default one) and the end now, whatever is going on. */
void server_session_close(struct server_session *s, const struct server_reply *reply);
/* All is said, and all output was sent: close the connection. */
bool server_session_is_finished(const struct server_session *s);
/* Nothing can be said any more: close it though output is on its way. */
bool server_session_is_lost(const struct server_session *s);

/* "MAIL", "MESSAGE", …: for logs and tests. */
const char *server_event_name(enum server_event_kind kind);

#endif
