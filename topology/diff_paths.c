/*
 * Paths between sites on both sides: see diff_private.h. Pure.
 *
 * From one source the paths are a tree, so whether two of them differ is told by hashes that
 * each site inherits from the one before it on the path: O(1) a pair, not O(length).
 */
#include <string.h>
#include <xxhash.h>

#include "common/ctl_proto.h"
#include "topology/diff_private.h"
#include "topology/paths.h"

/* What a path is made of, as hashes over joined names. */
struct way {
	uint64_t path, stops;
	uint64_t backoff; /* of this site as a next stop */
	bool known;
};

struct diff_paths {
	struct diff *d;
	struct diff_groups *groups;
	bool *hubs_differ;      /* joined sites: their candidates */
	struct way *ways[SIDES]; /* by index of the side */
	uint32_t *stack;
};

static const char *site_name(void *ctx, uint32_t i)
{
	return ((struct diff_paths *)ctx)->d->sites.name[i];
}

static const char *source_name(void *ctx, uint32_t i)
{
	return ((struct diff_paths *)ctx)->d->sources[i].name;
}

static const char *way_name(void *ctx, uint32_t i, int side)
{
	(void)side;
	return i == DIFF_DIRECT ? "direct" : site_name(ctx, i);
}

/* The active hubs of a site, as one hash. */
static uint64_t hash_hubs(const struct diff *d, int side, uint32_t site)
{
	const struct snapshot *snap = d->snap[side];
	struct snap_list hubs = snap_site(snap, site)->hubs;
	uint64_t hash = 0;

	for (uint32_t i = 0; i < hubs.count; i++) {
		uint32_t server = snap_word(snap, hubs, i);
		const char *key = diff_key(snap, SNAP_SERVERS, server);

		if (snap_server(snap, server)->state == SERVER_ACTIVE)
			hash = XXH3_64bits_withSeed(key, strlen(key), hash + 1);
	}
	return hash;
}

struct diff_paths *diff_paths_new(struct diff *d)
{
	struct diff_paths *paths = talloc_zero(d->ctx, struct diff_paths);
	uint32_t n = d->sites.count;

	paths->d = d;
	paths->groups = diff_groups_new(paths, d->n_sources, n,
					(struct diff_namer){ source_name, site_name, way_name, paths });
	paths->hubs_differ = talloc_zero_array(paths, bool, n + 1);
	paths->stack = talloc_array(paths, uint32_t, n + 1);
	for (int side = OLD; side < SIDES; side++)
		paths->ways[side] = talloc_array(paths, struct way,
						 snap_count(d->snap[side], SNAP_SITES) + 1);
	for (uint32_t i = 0; i < n; i++)
		if (d->sites.index[OLD][i] != SNAP_NONE && d->sites.index[NEW][i] != SNAP_NONE)
			paths->hubs_differ[i] = hash_hubs(d, OLD, d->sites.index[OLD][i]) !=
						hash_hubs(d, NEW, d->sites.index[NEW][i]);
	return paths;
}

/* ---- ways ---- */

static uint64_t mix(uint64_t hash, uint32_t joined)
{
	return XXH3_64bits_withSeed(&joined, sizeof(joined), hash + 1);
}

/* The way to SITE from that to the site before it. */
static struct way extend(const struct diff_paths *paths, const struct viewpoint *vp, int side,
			 const struct way *before, uint32_t previous)
{
	const struct diff *d = paths->d;
	const struct snap_site *site = snap_site(d->snap[side], previous);
	uint32_t joined = d->sites.joined[side][previous];
	struct way way = *before;

	way.path = mix(way.path, joined);
	if (previous == viewpoint_site(vp))
		return way;
	if (paths_is_stop(site))
		way.stops = mix(way.stops, joined);
	if (site->has_active_hub && site->inbound)
		way.backoff = mix(way.backoff, joined);
	return way;
}

static const struct way *find_way(struct diff_paths *paths, const struct viewpoint *vp, int side,
				  uint32_t size_class, uint32_t site)
{
	struct way *ways = paths->ways[side];
	uint32_t n = 0;

	while (!ways[site].known) {
		paths->stack[n++] = site;
		site = viewpoint_hop(vp, size_class, site)->previous;
	}
	while (n > 0) {
		uint32_t next = paths->stack[--n];

		ways[next] = extend(paths, vp, side, &ways[site], site);
		site = next;
	}
	return &ways[site];
}

