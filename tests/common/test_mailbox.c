/* common/mailbox: order within a producer, wake-up exactly when the box was empty. */
#include <pthread.h>
#include <stdlib.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/buf.h"
#include "common/mailbox.h"

enum { PRODUCERS = 4, EACH = 20000 };

struct item {
	struct mail mail;
	int sequence;
};

static struct mailbox box;

static void *produce(void *arg)
{
	uint32_t who = (uint32_t)(uintptr_t)arg;

	for (int i = 0; i < EACH; i += 2) {
		struct item *a = mem_zero(1, sizeof(*a)), *b = mem_zero(1, sizeof(*b));

		a->mail.kind = b->mail.kind = who;
		a->sequence = i;
		b->sequence = i + 1;
		a->mail.next = &b->mail;
		mailbox_push_chain(&box, &a->mail, &b->mail);
	}
	return NULL;
}

static void test_order_is_kept_within_each_producer(void **state)
{
	pthread_t threads[PRODUCERS];
	int next[PRODUCERS] = { 0 }, left = PRODUCERS * EACH;

	(void)state;
	mailbox_init(&box);
	for (uintptr_t i = 0; i < PRODUCERS; i++)
		pthread_create(&threads[i], NULL, produce, (void *)i);
	while (left > 0) {
		struct mail *mail = mailbox_take(&box);

		while (mail != NULL) {
			struct item *item = WP_CONTAINER(mail, struct item, mail);

			assert_int_equal(item->sequence, next[mail->kind]++);
			mail = mail->next;
			free(item);
			left--;
		}
	}
	for (int i = 0; i < PRODUCERS; i++)
		pthread_join(threads[i], NULL);
	assert_true(mailbox_is_empty(&box));
}

static void test_push_tells_when_to_wake(void **state)
{
	struct mail a, b;

	(void)state;
	mailbox_init(&box);
	assert_true(mailbox_push(&box, &a));
	assert_false(mailbox_push(&box, &b));
	assert_ptr_equal(mailbox_take(&box), &a);
	assert_true(mailbox_push(&box, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_is_kept_within_each_producer),
		cmocka_unit_test(test_push_tells_when_to_wake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
