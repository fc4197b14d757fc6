/*
 * The durable spool: an append-only segment log with group commit.
 *
 * One writer thread takes every waiting request, appends them with one pwritev, makes them
 * durable with one fdatasync and only then answers (invariant 1). Recipient states ride along
 * with nobody waiting. A body pool of a few threads does what may block: body files, reading
 * back, preparing and removing segments. Records and invariants: delivery.md §2 and
 * spool_record.h.
 *
 * Unless it says otherwise a function may be called by any thread, returns at once and takes no
 * lock on the way to the writer. Answers arrive by mailbox: a door names the box and how to wake
 * its owner. What is handed in is the spool's until it comes back.
 */
#ifndef WP_DELIVERY_SPOOL_H
#define WP_DELIVERY_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/mailbox.h"
#include "delivery/envelope.h"

struct spool;

enum {
	SPOOL_BODY_MAX = 256 * 1024, /* larger bodies go to body_store.h */
	SPOOL_BODY_PARTS = 4,
};

/* How a request ended. spool_error_reply() has the words for an SMTP client. */
enum spool_error {
	SPOOL_OK,
	SPOOL_NO_SPACE,  /* 452 4.3.1: disk full; the rest of the spool goes on */
	SPOOL_READ_ONLY, /* 451 4.3.0: a write or sync failed; the process should restart */
	SPOOL_TOO_LARGE, /* 552 5.3.4: the record does not fit a segment */
	SPOOL_GONE,      /* read: no such message, or it is done */
	SPOOL_DAMAGED,   /* read: the checksum is wrong or the file is missing; see spool_read */
	SPOOL_CLOSED,    /* the spool was closed with the request in it */
};

/* The complete reply line without CRLF: "452 4.3.1 …". */
const char *spool_error_reply(enum spool_error error);
const char *spool_error_name(enum spool_error error);

/*
 * Where answers go. A group's answers reach each box as one chain with one wake call, made only
 * if the box was empty. Has to outlive the spool.
 */
struct spool_door {
	struct mailbox *box;
	void (*wake)(void *arg); /* any thread; null: the owner polls */
	void *arg;
};

/* What has become of a recipient. Stored; the numbers are for ever. */
enum rcpt_state {
	RCPT_WAITING = 0,
	RCPT_DELIVERED = 1,
	RCPT_FAILED_UNREPORTED = 2, /* a DSN is due */
	RCPT_REPORTED = 3,
	RCPT_EXPIRED = 4,
};

/* Recipients FIRST … FIRST + COUNT - 1 of the envelope's resolved list. */
struct rcpt_range {
	uint32_t first;
	uint32_t count;
};

/* --- opening --- */

/* What is known of a live message without reading its envelope. */
struct spool_summary {
	uint64_t id;
	uint64_t arrival_ms;  /* wall clock */
	uint64_t stored_size; /* of the body */
	uint64_t next_try_ms; /* wall clock; the earliest of the waiting recipients, 0: at once */
	uint32_t recipients;
	uint32_t waiting;
	uint32_t unreported; /* failed with a DSN due */
};

struct spool_damage {
	uint32_t segment;
	uint64_t offset; /* where the bad bytes begin, and how many they are */
	uint64_t bytes;
	uint64_t id; /* of the message, if the record's header could be read; else 0 */
};

struct spool_events {
	void *arg;
	/* During spool_open, by its caller: once for each live message, oldest id first. */
	void (*on_message)(void *arg, const struct spool_summary *summary);
	/* During spool_open by its caller, later by a thread of the body pool. */
	void (*on_damage)(void *arg, const struct spool_damage *damage);
	/*
	 * Once, by a thread of the spool, before the first refusal: nothing is accepted any
	 * more (invariants 8 and 14).
	 */
	void (*on_read_only)(void *arg, const struct err *cause);
};

struct spool_files; /* spool_files.h: the system calls, replaced by tests */

/* Zero means the default. */
struct spool_options {
	uint32_t segment_bytes;     /* 64 MiB */
	uint64_t clean_above_bytes; /* 256 MiB: no cleaning while the log is smaller */
	uint32_t reserve_segments;  /* 2: kept for states when the disk is full (invariant 9) */
	uint32_t pool_threads;      /* 2 */
	uint32_t state_delay_ms;    /* 50: states are durable by then */
	bool ignore_sidecars;       /* check every record of the log, not only the last segment */
	bool accept_damage;         /* start although sealed records are bad; they stay in quarantine/ */
	const struct spool_files *files;
};

/*
 * Opens or creates the spool in DIR, recovers it and starts its threads. Null and E when another
 * process has it, its format is of another version, or it is damaged (unless accept_damage, or DIR
 * has a file "accept-damage": an administrator's word for one start, which takes the file away). On a
 * full disk a spool that has something opens, is_full in its statistics, and refuses mail until
 * there is room.
 */
struct spool *spool_open(const char *dir, const struct spool_options *options,
			 const struct spool_events *events, struct err *e) WP_MUST_CHECK;
/* Commits what was handed in so far, stops the threads, frees. The owner makes no further call. */
void spool_close(struct spool *spool);

/* --- messages --- */

/* A number for a new message; never 0, never given twice. */
uint64_t spool_next_id(struct spool *spool);

struct spool_batch;

