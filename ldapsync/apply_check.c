/* Events of sources → replica: whether the files are still there. */
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/replica_damage.h"
#include "ldapsync/apply_private.h"

/* The folder by the lock in it: another process could take that of another folder. */
static bool has_folder(const struct apply *apply)
{
	struct stat held, named;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/replica/writer.lock", apply->config.state_dir);
	return fstat(apply->lock_fd, &held) == 0 && stat(path, &named) == 0 &&
	       held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

static int lost(const struct apply *apply, const char *what, struct err *err)
{
	err_set(err, ERR_STORE, 0, "the replica in %s is not what this process has written: %s",
		apply->config.state_dir, what);
	return err_remedy(err, "the next start reads the directory anew where that is needed");
}

int apply_check(const struct apply *apply, struct err *err)
{
	const struct replica_store *store = replica_writer_store(apply->current);

	if (!has_folder(apply))
		return lost(apply, "its folder was removed or replaced", err);
	if (store->env != NULL && replica_damage_look(store, err) != REPLICA_SOUND)
		return -1;
	if (!apply->is_published)
		return 0;
	if (replica_store_current(apply->config.state_dir) != store->generation)
		return lost(apply, "the link \"current\" was removed or changed", err);
	return 0;
}

void apply_mark_damaged(const struct apply *apply)
{
	const struct replica_store *store = replica_writer_store(apply->current);

	if (store->env != NULL)
		replica_damage_mark(store);
}
