/*
 * Following an LDAP server by RFC 4533 refreshAndPersist.
 *
 * libldap's messages become the steps of syncrepl.h, and these become the sink's events.
 */
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "ldapsync/census.h"
#include "ldapsync/dirconn.h"
#include "ldapsync/late_changes.h"
#include "ldapsync/session.h"
#include "ldapsync/silence.h"
#include "ldapsync/sync_scope.h"
#include "ldapsync/sync_search.h"
#include "ldapsync/syncrepl.h"
#include "ldapsync/syncrepl_ber.h"
#include "ldapsync/whole_reads.h"
#include "topology/load.h"

enum {
	HEARTBEAT_LIMIT_MS = 3000, /* while changes are awaited */
	REFRESH_LIMIT_MS = 30000,  /* in a refresh, when a server may be very busy */
	WAIT_MS = 500,
	GATHER_US = 1000,
	SETTLE_MS = 200, /* slapd 2.5 locks itself up if the connection goes while it ends the search */
	NEWER_TRIES = 5, /* with a cookie that is newer than the server, before a full refresh */
};

struct consumer {
	struct session *session;
	struct source_sink *sink;
	LDAP *ld; /* the session's */
	struct sync_scope *scope;
	struct syncrepl sync;
	bool asks_few; /* the search does not bring all of a topology's entry */
	struct whole_reads reads;
	struct late_changes late;
	struct buf cookie, uuids;
	struct buf covering; /* the cookie of what is still to be read */
	int search_id, audit_id; /* -1: there is none */
	bool is_live; /* the refresh is over */
	struct silence silence;
	bool has_news; /* changes that came during the audit, and were not flushed */
	struct census *census; /* while everything is read for the first time */
};

/* Every server that is not told apart by something else. */
static bool fits(const struct rootdse *dse)
{
	(void)dse;
	return true;
}

/* ---- asking ---- */

/* Names and UUIDs of all that is there, while changes go on to come. */
static int begin_audit(struct consumer *c, struct err *err)
{
	static char *nothing[] = { (char *)LDAP_NO_ATTRS, NULL };
	const struct buf no_cookie = { 0 };

	if (source_audit(c->sink) < 0 || late_changes_name(&c->late) < 0 || source_flush(c->sink) < 0)
		return -1;
	return sync_search(c->ld, c->scope, SYNCREPL_REFRESH_ONLY, &no_cookie, nothing,
			   &c->audit_id, err);
}

/* ---- one step of the protocol ---- */

static int mark_set(struct consumer *c, enum syncrepl_action action)
{
	for (size_t at = 0; at < c->uuids.len; at += sizeof(struct entry_uuid)) {
		struct entry_uuid uuid;

		memcpy(&uuid, c->uuids.data + at, sizeof(uuid));
		late_changes_note(&c->late, &uuid);
		if ((action == SYNCREPL_MARK ? source_present(c->sink, &uuid) :
					       source_delete(c->sink, &uuid)) < 0)
			return -1;
	}
	return 0;
}

static int store_cookie(struct consumer *c, const char *cookie, size_t len)
{
	return late_changes_keep(&c->late, cookie, len) ? 0 : source_cookie(c->sink, cookie, len);
}

/*
 * Reads what was told of by a few attributes, before anything else is said; its cookie comes after
 * it. In a refresh, whose entries have no order, all of them are read at its end.
 */
static int settle(struct consumer *c, struct err *err)
{
	int rc = 0;

	if (c->reads.n == 0 || c->sync.phase == SYNCREPL_REFRESHING)
		return 0;
	if (whole_reads_run(&c->reads, err) < 0)
		return -1;
	if (c->covering.len > 0)
		rc = store_cookie(c, c->covering.data, c->covering.len);
	buf_clear(&c->covering);
	return rc;
}

static int give_cookie(struct consumer *c, const struct syncrepl_step *step)
{
	if (step->forget_cookie)
		return source_cookie(c->sink, "", 0);
	if (step->cookie.data == NULL)
		return 0;
	if (c->reads.n == 0)
		return store_cookie(c, step->cookie.data, step->cookie.len);
	buf_clear(&c->covering);
	buf_add(&c->covering, step->cookie.data, step->cookie.len);
	return 0;
}

/* What was not named is gone. The cookie is in the same batch, or was: it is stored now. */
static int end_refresh(struct consumer *c)
{
	if (source_done(c->sink, true) < 0)
		return -1;
	c->is_live = true;
	census_end(&c->census);
	c->session->watch->without_cookie = false;
	c->session->watch->newer_tries = 0;
	c->session->watch->was_live = true;
	return source_flush(c->sink);
}

