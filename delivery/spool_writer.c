/* The one thread that writes the log. */
#define _GNU_SOURCE
#include "delivery/spool_writer.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "delivery/spool_clean.h"
#include "delivery/spool_group.h"
#include "delivery/spool_private.h"
#include "delivery/spool_retire.h"
#include "delivery/spool_sidecar.h"

enum {
	STUCK_RETRY_MS = 1000, /* states that wait for room */
	FOREVER_MS = -1,
	IS_PARKED = 1, /* in the work word */
	WORK_STEP = 2,
};

struct spool_writer {
	struct spool *spool;
	pthread_t thread;
	struct mailbox submits;
	struct mailbox chores;
	/* Grows by WORK_STEP with each first mail in a box; IS_PARKED: the thread sleeps on it. */
	_Atomic uint32_t work;
	atomic_bool is_stopping;
	/* The thread's: */
	struct segment *current;
	uint32_t commit;
	uint32_t head;           /* of the HEAD record on its way */
	uint64_t dirty_since_ms; /* written and not synced; 0: nothing */
	struct spool_group group;
	struct mail *todo, *todo_last; /* chores, oldest first */
	struct mail *moves;            /* the cleaner's; others do not wait for their room */
	struct mail *spent;            /* chores whose records are staged */
	bool is_stuck;                 /* a chore waits for room */
	bool is_busy;                  /* the last group held several messages */
	bool is_failed;                /* nothing is written any more */
	uint64_t *gone;                /* messages whose body files go after the next sync */
	size_t gone_count;
	struct spool_cleaner cleaner;
};

/* --- waking and sleeping --- */

