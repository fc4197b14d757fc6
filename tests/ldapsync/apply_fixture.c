/* What the tests of apply.h share: a replica that is told events, and its readers. */
#include "tests/ldapsync/apply_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/replica_recipients.h"
#include "common/snapshot_file.h"
#include "tests/ldapsync/replica_fixture.h"

static struct apply_directory directories[2] = { { "corp", 20 }, { "more", 20 } };
struct apply_config config = { .directories = directories, .n_directories = 1,
					.history = { .snapshots = KEEP } };
struct apply *apply;

void open_apply(void)
{
	struct err err = { 0 };

	if (apply_open(&config, 1000, &apply, &err) < 0)
		fail_msg("%s", err.text);
}

int apply_setup(void **state)
{
	if (state_dir_setup(state) < 0)
		return -1;
	config.state_dir = *state;
	config.directories = directories;
	config.n_directories = 1;
	open_apply();
	return 0;
}

int apply_teardown(void **state)
{
	apply_close(&apply);
	return state_dir_teardown(state);
}

void give(size_t directory, enum event_kind kind, uint64_t number, const void *data,
		 size_t len)
{
	const struct event event = { kind, number, data, len };
	struct err err = { 0 };

	if (apply_event(apply, directory, &event, 1000, &err) < 0)
		fail_msg("%s", err.text);
}

void give_entry(size_t directory, struct entry *entry)
{
	struct buf bytes = { 0 };

	entry_encode(entry, &bytes);
	give(directory, EVENT_UPSERT, 0, bytes.data, bytes.len);
	buf_free(&bytes);
	talloc_free(entry);
}

void give_uuid(size_t directory, enum event_kind kind, unsigned id)
{
	const struct entry_uuid uuid = make_uuid(id);

	give(directory, kind, 0, &uuid, sizeof(uuid));
}

void give_person(size_t directory, unsigned id)
{
	char dn[64], mail[64];

	snprintf(dn, sizeof(dn), "uid=%u,ou=People,dc=x", id);
	snprintf(mail, sizeof(mail), "u%u@example.com", id);
	give_entry(directory, make_person(id, dn, mail));
}

void commit(void)
{
	struct err err = { 0 };

	if (apply_commit(apply, &err) < 0)
		fail_msg("%s", err.text);
	apply_tidy(apply);
}

void refresh(size_t directory, enum source_refresh kind, unsigned n, const char *cookie)
{
	give(directory, EVENT_REFRESH, kind, NULL, 0);
	give_entry(directory, make_site(1, "cn=S,cn=Sites,dc=x"));
	give_entry(directory, make_server(2, "cn=H,cn=Servers,dc=x", "cn=S,cn=Sites,dc=x"));
	for (unsigned i = 0; i < n; i++)
		give_person(directory, 100 + i);
	give(directory, EVENT_COOKIE, BINDING, cookie, strlen(cookie));
	give(directory, EVENT_DONE, 1, NULL, 0);
	commit();
}

/* ---- what a reader sees ---- */

struct view {
	struct replica *replica;
	struct replica_reader *reader;
	bool is_there;
};

static struct view look(void)
{
	struct view view = { .replica = replica_open(config.state_dir) };

	view.reader = replica_reader_new(view.replica);
	view.is_there = replica_begin(view.reader, NULL) == 0;
	return view;
}

static void look_away(struct view *view)
{
	if (view->is_there)
		replica_end(view->reader);
	replica_reader_free(&view->reader);
	replica_close(&view->replica);
}

/* In a process of its own: LMDB allows one open of an environment per process. */
static bool in_child(bool (*test)(unsigned arg), unsigned arg)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(test(arg) ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) == 0;
}

static bool child_sees_replica(unsigned arg)
{
	struct view view = look();
	bool there = view.is_there;

	(void)arg;
	look_away(&view);
	return there;
}

static bool child_finds(unsigned id)
{
	struct view view = look();
	struct recipient list[4];
	char mail[64];
	int n = 0;

	if (view.is_there) {
		struct recipient_source source = replica_recipient_source(view.reader);

		snprintf(mail, sizeof(mail), "u%u@example.com", id);
		n = source.by_address(source.ctx, mail, list, 4, NULL);
	}
	look_away(&view);
	return n == 1;
}

static bool child_snapshot_has_sites(unsigned n)
{
	struct view view = look();
	struct replica_snapshot what;
	struct snapshot_file *file;
	bool right = false;

	if (view.is_there && replica_snapshot(view.reader, &what, NULL) == 0 &&
	    snapshot_file_open(config.state_dir, &what, &file, NULL) == 0) {
		right = snap_count(snapshot_file_view(file), SNAP_SITES) == n;
		snapshot_file_unref(&file);
	}
	look_away(&view);
	return right;
}

static bool count_recipient(void *arg, const struct recipient *recipient)
{
	*(unsigned *)arg += strstr(recipient->primary, "@example.com") != NULL;
	return true;
}

static bool child_walks_over(unsigned n)
{
	struct view view = look();
	unsigned seen = 0;
	int rc = -1;

	if (view.is_there)
		rc = replica_recipients_each(view.reader, count_recipient, &seen, NULL);
	look_away(&view);
	return rc == 0 && seen == n;
}

bool walks_over(unsigned n)
{
	return in_child(child_walks_over, n);
}

bool sees_replica(void)
{
	return in_child(child_sees_replica, 0);
}

bool finds(unsigned id)
{
	return in_child(child_finds, id);
}

bool snapshot_has_sites(unsigned n)
{
	return in_child(child_snapshot_has_sites, n);
}

uint64_t snapshot_now(void)
{
	struct apply_status status;

	apply_status(apply, &status);
	return status.snapshot.number;
}

bool has_cookie(size_t directory, const char *text)
{
	struct buf cookie = { 0 };
	bool same;

	assert_int_equal(apply_cookie(apply, directory, BINDING, &cookie, NULL), 0);
	same = cookie.len == strlen(text) && (cookie.len == 0 || memcmp(cookie.data, text,
									cookie.len) == 0);
	buf_free(&cookie);
	return same;
}
