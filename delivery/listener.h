/*
 * Listening sockets of a loop: one per binding of the enabled receive connectors, shared with
 * the other loops by SO_REUSEPORT. Loop thread only.
 */
#ifndef WP_DELIVERY_LISTENER_H
#define WP_DELIVERY_LISTENER_H

#include "delivery/loop.h"

/* Makes the listeners of LOOP those that its view asks for; unchanged ones are not touched. */
void listeners_update(struct loop *loop);
void listeners_close(struct loop *loop);

#endif
