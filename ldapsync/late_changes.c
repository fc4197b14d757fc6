/* What a 389 Directory Server forgets while a sync search begins. */
#include "ldapsync/late_changes.h"

#include <string.h>
#include <xxhash.h>

#include "common/clock.h"
#include "ldapsync/sync_search.h"

/*
 * When it is asked, after the end of the refresh. What was forgotten was seen to be committed within a
 * quarter of a second, on a busy machine. A change of a group whose members' entries follow is one
 * transaction with all of them, which may take longer: hence the second time.
 */
static const uint64_t after_ms[] = { 5000, 60000 };

void late_changes_init(struct late_changes *late, struct session *session,
		       const struct sync_scope *scope)
{
	*late = (struct late_changes){
		.session = session,
		.scope = scope,
		.is_wanted = rootdse_is_389(session->dse),
		.id = -1,
	};
}

void late_changes_fini(struct late_changes *late)
{
	buf_free(&late->cookie);
	buf_free(&late->newest);
	buf_free(&late->told);
	id_map_free(&late->by_hash);
}

bool late_changes_keep(struct late_changes *late, const char *cookie, size_t len)
{
	if (!late->is_wanted)
		return false;
	if (late->cookie.len == 0) {
		buf_add(&late->cookie, cookie, len);
		late->since_ms = clock_mono_ms();
		return false;
	}
	buf_clear(&late->newest);
	buf_add(&late->newest, cookie, len);
	return true;
}

/* ---- what the search told ---- */

static uint64_t hash_of(const struct entry_uuid *uuid)
{
	return XXH3_64bits(uuid->bytes, sizeof(uuid->bytes));
}

static bool was_told(const struct late_changes *late, const struct entry_uuid *uuid)
{
	uint64_t hash = hash_of(uuid), id;
	size_t at = hash;

	while ((id = id_map_next(&late->by_hash, hash, &at)) != 0)
		if (memcmp(late->told.data + (id - 1) * sizeof(*uuid), uuid, sizeof(*uuid)) == 0)
			return true;
	return false;
}

void late_changes_note(struct late_changes *late, const struct entry_uuid *uuid)
{
	if (!late->is_wanted || late->cookie.len == 0 || was_told(late, uuid))
		return;
	buf_add(&late->told, uuid, sizeof(*uuid));
	id_map_add(&late->by_hash, hash_of(uuid), late->told.len / sizeof(*uuid));
}

int late_changes_name(struct late_changes *late)
{
	for (size_t at = 0; at < late->told.len; at += sizeof(struct entry_uuid)) {
		struct entry_uuid uuid;

		memcpy(&uuid, late->told.data + at, sizeof(uuid));
		if (source_present(late->session->sink, &uuid) < 0)
			return -1;
	}
	return 0;
}

/* ---- the question and its answer ---- */

int late_changes_ask(struct late_changes *late, struct err *err)
{
	if (!late->is_wanted || late->cookie.len == 0 || late->id >= 0 ||
	    clock_mono_ms() - late->since_ms < after_ms[late->n_answered])
		return 0;
	return sync_search(late->session->ld, late->scope, SYNCREPL_REFRESH_ONLY, &late->cookie,
			   late->scope->attributes, &late->id, err);
}

/* A folder that the replica does not know may have come from elsewhere with what is below it, and
 * nothing tells: so it is given as a change. */
static int give(struct late_changes *late, struct entry *entry)
{
	struct source_sink *sink = late->session->sink;

	if (!sync_scope_has(late->scope, entry->dn))
		return source_delete(sink, &entry->uuid);
	return source_change(sink, profile_translate(late->scope->profile, entry, entry));
}

static int take_entry(struct late_changes *late, LDAPMessage *message, struct err *err)
{
	struct session *s = late->session;
	struct syncrepl_state_value state;
	LDAPControl **controls;
	struct entry *entry;
	int rc = sync_search_state(s->ld, message, &state, &controls, err);

	ldap_controls_free(controls);
	if (rc < 0 || was_told(late, &state.uuid))
		return rc;
	entry = session_entry(s, message, err);
	if (entry == NULL)
		return -1;
	entry->uuid = state.uuid;
	rc = give(late, entry);
	talloc_free(entry);
	return rc;
}

static int take_deleted(struct late_changes *late, const struct buf *uuids)
{
	for (size_t at = 0; at < uuids->len; at += sizeof(struct entry_uuid)) {
		struct entry_uuid uuid;

		memcpy(&uuid, uuids->data + at, sizeof(uuid));
		if (!was_told(late, &uuid) && source_delete(late->session->sink, &uuid) < 0)
			return -1;
	}
	return 0;
}

static int take_info(struct late_changes *late, LDAPMessage *message, struct err *err)
{
	struct syncrepl_info info;
	struct berval *value;
	struct buf uuids = { 0 };
	int rc = sync_search_info(late->session->ld, message, &value, err);

	if (rc == 0 && value != NULL) {
		rc = syncrepl_decode_info(value->bv_val, value->bv_len, &info, &uuids, err);
		if (rc == 0 && info.kind == SYNCREPL_ID_SET && info.refresh_deletes)
			rc = take_deleted(late, &uuids);
	}
	ber_bvfree(value);
	buf_free(&uuids);
	return rc;
}

static int take_result(struct late_changes *late, LDAPMessage *message, struct err *err)
{
	char *diagnostic;
	int rc = 0, code = sync_search_result(late->session->ld, message, &diagnostic, err);

	ldap_memfree(diagnostic);
	late->id = -1;
	if (code != LDAP_SUCCESS)
		return -1;
	err->text[0] = '\0';
	if (++late->n_answered < WP_COUNT(after_ms))
		return 1;
	if (late->newest.len > 0)
		rc = source_cookie(late->session->sink, late->newest.data, late->newest.len);
	late_changes_fini(late);
	late->is_wanted = false;
	return rc;
}

int late_changes_take(struct late_changes *late, LDAPMessage *message, struct err *err)
{
	switch (ldap_msgtype(message)) {
	case LDAP_RES_SEARCH_ENTRY:
		return take_entry(late, message, err);
	case LDAP_RES_INTERMEDIATE:
		return take_info(late, message, err);
	case LDAP_RES_SEARCH_RESULT:
		return take_result(late, message, err);
	}
	return 0; /* a reference to elsewhere */
}
