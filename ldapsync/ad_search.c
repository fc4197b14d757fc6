/* Searches at a domain controller. */
#include "ldapsync/ad_search.h"

#include "common/log.h"
#include "ldapsync/ad_wire.h"
#include "ldapsync/dirconn.h"

enum {
	PAGE_SIZE = 1000,          /* what domain controllers give at most, unless told otherwise */
	PAGE_SIZE_MIN = 10,
	ANSWER_LIMIT_MS = 30000,   /* silence in the middle of an answer */
	WAIT_MS = 500,
	MAX_CONTROLS = 4,
};

static char *guid_only[] = { (char *)(uintptr_t)"objectGUID", NULL };

void ad_search_init(struct ad_search *search, struct session *session)
{
	*search = (struct ad_search){ .session = session, .page_size = PAGE_SIZE, .notify_id = -1,
				      .id = -1 };
}

/* ---- what comes in ---- */

/* The value of the control that was asked for. */
static void take_control(struct ad_search *search, LDAPControl **controls)
{
	LDAPControl *found = search->control == NULL ? NULL :
						       ldap_control_find(search->control, controls, NULL);

	if (found == NULL)
		return;
	search->result->has_control = true;
	buf_clear(&search->result->control);
	buf_add(&search->result->control, found->ldctl_value.bv_val, found->ldctl_value.bv_len);
}

static int take_result(struct ad_search *search, LDAPMessage *message, struct err *err)
{
	LDAPControl **controls = NULL;
	char *diagnostic = NULL;
	int rc = ldap_parse_result(search->session->ld, message, &search->result->code, NULL,
				   &diagnostic, NULL, &controls, 0);

	search->is_done = true;
	if (rc != LDAP_SUCCESS)
		return dirconn_fail(search->session->ld, rc, err, "the result of a search");
	if (search->result->code != LDAP_SUCCESS)
		err_set(&search->result->err, ERR_DIRECTORY, search->result->code, "%s%s%s",
			ldap_err2string(search->result->code), diagnostic != NULL ? ": " : "",
			diagnostic != NULL ? diagnostic : "");
	take_control(search, controls);
	ldap_controls_free(controls);
	ldap_memfree(diagnostic);
	return 0;
}

/* Whatever a notification says, it says that something has changed. */
static void take_notification(struct ad_search *search, LDAPMessage *message)
{
	search->is_woken = true;
	if (ldap_msgtype(message) != LDAP_RES_SEARCH_RESULT)
		return;
	search->notify_id = -1;
	log_info("directory %s: no notifications from %s: it is asked every few seconds",
		 search->session->part->title, search->session->uri->text);
}

static int on_message(void *ctx, LDAPMessage *message, struct err *err)
{
	struct ad_search *search = ctx;
	int id = ldap_msgid(message);

	if (id == search->notify_id)
		take_notification(search, message);
	if (id != search->id || search->is_done)
		return 0;
	switch (ldap_msgtype(message)) {
	case LDAP_RES_SEARCH_ENTRY:
		return search->on_entry(search->ctx, message, err);
	case LDAP_RES_SEARCH_RESULT:
		return take_result(search, message, err);
	}
	return 0; /* a reference to elsewhere */
}

int ad_search_idle(struct ad_search *search, struct err *err)
{
	return session_drain(search->session, on_message, search, err);
}

static int await(struct ad_search *search, struct err *err)
{
	struct session *s = search->session;
	int stop_fd = source_wake_fd(s->sink);

	for (;;) {
		if (session_drain(s, on_message, search, err) < 0)
			return -1;
		if (search->is_done)
			return 0;
		if (session_heartbeat(s, ANSWER_LIMIT_MS, err) < 0)
			return -1;
		dirconn_wait(s->ld, stop_fd, WAIT_MS);
	}
}

/* ---- what goes out ---- */

struct control_list {
	LDAPControl controls[MAX_CONTROLS];
	LDAPControl *list[MAX_CONTROLS + 1];
	size_t n;
};

static void add_control(struct control_list *list, const char *oid, bool is_critical,
			const struct buf *value)
{
	LDAPControl *control = &list->controls[list->n];

	*control = (LDAPControl){ .ldctl_oid = (char *)(uintptr_t)oid,
				  .ldctl_iscritical = is_critical };
	if (value != NULL)
		control->ldctl_value = (struct berval){ value->len, value->data };
	list->list[list->n++] = control;
	list->list[list->n] = NULL;
}

