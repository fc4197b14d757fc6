/* Files of the replica that are not what they were. */
#include "common/replica_damage.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MARK "damaged"
#define SUSPICION "suspect"

enum { MAPS_MAX = 64, LOOKS = 5 };

/* ---- marks ---- */

static void name_in(const struct replica_store *store, const char *name, char path[static PATH_MAX])
{
	const char *dir = "";

	mdb_env_get_path(store->env, &dir);
	snprintf(path, PATH_MAX, "%s/%s", dir, name);
}

/* Safe in a signal handler. */
static void leave_mark(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);

	if (fd >= 0)
		close(fd);
}

void replica_damage_mark(const struct replica_store *store)
{
	char path[PATH_MAX];

	name_in(store, MARK, path);
	leave_mark(path);
}

void replica_damage_unmark(const char *state_dir, uint64_t generation)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/replica/g%" PRIu64 "/" MARK, state_dir, generation);
	unlink(path);
	snprintf(path, sizeof(path), "%s/replica/g%" PRIu64 "/" SUSPICION, state_dir, generation);
	unlink(path);
}

bool replica_damage_is_suspected(const char *state_dir, uint64_t generation)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/replica/g%" PRIu64 "/" SUSPICION, state_dir, generation);
	return access(path, F_OK) == 0;
}

bool replica_damage_is(const struct err *err)
{
	if (err->domain != ERR_STORE)
		return false;
	switch (err->code) {
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID:
	case MDB_CURSOR_FULL:
		return true;
	default:
		return false;
	}
}

/* ---- a look ---- */

static enum replica_health damaged(struct err *err, const char *what)
{
	err_set(err, ERR_STORE, MDB_CORRUPTED, "replica: %s", what);
	err_remedy(err, "waypost-ldapsync reads the directory anew by itself: see its log");
	return REPLICA_DAMAGED;
}

/* The length first: where it is less than two pages not even LMDB's own words may be read. */
static bool is_short(const struct replica_store *store, off_t size)
{
	MDB_envinfo info;

	return size < 2 * (off_t)store->page_bytes || mdb_env_info(store->env, &info) != 0 ||
	       size < (off_t)((info.me_last_pgno + 1) * store->page_bytes);
}

/* Between a commit and replica_store_lengthen a file may be too short for a moment: not for longer. */
static bool was_cut(const struct replica_store *store, int fd, struct stat *file_r)
{
	const struct timespec moment = { .tv_nsec = 20 * 1000000L };

	for (int looks = 0; fstat(fd, file_r) == 0; nanosleep(&moment, NULL)) {
		if (!is_short(store, file_r->st_size))
			return false;
		if (++looks == LOOKS)
			break;
	}
	return true;
}

enum replica_health replica_damage_look(const struct replica_store *store, struct err *err)
{
	struct stat opened, named;
	char path[PATH_MAX];
	int fd;

	if (mdb_env_get_fd(store->env, &fd) != 0)
		return damaged(err, "its file cannot be looked at");
	name_in(store, MARK, path);
	if (access(path, F_OK) == 0)
		return damaged(err, "somebody has found damage in it");
	if (was_cut(store, fd, &opened))
		return damaged(err, "its file was cut");
	name_in(store, "data.mdb", path);
	if (stat(path, &named) == 0 && named.st_dev == opened.st_dev &&
	    named.st_ino == opened.st_ino)
		return REPLICA_SOUND;
	err_set(err, ERR_STORE, 0, "replica: %s was removed or replaced", path);
	err_remedy(err, "waypost-ldapsync reads the directory anew by itself: see its log");
	return REPLICA_GONE;
}

/* ---- who dies of it ---- */

/* The maps of open stores. A slot is free while its END is 0; END is set last and cleared first. */
static struct watched {
	_Atomic uintptr_t end;
	uintptr_t begin;
	const MDB_env *env;
	char mark[PATH_MAX], suspicion[PATH_MAX];
} maps[MAPS_MAX];
static pthread_mutex_t maps_mutex = PTHREAD_MUTEX_INITIALIZER;
static const int caught[] = { SIGBUS, SIGSEGV, SIGABRT };
static struct sigaction before[WP_COUNT(caught)];
static bool suspects_all;

/* What would have been done without us is done when the instruction fails once more. */
static void on_fault(int number, siginfo_t *info, void *context)
{
	static const char text[] = "waypost: this process dies of a damaged replica, which is looked over "
				   "when waypost-ldapsync starts\n";
	uintptr_t at = number != SIGABRT ? (uintptr_t)info->si_addr : 0, end;
	bool is_marked = false;

	(void)context;
	for (size_t i = 0; i < MAPS_MAX; i++) {
		end = atomic_load(&maps[i].end);
		if (end != 0 && at < end && at >= maps[i].begin) {
			leave_mark(maps[i].mark);
			is_marked = true;
		} else if (end != 0 && suspects_all) {
			leave_mark(maps[i].suspicion);
		}
	}
	if (is_marked && write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		is_marked = false; /* nobody is left to tell */
	for (size_t i = 0; i < WP_COUNT(caught); i++)
		if (caught[i] == number)
			sigaction(number, &before[i], NULL);
}

void replica_damage_catch(bool is_writer)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	suspects_all = is_writer;
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < WP_COUNT(caught); i++)
		if (is_writer || caught[i] != SIGABRT)
			sigaction(caught[i], &action, &before[i]);
}

/* Where the file is mapped: LMDB does not tell. */
static bool find_map(const struct replica_store *store, uintptr_t *begin_r, uintptr_t *end_r)
{
	FILE *list = fopen("/proc/self/maps", "re");
	bool is_found = false;
	struct stat file;
	char *line = NULL;
	size_t cap = 0;
	uintmax_t ino;
	int fd;

	if (mdb_env_get_fd(store->env, &fd) != 0 || fstat(fd, &file) < 0)
		file.st_ino = 0;
	while (list != NULL && !is_found && getline(&line, &cap, list) > 0)
		is_found = sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %*s %*s %*s %" SCNuMAX, begin_r,
				  end_r, &ino) == 3 && ino == file.st_ino &&
			   strstr(line, "/data.mdb") != NULL;
	free(line);
	if (list != NULL)
		fclose(list);
	return is_found;
}

void replica_damage_watch(const struct replica_store *store)
{
	uintptr_t begin, end;

	if (!find_map(store, &begin, &end))
		return;
	pthread_mutex_lock(&maps_mutex);
	for (size_t i = 0; i < MAPS_MAX; i++) {
		if (atomic_load(&maps[i].end) != 0)
			continue;
		maps[i].begin = begin;
		maps[i].env = store->env;
		name_in(store, MARK, maps[i].mark);
		name_in(store, SUSPICION, maps[i].suspicion);
		atomic_store(&maps[i].end, end);
		break;
	}
	pthread_mutex_unlock(&maps_mutex);
}

void replica_damage_unwatch(const struct replica_store *store)
{
	pthread_mutex_lock(&maps_mutex);
	for (size_t i = 0; i < MAPS_MAX; i++)
		if (atomic_load(&maps[i].end) != 0 && maps[i].env == store->env)
			atomic_store(&maps[i].end, 0);
	pthread_mutex_unlock(&maps_mutex);
}
