/* Connectors, accepted domains and diagnostics of both sides: see diff_private.h. Pure. */
#include <stdlib.h>
#include <string.h>

#include "common/ctl_proto.h"
#include "topology/diag.h"
#include "topology/diff_private.h"

enum { DIAGNOSTICS_SHOWN = 100 };

/* A list of rows that is being made; OLD and NEW of a row may be null. */
static void add_row(struct diff *d, json_t *rows, const char *name, enum diff_kind kind,
		    const char *what, const char *old, const char *new)
{
	json_t *row = json_object();

	json_object_set_new(row, "name", ctl_text(name));
	json_object_set_new(row, "kind", json_string(diff_kind_name(kind)));
	json_object_set_new(row, "what", json_string(what));
	if (old != NULL)
		json_object_set_new(row, "old", ctl_text(old));
	if (new != NULL)
		json_object_set_new(row, "new", ctl_text(new));
	json_array_append_new(rows, row);
	d->totals[kind]++;
}

/* A row if the texts differ. */
static void compare_texts(struct diff *d, json_t *rows, const char *name, const char *what,
			  const char *old, const char *new)
{
	if (strcmp(old, new) != 0)
		add_row(d, rows, name, DIFF_MOVED, what, old, new);
}

static char *joined(TALLOC_CTX *ctx, char *text, const char *more)
{
	return talloc_asprintf_append(text != NULL ? text : talloc_strdup(ctx, ""), "%s%s",
				      text != NULL && *text != '\0' ? ", " : "", more);
}

/* ---- connectors ---- */

/* The sources that can be used if there is a path: active hubs and enabled edges in a site. */
static char *usable_sources(const struct diff *d, int side, const struct snap_connector *connector)
{
	const struct snapshot *snap = d->snap[side];
	char *text = talloc_strdup(d->ctx, "");

	for (uint32_t i = 0; i < connector->servers.count; i++) {
		const struct snap_server *server =
			snap_server(snap, snap_word(snap, connector->servers, i));
		bool is_edge = (server->roles & (ROLE_EDGE | ROLE_HUB)) == ROLE_EDGE;

		if (server->state == SERVER_ACTIVE && (is_edge || server->peer.site != SNAP_NONE))
			text = joined(d->ctx, text, snap_str(snap, server->peer.name));
	}
	for (uint32_t i = 0; i < connector->edges.count; i++) {
		const struct snap_edge *edge = snap_edge(snap, snap_word(snap, connector->edges, i));

		if (edge->enabled && edge->peer.site != SNAP_NONE)
			text = joined(d->ctx, text, snap_str(snap, edge->peer.name));
	}
	return text;
}

/* What the connector's own next hop is. */
static char *next_hop(const struct diff *d, int side, const struct snap_connector *connector)
{
	const struct snapshot *snap = d->snap[side];
	char *text = talloc_strdup(d->ctx, "");

	for (uint32_t i = 0; i < connector->smart_hosts.count; i++)
		text = joined(d->ctx, text, snap_list_str(snap, connector->smart_hosts, i));
	if (connector->kind == CONNECTOR_FOREIGN)
		text = joined(d->ctx, text, snap_str(snap, connector->drop_directory));
	else if (connector->smart_hosts.count == 0)
		text = joined(d->ctx, text, connector->dns_routing ? "DNS" : "none");
	return talloc_asprintf_append(text, ", port %u", connector->port);
}

/* "SERVER/NAME" of the receive connector whose mail all leaves by this one, or "". */
static const char *linked_name(const struct diff *d, int side, const struct snap_connector *connector)
{
	const struct snapshot *snap = d->snap[side];
	const struct snap_receive *receive;

	if (connector->linked_receive == SNAP_NONE)
		return "";
	receive = snap_receive(snap, connector->linked_receive);
	return talloc_asprintf(d->ctx, "%s/%s",
			       snap_str(snap, snap_server(snap, receive->server)->peer.name),
			       snap_str(snap, receive->name));
}

