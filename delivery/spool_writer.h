/*
 * The one thread that writes the log: takes every waiting request, one pwritev, one fdatasync,
 * then answers all of them. States are written at once and synced with the next group, at most
 * state_delay_ms later.
 *
 * Group size follows from how long the last sync took; there is no gather timer. The writer owns
 * the current segment, the index (it changes it with the log's lock) and the head of the log.
 */
#ifndef WP_DELIVERY_SPOOL_WRITER_H
#define WP_DELIVERY_SPOOL_WRITER_H

#include <stdint.h>

#include "common/mailbox.h"

struct spool;
struct segment;
struct spool_submit;
struct spool_writer;

/*
 * Starts spool->writer. CURRENT is in the log's table: empty but for its HEAD, which had commit
 * COMMIT - 1, or the sealed tail, if the disk was full.
 */
void spool_writer_start(struct spool *spool, struct segment *current, uint32_t commit);
/* Commits what is waiting and ends the thread. */
void spool_writer_stop(struct spool_writer *writer);
/* After the pool has ended as well. */
void spool_writer_free(struct spool_writer *writer);
/* Any thread. */
void spool_writer_submit(struct spool_writer *writer, struct spool_submit *s);
/* Any thread: a struct spool_batch or spool_moves by its mail. */
void spool_writer_chore(struct spool_writer *writer, struct mail *chore);

#endif
