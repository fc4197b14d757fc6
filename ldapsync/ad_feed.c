/* The feed of Active Directory. Pure. */
#include "ldapsync/ad_feed.h"

#include <string.h>
#include <uthash.h>

#include "ldapsync/ad_wire.h"

/* Result codes (RFC 4511 §4.1.9). */
enum {
	CODE_SUCCESS = 0,
	CODE_PROTOCOL_ERROR = 2,
	CODE_UNAVAILABLE_EXTENSION = 12,
	CODE_INSUFFICIENT_ACCESS = 50,
	CODE_UNWILLING = 53,
};

struct ad_slot {
	struct ad_change change;
	UT_hash_handle hh;
};

const char *ad_technique_name(enum ad_technique technique)
{
	static const char *const names[AD_TECHNIQUES] = {
		[AD_DIRSYNC] = "DirSync",
		[AD_DIRSYNC_SECURITY] = "DirSync as object security",
		[AD_USN] = "USN polling",
	};

	return names[technique];
}

static void forget_changes(struct ad_feed *feed)
{
	HASH_CLEAR(hh, feed->slots);
	talloc_free(feed->ctx);
	feed->ctx = NULL;
	feed->changes = NULL;
	feed->n_changes = 0;
}

void ad_feed_init(struct ad_feed *feed)
{
	*feed = (struct ad_feed){ .technique = AD_DIRSYNC };
}

void ad_feed_fini(struct ad_feed *feed)
{
	forget_changes(feed);
	buf_free(&feed->dirsync);
}

void ad_feed_begin(struct ad_feed *feed, uint64_t target)
{
	forget_changes(feed);
	feed->ctx = talloc_new(NULL);
	feed->target = target;
}

/* ---- one object ---- */

/* A tombstone is called "CN=Anna\0ADEL:<guid>,CN=Deleted Objects,…"; its parent it still tells. */
static const char *old_name(TALLOC_CTX *ctx, const struct entry *entry)
{
	const char *parent = entry_text(entry, "lastKnownParent");
	const char *mark = strstr(entry->dn, "\\0ADEL:"), *end;
	char *rdn;

	if (parent == NULL || mark == NULL)
		return NULL;
	/* DirSync shows extended DNs: "<GUID=…>;<SID=…>;OU=…" */
	while (*parent == '<' && (end = strstr(parent, ">;")) != NULL)
		parent = end + 2;
	rdn = talloc_strndup(ctx, entry->dn, (size_t)(mark - entry->dn));
	return talloc_asprintf(ctx, "%s,%s", rdn, parent);
}

static bool is_true(const struct entry *entry, const char *name)
{
	const char *text = entry_text(entry, name);

	return text != NULL && ascii_equal(text, "TRUE");
}

static uint64_t number(const struct entry *entry, const char *name)
{
	const char *text = entry_text(entry, name);
	uint64_t value;

	return text != NULL && parse_u64(text, strlen(text), UINT64_MAX, &value) ? value : 0;
}

/* What holds nothing else, by the classes of AD. */
static bool is_leaf(const struct entry *entry)
{
	return entry_has_class(entry, "person") || entry_has_class(entry, "group");
}

/* DirSync sends what changed: when the object was made only then, its name when it moves. */
static void judge_delta(const struct entry *entry, struct ad_change *change)
{
	change->is_new = entry_find(entry, "whenCreated") != NULL;
	change->is_moved = !change->is_new && entry_find(entry, "name") != NULL;
	change->may_have_children = change->is_moved;
}

/* USN polling sends what there is: anything may be behind it. */
static void judge_whole(const struct ad_feed *feed, const struct entry *entry,
			struct ad_change *change)
{
	change->is_new = number(entry, "uSNCreated") > feed->usn;
	change->is_moved = !change->is_new;
	change->may_have_children = change->is_moved && !is_leaf(entry);
}

static struct ad_change *find_change(struct ad_feed *feed, const struct entry_uuid *guid)
{
	struct ad_slot *slot;

	HASH_FIND(hh, feed->slots, guid, sizeof(*guid), slot);
	if (slot != NULL)
		return &slot->change;
	slot = talloc_zero(feed->ctx, struct ad_slot);
	slot->change.guid = *guid;
	HASH_ADD(hh, feed->slots, change.guid, sizeof(*guid), slot);
	if ((feed->n_changes & (feed->n_changes - 1)) == 0) /* 0, 1, 2, 4, … are full */
		feed->changes = talloc_realloc(feed->ctx, feed->changes, struct ad_change *,
					       feed->n_changes == 0 ? 1 : 2 * feed->n_changes);
	feed->changes[feed->n_changes++] = &slot->change;
	return &slot->change;
}

