/*
 * Entries of the topology that a search told of by a few attributes, to be read whole.
 *
 * slapd looks for every attribute of an entry in the list of what is asked for, one after the
 * other. So its persistent search names only what recipients need, and whoever is of the topology
 * is read here, on the same connection, before the sink hears of it: never half, in the order of
 * the telling, and before the cookie that covers it.
 *
 * What is read is the entry's latest state, which may be newer than what was told; then another
 * telling follows. The name is always the one that was told, so that names change in the server's
 * order. An entry that is nowhere any more is left out: its deletion follows.
 *
 * One thread, the session's.
 */
#ifndef WP_LDAPSYNC_WHOLE_READS_H
#define WP_LDAPSYNC_WHOLE_READS_H

#include "ldapsync/session.h"

struct told;

struct whole_reads {
	struct session *session;
	const struct sync_scope *scope;
	struct told *list;
	size_t n, room;
};

/* Embedded; its memory is the session's. */
void whole_reads_init(struct whole_reads *reads, struct session *session,
		      const struct sync_scope *scope);
/* ENTRY, with name and UUID, is to be read; IS_CHANGE as source_change. */
void whole_reads_add(struct whole_reads *reads, const struct entry *entry, bool is_change);
/* Reads all that were told, gives them to the sink, and is empty again. -1: the session is over. */
int whole_reads_run(struct whole_reads *reads, struct err *err) WP_MUST_CHECK;

#endif
