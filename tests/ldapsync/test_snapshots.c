/*
 * Snapshots of a replica that changes: whatever is changed, made, deleted and renamed between two
 * commits, the newest one means what all stored entries would give.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/snapshot_file.h"
#include "ldapsync/apply.h"
#include "ldapsync/source.h"
#include "tests/ldapsync/replica_fixture.h"
#include "tests/topology/snapshot_dump.h"
#include "topology/load.h"

#define SUFFIX "cn=Waypost,dc=x"

static const struct apply_directory directory = { "corp", 100 };
static struct apply_config config = { .directories = &directory, .n_directories = 1 };
static struct apply *apply;

static void give(enum event_kind kind, uint64_t number, const void *data, size_t len)
{
	const struct event event = { kind, number, data, len };
	struct err err = { 0 };

	if (apply_event(apply, 0, &event, 1000, &err) < 0)
		fail_msg("%s", err.text);
}

static void commit(void)
{
	struct err err = { 0 };

	if (apply_commit(apply, &err) < 0)
		fail_msg("%s", err.text);
	apply_tidy(apply);
}

/* ---- objects that change ---- */

enum { SITES = 4, LINKS = 4, SERVERS = 6, CONNECTORS = 3, PEOPLE = 3,
       OBJECTS = SITES + LINKS + SERVERS + CONNECTORS + PEOPLE };

struct object {
	unsigned name, value; /* parts of its DN and attributes that changes choose */
	bool is_there;
};

static struct object objects[OBJECTS];
static uint64_t random_state;

static unsigned dice(unsigned n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(random_state >> 33) % n;
}

static const char *text(TALLOC_CTX *ctx, const char *fmt, unsigned a, unsigned b)
{
	char room[128];

	/* Formats are this file's own. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(room, sizeof(room), fmt, a, b);
#pragma GCC diagnostic pop
	return talloc_strdup(ctx, room);
}

/* The entry of object I as it is now: a pure function of its numbers. */
static struct entry *entry_of(TALLOC_CTX *ctx, unsigned i)
{
	unsigned name = objects[i].name, value = objects[i].value;
	const char *rdn = text(ctx, "cn=o%u-%u", i, name), *dn;
	struct entry *entry;

	if (i < SITES) {
		dn = talloc_asprintf(ctx, "%s,cn=Sites," SUFFIX, rdn);
		entry = make_entry(100 + i, dn, (const char *[]){
			"objectClass", "waypostSite", "waypostHubSite", value % 2 ? "TRUE" : "FALSE",
			NULL });
	} else if (i < SITES + LINKS) {
		dn = talloc_asprintf(ctx, "%s,cn=Site Links," SUFFIX, rdn);
		entry = make_entry(100 + i, dn, (const char *[]){
			"objectClass", "waypostSiteLink", "waypostCost", text(ctx, "%u", value, 0),
			"waypostLinkedSite", text(ctx, "cn=o%u-0,cn=Sites," SUFFIX, i % SITES, 0),
			"waypostLinkedSite", text(ctx, "cn=o%u-0,cn=Sites," SUFFIX, value % SITES, 0),
			NULL });
	} else if (i < SITES + LINKS + SERVERS) {
		dn = talloc_asprintf(ctx, "%s,cn=Servers," SUFFIX, rdn);
		entry = make_entry(100 + i, dn, (const char *[]){
			"objectClass", "waypostServer", "waypostSiteDN",
			text(ctx, "cn=o%u-0,cn=Sites," SUFFIX, value % SITES, 0), "waypostServerState",
			value % 3 ? "active" : "draining", "waypostFqdn",
			value % 7 ? text(ctx, "s%u.example.com", i, 0) : "same.example.com", NULL });
	} else if (i < OBJECTS - PEOPLE) {
		dn = talloc_asprintf(ctx, "%s,cn=Send Connectors," SUFFIX, rdn);
		entry = make_entry(100 + i, dn, (const char *[]){
			"objectClass", "waypostSendConnector", "waypostAddressSpace",
			text(ctx, "*.d%u.example;%u", value % 3, 1 + value % 5), "waypostSourceServer",
			text(ctx, "cn=o%u-0,cn=Servers," SUFFIX, SITES + LINKS + value % SERVERS, 0),
			NULL });
	} else {
		dn = talloc_asprintf(ctx, "%s,ou=People,dc=x", rdn);
		entry = make_person(100 + i, dn, text(ctx, "p%u-%u@example.com", i, value));
	}
	return entry;
}

static void give_object(unsigned i)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct entry *entry = entry_of(ctx, i);
	struct buf bytes = { 0 };

	objects[i].is_there = true;
	entry_encode(entry, &bytes);
	give(EVENT_UPSERT, 0, bytes.data, bytes.len);
	buf_free(&bytes);
	talloc_free(entry);
	talloc_free(ctx);
}

