/* A source of recipients after a change: see recipient_overlay.h. Pure. */
#include "topology/recipient_overlay.h"

#include <uthash.h>

#include "topology/recipient_memory.h"

struct hidden {
	struct entry_uuid uuid;
	UT_hash_handle hh;
};

struct recipient_overlay {
	const struct recipient_source *below;
	recipient_each *each_below;
	struct hidden *hidden;
	struct recipient_memory *added;
	struct recipient_source source_added;
};

static int overlay_destroy(struct recipient_overlay *overlay)
{
	HASH_CLEAR(hh, overlay->hidden);
	return 0;
}

struct recipient_overlay *recipient_overlay_new(TALLOC_CTX *ctx,
						const struct recipient_source *below,
						recipient_each *each)
{
	struct recipient_overlay *overlay = talloc_zero(ctx, struct recipient_overlay);

	overlay->below = below;
	overlay->each_below = each;
	overlay->added = recipient_memory_new(overlay);
	overlay->source_added = recipient_memory_source(overlay->added);
	talloc_set_destructor(overlay, overlay_destroy);
	return overlay;
}

static bool is_hidden(const struct recipient_overlay *overlay, const struct recipient *recipient)
{
	struct hidden *hidden = NULL;

	HASH_FIND(hh, overlay->hidden, &recipient->uuid, sizeof(recipient->uuid), hidden);
	return hidden != NULL;
}

void recipient_overlay_hide(struct recipient_overlay *overlay, const struct entry_uuid *uuid)
{
	struct hidden *hidden = NULL;

	HASH_FIND(hh, overlay->hidden, uuid, sizeof(*uuid), hidden);
	if (hidden != NULL)
		return;
	hidden = talloc_zero(overlay, struct hidden);
	hidden->uuid = *uuid;
	HASH_ADD(hh, overlay->hidden, uuid, sizeof(hidden->uuid), hidden);
}

void recipient_overlay_add_list(struct recipient_overlay *overlay, const struct entry_list *list)
{
	recipient_memory_add_list(overlay->added, list);
}

bool recipient_overlay_is_empty(const struct recipient_overlay *overlay)
{
	return overlay->hidden == NULL && recipient_memory_count(overlay->added) == 0;
}

static int by_address(void *ctx, const char *address, struct recipient *list, int max,
		      struct err *err)
{
	const struct recipient_overlay *overlay = ctx;
	const struct recipient_source *added = &overlay->source_added;
	int n = overlay->below->by_address(overlay->below->ctx, address, list, max, err);
	int kept = 0, more;

	for (int i = 0; i < n; i++)
		if (!is_hidden(overlay, &list[i]))
			list[kept++] = list[i];
	if (n < 0)
		return -1;
	more = added->by_address(added->ctx, address, list + kept, max - kept, err);
	return more < 0 ? -1 : kept + more;
}

static int by_dn(void *ctx, const char *dn_key, struct recipient *recipient_r, struct err *err)
{
	const struct recipient_overlay *overlay = ctx;
	const struct recipient_source *added = &overlay->source_added;
	int rc = added->by_dn(added->ctx, dn_key, recipient_r, err);

	if (rc != 0)
		return rc;
	rc = overlay->below->by_dn(overlay->below->ctx, dn_key, recipient_r, err);
	return rc == 1 && is_hidden(overlay, recipient_r) ? 0 : rc;
}

struct recipient_source recipient_overlay_source(struct recipient_overlay *overlay)
{
	return (struct recipient_source){ by_address, by_dn, overlay };
}

/* Hands on what is not hidden. */
struct sieve {
	const struct recipient_overlay *overlay;
	bool (*fn)(void *arg, const struct recipient *recipient);
	void *arg;
	bool stopped;
};

static bool sift(void *arg, const struct recipient *recipient)
{
	struct sieve *sieve = arg;

	if (!is_hidden(sieve->overlay, recipient))
		sieve->stopped = !sieve->fn(sieve->arg, recipient);
	return !sieve->stopped;
}

int recipient_overlay_each(void *ctx, bool (*fn)(void *arg, const struct recipient *recipient),
			   void *arg, struct err *err)
{
	const struct recipient_overlay *overlay = ctx;
	struct sieve sieve = { overlay, fn, arg, false };

	if (overlay->each_below(overlay->below->ctx, sift, &sieve, err) < 0)
		return -1;
	return sieve.stopped ? 0 : recipient_memory_each(overlay->added, fn, arg, err);
}
