/* Entries → routing snapshot. */
#include "ldapsync/publish.h"

#include <stdlib.h>

#include "common/snapshot_file.h"
#include "topology/load.h"

/* What the newest snapshot was made from. */
struct publisher {
	struct snapshot_builder *builder;
	const struct replica_writer *writer; /* whose entries they were; null: none */
	uint64_t number;                     /* of that snapshot */
	uint32_t sites, servers, diagnostics; /* in it */
	struct snapshot_room room;            /* for the next */
};

struct publisher *publisher_new(void)
{
	struct publisher *publisher = mem_zero(1, sizeof(*publisher));

	publisher->builder = snapshot_builder_new();
	return publisher;
}

void publisher_free(struct publisher **publisher)
{
	if (*publisher == NULL)
		return;
	snapshot_builder_free(&(*publisher)->builder);
	free(*publisher);
	*publisher = NULL;
}

static void forget(struct publisher *publisher)
{
	snapshot_builder_forget(publisher->builder);
	publisher->writer = NULL;
}

static bool holds_newest(const struct publisher *publisher, struct replica_writer *writer)
{
	return publisher->writer == writer &&
	       publisher->number == replica_writer_newest(writer)->number;
}

static int each_entry(void *ctx, void (*fn)(void *arg, const struct entry *entry), void *arg,
		      struct err *err)
{
	struct replica_writer *writer = ctx;

	return replica_store_each_topology(replica_writer_store(writer),
					   replica_writer_txn(writer), fn, arg, err);
}

/* An organisation does not lose its last site or server by an ordinary change. */
static const char *what_is_lost(uint32_t old_sites, uint32_t old_servers, const struct snapshot *new)
{
	if (old_sites > 0 && snap_count(new, SNAP_SITES) == 0)
		return "site";
	if (old_servers > 0 && snap_count(new, SNAP_SERVERS) == 0)
		return "server";
	return NULL;
}

static const char *loss_against_newest(const struct publisher *publisher,
				       const struct publish_request *request,
				       struct replica_writer *writer, const struct snapshot *new)
{
	const struct replica_snapshot *newest = replica_writer_newest(writer);
	const struct snapshot *old;
	struct snapshot_file *file;
	const char *lost;

	if (holds_newest(publisher, writer))
		return what_is_lost(publisher->sites, publisher->servers, new);
	if (newest->number == 0 ||
	    snapshot_file_open(request->state_dir, newest, &file, NULL) < 0)
		return NULL;
	old = snapshot_file_view(file);
	lost = what_is_lost(snap_count(old, SNAP_SITES), snap_count(old, SNAP_SERVERS), new);
	snapshot_file_unref(&file);
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

static int publish_image(struct publisher *publisher, struct replica_writer *writer,
			 const struct publish_request *request, const struct buf *image,
			 enum publish_result *result_r, struct err *err)
{
	struct replica_snapshot *newest = replica_writer_newest(writer);
	struct snapshot view;
	const char *lost;

	if (snapshot_open(&view, image->data, image->len, err) < 0)
		return -1;
	*result_r = PUBLISH_SAME;
	lost = request->accept_loss ? NULL :
				      loss_against_newest(publisher, request, writer, &view);
	publisher->sites = snap_count(&view, SNAP_SITES);
	publisher->servers = snap_count(&view, SNAP_SERVERS);
	publisher->diagnostics = snap_count(&view, SNAP_DIAGS);
	if (newest->number != 0 && snapshot_hash(&view) == newest->hash && !request->anew) {
		replica_writer_drop_changes(writer);
		return 0;
	}
	if (lost != NULL) {
		*result_r = PUBLISH_HELD;
		err_set(err, ERR_DIRECTORY, 0, "the directory does not hold a single %s any more",
			lost);
		err_remedy(err, "if that is meant: waypost sync accept");
		return 0;
	}
	*result_r = PUBLISH_NEW;
	if (snapshot_file_write(request->state_dir, image->data, image->len, &publisher->room, newest,
				err) < 0)
		return -1;
	return log_snapshot(writer, request, &view, err);
}

static int take_entry(struct publisher *publisher, struct replica_writer *writer, uint64_t id,
		      struct err *err)
{
	const struct replica_store *store = replica_writer_store(writer);
	MDB_txn *txn = replica_writer_txn(writer);
	struct replica_record record;
	struct entry *entry;
	bool taken;
	int rc = replica_store_record(store, txn, id, &record, err);

	if (rc != 1 || record.entry == NULL)
		return rc < 0 ? -1 : 0;
	entry = replica_store_entry(store, txn, NULL, &record, err);
	if (entry == NULL)
		return -1;
	taken = snapshot_builder_change(publisher->builder, entry);
	talloc_free(entry);
	return taken;
}

/* 1: the image by mending the last one; 0: all entries have to be read. */
static int mend(struct publisher *publisher, struct replica_writer *writer, struct buf *image,
		struct err *err)
{
	const uint64_t *ids;
	size_t n;
	int rc;

	if (!holds_newest(publisher, writer) || !replica_writer_touched(writer, &ids, &n))
		return 0;
	for (size_t i = 0; i < n; i++) {
		rc = take_entry(publisher, writer, ids[i], err);
		if (rc != 1)
			return rc;
	}
	snapshot_builder_mend(publisher->builder, publisher->number + 1, image);
	return 1;
}

static int make_image(struct publisher *publisher, struct replica_writer *writer,
		      const struct publish_request *request, struct buf *image, struct err *err)
{
	const struct snapshot_source source = { each_entry, writer };
	int rc = request->anew ? 0 : mend(publisher, writer, image, err);

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	return snapshot_builder_build(publisher->builder, &source, request->base,
				      replica_writer_newest(writer)->number + 1, image, err);
}

int publish_snapshot(struct publisher *publisher, struct replica_writer *writer,
		     const struct publish_request *request, enum publish_result *result_r,
		     struct err *err)
{
	struct buf image = { 0 };
	int rc = make_image(publisher, writer, request, &image, err);

	if (rc == 0)
		rc = publish_image(publisher, writer, request, &image, result_r, err);
	buf_free(&image);
	if (rc < 0 || *result_r == PUBLISH_HELD) {
		forget(publisher);
		return rc;
	}
	publisher->writer = writer;
	publisher->number = replica_writer_newest(writer)->number;
	replica_writer_note_snapshot(writer);
	return 0;
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

void publish_make_room(struct publisher *publisher, const char *state_dir,
		       const struct replica_snapshot *newest)
{
	snapshot_file_make_room(state_dir, newest->number + 1, newest->size, &publisher->room);
}

uint64_t publish_diagnostics(const struct publisher *publisher, const char *state_dir,
			     const struct replica_snapshot *snapshot)
{
	uint64_t count = 0;

	if (publisher->writer != NULL && publisher->number == snapshot->number)
		return publisher->diagnostics;
	publish_is_intact(state_dir, snapshot, &count);
	return count;
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
