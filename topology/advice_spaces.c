/*
 * Which connector wins which address space from where. Pure.
 *
 * Only nodes of the index with several spaces are contested: a more specific match always wins,
 * and what nobody else has is won by who has it. For each of them the candidates are sorted as
 * for a message (select.h), once per site and once more per server that is itself a source, since
 * that one prefers what it executes itself; and once per edge.
 */
#include <stdlib.h>

#include "common/buf.h"
#include "topology/advice_private.h"
#include "topology/snapshot_private.h"
#include "topology/viewpoint_private.h"

/* What is known of one space from all looks so far. */
struct fate {
	uint32_t wins, losses;
	uint32_t by_name; /* of the losses: nothing but the name was between them */
	uint32_t winner, from;           /* of the first loss: connector, site (edges: SNAP_NONE) */
	uint32_t name_winner, name_from; /* of the first by name */
};

struct advice_spaces {
	const struct advice *a;
	struct fate *fates;      /* per space */
	uint32_t *nodes, n_nodes; /* the contested ones */
	uint32_t *connectors, n_connectors; /* those that take part */
	bool *is_source;         /* per server: of one of these */
	struct reach *reach;
	struct candidate *candidates;
};

/* Marks the connectors of contested nodes; the largest number of items. */
static uint32_t find_contested(struct advice_spaces *s, bool *takes_part)
{
	const struct snapshot *snap = s->a->snap;
	uint32_t most = 0;

	for (uint32_t i = 0; i < snap_count(snap, SNAP_NODES); i++) {
		const struct snap_node *node = snap_node(snap, i);

		if (node->kind >= NODE_ACCEPTED_EXACT || node->items.count < 2)
			continue;
		s->nodes[s->n_nodes++] = i;
		if (node->items.count > most)
			most = node->items.count;
		for (uint32_t item = 0; item < node->items.count; item++) {
			uint32_t space = snap_word(snap, node->items, item) & ~SNAP_EDGE_BIT;

			takes_part[snap_space(snap, space)->connector] = true;
		}
	}
	return most;
}

static void find_sources(struct advice_spaces *s, const bool *takes_part)
{
	const struct snapshot *snap = s->a->snap;

	for (uint32_t i = 0; i < snap_count(snap, SNAP_CONNECTORS); i++) {
		const struct snap_connector *connector = snap_connector(snap, i);

		if (!takes_part[i])
			continue;
		s->connectors[s->n_connectors++] = i;
		for (uint32_t k = 0; k < connector->servers.count; k++)
			s->is_source[snap_word(snap, connector->servers, k)] = true;
	}
}

struct advice_spaces *advice_spaces_new(const struct advice *a)
{
	const struct snapshot *snap = a->snap;
	struct advice_spaces *s = mem_zero(1, sizeof(*s));
	uint32_t n_connectors = snap_count(snap, SNAP_CONNECTORS);
	bool *takes_part = mem_zero(n_connectors + 1, sizeof(*takes_part));

	s->a = a;
	s->fates = mem_zero(snap_count(snap, SNAP_SPACES) + 1, sizeof(*s->fates));
	s->nodes = mem_alloc((snap_count(snap, SNAP_NODES) + 1) * sizeof(*s->nodes));
	s->connectors = mem_alloc((n_connectors + 1) * sizeof(*s->connectors));
	s->is_source = mem_zero(snap_count(snap, SNAP_SERVERS) + 1, sizeof(*s->is_source));
	s->reach = mem_zero(n_connectors + 1, sizeof(*s->reach));
	s->candidates = mem_alloc((find_contested(s, takes_part) + 1) * sizeof(*s->candidates));
	find_sources(s, takes_part);
	free(takes_part);
	return s;
}

static bool is_larger(uint64_t a, uint64_t b)
{
	return b != 0 && (a == 0 || a > b);
}

static bool is_equal(const struct advice_spaces *s, const struct candidate *a,
		     const struct candidate *b)
{
	const struct reach *x = &s->reach[a->connector], *y = &s->reach[b->connector];

	return a->total == b->total && x->proximity == y->proximity && x->hops == y->hops &&
	       a->connector != b->connector;
}

static void lose(struct advice_spaces *s, const struct candidate *loser,
		 const struct candidate *winner, uint32_t from)
{
	struct fate *fate = &s->fates[loser->space];

	if (fate->losses++ == 0) {
		fate->winner = winner->connector;
		fate->from = from;
	}
	if (is_equal(s, loser, winner) && fate->by_name++ == 0) {
		fate->name_winner = winner->connector;
		fate->name_from = from;
	}
}

