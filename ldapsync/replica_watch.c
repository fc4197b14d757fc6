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

/* What decides where a recipient's mail goes, in the order it is told. */
enum fact { FACT_ADDRESS, FACT_HOME, FACT_HOST, FACT_FORWARD, N_FACTS };

static const char *const fact_names[N_FACTS] = { "address", "home", "host", "forward" };

/* The DN whose key is KEY as the directory spells it, if it has that, else KEY. */
static const char *spelt(struct replica_writer *writer, TALLOC_CTX *ctx, const char *key)
{
	struct replica_record record;
	const char *dn = NULL;

	if (*key != '\0' &&
	    replica_store_by_dn(&writer->store, writer->txn, key, true, &record, NULL) == 1)
		dn = replica_store_dn(&writer->store, writer->txn, ctx, &record, false, NULL);
	return dn != NULL ? dn : key;
}

/* Of the recipient in RECORD; all "" if it is none. */
static void read_facts(struct replica_writer *writer, TALLOC_CTX *ctx,
		       const struct replica_record *record, const char *facts[static N_FACTS])
{
	struct recipient recipient;

	for (int i = 0; i < N_FACTS; i++)
		facts[i] = "";
	if (record->recipient == NULL ||
	    recipient_decode(record->recipient, record->recipient_len, &recipient, NULL) < 0)
		return;
	facts[FACT_ADDRESS] = recipient.primary;
	facts[FACT_HOME] = spelt(writer, ctx, recipient.home_dn);
	facts[FACT_HOST] = recipient.mail_host;
	facts[FACT_FORWARD] = (recipient.flags & RECIPIENT_FORWARD_DN) != 0 ?
				      spelt(writer, ctx, recipient.forward) :
				      recipient.forward;
}

static json_t *recipient_row(const char *kind, const char *dn, const char *address)
{
	return json_pack("{ss ss so so}", "kind", kind, "class", "recipient", "dn", ctl_text(dn),
			 "address", ctl_text(address));
}

/* ROW once more, for a fact that is another. */
static void add_fact(struct replica_writer *writer, const json_t *row, const char *name,
		     const char *before, const char *after)
{
	json_t *copy;

	if (strcmp(before, after) == 0)
		return;
	copy = json_deep_copy(row);
	json_object_set_new(copy, "attribute", json_string(name));
	if (*before != '\0')
		json_object_set_new(copy, "old", json_pack("[o]", ctl_text(before)));
	if (*after != '\0')
		json_object_set_new(copy, "new", json_pack("[o]", ctl_text(after)));
	add_row(writer, copy);
}

void writer_watch_recipient(struct replica_writer *writer, const struct replica_record *old,
			    const struct replica_record *new, const struct entry *entry)
{
	const char *kind = old->recipient == NULL ? "add" : new->recipient == NULL ? "remove" : "replace";
	const char *before[N_FACTS], *after[N_FACTS], *dn = NULL;
	TALLOC_CTX *ctx;
	json_t *row;

	if (!writer->watched.is_on || !writer->changes.is_listed ||
	    (old->recipient == NULL && new->recipient == NULL) || !has_room(writer))
		return;
	ctx = talloc_new(NULL);
	read_facts(writer, ctx, old, before);
	read_facts(writer, ctx, new, after);
	dn = entry != NULL ? entry->dn :
			     replica_store_dn(&writer->store, writer->txn, ctx, old, false, NULL);
	row = recipient_row(kind, dn != NULL ? dn : "",
			    (new->recipient != NULL ? after : before)[FACT_ADDRESS]);
	add_row(writer, row);
	for (int i = 0; i < N_FACTS; i++)
		add_fact(writer, row, fact_names[i], before[i], after[i]);
	talloc_free(ctx);
}
