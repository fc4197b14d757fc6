/* Shared by inbound*.c only. */
#ifndef WP_DELIVERY_INBOUND_PRIVATE_H
#define WP_DELIVERY_INBOUND_PRIVATE_H

#include <talloc.h>

#include "common/stream.h"
#include "delivery/body.h"
#include "delivery/body_store.h"
#include "delivery/inbound.h"
#include "delivery/receive.h"
#include "topology/resolve.h"

/* Watched header fields, in the order of receive_rules.config.fields. */
enum { FIELD_ORG_SIZE, FIELD_MESSAGE_ID };

struct transaction;

/*
 * A body too large for the log, on its way to a file of its own. Chunks are written while data
 * arrive; then the last one, then the order to make the file durable, then the message is
 * submitted with a reference to it.
 */
struct spill {
	struct transaction *owner;
	struct body_file *file;
	struct spill_write {
		struct body_write write;
		struct spill *spill;
		char *chunk; /* owned while the write is out */
		bool is_out;
	} writes[BODY_STORE_IN_FLIGHT];
	unsigned in_flight;
	/* A CHUNK event that waits for a write to come back. */
	struct body *waiting_body;
	size_t waiting_keep;
	/* After the end of data. */
	char *last; /* the last chunk, until it can be written */
	size_t last_len;
	bool is_finishing, is_sealing;
	enum spool_error error;
	uint64_t size, sum; /* so far */
};

/*
 * From MAIL to the answer of the commit. Its own object: when the client goes away in the
 * middle, what is with the writer or the pool has to come back to something.
 */
struct transaction {
	TALLOC_CTX *ctx; /* resolutions and texts */
	struct loop *loop;
	struct handle session;
	struct view *view; /* one reference: the whole transaction sees one topology */
	char id[24];       /* for logs and the Received field */
	const char *sender;
	uint64_t declared_size;
	bool is_8bit;
	struct transaction_rcpt {
		const char *address;
		struct resolution *resolution;
	} *rcpts;
	uint32_t rcpt_count, rcpt_cap;
	struct body *body; /* one reference, once the data are complete */
	struct spill *spill;
	uint64_t spool_id;
	uint64_t arrival_ms;
	struct envelope *envelope; /* until the message takes it */
	struct routed *routed;
	struct accepted *notice; /* the scheduler's after the commit */
	struct spool_submit submit;
	bool is_submitted; /* with the writer */
	char message_id[256];
	uint64_t org_size; /* told by an own server, if has_org_size */
	bool has_org_size;
};

struct inbound {
	struct stream stream;
	uv_timer_t timer;
	struct loop *loop;
	struct handle handle;
	struct server_session *session;
	struct view *view; /* the one that `rules` points into; changes at MAIL only */
	struct receive_rules rules;
	char binding[RECEIVE_BINDING_MAX];
	struct ipaddr peer;
	char peer_text[64];
	struct transaction *transaction;
	struct admission_slot slot; /* its place among the connections */
	uint32_t token; /* of the event that waits for an answer */
	bool is_own;    /* externallySecured, or proved by its certificate */
	bool is_pinned; /* proved by its certificate */
	char peer_hash[TLS_HASH_TEXT];
	bool is_pumping, is_closing;
	unsigned handles; /* open libuv handles */
	uint64_t deadline_ms; /* the timer's */
};

/* inbound.c */
void inbound_answer(struct inbound *in, const struct server_verdict *verdict);
void inbound_accept_event(struct inbound *in);
void inbound_refuse(struct inbound *in, unsigned code, const char *status, const char *text);
void inbound_pump(struct inbound *in);
/* Rules of the newest view; false: no receive connector serves this client any more. */
bool inbound_renew_rules(struct inbound *in);

/* inbound_events.c: what the verbs ask of the directory. */
void inbound_event(struct inbound *in, const struct server_event *event);

/* inbound_message.c: from the end of data to the spool. */
struct transaction *transaction_new(struct inbound *in);
/* Accepts null. What is with the writer or the pool stays until it is back. */
void transaction_drop(struct transaction *t);
struct body *transaction_begin_body(struct inbound *in);
/* A CHUNK event: the answer may come later. */
void transaction_chunk(struct inbound *in, struct body *body, size_t keep);
/* A MESSAGE event: the answer comes from here. */
void transaction_message(struct inbound *in, struct body *body);

#endif
