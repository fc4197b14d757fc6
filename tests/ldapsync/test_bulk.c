/*
 * A generation that is filled without its indexes ends like one that had them all the time: the
 * same random entries into both, in any order, with parents that come late, names and UUIDs that
 * come twice, shared addresses, transactions that fail.
 */
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

enum { SOURCE = 1, ENTRIES = 1200, UNITS = 40, TRANSACTION = 100, RUNS = 12 };

static unsigned seed;

static unsigned random_below(unsigned n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16 & 0x7fff) % n;
}

/* The name of unit I: a chain, so that parents are named before they come. */
static char *unit_dn(TALLOC_CTX *ctx, unsigned i)
{
	return i < 4 ? talloc_asprintf(ctx, "ou=u%u,dc=x", i) :
		       talloc_asprintf(ctx, "ou=u%u,%s", i, unit_dn(ctx, i / 3));
}

static struct entry *make(unsigned i)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct entry *entry;
	const char *dn;

	if (i < UNITS) {
		entry = make_unit(i + 1, unit_dn(ctx, i));
	} else if (i % 50 == 0) {
		entry = make_site(i + 1, talloc_asprintf(ctx, "cn=s%u,%s", i, unit_dn(ctx, i % UNITS)));
	} else {
		dn = talloc_asprintf(ctx, "uid=p%u,%s", i % 97 == 0 ? i - 1 : i,
				     unit_dn(ctx, (i % 97 == 0 ? i - 1 : i) % UNITS));
		entry = make_person(i + 1, dn, talloc_asprintf(ctx, "p%u@example.com", i / 2 * 2 % 900));
		if (i % 60 == 1)
			entry_add_text(entry, "mail", "no address");
	}
	if (i % 200 == 7)
		entry->dn = "no name";
	talloc_free(ctx);
	return entry;
}

static void shuffle(unsigned *order, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		order[i] = i;
	for (unsigned i = n; i > 1; i--) {
		unsigned j = random_below(i), kept = order[i - 1];

		order[i - 1] = order[j];
		order[j] = kept;
	}
}

static void put(struct replica_writer *writer, unsigned i)
{
	struct entry *entry = make(i);
	uint64_t id;

	assert_true(replica_writer_upsert(writer, SOURCE, entry, &id, NULL) >= 0);
	talloc_free(entry);
}

/* Transactions of a few entries; some are given up and given anew. */
static void fill(struct replica_writer *writer, const unsigned *order, unsigned n, bool fails)
{
	for (unsigned at = 0; at < n;) {
		unsigned end = at + TRANSACTION < n ? at + TRANSACTION : n;

		assert_int_equal(replica_writer_begin(writer, NULL), 0);
		for (unsigned i = at; i < end; i++)
			put(writer, order[i]);
		if (fails && random_below(4) == 0) {
			if (random_below(2) == 0)
				assert_int_equal(replica_writer_index(writer, NULL), 0);
			replica_writer_abort(writer);
			continue;
		}
		assert_int_equal(replica_writer_commit(writer, NULL), 0);
		at = end;
	}
}

/* ---- comparison ---- */

static void assert_same_entry(struct replica_writer *a, struct replica_writer *b, unsigned i)
{
	const struct entry_uuid uuid = make_uuid(i + 1);
	struct replica_writer *writers[] = { a, b };
	struct replica_record records[2];
	char *names[2] = { NULL, NULL };
	int found[2];

	for (int k = 0; k < 2; k++) {
		const struct replica_store *store = replica_writer_store(writers[k]);
		MDB_txn *txn = replica_writer_txn(writers[k]);

		found[k] = replica_store_by_uuid(store, txn, &uuid, &records[k], NULL);
		if (found[k] == 1)
			names[k] = replica_store_dn(store, txn, NULL, &records[k], false, NULL);
	}
	assert_int_equal(found[0], found[1]);
	if (found[0] == 1) {
		assert_string_equal(names[0], names[1]);
		assert_int_equal(records[0].recipient_len, records[1].recipient_len);
		assert_int_equal(records[0].entry_len, records[1].entry_len);
	}
	talloc_free(names[0]);
	talloc_free(names[1]);
}

/* How many bear an address, and who is found under a name. */
static size_t bearers(struct replica_writer *writer, const char *address)
{
	uint64_t hash = replica_hash(address);
	MDB_val ids;
	int rc = replica_store_get(replica_writer_txn(writer), replica_writer_store(writer)->address,
				   &hash, sizeof(hash), &ids, NULL);

	return rc == 1 ? replica_id_count(&ids) : 0;
}

