/*
 * replica_show [--json] STATE_DIR: what the replica holds, as a reader in another process sees it.
 *
 * One line an entry, sorted: "entry <dn>", with " topology" and " recipient" behind it, then
 * "diagnostic <id> <dn>" lines and "snapshot <number>". It also checks that every
 * index agrees with the entries and that the snapshot's image is whole: exit status 1 if not.
 * With --json each entry is an object with everything that is stored of it, and nothing else is
 * printed: tests/lib/compare.py holds that against the directory.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/replica_store.h"
#include "common/snapshot_file.h"
#include "topology/recipient.h"

static char **lines;
static size_t n_lines;
static int damage;

static void add_line(char *line)
{
	lines = realloc(lines, (n_lines + 1) * sizeof(*lines));
	lines[n_lines++] = line;
}

static void complain(const char *what, const char *about)
{
	fprintf(stderr, "damaged: %s (%s)\n", what, about);
	damage = 1;
}

static bool list_has(const struct replica_store *store, MDB_txn *txn, MDB_dbi table,
		     const void *key, size_t len, uint64_t id)
{
	MDB_val ids;

	if (replica_store_get(txn, table, key, len, &ids, NULL) != 1)
		return false;
	for (size_t i = 0; i < replica_id_count(&ids); i++)
		if (replica_id_at(&ids, i) == id)
			return true;
	(void)store;
	return false;
}

/* Every table that should name the entry does. */
static void verify_entry(const struct replica_store *store, MDB_txn *txn,
			 const struct replica_record *record, const char *dn,
			 size_t *n_addresses)
{
	uint8_t key[16];
	struct recipient view;
	const char *at;

	replica_child_key(record->parent, record->rdn_key, key);
	if (!list_has(store, txn, store->child, key, sizeof(key), record->id))
		complain("no child of its parent", dn);
	if (!replica_is_placeholder(record) &&
	    !list_has(store, txn, store->uuid, record->uuid.bytes, 16, record->id))
		complain("not found by its UUID", dn);
	if (record->recipient == NULL)
		return;
	if (recipient_decode(record->recipient, record->recipient_len, &view, NULL) < 0) {
		complain("recipient record", dn);
		return;
	}
	at = view.addresses.first;
	for (uint32_t i = 0; i < view.addresses.count; i++, at = recipient_next(at)) {
		uint64_t hash = replica_hash(at);

		++*n_addresses;
		if (!list_has(store, txn, store->address, &hash, sizeof(hash), record->id))
			complain("not found by its address", at);
	}
}

static void verify_counts(const struct replica_store *store, MDB_txn *txn,
			  const struct replica_counts *found, size_t n_addresses)
{
	struct replica_state state;
	MDB_cursor *cursor;
	MDB_val key, ids;
	size_t indexed = 0;

	if (replica_store_state(store, txn, &state, NULL) != 1)
		complain("state record", "-");
	if (memcmp(found, &state.counts, sizeof(*found)) != 0)
		complain("counts", "-");
	mdb_cursor_open(txn, store->address, &cursor);
	while (mdb_cursor_get(cursor, &key, &ids, MDB_NEXT) == 0)
		indexed += replica_id_count(&ids);
	mdb_cursor_close(cursor);
	if (indexed != n_addresses)
		complain("addresses of nobody", "-");
}

static void show_diagnostic(void *arg, const struct replica_diagnostic *d)
{
	(void)arg;
	add_line(talloc_asprintf(NULL, "diagnostic %s %s", d->id, d->dn));
}

/* ---- an entry as JSON; octets that are no text as {"hex": …} ---- */

static json_t *value_of(const void *data, size_t len)
{
	const uint8_t *bytes = data;
	json_t *text = json_stringn(data, len);
	char *hex;

	if (text != NULL)
		return text;
	hex = talloc_zero_array(NULL, char, 2 * len + 1);
	for (size_t i = 0; i < len; i++)
		snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
	text = json_pack("{s:s}", "hex", hex);
	talloc_free(hex);
	return text;
}

static json_t *attributes_of(const struct replica_record *record, const char *dn)
{
	json_t *object = json_object();
	struct err err;
	struct entry *entry = entry_decode(NULL, record->entry, record->entry_len, &err);

	if (entry == NULL)
		complain("topology entry", dn);
	for (size_t i = 0; entry != NULL && i < entry->n_attributes; i++) {
		const struct entry_attribute *attribute = &entry->attributes[i];
		json_t *values = json_array();

		for (size_t v = 0; v < attribute->n_values; v++)
			json_array_append_new(values, value_of(attribute->values[v].data,
							       attribute->values[v].len));
		json_object_set_new(object, attribute->name, values);
	}
	talloc_free(entry);
	return object;
}

static json_t *texts_of(const struct recipient_texts *texts)
{
	json_t *list = json_array();
	const char *at = texts->first;

	for (uint32_t i = 0; i < texts->count; i++, at = recipient_next(at))
		json_array_append_new(list, value_of(at, strlen(at)));
	return list;
}

