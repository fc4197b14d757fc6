/* The difference between two snapshots: see diff.h. The parts are in diff_*.c. Pure. */
#include <string.h>

#include "common/ctl_proto.h"
#include "topology/diff_private.h"

/* ---- who sends ---- */

static bool can_send(const struct diff *d, int side, uint32_t joined)
{
	uint32_t site = d->sites.index[side][joined];

	return site != SNAP_NONE && snap_site(d->snap[side], site)->has_active_hub;
}

static void add_source(struct diff *d, const char *name, const uint32_t *at, uint32_t site,
		       bool is_subscription)
{
	d->sources[d->n_sources++] = (struct diff_source){ name, { at[OLD], at[NEW] }, site,
							   is_subscription };
}

/* Sites that can send on both sides; those that can on one only are told. */
static void add_sites(struct diff *d, json_t *told)
{
	json_t *lost = json_array(), *gained = json_array();

	for (uint32_t i = 0; i < d->sites.count; i++) {
		bool old = can_send(d, OLD, i), new = can_send(d, NEW, i);
		const uint32_t at[SIDES] = { d->sites.index[OLD][i], d->sites.index[NEW][i] };

		if (old && new)
			add_source(d, d->sites.name[i], at, i, false);
		else if (old || new)
			json_array_append_new(old ? lost : gained, ctl_text(d->sites.name[i]));
	}
	d->totals[DIFF_LOST] += json_array_size(lost);
	d->totals[DIFF_GAINED] += json_array_size(gained);
	json_object_set_new(told, "lost", lost);
	json_object_set_new(told, "gained", gained);
}

/* Keeps MAX of the sites, evenly chosen, the first one among them. */
static void choose_sites(struct diff *d, uint32_t max)
{
	uint32_t n = d->n_sources;

	if (max == 0 || n <= max)
		return;
	for (uint32_t i = 0; i < max; i++)
		d->sources[i] = d->sources[(uint64_t)i * n / max];
	d->n_sources = max;
}

/* Keeps the site NAME, as the newer side spells it. */
static void keep_site(struct diff *d, const char *name)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < d->n_sources; i++)
		if (strcmp(d->sources[i].name, name) == 0)
			d->sources[n++] = d->sources[i];
	d->n_sources = n;
}

static bool is_edge_server(const struct snapshot *snap, uint32_t server)
{
	return (snap_server(snap, server)->roles & (ROLE_EDGE | ROLE_HUB)) == ROLE_EDGE;
}

static void add_edges(struct diff *d)
{
	struct diff_names servers = diff_names_join(d->ctx, d->snap, SNAP_SERVERS);
	struct diff_names edges = diff_names_join(d->ctx, d->snap, SNAP_EDGES);

	d->sources = talloc_realloc(d->ctx, d->sources, struct diff_source,
				    d->n_sources + servers.count + edges.count + 1);
	for (uint32_t i = 0; i < servers.count; i++) {
		const uint32_t at[SIDES] = { servers.index[OLD][i], servers.index[NEW][i] };

		if (at[OLD] != SNAP_NONE && at[NEW] != SNAP_NONE && is_edge_server(d->snap[OLD], at[OLD]) &&
		    is_edge_server(d->snap[NEW], at[NEW]))
			add_source(d, servers.name[i], at, SNAP_NONE, false);
	}
	for (uint32_t i = 0; i < edges.count; i++) {
		const uint32_t at[SIDES] = { edges.index[OLD][i], edges.index[NEW][i] };

		if (at[OLD] != SNAP_NONE && at[NEW] != SNAP_NONE)
			add_source(d, edges.name[i], at, SNAP_NONE, true);
	}
}

