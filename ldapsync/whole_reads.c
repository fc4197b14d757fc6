/* Entries that are read whole. */
#include "ldapsync/whole_reads.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "ldapsync/dirconn.h"

enum { WINDOW = 64 }; /* questions that are out at once */

struct told {
	struct entry_uuid uuid;
	char *dn;
	bool is_change;
	int id; /* of the question */
};

void whole_reads_init(struct whole_reads *reads, struct session *session,
		      const struct sync_scope *scope)
{
	*reads = (struct whole_reads){ .session = session, .scope = scope };
}

void whole_reads_add(struct whole_reads *reads, const struct entry *entry, bool is_change)
{
	if (reads->n == reads->room) {
		reads->room = reads->room == 0 ? WINDOW : reads->room * 2;
		reads->list = talloc_realloc(reads->session->ctx, reads->list, struct told, reads->room);
	}
	reads->list[reads->n++] = (struct told){ entry->uuid, talloc_strdup(reads->list, entry->dn),
						 is_change, -1 };
}

/* ---- one question ---- */

static int ask(struct whole_reads *reads, const char *base, int scope, const char *filter, int *id_r,
	       struct err *err)
{
	LDAP *ld = reads->session->ld;
	int rc = ldap_search_ext(ld, base, scope, filter, reads->scope->attributes, 0, NULL, NULL,
				 NULL, LDAP_NO_LIMIT, id_r);

	return rc == LDAP_SUCCESS ? 0 : dirconn_fail(ld, rc, err, "reading an entry");
}

/* The entry of the answer to ID, or null: there is none, or ERR says why the session is over. */
static int await_entry(struct whole_reads *reads, int id, struct entry **entry_r, struct err *err)
{
	struct session *s = reads->session;
	LDAPMessage *message = NULL, *found;
	int code, rc = dirconn_await(s->ld, id, source_wake_fd(s->sink), &message);

	*entry_r = NULL;
	s->heard_ms = clock_mono_ms();
	if (rc == LDAP_SUCCESS)
		rc = ldap_parse_result(s->ld, message, &code, NULL, NULL, NULL, NULL, 0);
	if (rc == LDAP_SUCCESS && code != LDAP_NO_SUCH_OBJECT && code != LDAP_INVALID_DN_SYNTAX)
		rc = code;
	found = rc == LDAP_SUCCESS ? ldap_first_entry(s->ld, message) : NULL;
	if (rc != LDAP_SUCCESS)
		rc = dirconn_fail(s->ld, rc, err, "reading an entry");
	else if (found != NULL && (*entry_r = session_entry(s, found, err)) == NULL)
		rc = -1;
	ldap_msgfree(message);
	return rc;
}

/* Somebody else may have the name by now. */
static bool is_it(const struct told *told, const struct entry *entry)
{
	const char *text = entry_text(entry, "entryUUID");
	struct entry_uuid uuid;

	return text == NULL || !entry_uuid_parse(text, strlen(text), &uuid) ||
	       entry_uuid_equal(&uuid, &told->uuid);
}

/* Where it is now, if it, or a folder above it, was renamed since it was told. */
static int look_elsewhere(struct whole_reads *reads, const struct told *told, struct entry **entry_r,
			  struct err *err)
{
	char uuid[37], filter[64];
	int id;

	entry_uuid_format(&told->uuid, uuid);
	snprintf(filter, sizeof(filter), "(entryUUID=%s)", uuid);
	if (ask(reads, reads->scope->base, LDAP_SCOPE_SUBTREE, filter, &id, err) < 0)
		return -1;
	return await_entry(reads, id, entry_r, err);
}

static int give(struct whole_reads *reads, const struct told *told, struct entry *entry)
{
	struct source_sink *sink = reads->session->sink;
	const struct entry *known;

	entry->uuid = told->uuid;
	entry->dn = told->dn;
	known = profile_translate(reads->scope->profile, entry, entry);
	return told->is_change ? source_change(sink, known) : source_upsert(sink, known);
}

static int take(struct whole_reads *reads, const struct told *told, struct err *err)
{
	struct entry *entry;
	int rc = await_entry(reads, told->id, &entry, err);

	if (rc == 0 && (entry == NULL || !is_it(told, entry))) {
		talloc_free(entry);
		rc = look_elsewhere(reads, told, &entry, err);
	}
	if (rc == 0 && entry != NULL)
		rc = give(reads, told, entry);
	talloc_free(entry);
	return rc;
}

/* ---- all of them ---- */

int whole_reads_run(struct whole_reads *reads, struct err *err)
{
	size_t asked = 0;

	for (size_t taken = 0; taken < reads->n; taken++) {
		for (; asked < reads->n && asked < taken + WINDOW; asked++)
			if (ask(reads, reads->list[asked].dn, LDAP_SCOPE_BASE, "(objectClass=*)",
				&reads->list[asked].id, err) < 0)
				return -1;
		if (take(reads, &reads->list[taken], err) < 0)
			return -1;
	}
	TALLOC_FREE(reads->list);
	reads->n = reads->room = 0;
	return 0;
}
