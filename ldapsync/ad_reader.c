/* Objects of Active Directory read whole. */
#include "ldapsync/ad_reader.h"

#include <errno.h>
#include <string.h>

#include "ldapsync/ad_wire.h"
#include "topology/profile.h"

enum { RANGE_TRIES = 3 }; /* values may come and go while they are read */

/* An attribute of which there is more, from the value FIRST on. */
struct ad_ranged {
	struct ad_ranged *next;
	struct entry *entry;
	const char *name;
	uint32_t first;
};

void ad_reader_init(struct ad_reader *reader, struct ad_search *search,
		    const struct sync_scope *scope)
{
	TALLOC_CTX *ctx = search->session->ctx;
	size_t n = 0, at = 0;

	while (scope->attributes[n] != NULL)
		n++;
	*reader = (struct ad_reader){ .search = search, .scope = scope };
	reader->attributes = talloc_array(ctx, const char *, n + 2);
	reader->attributes[at++] = "objectGUID";
	for (size_t i = 0; i < n; i++)
		if (!ascii_equal(scope->attributes[i], "objectGUID"))
			reader->attributes[at++] = scope->attributes[i];
	reader->attributes[at] = NULL;
}

bool ad_reader_guid(LDAP *ld, LDAPMessage *message, struct entry_uuid *guid_r)
{
	struct berval **values = ldap_get_values_len(ld, message, "objectGUID");
	bool found = values != NULL && values[0] != NULL &&
		     values[0]->bv_len == sizeof(guid_r->bytes);

	if (found)
		memcpy(guid_r->bytes, values[0]->bv_val, sizeof(guid_r->bytes));
	ldap_value_free_len(values);
	return found;
}

/* ---- one entry ---- */

static int give(struct ad_reader *reader, struct entry *entry)
{
	struct source_sink *sink = reader->search->session->sink;

	if (!sync_scope_has(reader->scope, entry->dn))
		return source_delete(sink, &entry->uuid);
	if (reader->on_found != NULL)
		reader->on_found(reader->found_ctx, &entry->uuid);
	return source_upsert(sink, profile_translate(reader->scope->profile, entry, entry));
}

/* Notes what of ENTRY is not there yet. True: something. */
static bool note_ranges(struct ad_reader *reader, LDAPMessage *message, struct entry *entry)
{
	LDAP *ld = reader->search->session->ld;
	BerElement *ber = NULL;
	struct berval dn, name;
	bool found = false;
	int rc;

	errno = 0;
	if (ldap_get_dn_ber(ld, message, &ber, &dn) != LDAP_SUCCESS) {
		session_check_memory();
		return false;
	}
	while ((rc = ldap_get_attribute_ber(ld, message, ber, &name, NULL)) == LDAP_SUCCESS &&
	       name.bv_val != NULL) {
		struct ad_range range;
		struct ad_ranged *ranged;

		if (memchr(name.bv_val, ';', name.bv_len) == NULL ||
		    !ad_parse_range(talloc_strndup(entry, name.bv_val, name.bv_len), &range) ||
		    range.is_last)
			continue;
		ranged = talloc(entry, struct ad_ranged);
		*ranged = (struct ad_ranged){ reader->ranged, entry,
			talloc_strndup(entry, name.bv_val, range.name_len), range.last + 1 };
		reader->ranged = ranged;
		found = true;
	}
	if (rc != LDAP_SUCCESS)
		session_check_memory();
	ber_free(ber, 0);
	return found;
}

static int take_entry(void *ctx, LDAPMessage *message, struct err *err)
{
	struct ad_reader *reader = ctx;
	struct session *s = reader->search->session;
	struct entry *entry = session_entry(s, message, err);
	int rc = 0;

	if (entry == NULL)
		return -1;
	if (!ad_reader_guid(s->ld, message, &entry->uuid)) {
		rc = ad_search_without_guid(entry, err);
	} else if (note_ranges(reader, message, entry)) {
		talloc_steal(reader->ctx, entry);
		return 0;
	} else {
		rc = give(reader, entry);
	}
	talloc_free(entry);
	return rc;
}

/* ---- ranges ---- */

/* A question for more values of one attribute of one entry. */
struct more {
	struct ad_reader *reader;
	struct ad_ranged *ranged;
	bool was_found, has_moved_on, is_whole;
};

static int take_values(void *ctx, LDAPMessage *message, struct err *err)
{
	struct more *more = ctx;
	LDAP *ld = more->reader->search->session->ld;
	struct ad_ranged *ranged = more->ranged;
	struct berval dn, name, *values;
	BerElement *ber = NULL;
	int rc;

	(void)err;
	more->was_found = true;
	errno = 0;
	if (ldap_get_dn_ber(ld, message, &ber, &dn) != LDAP_SUCCESS) {
		session_check_memory();
		return 0;
	}
	while ((rc = ldap_get_attribute_ber(ld, message, ber, &name, &values)) == LDAP_SUCCESS &&
	       name.bv_val != NULL) {
		char *copy = talloc_strndup(ranged->entry, name.bv_val, name.bv_len);
		struct ad_range range;

		if (ad_parse_range(copy, &range) && range.first == ranged->first &&
		    range.name_len == strlen(ranged->name) &&
		    ascii_equal_n(copy, ranged->name, range.name_len)) {
			for (struct berval *v = values; v != NULL && v->bv_val != NULL; v++)
				entry_add(ranged->entry, ranged->name, v->bv_val, v->bv_len);
			more->has_moved_on = true;
			more->is_whole = range.is_last;
			ranged->first = range.last + 1;
		}
		ber_memfree(values);
	}
	if (rc != LDAP_SUCCESS)
		session_check_memory();
	ber_free(ber, 0);
	return 0;
}

