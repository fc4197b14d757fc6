/*
 * Active Directory's answers: any octets decode or are refused; an answer put together from them
 * gives changes that are consistent, and no cookie but the one that came.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "ldapsync/ad_cookie.h"
#include "ldapsync/ad_wire.h"

static void try_controls(const uint8_t *data, size_t size)
{
	struct ad_octets cookie = { data, 0 };
	bool more;

	if (ad_decode_dirsync(data, size, &more, &cookie, NULL) == 0 ||
	    ad_decode_page(data, size, &cookie, NULL) == 0)
		FUZZ_PROMISE((const uint8_t *)cookie.data >= data &&
			     (const uint8_t *)cookie.data + cookie.len <= data + size);
}

static void try_texts(TALLOC_CTX *ctx, const uint8_t *data, size_t size)
{
	const char *text = talloc_strndup(ctx, (const char *)data, size);
	struct buf filter = { 0 };
	struct ad_cookie cookie;
	struct ad_range range;

	if (ad_parse_range(text, &range))
		FUZZ_PROMISE(range.name_len < strlen(text) &&
			     (range.is_last || range.first <= range.last));
	ad_filter_equal("member", text, &filter);
	FUZZ_PROMISE(strspn(filter.data + 1, "(") == 0 && strchr(filter.data + 1, '(') == NULL);
	buf_free(&filter);
	if (ad_cookie_decode(ctx, data, size, &cookie)) {
		struct buf again = { 0 };

		ad_cookie_encode(&cookie, &again);
		/* Texts end at a NUL, so it may be shorter, never longer. */
		FUZZ_PROMISE(again.len <= size);
		buf_free(&again);
	}
}

/* One object for each four octets: which it is, what is said of it. */
static void try_feed(TALLOC_CTX *ctx, const uint8_t *data, size_t size)
{
	static const char *const names[] = { "objectClass", "name", "isDeleted", "uSNCreated" };
	struct ad_feed feed;
	struct err err;

	ad_feed_init(&feed);
	feed.technique = size % AD_TECHNIQUES;
	ad_feed_begin(&feed, size);
	for (size_t at = 0; at + 4 <= size; at += 4) {
		struct entry *entry = entry_new(ctx, data[at] & 1 ? "CN=a\\0ADEL:,CN=D" : "CN=a");
		char guid[16];

		memset(guid, data[at], sizeof(guid));
		entry_add(entry, "objectGUID", guid, data[at] == 255 ? 7 : sizeof(guid));
		for (size_t i = 0; i < WP_COUNT(names); i++)
			if (data[at + 1] >> i & 1)
				entry_add_text(entry, names[i], data[at + 2] & 1 ? "TRUE" : "12");
		FUZZ_PROMISE(ad_feed_on_entry(&feed, entry) == (data[at] != 255));
		talloc_free(entry);
	}
	FUZZ_PROMISE(feed.n_changes <= 255 && feed.n_changes <= size / 4);
	for (size_t i = 0; i < feed.n_changes; i++)
		FUZZ_PROMISE(feed.changes[i]->dn != NULL &&
			     (feed.changes[i]->is_moved || !feed.changes[i]->may_have_children));
	if (ad_feed_on_result(&feed, size % 60, data, size, &err) > AD_FEED_MORE)
		FUZZ_PROMISE(feed.n_changes == 0 && !feed.has_cookie);
	ad_feed_fini(&feed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TALLOC_CTX *ctx = talloc_new(NULL);

	try_controls(data, size);
	try_texts(ctx, data, size);
	try_feed(ctx, data, size);
	talloc_free(ctx);
	return 0;
}
