/*
 * Where each live message lies and what has become of its recipients.
 *
 * An open-addressing table of 32-octet entries by id (a million queued messages are to cost
 * little; a node of a general hash table alone would be larger), and for messages that were
 * attempted an array of recipient states, whose outcome texts are shared between the recipients
 * of one record. Not locked: the spool's lock is the caller's business. Pure.
 */
#ifndef WP_DELIVERY_SPOOL_INDEX_H
#define WP_DELIVERY_SPOOL_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "delivery/spool.h"
#include "delivery/spool_record.h"

struct outcome_text {
	uint32_t refs;
	uint32_t len;
	char text[];
};

struct rcpt_entry {
	uint64_t next_try_ms;
	struct outcome_text *outcome; /* null: none */
	uint8_t state;                /* enum rcpt_state */
};

struct spool_entry {
	uint64_t id; /* 0: the slot is free */
	struct rcpt_entry *rcpt; /* null: all wait for their first attempt */
	uint32_t segment;
	uint32_t offset;
	uint32_t bytes; /* of the whole record */
	uint32_t recipients : 31;
	uint32_t is_ref : 1;
};

struct spool_index {
	struct spool_entry *slot;
	uint64_t slots; /* a power of two, or 0 */
	uint64_t count;
};

void spool_index_init(struct spool_index *index);
void spool_index_fini(struct spool_index *index);
/* Null if there is none. Valid until the next put or remove. */
struct spool_entry *spool_index_find(const struct spool_index *index, uint64_t id);
/* The entry of ID, made if there is none. Not 0. */
struct spool_entry *spool_index_put(struct spool_index *index, uint64_t id);
void spool_index_remove(struct spool_index *index, struct spool_entry *entry);

/* Takes over what a RCPT record says; recipients that do not exist are ignored. */
void spool_entry_apply(struct spool_entry *entry, const struct spool_rcpt *record);
/* RCPT records that say what the entry says, appended to OUT; their number. */
uint32_t spool_entry_put_states(const struct spool_entry *entry, struct buf *out);
/* A copy for a reader, in one block. */
struct rcpt_states *spool_entry_states(const struct spool_entry *entry);
/* Fills the counts and next_try_ms. */
void spool_entry_summary(const struct spool_entry *entry, struct spool_summary *summary);

#endif
