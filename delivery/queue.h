/*
 * The queues of a host: which copy of which message goes to which next hop, and when.
 *
 * Pure: time comes in as milliseconds of a monotonic clock, and what is to be done comes out
 * as actions (queue_next). The scheduler thread owns a queue set; nothing else touches it, so
 * there are no locks. Design: doc/design/queues.md. Intervals: RFC 5321 §4.5.4.1 and the
 * transport settings of the server's directory object.
 *
 * Vocabulary. A *copy* is the part of a message that goes to one next hop: some recipients
 * of one spool record. A *queue* holds the copies for one key {kind, next hop, connector, TLS
 * policy}. A *connection* is a slot that the caller opened for a queue and reports on.
 *
 *   submission ──route──► ready ──assign──► in flight ──► gone
 *        ▲                 ▲  ▲                │ 4xx to the message
 *        │ resubmit        │  └── due ── waiting ◄┘
 *        └── (whole queue) └── load (payload read back from the spool)
 */
#ifndef WP_DELIVERY_QUEUE_H
#define WP_DELIVERY_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <bsd/sys/tree.h>

struct message;
struct queue;
struct queue_set;

enum queue_kind {
	QUEUE_SUBMISSION,    /* has to be routed (again) */
	QUEUE_MAILBOX,       /* to a mailbox server of this site, LMTP or SMTP */
	QUEUE_DNS_CONNECTOR, /* by a Send connector and MX, next hop = domain */
	QUEUE_SMART_HOST,    /* by a Send connector to its smart hosts */
	QUEUE_RELAY_SITE,    /* to a hub of another site */
	QUEUE_RELAY_SERVER,  /* to a source server of a connector in this site */
	QUEUE_RELAY_EDGE,    /* to an edge subscribed to this site */
	QUEUE_UNREACHABLE,   /* no route now; routed again when the directory changes */
	QUEUE_DISCARD,       /* accepted and dropped: never holds anything for long */
};
/* "submission", "mailbox", …: as `queue list` shows it. */
const char *queue_kind_name(enum queue_kind kind);

enum {
	QUEUE_NEXT_HOP_MAX = 256,
	QUEUE_BATCH_MAX = 16, /* copies in one assignment */
};

/* The key of a queue, and all that is needed to make a plan for it. */
struct queue_key {
	enum queue_kind kind;
	char next_hop[QUEUE_NEXT_HOP_MAX];  /* domain, site, server or reason */
	char connector[QUEUE_NEXT_HOP_MAX]; /* name of the explicit connector, or empty */
};

/* Transport settings; the defaults are queue_limits_hub and queue_limits_edge. */
struct queue_limits {
	uint32_t glitch_count, glitch_ms;
	uint32_t transient_count, transient_ms;
	uint32_t failure_ms;        /* after glitches and transients */
	uint32_t message_retry_ms;  /* after a 4xx to one message */
	uint64_t expiration_ms;
	uint32_t idle_queue_ms;     /* an empty queue is forgotten after this */
	uint32_t idle_connection_ms;
	unsigned max_connections;   /* of the host */
	unsigned max_per_queue;
	unsigned batch;             /* copies given to a connection at once, ≤ QUEUE_BATCH_MAX */
	size_t resident_messages;   /* payloads kept in memory, at most */
	size_t resident_bytes;
	unsigned routing;           /* copies being routed at once */
	unsigned loading;           /* read-backs at once */
};
extern const struct queue_limits queue_limits_hub;
extern const struct queue_limits queue_limits_edge;

enum queue_copy_state {
	COPY_READY,    /* on its queue's ready list */
	COPY_WAITING,  /* on its queue's waiting list, until due_ms */
	COPY_LOADING,  /* the payload is being read back */
	COPY_ROUTING,  /* given out by QUEUE_ACTION_ROUTE */
	COPY_FLIGHT,   /* given out by QUEUE_ACTION_ASSIGN */
};

/*
 * The resident record: one per copy, at most 96 octets. Members are for queue.c and for
 * reading; RECIPIENTS are indexes into the envelope's resolved list.
 */
struct queue_copy {
	TAILQ_ENTRY(queue_copy) link;
	struct queue *queue;
	struct queue_copy *sibling; /* ring of the message's copies */
	struct message *payload;    /* one reference, or null: read back when needed */
	uint64_t spool_id;
	uint64_t due_ms;
	union {
		uint32_t one;
		uint32_t *many; /* malloc */
	} recipients;
	uint32_t recipient_count;
	uint32_t age_base_s;  /* arrival on the caller's clock, seconds */
	uint32_t generation;
	uint32_t slot;
	uint16_t loop;        /* the loop that received it, a preference */
	uint8_t state;        /* enum queue_copy_state */
	uint8_t attempts;
	uint32_t reserved;
};