/*
 * A message to be stored. The caller's memory, begun with spool_submit_message() or
 * spool_submit_ref(), handed in with spool_submit() or spool_group(), back through DOOR with
 * ERROR set, ended with spool_submit_fini(). The body has to stay until then.
 */
struct spool_submit {
	struct mail mail;
	struct handle owner; /* the caller's; not looked at */
	uint64_t id;
	const struct spool_door *door;
	/*
	 * What the scheduler gets when the message is durable, by a door of its own. If the
	 * submission fails it is the caller's again. Null: nothing.
	 */
	struct mail *notice;
	const struct spool_door *notice_door;
	enum spool_error error;
	/* The spool's: */
	struct buf record; /* header, summary, envelope */
	struct iovec body[SPOOL_BODY_PARTS];
	uint32_t body_parts;
	uint32_t body_bytes;
	struct spool_batch *with;
};

/*
 * Encodes the finished record, its checksum included. BODY (at most SPOOL_BODY_PARTS parts and
 * SPOOL_BODY_MAX octets) is referred to, not copied. Does not touch door, notice and owner.
 */
void spool_submit_message(struct spool_submit *s, uint64_t id, const struct envelope *env,
			  const struct iovec *body, uint32_t parts);
/* The same for a finished body file (body_store.h) of SIZE octets and checksum SUM. */
void spool_submit_ref(struct spool_submit *s, uint64_t id, const struct envelope *env,
		      uint64_t size, uint64_t sum);
void spool_submit_fini(struct spool_submit *s);

void spool_submit(struct spool *spool, struct spool_submit *s);
/*
 * Stores S and the states of BATCH together or not at all: a DSN and the recipients it reports.
 * Takes BATCH; when S comes back with an error, so that the DSN stays due, the batch is gone.
 */
void spool_group(struct spool *spool, struct spool_submit *s, struct spool_batch *batch);

/* --- what becomes of them --- */

/* A batch of finished records. Owned by its maker until it is handed in. */
struct spool_batch *spool_batch_new(void);
void spool_batch_free(struct spool_batch *batch);
bool spool_batch_is_empty(const struct spool_batch *batch);
/*
 * Recipients of message ID are now STATE. NEXT_TRY_MS (wall clock) counts while they wait.
 * OUTCOME, at most 4096 octets (cut beyond), comes back with the states: "" or null for none.
 */
void spool_batch_rcpt(struct spool_batch *batch, uint64_t id, const struct rcpt_range *ranges,
		      uint32_t count, enum rcpt_state state, uint64_t next_try_ms,
		      const char *outcome);
/* Nothing is left to do for message ID; it may be forgotten, its body file with it. */
void spool_batch_done(struct spool_batch *batch, uint64_t id);

/*
 * Written with the next group, durable at most state_delay_ms later; no answer. What a thread
 * hands in here before a message is durable when that message is answered. Takes BATCH.
 */
void spool_state(struct spool *spool, struct spool_batch *batch);
/* A batch of one spool_batch_done(). */
void spool_done(struct spool *spool, uint64_t id);

/* --- reading back --- */

/* The states of all recipients in one plain-malloc block: free() it. */
struct rcpt_states {
	uint32_t count;
	struct {
		enum rcpt_state state;
		uint64_t next_try_ms;
		const char *outcome; /* "" if none; in the block */
	} rcpt[];
};

enum { SPOOL_WANTS_ENVELOPE = 1, SPOOL_WANTS_STATES = 2, SPOOL_WANTS_BODY = 4 };

/*
 * The caller's memory; filled by the body pool, back through DOOR. What it got is the caller's.
 * With SPOOL_DAMAGED envelope and states are there if they were asked for and the envelope is
 * intact: then only the body is lost.
 */
struct spool_read {
	struct mail mail;
	struct handle owner; /* the caller's; not looked at */
	uint64_t id;
	uint32_t wants;       /* SPOOL_WANTS_* */
	uint64_t body_offset; /* of the stored body, … */
	uint64_t body_max;    /* … at most so many octets; 0: to its end */
	const struct spool_door *door;
	/* The answer: */
	enum spool_error error;
	struct envelope *envelope;  /* envelope_unref() */
	struct rcpt_states *states; /* free() */
	char *body;                 /* free() */
	size_t body_len;
	uint64_t location; /* the spool's: reads are served in log order */
};

void spool_read(struct spool *spool, struct spool_read *read);

/* --- numbers --- */

enum { SPOOL_GROUP_CLASSES = 16 };

struct spool_stats {
	uint64_t messages; /* stored since the start */
	uint64_t records;  /* of any type */
	uint64_t commits;  /* groups made durable */
	uint64_t syncs;    /* fdatasync and fsync calls of the log; body files not counted */
	uint64_t bytes;    /* appended to the log, moved ones included */
	uint64_t moved_bytes;
	uint64_t refused;
	uint64_t live_messages;
	uint64_t live_bytes;
	uint64_t log_bytes;
	uint64_t damaged; /* messages found unreadable since the start */
	uint32_t prepared_segments;
	uint64_t groups[SPOOL_GROUP_CLASSES]; /* commits with 2^n … 2^(n+1)-1 messages */
	bool is_full;
	bool is_read_only;
};

void spool_statistics(struct spool *spool, struct spool_stats *stats_r);

#endif
