/*
 * Connector selection as an explanation tells it: every connector, the step that removed it and
 * the values that the step compared (routing rules §5). Pure.
 */
#include <stdlib.h>
#include <string.h>

#include "topology/route_json_private.h"
#include "topology/select.h"
#include "topology/viewpoint_private.h"

enum { SPACES_SHOWN = 8, SOURCES_SHOWN = 16 };

/* What is being told. */
struct telling {
	const struct viewpoint *vp;
	const struct snapshot *snap;
	const struct select_verdict *verdicts;
	uint64_t size;
	uint32_t size_class;
	uint32_t winner; /* or SNAP_NONE */
	uint32_t index;  /* the connector at hand */
	json_t *out;
	struct buf why;
};

static const char *name_of(const struct telling *t, uint32_t connector)
{
	return snap_str(t->snap, snap_connector(t->snap, connector)->name);
}

static const char *space_of(const struct telling *t, uint32_t connector)
{
	return snap_str(t->snap, snap_space(t->snap, t->verdicts[connector].space)->text);
}

static const struct reach *reach_of(const struct telling *t, uint32_t connector)
{
	return select_reach_of(t->vp, t->size_class, connector);
}

/* Why a server in SITE cannot be a source seen from here, or null. */
static const char *site_fault(const struct telling *t, uint32_t site)
{
	if (site == SNAP_NONE)
		return "belongs to no site";
	if (site == t->vp->site)
		return NULL;
	if (viewpoint_hop(t->vp, t->size_class, site) == NULL)
		return "no path leads to its site";
	if (!snap_site(t->snap, site)->inbound)
		return "its site takes no mail from others";
	return snap_site(t->snap, site)->has_active_hub ? NULL : "its site has no active hub";
}

static const char *server_fault(const struct telling *t, uint32_t server)
{
	const struct snap_server *record = snap_server(t->snap, server);

	if (t->vp->is_edge)
		return "another server than this edge";
	if (record->state == SERVER_DISABLED)
		return "disabled";
	if (!(record->roles & ROLE_HUB))
		return "no hub";
	return viewpoint_is_active_hub(t->vp, server) ? site_fault(t, record->peer.site) : "draining";
}

static const char *edge_fault(const struct telling *t, uint32_t edge)
{
	if (t->vp->is_edge)
		return "another edge than this";
	return snap_edge(t->snap, edge)->enabled ? site_fault(t, snap_edge(t->snap, edge)->peer.site) :
						   "disabled";
}

static void add_source(struct telling *t, json_t *list, const struct snap_peer *peer,
		       const char *fault)
{
	json_t *source = json_object();
	const char *name = snap_str(t->snap, peer->name);

	buf_printf(&t->why, "%s%s %s", json_array_size(list) > 0 ? ", " : ": ", name, fault);
	json_set_text(source, "server", name);
	if (peer->site != SNAP_NONE)
		json_set_text(source, "site", snap_str(t->snap, snap_site(t->snap, peer->site)->name));
	json_set_text(source, "why", fault);
	json_array_append_new(list, source);
}

/* Step 1: each source with its fault. */
static void tell_route(struct telling *t)
{
	const struct snap_connector *c = snap_connector(t->snap, t->index);
	json_t *list = json_array();

	buf_adds(&t->why, c->servers.count + c->edges.count > 0 ?
				  "no active source server can be reached" : "it has no source server");
	for (uint32_t i = 0; i < c->servers.count && i < SOURCES_SHOWN; i++) {
		uint32_t server = snap_word(t->snap, c->servers, i);
		const char *fault = server_fault(t, server);

		add_source(t, list, &snap_server(t->snap, server)->peer, fault != NULL ? fault : "");
	}
	for (uint32_t i = 0; i < c->edges.count && i < SOURCES_SHOWN; i++) {
		uint32_t edge = snap_word(t->snap, c->edges, i);
		const char *fault = edge_fault(t, edge);

		add_source(t, list, &snap_edge(t->snap, edge)->peer, fault != NULL ? fault : "");
	}
	json_object_set_new(t->out, "sources", list);
}

static void tell_size(struct telling *t)
{
	uint64_t max = snap_connector(t->snap, t->index)->max_message_size;

	buf_printf(&t->why, "the message of %llu octets is larger than its %llu",
		   (unsigned long long)t->size, (unsigned long long)max);
	json_set_number(t->out, "max_message_size", max);
}

static void tell_scope(struct telling *t)
{
	buf_printf(&t->why, "scoped, and its nearest source is in site %s",
		   snap_str(t->snap, snap_site(t->snap, reach_of(t, t->index)->site)->name));
}

