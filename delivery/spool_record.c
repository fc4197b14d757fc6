/* The records of the spool's log. Pure. */
#include "delivery/spool_record.h"

#include <assert.h>
#include <string.h>

#include <xxhash.h>

#include "delivery/tlv.h"

enum { MAGIC = 0x4c535057 }; /* "WPSL" */

_Static_assert(sizeof(struct spool_header) == SPOOL_HEADER_BYTES, "no padding in the header");
_Static_assert(offsetof(struct spool_header, header_sum) == 32, "header_sum covers the rest");

/* Fields of MSG, MSGREF and MOVE; the envelope, the sum of all before it and the body come last. */
enum {
	TAG_ARRIVAL = 1,
	TAG_STORED_SIZE = 2,
	TAG_RECIPIENTS = 3,
	TAG_BODY_SUM = 4, /* there is a body file */
	TAG_ENVELOPE = 5,
	TAG_BODY = 6,
	TAG_FRONT_SUM = 7 | TLV_OPTIONAL, /* of the fields before it, behind the envelope */
};

/* Fields of RCPT. */
enum { TAG_STATE = 16, TAG_NEXT_TRY = 17, TAG_RANGES = 18, TAG_OUTCOME = 19 };

/* Fields of HEAD and GROUP. */
enum { TAG_VERSION = 32, TAG_OLDEST = 33, TAG_NEXT_ID = 34, TAG_KEY = 35 };
enum { TAG_COUNT = 48, TAG_BYTES = 49 };

const char *spool_type_name(unsigned type)
{
	static const char *const names[] = {
		[SPOOL_MSG] = "MSG",   [SPOOL_MSGREF] = "MSGREF", [SPOOL_RCPT] = "RCPT",
		[SPOOL_DONE] = "DONE", [SPOOL_MOVE] = "MOVE",	  [SPOOL_HEAD] = "HEAD",
		[SPOOL_GROUP] = "GROUP",
	};

	return type < WP_COUNT(names) && names[type] != NULL ? names[type] : "unknown";
}

/* --- writing --- */

size_t spool_record_begin(struct buf *out, enum spool_type type, uint64_t id)
{
	struct spool_header header = { .magic = MAGIC, .type = (uint8_t)type, .id = id };

	assert(out->len % SPOOL_ALIGN == 0);
	buf_add(out, &header, sizeof(header));
	return out->len - sizeof(header);
}

static uint64_t sum_of_parts(const char *first, size_t len, const struct iovec *parts,
			     uint32_t count)
{
	XXH3_state_t *state;
	uint64_t sum;

	if (count == 0)
		return XXH3_64bits(first, len);
	state = XXH3_createState();
	if (state == NULL)
		mem_fatal(len);
	XXH3_64bits_reset(state);
	XXH3_64bits_update(state, first, len);
	for (uint32_t i = 0; i < count; i++)
		XXH3_64bits_update(state, parts[i].iov_base, parts[i].iov_len);
	sum = XXH3_64bits_digest(state);
	XXH3_freeState(state);
	return sum;
}

void spool_record_end(struct buf *out, size_t begun, const struct iovec *parts, uint32_t count)
{
	static const char zeros[SPOOL_ALIGN];
	size_t begin = begun + SPOOL_HEADER_BYTES, len = out->len - begin, all = len;
	struct spool_header header;

	for (uint32_t i = 0; i < count; i++)
		all += parts[i].iov_len;
	assert(all <= UINT32_MAX);
	memcpy(&header, out->data + begun, sizeof(header));
	header.length = (uint32_t)all;
	header.payload_sum = sum_of_parts(out->data + begin, len, parts, count);
	memcpy(out->data + begun, &header, sizeof(header));
	if (count == 0)
		buf_add(out, zeros, -out->len % SPOOL_ALIGN);
}

void spool_record_stamp(struct spool_header *header, uint64_t seed, uint32_t commit)
{
	header->commit = commit;
	header->header_sum =
		XXH3_64bits_withSeed(header, offsetof(struct spool_header, header_sum), seed);
}

static void put_summary(struct buf *out, const struct envelope *env, uint64_t stored_size)
{
	tlv_put_u64(out, TAG_ARRIVAL, env->arrival_ms);
	tlv_put_u64(out, TAG_STORED_SIZE, stored_size);
	tlv_put_u64(out, TAG_RECIPIENTS, env->rcpt_count);
}

