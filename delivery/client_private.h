/*
 * The inside of the client engine, for its three files and their tests: client_session.c
 * (the connection: handshake, replies, events, deadlines), client_transaction.c (messages)
 * and client_output.c (what is to be written).
 */
#ifndef WP_DELIVERY_CLIENT_PRIVATE_H
#define WP_DELIVERY_CLIENT_PRIVATE_H

#include <sys/queue.h>

#include "delivery/client_session.h"
#include "delivery/smtp_reply_parser.h"

/*
 * The sequence of octets to write: commands, then possibly a body, then the commands behind
 * it. Counted from the start of the connection, so that "was this command written?" is one
 * comparison.
 */
struct client_output {
	struct buf head; /* before the body */
	size_t head_pos;
	const struct span_list *body; /* null: none in flight, tail is empty */
	struct span_cursor body_pos;
	struct buf tail;  /* behind the body */
	uint64_t queued;  /* octets, ever */
	uint64_t written; /* octets, ever */
	uint64_t given; /* the end of what was handed out; nothing moves until it is written */
};

void client_output_fini(struct client_output *out);
void client_output_add(struct client_output *out, const char *data, size_t len);
void client_output_adds(struct client_output *out, const char *text);
/* Everything before is written; BODY follows. */
void client_output_body(struct client_output *out, const struct span_list *body);
int client_output_fill(struct client_output *out, struct iovec *iov, int max);
void client_output_wrote(struct client_output *out, size_t n);
/* True if buffers were handed out that the adapter may still be writing. */
static inline bool client_output_is_held(const struct client_output *out)
{
	return out->given > out->written;
}

/* What a reply is awaited for: a row of the verb table in client_session.c. */
enum client_verb {
	CLIENT_VERB_BANNER,
	CLIENT_VERB_EHLO,
	CLIENT_VERB_HELO,
	CLIENT_VERB_STARTTLS,
	CLIENT_VERB_RSET,
	CLIENT_VERB_MAIL,
	CLIENT_VERB_RCPT,
	CLIENT_VERB_DATA,
	CLIENT_VERB_DOT,
	CLIENT_VERB_QUIT,
	CLIENT_VERBS
};

/* One message in the session; made for reuse. */
struct client_transaction {
	TAILQ_ENTRY(client_transaction) link;
	const struct client_message *message;
	uint32_t rcpt_sent;	/* recipients before it were sent, or refused here */
	uint32_t rcpt_answered; /* recipients before it have their RCPT reply */
	uint32_t dot_answered;	/* LMTP: recipients before it have their last reply */
	uint32_t accepted;	/* recipients taken so far */
	bool is_begun;		/* its MAIL is in the output */
	bool is_heard;		/* a reply to one of its commands came */
	bool is_mail_accepted;
	bool is_untouched; /* see struct client_event */
	uint32_t count;	   /* of recipients: the message may be gone when its outcomes go */
	uint32_t cap;	   /* of outcomes */
	struct outcome **outcomes; /* per recipient; null: not decided */
};
TAILQ_HEAD(client_transactions, client_transaction);

/* COUNT replies of one kind that come next. */
struct client_await {
	enum client_verb verb;
	uint32_t count;
	uint64_t written; /* output octets that must have left before the first may come */
	struct client_transaction *transaction;
};

/* Dot of one message, RSET, MAIL, RCPT, DATA of the next. */
enum { CLIENT_AWAITS = 8, CLIENT_SPARES = 2 };

enum client_phase {
	CLIENT_GREETING,  /* banner, EHLO, STARTTLS */
	CLIENT_HANDSHAKE, /* the adapter's TLS */
	CLIENT_OPEN,	  /* messages */
	CLIENT_QUITTING,  /* the reply to QUIT */
	CLIENT_OVER,
};

struct client_session {
	struct client_config config; /* its strings are ours */
	char *tls;		     /* peer.tls once started */
	enum client_phase phase;
	struct client_ehlo offers;
	struct client_output output;
	struct smtp_reply_parser parser;
	bool is_reply_early; /* the reply being read began before its command was written */

	struct client_await awaits[CLIENT_AWAITS];
	uint32_t await_first, await_count;
	uint64_t since_ms; /* when the wait for the first of them, or idleness, began */

	struct client_transactions pending;  /* given, not done; in order */
	struct client_transactions done;     /* events due */
	struct client_transaction *reported; /* its event was the last one given */
	struct client_transactions spare;
	uint32_t pending_count, spare_count;
	struct client_transaction *envelope; /* begun, 354 not yet seen; at most one */
	uint32_t taken;			     /* messages begun on this connection */
	uint32_t served;		     /* of them those with an outcome by the peer */
	bool needs_reset;		     /* a transaction was left open at the peer */
	bool wants_quit;

	bool is_ready_due, is_starttls_due, is_end_due;
	struct outcome *failure; /* of FAILED */
};

/* client_session.c */
void client_await(struct client_session *s, enum client_verb verb, struct client_transaction *t,
		  uint32_t count, uint64_t written);
bool client_offers(const struct client_session *s, enum client_extension extension);
/*
 * The connection is of no more use: OUTCOME (taken) is what happened to the message that
 * was being answered; the others get theirs and FAILED follows.
 */
void client_break(struct client_session *s, struct outcome *outcome);
/* The same with a sentence, at the stage of the first awaited reply. */
void client_break_protocol(struct client_session *s, const char *what);

/* client_transaction.c */
uint32_t client_message_limit(const struct client_session *s);
/* Begins what can be begun now, and QUIT when its time has come. */
void client_pump(struct client_session *s, uint64_t now_ms);
/* Every pending message gets an outcome: FIRST's is OWN, the others' tell of it. */
void client_abandon(struct client_session *s, struct client_transaction *first,
		    struct outcome *own);
void client_transaction_free(struct client_transaction *t);
/* Back to the spares after its event. */
void client_transaction_retire(struct client_session *s, struct client_transaction *t);
void client_on_rset(struct client_session *s, struct client_await *a,
		    const struct smtp_reply *r);
void client_on_mail(struct client_session *s, struct client_await *a,
		    const struct smtp_reply *r);
void client_on_rcpt(struct client_session *s, struct client_await *a,
		    const struct smtp_reply *r);
void client_on_data(struct client_session *s, struct client_await *a,
		    const struct smtp_reply *r);
void client_on_dot(struct client_session *s, struct client_await *a,
		   const struct smtp_reply *r);

#endif
