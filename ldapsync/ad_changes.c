/* What the changes of one answer of the feed make of the replica. */
#include "ldapsync/ad_changes.h"

#include <string.h>
#include <uthash.h>
#include <xxhash.h>

#include "common/dn.h"
#include "ldapsync/ad_holders.h"
#include "ldapsync/ad_wire.h"

enum {
	READ_AT_ONCE = 100,  /* objects in one filter */
	LINKS_AT_ONCE = 20,  /* names */
	FREED_MAX = 100000,
};

/* Attributes of recipients that hold names of others. */
static const char *const recipient_links[] = { "member", "altRecipient" };

/* A name that a deleted object had. */
struct ad_name {
	uint64_t hash; /* of its key */
	UT_hash_handle hh;
};

/* ---- who holds names ---- */

static bool asks_for(const struct sync_scope *scope, const char *name)
{
	for (char **at = scope->attributes; *at != NULL; at++)
		if (ascii_equal(*at, name))
			return true;
	return false;
}

/* The configuration is small and full of names: all of it. */
static void find_links(struct ad_changes *changes)
{
	const struct sync_scope *scope = changes->scope;
	TALLOC_CTX *ctx = changes->session->ctx;
	char *any = talloc_strdup(ctx, "");
	size_t n = 0;

	changes->link_names = talloc_zero_array(ctx, const char *, WP_COUNT(recipient_links) + 1);
	if (changes->session->part->content == PART_CONFIGURATION) {
		changes->links = scope->filter;
		return;
	}
	for (size_t i = 0; i < WP_COUNT(recipient_links); i++) {
		if (!asks_for(scope, recipient_links[i]))
			continue;
		changes->link_names[n++] = recipient_links[i];
		any = talloc_asprintf_append(any, "(%s=*)", recipient_links[i]);
	}
	if (n > 0)
		changes->links = talloc_asprintf(ctx, "(&(|%s)%s)", any, scope->filter);
}

void ad_changes_init(struct ad_changes *changes, struct ad_reader *reader)
{
	*changes = (struct ad_changes){ .session = reader->search->session,
					.search = reader->search, .reader = reader,
					.scope = reader->scope };
	find_links(changes);
}

static void forget_freed(struct ad_changes *changes)
{
	struct ad_name *name, *next;

	HASH_ITER(hh, changes->freed, name, next) {
		HASH_DEL(changes->freed, name);
		talloc_free(name);
	}
	changes->n_freed = 0;
}

void ad_changes_fini(struct ad_changes *changes)
{
	forget_freed(changes);
}

int ad_changes_read_links(struct ad_changes *changes, struct err *err)
{
	changes->wants_links = changes->owes_links = false;
	forget_freed(changes);
	if (changes->links == NULL)
		return 0;
	if (changes->session->part->content != PART_CONFIGURATION)
		return ad_holders_read(changes, err);
	return ad_reader_some(changes->reader, changes->scope->base, changes->links, err);
}

/* ---- names that became free ---- */

static bool hash_of(const char *dn, uint64_t *hash_r)
{
	char *key = dn_key(NULL, dn);

	if (key != NULL)
		*hash_r = XXH3_64bits(key, strlen(key));
	talloc_free(key);
	return key != NULL;
}

static void note_freed(struct ad_changes *changes, const char *dn)
{
	struct ad_name *name;
	uint64_t hash;

	if (dn == NULL || changes->links == NULL || !hash_of(dn, &hash))
		return;
	HASH_FIND(hh, changes->freed, &hash, sizeof(hash), name);
	if (name != NULL)
		return;
	name = talloc_zero(NULL, struct ad_name);
	name->hash = hash;
	HASH_ADD(hh, changes->freed, hash, sizeof(hash), name);
	if (++changes->n_freed >= FREED_MAX)
		changes->wants_links = true;
}

static bool is_freed(const struct ad_changes *changes, const char *dn)
{
	struct ad_name *name = NULL;
	uint64_t hash;

	if (changes->n_freed > 0 && hash_of(dn, &hash))
		HASH_FIND(hh, changes->freed, &hash, sizeof(hash), name);
	return name != NULL;
}

/* ---- objects that moved ---- */

