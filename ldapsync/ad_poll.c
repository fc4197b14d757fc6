/* The questions of the feed. */
#include "ldapsync/ad_poll.h"

#include <stdio.h>

#include "ldapsync/ad_wire.h"

enum { DIRSYNC_BYTES = 1024 * 1024 }; /* of one answer */

/* What DirSync has to tell of beside the profile's attributes: without its name asked for, an
 * object that is renamed is no change. */
static const char *const feed_always[] = {
	"objectGUID", "name", "isDeleted", "whenCreated", "objectClass", "lastKnownParent",
	"parentGUID", "instanceType",
};
static const char *const usn_attributes[] = {
	"objectGUID", "isDeleted", "objectClass", "lastKnownParent", "uSNCreated", NULL,
};

static void list_attributes(struct ad_poll *poll, const struct sync_scope *scope)
{
	char **wanted = scope->attributes;
	size_t n = 0, at = 0;

	while (wanted[n] != NULL)
		n++;
	poll->attributes = talloc_array(poll->search->session->ctx, const char *,
					n + WP_COUNT(feed_always) + 1);
	for (size_t i = 0; i < WP_COUNT(feed_always); i++)
		poll->attributes[at++] = feed_always[i];
	for (size_t i = 0; i < n; i++) {
		bool is_there = false;

		for (size_t k = 0; k < WP_COUNT(feed_always); k++)
			is_there |= ascii_equal(wanted[i], feed_always[k]);
		if (!is_there)
			poll->attributes[at++] = wanted[i];
	}
	poll->attributes[at] = NULL;
}

static int take_change(void *ctx, LDAPMessage *message, struct err *err)
{
	struct ad_poll *poll = ctx;
	struct entry *entry = session_entry(poll->search->session, message, err);
	int rc = 0;

	if (entry == NULL)
		return -1;
	if (!ad_feed_on_entry(&poll->feed, entry))
		rc = ad_search_without_guid(entry, err);
	talloc_free(entry);
	return rc;
}

/* What the answer means: 0 and the step, or -1 and ERR. */
static int judge(struct ad_poll *poll, const struct ad_result *result, enum ad_feed_step *step_r,
		 struct err *err)
{
	const char *control = result->has_control ? result->control.data : NULL;
	const char *name = ad_technique_name(poll->feed.technique);

	*step_r = ad_feed_on_result(&poll->feed, result->code, control, result->control.len, err);
	if (*step_r != AD_FEED_FAILED)
		return 0;
	if (result->code != LDAP_SUCCESS)
		*err = result->err;
	return err_note(err, "%s of %s", name, poll->context);
}

static int ask_dirsync(struct ad_poll *poll, const char *filter, const char *const *attributes,
		       struct ad_result *result, struct err *err)
{
	struct buf control = { 0 };
	const struct ad_query query = { .base = poll->context, .scope = LDAP_SCOPE_SUBTREE,
					.filter = filter, .attributes = attributes,
					.dirsync = &control };
	int rc;

	ad_encode_dirsync(poll->feed.technique == AD_DIRSYNC ? 0 : AD_OBJECT_SECURITY, DIRSYNC_BYTES,
			  &poll->feed.dirsync, &control);
	rc = ad_search_once(poll->search, &query, take_change, poll, result, err);
	buf_free(&control);
	return rc;
}

static int take_usn(void *ctx, LDAPMessage *message, struct err *err)
{
	struct ad_poll *poll = ctx;
	LDAP *ld = poll->search->session->ld;
	struct berval **values = ldap_get_values_len(ld, message, "highestCommittedUSN");

	(void)err;
	if (values != NULL && values[0] != NULL &&
	    !parse_u64(values[0]->bv_val, values[0]->bv_len, UINT64_MAX, &poll->feed.target))
		poll->feed.target = 0;
	ldap_value_free_len(values);
	return 0;
}

/* How far the server is now, before anything is read: what is written meanwhile comes again. */
static int find_target(struct ad_poll *poll, struct err *err)
{
	static const char *const attributes[] = { "highestCommittedUSN", NULL };
	const struct ad_query query = { .base = "", .scope = LDAP_SCOPE_BASE,
					.filter = "(objectClass=*)", .attributes = attributes };
	struct ad_result result = { 0 };

	if (ad_search_once(poll->search, &query, take_usn, poll, &result, err) < 0)
		return -1;
	if (poll->feed.target == 0)
		return err_set(err, ERR_DIRECTORY, result.code, "%s tells no highestCommittedUSN",
			       poll->search->session->uri->text);
	return 0;
}

static int ask_usn(struct ad_poll *poll, struct err *err)
{
	char filter[64];
	const struct ad_query query = { .base = poll->context, .scope = LDAP_SCOPE_SUBTREE,
					.filter = filter, .attributes = usn_attributes,
					.show_deleted = true };

	snprintf(filter, sizeof(filter), "(uSNChanged>=%llu)",
		 (unsigned long long)poll->feed.usn + 1);
	if (find_target(poll, err) < 0)
		return -1;
	/* Below it: the feed will not believe its own number any more. */
	return poll->feed.target <= poll->feed.usn ? 0 :
		ad_search_pages(poll->search, &query, take_change, NULL, poll, err);
}

/*
 * One answer of the feed. BEGINNING: only how far it is, its changes are not wanted. What a
 * search for nothing costs DirSync is little, and it gives the cookie that a full one would.
 */
static int ask(struct ad_poll *poll, bool beginning, enum ad_feed_step *step_r, struct err *err)
{
	static const char *const guid[] = { "objectGUID", NULL };
	struct ad_result result = { 0 };
	int rc;

	ad_feed_begin(&poll->feed, 0);
	if (poll->feed.technique == AD_USN)
		rc = beginning ? find_target(poll, err) : ask_usn(poll, err);
	else if (beginning)
		rc = ask_dirsync(poll, "(!(objectClass=*))", guid, &result, err);
	else
		rc = ask_dirsync(poll, "(objectClass=*)", poll->attributes, &result, err);
	if (rc == 0)
		rc = judge(poll, &result, step_r, err);
	buf_free(&result.control);
	return rc;
}

int ad_poll_position(struct ad_poll *poll, struct err *err)
{
	enum ad_feed_step step;

	do {
		if (source_is_stopping(poll->search->session->sink) ||
		    ask(poll, true, &step, err) < 0)
			return -1;
	} while (step != AD_FEED_DONE);
	return 0;
}

int ad_poll_ask(struct ad_poll *poll, enum ad_feed_step *step_r, struct err *err)
{
	return ask(poll, false, step_r, err);
}

void ad_poll_init(struct ad_poll *poll, struct ad_search *search, const struct sync_scope *scope,
		  const char *context)
{
	*poll = (struct ad_poll){ .search = search, .context = context };
	ad_feed_init(&poll->feed);
	list_attributes(poll, scope);
}

void ad_poll_fini(struct ad_poll *poll)
{
	ad_feed_fini(&poll->feed);
}
