/*
 * Following a domain controller of Active Directory.
 *
 * A feed (ad_feed.h) says which objects of the naming context changed, they are read whole
 * (ad_reader.h), and what the directory does not tell is found out (ad_changes.h). First, or when
 * no cookie is worth anything: the feed's position, then everything, then the changes since.
 * Notifications only wake: they have no memory. Reasons: doc/design/active-directory.md.
 */
#include <string.h>

#include "common/clock.h"
#include "common/dn.h"
#include "common/log.h"
#include "ldapsync/ad_cookie.h"
#include "ldapsync/ad_homes.h"
#include "ldapsync/ad_poll.h"
#include "ldapsync/dirconn.h"

enum {
	HEARTBEAT_LIMIT_MS = 5000, /* while changes are awaited; some do one thing at a time */
	WAIT_MS = 500,
	POLL_MS = 30000,           /* the net below the notifications */
	POLL_ALONE_MS = 5000,      /* without them */
	AUDIT_MS = 24 * 60 * 60 * 1000,
	AUDIT_BLIND_MS = 10 * 60 * 1000, /* where deleted objects are not shown */
	LINKS_MIN_MS = 1000, /* after a deletion; the longer the more they cost */
	LINKS_MAX_MS = 60 * 60 * 1000,
	LINKS_SHARE = 100,   /* of the time, one in so many */
};

struct follower {
	struct session *session;
	struct source_sink *sink;
	struct sync_scope *scope;
	const char *context; /* DN of the naming context */
	struct entry_uuid invocation;
	struct ad_search search;
	struct ad_reader reader;
	struct ad_changes changes;
	struct ad_poll poll;
	bool sees_deleted;
	bool is_live;
	uint64_t poll_ms, audit_ms, links_ms; /* when they are due; links 0: not */
	uint64_t links_cost_ms; /* how long reading them took */
};

static bool fits(const struct rootdse *dse)
{
	return rootdse_has(&dse->capabilities, ROOTDSE_ACTIVE_DIRECTORY);
}

/* ---- the server ---- */

static int take_invocation(void *ctx, LDAPMessage *message, struct err *err)
{
	struct follower *f = ctx;
	struct berval **values = ldap_get_values_len(f->session->ld, message, "invocationId");

	(void)err;
	if (values != NULL && values[0] != NULL && values[0]->bv_len == sizeof(f->invocation.bytes))
		memcpy(f->invocation.bytes, values[0]->bv_val, sizeof(f->invocation.bytes));
	ldap_value_free_len(values);
	return 0;
}

/* Whose USNs these are: a restored domain controller has another one. */
static int find_invocation(struct follower *f, struct err *err)
{
	static const char *const attributes[] = { "invocationId", NULL };
	const struct ad_query query = { .base = f->session->dse->service_name,
					.scope = LDAP_SCOPE_BASE, .filter = "(objectClass=*)",
					.attributes = attributes };
	struct ad_result result = { 0 };

	return query.base == NULL ? 0 :
		ad_search_once(&f->search, &query, take_invocation, f, &result, err);
}

static int take_deleted(void *ctx, LDAPMessage *message, struct err *err)
{
	struct follower *f = ctx;
	struct berval **values = ldap_get_values_len(f->session->ld, message, "isDeleted");

	(void)err;
	f->sees_deleted = values != NULL;
	ldap_value_free_len(values);
	return 0;
}

/* An account that may not look into Deleted Objects gets it without attributes, or not at all. */
static int find_deleted(struct follower *f, struct err *err)
{
	static const char *const attributes[] = { "isDeleted", NULL };
	const struct ad_query query = {
		.base = talloc_asprintf(f->session->ctx, "CN=Deleted Objects,%s", f->context),
		.scope = LDAP_SCOPE_BASE, .filter = "(objectClass=*)", .attributes = attributes,
		.show_deleted = true };
	struct ad_result result = { 0 };

	f->sees_deleted = false;
	if (ad_search_once(&f->search, &query, take_deleted, f, &result, err) < 0)
		return -1;
	/* The right to replicate is one to see what is deleted; not so with Samba. */
	if (f->poll.feed.technique == AD_DIRSYNC && f->session->dse->vendor_name == NULL)
		f->sees_deleted = true;
	f->changes.is_blind = !f->sees_deleted;
	return 0;
}