static int count_entry(void *ctx, LDAPMessage *message, struct err *err)
{
	size_t *n = ctx;

	(void)message;
	(void)err;
	++*n;
	return 0;
}

/* 1: something lies below the object, 0: nothing, -1 and ERR. */
static int has_children(struct ad_changes *changes, const struct entry_uuid *guid,
			struct err *err)
{
	static const char *const nothing[] = { LDAP_NO_ATTRS, NULL };
	char base[AD_GUID_BASE_SIZE];
	const struct ad_query query = { .base = base, .scope = LDAP_SCOPE_ONELEVEL, .limit = 1,
					.filter = "(objectClass=*)", .attributes = nothing };
	struct ad_result result = { 0 };
	size_t n = 0;

	ad_guid_base(guid, base);
	if (ad_search_once(changes->search, &query, count_entry, &n, &result, err) < 0)
		return -1;
	return n > 0;
}

/* Below a container that moved, into the scope or out of it. */
static int follow_container(struct ad_changes *changes, const struct ad_change *change,
			    struct err *err)
{
	char base[AD_GUID_BASE_SIZE];
	int rc = has_children(changes, &change->guid, err);

	if (rc <= 0)
		return rc;
	changes->wants_links = true;
	if (!sync_scope_has(changes->scope, change->dn)) {
		changes->wants_audit = true;
		return 0;
	}
	ad_guid_base(&change->guid, base);
	rc = ad_reader_some(changes->reader, base, changes->scope->filter, err);
	/* Gone since: the next answer says so. */
	return rc < 0 && err->domain == ERR_DIRECTORY && err->code == LDAP_NO_SUCH_OBJECT ? 0 : rc;
}

static int follow_containers(struct ad_changes *changes, const struct ad_feed *feed,
			     struct err *err)
{
	for (size_t i = 0; i < feed->n_changes; i++) {
		const struct ad_change *change = feed->changes[i];

		if (!change->is_deleted && change->may_have_children &&
		    follow_container(changes, change, err) < 0)
			return -1;
	}
	return 0;
}

/* Who holds the names of DNS. */
static int read_holders(struct ad_changes *changes, const char *const *dns, size_t n,
			struct err *err)
{
	struct buf filter = { 0 };
	int rc;

	buf_adds(&filter, "(&(|");
	for (size_t i = 0; i < n; i++)
		for (const char **name = changes->link_names; *name != NULL; name++)
			ad_filter_equal(*name, dns[i], &filter);
	buf_printf(&filter, ")%s)", changes->scope->filter);
	rc = ad_reader_some(changes->reader, changes->scope->base, filter.data, err);
	buf_free(&filter);
	return rc;
}

static int follow_names(struct ad_changes *changes, const struct ad_feed *feed, struct err *err)
{
	const char *dns[LINKS_AT_ONCE];
	size_t n = 0;

	if (changes->link_names[0] == NULL)
		return 0;
	for (size_t i = 0; i < feed->n_changes; i++) {
		const struct ad_change *change = feed->changes[i];

		if (change->is_deleted || !change->is_moved)
			continue;
		dns[n++] = change->dn;
		if (n == LINKS_AT_ONCE) {
			if (read_holders(changes, dns, n, err) < 0)
				return -1;
			n = 0;
		}
	}
	return n > 0 ? read_holders(changes, dns, n, err) : 0;
}

/* ---- objects that changed ---- */

/* The objects that one filter asks for, and which of them came. */
struct batch {
	struct entry_uuid asked[READ_AT_ONCE];
	bool found[READ_AT_ONCE];
	size_t n;
};

static void on_found(void *ctx, const struct entry_uuid *guid)
{
	struct batch *batch = ctx;

	for (size_t i = 0; i < batch->n; i++)
		batch->found[i] |= entry_uuid_equal(&batch->asked[i], guid);
}

