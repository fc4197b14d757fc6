/* Recipients that hold names of others. */
#include "ldapsync/ad_holders.h"

#include <stdlib.h>
#include <string.h>

/* Those of the replica, in the order of their octets, and whether the directory has found them too. */
struct holders {
	struct entry_uuid *list;
	bool *found;
	size_t n;
};

static int by_octets(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct entry_uuid));
}

static void on_found(void *ctx, const struct entry_uuid *guid)
{
	struct holders *holders = ctx;
	const struct entry_uuid *at = holders->n == 0 ? NULL :
		bsearch(guid, holders->list, holders->n, sizeof(*guid), by_octets);

	if (at != NULL)
		holders->found[at - holders->list] = true;
}

static int read_found(struct ad_changes *changes, struct holders *holders, struct err *err)
{
	struct ad_reader *reader = changes->reader;
	int rc;

	reader->on_found = on_found;
	reader->found_ctx = holders;
	rc = ad_reader_some(reader, changes->scope->base, changes->links, err);
	reader->on_found = NULL;
	return rc;
}

static int read_others(struct ad_changes *changes, const struct holders *holders, struct err *err)
{
	struct buf guids = { 0 };
	int rc;

	for (size_t i = 0; i < holders->n; i++)
		if (!holders->found[i])
			buf_add(&guids, &holders->list[i], sizeof(holders->list[i]));
	rc = ad_changes_read(changes, &guids, err);
	buf_free(&guids);
	return rc;
}

int ad_holders_read(struct ad_changes *changes, struct err *err)
{
	struct buf uuids = { 0 };
	struct holders holders;
	int rc = source_holders(changes->session->sink, &uuids);

	holders.n = uuids.len / sizeof(*holders.list);
	holders.list = mem_zero(holders.n + 1, sizeof(*holders.list));
	holders.found = mem_zero(holders.n + 1, sizeof(*holders.found));
	if (holders.n > 0)
		memcpy(holders.list, uuids.data, uuids.len);
	qsort(holders.list, holders.n, sizeof(*holders.list), by_octets);
	if (rc == 0)
		rc = read_found(changes, &holders, err);
	if (rc == 0)
		rc = read_others(changes, &holders, err);
	free(holders.list);
	free(holders.found);
	buf_free(&uuids);
	return rc;
}
