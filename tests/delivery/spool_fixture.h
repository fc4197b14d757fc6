/*
 * What the spool's tests share: a spool in a folder of its own, a door to wait at, messages whose
 * contents follow from their number, and system calls that fail on demand.
 */
#ifndef WP_TESTS_DELIVERY_SPOOL_FIXTURE_H
#define WP_TESTS_DELIVERY_SPOOL_FIXTURE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "delivery/body_store.h"
#include "delivery/spool.h"
#include "delivery/spool_files.h"

/* A door whose owner sleeps until something comes. */
struct waiting_room {
	struct mailbox box;
	struct spool_door door;
	pthread_mutex_t lock;
	pthread_cond_t has_mail;
	bool is_woken;
	struct mail *first; /* taken and not yet given out */
};

void waiting_room_init(struct waiting_room *room);
void waiting_room_fini(struct waiting_room *room);
/* The next mail; waits for it. */
struct mail *waiting_room_next(struct waiting_room *room);

/* What spool_open told. */
struct recovered {
	struct spool_summary *summary;
	size_t count;
	uint32_t damages;
	uint64_t damaged_id;
	_Atomic uint32_t read_only; /* how often on_read_only was called, by any thread */
};

struct spool_bench {
	char dir[64];
	struct spool *spool;
	struct spool_options options;
	struct recovered recovered;
	struct waiting_room room;
	struct err e;
	bool has_envelope; /* the last bench_check got one, and it was right */
};

/* An empty folder; nothing is opened. */
void bench_init(struct spool_bench *b);
void bench_fini(struct spool_bench *b);
/* False: spool_open failed, b->e says why. */
bool bench_try_open(struct spool_bench *b);
void bench_open(struct spool_bench *b);
/* Waits until the pool has prepared all segments, so that only the writer meets a fault. */
void bench_settle(struct spool_bench *b);
void bench_close(struct spool_bench *b);
const struct spool_summary *bench_recovered(const struct spool_bench *b, uint64_t id);
/* DIR/NAME; the text is overwritten by the next call. */
const char *bench_path(const struct spool_bench *b, const char *name);
/* The number of files in DIR/FOLDER whose name ends in SUFFIX. */
unsigned bench_files(const struct spool_bench *b, const char *folder, const char *suffix);
/* The highest segment file; its number. */
uint32_t bench_last_segment(const struct spool_bench *b);

/* An envelope with RCPTS recipients whose texts follow from SEED; unref it. */
struct envelope *make_envelope(uint64_t seed, uint32_t rcpts);
/* A body of LEN octets that follow from SEED; free() it. */
char *make_body(uint64_t seed, size_t len);

/* Stores a message with make_envelope(id, rcpts) and make_body(id, len), and waits. */
enum spool_error bench_put(struct spool_bench *b, uint32_t rcpts, size_t len, uint64_t *id_r);
/* The same through the body store, in chunks of CHUNK octets. */
enum spool_error bench_put_large(struct spool_bench *b, size_t len, size_t chunk, uint64_t *id_r);
/* The same two with a number from spool_next_id(). */
enum spool_error bench_put_as(struct spool_bench *b, uint64_t id, uint32_t rcpts, size_t len);
enum spool_error bench_put_large_as(struct spool_bench *b, uint64_t id, uint32_t rcpts, size_t len,
				    size_t chunk);
/* Changes the state of one recipient and does not wait. */
void bench_state(struct spool_bench *b, uint64_t id, uint32_t rcpt, enum rcpt_state state,
		 uint64_t next_try_ms, const char *outcome);
/* Reads ID back whole and compares it with what was put; the error. */
enum spool_error bench_check(struct spool_bench *b, uint64_t id, uint32_t rcpts, size_t len);
/* The states of ID; free() them. */
struct rcpt_states *bench_states(struct spool_bench *b, uint64_t id);

/* System calls that fail: the Nth call of a kind from now on, counting from 1; 0: never. */
enum fault_call {
	FAULT_PWRITEV,
	FAULT_FDATASYNC,
	FAULT_FSYNC,
	FAULT_ALLOCATE,
	FAULT_FTRUNCATE,
	FAULT_PREAD,
	FAULT_CALLS,
};
extern const struct spool_files faulty_files;
void fault_reset(void);
/* From the Nth call on (for ever, or once) the call fails with CODE. */
void fault_set(enum fault_call call, unsigned nth, int code, bool for_ever);
/* Every write is cut to at most LEN octets; 0: none is. */
void fault_short_writes(size_t len);
/* Until released, every call waits. */
void fault_hold(void);
void fault_release(void);
unsigned fault_count(enum fault_call call);

#endif
