/*
 * Every way in which a server misbehaves, at every stage of a delivery: the outcome has the
 * class that routing.md §3.4 gives it, every recipient has one, and the session ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "tests/delivery/client_player.h"

/* A delivery to one recipient without pipelining, step by step: the server's line is what
 * misbehaves. */
static const struct {
	const char *name;   /* of the stage, as an outcome says it */
	const char *before; /* what the client says first */
	const char *reply;
	const char *awaited; /* as a time-out says it */
	unsigned wait_ms;
} stages[] = {
	{ "banner", "", "220 s", "the connection", 60000 },
	{ "ehlo", "C EHLO client.example\n", "250 s", "EHLO", 60000 },
	{ "mail", "E ready 16\nsend 1 body=x\\r\\n\nC MAIL FROM:<from@a.example>\n", "250 Ok",
	  "MAIL FROM", 60000 },
	{ "rcpt", "C RCPT TO:<to@b.example>\n", "250 Ok", "RCPT TO", 60000 },
	{ "data", "C DATA\n", "354 Ok", "DATA", 60000 },
	{ "dot", "C x\nC .\n", "250 Ok", "the end of the message", 180000 },
};

static const char *class_at(size_t stage)
{
	return stage <= 2 ? "unavailable" : "deferred";
}

/* The script up to the reply of STAGE. */
static void script_to(struct buf *script, size_t stage)
{
	buf_clear(script);
	buf_adds(script, "config inactivity=60000\n");
	for (size_t i = 0; i <= stage; i++) {
		buf_adds(script, stages[i].before);
		if (i < stage)
			buf_printf(script, "S %s\n", stages[i].reply);
	}
}

static void expect_end(struct buf *script, size_t stage, const char *class, const char *status,
		       unsigned code, const char *text)
{
	if (stage >= 2)
		buf_printf(script, "E done 1: %s %s %u %s %s\n", class, status, code,
			   stages[stage].name, text);
	buf_printf(script, "E failed %s %s %u %s %s\n", class, status, code, stages[stage].name,
		   text);
	buf_adds(script, "deadline none\nstate closed\nrefuse 9 body=x\\r\\n\nclose\nwait "
			 "1000000\nS 250 Ok\n");
}

static void play(const struct buf *script)
{
	char error[4096];

	for (int split = PLAYER_WHOLE; split <= PLAYER_RANDOM; split++)
		if (!player_run(script->data, (enum player_split)split, 7, error,
				sizeof(error)))
			fail_msg("split %d: %s\n%s", split, error, script->data);
}

static void each_stage(void (*misbehave)(struct buf *script, size_t stage))
{
	struct buf script = { 0 };

	for (size_t stage = 0; stage < WP_COUNT(stages); stage++) {
		script_to(&script, stage);
		misbehave(&script, stage);
		play(&script);
	}
	buf_free(&script);
}

static void says_421(struct buf *script, size_t stage)
{
	buf_adds(script, "S 421 4.3.2 going down\n");
	expect_end(script, stage, class_at(stage), "4.3.2", 421, "going down");
}

static void closes(struct buf *script, size_t stage)
{
	buf_adds(script, "close\n");
	expect_end(script, stage, class_at(stage), "4.4.2", 0,
		   "the peer closed the connection");
}

static void closes_in_a_reply(struct buf *script, size_t stage)
{
	buf_adds(script, "R 25\nclose connection reset\n");
	expect_end(script, stage, class_at(stage), "4.4.2", 0, "connection reset");
}

static void is_silent(struct buf *script, size_t stage)
{
	char text[128];

	snprintf(text, sizeof(text), "no reply to %s within %u s", stages[stage].awaited,
		 stages[stage].wait_ms / 1000);
	buf_printf(script, "wait %u\n", stages[stage].wait_ms);
	expect_end(script, stage, class_at(stage), stage ? "4.4.2" : "4.4.1", 0, text);
}

static void trickles_a_reply_for_ever(struct buf *script, size_t stage)
{
	char text[128];

	snprintf(text, sizeof(text), "no reply to %s within %u s", stages[stage].awaited,
		 stages[stage].wait_ms / 1000);
	for (int i = 0; i < 9; i++)
		buf_printf(script, "R %s\nwait %u\n", i ? "x" : "250-",
			   stages[stage].wait_ms / 9);
	buf_printf(script, "wait %u\n", 9u);
	expect_end(script, stage, class_at(stage), stage ? "4.4.2" : "4.4.1", 0, text);
}

static void says_garbage(struct buf *script, size_t stage)
{
	buf_adds(script, "S HTTP/1.1 400 Bad Request\n");
	expect_end(script, stage, class_at(stage), "4.5.0", 0,
		   "malformed reply: a line does not begin with a reply code");
}

static void ends_lines_with_lf(struct buf *script, size_t stage)
{
	buf_adds(script, "R 250 Ok\\n\n");
	expect_end(script, stage, class_at(stage), "4.5.0", 0,
		   "malformed reply: a line does not end with CRLF");
}

static void says_too_long_a_line(struct buf *script, size_t stage)
{
	buf_printf(script, "R 250 %03000d\n", 0);
	expect_end(script, stage, class_at(stage), "4.5.0", 0,
		   "malformed reply: a line is too long");
}

static void says_lines_without_end(struct buf *script, size_t stage)
{
	for (int i = 0; i < 200; i++)
		buf_adds(script, "S 250-more\n");
	expect_end(script, stage, class_at(stage), "4.5.0", 0,
		   "malformed reply: it is too long");
}

static void changes_its_code(struct buf *script, size_t stage)
{
	buf_adds(script, "S 250-yes\nS 550 no\n");
	expect_end(script, stage, class_at(stage), "4.5.0", 0,
		   "malformed reply: its lines have different codes");
}

static void test_421(void **state)
{
	(void)state;
	each_stage(says_421);
}

static void test_closing(void **state)
{
	(void)state;
	each_stage(closes);
	each_stage(closes_in_a_reply);
}

static void test_silence(void **state)
{
	(void)state;
	each_stage(is_silent);
	each_stage(trickles_a_reply_for_ever);
}

static void test_malformed(void **state)
{
	(void)state;
	each_stage(says_garbage);
	each_stage(ends_lines_with_lf);
	each_stage(changes_its_code);
}

static void test_too_long(void **state)
{
	(void)state;
	each_stage(says_too_long_a_line);
	each_stage(says_lines_without_end);
}

/* A reply more than there are commands: what was answered stays answered. */
static void test_a_reply_too_many(void **state)
{
	struct buf script = { 0 };

	(void)state;
	script_to(&script, WP_COUNT(stages) - 1);
	buf_adds(&script, "S 250 Ok\nS 250 again\n"
			  "E done 1: delivered 2.0.0 250 dot Ok\n"
			  "E failed deferred 4.5.0 0 none "
			  "the peer sent a reply before there was a command\n");
	play(&script);
	buf_free(&script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_421),	 cmocka_unit_test(test_closing),
		cmocka_unit_test(test_silence),	 cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_too_long), cmocka_unit_test(test_a_reply_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
