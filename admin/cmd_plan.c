/* waypost topology plan: what a change would do to mail, before it is made. */
#include <stdio.h>
#include <string.h>

#include "admin/cmd.h"
#include "admin/progress.h"
#include "admin/view.h"
#include "common/fsutil.h"
#include "common/ldif_change.h"
#include "topology/changes.h"
#include "topology/diff.h"
#include "topology/load.h"

const struct cli_option cmd_plan_options[] = {
	VIEW_OPTIONS,
	{ "change", 0, "FILE.ldif",
	  "LDIF changes to plan for; a record without changetype is an addition" },
	{ "against", 0, "URI|FILE", "compare with this directory instead" },
	{ "fail-on", 0, "lost", "exit status 1 only if something is lost, not if it only moves" },
	{ "size", 0, "OCTETS", "the size of the message whose ways are compared" },
	{ "sample", 0, "N", "compare from N of the sites only, evenly chosen" },
	{ NULL, 0, NULL, NULL },
};

enum {
	CHANGE_FILE_MAX = 64 * 1024 * 1024,
	RECIPIENTS_MAX = 1000000, /* addresses that are compared */
	CHANGES_SHOWN = 1000,     /* rows */
};

struct planner {
	struct cli *cli;
	struct view *before, *after;
	struct diff_query query;
	struct progress progress;
};

/* ---- what is compared ---- */

static int check_usage(const struct cli *cli, struct err *e)
{
	const char *fail_on = cli_value(cli, "fail-on");

	if ((cli_value(cli, "change") != NULL) == (cli_value(cli, "against") != NULL)) {
		err_set(e, ERR_USAGE, 0, "it is not said what to plan for");
		return err_remedy(e, "give either --change FILE.ldif or --against URI|FILE");
	}
	if (fail_on != NULL && strcmp(fail_on, "lost") != 0) {
		err_set(e, ERR_USAGE, 0, "--fail-on cannot be %s", fail_on);
		return err_remedy(e, "--fail-on lost, or leave it out");
	}
	return 0;
}

static int read_numbers(struct planner *p, struct err *e)
{
	uint64_t sample = 0;

	if (cli_number(p->cli, "size", INT32_MAX, &p->query.size, e) < 0 ||
	    cli_number(p->cli, "sample", INT32_MAX, &sample, e) < 0)
		return -1;
	p->query.max_sources = (uint32_t)sample;
	p->query.max_recipients = RECIPIENTS_MAX;
	return 0;
}

static int read_changes(TALLOC_CTX *ctx, const char *path, struct ldif_change_list *changes,
			struct err *e)
{
	struct buf text = { 0 };
	int rc = fs_read(path, CHANGE_FILE_MAX, &text, e);

	if (rc == 0)
		rc = ldif_change_read(ctx, text.data != NULL ? text.data : "", text.len, changes, e);
	buf_free(&text);
	return rc;
}

/* Whatever is wrong with the changes, in the file or when they are made, bears its name. */
static int amend(struct planner *p, const char *path, struct err *e)
{
	struct ldif_change_list changes = { NULL, 0 };

	if (read_changes(p->cli->ctx, path, &changes, e) < 0 ||
	    view_open_amended(p->cli, p->before, &changes, &p->after, e) < 0) {
		e->domain = ERR_DIRECTORY;
		return err_note(e, "%s", path);
	}
	return 0;
}

static int open_both(struct planner *p, struct err *e)
{
	const char *change = cli_value(p->cli, "change");

	if (view_open_entries(p->cli, &p->before, e) < 0)
		return -1;
	if (change != NULL)
		return amend(p, change, e);
	return view_open_other(p->cli, cli_value(p->cli, "against"), &p->after, e);
}

/* ---- the comparison ---- */

static void tell_progress(void *ctx, uint32_t done, uint32_t all)
{
	progress_tell(&((struct planner *)ctx)->progress, done, all);
}

static int begin_recipients(void *ctx, struct err *err)
{
	return view_begin(((struct planner *)ctx)->before, err);
}

static void end_recipients(void *ctx)
{
	view_end(((struct planner *)ctx)->before);
}

/* ---- the answer ---- */

/* Of a replica only the topology is known. */
static struct entry_list comparable(const struct planner *p, TALLOC_CTX *ctx,
				    const struct entry_list *all)
{
	struct entry_list list = { NULL, 0 };

	if (!view_is_replica(p->before) || cli_value(p->cli, "against") == NULL)
		return *all;
	for (size_t i = 0; i < all->count; i++)
		if (snapshot_wants_entry(all->items[i]))
			entry_list_add(ctx, &list, all->items[i]);
	return list;
}

static void set_changes(const struct planner *p, json_t *diff)
{
	TALLOC_CTX *ctx = talloc_new(p->cli->ctx);
	struct change_list *list = change_list_new(ctx);
	struct entry_list before = comparable(p, ctx, view_entries(p->before));
	struct entry_list after = comparable(p, ctx, view_entries(p->after));

	changes_of_lists(list, &before, &after);
	json_object_set_new(diff, "changes_count", json_integer((json_int_t)list->count));
	if (list->count > CHANGES_SHOWN)
		list->count = CHANGES_SHOWN;
	json_object_set_new(diff, "changes", changes_json(list));
	talloc_free(ctx);
}

static int compare(struct planner *p, json_t **diff_r, struct err *e)
{
	p->query.old = (struct diff_side){ view_snapshot(p->before), view_recipients(p->before),
					   view_each_recipient(p->before) };
	p->query.new = (struct diff_side){ view_snapshot(p->after), view_recipients(p->after),
					   view_each_recipient(p->after) };
	p->query.same_recipients = p->query.old.recipients->ctx == p->query.new.recipients->ctx;
	p->query.begin_recipients = begin_recipients;
	p->query.end_recipients = end_recipients;
	p->query.on_progress = tell_progress;
	p->query.ctx = p;
	progress_begin(&p->progress, p->cli, "sites compared");
	if (diff_snapshots(&p->query, diff_r, e) < 0)
		return -1;
	set_changes(p, *diff_r);
	return 0;
}

static void print_text(const json_t *diff)
{
	const json_t *changes = json_object_get(diff, "changes");
	json_int_t count = json_integer_value(json_object_get(diff, "changes_count"));
	struct buf out = { 0 };

	diff_text(diff, &out);
	if (count > 0) {
		buf_adds(&out, "\nThe directory\n");
		changes_text(changes, &out);
	}
	if (count > (json_int_t)json_array_size(changes))
		buf_printf(&out, "and %lld more changes\n",
			   (long long)count - (long long)json_array_size(changes));
	print_buf(&out);
}

static long long count_of(const json_t *diff, const char *field)
{
	return (long long)json_integer_value(json_object_get(diff, field));
}

static int exit_status(const struct cli *cli, const json_t *diff)
{
	long long found = count_of(diff, "lost");

	if (cli_value(cli, "fail-on") == NULL)
		found += count_of(diff, "gained") + count_of(diff, "moved");
	return found > 0 ? EXIT_FINDING : EXIT_DONE;
}

int cmd_topology_plan(struct cli *cli, struct err *e)
{
	struct planner p = { .cli = cli };
	json_t *diff;
	int status;

	if (check_usage(cli, e) < 0 || read_numbers(&p, e) < 0 || open_both(&p, e) < 0 ||
	    compare(&p, &diff, e) < 0)
		return -1;
	status = exit_status(cli, diff);
	if (cli->json && !cli->quiet)
		cli_print_json(json_incref(diff));
	else if (!cli->quiet)
		print_text(diff);
	json_decref(diff);
	return status;
}