/* The naming context that holds the scope. */
static int find_context(struct follower *f, struct err *err)
{
	const struct rootdse *dse = f->session->dse;
	size_t longest = 0;

	for (size_t i = 0; i < dse->naming_contexts.count; i++) {
		const char *dn = dse->naming_contexts.values[i];
		char *key = dn_key(NULL, dn);

		if (key != NULL && dn_key_is_under(f->scope->base, key) && strlen(key) > longest) {
			longest = strlen(key);
			f->context = dn;
		}
		talloc_free(key);
	}
	if (f->context != NULL)
		return 0;
	err_set(err, ERR_CONFIG, 0, "%s has no naming context that holds %s", f->session->uri->text,
		f->scope->base);
	return err_remedy(err, "name a domain controller of that domain in uri");
}

static int find_scope(struct follower *f, struct err *err)
{
	const struct rootdse *dse = f->session->dse;
	const struct sync_contexts contexts = rootdse_contexts(dse);

	if (dse->is_synchronized != NULL && ascii_equal(dse->is_synchronized, "FALSE"))
		return err_set(err, ERR_DIRECTORY, 0, "%s has not caught up with its domain yet",
			       f->session->uri->text);
	f->scope = sync_scope_new(f->session->ctx, f->session->part, &contexts, err);
	return f->scope == NULL || find_context(f, err) < 0 ? -1 : 0;
}

/* ---- cookies ---- */

static struct ad_cookie cookie_here(const struct follower *f)
{
	const char *name = f->session->dse->dns_host_name;

	return (struct ad_cookie){ .technique = f->poll.feed.technique,
				   .owes_links = f->changes.owes_links,
				   .server = name != NULL ? name : "",
				   .invocation = f->invocation, .context = f->context,
				   .usn = f->poll.feed.usn, .dirsync = f->poll.feed.dirsync.data,
				   .dirsync_len = f->poll.feed.dirsync.len };
}

static int give_cookie(struct follower *f)
{
	const struct ad_cookie cookie = cookie_here(f);
	struct buf octets = { 0 };
	int rc;

	ad_cookie_encode(&cookie, &octets);
	rc = source_cookie(f->sink, octets.data, octets.len);
	buf_free(&octets);
	return rc;
}

/* The feed goes on from the stored COOKIE, if that is worth anything here. */
static bool take_cookie(struct follower *f, const struct buf *octets)
{
	const char *title = f->session->part->title;
	const struct ad_cookie here = cookie_here(f);
	struct ad_cookie cookie;
	enum ad_cookie_worth worth;

	if (!ad_cookie_decode(f->session->ctx, octets->data, octets->len, &cookie))
		return false;
	worth = ad_cookie_judge(&cookie, &here);
	if (worth == AD_COOKIE_RESTORED)
		log_warn("directory %s: %s was restored from a backup: all of it is read again",
			 title, here.server);
	if (worth == AD_COOKIE_FOREIGN)
		log_info("directory %s: %s may not have heard yet of all that %s told", title,
			 here.server, cookie.server);
	if (worth != AD_COOKIE_GOOD || cookie.technique != f->poll.feed.technique)
		return false;
	f->poll.feed.technique = cookie.technique;
	f->poll.feed.usn = cookie.usn;
	buf_clear(&f->poll.feed.dirsync);
	buf_add(&f->poll.feed.dirsync, cookie.dirsync, cookie.dirsync_len);
	f->poll.feed.has_cookie = true;
	f->poll.feed.cookie_is_own = false;
	/* Which names were freed has been forgotten: the groups are read with what changed since. */
	f->changes.wants_links = cookie.owes_links;
	return true;
}

/* ---- full reads, changes, audits ---- */

/* How changes are followed, for the status and, if it could be better, for the log. */
static void show_technique(struct follower *f)
{
	struct session *s = f->session;
	const char *name = ad_technique_name(f->poll.feed.technique);

	s->peer.tracker = name;
	session_is_up(s);
	if (f->poll.feed.technique == AD_DIRSYNC)
		log_info("directory %s: followed by %s", s->part->title, name);
	else
		log_info("directory %s: followed by %s; for DirSync give the account the right "
			 "Replicating Directory Changes (DS-Replication-Get-Changes) on %s",
			 s->part->title, name, f->context);
	if (!f->sees_deleted)
		log_info("directory %s: deleted objects are not shown, so what is gone is found by "
			 "comparing, every %d minutes; let the account list and read CN=Deleted "
			 "Objects,%s",
			 s->part->title, AUDIT_BLIND_MS / 60000, f->context);
}