/* A server that goes on from a cookie names what went, as far as it knows: what is there has to
 * be asked. Its own list of what is there needs no other. */
static int finish_step(struct consumer *c, const struct syncrepl_step *step, struct err *err)
{
	if (!step->refresh_done)
		return give_cookie(c, step);
	/* A refresh without a new cookie leaves the old one in force. */
	if (step->cookie.data == NULL && !step->forget_cookie && c->cookie.len > 0 &&
	    store_cookie(c, c->cookie.data, c->cookie.len) < 0)
		return -1;
	if (give_cookie(c, step) < 0)
		return -1;
	return step->sweep ? end_refresh(c) : begin_audit(c, err);
}

static int remove_entry(struct consumer *c, const struct entry_uuid *uuid, struct err *err)
{
	return settle(c, err) < 0 ? -1 : source_delete(c->sink, uuid);
}

/* The entry in MESSAGE. IS_CHANGE: while changes are awaited, and not as a new one. */
static int upsert(struct consumer *c, LDAPMessage *message, const struct entry_uuid *uuid,
		  bool is_change, struct err *err)
{
	struct entry *entry = session_entry(c->session, message, err);
	int rc = 0;

	if (entry == NULL)
		return -1;
	entry->uuid = *uuid;
	if (!sync_scope_has(c->scope, entry->dn)) {
		rc = remove_entry(c, uuid, err);
	} else if (c->asks_few && snapshot_wants_entry(entry)) {
		whole_reads_add(&c->reads, entry, is_change);
	} else if ((rc = settle(c, err)) == 0) {
		const struct entry *known = profile_translate(c->scope->profile, entry, entry);

		rc = is_change ? source_change(c->sink, known) : source_upsert(c->sink, known);
	}
	talloc_free(entry);
	return rc;
}

static int take_step(struct consumer *c, LDAPMessage *message,
		     const struct syncrepl_state_value *state, struct err *err)
{
	bool is_change = c->sync.phase == SYNCREPL_PERSISTING && state->state == SYNCREPL_MODIFY;
	struct syncrepl_step step;

	if (syncrepl_on_entry(&c->sync, state->state, &state->cookie, &step, err) < 0)
		return -1;
	late_changes_note(&c->late, &state->uuid);
	if (step.action == SYNCREPL_UPSERT && upsert(c, message, &state->uuid, is_change, err) < 0)
		return -1;
	if (step.action == SYNCREPL_MARK && source_present(c->sink, &state->uuid) < 0)
		return -1;
	if (step.action == SYNCREPL_REMOVE && remove_entry(c, &state->uuid, err) < 0)
		return -1;
	return finish_step(c, &step, err);
}

static int on_entry(struct consumer *c, LDAPMessage *message, struct err *err)
{
	struct syncrepl_state_value state;
	LDAPControl **controls;
	int rc = sync_search_state(c->ld, message, &state, &controls, err);

	if (rc == 0)
		rc = take_step(c, message, &state, err);
	ldap_controls_free(controls);
	return rc;
}

static int take_info(struct consumer *c, const struct berval *value, struct err *err)
{
	struct syncrepl_info info;
	struct syncrepl_step step;

	if (syncrepl_decode_info(value->bv_val, value->bv_len, &info, &c->uuids, err) < 0 ||
	    syncrepl_on_info(&c->sync, &info, &step, err) < 0 || settle(c, err) < 0)
		return -1;
	if (step.action != SYNCREPL_NOTHING && mark_set(c, step.action) < 0)
		return -1;
	return finish_step(c, &step, err);
}

static int on_intermediate(struct consumer *c, LDAPMessage *message, struct err *err)
{
	struct berval *value;
	int rc = sync_search_info(c->ld, message, &value, err);

	if (rc == 0 && value != NULL)
		rc = take_info(c, value, err);
	ber_bvfree(value);
	return rc;
}

