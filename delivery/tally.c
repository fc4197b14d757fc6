/* Counts and paces by receive connector and source. Pure. */
#include "delivery/tally.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

#define MINUTE_US (60 * UINT64_C(1000000))

struct tally_entry {
	RB_ENTRY(tally_entry) link;
	TAILQ_ENTRY(tally_entry) idle_link; /* while count is 0 */
	struct tally_key key;               /* of this block */
	struct ipaddr source;
	uint64_t paid_until_us; /* in the past: the bucket is full */
	uint32_t count;
	char connector[];
};

/* A tree, since nobody can choose addresses so that it becomes slow. */
static int compare(const struct tally_entry *a, const struct tally_entry *b)
{
	const struct ipaddr *x = a->key.source, *y = b->key.source;
	int order;

	if (x == NULL || y == NULL)
		order = (x != NULL) - (y != NULL);
	else
		order = memcmp(x->bytes, y->bytes, sizeof(x->bytes));
	return order != 0 ? order : strcmp(a->key.connector, b->key.connector);
}

RB_PROTOTYPE(tally_tree, tally_entry, link, compare)
RB_GENERATE(tally_tree, tally_entry, link, compare)

void tally_init(struct tally *t)
{
	RB_INIT(&t->entries);
	TAILQ_INIT(&t->idle);
	t->size = t->idle_size = 0;
}

static void forget(struct tally *t, struct tally_entry *entry)
{
	RB_REMOVE(tally_tree, &t->entries, entry);
	t->size--;
	free(entry);
}

void tally_fini(struct tally *t)
{
	struct tally_entry *entry;

	while ((entry = RB_ROOT(&t->entries)) != NULL)
		forget(t, entry);
}

/* --- idle entries ------------------------------------------------------------------------ */

static void leave_idle(struct tally *t, struct tally_entry *entry)
{
	TAILQ_REMOVE(&t->idle, entry, idle_link);
	t->idle_size--;
}

static void join_idle(struct tally *t, struct tally_entry *entry)
{
	TAILQ_INSERT_TAIL(&t->idle, entry, idle_link);
	t->idle_size++;
}

/* Whoever waits behind one that is not over yet has to wait for a minute at most. */
static void sweep(struct tally *t, uint64_t now_ms)
{
	struct tally_entry *entry;

	while ((entry = TAILQ_FIRST(&t->idle)) != NULL &&
	       (entry->paid_until_us <= now_ms * 1000 || t->idle_size > TALLY_IDLE_MAX)) {
		leave_idle(t, entry);
		forget(t, entry);
	}
}

/* --- entries ----------------------------------------------------------------------------- */

static struct tally_entry *find(struct tally *t, const struct tally_key *key)
{
	struct tally_entry wanted;

	wanted.key = *key;
	return RB_FIND(tally_tree, &t->entries, &wanted);
}

/* A new entry is idle. */
static struct tally_entry *find_or_add(struct tally *t, const struct tally_key *key)
{
	struct tally_entry *entry = find(t, key);
	size_t size = strlen(key->connector) + 1;

	if (entry != NULL)
		return entry;
	entry = mem_zero(1, sizeof(*entry) + size);
	entry->key.connector = memcpy(entry->connector, key->connector, size);
	if (key->source != NULL) {
		entry->source = *key->source;
		entry->key.source = &entry->source;
	}
	RB_INSERT(tally_tree, &t->entries, entry);
	t->size++;
	join_idle(t, entry);
	return entry;
}

struct tally_entry *tally_take(struct tally *t, const struct tally_key *key, uint32_t limit,
			       uint64_t now_ms)
{
	struct tally_entry *entry;

	sweep(t, now_ms);
	entry = find_or_add(t, key);
	if (limit > 0 && entry->count >= limit)
		return NULL;
	if (entry->count++ == 0)
		leave_idle(t, entry);
	return entry;
}

void tally_give(struct tally *t, struct tally_entry *entry, uint64_t now_ms)
{
	if (--entry->count == 0)
		join_idle(t, entry);
	sweep(t, now_ms);
}

bool tally_spend(struct tally *t, const struct tally_key *key, uint32_t rate, uint64_t now_ms)
{
	uint64_t now_us = now_ms * 1000, price = MINUTE_US / rate;
	struct tally_entry *entry;

	sweep(t, now_ms);
	entry = find_or_add(t, key);
	if (entry->paid_until_us < now_us)
		entry->paid_until_us = now_us;
	if (entry->paid_until_us + price > now_us + MINUTE_US)
		return false;
	entry->paid_until_us += price;
	if (entry->count == 0) {
		leave_idle(t, entry);
		join_idle(t, entry);
	}
	return true;
}
