/*
 * The parts of the delivery process, and what they say to each other.
 *
 *	loops (L) ──submit──► spool writer ──committed──► loop: 250
 *	   ▲                       └─────────accepted───► scheduler: queues
 *	   └── connect, assign, route, notify ◄──────────────┘
 *	   ──── ready, gone, assigned, routed, notified ──────►
 *
 * Everything crosses by mailbox (common/mailbox.h). A mail has one owner at a time; what it
 * carries names sessions and connections by struct handle only. The structures of all mails
 * are here, so that this page is the whole conversation.
 */
#ifndef WP_DELIVERY_ENGINE_H
#define WP_DELIVERY_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/hostfile.h"
#include "common/mailbox.h"
#include "common/replica.h"
#include "delivery/admission.h"
#include "delivery/client_session.h"
#include "delivery/message.h"
#include "delivery/outcome.h"
#include "delivery/plan.h"
#include "delivery/queue.h"
#include "delivery/router.h"
#include "delivery/spool.h"
#include "delivery/track.h"
#include "delivery/view.h"

struct loop;
struct scheduler;

struct engine {
	const struct hostfile *host;
	struct replica *replica;
	struct spool *spool;
	struct tracker *tracker;
	struct admission *admission; /* shared by the loops; it has its own locks */
	struct scheduler *scheduler;
	struct loop **loops;
	uint16_t loop_count;
	struct tls_files tls; /* of this host; paths */
	/* Main thread: a view was told to all that lets this host take mail. */
	void (*on_serving)(struct engine *engine, const char *server, uint64_t snapshot);
};

enum mail_kind {
	/* to a loop */
	MAIL_COMMITTED,     /* struct spool_submit, from the writer */
	MAIL_BODY_WRITTEN,  /* struct body_write, from the body pool */
	MAIL_LOOP_VIEW,     /* struct view_mail */
	MAIL_CONNECT,       /* struct connect_order */
	MAIL_DISCONNECT,    /* struct connect_order */
	MAIL_CONNECTION_PLAN, /* struct connect_order: what holds for it now */
	MAIL_ASSIGN,        /* struct assignment */
	MAIL_ROUTE,         /* struct route_order */
	MAIL_NOTIFY,        /* struct notify_order */
	MAIL_LOOP_STOP,     /* struct mail, static */
	MAIL_LOOP_CUT,      /* struct mail, static */

	/* to the scheduler */
	MAIL_ACCEPTED,        /* struct accepted, from the writer */
	MAIL_SCHEDULER_VIEW,  /* struct view_mail */
	MAIL_CONNECTION_READY,/* struct connection_report */
	MAIL_CONNECTION_CLOSING, /* struct connection_report: takes nothing more */
	MAIL_CONNECTION_GONE, /* struct connection_report */
	MAIL_ASSIGNED,        /* struct assignment, answered */
	MAIL_ROUTED,          /* struct route_order, answered */
	MAIL_NOTIFIED,        /* struct notify_order, answered */
	MAIL_LOADED,          /* struct spool_read, answered */
	MAIL_CALL,            /* struct scheduler_call */
	MAIL_SCHEDULER_DRAIN, /* struct mail, static */
	MAIL_SCHEDULER_STOP,  /* struct mail, static */
};

struct view_mail {
	struct mail mail;
	struct view *view; /* one reference */
};

/* A message that is on disk, on its way to the queues. */
struct accepted {
	struct mail mail;
	uint64_t spool_id;
	uint32_t arrival_s; /* wall clock */
	uint16_t loop;
	struct message *message; /* one reference */
	struct routed *routed;   /* owned */
	struct track *track;     /* owned: that it was received; the scheduler's first act for it */
};

/* Open (or close, or look again at) the connection with this handle. */
struct connect_order {
	struct mail mail;
	struct handle connection;
	struct plan *plan; /* one reference; null to close it */
};

struct connection_report {
	struct mail mail;
	struct handle connection;
	bool host_failed;
	struct outcome *outcome; /* one reference, or null: it ended in order */
};

/* A copy for a connection; comes back with the outcomes of its recipients. */
struct assignment {
	struct mail mail;
	struct handle connection;
	uint32_t copy_slot, copy_generation;
	struct message *message; /* one reference */
	bool untouched;          /* another connection may send it at once */
	uint32_t count;
	uint32_t *recipients;      /* indexes into the envelope; in this block */
	struct outcome **outcomes; /* one reference each, when answered; in this block */
	/* The loop's, while it has it. */
	struct client_message wire;
	struct client_rcpt *rcpts; /* in this block */
	struct edit_list edits;
	struct span_list spans;
	struct assignment *next;
};

struct route_order {
	struct mail mail;
	uint32_t copy_slot, copy_generation;
	struct message *message; /* one reference */
	uint32_t count;
	uint32_t *recipients;  /* in this block */
	struct routed *routed; /* the answer, owned; null: could not be looked up now */
};

struct notify_failure {
	uint32_t recipient;
	struct outcome *outcome; /* one reference */
};

/* Build a notification about failed recipients, store it together with their states. */
struct notify_order {
	struct mail mail;
	uint64_t spool_id;
	struct message *message; /* one reference */
	bool is_last;            /* nothing else of the message is left: it is done with this */
	bool stored;             /* the answer */
	uint32_t count;
	struct notify_failure *failures; /* owned, plain malloc */
};

/* Runs FN in the scheduler's thread: how control verbs look at the queues. */
struct scheduler_call {
	struct mail mail;
	void (*fn)(struct scheduler *scheduler, void *arg);
	void *arg;
};

struct assignment *assignment_new(struct message *message, const uint32_t *recipients,
				  uint32_t count);
void assignment_free(struct assignment *a);
struct route_order *route_order_new(struct message *message, const uint32_t *recipients,
				    uint32_t count);
void route_order_free(struct route_order *order);
void notify_order_free(struct notify_order *order);
/* Of a message that was not stored after all: it was not received. */
void accepted_free(struct accepted *a);
/* Releases a mail that nobody takes any more: the process ends. */
void engine_mail_free(struct mail *mail);

#endif
