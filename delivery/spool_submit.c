/* Making what is handed to the writer: messages and batches of states. Any thread. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "delivery/spool_private.h"
#include "delivery/spool_writer.h"

/* A record's ranges are bounded, so that it fits any segment. */
enum { RANGES_MAX = 1024 };

static void begin(struct spool_submit *s, uint64_t id)
{
	s->id = id;
	s->error = SPOOL_OK;
	s->with = NULL;
	s->body_parts = 0;
	memset(&s->record, 0, sizeof(s->record));
}

void spool_submit_message(struct spool_submit *s, uint64_t id, const struct envelope *env,
			  const struct iovec *body, uint32_t parts)
{
	assert(parts <= SPOOL_BODY_PARTS);
	begin(s, id);
	for (uint32_t i = 0; i < parts; i++)
		if (body[i].iov_len > 0)
			s->body[s->body_parts++] = body[i];
	spool_put_message(&s->record, id, env, s->body, s->body_parts);
}

void spool_submit_ref(struct spool_submit *s, uint64_t id, const struct envelope *env,
		      uint64_t size, uint64_t sum)
{
	begin(s, id);
	spool_put_ref(&s->record, id, env, size, sum);
}

void spool_submit_fini(struct spool_submit *s)
{
	buf_free(&s->record);
}

void spool_submit(struct spool *spool, struct spool_submit *s)
{
	spool_writer_submit(spool->writer, s);
}

void spool_group(struct spool *spool, struct spool_submit *s, struct spool_batch *batch)
{
	struct spool_header header;

	memcpy(&header, s->record.data, sizeof(header));
	spool_fill_group(batch->records.data, batch->count + 1,
			 batch->records.len - SPOOL_GROUP_BYTES + spool_record_size(header.length));
	s->with = batch;
	spool_writer_submit(spool->writer, s);
}

/* --- batches --- */

struct spool_batch *spool_batch_new(void)
{
	static const char room[SPOOL_GROUP_BYTES];
	struct spool_batch *batch = mem_zero(1, sizeof(*batch));

	batch->mail.kind = CHORE_BATCH;
	buf_add(&batch->records, room, sizeof(room));
	batch->staged = sizeof(room);
	return batch;
}

void spool_batch_free(struct spool_batch *batch)
{
	if (batch == NULL)
		return;
	buf_free(&batch->records);
	free(batch);
}

bool spool_batch_is_empty(const struct spool_batch *batch)
{
	return batch->count == 0;
}

void spool_batch_rcpt(struct spool_batch *batch, uint64_t id, const struct rcpt_range *ranges,
		      uint32_t count, enum rcpt_state state, uint64_t next_try_ms,
		      const char *outcome)
{
	while (count > 0) {
		uint32_t some = count < RANGES_MAX ? count : RANGES_MAX;

		spool_put_rcpt(&batch->records, id, ranges, some, state, next_try_ms, outcome);
		batch->count++;
		ranges += some;
		count -= some;
	}
}

void spool_batch_done(struct spool_batch *batch, uint64_t id)
{
	spool_put_done(&batch->records, id);
	batch->count++;
}

void spool_state(struct spool *spool, struct spool_batch *batch)
{
	spool_writer_chore(spool->writer, &batch->mail);
}

void spool_done(struct spool *spool, uint64_t id)
{
	struct spool_batch *batch = spool_batch_new();

	spool_batch_done(batch, id);
	spool_state(spool, batch);
}
