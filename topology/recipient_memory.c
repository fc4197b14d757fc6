/*
 * Recipients in memory: see recipient_memory.h. Pure.
 *
 * Each record is kept encoded, as the replica keeps it, so both sources give the same answers.
 * One hash table leads from addresses and DN keys to records; a key that several records bear
 * heads a chain.
 */
#include "topology/recipient_memory.h"

#include <string.h>
#include <uthash.h>

#include "common/dn.h"

struct record {
	char *data;
	size_t len;
};

/* One way to find a record. */
struct finder {
	struct finder *next; /* of the same key */
	const struct record *record;
	UT_hash_handle hh;
};

struct recipient_memory {
	struct finder *by_address, *by_dn;
	struct record **records;
	size_t count;
};

static int memory_clear(struct recipient_memory *memory)
{
	HASH_CLEAR(hh, memory->by_address);
	HASH_CLEAR(hh, memory->by_dn);
	return 0;
}

struct recipient_memory *recipient_memory_new(TALLOC_CTX *ctx)
{
	struct recipient_memory *memory = talloc_zero(ctx, struct recipient_memory);

	talloc_set_destructor(memory, memory_clear);
	return memory;
}

/* KEY has to live as long as the memory. */
static void add_finder(struct recipient_memory *memory, struct finder **table, const char *key,
		       const struct record *record)
{
	struct finder *finder = talloc_zero(memory, struct finder), *head = NULL;

	finder->record = record;
	HASH_FIND_STR(*table, key, head);
	if (head == NULL) {
		HASH_ADD_KEYPTR(hh, *table, key, strlen(key), finder);
		return;
	}
	while (head->next != NULL)
		head = head->next;
	head->next = finder;
}

void recipient_memory_add(struct recipient_memory *memory, const struct entry *entry)
{
	struct buf data = { NULL, 0, 0 };
	struct record *record;
	struct recipient recipient;
	const char *address;
	char *key;

	if (!recipient_encode(entry, &data, NULL))
		return;
	record = talloc(memory, struct record);
	record->data = talloc_memdup(record, data.data, data.len);
	record->len = data.len;
	buf_free(&data);
	if ((memory->count & (memory->count - 1)) == 0)
		memory->records = talloc_realloc(memory, memory->records, struct record *,
						 (unsigned)memory->count * 2 + 1);
	memory->records[memory->count++] = record;
	if (recipient_decode(record->data, record->len, &recipient, NULL) < 0)
		return;
	address = recipient.addresses.first;
	for (uint32_t i = 0; i < recipient.addresses.count; i++, address = recipient_next(address))
		add_finder(memory, &memory->by_address, address, record);
	key = dn_key(record, entry->dn);
	if (key != NULL)
		add_finder(memory, &memory->by_dn, key, record);
}

void recipient_memory_add_list(struct recipient_memory *memory, const struct entry_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		recipient_memory_add(memory, list->items[i]);
}

size_t recipient_memory_count(const struct recipient_memory *memory)
{
	return memory->count;
}

static int by_address(void *ctx, const char *address, struct recipient *list, int max,
		      struct err *err)
{
	const struct recipient_memory *memory = ctx;
	const struct finder *finder = NULL;
	int n = 0;

	HASH_FIND_STR(memory->by_address, address, finder);
	for (; finder != NULL && n < max; finder = finder->next, n++)
		if (recipient_decode(finder->record->data, finder->record->len, &list[n], err) < 0)
			return -1;
	return n;
}

static int by_dn(void *ctx, const char *dn_key, struct recipient *recipient_r, struct err *err)
{
	const struct recipient_memory *memory = ctx;
	const struct finder *finder = NULL;

	HASH_FIND_STR(memory->by_dn, dn_key, finder);
	if (finder == NULL)
		return 0;
	return recipient_decode(finder->record->data, finder->record->len, recipient_r, err) < 0 ? -1 : 1;
}

struct recipient_source recipient_memory_source(struct recipient_memory *memory)
{
	return (struct recipient_source){ by_address, by_dn, memory };
}

int recipient_memory_each(void *ctx, bool (*fn)(void *arg, const struct recipient *recipient),
			  void *arg, struct err *err)
{
	const struct recipient_memory *memory = ctx;
	struct recipient recipient;
	bool more = true;

	for (size_t i = 0; i < memory->count && more; i++) {
		const struct record *record = memory->records[i];

		if (recipient_decode(record->data, record->len, &recipient, err) < 0)
			return -1;
		more = fn(arg, &recipient);
	}
	return 0;
}
