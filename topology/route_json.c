/*
 * Route queries and answers as JSON: see route_json.h; routing rules §8. Pure.
 *
 * The order of fields is part of the contract: from, recipient, resolved, via, connector,
 * total_cost, address_space, outcome, recipients, server, site, next_stop, path, stops, servers,
 * backoff, cost, hops, status, reason, explain.
 */
#include "topology/route_json.h"

#include <stdlib.h>
#include <string.h>

#include "topology/route_json_private.h"

/* Viewpoints kept, by a hash of the name asked from. */
enum { KEPT = 64 };

struct route_desk {
	const struct snapshot *snap;
	const struct recipient_source *source;
	struct viewpoint *kept[KEPT];
	uint32_t kept_for[KEPT]; /* a server, or an edge with the top bit */
};

enum { FOR_EDGE = 0x40000000 };

struct route_desk *route_desk_new(const struct snapshot *snap,
				  const struct recipient_source *source)
{
	struct route_desk *desk = mem_zero(1, sizeof(*desk));

	desk->snap = snap;
	desk->source = source;
	return desk;
}

void route_desk_free(struct route_desk *desk)
{
	for (int i = 0; desk != NULL && i < KEPT; i++)
		viewpoint_free(desk->kept[i]);
	free(desk);
}

/* The viewpoint of a server, or of a subscribed edge; null if there is none of the name. */
static const struct viewpoint *viewpoint_of(struct route_desk *desk, const char *from)
{
	uint32_t server = snapshot_find_server(desk->snap, from), edge = SNAP_NONE, key, slot;

	if (server == SNAP_NONE)
		edge = snapshot_find_edge(desk->snap, from);
	if (server == SNAP_NONE && edge == SNAP_NONE)
		return NULL;
	key = server != SNAP_NONE ? server : edge | FOR_EDGE;
	slot = key % KEPT;
	if (desk->kept[slot] == NULL || desk->kept_for[slot] != key) {
		viewpoint_free(desk->kept[slot]);
		desk->kept[slot] = server != SNAP_NONE ? viewpoint_new(desk->snap, server) :
							 viewpoint_new_edge(desk->snap, edge);
		desk->kept_for[slot] = key;
	}
	return desk->kept[slot];
}

json_t *route_error(const char *fmt, ...)
{
	json_t *out = json_object();
	va_list args;

	va_start(args, fmt);
	json_object_set_new(out, "error", json_vsprintf(fmt, args));
	va_end(args);
	return out;
}

bool route_answer_is_error(const json_t *answer)
{
	return json_object_get(answer, "error") != NULL;
}

/* "SERVER/NAME"; false if there is no such receive connector. */
static bool find_receive(const struct snapshot *snap, const char *text, uint32_t *receive_r)
{
	const char *slash = strchr(text, '/');
	char *name = slash != NULL ? strndup(text, (size_t)(slash - text)) : NULL;
	uint32_t server = name != NULL ? snapshot_find_server(snap, name) : SNAP_NONE;

	free(name);
	*receive_r = server != SNAP_NONE ? snapshot_find_receive(snap, server, slash + 1) : SNAP_NONE;
	return *receive_r != SNAP_NONE;
}

/* Reads the optional fields; an error answer or null. */
static json_t *read_options(const struct route_desk *desk, const json_t *json, struct query *q)
{
	const json_t *size = json_object_get(json, "size");
	const json_t *inside = json_object_get(json, "authenticated");
	const json_t *receive = json_object_get(json, "receive_connector");
	const json_t *explain = json_object_get(json, "explain");

	if (size != NULL && (!json_is_integer(size) || json_integer_value(size) < 0))
		return route_error("size has to be a number of octets");
	if (inside != NULL && !json_is_boolean(inside))
		return route_error("authenticated has to be true or false");
	if (explain != NULL && !json_is_boolean(explain))
		return route_error("explain has to be true or false");
	if (receive != NULL && !json_is_string(receive))
		return route_error("receive_connector has to be SERVER/NAME");
	q->size = (uint64_t)json_integer_value(size);
	q->authenticated = inside == NULL || json_is_true(inside);
	q->explain |= json_is_true(explain);
	q->receive = SNAP_NONE;
	q->receive_name = json_string_value(receive);
	if (receive != NULL && !find_receive(desk->snap, json_string_value(receive), &q->receive))
		return route_error("there is no receive connector %s", json_string_value(receive));
	return NULL;
}