static void put_envelope(struct buf *out, const struct envelope *env)
{
	size_t opened = tlv_open(out, TAG_ENVELOPE);

	envelope_encode(env, out);
	tlv_close(out, opened);
}

static uint64_t front_sum(const void *payload, size_t len, uint64_t id)
{
	return XXH3_64bits_withSeed(payload, len, id);
}

static void put_front_sum(struct buf *out, size_t begun, uint64_t id)
{
	size_t begin = begun + SPOOL_HEADER_BYTES;
	uint64_t sum = front_sum(out->data + begin, out->len - begin, id);

	tlv_put(out, TAG_FRONT_SUM, &sum, sizeof(sum));
}

void spool_put_message(struct buf *out, uint64_t id, const struct envelope *env,
		       const struct iovec *body, uint32_t parts)
{
	size_t begun = spool_record_begin(out, SPOOL_MSG, id), size = 0;

	for (uint32_t i = 0; i < parts; i++)
		size += body[i].iov_len;
	put_summary(out, env, size);
	put_envelope(out, env);
	put_front_sum(out, begun, id);
	tlv_put_header(out, TAG_BODY, size);
	spool_record_end(out, begun, body, parts);
}

void spool_put_ref(struct buf *out, uint64_t id, const struct envelope *env, uint64_t size,
		   uint64_t sum)
{
	size_t begun = spool_record_begin(out, SPOOL_MSGREF, id);

	put_summary(out, env, size);
	tlv_put(out, TAG_BODY_SUM, &sum, sizeof(sum));
	put_envelope(out, env);
	put_front_sum(out, begun, id);
	spool_record_end(out, begun, NULL, 0);
}

void spool_put_front(struct buf *out, uint64_t id, const void *front, size_t len)
{
	size_t begun = spool_record_begin(out, SPOOL_MOVE, id);

	buf_add(out, front, len);
	spool_record_end(out, begun, NULL, 0);
}

static void put_le32(uint8_t *to, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		to[i] = (uint8_t)(value >> (8 * i));
}

void spool_put_rcpt(struct buf *out, uint64_t id, const struct rcpt_range *ranges, uint32_t count,
		    enum rcpt_state state, uint64_t next_try_ms, const char *outcome)
{
	size_t begun = spool_record_begin(out, SPOOL_RCPT, id);

	tlv_put_u64(out, TAG_STATE, state);
	tlv_put_u64(out, TAG_NEXT_TRY, next_try_ms);
	tlv_put_header(out, TAG_RANGES, count * 8);
	for (uint32_t i = 0; i < count; i++) {
		uint8_t pair[8];

		put_le32(pair, ranges[i].first);
		put_le32(pair + 4, ranges[i].count);
		buf_add(out, pair, sizeof(pair));
	}
	if (outcome != NULL && *outcome != '\0')
		tlv_put(out, TAG_OUTCOME, outcome, strnlen(outcome, SPOOL_OUTCOME_MAX));
	spool_record_end(out, begun, NULL, 0);
}

void spool_put_done(struct buf *out, uint64_t id)
{
	spool_record_end(out, spool_record_begin(out, SPOOL_DONE, id), NULL, 0);
}

void spool_put_head(struct buf *out, uint32_t oldest, uint64_t next_id, uint64_t key)
{
	size_t begun = spool_record_begin(out, SPOOL_HEAD, 0);

	tlv_put_u64(out, TAG_VERSION, SPOOL_FORMAT_VERSION);
	tlv_put_u64(out, TAG_OLDEST, oldest);
	tlv_put_u64(out, TAG_NEXT_ID, next_id);
	tlv_put_u64(out, TAG_KEY, key);
	spool_record_end(out, begun, NULL, 0);
}

/* Of a fixed size, so that its place can be kept before what it counts is known. */
void spool_fill_group(char *record, uint32_t count, uint64_t bytes)
{
	struct buf out = { 0 };
	size_t begun = spool_record_begin(&out, SPOOL_GROUP, 0);

	tlv_put(&out, TAG_COUNT, &count, sizeof(count));
	tlv_put(&out, TAG_BYTES, &bytes, sizeof(bytes));
	spool_record_end(&out, begun, NULL, 0);
	assert(out.len == SPOOL_GROUP_BYTES);
	memcpy(record, out.data, SPOOL_GROUP_BYTES);
	buf_free(&out);
}