static json_t *recipient_of(const struct replica_record *record, const char *dn)
{
	struct recipient view;
	struct err err;

	if (recipient_decode(record->recipient, record->recipient_len, &view, &err) < 0) {
		complain("recipient record", dn);
		return json_null();
	}
	return json_pack("{s:o s:o s:o s:o s:o s:o s:o s:I s:b s:b}",
			 "primary", value_of(view.primary, strlen(view.primary)),
			 "home", value_of(view.home_dn, strlen(view.home_dn)),
			 "mail_host", value_of(view.mail_host, strlen(view.mail_host)),
			 "forward", value_of(view.forward, strlen(view.forward)),
			 "addresses", texts_of(&view.addresses),
			 "members", texts_of(&view.member_dns),
			 "member_addresses", texts_of(&view.member_addresses),
			 "max_size", (json_int_t)view.max_size,
			 "group", (view.flags & RECIPIENT_GROUP) != 0,
			 "require_auth", (view.flags & RECIPIENT_REQUIRE_AUTH) != 0);
}

static char *json_line(const struct replica_record *record, const char *dn)
{
	json_t *object = json_object();
	char uuid[37], *text, *line;

	entry_uuid_format(&record->uuid, uuid);
	json_object_set_new(object, "dn", value_of(dn, strlen(dn)));
	json_object_set_new(object, "uuid", json_string(uuid));
	json_object_set_new(object, "source", json_integer(record->source));
	if (record->entry != NULL)
		json_object_set_new(object, "topology", attributes_of(record, dn));
	if (record->recipient != NULL)
		json_object_set_new(object, "recipient", recipient_of(record, dn));
	text = json_dumps(object, JSON_COMPACT);
	line = talloc_strdup(NULL, text);
	free(text);
	json_decref(object);
	return line;
}

static char *plain_line(const struct replica_record *record, const char *dn)
{
	return talloc_asprintf(NULL, "entry %s%s%s", dn, record->entry != NULL ? " topology" : "",
			       record->recipient != NULL ? " recipient" : "");
}

static void show_entries(const struct replica_store *store, MDB_txn *txn, bool as_json)
{
	struct replica_counts found = { 0 };
	size_t n_addresses = 0;
	MDB_val key, value;
	MDB_cursor *cursor;

	mdb_cursor_open(txn, store->entry, &cursor);
	while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
		struct replica_record record;
		struct err err;
		char *dn;

		if (replica_store_record(store, txn, replica_id_at(&key, 0), &record, &err) != 1 ||
		    (dn = replica_store_dn(store, txn, NULL, &record, false, &err)) == NULL) {
			complain(err.text, "-");
			continue;
		}
		verify_entry(store, txn, &record, dn, &n_addresses);
		if (!replica_is_placeholder(&record)) {
			found.entries++;
			found.recipients += record.recipient != NULL;
			found.topology += record.entry != NULL;
			add_line(as_json ? json_line(&record, dn) : plain_line(&record, dn));
		}
		talloc_free(dn);
	}
	mdb_cursor_close(cursor);
	verify_counts(store, txn, &found, n_addresses);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print_lines(void)
{
	qsort(lines, n_lines, sizeof(*lines), compare);
	for (size_t i = 0; i < n_lines; i++) {
		puts(lines[i]);
		talloc_free(lines[i]);
	}
	free(lines);
}

static void check_image(const char *state_dir, const struct replica_snapshot *snapshot)
{
	struct snapshot_file *file;
	struct err err;

	if (snapshot_file_open(state_dir, snapshot, &file, &err) < 0)
		complain(err.text, "-");
	else
		snapshot_file_unref(&file);
}

int main(int argc, char **argv)
{
	bool as_json = argc == 3 && strcmp(argv[1], "--json") == 0;
	const char *state_dir = argv[argc - 1];
	struct replica_store store;
	struct replica_state state;
	MDB_txn *txn;
	struct err err;

	if (argc != 2 && !as_json) {
		fprintf(stderr, "usage: replica_show [--json] STATE_DIR\n");
		return 2;
	}
	if (replica_store_open(&store, state_dir, replica_store_current(state_dir), MDB_RDONLY,
			       &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	if (mdb_txn_begin(store.env, NULL, MDB_RDONLY, &txn) != 0)
		return 1;
	show_entries(&store, txn, as_json);
	if ((!as_json && replica_store_each_diagnostic(&store, txn, show_diagnostic, NULL, &err) < 0) ||
	    replica_store_state(&store, txn, &state, &err) < 0)
		complain(err.text, "-");
	mdb_txn_abort(txn);
	print_lines();
	if (!as_json)
		printf("snapshot %llu\n", (unsigned long long)state.snapshot.number);
	check_image(state_dir, &state.snapshot);
	replica_store_close(&store);
	return damage;
}
