/*
 * An image in words, for comparing what two of them mean: where texts and lists lie does not show.
 */
#ifndef WP_TESTS_TOPOLOGY_SNAPSHOT_DUMP_H
#define WP_TESTS_TOPOLOGY_SNAPSHOT_DUMP_H

#include "common/buf.h"
#include "topology/snapshot.h"

/* Every record, the address-space index and the diagnostics, a line each, into OUT (emptied
 * first). Look-ups of servers by name and DN are tried on the way: cmocka fails. */
void snapshot_dump(struct buf *out, const struct snapshot *snap);

#endif
