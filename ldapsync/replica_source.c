/* Writing the replica: the directories that it comes from, and their cookies. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "ldapsync/replica_writer_private.h"
#include "topology/recipient.h"

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
	struct tree tree = writer_tree(writer);
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

int writer_source_title(struct replica_writer *writer, uint16_t number, struct buf *title_r,
			struct err *err)
{
	MDB_val key, value;
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(writer->txn, writer->store.meta, &cursor);

	if (rc != 0)
		return replica_store_fail(err, "cursor", rc);
	while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		struct source_head head;

		if (is_source(&key, &value, &head) && head.number == number)
			buf_add(title_r, (const char *)key.mv_data + SOURCE_PREFIX_LEN,
				key.mv_size - SOURCE_PREFIX_LEN);
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : replica_store_fail(err, "read", rc);
}

int replica_writer_forget_others(struct replica_writer *writer, const char *const *titles,
				 size_t n, struct err *err)
{
	const struct id_set none = { 0 };
	struct tree tree = writer_tree(writer);
	struct buf key = { 0 };
	uint16_t number = 0;
	bool found = false;
	int rc;

	while ((rc = find_other(writer, titles, n, &key, &number, err)) == 1) {
		struct replica_sweep sweep = { 0 };

		found = true;
		rc = replica_writer_unseen(writer, number, &none, &sweep, err);
		if (rc == 0)
			rc = replica_writer_sweep(writer, number, &sweep, err);
		replica_sweep_free(&sweep);
		if (rc < 0 || tree_del(&tree, writer->store.meta, key.data, key.len, err) < 0) {
			rc = -1;
			break;
		}
		*replica_writer_tally(writer, number) = (struct replica_tally){ .source = number };
		buf_clear(&key);
	}
	buf_free(&key);
	return rc < 0 ? -1 : found;
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

struct holders {
	uint16_t source;
	struct buf *uuids;
};

static bool note_holder(void *arg, const struct replica_record *record)
{
	struct holders *holders = arg;
	struct recipient recipient;

	if (record->source == holders->source &&
	    recipient_decode(record->recipient, record->recipient_len, &recipient, NULL) == 0 &&
	    (recipient.member_dns.count > 0 || (recipient.flags & RECIPIENT_FORWARD_DN) != 0))
		buf_add(holders->uuids, &record->uuid, sizeof(record->uuid));
	return true;
}

int replica_writer_holders(struct replica_writer *writer, uint16_t source, struct buf *uuids,
			   struct err *err)
{
	struct holders holders = { source, uuids };
	MDB_txn *txn;
	int rc;

	if (writer->store.env == NULL)
		return 0; /* nothing was told yet */
	rc = mdb_txn_begin(writer->store.env, NULL, MDB_RDONLY, &txn);
	if (rc != 0)
		return replica_store_fail(err, "transaction", rc);
	rc = replica_store_each_recipient(&writer->store, txn, note_holder, &holders, err);
	mdb_txn_abort(txn);
	return rc;
}
