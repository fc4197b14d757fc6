/* Where each live message lies: linear probing with backward-shift deletion. Pure. */
#include "delivery/spool_index.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct spool_entry) == 32, "32 octets for each queued message");

void spool_index_init(struct spool_index *index)
{
	memset(index, 0, sizeof(*index));
}

/* Ids are consecutive numbers: the multiplication spreads them. */
static uint64_t home_slot(const struct spool_index *index, uint64_t id)
{
	return (id * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (index->slots - 1);
}

static struct spool_entry *probe(const struct spool_index *index, uint64_t id)
{
	uint64_t i = home_slot(index, id);

	while (index->slot[i].id != 0 && index->slot[i].id != id)
		i = (i + 1) & (index->slots - 1);
	return &index->slot[i];
}

struct spool_entry *spool_index_find(const struct spool_index *index, uint64_t id)
{
	struct spool_entry *entry;

	if (index->slots == 0 || id == 0)
		return NULL;
	entry = probe(index, id);
	return entry->id != 0 ? entry : NULL;
}

static void grow(struct spool_index *index)
{
	struct spool_index old = *index;

	index->slots = old.slots ? old.slots * 2 : 1024;
	index->slot = mem_zero(index->slots, sizeof(*index->slot));
	for (uint64_t i = 0; i < old.slots; i++)
		if (old.slot[i].id != 0)
			*probe(index, old.slot[i].id) = old.slot[i];
	free(old.slot);
}

struct spool_entry *spool_index_put(struct spool_index *index, uint64_t id)
{
	struct spool_entry *entry;

	if (index->count * 4 >= index->slots * 3)
		grow(index);
	entry = probe(index, id);
	if (entry->id == 0) {
		entry->id = id;
		index->count++;
	}
	return entry;
}

static void unref_outcome(struct outcome_text *outcome)
{
	if (outcome != NULL && --outcome->refs == 0)
		free(outcome);
}

static void free_states(struct spool_entry *entry)
{
	if (entry->rcpt != NULL)
		for (uint32_t i = 0; i < entry->recipients; i++)
			unref_outcome(entry->rcpt[i].outcome);
	free(entry->rcpt);
	entry->rcpt = NULL;
}

void spool_index_remove(struct spool_index *index, struct spool_entry *entry)
{
	uint64_t mask = index->slots - 1, gap = (uint64_t)(entry - index->slot), i = gap;

	free_states(entry);
	for (;;) {
		i = (i + 1) & mask;
		if (index->slot[i].id == 0)
			break;
		/* An entry may fill the gap if that is not before its home slot. */
		if (((i - home_slot(index, index->slot[i].id)) & mask) >= ((i - gap) & mask)) {
			index->slot[gap] = index->slot[i];
			gap = i;
		}
	}
	memset(&index->slot[gap], 0, sizeof(index->slot[gap]));
	index->count--;
}

void spool_index_fini(struct spool_index *index)
{
	for (uint64_t i = 0; i < index->slots; i++)
		free_states(&index->slot[i]);
	free(index->slot);
	spool_index_init(index);
}

/* --- recipient states --- */

static struct outcome_text *new_outcome(const struct spool_rcpt *record)
{
	struct outcome_text *outcome;

	if (record->outcome_len == 0)
		return NULL;
	outcome = mem_alloc(sizeof(*outcome) + record->outcome_len + 1);
	outcome->refs = 1;
	outcome->len = record->outcome_len;
	memcpy(outcome->text, record->outcome, record->outcome_len);
	outcome->text[outcome->len] = '\0';
	return outcome;
}

static void set_state(struct rcpt_entry *rcpt, const struct spool_rcpt *record,
		      struct outcome_text *outcome)
{
	unref_outcome(rcpt->outcome);
	if (outcome != NULL)
		outcome->refs++;
	rcpt->outcome = outcome;
	rcpt->state = (uint8_t)record->state;
	rcpt->next_try_ms = record->next_try_ms;
}

void spool_entry_apply(struct spool_entry *entry, const struct spool_rcpt *record)
{
	struct outcome_text *outcome = new_outcome(record);

	if (entry->rcpt == NULL)
		entry->rcpt = mem_zero(entry->recipients, sizeof(*entry->rcpt));
	for (uint32_t i = 0; i < record->range_count; i++) {
		struct rcpt_range range = spool_rcpt_range(record, i);

		for (uint32_t k = 0; k < range.count; k++) {
			if ((uint64_t)range.first + k >= entry->recipients)
				break;
			set_state(&entry->rcpt[range.first + k], record, outcome);
		}
	}
	unref_outcome(outcome);
}

static bool is_same_state(const struct rcpt_entry *a, const struct rcpt_entry *b)
{
	return a->state == b->state && a->next_try_ms == b->next_try_ms &&
	       a->outcome == b->outcome;
}

uint32_t spool_entry_put_states(const struct spool_entry *entry, struct buf *out)
{
	uint32_t records = 0, end;

	if (entry->rcpt == NULL)
		return 0;
	for (uint32_t i = 0; i < entry->recipients; i = end) {
		const struct rcpt_entry *rcpt = &entry->rcpt[i];

		for (end = i + 1; end < entry->recipients; end++)
			if (!is_same_state(rcpt, &entry->rcpt[end]))
				break;
		spool_put_rcpt(out, entry->id, &(struct rcpt_range){ i, end - i }, 1,
			       (enum rcpt_state)rcpt->state, rcpt->next_try_ms,
			       rcpt->outcome != NULL ? rcpt->outcome->text : NULL);
		records++;
	}
	return records;
}

struct rcpt_states *spool_entry_states(const struct spool_entry *entry)
{
	size_t head = sizeof(struct rcpt_states) +
		      entry->recipients * sizeof(((struct rcpt_states *)NULL)->rcpt[0]);
	size_t text = 0;
	struct rcpt_states *states;
	char *at;

	for (uint32_t i = 0; entry->rcpt != NULL && i < entry->recipients; i++)
		if (entry->rcpt[i].outcome != NULL)
			text += entry->rcpt[i].outcome->len + 1;
	states = mem_zero(1, head + text);
	states->count = entry->recipients;
	at = (char *)states + head;
	for (uint32_t i = 0; i < entry->recipients; i++) {
		const struct rcpt_entry *rcpt = entry->rcpt != NULL ? &entry->rcpt[i] : NULL;

		states->rcpt[i].outcome = "";
		if (rcpt == NULL)
			continue;
		states->rcpt[i].state = (enum rcpt_state)rcpt->state;
		states->rcpt[i].next_try_ms = rcpt->next_try_ms;
		if (rcpt->outcome == NULL)
			continue;
		states->rcpt[i].outcome = memcpy(at, rcpt->outcome->text, rcpt->outcome->len + 1);
		at += rcpt->outcome->len + 1;
	}
	return states;
}

void spool_entry_summary(const struct spool_entry *entry, struct spool_summary *summary)
{
	summary->recipients = entry->recipients;
	summary->waiting = entry->rcpt == NULL ? entry->recipients : 0;
	summary->unreported = 0;
	summary->next_try_ms = 0;
	if (entry->rcpt == NULL)
		return;
	for (uint32_t i = 0; i < entry->recipients; i++) {
		const struct rcpt_entry *rcpt = &entry->rcpt[i];

		summary->unreported += rcpt->state == RCPT_FAILED_UNREPORTED;
		if (rcpt->state != RCPT_WAITING)
			continue;
		if (summary->waiting++ == 0 || rcpt->next_try_ms < summary->next_try_ms)
			summary->next_try_ms = rcpt->next_try_ms;
	}
}
