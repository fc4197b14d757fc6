/* §3 and §8: the answer as `waypost route` gives it. */
#include <stdlib.h>
#include <string.h>

#include "tests/topology/oracle_private.h"

enum { ITEMS = MANY * 4 };

static void set(json_t *out, const char *field, const char *text)
{
	json_object_set_new(out, field, json_string(text));
}

static void set_number(json_t *out, const char *field, uint64_t number)
{
	json_object_set_new(out, field, json_integer((json_int_t)number));
}

static void reject(json_t *out, const char *reason)
{
	static const char *const statuses[][2] = {
		{ "link-size", "5.3.4" },	    { "connector-size", "5.3.4" },
		{ "organization-size", "5.3.4" },   { "receive-connector-size", "5.3.4" },
		{ "recipient-size", "5.2.3" },	    { "unknown-recipient", "5.1.1" },
		{ "duplicate-address", "5.1.4" },   { "sender-not-allowed", "5.7.1" },
		{ "forward-loop", "5.4.6" },	    { "no-connector-for-type", "5.4.4" },
		{ "bad-address", "5.1.3" },
	};

	set(out, "outcome", "rejected");
	set(out, "reason", reason);
	for (size_t i = 0; i < WP_COUNT(statuses); i++)
		if (strcmp(statuses[i][0], reason) == 0)
			set(out, "status", statuses[i][1]);
}

static void unreachable(json_t *out, const char *reason)
{
	set(out, "outcome", "unreachable");
	set(out, "reason", reason);
}

struct named {
	const char *key, *name;
};

static int compare_named(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->key, ((const struct named *)b)->key);
}

static void set_names(json_t *out, const char *field, struct named *list, int n)
{
	json_t *names = json_array();

	qsort(list, (size_t)n, sizeof(*list), compare_named);
	for (int i = 0; i < n; i++)
		json_array_append_new(names, json_string(list[i].name));
	json_object_set_new(out, field, names);
}

static void set_hubs(json_t *out, const struct o_view *view, int site)
{
	struct named list[MANY];
	int n = 0;

	for (int i = 0; i < view->o->n_servers; i++)
		if (view->o->servers[i].site == site && o_is_active_hub(view, i))
			list[n++] = (struct named){ view->o->servers[i].key, view->o->servers[i].name };
	set_names(out, "servers", list, n);
}

static void set_sources(json_t *out, const struct o_view *view, const struct o_connector *c)
{
	struct named list[2 * MANY];
	int n = 0;

	for (int i = 0; i < view->o->n_servers; i++)
		if (c->has_server[i] && view->o->servers[i].site == view->site &&
		    o_is_active_hub(view, i))
			list[n++] = (struct named){ view->o->servers[i].key, view->o->servers[i].name };
	for (int i = 0; i < view->o->n_edges; i++)
		if (c->has_edge[i] && view->o->edges[i].site == view->site && view->o->edges[i].enabled)
			list[n++] = (struct named){ view->o->edges[i].key, view->o->edges[i].name };
	set_names(out, "servers", list, n);
}

static void set_sites(json_t *out, const char *field, const struct o_view *view, const int *sites,
		      int n)
{
	json_t *names = json_array();

	for (int i = 0; i < n; i++)
		json_array_append_new(names, json_string(view->o->sites[sites[i]].name));
	json_object_set_new(out, field, names);
}

/* §3.5 */
static int backoff(const struct o_view *view, const struct o_path *path, int next_stop, int *sites)
{
	int n = 0, at = 0;

	while (path->sites[at] != next_stop)
		at++;
	for (at--; at > 0; at--)
		if (view->o->sites[path->sites[at]].inbound && o_has_active_hub(view, path->sites[at]))
			sites[n++] = path->sites[at];
	return n;
}

static bool is_too_large(const struct o_view *view, uint64_t limit)
{
	return limit != 0 && view->size > limit;
}

static void relay(json_t *out, const struct o_view *view, int site, const struct o_path *path)
{
	int stops[ORG_SITES_MAX], sites[ORG_SITES_MAX];
	int n_stops = o_stops(view, path, stops);

	set(out, "outcome", "relay-site");
	set(out, "site", view->o->sites[site].name);
	set(out, "next_stop", view->o->sites[stops[0]].name);
	set_sites(out, "path", view, path->sites, path->n);
	set_sites(out, "stops", view, stops, n_stops);
	set_hubs(out, view, stops[0]);
	set_sites(out, "backoff", view, sites, backoff(view, path, stops[0], sites));
	set_number(out, "cost", path->cost);
	set_number(out, "hops", (uint64_t)path->n - 1);
}

