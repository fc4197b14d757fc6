/*
 * Reading messages back, by threads of the pool and in log order: the waiting requests are
 * sorted by place and cut into runs, which several threads may serve.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "delivery/spool_private.h"

enum { RUN_LENGTH = 64 };

struct read_run {
	struct job job;
	struct spool *spool;
	struct mail *first;
};

/* Where a message lies; the segment is referred to. */
struct place {
	struct segment *segment;
	uint32_t offset;
	uint32_t bytes;
};

static bool find_place(struct spool *spool, struct spool_read *read, struct place *place_r)
{
	const struct spool_entry *entry;
	bool is_found = false;

	pthread_mutex_lock(&spool->log.lock);
	entry = spool_index_find(&spool->log.index, read->id);
	if (entry != NULL) {
		place_r->segment = segment_ref(spool_log_find(&spool->log, entry->segment));
		place_r->offset = entry->offset;
		place_r->bytes = entry->bytes;
		if (read->wants & SPOOL_WANTS_STATES)
			read->states = spool_entry_states(entry);
		is_found = true;
	}
	pthread_mutex_unlock(&spool->log.lock);
	return is_found;
}

static void tell_bad(struct spool *spool, const struct place *place, uint64_t id)
{
	struct spool_damage damage = { place->segment->number, place->offset, place->bytes, id };

	spool_tell_damage(spool, &damage);
}

/* The whole record. False: it is bad, and only parts of it may be right. */
static bool read_record(struct spool *spool, const struct place *place, char *record,
			struct spool_header *header_r)
{
	return spool_read_best(spool->files, place->segment->fd, record, place->bytes,
			       place->offset) == 0 &&
	       spool_record_check(record, place->bytes,
				  spool_seed(spool->log.key, place->segment->number),
				  header_r) == SPOOL_CHECK_GOOD;
}

/* The range that READ asks for, of SIZE octets there are. */
static size_t clip(const struct spool_read *read, uint64_t size)
{
	uint64_t left = read->body_offset < size ? size - read->body_offset : 0;

	return read->body_max != 0 && read->body_max < left ? read->body_max : left;
}

/* A body file's checksum can be looked at only if all of it is read. */
static bool read_body_file(struct spool *spool, struct spool_read *read,
			   const struct spool_message *message)
{
	int fd = body_file_open(spool->body_dir, read->id, O_RDONLY);
	size_t len = clip(read, message->stored_size);
	bool is_good;

	if (fd < 0)
		return false;
	read->body = mem_alloc(len);
	read->body_len = len;
	is_good = spool_read_all(spool->files, fd, read->body, len, (off_t)read->body_offset) == 0;
	close(fd);
	if (is_good && len == message->stored_size)
		is_good = XXH3_64bits(read->body, len) == message->body_sum;
	return is_good;
}

static bool read_body(struct spool *spool, struct spool_read *read,
		      const struct spool_message *message)
{
	if (message->is_ref)
		return read_body_file(spool, read, message);
	if (message->body_len != message->stored_size)
		return false; /* it was lost before the message was moved */
	read->body_len = clip(read, message->body_len);
	read->body = mem_alloc(read->body_len);
	if (read->body_len > 0)
		memcpy(read->body, (const char *)message->body + read->body_offset, read->body_len);
	return true;
}

static bool fill(struct spool *spool, struct spool_read *read, const char *record,
		 const struct spool_header *header)
{
	struct spool_message message;
	struct err e;

	if (spool_read_message(record + SPOOL_HEADER_BYTES, header->length, &message, &e) < 0)
		return false;
	if ((read->wants & SPOOL_WANTS_ENVELOPE) &&
	    envelope_decode(message.envelope, message.envelope_len, &read->envelope, &e) < 0)
		return false;
	return !(read->wants & SPOOL_WANTS_BODY) || read_body(spool, read, &message);
}

/* Of a damaged message: the envelope, if it is intact; its sender can be told. */
static void salvage(struct spool_read *read, const char *record, uint32_t bytes)
{
	struct spool_message message;

	if (read->envelope != NULL || !(read->wants & SPOOL_WANTS_ENVELOPE) ||
	    !spool_read_front(record + SPOOL_HEADER_BYTES, bytes - SPOOL_HEADER_BYTES, read->id,
			      &message))
		return;
	(void)!envelope_decode(message.envelope, message.envelope_len, &read->envelope, NULL);
}

