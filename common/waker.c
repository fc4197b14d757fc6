/* A futex that is touched only when its owner sleeps. */
#include "common/waker.h"

#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void waker_init(struct waker *w)
{
	atomic_init(&w->asleep, 0);
}

void waker_wake(void *arg)
{
	struct waker *w = arg;

	/* The push before this call and the sleeper's store before its look: one sees the other. */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_exchange(&w->asleep, 0) == 1)
		syscall(SYS_futex, &w->asleep, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void waker_sleep(struct waker *w, const struct mailbox *box, uint64_t wait_ms)
{
	struct timespec wait = { .tv_sec = (time_t)(wait_ms / 1000),
				 .tv_nsec = (long)(wait_ms % 1000) * 1000000 };

	atomic_store(&w->asleep, 1);
	atomic_thread_fence(memory_order_seq_cst);
	/* Mail pushed before the store was not followed by a wake that we would see. */
	if (mailbox_is_empty(box) && wait_ms > 0)
		syscall(SYS_futex, &w->asleep, FUTEX_WAIT_PRIVATE, 1,
			wait_ms == UINT64_MAX ? NULL : &wait, NULL, 0);
	atomic_store(&w->asleep, 0);
}
