/*
 * Native entries that say anything, in the terms of the model. The first octet chooses the profile
 * and what is assumed, the rest is LDIF. Promises: an entry keeps its name and UUID; a translated
 * one bears no native name; what the loader and the recipients make of it opens and decodes.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/ldif.h"
#include "topology/load.h"
#include "topology/profile.h"
#include "topology/recipient.h"
#include "topology/snapshot.h"

static const char *const assume[] = {
	"server-roles.hub-bit=0xffffffff", "content-length.unit=4294967295",
	"smart-host.separators=SMTP",      "send-flags.scoped-bit=1",
	"accepted-domain.flags=cn",        "transport-site-flags.hub-bit=0",
};

static void check_names(const struct entry *entry)
{
	for (size_t i = 0; i < entry->n_attributes; i++)
		FUZZ_PROMISE(strncmp(entry->attributes[i].name, "msExch", 6) != 0 &&
			     entry->attributes[i].n_values > 0);
}

static void check_recipient(const struct entry *entry)
{
	const struct entry_value *value;
	struct recipient recipient;
	struct buf record = { NULL, 0, 0 };
	struct err err;

	if (recipient_encode(entry, &record, NULL)) {
		FUZZ_PROMISE(recipient_decode(record.data, record.len, &recipient, &err) == 0);
		(void)recipient_bad_value(entry, &value);
	}
	buf_free(&record);
}

static void check_model(const struct entry_list *list)
{
	struct snapshot_source source = snapshot_source_of_list(list);
	struct buf image = { NULL, 0, 0 };
	struct snapshot snap;
	struct err err;

	FUZZ_PROMISE(snapshot_build(&source, NULL, 1, &image, &err) == 0);
	FUZZ_PROMISE(snapshot_open(&snap, image.data, image.len, &err) == 0);
	FUZZ_PROMISE(snapshot_find_home(&snap, "/o=none") == SNAP_NONE ||
		     snap_count(&snap, SNAP_SERVERS) > 0);
	buf_free(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	enum host_profile id = size > 0 && data[0] % 4 == 0 ? HOST_PROFILE_WAYPOST :
			       size > 0 && data[0] % 4 == 1 ? HOST_PROFILE_AD :
							      HOST_PROFILE_EXCHANGE;
	size_t n_assume = size > 0 && data[0] % 4 == 3 ? sizeof(assume) / sizeof(assume[0]) : 0;
	struct entry_list list = { NULL, 0 };
	struct profile *profile;
	struct err err;

	profile = profile_new(ctx, id, assume, n_assume, &err);
	FUZZ_PROMISE(profile != NULL);
	if (size > 0 && ldif_read(ctx, (const char *)data + 1, size - 1, &list, &err) == 0) {
		for (size_t i = 0; i < list.count; i++) {
			struct entry *native = list.items[i];
			struct entry *out = profile_translate(profile, ctx, native);

			FUZZ_PROMISE(strcmp(out->dn, native->dn) == 0 &&
				     entry_uuid_equal(&out->uuid, &native->uuid));
			if (out != native)
				check_names(out);
			check_recipient(out);
			list.items[i] = out;
		}
		check_model(&list);
	}
	talloc_free(ctx);
	return 0;
}
