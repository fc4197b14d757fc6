/* The consumer of RFC 4533: phases, cookies, what is gone, what a result means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ldapsync/syncrepl.h"

static const struct syncrepl_cookie none = { 0 };

static struct syncrepl_cookie cookie_of(const char *text)
{
	return (struct syncrepl_cookie){ text, strlen(text) };
}

static struct syncrepl_step entry(struct syncrepl *sync, int state, const char *cookie)
{
	struct syncrepl_cookie c = cookie != NULL ? cookie_of(cookie) : none;
	struct syncrepl_step step;

	assert_int_equal(syncrepl_on_entry(sync, state, &c, &step, NULL), 0);
	return step;
}

static struct syncrepl_step info(struct syncrepl *sync, enum syncrepl_info_kind kind,
				 const char *cookie, bool flag)
{
	struct syncrepl_info message = { .kind = kind, .refresh_done = flag, .refresh_deletes = flag };
	struct syncrepl_step step;

	if (cookie != NULL)
		message.cookie = cookie_of(cookie);
	assert_int_equal(syncrepl_on_info(sync, &message, &step, NULL), 0);
	return step;
}

static bool has_cookie(const struct syncrepl_step *step, const char *text)
{
	return step->cookie.data != NULL && step->cookie.len == strlen(text) &&
	       memcmp(step->cookie.data, text, step->cookie.len) == 0;
}

static void test_a_cookie_is_given_back_without_its_server(void **state)
{
	static const struct {
		const char *cookie, *sent;
	} rows[] = {
		{ "rid=000,sid=001,csn=2026#0#001#0;2026#0#002#0", "rid=000,csn=2026#0#001#0;2026#0#002#0" },
		{ "rid=000,csn=2026#0#000#0,sid=0a1,delcsn=2026", "rid=000,csn=2026#0#000#0,delcsn=2026" },
		{ "rid=000,sid=001", "rid=000" },
		{ "rid=000,csn=2026#0#000#0", "rid=000,csn=2026#0#000#0" },
		/* other servers' */
		{ "localhost:389#cn=a,sid=001,dc=x#7", "localhost:389#cn=a,sid=001,dc=x#7" },
		{ "rid", "rid" },
		{ "rid=", "rid=" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < WP_COUNT(rows); i++) {
		struct buf cookie = { 0 };

		buf_adds(&cookie, rows[i].cookie);
		syncrepl_give_back(&cookie);
		assert_int_equal(cookie.len, strlen(rows[i].sent));
		assert_memory_equal(cookie.data != NULL ? cookie.data : "", rows[i].sent, cookie.len);
		buf_free(&cookie);
	}
}

static void test_first_refresh_sweeps_although_it_ends_with_refresh_delete(void **state)
{
	struct syncrepl sync;
	struct syncrepl_step step;

	(void)state;
	syncrepl_init(&sync, false);
	step = entry(&sync, SYNCREPL_ADD, NULL);
	assert_int_equal(step.action, SYNCREPL_UPSERT);
	assert_false(step.refresh_done);
	step = info(&sync, SYNCREPL_REFRESH_DELETE, "c1", true);
	assert_true(step.refresh_done);
	assert_true(step.sweep);
	assert_true(has_cookie(&step, "c1"));
	syncrepl_fini(&sync);
}

static void test_cookie_of_a_refresh_waits_for_its_end(void **state)
{
	struct syncrepl sync;
	struct syncrepl_step step;

	(void)state;
	syncrepl_init(&sync, true);
	step = entry(&sync, SYNCREPL_MODIFY, "early");
	assert_null(step.cookie.data);
	step = info(&sync, SYNCREPL_NEW_COOKIE, "later", false);
	assert_null(step.cookie.data);
	step = info(&sync, SYNCREPL_REFRESH_DELETE, NULL, true);
	assert_true(has_cookie(&step, "later"));
	assert_false(step.forget_cookie);
	syncrepl_fini(&sync);
}

static void test_delete_phase_alone_does_not_sweep(void **state)
{
	struct syncrepl sync;
	struct syncrepl_step step;

	(void)state;
	syncrepl_init(&sync, true);
	step = info(&sync, SYNCREPL_ID_SET, NULL, true);
	assert_int_equal(step.action, SYNCREPL_REMOVE);
	step = entry(&sync, SYNCREPL_DELETE, NULL);
	assert_int_equal(step.action, SYNCREPL_REMOVE);
	step = info(&sync, SYNCREPL_REFRESH_DELETE, "c2", true);
	assert_true(step.refresh_done);
	assert_false(step.sweep);
	syncrepl_fini(&sync);
}

static void test_present_phase_sweeps(void **state)
{
	struct syncrepl sync;
	struct syncrepl_step step;

	(void)state;
	syncrepl_init(&sync, true);
	step = entry(&sync, SYNCREPL_PRESENT, NULL);
	assert_int_equal(step.action, SYNCREPL_MARK);
	step = info(&sync, SYNCREPL_ID_SET, NULL, false);
	assert_int_equal(step.action, SYNCREPL_MARK);
	step = info(&sync, SYNCREPL_REFRESH_PRESENT, "c2", true);
	assert_true(step.refresh_done);
	assert_true(step.sweep);
	syncrepl_fini(&sync);
}

