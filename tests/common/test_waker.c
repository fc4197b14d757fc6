/* common/waker: whoever sleeps is woken by mail, whenever it comes. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <pthread.h>
#include <stdlib.h>
#include <cmocka.h>

#include "common/waker.h"

enum { PRODUCERS = 3 };

static struct mailbox box;
static struct waker waker;
static unsigned per_producer = 20000;

static void *produce(void *arg)
{
	struct mail *mails = calloc(per_producer, sizeof(*mails));

	for (unsigned i = 0; i < per_producer; i++)
		if (mailbox_push(&box, &mails[i]))
			waker_wake(&waker);
	*(struct mail **)arg = mails;
	return NULL;
}

/* It sleeps for ever: a lost wake-up is a test that does not end. */
static void test_no_mail_is_slept_over(void **state)
{
	struct mail *mails[PRODUCERS];
	pthread_t threads[PRODUCERS];
	unsigned taken = 0;

	(void)state;
	mailbox_init(&box);
	waker_init(&waker);
	for (unsigned i = 0; i < PRODUCERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, produce, &mails[i]), 0);
	while (taken < PRODUCERS * per_producer) {
		struct mail *mail;

		waker_sleep(&waker, &box, UINT64_MAX);
		for (mail = mailbox_take(&box); mail != NULL; mail = mail->next)
			taken++;
	}
	for (unsigned i = 0; i < PRODUCERS; i++) {
		pthread_join(threads[i], NULL);
		free(mails[i]);
	}
	assert_true(mailbox_is_empty(&box));
}

static struct mailbox ping_box, pong_box;
static struct waker ping_waker, pong_waker;

/* Each sends only when it was woken by the other. */
static void *answer(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < per_producer; i++) {
		struct mail *mail;

		while ((mail = mailbox_take(&ping_box)) == NULL)
			waker_sleep(&ping_waker, &ping_box, UINT64_MAX);
		if (mailbox_push(&pong_box, mail))
			waker_wake(&pong_waker);
	}
	return NULL;
}

static void test_two_threads_wake_each_other(void **state)
{
	struct mail ball = { 0 };
	pthread_t thread;

	(void)state;
	mailbox_init(&ping_box);
	mailbox_init(&pong_box);
	waker_init(&ping_waker);
	waker_init(&pong_waker);
	assert_int_equal(pthread_create(&thread, NULL, answer, NULL), 0);
	for (unsigned i = 0; i < per_producer; i++) {
		if (mailbox_push(&ping_box, &ball))
			waker_wake(&ping_waker);
		while (mailbox_take(&pong_box) == NULL)
			waker_sleep(&pong_waker, &pong_box, UINT64_MAX);
	}
	pthread_join(thread, NULL);
}

static void test_mail_that_is_there_or_no_time_means_no_sleep(void **state)
{
	struct mail mail = { 0 };

	(void)state;
	mailbox_init(&box);
	waker_init(&waker);
	waker_sleep(&waker, &box, 0);
	waker_sleep(&waker, &box, 1);
	mailbox_push(&box, &mail);
	waker_sleep(&waker, &box, UINT64_MAX);
	assert_ptr_equal(mailbox_take(&box), &mail);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mail_that_is_there_or_no_time_means_no_sleep),
		cmocka_unit_test(test_no_mail_is_slept_over),
		cmocka_unit_test(test_two_threads_wake_each_other),
	};

	if (getenv("WP_FULL") != NULL)
		per_producer = 500000;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
