/*
 * Prints one sample notification by name, as it would be stored: the other half of
 * test_dsn_parse.py, which reads it with a mail parser of other people.
 */
#include "config.h" /* memmem */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delivery/dsn.h"

static const char message[] = "Received: from x\r\n\tby y; date\r\n"
			      "Message-ID: <original@a.example>\r\n"
			      "X-Waypost-Organization-Size: 17\r\n"
			      "Subject: hello\r\n"
			      "..odd: a stuffed line\r\n"
			      "\r\n"
			      "body\r\n"
			      "..a dot\r\n";

static struct dsn_rcpt rcpts[200];
static struct dsn_request request = {
	.reporting_host = "hub1.example",
	.postmaster = "help@a.example",
	.id = "20260131.4F2A-1",
	.now_ms = 1700000000000,
	.sender = "sender@a.example",
	.envid = "",
	.received_from = "client.a.example",
	.message_id = "4F2A-0",
	.arrival_ms = 1699999000000,
	.expires_ms = 1700172800000,
	.data = message,
	.len = sizeof(message) - 1,
	.rcpts = rcpts,
	.rcpt_count = 1,
};

static struct outcome *said_550(void)
{
	return outcome_new(&(struct outcome){ .class = OUTCOME_FAILED,
					      .stage = OUTCOME_STAGE_RCPT,
					      .diagnostic = OUTCOME_DIAGNOSTIC_SMTP,
					      .smtp_code = 550,
					      .status = "5.1.1",
					      .reply = "no such user here",
					      .host = "mx.b.example",
					      .address = "192.0.2.1:25" });
}

static void failed(void)
{
	request.envid = "QQ+2B314";
	rcpts[0] = (struct dsn_rcpt){ "bob@b.example", "rfc822;Bob+2Bx@b.example", DSN_FAILED,
				      said_550() };
}

static void delayed(void)
{
	rcpts[0] = (struct dsn_rcpt){ "bob@b.example", "", DSN_DELAYED,
				      outcome_broken(OUTCOME_STAGE_CONNECT, "4.4.1", NULL,
						     "connection refused") };
}

static void others(void)
{
	rcpts[0] = (struct dsn_rcpt){ "a@b.example", "", DSN_DELIVERED, NULL };
	rcpts[1] = (struct dsn_rcpt){ "b@b.example", "", DSN_RELAYED, NULL };
	rcpts[2] = (struct dsn_rcpt){ "c@b.example", "", DSN_EXPANDED, NULL };
	request.rcpt_count = 3;
}

static void many(void)
{
	static char addresses[200][32];

	for (int i = 0; i < 200; i++) {
		snprintf(addresses[i], sizeof(addresses[i]), "user%d@b.example", i);
		rcpts[i] = (struct dsn_rcpt){ addresses[i], "", i ? DSN_FAILED : DSN_DELIVERED,
					      i ? said_550() : NULL };
	}
	request.rcpt_count = 200;
}

/* Every text of others tries to break out. */
static void hostile(void)
{
	static char word[3001];
	static const char evil[] = "Received: x\r\nMessage-ID: <a\r\n b>\r\n"
				   "X: =_20260131.4F2A-1_0\r\n\x80\xff nul:\0!\r\n"
				   "not a field\r\n\r\nbody\r\n";

	memset(word, 'w', sizeof(word) - 1);
	request.sender = "s@a.example>\r\nBcc: evil@e.example\r\n\r\n.\r\n";
	request.envid = "a+0D+0AX-Evil:+20envid";
	request.received_from = "x\r\nX-Evil: from";
	request.message_id = "1\r\n.\r\nX-Evil: id";
	request.data = evil;
	request.len = sizeof(evil) - 1;
	rcpts[0] = (struct dsn_rcpt){ "b\r\n.\r\n\r\nX-Evil: rcpt@b.example",
				      "rfc822;x+0D+0A+0D+0AX-Evil:+20orcpt", DSN_FAILED,
				      outcome_new(&(struct outcome){
					      .class = OUTCOME_FAILED,
					      .diagnostic = OUTCOME_DIAGNOSTIC_SMTP,
					      .smtp_code = 550,
					      .reply = "line\r\n.\r\nX-Evil: reply",
					      .host = "h\r\nX-Evil: host" }) };
	rcpts[1] = (struct dsn_rcpt){ word, word, DSN_FAILED,
				      outcome_new(&(struct outcome){ .reply = word }) };
	request.rcpt_count = 2;
}

static void utf8(void)
{
	request.sender = "j\xc3\xb6rg@a.example";
	rcpts[0] = (struct dsn_rcpt){ "m\xc3\xbcller\xf0\x9f\x93\xab@b.example", "", DSN_FAILED,
				      said_550() };
	rcpts[1] = (struct dsn_rcpt){ "m\xfcller@b.example", "", DSN_FAILED, said_550() };
	request.rcpt_count = 2;
}

static void full(void)
{
	failed();
	request.full = true;
}

static void full_8bit(void)
{
	static const char text[] = "Subject: gr\xc3\xbc\xc3\x9f\r\n\r\n\xc3\xa4\r\n";

	full();
	request.is_8bit = true;
	request.data = text;
	request.len = sizeof(text) - 1;
}

static const struct {
	const char *name;
	void (*prepare)(void);
} samples[] = {
	{ "failed", failed }, { "delayed", delayed },	  { "others", others },
	{ "many", many },     { "hostile", hostile },	  { "utf8", utf8 },
	{ "full", full },     { "full-8bit", full_8bit },
};

int main(int argc, char **argv)
{
	struct buf out = { 0 };
	bool is_8bit;

	for (size_t i = 0; argc == 2 && i < WP_COUNT(samples); i++) {
		if (strcmp(argv[1], samples[i].name) != 0)
			continue;
		samples[i].prepare();
		request.header_len = (size_t)((const char *)memmem(request.data, request.len,
								   "\r\n\r\n", 4) -
					      request.data) +
				     4;
		if (!dsn_build(&request, &out, &is_8bit))
			return 1;
		fwrite(out.data, 1, out.len, stdout);
		buf_free(&out);
		for (uint32_t r = 0; r < request.rcpt_count; r++)
			outcome_unref((struct outcome *)(uintptr_t)rcpts[r].outcome);
		return fflush(stdout) ? 1 : 0;
	}
	fprintf(stderr, "usage: dsn_samples NAME\n");
	return 2;
}
