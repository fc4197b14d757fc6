/* LDIF: any text is read or refused; what is read, written and read again is the same. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/ldif.h"

static void check(const struct entry *entry)
{
	struct entry_list list = { 0 };
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct buf text = { 0 }, a = { 0 }, b = { 0 };
	struct entry *back;

	ldif_write(entry, &text);
	FUZZ_PROMISE(ldif_read(ctx, text.data, text.len, &list, NULL) == 0);
	FUZZ_PROMISE(list.count == 1);
	entry_encode(entry, &a);
	entry_encode(list.items[0], &b);
	FUZZ_PROMISE(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
	back = entry_decode(ctx, a.data, a.len, NULL);
	FUZZ_PROMISE(back != NULL && strcmp(back->dn, entry->dn) == 0);
	buf_free(&text);
	buf_free(&a);
	buf_free(&b);
	talloc_free(ctx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ldif_reader reader;
	struct entry *entry;
	struct err err = { 0 };
	int rc;

	ldif_reader_init(&reader, (const char *)data, size);
	while ((rc = ldif_next(&reader, NULL, &entry, &err)) == 1) {
		check(entry);
		talloc_free(entry);
	}
	FUZZ_PROMISE(rc == 0 || (err.domain == ERR_DIRECTORY && strncmp(err.text, "line ", 5) == 0));
	return 0;
}
