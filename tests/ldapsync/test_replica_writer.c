/* The replica's tree and indexes: order of events, renames, deletions, addresses, cookies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/dn.h"
#include "ldapsync/replica_writer.h"
#include "tests/ldapsync/replica_fixture.h"

static struct replica_writer *writer;
enum { SOURCE = 1 };

static int setup(void **state)
{
	if (state_dir_setup(state) < 0 || replica_writer_open(*state, 1, false, &writer, NULL) < 0)
		return -1;
	return replica_writer_begin(writer, NULL);
}

static int teardown(void **state)
{
	replica_writer_close(&writer);
	return state_dir_teardown(state);
}

static uint64_t put(struct entry *entry, int changed)
{
	struct err err = { 0 };
	uint64_t id;
	int rc = replica_writer_upsert(writer, SOURCE, entry, &id, &err);

	if (rc != changed)
		fail_msg("%s: %d, not %d (%s)", entry->dn, rc, changed, err.text);
	talloc_free(entry);
	return id;
}

static void drop(unsigned id, int changed)
{
	const struct entry_uuid uuid = make_uuid(id);

	assert_int_equal(replica_writer_delete(writer, SOURCE, &uuid, NULL), changed);
}

/* The number of the entry at DN, 0 if there is none. */
static unsigned at(const char *dn)
{
	char *key = dn_key(NULL, dn);
	struct replica_record record;
	unsigned id = 0;
	int rc = replica_store_by_dn(replica_writer_store(writer), replica_writer_txn(writer), key,
				     true, &record, NULL);

	talloc_free(key);
	assert_true(rc >= 0);
	if (rc == 1)
		memcpy(&id, record.uuid.bytes + 12, sizeof(id));
	return id;
}

static void assert_dn(unsigned id, const char *dn)
{
	const struct entry_uuid uuid = make_uuid(id);
	struct replica_record record;
	char *found;

	assert_int_equal(replica_store_by_uuid(replica_writer_store(writer),
					       replica_writer_txn(writer), &uuid, &record, NULL), 1);
	found = replica_store_dn(replica_writer_store(writer), replica_writer_txn(writer), NULL,
				 &record, false, NULL);
	assert_string_equal(found, dn);
	talloc_free(found);
	assert_int_equal(at(dn), id);
}

static size_t rows(MDB_dbi table)
{
	MDB_stat stat;

	assert_int_equal(mdb_stat(replica_writer_txn(writer), table, &stat), 0);
	return stat.ms_entries;
}

static size_t bearers(const char *address)
{
	uint64_t hash = replica_hash(address);
	MDB_val ids;
	int rc = replica_store_get(replica_writer_txn(writer), replica_writer_store(writer)->address,
				   &hash, sizeof(hash), &ids, NULL);

	return rc == 1 ? replica_id_count(&ids) : 0;
}

static void test_an_entry_is_found_by_name_and_unchanged_when_sent_again(void **state)
{
	(void)state;
	put(make_unit(1, "ou=People,dc=x"), 1);
	put(make_person(2, "uid=a,ou=People,dc=x", "a@example.com"), 1);
	assert_dn(2, "uid=a,ou=People,dc=x");
	assert_int_equal(at("UID=A, OU=people, DC=X"), 2);
	assert_int_equal(at("dc=x"), 0); /* only a place */
	put(make_person(2, "uid=a,ou=People,dc=x", "a@example.com"), 0);
	assert_int_equal(replica_writer_state(writer)->counts.entries, 2);
	assert_int_equal(replica_writer_state(writer)->counts.recipients, 1);
	assert_int_equal(bearers("a@example.com"), 1);
}

static void test_renaming_a_container_takes_its_children_along(void **state)
{
	(void)state;
	put(make_unit(1, "ou=People,dc=x"), 1);
	put(make_unit(2, "ou=Deep,ou=People,dc=x"), 1);
	put(make_person(3, "uid=a,ou=Deep,ou=People,dc=x", "a@example.com"), 1);
	put(make_unit(1, "ou=Staff,dc=x"), 1);
	assert_dn(3, "uid=a,ou=Deep,ou=Staff,dc=x");
	assert_int_equal(at("uid=a,ou=Deep,ou=People,dc=x"), 0);
	put(make_unit(2, "ou=Deep,dc=x"), 1); /* and to another parent */
	assert_dn(3, "uid=a,ou=Deep,dc=x");
}