static inline const uint32_t *queue_copy_recipients(const struct queue_copy *copy)
{
	return copy->recipient_count == 1 ? &copy->recipients.one : copy->recipients.many;
}

enum queue_connection_state {
	CONNECTION_OPENING, /* ordered, not reported on yet */
	CONNECTION_IDLE,
	CONNECTION_BUSY,
};

/* A connection as the queue sees it. The caller owns the memory. */
struct queue_connection {
	LIST_ENTRY(queue_connection) link;
	struct queue *queue;
	enum queue_connection_state state;
	uint16_t loop;
	uint32_t flight; /* copies given out and not yet reported */
	uint64_t idle_since_ms;
	bool closing;    /* takes nothing more */
	bool served;     /* the host judged a message */
};

/*
 * What all queues share; a queue that finds it used up waits for its turn. Next hops that the
 * directory names (own servers, edges, smart hosts) may use all connections, domains of the
 * world only three of four: however many of them do not answer, mail inside goes on.
 */
enum queue_budget { BUDGET_LOADING, BUDGET_NAMED, BUDGET_WORLD, QUEUE_BUDGETS };

TAILQ_HEAD(queue_copy_list, queue_copy);
LIST_HEAD(queue_connection_list, queue_connection);

struct queue {
	struct queue_key key;
	uint64_t number; /* in order of their making, never given twice: where a list goes on */
	void *plan; /* the caller's: how the next hop is reached; survives until QUEUE_ACTION_FORGET */
	struct queue_copy_list ready, waiting;
	struct queue_connection_list connections;
	size_t ready_count, waiting_count, flight_count; /* loading and routing count as flight */
	unsigned opening, open;
	unsigned failures;     /* of the next hop, in a row */
	unsigned window;       /* connections allowed now: grows with success */
	unsigned successes;    /* since the window last grew */
	bool suspended;
	bool retry;            /* waits for next_retry_ms before the next connection */
	struct queue_list *on; /* the active list, one of those that wait for a budget, or null */
	uint64_t next_retry_ms;
	uint64_t empty_since_ms;
	uint64_t due_ms;       /* key in the timer tree, 0: not in it */
	char last_error[256];
	TAILQ_ENTRY(queue) on_link;
	RB_ENTRY(queue) all_link;
	RB_ENTRY(queue) timer_link;
	struct queue *hash_next;
};

/* Where some recipients of a message go: the answer of the router. */
struct queue_destination {
	struct queue_key key;
	const uint32_t *recipients;
	uint32_t count;
};

enum queue_action_kind {
	QUEUE_ACTION_OPEN,   /* open a connection for `queue`, then queue_connection_add() */
	QUEUE_ACTION_ASSIGN, /* give copies[0…count) to `connection` */
	QUEUE_ACTION_LOAD,   /* read the payload of copies[0] back, then queue_loaded() */
	QUEUE_ACTION_ROUTE,  /* route copies[0] (payload present), then queue_routed() */
	QUEUE_ACTION_CLOSE,  /* `connection` was idle for too long: close it */
	QUEUE_ACTION_EXPIRED,/* copies[0] expired: report, then queue_copy_gone() */
	QUEUE_ACTION_FORGET, /* `queue` is empty: release its plan, then queue_forget() */
};

struct queue_action {
	enum queue_action_kind kind;
	struct queue *queue;
	struct queue_connection *connection;
	struct queue_copy *copies[QUEUE_BATCH_MAX];
	unsigned count;
};

struct queue_set *queue_set_new(const struct queue_limits *limits);
/* Frees everything; payload references are dropped, plans have to be released before. */
void queue_set_free(struct queue_set *set);
/* New transport settings take effect from the next decision on. */
void queue_set_limits(struct queue_set *set, const struct queue_limits *limits);

/* --- messages in ------------------------------------------------------------------- */

/*
 * Queues a committed message: one copy per destination. PAYLOAD: each copy takes a reference
 * of its own; null if it has to be read back. ARRIVAL_S: on the same seconds scale as NOW_S of queue_next.
 */
void queue_accept(struct queue_set *set, uint64_t spool_id, uint32_t arrival_s, uint16_t loop,
		  struct message *payload, const struct queue_destination *destinations,
		  size_t count, uint64_t now_ms);
/* A message found in the spool at start: COUNT recipients still to be served; to submission. */
void queue_recover(struct queue_set *set, uint64_t spool_id, uint32_t arrival_s,
		   const uint32_t *recipients, uint32_t count);

