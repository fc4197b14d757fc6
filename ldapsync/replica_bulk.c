/*
 * Writing the replica: filling a generation that nobody reads yet.
 *
 * Random writes are what a first refresh costs: each entry goes into three tables whose keys are
 * hashes or UUIDs. So at first only the table of entries is written, in its own order, and what
 * has to be looked up meanwhile is kept in memory, as hashes and ids. The indexes are written in
 * one go, sorted (replica_index.c), when the generation is done, or as soon as an event comes that is more than a
 * new entry under a new name: from then on the writer works as ever.
 */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "common/dn.h"
#include "ldapsync/id_map.h"
#include "ldapsync/replica_writer_private.h"

struct bulk {
	struct id_map by_uuid, by_name; /* by_name: replica_child_key's, hashed */
	struct buf parent_key;          /* of the entry before: most have the same parent */
	uint64_t parent;
	uint64_t uuid_hash, name_hash;  /* of the entry that has its place */
	bool is_loaded; /* the maps are those of the transaction */
};

static uint64_t uuid_hash(const struct entry_uuid *uuid)
{
	return XXH3_64bits(uuid->bytes, sizeof(uuid->bytes));
}

static uint64_t name_hash(uint64_t parent, const char *rdn_key)
{
	uint8_t key[16];

	replica_child_key(parent, rdn_key, key);
	return XXH3_64bits(key, sizeof(key));
}

/* ---- begin and end ---- */

void writer_bulk_begin(struct replica_writer *writer)
{
	writer->bulk = mem_zero(1, sizeof(*writer->bulk));
}

static void forget(struct bulk *bulk)
{
	id_map_free(&bulk->by_uuid);
	id_map_free(&bulk->by_name);
	buf_clear(&bulk->parent_key);
	bulk->is_loaded = false;
}

void writer_bulk_free(struct replica_writer *writer)
{
	if (writer->bulk == NULL)
		return;
	forget(writer->bulk);
	buf_free(&writer->bulk->parent_key);
	free(writer->bulk);
	writer->bulk = NULL;
}

void writer_bulk_forget(struct replica_writer *writer)
{
	if (writer->bulk != NULL)
		forget(writer->bulk);
}

static int remember(void *ctx, const struct replica_record *record, struct err *err)
{
	struct bulk *bulk = ctx;

	(void)err;
	if (!replica_is_placeholder(record))
		id_map_add(&bulk->by_uuid, uuid_hash(&record->uuid), record->id);
	id_map_add(&bulk->by_name, name_hash(record->parent, record->rdn_key), record->id);
	return 0;
}

/* ---- a new entry ---- */

/* The record called RDN_KEY below PARENT, HASH being that of both: 1, 0 or -1. */
static int find_name(struct replica_writer *writer, uint64_t hash, uint64_t parent,
		     const char *rdn_key, struct replica_record *found_r, struct err *err)
{
	uint64_t id;
	size_t at = hash;

	while ((id = id_map_next(&writer->bulk->by_name, hash, &at)) != 0) {
		if (replica_store_known(&writer->store, writer->txn, id, found_r, err) < 0)
			return -1;
		if (found_r->parent == parent && strcmp(found_r->rdn_key, rdn_key) == 0)
			return 1;
	}
	return 0;
}

/* The entry UUID, HASH being that of it: *ID_R, or 0. */
static int find_uuid(struct replica_writer *writer, uint64_t hash, const struct entry_uuid *uuid,
		     uint64_t *id_r, struct err *err)
{
	struct replica_record found;
	size_t at = hash;

	while ((*id_r = id_map_next(&writer->bulk->by_uuid, hash, &at)) != 0) {
		if (replica_store_known(&writer->store, writer->txn, *id_r, &found, err) < 0)
			return -1;
		if (entry_uuid_equal(&found.uuid, uuid))
			return 0;
	}
	return 0;
}

static int load_maps(struct replica_writer *writer, struct err *err)
{
	struct bulk *bulk = writer->bulk;

	if (!bulk->is_loaded &&
	    replica_store_each_record(&writer->store, writer->txn, remember, bulk, err) < 0)
		return -1;
	bulk->is_loaded = true;
	return 0;
}

int writer_bulk_find(struct replica_writer *writer, const struct entry_uuid *uuid, uint64_t *id_r,
		     struct err *err)
{
	if (load_maps(writer, err) < 0)
		return -1;
	return find_uuid(writer, uuid_hash(uuid), uuid, id_r, err);
}

