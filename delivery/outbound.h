/*
 * An outbound connection: finds the addresses of a plan's hosts, connects to the first that
 * answers, proves its identity, and runs the client engine. Opened and fed at the scheduler's
 * order only. Loop thread only.
 */
#ifndef WP_DELIVERY_OUTBOUND_H
#define WP_DELIVERY_OUTBOUND_H

#include "delivery/loop.h"

/* Carries out a MAIL_CONNECT; takes ORDER. */
void outbound_connect(struct loop *loop, struct connect_order *order);
/* MAIL_DISCONNECT: quits after what it has; takes ORDER. */
void outbound_disconnect(struct loop *loop, struct connect_order *order);
/*
 * MAIL_CONNECTION_PLAN, takes ORDER: after a change of the view. A connection that does not fit the
 * plan ends, cut off if the peer's certificate is no longer one for it; any other goes on under it.
 */
void outbound_new_plan(struct loop *loop, struct connect_order *order);
/* Sends a copy; takes A, which goes back to the scheduler when it is answered. */
void outbound_assign(struct loop *loop, struct assignment *a);
void outbound_view_changed(struct loop *loop);
/* Quits after what they have. */
void outbound_stop_all(struct loop *loop);
/* Ends them now: what was not answered goes back. */
void outbound_cut_all(struct loop *loop);

#endif
