/*
 * What the files of the server engine share: the session, and what a verb file may do to it.
 * Included by delivery/server_*.c only.
 *
 * A verb is a row in server_verb.c. Its `begin` looks at the arguments and either fills an event
 * or has replied; the event's row says what accepting it does and which reply it gives.
 */
#ifndef WP_DELIVERY_SERVER_PRIVATE_H
#define WP_DELIVERY_SERVER_PRIVATE_H

#include "common/buf.h"
#include "delivery/server_session.h"
#include "delivery/smtp_cmd.h"
#include "delivery/smtp_data.h"

/*
 *	START ─banner→ GREETED ─hello→ READY ─MAIL→ SENDER ─RCPT→ RECIPIENTS ─DATA→ DATA
 *	                  ↑              ↑  ↑                                         │ dot
 *	                  │  TLS ←STARTTLS  └───────────── verdict ────────── MESSAGE ←┘
 *	                  └───┘      RSET, hello: to READY;  any: to CLOSING, CLOSED
 */
enum server_state {
	SERVER_START,      /* for the verdict on the connection, then until the banner left */
	SERVER_GREETED,    /* for EHLO or HELO */
	SERVER_READY,      /* for MAIL */
	SERVER_SENDER,     /* for the first accepted RCPT */
	SERVER_RECIPIENTS, /* for more RCPT, or DATA */
	SERVER_DATA,       /* for the end of data */
	SERVER_MESSAGE,    /* for the verdict on the message */
	SERVER_TLS,        /* for the handshake */
	SERVER_CLOSING,    /* for the last replies to leave */
	SERVER_CLOSED,     /* for nothing */
	SERVER_STATES
};

/* Octets not consumed yet are mem[start … end). Nothing moves while an event is out. */
struct server_input {
	char *mem; /* null while there is nothing */
	size_t start;
	size_t end;
	size_t cap;
	size_t scanned;  /* of the line at start, known to hold no CRLF */
	size_t skipped;  /* octets dropped of a line that is too long; 0: no such line */
};

struct server_session {
	const struct server_config *config;
	enum server_state state;
	enum server_event_kind waiting_for; /* the event that is out; NONE */
	uint32_t token;                     /* of the last event */
	bool is_extended;                   /* EHLO was said */
	bool is_early;                      /* the peer talked before the banner left */
	bool is_draining;
	bool has_eof;
	bool place_is_body; /* what server_session_space() returned last */

	uint64_t now_ms;     /* as last told */
	uint64_t started_ms;
	uint64_t active_ms;  /* when it last became the peer's turn, or the peer did something */
	uint64_t hold_ms;    /* nothing is said before; 0 */

	uint32_t errors;
	uint32_t idle_commands;
	uint32_t recipients;     /* accepted in this transaction */
	uint64_t declared_bytes;

	struct server_input in;
	struct buf out;
	char *hello;

	struct smtp_data data;         /* in states DATA and MESSAGE */
	size_t chunk_at;               /* the next CHUNK when so much is in memory */
	struct server_reply chunk_refusal;
	struct server_tls tls;
};

/* --- what verbs use --- */

/* Extensions offered now. */
unsigned server_offered(const struct server_session *s);
/* Adds a reply. A 5yz one is held back as the tarpit says. */
void server_say(struct server_session *s, const struct server_reply *reply);
/* The same with the host's name in front of the text. */
void server_say_host(struct server_session *s, const struct server_reply *reply);
/* VERDICT's reply if it has one, else DEFAULT_REPLY. */
void server_say_verdict(struct server_session *s, const struct server_verdict *verdict,
			const struct server_reply *default_reply);
/* The peer broke the protocol: counts, replies, and ends a session that does it too often. */
void server_error(struct server_session *s, const struct server_reply *reply);
/* Counts a command that brings no message nearer. False: that was one too many, and said so. */
bool server_count_idle(struct server_session *s);
void server_enter(struct server_session *s, enum server_state state);
/* Forgets the transaction: READY, or GREETED before EHLO and HELO. */
void server_reset(struct server_session *s);
/* The last reply was said. */
void server_end(struct server_session *s);
/* Everything the peer sent and that was not consumed is gone. */
void server_input_discard(struct server_session *s);
/* Octets that were read too far; the input is empty. */
void server_input_put(struct server_session *s, const char *data, size_t len);
/* Puts a NUL at END, a place in the input. */
void server_input_terminate(struct server_session *s, const char *end);

