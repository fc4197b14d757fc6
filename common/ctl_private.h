/*
 * What the control thread (ctl_server.c) and the answers of other threads (ctl_call.c) share.
 *
 * A connection is owned by the control thread, which alone reads, writes and closes its
 * descriptor. Calls hold references to it and, under its lock, append to its output. It is
 * freed with the last reference, so a call outlives its client and even the server.
 */
#ifndef WP_COMMON_CTL_PRIVATE_H
#define WP_COMMON_CTL_PRIVATE_H

#include <pthread.h>
#include <sys/queue.h>

#include "common/buf.h"
#include "common/ctl_proto.h"
#include "common/ctl_server.h"

struct ctl_conn {
	/* the control thread's */
	TAILQ_ENTRY(ctl_conn) link;
	int fd;
	enum ctl_right right;
	struct buf in;
	bool has_line; /* a request waits until the client may ask again */
	bool is_ended; /* nothing more comes in */
	uint64_t heard; /* rises with everybody that is heard */

	pthread_mutex_t lock; /* of all below */
	unsigned references, n_calls;
	struct buf out;
	bool is_gone; /* answers vanish */
	int wake_fd;  /* the control thread's eventfd, while not gone */
};

struct ctl_conn *ctl_conn_new(int fd, int wake_fd, enum ctl_right right);
void ctl_conn_unref(struct ctl_conn *conn);
/* A new call, counted, with a reference of its own. */
struct ctl_call *ctl_call_new(struct ctl_conn *conn, int64_t id);
/* A line that answers no call. */
void ctl_conn_refuse(struct ctl_conn *conn, const struct err *e);

#endif
