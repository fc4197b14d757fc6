/* Shared by outbound*.c only. */
#ifndef WP_DELIVERY_OUTBOUND_PRIVATE_H
#define WP_DELIVERY_OUTBOUND_PRIVATE_H

#include "common/stream.h"
#include "delivery/client_session.h"
#include "delivery/mx_lookup.h"
#include "delivery/outbound.h"

enum outbound_state {
	OUTBOUND_LOOKUP,  /* waits for the addresses of a target */
	OUTBOUND_CONNECT, /* waits for the socket */
	OUTBOUND_SESSION, /* the client engine runs */
	OUTBOUND_CLOSING, /* waits for its handles to close */
};

/* An address of the current target. */
struct outbound_address {
	char name[DNS_NAME_TEXT];
	struct ipaddr address;
	uint16_t port;
};

struct outbound {
	struct loop *loop;
	struct handle handle;
	struct plan *plan;
	enum outbound_state state;
	struct socket_slot {
		struct stream stream;
		uv_connect_t connect;
		struct outbound *owner; /* null once it was given up */
	} *socket; /* of this attempt: each attempt has one of its own */
	uv_timer_t timer;
	uint64_t deadline_ms; /* the timer's */
	uint64_t connect_due_ms;
	unsigned target; /* index into the plan's */
	struct mx_lookup *lookup;
	struct outbound_address addresses[MX_TARGETS_MAX];
	size_t address_count, address_next;
	bool without_tls; /* opportunistic TLS failed at this address: once more in clear */
	struct client_session *session;
	char host[DNS_NAME_TEXT], address[80];
	char peer_hash[TLS_HASH_TEXT]; /* of a pinned peer, "" otherwise */
	struct outcome *last; /* why the latest address could not be used */
	struct assignment *pending, **pending_tail; /* not given to the session yet */
	struct assignment *sent;                    /* in the session */
	bool was_ready;   /* told to the scheduler */
	bool has_served;  /* the session at this address answered a message */
	bool is_pumping;
	bool is_quitting; /* ordered to end */
	bool wants_tls;   /* when what is to be said in clear is sent */
};

/* The host that is tried or spoken to; not before the first outbound_try_next. */
static inline const struct plan_target *outbound_target(const struct outbound *o)
{
	return &o->plan->targets[o->target - 1];
}

/* outbound_connect.c: attempts. */
void outbound_try_next(struct outbound *o);
/* Target INDEX of the plan again, from its addresses on. */
void outbound_try_target(struct outbound *o, unsigned index);
/* The current address cannot be used: OUTCOME (borrowed) is why. */
void outbound_attempt_failed(struct outbound *o, struct outcome *outcome);
void outbound_drop_socket(struct outbound *o);

/* outbound_session.c: the engine on a connected socket. */
void outbound_session_begin(struct outbound *o);
void outbound_pump(struct outbound *o);
void outbound_feed_pending(struct outbound *o);
extern const struct stream_handler outbound_stream_handler;

/* outbound_message.c: copies in and out. */
void outbound_prepare(struct outbound *o, struct assignment *a);
void outbound_return(struct outbound *o, struct assignment *a, struct outcome *const *outcomes,
		     bool untouched);

/* outbound.c */
void outbound_arm(struct outbound *o, uint64_t deadline_ms);
/* Reports the end, gives back what is left, closes. */
void outbound_finish(struct outbound *o, bool host_failed, struct outcome *outcome);

#endif
