/*
 * Notifications: builds a DSN for failed recipients, routes it to the sender, and stores it in
 * one group with the states that it reports. At the scheduler's order, on a loop (building one
 * takes microseconds; a pool would only move the look-ups). Loop thread only.
 */
#ifndef WP_DELIVERY_NOTIFY_H
#define WP_DELIVERY_NOTIFY_H

#include "delivery/loop.h"

/* Owner slot of a notification's spool_submit, to tell it from a session's. */
#define NOTIFY_SLOT UINT32_MAX

/* Takes ORDER; it goes back to the scheduler as MAIL_NOTIFIED. */
void notify_build(struct loop *loop, struct notify_order *order);
void notify_committed(struct loop *loop, struct spool_submit *submit);

#endif
