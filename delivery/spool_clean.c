/* The cleaner. */
#include "delivery/spool_clean.h"

#include <stdlib.h>
#include <string.h>

#include "delivery/spool_private.h"
#include "delivery/spool_recover.h"
#include "delivery/spool_scan.h"
#include "delivery/spool_sidecar.h"
#include "delivery/spool_writer.h"

/* --- pool --- */

/* The sidecar may not be written yet, or be lost: then the segment itself says what is in it. */
static void list_records(struct spool_cleaner *cleaner)
{
	struct spool_log *log = &cleaner->spool->log;
	struct segment *segment = cleaner->segment;
	struct spool_scanned record;
	struct spool_scan scan;
	uint64_t id;
	int got;

	cleaner->at = 0;
	if (sidecar_load(log, segment, &cleaner->gists))
		return;
	spool_scan_open(&scan, log->files, segment->fd, segment->number, segment->size, log->key);
	while ((got = spool_scan_next(&scan, &record)) != 0) {
		if (got > 0 || spool_scan_front(&scan, &record))
			sidecar_add(&cleaner->gists, record.offset, &record.header,
				    record.payload);
		if (got < 0)
			spool_scan_resync(&scan, &id);
	}
	spool_scan_close(&scan);
}

static bool is_live(struct spool *spool, uint64_t id, uint32_t segment, uint32_t offset)
{
	bool is_at;

	pthread_mutex_lock(&spool->log.lock);
	is_at = spool_log_is_at(&spool->log, id, segment, offset);
	pthread_mutex_unlock(&spool->log.lock);
	return is_at;
}

static void add_moved(struct spool_moves *moves, const struct sidecar_item *item, size_t at,
		      size_t size)
{
	moves->records.len = at + size;
	moves->move = mem_grow(moves->move, (moves->count + 1) * sizeof(*moves->move));
	moves->move[moves->count++] = (struct spool_move){ item->header.id, item->offset, at };
}

static void put_aside(struct spool_cleaner *cleaner, const struct sidecar_item *item)
{
	struct spool *spool = cleaner->spool;
	struct spool_damage damage = {
		.segment = cleaner->segment->number,
		.offset = item->offset,
		.bytes = spool_record_size(item->header.length),
		.id = item->header.id,
	};
	char name[BODY_NAME_MAX];

	segment_name(damage.segment, "log", name);
	spool_quarantine(spool->dir, spool->dir, name, name);
	body_name(damage.id, name);
	spool_quarantine(spool->dir, spool->body_dir, name, strchr(name, '/') + 1);
	spool_tell_damage(spool, &damage);
}

/*
 * A damaged record cannot be kept; what there is stays in quarantine. An intact envelope is moved
 * without its body, so that the sender can be told; else the message is given up.
 */
static void move_damaged(struct spool_cleaner *cleaner, struct spool_moves *moves, size_t at,
			 const struct sidecar_item *item)
{
	size_t size = spool_record_size(item->header.length);
	struct buf record = { 0 };
	struct spool_message message;

	put_aside(cleaner, item);
	if (spool_read_front(moves->records.data + at + SPOOL_HEADER_BYTES,
			     size - SPOOL_HEADER_BYTES, item->header.id, &message)) {
		spool_put_front(&record, item->header.id,
				moves->records.data + at + SPOOL_HEADER_BYTES, message.front_len);
		memcpy(moves->records.data + at, record.data, record.len);
		add_moved(moves, item, at, record.len);
		buf_free(&record);
	} else {
		spool_done(cleaner->spool, item->header.id);
	}
}

static void add_move(struct spool_cleaner *cleaner, struct spool_moves *moves,
		     const struct sidecar_item *item)
{
	struct spool *spool = cleaner->spool;
	size_t size = spool_record_size(item->header.length), at = moves->records.len;
	struct spool_header header;

	buf_reserve(&moves->records, size);
	if (spool_read_best(spool->files, cleaner->segment->fd, moves->records.data + at, size,
			    item->offset) < 0 ||
	    spool_record_check(moves->records.data + at, size,
			       spool_seed(spool->log.key, cleaner->segment->number), &header) !=
		    SPOOL_CHECK_GOOD) {
		move_damaged(cleaner, moves, at, item);
		return;
	}
	header.type = SPOOL_MOVE;
	memcpy(moves->records.data + at, &header, sizeof(header));
	add_moved(moves, item, at, size);
}

static void run_step(struct job *job)
{
	struct spool_cleaner *cleaner = WP_CONTAINER(job, struct spool_cleaner, job);
	struct spool_moves *moves = mem_zero(1, sizeof(*moves));
	struct sidecar_item item;

	moves->mail.kind = CHORE_MOVES;
	moves->segment = cleaner->segment->number;
	if (cleaner->gists.len == 0)
		list_records(cleaner);
	while (moves->records.len < CLEAN_STEP_BYTES &&
	       sidecar_next(&cleaner->gists, &cleaner->at, &item))
		if (spool_type_is_message(item.header.type) &&
		    is_live(cleaner->spool, item.header.id, moves->segment, item.offset))
			add_move(cleaner, moves, &item);
	spool_writer_chore(cleaner->spool->writer, &moves->mail);
}

/* --- writer --- */

void spool_cleaner_init(struct spool_cleaner *cleaner, struct spool *spool)
{
	memset(cleaner, 0, sizeof(*cleaner));
	cleaner->spool = spool;
	cleaner->job.run = run_step;
}

static void release(struct spool_cleaner *cleaner)
{
	if (cleaner->segment != NULL)
		segment_unref(&cleaner->spool->log, cleaner->segment);
	cleaner->segment = NULL;
	buf_free(&cleaner->gists);
}

void spool_cleaner_fini(struct spool_cleaner *cleaner)
{
	release(cleaner);
}

/* The oldest sealed segment that is not empty; those below it go with the next HEAD. */
static struct segment *oldest_live(const struct spool_log *log)
{
	for (uint32_t i = 0; i + 1 < log->segments; i++)
		if (log->segment[i] != NULL && log->segment[i]->live > 0)
			return log->segment[i];
	return NULL;
}

/* A full disk is worth moving whatever leaves at least half a segment. */
static struct segment *pick(const struct spool_cleaner *cleaner, bool is_full)
{
	const struct spool_log *log = &cleaner->spool->log;
	bool is_large = log->log_bytes > cleaner->spool->options.clean_above_bytes &&
			log->log_bytes > 3 * log->live_bytes;
	struct segment *oldest;

	if (!is_large && !is_full)
		return NULL;
	oldest = oldest_live(log);
	if (oldest == NULL || is_large || oldest->live_bytes * 2 <= oldest->size)
		return oldest;
	return NULL;
}

void spool_clean_step(struct spool_cleaner *cleaner, bool is_full)
{
	struct segment *segment;

	if (cleaner->is_running)
		return;
	segment = pick(cleaner, is_full);
	if (cleaner->segment != NULL &&
	    (segment != cleaner->segment || cleaner->at >= cleaner->gists.len))
		release(cleaner);
	if (segment == NULL)
		return;
	if (cleaner->segment == NULL) {
		pthread_mutex_lock(&cleaner->spool->log.lock);
		cleaner->segment = segment_ref(segment);
		pthread_mutex_unlock(&cleaner->spool->log.lock);
	}
	cleaner->is_running = true;
	job_pool_add(cleaner->spool->pool, &cleaner->job, false);
}

void spool_moves_free(struct spool_moves *moves)
{
	buf_free(&moves->records);
	free(moves->move);
	free(moves);
}
