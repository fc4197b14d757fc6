/* The feed of Active Directory, and what its cookies are worth at which domain controller. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ldapsync/ad_cookie.h"

/* An object of an answer: NAMES are attributes with a word behind "=". */
static void tell(struct ad_feed *feed, char guid, const char *dn, const char *const *names)
{
	struct entry *entry = entry_new(NULL, dn);
	char octets[16];

	memset(octets, guid, sizeof(octets));
	if (guid != 0)
		entry_add(entry, "objectGUID", octets, sizeof(octets));
	for (; *names != NULL; names++) {
		const char *equals = strchr(*names, '=');

		entry_add_text(entry, talloc_strndup(entry, *names, (size_t)(equals - *names)),
			       equals + 1);
	}
	assert_int_equal(ad_feed_on_entry(feed, entry), guid != 0);
	talloc_free(entry);
}

#define TELL(feed, guid, dn, ...) tell(feed, guid, dn, (const char *const[]){ __VA_ARGS__, NULL })

/* The end of an answer of DirSync. */
static enum ad_feed_step finish(struct ad_feed *feed, bool more)
{
	static const char answers[2][12] = { "\x30\x0a\x02\x01\x00\x02\x01\x00\x04\x02nw",
					     "\x30\x0a\x02\x01\x01\x02\x01\x00\x04\x02nw" };

	return ad_feed_on_result(feed, 0, answers[more], sizeof(answers[0]), NULL);
}

static void start(struct ad_feed *feed, enum ad_technique technique)
{
	ad_feed_init(feed);
	feed->technique = technique;
	ad_feed_begin(feed, 500);
}

static void test_new_moved_and_deleted_are_told_apart(void **state)
{
	struct ad_feed feed;

	(void)state;
	start(&feed, AD_DIRSYNC);
	TELL(&feed, 'n', "CN=new,DC=x", "name=new", "objectClass=user", "whenCreated=now");
	TELL(&feed, 'm', "CN=moved,DC=x", "name=moved", "objectClass=of another class too");
	TELL(&feed, 'c', "CN=changed,DC=x", "mail=c@x");
	TELL(&feed, 'd', "CN=Anna\\0ADEL:1,CN=Deleted Objects,DC=x", "isDeleted=TRUE",
	     "name=gone", "lastKnownParent=<GUID=12>;<SID=34>;OU=P,DC=x");
	TELL(&feed, 0, "CN=nobody,DC=x", "name=x");
	assert_int_equal(finish(&feed, false), AD_FEED_DONE);
	assert_int_equal(feed.n_changes, 4);
	assert_true(feed.changes[0]->is_new);
	assert_false(feed.changes[0]->is_moved);
	assert_true(feed.changes[1]->is_moved);
	assert_true(feed.changes[1]->may_have_children);
	assert_false(feed.changes[2]->is_moved || feed.changes[2]->is_new);
	assert_true(feed.changes[3]->is_deleted);
	assert_false(feed.changes[3]->is_moved);
	assert_string_equal(feed.changes[3]->old, "CN=Anna,OU=P,DC=x");
	ad_feed_fini(&feed);
}

static void test_deltas_of_one_object_become_one(void **state)
{
	struct ad_feed feed;

	(void)state;
	start(&feed, AD_DIRSYNC);
	TELL(&feed, 'a', "CN=a,DC=x", "name=a");
	for (char c = 'B'; c < 'Z'; c++)
		TELL(&feed, c, "CN=other,DC=x", "mail=x");
	TELL(&feed, 'a', "CN=a2,DC=x", "mail=a@x");
	assert_int_equal(feed.n_changes, 25);
	assert_string_equal(feed.changes[0]->dn, "CN=a2,DC=x");
	assert_true(feed.changes[0]->is_moved);
	TELL(&feed, 'a', "CN=a2\\0ADEL:1,CN=Deleted Objects,DC=x", "isDeleted=TRUE");
	assert_true(feed.changes[0]->is_deleted);
	/* Undeleted. */
	TELL(&feed, 'a', "CN=a3,DC=x", "name=a3");
	assert_false(feed.changes[0]->is_deleted);
	assert_string_equal(feed.changes[0]->dn, "CN=a3,DC=x");
	assert_int_equal(feed.n_changes, 25);
	ad_feed_begin(&feed, 0);
	assert_int_equal(feed.n_changes, 0);
	ad_feed_fini(&feed);
}

