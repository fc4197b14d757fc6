/* Writing the replica. */
#include "ldapsync/replica_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "common/dn.h"
#include "ldapsync/replica_tree.h"
#include "topology/load.h"
#include "topology/recipient.h"

struct replica_writer {
	struct replica_store store;
	MDB_txn *txn;
	struct replica_state state;
	bool topology_changed;
	struct node old; /* the record that is being replaced */
	struct buf entry_bytes, recipient_bytes; /* what replaces it */
};

void id_set_add(struct id_set *set, uint64_t id)
{
	size_t word = id / 64;

	if (word >= set->n_words) {
		size_t n = word < 1024 ? 1024 : word * 2;

		set->words = mem_grow(set->words, n * sizeof(*set->words));
		memset(set->words + set->n_words, 0, (n - set->n_words) * sizeof(*set->words));
		set->n_words = n;
	}
	set->words[word] |= (uint64_t)1 << id % 64;
}

bool id_set_has(const struct id_set *set, uint64_t id)
{
	return id / 64 < set->n_words && (set->words[id / 64] >> id % 64 & 1);
}

void id_set_free(struct id_set *set)
{
	free(set->words);
	*set = (struct id_set){ 0 };
}

int replica_writer_open(const char *state_dir, uint64_t number, bool bulk,
			struct replica_writer **writer_r, struct err *err)
{
	struct replica_writer *writer = mem_zero(1, sizeof(*writer));

	/* Without NOMETASYNC's second sync a crash can lose the last transaction, but then the
	 * cookie falls back together with its data, and the directory sends it again. */
	if (replica_store_open(&writer->store, state_dir, number,
			       MDB_NOMETASYNC | (bulk ? MDB_NOSYNC : 0), err) < 0) {
		free(writer);
		return -1;
	}
	*writer_r = writer;
	return 0;
}

void replica_writer_close(struct replica_writer **writer)
{
	if (*writer == NULL)
		return;
	replica_writer_abort(*writer);
	replica_store_close(&(*writer)->store);
	node_free(&(*writer)->old);
	buf_free(&(*writer)->entry_bytes);
	buf_free(&(*writer)->recipient_bytes);
	free(*writer);
	*writer = NULL;
}

uint64_t replica_writer_generation(const struct replica_writer *writer)
{
	return writer->store.generation;
}

int replica_writer_begin(struct replica_writer *writer, struct err *err)
{
	int rc = mdb_txn_begin(writer->store.env, NULL, 0, &writer->txn);

	if (rc != 0) {
		writer->txn = NULL;
		return replica_store_fail(err, "transaction", rc);
	}
	writer->topology_changed = false;
	rc = replica_store_state(&writer->store, writer->txn, &writer->state, err);
	if (rc < 0) {
		replica_writer_abort(writer);
		return -1;
	}
	if (rc == 0)
		writer->state = (struct replica_state){ .format = REPLICA_FORMAT, .next_id = 1 };
	return 0;
}

static struct tree tree_of(struct replica_writer *writer)
{
	return (struct tree){ &writer->store, writer->txn, &writer->state };
}

int replica_writer_commit(struct replica_writer *writer, struct err *err)
{
	struct tree tree = tree_of(writer);
	int rc;

	if (tree_put(&tree, writer->store.meta, REPLICA_STATE_KEY, strlen(REPLICA_STATE_KEY),
		     &writer->state, sizeof(writer->state), err) < 0) {
		replica_writer_abort(writer);
		return -1;
	}
	rc = mdb_txn_commit(writer->txn);
	writer->txn = NULL;
	return rc == 0 ? 0 : replica_store_fail(err, "commit", rc);
}

void replica_writer_abort(struct replica_writer *writer)
{
	if (writer->txn != NULL)
		mdb_txn_abort(writer->txn);
	writer->txn = NULL;
}

bool replica_writer_is_open(const struct replica_writer *writer)
{
	return writer->txn != NULL;
}