static int send_query(struct ad_search *search, const struct ad_query *query,
		      const struct buf *page, struct err *err)
{
	struct control_list controls = { .n = 0 };
	int rc;

	if (query->dirsync != NULL)
		add_control(&controls, AD_CONTROL_DIRSYNC, true, query->dirsync);
	else
		add_control(&controls, AD_CONTROL_DOMAIN_SCOPE, false, NULL);
	if (query->show_deleted)
		add_control(&controls, AD_CONTROL_SHOW_DELETED, true, NULL);
	if (page != NULL)
		add_control(&controls, AD_CONTROL_PAGES, true, page);
	search->control = query->dirsync != NULL ? AD_CONTROL_DIRSYNC :
			  page != NULL ? AD_CONTROL_PAGES : NULL;
	rc = ldap_search_ext(search->session->ld, query->base, query->scope, query->filter,
			     (char **)(uintptr_t)query->attributes, 0, controls.list, NULL, NULL,
			     query->limit, &search->id);
	return rc == LDAP_SUCCESS ? 0 : dirconn_fail(search->session->ld, rc, err, "a search");
}

static int ask(struct ad_search *search, const struct ad_query *query, const struct buf *page,
	       ad_on_entry *on_entry, void *ctx, struct ad_result *result, struct err *err)
{
	int rc;

	search->on_entry = on_entry;
	search->ctx = ctx;
	search->result = result;
	search->is_done = false;
	result->has_control = false;
	rc = send_query(search, query, page, err);
	if (rc == 0)
		rc = await(search, err);
	search->id = -1;
	return rc;
}

int ad_search_once(struct ad_search *search, const struct ad_query *query, ad_on_entry *on_entry,
		   void *ctx, struct ad_result *result, struct err *err)
{
	return ask(search, query, NULL, on_entry, ctx, result, err);
}

static bool is_limit(int code)
{
	return code == LDAP_SIZELIMIT_EXCEEDED || code == LDAP_ADMINLIMIT_EXCEEDED ||
	       code == LDAP_TIMELIMIT_EXCEEDED;
}

/* One page behind COOKIE, which becomes that of the next. 0, or -1: ERR's code tells why. */
static int ask_page(struct ad_search *search, const struct ad_query *query, struct buf *cookie,
		    ad_on_entry *on_entry, void *ctx, struct err *err)
{
	struct ad_result result = { 0 };
	struct ad_octets next = { NULL, 0 };
	struct buf page = { 0 };
	int rc;

	ad_encode_page(search->page_size, cookie, &page);
	rc = ask(search, query, &page, on_entry, ctx, &result, err);
	if (rc == 0 && result.code != LDAP_SUCCESS) {
		*err = result.err;
		rc = err_note(err, "%s", query->base);
	}
	/* Without the control this was all. */
	if (rc == 0 && result.has_control)
		rc = ad_decode_page(result.control.data, result.control.len, &next, err);
	buf_clear(cookie);
	if (rc == 0)
		buf_add(cookie, next.data, next.len);
	buf_free(&result.control);
	buf_free(&page);
	return rc;
}

static int ask_pages(struct ad_search *search, const struct ad_query *query, struct buf *cookie,
		     ad_on_entry *on_entry, ad_on_page *on_page, void *ctx, struct err *err)
{
	do {
		if (ask_page(search, query, cookie, on_entry, ctx, err) < 0)
			return -1;
		if (on_page != NULL && on_page(ctx, err) < 0)
			return -1;
	} while (cookie->len > 0);
	return 0;
}

int ad_search_pages(struct ad_search *search, const struct ad_query *query, ad_on_entry *on_entry,
		    ad_on_page *on_page, void *ctx, struct err *err)
{
	struct buf cookie = { 0 };
	int rc;

	for (;;) {
		rc = ask_pages(search, query, &cookie, on_entry, on_page, ctx, err);
		if (rc == 0 || err->domain != ERR_DIRECTORY || !is_limit(err->code) ||
		    search->page_size <= PAGE_SIZE_MIN)
			break;
		search->page_size /= 2;
		buf_clear(&cookie);
	}
	if (rc < 0 && err->domain == ERR_DIRECTORY && is_limit(err->code))
		err_remedy(err, "let the server give the account all of a search, in pages of at least %d",
			   PAGE_SIZE_MIN);
	buf_free(&cookie);
	return rc;
}

int ad_search_notify(struct ad_search *search, const char *base, struct err *err)
{
	struct control_list controls = { .n = 0 };
	int rc;

	/* Without it deletions are kept quiet. */
	add_control(&controls, AD_CONTROL_SHOW_DELETED, true, NULL);
	add_control(&controls, AD_CONTROL_NOTIFICATION, true, NULL);
	rc = ldap_search_ext(search->session->ld, base, LDAP_SCOPE_SUBTREE, "(objectClass=*)", guid_only,
			     0, controls.list, NULL, NULL, LDAP_NO_LIMIT, &search->notify_id);
	return rc == LDAP_SUCCESS ? 0 : dirconn_fail(search->session->ld, rc, err, "a search");
}

int ad_search_without_guid(const struct entry *entry, struct err *err)
{
	err_set(err, ERR_DIRECTORY, 0, "%s came without its objectGUID", entry->dn);
	return err_remedy(err, "let the account read that attribute");
}
