/* One connection of a part to one server. */
#include "ldapsync/session.h"

#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "ldapsync/dirconn.h"

enum {
	HEARTBEAT_AFTER_MS = 2000, /* of silence */
	ENTRY_POOL = 16 * 1024,
};

/* The first that fits. */
static const struct tracker *const trackers[] = {
	&tracker_ad,
	&tracker_syncrepl,
};

static const struct tracker *tracker_of(const struct rootdse *dse)
{
	for (size_t i = 0; i < WP_COUNT(trackers); i++)
		if (trackers[i]->fits(dse))
			return trackers[i];
	return NULL;
}

void session_is_up(struct session *s)
{
	source_is_up(s->sink, &s->peer);
}

static int read_root_dse(struct session *s, struct err *err)
{
	struct rootdse *dse = rootdse_read(s->ctx, s->ld, source_wake_fd(s->sink), err);

	s->dse = dse;
	return dse != NULL ? 0 : -1;
}

static void open_and_follow(struct session *s, struct err *err)
{
	const struct tracker *tracker;

	if (dirconn_open(s->part->directory, s->uri, source_wake_fd(s->sink), &s->ld, err) < 0)
		return;
	dirconn_describe(s->ld, s->part->directory, s->uri, s->ctx, &s->peer.bind, &s->peer.tls);
	if (read_root_dse(s, err) < 0)
		return;
	tracker = tracker_of(s->dse);
	if (tracker == NULL) {
		err_set(err, ERR_DIRECTORY, 0, "%s offers no way to follow changes", s->uri->text);
		err_remedy(err, "load the overlay syncprov (OpenLDAP) or the content "
				"synchronization plug-in (389-ds)");
		return;
	}
	s->peer.tracker = tracker->name;
	s->heard_ms = clock_mono_ms();
	tracker->follow(s, err);
}

enum session_end session_run(struct watch *watch, const struct host_uri *uri)
{
	struct session s = { .watch = watch, .part = watch->part, .sink = watch->sink,
			     .uri = uri, .peer = { .where = uri->text }, .heartbeat_id = -1,
			     .end = SESSION_FAILED };
	struct err err = { 0 };

	watch->lost.text[0] = '\0';
	s.ctx = talloc_new(NULL);
	s.pool = talloc_pool(s.ctx, ENTRY_POOL);
	source_connect(s.sink);
	open_and_follow(&s, &err);
	dirconn_close(&s.ld);
	if (source_is_called(watch->sink))
		s.end = SESSION_RELOAD; /* what waiting for it broke off is no error */
	/* Without a text it is the agent that ended the session, and knows why. */
	if (err.text[0] != '\0' && s.end == SESSION_FAILED && !source_is_stopping(watch->sink))
		source_is_down(watch->sink, &err);
	if (s.end == SESSION_LOST) {
		log_info("directory %s: %s; connecting again", watch->part->title, err.text);
		watch->lost = err;
	}
	talloc_free(s.ctx);
	return s.end;
}

/* ---- for trackers ---- */

/* True: MESSAGE was the heartbeat's. */
static bool take_heartbeat(struct session *s, LDAPMessage *message)
{
	if (ldap_msgid(message) != s->heartbeat_id)
		return false;
	if (ldap_msgtype(message) == LDAP_RES_SEARCH_RESULT) {
		s->heartbeat_id = -1;
		session_is_up(s);
	}
	return true;
}

/* The connection broke, after which errno was ERROR: ERANGE is liblber's word for a length that is none,
 * or too much. */
static int connection_lost(struct session *s, int error, struct err *err)
{
	int code = LDAP_SERVER_DOWN;

	s->is_lost = true;
	ldap_get_option(s->ld, LDAP_OPT_RESULT_CODE, &code);
	if (error != ERANGE)
		return dirconn_fail(s->ld, code, err, "the connection");
	err_set(err, ERR_DIRECTORY, code,
		"the server sent a message of more than %d MiB, or what is no message",
		DIRCONN_MESSAGE_MAX >> 20);
	return err_remedy(err, "look for an entry of that size below base and recipients");
}

int session_drain(struct session *s, int (*on_message)(void *ctx, LDAPMessage *message,
						       struct err *err),
		  void *ctx, struct err *err)
{
	for (;;) {
		struct timeval none = { 0, 0 };
		LDAPMessage *message = NULL;
		int rc;

		if (source_check(s->sink) < 0)
			return -1;
		errno = 0;
		rc = ldap_result(s->ld, LDAP_RES_ANY, LDAP_MSG_ONE, &none, &message);
		if (rc == 0)
			return 0;
		if (rc < 0)
			return connection_lost(s, errno, err);
		rc = take_heartbeat(s, message) ? 0 : on_message(ctx, message, err);
		ldap_msgfree(message);
		s->heard_ms = clock_mono_ms(); /* after it: waiting for our own queue counts not */
		if (rc < 0)
			return -1;
	}
}

int session_heartbeat(struct session *s, uint64_t limit_ms, struct err *err)
{
	static char *nothing[] = { (char *)LDAP_NO_ATTRS, NULL };
	uint64_t now = clock_mono_ms();

	if (s->heartbeat_id >= 0) {
		uint64_t since = s->heard_ms > s->asked_ms ? s->heard_ms : s->asked_ms;

		if (now - since < limit_ms)
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

void session_check_memory(void)
{
	if (errno == ENOMEM)
		mem_fatal(0);
}

static void take_attribute(struct entry *entry, const struct berval *name,
			   const struct berval *values)
{
	char text[256], *copy = text;

	if (name->bv_len >= sizeof(text))
		copy = talloc_size(entry, name->bv_len + 1);
	memcpy(copy, name->bv_val, name->bv_len);
	copy[name->bv_len] = '\0';
	for (const struct berval *v = values; v != NULL && v->bv_val != NULL; v++)
		entry_add(entry, copy, v->bv_val, v->bv_len);
}

static void take_attributes(struct session *s, LDAPMessage *message, BerElement *ber,
			    struct entry *entry)
{
	struct berval name, *values;
	int rc;

	while ((rc = ldap_get_attribute_ber(s->ld, message, ber, &name, &values)) == LDAP_SUCCESS &&
	       name.bv_val != NULL) {
		take_attribute(entry, &name, values);
		ber_memfree(values);
	}
	if (rc != LDAP_SUCCESS)
		session_check_memory();
}

struct entry *session_entry(struct session *s, LDAPMessage *message, struct err *err)
{
	struct entry *entry = NULL;
	struct berval dn;
	BerElement *ber = NULL;

	errno = 0;
	if (ldap_get_dn_ber(s->ld, message, &ber, &dn) == LDAP_SUCCESS) {
		entry = entry_new(s->pool, "");
		entry->dn = talloc_strndup(entry, dn.bv_val, dn.bv_len);
		take_attributes(s, message, ber, entry);
	} else {
		session_check_memory();
		err_set(err, ERR_PROTOCOL, 0, "an entry without a name");
	}
	ber_free(ber, 0);
	return entry;
}