/* The next values. 1: there are more, 0: that was all, -1 and ERR. */
static int ask_more(struct ad_reader *reader, struct ad_ranged *ranged, struct err *err)
{
	struct more more = { .reader = reader, .ranged = ranged };
	char base[AD_GUID_BASE_SIZE];
	const char *attributes[] = { NULL, NULL };
	const struct ad_query query = { .base = base, .scope = LDAP_SCOPE_BASE,
					.filter = "(objectClass=*)", .attributes = attributes };
	struct ad_result result = { 0 };
	int rc;

	ad_guid_base(&ranged->entry->uuid, base);
	attributes[0] = talloc_asprintf(ranged->entry, "%s;range=%u-*", ranged->name, ranged->first);
	rc = ad_search_once(reader->search, &query, take_values, &more, &result, err);
	if (rc < 0)
		return -1;
	*err = result.err;
	if (result.code != LDAP_SUCCESS)
		return err_note(err, "%s of %s", attributes[0], ranged->entry->dn);
	if (!more.was_found)
		return err_set(err, ERR_DIRECTORY, LDAP_NO_SUCH_OBJECT, "%s is gone", ranged->entry->dn);
	if (!more.has_moved_on && ranged->first > 0)
		return err_set(err, ERR_DIRECTORY, LDAP_OPERATIONS_ERROR,
			       "%s has no values of %s from %u on", ranged->entry->dn, ranged->name,
			       ranged->first);
	return !more.has_moved_on || more.is_whole ? 0 : 1;
}

static bool is_over(const struct session *s, const struct err *err)
{
	return s->is_lost || source_is_stopping(s->sink) || err->domain != ERR_DIRECTORY ||
	       err->code == LDAP_TIMEOUT || err->code == LDAP_SERVER_DOWN;
}

/* 1: whole, 0: the entry is gone, -1 and ERR. */
static int complete(struct ad_reader *reader, struct ad_ranged *ranged, struct err *err)
{
	for (int tries = 0; tries < RANGE_TRIES; tries++) {
		int rc;

		*err = (struct err){ 0 };
		while ((rc = ask_more(reader, ranged, err)) == 1)
			;
		if (rc == 0)
			return 1;
		if (is_over(reader->search->session, err))
			return -1;
		if (err->code == LDAP_NO_SUCH_OBJECT)
			return 0;
		/* Fewer values than a moment ago, perhaps: from the beginning. */
		entry_drop(ranged->entry, ranged->name);
		ranged->first = 0;
	}
	return -1;
}

/* An entry may have several such attributes; it is given with the last of them. */
static int give_ranged(struct ad_reader *reader, struct err *err)
{
	struct ad_ranged *ranged = reader->ranged;

	while (ranged != NULL) {
		struct entry *entry = ranged->entry;
		int rc = 1;

		while (ranged != NULL && ranged->entry == entry) {
			struct ad_ranged *next = ranged->next;

			rc = rc == 1 ? complete(reader, ranged, err) : rc;
			ranged = next;
		}
		if (rc < 0 || (rc == 1 && give(reader, entry) < 0))
			return -1;
		/* Gone between two questions: the feed says so next. */
		talloc_free(entry);
	}
	return 0;
}

static int end_page(void *ctx, struct err *err)
{
	struct ad_reader *reader = ctx;
	int rc = give_ranged(reader, err);

	reader->ranged = NULL;
	talloc_free_children(reader->ctx);
	return rc;
}

/* ---- questions ---- */

int ad_reader_some(struct ad_reader *reader, const char *base, const char *filter, struct err *err)
{
	const struct ad_query query = { .base = base, .scope = LDAP_SCOPE_SUBTREE,
					.filter = filter, .attributes = reader->attributes };
	int rc;

	reader->ctx = talloc_new(reader->search->session->ctx);
	reader->ranged = NULL;
	rc = ad_search_pages(reader->search, &query, take_entry, end_page, reader, err);
	reader->ranged = NULL;
	talloc_free(reader->ctx);
	return rc;
}

int ad_reader_all(struct ad_reader *reader, struct err *err)
{
	const struct sync_scope *scope = reader->scope;

	for (size_t i = 0; i < scope->n_keys; i++)
		if (ad_reader_some(reader, scope->keys[i], scope->filter, err) < 0)
			return -1;
	return 0;
}

static int mark_present(void *ctx, LDAPMessage *message, struct err *err)
{
	struct ad_reader *reader = ctx;
	struct session *s = reader->search->session;
	struct entry *entry = session_entry(s, message, err);
	struct entry_uuid guid;
	int rc = 0;

	if (entry == NULL)
		return -1;
	if (!ad_reader_guid(s->ld, message, &guid))
		rc = ad_search_without_guid(entry, err);
	else if (sync_scope_has(reader->scope, entry->dn))
		rc = source_present(s->sink, &guid);
	talloc_free(entry);
	return rc;
}

int ad_reader_present(struct ad_reader *reader, struct err *err)
{
	static const char *const attributes[] = { "objectGUID", NULL };
	const struct sync_scope *scope = reader->scope;
	struct ad_query query = { .scope = LDAP_SCOPE_SUBTREE, .filter = scope->filter,
				  .attributes = attributes };

	for (size_t i = 0; i < scope->n_keys; i++) {
		query.base = scope->keys[i];
		if (ad_search_pages(reader->search, &query, mark_present, NULL, reader, err) < 0)
			return -1;
	}
	return 0;
}