static void delete_object(unsigned i)
{
	const struct entry_uuid uuid = make_uuid(100 + i);

	objects[i].is_there = false;
	give(EVENT_DELETE, 0, &uuid, sizeof(uuid));
}

/* Mostly changes of what an entry says, sometimes of its name or of whether it is there. */
static void change_something(void)
{
	unsigned i = dice(OBJECTS), what = dice(12);

	if (what == 0 && objects[i].is_there)
		delete_object(i);
	else if (what == 1)
		objects[i].name = dice(2);
	else
		objects[i].value = 1 + dice(20);
	if (what != 0)
		give_object(i);
}

/* ---- the comparison, in a process of its own: LMDB opens an environment once in each ---- */

static void keep_entry(void *arg, const struct entry *entry)
{
	struct entry_list *list = arg;
	struct buf bytes = { 0 };

	entry_encode(entry, &bytes);
	entry_list_add(NULL, list, entry_decode(NULL, bytes.data, bytes.len, NULL));
	buf_free(&bytes);
}

static int compare_in_child(void)
{
	struct replica *replica = replica_open(config.state_dir);
	struct replica_reader *reader = replica_reader_new(replica);
	struct buf fresh = { 0 }, is = { 0 }, should_be = { 0 };
	struct entry_list entries = { NULL, 0 };
	struct snapshot_source source = snapshot_source_of_list(&entries);
	struct replica_snapshot what;
	struct snapshot_file *file;
	struct snapshot snap;

	if (replica_begin(reader, NULL) < 0 || replica_snapshot(reader, &what, NULL) < 0 ||
	    replica_each_topology(reader, keep_entry, &entries, NULL) < 0 ||
	    snapshot_file_open(config.state_dir, &what, &file, NULL) < 0 ||
	    snapshot_build(&source, NULL, 1, &fresh, NULL) < 0 ||
	    snapshot_open(&snap, fresh.data, fresh.len, NULL) < 0)
		return 2;
	snapshot_dump(&is, snapshot_file_view(file));
	snapshot_dump(&should_be, &snap);
	if (strcmp(is.data, should_be.data) == 0)
		return 0;
	fprintf(stderr, "--- published\n%s--- entries\n%s", is.data, should_be.data);
	return 1;
}

static void compare(void)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(compare_in_child());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- tests ---- */

static int setup(void **state)
{
	struct err err = { 0 };

	if (state_dir_setup(state) < 0)
		return -1;
	config.state_dir = *state;
	memset(objects, 0, sizeof(objects));
	return apply_open(&config, 1000, &apply, &err);
}

static int teardown(void **state)
{
	apply_close(&apply);
	return state_dir_teardown(state);
}

static void first_refresh(void)
{
	give(EVENT_REFRESH, SOURCE_FULL, NULL, 0);
	for (unsigned i = 0; i < OBJECTS; i++) {
		objects[i].value = 1 + i;
		give_object(i);
	}
	give(EVENT_DONE, 1, NULL, 0);
	commit();
}

static void test_a_snapshot_means_what_the_entries_say(void **state)
{
	int rounds = getenv("WP_FULL") != NULL ? 2000 : 150;

	(void)state;
	random_state = 7;
	first_refresh();
	compare();
	for (int round = 0; round < rounds; round++) {
		for (unsigned k = 1 + dice(3); k > 0; k--)
			change_something();
		commit();
		compare();
	}
}

/* What a failed transaction had brought is in no later snapshot. */
static void test_what_was_not_stored_is_in_no_snapshot(void **state)
{
	struct err err = { 0 };

	(void)state;
	first_refresh();
	objects[SITES].value = 9;
	give_object(SITES);
	commit();
	compare();
	objects[SITES].value = 17;
	give_object(SITES);
	apply_close(&apply); /* without a commit */
	assert_int_equal(apply_open(&config, 1000, &apply, &err), 0);
	compare();
	objects[0].value = 6;
	give_object(0);
	commit();
	compare();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_snapshot_means_what_the_entries_say),
		TEST(test_what_was_not_stored_is_in_no_snapshot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
