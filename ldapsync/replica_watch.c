/*
 * Writing the replica: what changed in a transaction, for who watches (`waypost sync watch`).
 *
 * Bounded, since a refresh may change everything: of what does not fit only the number is kept.
 */
#include <string.h>

#include "common/ctl_proto.h"
#include "ldapsync/replica_writer_private.h"
#include "topology/changes.h"
#include "topology/recipient.h"

enum { ROWS_MAX = 200, OCTETS_MAX = 256 * 1024 };

void replica_writer_watch(struct replica_writer *writer, bool is_on)
{
	writer_forget_watched(writer);
	writer->watched.is_on = is_on;
}

void writer_forget_watched(struct replica_writer *writer)
{
	json_decref(writer->watched.rows);
	writer->watched.rows = NULL;
	writer->watched.octets = 0;
	writer->watched.omitted = 0;
}

json_t *replica_writer_take_watched(struct replica_writer *writer, uint32_t *omitted_r)
{
	json_t *rows = writer->watched.rows;

	*omitted_r = writer->watched.omitted;
	writer->watched.rows = NULL;
	writer_forget_watched(writer);
	return rows;
}

/* Whether one more row has room; if not, it is counted. */
static bool has_room(struct replica_writer *writer)
{
	struct watched *watched = &writer->watched;

	if (json_array_size(watched->rows) < ROWS_MAX && watched->octets < OCTETS_MAX)
		return true;
	watched->omitted++;
	return false;
}

static void add_row(struct replica_writer *writer, json_t *row)
{
	if (writer->watched.rows == NULL)
		writer->watched.rows = json_array();
	writer->watched.octets += json_dumpb(row, NULL, 0, 0);
	json_array_append_new(writer->watched.rows, row);
}

void writer_watch_rows(struct replica_writer *writer, const struct change_list *list)
{
	json_t *rows, *row;
	size_t i;

	if (!writer->watched.is_on)
		return;
	rows = changes_json(list);
	json_array_foreach(rows, i, row)
		if (has_room(writer))
			add_row(writer, json_incref(row));
	json_decref(rows);
}

/* The primary address in RECORD, "" if it is no recipient. */
static const char *address_of(const struct replica_record *record)
{
	struct recipient recipient;

	if (record->recipient == NULL ||
	    recipient_decode(record->recipient, record->recipient_len, &recipient, NULL) < 0)
		return "";
	return recipient.primary;
}

static json_t *recipient_row(const char *kind, const char *dn, const char *address)
{
	return json_pack("{ss ss so so}", "kind", kind, "class", "recipient", "dn", ctl_text(dn),
			 "address", ctl_text(address));
}

void writer_watch_recipient(struct replica_writer *writer, const struct replica_record *old,
			    const struct replica_record *new, const struct entry *entry)
{
	const char *before = address_of(old), *after = address_of(new);
	const char *kind = old->recipient == NULL ? "add" : new->recipient == NULL ? "remove" : "replace";
	char *dn = NULL;
	json_t *row;

	if (!writer->watched.is_on || !writer->changes.is_listed ||
	    (old->recipient == NULL && new->recipient == NULL) || !has_room(writer))
		return;
	if (entry == NULL)
		dn = replica_store_dn(&writer->store, writer->txn, NULL, old, false, NULL);
	row = recipient_row(kind, entry != NULL ? entry->dn : dn != NULL ? dn : "",
			    new->recipient != NULL ? after : before);
	add_row(writer, row);
	if (strcmp(before, after) != 0) {
		row = json_deep_copy(row);
		json_object_set_new(row, "attribute", json_string("address"));
		if (*before != '\0')
			json_object_set_new(row, "old", json_pack("[o]", ctl_text(before)));
		if (*after != '\0')
			json_object_set_new(row, "new", json_pack("[o]", ctl_text(after)));
		add_row(writer, row);
	}
	talloc_free(dn);
}
