/* waypost topology diff: what differs between two snapshots of the log. */
#include <stdio.h>

#include "admin/cmd.h"
#include "admin/history.h"
#include "admin/progress.h"
#include "admin/view.h"
#include "topology/changes.h"
#include "topology/diff.h"

const struct cli_option cmd_topology_diff_options[] = {
	{ "size", 0, "OCTETS", "the size of the message whose ways are compared" },
	{ "sample", 0, "N", "compare from N of the sites only, evenly chosen" },
	{ NULL, 0, NULL, NULL },
};

enum {
	RECIPIENTS_MAX = 1000000, /* addresses that are compared */
	CHANGES_SHOWN = 1000,     /* rows */
};

struct comparison {
	struct cli *cli;
	struct view *old, *new;
	struct diff_query query;
	struct progress progress;
};

/* NEW opens the replica, OLD looks at it with NEW. */
static int open_both(struct comparison *c, struct err *e)
{
	uint64_t a, b;

	if (cli_operand_number(c->cli, 0, INT64_MAX, &a, e) < 0)
		return -1;
	if (c->cli->n_operands < 2) {
		if (view_open(c->cli, &c->new, e) < 0)
			return -1;
	} else if (cli_operand_number(c->cli, 1, INT64_MAX, &b, e) < 0 ||
		   view_open_snapshot(c->cli, b, &c->new, e) < 0) {
		return -1;
	}
	return view_open_beside(c->cli, c->new, a, &c->old, e);
}

/* ---- the routes ---- */

static void tell_progress(void *ctx, uint32_t done, uint32_t all)
{
	progress_tell(&((struct comparison *)ctx)->progress, done, all);
}

static int begin_recipients(void *ctx, struct err *err)
{
	return view_begin(((struct comparison *)ctx)->new, err);
}

static void end_recipients(void *ctx)
{
	view_end(((struct comparison *)ctx)->new);
}

static int read_numbers(struct comparison *c, struct err *e)
{
	uint64_t sample = 0;

	if (cli_number(c->cli, "size", INT32_MAX, &c->query.size, e) < 0 ||
	    cli_number(c->cli, "sample", INT32_MAX, &sample, e) < 0)
		return -1;
	c->query.max_sources = (uint32_t)sample;
	return 0;
}

static int compare(struct comparison *c, json_t **diff_r, struct err *e)
{
	struct diff_query *q = &c->query;

	q->old = (struct diff_side){ view_snapshot(c->old), view_recipients(c->old),
				     view_each_recipient(c->old) };
	q->new = (struct diff_side){ view_snapshot(c->new), view_recipients(c->new),
				     view_each_recipient(c->new) };
	q->same_recipients = true;
	q->max_recipients = RECIPIENTS_MAX;
	q->begin_recipients = begin_recipients;
	q->end_recipients = end_recipients;
	q->on_progress = tell_progress;
	q->ctx = c;
	progress_begin(&c->progress, c->cli, "sites compared");
	return diff_snapshots(q, diff_r, e);
}

/* ---- the directory ---- */

/* What the log says of the way from the lower to the higher number. */
struct gathering {
	uint64_t after, until;
	uint64_t met;    /* entries of it */
	json_t *entries; /* arrays of changes, newest first */
	json_int_t omitted;
};

static bool gather(void *arg, const struct history_entry *entry)
{
	struct gathering *g = arg;
	uint64_t number = entry->head.snapshot.number;
	json_t *changes = NULL;

	if (!history_makes_snapshot(entry->head.cause) || number > g->until || number <= g->after)
		return true;
	if (entry->changes != NULL)
		changes = json_loadb(entry->changes, entry->changes_len, 0, NULL);
	json_array_append_new(g->entries, changes != NULL ? changes : json_array());
	g->omitted += entry->head.omitted;
	g->met++;
	return true;
}

/* As they happened: the oldest first. */
static json_t *in_order(const struct gathering *g)
{
	json_t *all = json_array();

	for (size_t i = json_array_size(g->entries); i-- > 0;)
		json_array_extend(all, json_array_get(g->entries, i));
	return all;
}

static void cut(json_t *changes, json_int_t *omitted)
{
	while (json_array_size(changes) > CHANGES_SHOWN) {
		json_array_remove(changes, json_array_size(changes) - 1);
		++*omitted;
	}
}

static int set_changes(struct comparison *c, json_t *diff, struct err *e)
{
	uint64_t a = snapshot_number(view_snapshot(c->old)), b = snapshot_number(view_snapshot(c->new));
	struct gathering g = { .after = a < b ? a : b, .until = a < b ? b : a,
			       .entries = json_array() };
	int rc = view_each_history(c->new, gather, &g, e);
	json_t *changes = in_order(&g);

	cut(changes, &g.omitted);
	json_object_set_new(diff, "old", json_integer((json_int_t)a));
	json_object_set_new(diff, "new", json_integer((json_int_t)b));
	json_object_set_new(diff, "changes_undone", json_boolean(a > b));
	json_object_set_new(diff, "changes_complete", json_boolean(g.met == g.until - g.after));
	json_object_set_new(diff, "changes_omitted", json_integer(g.omitted));
	json_object_set_new(diff, "changes", changes);
	json_decref(g.entries);
	return rc;
}

/* ---- the answer ---- */

static void print_changes(const json_t *diff, struct buf *out)
{
	const json_t *changes = json_object_get(diff, "changes");
	json_int_t omitted = json_integer_value(json_object_get(diff, "changes_omitted"));

	buf_printf(out, "\nThe directory%s\n", json_is_true(json_object_get(diff, "changes_undone")) ?
						       ", whose changes are undone" : "");
	changes_text(changes, out);
	if (json_array_size(changes) == 0 && omitted == 0)
		buf_adds(out, "no changes are listed\n");
	if (omitted > 0)
		buf_printf(out, "and %lld changes that are not listed\n", (long long)omitted);
	if (!json_is_true(json_object_get(diff, "changes_complete")))
		buf_adds(out, "(the log does not hold every step between them any more)\n");
}

static void print_text(const struct comparison *c, const json_t *diff)
{
	const char *old = view_past(c->old), *new = view_past(c->new);
	struct buf out = { 0 };

	buf_printf(&out, "From %s\nto   %s, with the recipients of today\n\n", old,
		   new != NULL ? new : "the live snapshot");
	diff_text(diff, &out);
	print_changes(diff, &out);
	print_buf(&out);
}

int cmd_topology_diff(struct cli *cli, struct err *e)
{
	struct comparison c = { .cli = cli };
	json_t *diff;
	int rc;

	if (read_numbers(&c, e) < 0 || open_both(&c, e) < 0 || compare(&c, &diff, e) < 0)
		return -1;
	rc = set_changes(&c, diff, e);
	if (rc == 0 && cli->json && !cli->quiet)
		cli_print_json(json_incref(diff));
	else if (rc == 0 && !cli->quiet)
		print_text(&c, diff);
	json_decref(diff);
	return rc < 0 ? -1 : EXIT_DONE;
}
