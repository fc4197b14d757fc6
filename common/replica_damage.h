/*
 * What LMDB cannot notice: a file that was cut, overwritten, removed or replaced under it.
 *
 * LMDB maps its file and believes it. Pages have no checksum, and whoever reads behind the end of a
 * file that was cut gets SIGBUS. So a generation is looked at when it is opened and now and then
 * while it is used, and who meets damage, or dies of it, leaves a mark: STATE/replica/g<N>/damaged.
 * Readers do not use a generation with a mark. ldapsync reads such a one whole in a child process
 * (ldapsync/replica_probe.h): if there is nothing wrong with it the mark goes, else all is read
 * from the directory anew.
 *
 * Any thread; the signal handlers are the process's.
 */
#ifndef WP_COMMON_REPLICA_DAMAGE_H
#define WP_COMMON_REPLICA_DAMAGE_H

#include "common/replica_store.h"

enum replica_health {
	REPLICA_SOUND,
	REPLICA_GONE,    /* its file has no name any more, or another has it; what is open is whole */
	REPLICA_DAMAGED, /* it is shorter than it says, or has a mark: not to be touched */
};

/* With ERR (ERR_STORE) if it is not sound. STORE is open. */
enum replica_health replica_damage_look(const struct replica_store *store, struct err *err);
/* Whether ERR, of a call that used a replica, tells of damage. */
bool replica_damage_is(const struct err *err);
void replica_damage_mark(const struct replica_store *store);
/* Whether the writer died of something else while it had the generation open. */
bool replica_damage_is_suspected(const char *state_dir, uint64_t generation);
void replica_damage_unmark(const char *state_dir, uint64_t generation);

/*
 * From now on this process marks a store that it has open when it dies of its map, by SIGBUS or
 * SIGSEGV. The writer suspects its stores also when it dies otherwise, by SIGABRT too: what is wrong
 * on a page may have been copied into its memory. Readers go on with what is only suspected. Once, by
 * a daemon.
 */
void replica_damage_catch(bool is_writer);
/* The store's environment is open. At most some dozens at a time; others go without. */
void replica_damage_watch(const struct replica_store *store);
/* Before the store is closed. */
void replica_damage_unwatch(const struct replica_store *store);

#endif