static void plan_audit(struct follower *f)
{
	f->audit_ms = clock_mono_ms() + (f->sees_deleted ? AUDIT_MS : AUDIT_BLIND_MS);
}

/* Groups still hold members that are gone, which harms nobody: in its own time. */
static void plan_links(struct follower *f)
{
	uint64_t pause_ms = f->links_cost_ms * LINKS_SHARE;

	if (pause_ms > LINKS_MAX_MS)
		pause_ms = LINKS_MAX_MS;
	if (f->links_ms == 0)
		f->links_ms = clock_mono_ms() + (pause_ms > LINKS_MIN_MS ? pause_ms : LINKS_MIN_MS);
}

/* Everything. The position comes first, so that what changes meanwhile is told afterwards. */
static int read_all(struct follower *f, enum source_refresh kind, struct err *err)
{
	uint64_t begin_ms = clock_mono_ms();

	if (ad_poll_position(&f->poll, err) < 0 || find_deleted(f, err) < 0)
		return -1;
	show_technique(f);
	if (source_refresh(f->sink, (int)kind | SOURCE_SURE) < 0 ||
	    ad_reader_all(&f->reader, err) < 0)
		return -1;
	f->changes.wants_links = f->changes.owes_links = f->changes.wants_audit = false;
	if (give_cookie(f) < 0 || source_done(f->sink, true) < 0)
		return -1;
	f->session->watch->without_cookie = false;
	f->search.is_woken = true;
	f->links_cost_ms = clock_mono_ms() - begin_ms;
	plan_audit(f);
	return source_flush(f->sink);
}

/* What is there, compared with what should be. */
static int audit(struct follower *f, struct err *err)
{
	f->changes.wants_audit = false;
	plan_audit(f);
	if (source_refresh(f->sink, SOURCE_RESUME | SOURCE_SURE) < 0 ||
	    ad_reader_present(&f->reader, err) < 0 || give_cookie(f) < 0 ||
	    source_done(f->sink, true) < 0)
		return -1;
	return source_flush(f->sink);
}

/* The cookie of the answer, together with all that follows from it. */
static int end_answer(struct follower *f, struct err *err)
{
	return f->is_live && f->changes.wants_audit ? audit(f, err) : give_cookie(f);
}

/* All that changed. *RELOAD_R: the cookie is worth nothing, everything has to be read. */
static int read_changes(struct follower *f, bool *reload_r, struct err *err)
{
	enum ad_feed_step step;

	*reload_r = false;
	f->search.is_woken = false;
	do {
		if (source_is_stopping(f->sink) || ad_poll_ask(&f->poll, &step, err) < 0)
			return -1;
		if (step == AD_FEED_CHANGED || step == AD_FEED_RELOAD) {
			*reload_r = true;
			return 0;
		}
		if (ad_changes_apply(&f->changes, &f->poll.feed, err) < 0 ||
		    end_answer(f, err) < 0)
			return -1;
	} while (step == AD_FEED_MORE);
	f->poll_ms = clock_mono_ms() + (f->search.notify_id >= 0 ? POLL_MS : POLL_ALONE_MS);
	if (f->changes.owes_links)
		plan_links(f);
	return 0;
}

/* In place: what is live stays so until the guard has seen what would go. */
static int read_anew(struct follower *f, struct err *err)
{
	log_info("directory %s: %s cannot tell what has changed: all of it is read and compared",
		 f->session->part->title, f->session->uri->text);
	return read_all(f, SOURCE_RESUME, err);
}

static int poll_feed(struct follower *f, struct err *err)
{
	bool reload;

	if (read_changes(f, &reload, err) < 0)
		return -1;
	return reload ? read_anew(f, err) : source_flush(f->sink);
}

static int read_links(struct follower *f, struct err *err)
{
	uint64_t begin_ms = clock_mono_ms();

	if (ad_changes_read_links(&f->changes, err) < 0 || give_cookie(f) < 0)
		return -1;
	f->links_ms = 0;
	f->links_cost_ms = clock_mono_ms() - begin_ms;
	return source_flush(f->sink);
}

/* ---- begin, and on ---- */