/* Step 4: what it has instead, as far as there is room. */
static void tell_space(struct telling *t)
{
	struct snap_list spaces = snap_connector(t->snap, t->index)->spaces;
	json_t *list = json_array();

	buf_adds(&t->why, "no address space matches");
	for (uint32_t i = 0; i < spaces.count && i < SPACES_SHOWN; i++) {
		const char *text = snap_str(t->snap, snap_space(t->snap, spaces.first + i)->text);

		buf_printf(&t->why, "%s%s", i > 0 ? ", " : ": ", text);
		json_array_append_new(list, json_string(text));
	}
	if (spaces.count > SPACES_SHOWN)
		buf_printf(&t->why, " and %u more", spaces.count - SPACES_SHOWN);
	json_object_set_new(t->out, "address_spaces", list);
	json_set_number(t->out, "address_space_count", spaces.count);
}

static void tell_specific(struct telling *t)
{
	buf_printf(&t->why, "%s is less specific than %s of %s", space_of(t, t->index),
		   space_of(t, t->winner), name_of(t, t->winner));
}

static void tell_cost(struct telling *t)
{
	buf_printf(&t->why, "costs %llu, %s %llu",
		   (unsigned long long)t->verdicts[t->index].total, name_of(t, t->winner),
		   (unsigned long long)t->verdicts[t->winner].total);
}

static void add_nearness(struct telling *t, uint32_t connector)
{
	const struct reach *reach = reach_of(t, connector);

	if (reach->proximity == PROXIMITY_REMOTE)
		buf_printf(&t->why, "%u hop%s away", reach->hops, reach->hops == 1 ? "" : "s");
	else
		buf_adds(&t->why, reach->proximity == PROXIMITY_SELF ? "this server" : "in this site");
}

static void tell_proximity(struct telling *t)
{
	buf_adds(&t->why, "its nearest source is ");
	add_nearness(t, t->index);
	buf_printf(&t->why, ", that of %s is ", name_of(t, t->winner));
	add_nearness(t, t->winner);
}

static void tell_name(struct telling *t)
{
	buf_printf(&t->why, "%s comes first by name", name_of(t, t->winner));
}

static void tell_disabled(struct telling *t)
{
	buf_adds(&t->why, "disabled");
}

static void tell_selected(struct telling *t)
{
	buf_adds(&t->why, "selected");
}

static void (*const tellers[])(struct telling *t) = {
	[SELECT_STEP_DISABLED] = tell_disabled,
	[SELECT_STEP_ROUTE] = tell_route,
	[SELECT_STEP_SIZE] = tell_size,
	[SELECT_STEP_SCOPE] = tell_scope,
	[SELECT_STEP_SPACE] = tell_space,
	[SELECT_STEP_SPECIFIC] = tell_specific,
	[SELECT_STEP_COST] = tell_cost,
	[SELECT_STEP_PROXIMITY] = tell_proximity,
	[SELECT_STEP_NAME] = tell_name,
	[SELECTED] = tell_selected,
};

/* What is known of it, whatever removed it: match, costs, nearest source. */
static void set_values(struct telling *t)
{
	static const char *const proximities[] = { "server", "site", "remote" };
	const struct select_verdict *verdict = &t->verdicts[t->index];
	const struct reach *reach = reach_of(t, t->index);

	if (verdict->space != SNAP_NONE) {
		json_set_text(t->out, "address_space", space_of(t, t->index));
		json_set_text(t->out, "match", select_specificity_name(verdict->specificity));
		json_set_number(t->out, "space_cost", snap_space(t->snap, verdict->space)->cost);
		json_set_number(t->out, "total_cost", verdict->total);
	}
	if (!reach->routed)
		return;
	json_set_text(t->out, "proximity", proximities[reach->proximity]);
	if (reach->site == SNAP_NONE)
		return;
	json_set_text(t->out, "source_site", snap_str(t->snap, snap_site(t->snap, reach->site)->name));
	json_set_number(t->out, "path_cost", reach->cost);
	json_set_number(t->out, "path_hops", reach->hops);
}

static json_t *tell(struct telling *t, uint32_t index)
{
	enum select_step step = t->verdicts[index].step;

	t->index = index;
	t->out = json_object();
	json_set_text(t->out, "connector", name_of(t, index));
	if (step != SELECTED)
		json_set_number(t->out, "removed_by_step", step);
	/* The sentence comes before what the step adds. */
	json_set_text(t->out, "why", "");
	buf_clear(&t->why);
	tellers[step](t);
	json_set_text(t->out, "why", t->why.data);
	set_values(t);
	return t->out;
}

json_t *select_json(const struct viewpoint *vp, uint32_t size_class, const struct resolved *leaf,
		    uint64_t size, uint32_t *winner_r)
{
	uint32_t n = snap_count(vp->snap, SNAP_CONNECTORS);
	struct select_verdict *verdicts = mem_zero(n, sizeof(*verdicts));
	struct telling t = { .vp = vp, .snap = vp->snap, .verdicts = verdicts, .size = size,
			     .size_class = size_class, .winner = SNAP_NONE };
	json_t *list = json_array();

	select_explain(vp, size_class, leaf->type, leaf->domain, size, verdicts);
	for (uint32_t i = 0; i < n; i++)
		if (verdicts[i].step == SELECTED)
			t.winner = i;
	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(list, tell(&t, i));
	*winner_r = t.winner;
	buf_free(&t.why);
	free(verdicts);
	return list;
}
