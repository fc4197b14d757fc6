/* A damaged replica, read in a process that may die of it. */
#include "ldapsync/replica_probe.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/entry.h"
#include "common/replica_store.h"

enum { FREE_PAGES, MAIN_TABLE, N_OWN_TABLES }; /* LMDB's own */

static void read_octets(const MDB_val *value)
{
	const volatile uint8_t *octets = value->mv_data; /* no compiler leaves it out */

	for (size_t i = 0; i < value->mv_size; i++)
		(void)octets[i];
}

/* Every octet of the table; as many entries as it says, for pages may lead round in circles. */
static bool read_table(MDB_txn *txn, MDB_dbi table)
{
	MDB_val key, value;
	MDB_cursor *cursor;
	MDB_stat stat;
	size_t n = 0;
	int rc;

	if (mdb_stat(txn, table, &stat) != 0 || mdb_cursor_open(txn, table, &cursor) != 0)
		return false;
	while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0 && ++n <= stat.ms_entries) {
		read_octets(&key);
		read_octets(&value);
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND && n == stat.ms_entries;
}

static int read_entry(void *ctx, const struct replica_record *record, struct err *err)
{
	struct entry *entry;

	(void)ctx;
	if (record->entry == NULL)
		return 0;
	entry = entry_decode(NULL, record->entry, record->entry_len, err);
	if (entry == NULL)
		return -1;
	talloc_free(entry);
	return 0;
}

static bool read_all(const struct replica_store *store)
{
	const MDB_dbi tables[] = { FREE_PAGES, MAIN_TABLE, store->meta, store->entry, store->uuid,
				   store->child, store->address, store->topology,
				   store->diagnostic, store->history };
	struct replica_state state;
	struct err err;
	MDB_txn *txn;

	if (mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn) != 0)
		return false;
	for (size_t i = 0; i < WP_COUNT(tables); i++)
		if (!read_table(txn, tables[i]))
			return false;
	return replica_store_state(store, txn, &state, &err) == 1 &&
	       replica_store_each_record(store, txn, read_entry, NULL, &err) == 0;
}

/* Dying of it is one of the answers, and nobody is to be told of that. */
static void be_child(const char *state_dir, uint64_t number)
{
	struct replica_store store;
	struct err err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGBUS, SIG_DFL);
	signal(SIGSEGV, SIG_DFL);
	signal(SIGABRT, SIG_DFL);
	if (replica_store_open(&store, state_dir, number, 0, &err) < 0)
		_exit(1);
	_exit(read_all(&store) ? 0 : 1);
}

int replica_probe(const char *state_dir, uint64_t number, struct err *err)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		be_child(state_dir, number);
	if (pid < 0)
		return err_errno(err, "no process to read the replica in");
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_errno(err, "the process that reads the replica");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return err_set(err, ERR_STORE, MDB_CORRUPTED, "replica: generation %llu is damaged",
		       (unsigned long long)number);
}
