/* Entries → routing snapshot. */
#include "ldapsync/publish.h"

#include "common/snapshot_file.h"
#include "topology/load.h"

static int each_entry(void *ctx, void (*fn)(void *arg, const struct entry *entry), void *arg,
		      struct err *err)
{
	struct replica_writer *writer = ctx;

	return replica_store_each_topology(replica_writer_store(writer),
					   replica_writer_txn(writer), fn, arg, err);
}

/* An organisation does not lose its last site or server by an ordinary change. */
static const char *what_is_lost(const struct snapshot *old, const struct snapshot *new)
{
	if (snap_count(old, SNAP_SITES) > 0 && snap_count(new, SNAP_SITES) == 0)
		return "site";
	if (snap_count(old, SNAP_SERVERS) > 0 && snap_count(new, SNAP_SERVERS) == 0)
		return "server";
	return NULL;
}

static const char *loss_against_newest(const struct publish_request *request,
				       const struct replica_snapshot *newest,
				       const struct snapshot *new)
{
	struct snapshot_file *old;
	const char *lost;

	if (newest->number == 0 ||
	    snapshot_file_open(request->state_dir, newest, &old, NULL) < 0)
		return NULL;
	lost = what_is_lost(snapshot_file_view(old), new);
	snapshot_file_unref(&old);
	return lost;
}

static int log_snapshot(struct replica_writer *writer, const struct publish_request *request,
			const struct snapshot *view, struct err *err)
{
	const struct history_head head = {
		.cause = request->cause, .wall_ms = request->wall_ms,
		.snapshot = *replica_writer_newest(writer),
		.sites = snap_count(view, SNAP_SITES), .links = snap_count(view, SNAP_LINKS),
		.servers = snap_count(view, SNAP_SERVERS), .edges = snap_count(view, SNAP_EDGES),
		.connectors = snap_count(view, SNAP_CONNECTORS),
		.domains = snap_count(view, SNAP_DOMAINS),
		.diagnostics = snap_count(view, SNAP_DIAGS),
	};

	return replica_writer_log(writer, &head, err);
}

static int publish_image(struct replica_writer *writer, const struct publish_request *request,
			 const struct buf *image, enum publish_result *result_r, struct err *err)
{
	struct replica_snapshot *newest = replica_writer_newest(writer);
	struct snapshot view;
	const char *lost;

	if (snapshot_open(&view, image->data, image->len, err) < 0)
		return -1;
	*result_r = PUBLISH_SAME;
	if (newest->number != 0 && snapshot_hash(&view) == newest->hash && !request->anew) {
		replica_writer_drop_changes(writer);
		return 0;
	}
	lost = request->accept_loss ? NULL : loss_against_newest(request, newest, &view);
	if (lost != NULL) {
		*result_r = PUBLISH_HELD;
		err_set(err, ERR_DIRECTORY, 0, "the directory does not hold a single %s any more",
			lost);
		err_remedy(err, "if that is meant: waypost sync accept");
		return 0;
	}
	*result_r = PUBLISH_NEW;
	if (snapshot_file_write(request->state_dir, image->data, image->len, newest, err) < 0)
		return -1;
	return log_snapshot(writer, request, &view, err);
}

int publish_snapshot(struct replica_writer *writer, const struct publish_request *request,
		     enum publish_result *result_r, struct err *err)
{
	const struct snapshot_source source = { each_entry, writer };
	uint64_t number = replica_writer_newest(writer)->number + 1;
	struct buf image = { 0 };
	int rc = snapshot_build(&source, request->base, number, &image, err);

	if (rc == 0)
		rc = publish_image(writer, request, &image, result_r, err);
	buf_free(&image);
	return rc;
}

int publish_found(struct replica_writer *writer, const char *state_dir, uint64_t wall_ms,
		  struct err *err)
{
	const struct publish_request request = { .cause = HISTORY_FOUND, .wall_ms = wall_ms };
	struct snapshot_file *file;
	int rc;

	if (snapshot_file_open(state_dir, replica_writer_newest(writer), &file, err) < 0)
		return -1;
	rc = log_snapshot(writer, &request, snapshot_file_view(file), err);
	snapshot_file_unref(&file);
	return rc;
}

bool publish_is_intact(const char *state_dir, const struct replica_snapshot *snapshot,
		       uint64_t *diagnostics_r)
{
	struct snapshot_file *file;

	if (snapshot_file_open(state_dir, snapshot, &file, NULL) < 0)
		return false;
	if (diagnostics_r != NULL)
		*diagnostics_r = snap_count(snapshot_file_view(file), SNAP_DIAGS);
	snapshot_file_unref(&file);
	return true;
}
