/*
 * An LDAP server as a directory, by RFC 4533 refreshAndPersist.
 *
 * One thread with its own poll loop. libldap's messages become the steps of syncrepl.h, and
 * these become the sink's events. A session is one connection; whatever goes wrong ends it, and
 * the next begins with everything new: connection, state machine, the cookie that is stored.
 */
#include "ldapsync/source.h"

#include <ldap.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "ldapsync/dirconn.h"
#include "ldapsync/sync_scope.h"
#include "ldapsync/syncrepl.h"
#include "ldapsync/syncrepl_ber.h"

enum {
	HEARTBEAT_AFTER_MS = 2000,   /* of silence */
	HEARTBEAT_LIMIT_MS = 3000,   /* for its answer while changes are awaited */
	REFRESH_LIMIT_MS = 30000,    /* and in a refresh, when a server may be very busy */
	WAIT_MS = 500,
	PAUSE_FIRST_MS = 250,
	PAUSE_MAX_MS = 5000,
	NEWER_TRIES = 5, /* with a cookie that is newer than the server, before a full refresh */
};

enum session_end {
	SESSION_FAILED,   /* the next server, or a pause */
	SESSION_LOST,     /* it was live and the server closed: one fresh try at once */
	SESSION_RELOAD,   /* at once, without the cookie */
};

/* What outlives a session. */
struct watch {
	const struct host_directory *directory;
	struct source_sink *sink;
	bool without_cookie;
	unsigned newer_tries;
};

struct session {
	struct watch *watch;
	const struct host_uri *uri;
	LDAP *ld;
	TALLOC_CTX *ctx;
	struct sync_scope *scope;
	struct syncrepl sync;
	struct buf cookie, uuids;
	int search_id, heartbeat_id; /* -1: none is out */
	uint64_t heard_ms, asked_ms; /* last message, last heartbeat */
	enum session_end end;
};

static bool accepts(const struct host_directory *directory)
{
	return directory->profile == HOST_PROFILE_WAYPOST && directory->uris[0].scheme != HOST_FILE;
}

/* ---- one step of the protocol ---- */

static int mark_set(struct session *s, enum syncrepl_action action)
{
	for (size_t at = 0; at < s->uuids.len; at += sizeof(struct entry_uuid)) {
		struct entry_uuid uuid;

		memcpy(&uuid, s->uuids.data + at, sizeof(uuid));
		if ((action == SYNCREPL_MARK ? source_present(s->watch->sink, &uuid) :
					       source_delete(s->watch->sink, &uuid)) < 0)
			return -1;
	}
	return 0;
}

static int give_cookie(struct session *s, const struct syncrepl_step *step)
{
	if (step->forget_cookie)
		return source_cookie(s->watch->sink, "", 0);
	if (step->cookie.data == NULL)
		return 0;
	return source_cookie(s->watch->sink, step->cookie.data, step->cookie.len);
}

/* Cookie and end of the refresh belong into one batch: they become one transaction. */
static int finish_step(struct session *s, const struct syncrepl_step *step)
{
	if (!step->refresh_done)
		return give_cookie(s, step);
	/* A refresh without a new cookie leaves the old one in force. */
	if (step->cookie.data == NULL && !step->forget_cookie && s->cookie.len > 0 &&
	    source_cookie(s->watch->sink, s->cookie.data, s->cookie.len) < 0)
		return -1;
	if (give_cookie(s, step) < 0 || source_done(s->watch->sink, step->sweep) < 0)
		return -1;
	s->watch->without_cookie = false;
	s->watch->newer_tries = 0;
	return source_flush(s->watch->sink);
}

static void take_attributes(struct session *s, LDAPMessage *message, BerElement *ber,
			    struct entry *entry)
{
	struct berval name, *values;

	while (ldap_get_attribute_ber(s->ld, message, ber, &name, &values) == LDAP_SUCCESS &&
	       name.bv_val != NULL) {
		char *copy = talloc_strndup(entry, name.bv_val, name.bv_len);

		for (struct berval *v = values; v != NULL && v->bv_val != NULL; v++)
			entry_add(entry, copy, v->bv_val, v->bv_len);
		ber_memfree(values);
	}
}