static void find_sources(struct diff *d)
{
	json_t *told = json_object();
	uint32_t all;

	d->sources = talloc_array(d->ctx, struct diff_source, d->sites.count + 1);
	add_sites(d, told);
	if (d->query->source != NULL)
		keep_site(d, d->query->source);
	all = d->n_sources;
	choose_sites(d, d->query->max_sources);
	json_object_set_new(told, "compared", json_integer(d->n_sources));
	json_object_set_new(told, "of", json_integer(all));
	json_object_set_new(d->json, "sources", told);
	if (d->query->source == NULL)
		add_edges(d);
}

static struct viewpoint *look_from(const struct diff *d, int side, const struct diff_source *source)
{
	if (source->site != SNAP_NONE)
		return viewpoint_new_site(d->snap[side], source->at[side]);
	if (source->is_subscription)
		return viewpoint_new_edge(d->snap[side], source->at[side]);
	return viewpoint_new(d->snap[side], source->at[side]);
}

/* ---- paths and address spaces: one source after the other ---- */

static void compare_source(struct diff *d, uint32_t i, struct diff_paths *paths,
			   struct diff_spaces *spaces)
{
	const struct diff_source *source = &d->sources[i];
	struct viewpoint *vp[SIDES] = { look_from(d, OLD, source), look_from(d, NEW, source) };

	if (paths != NULL && source->site != SNAP_NONE)
		diff_paths_source(paths, i, vp);
	if (spaces != NULL)
		diff_spaces_source(spaces, i, vp);
	viewpoint_free(vp[OLD]);
	viewpoint_free(vp[NEW]);
	if (d->query->on_progress != NULL)
		d->query->on_progress(d->query->ctx, i + 1, d->n_sources);
}

static void compare_sources(struct diff *d)
{
	bool paths_compared = !diff_same_network(d);
	bool spaces_compared = paths_compared || !diff_same_connectors(d);
	struct diff_paths *paths = diff_paths_new(d);
	struct diff_spaces *spaces = diff_spaces_new(d);

	for (uint32_t i = 0; i < d->n_sources && spaces_compared; i++)
		compare_source(d, i, paths_compared ? paths : NULL, spaces);
	json_object_set_new(d->json, "paths", diff_paths_json(paths, paths_compared));
	json_object_set_new(d->json, "spaces", diff_spaces_json(spaces, spaces_compared));
}

/* ---- all parts ---- */

static int compare_rest(struct diff *d, struct err *err)
{
	json_t *recipients;
	int rc;

	json_object_set_new(d->json, "connectors", diff_connectors_json(d));
	json_object_set_new(d->json, "domains", diff_domains_json(d));
	rc = diff_recipients_json(d, &recipients, err);
	json_object_set_new(d->json, "recipients", recipients);
	json_object_set_new(d->json, "diagnostics", diff_diagnostics_json(d));
	return rc;
}

/* The sums stand first. */
static json_t *begin_answer(const struct diff_query *query)
{
	json_t *json = json_object();

	for (uint32_t kind = 0; kind < DIFF_KINDS; kind++)
		json_object_set_new(json, diff_kind_name(kind), json_integer(0));
	json_object_set_new(json, "size", json_integer((json_int_t)query->size));
	return json;
}

int diff_snapshots(const struct diff_query *query, json_t **diff_r, struct err *err)
{
	struct diff d = { .query = query, .snap = { query->old.snap, query->new.snap },
			  .ctx = talloc_new(NULL), .json = begin_answer(query) };
	int rc;

	d.sites = diff_names_join(d.ctx, d.snap, SNAP_SITES);
	d.connectors = diff_names_join(d.ctx, d.snap, SNAP_CONNECTORS);
	find_sources(&d);
	compare_sources(&d);
	rc = compare_rest(&d, err);
	for (uint32_t kind = 0; kind < DIFF_KINDS; kind++)
		json_object_set_new(d.json, diff_kind_name(kind),
				    json_integer((json_int_t)d.totals[kind]));
	talloc_free(d.ctx);
	if (rc == 0)
		*diff_r = d.json;
	else
		json_decref(d.json);
	return rc;
}
