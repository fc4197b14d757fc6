/* How one message is split at a server: see copies.h. Pure. */
#include "topology/copies.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

/* What makes two recipients go the same way: the outcome, an index, a text. */
struct way {
	const char *text;
	uint32_t index;
	uint32_t item;
	uint32_t fork;
	uint8_t outcome;
};

struct splitting {
	const struct viewpoint *vp;
	const struct resolved *const *leaves;
	struct copies *copies;
	struct way *ways;
	uint32_t count; /* leaves */
	uint32_t n_ways;
};

static void decide(struct splitting *s, uint64_t size, uint32_t linked)
{
	for (uint32_t i = 0; i < s->count; i++) {
		struct route_decision *d = &s->copies->decisions[i];

		if (linked == SNAP_NONE || !route_decide_linked(s->vp, linked, size, d))
			route_decide(s->vp, s->leaves[i], size, d);
	}
}

/* §3.8: FORKS gets one site per leaf; those that are relayed to a site go towards it. */
static void fan_out(struct splitting *s, uint32_t *forks)
{
	uint32_t *sites = mem_alloc(s->count * sizeof(*sites));
	struct route_decision *d = s->copies->decisions;
	uint32_t size_class = 0, n_relayed = 0;

	for (uint32_t i = 0; i < s->count; i++) {
		bool is_relayed = d[i].outcome == ROUTE_RELAY_SITE;

		/* The local site has no fork. */
		sites[i] = is_relayed ? d[i].site : viewpoint_site(s->vp);
		forks[i] = is_relayed ? d[i].site : SNAP_NONE;
		n_relayed += is_relayed;
		if (is_relayed)
			size_class = d[i].size_class; /* one message, one size */
	}
	if (n_relayed > 1) {
		viewpoint_forks(s->vp, size_class, sites, s->count, forks);
		for (uint32_t i = 0; i < s->count; i++)
			if (forks[i] != SNAP_NONE)
				d[i].next_stop = viewpoint_hop(s->vp, size_class, forks[i])->next_stop;
	}
	free(sites);
}

/* A connector that asks the DNS has one way per domain; smart hosts take all domains alike. */
static const char *domain_of(const struct snapshot *snap, const struct resolved *leaf,
			     uint32_t connector)
{
	const struct snap_connector *record = snap_connector(snap, connector);

	return record->kind == CONNECTOR_SEND && record->smart_hosts.count == 0 ? leaf->domain : "";
}

const char *copies_domain(const struct snapshot *snap, const struct copy *copy)
{
	return copy->decision.outcome == ROUTE_CONNECTOR ?
		       domain_of(snap, copy->leaf, copy->decision.connector) : "";
}

/* False: it goes nowhere. */
static bool way_of(const struct splitting *s, uint32_t item, uint32_t fork, struct way *way)
{
	const struct resolved *leaf = s->leaves[item];
	const struct route_decision *d = &s->copies->decisions[item];

	*way = (struct way){ "", SNAP_NONE, item, fork, d->outcome };
	switch ((enum route_outcome)d->outcome) {
	case ROUTE_MAILBOX:
		way->index = d->server;
		return true;
	case ROUTE_RELAY_SITE:
		way->index = d->next_stop;
		return true;
	case ROUTE_RELAY_SERVER:
		way->index = d->connector;
		way->text = d->to_host ? leaf->host : "";
		return true;
	case ROUTE_CONNECTOR:
		way->index = d->connector;
		way->text = domain_of(viewpoint_snapshot(s->vp), leaf, d->connector);
		return true;
	case ROUTE_UNREACHABLE:
		way->text = reason_row((enum route_reason)d->reason)->id;
		return true;
	case ROUTE_EXPANDED:
	case ROUTE_DISCARDED:
	case ROUTE_REJECTED:
		break;
	}
	return false;
}

static int compare_ways(const struct way *x, const struct way *y)
{
	if (x->outcome != y->outcome)
		return x->outcome < y->outcome ? -1 : 1;
	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	return strcmp(x->text, y->text);
}

static int compare_for_sort(const void *a, const void *b)
{
	const struct way *x = a, *y = b;
	int order = compare_ways(x, y);

	return order != 0 ? order : (x->item > y->item) - (x->item < y->item);
}

static void find_ways(struct splitting *s)
{
	uint32_t *forks = mem_alloc(s->count * sizeof(*forks));

	fan_out(s, forks);
	for (uint32_t i = 0; i < s->count; i++) {
		if (way_of(s, i, forks[i], &s->ways[s->n_ways]))
			s->n_ways++;
		else
			s->copies->lost[s->copies->n_lost++] = i;
	}
	free(forks);
	if (s->n_ways > 0)
		qsort(s->ways, s->n_ways, sizeof(*s->ways), compare_for_sort);
}

static void gather(struct splitting *s)
{
	uint32_t limit = snap_org(viewpoint_snapshot(s->vp))->expansion_limit;
	struct copies *copies = s->copies;
	struct copy *copy = NULL;

	for (uint32_t i = 0; i < s->n_ways; i++) {
		const struct way *way = &s->ways[i];

		copies->pool[i] = way->item;
		if (copy == NULL || copy->count >= limit || compare_ways(way - 1, way) != 0) {
			copy = &copies->list[copies->count++];
			*copy = (struct copy){ copies->decisions[way->item], s->leaves[way->item],
					       way->fork, &copies->pool[i], 0 };
		} else if (copy->fork != way->fork)
			copy->fork = copy->decision.next_stop; /* which forks again */
		copy->count++;
	}
}

struct copies *copies_new(const struct viewpoint *vp, const struct resolved *const *leaves,
			  uint32_t count, uint64_t size, uint32_t linked)
{
	struct copies *copies = mem_zero(1, sizeof(*copies));
	struct splitting s = { vp, leaves, copies, NULL, count, 0 };

	copies->decisions = mem_zero(count, sizeof(*copies->decisions));
	copies->list = mem_zero(count, sizeof(*copies->list));
	copies->lost = mem_alloc(count * sizeof(*copies->lost));
	copies->pool = mem_alloc(count * sizeof(*copies->pool));
	s.ways = mem_alloc(count * sizeof(*s.ways));
	decide(&s, size, linked);
	find_ways(&s);
	gather(&s);
	free(s.ways);
	return copies;
}

void copies_free(struct copies *copies)
{
	if (copies == NULL)
		return;
	free(copies->list);
	free(copies->decisions);
	free(copies->lost);
	free(copies->pool);
	free(copies);
}