/* --- reading --- */

bool spool_header_check(const void *data, uint64_t seed, struct spool_header *header_r)
{
	memcpy(header_r, data, sizeof(*header_r));
	return header_r->magic == MAGIC &&
	       header_r->header_sum ==
		       XXH3_64bits_withSeed(header_r, offsetof(struct spool_header, header_sum),
					    seed);
}

enum spool_check spool_record_check(const void *data, size_t len, uint64_t seed,
				    struct spool_header *header_r)
{
	if (len < SPOOL_HEADER_BYTES || !spool_header_check(data, seed, header_r))
		return SPOOL_CHECK_NO_HEADER;
	if (spool_record_size(header_r->length) > len ||
	    XXH3_64bits((const char *)data + SPOOL_HEADER_BYTES, header_r->length) !=
		    header_r->payload_sum)
		return SPOOL_CHECK_BAD_PAYLOAD;
	return SPOOL_CHECK_GOOD;
}

static int refuse_unknown(const struct tlv *t, const char *record, struct err *e)
{
	if (t->tag & TLV_OPTIONAL)
		return 0;
	err_set(e, ERR_STORE, 0,
		"field %u of a %s record is not known; this program knows spool format version %d",
		t->tag, record, SPOOL_FORMAT_VERSION);
	return err_remedy(e, "run the version of waypost that wrote this spool, or a later one");
}

static int refuse_value(const char *record, struct err *e)
{
	return err_set(e, ERR_STORE, 0, "a %s record has a missing or wrong field", record);
}

static bool read_u32(const struct tlv *t, uint32_t *value_r)
{
	uint64_t value;

	if (!tlv_u64(t, UINT32_MAX, &value))
		return false;
	*value_r = (uint32_t)value;
	return true;
}

/* Takes one field into OBJECT. 1: known and good, 0: not known, -1: wrong. */
typedef int field_reader(const struct tlv *t, void *object);

static int read_fields(const void *payload, size_t len, const char *record, field_reader *reader,
		       void *object, struct err *e)
{
	struct tlv_reader r;
	struct tlv t;
	int got;

	tlv_read(&r, payload, len);
	while ((got = tlv_next(&r, &t)) > 0) {
		int known = reader(&t, object);

		if (known < 0)
			return refuse_value(record, e);
		if (known == 0 && refuse_unknown(&t, record, e) < 0)
			return -1;
	}
	return got < 0 ? refuse_value(record, e) : 0;
}

static int message_field(const struct tlv *t, void *object)
{
	struct spool_message *m = object;

	switch (t->tag) {
	case TAG_ARRIVAL:
		return tlv_u64(t, UINT64_MAX, &m->arrival_ms) ? 1 : -1;
	case TAG_STORED_SIZE:
		return tlv_u64(t, UINT64_MAX, &m->stored_size) ? 1 : -1;
	case TAG_RECIPIENTS:
		return read_u32(t, &m->recipients) && m->recipients <= SPOOL_RECIPIENTS_MAX ? 1 : -1;
	case TAG_BODY_SUM:
		m->is_ref = true;
		return tlv_u64(t, UINT64_MAX, &m->body_sum) ? 1 : -1;
	case TAG_ENVELOPE:
		m->envelope = t->data;
		m->envelope_len = t->len;
		return 1;
	case TAG_BODY:
		m->body = t->data;
		m->body_len = t->len;
		return 1;
	case TAG_FRONT_SUM: /* for spool_read_front() */
		return 1;
	default:
		return 0;
	}
}

int spool_read_message(const void *payload, size_t len, struct spool_message *m_r, struct err *e)
{
	memset(m_r, 0, sizeof(*m_r));
	return read_fields(payload, len, "message", message_field, m_r, e);
}

bool spool_read_front(const void *payload, size_t len, uint64_t id, struct spool_message *m_r)
{
	const uint8_t *begin = payload;
	struct tlv_reader r;
	struct tlv t;
	uint64_t sum;
	size_t front;

	tlv_read(&r, payload, len);
	do
		if (tlv_next(&r, &t) <= 0)
			return false;
	while (t.tag != TAG_FRONT_SUM);
	front = (size_t)(t.data - TLV_HEADER_BYTES - begin);
	if (t.len != sizeof(sum))
		return false;
	memcpy(&sum, t.data, sizeof(sum));
	if (sum != front_sum(payload, front, id) || spool_read_message(payload, front, m_r, NULL) < 0)
		return false;
	m_r->front_len = front + TLV_HEADER_BYTES + sizeof(sum);
	return true;
}

