/*
 * The envelope's shared form and its codec. One table per structure says which member is stored
 * under which tag; encoding, decoding and copying read the same rows. Pure.
 */
#include "delivery/envelope.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "delivery/tlv.h"

/* Tags are for ever; a new field takes a new number. */
enum {
	TAG_GUID = 1,
	TAG_ORIGINAL = 2,
	TAG_RCPT = 3,
};

enum kind { KIND_TEXT, KIND_U64, KIND_U32, KIND_U8, KIND_FLAG };

struct field {
	uint16_t tag;
	uint16_t offset;
	enum kind kind;
	uint32_t max; /* the largest number this version understands; 0: any */
};

#define ENV(member) offsetof(struct envelope, member)
#define RCPT(member) offsetof(struct envelope_rcpt, member)

/* Enumerations are stored as KIND_U32. */
static const struct field envelope_fields[] = {
	{ 16, ENV(arrival_ms), KIND_U64, 0 },
	{ 17, ENV(transaction), KIND_TEXT, 0 },
	{ 18, ENV(sender), KIND_TEXT, 0 },
	{ 19, ENV(envid), KIND_TEXT, 0 },
	{ 20, ENV(ret), KIND_U32, ENVELOPE_RET_HDRS },
	{ 21, ENV(is_smtputf8), KIND_FLAG, 1 },
	{ 32, ENV(client.ip), KIND_TEXT, 0 },
	{ 33, ENV(client.helo), KIND_TEXT, 0 },
	{ 34, ENV(client.name), KIND_TEXT, 0 },
	{ 35, ENV(client.connector), KIND_TEXT, 0 },
	{ 36, ENV(client.is_authenticated), KIND_FLAG, 1 },
	{ 37, ENV(client.is_own_server), KIND_FLAG, 1 },
	{ 48, ENV(body.form), KIND_U32, BODY_OCTETS },
	{ 49, ENV(body.has_8bit), KIND_FLAG, 1 },
	{ 50, ENV(body.stored_size), KIND_U64, 0 },
	{ 51, ENV(body.unstuffed_size), KIND_U64, 0 },
	{ 52, ENV(body.accepted_size), KIND_U64, 0 },
	{ 53, ENV(body.stuffed_dots), KIND_U64, 0 },
	{ 54, ENV(body.header_length), KIND_U32, 0 },
	{ 55, ENV(body.longest_line), KIND_U32, 0 },
	{ 56, ENV(body.received_count), KIND_U32, 0 },
};

static const struct field rcpt_fields[] = {
	{ 1, RCPT(address), KIND_TEXT, 0 },
	{ 2, RCPT(orcpt), KIND_TEXT, 0 },
	{ 3, RCPT(home_server), KIND_TEXT, 0 },
	{ 4, RCPT(connector), KIND_TEXT, 0 },
	{ 5, RCPT(original), KIND_U32, 0 },
	{ 6, RCPT(branch), KIND_U32, 0 },
	{ 7, RCPT(notify), KIND_U8, 15 },
};

_Static_assert(sizeof(enum envelope_ret) == 4 && sizeof(enum body_form) == 4,
	       "enumerations are stored as 32-bit numbers");

static const char *get_text(const void *object, const struct field *f)
{
	const char *text;

	memcpy(&text, (const char *)object + f->offset, sizeof(text));
	return text != NULL ? text : "";
}

static void set_text(void *object, const struct field *f, const char *text)
{
	memcpy((char *)object + f->offset, &text, sizeof(text));
}

static size_t number_size(enum kind kind)
{
	switch (kind) {
	case KIND_U64:
		return sizeof(uint64_t);
	case KIND_U32:
		return sizeof(uint32_t);
	case KIND_U8:
		return sizeof(uint8_t);
	case KIND_FLAG:
		return sizeof(bool);
	case KIND_TEXT:
		break;
	}
	return 0;
}

static uint64_t get_number(const void *object, const struct field *f)
{
	const char *at = (const char *)object + f->offset;
	uint64_t wide;
	uint32_t word;

	switch (f->kind) {
	case KIND_U64:
		memcpy(&wide, at, sizeof(wide));
		return wide;
	case KIND_U32:
		memcpy(&word, at, sizeof(word));
		return word;
	default:
		return *(const uint8_t *)at;
	}
}

static void set_number(void *object, const struct field *f, uint64_t value)
{
	char *at = (char *)object + f->offset;
	uint32_t word = (uint32_t)value;

	if (f->kind == KIND_U64)
		memcpy(at, &value, sizeof(value));
	else if (f->kind == KIND_U32)
		memcpy(at, &word, sizeof(word));
	else
		*(uint8_t *)at = (uint8_t)value;
}

/* What is left of the one block, handed out from its front. */
struct room {
	char *at;
	char *end;
};

static const char *room_text(struct room *room, const void *data, size_t len)
{
	char *text = room->at;

	if (len == 0)
		return "";
	assert((size_t)(room->end - room->at) > len);
	memcpy(text, data, len);
	text[len] = '\0';
	room->at += len + 1;
	return text;
}

