/* One loop's side of the resolver: see resolver_client.h, resolver.h. */
#define _GNU_SOURCE
#include "delivery/resolver_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uthash.h>

#include "common/buf.h"
#include "common/log.h"
#include "delivery/resolver_private.h"
#include "delivery/resolver_proto.h"

/* How late a deadline may be noticed. */
#define SWEEP_MS 200

struct question {
	TAILQ_ENTRY(question) link;
	UT_hash_handle hh;
	uint64_t id;
	uint64_t deadline_ms; /* on the loop's clock */
	uint16_t type;
	bool is_sent;
	resolver_on_answer *on_answer;
	void *arg;
	char name[]; /* "" and never sent: what was asked for is no name */
};

struct client {
	struct resolver resolver; /* first */
	uv_loop_t *loop;
	int fd;
	uv_poll_t poll;
	uv_timer_t sweep;
	unsigned open_handles;
	int watched;
	bool is_blocked; /* the socket is full: some questions are not sent */
	bool is_shut;	 /* the service is gone: nothing is answered any more */
	uint64_t last_id;
	TAILQ_HEAD(question_list, question) open; /* oldest first */
	struct question *by_id;
	struct buf out;
	char in[RESOLVER_PACKET_MAX];
};

static void on_socket(uv_poll_t *poll, int status, int events);
static void on_sweep(uv_timer_t *timer);

static void watch(struct client *c)
{
	int events = c->is_shut ? 0 : UV_READABLE | (c->is_blocked ? UV_WRITABLE : 0);

	if (events != c->watched && events != 0)
		uv_poll_start(&c->poll, events, on_socket);
	else if (events != c->watched)
		uv_poll_stop(&c->poll);
	c->watched = events;
	/* Only a question keeps the loop alive. */
	if (TAILQ_EMPTY(&c->open))
		uv_unref((uv_handle_t *)&c->poll);
	else
		uv_ref((uv_handle_t *)&c->poll);
}

static void forget(struct client *c, struct question *q)
{
	TAILQ_REMOVE(&c->open, q, link);
	HASH_DEL(c->by_id, q);
	free(q);
	if (TAILQ_EMPTY(&c->open)) {
		uv_timer_stop(&c->sweep);
		c->is_blocked = false;
		watch(c);
	}
}

/* The callback may do anything but free the client. */
static void answer(struct client *c, struct question *q, const struct dns_answer *a)
{
	resolver_on_answer *on_answer = q->on_answer;
	void *arg = q->arg;

	forget(c, q);
	on_answer(arg, a);
}

static void fail(struct client *c, struct question *q, const char *why)
{
	struct dns_answer *a = dns_answer_temporary(q->name, why);

	answer(c, q, a);
	dns_answer_free(a);
}

/* Each question that is open now, and none that a callback asks. */
static void fail_all(struct client *c, const char *why)
{
	uint64_t last = c->last_id;
	struct question *q;

	while ((q = TAILQ_FIRST(&c->open)) != NULL && q->id <= last)
		fail(c, q, why);
}

