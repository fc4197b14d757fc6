/* Records of a small organisation: see org.h. */
#include "tests/topology/org.h"

#include <stdlib.h>
#include <string.h>

#include "common/dn.h"
#include "common/entry.h"
#include "common/ldif.h"

/* Names and, written down by hand, how they compare: folded, composed. */
static const struct {
	const char *name, *key;
} names[] = {
	{ "Straße", "strasse" },     { "STRASSF", "strassf" }, { "beta", "beta" },
	{ "Alpha", "alpha" },	     { "A\xCC\x88rger", "ärger" }, { "ÄRMEL", "ärmel" },
	{ "zeta", "zeta" },	     { "Yard 2", "yard 2" },
};

_Static_assert(WP_COUNT(names) == ORG_SITES_MAX, "one name for each site");

const char *org_site_name(uint32_t i)
{
	return names[i].name;
}

const char *org_name_key(TALLOC_CTX *ctx, const char *name)
{
	char *key;

	for (size_t i = 0; i < WP_COUNT(names); i++)
		if (strcmp(names[i].name, name) == 0)
			return names[i].key;
	key = talloc_strdup(ctx, name);
	for (char *at = key; *at != '\0'; at++)
		*at = ascii_lower(*at);
	return key;
}

struct org_record *org_add(struct org *org, const char *class, const char *container,
			   const char *name)
{
	struct org_record *record = &org->records[org->n_records++];

	if (org->n_records > ORG_RECORDS_MAX)
		abort();
	record->class = class;
	record->name = name;
	record->dn = talloc_asprintf(org->ctx, "cn=%s,%s", name, container);
	return record;
}

void org_set(struct org_record *record, const char *attribute, const char *text)
{
	if (record->n_values == ORG_VALUES_MAX)
		abort();
	record->values[record->n_values++] = (struct org_value){ attribute, text, false };
}

const char *org_value(const struct org_record *record, const char *attribute)
{
	for (int i = 0; i < record->n_values; i++)
		if (!record->values[i].gone && strcmp(record->values[i].attribute, attribute) == 0)
			return record->values[i].text;
	return NULL;
}

static void write_record(const struct org_record *record, struct buf *out)
{
	struct entry *entry = entry_new(NULL, record->dn);

	entry_add_text(entry, "objectClass", record->class);
	entry_add_text(entry, "cn", record->name);
	for (int i = 0; i < record->n_values; i++)
		if (!record->values[i].gone)
			entry_add_text(entry, record->values[i].attribute, record->values[i].text);
	ldif_write(entry, out);
	talloc_free(entry);
}

void org_ldif(const struct org *org, struct buf *out)
{
	for (int i = 0; i < org->n_records; i++)
		if (!org->records[i].gone)
			write_record(&org->records[i], out);
}

void org_query_json(const struct org_query *query, struct buf *out)
{
	buf_printf(out, "{\"from\": \"%s\", \"recipient\": \"%s\", \"size\": %llu", query->from,
		   query->recipient, (unsigned long long)query->size);
	if (query->receive != NULL)
		buf_printf(out, ", \"receive_connector\": \"%s\"", query->receive);
	buf_printf(out, ", \"authenticated\": %s}\n", query->authenticated ? "true" : "false");
}

/* Leaves *GONE out if it still fails; whether it did. */
static bool leave_out(struct org *org, bool *gone, bool (*fails)(struct org *org, void *arg),
		      void *arg)
{
	if (*gone)
		return false;
	*gone = true;
	if (fails(org, arg))
		return true;
	*gone = false;
	return false;
}

void org_shrink(struct org *org, bool (*fails)(struct org *org, void *arg), void *arg)
{
	bool smaller = true;

	while (smaller) {
		smaller = false;
		for (int r = 0; r < org->n_records; r++) {
			struct org_record *record = &org->records[r];

			smaller |= leave_out(org, &record->gone, fails, arg);
			for (int v = 0; v < record->n_values && !record->gone; v++)
				smaller |= leave_out(org, &record->values[v].gone, fails, arg);
		}
	}
}