static void compare_sources(struct diff *d, json_t *rows, const char *name, const char *old,
			    const char *new)
{
	if (*old != '\0' && *new == '\0')
		add_row(d, rows, name, DIFF_CHANGED, "no_source", old, NULL);
	else if (*old == '\0' && *new != '\0')
		add_row(d, rows, name, DIFF_CHANGED, "first_source", NULL, new);
	else
		compare_texts(d, rows, name, "sources", old, new);
}

static void compare_connector(struct diff *d, json_t *rows, const char *name,
			      const struct snap_connector *old, const struct snap_connector *new)
{
	if (old->enabled != new->enabled)
		add_row(d, rows, name, DIFF_CHANGED, new->enabled ? "enabled" : "disabled", NULL, NULL);
	if (!old->enabled && !new->enabled)
		return;
	compare_sources(d, rows, name, usable_sources(d, OLD, old), usable_sources(d, NEW, new));
	if (!old->enabled || !new->enabled)
		return;
	compare_texts(d, rows, name, "next_hop", next_hop(d, OLD, old), next_hop(d, NEW, new));
	compare_texts(d, rows, name, "linked_receive", linked_name(d, OLD, old), linked_name(d, NEW, new));
}

json_t *diff_connectors_json(struct diff *d)
{
	json_t *rows = json_array();

	for (uint32_t i = 0; i < d->connectors.count; i++) {
		uint32_t old = d->connectors.index[OLD][i], new = d->connectors.index[NEW][i];
		const char *name = d->connectors.name[i];

		/* What mail does by their coming and going is among the address spaces. */
		if (old == SNAP_NONE || new == SNAP_NONE)
			add_row(d, rows, name, DIFF_CHANGED, old == SNAP_NONE ? "added" : "removed",
				NULL, NULL);
		else
			compare_connector(d, rows, name, snap_connector(d->snap[OLD], old),
					  snap_connector(d->snap[NEW], new));
	}
	return rows;
}

/* ---- accepted domains ---- */

static const char *const domain_types[] = { "authoritative", "internalRelay", "externalRelay" };

/* "*.example.com": what tells accepted domains apart for mail, whatever their objects' names. */
static char *pattern_of(const struct diff *d, int side, uint32_t i)
{
	const struct snap_domain *domain = snap_domain(d->snap[side], i);

	return talloc_asprintf(d->ctx, "%s%s", domain->wildcard ? "*." : "",
			       snap_str(d->snap[side], domain->domain));
}

struct accepted {
	const char *pattern;
	const struct snap_domain *domain;
};

static int compare_accepted(const void *a, const void *b)
{
	return strcmp(((const struct accepted *)a)->pattern, ((const struct accepted *)b)->pattern);
}

static struct accepted *list_domains(const struct diff *d, int side, uint32_t *n_r)
{
	uint32_t n = snap_count(d->snap[side], SNAP_DOMAINS);
	struct accepted *list = talloc_array(d->ctx, struct accepted, n + 1);

	for (uint32_t i = 0; i < n; i++)
		list[i] = (struct accepted){ pattern_of(d, side, i), snap_domain(d->snap[side], i) };
	qsort(list, n, sizeof(*list), compare_accepted);
	*n_r = n;
	return list;
}

static const char *home_name(const struct diff *d, int side, uint32_t server)
{
	if (server == SNAP_NONE)
		return "";
	return snap_str(d->snap[side], snap_server(d->snap[side], server)->peer.name);
}

static void compare_domain(struct diff *d, json_t *rows, const struct accepted *old,
			   const struct accepted *new)
{
	const struct snap_domain *x = old->domain, *y = new->domain;

	compare_texts(d, rows, new->pattern, "type", domain_types[x->type], domain_types[y->type]);
	compare_texts(d, rows, new->pattern, "lookup", x->lookup ? "on" : "off",
		      y->lookup ? "on" : "off");
	compare_texts(d, rows, new->pattern, "catch_all", snap_str(d->snap[OLD], x->catch_all),
		      snap_str(d->snap[NEW], y->catch_all));
	compare_texts(d, rows, new->pattern, "default_home", home_name(d, OLD, x->default_home),
		      home_name(d, NEW, y->default_home));
}

