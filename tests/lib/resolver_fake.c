/* A resolver that answers from a table: see resolver_fake.h. */
#include "tests/lib/resolver_fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/buf.h"

#define RECORDS_MAX 256
#define CHAIN_MAX   8

struct line {
	char name[256], kind[16], value[256];
};

/* The answer that is being put together. */
struct reply {
	struct dns_answer like;
	struct dns_rdata records[RECORDS_MAX];
	uint8_t rdata[RECORDS_MAX][2 + DNS_NAME_WIRE];
	char canonical[256];
	bool exists;
};

static void broken(const struct line *line)
{
	fprintf(stderr, "resolver_fake: cannot read: %s %s %s\n", line->name, line->kind, line->value);
	abort();
}

/* The next line with something in it; null at the end. */
static const char *read_line(const char *at, struct line *line_r)
{
	char text[900];

	while (*at != '\0') {
		size_t len = strcspn(at, "\n");

		snprintf(text, sizeof(text), "%.*s", (int)len, at);
		at += len + (at[len] == '\n');
		line_r->value[0] = '\0';
		if (sscanf(text, " %255s %15s %255[^\n]", line_r->name, line_r->kind, line_r->value) >= 2)
			return at;
	}
	return NULL;
}

static size_t make_rdata(const struct line *line, uint8_t *rdata)
{
	struct ipaddr address;
	unsigned preference;
	char exchange[256];
	size_t len = 0;

	if (strcmp(line->kind, "MX") == 0) {
		if (sscanf(line->value, "%u %255s", &preference, exchange) != 2 ||
		    (len = dns_name_to_wire(exchange, rdata + 2)) == 0)
			broken(line);
		rdata[0] = (uint8_t)(preference >> 8);
		rdata[1] = (uint8_t)preference;
		return len + 2;
	}
	if (!ipaddr_parse(line->value, strlen(line->value), &address))
		broken(line);
	memcpy(rdata, address.bytes + (ipaddr_is_v4(&address) ? 12 : 0), 16u >> (ipaddr_is_v4(&address) * 2));
	return ipaddr_is_v4(&address) ? 4 : 16;
}

static bool is_failure(const struct line *line, uint16_t type)
{
	static const char *const kinds[] = { "SERVFAIL", "BOGUS", "TIMEOUT" };

	for (size_t i = 0; i < WP_COUNT(kinds); i++) {
		if (strcmp(line->kind, kinds[i]) == 0)
			return line->value[0] == '\0' || strcmp(line->value, dns_type_name(type)) == 0;
	}
	return false;
}

/* Takes in what TABLE has for the name; true if that was a CNAME. */
static bool look_up(struct reply *r, const char *table, uint16_t type)
{
	struct dns_answer *like = &r->like;
	struct line line;
	const char *at = table;

	while ((at = read_line(at, &line)) != NULL) {
		if (!dns_name_equal(line.name, r->canonical))
			continue;
		if (is_failure(&line, type)) {
			like->is_temporary = true;
			like->bogus = strcmp(line.kind, "BOGUS") == 0;
			like->rcode = like->bogus ? DNS_NOERROR : DNS_SERVFAIL;
			like->why = "as the table says";
			return false;
		}
		if (strcmp(line.kind, "SECURE") == 0) {
			like->secure = true;
			continue;
		}
		r->exists = true;
		if (strcmp(line.kind, "CNAME") == 0) {
			snprintf(r->canonical, sizeof(r->canonical), "%s", line.value);
			return true;
		}
		if (strcmp(line.kind, dns_type_name(type)) == 0) {
			if (like->count == RECORDS_MAX)
				broken(&line);
			r->records[like->count].data = r->rdata[like->count];
			r->records[like->count].len = (uint16_t)make_rdata(&line, r->rdata[like->count]);
			like->count++;
		}
	}
	return false;
}

struct dns_answer *dns_table_answer(const char *table, const char *name, uint16_t type)
{
	struct reply *r = mem_zero(1, sizeof(*r));
	struct dns_answer *answer;

	snprintf(r->canonical, sizeof(r->canonical), "%s", name);
	for (int i = 0; i < CHAIN_MAX && look_up(r, table, type); i++)
		r->exists = false;
	if (!r->exists && !r->like.is_temporary)
		r->like.rcode = DNS_NXDOMAIN;
	r->like.ttl_s = 300;
	r->like.canonical = r->canonical;
	r->like.records = r->records;
	answer = dns_answer_new(&r->like);
	free(r);
	return answer;
}

struct question {
	TAILQ_ENTRY(question) link;
	uint64_t number;
	struct dns_answer *answer;
	resolver_on_answer *on_answer;
	void *arg;
};

struct fake {
	struct resolver resolver; /* first */
	const char *table;
	unsigned *asked;
	uint64_t last_number;
	TAILQ_HEAD(, question) open;
	uv_timer_t soon;
};

static void question_free(struct fake *f, struct question *q)
{
	TAILQ_REMOVE(&f->open, q, link);
	dns_answer_free(q->answer);
	free(q);
}

static void on_soon(uv_timer_t *timer)
{
	struct fake *f = timer->data;
	struct question *q = TAILQ_FIRST(&f->open);
	struct question taken = *q;

	/* One a turn, so that a callback may do as it likes with the others. */
	taken.answer = dns_answer_new(q->answer);
	question_free(f, q);
	if (!TAILQ_EMPTY(&f->open))
		uv_timer_start(&f->soon, on_soon, 0, 0);
	taken.on_answer(taken.arg, taken.answer);
	dns_answer_free(taken.answer);
}

static uint64_t fake_ask(struct resolver *r, const char *name, uint16_t type,
			 uint32_t deadline_ms, resolver_on_answer *on_answer, void *arg)
{
	struct fake *f = (struct fake *)r;
	struct question *q = mem_zero(1, sizeof(*q));

	(void)deadline_ms;
	if (f->asked != NULL)
		(*f->asked)++;
	q->number = ++f->last_number;
	q->answer = dns_table_answer(f->table, name, type);
	q->on_answer = on_answer;
	q->arg = arg;
	TAILQ_INSERT_TAIL(&f->open, q, link);
	uv_timer_start(&f->soon, on_soon, 0, 0);
	return q->number;
}

static void fake_cancel(struct resolver *r, uint64_t number)
{
	struct fake *f = (struct fake *)r;
	struct question *q;

	TAILQ_FOREACH(q, &f->open, link) {
		if (q->number == number) {
			question_free(f, q);
			break;
		}
	}
	if (TAILQ_EMPTY(&f->open))
		uv_timer_stop(&f->soon);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void fake_free(struct resolver *r)
{
	struct fake *f = (struct fake *)r;

	while (!TAILQ_EMPTY(&f->open))
		question_free(f, TAILQ_FIRST(&f->open));
	uv_close((uv_handle_t *)&f->soon, on_closed);
}

static const struct resolver_ops fake_ops = { fake_ask, fake_cancel, fake_free };

struct resolver *resolver_fake_new(uv_loop_t *loop, const char *table, unsigned *asked)
{
	struct fake *f = mem_zero(1, sizeof(*f));

	f->resolver.ops = &fake_ops;
	f->table = table;
	f->asked = asked;
	TAILQ_INIT(&f->open);
	uv_timer_init(loop, &f->soon);
	f->soon.data = f;
	return &f->resolver;
}
