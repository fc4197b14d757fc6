/* Entries of the log of snapshots as rows and texts; moments of --since. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "admin/history.h"

#define LINK "\"class\":\"waypostSiteLink\",\"dn\":\"cn=A-B,cn=Site Links,dc=x\""
#define SITE(name) "\"class\":\"waypostSite\",\"dn\":\"cn=" name ",cn=Sites,dc=x\""
#define COST "{\"kind\":\"replace\"," LINK ",\"attribute\":\"waypostCost\",\"old\":[\"10\"],\"new\":[\"55\"]}"
#define HOP "{\"kind\":\"add\"," LINK ",\"attribute\":\"waypostMailCost\",\"new\":[\"7\"]}"
#define ADDED(name) "{\"kind\":\"add\"," SITE(name) "},{\"kind\":\"add\"," SITE(name) \
	",\"attribute\":\"cn\",\"new\":[\"" name "\"]}"
#define GONE(name) "{\"kind\":\"remove\"," SITE(name) "}"
#define MOVED "{\"kind\":\"replace\",\"class\":\"\",\"dn\":\"cn=New,dc=x\",\"attribute\":\"dn\"," \
	"\"old\":[\"cn=Old,dc=x\"],\"new\":[\"cn=New,dc=x\"]}"

static const struct {
	uint32_t cause, omitted;
	const char *changes;
	const char *summary;
} summaries[] = {
	{ HISTORY_LIVE, 0, "[" COST "]", "A-B: waypostCost 10 → 55" },
	{ HISTORY_LIVE, 0, "[" COST "," HOP "]", "A-B: waypostCost, waypostMailCost" },
	{ HISTORY_LIVE, 0, "[" HOP "]", "A-B: waypostMailCost" },
	{ HISTORY_REFRESH, 0, "[" ADDED("P") "," GONE("Q") "]", "P added; Q removed" },
	{ HISTORY_REFRESH, 0, "[" MOVED "]", "New: dn cn=Old,dc=x → cn=New,dc=x" },
	{ HISTORY_ACCEPT, 9,
	  "[" ADDED("P") "," GONE("Q") "," ADDED("R") "," GONE("S") "," COST "]",
	  "P added; Q removed; R added; 2 more and 9 changes that are not listed" },
	{ HISTORY_FIRST, 0, NULL, "3 sites, 5 servers, 2 connectors" },
	{ HISTORY_FOUND, 0, NULL, "3 sites, 5 servers, 2 connectors" },
	{ HISTORY_PIN, 0, NULL, "held live" },
	{ HISTORY_UNPIN, 0, NULL, "let go: the newest is live" },
	{ HISTORY_REFUSE, 35, NULL, "a refresh that would drop 35 entries was refused" },
	{ HISTORY_LIVE, 0, "no JSON at all", "" },
};

static struct history_entry make_entry(uint32_t cause, const char *changes)
{
	return (struct history_entry){
		.head = { .cause = cause, .snapshot = { 7, 1000, 0xabc }, .sites = 3, .servers = 5,
			  .connectors = 2 },
		.source = "corp", .changes = changes,
		.changes_len = changes != NULL ? strlen(changes) : 0,
	};
}

static const char *member(const json_t *row, const char *name)
{
	return json_string_value(json_object_get(row, name));
}

static void test_a_row_sums_up_what_changed(void **state)
{
	const struct history_marks marks = { 9, 9, false };

	(void)state;
	for (size_t i = 0; i < WP_COUNT(summaries); i++) {
		struct history_entry entry = make_entry(summaries[i].cause, summaries[i].changes);
		json_t *row;

		entry.head.omitted = summaries[i].omitted;
		row = history_row(&entry, &marks, false);
		assert_string_equal(member(row, "summary"), summaries[i].summary);
		assert_string_equal(member(row, "cause"), history_cause_name(summaries[i].cause));
		assert_string_equal(member(row, "state"), "");
		assert_null(json_object_get(row, "changes"));
		json_decref(row);
	}
}

static void assert_state(struct history_marks marks, uint32_t cause, const char *wanted)
{
	const struct history_entry entry = make_entry(cause, NULL);
	json_t *row = history_row(&entry, &marks, false);

	assert_string_equal(member(row, "state"), wanted);
	json_decref(row);
}

static void test_a_row_says_which_snapshot_is_live(void **state)
{
	(void)state;
	assert_state((struct history_marks){ 7, 7, false }, HISTORY_LIVE, "live");
	assert_state((struct history_marks){ 7, 9, true }, HISTORY_LIVE, "pinned");
	assert_state((struct history_marks){ 5, 7, true }, HISTORY_LIVE, "newest");
	assert_state((struct history_marks){ 5, 9, true }, HISTORY_LIVE, "");
	assert_state((struct history_marks){ 7, 9, true }, HISTORY_PIN, "");
}

static void test_the_text_lists_object_attribute_old_and_new(void **state)
{
	const struct history_marks marks = { 7, 7, false };
	struct history_entry entry = make_entry(HISTORY_LIVE, "[" COST "]");
	struct buf out = { 0 };
	json_t *row;

	(void)state;
	entry.head.omitted = 4;
	row = history_row(&entry, &marks, true);
	history_text(row, &out);
	assert_non_null(strstr(out.data, "Snapshot 7  1970-01-01T00:00:00.000Z  live from corp (live)\n"));
	assert_non_null(strstr(out.data, "cn=A-B,cn=Site Links,dc=x\n"));
	assert_non_null(strstr(out.data, "waypostCost: 10 → 55\n"));
	assert_non_null(strstr(out.data, "and 4 changes that are not listed\n"));
	json_decref(row);
	buf_free(&out);
}

static const struct {
	const char *text;
	uint64_t wall_ms; /* UINT64_MAX: no moment */
} moments[] = {
	{ "1970-01-02", 86400000 },
	{ "1970-01-01T01:00", 3600000 },
	{ "1970-01-01T00:00:05", 5000 },
	{ "1970-01-01T00:00:05Z", 5000 },
	{ "1970-01-01T00:01Z", 60000 },
	{ "90s", 1000000000 - 90000 },
	{ "5m", 1000000000 - 300000 },
	{ "2h", 1000000000 - 7200000 },
	{ "7d", 1000000000 - 604800000 },
	{ "100000d", 0 },
	{ "", UINT64_MAX }, { "d", UINT64_MAX }, { "7", UINT64_MAX }, { "-7d", UINT64_MAX },
	{ "7w", UINT64_MAX }, { "99999999999999999999d", UINT64_MAX }, { "yesterday", UINT64_MAX },
	{ "1970-01-02Z", UINT64_MAX }, { "1970-13-01", UINT64_MAX }, { "1970-01-01T00:00x", UINT64_MAX },
};

static void test_a_moment_is_a_date_or_a_span(void **state)
{
	(void)state;
	for (size_t i = 0; i < WP_COUNT(moments); i++) {
		uint64_t wall_ms = UINT64_MAX;
		bool is_moment = history_moment(moments[i].text, 1000000000, &wall_ms);

		assert_int_equal(is_moment, moments[i].wall_ms != UINT64_MAX);
		assert_int_equal(wall_ms, moments[i].wall_ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_row_sums_up_what_changed),
		cmocka_unit_test(test_a_row_says_which_snapshot_is_live),
		cmocka_unit_test(test_the_text_lists_object_attribute_old_and_new),
		cmocka_unit_test(test_a_moment_is_a_date_or_a_span),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