/* False: the socket takes no more now. */
static bool send_question(struct client *c, struct question *q)
{
	uint64_t now_ms = uv_now(c->loop);
	struct resolver_question packet = {
		.id = q->id,
		.type = q->type,
		.deadline_ms = q->deadline_ms > now_ms ? (uint32_t)(q->deadline_ms - now_ms) : 0,
	};

	memcpy(packet.name, q->name, strlen(q->name) + 1);
	resolver_put_question(&c->out, &packet);
	/* Broken for good, when the service is gone: the deadline will tell. */
	if (send(c->fd, c->out.data, c->out.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
	    (errno == EAGAIN || errno == ENOBUFS))
		return false;
	q->is_sent = true;
	return true;
}

static void send_waiting(struct client *c)
{
	struct question *q;

	c->is_blocked = false;
	TAILQ_FOREACH(q, &c->open, link) {
		if (!q->is_sent && q->name[0] != '\0' && !send_question(c, q)) {
			c->is_blocked = true;
			break;
		}
	}
	watch(c);
}

static void take_packet(struct client *c, size_t len)
{
	struct dns_answer *a;
	struct question *q;
	uint64_t id;

	switch (resolver_kind(c->in, len)) {
	case RESOLVER_ANSWER:
		if (!resolver_get_answer(c->in, len, &id, &a)) {
			log_error("resolver: a malformed answer was dropped");
			return;
		}
		/* Not found: cancelled, or past its deadline. */
		HASH_FIND(hh, c->by_id, &id, sizeof(id), q);
		if (q != NULL)
			answer(c, q, a);
		dns_answer_free(a);
		break;
	case RESOLVER_GONE:
		fail_all(c, "the resolver process ended");
		break;
	case RESOLVER_QUESTION:
	case RESOLVER_DNSSEC:
	default:
		log_error("resolver: an unknown packet was dropped");
		break;
	}
}

/* Nobody will answer any more. */
static void shut(struct client *c)
{
	c->is_shut = true;
	watch(c);
	fail_all(c, "the resolver is gone");
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
	struct client *c = poll->data;
	/* Fair to the loop: what is left makes the socket readable again. */
	int budget = 64;

	if (status < 0) {
		shut(c);
		return;
	}
	if ((events & UV_WRITABLE) != 0)
		send_waiting(c);
	while ((events & UV_READABLE) != 0 && budget-- > 0) {
		ssize_t n = recv(c->fd, c->in, sizeof(c->in), MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0) {
			shut(c);
			break;
		}
		take_packet(c, (size_t)n);
	}
}

static void on_sweep(uv_timer_t *timer)
{
	static const struct dns_answer no_name = { .rcode = DNS_NXDOMAIN, .canonical = "", .why = "" };
	struct client *c = timer->data;
	uint64_t now_ms = uv_now(c->loop), last = c->last_id;
	struct question *q = TAILQ_FIRST(&c->open);

	/* A callback may end any question: after each we begin again. */
	while (q != NULL && q->id <= last) {
		if (q->name[0] != '\0' && q->deadline_ms > now_ms) {
			q = TAILQ_NEXT(q, link);
			continue;
		}
		if (q->name[0] == '\0')
			answer(c, q, &no_name);
		else
			fail(c, q, "no answer in time");
		q = TAILQ_FIRST(&c->open);
	}
}

static uint64_t client_ask(struct resolver *r, const char *name, uint16_t type,
			   uint32_t deadline_ms, resolver_on_answer *on_answer, void *arg)
{
	struct client *c = (struct client *)r;
	uint8_t wire[DNS_NAME_WIRE];
	bool is_name = name[0] != '\0' && dns_name_to_wire(name, wire) != 0;
	const char *kept = is_name ? name : "";
	struct question *q = mem_zero(1, sizeof(*q) + strlen(kept) + 1);
	bool was_empty = TAILQ_EMPTY(&c->open);

	q->id = ++c->last_id;
	q->deadline_ms = uv_now(c->loop) + (c->is_shut ? 0 : deadline_ms);
	q->type = type;
	q->on_answer = on_answer;
	q->arg = arg;
	memcpy(q->name, kept, strlen(kept) + 1);
	TAILQ_INSERT_TAIL(&c->open, q, link);
	HASH_ADD(hh, c->by_id, id, sizeof(q->id), q);
	if (is_name && !c->is_blocked && !send_question(c, q)) {
		c->is_blocked = true;
		watch(c);
	}
	if (was_empty) {
		watch(c);
		uv_timer_start(&c->sweep, on_sweep, is_name ? SWEEP_MS : 0, SWEEP_MS);
	}
	return q->id;
}

static void client_cancel(struct resolver *r, uint64_t id)
{
	struct client *c = (struct client *)r;
	struct question *q;

	HASH_FIND(hh, c->by_id, &id, sizeof(id), q);
	if (q != NULL)
		forget(c, q);
}

static void on_closed(uv_handle_t *handle)
{
	struct client *c = handle->data;

	if (--c->open_handles > 0)
		return;
	close(c->fd);
	buf_free(&c->out);
	free(c);
}

static void client_free(struct resolver *r)
{
	struct client *c = (struct client *)r;
	struct question *q;

	while ((q = TAILQ_FIRST(&c->open)) != NULL)
		forget(c, q);
	uv_close((uv_handle_t *)&c->poll, on_closed);
	uv_close((uv_handle_t *)&c->sweep, on_closed);
}

static const struct resolver_ops client_ops = { client_ask, client_cancel, client_free };

struct resolver *resolver_client_open(uv_loop_t *loop, int fd)
{
	struct client *c = mem_zero(1, sizeof(*c));

	c->resolver.ops = &client_ops;
	c->loop = loop;
	c->fd = fd;
	TAILQ_INIT(&c->open);
	uv_poll_init(loop, &c->poll, fd);
	uv_timer_init(loop, &c->sweep);
	c->poll.data = c->sweep.data = c;
	c->open_handles = 2;
	watch(c);
	return &c->resolver;
}

struct resolver *resolver_client_new(uv_loop_t *loop, struct resolver_service *service,
				     unsigned index)
{
	return resolver_client_open(loop, resolver_service_take(service, index));
}