static size_t rows(struct replica_writer *writer, MDB_dbi table)
{
	MDB_stat stat;

	assert_int_equal(mdb_stat(replica_writer_txn(writer), table, &stat), 0);
	return stat.ms_entries;
}

static void assert_same(struct replica_writer *a, struct replica_writer *b)
{
	const struct replica_store *x = replica_writer_store(a), *y = replica_writer_store(b);
	char address[32];

	assert_int_equal(replica_writer_begin(a, NULL), 0);
	assert_int_equal(replica_writer_begin(b, NULL), 0);
	assert_memory_equal(&replica_writer_state(a)->counts, &replica_writer_state(b)->counts,
			    sizeof(struct replica_counts));
	for (unsigned i = 0; i < ENTRIES; i++)
		assert_same_entry(a, b, i);
	for (unsigned i = 0; i < 900; i++) {
		snprintf(address, sizeof(address), "p%u@example.com", i);
		assert_int_equal(bearers(a, address), bearers(b, address));
	}
	assert_int_equal(rows(a, x->entry), rows(b, y->entry));
	assert_int_equal(rows(a, x->uuid), rows(b, y->uuid));
	assert_int_equal(rows(a, x->child), rows(b, y->child));
	assert_int_equal(rows(a, x->address), rows(b, y->address));
	assert_int_equal(rows(a, x->topology), rows(b, y->topology));
	assert_int_equal(rows(a, x->diagnostic), rows(b, y->diagnostic));
	assert_true(rows(a, x->diagnostic) > 0);
	replica_writer_abort(a);
	replica_writer_abort(b);
}

static void finish(struct replica_writer *writer)
{
	assert_int_equal(replica_writer_begin(writer, NULL), 0);
	assert_int_equal(replica_writer_index(writer, NULL), 0);
	assert_int_equal(replica_writer_commit(writer, NULL), 0);
}

/* Deletes and puts some again, in both the same. */
static void change(struct replica_writer *writer, unsigned first_seed)
{
	seed = first_seed;
	assert_int_equal(replica_writer_begin(writer, NULL), 0);
	for (int k = 0; k < 300; k++) {
		unsigned i = random_below(ENTRIES);
		const struct entry_uuid uuid = make_uuid(i + 1);

		if (random_below(2) == 0)
			put(writer, i);
		else
			assert_true(replica_writer_delete(writer, SOURCE, &uuid, NULL) >= 0);
	}
	assert_int_equal(replica_writer_commit(writer, NULL), 0);
}

static void run(const char *state_dir, unsigned number, unsigned n)
{
	struct replica_writer *bulk, *plain;
	unsigned order[ENTRIES];

	seed = number + 1;
	shuffle(order, n);
	assert_int_equal(replica_writer_open(state_dir, 2 * number + 1, true, &bulk, NULL), 0);
	assert_int_equal(replica_writer_open(state_dir, 2 * number + 2, false, &plain, NULL), 0);
	fill(bulk, order, n, true);
	fill(plain, order, n, false);
	finish(bulk);
	assert_same(bulk, plain);
	change(bulk, number + 7);
	change(plain, number + 7);
	assert_same(bulk, plain);
	replica_writer_close(&bulk);
	replica_writer_close(&plain);
}

static void test_a_bulk_load_ends_like_any_other(void **state)
{
	for (unsigned number = 0; number < RUNS; number++)
		run(*state, number, ENTRIES);
}

static void test_a_load_can_be_asked_before_it_ends(void **state)
{
	const struct entry_uuid known = make_uuid(51), unknown = make_uuid(4711);
	struct replica_writer *writer;
	uint64_t id;

	assert_int_equal(replica_writer_open(*state, 1, true, &writer, NULL), 0);
	assert_int_equal(replica_writer_begin(writer, NULL), 0);
	put(writer, 51 - 1);
	put(writer, 52 - 1);
	assert_int_equal(replica_writer_find(writer, &known, &id, NULL), 0);
	assert_true(id != 0);
	assert_int_equal(replica_writer_find(writer, &unknown, &id, NULL), 0);
	assert_true(id == 0);
	assert_int_equal(replica_writer_delete(writer, SOURCE, &unknown, NULL), 0);
	assert_int_equal(rows(writer, replica_writer_store(writer)->uuid), 0); /* not yet */
	assert_int_equal(replica_writer_delete(writer, SOURCE, &known, NULL), 1);
	assert_int_equal(rows(writer, replica_writer_store(writer)->uuid), 1);
	replica_writer_close(&writer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, state_dir_setup, state_dir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_bulk_load_ends_like_any_other),
		TEST(test_a_load_can_be_asked_before_it_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