static void test_usn_polling_trusts_no_name(void **state)
{
	struct ad_feed feed;

	(void)state;
	start(&feed, AD_USN);
	feed.usn = 100;
	TELL(&feed, 'n', "CN=n,DC=x", "uSNCreated=101", "objectClass=organizationalUnit");
	TELL(&feed, 'p', "CN=p,DC=x", "uSNCreated=100", "objectClass=top", "objectClass=person");
	TELL(&feed, 'o', "OU=o,DC=x", "uSNCreated=7", "objectClass=organizationalUnit");
	TELL(&feed, 'd', "CN=d\\0ADEL:1,DC=x", "isDeleted=TRUE", "uSNCreated=7");
	assert_int_equal(ad_feed_on_result(&feed, 0, NULL, 0, NULL), AD_FEED_DONE);
	assert_true(feed.changes[0]->is_new && !feed.changes[0]->is_moved);
	assert_true(feed.changes[1]->is_moved && !feed.changes[1]->may_have_children);
	assert_true(feed.changes[2]->is_moved && feed.changes[2]->may_have_children);
	assert_true(feed.changes[3]->is_deleted);
	assert_int_equal(feed.usn, 500);
	ad_feed_fini(&feed);
}

static void test_cookie_and_more(void **state)
{
	struct ad_feed feed;

	(void)state;
	start(&feed, AD_DIRSYNC);
	assert_int_equal(finish(&feed, true), AD_FEED_MORE);
	assert_true(feed.has_cookie);
	assert_memory_equal(feed.dirsync.data, "nw", 2);
	ad_feed_begin(&feed, 0);
	TELL(&feed, 'a', "CN=a,DC=x", "name=a");
	assert_int_equal(finish(&feed, true), AD_FEED_MORE);
	ad_feed_begin(&feed, 0);
	assert_int_equal(finish(&feed, true), AD_FEED_FAILED); /* would never end */
	ad_feed_begin(&feed, 0);
	assert_int_equal(finish(&feed, false), AD_FEED_DONE);
	ad_feed_fini(&feed);
}

static void test_an_answer_without_its_cookie_ends_the_session(void **state)
{
	struct ad_feed feed;
	struct err err;

	(void)state;
	start(&feed, AD_DIRSYNC);
	assert_int_equal(ad_feed_on_result(&feed, 0, NULL, 0, &err), AD_FEED_FAILED);
	assert_int_equal(ad_feed_on_result(&feed, 0, "\x30\x08\x02\x01\x00\x02\x01\x00\x04\x00", 10,
					   &err), AD_FEED_FAILED);
	assert_int_equal(ad_feed_on_result(&feed, 0, "\x30\x08\x02\x01\x00\x02\x01", 7, &err),
			 AD_FEED_FAILED);
	assert_int_equal(err.domain, ERR_PROTOCOL);
	ad_feed_fini(&feed);
}

/* What a server answers to a question with no cookie, one of another server, and its own. */
static void test_refusals(void **state)
{
	static const struct {
		int code;
		enum ad_feed_step fresh, foreign, own;
	} rows[] = {
		{ 50, AD_FEED_CHANGED, AD_FEED_CHANGED, AD_FEED_CHANGED },
		{ 53, AD_FEED_CHANGED, AD_FEED_RELOAD, AD_FEED_CHANGED },
		{ 12, AD_FEED_CHANGED, AD_FEED_RELOAD, AD_FEED_CHANGED },
		{ 2, AD_FEED_CHANGED, AD_FEED_RELOAD, AD_FEED_CHANGED },
		{ 51, AD_FEED_FAILED, AD_FEED_FAILED, AD_FEED_FAILED },
		{ 1, AD_FEED_FAILED, AD_FEED_FAILED, AD_FEED_FAILED },
		{ 10, AD_FEED_FAILED, AD_FEED_FAILED, AD_FEED_FAILED },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(rows); i++) {
		for (int kind = 0; kind < 3; kind++) {
			enum ad_feed_step want[] = { rows[i].fresh, rows[i].foreign, rows[i].own };
			struct ad_feed feed;
			struct err err;

			start(&feed, AD_DIRSYNC);
			feed.has_cookie = kind > 0;
			feed.cookie_is_own = kind == 2;
			TELL(&feed, 'a', "CN=a,DC=x", "name=a");
			assert_int_equal(ad_feed_on_result(&feed, rows[i].code, NULL, 0, &err), want[kind]);
			assert_int_equal(feed.n_changes, 0);
			assert_false(feed.has_cookie);
			assert_int_equal(feed.technique, want[kind] == AD_FEED_CHANGED ?
				AD_DIRSYNC_SECURITY : AD_DIRSYNC);
			ad_feed_fini(&feed);
		}
	}
}

