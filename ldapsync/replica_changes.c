/*
 * Writing the replica: which changes of the topology the next snapshot will bring.
 *
 * Bounded, since a refresh may change everything: of what does not fit only the number is kept.
 */
#include <string.h>

#include "ldapsync/replica_writer_private.h"
#include "topology/changes.h"

enum {
	ROWS_MAX = 1000,
	OCTETS_MAX = 512 * 1024,
	VALUES_MAX = 50, /* of a row, on each side */
};

#define CHANGES_KEY "changes"

static int load_rows(struct changes *changes, const struct history_entry *stored)
{
	changes->omitted = stored->head.omitted;
	buf_adds(&changes->sources, stored->source);
	if (stored->changes == NULL)
		return 0;
	changes->rows = json_loadb(stored->changes, stored->changes_len, 0, NULL);
	changes->octets = stored->changes_len;
	return changes->rows != NULL ? 0 : -1;
}

int writer_load_changes(struct replica_writer *writer, struct err *err)
{
	struct changes *changes = &writer->changes;
	struct history_entry stored;
	MDB_val value;
	int rc;

	if (changes->is_loaded)
		return 0;
	rc = replica_store_get(writer->txn, writer->store.meta, CHANGES_KEY, strlen(CHANGES_KEY),
			       &value, err);
	if (rc < 0)
		return -1;
	changes->is_loaded = true;
	changes->is_there = rc == 1;
	if (rc == 1 && (!history_decode(value.mv_data, value.mv_size, &stored) ||
			load_rows(changes, &stored) < 0))
		changes->omitted++; /* of another version: that something changed still counts */
	return 0;
}

static int put_changes(struct replica_writer *writer, struct err *err)
{
	struct changes *changes = &writer->changes;
	struct tree tree = writer_tree(writer);
	struct history_entry entry = { .head = { .omitted = changes->omitted },
				       .source = changes->sources.len > 0 ? changes->sources.data : "" };
	char *rows = changes->rows != NULL ? json_dumps(changes->rows, JSON_COMPACT) : NULL;
	struct buf value = { 0 };
	int rc;

	entry.changes = rows;
	entry.changes_len = rows != NULL ? strlen(rows) : 0;
	history_encode(&entry, &value);
	rc = tree_put(&tree, writer->store.meta, CHANGES_KEY, strlen(CHANGES_KEY), value.data,
		      value.len, err);
	buf_free(&value);
	free(rows);
	return rc;
}

int writer_store_changes(struct replica_writer *writer, struct err *err)
{
	struct changes *changes = &writer->changes;
	struct tree tree = writer_tree(writer);

	if (!changes->is_dirty)
		return 0;
	changes->is_dirty = false;
	if (changes->is_there)
		return put_changes(writer, err);
	return tree_del(&tree, writer->store.meta, CHANGES_KEY, strlen(CHANGES_KEY), err);
}

static void clear_changes(struct changes *changes)
{
	json_decref(changes->rows);
	changes->rows = NULL;
	changes->octets = 0;
	changes->omitted = 0;
	changes->last_source = 0;
	changes->is_there = false;
	buf_clear(&changes->sources);
}

void writer_forget_changes(struct replica_writer *writer)
{
	clear_changes(&writer->changes);
	writer->changes.is_loaded = false;
	writer->changes.is_dirty = false;
}

void replica_writer_drop_changes(struct replica_writer *writer)
{
	writer->changes.is_dirty |= writer->changes.is_there;
	clear_changes(&writer->changes);
}

void writer_copy_changes(struct replica_writer *writer, const struct replica_writer *old)
{
	struct changes *changes = &writer->changes;

	json_decref(changes->rows);
	changes->rows = old->changes.rows != NULL ? json_deep_copy(old->changes.rows) : NULL;
	changes->octets = old->changes.octets;
	changes->omitted = old->changes.omitted;
	changes->is_there |= old->changes.is_there;
	changes->is_dirty = true;
}

void replica_writer_list_changes(struct replica_writer *writer)
{
	writer->changes.is_listed = true;
}

bool replica_writer_is_behind(const struct replica_writer *writer)
{
	return writer->changes.is_there;
}

void writer_mark_topology(struct replica_writer *writer)
{
	writer->changes.is_there = true;
	writer->changes.is_dirty = true;
	writer->changes.marks++;
	writer->touched.is_whole = false;
}

uint64_t replica_writer_marks(const struct replica_writer *writer)
{
	return writer->changes.marks;
}

uint64_t replica_writer_strays(const struct replica_writer *writer)
{
	return writer->strays;
}

void writer_mark_entry(struct replica_writer *writer, uint64_t id)
{
	struct touched *touched = &writer->touched;
	bool is_whole = touched->is_whole;

	writer_mark_topology(writer);
	for (size_t i = 0; is_whole && i < touched->n; i++)
		if (touched->ids[i] == id) {
			touched->is_whole = true;
			return;
		}
	if (!is_whole || touched->n == REPLICA_TOUCHED_MAX)
		return;
	touched->ids[touched->n++] = id;
	touched->is_whole = true;
}

