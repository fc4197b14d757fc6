/* Writing the replica: an entry is stored, renamed, deleted. */
#include <string.h>

#include "common/dn.h"
#include "common/names.h"
#include "ldapsync/replica_writer_private.h"
#include "topology/load.h"
#include "topology/recipient.h"

static int diagnose_entry(struct replica_writer *writer, const struct entry *entry,
			  const char *id, bool bad, const char *attribute, const char *value,
			  const char *action, struct err *err)
{
	const struct replica_diagnostic text = { id, entry->dn, attribute, value, action };
	MDB_stat stat;
	char subject[37];

	/* Nearly always: nothing is wrong with it, and nothing was with anything. */
	if (!bad && mdb_stat(writer->txn, writer->store.diagnostic, &stat) == 0 &&
	    stat.ms_entries == 0)
		return 0;
	if (!bad && writer_is_bulk(writer))
		return 0; /* it is new: there is nothing to take back */
	entry_uuid_format(&entry->uuid, subject);
	return replica_writer_diagnose(writer, id, subject, bad ? &text : NULL, err);
}

static bool same_bytes(const void *a, size_t a_len, const void *b, size_t b_len)
{
	return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

static bool is_same(const struct replica_record *a, const struct replica_record *b)
{
	return a->parent == b->parent && a->source == b->source &&
	       entry_uuid_equal(&a->uuid, &b->uuid) && strcmp(a->rdn, b->rdn) == 0 &&
	       same_bytes(a->entry, a->entry_len, b->entry, b->entry_len) &&
	       same_bytes(a->recipient, a->recipient_len, b->recipient, b->recipient_len);
}

/* Tables that name the entry by its contents. */
static int index_record(struct replica_writer *writer, const struct replica_record *old,
			const struct replica_record *new, struct err *err)
{
	struct tree tree = writer_tree(writer);

	if (old->entry != NULL && new->entry != NULL)
		writer_mark_entry(writer, new->id);
	else if (old->entry != NULL || new->entry != NULL)
		writer_mark_topology(writer);
	if (old->entry == NULL && new->entry != NULL &&
	    tree_put(&tree, writer->store.topology, &new->id, sizeof(new->id), "", 0, err) < 0)
		return -1;
	if (old->entry != NULL && new->entry == NULL &&
	    tree_del(&tree, writer->store.topology, &new->id, sizeof(new->id), err) < 0)
		return -1;
	if (writer_index_addresses(writer, old, new, err) < 0)
		return -1;
	writer_tally_record(writer, old, -1);
	writer_tally_record(writer, new, 1);
	return 0;
}

/* A recipient's values that do not fit their attributes. */
static int diagnose_values(struct replica_writer *writer, const struct entry *entry, struct err *err)
{
	const struct entry_value *value = NULL;
	const char *attribute = recipient_is(entry) ? recipient_bad_value(entry, &value) : NULL;
	bool is_text = value != NULL && value->len < 256 && name_is_printable(value->data, value->len);

	return diagnose_entry(writer, entry, "bad-value", attribute != NULL, attribute,
			      is_text ? value->data : "", "the value is ignored", err);
}

/* What of ENTRY is stored; the buffers belong to the writer. */
static int describe(struct replica_writer *writer, const struct entry *entry, const char *rdn,
		    struct replica_record *record, struct err *err)
{
	struct entry stored = *entry;
	unsigned bad = 0;

	buf_clear(&writer->entry_bytes);
	buf_clear(&writer->recipient_bytes);
	stored.dn = rdn;
	if (snapshot_wants_entry(entry))
		entry_encode(&stored, &writer->entry_bytes);
	recipient_encode(entry, &writer->recipient_bytes, &bad);
	if (writer->entry_bytes.len > 0) {
		record->entry = writer->entry_bytes.data;
		record->entry_len = writer->entry_bytes.len;
	}
	if (writer->recipient_bytes.len > 0) {
		record->recipient = writer->recipient_bytes.data;
		record->recipient_len = writer->recipient_bytes.len;
	}
	if (diagnose_values(writer, entry, err) < 0)
		return -1;
	return diagnose_entry(writer, entry, "malformed-address", bad > 0, "mail", "",
			      "addresses that cannot be parsed, or behind the 5000th, are left out",
			      err);
}

/* The entry is new or was renamed: gives it its place. A placeholder there becomes the entry. */
static int settle(struct replica_writer *writer, const struct entry *entry, const char *key,
		  struct replica_record *record, struct err *err)
{
	struct tree tree = writer_tree(writer);
	bool is_new = record->id == 0;
	uint64_t next_id = tree.state->next_id;

	if (tree_make_path(&tree, dn_parent(entry->dn), dn_key_parent(key), &record->parent, err) < 0)
		return -1;
	writer->strays += tree.state->next_id != next_id;
	if (!is_new)
		return tree_attach(&tree, record, err);
	if (tree_find_placeholder(&tree, record->parent, record->rdn_key, &record->id, err) < 0)
		return -1;
	if (record->id == 0) {
		record->id = tree.state->next_id++;
		if (tree_attach(&tree, record, err) < 0)
			return -1;
	}
	return tree_put(&tree, writer->store.uuid, entry->uuid.bytes, sizeof(entry->uuid.bytes),
			&record->id, sizeof(record->id), err);
}

/*
 * Whether the name of the stored entry has changed: then it leaves its old place, and *OLD_DN_R is
 * what it was called, the caller's. It cannot be put together any more when the entry has a new place:
 * what was above it may be below it.
 */
static int leave_old_name(struct replica_writer *writer, const char *key, char **old_dn_r,
			  struct err *err)
{
	struct tree tree = writer_tree(writer);
	const struct replica_record *old = &writer->old.record;
	char *old_key = replica_store_dn(&writer->store, writer->txn, NULL, old, true, err);
	bool moved = old_key != NULL && strcmp(old_key, key) != 0;

	talloc_free(old_key);
	if (old_key == NULL)
		return -1;
	if (!moved)
		return 0;
	*old_dn_r = replica_store_dn(&writer->store, writer->txn, NULL, old, false, err);
	if (*old_dn_r == NULL)
		return -1;
	/* A name in the topology can be what others refer to, even if it is only a folder's. */
	writer_mark_topology(writer);
	return tree_detach(&tree, old, err) < 0 ? -1 : 1;
}

static int load_old(struct replica_writer *writer, const struct entry_uuid *uuid, struct err *err)
{
	struct tree tree = writer_tree(writer);
	struct replica_record found;
	int rc = replica_store_by_uuid(&writer->store, writer->txn, uuid, &found, err);

	if (rc == 1)
		return tree_load(&tree, found.id, &writer->old, err);
	writer->old.record = (struct replica_record){ 0 };
	return rc;
}

/* Puts RECORD, which has its place, into the stead of the old one. */
static int replace_old(struct replica_writer *writer, const struct replica_record *record,
		       const char *old_dn, const struct entry *entry, struct err *err)
{
	struct tree tree = writer_tree(writer);
	const struct replica_record *old = &writer->old.record;

	writer_watch_recipient(writer, old, record, entry);
	if (writer_note_change(writer, old, old_dn, record, entry, err) < 0 ||
	    index_record(writer, old, record, err) < 0 || tree_store(&tree, record, err) < 0)
		return -1;
	if (old_dn != NULL && tree_prune(&tree, old->parent, err) < 0)
		return -1;
	return writer_check_duplicates(writer, old, record, err) < 0 ? -1 : 1;
}

static int upsert_named(struct replica_writer *writer, struct replica_record *record,
			const struct entry *entry, const char *key, struct err *err)
{
	const struct replica_record *old = &writer->old.record;
	int known = load_old(writer, &entry->uuid, err), moved, rc = 0;
	char *old_dn = NULL;

	if (known < 0 || describe(writer, entry, record->rdn, record, err) < 0)
		return -1;
	record->id = old->id;
	record->parent = old->parent;
	moved = known ? leave_old_name(writer, key, &old_dn, err) : 1;
	if (moved == 0 && is_same(old, record))
		return 0;
	if (moved > 0)
		rc = settle(writer, entry, key, record, err);
	if (moved >= 0 && rc == 0)
		rc = replace_old(writer, record, old_dn, entry, err);
	talloc_free(old_dn);
	return moved < 0 ? -1 : rc;
}

/* Into a generation without indexes. 1; 0: it needs them; -1. */
static int insert(struct replica_writer *writer, struct replica_record *record,
		  const struct entry *entry, const char *key, struct err *err)
{
	const struct replica_record nothing = { .id = 0 };
	int rc;

	writer_bulk_expect(writer, record, key);
	if (describe(writer, entry, record->rdn, record, err) < 0)
		return -1;
	rc = writer_bulk_place(writer, record, entry->dn, key, err);
	if (rc != 1)
		return rc;
	if (writer_note_change(writer, &nothing, NULL, record, entry, err) < 0)
		return -1;
	if (record->entry != NULL)
		writer_mark_topology(writer);
	writer_tally_record(writer, record, 1);
	return writer_bulk_store(writer, record, err) < 0 ? -1 : 1;
}

static int put_named(struct replica_writer *writer, struct replica_record *record,
		     const struct entry *entry, const char *key, struct err *err)
{
	if (writer_is_bulk(writer)) {
		int rc = insert(writer, record, entry, key, err);

		if (rc != 0 || (rc = replica_writer_index(writer, err)) < 0)
			return rc;
	}
	return upsert_named(writer, record, entry, key, err);
}

static size_t depth_of(const char *key)
{
	size_t n = 1;

	for (; *key != '\0'; key++)
		n += *key == ',';
	return n;
}

/* 1, or 0: ENTRY has no place in the tree and is left out, which a diagnostic says. */
static int check_name(struct replica_writer *writer, const struct entry *entry, const char *key,
		      struct err *err)
{
	bool is_nobody = entry_uuid_is_null(&entry->uuid); /* all of these would be one */
	bool bad = key == NULL || *key == '\0' || depth_of(key) > REPLICA_NAME_DEPTH;

	if (is_nobody)
		return diagnose_entry(writer, entry, "malformed-dn", true, "entryUUID",
				      "00000000-0000-0000-0000-000000000000",
				      "the entry is skipped", err);
	if (diagnose_entry(writer, entry, "malformed-dn", bad, "dn", entry->dn,
			   "the entry is skipped", err) < 0)
		return -1;
	return !bad;
}

int replica_writer_upsert(struct replica_writer *writer, uint16_t source,
			  const struct entry *entry, uint64_t *id_r, struct err *err)
{
	char *key = dn_key(NULL, entry->dn);
	struct replica_record record = { .uuid = entry->uuid, .source = source };
	int rc = check_name(writer, entry, key, err);

	*id_r = 0;
	if (rc == 1) {
		record.rdn = dn_rdn(key, entry->dn);
		record.rdn_key = talloc_strndup(key, key, strcspn(key, ","));
		rc = put_named(writer, &record, entry, key, err);
		*id_r = record.id;
	}
	talloc_free(key);
	return rc;
}

int replica_writer_delete(struct replica_writer *writer, uint16_t source,
			  const struct entry_uuid *uuid, struct err *err)
{
	struct tree tree = writer_tree(writer);
	struct replica_record *old = &writer->old.record, nothing = { 0 };
	struct entry subject = { .uuid = *uuid };
	uint64_t id;
	int rc = replica_writer_find(writer, uuid, &id, err), left;

	if (rc == 0 && id == 0) /* it may have been left out */
		return diagnose_entry(writer, &subject, "malformed-dn", false, NULL, NULL, NULL, err);
	if (rc == 0)
		rc = replica_writer_index(writer, err) < 0 ? -1 : load_old(writer, uuid, err);
	if (rc != 1 || old->source != source)
		return rc < 0 ? -1 : 0;
	nothing.id = old->id;
	writer_watch_recipient(writer, old, &nothing, NULL);
	if (writer_note_change(writer, old, NULL, &nothing, NULL, err) < 0 ||
	    index_record(writer, old, &nothing, err) < 0 ||
	    tree_del(&tree, writer->store.uuid, uuid->bytes, sizeof(uuid->bytes), err) < 0 ||
	    (left = tree_vacate(&tree, old, err)) < 0 ||
	    diagnose_entry(writer, &subject, "malformed-dn", false, NULL, NULL, NULL, err) < 0 ||
	    diagnose_entry(writer, &subject, "malformed-address", false, NULL, NULL, NULL, err) < 0 ||
	    diagnose_entry(writer, &subject, "bad-value", false, NULL, NULL, NULL, err) < 0)
		return -1;
	return writer_check_duplicates(writer, old, &nothing, err) < 0 ? -1 : 1 + left;
}

int replica_writer_find(struct replica_writer *writer, const struct entry_uuid *uuid,
			uint64_t *id_r, struct err *err)
{
	MDB_val value;
	int rc;

	if (writer_is_bulk(writer))
		return writer_bulk_find(writer, uuid, id_r, err);
	rc = replica_store_get(writer->txn, writer->store.uuid, uuid->bytes, sizeof(uuid->bytes),
			       &value, err);
	*id_r = rc == 1 ? replica_id_at(&value, 0) : 0;
	return rc < 0 ? -1 : 0;
}

int replica_writer_name(struct replica_writer *writer, const struct entry_uuid *uuid, char **dn_r,
			struct err *err)
{
	struct replica_record record;
	uint64_t id;

	if (replica_writer_find(writer, uuid, &id, err) < 0)
		return -1;
	if (id == 0)
		return 0;
	if (replica_store_known(&writer->store, writer->txn, id, &record, err) < 0)
		return -1;
	*dn_r = replica_store_dn(&writer->store, writer->txn, NULL, &record, false, err);
	return *dn_r != NULL ? 1 : -1;
}