/* §4.3 */
static void to_mailbox(json_t *out, const struct o_view *view, int home)
{
	const struct oracle *o = view->o;
	int site = o->servers[home].site;
	struct o_path path;

	if (site == NONE) {
		unreachable(out, "no-home-server");
		return;
	}
	if (site == view->site) {
		set(out, "outcome", "mailbox");
		set(out, "server", o->servers[home].name);
		return;
	}
	path = o_path(view, site, false);
	if (!o->sites[site].inbound)
		unreachable(out, "site-inbound-disabled");
	else if (o_path(view, site, true).n == 0)
		unreachable(out, "no-route-to-site");
	else if (!o_has_active_hub(view, site))
		unreachable(out, "no-hub-in-site");
	else if (path.n == 0 || is_too_large(view, path.size))
		reject(out, "link-size");
	else
		relay(out, view, site, &path);
}

/* The end of §5. COST of the address space, which a linked connector has not. */
static void to_connector(json_t *out, const struct o_view *view, const struct o_choice *choice)
{
	const struct o_connector *connector = &view->o->connectors[choice->connector];
	struct o_path path = { .n = 0 };

	if (choice->site != NONE && !choice->in_site) {
		path = o_path(view, choice->site, false);
		if (is_too_large(view, path.size)) {
			reject(out, "link-size");
			return;
		}
	}
	set(out, "connector", connector->name);
	set_number(out, "total_cost", path.cost + choice->space_cost);
	if (choice->space != NULL)
		set(out, "address_space", choice->space);
	if (choice->site == NONE) {
		set(out, "outcome", "connector");
	} else if (choice->in_site) {
		set(out, "outcome", "relay-server");
		set_sources(out, view, connector);
	} else {
		relay(out, view, choice->site, &path);
	}
}

static void to_outside(json_t *out, const struct o_view *view, const char *address)
{
	struct o_view narrow = *view;
	struct oracle whole;
	struct o_choice choice, any;
	const char *type, *domain;

	o_split(address, &type, &domain);
	choice = o_choose(view, type, domain);
	if (choice.connector != NONE) {
		to_connector(out, view, &choice);
		return;
	}
	/* §7: with wide enough links there would be one. */
	whole = *view->o;
	whole.size_aware = false;
	narrow.o = &whole;
	any = o_choose(&narrow, type, domain);
	if (strcmp(choice.reason, "connector-size") != 0 && any.connector != NONE)
		reject(out, "link-size");
	else if (strcmp(choice.reason, "no-matching-connector") == 0)
		unreachable(out, choice.reason);
	else
		reject(out, choice.reason);
}

static json_t *begin(const char *from, const char *recipient)
{
	json_t *out = json_object();

	set(out, "from", from);
	set(out, "recipient", recipient);
	return out;
}

static json_t *item_answer(const struct o_view *view, const char *from, const struct o_item *item)
{
	json_t *out = begin(from, item->recipient), *list;

	if (item->n_via > 0) {
		list = json_array();
		for (int i = 0; i < item->n_via; i++)
			json_array_append_new(list, json_string(item->via[i]));
		json_object_set_new(out, "via", list);
		set(out, "resolved", item->address);
	}
	switch (item->kind) {
	case O_MAILBOX:
		to_mailbox(out, view, item->home);
		break;
	case O_EXTERNAL:
		to_outside(out, view, item->address);
		break;
	case O_HOST:
		set(out, "outcome", "relay-server");
		json_object_set_new(out, "servers", json_pack("[s]", item->host));
		break;
	case O_GROUP:
		set(out, "outcome", "expanded");
		json_object_set_new(out, "recipients", json_array());
		break;
	case O_DISCARDED:
		set(out, "outcome", "discarded");
		break;
	case O_UNREACHABLE:
		unreachable(out, item->reason);
		break;
	case O_REJECTED:
		reject(out, item->reason);
		break;
	}
	return out;
}

static json_t *resolved_answer(const struct o_view *view, const struct org_query *query)
{
	struct o_item *items = talloc_zero_array(NULL, struct o_item, ITEMS);
	int n = o_resolve(view, query->recipient, items);
	json_t **answers = talloc_zero_array(items, json_t *, (size_t)n + 1), *first;

	for (int i = 0; i < n; i++) {
		if (items[i].dropped)
			continue;
		answers[i] = item_answer(view, query->from, &items[i]);
		if (items[i].parent != NONE)
			json_array_append_new(json_object_get(answers[items[i].parent], "recipients"),
					      answers[i]);
	}
	first = answers[0];
	talloc_free(items);
	return first;
}