/* A block for an envelope with so many recipients and TEXT_BYTES of text, NULs included. */
static struct envelope *block_new(uint32_t originals, uint32_t rcpts, size_t text_bytes,
				  struct room *room_r)
{
	size_t pointers = originals * sizeof(char *), list = rcpts * sizeof(struct envelope_rcpt);
	size_t size = sizeof(struct envelope) + pointers + list + text_bytes;
	struct envelope *env = mem_alloc(size);

	memset(env, 0, size - text_bytes);
	atomic_init(&env->refs, 1);
	env->original_count = originals;
	env->rcpt_count = rcpts;
	env->rcpt = (struct envelope_rcpt *)(env + 1);
	env->original = (const char *const *)(env->rcpt + rcpts);
	room_r->at = (char *)env + size - text_bytes;
	room_r->end = (char *)env + size;
	return env;
}

/* The lists of a block that is still being filled. */
static struct envelope_rcpt *block_rcpts(struct envelope *env)
{
	return (struct envelope_rcpt *)(env + 1);
}

static const char **block_originals(struct envelope *env)
{
	return (const char **)(block_rcpts(env) + env->rcpt_count);
}

/* --- copying --- */

static size_t text_size(const char *text)
{
	return text != NULL && *text != '\0' ? strlen(text) + 1 : 0;
}

static size_t fields_text_size(const void *object, const struct field *fields, size_t count)
{
	size_t size = 0;

	for (size_t i = 0; i < count; i++)
		if (fields[i].kind == KIND_TEXT)
			size += text_size(get_text(object, &fields[i]));
	return size;
}

static void copy_fields(void *to, const void *from, const struct field *fields, size_t count,
			struct room *room)
{
	for (size_t i = 0; i < count; i++) {
		const struct field *f = &fields[i];

		if (f->kind == KIND_TEXT) {
			const char *text = get_text(from, f);

			set_text(to, f, room_text(room, text, strlen(text)));
		} else {
			memcpy((char *)to + f->offset, (const char *)from + f->offset,
			       number_size(f->kind));
		}
	}
}

struct envelope *envelope_new(const struct envelope *description)
{
	size_t bytes = fields_text_size(description, envelope_fields, WP_COUNT(envelope_fields));
	struct envelope *env;
	struct room room;

	for (uint32_t i = 0; i < description->original_count; i++)
		bytes += text_size(description->original[i]);
	for (uint32_t i = 0; i < description->rcpt_count; i++)
		bytes += fields_text_size(&description->rcpt[i], rcpt_fields,
					  WP_COUNT(rcpt_fields));
	env = block_new(description->original_count, description->rcpt_count, bytes, &room);
	memcpy(env->guid, description->guid, sizeof(env->guid));
	copy_fields(env, description, envelope_fields, WP_COUNT(envelope_fields), &room);
	for (uint32_t i = 0; i < env->original_count; i++)
		block_originals(env)[i] = room_text(&room, description->original[i],
						    strlen(description->original[i]));
	for (uint32_t i = 0; i < env->rcpt_count; i++) {
		assert(description->rcpt[i].original < env->original_count);
		copy_fields(&block_rcpts(env)[i], &description->rcpt[i], rcpt_fields,
			    WP_COUNT(rcpt_fields), &room);
	}
	return env;
}

struct envelope *envelope_ref(struct envelope *env)
{
	atomic_fetch_add_explicit(&env->refs, 1, memory_order_relaxed);
	return env;
}

void envelope_unref(struct envelope *env)
{
	if (env != NULL && atomic_fetch_sub_explicit(&env->refs, 1, memory_order_acq_rel) == 1)
		free(env);
}

/* --- encoding --- */

static void encode_fields(const void *object, const struct field *fields, size_t count,
			  struct buf *out)
{
	for (size_t i = 0; i < count; i++) {
		const struct field *f = &fields[i];

		if (f->kind == KIND_TEXT) {
			if (*get_text(object, f) != '\0')
				tlv_put_text(out, f->tag, get_text(object, f));
		} else if (get_number(object, f) != 0) {
			tlv_put_u64(out, f->tag, get_number(object, f));
		}
	}
}

void envelope_encode(const struct envelope *env, struct buf *out)
{
	buf_addc(out, ENVELOPE_VERSION & 0xff);
	buf_addc(out, ENVELOPE_VERSION >> 8);
	tlv_put(out, TAG_GUID, env->guid, sizeof(env->guid));
	encode_fields(env, envelope_fields, WP_COUNT(envelope_fields), out);
	for (uint32_t i = 0; i < env->original_count; i++)
		tlv_put_text(out, TAG_ORIGINAL, env->original[i]);
	for (uint32_t i = 0; i < env->rcpt_count; i++) {
		size_t opened = tlv_open(out, TAG_RCPT);

		encode_fields(&env->rcpt[i], rcpt_fields, WP_COUNT(rcpt_fields), out);
		tlv_close(out, opened);
	}
}

/* --- decoding --- */