bool replica_writer_touched(const struct replica_writer *writer, const uint64_t **ids_r, size_t *n_r)
{
	*ids_r = writer->touched.ids;
	*n_r = writer->touched.n;
	return writer->touched.is_whole;
}

void replica_writer_note_snapshot(struct replica_writer *writer)
{
	writer->touched.is_whole = true;
	writer->touched.n = 0;
}

/* ---- rows ---- */

static void cut_values(TALLOC_CTX *ctx, const char **values, size_t *n)
{
	if (*n <= VALUES_MAX)
		return;
	values[VALUES_MAX] = talloc_asprintf(ctx, "… and %zu more", *n - VALUES_MAX);
	*n = VALUES_MAX + 1;
}

static size_t octets_of(const struct change *change)
{
	size_t n = strlen(change->dn) + strlen(change->class) + strlen(change->attribute) + 64;

	for (size_t i = 0; i < change->n_old; i++)
		n += strlen(change->old_values[i]) + 3;
	for (size_t i = 0; i < change->n_new; i++)
		n += strlen(change->new_values[i]) + 3;
	return n;
}

/* Whether one more row has room. Behind the first that has none there is no other. */
static bool fits(const struct changes *changes, size_t n, size_t octets)
{
	return changes->omitted == 0 && json_array_size(changes->rows) + n < ROWS_MAX &&
	       changes->octets + octets <= OCTETS_MAX;
}

static void add_rows(struct changes *changes, struct change_list *list)
{
	size_t n = 0, octets = 0;
	json_t *rows;

	for (; n < list->count; n++) {
		struct change *change = &list->items[n];

		cut_values(list, change->old_values, &change->n_old);
		cut_values(list, change->new_values, &change->n_new);
		if (!fits(changes, n, octets + octets_of(change)))
			break;
		octets += octets_of(change);
	}
	changes->omitted += (uint32_t)(list->count - n);
	list->count = n;
	changes->octets += octets;
	rows = changes_json(list);
	if (changes->rows == NULL)
		changes->rows = json_array();
	json_array_extend(changes->rows, rows);
	json_decref(rows);
}

void writer_list(struct replica_writer *writer, const struct entry *before,
		 const struct entry *after)
{
	struct change_list *list = change_list_new(NULL);

	if (changes_of_entry(list, before, after) > 0) {
		writer_watch_rows(writer, list);
		add_rows(&writer->changes, list);
		writer->changes.is_dirty = true;
	}
	talloc_free(list);
}

/* Adds the title of SOURCE, unless it is there. */
static int note_source(struct replica_writer *writer, uint16_t source, struct err *err)
{
	struct changes *changes = &writer->changes;
	struct buf title = { 0 };
	int rc;

	if (changes->last_source == source)
		return 0;
	rc = writer_source_title(writer, source, &title, err);
	if (title.len > 0 &&
	    (changes->sources.len == 0 || strstr(changes->sources.data, title.data) == NULL))
		buf_printf(&changes->sources, "%s%s", changes->sources.len > 0 ? ", " : "",
			   title.data);
	changes->last_source = source;
	changes->is_dirty = true;
	buf_free(&title);
	return rc;
}

/* A folder that bears another name: so do all entries below it. */
static bool is_moved_folder(const struct replica_record *old, const struct replica_record *new)
{
	return old->id != 0 && !entry_uuid_is_null(&new->uuid) && new->recipient == NULL &&
	       (old->parent != new->parent || strcmp(old->rdn_key, new->rdn_key) != 0);
}

/* OLD as an entry: of the model with all that it says, else only its name. Null and ERR. */
static struct entry *entry_of(struct replica_writer *writer, TALLOC_CTX *ctx,
			      const struct replica_record *old, const char *old_dn, struct err *err)
{
	struct entry *entry = old->entry == NULL ? entry_new(ctx, "") :
						   entry_decode(ctx, old->entry, old->entry_len, err);

	if (entry == NULL)
		return NULL;
	entry->dn = old_dn != NULL ? old_dn :
				     replica_store_dn(&writer->store, writer->txn, ctx, old, false, err);
	return entry->dn != NULL ? entry : NULL;
}

int writer_note_change(struct replica_writer *writer, const struct replica_record *old,
		       const char *old_dn, const struct replica_record *new,
		       const struct entry *entry, struct err *err)
{
	TALLOC_CTX *ctx;
	struct entry *before = NULL;
	bool is_entry = old->entry != NULL || new->entry != NULL;

	if (!is_entry && !is_moved_folder(old, new))
		return 0;
	if (note_source(writer, entry != NULL ? new->source : old->source, err) < 0)
		return -1;
	if (!writer->changes.is_listed)
		return 0;
	ctx = talloc_new(NULL);
	if (old->entry != NULL || !is_entry) {
		before = entry_of(writer, ctx, old, old_dn, err);
		if (before == NULL) {
			talloc_free(ctx);
			return -1;
		}
	}
	if (is_entry)
		writer_list(writer, before, new->entry != NULL ? entry : NULL);
	else
		writer_list(writer, before, entry_new(ctx, entry->dn));
	talloc_free(ctx);
	return 0;
}