/* §5.0; null: the receive connector is not linked. */
static json_t *linked_answer(const struct o_view *view, const struct org_query *query,
			     const struct o_receive *receive)
{
	const struct oracle *o = view->o;
	struct o_choice choice;
	int linked = NONE;
	json_t *out;

	for (int i = 0; i < o->n_connectors; i++)
		if (o->connectors[i].linked != NULL && strcmp(o->connectors[i].linked, receive->dn) == 0 &&
		    (linked == NONE || strcmp(o->connectors[i].key, o->connectors[linked].key) < 0))
			linked = i;
	if (linked == NONE)
		return NULL;
	out = begin(query->from, query->recipient);
	if (!o->connectors[linked].enabled || !o_reach(view, linked, &choice))
		unreachable(out, "linked-connector");
	else if (is_too_large(view, o->connectors[linked].size))
		reject(out, "connector-size");
	else
		to_connector(out, view, &choice);
	return out;
}

static const struct o_receive *find_receive(const struct oracle *o, const struct org_query *query)
{
	for (int i = 0; query->receive != NULL && i < o->n_receives; i++)
		if (strcmp(o->receives[i].server, query->from) == 0)
			return &o->receives[i];
	return NULL;
}

/* §3.6: receive connector, organisation. */
static const char *size_fault(const struct o_view *view, const struct o_receive *receive)
{
	if (receive != NULL && is_too_large(view, receive->size))
		return "receive-connector-size";
	if (is_too_large(view, view->authenticated ? view->o->max_send : view->o->max_receive))
		return "organization-size";
	return NULL;
}

static bool find_view(const struct oracle *o, const char *from, struct o_view *view)
{
	*view = (struct o_view){ .o = o, .server = NONE, .edge = NONE, .site = NONE };
	for (int i = 0; i < o->n_servers; i++)
		if (strcmp(o->servers[i].name, from) == 0) {
			view->server = i;
			view->site = o->servers[i].site;
		}
	for (int i = 0; i < o->n_edges; i++)
		if (strcmp(o->edges[i].name, from) == 0)
			view->edge = i;
	return view->server != NONE || view->edge != NONE;
}

json_t *oracle_answer(const struct oracle *o, const struct org_query *query)
{
	const struct o_receive *receive = find_receive(o, query);
	const char *fault;
	struct o_view view;
	json_t *out = NULL;

	if (!find_view(o, query->from, &view) || (query->receive != NULL && receive == NULL))
		return NULL;
	view.size = query->size;
	view.authenticated = query->authenticated;
	fault = size_fault(&view, receive);
	if (fault != NULL) {
		out = begin(query->from, query->recipient);
		reject(out, fault);
		return out;
	}
	if (receive != NULL)
		out = linked_answer(&view, query, receive);
	return out != NULL ? out : resolved_answer(&view, query);
}

/* ---- §3.8 ---- */

/* How many sites the paths have in common at their beginning. */
static int common(const struct o_path *a, const struct o_path *b)
{
	int n = 0;

	while (n < a->n && n < b->n && a->sites[n] == b->sites[n])
		n++;
	return n;
}

/*
 * Those that share more than the local site are taken together as far as all of them do; if
 * nobody can take the copy there, they are split in thought, and each part goes on likewise.
 */
static void fan(const struct o_view *view, const struct o_path *paths, const int *group, int n,
		const char **next_r)
{
	int stops[ORG_SITES_MAX], shared = paths[group[0]].n, fork;
	struct o_path to_fork;
	bool done[MANY] = { false };

	for (int i = 1; i < n; i++) {
		int with = common(&paths[group[0]], &paths[group[i]]);

		shared = with < shared ? with : shared;
	}
	fork = paths[group[0]].sites[shared - 1];
	if (shared > 1 && (n == 1 || (o_has_active_hub(view, fork) && view->o->sites[fork].inbound))) {
		to_fork = paths[group[0]];
		to_fork.n = shared;
		o_stops(view, &to_fork, stops);
		for (int i = 0; i < n; i++)
			next_r[group[i]] = view->o->sites[stops[0]].name;
		return;
	}
	for (int i = 0; i < n; i++) {
		int part[MANY], size = 0;

		for (int k = i; k < n; k++)
			if (!done[k] && (k == i || common(&paths[group[i]], &paths[group[k]]) > shared)) {
				done[k] = true;
				part[size++] = group[k];
			}
		if (size > 0)
			fan(view, paths, part, size, next_r);
	}
}

void oracle_fanout(const struct oracle *o, const char *from, uint64_t size,
		   const char *const *sites, int n, const char **next_r)
{
	struct o_path paths[MANY];
	struct o_view view;
	int group[MANY], size_of_group = 0;

	if (!find_view(o, from, &view))
		return;
	view.size = size;
	for (int i = 0; i < n; i++) {
		next_r[i] = NULL;
		paths[i].n = 0;
		for (int k = 0; k < o->n_sites; k++)
			if (strcmp(o->sites[k].name, sites[i]) == 0)
				paths[i] = o_path(&view, k, false);
		if (paths[i].n > 1)
			group[size_of_group++] = i;
	}
	if (size_of_group > 0)
		fan(&view, paths, group, size_of_group, next_r);
}