static void test_children_may_come_before_their_parents(void **state)
{
	(void)state;
	put(make_person(3, "uid=a,ou=Deep,ou=People,dc=x", "a@example.com"), 1);
	put(make_unit(2, "ou=Deep,ou=People,dc=x"), 1);
	put(make_unit(1, "ou=People,dc=x"), 1);
	assert_dn(3, "uid=a,ou=Deep,ou=People,dc=x");
	put(make_unit(1, "ou=Staff,dc=x"), 1);
	assert_dn(2, "ou=Deep,ou=Staff,dc=x");
	assert_dn(3, "uid=a,ou=Deep,ou=Staff,dc=x");
}

static void test_a_child_under_the_new_name_may_come_before_the_rename(void **state)
{
	(void)state;
	put(make_unit(1, "ou=People,dc=x"), 1);
	put(make_unit(2, "ou=Deep,ou=People,dc=x"), 1);
	put(make_person(3, "uid=a,ou=Deep,ou=People,dc=x", "a@example.com"), 1);
	put(make_person(4, "uid=b,ou=Deep,ou=Staff,dc=x", "b@example.com"), 1);
	put(make_unit(1, "ou=Staff,dc=x"), 1);
	assert_dn(3, "uid=a,ou=Deep,ou=Staff,dc=x");
	assert_dn(4, "uid=b,ou=Deep,ou=Staff,dc=x");
	assert_dn(2, "ou=Deep,ou=Staff,dc=x");
}

static void test_an_entry_may_be_renamed_to_what_was_above_it(void **state)
{
	(void)state;
	put(make_unit(1, "ou=A,ou=B,dc=x"), 1);
	put(make_person(2, "uid=a,ou=A,ou=B,dc=x", "a@example.com"), 1);
	put(make_unit(1, "ou=B,dc=x"), 1);
	assert_dn(1, "ou=B,dc=x");
	assert_dn(2, "uid=a,ou=B,dc=x");
	put(make_unit(1, "dc=x"), 1);
	assert_dn(2, "uid=a,dc=x");
	drop(2, 1);
	drop(1, 1);
	assert_int_equal(rows(replica_writer_store(writer)->entry), 0);
}

/* What was above it is below it then: its old name is no way up any more. */
static void test_an_entry_may_be_renamed_to_what_was_far_above_it(void **state)
{
	(void)state;
	replica_writer_list_changes(writer);
	put(make_site(1, "cn=S,ou=A,ou=B,dc=x"), 1);
	put(make_person(2, "uid=a,ou=A,ou=B,dc=x", "a@example.com"), 1);
	put(make_site(1, "dc=x"), 1);
	assert_dn(1, "dc=x");
	assert_dn(2, "uid=a,ou=A,ou=B,dc=x");
	drop(2, 1);
	drop(1, 1);
	assert_int_equal(rows(replica_writer_store(writer)->entry), 0);
}

static void test_an_entry_made_anew_may_come_before_its_forerunner_goes(void **state)
{
	(void)state;
	put(make_unit(1, "ou=People,dc=x"), 1);
	put(make_person(2, "uid=a,ou=People,dc=x", "a@example.com"), 1);
	put(make_unit(11, "ou=People,dc=x"), 1);
	put(make_person(12, "uid=a,ou=People,dc=x", "a@example.com"), 1);
	assert_int_equal(at("uid=a,ou=People,dc=x"), 12);
	drop(2, 1);
	drop(1, 1);
	assert_dn(12, "uid=a,ou=People,dc=x");
	assert_dn(11, "ou=People,dc=x");
	assert_int_equal(bearers("a@example.com"), 1);
	assert_int_equal(replica_writer_state(writer)->counts.entries, 2);
}

static void test_two_containers_may_change_places(void **state)
{
	(void)state;
	put(make_unit(1, "ou=A,dc=x"), 1);
	put(make_unit(2, "ou=B,ou=A,dc=x"), 1);
	put(make_person(3, "uid=a,ou=B,ou=A,dc=x", "a@example.com"), 1);
	put(make_unit(1, "ou=A,ou=B,dc=x"), 1); /* seen before B came up */
	put(make_unit(2, "ou=B,dc=x"), 1);
	assert_dn(1, "ou=A,ou=B,dc=x");
	assert_dn(2, "ou=B,dc=x");
	assert_dn(3, "uid=a,ou=B,dc=x");
}

static void test_deleting_everything_leaves_nothing(void **state)
{
	const struct replica_store *store = replica_writer_store(writer);

	(void)state;
	put(make_unit(1, "ou=People,dc=x"), 1);
	put(make_person(2, "uid=a,ou=People,dc=x", "a@example.com"), 1);
	put(make_site(3, "cn=S,cn=Sites,dc=x"), 1);
	drop(1, 2); /* the parent first: it stays as a place */
	assert_dn(2, "uid=a,ou=People,dc=x");
	drop(2, 1);
	drop(2, 0);
	drop(3, 1);
	assert_int_equal(rows(store->entry), 0);
	assert_int_equal(rows(store->child), 0);
	assert_int_equal(rows(store->uuid), 0);
	assert_int_equal(rows(store->address), 0);
	assert_int_equal(rows(store->topology), 0);
	assert_int_equal(rows(store->diagnostic), 0);
	assert_int_equal(replica_writer_state(writer)->counts.entries, 0);
}