/* The server ended the search: always the end of the session. */
static int on_search_result(struct consumer *c, LDAPMessage *message, struct err *err)
{
	struct watch *watch = c->session->watch;
	char *diagnostic;
	int code = sync_search_result(c->ld, message, &diagnostic, err);

	switch (syncrepl_on_result(&c->sync, code, diagnostic)) {
	case SYNCREPL_RELOAD:
		if (c->is_live)
			source_pause(c->sink, SETTLE_MS);
		if (!watch->without_cookie)
			c->session->end = SESSION_RELOAD;
		watch->without_cookie = true;
		break;
	case SYNCREPL_NEWER:
		err_remedy(err, "the directory seems to be a restored backup; after %d tries all "
				"of it is read again", NEWER_TRIES);
		watch->without_cookie = ++watch->newer_tries >= NEWER_TRIES;
		break;
	case SYNCREPL_RETRY:
		break;
	}
	ldap_memfree(diagnostic);
	return -1;
}

static int on_search_message(struct consumer *c, LDAPMessage *message, struct err *err)
{
	switch (ldap_msgtype(message)) {
	case LDAP_RES_SEARCH_ENTRY:
		return on_entry(c, message, err);
	case LDAP_RES_INTERMEDIATE:
		return on_intermediate(c, message, err);
	case LDAP_RES_SEARCH_RESULT:
		return on_search_result(c, message, err);
	}
	return 0; /* a reference to elsewhere */
}

/* An entry that is there, where it may be elsewhere than the replica thinks. */
static int on_audit_entry(struct consumer *c, LDAPMessage *message, struct err *err)
{
	struct syncrepl_state_value state;
	struct entry *entry;
	LDAPControl **controls;
	int rc = sync_search_state(c->ld, message, &state, &controls, err);

	ldap_controls_free(controls);
	entry = rc == 0 ? session_entry(c->session, message, err) : NULL;
	if (entry == NULL)
		return -1;
	if (sync_scope_has(c->scope, entry->dn))
		rc = source_present(c->sink, &state.uuid);
	talloc_free(entry);
	return rc;
}

static int on_audit_result(struct consumer *c, LDAPMessage *message, struct err *err)
{
	char *diagnostic;
	int code = sync_search_result(c->ld, message, &diagnostic, err);

	ldap_memfree(diagnostic);
	c->audit_id = -1;
	if (code != LDAP_SUCCESS)
		return -1;
	err->text[0] = '\0';
	return end_refresh(c);
}

static int on_audit_message(struct consumer *c, LDAPMessage *message, struct err *err)
{
	switch (ldap_msgtype(message)) {
	case LDAP_RES_SEARCH_ENTRY:
		return on_audit_entry(c, message, err);
	case LDAP_RES_SEARCH_RESULT:
		return on_audit_result(c, message, err);
	}
	return 0; /* nothing is to be learnt from its cookie */
}

/* Nothing is told of what a forgotten change took out of the filter: what is there is asked again. */
static int on_late_message(struct consumer *c, LDAPMessage *message, struct err *err)
{
	int rc = late_changes_take(&c->late, message, err);

	return rc > 0 ? begin_audit(c, err) : rc;
}

static int take_message(struct consumer *c, LDAPMessage *message, struct err *err)
{
	int id = ldap_msgid(message);

	if (id == c->audit_id)
		return on_audit_message(c, message, err);
	if (id == c->late.id)
		return on_late_message(c, message, err);
	c->has_news |= id == c->search_id;
	return id == c->search_id ? on_search_message(c, message, err) : 0;
}

static int on_message(void *ctx, LDAPMessage *message, struct err *err)
{
	struct consumer *c = ctx;
	int rc;

	if (ldap_msgid(message) == c->silence.id)
		return silence_take(&c->silence, message, err);
	rc = take_message(c, message, err);
	silence_broken(&c->silence); /* after it: waiting for our own queue counts not */
	return rc;
}

/* In a live session nothing has to come, but for what was asked for beside the search. */
static int check_silence(struct consumer *c, struct err *err)
{
	if (c->is_live && c->audit_id < 0 && c->late.id < 0)
		silence_broken(&c->silence);
	return silence_check(&c->silence, err);
}

/*
 * Waits for more. In a refresh a reader that is quicker than the server wakes it, and is woken,
 * for every few entries: a moment lets its answers gather in the socket, at no loss of rate.
 */
static int await(struct consumer *c, struct err *err)
{
	const struct timespec moment = { .tv_nsec = GATHER_US * 1000L };
	int stop_fd = source_wake_fd(c->sink);

	if (settle(c, err) < 0 || check_silence(c, err) < 0)
		return -1;
	if (c->audit_id >= 0 && c->has_news && source_flush(c->sink) < 0)
		return -1;
	c->has_news = false;
	if (!c->is_live) {
		dirconn_wait(c->ld, stop_fd, WAIT_MS);
		nanosleep(&moment, NULL);
		return session_heartbeat(c->session, REFRESH_LIMIT_MS, err);
	}
	if (source_flush(c->sink) < 0 || late_changes_ask(&c->late, err) < 0 ||
	    session_heartbeat(c->session, HEARTBEAT_LIMIT_MS, err) < 0)
		return -1;
	dirconn_wait(c->ld, stop_fd, WAIT_MS);
	return 0;
}

