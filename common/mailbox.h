/*
 * How threads speak: an intrusive list with many producers and one consumer.
 *
 * A producer pushes nodes; the consumer takes the whole list at once and gets it in the
 * order of the pushes. `mailbox_push` tells whether the list was empty, that is whether
 * the consumer has to be woken; the wake-up itself (uv_async, eventfd, futex) belongs to
 * the owner. A node belongs to the sender before the push and to the consumer after it.
 * What is sent never points to a session, a connection or a queue of the sender: it carries
 * a struct handle, and a late answer finds no slot.
 */
#ifndef WP_COMMON_MAILBOX_H
#define WP_COMMON_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct mail {
	struct mail *next;
	uint32_t kind; /* the owner's message type */
};

struct mailbox {
	_Atomic(struct mail *) head;
};

/* Names an object of another thread without pointing to it. */
struct handle {
	uint16_t loop;
	uint32_t slot;
	uint32_t generation;
};

void mailbox_init(struct mailbox *box);
/* Any thread. True if the box was empty: wake the consumer. */
bool mailbox_push(struct mailbox *box, struct mail *mail);
/* Any thread: a chain of mails linked by next, FIRST…LAST in order, as one push. */
bool mailbox_push_chain(struct mailbox *box, struct mail *first, struct mail *last);
/* Consumer only: everything pushed so far, oldest first, or null. */
struct mail *mailbox_take(struct mailbox *box);
bool mailbox_is_empty(const struct mailbox *box);

#endif
