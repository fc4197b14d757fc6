/*
 * An inbound SMTP session: the server engine on a socket, with the checks that need the
 * directory, and the way of a message into the spool. Loop thread only.
 */
#ifndef WP_DELIVERY_INBOUND_H
#define WP_DELIVERY_INBOUND_H

#include <stdbool.h>

#include "delivery/body_store.h"
#include "delivery/loop.h"

/* Accepts the connection that waits on SERVER, a listener for BINDING ("127.0.0.1:25"). */
void inbound_accept(struct loop *loop, uv_stream_t *server, const char *binding);
/* A commit was answered. */
void inbound_committed(struct loop *loop, struct spool_submit *submit);
/* A chunk of a large body, or the whole file, is written. */
void inbound_body_written(struct loop *loop, struct body_write *write);
/* The snapshot changed: a peer whose certificate is no longer trusted is let go. */
void inbound_view_changed(struct loop *loop);
/* Says 421 to every session, at the latest at the end of its transaction. */
void inbound_stop_all(struct loop *loop);
/* Ends every session now, without a word. */
void inbound_cut_all(struct loop *loop);

#endif