static void begin_ways(struct diff_paths *paths, const struct viewpoint *vp, int side)
{
	memset(paths->ways[side], 0,
	       snap_count(paths->d->snap[side], SNAP_SITES) * sizeof(struct way));
	paths->ways[side][viewpoint_site(vp)].known = true;
}

/* ---- one pair ---- */

/* One end of a comparison: how a joined site is reached on one side. */
struct end {
	const struct viewpoint *vp;
	uint32_t size_class;
	uint32_t site; /* index */
	const struct viewpoint_hop *hop;
	uint32_t reason; /* why it is not reached; REASON_NONE: it is */
};

/* The order of the reasons is that of the routing rules, §4.3. */
static uint32_t reason_of(const struct diff *d, const struct end *end)
{
	const struct snap_site *site;

	if (end->site == SNAP_NONE)
		return DIFF_NO_SUCH_SITE;
	site = snap_site(viewpoint_snapshot(end->vp), end->site);
	if (!site->inbound)
		return REASON_SITE_INBOUND_DISABLED;
	if (end->hop == NULL)
		return end->size_class > 0 && viewpoint_hop(end->vp, 0, end->site) != NULL ?
			       REASON_LINK_SIZE : REASON_NO_ROUTE_TO_SITE;
	if (!site->has_active_hub)
		return REASON_NO_HUB_IN_SITE;
	if (end->hop->max_size != 0 && d->query->size > end->hop->max_size)
		return REASON_LINK_SIZE;
	return REASON_NONE;
}

static struct end look(const struct diff *d, const struct viewpoint *vp, int side, uint32_t joined)
{
	struct end end = { .vp = vp, .site = d->sites.index[side][joined] };

	end.size_class = viewpoint_size_class(vp, d->query->size);
	if (end.site != SNAP_NONE)
		end.hop = viewpoint_hop(vp, end.size_class, end.site);
	end.reason = reason_of(d, &end);
	return end;
}

static uint32_t next_of(const struct diff *d, int side, const struct end *end)
{
	return d->sites.joined[side][end->hop->next_stop];
}

/* What differs between two ways that both lead there. */
static uint32_t compare_ways(struct diff_paths *paths, const struct end *ends)
{
	const struct diff *d = paths->d;
	const struct way *old = find_way(paths, ends[OLD].vp, OLD, ends[OLD].size_class, ends[OLD].site);
	const struct way *new = find_way(paths, ends[NEW].vp, NEW, ends[NEW].size_class, ends[NEW].site);
	uint32_t next = next_of(d, OLD, &ends[OLD]), what = 0;
	const struct viewpoint_hop *x = ends[OLD].hop, *y = ends[NEW].hop;

	if (next != next_of(d, NEW, &ends[NEW]))
		return DIFF_NEXT_STOP;
	what |= old->stops != new->stops ? DIFF_STOPS : 0;
	what |= old->path != new->path ? DIFF_PATH : 0;
	what |= paths->hubs_differ[next] ? DIFF_SERVERS : 0;
	old = find_way(paths, ends[OLD].vp, OLD, ends[OLD].size_class, x->next_stop);
	new = find_way(paths, ends[NEW].vp, NEW, ends[NEW].size_class, y->next_stop);
	what |= old->backoff != new->backoff ? DIFF_BACKOFF : 0;
	if (what != 0)
		return what;
	what |= x->cost != y->cost ? DIFF_COST : 0;
	what |= x->hops != y->hops ? DIFF_HOPS : 0;
	what |= x->max_size != y->max_size ? DIFF_LIMIT : 0;
	return what;
}

/* ---- examples ---- */

static json_t *names_of(const struct diff *d, int side, const uint32_t *sites, uint32_t n)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(list, ctl_text(snap_str(d->snap[side],
							      snap_site(d->snap[side], sites[i])->name)));
	return list;
}

static json_t *server_names(const struct snapshot *snap, const uint32_t *servers, uint32_t n)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(list,
				      ctl_text(snap_str(snap, snap_server(snap, servers[i])->peer.name)));
	return list;
}