/* Under the next id, HASH being that of its parent and name. */
static int store_new(struct replica_writer *writer, uint64_t hash, struct replica_record *record,
		     struct err *err)
{
	struct tree tree = writer_tree(writer);

	record->id = writer->state.next_id++;
	id_map_add(&writer->bulk->by_name, hash, record->id);
	return tree_append(&tree, record, err);
}

/* The node with the name DN, whose key is KEY; made, with all above it, where it is missing. */
static int make_path(struct replica_writer *writer, const char *dn, const char *key,
		     uint64_t *id_r, struct err *err)
{
	struct replica_record found, place = { .rdn = NULL };
	uint64_t parent, hash;
	char *rdn, *rdn_key;
	int rc;

	*id_r = 0;
	if (*key == '\0')
		return 0;
	if (make_path(writer, dn_parent(dn), dn_key_parent(key), &parent, err) < 0)
		return -1;
	rdn = dn_rdn(NULL, dn);
	rdn_key = talloc_strndup(rdn, key, strcspn(key, ","));
	hash = name_hash(parent, rdn_key);
	rc = find_name(writer, hash, parent, rdn_key, &found, err);
	if (rc == 0) {
		place = (struct replica_record){ .parent = parent, .rdn = rdn, .rdn_key = rdn_key };
		rc = store_new(writer, hash, &place, err);
		*id_r = place.id;
	} else if (rc == 1) {
		*id_r = found.id;
	}
	talloc_free(rdn);
	return rc < 0 ? -1 : 0;
}

static bool is_parent(const struct bulk *bulk, const char *parent_key)
{
	size_t size = strlen(parent_key) + 1;

	return bulk->parent_key.len == size && memcmp(bulk->parent_key.data, parent_key, size) == 0;
}

static int find_parent(struct replica_writer *writer, const char *dn, const char *key,
		       uint64_t *id_r, struct err *err)
{
	struct bulk *bulk = writer->bulk;
	const char *parent_key = dn_key_parent(key);

	if (!is_parent(bulk, parent_key)) {
		buf_clear(&bulk->parent_key);
		if (make_path(writer, dn_parent(dn), parent_key, &bulk->parent, err) < 0)
			return -1;
		buf_add(&bulk->parent_key, parent_key, strlen(parent_key) + 1);
	}
	*id_r = bulk->parent;
	return 0;
}

void writer_bulk_expect(struct replica_writer *writer, const struct replica_record *record,
			const char *key)
{
	struct bulk *bulk = writer->bulk;

	bulk->uuid_hash = uuid_hash(&record->uuid);
	id_map_prefetch(&bulk->by_uuid, bulk->uuid_hash);
	if (is_parent(bulk, dn_key_parent(key)))
		id_map_prefetch(&bulk->by_name, name_hash(bulk->parent, record->rdn_key));
}

int writer_bulk_place(struct replica_writer *writer, struct replica_record *record,
		      const char *dn, const char *key, struct err *err)
{
	struct bulk *bulk = writer->bulk;
	struct replica_record found;
	uint64_t known;
	int rc;

	if (load_maps(writer, err) < 0)
		return -1;
	if (find_uuid(writer, bulk->uuid_hash, &record->uuid, &known, err) < 0)
		return -1;
	if (known != 0)
		return 0;
	if (find_parent(writer, dn, key, &record->parent, err) < 0)
		return -1;
	bulk->name_hash = name_hash(record->parent, record->rdn_key);
	rc = find_name(writer, bulk->name_hash, record->parent, record->rdn_key, &found, err);
	if (rc < 0 || (rc == 1 && !replica_is_placeholder(&found)))
		return rc < 0 ? -1 : 0;
	record->id = rc == 1 ? found.id : 0; /* a place that was held becomes the entry */
	return 1;
}

int writer_bulk_store(struct replica_writer *writer, struct replica_record *record,
		      struct err *err)
{
	struct tree tree = writer_tree(writer);
	struct bulk *bulk = writer->bulk;
	int rc = record->id == 0 ? store_new(writer, bulk->name_hash, record, err) :
				   tree_store(&tree, record, err);

	id_map_add(&bulk->by_uuid, bulk->uuid_hash, record->id);
	if (rc == 0 && record->entry != NULL)
		rc = tree_put(&tree, writer->store.topology, &record->id, sizeof(record->id), "", 0,
			      err);
	return rc;
}