/* A candidate wins the messages that are too large for all before it, if there can be any. */
static void judge_node(struct advice_spaces *s, uint32_t n, uint32_t from)
{
	const struct candidate *largest = &s->candidates[0];

	for (uint32_t i = 0; i < n; i++) {
		const struct candidate *candidate = &s->candidates[i];

		if (i > 0 && !is_larger(candidate->max_size, largest->max_size)) {
			lose(s, candidate, largest, from);
			continue;
		}
		s->fates[candidate->space].wins++;
		largest = candidate;
	}
}

static void look_as(struct advice_spaces *s, const struct viewpoint *vp,
		    const struct viewpoint_hop *hops)
{
	for (uint32_t i = 0; i < s->n_connectors; i++)
		s->reach[s->connectors[i]] = select_reach_one(vp, hops, s->connectors[i]);
	for (uint32_t i = 0; i < s->n_nodes; i++) {
		const struct snap_node *node = snap_node(s->a->snap, s->nodes[i]);

		judge_node(s, select_candidates(vp, s->reach, node, s->candidates), vp->site);
	}
}

void advice_spaces_look(struct advice_spaces *s, uint32_t from, const struct viewpoint_hop *hops)
{
	struct snap_list hubs = snap_site(s->a->snap, from)->hubs;
	struct viewpoint vp = { .snap = s->a->snap, .edge = SNAP_NONE, .site = from };
	bool has_others = false;

	for (uint32_t i = 0; i < hubs.count && s->n_nodes > 0; i++) {
		vp.server = snap_word(s->a->snap, hubs, i);
		/* Of those that are no sources one is like the other. */
		if (!viewpoint_is_active_hub(&vp, vp.server) ||
		    (has_others && !s->is_source[vp.server]))
			continue;
		has_others |= !s->is_source[vp.server];
		look_as(s, &vp, hops);
	}
}

/* Subscribed edges; and those with a directory of their own, which are servers of it. */
static void look_from_edges(struct advice_spaces *s)
{
	const struct snapshot *snap = s->a->snap;
	struct viewpoint vp = { .snap = snap, .site = SNAP_NONE, .server = SNAP_NONE,
				.is_edge = true };

	for (vp.edge = 0; vp.edge < snap_count(snap, SNAP_EDGES); vp.edge++)
		look_as(s, &vp, NULL);
	vp.edge = SNAP_NONE;
	for (vp.server = 0; vp.server < snap_count(snap, SNAP_SERVERS); vp.server++)
		if (snap_server(snap, vp.server)->roles == ROLE_EDGE)
			look_as(s, &vp, NULL);
}

static const char *place(const struct advice *a, uint32_t from)
{
	return from == SNAP_NONE ? "an edge" : advice_site_name(a, from);
}

static void say_by_name(const struct advice *a, uint32_t space, const struct fate *fate)
{
	const struct snap_space *record = snap_space(a->snap, space);
	const char *text = snap_str(a->snap, record->text);

	advice_say(a, fate->wins == 0 ? ADVICE_NAME_DECIDES_ALWAYS : ADVICE_NAME_DECIDES,
		   snap_connector(a->snap, record->connector)->dn, "waypostAddressSpace", text,
		   "%s goes by %s, not by %s, seen from %s", text,
		   advice_connector_name(a, fate->name_winner),
		   advice_connector_name(a, record->connector), place(a, fate->name_from));
}

static void say_never(const struct advice *a, uint32_t space, const struct fate *fate)
{
	const struct snap_space *record = snap_space(a->snap, space);
	const char *text = snap_str(a->snap, record->text);

	advice_say(a, ADVICE_SPACE_NEVER_USED, snap_connector(a->snap, record->connector)->dn,
		   "waypostAddressSpace", text, "%s of %s: %s has it too and is better, seen from %s",
		   text, advice_connector_name(a, record->connector),
		   fate->winner == record->connector ? "the connector itself" :
						       advice_connector_name(a, fate->winner),
		   place(a, fate->from));
}

void advice_spaces_end(struct advice_spaces *s)
{
	look_from_edges(s);
	for (uint32_t i = 0; i < snap_count(s->a->snap, SNAP_SPACES); i++) {
		const struct fate *fate = &s->fates[i];

		if (fate->wins == 0 && fate->losses > 0 && fate->by_name == 0)
			say_never(s->a, i, fate);
		else if (fate->by_name > 0)
			say_by_name(s->a, i, fate);
	}
	free(s->fates);
	free(s->nodes);
	free(s->connectors);
	free(s->is_source);
	free(s->reach);
	free(s->candidates);
	free(s);
}