static void test_usn_polling_is_the_last_resort(void **state)
{
	struct ad_feed feed;
	struct err err;

	(void)state;
	start(&feed, AD_DIRSYNC_SECURITY);
	assert_int_equal(ad_feed_on_result(&feed, 53, NULL, 0, &err), AD_FEED_CHANGED);
	assert_int_equal(feed.technique, AD_USN);
	ad_feed_begin(&feed, 1);
	assert_int_equal(ad_feed_on_result(&feed, 53, NULL, 0, &err), AD_FEED_FAILED);
	assert_int_equal(err.code, 53);
	ad_feed_fini(&feed);
}

static void test_a_number_that_fell_is_none(void **state)
{
	struct ad_feed feed;

	(void)state;
	start(&feed, AD_USN);
	feed.has_cookie = true;
	feed.usn = 501;
	assert_int_equal(ad_feed_on_result(&feed, 0, NULL, 0, NULL), AD_FEED_RELOAD);
	assert_int_equal(feed.usn, 0);
	ad_feed_fini(&feed);
}

/* ---- cookies ---- */

static const struct ad_cookie cookie = { .technique = AD_DIRSYNC_SECURITY, .owes_links = true,
					 .server = "dc1.x.test",
					 .invocation = { { 1, 2, 3 } }, .context = "DC=x,DC=test",
					 .usn = 77, .dirsync = "MS\0DS", .dirsync_len = 5 };

static void test_a_cookie_survives_its_octets(void **state)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct ad_cookie got;
	struct buf out = { 0 };

	(void)state;
	ad_cookie_encode(&cookie, &out);
	assert_true(ad_cookie_decode(ctx, out.data, out.len, &got));
	assert_int_equal(got.technique, cookie.technique);
	assert_true(got.owes_links);
	assert_string_equal(got.server, cookie.server);
	assert_string_equal(got.context, cookie.context);
	assert_true(entry_uuid_equal(&got.invocation, &cookie.invocation));
	assert_int_equal(got.usn, 77);
	assert_int_equal(got.dirsync_len, 5);
	assert_memory_equal(got.dirsync, cookie.dirsync, 5);
	for (size_t len = 0; len < out.len; len++)
		assert_false(ad_cookie_decode(ctx, out.data, len, &got));
	out.data[3] = '2'; /* another version */
	assert_false(ad_cookie_decode(ctx, out.data, out.len, &got));
	buf_free(&out);
	talloc_free(ctx);
}

static void test_what_a_cookie_is_worth(void **state)
{
	static const struct entry_uuid other = { { 9 } };
	static const struct {
		enum ad_technique technique;
		bool same_server, same_invocation, same_context;
		enum ad_cookie_worth want;
	} rows[] = {
		{ AD_DIRSYNC, true, true, true, AD_COOKIE_GOOD },
		{ AD_DIRSYNC, false, false, true, AD_COOKIE_FOREIGN },
		{ AD_DIRSYNC, true, false, true, AD_COOKIE_RESTORED },
		{ AD_DIRSYNC, true, true, false, AD_COOKIE_USELESS },
		{ AD_USN, true, true, true, AD_COOKIE_GOOD },
		{ AD_USN, false, false, true, AD_COOKIE_FOREIGN },
		{ AD_USN, true, false, true, AD_COOKIE_RESTORED },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(rows); i++) {
		struct ad_cookie stored = cookie, here = cookie;

		stored.technique = rows[i].technique;
		here.context = rows[i].same_context ? "dc=X, dc=test" : "DC=y,DC=test";
		here.server = rows[i].same_server ? "DC1.x.test" : "dc2.x.test";
		here.invocation = rows[i].same_invocation ? cookie.invocation : other;
		assert_int_equal(ad_cookie_judge(&stored, &here), rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_moved_and_deleted_are_told_apart),
		cmocka_unit_test(test_deltas_of_one_object_become_one),
		cmocka_unit_test(test_usn_polling_trusts_no_name),
		cmocka_unit_test(test_cookie_and_more),
		cmocka_unit_test(test_an_answer_without_its_cookie_ends_the_session),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_usn_polling_is_the_last_resort),
		cmocka_unit_test(test_a_number_that_fell_is_none),
		cmocka_unit_test(test_a_cookie_survives_its_octets),
		cmocka_unit_test(test_what_a_cookie_is_worth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
