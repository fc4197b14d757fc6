/* DNs: any text has a key or none; a key is its own key; parents and values agree with it. */
#include "tests/fuzz/fuzz.h"

#include <string.h>
#include <unistr.h>

#include "common/dn.h"

static void check_parts(TALLOC_CTX *ctx, const char *dn, const char *key)
{
	char *rdn = dn_rdn(ctx, dn), *rdn_key = dn_rdn_key(ctx, rdn);
	char *parent_key = dn_key(ctx, dn_parent(dn));

	FUZZ_PROMISE(rdn_key != NULL && parent_key != NULL);
	FUZZ_PROMISE(strcmp(parent_key, dn_key_parent(key)) == 0);
	FUZZ_PROMISE(strlen(rdn_key) == strcspn(key, ",") &&
		     strncmp(key, rdn_key, strlen(rdn_key)) == 0);
	FUZZ_PROMISE(dn_rdn_value(ctx, dn) != NULL || strstr(rdn_key, "\\00") != NULL);
	FUZZ_PROMISE(dn_key_is_under(key, parent_key));
}

static void check_value(TALLOC_CTX *ctx, const char *value)
{
	char *escaped = dn_escape(ctx, value);
	char *back = dn_rdn_value(ctx, talloc_asprintf(ctx, "cn=%s", escaped));

	FUZZ_PROMISE(back != NULL && strcmp(back, value) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	char *text = talloc_strndup(ctx, (const char *)data, size);
	char *key = dn_key(ctx, text);

	if (key != NULL && u8_check((const uint8_t *)key, strlen(key)) == NULL) {
		char *again = dn_key(ctx, key);

		FUZZ_PROMISE(again != NULL && strcmp(again, key) == 0);
	}
	if (key != NULL && *key != '\0')
		check_parts(ctx, text, key);
	check_value(ctx, text);
	talloc_free(ctx);
	return 0;
}
