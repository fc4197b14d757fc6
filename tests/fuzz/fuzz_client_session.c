/*
 * The client engine against a server that says anything at any time. The first octet chooses
 * the configuration; octets from 0xf0 on are what the adapter does; all others are said by
 * the server. Promises: every message given comes back exactly once with an outcome for each
 * recipient, one last event ends everything, commands are whole lines, and nothing is written
 * or awaited after the end.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "delivery/client_session.h"

enum { MESSAGES = 32 };

struct world {
	struct client_session *session;
	struct client_message messages[MESSAGES];
	bool is_inside[MESSAGES];
	unsigned count;
	uint64_t now_ms;
	size_t budget; /* octets that may be written */
	bool is_over;
};

static struct span_list body;
static const struct client_rcpt rcpts[3] = {
	{ .address = "a@b.example" },
	{ .address = "bad\r\n@b.example", .index = 1 },
	{ .address = "c@b.example", .index = 2, .notify = NOTIFY_FAILURE, .orcpt = "rfc822;c" },
};

static void take_events(struct world *w)
{
	struct client_event ev;

	while (client_session_event(w->session, &ev)) {
		FUZZ_PROMISE(!w->is_over);
		if (ev.type == CLIENT_EVENT_READY)
			FUZZ_PROMISE(ev.room == client_session_room(w->session) && ev.room);
		w->is_over = ev.type == CLIENT_EVENT_CLOSED || ev.type == CLIENT_EVENT_FAILED;
		FUZZ_PROMISE((ev.type == CLIENT_EVENT_FAILED) == (ev.outcome != NULL));
		if (ev.type != CLIENT_EVENT_MESSAGE_DONE)
			continue;
		FUZZ_PROMISE(w->is_inside[ev.message->token]);
		w->is_inside[ev.message->token] = false;
		for (uint32_t i = 0; i < ev.message->rcpt_count; i++)
			FUZZ_PROMISE(ev.outcomes[i] && ev.outcomes[i]->reply);
	}
	for (unsigned i = 0; i < w->count; i++)
		FUZZ_PROMISE(!w->is_over || !w->is_inside[i]);
}

static void write_some(struct world *w)
{
	struct iovec iov[4];
	int n;

	while (w->budget && (n = client_session_output(w->session, iov, 4)) > 0) {
		size_t total = 0;

		for (int i = 0; i < n; i++)
			total += iov[i].iov_len;
		FUZZ_PROMISE(total && client_session_wants_write(w->session) && !w->is_over);
		if (total > w->budget)
			total = w->budget;
		w->budget -= total;
		client_session_wrote(w->session, total, w->now_ms);
	}
}

static void send_message(struct world *w, unsigned variant)
{
	struct client_message *m;

	if (w->count == MESSAGES || !client_session_room(w->session))
		return;
	m = &w->messages[w->count];
	*m = (struct client_message){ .token = w->count,
				      .sender = variant & 1 ? "s@a.example" : "",
				      .rcpts = rcpts,
				      .rcpt_count = variant % 3 + 1,
				      .body = &body,
				      .is_8bit = variant & 2,
				      .envid = "x" };
	w->is_inside[w->count++] = true;
	FUZZ_PROMISE(client_session_send(w->session, m, w->now_ms));
}

static void act(struct world *w, uint8_t op)
{
	switch (op & 0x0f) {
	case 0:
	case 1:
	case 2:
	case 3:
		send_message(w, op & 3);
		break;
	case 4:
		client_session_quit(w->session, w->now_ms);
		break;
	case 5:
		client_session_tls_started(w->session, "TLSv1.3", w->now_ms);
		break;
	case 6:
		client_session_tls_failed(w->session, NULL, w->now_ms);
		break;
	case 7:
		w->now_ms += 1000;
		client_session_tick(w->session, w->now_ms);
		break;
	case 8:
		w->now_ms = client_session_deadline(w->session);
		if (w->now_ms != UINT64_MAX)
			client_session_tick(w->session, w->now_ms);
		break;
	case 9:
		w->budget = 0;
		break;
	case 10:
		w->budget = 7;
		break;
	case 11:
		client_session_lost(w->session, NULL, w->now_ms);
		break;
	default:
		w->budget = SIZE_MAX;
		break;
	}
}

static void start(struct world *w, uint8_t choice)
{
	struct client_config config = {
		.protocol = choice & 1 ? CLIENT_LMTP : CLIENT_SMTP,
		.tls = (enum client_tls)(choice >> 1 & 3) % 3,
		.force_helo = (choice & 0x18) == 0x18,
		.never_pipeline_dot = choice & 0x20,
		.max_messages = choice & 0x40 ? 2 : 0,
		.helo = "client.example",
	};

	w->session = client_session_new(&config, w->now_ms);
	w->budget = SIZE_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = { .now_ms = 1 };
	size_t at = 1;

	if (!size)
		return 0;
	if (!body.count) {
		span_add(&body, "Subject: x\r\n", 12);
		span_add(&body, "\r\nbody\r\n", 8);
	}
	start(&w, data[0]);
	while (at < size && w.now_ms != UINT64_MAX) {
		size_t from = at;

		while (at < size && data[at] < 0xf0)
			at++;
		if (at > from)
			client_session_feed(w.session, (const char *)data + from, at - from,
					    w.now_ms);
		else
			act(&w, data[at++]);
		write_some(&w);
		take_events(&w);
	}
	client_session_lost(w.session, NULL, w.now_ms);
	take_events(&w);
	FUZZ_PROMISE(w.is_over && !client_session_room(w.session));
	FUZZ_PROMISE(client_session_deadline(w.session) == UINT64_MAX);
	client_session_free(w.session);
	return 0;
}