static void test_addresses_follow_the_entry(void **state)
{
	(void)state;
	put(make_person(1, "uid=a,dc=x", "a@example.com"), 1);
	put(make_person(1, "uid=a,dc=x", "b@example.com"), 1);
	assert_int_equal(bearers("a@example.com"), 0);
	assert_int_equal(bearers("b@example.com"), 1);
	put(make_unit(1, "uid=a,dc=x"), 1);
	assert_int_equal(bearers("b@example.com"), 0);
	assert_int_equal(replica_writer_state(writer)->counts.recipients, 0);
}

static void test_an_address_on_two_entries_is_a_diagnostic_as_long_as_it_lasts(void **state)
{
	const struct replica_store *store = replica_writer_store(writer);

	(void)state;
	put(make_person(1, "uid=a,dc=x", "a@example.com"), 1);
	put(make_person(2, "uid=b,dc=x", "A@EXAMPLE.COM"), 1);
	assert_int_equal(bearers("a@example.com"), 2);
	assert_int_equal(rows(store->diagnostic), 1);
	drop(1, 1);
	assert_int_equal(rows(store->diagnostic), 0);
	put(make_person(3, "uid=c,dc=x", "a@example.com"), 1);
	assert_int_equal(rows(store->diagnostic), 1);
	put(make_person(3, "uid=c,dc=x", "c@example.com"), 1);
	assert_int_equal(rows(store->diagnostic), 0);
}

static void test_a_malformed_name_is_a_diagnostic_until_it_is_mended(void **state)
{
	const struct replica_store *store = replica_writer_store(writer);

	(void)state;
	put(make_person(1, "nonsense", "a@example.com"), 0);
	assert_int_equal(rows(store->diagnostic), 1);
	put(make_person(1, "uid=a,dc=x", "a@example.com"), 1);
	assert_int_equal(rows(store->diagnostic), 0);
	assert_dn(1, "uid=a,dc=x");
}

static void test_a_diagnosed_name_goes_with_its_entry(void **state)
{
	const struct replica_store *store = replica_writer_store(writer);

	(void)state;
	put(make_person(1, "nonsense", "a@example.com"), 0);
	put(make_person(2, "uid=b,dc=x", "b@example.com"), 1);
	drop(1, 0);
	assert_int_equal(rows(store->diagnostic), 0);
	put(make_person(2, "nonsense", "b@example.com"), 0); /* renamed: it stays where it was */
	assert_int_equal(rows(store->diagnostic), 1);
	drop(2, 1);
	assert_int_equal(rows(store->diagnostic), 0);
}

/* Taken for a placeholder, it would damage the tree. */
static void test_an_entry_with_the_null_uuid_is_left_out(void **state)
{
	struct entry *entry = make_person(1, "uid=a,dc=x", "a@example.com");

	(void)state;
	memset(&entry->uuid, 0, sizeof(entry->uuid));
	put(entry, 0);
	assert_int_equal(rows(replica_writer_store(writer)->diagnostic), 1);
	assert_int_equal(rows(replica_writer_store(writer)->entry), 0);
	assert_int_equal(bearers("a@example.com"), 0);
}

/* "ou=0,ou=1,…,dc=x" of N parts. */
static const char *deep_name(unsigned n, char *out, size_t size)
{
	size_t at = 0;

	for (unsigned i = 0; i + 1 < n; i++)
		at += (size_t)snprintf(out + at, size - at, "ou=%u,", i);
	snprintf(out + at, size - at, "dc=x");
	return out;
}

static void test_a_name_that_is_too_deep_is_left_out(void **state)
{
	char name[4096];

	(void)state;
	put(make_unit(1, deep_name(REPLICA_NAME_DEPTH + 1, name, sizeof(name))), 0);
	assert_int_equal(rows(replica_writer_store(writer)->diagnostic), 1);
	put(make_unit(1, deep_name(REPLICA_NAME_DEPTH, name, sizeof(name))), 1);
	assert_dn(1, name);
	assert_int_equal(rows(replica_writer_store(writer)->diagnostic), 0);
}

