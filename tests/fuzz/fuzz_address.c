/*
 * Addresses, address spaces, ranges and names from anywhere. Promises: a folded address folds to
 * itself, texts stay within their room, a range holds its own ends.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/ipaddr.h"
#include "common/names.h"
#include "topology/addrspace.h"

static void fuzz_mail(const char *text, size_t len)
{
	struct mailaddr addr, again;
	char decoded[64];
	int n = mailaddr_imcea_decode(text, len, decoded, sizeof(decoded));

	FUZZ_PROMISE(n < (int)sizeof(decoded) && (n <= 0 || (size_t)n == strlen(decoded)));
	if (mailaddr_parse(text, len, &addr) != MAILADDR_OK)
		return;
	FUZZ_PROMISE(strlen(addr.folded) < sizeof(addr.folded));
	FUZZ_PROMISE(addr.domain >= addr.folded && addr.domain <= addr.folded + strlen(addr.folded));
	/* Folding may make a local part longer than an address may have. */
	if (mailaddr_parse(addr.folded, strlen(addr.folded), &again) == MAILADDR_OK)
		FUZZ_PROMISE(strcmp(addr.folded, again.folded) == 0);
}

static void fuzz_space(const char *text, size_t len)
{
	struct addrspace space;

	if (addrspace_parse(text, len, &space) != ADDRSPACE_OK)
		return;
	FUZZ_PROMISE(space.cost >= 1 && space.cost <= 100);
	FUZZ_PROMISE(strlen(space.text) < sizeof(space.text) && space.type[0] != '\0');
}

static void fuzz_range(const char *text, size_t len)
{
	struct ipaddr_range range;

	if (!ipaddr_range_parse(text, len, &range))
		return;
	FUZZ_PROMISE(ipaddr_range_contains(&range, &range.low));
	FUZZ_PROMISE(ipaddr_range_contains(&range, &range.high));
	FUZZ_PROMISE(ipaddr_range_is_inside(&range, &range));
}

static void fuzz_name(const char *text, size_t len)
{
	char *key = name_key(NULL, text, len), *again;

	if (key != NULL && strlen(key) > 0) {
		again = name_key(NULL, key, strlen(key));
		FUZZ_PROMISE(again != NULL && strcmp(again, key) == 0);
		talloc_free(again);
	}
	talloc_free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	fuzz_mail(text, size);
	fuzz_space(text, size);
	fuzz_range(text, size);
	fuzz_name(text, size);
	return 0;
}
