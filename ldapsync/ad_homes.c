/* Recipients whose home is shown with another name. */
#include "ldapsync/ad_homes.h"

#include <string.h>

#include "common/dn.h"

/* Attributes of recipients that name their home. */
static const char *const attributes[] = { "objectGUID", "waypostHomeServer", "homeMDB", NULL };
static const char any_home[] = "(|(waypostHomeServer=*)(homeMDB=*))";

struct look {
	struct ad_changes *changes;
	const char **keys; /* of the names, null-terminated; null: any */
	struct buf guids;  /* whom it concerns */
};

static const char **keys_of(TALLOC_CTX *ctx, const struct buf *names)
{
	const char **keys = talloc_zero_array(ctx, const char *, 1);
	size_t n = 0;

	for (size_t at = 0; at < names->len; at += strlen(names->data + at) + 1) {
		const char *key = dn_key(ctx, names->data + at);

		if (key == NULL)
			continue;
		keys = talloc_realloc(ctx, keys, const char *, n + 2);
		keys[n++] = key;
		keys[n] = NULL;
	}
	return keys;
}

static bool is_renamed(const struct look *look, const char *dn)
{
	char *key;
	bool found = false;

	if (look->keys == NULL)
		return true;
	key = dn_key(NULL, dn);
	for (const char **at = look->keys; key != NULL && *at != NULL && !found; at++)
		found = dn_key_is_under(key, *at);
	talloc_free(key);
	return found;
}

static bool concerns(const struct look *look, const struct entry *entry)
{
	for (size_t i = 1; attributes[i] != NULL; i++) {
		const char *home = entry_text(entry, attributes[i]);

		if (home != NULL && is_renamed(look, home))
			return true;
	}
	return false;
}

static int take_entry(void *ctx, LDAPMessage *message, struct err *err)
{
	struct look *look = ctx;
	struct session *s = look->changes->session;
	struct entry *entry = session_entry(s, message, err);
	struct entry_uuid guid;

	if (entry == NULL)
		return -1;
	/* One without a GUID is the audit's business. */
	if (concerns(look, entry) && ad_reader_guid(s->ld, message, &guid))
		buf_add(&look->guids, &guid, sizeof(guid));
	talloc_free(entry);
	return 0;
}

static int find(struct look *look, TALLOC_CTX *ctx, struct err *err)
{
	const struct ad_changes *changes = look->changes;
	const struct sync_scope *scope = changes->scope;
	struct ad_query query = { .scope = LDAP_SCOPE_SUBTREE, .attributes = attributes };

	query.filter = talloc_asprintf(ctx, "(&%s%s)", any_home, scope->filter);
	for (size_t i = 0; i < scope->n_keys; i++) {
		query.base = scope->keys[i];
		if (ad_search_pages(changes->search, &query, take_entry, NULL, look, err) < 0)
			return -1;
	}
	return 0;
}

int ad_homes_read(struct ad_changes *changes, const struct buf *names, bool many,
		  struct err *err)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct look look = { .changes = changes };
	int rc;

	look.keys = many ? NULL : keys_of(ctx, names);
	rc = find(&look, ctx, err);
	if (rc == 0)
		rc = ad_changes_read(changes, &look.guids, err);
	buf_free(&look.guids);
	talloc_free(ctx);
	return rc;
}