static int rcpt_field(const struct tlv *t, void *object)
{
	struct spool_rcpt *r = object;
	uint64_t state;

	switch (t->tag) {
	case TAG_STATE:
		if (!tlv_u64(t, RCPT_EXPIRED, &state))
			return -1;
		r->state = (enum rcpt_state)state;
		return 1;
	case TAG_NEXT_TRY:
		return tlv_u64(t, UINT64_MAX, &r->next_try_ms) ? 1 : -1;
	case TAG_RANGES:
		r->ranges = t->data;
		r->range_count = t->len / 8;
		return t->len % 8 == 0 ? 1 : -1;
	case TAG_OUTCOME:
		r->outcome = (const char *)t->data;
		r->outcome_len = t->len;
		return t->len <= SPOOL_OUTCOME_MAX ? 1 : -1;
	default:
		return 0;
	}
}

int spool_read_rcpt(const void *payload, size_t len, struct spool_rcpt *r_r, struct err *e)
{
	memset(r_r, 0, sizeof(*r_r));
	if (read_fields(payload, len, "RCPT", rcpt_field, r_r, e) < 0)
		return -1;
	return r_r->ranges == NULL ? refuse_value("RCPT", e) : 0;
}

struct rcpt_range spool_rcpt_range(const struct spool_rcpt *r, uint32_t index)
{
	const uint8_t *at = r->ranges + index * 8u;
	struct rcpt_range range = { 0, 0 };

	for (unsigned i = 0; i < 4; i++) {
		range.first |= (uint32_t)at[i] << (8 * i);
		range.count |= (uint32_t)at[4 + i] << (8 * i);
	}
	return range;
}

/* A head of another version is read for its version only, so that it can be named. */
static int head_field(const struct tlv *t, void *object)
{
	struct spool_head *h = object;

	switch (t->tag) {
	case TAG_VERSION:
		return read_u32(t, &h->version) ? 1 : -1;
	case TAG_OLDEST:
		return read_u32(t, &h->oldest) ? 1 : -1;
	case TAG_NEXT_ID:
		return tlv_u64(t, UINT64_MAX, &h->next_id) ? 1 : -1;
	case TAG_KEY:
		return tlv_u64(t, UINT64_MAX, &h->key) ? 1 : -1;
	default:
		return h->version != 0 && h->version != SPOOL_FORMAT_VERSION;
	}
}

int spool_read_head(const void *payload, size_t len, struct spool_head *h_r, struct err *e)
{
	memset(h_r, 0, sizeof(*h_r));
	if (read_fields(payload, len, "HEAD", head_field, h_r, e) < 0)
		return -1;
	return h_r->version == 0 ? refuse_value("HEAD", e) : 0;
}

static int group_field(const struct tlv *t, void *object)
{
	struct spool_group_of *g = object;

	switch (t->tag) {
	case TAG_COUNT:
		return read_u32(t, &g->count) ? 1 : -1;
	case TAG_BYTES:
		return tlv_u64(t, UINT64_MAX, &g->bytes) ? 1 : -1;
	default:
		return 0;
	}
}

int spool_read_group(const void *payload, size_t len, struct spool_group_of *g_r, struct err *e)
{
	memset(g_r, 0, sizeof(*g_r));
	if (read_fields(payload, len, "GROUP", group_field, g_r, e) < 0)
		return -1;
	return g_r->count == 0 ? refuse_value("GROUP", e) : 0;
}

bool spool_type_is_message(unsigned type)
{
	return type == SPOOL_MSG || type == SPOOL_MSGREF || type == SPOOL_MOVE;
}

size_t spool_record_gist(const struct spool_header *header, const void *payload)
{
	struct tlv_reader r;
	struct tlv t;

	if (!spool_type_is_message(header->type))
		return header->length;
	tlv_read(&r, payload, header->length);
	while (tlv_next(&r, &t) > 0)
		if (t.tag == TAG_ENVELOPE)
			return (size_t)(t.data - TLV_HEADER_BYTES - (const uint8_t *)payload);
	return header->length;
}