static void test_present_phase_followed_by_a_delete_phase_sweeps_once_at_the_end(void **state)
{
	struct syncrepl sync;
	struct syncrepl_step step;

	(void)state;
	syncrepl_init(&sync, true);
	step = info(&sync, SYNCREPL_REFRESH_PRESENT, NULL, false);
	assert_false(step.refresh_done);
	assert_false(step.sweep);
	step = entry(&sync, SYNCREPL_DELETE, NULL);
	assert_int_equal(step.action, SYNCREPL_REMOVE);
	step = info(&sync, SYNCREPL_REFRESH_DELETE, "c", true);
	assert_true(step.sweep);
	syncrepl_fini(&sync);
}

static void test_nothing_new_keeps_the_old_cookie(void **state)
{
	struct syncrepl sync;
	struct syncrepl_step step;

	(void)state;
	syncrepl_init(&sync, true);
	step = info(&sync, SYNCREPL_REFRESH_DELETE, NULL, true);
	assert_true(step.refresh_done);
	assert_false(step.sweep);
	assert_false(step.forget_cookie);
	assert_null(step.cookie.data);
	syncrepl_fini(&sync);
}

static void test_an_ignored_cookie_is_found_out_and_forgotten(void **state)
{
	struct syncrepl sync;
	struct syncrepl_step step;

	(void)state;
	syncrepl_init(&sync, true);
	entry(&sync, SYNCREPL_ADD, NULL);
	step = info(&sync, SYNCREPL_REFRESH_DELETE, NULL, true);
	assert_true(step.sweep);
	assert_true(step.forget_cookie);
	syncrepl_fini(&sync);
}

static void test_changes_after_the_refresh_carry_their_cookies(void **state)
{
	struct syncrepl sync;
	struct syncrepl_step step;

	(void)state;
	syncrepl_init(&sync, false);
	info(&sync, SYNCREPL_REFRESH_DELETE, "c1", true);
	step = entry(&sync, SYNCREPL_MODIFY, "c2");
	assert_int_equal(step.action, SYNCREPL_UPSERT);
	assert_true(has_cookie(&step, "c2"));
	step = entry(&sync, SYNCREPL_DELETE, "c3");
	assert_int_equal(step.action, SYNCREPL_REMOVE);
	assert_true(has_cookie(&step, "c3"));
	step = info(&sync, SYNCREPL_NEW_COOKIE, "c4", false);
	assert_int_equal(step.action, SYNCREPL_NOTHING);
	assert_true(has_cookie(&step, "c4"));
	step = entry(&sync, SYNCREPL_ADD, NULL);
	assert_null(step.cookie.data);
	syncrepl_fini(&sync);
}

static void test_what_breaks_the_protocol_ends_the_session(void **state)
{
	struct syncrepl_info ended = { .kind = SYNCREPL_REFRESH_PRESENT, .refresh_done = true };
	struct syncrepl_info present = { .kind = SYNCREPL_ID_SET };
	struct syncrepl_step step;
	struct syncrepl sync;
	struct err err;

	(void)state;
	syncrepl_init(&sync, false);
	assert_int_equal(syncrepl_on_entry(&sync, 4, &none, &step, &err), -1);
	assert_int_equal(err.domain, ERR_PROTOCOL);
	assert_int_equal(syncrepl_on_entry(&sync, -1, &none, &step, &err), -1);
	assert_int_equal(syncrepl_on_info(&sync, &ended, &step, &err), 0);
	assert_int_equal(syncrepl_on_info(&sync, &ended, &step, &err), -1);
	assert_int_equal(syncrepl_on_info(&sync, &present, &step, &err), -1);
	assert_int_equal(syncrepl_on_entry(&sync, SYNCREPL_PRESENT, &none, &step, &err), -1);
	syncrepl_fini(&sync);
}

static void test_results_tell_reload_newer_and_the_rest_apart(void **state)
{
	struct syncrepl fresh, resumed;

	(void)state;
	syncrepl_init(&fresh, false);
	syncrepl_init(&resumed, true);
	assert_int_equal(syncrepl_on_result(&resumed, 4096, NULL), SYNCREPL_RELOAD);
	assert_int_equal(syncrepl_on_result(&resumed, 53, "consumer state is newer than provider!"),
			 SYNCREPL_NEWER);
	assert_int_equal(syncrepl_on_result(&fresh, 53, "consumer state is newer than provider!"),
			 SYNCREPL_RETRY);
	assert_int_equal(syncrepl_on_result(&resumed, 53, "no"), SYNCREPL_RETRY);
	assert_int_equal(syncrepl_on_result(&resumed, 53, NULL), SYNCREPL_RETRY);
	assert_int_equal(syncrepl_on_result(&resumed, 0, NULL), SYNCREPL_RETRY);
	syncrepl_fini(&fresh);
	syncrepl_fini(&resumed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_cookie_is_given_back_without_its_server),
		cmocka_unit_test(test_first_refresh_sweeps_although_it_ends_with_refresh_delete),
		cmocka_unit_test(test_cookie_of_a_refresh_waits_for_its_end),
		cmocka_unit_test(test_delete_phase_alone_does_not_sweep),
		cmocka_unit_test(test_present_phase_sweeps),
		cmocka_unit_test(test_present_phase_followed_by_a_delete_phase_sweeps_once_at_the_end),
		cmocka_unit_test(test_nothing_new_keeps_the_old_cookie),
		cmocka_unit_test(test_an_ignored_cookie_is_found_out_and_forgotten),
		cmocka_unit_test(test_changes_after_the_refresh_carry_their_cookies),
		cmocka_unit_test(test_what_breaks_the_protocol_ends_the_session),
		cmocka_unit_test(test_results_tell_reload_newer_and_the_rest_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
