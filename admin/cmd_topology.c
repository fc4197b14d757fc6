/* waypost topology check: the diagnostics of the directory, and advice. */
#include <stdio.h>
#include <string.h>

#include "admin/cmd.h"
#include "admin/findings.h"
#include "admin/paragraph.h"
#include "admin/progress.h"
#include "admin/table.h"
#include "admin/view.h"
#include "common/replica.h"
#include "topology/advice.h"

const struct cli_option cmd_topology_options[] = {
	VIEW_OPTIONS,
	VIEW_PAST_OPTION,
	{ "severity", 0, "error|warning|note", "only what is at least so severe" },
	{ "id", 0, "ID,…", "only these findings, and all objects of each" },
	{ "quick", 0, NULL, "leave out what needs the paths from every site, or all recipients" },
	{ NULL, 0, NULL, NULL },
};

/* One run of the command. */
struct checker {
	struct cli *cli;
	struct view *view;
	const struct snapshot *snap;
	struct findings *findings;
	struct progress progress;
};

static int read_severity(const struct cli *cli, enum diag_severity *least_r, struct err *e)
{
	const char *name = cli_value(cli, "severity");

	*least_r = DIAG_NOTE;
	if (name == NULL)
		return 0;
	for (int i = DIAG_NOTE; i <= DIAG_ERROR; i++)
		if (strcmp(name, diag_severity_name((enum diag_severity)i)) == 0) {
			*least_r = (enum diag_severity)i;
			return 0;
		}
	err_set(e, ERR_USAGE, 0, "there is no severity \"%.40s\"", name);
	return err_remedy(e, "severities: error, warning, note");
}

/* A name that is none would find nothing, and all would seem to be well. */
static int check_ids(const struct cli *cli, struct err *e)
{
	const char *at = cli_value(cli, "id");

	while (at != NULL && *at != '\0') {
		size_t len = strcspn(at, ",");
		char *id = talloc_strndup(cli->ctx, at, len);

		if (advice_find_row(id) == NULL) {
			err_set(e, ERR_USAGE, 0, "there is no finding \"%.60s\"", id);
			return err_remedy(e, "waypost-diagnostics(7) lists them");
		}
		at += len + (at[len] == ',');
	}
	return 0;
}

static void add_snapshot_findings(struct checker *c)
{
	for (uint32_t i = 0; i < snap_count(c->snap, SNAP_DIAGS); i++) {
		const struct snap_diag *d = snap_diag(c->snap, i);
		const struct diag_row *row = diag_row(d->row);

		findings_add(c->findings, &(struct finding){
			row->severity, row->id, snap_str(c->snap, d->dn),
			snap_str(c->snap, d->attribute), snap_str(c->snap, d->value), row->text,
			row->action, NULL });
	}
}

/* What was found while entries were stored. */
static void add_stored_finding(void *arg, const struct replica_diagnostic *d)
{
	const struct diag_row *row = advice_find_row(d->id);
	struct checker *c = arg;

	findings_add(c->findings, &(struct finding){
		row != NULL ? row->severity : DIAG_WARNING, d->id, d->dn, d->attribute, d->value,
		row != NULL ? row->text : NULL, d->action, NULL });
}

static void on_advice(void *arg, const struct advice_finding *a)
{
	struct checker *c = arg;

	findings_add(c->findings, &(struct finding){ a->row->severity, a->row->id, a->dn,
						     a->attribute, a->value, a->row->text,
						     a->row->action, a->detail });
}

/* Said of each entry when it was stored, it is not said again of all. */
static void on_advice_of_people(void *arg, const struct advice_finding *a)
{
	struct checker *c = arg;

	if (!findings_has(c->findings, a->row->id))
		on_advice(arg, a);
}

static void on_progress(void *arg, uint32_t done, uint32_t total)
{
	struct checker *c = arg;

	progress_tell(&c->progress, done, total);
}

static void advise_on_model(struct checker *c)
{
	const struct advice_sink sink = { on_advice, on_progress, c };

	progress_begin(&c->progress, c->cli, "sites looked from");
	advice_model(c->snap, !cli_flag(c->cli, "quick"), &sink);
}

static int advise_on_people(struct checker *c, struct err *e)
{
	const struct advice_sink sink = { on_advice_of_people, NULL, c };
	int rc;

	if (cli_flag(c->cli, "quick"))
		return 0;
	if (view_begin(c->view, e) < 0)
		return -1;
	rc = advice_people(c->snap, view_recipients(c->view), view_each_recipient(c->view), &sink, e);
	view_end(c->view);
	return rc;
}

static int look(struct checker *c, struct err *e)
{
	add_snapshot_findings(c);
	if (view_each_diagnostic(c->view, add_stored_finding, c, e) < 0)
		return -1;
	advise_on_model(c);
	return advise_on_people(c, e);
}

static void print_findings(const struct checker *c)
{
	const struct findings_style style = {
		snap_str(c->snap, snap_org(c->snap)->dn), paragraph_width(), table_wants_colour(),
		cli_value(c->cli, "id") != NULL,
	};
	struct buf out = { 0 };

	if (c->cli->json) {
		cli_print_json(json_incref(findings_rows(c->findings)));
		return;
	}
	findings_print(c->findings, &style, &out);
	print_buf(&out);
}

int cmd_topology_check(struct cli *cli, struct err *e)
{
	struct checker c = { .cli = cli };
	enum diag_severity least;
	int rc;

	if (read_severity(cli, &least, e) < 0 || check_ids(cli, e) < 0 ||
	    view_open(cli, &c.view, e) < 0)
		return -1;
	c.snap = view_snapshot(c.view);
	c.findings = findings_new();
	findings_filter(c.findings, least, cli_value(cli, "id"));
	rc = look(&c, e);
	if (rc == 0 && !cli->quiet)
		print_findings(&c);
	if (rc == 0)
		rc = findings_is_bad(c.findings) ? EXIT_FINDING : EXIT_DONE;
	findings_free(c.findings);
	return rc;
}
