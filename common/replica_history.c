/* The log of snapshots: its entries and how to read them in a transaction. */
#include "common/replica_history.h"

#include <string.h>

#include "common/replica_store.h"

static const char *const cause_names[HISTORY_CAUSES] = {
	[HISTORY_LIVE] = "live",
	[HISTORY_REFRESH] = "refresh",
	[HISTORY_HOST] = "host-file",
	[HISTORY_ACCEPT] = "accepted",
	[HISTORY_FIRST] = "first",
	[HISTORY_REPAIR] = "repair",
	[HISTORY_FOUND] = "found",
	[HISTORY_PIN] = "pin",
	[HISTORY_UNPIN] = "unpin",
	[HISTORY_PIN_LOST] = "pin-lost",
	[HISTORY_REFUSE] = "refused",
	[HISTORY_ACCEPTED] = "accepted",
};

const char *history_cause_name(uint32_t cause)
{
	return cause < HISTORY_CAUSES ? cause_names[cause] : "?";
}

bool history_makes_snapshot(uint32_t cause)
{
	return cause < HISTORY_PIN;
}

void history_encode(const struct history_entry *entry, struct buf *out)
{
	struct history_head head = entry->head;

	head.format = HISTORY_FORMAT;
	head.source_size = (uint32_t)strlen(entry->source) + 1;
	buf_add(out, &head, sizeof(head));
	buf_add(out, entry->source, head.source_size);
	buf_add(out, entry->changes, entry->changes_len);
}

bool history_decode(const void *data, size_t len, struct history_entry *entry_r)
{
	struct history_head *head = &entry_r->head;
	const char *at = data;

	*entry_r = (struct history_entry){ 0 };
	if (len < sizeof(*head))
		return false;
	memcpy(head, data, sizeof(*head));
	at += sizeof(*head);
	len -= sizeof(*head);
	if (head->format != HISTORY_FORMAT || head->source_size == 0 || head->source_size > len ||
	    at[head->source_size - 1] != '\0')
		return false;
	entry_r->source = at;
	entry_r->changes_len = len - head->source_size;
	if (entry_r->changes_len > 0)
		entry_r->changes = at + head->source_size;
	return true;
}

int replica_store_each_history(const struct replica_store *store, MDB_txn *txn,
			       bool (*fn)(void *arg, const struct history_entry *entry), void *arg,
			       struct err *err)
{
	MDB_val key, value;
	MDB_cursor *cursor;
	bool go_on = true;
	int rc;

	if (!store->has_history)
		return 0;
	rc = mdb_cursor_open(txn, store->history, &cursor);
	if (rc != 0)
		return replica_store_fail(err, "cursor", rc);
	while (go_on && (rc = mdb_cursor_get(cursor, &key, &value, MDB_PREV)) == 0) {
		struct history_entry entry;

		if (!history_decode(value.mv_data, value.mv_size, &entry))
			continue;
		entry.sequence = replica_id_at(&key, 0);
		go_on = fn(arg, &entry);
	}
	mdb_cursor_close(cursor);
	return !go_on || rc == MDB_NOTFOUND ? 0 : replica_store_fail(err, "read", rc);
}

struct search {
	uint64_t number;
	struct history_entry *found;
	bool is_found;
};

static bool look_at(void *arg, const struct history_entry *entry)
{
	struct search *search = arg;

	search->is_found = entry->head.snapshot.number == search->number &&
			   history_makes_snapshot(entry->head.cause);
	if (search->is_found)
		*search->found = *entry;
	return !search->is_found;
}

int replica_store_find_history(const struct replica_store *store, MDB_txn *txn, uint64_t number,
			       struct history_entry *entry_r, struct err *err)
{
	struct search search = { number, entry_r, false };

	if (replica_store_each_history(store, txn, look_at, &search, err) < 0)
		return -1;
	return search.is_found;
}

int replica_store_pin(const struct replica_store *store, MDB_txn *txn,
		      struct replica_pin *pin_r, struct err *err)
{
	MDB_val value;
	int rc = replica_store_get(txn, store->meta, REPLICA_PIN_KEY, strlen(REPLICA_PIN_KEY),
				   &value, err);

	*pin_r = (struct replica_pin){ 0 };
	if (rc != 1)
		return rc;
	if (value.mv_size != sizeof(*pin_r))
		return err_set(err, ERR_STORE, 0, "replica: its pin is damaged");
	memcpy(pin_r, value.mv_data, sizeof(*pin_r));
	return 1;
}
