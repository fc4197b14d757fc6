/* The tallies of all loops, in shards with a mutex each. */
#include "delivery/admission.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "common/buf.h"
#include "delivery/tally.h"

enum {
	SHARDS = 16,
	SOURCE_BITS_V6 = 64, /* what a provider gives to one customer at least */
	LOG_EVERY_MS = 10000,
};

/* Neighbours on one cache line would slow each other down. */
struct admission_shard {
	pthread_mutex_t lock;
	struct tally tally;
} __attribute__((aligned(128)));

struct notice {
	uint64_t next_ms; /* nothing is logged before */
	uint64_t silent;
};

struct admission {
	struct admission_shard shards[SHARDS];
	pthread_mutex_t notice_lock;
	struct notice notices[ADMISSION_REFUSALS];
	uint64_t refused;
};

const struct admission_reply admission_replies[ADMISSION_REFUSALS] = {
	[ADMISSION_GRANTED] = { 0, "", "" },
	[ADMISSION_FULL] = { 421, "4.3.2", "too many connections, try again later" },
	[ADMISSION_SOURCE_FULL] = { 421, "4.7.0",
				    "too many connections from your address, try again later" },
	[ADMISSION_TOO_FAST] = { 450, "4.7.0",
				 "too many messages a minute from your address, try again later" },
};

struct admission *admission_new(void)
{
	struct admission *a = aligned_alloc(_Alignof(struct admission), sizeof(*a));

	if (a == NULL)
		mem_fatal(sizeof(*a));
	memset(a, 0, sizeof(*a));
	pthread_mutex_init(&a->notice_lock, NULL);
	for (unsigned i = 0; i < SHARDS; i++) {
		pthread_mutex_init(&a->shards[i].lock, NULL);
		tally_init(&a->shards[i].tally);
	}
	return a;
}

void admission_free(struct admission *a)
{
	if (a == NULL)
		return;
	for (unsigned i = 0; i < SHARDS; i++) {
		tally_fini(&a->shards[i].tally);
		pthread_mutex_destroy(&a->shards[i].lock);
	}
	pthread_mutex_destroy(&a->notice_lock);
	free(a);
}

/* --- one shard --------------------------------------------------------------------------- */

/* Who has one IPv6 address has its whole network to take others from. */
static struct ipaddr source_of(const struct ipaddr *peer)
{
	return ipaddr_is_v4(peer) ? *peer : ipaddr_prefix(peer, SOURCE_BITS_V6).low;
}

static struct admission_shard *shard_of(struct admission *a, const struct tally_key *key)
{
	uint64_t hash = key->source != NULL
				? XXH3_64bits(key->source->bytes, sizeof(key->source->bytes))
				: XXH3_64bits(key->connector, strlen(key->connector));

	return &a->shards[hash % SHARDS];
}

static bool take(struct admission *a, const struct tally_key *key, uint32_t limit,
		 uint64_t now_ms, struct admission_hold *hold_r)
{
	struct admission_shard *shard = shard_of(a, key);

	pthread_mutex_lock(&shard->lock);
	hold_r->entry = tally_take(&shard->tally, key, limit, now_ms);
	pthread_mutex_unlock(&shard->lock);
	hold_r->shard = shard;
	return hold_r->entry != NULL;
}

static void give(struct admission_hold *hold, uint64_t now_ms)
{
	if (hold->entry == NULL)
		return;
	pthread_mutex_lock(&hold->shard->lock);
	tally_give(&hold->shard->tally, hold->entry, now_ms);
	pthread_mutex_unlock(&hold->shard->lock);
	hold->entry = NULL;
}

/* --- connections and messages ------------------------------------------------------------ */

/* The source comes first: what a flood of one source is refused never touches the connector's. */
enum admission_refusal admission_enter(struct admission *a, const char *connector,
				       const struct ipaddr *peer,
				       const struct admission_limits *limits, bool is_own,
				       uint64_t now_ms, struct admission_slot *slot_r)
{
	struct ipaddr source = source_of(peer);
	struct tally_key of_source = { connector, &source }, of_all = { connector, NULL };

	memset(slot_r, 0, sizeof(*slot_r));
	if (!is_own && !take(a, &of_source, limits->per_source, now_ms, &slot_r->source))
		return ADMISSION_SOURCE_FULL;
	if (take(a, &of_all, limits->connections, now_ms, &slot_r->connector))
		return ADMISSION_GRANTED;
	give(&slot_r->source, now_ms);
	return ADMISSION_FULL;
}

void admission_trust(struct admission_slot *slot, uint64_t now_ms)
{
	give(&slot->source, now_ms);
}

void admission_leave(struct admission_slot *slot, uint64_t now_ms)
{
	give(&slot->source, now_ms);
	give(&slot->connector, now_ms);
}

enum admission_refusal admission_message(struct admission *a, const char *connector,
					 const struct ipaddr *peer, uint32_t per_minute,
					 uint64_t now_ms)
{
	struct ipaddr source = source_of(peer);
	struct tally_key key = { connector, &source };
	struct admission_shard *shard = shard_of(a, &key);
	bool is_paid;

	if (per_minute == 0)
		return ADMISSION_GRANTED;
	pthread_mutex_lock(&shard->lock);
	is_paid = tally_spend(&shard->tally, &key, per_minute, now_ms);
	pthread_mutex_unlock(&shard->lock);
	return is_paid ? ADMISSION_GRANTED : ADMISSION_TOO_FAST;
}

/* --- refusals ---------------------------------------------------------------------------- */

bool admission_wants_log(struct admission *a, enum admission_refusal refusal, uint64_t now_ms,
			 uint64_t *silent_r)
{
	struct notice *notice = &a->notices[refusal];
	bool wants;

	pthread_mutex_lock(&a->notice_lock);
	a->refused++;
	wants = now_ms >= notice->next_ms;
	*silent_r = notice->silent;
	notice->silent = wants ? 0 : notice->silent + 1;
	if (wants)
		notice->next_ms = now_ms + LOG_EVERY_MS;
	pthread_mutex_unlock(&a->notice_lock);
	return wants;
}

uint64_t admission_refused(struct admission *a)
{
	uint64_t refused;

	pthread_mutex_lock(&a->notice_lock);
	refused = a->refused;
	pthread_mutex_unlock(&a->notice_lock);
	return refused;
}

size_t admission_size(struct admission *a)
{
	size_t size = 0;

	for (unsigned i = 0; i < SHARDS; i++) {
		pthread_mutex_lock(&a->shards[i].lock);
		size += a->shards[i].tally.size;
		pthread_mutex_unlock(&a->shards[i].lock);
	}
	return size;
}