/* The changes since the stored cookie, as a refresh. */
static int resume(struct follower *f, struct err *err)
{
	bool reload, compare;

	if (find_deleted(f, err) < 0)
		return -1;
	show_technique(f);
	if (source_refresh(f->sink, SOURCE_RESUME | SOURCE_SURE) < 0 ||
	    read_changes(f, &reload, err) < 0)
		return -1;
	if (reload)
		return read_anew(f, err);
	/* What was deleted meanwhile may not be told. */
	compare = !f->sees_deleted || f->changes.wants_audit;
	if ((compare && ad_reader_present(&f->reader, err) < 0) || source_done(f->sink, compare) < 0)
		return -1;
	f->changes.wants_audit = false;
	plan_audit(f);
	return source_flush(f->sink);
}

/* A better technique than the stored one, if the server allows it now. */
static int improve(struct follower *f, const struct buf *octets, struct err *err)
{
	struct ad_cookie cookie;

	if (!ad_cookie_decode(f->session->ctx, octets->data, octets->len, &cookie) ||
	    cookie.technique == AD_DIRSYNC)
		return 0;
	return ad_poll_position(&f->poll, err);
}

static int begin(struct follower *f, struct err *err)
{
	struct session *s = f->session;
	struct buf cookie = { 0 };
	int rc;

	if (find_scope(f, err) < 0 || find_invocation(f, err) < 0)
		return -1;
	ad_poll_init(&f->poll, &f->search, f->scope, f->context);
	ad_reader_init(&f->reader, &f->search, f->scope);
	ad_changes_init(&f->changes, &f->reader);
	/* Before anything is read, so that nothing falls in between. */
	if (ad_search_notify(&f->search, f->context, err) < 0 ||
	    source_begin(f->sink, f->scope->binding, &cookie) < 0)
		return -1;
	if (cookie.len == 0)
		rc = read_all(f, SOURCE_FULL, err);
	else if (s->watch->without_cookie)
		rc = read_all(f, SOURCE_RESUME, err);
	else if (improve(f, &cookie, err) < 0)
		rc = -1;
	else
		rc = take_cookie(f, &cookie) ? resume(f, err) : read_anew(f, err);
	buf_free(&cookie);
	return rc;
}

/* What another part's renames have made of names here. */
static int read_renamed(struct follower *f, struct err *err)
{
	struct watch *watch = f->session->watch;
	bool many;

	if (source_take_renamed(f->sink, &watch->renamed, &many))
		watch->many_renamed |= many;
	if (watch->renamed.len == 0 && !watch->many_renamed)
		return 0;
	if (ad_homes_read(&f->changes, &watch->renamed, watch->many_renamed, err) < 0)
		return -1;
	buf_clear(&watch->renamed);
	watch->many_renamed = false;
	return source_flush(f->sink);
}

static int do_what_is_due(struct follower *f, struct err *err)
{
	uint64_t now = clock_mono_ms();

	if ((f->search.is_woken || now >= f->poll_ms) && poll_feed(f, err) < 0)
		return -1;
	if (now >= f->audit_ms && audit(f, err) < 0)
		return -1;
	if (read_renamed(f, err) < 0)
		return -1;
	/* It was renamed first, and another may have taken the name before that. */
	if (source_take_misnamed(f->sink))
		f->links_ms = now;
	return f->links_ms != 0 && now >= f->links_ms ? read_links(f, err) : 0;
}

static int follow_changes(struct follower *f, struct err *err)
{
	struct session *s = f->session;

	while (ad_search_idle(&f->search, err) == 0) {
		if (source_flush(f->sink) < 0 || do_what_is_due(f, err) < 0 ||
		    session_heartbeat(s, HEARTBEAT_LIMIT_MS, err) < 0)
			return -1;
		/* What came during that is looked at before anything is waited for. */
		if (!f->search.is_woken)
			dirconn_wait(s->ld, source_wake_fd(f->sink), WAIT_MS);
	}
	return -1;
}

static void follow(struct session *s, struct err *err)
{
	struct follower f = { .session = s, .sink = s->sink };

	ad_search_init(&f.search, s);
	if (begin(&f, err) == 0) {
		f.is_live = true;
		(void)follow_changes(&f, err);
	}
	if (s->is_lost && f.is_live)
		s->end = SESSION_LOST;
	ad_changes_fini(&f.changes);
	ad_poll_fini(&f.poll);
}

const struct tracker tracker_ad = { "Active Directory", fits, follow };
