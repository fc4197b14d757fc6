/*
 * One message to several recipients as JSON: the answer of each, and the copies that leave
 * (routing rules §3.8 and §4.2). What delivery does with the message, by the same function. Pure.
 */
#include <stdlib.h>
#include <string.h>

#include "topology/copies.h"
#include "topology/leaves.h"
#include "topology/route_json_private.h"

/* One message while it is answered. */
struct letter {
	TALLOC_CTX *ctx;
	const struct query *q;
	const struct recipient_source *source;
	const json_t *recipients; /* texts */
	struct resolution **resolutions; /* one per recipient */
	json_t *answers;
	bool is_linked, is_refused; /* §5 step 0; a limit that comes before resolution */
};

/* Every recipient has its resolution; what needs none has its answer already. */
static int answer_recipient(struct letter *l, size_t i, struct err *err)
{
	struct query q = *l->q;
	struct resolve_query how = { .size = q.size, .authenticated = q.authenticated,
				     .explain = q.explain };
	json_t *early;

	q.recipient = json_string_value(json_array_get(l->recipients, i));
	early = route_answer_early(&q, &l->is_linked);
	l->is_refused |= early != NULL && !l->is_linked;
	how.is_linked = early != NULL;
	if (resolve_recipient(l->ctx, q.vp, l->source, &how, q.recipient, &l->resolutions[i],
			      err) < 0) {
		json_decref(early);
		return -1;
	}
	json_array_append_new(l->answers,
			      early != NULL ? early : route_answer_tree(&q, l->resolutions[i]));
	return 0;
}

/* Where the copy is split, unless all its recipients are of one site. */
static void set_fork(json_t *out, const struct snapshot *snap, const struct copies *copies,
		     const struct copy *copy)
{
	uint32_t site = copy->decision.site;
	bool is_split = false;

	for (uint32_t i = 0; i < copy->count; i++)
		is_split |= copies->decisions[copy->items[i]].site != site;
	json_set_text(out, "next_stop", snap_str(snap, snap_site(snap, copy->decision.next_stop)->name));
	json_set_text(out, is_split ? "fork" : "site",
		      snap_str(snap, snap_site(snap, is_split ? copy->fork : site)->name));
}

static json_t *copy_json(const struct viewpoint *vp, const struct copies *copies,
			 const struct leaves *leaves, const struct copy *copy)
{
	const struct snapshot *snap = viewpoint_snapshot(vp);
	const struct route_decision *d = &copy->decision;
	json_t *out = json_object(), *list = json_array();

	json_set_text(out, "outcome", route_outcome_name((enum route_outcome)d->outcome));
	if (d->outcome == ROUTE_RELAY_SITE)
		set_fork(out, snap, copies, copy);
	else if (d->connector != SNAP_NONE)
		json_set_text(out, "connector", snap_str(snap, snap_connector(snap, d->connector)->name));
	if (d->outcome == ROUTE_MAILBOX)
		json_set_text(out, "server", snap_str(snap, snap_server(snap, d->server)->peer.name));
	if (d->outcome == ROUTE_CONNECTOR && *copies_domain(snap, copy) != '\0')
		json_set_text(out, "domain", copies_domain(snap, copy));
	if (d->outcome == ROUTE_RELAY_SITE || d->outcome == ROUTE_RELAY_SERVER)
		json_set_servers(out, vp, d, copy->leaf->host);
	if (d->outcome == ROUTE_UNREACHABLE)
		json_set_text(out, "reason", reason_row((enum route_reason)d->reason)->id);
	for (uint32_t i = 0; i < copy->count; i++)
		json_array_append_new(list, json_string(leaves->list[copy->items[i]]->address));
	json_object_set_new(out, "recipients", list);
	return out;
}

static json_t *lost_json(const struct copies *copies, const struct leaves *leaves, uint32_t item)
{
	const struct route_decision *d = &copies->decisions[item];
	const struct reason_row *row = reason_row((enum route_reason)d->reason);
	json_t *out = json_object();

	json_set_text(out, "recipient", leaves->list[item]->address);
	json_set_text(out, "outcome", route_outcome_name((enum route_outcome)d->outcome));
	if (d->outcome == ROUTE_REJECTED) {
		json_set_text(out, "status", row->status);
		json_set_text(out, "reason", row->id);
	}
	return out;
}

static void set_copies(json_t *out, struct letter *l)
{
	json_t *list = json_array(), *lost = json_array();
	struct copies *copies;
	struct leaves leaves;

	leaves_flatten(l->ctx, l->resolutions, (uint32_t)json_array_size(l->recipients), &leaves);
	copies = copies_new(l->q->vp, leaves.list, leaves.count, l->q->size,
			    l->is_linked ? l->q->receive : SNAP_NONE);
	for (uint32_t i = 0; i < copies->count; i++)
		json_array_append_new(list, copy_json(l->q->vp, copies, &leaves, &copies->list[i]));
	for (uint32_t i = 0; i < copies->n_lost; i++)
		json_array_append_new(lost, lost_json(copies, &leaves, copies->lost[i]));
	json_object_set_new(out, "copies", list);
	if (copies->n_lost > 0)
		json_object_set(out, "not_sent", lost);
	json_decref(lost);
	copies_free(copies);
}

static json_t *letter_json(struct letter *l)
{
	json_t *out = json_object();

	json_set_text(out, "from", l->q->from);
	json_set_number(out, "size", l->q->size);
	/* A message that is refused as a whole has no copies. */
	if (l->is_refused)
		json_object_set_new(out, "copies", json_array());
	else
		set_copies(out, l);
	json_object_set(out, "recipients", l->answers);
	return out;
}

static json_t *check_recipients(const json_t *recipients)
{
	size_t i;
	json_t *item;

	if (!json_is_array(recipients) || json_array_size(recipients) == 0)
		return route_error("recipients has to be a list of addresses");
	json_array_foreach(recipients, i, item)
		if (!json_is_string(item))
			return route_error("recipients has to be a list of addresses");
	return NULL;
}

json_t *route_message_answer(const struct query *q, const struct recipient_source *source,
			     const json_t *recipients)
{
	struct letter l = { .q = q, .source = source, .recipients = recipients };
	json_t *out = check_recipients(recipients);
	struct err err;
	int rc = 0;

	if (out != NULL)
		return out;
	l.ctx = talloc_new(NULL);
	l.resolutions = talloc_array(l.ctx, struct resolution *, json_array_size(recipients));
	l.answers = json_array();
	for (size_t i = 0; i < json_array_size(recipients) && rc == 0; i++)
		rc = answer_recipient(&l, i, &err);
	out = rc == 0 ? letter_json(&l) : route_error("%s", err.text);
	json_decref(l.answers);
	talloc_free(l.ctx);
	return out;
}
