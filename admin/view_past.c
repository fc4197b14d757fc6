/* Views of the past: snapshots of the replica's log. */
#include "admin/history.h"
#include "admin/view_private.h"
#include "common/clock.h"

const char *view_past(const struct view *view)
{
	return view->past;
}

static void describe(struct view *v, const struct history_head *head)
{
	char time[25];

	clock_iso8601(head->wall_ms, time);
	v->past = talloc_asprintf(v, "snapshot %llu of %s",
				  (unsigned long long)head->snapshot.number, time);
}

/* In READER's log. -1: ERR_NOT_FOUND if it is not there. */
static int find(struct view *v, struct replica_reader *reader, uint64_t number,
		struct replica_snapshot *what_r, struct err *e)
{
	struct history_entry entry;
	int rc;

	if (replica_begin(reader, e) < 0)
		return view_no_replica(e);
	rc = replica_find_history(reader, number, &entry, e);
	if (rc == 1) {
		*what_r = entry.head.snapshot;
		describe(v, &entry.head);
	} else if (rc == 0) {
		rc = history_not_kept(reader, number, e);
	}
	replica_end(reader);
	return rc < 0 ? -1 : 0;
}

/* The image may go between the look into the log and this one. */
static int open_image(struct view *v, struct cli *cli, struct replica_reader *reader,
		      uint64_t number, struct err *e)
{
	struct replica_snapshot what;

	if (find(v, reader, number, &what, e) < 0)
		return -1;
	if (snapshot_file_open(cli->host->state, &what, &v->file, e) < 0)
		return err_remedy(e, "waypost topology log lists what is kept");
	v->snapshot = snapshot_file_view(v->file);
	return 0;
}

int view_open_snapshot(struct cli *cli, uint64_t number, struct view **view_r, struct err *e)
{
	struct view *v = view_new(cli->ctx);

	*view_r = v;
	if (cli_flag(cli, "directory")) {
		err_set(e, ERR_USAGE, 0, "snapshots are of this host's replica, not of a directory");
		return err_remedy(e, "leave out --directory, or the snapshot");
	}
	if (cli_host(cli, e) < 0)
		return -1;
	view_attach_replica(v, cli->host->state);
	return open_image(v, cli, v->reader, number, e);
}

int view_open_beside(struct cli *cli, struct view *view, uint64_t number, struct view **view_r,
		     struct err *e)
{
	struct view *v = view_new(cli->ctx);

	*view_r = v;
	v->recipients = view->recipients;
	v->each_recipient = view->each_recipient;
	return open_image(v, cli, view->reader, number, e);
}

int view_each_history(struct view *view, bool (*fn)(void *arg, const struct history_entry *entry),
		      void *arg, struct err *e)
{
	int rc;

	if (view_begin(view, e) < 0)
		return -1;
	rc = replica_each_history(view->reader, fn, arg, e);
	view_end(view);
	return rc;
}