int replica_writer_sync(struct replica_writer *writer, struct err *err)
{
	int rc = mdb_env_sync(writer->store.env, 1);

	if (rc == 0)
		rc = mdb_env_set_flags(writer->store.env, MDB_NOSYNC, 0);
	return rc == 0 ? 0 : replica_store_fail(err, "sync", rc);
}

struct replica_state *replica_writer_state(struct replica_writer *writer)
{
	return &writer->state;
}

bool replica_writer_changed_topology(const struct replica_writer *writer)
{
	return writer->topology_changed;
}

const struct replica_store *replica_writer_store(const struct replica_writer *writer)
{
	return &writer->store;
}

MDB_txn *replica_writer_txn(const struct replica_writer *writer)
{
	return writer->txn;
}

/* ---- diagnostics ---- */

static void add_text(struct buf *out, const char *text)
{
	buf_add(out, text != NULL ? text : "", (text != NULL ? strlen(text) : 0) + 1);
}

int replica_writer_diagnose(struct replica_writer *writer, const char *id, const char *subject,
			    const struct replica_diagnostic *text, struct err *err)
{
	struct tree tree = tree_of(writer);
	struct buf key = { 0 }, value = { 0 };
	uint64_t hash = replica_hash(subject); /* keys are short, subjects may be long */
	int rc;

	add_text(&key, id);
	buf_add(&key, &hash, sizeof(hash));
	if (text == NULL) {
		rc = tree_del(&tree, writer->store.diagnostic, key.data, key.len, err);
	} else {
		add_text(&value, text->dn);
		add_text(&value, text->attribute);
		add_text(&value, text->value);
		add_text(&value, text->action);
		rc = tree_put(&tree, writer->store.diagnostic, key.data, key.len, value.data,
			      value.len, err);
	}
	buf_free(&key);
	buf_free(&value);
	return rc;
}

static int diagnose_entry(struct replica_writer *writer, const struct entry *entry,
			  const char *id, bool bad, const char *attribute, const char *value,
			  const char *action, struct err *err)
{
	const struct replica_diagnostic text = { id, entry->dn, attribute, value, action };
	char subject[37];

	entry_uuid_format(&entry->uuid, subject);
	return replica_writer_diagnose(writer, id, subject, bad ? &text : NULL, err);
}

/* ---- addresses ---- */

/* How many of the ids under HASH really bear ADDRESS; the DN of the last into DN_R. */
static int count_bearers(struct replica_writer *writer, uint64_t hash, const char *address,
			 char **dn_r, struct err *err)
{
	MDB_val ids;
	int n = 0, rc = replica_store_get(writer->txn, writer->store.address, &hash, sizeof(hash),
					  &ids, err);

	for (size_t i = 0; rc == 1 && i < replica_id_count(&ids); i++) {
		struct replica_record record;
		struct recipient view;
		const char *at;

		if (replica_store_record(&writer->store, writer->txn, replica_id_at(&ids, i),
					 &record, err) != 1 ||
		    recipient_decode(record.recipient, record.recipient_len, &view, err) < 0)
			return -1;
		at = view.addresses.first;
		for (uint32_t a = 0; a < view.addresses.count; a++, at = recipient_next(at)) {
			if (strcmp(at, address) != 0)
				continue;
			n++;
			talloc_free(*dn_r);
			*dn_r = replica_store_dn(&writer->store, writer->txn, NULL, &record, false,
						 err);
		}
	}
	return rc < 0 ? -1 : n;
}

static int check_duplicate(struct replica_writer *writer, uint64_t hash, const char *address,
			   struct err *err)
{
	struct replica_diagnostic text = {
		.attribute = "mail", .value = address,
		.action = "mail to it is rejected unless all of them lead to the same place",
	};
	char *dn = NULL;
	int n = count_bearers(writer, hash, address, &dn, err), rc;