/* --- what to do -------------------------------------------------------------------- */

/*
 * The next thing to do now, or false. NOW_S is the wall clock in seconds with jumps taken
 * out (expiry); EXPIRE false suspends expiry.
 */
bool queue_next(struct queue_set *set, uint64_t now_ms, uint32_t now_s, bool expire,
		struct queue_action *action_r);
/* When queue_next may have something without any report in between; UINT64_MAX: never. */
uint64_t queue_deadline(const struct queue_set *set);

/* --- reports ----------------------------------------------------------------------- */

/* PAYLOAD may be null: the record could not be read; the copy waits and is tried again. */
void queue_loaded(struct queue_set *set, struct queue_copy *copy, struct message *payload,
		  uint64_t now_ms);
/* The copy is replaced by one per destination. COUNT 0: every recipient was settled. */
void queue_routed(struct queue_set *set, struct queue_copy *copy,
		  const struct queue_destination *destinations, size_t count, uint64_t now_ms);

void queue_connection_add(struct queue_set *set, struct queue *queue,
			  struct queue_connection *connection, uint16_t loop);
/* The connection is ready for work (greeting, EHLO and TLS are done). */
void queue_connection_ready(struct queue_set *set, struct queue_connection *connection,
			    uint64_t now_ms);
/* It takes nothing more, what it has will still be reported. */
void queue_connection_closing(struct queue_set *set, struct queue_connection *connection);
/*
 * It is gone; all its copies were reported before. HOST_FAILED: the next hop could not be
 * used at all (routing.md "unavailable"): the queue goes into retry, unless other
 * connections are open. ERROR is shown as the queue's last error. A host that closes each
 * connection before it judged a message, while there is mail for it, has failed too: else
 * it would be called again at once, for ever.
 */
void queue_connection_gone(struct queue_set *set, struct queue_connection *connection,
			   bool host_failed, const char *error, uint64_t now_ms);

/*
 * A copy in flight on CONNECTION was answered. KEEP[0…keep_count): recipients that have to be tried again
 * (0: the copy is gone). RETRY: by the message's own interval (4xx); else as soon as
 * the queue has a connection (the connection broke before the message was answered).
 */
void queue_copy_done(struct queue_set *set, struct queue_copy *copy,
		     struct queue_connection *connection, const uint32_t *keep,
		     uint32_t keep_count, bool retry, const char *error, uint64_t now_ms);
/* A copy that QUEUE_ACTION_EXPIRED gave out, or any ready or waiting one, is removed. */
void queue_copy_gone(struct queue_set *set, struct queue_copy *copy, uint64_t now_ms);
/* After QUEUE_ACTION_FORGET, when the plan is released: the queue is freed. */
void queue_forget(struct queue_set *set, struct queue *queue);

/* Whether the message of COPY has a copy other than COPY. */
bool queue_copy_has_sibling(const struct queue_copy *copy);
/* Whether one of them is being delivered. */
bool queue_siblings_in_flight(const struct queue_copy *copy);
/* Another set of recipients for a copy in COPY_LOADING (recovered without knowing them). */
void queue_copy_set(struct queue_set *set, struct queue_copy *copy, const uint32_t *recipients,
		    uint32_t count);
/* The copy with this handle, or null when it is gone. */
struct queue_copy *queue_copy_find(struct queue_set *set, uint32_t slot, uint32_t generation);

/* --- operators --------------------------------------------------------------------- */

/* Everything that waits is due now, back-off included. */
void queue_retry(struct queue_set *set, struct queue *queue, uint64_t now_ms);
void queue_suspend(struct queue_set *set, struct queue *queue, bool suspended);
/* Ready and waiting copies go back to submission: the directory changed. */
void queue_resubmit(struct queue_set *set, struct queue *queue, uint64_t now_ms);
/* First and next queue, submission included; the set must not change in between. */
struct queue *queue_first(struct queue_set *set);
struct queue *queue_after(struct queue *queue);
/* The first queue with this number or a later one. */
struct queue *queue_from(struct queue_set *set, uint64_t number);
/* "active", "ready", "connecting", "retry", "suspended". */
const char *queue_state_name(const struct queue *queue);
/* Arrival of the oldest copy on the ready and waiting lists, 0 if there is none. */
uint32_t queue_oldest_s(const struct queue *queue);
size_t queue_length(const struct queue *queue);
/* Copies in all queues; payloads in memory. */
size_t queue_set_copies(const struct queue_set *set);
size_t queue_set_resident(const struct queue_set *set, size_t *bytes_r);

#endif
