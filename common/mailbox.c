/* Many producers, one consumer: a lock-free stack that the consumer turns round. */
#include "common/mailbox.h"

#include <stddef.h>

void mailbox_init(struct mailbox *box)
{
	atomic_init(&box->head, NULL);
}

bool mailbox_push(struct mailbox *box, struct mail *mail)
{
	struct mail *old = atomic_load_explicit(&box->head, memory_order_relaxed);

	do {
		mail->next = old;
	} while (!atomic_compare_exchange_weak_explicit(&box->head, &old, mail,
							memory_order_release,
							memory_order_relaxed));
	return old == NULL;
}

/* The stack holds the newest on top: a chain goes in with its order reversed. */
bool mailbox_push_chain(struct mailbox *box, struct mail *first, struct mail *last)
{
	struct mail *reversed = NULL, *node = first, *old;

	last->next = NULL;
	while (node != NULL) {
		struct mail *next = node->next;

		node->next = reversed;
		reversed = node;
		node = next;
	}
	old = atomic_load_explicit(&box->head, memory_order_relaxed);
	do {
		first->next = old;
	} while (!atomic_compare_exchange_weak_explicit(&box->head, &old, reversed,
							memory_order_release,
							memory_order_relaxed));
	return old == NULL;
}

struct mail *mailbox_take(struct mailbox *box)
{
	struct mail *node = atomic_exchange_explicit(&box->head, NULL, memory_order_acquire);
	struct mail *ordered = NULL;

	while (node != NULL) {
		struct mail *next = node->next;

		node->next = ordered;
		ordered = node;
		node = next;
	}
	return ordered;
}

bool mailbox_is_empty(const struct mailbox *box)
{
	return atomic_load_explicit(&box->head, memory_order_acquire) == NULL;
}