static json_t *describe_end(struct diff_paths *paths, int side, const struct end *end)
{
	const struct snapshot *snap = paths->d->snap[side];
	uint32_t room = snap_count(snap, SNAP_SITES) + snap_count(snap, SNAP_SERVERS), n;
	uint32_t *list;
	json_t *out = json_object();

	if (end->reason != REASON_NONE) {
		json_object_set_new(out, "reason", json_string(diff_reason_name(end->reason)));
		return out;
	}
	list = talloc_array(paths, uint32_t, room);
	n = end->hop->next_stop;
	json_object_set_new(out, "next_stop", ctl_text(snap_str(snap, snap_site(snap, n)->name)));
	n = viewpoint_path(end->vp, end->size_class, end->site, list, room);
	json_object_set_new(out, "path", names_of(paths->d, side, list, n));
	n = viewpoint_stops(end->vp, end->size_class, end->site, list, room);
	json_object_set_new(out, "stops", names_of(paths->d, side, list, n));
	n = viewpoint_hubs(end->vp, end->hop->next_stop, list, room);
	json_object_set_new(out, "servers", server_names(snap, list, n));
	n = viewpoint_backoff(end->vp, end->size_class, end->hop->next_stop, list, room);
	json_object_set_new(out, "backoff", names_of(paths->d, side, list, n));
	json_object_set_new(out, "cost", json_integer((json_int_t)end->hop->cost));
	json_object_set_new(out, "hops", json_integer(end->hop->hops));
	talloc_free(list);
	return out;
}

static json_t *make_example(struct diff_paths *paths, uint32_t source, uint32_t to,
			    const struct end *ends)
{
	return json_pack("{so so so so}", "from", ctl_text(paths->d->sources[source].name), "to",
			 ctl_text(paths->d->sites.name[to]), "old",
			 describe_end(paths, OLD, &ends[OLD]), "new",
			 describe_end(paths, NEW, &ends[NEW]));
}

/* ---- one source ---- */

static uint32_t way_key(const struct diff *d, int side, const struct end *end, uint32_t to)
{
	uint32_t next;

	if (end->reason != REASON_NONE)
		return SNAP_NONE;
	next = next_of(d, side, end);
	return next == to ? DIFF_DIRECT : next;
}

static void compare_pair(struct diff_paths *paths, uint32_t source, uint32_t to,
			 struct viewpoint *const *vp)
{
	const struct diff *d = paths->d;
	const struct end ends[SIDES] = { look(d, vp[OLD], OLD, to), look(d, vp[NEW], NEW, to) };
	bool old_ok = ends[OLD].reason == REASON_NONE, new_ok = ends[NEW].reason == REASON_NONE;
	struct diff_group_key key = { .kind = DIFF_MOVED, .old = SNAP_NONE, .new = SNAP_NONE };
	struct diff_group *group;

	if (!old_ok && !new_ok)
		return;
	if (old_ok && new_ok) {
		key.what = compare_ways(paths, ends);
		if (key.what == 0)
			return;
		if (key.what >= DIFF_COST)
			key.kind = DIFF_CHANGED;
		key.old = way_key(d, OLD, &ends[OLD], to);
		key.new = way_key(d, NEW, &ends[NEW], to);
	} else {
		key.kind = old_ok ? DIFF_LOST : DIFF_GAINED;
		key.reason = ends[old_ok ? NEW : OLD].reason;
	}
	group = diff_groups_count(paths->groups, &key, source, to);
	if (group != NULL)
		diff_group_example(group, make_example(paths, source, to, ends));
}

void diff_paths_source(struct diff_paths *paths, uint32_t source, struct viewpoint *const *vp)
{
	begin_ways(paths, vp[OLD], OLD);
	begin_ways(paths, vp[NEW], NEW);
	for (uint32_t to = 0; to < paths->d->sites.count; to++)
		if (to != paths->d->sources[source].site)
			compare_pair(paths, source, to, vp);
}

json_t *diff_paths_json(struct diff_paths *paths, bool compared)
{
	return diff_groups_json(paths->groups, compared, paths->d->totals);
}
