/* Advice: the table, and the round over all sites. See advice.h. */
#include "topology/advice_private.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "topology/paths.h"
#include "topology/viewpoint_private.h"

static const struct diag_row rows[ADVICE_COUNT] = {
#define ADVICE_ROW(symbol, id, severity, text, action) { id, severity, text, action },
#include "topology/advice_rows.h"
#undef ADVICE_ROW
};

const struct diag_row *advice_row(uint32_t n)
{
	return &rows[n];
}

const struct diag_row *advice_find_row(const char *id)
{
	for (uint32_t i = 0; i < ADVICE_COUNT; i++)
		if (strcmp(rows[i].id, id) == 0)
			return &rows[i];
	for (uint32_t i = 0; i < DIAG_COUNT; i++)
		if (strcmp(diag_row(i)->id, id) == 0)
			return diag_row(i);
	return NULL;
}

void advice_say(const struct advice *a, enum advice_id id, snap_text dn, const char *attribute,
		const char *value, const char *fmt, ...)
{
	struct buf detail = { 0 };
	va_list args;

	va_start(args, fmt);
	buf_vprintf(&detail, fmt, args);
	va_end(args);
	a->sink->on_finding(a->sink->arg,
			    &(struct advice_finding){ &rows[id], snap_str(a->snap, dn), attribute,
						      value, detail.data });
	buf_free(&detail);
}

const char *advice_site_name(const struct advice *a, uint32_t site)
{
	return snap_str(a->snap, snap_site(a->snap, site)->name);
}

const char *advice_connector_name(const struct advice *a, uint32_t connector)
{
	return snap_str(a->snap, snap_connector(a->snap, connector)->name);
}

bool advice_is_served(const struct snapshot *snap, uint32_t site)
{
	return snap_site(snap, site)->has_active_hub;
}

bool advice_is_source(const struct snapshot *snap, uint32_t i)
{
	const struct snap_server *server = snap_server(snap, i);

	if (server->state != SERVER_ACTIVE)
		return false;
	return server->roles == ROLE_EDGE ||
	       ((server->roles & ROLE_HUB) && server->peer.site != SNAP_NONE);
}

bool advice_is_edge_source(const struct snapshot *snap, uint32_t i)
{
	const struct snap_edge *edge = snap_edge(snap, i);

	return edge->enabled && edge->peer.site != SNAP_NONE &&
	       advice_is_served(snap, edge->peer.site);
}

uint32_t advice_sources(const struct snapshot *snap, const struct snap_connector *connector)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < connector->servers.count; i++)
		n += advice_is_source(snap, snap_word(snap, connector->servers, i));
	for (uint32_t i = 0; i < connector->edges.count; i++)
		n += advice_is_edge_source(snap, snap_word(snap, connector->edges, i));
	return n;
}

/* With size-aware routing each size class has paths of its own; the smallest messages' are the
 * main ones, since they may take every link. */
static void look_from(const struct advice *a, uint32_t from, struct viewpoint_hop *hops,
		      struct advice_paths *paths, struct advice_spaces *spaces)
{
	uint64_t *limits;
	uint32_t n = viewpoint_limits(a->snap, &limits);

	for (uint32_t i = 0; i < n; i++) {
		paths_compute(a->snap, from, i == 0 ? 0 : limits[i], hops);
		advice_paths_look(paths, from, hops, i == 0);
		advice_spaces_look(spaces, from, hops);
	}
	free(limits);
}

static void look_from_everywhere(const struct advice *a)
{
	uint32_t n = snap_count(a->snap, SNAP_SITES);
	struct viewpoint_hop *hops = mem_alloc((n + 1) * sizeof(*hops));
	struct advice_paths *paths = advice_paths_new(a);
	struct advice_spaces *spaces = advice_spaces_new(a);

	for (uint32_t from = 0; from < n; from++) {
		if (advice_is_served(a->snap, from))
			look_from(a, from, hops, paths, spaces);
		if (a->sink->on_progress != NULL)
			a->sink->on_progress(a->sink->arg, from + 1, n);
	}
	free(hops);
	advice_paths_end(paths);
	advice_spaces_end(spaces);
}

void advice_model(const struct snapshot *snap, bool with_paths, const struct advice_sink *sink)
{
	struct advice a = { snap, sink };

	advice_objects(&a);
	advice_domains(&a);
	advice_graph(&a);
	if (with_paths)
		look_from_everywhere(&a);
}
