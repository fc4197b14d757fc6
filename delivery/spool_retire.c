/* What may go once the log is durable. */
#include "delivery/spool_retire.h"

#include <stdlib.h>
#include <string.h>

#include "delivery/spool_private.h"
#include "delivery/spool_sidecar.h"

struct bodies_job {
	struct job job;
	struct spool *spool;
	size_t count;
	uint64_t id[];
};

static void unlink_bodies(struct job *job)
{
	struct bodies_job *b = WP_CONTAINER(job, struct bodies_job, job);

	for (size_t i = 0; i < b->count; i++)
		body_file_unlink(b->spool->body_dir, b->id[i]);
	free(b);
}

void spool_retire_bodies(struct spool *spool, const uint64_t *ids, size_t count)
{
	struct bodies_job *b = mem_alloc(sizeof(*b) + count * sizeof(*ids));

	b->job.run = unlink_bodies;
	b->spool = spool;
	b->count = count;
	memcpy(b->id, ids, count * sizeof(*ids));
	job_pool_add(spool->pool, &b->job, false);
}

struct segment_job {
	struct job job;
	struct spool *spool;
	struct segment *segment; /* a reference */
	uint32_t number;
};

static void add_segment_job(struct spool *spool, void (*run)(struct job *), struct segment *segment,
			    uint32_t number)
{
	struct segment_job *s = mem_alloc(sizeof(*s));

	*s = (struct segment_job){ { .run = run }, spool, segment, number };
	job_pool_add(spool->pool, &s->job, false);
}

/* The last user removes the file: this job, a reader, or the job that writes the sidecar. */
static void remove_segment(struct job *job)
{
	struct segment_job *s = WP_CONTAINER(job, struct segment_job, job);

	if (s->segment != NULL)
		segment_unref(&s->spool->log, s->segment);
	spool_reserve_freed(&s->spool->reserve, s->number + 1);
	free(s);
}

void spool_retire_segments(struct spool *spool)
{
	struct spool_log *log = &spool->log;

	while (log->oldest < log->head) {
		uint32_t number = log->oldest;
		struct segment *segment;

		pthread_mutex_lock(&log->lock);
		segment = spool_log_shift(log);
		if (segment != NULL)
			segment->is_dropped = true;
		pthread_mutex_unlock(&log->lock);
		add_segment_job(spool, remove_segment, segment, number);
	}
}

static void write_sidecar(struct job *job)
{
	struct segment_job *s = WP_CONTAINER(job, struct segment_job, job);

	sidecar_write(&s->spool->log, s->segment);
	buf_free(&s->segment->gists);
	segment_unref(&s->spool->log, s->segment);
	free(s);
}

void spool_retire_gists(struct spool *spool, struct segment *segment)
{
	pthread_mutex_lock(&spool->log.lock);
	segment_ref(segment);
	pthread_mutex_unlock(&spool->log.lock);
	add_segment_job(spool, write_sidecar, segment, segment->number);
}
