/*
 * Puts a thread to sleep until a mailbox has something, at the cost of a system call only when
 * somebody really sleeps. One sleeper, any number of wakers.
 */
#ifndef WP_COMMON_WAKER_H
#define WP_COMMON_WAKER_H

#include <stdatomic.h>
#include <stdint.h>

#include "common/mailbox.h"

struct waker {
	_Atomic uint32_t asleep;
};

void waker_init(struct waker *w);
/* Any thread, after a push into the mailbox. ARG is the waker (the shape of a door's wake). */
void waker_wake(void *arg);
/* The owner: sleeps until woken or WAIT_MS passed (UINT64_MAX: for ever); at once if BOX has mail. */
void waker_sleep(struct waker *w, const struct mailbox *box, uint64_t wait_ms);

#endif