json_t *route_read_query(struct route_desk *desk, const json_t *json, struct query *q)
{
	if (!json_is_object(json))
		return route_error("a query is a JSON object");
	q->from = json_string_value(json_object_get(json, "from"));
	if (q->from == NULL)
		return route_error("from is missing or no string");
	q->vp = viewpoint_of(desk, q->from);
	if (q->vp == NULL)
		return route_error("there is no server %s", q->from);
	return read_options(desk, json, q);
}

void json_set_sites(json_t *out, const char *field, const struct snapshot *snap,
		    const uint32_t *sites, uint32_t n)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(list,
				      json_string(snap_str(snap, snap_site(snap, sites[i])->name)));
	json_object_set_new(out, field, list);
}

static void set_resolved(json_t *out, const struct resolved *item)
{
	json_t *via = json_array();

	for (uint32_t i = 0; i < item->n_via; i++)
		json_array_append_new(via, json_string(item->via[i]));
	if (item->n_via > 0)
		json_set_text(out, "resolved", item->address);
	if (item->n_via > 0)
		json_object_set(out, "via", via);
	json_decref(via);
}

static void set_connector(json_t *out, const struct snapshot *snap,
			  const struct route_decision *d)
{
	if (d->connector == SNAP_NONE)
		return;
	json_set_text(out, "connector", snap_str(snap, snap_connector(snap, d->connector)->name));
	json_set_number(out, "total_cost", d->total_cost);
	if (d->space != SNAP_NONE)
		json_set_text(out, "address_space", snap_str(snap, snap_space(snap, d->space)->text));
}

void json_set_servers(json_t *out, const struct viewpoint *vp, const struct route_decision *d,
		      const char *host)
{
	const struct snapshot *snap = viewpoint_snapshot(vp);
	struct route_answer *answer = route_answer_new(NULL, vp, d);
	json_t *list = json_array();

	for (uint32_t i = 0; i < answer->n_servers; i++)
		json_array_append_new(list, json_string(snap_str(snap, answer->servers[i]->name)));
	if (d->to_host)
		json_array_append_new(list, json_string(host));
	json_object_set_new(out, "servers", list);
	talloc_free(answer);
}

static void set_path(json_t *out, const struct viewpoint *vp, const struct route_answer *answer)
{
	const struct snapshot *snap = viewpoint_snapshot(vp);
	const struct route_decision *d = &answer->decision;

	json_set_text(out, "site", snap_str(snap, snap_site(snap, d->site)->name));
	json_set_text(out, "next_stop", snap_str(snap, snap_site(snap, d->next_stop)->name));
	json_set_sites(out, "path", snap, answer->path, answer->n_path);
	json_set_sites(out, "stops", snap, answer->stops, answer->n_stops);
	json_set_servers(out, vp, d, NULL);
	json_set_sites(out, "backoff", snap, answer->backoff, answer->n_backoff);
	json_set_number(out, "cost", answer->cost);
	json_set_number(out, "hops", answer->hops);
}

static void set_reason(json_t *out, const struct route_decision *d)
{
	const struct reason_row *row = reason_row((enum route_reason)d->reason);

	if (d->outcome == ROUTE_REJECTED)
		json_set_text(out, "status", row->status);
	if (d->outcome == ROUTE_REJECTED || d->outcome == ROUTE_UNREACHABLE)
		json_set_text(out, "reason", row->id);
}

void json_set_decision(json_t *out, const struct viewpoint *vp, const struct route_decision *d,
		       const char *host)
{
	const struct snapshot *snap = viewpoint_snapshot(vp);
	struct route_answer *answer = route_answer_new(NULL, vp, d);

	set_connector(out, snap, d);
	json_set_text(out, "outcome", route_outcome_name((enum route_outcome)d->outcome));
	if (d->outcome == ROUTE_MAILBOX)
		json_set_text(out, "server", snap_str(snap, snap_server(snap, d->server)->peer.name));
	else if (d->outcome == ROUTE_RELAY_SITE)
		set_path(out, vp, answer);
	else if (d->outcome == ROUTE_RELAY_SERVER)
		json_set_servers(out, vp, d, host);
	set_reason(out, d);
	talloc_free(answer);
}

