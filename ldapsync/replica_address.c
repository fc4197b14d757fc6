/* Writing the replica: the index of addresses, and who shares one. */
#include <string.h>

#include "ldapsync/replica_writer_private.h"
#include "topology/recipient.h"

enum { SEVERAL = 2 };

static bool has_address(const struct recipient *recipient, const char *address)
{
	const char *at = recipient->addresses.first;

	for (uint32_t i = 0; i < recipient->addresses.count; i++, at = recipient_next(at))
		if (strcmp(at, address) == 0)
			return true;
	return false;
}

/* How many of the ids under HASH really bear ADDRESS, up to SEVERAL: it may be on everybody. The DN
 * of the last into DN_R. */
static int count_bearers(struct replica_writer *writer, uint64_t hash, const char *address,
			 char **dn_r, struct err *err)
{
	MDB_val ids;
	int n = 0, rc = replica_store_get(writer->txn, writer->store.address, &hash, sizeof(hash),
					  &ids, err);

	for (size_t i = rc == 1 ? replica_id_count(&ids) : 0; n < SEVERAL && i-- > 0;) {
		struct replica_record record;
		struct recipient view;

		if (replica_store_known(&writer->store, writer->txn, replica_id_at(&ids, i), &record,
					err) < 0 ||
		    recipient_decode(record.recipient, record.recipient_len, &view, err) < 0)
			return -1;
		if (!has_address(&view, address))
			continue;
		if (n++ == 0)
			*dn_r = replica_store_dn(&writer->store, writer->txn, NULL, &record, false,
						 err);
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

/* Files the addresses of OF that OTHER lacks under ID (ADD), or takes them out. */
static int index_addresses(struct replica_writer *writer, uint64_t id, const struct recipient *of,
			   const struct recipient *other, bool add, struct err *err)
{
	struct tree tree = writer_tree(writer);
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

int writer_index_addresses(struct replica_writer *writer, const struct replica_record *old,
			   const struct replica_record *new, struct err *err)
{
	struct recipient before, after;

	if (decode_recipient(old->recipient, old->recipient_len, &before, err) < 0 ||
	    decode_recipient(new->recipient, new->recipient_len, &after, err) < 0)
		return -1;
	if (index_addresses(writer, new->id, &before, &after, false, err) < 0)
		return -1;
	return index_addresses(writer, new->id, &after, &before, true, err);
}

int writer_check_duplicates(struct replica_writer *writer, const struct replica_record *old,
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