json_t *diff_domains_json(struct diff *d)
{
	json_t *rows = json_array();
	uint32_t n[SIDES], i = 0, k = 0;
	struct accepted *old = list_domains(d, OLD, &n[OLD]), *new = list_domains(d, NEW, &n[NEW]);

	while (i < n[OLD] || k < n[NEW]) {
		int order = i == n[OLD] ? 1 : k == n[NEW] ? -1 : compare_accepted(&old[i], &new[k]);

		if (order == 0)
			compare_domain(d, rows, &old[i], &new[k]);
		else if (order < 0)
			add_row(d, rows, old[i].pattern, DIFF_LOST, "removed",
				domain_types[old[i].domain->type], NULL);
		else
			add_row(d, rows, new[k].pattern, DIFF_GAINED, "added", NULL,
				domain_types[new[k].domain->type]);
		i += order <= 0;
		k += order >= 0;
	}
	return rows;
}

/* ---- diagnostics ---- */

struct found {
	const struct snapshot *snap;
	const struct snap_diag *diag;
};

static int compare_found(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	int order = strcmp(diag_row(x->diag->row)->id, diag_row(y->diag->row)->id);

	if (order == 0)
		order = strcmp(snap_str(x->snap, x->diag->dn), snap_str(y->snap, y->diag->dn));
	if (order == 0)
		order = strcmp(snap_str(x->snap, x->diag->attribute),
			       snap_str(y->snap, y->diag->attribute));
	return order != 0 ? order : strcmp(snap_str(x->snap, x->diag->value),
					   snap_str(y->snap, y->diag->value));
}

static struct found *list_diagnostics(const struct diff *d, int side, uint32_t *n_r)
{
	const struct snapshot *snap = d->snap[side];
	uint32_t n = snap_count(snap, SNAP_DIAGS);
	struct found *list = talloc_array(d->ctx, struct found, n + 1);

	for (uint32_t i = 0; i < n; i++)
		list[i] = (struct found){ snap, snap_diag(snap, i) };
	qsort(list, n, sizeof(*list), compare_found);
	*n_r = n;
	return list;
}

static void add_diagnostic(json_t *rows, const struct found *found)
{
	const struct diag_row *row = diag_row(found->diag->row);

	if (json_array_size(rows) == DIAGNOSTICS_SHOWN)
		return;
	json_array_append_new(rows, json_pack("{ss ss so so so ss}", "id", row->id, "severity",
					      diag_severity_name(row->severity), "dn",
					      ctl_text(snap_str(found->snap, found->diag->dn)),
					      "attribute",
					      ctl_text(snap_str(found->snap, found->diag->attribute)),
					      "value",
					      ctl_text(snap_str(found->snap, found->diag->value)),
					      "text", row->text));
}

json_t *diff_diagnostics_json(const struct diff *d)
{
	json_t *rows[SIDES] = { json_array(), json_array() };
	uint32_t n[SIDES], i = 0, k = 0, count[SIDES] = { 0, 0 };
	struct found *old = list_diagnostics(d, OLD, &n[OLD]), *new = list_diagnostics(d, NEW, &n[NEW]);

	while (i < n[OLD] || k < n[NEW]) {
		int order = i == n[OLD] ? 1 : k == n[NEW] ? -1 : compare_found(&old[i], &new[k]);

		if (order < 0)
			add_diagnostic(rows[OLD], &old[i]);
		else if (order > 0)
			add_diagnostic(rows[NEW], &new[k]);
		count[OLD] += order < 0;
		count[NEW] += order > 0;
		i += order <= 0;
		k += order >= 0;
	}
	return json_pack("{so sI so sI}", "new", rows[NEW], "new_count", (json_int_t)count[NEW], "gone",
			 rows[OLD], "gone_count", (json_int_t)count[OLD]);
}
