/*
 * An event loop: a thread with listeners, inbound sessions and outbound connections.
 *
 * A session or connection lives and dies on its loop. All a loop shares with others is its
 * mailbox (any thread) and the counted objects that mails carry.
 */
#ifndef WP_DELIVERY_LOOP_H
#define WP_DELIVERY_LOOP_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>
#include <uv.h>

#include "common/tls.h"
#include "delivery/engine.h"
#include "delivery/resolver.h"

struct inbound;
struct listener;
struct outbound;

enum { LOOP_READ_SIZE = 64 * 1024 };

/* Objects by slot and generation: how mails find sessions and connections again. */
struct slot_table {
	struct slot {
		void *object; /* null: free */
		uint32_t generation;
	} *slots;
	uint32_t count;
	uint32_t *spare;
	uint32_t spare_count;
};

struct loop {
	uint16_t index;
	struct engine *engine;
	uv_loop_t uv;
	uv_async_t wake;
	struct mailbox box;
	struct spool_door door; /* for the spool's answers */
	pthread_t thread;
	sem_t ended; /* posted by the thread as its last act */
	struct view *view; /* the current one, or null */
	struct router *router;
	struct resolver *resolver; /* set before the thread starts */
	struct tls_context *server_tls, *client_tls;
	char *read_buffer;
	struct slot_table inbound;  /* struct inbound */
	struct slot_table outbound; /* struct outbound; slots are the scheduler's */
	struct listener *listeners;
	unsigned busy; /* loop_hold */
	atomic_uint sessions; /* inbound, for tools */
	bool is_stopping;
	struct mail stop, cut;
	uint64_t transactions; /* for unique transaction ids */
	uint64_t seed;         /* for randomness that is no secret */
	uint64_t guid_base, guid_count; /* random at start, then counted */
};

/* Prepares loop INDEX; ERR if TLS files or the loop fail. */
struct loop *loop_new(struct engine *engine, uint16_t index, struct err *err);
void loop_start(struct loop *loop);
/* Any thread: sessions are told 421, connections quit; loop_join returns when all are gone. */
void loop_stop(struct loop *loop);
/* Any thread: who is still there is cut off. */
void loop_cut(struct loop *loop);
/* Waits for the end of its thread; false if it still runs at UNTIL (wall clock). */
bool loop_join(struct loop *loop, const struct timespec *until);
/* Releases what came in after the end. */
void loop_free(struct loop *loop);

/* Any thread. */
void loop_post(struct loop *loop, struct mail *mail);
void loop_post_chain(struct loop *loop, struct mail *first, struct mail *last);

/*
 * Loop thread: a session, a connection, or what is with the spool and will be answered by
 * mail. A loop that was stopped takes mail until the last of them is released.
 */
void loop_hold(struct loop *loop);
void loop_release(struct loop *loop);

/* A GUID for a new message: unique, not secret. */
void loop_guid(struct loop *loop, uint8_t guid[static ENVELOPE_GUID_BYTES]);
/* Milliseconds on the monotonic clock, as of this turn of the loop. */
uint64_t loop_now_ms(const struct loop *loop);

/* --- slots; loop thread ------------------------------------------------------------------ */

struct handle slot_add(struct slot_table *table, uint16_t loop, void *object);
/* Puts OBJECT at a handle that somebody else counts (outbound connections). */
void slot_put(struct slot_table *table, const struct handle *handle, void *object);
/* The object, or null if it is gone. */
void *slot_find(const struct slot_table *table, const struct handle *handle);
void slot_remove(struct slot_table *table, const struct handle *handle);
void slot_table_fini(struct slot_table *table);

#endif