static int follow_changes(struct consumer *c, struct err *err)
{
	struct session *s = c->session;
	int rc;

	while ((rc = session_drain(s, on_message, c, err)) == 0)
		if (await(c, err) < 0)
			return -1;
	if (s->is_lost && c->is_live)
		s->end = SESSION_LOST;
	return rc;
}

/* ---- begin and end ---- */

/* One answer for all bases below it would hide that one of them is misspelt: everything else would
 * be found, and whom nobody finds gets no mail. */
static int check_base(struct consumer *c, const char *base, struct err *err)
{
	char *nothing[] = { (char *)LDAP_NO_ATTRS, NULL };
	LDAPMessage *message = NULL;
	int id, code, rc;

	rc = ldap_search_ext(c->ld, base, LDAP_SCOPE_BASE, "(objectClass=*)", nothing, 0, NULL, NULL,
			     NULL, LDAP_NO_LIMIT, &id);
	if (rc == LDAP_SUCCESS)
		rc = dirconn_await(c->ld, id, source_wake_fd(c->sink), &message);
	if (rc == LDAP_SUCCESS)
		rc = ldap_parse_result(c->ld, message, &code, NULL, NULL, NULL, NULL, 1);
	if (rc != LDAP_SUCCESS)
		return dirconn_fail(c->ld, rc, err, "looking for a base");
	if (code != LDAP_NO_SUCH_OBJECT)
		return 0; /* the search will tell */
	err_set(err, ERR_DIRECTORY, code, "there is no \"%s\", or it may not be read", base);
	sync_search_remedy(err, code);
	return -1;
}

static int check_bases(struct consumer *c, struct err *err)
{
	for (size_t i = 0; i < c->scope->n_keys; i++)
		if (check_base(c, c->scope->keys[i], err) < 0)
			return -1;
	return 0;
}

static void begin_census(struct consumer *c)
{
	source_expect(c->sink, 0);
	if (c->cookie.len == 0 && source_is_first(c->sink))
		c->census = census_begin(c->session->part, c->session->uri, c->scope, c->sink);
}

static int begin(struct consumer *c, struct err *err)
{
	struct session *s = c->session;
	const struct sync_contexts contexts = rootdse_contexts(s->dse);

	c->scope = sync_scope_new(s->ctx, s->part, &contexts, err);
	if (c->scope == NULL || check_bases(c, err) < 0 ||
	    source_begin(c->sink, c->scope->binding, &c->cookie) < 0)
		return -1;
	/* Only with a server that gains by it, and tells of a change of what was not asked for. */
	c->asks_few = c->scope->few != NULL && rootdse_has(&s->dse->classes, "OpenLDAProotDSE");
	whole_reads_init(&c->reads, s, c->scope);
	late_changes_init(&c->late, s, c->scope);
	silence_init(&c->silence, s, c->scope);
	if (s->watch->without_cookie)
		buf_clear(&c->cookie);
	syncrepl_give_back(&c->cookie);
	syncrepl_init(&c->sync, c->cookie.len > 0);
	if (sync_search(c->ld, c->scope, SYNCREPL_REFRESH_AND_PERSIST, &c->cookie,
			c->asks_few ? c->scope->few : c->scope->attributes, &c->search_id, err) < 0)
		return -1;
	session_is_up(s);
	begin_census(c);
	if (source_refresh(c->sink, c->cookie.len > 0 ? SOURCE_RESUME : SOURCE_FULL) < 0)
		return -1;
	return source_flush(c->sink); /* a server that goes slow is seen to be read */
}

static void follow(struct session *s, struct err *err)
{
	struct consumer c = { .session = s, .sink = s->sink, .ld = s->ld, .search_id = -1,
			      .audit_id = -1, .late = { .id = -1 } };

	if (begin(&c, err) == 0)
		(void)follow_changes(&c, err);
	census_end(&c.census);
	late_changes_fini(&c.late);
	syncrepl_fini(&c.sync);
	buf_free(&c.cookie);
	buf_free(&c.uuids);
	buf_free(&c.covering);
}

const struct tracker tracker_syncrepl = { "RFC 4533", fits, follow };