static int read_batch(struct ad_changes *changes, struct batch *batch, struct err *err)
{
	struct ad_reader *reader = changes->reader;
	struct buf filter = { 0 };
	int rc;

	buf_adds(&filter, "(&(|");
	for (size_t i = 0; i < batch->n; i++)
		ad_filter_guid(&batch->asked[i], &filter);
	buf_printf(&filter, ")%s)", changes->scope->filter);
	reader->on_found = on_found;
	reader->found_ctx = batch;
	rc = ad_reader_some(reader, changes->scope->base, filter.data, err);
	reader->on_found = NULL;
	buf_free(&filter);
	/* What did not come is gone, or none of ours any more. */
	for (size_t i = 0; i < batch->n && rc == 0; i++)
		if (!batch->found[i])
			rc = source_delete(changes->session->sink, &batch->asked[i]);
	return rc;
}

int ad_changes_read(struct ad_changes *changes, const struct buf *guids, struct err *err)
{
	struct batch batch;
	size_t at = 0;

	while (at < guids->len) {
		batch = (struct batch){ .n = 0 };
		for (; batch.n < READ_AT_ONCE && at < guids->len; at += sizeof(*batch.asked))
			memcpy(&batch.asked[batch.n++], guids->data + at, sizeof(*batch.asked));
		if (read_batch(changes, &batch, err) < 0)
			return -1;
	}
	return 0;
}

static int read_changed(struct ad_changes *changes, const struct ad_feed *feed, struct err *err)
{
	struct buf guids = { 0 };
	int rc;

	for (size_t i = 0; i < feed->n_changes; i++)
		if (!feed->changes[i]->is_deleted)
			buf_add(&guids, &feed->changes[i]->guid, sizeof(struct entry_uuid));
	rc = ad_changes_read(changes, &guids, err);
	buf_free(&guids);
	return rc;
}

static int delete_one(struct ad_changes *changes, const struct ad_change *change)
{
	struct source_sink *sink = changes->session->sink;

	note_freed(changes, change->old);
	return change->old != NULL ? source_delete_named(sink, &change->guid, change->old) :
				     source_delete(sink, &change->guid);
}

static int delete_deleted(struct ad_changes *changes, const struct ad_feed *feed)
{
	for (size_t i = 0; i < feed->n_changes; i++)
		if (feed->changes[i]->is_deleted && delete_one(changes, feed->changes[i]) < 0)
			return -1;
	return 0;
}

/* What recipients elsewhere show as their home may have another name, or lies below one. */
static void tell_renamed(struct ad_changes *changes, const struct ad_feed *feed)
{
	for (size_t i = 0; i < feed->n_changes; i++)
		if (!feed->changes[i]->is_deleted && feed->changes[i]->is_moved)
			source_renamed(changes->session->sink, feed->changes[i]->dn);
}

/* Whether anything of the answer may have made names of others wrong. */
static bool spoils_names(const struct ad_changes *changes, const struct ad_feed *feed)
{
	bool is_configuration = changes->session->part->content == PART_CONFIGURATION;

	for (size_t i = 0; i < feed->n_changes; i++) {
		const struct ad_change *change = feed->changes[i];

		if (is_configuration && (change->is_deleted || change->is_moved))
			return true;
		if (!change->is_deleted && (change->is_new || change->is_moved) &&
		    is_freed(changes, change->dn))
			return true;
	}
	return false;
}

/* Whether groups may hold names now, or will, that belong to another object. */
static bool leaves_names(const struct ad_changes *changes, const struct ad_feed *feed)
{
	bool takes_names = false;

	for (size_t i = 0; i < feed->n_changes; i++)
		takes_names |= feed->changes[i]->is_new || feed->changes[i]->is_moved;
	return changes->links != NULL &&
	       (changes->n_freed > 0 || (changes->is_blind && takes_names));
}

int ad_changes_apply(struct ad_changes *changes, const struct ad_feed *feed, struct err *err)
{
	if (delete_deleted(changes, feed) < 0)
		return -1;
	changes->wants_links |= spoils_names(changes, feed);
	changes->owes_links |= leaves_names(changes, feed);
	if (read_changed(changes, feed, err) < 0 || follow_names(changes, feed, err) < 0 ||
	    follow_containers(changes, feed, err) < 0)
		return -1;
	if (changes->session->part->content == PART_CONFIGURATION)
		tell_renamed(changes, feed);
	return changes->wants_links ? ad_changes_read_links(changes, err) : 0;
}