/* --- verbs (server_verb.c) --- */

enum server_verb_flag {
	VERB_BEFORE_TLS = 1 << 0, /* allowed though TLS is required and not in use */
	VERB_IDLE = 1 << 1,       /* counts as a command that brings no message */
	VERB_SYNC = 1 << 2,       /* the peer has to wait for the reply: nothing may follow */
	VERB_BEHIND_MAIL = 1 << 3,/* may have been sent together with a MAIL that was refused */
};

enum server_verb_arg { ARG_NONE, ARG_OPTIONAL, ARG_REQUIRED };

struct server_verb {
	const char *name;
	unsigned states; /* bits 1 << enum server_state in which it is allowed */
	unsigned flags;
	enum server_verb_arg arg;
	const char *syntax; /* what to say when the argument is wrong */
	enum server_event_kind event;
	/* Fills the event; false: it has replied. Null: nothing to look at. */
	bool (*begin)(struct server_session *s, const struct smtp_cmd *cmd,
		      struct server_event *event);
};

struct server_step {
	const char *name;
	struct server_reply reply; /* when accepted; code 0: `accepted` speaks */
	/* Null: nothing but the reply. Runs before the reply is said. */
	void (*accepted)(struct server_session *s, const struct server_verdict *verdict);
	void (*refused)(struct server_session *s, const struct server_verdict *verdict);
};

extern const struct server_verb server_verbs[];
extern const size_t server_verb_count;
extern const struct server_step server_steps[SERVER_EVENT_COUNT];

/* One command line, its CRLF behind it: true if it became an event, false if it was replied to.
 * The line is written to: its argument and the texts of the event end in NUL. */
bool server_verb_run(struct server_session *s, char *line, size_t len,
		     struct server_event *event);

/* --- server_cmd_hello.c --- */
bool server_begin_helo(struct server_session *s, const struct smtp_cmd *cmd,
		       struct server_event *event);
bool server_begin_ehlo(struct server_session *s, const struct smtp_cmd *cmd,
		       struct server_event *event);
bool server_begin_starttls(struct server_session *s, const struct smtp_cmd *cmd,
			   struct server_event *event);
void server_connect_accepted(struct server_session *s, const struct server_verdict *verdict);
void server_connect_refused(struct server_session *s, const struct server_verdict *verdict);
void server_hello_accepted(struct server_session *s, const struct server_verdict *verdict);
void server_starttls_accepted(struct server_session *s, const struct server_verdict *verdict);

/* --- server_cmd_mail.c --- */
bool server_begin_mail(struct server_session *s, const struct smtp_cmd *cmd,
		       struct server_event *event);
bool server_begin_rcpt(struct server_session *s, const struct smtp_cmd *cmd,
		       struct server_event *event);
void server_mail_accepted(struct server_session *s, const struct server_verdict *verdict);
void server_mail_refused(struct server_session *s, const struct server_verdict *verdict);
void server_rcpt_accepted(struct server_session *s, const struct server_verdict *verdict);

/* --- server_cmd_data.c --- */
bool server_begin_data(struct server_session *s, const struct smtp_cmd *cmd,
		       struct server_event *event);
void server_data_accepted(struct server_session *s, const struct server_verdict *verdict);
void server_chunk_refused(struct server_session *s, const struct server_verdict *verdict);
void server_chunk_accepted(struct server_session *s, const struct server_verdict *verdict);
void server_message_accepted(struct server_session *s, const struct server_verdict *verdict);
void server_message_refused(struct server_session *s, const struct server_verdict *verdict);
/* Where octets of DATA go, if not to the input. */
size_t server_data_space(struct server_session *s, char **at_r);
/* Reads on in state DATA: true if that made an event. */
bool server_data_run(struct server_session *s, struct server_event *event);
/* Gives back what the message holds. */
void server_data_drop(struct server_session *s);

/* --- server_cmd_misc.c --- */
bool server_begin_text(struct server_session *s, const struct smtp_cmd *cmd,
		       struct server_event *event);
bool server_begin_not_implemented(struct server_session *s, const struct smtp_cmd *cmd,
				  struct server_event *event);
bool server_begin_foreign(struct server_session *s, const struct smtp_cmd *cmd,
			  struct server_event *event);
bool server_begin_rset(struct server_session *s, const struct smtp_cmd *cmd,
		       struct server_event *event);
void server_quit_accepted(struct server_session *s, const struct server_verdict *verdict);

#endif