/* What happened in between adds up, what it is now is what came last. */
static void merge(struct ad_change *change, const struct ad_change *news)
{
	change->dn = news->dn;
	change->old = news->old != NULL ? news->old : change->old;
	change->is_deleted = news->is_deleted;
	change->is_new |= news->is_new;
	change->is_moved |= news->is_moved;
	change->may_have_children |= news->may_have_children;
}

bool ad_feed_on_entry(struct ad_feed *feed, const struct entry *entry)
{
	const struct entry_attribute *guid = entry_find(entry, "objectGUID");
	struct ad_change news = { .is_deleted = is_true(entry, "isDeleted") };

	if (guid == NULL || guid->values[0].len != sizeof(news.guid.bytes))
		return false;
	memcpy(news.guid.bytes, guid->values[0].data, sizeof(news.guid.bytes));
	news.dn = talloc_strdup(feed->ctx, entry->dn);
	if (news.is_deleted)
		news.old = old_name(feed->ctx, entry);
	else if (feed->technique == AD_USN)
		judge_whole(feed, entry, &news);
	else
		judge_delta(entry, &news);
	merge(find_change(feed, &news.guid), &news);
	return true;
}

/* ---- the end of an answer ---- */

static void drop_cookie(struct ad_feed *feed)
{
	forget_changes(feed);
	feed->has_cookie = feed->cookie_is_own = false;
	buf_clear(&feed->dirsync);
	feed->usn = 0;
}

static enum ad_feed_step take_cookie(struct ad_feed *feed, const void *control, size_t len,
				     struct err *err)
{
	struct ad_octets cookie;
	bool more = false;

	if (feed->technique == AD_USN) {
		feed->usn = feed->target;
	} else if (control == NULL) {
		err_set(err, ERR_PROTOCOL, 0, "an answer to DirSync without its control");
		return AD_FEED_FAILED;
	} else if (ad_decode_dirsync(control, len, &more, &cookie, err) < 0) {
		return AD_FEED_FAILED;
	} else if (cookie.len == 0) {
		err_set(err, ERR_PROTOCOL, 0, "an answer to DirSync without a cookie");
		return AD_FEED_FAILED;
	} else if (more && feed->n_changes == 0 && cookie.len == feed->dirsync.len &&
		   memcmp(cookie.data, feed->dirsync.data, cookie.len) == 0) {
		err_set(err, ERR_PROTOCOL, 0, "DirSync promises more and gives the same again");
		return AD_FEED_FAILED;
	} else {
		buf_clear(&feed->dirsync);
		buf_add(&feed->dirsync, cookie.data, cookie.len);
	}
	feed->has_cookie = feed->cookie_is_own = true;
	return more ? AD_FEED_MORE : AD_FEED_DONE;
}

/* Servers refuse what they do not allow, and cookies that they do not like, in the same words. */
static bool is_refusal(int code)
{
	return code == CODE_INSUFFICIENT_ACCESS || code == CODE_UNWILLING ||
	       code == CODE_UNAVAILABLE_EXTENSION || code == CODE_PROTOCOL_ERROR;
}

enum ad_feed_step ad_feed_on_result(struct ad_feed *feed, int code, const void *control, size_t len,
				    struct err *err)
{
	bool was_foreign = feed->has_cookie && !feed->cookie_is_own;
	enum ad_feed_step step;

	if (code == CODE_SUCCESS && feed->technique == AD_USN && feed->target < feed->usn) {
		drop_cookie(feed); /* numbers never fall, but in a backup */
		return AD_FEED_RELOAD;
	}
	if (code == CODE_SUCCESS) {
		step = take_cookie(feed, control, len, err);
		if (step == AD_FEED_FAILED)
			drop_cookie(feed);
		return step;
	}
	drop_cookie(feed);
	if (is_refusal(code) && was_foreign && code != CODE_INSUFFICIENT_ACCESS)
		return AD_FEED_RELOAD;
	/* A cookie that the server gave itself a moment ago is not what it dislikes. */
	if (is_refusal(code) && feed->technique < AD_USN) {
		feed->technique++;
		return AD_FEED_CHANGED;
	}
	err_set(err, ERR_DIRECTORY, code, "the question for changes was refused (LDAP result %d)",
		code);
	return AD_FEED_FAILED;
}