	text.dn = dn;
	rc = n < 0 ? -1 :
		     replica_writer_diagnose(writer, "duplicate-address", address,
					     n > 1 ? &text : NULL, err);
	talloc_free(dn);
	return rc;
}

static bool has_address(const struct recipient *recipient, const char *address)
{
	const char *at = recipient->addresses.first;

	for (uint32_t i = 0; i < recipient->addresses.count; i++, at = recipient_next(at))
		if (strcmp(at, address) == 0)
			return true;
	return false;
}

/* Files the addresses of OF that OTHER lacks under ID (ADD), or takes them out. */
static int index_addresses(struct replica_writer *writer, uint64_t id, const struct recipient *of,
			   const struct recipient *other, bool add, struct err *err)
{
	struct tree tree = tree_of(writer);
	const char *at = of->addresses.first;

	for (uint32_t i = 0; i < of->addresses.count; i++, at = recipient_next(at)) {
		uint64_t hash = replica_hash(at);
		int rc;

		if (has_address(other, at))
			continue;
		rc = add ? tree_list_add(&tree, writer->store.address, &hash, sizeof(hash), id, err) :
			   tree_list_remove(&tree, writer->store.address, &hash, sizeof(hash), id,
					    err);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* Duplicates can begin or end only with addresses that came or went. */
static int check_addresses(struct replica_writer *writer, const struct recipient *of,
			   const struct recipient *other, struct err *err)
{
	const char *at = of->addresses.first;

	for (uint32_t i = 0; i < of->addresses.count; i++, at = recipient_next(at))
		if (!has_address(other, at) &&
		    check_duplicate(writer, replica_hash(at), at, err) < 0)
			return -1;
	return 0;
}

static int decode_recipient(const void *bytes, size_t len, struct recipient *view_r,
			    struct err *err)
{
	*view_r = (struct recipient){ 0 };
	return bytes == NULL ? 0 : recipient_decode(bytes, len, view_r, err);
}

/* ---- entries ---- */

static void count(struct replica_counts *counts, const struct replica_record *record, int step)
{
	if (replica_is_placeholder(record))
		return;
	counts->entries += (uint64_t)step;
	counts->recipients += record->recipient != NULL ? (uint64_t)step : 0;
	counts->topology += record->entry != NULL ? (uint64_t)step : 0;
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
	struct tree tree = tree_of(writer);
	struct recipient before, after;

	if (old->entry != NULL || new->entry != NULL)
		writer->topology_changed = true;
	if (old->entry == NULL && new->entry != NULL &&
	    tree_put(&tree, writer->store.topology, &new->id, sizeof(new->id), "", 0, err) < 0)
		return -1;
	if (old->entry != NULL && new->entry == NULL &&
	    tree_del(&tree, writer->store.topology, &new->id, sizeof(new->id), err) < 0)
		return -1;
	if (decode_recipient(old->recipient, old->recipient_len, &before, err) < 0 ||
	    decode_recipient(new->recipient, new->recipient_len, &after, err) < 0)
		return -1;
	if (index_addresses(writer, new->id, &before, &after, false, err) < 0 ||
	    index_addresses(writer, new->id, &after, &before, true, err) < 0)
		return -1;
	count(&writer->state.counts, old, -1);
	count(&writer->state.counts, new, 1);
	return 0;
}

static int recheck_duplicates(struct replica_writer *writer, const struct replica_record *old,
			      const struct replica_record *new, struct err *err)
{
	struct recipient before, after;

	if (decode_recipient(old->recipient, old->recipient_len, &before, err) < 0 ||
	    decode_recipient(new->recipient, new->recipient_len, &after, err) < 0)
		return -1;
	if (check_addresses(writer, &before, &after, err) < 0)
		return -1;
	return check_addresses(writer, &after, &before, err);
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
	return diagnose_entry(writer, entry, "malformed-address", bad > 0, "mail", "",
			      "addresses that cannot be parsed are left out", err);
}

/* The entry is new or was renamed: gives it its place. A placeholder there becomes the entry. */
static int settle(struct replica_writer *writer, const struct entry *entry, const char *key,
		  struct replica_record *record, struct err *err)
{
	struct tree tree = tree_of(writer);
	bool is_new = record->id == 0;

	if (tree_make_path(&tree, dn_parent(entry->dn), dn_key_parent(key), &record->parent, err) < 0)
		return -1;
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

/* The name of the stored entry has changed: leaves its old place. *MOVED_R tells. */
static int leave_old_name(struct replica_writer *writer, const char *key, bool *moved_r,
			  struct err *err)
{
	struct tree tree = tree_of(writer);
	const struct replica_record *old = &writer->old.record;
	char *old_key = replica_store_dn(&writer->store, writer->txn, NULL, old, true, err);

	if (old_key == NULL)
		return -1;
	*moved_r = strcmp(old_key, key) != 0;
	talloc_free(old_key);
	if (!*moved_r)
		return 0;
	/* A name in the topology can be what others refer to, even if it is only a folder's. */
	writer->topology_changed = true;
	return tree_detach(&tree, old, err);
}

static int load_old(struct replica_writer *writer, const struct entry_uuid *uuid, struct err *err)
{
	struct tree tree = tree_of(writer);
	struct replica_record found;
	int rc = replica_store_by_uuid(&writer->store, writer->txn, uuid, &found, err);

	if (rc == 1)
		return tree_load(&tree, found.id, &writer->old, err);
	writer->old.record = (struct replica_record){ 0 };
	return rc;
}

static int upsert_named(struct replica_writer *writer, struct replica_record *record,
			const struct entry *entry, const char *key, struct err *err)
{
	struct tree tree = tree_of(writer);
	const struct replica_record *old = &writer->old.record;
	int known = load_old(writer, &entry->uuid, err);
	bool moved = known == 0;

	if (known < 0 || describe(writer, entry, record->rdn, record, err) < 0)
		return -1;
	record->id = old->id;
	record->parent = old->parent;
	if (known && leave_old_name(writer, key, &moved, err) < 0)
		return -1;
	if (!moved && is_same(old, record))
		return 0;
	if (moved && settle(writer, entry, key, record, err) < 0)
		return -1;
	if (index_record(writer, old, record, err) < 0 || tree_store(&tree, record, err) < 0)
		return -1;
	if (known && moved && tree_prune(&tree, old->parent, err) < 0)
		return -1;
	return recheck_duplicates(writer, old, record, err) < 0 ? -1 : 1;
}

int replica_writer_upsert(struct replica_writer *writer, uint16_t source,
			  const struct entry *entry, uint64_t *id_r, struct err *err)
{
	char *key = dn_key(NULL, entry->dn);
	bool bad = key == NULL || *key == '\0';
	struct replica_record record = { .uuid = entry->uuid, .source = source };
	int rc = diagnose_entry(writer, entry, "malformed-dn", bad, "dn", entry->dn,
				"the entry is skipped", err);

	*id_r = 0;
	if (rc == 0 && !bad) {
		record.rdn = dn_rdn(key, entry->dn);
		record.rdn_key = talloc_strndup(key, key, strcspn(key, ","));
		rc = upsert_named(writer, &record, entry, key, err);
		*id_r = record.id;
	}
	talloc_free(key);
	return rc;
}

int replica_writer_delete(struct replica_writer *writer, uint16_t source,
			  const struct entry_uuid *uuid, struct err *err)
{
	struct tree tree = tree_of(writer);
	struct replica_record *old = &writer->old.record, nothing = { 0 };
	struct entry subject = { .uuid = *uuid };
	int rc = load_old(writer, uuid, err);

	if (rc != 1 || old->source != source)
		return rc < 0 ? -1 : 0;
	nothing.id = old->id;
	if (index_record(writer, old, &nothing, err) < 0 ||
	    tree_del(&tree, writer->store.uuid, uuid->bytes, sizeof(uuid->bytes), err) < 0 ||
	    tree_vacate(&tree, old, err) < 0 ||
	    diagnose_entry(writer, &subject, "malformed-address", false, NULL, NULL, NULL, err) < 0)
		return -1;
	return recheck_duplicates(writer, old, &nothing, err) < 0 ? -1 : 1;
}

int replica_writer_find(struct replica_writer *writer, const struct entry_uuid *uuid,
			uint64_t *id_r, struct err *err)
{
	MDB_val value;
	int rc = replica_store_get(writer->txn, writer->store.uuid, uuid->bytes,
				   sizeof(uuid->bytes), &value, err);

	*id_r = rc == 1 ? replica_id_at(&value, 0) : 0;
	return rc < 0 ? -1 : 0;
}

/* ---- sweeps ---- */

void replica_sweep_free(struct replica_sweep *sweep)
{
	free(sweep->gone);
	*sweep = (struct replica_sweep){ 0 };
}

static void sweep_add(struct replica_sweep *sweep, const struct replica_record *record)
{
	count(&sweep->dropped, record, 1);
	if ((sweep->n_gone & (sweep->n_gone + 1)) == 0) /* 0, 1, 3, 7, … are full */
		sweep->gone = mem_grow(sweep->gone,
				       (2 * sweep->n_gone + 1) * sizeof(*sweep->gone));
	sweep->gone[sweep->n_gone++] = record->uuid;
}

struct sweep_test {
	bool (*is_gone)(const struct sweep_test *test, const struct replica_record *record);
	uint16_t source;
	const struct id_set *seen;
	struct replica_writer *writer;
};

static bool is_unseen(const struct sweep_test *test, const struct replica_record *record)
{
	return record->source == test->source && !id_set_has(test->seen, record->id);
}

static bool is_missing(const struct sweep_test *test, const struct replica_record *record)
{
	uint64_t id;

	return replica_writer_find(test->writer, &record->uuid, &id, NULL) == 0 && id == 0;
}

static int sweep_scan(const struct replica_store *store, MDB_txn *txn,
		      const struct sweep_test *test, struct replica_sweep *sweep, struct err *err)
{
	struct replica_record record;
	MDB_val key, value;
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(txn, store->entry, &cursor), result = 1;

	if (rc != 0)
		return replica_store_fail(err, "cursor", rc);
	while (result == 1 && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		result = replica_store_record(store, txn, replica_id_at(&key, 0), &record, err);
		if (result == 1 && !replica_is_placeholder(&record) && test->is_gone(test, &record))
			sweep_add(sweep, &record);
	}
	mdb_cursor_close(cursor);
	if (result == 1 && rc != MDB_NOTFOUND)
		return replica_store_fail(err, "read", rc);
	return result == 1 ? 0 : -1;
}

int replica_writer_unseen(struct replica_writer *writer, uint16_t source,
			  const struct id_set *seen, struct replica_sweep *sweep, struct err *err)
{
	const struct sweep_test test = { .is_gone = is_unseen, .source = source, .seen = seen };

	return sweep_scan(&writer->store, writer->txn, &test, sweep, err);
}

int replica_writer_doom(struct replica_writer *writer, uint16_t source,
			const struct entry_uuid *uuid, const struct id_set *seen,
			struct replica_sweep *sweep, struct err *err)
{
	struct replica_record record;
	int rc = replica_store_by_uuid(&writer->store, writer->txn, uuid, &record, err);

	if (rc == 1 && record.source == source && !id_set_has(seen, record.id))
		sweep_add(sweep, &record);
	return rc < 0 ? -1 : 0;
}

int replica_writer_missing(struct replica_writer *writer, struct replica_writer *old,
			   struct replica_sweep *sweep, struct err *err)
{
	const struct sweep_test test = { .is_gone = is_missing, .writer = writer };
	MDB_txn *txn;
	int rc = mdb_txn_begin(old->store.env, NULL, MDB_RDONLY, &txn);

	if (rc != 0)
		return replica_store_fail(err, "read", rc);
	rc = sweep_scan(&old->store, txn, &test, sweep, err);
	mdb_txn_abort(txn);
	return rc;
}

int replica_writer_sweep(struct replica_writer *writer, uint16_t source,
			 const struct replica_sweep *sweep, struct err *err)
{
	for (size_t i = 0; i < sweep->n_gone; i++)
		if (replica_writer_delete(writer, source, &sweep->gone[i], err) < 0)
			return -1;
	return 0;
}

/* ---- directories and cookies ---- */

struct source_head {
	uint16_t number;
	uint16_t pad;
	uint32_t cookie_len;
	uint64_t binding;
	uint64_t checksum; /* of the cookie, seeded with the binding */
};

#define SOURCE_PREFIX "source:"
enum { SOURCE_PREFIX_LEN = sizeof(SOURCE_PREFIX) - 1 };

static void source_key(const char *title, struct buf *key)
{
	buf_printf(key, SOURCE_PREFIX "%s", title);
}

/* The stored head, and where its cookie lies. 1, 0 or -1. */
static int load_source(struct replica_writer *writer, const struct buf *key,
		       struct source_head *head_r, const char **cookie_r, struct err *err)
{
	MDB_val value;
	int rc = replica_store_get(writer->txn, writer->store.meta, key->data, key->len, &value,
				   err);

	*head_r = (struct source_head){ 0 };
	if (rc != 1)
		return rc;
	if (value.mv_size < sizeof(*head_r))
		return err_set(err, ERR_STORE, 0, "replica: %s is damaged", key->data);
	memcpy(head_r, value.mv_data, sizeof(*head_r));
	if (head_r->cookie_len != value.mv_size - sizeof(*head_r))
		head_r->cookie_len = 0;
	*cookie_r = (const char *)value.mv_data + sizeof(*head_r);
	return 1;
}

static int store_source(struct replica_writer *writer, const struct buf *key,
			const struct source_head *head, const void *cookie, struct err *err)
{
	struct tree tree = tree_of(writer);
	struct buf value = { 0 };
	int rc;

	buf_add(&value, head, sizeof(*head));
	buf_add(&value, cookie, head->cookie_len);
	rc = tree_put(&tree, writer->store.meta, key->data, key->len, value.data, value.len, err);
	buf_free(&value);
	return rc;
}

/* Whether a key of meta is a directory's, and its head. */
static bool is_source(const MDB_val *key, const MDB_val *value, struct source_head *head_r)
{
	if (key->mv_size < SOURCE_PREFIX_LEN ||
	    memcmp(key->mv_data, SOURCE_PREFIX, SOURCE_PREFIX_LEN) != 0 ||
	    value->mv_size < sizeof(*head_r))
		return false;
	memcpy(head_r, value->mv_data, sizeof(*head_r));
	return true;
}

/* One more than the highest number given out. */
static int next_source_number(struct replica_writer *writer, uint16_t *number_r, struct err *err)
{
	MDB_val key, value;
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(writer->txn, writer->store.meta, &cursor);

	*number_r = 1;
	if (rc != 0)
		return replica_store_fail(err, "cursor", rc);
	while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		struct source_head head;

		if (is_source(&key, &value, &head) && head.number >= *number_r)
			*number_r = (uint16_t)(head.number + 1);
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : replica_store_fail(err, "read", rc);
}

static bool is_title_of(const MDB_val *key, const char *const *titles, size_t n)
{
	const char *title = (const char *)key->mv_data + SOURCE_PREFIX_LEN;
	size_t len = key->mv_size - SOURCE_PREFIX_LEN;

	for (size_t i = 0; i < n; i++)
		if (strlen(titles[i]) == len && memcmp(titles[i], title, len) == 0)
			return true;
	return false;
}

/* A directory that is not configured any more: 1, its KEY (appended) and number; 0: none. */
static int find_other(struct replica_writer *writer, const char *const *titles, size_t n,
		      struct buf *key_r, uint16_t *number_r, struct err *err)
{
	MDB_val key, value;
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(writer->txn, writer->store.meta, &cursor), found = 0;

	if (rc != 0)
		return replica_store_fail(err, "cursor", rc);
	while (!found && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		struct source_head head;

		if (!is_source(&key, &value, &head) || is_title_of(&key, titles, n))
			continue;
		buf_add(key_r, key.mv_data, key.mv_size);
		*number_r = head.number;
		found = 1;
	}
	mdb_cursor_close(cursor);
	return rc == 0 || rc == MDB_NOTFOUND ? found : replica_store_fail(err, "read", rc);
}

int replica_writer_forget_others(struct replica_writer *writer, const char *const *titles,
				 size_t n, struct err *err)
{
	const struct id_set none = { 0 };
	struct tree tree = tree_of(writer);
	struct buf key = { 0 };
	uint16_t number = 0;
	int rc;

	while ((rc = find_other(writer, titles, n, &key, &number, err)) == 1) {
		struct replica_sweep sweep = { 0 };

		rc = replica_writer_unseen(writer, number, &none, &sweep, err);
		if (rc == 0)
			rc = replica_writer_sweep(writer, number, &sweep, err);
		replica_sweep_free(&sweep);
		if (rc < 0 || tree_del(&tree, writer->store.meta, key.data, key.len, err) < 0) {
			rc = -1;
			break;
		}
		buf_clear(&key);
	}
	buf_free(&key);
	return rc;
}

int replica_writer_source(struct replica_writer *writer, const char *title, uint16_t *number_r,
			  struct err *err)
{
	struct source_head head;
	struct buf key = { 0 };
	const char *cookie;
	bool is_new;
	int rc;

	source_key(title, &key);
	rc = load_source(writer, &key, &head, &cookie, err);
	is_new = rc == 0;
	if (is_new) {
		rc = next_source_number(writer, &head.number, err);
		if (rc == 0)
			rc = store_source(writer, &key, &head, NULL, err);
	}
	*number_r = head.number;
	buf_free(&key);
	return rc < 0 ? -1 : is_new;
}

int replica_writer_cookie(struct replica_writer *writer, const char *title, uint64_t binding,
			  struct buf *cookie_r, struct err *err)
{
	struct source_head head;
	struct buf key = { 0 };
	const char *cookie;
	int rc;

	buf_clear(cookie_r);
	source_key(title, &key);
	rc = load_source(writer, &key, &head, &cookie, err);
	buf_free(&key);
	if (rc != 1 || head.cookie_len == 0 || head.binding != binding ||
	    head.checksum != XXH3_64bits_withSeed(cookie, head.cookie_len, binding))
		return rc < 0 ? -1 : 0;
	buf_add(cookie_r, cookie, head.cookie_len);
	return 1;
}

int replica_writer_set_cookie(struct replica_writer *writer, const char *title,
			      uint64_t binding, const void *cookie, size_t len, struct err *err)
{
	struct source_head head;
	struct buf key = { 0 };
	const char *old;
	int rc;

	source_key(title, &key);
	rc = load_source(writer, &key, &head, &old, err);
	if (rc == 0)
		rc = err_set(err, ERR_STORE, 0, "replica: the directory %s has no number", title);
	if (rc == 1) {
		head.binding = binding;
		head.cookie_len = (uint32_t)len;
		head.checksum = len > 0 ? XXH3_64bits_withSeed(cookie, len, binding) : 0;
		rc = store_source(writer, &key, &head, cookie, err);
	}
	buf_free(&key);
	return rc < 0 ? -1 : 0;
}