static enum spool_error serve_place(struct spool *spool, struct spool_read *read,
				    const struct place *place)
{
	struct spool_header header;
	char *record;
	bool is_good;

	if ((read->wants & (SPOOL_WANTS_ENVELOPE | SPOOL_WANTS_BODY)) == 0)
		return SPOOL_OK;
	record = mem_alloc(place->bytes);
	is_good = read_record(spool, place, record, &header) && fill(spool, read, record, &header);
	if (!is_good)
		salvage(read, record, place->bytes);
	free(record);
	return is_good ? SPOOL_OK : SPOOL_DAMAGED;
}

static void drop_body(struct spool_read *read)
{
	free(read->body);
	read->body = NULL;
	read->body_len = 0;
}

static void drop_results(struct spool_read *read)
{
	envelope_unref(read->envelope);
	free(read->states);
	read->envelope = NULL;
	read->states = NULL;
	drop_body(read);
}

/* A body file goes when its message is done, which is no damage. */
static bool is_still_live(struct spool *spool, uint64_t id)
{
	bool is_live;

	pthread_mutex_lock(&spool->log.lock);
	is_live = spool_index_find(&spool->log.index, id) != NULL;
	pthread_mutex_unlock(&spool->log.lock);
	return is_live;
}

static void serve(struct spool *spool, struct spool_read *read)
{
	struct place place;

	read->error = SPOOL_GONE;
	if (find_place(spool, read, &place)) {
		read->error = serve_place(spool, read, &place);
		if (read->error == SPOOL_DAMAGED && !is_still_live(spool, read->id))
			read->error = SPOOL_GONE;
		if (read->error == SPOOL_DAMAGED)
			tell_bad(spool, &place, read->id);
		segment_unref(&spool->log, place.segment);
	}
	if (read->error == SPOOL_DAMAGED && read->envelope != NULL)
		drop_body(read);
	else if (read->error != SPOOL_OK)
		drop_results(read);
	spool_post(read->door, &read->mail);
}

static void serve_run(struct job *job)
{
	struct read_run *run = WP_CONTAINER(job, struct read_run, job);
	struct mail *mail = run->first;

	while (mail != NULL) {
		struct mail *next = mail->next;

		serve(run->spool, WP_CONTAINER(mail, struct spool_read, mail));
		mail = next;
	}
	free(run);
}

/* --- sorting --- */

static int by_location(const void *a, const void *b)
{
	const struct spool_read *x = *(struct spool_read *const *)a;
	const struct spool_read *y = *(struct spool_read *const *)b;

	return x->location < y->location ? -1 : x->location > y->location;
}

static void locate(struct spool *spool, struct spool_read **read, size_t count)
{
	pthread_mutex_lock(&spool->log.lock);
	for (size_t i = 0; i < count; i++) {
		const struct spool_entry *entry =
			spool_index_find(&spool->log.index, read[i]->id);

		read[i]->location =
			entry != NULL ? (uint64_t)entry->segment << 32 | entry->offset : 0;
	}
	pthread_mutex_unlock(&spool->log.lock);
}

static void add_run(struct spool *spool, struct spool_read **read, size_t count)
{
	struct read_run *run = mem_alloc(sizeof(*run));

	for (size_t i = 0; i < count; i++)
		read[i]->mail.next = i + 1 < count ? &read[i + 1]->mail : NULL;
	*run = (struct read_run){ { .run = serve_run }, spool, &read[0]->mail };
	job_pool_add(spool->pool, &run->job, false);
}

struct sort_job {
	struct job job;
	struct spool *spool;
};

static void sort_reads(struct job *job)
{
	struct sort_job *sort = WP_CONTAINER(job, struct sort_job, job);
	struct spool *spool = sort->spool;
	struct mail *mail = mailbox_take(&spool->reads);
	struct spool_read **read = NULL;
	size_t count = 0, cap = 0;

	free(sort);
	for (; mail != NULL; mail = mail->next) {
		if (count == cap) {
			cap = cap ? cap * 2 : 64;
			read = mem_grow(read, cap * sizeof(struct spool_read *));
		}
		read[count++] = WP_CONTAINER(mail, struct spool_read, mail);
	}
	locate(spool, read, count);
	if (count > 1)
		qsort(read, count, sizeof(struct spool_read *), by_location);
	for (size_t i = 0; i < count; i += RUN_LENGTH)
		add_run(spool, read + i, count - i < RUN_LENGTH ? count - i : RUN_LENGTH);
	free(read);
}

void spool_read(struct spool *spool, struct spool_read *read)
{
	struct sort_job *sort;

	read->envelope = NULL;
	read->states = NULL;
	read->body = NULL;
	read->body_len = 0;
	if (!mailbox_push(&spool->reads, &read->mail))
		return;
	sort = mem_alloc(sizeof(*sort));
	*sort = (struct sort_job){ { .run = sort_reads }, spool };
	job_pool_add(spool->pool, &sort->job, false);
}