static json_t *begin_answer(const struct query *q, const char *recipient)
{
	json_t *out = json_object();

	json_set_text(out, "from", q->from);
	json_set_text(out, "recipient", recipient);
	return out;
}

static json_t *leaf_answer(const struct query *q, const struct resolved *leaf)
{
	json_t *out = begin_answer(q, leaf->recipient);
	struct route_decision decision;

	set_resolved(out, leaf);
	route_decide(q->vp, leaf, q->size, &decision);
	json_set_decision(out, q->vp, &decision, leaf->host);
	if (q->explain)
		route_explain_leaf(out, q, leaf, &decision);
	return out;
}

static json_t *group_answer(const struct query *q, const struct resolved *group)
{
	json_t *out = begin_answer(q, group->recipient);

	set_resolved(out, group);
	json_set_text(out, "outcome", route_outcome_name(ROUTE_EXPANDED));
	json_object_set_new(out, "recipients", json_array());
	if (q->explain)
		route_explain_group(out, q, group);
	return out;
}

/* Items are parents first, so each finds the list of its group already made. */
json_t *route_answer_tree(const struct query *q, const struct resolution *resolution)
{
	json_t **answers = mem_zero(resolution->count, sizeof(json_t *));
	json_t *first;

	for (uint32_t i = 0; i < resolution->count; i++) {
		const struct resolved *item = &resolution->items[i];

		answers[i] = item->kind == RESOLVED_GROUP ? group_answer(q, item) :
							    leaf_answer(q, item);
		if (item->parent != SNAP_NONE)
			json_array_append_new(json_object_get(answers[item->parent], "recipients"),
					      answers[i]);
	}
	first = answers[0];
	free(answers);
	return first;
}

static json_t *rejected_answer(const struct query *q, enum route_reason reason)
{
	json_t *out = begin_answer(q, q->recipient);
	struct route_decision decision = { .outcome = ROUTE_REJECTED, .reason = (uint8_t)reason,
					   .connector = SNAP_NONE };

	json_set_decision(out, q->vp, &decision, NULL);
	if (q->explain)
		route_explain_limits(out, q);
	return out;
}

static json_t *linked_answer(const struct query *q, const struct route_decision *decision)
{
	json_t *out = begin_answer(q, q->recipient);

	json_set_decision(out, q->vp, decision, NULL);
	if (q->explain)
		route_explain_linked(out, q, decision);
	return out;
}

json_t *route_answer_early(const struct query *q, bool *linked_r)
{
	enum route_reason reason = route_check_size(q->vp, q->receive, q->authenticated, q->size);
	struct route_decision decision;

	*linked_r = false;
	if (reason != REASON_NONE)
		return rejected_answer(q, reason);
	if (q->receive == SNAP_NONE || !route_decide_linked(q->vp, q->receive, q->size, &decision))
		return NULL;
	*linked_r = true;
	return linked_answer(q, &decision);
}

static json_t *recipient_answer(const struct query *q, const struct recipient_source *source)
{
	struct resolve_query how = { .size = q->size, .authenticated = q->authenticated,
				     .explain = q->explain };
	struct resolution *resolution;
	struct err err;
	bool is_linked;
	json_t *answer = route_answer_early(q, &is_linked);

	if (answer != NULL)
		return answer;
	if (resolve_recipient(NULL, q->vp, source, &how, q->recipient, &resolution, &err) < 0)
		return route_error("%s", err.text);
	answer = route_answer_tree(q, resolution);
	talloc_free(resolution);
	return answer;
}

json_t *route_desk_answer(struct route_desk *desk, const json_t *json, bool explain)
{
	const json_t *recipients = json_object_get(json, "recipients");
	struct query q = { .explain = explain };
	json_t *error = route_read_query(desk, json, &q);

	if (error != NULL)
		return error;
	if (recipients != NULL)
		return route_message_answer(&q, desk->source, recipients);
	q.recipient = json_string_value(json_object_get(json, "recipient"));
	if (q.recipient == NULL)
		return route_error("recipient is missing or no string");
	return recipient_answer(&q, desk->source);
}