/* The version that wrote what is read, for the refusal. */
struct source {
	unsigned version;
	struct err *e;
};

static int refuse_field(const struct source *src, const struct tlv *t)
{
	err_set(src->e, ERR_STORE, 0,
		"field %u of an envelope is not known; format version %u wrote it, this program knows version %u",
		t->tag, src->version, ENVELOPE_VERSION);
	return err_remedy(src->e, "run the version of waypost that wrote this spool, or a later one");
}

static int refuse_value(const struct source *src, const struct tlv *t)
{
	return err_set(src->e, ERR_STORE, 0, "field %u of an envelope has a wrong value", t->tag);
}

static const struct field *find_field(const struct field *fields, size_t count, uint16_t tag)
{
	for (size_t i = 0; i < count; i++)
		if (fields[i].tag == tag)
			return &fields[i];
	return NULL;
}

static int decode_field(void *object, const struct field *fields, size_t count,
			const struct tlv *t, struct room *room, const struct source *src)
{
	const struct field *f = find_field(fields, count, t->tag);
	uint64_t value, max;

	if (f == NULL)
		return t->tag & TLV_OPTIONAL ? 0 : refuse_field(src, t);
	if (f->kind == KIND_TEXT) {
		if (memchr(t->data, '\0', t->len) != NULL)
			return refuse_value(src, t);
		set_text(object, f, room_text(room, t->data, t->len));
		return 0;
	}
	max = f->max != 0 ? f->max : f->kind == KIND_U64 ? UINT64_MAX : UINT32_MAX;
	if (!tlv_u64(t, max, &value))
		return refuse_value(src, t);
	set_number(object, f, value);
	return 0;
}

/* Text that is not stored is empty. */
static void default_texts(void *object, const struct field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (fields[i].kind == KIND_TEXT)
			set_text(object, &fields[i], "");
}

static int decode_rcpt(struct envelope_rcpt *rcpt, const struct tlv *t, uint32_t originals,
		       struct room *room, const struct source *src)
{
	struct tlv_reader r;
	struct tlv field;
	int got;

	default_texts(rcpt, rcpt_fields, WP_COUNT(rcpt_fields));
	tlv_read(&r, t->data, t->len);
	while ((got = tlv_next(&r, &field)) > 0)
		if (decode_field(rcpt, rcpt_fields, WP_COUNT(rcpt_fields), &field, room, src) < 0)
			return -1;
	if (got < 0 || rcpt->original >= originals)
		return refuse_value(src, t);
	return 0;
}

static int decode_all(struct envelope *env, struct tlv_reader r, struct room *room,
		      const struct source *src)
{
	uint32_t originals = 0, rcpts = 0;
	struct tlv t;

	default_texts(env, envelope_fields, WP_COUNT(envelope_fields));
	while (tlv_next(&r, &t) > 0) {
		if (t.tag == TAG_GUID) {
			if (t.len != sizeof(env->guid))
				return refuse_value(src, &t);
			memcpy(env->guid, t.data, sizeof(env->guid));
		} else if (t.tag == TAG_ORIGINAL) {
			if (memchr(t.data, '\0', t.len) != NULL)
				return refuse_value(src, &t);
			block_originals(env)[originals++] = room_text(room, t.data, t.len);
		} else if (t.tag == TAG_RCPT) {
			if (decode_rcpt(&block_rcpts(env)[rcpts++], &t, env->original_count,
					room, src) < 0)
				return -1;
		} else if (decode_field(env, envelope_fields, WP_COUNT(envelope_fields), &t, room,
					src) < 0) {
			return -1;
		}
	}
	return 0;
}

/* How many recipients there are; -1 if the fields are cut short. */
static int count_lists(struct tlv_reader r, uint32_t *originals_r, uint32_t *rcpts_r)
{
	struct tlv t;
	int got;

	*originals_r = *rcpts_r = 0;
	while ((got = tlv_next(&r, &t)) > 0) {
		*originals_r += t.tag == TAG_ORIGINAL;
		*rcpts_r += t.tag == TAG_RCPT;
	}
	return got;
}

int envelope_decode(const void *data, size_t len, struct envelope **env_r, struct err *e)
{
	const uint8_t *octets = data;
	struct source src = { .e = e };
	uint32_t originals, rcpts;
	struct tlv_reader r;
	struct envelope *env;
	struct room room;

	if (len < 2)
		return err_set(e, ERR_STORE, 0, "an envelope is cut short");
	src.version = octets[0] | (unsigned)octets[1] << 8;
	tlv_read(&r, octets + 2, len - 2);
	if (count_lists(r, &originals, &rcpts) < 0)
		return err_set(e, ERR_STORE, 0, "an envelope is cut short");
	/* Each text costs a field header in DATA and a NUL here, so LEN is room enough. */
	env = block_new(originals, rcpts, len, &room);
	if (decode_all(env, r, &room, &src) < 0) {
		free(env);
		return -1;
	}
	*env_r = env;
	return 0;
}

const char *body_form_name(enum body_form form)
{
	return form == BODY_OCTETS ? "octets" : "lines";
}
