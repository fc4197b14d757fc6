/* §1–§3 by enumerating every simple path. */
#include <string.h>

#include "tests/topology/oracle_private.h"

/* §3.9: a draining server finishes its queue. */
bool o_is_active_hub(const struct o_view *view, int server)
{
	const struct o_server *s = &view->o->servers[server];

	return s->is_hub &&
	       (s->state == ACTIVE || (s->state == DRAINING && server == view->server));
}

bool o_has_active_hub(const struct o_view *view, int site)
{
	for (int i = 0; i < view->o->n_servers; i++)
		if (view->o->servers[i].site == site && view->o->servers[i].is_hub &&
		    view->o->servers[i].state == ACTIVE)
			return true;
	return false;
}

static bool is_wider(uint64_t a, uint64_t b)
{
	return b != 0 && (a == 0 || a > b);
}

/* §1.3: the link between two sites, and §7: wide enough. Null: none. */
static const struct o_link *direct(const struct o_view *view, int a, int b, bool whole)
{
	const struct oracle *o = view->o;
	const struct o_link *best = NULL;

	for (int i = 0; i < o->n_links; i++) {
		const struct o_link *link = &o->links[i];

		if (!link->joins[a] || !link->joins[b])
			continue;
		if (o->size_aware && !whole && link->size != 0 && view->size > link->size)
			continue;
		if (best == NULL || link->cost < best->cost ||
		    (link->cost == best->cost && is_wider(link->size, best->size)))
			best = link;
	}
	return best;
}

/* §2: cost, hops, then the names from the destination backwards. */
static bool is_better(const struct oracle *o, const struct o_path *a, const struct o_path *b)
{
	if (b->n == 0 || a->cost != b->cost)
		return b->n == 0 || a->cost < b->cost;
	if (a->n != b->n)
		return a->n < b->n;
	for (int i = a->n - 2; i > 0; i--) {
		int order = strcmp(o->sites[a->sites[i]].key, o->sites[b->sites[i]].key);

		if (order != 0)
			return order < 0;
	}
	return false;
}

static void extend(const struct o_view *view, const struct o_path *path, int to, bool whole,
		   bool *used, struct o_path *best)
{
	int at = path->sites[path->n - 1];

	if (at == to) {
		if (is_better(view->o, path, best))
			*best = *path;
		return;
	}
	for (int next = 0; next < view->o->n_sites; next++) {
		const struct o_link *link = used[next] ? NULL : direct(view, at, next, whole);
		struct o_path longer = *path;

		if (link == NULL)
			continue;
		longer.sites[longer.n++] = next;
		longer.cost += link->cost;
		if (is_wider(longer.size, link->size))
			longer.size = link->size;
		used[next] = true;
		extend(view, &longer, to, whole, used, best);
		used[next] = false;
	}
}

struct o_path o_path(const struct o_view *view, int to, bool whole)
{
	struct o_path best = { .n = 0 }, start = { { view->site }, 1, 0, 0 };
	bool used[ORG_SITES_MAX] = { false };

	if (view->site == NONE)
		return best;
	used[view->site] = true;
	extend(view, &start, to, whole, used, &best);
	return best;
}

int o_stops(const struct o_view *view, const struct o_path *path, int *stops)
{
	int n = 0;

	for (int i = 1; i < path->n; i++) {
		const struct o_site *site = &view->o->sites[path->sites[i]];

		if (i == path->n - 1 ||
		    (site->is_hub && site->inbound && o_has_active_hub(view, path->sites[i])))
			stops[n++] = path->sites[i];
	}
	return n;
}
