/* Events of sources → replica: start and end, generations on the disk. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/fsutil.h"
#include "common/snapshot_file.h"
#include "ldapsync/apply_private.h"
#include "ldapsync/publish.h"

static void generation_path(const struct apply *apply, uint64_t number, char path[static PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/replica/g%llu", apply->config.state_dir,
		 (unsigned long long)number);
}

void apply_remove_generation(const struct apply *apply, uint64_t number)
{
	char path[PATH_MAX];

	generation_path(apply, number, path);
	fs_remove_flat(path);
}

void apply_drop_building(struct apply *apply)
{
	uint64_t number;

	if (apply->building == NULL)
		return;
	number = replica_writer_generation(apply->building);
	replica_writer_close(&apply->building);
	apply_remove_generation(apply, number);
}

/* Generations other than KEEP are what a crash left behind. The highest number seen. */
static uint64_t remove_other_generations(const struct apply *apply, uint64_t keep)
{
	uint64_t number, highest = keep;
	char path[PATH_MAX];
	struct dirent *item;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/replica", apply->config.state_dir);
	dir = opendir(path);
	while (dir != NULL && (item = readdir(dir)) != NULL) {
		if (item->d_name[0] != 'g' || !parse_u64(item->d_name + 1, strlen(item->d_name + 1),
							 UINT64_MAX - 1, &number))
			continue;
		if (number > highest)
			highest = number;
		if (number != keep)
			apply_remove_generation(apply, number);
	}
	if (dir != NULL)
		closedir(dir);
	return highest;
}

static int take_lock(struct apply *apply, struct err *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/replica", apply->config.state_dir);
	if (fs_mkdirs(path, 0750, err) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/replica/writer.lock", apply->config.state_dir);
	apply->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (apply->lock_fd < 0)
		return err_errno(err, "cannot open %s", path);
	if (flock(apply->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		err_errno(err, "%s", path);
		return err_remedy(err, "another waypost-ldapsync works on this state directory");
	}
	return 0;
}

/* Opens what readers use, or begins a generation unseen. */
static int open_current(struct apply *apply, struct err *err)
{
	uint64_t number = replica_store_current(apply->config.state_dir);
	uint64_t highest = remove_other_generations(apply, number);

	if (number != 0 && replica_writer_open(apply->config.state_dir, number, false,
					       &apply->current, err) == 0) {
		apply->is_published = true;
		for (size_t i = 0; i < apply->config.n_directories; i++)
			apply->directories[i].is_ready = true;
		return 0;
	}
	/* A damaged one is left to its readers until a new one takes its place. */
	return replica_writer_open(apply->config.state_dir, highest + 1, true, &apply->current,
				   err);
}

/* An image that cannot be had is made again from the entries, but for one that is pinned: the
 * entries are not those it was made from. Mail goes on by the newest then. */
static int mend_images(struct apply *apply, struct err *err)
{
	const struct replica_snapshot *newest = replica_writer_newest(apply->current);
	const struct replica_snapshot live = replica_writer_state(apply->current)->snapshot;
	struct history_entry entry;
	int rc;

	if (replica_writer_pinned_since(apply->current) != 0 &&
	    !publish_is_intact(apply->config.state_dir, &live, NULL) &&
	    apply_lose_pin(apply, &live, err) < 0)
		return -1;
	if (!publish_is_intact(apply->config.state_dir, newest, NULL))
		return apply_publish(apply, apply->current, HISTORY_REPAIR, &apply->snapshot_hold,
				     err);
	rc = replica_store_find_history(replica_writer_store(apply->current),
					replica_writer_txn(apply->current), newest->number, &entry,
					err);
	return rc == 0 ? publish_found(apply->current, apply->config.state_dir, apply->now_ms, err) :
			 rc < 0 ? -1 : 0;
}

/* Every directory has its number before it says a word: its share is known. */
static int number_directories(struct apply *apply, struct err *err)
{
	for (size_t i = 0; i < apply->config.n_directories; i++) {
		struct directory *d = &apply->directories[i];

		if (replica_writer_source(apply->current, d->config->title, &d->current_number,
					  err) < 0)
			return -1;
	}
	return 0;
}

/* The first transaction: what a crash left to mend. */
static int mend(struct apply *apply, struct err *err)
{
	if (replica_writer_begin(apply->current, err) < 0)
		return -1;
	if (apply->is_published) {
		replica_writer_list_changes(apply->current);
		if (mend_images(apply, err) < 0 ||
		    replica_writer_prune(apply->current, &apply->config.history, apply->now_ms,
					 err) < 0)
			return -1;
	} else {
		/* Numbers stay unique even if the replica is lost and its images are not. */
		replica_writer_newest(apply->current)->number =
			snapshot_file_highest(apply->config.state_dir);
	}
	if (number_directories(apply, err) < 0)
		return -1;
	return apply_commit_writer(apply, apply->current, err);
}

int apply_open(const struct apply_config *config, uint64_t wall_ms, struct apply **apply_r,
	       struct err *err)
{
	struct apply *apply = mem_zero(1, sizeof(*apply) + config->n_directories *
							   sizeof(struct directory));

	apply->config = *config;
	apply->now_ms = wall_ms;
	apply->lock_fd = -1;
	apply->publisher = publisher_new();
	for (size_t i = 0; i < config->n_directories; i++)
		apply->directories[i].config = &config->directories[i];
	if (take_lock(apply, err) < 0 || open_current(apply, err) < 0 ||
	    mend(apply, err) < 0) {
		apply_close(&apply);
		return -1;
	}
	apply_tidy(apply);
	*apply_r = apply;
	return 0;
}

void apply_close(struct apply **apply)
{
	struct apply *a = *apply;

	if (a == NULL)
		return;
	apply_drop_building(a);
	replica_writer_close(&a->current);
	publisher_free(&a->publisher);
	for (size_t i = 0; i < a->config.n_directories; i++)
		apply_forget_refresh(&a->directories[i]);
	if (a->lock_fd >= 0)
		close(a->lock_fd);
	free(a);
	*apply = NULL;
}