static void test_a_folder_may_be_moved_below_a_deep_one(void **state)
{
	char name[4096], child[8192];

	(void)state;
	deep_name(REPLICA_NAME_DEPTH - 1, name, sizeof(name));
	put(make_unit(1, name), 1);
	put(make_unit(2, "ou=F,dc=x"), 1);
	put(make_unit(3, "ou=G,ou=F,dc=x"), 1);
	snprintf(child, sizeof(child), "ou=F,%s", name);
	put(make_unit(2, child), 1);
	snprintf(child, sizeof(child), "ou=G,ou=F,%s", name);
	assert_dn(3, child);
	put(make_unit(3, "ou=G,dc=x"), 1);
	assert_dn(3, "ou=G,dc=x");
}

static struct entry *restricted(const char *who)
{
	struct entry *entry = make_person(1, "uid=a,dc=x", "a@example.com");

	entry_add_text(entry, "waypostRequireAuth", who);
	return entry;
}

static void test_a_value_that_does_not_fit_is_a_diagnostic_until_it_is_mended(void **state)
{
	const struct replica_store *store = replica_writer_store(writer);

	(void)state;
	put(restricted("perhaps"), 1);
	assert_int_equal(rows(store->diagnostic), 1);
	put(restricted("TRUE"), 1);
	assert_int_equal(rows(store->diagnostic), 0);
	put(restricted("perhaps"), 1);
	drop(1, 1);
	assert_int_equal(rows(store->diagnostic), 0);
}

static void test_another_directory_cannot_delete_the_entry(void **state)
{
	const struct entry_uuid uuid = make_uuid(1);

	(void)state;
	put(make_person(1, "uid=a,dc=x", "a@example.com"), 1);
	assert_int_equal(replica_writer_delete(writer, SOURCE + 1, &uuid, NULL), 0);
	assert_dn(1, "uid=a,dc=x");
}

static void test_a_sweep_takes_what_was_not_seen(void **state)
{
	struct replica_sweep sweep = { 0 };
	struct id_set seen = { 0 };

	(void)state;
	id_set_add(&seen, put(make_site(1, "cn=S,dc=x"), 1));
	for (unsigned i = 2; i < 100; i++) {
		char dn[32], mail[32];
		uint64_t id;

		snprintf(dn, sizeof(dn), "uid=%u,dc=x", i);
		snprintf(mail, sizeof(mail), "u%u@example.com", i);
		id = put(make_person(i, dn, mail), 1);
		if (i % 2)
			id_set_add(&seen, id);
	}
	assert_int_equal(replica_writer_unseen(writer, SOURCE, &seen, &sweep, NULL), 0);
	assert_int_equal(sweep.n_gone, 49);
	assert_int_equal(sweep.dropped.recipients, 49);
	assert_int_equal(sweep.dropped.topology, 0);
	assert_int_equal(replica_writer_sweep(writer, SOURCE, &sweep, NULL), 0);
	assert_int_equal(replica_writer_state(writer)->counts.entries, 50);
	assert_int_equal(at("uid=2,dc=x"), 0);
	assert_int_equal(at("uid=3,dc=x"), 3);
	replica_sweep_free(&sweep);
	id_set_free(&seen);
}

static void test_a_cookie_is_good_only_for_what_it_was_made_for(void **state)
{
	struct buf cookie = { 0 };
	uint16_t number;

	(void)state;
	assert_int_equal(replica_writer_cookie(writer, "corp", 7, &cookie, NULL), 0);
	assert_int_equal(replica_writer_source(writer, "corp", &number, NULL), 1);
	assert_int_equal(replica_writer_source(writer, "corp", &number, NULL), 0);
	assert_int_equal(replica_writer_set_cookie(writer, "corp", 7, "abc", 3, NULL), 0);
	assert_int_equal(replica_writer_cookie(writer, "corp", 7, &cookie, NULL), 1);
	assert_string_equal(cookie.data, "abc");
	assert_int_equal(replica_writer_cookie(writer, "corp", 8, &cookie, NULL), 0);
	assert_int_equal(cookie.len, 0);
	assert_int_equal(replica_writer_set_cookie(writer, "corp", 7, "", 0, NULL), 0);
	assert_int_equal(replica_writer_cookie(writer, "corp", 7, &cookie, NULL), 0);
	assert_int_equal(replica_writer_source(writer, "other", &number, NULL), 1);
	assert_int_equal(number, 2);
	buf_free(&cookie);
}

