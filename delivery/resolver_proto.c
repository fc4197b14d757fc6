/* The packets between delivery and resolver: see resolver_proto.h. */
#include "delivery/resolver_proto.h"

#include <stdlib.h>
#include <string.h>

enum { FLAG_TEMPORARY = 1, FLAG_BOGUS = 2, FLAG_SECURE = 4 };

static void put_u16(struct buf *out, size_t value)
{
	uint16_t v = (uint16_t)value;

	buf_add(out, &v, sizeof(v));
}

static void put_u32(struct buf *out, uint32_t v)
{
	buf_add(out, &v, sizeof(v));
}

static void put_u64(struct buf *out, uint64_t v)
{
	buf_add(out, &v, sizeof(v));
}

/* With its NUL, which the reader looks for. */
static void put_text(struct buf *out, const char *text)
{
	size_t len = text == NULL ? 0 : strlen(text);

	len = len < DNS_NAME_TEXT ? len : DNS_NAME_TEXT - 1;
	put_u16(out, len + 1);
	buf_add(out, text, len);
	buf_addc(out, '\0');
}

static void begin(struct buf *out, enum resolver_packet kind)
{
	buf_clear(out);
	buf_addc(out, (char)kind);
}

void resolver_put_question(struct buf *out, const struct resolver_question *question)
{
	begin(out, RESOLVER_QUESTION);
	put_u64(out, question->id);
	put_u32(out, question->deadline_ms);
	put_u16(out, question->type);
	put_text(out, question->name);
}

void resolver_put_answer(struct buf *out, uint64_t id, const struct dns_answer *answer)
{
	size_t count = answer->is_temporary ? 0 : answer->count;

	begin(out, RESOLVER_ANSWER);
	put_u64(out, id);
	buf_addc(out, (char)((answer->is_temporary ? FLAG_TEMPORARY : 0) |
			     (answer->bogus ? FLAG_BOGUS : 0) | (answer->secure ? FLAG_SECURE : 0)));
	buf_addc(out, (char)answer->rcode);
	put_u32(out, answer->ttl_s);
	put_text(out, answer->canonical);
	put_text(out, answer->why);
	put_u16(out, count);
	for (size_t i = 0; i < count && out->len < RESOLVER_PACKET_MAX; i++) {
		put_u16(out, answer->records[i].len);
		buf_add(out, answer->records[i].data, answer->records[i].len);
	}
	if (out->len > RESOLVER_PACKET_MAX || count > DNS_RECORDS_MAX) {
		struct dns_answer failed = { .is_temporary = true, .rcode = DNS_SERVFAIL,
					     .canonical = answer->canonical,
					     .why = "the answer is too long" };

		resolver_put_answer(out, id, &failed);
	}
}

void resolver_put_gone(struct buf *out)
{
	begin(out, RESOLVER_GONE);
}

void resolver_put_dnssec(struct buf *out, enum resolver_dnssec state)
{
	begin(out, RESOLVER_DNSSEC);
	buf_addc(out, (char)state);
}

/* What is left of a packet; `is_broken` once more was asked for than was there. */
struct reader {
	const uint8_t *at, *end;
	bool is_broken;
};

static const void *get(struct reader *r, size_t len)
{
	const void *at = r->at;

	if ((size_t)(r->end - r->at) < len) {
		r->is_broken = true;
		return NULL;
	}
	r->at += len;
	return at;
}

static uint64_t get_number(struct reader *r, size_t size)
{
	const void *at = get(r, size);
	uint64_t v64 = 0;
	uint32_t v32;
	uint16_t v16;

	if (at == NULL)
		return 0;
	switch (size) {
	case sizeof(v16):
		memcpy(&v16, at, size);
		return v16;
	case sizeof(v32):
		memcpy(&v32, at, size);
		return v32;
	case sizeof(v64):
		memcpy(&v64, at, size);
		return v64;
	default:
		return *(const uint8_t *)at;
	}
}

/* A text with its NUL, in the packet. */
static const char *get_text(struct reader *r)
{
	size_t size = get_number(r, 2);
	const char *text = get(r, size);

	if (text == NULL || size == 0 || size > DNS_NAME_TEXT || memchr(text, '\0', size) != text + size - 1) {
		r->is_broken = true;
		return "";
	}
	return text;
}

static bool is_used_up(const struct reader *r)
{
	return !r->is_broken && r->at == r->end;
}

enum resolver_packet resolver_kind(const void *packet, size_t len)
{
	uint8_t kind = len == 0 ? 0 : *(const uint8_t *)packet;

	return kind >= RESOLVER_QUESTION && kind <= RESOLVER_DNSSEC ? (enum resolver_packet)kind : 0;
}

/* Behind the kind, if it is KIND. */
static struct reader open_packet(const void *packet, size_t len, enum resolver_packet kind)
{
	struct reader r = { packet, (const uint8_t *)packet + len, false };

	if (resolver_kind(packet, len) == kind)
		r.at++;
	else
		r.is_broken = true;
	return r;
}

bool resolver_get_question(const void *packet, size_t len, struct resolver_question *question_r)
{
	struct reader r = open_packet(packet, len, RESOLVER_QUESTION);
	const char *name;

	question_r->id = get_number(&r, 8);
	question_r->deadline_ms = (uint32_t)get_number(&r, 4);
	question_r->type = (uint16_t)get_number(&r, 2);
	name = get_text(&r);
	memcpy(question_r->name, name, strlen(name) + 1);
	return is_used_up(&r);
}

static void get_records(struct reader *r, struct dns_answer *answer, struct dns_rdata *records)
{
	for (size_t i = 0; i < answer->count && !r->is_broken; i++) {
		records[i].len = (uint16_t)get_number(r, 2);
		records[i].data = get(r, records[i].len);
	}
}

bool resolver_get_answer(const void *packet, size_t len, uint64_t *id_r,
			 struct dns_answer **answer_r)
{
	struct reader r = open_packet(packet, len, RESOLVER_ANSWER);
	struct dns_rdata records[DNS_RECORDS_MAX];
	struct dns_answer like = { .records = records };
	unsigned flags;

	*id_r = get_number(&r, 8);
	flags = (unsigned)get_number(&r, 1);
	like.is_temporary = (flags & FLAG_TEMPORARY) != 0;
	like.bogus = (flags & FLAG_BOGUS) != 0;
	like.secure = (flags & FLAG_SECURE) != 0;
	like.rcode = (uint8_t)get_number(&r, 1);
	like.ttl_s = (uint32_t)get_number(&r, 4);
	like.canonical = get_text(&r);
	like.why = get_text(&r);
	like.count = get_number(&r, 2);
	if (like.count > DNS_RECORDS_MAX)
		return false;
	get_records(&r, &like, records);
	/* A bogus answer is never to be used, whatever the rest says. */
	if (!is_used_up(&r) || (like.bogus && !like.is_temporary))
		return false;
	*answer_r = dns_answer_new(&like);
	return true;
}

bool resolver_get_dnssec(const void *packet, size_t len, enum resolver_dnssec *state_r)
{
	struct reader r = open_packet(packet, len, RESOLVER_DNSSEC);
	uint64_t state = get_number(&r, 1);

	*state_r = (enum resolver_dnssec)state;
	return is_used_up(&r) && state <= RESOLVER_DNSSEC_NO;
}
