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

static const char *loss_against_current(const struct publish_request *request,
					const struct replica_snapshot *current,
					const struct snapshot *new)
{
	struct snapshot_file *old;
	const char *lost;

	if (current->number == 0 ||
	    snapshot_file_open(request->state_dir, current, &old, NULL) < 0)
		return NULL;
	lost = what_is_lost(snapshot_file_view(old), new);
	snapshot_file_unref(&old);
	return lost;
}

static int publish_image(struct replica_writer *writer, const struct publish_request *request,
			 const struct buf *image, enum publish_result *result_r, struct err *err)
{
	struct replica_snapshot *current = &replica_writer_state(writer)->snapshot;
	struct snapshot view;
	const char *lost;

	if (snapshot_open(&view, image->data, image->len, err) < 0)
		return -1;
	*result_r = PUBLISH_SAME;
	if (current->number != 0 && snapshot_hash(&view) == current->hash && !request->anew)
		return 0;
	lost = request->accept_loss ? NULL : loss_against_current(request, current, &view);
	if (lost != NULL) {
		*result_r = PUBLISH_HELD;
		err_set(err, ERR_DIRECTORY, 0, "the directory does not hold a single %s any more",
			lost);
		err_remedy(err, "if that is meant: waypost sync accept");
		return 0;
	}
	*result_r = PUBLISH_NEW;
	return snapshot_file_write(request->state_dir, image->data, image->len, current, err);
}

int publish_snapshot(struct replica_writer *writer, const struct publish_request *request,
		     enum publish_result *result_r, struct err *err)
{
	const struct snapshot_source source = { each_entry, writer };
	uint64_t number = replica_writer_state(writer)->snapshot.number + 1;
	struct buf image = { 0 };
	int rc = snapshot_build(&source, request->base, number, &image, err);

	if (rc == 0)
		rc = publish_image(writer, request, &image, result_r, err);
	buf_free(&image);
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