static void test_a_directory_that_is_not_configured_any_more_is_forgotten(void **state)
{
	const char *const titles[] = { "corp" };
	uint16_t number;
	uint64_t id;
	struct entry *entry = make_person(9, "uid=z,dc=y", "z@example.com");

	(void)state;
	assert_int_equal(replica_writer_source(writer, "corp", &number, NULL), 1);
	assert_int_equal(number, SOURCE);
	put(make_person(1, "uid=a,dc=x", "a@example.com"), 1);
	assert_int_equal(replica_writer_source(writer, "old", &number, NULL), 1);
	assert_int_equal(replica_writer_upsert(writer, number, entry, &id, NULL), 1);
	talloc_free(entry);
	assert_int_equal(replica_writer_forget_others(writer, titles, 1, NULL), 1);
	assert_int_equal(replica_writer_forget_others(writer, titles, 1, NULL), 0);
	assert_int_equal(at("uid=a,dc=x"), 1);
	assert_int_equal(at("uid=z,dc=y"), 0);
	assert_int_equal(replica_writer_source(writer, "old", &number, NULL), 1);
}

/* Any order of adds, moves and deletes of a small forest ends like the last state alone. */
static void test_random_changes_end_like_their_last_state(void **state)
{
	static const char *const names[] = { "ou=a", "ou=b", "ou=c", "ou=d", "ou=e", "ou=f" };
	enum { N = WP_COUNT(names), STEPS = 3000 };
	char dn[N][64];
	bool alive[N] = { false };
	unsigned seed = 1;

	(void)state;
	for (int step = 0; step < STEPS; step++) {
		unsigned i, parent;
		bool fits = true;

		seed = seed * 1103515245 + 12345;
		i = seed >> 16 & 0x7fff;
		parent = i / N % (N + 1);
		i %= N;
		if (alive[i] && seed % 5 == 0) {
			bool has_child = false;

			for (unsigned k = 0; k < N; k++)
				has_child |= alive[k] && k != i && strstr(dn[k], dn[i]) != NULL;
			if (has_child)
				continue;
			drop(i + 1, 1);
			alive[i] = false;
			continue;
		}
		/* never below itself */
		fits = parent == N || (parent != i && alive[parent] &&
				       (!alive[i] || strstr(dn[parent], names[i]) == NULL));
		if (!fits)
			continue;
		for (unsigned k = 0; alive[i] && k < N; k++) {
			char *tail = k != i && alive[k] ? strstr(dn[k], dn[i]) : NULL;
			char moved[64];

			if (tail == NULL)
				continue;
			snprintf(moved, sizeof(moved), "%.*s%s,%s", (int)(tail - dn[k]), dn[k],
				 names[i], parent == N ? "dc=x" : dn[parent]);
			memcpy(dn[k], moved, sizeof(moved));
		}
		snprintf(dn[i], sizeof(dn[i]), "%s,%s", names[i], parent == N ? "dc=x" : dn[parent]);
		{
			struct entry *unit = make_unit(i + 1, dn[i]);
			uint64_t id;

			assert_true(replica_writer_upsert(writer, SOURCE, unit, &id, NULL) >= 0);
			talloc_free(unit);
		}
		alive[i] = true;
		for (unsigned k = 0; k < N; k++)
			if (alive[k])
				assert_dn(k + 1, dn[k]);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_an_entry_is_found_by_name_and_unchanged_when_sent_again),
		TEST(test_renaming_a_container_takes_its_children_along),
		TEST(test_children_may_come_before_their_parents),
		TEST(test_a_child_under_the_new_name_may_come_before_the_rename),
		TEST(test_an_entry_may_be_renamed_to_what_was_above_it),
		TEST(test_an_entry_may_be_renamed_to_what_was_far_above_it),
		TEST(test_an_entry_made_anew_may_come_before_its_forerunner_goes),
		TEST(test_two_containers_may_change_places),
		TEST(test_deleting_everything_leaves_nothing),
		TEST(test_addresses_follow_the_entry),
		TEST(test_an_address_on_two_entries_is_a_diagnostic_as_long_as_it_lasts),
		TEST(test_a_malformed_name_is_a_diagnostic_until_it_is_mended),
		TEST(test_a_diagnosed_name_goes_with_its_entry),
		TEST(test_an_entry_with_the_null_uuid_is_left_out),
		TEST(test_a_name_that_is_too_deep_is_left_out),
		TEST(test_a_folder_may_be_moved_below_a_deep_one),
		TEST(test_a_value_that_does_not_fit_is_a_diagnostic_until_it_is_mended),
		TEST(test_another_directory_cannot_delete_the_entry),
		TEST(test_a_sweep_takes_what_was_not_seen),
		TEST(test_a_cookie_is_good_only_for_what_it_was_made_for),
		TEST(test_a_directory_that_is_not_configured_any_more_is_forgotten),
		TEST(test_random_changes_end_like_their_last_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