static void wake(struct spool_writer *w)
{
	uint32_t old = atomic_fetch_add(&w->work, WORK_STEP);

	if (old & IS_PARKED)
		syscall(SYS_futex, &w->work, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* Sleeps unless work came since SEEN was read; the flag and the count are one word. */
static void park(struct spool_writer *w, uint32_t seen, int timeout_ms)
{
	struct timespec ts = { timeout_ms / 1000, timeout_ms % 1000 * 1000000L };

	if (!atomic_compare_exchange_strong(&w->work, &seen, seen | IS_PARKED))
		return;
	syscall(SYS_futex, &w->work, FUTEX_WAIT_PRIVATE, seen | IS_PARKED,
		timeout_ms < 0 ? NULL : &ts, NULL, 0);
	atomic_fetch_and(&w->work, ~(uint32_t)IS_PARKED);
}

void spool_writer_submit(struct spool_writer *w, struct spool_submit *s)
{
	if (mailbox_push(&w->submits, &s->mail))
		wake(w);
}

void spool_writer_chore(struct spool_writer *w, struct mail *chore)
{
	if (mailbox_push(&w->chores, chore))
		wake(w);
}

/* --- chores --- */

static void free_chore(struct mail *chore)
{
	if (chore->kind == CHORE_MOVES)
		spool_moves_free(WP_CONTAINER(chore, struct spool_moves, mail));
	else
		spool_batch_free(WP_CONTAINER(chore, struct spool_batch, mail));
}

static void free_chores(struct mail **list)
{
	while (*list != NULL) {
		struct mail *chore = *list;

		*list = chore->next;
		free_chore(chore);
	}
}

static void add_todo(struct spool_writer *w, struct mail *first)
{
	while (first != NULL) {
		struct mail *chore = first;

		first = chore->next;
		chore->next = NULL;
		if (chore->kind == CHORE_MOVES) {
			w->moves = chore; /* the only one: the cleaner takes a step at a time */
			continue;
		}
		if (w->todo == NULL)
			w->todo = chore;
		else
			w->todo_last->next = chore;
		w->todo_last = chore;
	}
}

static void add_spent(struct spool_writer *w, struct mail *chore)
{
	chore->next = w->spent;
	w->spent = chore;
}

/* --- writing --- */

static void note_durable(struct spool_writer *w)
{
	spool_count(&w->spool->counters.syncs, 1);
	if (w->dirty_since_ms == 0)
		return;
	w->dirty_since_ms = 0;
	w->commit++;
	spool_count(&w->spool->counters.commits, 1);
	if (w->gone_count > 0)
		spool_retire_bodies(w->spool, w->gone, w->gone_count);
	w->gone_count = 0;
	spool_retire_segments(w->spool);
}

static int fail(struct spool_writer *w, const char *what)
{
	struct err e;

	err_errno(&e, "cannot %s segment %u of the spool", what, w->current->number);
	w->is_failed = true;
	spool_fail(w->spool, &e);
	return -1;
}

static void add_gone(struct spool_writer *w, uint64_t id)
{
	w->gone = mem_grow(w->gone, (w->gone_count + 1) * sizeof(*w->gone));
	w->gone[w->gone_count++] = id;
}

static void apply_piece(struct spool_writer *w, const struct staged_piece *piece)
{
	size_t len = spool_record_gist(piece->header, piece->payload);
	enum spool_applied applied = SPOOL_APPLIED;
	int result = spool_log_apply(&w->spool->log, w->current, piece->offset, piece->header,
				     piece->payload, len, &applied, NULL);

	assert(result == 0); /* we made it */
	(void)result;
	if (applied == SPOOL_APPLIED_BODY_GONE)
		add_gone(w, piece->header->id);
	sidecar_add(&w->current->gists, piece->offset, piece->header, piece->payload);
}

/* Writes what is staged, without making it durable, and lets it count. */
static int write_staged(struct spool_writer *w)
{
	struct spool_group *group = &w->group;
	struct spool_log *log = &w->spool->log;

	if (w->is_failed)
		return -1;
	if (group->pieces == 0)
		return 0;
	if (w->dirty_since_ms == 0)
		w->dirty_since_ms = clock_mono_ms();
	if (spool_write_all(w->spool->files, w->current->fd, group->iov, group->iovs,
			    w->current->size) < 0)
		return fail(w, "write to");
	pthread_mutex_lock(&log->lock);
	for (size_t i = 0; i < group->pieces; i++)
		apply_piece(w, &group->piece[i]);
	w->current->size += (uint32_t)group->bytes;
	log->log_bytes += group->bytes;
	pthread_mutex_unlock(&log->lock);
	spool_count(&w->spool->counters.records, group->pieces);
	spool_count(&w->spool->counters.bytes, group->bytes);
	spool_group_clear(group);
	free_chores(&w->spent);
	return 0;
}

static int sync_log(struct spool_writer *w)
{
	if (w->is_failed)
		return -1;
	if (w->dirty_since_ms == 0)
		return 0;
	if (w->spool->files->fdatasync(w->current->fd) < 0)
		return fail(w, "sync");
	note_durable(w);
	return 0;
}

/*
 * Ends the current segment at its last record. It is durable before anything is written to the
 * next one: so only the last segment that has records can have a torn end.
 */
static int seal_current(struct spool_writer *w)
{
	struct spool *spool = w->spool;
	struct segment *segment = w->current;

	if (segment->is_sealed)
		return 0;
	if (spool->files->ftruncate(segment->fd, segment->size) < 0)
		return fail(w, "seal");
	if (spool->files->fsync(segment->fd) < 0)
		return fail(w, "sync");
	segment->is_sealed = true;
	note_durable(w);
	spool_retire_gists(spool, segment);
	return 0;
}

static enum spool_error roll(struct spool_writer *w, enum reserve_use use)
{
	struct spool *spool = w->spool;
	struct segment *next;
	enum spool_error error = spool_reserve_take(&spool->reserve, use, w->commit, &next);

	if (error != SPOOL_OK)
		return error;
	if (write_staged(w) < 0 || seal_current(w) < 0) {
		segment_unref(&spool->log, next);
		return SPOOL_READ_ONLY;
	}
	pthread_mutex_lock(&spool->log.lock);
	spool_log_add(&spool->log, next);
	pthread_mutex_unlock(&spool->log.lock);
	w->current = next;
	return SPOOL_OK;
}

/* The last resort, or the tail that a full disk left us with: not for mail. */
static bool is_short(const struct spool_writer *w)
{
	return w->current->is_sealed || w->current->limit < w->spool->options.segment_bytes;
}

static bool has_room(const struct spool_writer *w, uint64_t bytes, enum reserve_use use)
{
	if (w->current->is_sealed || (is_short(w) && use != RESERVE_FOR_STATES))
		return false;
	return w->current->size + w->group.bytes + bytes <= w->current->limit;
}

/* Makes sure that BYTES can be staged in one segment. */
static enum spool_error make_room(struct spool_writer *w, uint64_t bytes, enum reserve_use use)
{
	enum spool_error error = SPOOL_OK;

	if (w->is_failed)
		return SPOOL_READ_ONLY;
	if (bytes > w->spool->options.segment_bytes - SPOOL_HEAD_MAX)
		return SPOOL_TOO_LARGE;
	if (use == RESERVE_FOR_MAIL && is_short(w))
		use = RESERVE_FOR_REFUGE;
	while (error == SPOOL_OK && !has_room(w, bytes, use))
		error = roll(w, use);
	return error;
}

static void stage(struct spool_writer *w, char *record, size_t len, const struct iovec *parts,
		  uint32_t count)
{
	struct spool_header *header = (struct spool_header *)(void *)record;

	spool_record_stamp(header, spool_seed(w->spool->log.key, w->current->number), w->commit);
	spool_group_stage(&w->group, record, len, parts, count,
			  (uint32_t)(w->current->size + w->group.bytes));
}

/* --- staging --- */

static size_t size_at(const char *record)
{
	struct spool_header header;

	memcpy(&header, record, sizeof(header));
	return spool_record_size(header.length);
}

/* False: no room, now or ever; the rest stays. */
static bool stage_batch(struct spool_writer *w, struct spool_batch *batch)
{
	while (batch->staged < batch->records.len) {
		char *record = batch->records.data + batch->staged;
		size_t size = size_at(record);

		if (make_room(w, size, RESERVE_FOR_STATES) != SPOOL_OK)
			return false;
		stage(w, record, size, NULL, 0);
		batch->staged += size;
	}
	return true;
}

static bool stage_move(struct spool_writer *w, struct spool_moves *moves,
		       const struct spool_move *move)
{
	char *record = moves->records.data + move->at;
	size_t size = size_at(record);

	if (make_room(w, size, RESERVE_FOR_MOVES) != SPOOL_OK)
		return false;
	stage(w, record, size, NULL, 0);
	spool_count(&w->spool->counters.moved_bytes, size);
	return true;
}

/*
 * The states that a moved message has now, to be staged right behind it. They may come to lie in
 * the next segment: until they are durable no HEAD lets go of the old place.
 */
static struct spool_batch *states_of(struct spool_writer *w, uint64_t id)
{
	struct spool_batch *batch = spool_batch_new();
	const struct spool_entry *entry = spool_index_find(&w->spool->log.index, id);

	batch->count = spool_entry_put_states(entry, &batch->records);
	return batch;
}

/* What was staged before may end a message, so it has to count first. */
static bool stage_moves(struct spool_writer *w, struct spool_moves *moves)
{
	if (write_staged(w) < 0)
		return false;
	for (; moves->staged < moves->count; moves->staged++) {
		const struct spool_move *move = &moves->move[moves->staged];
		struct spool_batch *states;

		if (!spool_log_is_at(&w->spool->log, move->id, moves->segment, move->from))
			continue;
		if (!stage_move(w, moves, move))
			return false;
		states = states_of(w, move->id);
		if (!stage_batch(w, states)) {
			moves->staged++;
			add_todo(w, &states->mail);
			return false;
		}
		add_spent(w, &states->mail);
	}
	w->cleaner.is_running = false;
	return true;
}

/* In order: what waits for room holds up what comes after it. */
static bool stage_todo(struct spool_writer *w)
{
	while (w->todo != NULL) {
		struct mail *chore = w->todo;

		if (!stage_batch(w, WP_CONTAINER(chore, struct spool_batch, mail)))
			return false;
		w->todo = chore->next;
		add_spent(w, chore);
	}
	return true;
}

/*
 * Moves may need room that states do not. They can come last: what they copy they look at again,
 * and the states they put behind it are those of the moment.
 */
static void stage_chores(struct spool_writer *w)
{
	struct mail *moves = w->moves;

	w->is_stuck = !stage_todo(w);
	if (w->is_stuck || moves == NULL)
		return;
	if (stage_moves(w, WP_CONTAINER(moves, struct spool_moves, mail))) {
		w->moves = NULL;
		add_spent(w, moves);
	} else {
		w->is_stuck = true;
	}
}

static uint64_t submit_bytes(const struct spool_submit *s)
{
	uint64_t bytes = size_at(s->record.data);

	return s->with != NULL ? bytes + s->with->records.len : bytes;
}

/* Invariant 5: one GROUP, in one segment. */
static void stage_group(struct spool_writer *w, struct spool_batch *batch)
{
	stage(w, batch->records.data, SPOOL_GROUP_BYTES, NULL, 0);
	stage_batch(w, batch);
	add_spent(w, &batch->mail);
}

static void stage_submit(struct spool_writer *w, struct spool_submit *s)
{
	enum spool_error error = make_room(w, submit_bytes(s), RESERVE_FOR_MAIL);

	if (error == SPOOL_OK) {
		if (s->with != NULL)
			stage_group(w, s->with);
		stage(w, s->record.data, s->record.len, s->body, s->body_parts);
		spool_group_accept(&w->group, s);
	} else {
		if (s->with != NULL)
			spool_batch_free(s->with);
		spool_count(&w->spool->counters.refused, 1);
		spool_group_refuse(&w->group, s, error);
	}
	s->with = NULL;
}

static void stage_submits(struct spool_writer *w, struct mail *mail)
{
	while (mail != NULL) {
		struct mail *next = mail->next;

		stage_submit(w, WP_CONTAINER(mail, struct spool_submit, mail));
		mail = next;
	}
}

/* --- the head of the log --- */

/* Everything below the oldest live record no longer matters: a HEAD says so. */
static void advance_head(struct spool_writer *w)
{
	struct spool_log *log = &w->spool->log;
	uint32_t oldest = log->oldest;
	struct spool_batch *batch;

	for (; oldest < w->current->number; oldest++) {
		const struct segment *segment = spool_log_find(log, oldest);

		if (segment != NULL && segment->live > 0)
			break;
	}
	if (oldest <= w->head || oldest == log->oldest)
		return;
	w->head = oldest;
	batch = spool_batch_new();
	spool_put_head(&batch->records, oldest, atomic_load(&w->spool->next_id), log->key);
	batch->count++;
	add_todo(w, &batch->mail);
}

/* Before the answers: who got one finds its message counted. */
static void set_gauges(struct spool *spool)
{
	const struct spool_log *log = &spool->log;

	spool_gauge(&spool->counters.live_messages, log->index.count);
	spool_gauge(&spool->counters.live_bytes, log->live_bytes);
	spool_gauge(&spool->counters.log_bytes, log->log_bytes);
}

static void keep_house(struct spool_writer *w)
{
	if (w->is_failed)
		return;
	advance_head(w);
	spool_clean_step(&w->cleaner,
			 w->is_stuck || spool_reserve_is_full(&w->spool->reserve));
}

/* --- the thread --- */

static void count_group(struct spool_writer *w)
{
	uint32_t messages = w->group.messages, class = 0;

	w->is_busy = messages > 1;
	if (messages == 0)
		return;
	while (class < SPOOL_GROUP_CLASSES - 1 && messages >> (class + 1) != 0)
		class ++;
	spool_count(&w->spool->counters.groups[class], 1);
	spool_count(&w->spool->counters.messages, messages);
}

/*
 * One group; false if there was nothing to do. A failure elsewhere counts from the next group on,
 * so that no GROUP is cut in the middle.
 */
static bool run_group(struct spool_writer *w)
{
	/* In this order: chores that a thread handed in before a message are seen with it. */
	struct mail *submits = mailbox_take(&w->submits), *chores = mailbox_take(&w->chores);
	bool has_new = chores != NULL || submits != NULL;
	int result;

	if (atomic_load(&w->spool->is_read_only))
		w->is_failed = true;
	add_todo(w, chores);
	if (!has_new && ((w->todo == NULL && w->moves == NULL) || w->is_stuck))
		return false;
	stage_chores(w);
	stage_submits(w, submits);
	result = write_staged(w);
	if (result == 0 && w->group.messages > 0)
		result = sync_log(w);
	if (result == 0)
		count_group(w);
	set_gauges(w->spool);
	spool_group_answer(&w->group, result == 0 ? SPOOL_OK : SPOOL_READ_ONLY);
	keep_house(w);
	return true;
}

/* A spool that failed is never written again: everything staged is dropped. */
static void drop_all(struct spool_writer *w)
{
	spool_group_clear(&w->group);
	free_chores(&w->spent);
	free_chores(&w->todo);
	free_chores(&w->moves);
	w->is_stuck = false;
	w->dirty_since_ms = 0;
}

/* How long there is nothing to do; 0: the states are due. */
static int idle_ms(const struct spool_writer *w)
{
	uint64_t now = clock_mono_ms(), due;

	if (w->dirty_since_ms != 0) {
		due = w->dirty_since_ms + w->spool->options.state_delay_ms;
		return due > now ? (int)(due - now) : 0;
	}
	return w->is_stuck ? STUCK_RETRY_MS : FOREVER_MS;
}

static void *run(void *arg)
{
	struct spool_writer *w = arg;

	for (;;) {
		uint32_t seen = atomic_load(&w->work);
		bool is_stopping = atomic_load(&w->is_stopping), did;
		int wait_ms;

		/* Under load, those who are about to hand something in get their turn first. */
		if (w->is_busy)
			sched_yield();
		did = run_group(w);

		if (w->is_failed)
			drop_all(w);
		if (did)
			continue;
		if (is_stopping)
			break;
		wait_ms = idle_ms(w);
		if (wait_ms == 0) {
			sync_log(w);
			keep_house(w);
			continue;
		}
		park(w, seen, wait_ms);
		w->is_stuck = false;
	}
	sync_log(w);
	return NULL;
}

void spool_writer_start(struct spool *spool, struct segment *current, uint32_t commit)
{
	struct spool_writer *w = mem_zero(1, sizeof(*w));
	sigset_t all, old;

	w->spool = spool;
	w->current = current;
	w->commit = commit;
	mailbox_init(&w->submits);
	mailbox_init(&w->chores);
	spool_cleaner_init(&w->cleaner, spool);
	spool->writer = w;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	if (pthread_create(&w->thread, NULL, run, w) != 0)
		mem_fatal(0);
	pthread_setname_np(w->thread, "spool-writer");
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void spool_writer_stop(struct spool_writer *w)
{
	atomic_store(&w->is_stopping, true);
	wake(w);
	pthread_join(w->thread, NULL);
}

/* The current segment is left sealed and with its sidecar, for a quick start. */
static void close_current(struct spool_writer *w)
{
	struct spool *spool = w->spool;

	if (w->is_failed || w->current->is_sealed)
		return;
	if (spool->files->ftruncate(w->current->fd, w->current->size) == 0 &&
	    spool->files->fsync(w->current->fd) == 0)
		sidecar_write(&spool->log, w->current);
}

static void refuse_late(struct spool_writer *w)
{
	struct mail *chores = mailbox_take(&w->chores), *mail = mailbox_take(&w->submits);

	free_chores(&chores);
	while (mail != NULL) {
		struct spool_submit *s = WP_CONTAINER(mail, struct spool_submit, mail);

		mail = mail->next;
		spool_batch_free(s->with);
		s->with = NULL;
		spool_group_refuse(&w->group, s, SPOOL_CLOSED);
	}
	spool_group_answer(&w->group, SPOOL_CLOSED);
}

void spool_writer_free(struct spool_writer *w)
{
	close_current(w);
	refuse_late(w);
	drop_all(w);
	spool_cleaner_fini(&w->cleaner);
	spool_group_free(&w->group);
	free(w->gone);
	free(w);
}