/* The entry in MESSAGE; null if its name cannot be read. */
static struct entry *read_entry(struct session *s, LDAPMessage *message,
				const struct entry_uuid *uuid)
{
	struct entry *entry = NULL;
	struct berval dn;
	BerElement *ber = NULL;

	if (ldap_get_dn_ber(s->ld, message, &ber, &dn) == LDAP_SUCCESS) {
		char *copy = talloc_strndup(s->ctx, dn.bv_val, dn.bv_len);

		entry = entry_new(s->ctx, copy);
		entry->uuid = *uuid;
		talloc_free(copy);
		take_attributes(s, message, ber, entry);
	}
	ber_free(ber, 0);
	return entry;
}

static int upsert(struct session *s, LDAPMessage *message, const struct entry_uuid *uuid,
		  struct err *err)
{
	struct entry *entry = read_entry(s, message, uuid);
	int rc;

	if (entry == NULL)
		return err_set(err, ERR_PROTOCOL, 0, "an entry without a name");
	rc = sync_scope_has(s->scope, entry->dn) ? source_upsert(s->watch->sink, entry) :
						   source_delete(s->watch->sink, uuid);
	talloc_free(entry);
	return rc;
}

static int read_state(struct session *s, LDAPMessage *message,
		      struct syncrepl_state_value *state_r, LDAPControl ***controls_r,
		      struct err *err)
{
	LDAPControl *control;

	*controls_r = NULL;
	if (ldap_get_entry_controls(s->ld, message, controls_r) != LDAP_SUCCESS ||
	    *controls_r == NULL)
		return err_set(err, ERR_PROTOCOL, 0, "an entry without its sync state");
	control = ldap_control_find(LDAP_CONTROL_SYNC_STATE, *controls_r, NULL);
	if (control == NULL)
		return err_set(err, ERR_PROTOCOL, 0, "an entry without its sync state");
	return syncrepl_decode_state(control->ldctl_value.bv_val, control->ldctl_value.bv_len,
				     state_r, err);
}

static int take_step(struct session *s, LDAPMessage *message,
		     const struct syncrepl_state_value *state, struct err *err)
{
	struct syncrepl_step step;

	if (syncrepl_on_entry(&s->sync, state->state, &state->cookie, &step, err) < 0)
		return -1;
	if (step.action == SYNCREPL_UPSERT && upsert(s, message, &state->uuid, err) < 0)
		return -1;
	if (step.action == SYNCREPL_MARK && source_present(s->watch->sink, &state->uuid) < 0)
		return -1;
	if (step.action == SYNCREPL_REMOVE && source_delete(s->watch->sink, &state->uuid) < 0)
		return -1;
	return finish_step(s, &step);
}

static int on_entry(struct session *s, LDAPMessage *message, struct err *err)
{
	struct syncrepl_state_value state;
	LDAPControl **controls;
	int rc = read_state(s, message, &state, &controls, err);

	if (rc == 0)
		rc = take_step(s, message, &state, err);
	ldap_controls_free(controls);
	return rc;
}

static int take_info(struct session *s, const struct berval *value, struct err *err)
{
	struct syncrepl_info info;
	struct syncrepl_step step;

	if (syncrepl_decode_info(value->bv_val, value->bv_len, &info, &s->uuids, err) < 0 ||
	    syncrepl_on_info(&s->sync, &info, &step, err) < 0)
		return -1;
	if (step.action != SYNCREPL_NOTHING && mark_set(s, step.action) < 0)
		return -1;
	return finish_step(s, &step);
}

static int on_intermediate(struct session *s, LDAPMessage *message, struct err *err)
{
	struct berval *value = NULL;
	char *oid = NULL;
	int rc = 0, code = ldap_parse_intermediate(s->ld, message, &oid, &value, NULL, 0);

	if (code != LDAP_SUCCESS)
		rc = dirconn_fail(s->ld, code, err, "an intermediate response");
	else if (oid != NULL && strcmp(oid, LDAP_SYNC_INFO) == 0 && value != NULL)
		rc = take_info(s, value, err);
	ldap_memfree(oid);
	ber_bvfree(value);
	return rc;
}

