/*
 * What can be said about recipients: each is resolved as a message for it would be, and those
 * that nothing is delivered to are counted by what is wrong. Pure.
 */
#include "common/buf.h"
#include "topology/advice_private.h"
#include "topology/resolve.h"

enum { EXAMPLES = 5 };

/* What is reported together. */
struct tally {
	uint64_t count;
	struct buf examples;
};

struct people {
	const struct recipient_source *source;
	struct viewpoint *vp;
	struct tally tallies[ADVICE_COUNT];
	struct err *err;
	bool failed;
};

/* Reasons for which a recipient gets no mail whoever sends it, and the row of each. */
static const struct {
	enum route_reason reason;
	enum advice_id id;
} verdicts[] = {
	{ REASON_NO_HOME_SERVER, ADVICE_RECIPIENT_WITHOUT_HOME },
	{ REASON_FORWARD_LOOP, ADVICE_RECIPIENT_LOOP },
	{ REASON_DUPLICATE_ADDRESS, ADVICE_RECIPIENT_AMBIGUOUS },
};

/* Whatever server looks, a recipient resolves to the same; a hub also knows groups and homes. */
static struct viewpoint *any_viewpoint(const struct snapshot *snap)
{
	for (uint32_t i = 0; i < snap_count(snap, SNAP_SERVERS); i++)
		if (snap_server(snap, i)->roles & ROLE_HUB)
			return viewpoint_new(snap, i);
	return NULL;
}

static void count(struct people *people, enum advice_id id, const char *address)
{
	struct tally *tally = &people->tallies[id];

	if (tally->count++ < EXAMPLES)
		buf_printf(&tally->examples, "%s%s", tally->count > 1 ? ", " : "", address);
}

/* The first leaf that gets nothing tells; deliver-and-redirect has two. */
static void judge(struct people *people, const struct resolution *resolution,
		  const char *address)
{
	for (uint32_t i = 0; i < resolution->count; i++) {
		const struct resolved *item = &resolution->items[i];

		if (item->kind != RESOLVED_UNREACHABLE && item->kind != RESOLVED_REJECTED)
			continue;
		for (size_t v = 0; v < WP_COUNT(verdicts); v++)
			if (verdicts[v].reason == item->reason) {
				count(people, verdicts[v].id, address);
				return;
			}
		count(people, ADVICE_RECIPIENT_REFUSED, address);
		return;
	}
}

static bool on_recipient(void *arg, const struct recipient *recipient)
{
	/* An inside sender with the smallest message: nobody is refused for who writes. */
	const struct resolve_query query = { .authenticated = true };
	struct people *people = arg;
	struct resolution *resolution;
	TALLOC_CTX *ctx;

	if (*recipient->primary == '\0')
		return true;
	if (recipient->flags & RECIPIENT_GROUP) {
		if (recipient->member_dns.count + recipient->member_addresses.count == 0)
			count(people, ADVICE_EMPTY_GROUP, recipient->primary);
		return true;
	}
	ctx = talloc_new(NULL);
	people->failed = resolve_recipient(ctx, people->vp, people->source, &query,
					   recipient->primary, &resolution, people->err) < 0;
	if (!people->failed)
		judge(people, resolution, recipient->primary);
	talloc_free(ctx);
	return !people->failed;
}

/* §4.0: postmaster alone is rewritten to the organisation's. */
static void check_postmaster(const struct people *people, const struct advice *a)
{
	const struct snap_org *org = snap_org(a->snap);
	const struct resolve_query query = { .authenticated = true };
	struct resolution *resolution;
	TALLOC_CTX *ctx;

	if (org->postmaster == 0)
		return;
	ctx = talloc_new(NULL);
	if (resolve_recipient(ctx, people->vp, people->source, &query, "postmaster", &resolution,
			      NULL) == 0 &&
	    (resolution->items[0].kind == RESOLVED_UNREACHABLE ||
	     resolution->items[0].kind == RESOLVED_REJECTED))
		advice_say(a, ADVICE_NO_POSTMASTER, org->dn, "waypostPostmaster",
			   snap_str(a->snap, org->postmaster), "%s",
			   snap_str(a->snap, org->postmaster));
	talloc_free(ctx);
}

static void say_tallies(const struct people *people, const struct advice *a)
{
	for (uint32_t id = 0; id < ADVICE_COUNT; id++) {
		const struct tally *tally = &people->tallies[id];

		if (tally->count > 0)
			advice_say(a, id, snap_org(a->snap)->dn, "", "", "%llu: %s%s",
				   (unsigned long long)tally->count, tally->examples.data,
				   tally->count > EXAMPLES ? ", …" : "");
	}
}

int advice_people(const struct snapshot *snap, const struct recipient_source *source,
		  recipient_each *each, const struct advice_sink *sink, struct err *err)
{
	struct people people = { .source = source, .vp = any_viewpoint(snap), .err = err };
	struct advice a = { snap, sink };
	int rc;

	/* Without a hub nothing is resolved. */
	if (people.vp == NULL)
		return 0;
	rc = each(source->ctx, on_recipient, &people, err) < 0 || people.failed ? -1 : 0;
	if (rc == 0) {
		check_postmaster(&people, &a);
		say_tallies(&people, &a);
	}
	for (uint32_t id = 0; id < ADVICE_COUNT; id++)
		buf_free(&people.tallies[id].examples);
	viewpoint_free(people.vp);
	return rc;
}
