/* The consumer of RFC 4533 as a state machine. Pure. */
#define _GNU_SOURCE /* memmem */
#include "ldapsync/syncrepl.h"

#include <string.h>

enum { LDAP_CODE_UNWILLING = 53, LDAP_CODE_REFRESH_REQUIRED = 4096 };

void syncrepl_give_back(struct buf *cookie)
{
	static const char begin[] = "rid=", field[] = ",sid=";
	const size_t field_len = sizeof(field) - 1;
	char *at, *end;

	if (cookie->len < sizeof(begin) || memcmp(cookie->data, begin, sizeof(begin) - 1) != 0)
		return;
	at = memmem(cookie->data, cookie->len, field, field_len);
	if (at == NULL)
		return;
	end = memchr(at + field_len, ',', cookie->len - (size_t)(at + field_len - cookie->data));
	if (end == NULL)
		end = cookie->data + cookie->len;
	memmove(at, end, (size_t)(cookie->data + cookie->len - end));
	cookie->len -= (size_t)(end - at);
}

void syncrepl_init(struct syncrepl *sync, bool sent_cookie)
{
	*sync = (struct syncrepl){ .phase = SYNCREPL_REFRESHING, .sent_cookie = sent_cookie,
				   .is_complete = !sent_cookie };
}

void syncrepl_fini(struct syncrepl *sync)
{
	buf_free(&sync->cookie);
}

/* During the refresh a cookie is only remembered: its data may not all be here (§3.3.2). */
static void take_cookie(struct syncrepl *sync, const struct syncrepl_cookie *cookie,
			struct syncrepl_step *step)
{
	if (cookie->data == NULL || cookie->len == 0)
		return;
	buf_clear(&sync->cookie);
	buf_add(&sync->cookie, cookie->data, cookie->len);
	if (sync->phase == SYNCREPL_PERSISTING)
		step->cookie = (struct syncrepl_cookie){ sync->cookie.data, sync->cookie.len };
}

int syncrepl_on_entry(struct syncrepl *sync, int state, const struct syncrepl_cookie *cookie,
		      struct syncrepl_step *step_r, struct err *err)
{
	static const enum syncrepl_action actions[] = {
		[SYNCREPL_PRESENT] = SYNCREPL_MARK,
		[SYNCREPL_ADD] = SYNCREPL_UPSERT,
		[SYNCREPL_MODIFY] = SYNCREPL_UPSERT,
		[SYNCREPL_DELETE] = SYNCREPL_REMOVE,
	};

	*step_r = (struct syncrepl_step){ 0 };
	if (state < 0 || (size_t)state >= WP_COUNT(actions))
		return err_set(err, ERR_PROTOCOL, 0, "an entry with the unknown sync state %d",
			       state);
	if (state == SYNCREPL_PRESENT && sync->phase == SYNCREPL_PERSISTING)
		return err_set(err, ERR_PROTOCOL, 0, "an entry \"present\" after the refresh");
	step_r->action = actions[state];
	if (step_r->action == SYNCREPL_UPSERT)
		sync->saw_entry = true;
	take_cookie(sync, cookie, step_r);
	return 0;
}

static void finish_refresh(struct syncrepl *sync, struct syncrepl_step *step)
{
	bool no_cookie = sync->cookie.len == 0;

	/* Everything was sent and no cookie: ours was ignored. */
	if (no_cookie && sync->sent_cookie && sync->saw_entry && !sync->is_complete) {
		sync->is_complete = true;
		step->forget_cookie = true;
	}
	sync->phase = SYNCREPL_PERSISTING;
	step->refresh_done = true;
	step->sweep = sync->is_complete;
	if (!no_cookie)
		step->cookie = (struct syncrepl_cookie){ sync->cookie.data, sync->cookie.len };
}

static int end_of_phase(struct syncrepl *sync, const struct syncrepl_info *info,
			struct syncrepl_step *step, struct err *err)
{
	if (sync->phase == SYNCREPL_PERSISTING)
		return err_set(err, ERR_PROTOCOL, 0, "a refresh phase ended twice");
	take_cookie(sync, &info->cookie, step);
	if (info->kind == SYNCREPL_REFRESH_PRESENT)
		sync->is_complete = true;
	if (info->refresh_done)
		finish_refresh(sync, step);
	return 0;
}

int syncrepl_on_info(struct syncrepl *sync, const struct syncrepl_info *info,
		     struct syncrepl_step *step_r, struct err *err)
{
	*step_r = (struct syncrepl_step){ 0 };
	switch (info->kind) {
	case SYNCREPL_NEW_COOKIE:
		take_cookie(sync, &info->cookie, step_r);
		return 0;
	case SYNCREPL_REFRESH_DELETE:
	case SYNCREPL_REFRESH_PRESENT:
		return end_of_phase(sync, info, step_r, err);
	case SYNCREPL_ID_SET:
		if (!info->refresh_deletes && sync->phase == SYNCREPL_PERSISTING)
			return err_set(err, ERR_PROTOCOL, 0, "a set \"present\" after the refresh");
		step_r->action = info->refresh_deletes ? SYNCREPL_REMOVE : SYNCREPL_MARK;
		take_cookie(sync, &info->cookie, step_r);
		return 0;
	}
	return err_set(err, ERR_PROTOCOL, 0, "an unknown sync info message");
}

enum syncrepl_end syncrepl_on_result(const struct syncrepl *sync, int code,
				     const char *diagnostic)
{
	if (code == LDAP_CODE_REFRESH_REQUIRED)
		return SYNCREPL_RELOAD;
	if (code == LDAP_CODE_UNWILLING && sync->sent_cookie && diagnostic != NULL &&
	    strstr(diagnostic, "newer than provider") != NULL)
		return SYNCREPL_NEWER;
	return SYNCREPL_RETRY;
}
