/*
 * One routing snapshot as this host uses it: the mapped image, the host's own server in it,
 * and the network as seen from there.
 *
 * Immutable and counted; made by the watcher, swapped by loops and scheduler between events. A
 * loop holds one reference for all its transactions, each transaction one of its own, so the
 * shared count moves only when snapshots or transactions of different snapshots meet.
 */
#ifndef WP_DELIVERY_VIEW_H
#define WP_DELIVERY_VIEW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/hostfile.h"
#include "common/ipaddr.h"
#include "common/snapshot_file.h"
#include "delivery/queue.h"
#include "topology/viewpoint.h"

struct view {
	atomic_uint refs;
	struct snapshot_file *file;
	const struct snapshot *snap;
	struct viewpoint *viewpoint; /* null without a server object */
	uint32_t server;             /* of this host, or SNAP_NONE */
	bool is_serving;             /* takes mail: hub or edge, and not disabled */
	bool is_edge;
	const char *why;             /* why it does not serve: a sentence, or "" */
	const char *name;            /* cn of the server, or "" */
	const char *fqdn;            /* what it calls itself */
	struct queue_limits limits;  /* its transport settings */
	struct ipaddr *own_addresses; /* of all own servers and edges, ascending */
	size_t own_address_count;
};

/* Takes over FILE. Never fails: a snapshot without this host is a view that does not serve. */
struct view *view_new(const struct hostfile *host, struct snapshot_file *file);
struct view *view_ref(struct view *view);
/* The last step of making a view. */
void view_learn_addresses(struct view *view);
/* Whether the directory gives ADDR to an own server or a subscribed edge: a hint, no proof. */
bool view_is_own_address(const struct view *view, const struct ipaddr *addr);
/* Any thread; null is accepted. */
void view_unref(struct view *view);

#endif
