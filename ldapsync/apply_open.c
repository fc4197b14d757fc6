/* Events of sources → replica: start and end, generations on the disk. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/fsutil.h"
#include "common/log.h"
#include "common/replica_damage.h"
#include "common/snapshot_file.h"
#include "ldapsync/apply_private.h"
#include "ldapsync/publish.h"
#include "ldapsync/replica_probe.h"

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

/* Whether it is the generation that is wrong, not rights, memory or descriptors. */
static bool is_about_generation(const struct err *why)
{
	return why->domain == ERR_STORE && (why->code <= 0 || why->code == ENOENT);
}

/* 1: the generation can be gone on with, 0: it cannot, -1: it is not known. */
static int judge(const struct apply *apply, uint64_t number, struct err *err)
{
	const char *state_dir = apply->config.state_dir;
	struct replica_store store;

	if (replica_store_open(&store, state_dir, number, MDB_RDONLY, err) == 0) {
		replica_store_close(&store);
		if (!replica_damage_is_suspected(state_dir, number))
			return 1;
		err_set(err, ERR_STORE, MDB_CORRUPTED, "replica: the process that wrote it died");
	}
	if (!is_about_generation(err))
		return -1;
	log_warn("%s", err->text);
	if (!replica_damage_is(err) || replica_probe(state_dir, number, err) < 0) {
		log_warn("generation %llu of the replica is not gone on with: the directory is read anew",
			 (unsigned long long)number);
		return 0;
	}
	log_info("all of the replica could be read: it is gone on with");
	replica_damage_unmark(state_dir, number);
	return 1;
}

/* Opens what readers use, or begins a generation unseen. A damaged one stays where it is until the
 * new one takes its place; readers know it by its mark. */
static int open_current(struct apply *apply, struct err *err)
{
	uint64_t number = replica_store_current(apply->config.state_dir);
	uint64_t highest = remove_other_generations(apply, number);
	int rc = number != 0 ? judge(apply, number, err) : 0;

	if (rc < 0)
		return -1;
	apply->is_published = rc == 1;
	for (size_t i = 0; i < apply->config.n_directories; i++)
		apply->directories[i].is_ready = apply->is_published;
	return replica_writer_open(apply->config.state_dir, rc == 1 ? number : highest + 1, rc == 0,
				   &apply->current, err);
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

static bool is_at_rest(const struct apply *apply)
{
	for (size_t i = 0; i < apply->config.n_directories; i++)
		if (apply->directories[i].phase != APPLY_LIVE)
			return false;
	return !replica_writer_is_open(apply->current);
}

int apply_mend_image(struct apply *apply, uint64_t wall_ms, struct err *err)
{
	const struct replica_snapshot *live = &apply->status.snapshot;

	if (!apply->is_published || live->number == 0 || !is_at_rest(apply) ||
	    snapshot_file_is_there(apply->config.state_dir, live))
		return 0;
	log_warn("the image of snapshot %llu is gone from the disk: it is made again",
		 (unsigned long long)live->number);
	apply->now_ms = wall_ms;
	if (replica_writer_begin(apply->current, err) < 0 || mend_images(apply, err) < 0 ||
	    apply_commit_writer(apply, apply->current, err) < 0)
		return apply_fail(apply);
	return 0;
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

/* Damage may show only now; then everything is begun anew, once. */
static int open_and_mend(struct apply *apply, struct err *err)
{
	if (open_current(apply, err) < 0)
		return -1;
	if (mend(apply, err) == 0)
		return 0;
	if (!apply->is_published || !replica_damage_is(err))
		return -1;
	apply_mark_damaged(apply);
	replica_writer_close(&apply->current);
	return open_current(apply, err) < 0 || mend(apply, err) < 0 ? -1 : 0;
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
	if (take_lock(apply, err) < 0 || open_and_mend(apply, err) < 0) {
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