/* The server ended the search: always the end of the session. */
static int on_search_result(struct session *s, LDAPMessage *message, struct err *err)
{
	struct watch *watch = s->watch;
	char *diagnostic = NULL;
	int code = LDAP_OTHER;

	ldap_parse_result(s->ld, message, &code, NULL, &diagnostic, NULL, NULL, 0);
	err_set(err, ERR_DIRECTORY, code, "the server ended the search: %s%s%s",
		ldap_err2string(code), diagnostic != NULL ? ": " : "",
		diagnostic != NULL ? diagnostic : "");
	switch (syncrepl_on_result(&s->sync, code, diagnostic)) {
	case SYNCREPL_RELOAD:
		if (!watch->without_cookie)
			s->end = SESSION_RELOAD;
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

static int on_search_message(struct session *s, LDAPMessage *message, struct err *err)
{
	switch (ldap_msgtype(message)) {
	case LDAP_RES_SEARCH_ENTRY:
		return on_entry(s, message, err);
	case LDAP_RES_INTERMEDIATE:
		return on_intermediate(s, message, err);
	case LDAP_RES_SEARCH_RESULT:
		return on_search_result(s, message, err);
	}
	return 0; /* a reference to elsewhere */
}

static int on_message(struct session *s, LDAPMessage *message, struct err *err)
{
	int id = ldap_msgid(message);

	if (id == s->search_id)
		return on_search_message(s, message, err);
	if (id == s->heartbeat_id && ldap_msgtype(message) == LDAP_RES_SEARCH_RESULT) {
		s->heartbeat_id = -1;
		source_is_up(s->watch->sink, s->uri->text);
	}
	return 0; /* 0: the server says that it closes */
}

/* ---- the session's loop ---- */

/* Everything that libldap has. TCP keepalive cannot see a hung process, hence the heartbeat. */
static int drain(struct session *s, struct err *err)
{
	for (;;) {
		struct timeval none = { 0, 0 };
		LDAPMessage *message = NULL;
		int rc = ldap_result(s->ld, LDAP_RES_ANY, LDAP_MSG_ONE, &none, &message), code;

		if (rc == 0)
			return 0;
		if (rc < 0) {
			ldap_get_option(s->ld, LDAP_OPT_RESULT_CODE, &code);
			if (s->sync.phase == SYNCREPL_PERSISTING)
				s->end = SESSION_LOST;
			return dirconn_fail(s->ld, code, err, "the connection");
		}
		rc = on_message(s, message, err);
		ldap_msgfree(message);
		s->heard_ms = clock_mono_ms(); /* after it: waiting for our own queue counts not */
		if (rc < 0)
			return -1;
	}
}

static int check_heartbeat(struct session *s, struct err *err)
{
	static char *nothing[] = { (char *)LDAP_NO_ATTRS, NULL };
	uint64_t now = clock_mono_ms();
	uint64_t limit = s->sync.phase == SYNCREPL_PERSISTING ? HEARTBEAT_LIMIT_MS :
								REFRESH_LIMIT_MS;

	if (s->heartbeat_id >= 0) {
		uint64_t since = s->heard_ms > s->asked_ms ? s->heard_ms : s->asked_ms;

		if (now - since < limit)
			return 0;
		return err_set(err, ERR_DIRECTORY, LDAP_TIMEOUT, "the server is silent for %llu ms",
			       (unsigned long long)(now - since));
	}
	if (now - s->heard_ms < HEARTBEAT_AFTER_MS)
		return 0;
	s->asked_ms = now;
	if (ldap_search_ext(s->ld, "", LDAP_SCOPE_BASE, "(objectClass=*)", nothing, 0, NULL, NULL,
			    NULL, 1, &s->heartbeat_id) != LDAP_SUCCESS)
		return err_set(err, ERR_DIRECTORY, LDAP_SERVER_DOWN, "the connection is lost");
	return 0;
}

static int follow(struct session *s, struct err *err)
{
	int stop_fd = source_wake_fd(s->watch->sink);

	while (drain(s, err) == 0) {
		if (source_flush(s->watch->sink) < 0 || check_heartbeat(s, err) < 0)
			return -1;
		dirconn_wait(s->ld, stop_fd, WAIT_MS);
	}
	return -1;
}

/* ---- begin and end of a session ---- */

static int send_search(struct session *s, struct err *err)
{
	struct buf value = { 0 };
	LDAPControl control = { .ldctl_oid = (char *)LDAP_CONTROL_SYNC, .ldctl_iscritical = 1 };
	LDAPControl *controls[] = { &control, NULL };
	int rc;

	/* The hint stays false: a server that cannot go on from the cookie says so (4096), and
	 * then everything is fetched without one, which is a refresh that sweeps for certain. */
	syncrepl_encode_request(&s->cookie, false, &value);
	control.ldctl_value = (struct berval){ value.len, value.data };
	rc = ldap_search_ext(s->ld, s->scope->base, LDAP_SCOPE_SUBTREE, s->scope->filter,
			     s->scope->attributes, 0, controls, NULL, NULL, LDAP_NO_LIMIT,
			     &s->search_id);
	buf_free(&value);
	return rc == LDAP_SUCCESS ? 0 : dirconn_fail(s->ld, rc, err, "search");
}

static int find_scope(struct session *s, struct err *err)
{
	struct dirconn_values contexts;

	if (dirconn_root_dse(s->ld, source_wake_fd(s->watch->sink), "namingContexts", s->ctx,
			     &contexts, err) < 0)
		return -1;
	s->scope = sync_scope_new(s->ctx, s->watch->directory, contexts.values, contexts.count, err);
	return s->scope != NULL ? 0 : -1;
}

static int begin(struct session *s, struct err *err)
{
	struct source_sink *sink = s->watch->sink;

	if (dirconn_open(s->watch->directory, s->uri, source_wake_fd(sink), &s->ld, err) < 0 ||
	    find_scope(s, err) < 0)
		return -1;
	if (source_begin(sink, s->scope->binding, &s->cookie) < 0)
		return -1;
	if (s->watch->without_cookie)
		buf_clear(&s->cookie);
	syncrepl_init(&s->sync, s->cookie.len > 0);
	if (send_search(s, err) < 0)
		return -1;
	source_is_up(sink, s->uri->text);
	s->heard_ms = clock_mono_ms();
	return source_refresh(sink, s->cookie.len > 0 ? SOURCE_RESUME : SOURCE_FULL);
}

static enum session_end run_session(struct watch *watch, const struct host_uri *uri)
{
	struct session s = { .watch = watch, .uri = uri, .search_id = -1, .heartbeat_id = -1,
			     .end = SESSION_FAILED };
	struct err err = { 0 };

	s.ctx = talloc_new(NULL);
	if (begin(&s, &err) == 0)
		follow(&s, &err);
	dirconn_close(&s.ld);
	syncrepl_fini(&s.sync);
	buf_free(&s.cookie);
	buf_free(&s.uuids);
	talloc_free(s.ctx);
	/* Without a text it is the agent that ended the session, and knows why. */
	if (err.text[0] != '\0' && s.end == SESSION_FAILED && !source_is_stopping(watch->sink))
		source_is_down(watch->sink, &err);
	return s.end;
}

/* Each server in turn until one holds a session that is worth another at once. */
static bool try_servers(struct watch *watch)
{
	for (size_t i = 0; i < watch->directory->n_uris; i++) {
		if (source_is_stopping(watch->sink))
			return true;
		if (run_session(watch, &watch->directory->uris[i]) != SESSION_FAILED)
			return true;
	}
	return false;
}

static void run(const struct host_directory *directory, struct source_sink *sink)
{
	struct watch watch = { .directory = directory, .sink = sink };
	unsigned pause_ms = PAUSE_FIRST_MS;
	bool was_at_once = false;

	while (!source_is_stopping(sink)) {
		uint64_t begun_ms = clock_mono_ms();
		bool at_once = try_servers(&watch);

		/* A session that lasted was no failure to reach the server. */
		if (clock_mono_ms() - begun_ms > 2 * PAUSE_MAX_MS)
			pause_ms = PAUSE_FIRST_MS;
		was_at_once = at_once && !was_at_once;
		if (was_at_once)
			continue;
		if (source_pause(sink, pause_ms))
			break;
		pause_ms = pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS;
	}
}

const struct source_backend source_syncrepl_backend = { "syncrepl", accepts, run };
