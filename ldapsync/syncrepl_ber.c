/* RFC 4533 in BER. Pure. */
#include "ldapsync/syncrepl_ber.h"

#include <string.h>

enum {
	TAG_BOOLEAN = 0x01,
	TAG_OCTETS = 0x04,
	TAG_ENUMERATED = 0x0a,
	TAG_SEQUENCE = 0x30,
	TAG_SET = 0x31,
	TAG_NEW_COOKIE = 0x80,
	TAG_REFRESH_DELETE = 0xa1,
	TAG_REFRESH_PRESENT = 0xa2,
	TAG_ID_SET = 0xa3,
	MODE_REFRESH_AND_PERSIST = 3,
};

/* What is left of a constructed value. */
struct ber {
	const uint8_t *at;
	size_t left;
};

static bool take_length(struct ber *ber, size_t *len_r)
{
	size_t octets, len = 0;

	if (ber->left == 0)
		return false;
	octets = *ber->at++;
	ber->left--;
	if (octets < 0x80) {
		*len_r = octets;
		return true;
	}
	octets &= 0x7f;
	if (octets == 0 || octets > 4 || octets > ber->left)
		return false;
	for (size_t i = 0; i < octets; i++)
		len = len << 8 | *ber->at++;
	ber->left -= octets;
	*len_r = len;
	return true;
}

/* The next element, if it has TAG. False also at the end or when it does not fit. */
static bool take(struct ber *ber, uint8_t tag, struct ber *value_r)
{
	struct ber after = *ber;
	size_t len;

	if (after.left == 0 || *after.at != tag)
		return false;
	after.at++;
	after.left--;
	if (!take_length(&after, &len) || len > after.left)
		return false;
	*value_r = (struct ber){ after.at, len };
	*ber = (struct ber){ after.at + len, after.left - len };
	return true;
}

static bool take_boolean(struct ber *ber, bool *value_r)
{
	struct ber value;

	if (!take(ber, TAG_BOOLEAN, &value) || value.left != 1)
		return false;
	*value_r = *value.at != 0;
	return true;
}

/* An optional element: absent is fine, a broken one is left over and seen by is_done. */
static void take_cookie(struct ber *ber, struct syncrepl_cookie *cookie_r)
{
	struct ber value;

	if (take(ber, TAG_OCTETS, &value))
		*cookie_r = (struct syncrepl_cookie){ (const char *)value.at, value.left };
}

static bool is_done(const struct ber *ber)
{
	return ber->left == 0;
}

static bool take_uuid(struct ber *ber, struct entry_uuid *uuid_r)
{
	struct ber value;

	if (!take(ber, TAG_OCTETS, &value) || value.left != sizeof(uuid_r->bytes))
		return false;
	memcpy(uuid_r->bytes, value.at, sizeof(uuid_r->bytes));
	return true;
}

static int broken(struct err *err, const char *what)
{
	return err_set(err, ERR_PROTOCOL, 0, "the directory sent a malformed %s", what);
}

int syncrepl_decode_state(const void *data, size_t len, struct syncrepl_state_value *state_r,
			  struct err *err)
{
	struct ber ber = { data, len }, body, state;

	*state_r = (struct syncrepl_state_value){ 0 };
	if (!take(&ber, TAG_SEQUENCE, &body) || !is_done(&ber) ||
	    !take(&body, TAG_ENUMERATED, &state) || state.left != 1 ||
	    !take_uuid(&body, &state_r->uuid))
		return broken(err, "sync state");
	state_r->state = *state.at;
	take_cookie(&body, &state_r->cookie);
	return is_done(&body) ? 0 : broken(err, "sync state");
}

static bool decode_phase_end(struct ber *body, struct syncrepl_info *info)
{
	info->refresh_done = true;
	take_cookie(body, &info->cookie);
	return is_done(body) || (take_boolean(body, &info->refresh_done) && is_done(body));
}

static bool decode_id_set(struct ber *body, struct syncrepl_info *info, struct buf *uuids)
{
	struct entry_uuid uuid;
	struct ber set;

	take_cookie(body, &info->cookie);
	if (body->left > 0 && *body->at == TAG_BOOLEAN &&
	    !take_boolean(body, &info->refresh_deletes))
		return false;
	if (!take(body, TAG_SET, &set) || !is_done(body))
		return false;
	while (take_uuid(&set, &uuid))
		buf_add(uuids, uuid.bytes, sizeof(uuid.bytes));
	return is_done(&set);
}

static bool decode_info(struct ber *ber, struct syncrepl_info *info, struct buf *uuids)
{
	struct ber body;

	if (take(ber, TAG_NEW_COOKIE, &body)) {
		info->kind = SYNCREPL_NEW_COOKIE;
		info->cookie = (struct syncrepl_cookie){ (const char *)body.at, body.left };
		return true;
	}
	if (take(ber, TAG_REFRESH_DELETE, &body)) {
		info->kind = SYNCREPL_REFRESH_DELETE;
		return decode_phase_end(&body, info);
	}
	if (take(ber, TAG_REFRESH_PRESENT, &body)) {
		info->kind = SYNCREPL_REFRESH_PRESENT;
		return decode_phase_end(&body, info);
	}
	info->kind = SYNCREPL_ID_SET;
	return take(ber, TAG_ID_SET, &body) && decode_id_set(&body, info, uuids);
}

int syncrepl_decode_info(const void *data, size_t len, struct syncrepl_info *info_r,
			 struct buf *uuids, struct err *err)
{
	struct ber ber = { data, len };

	*info_r = (struct syncrepl_info){ 0 };
	buf_clear(uuids);
	if (!decode_info(&ber, info_r, uuids) || !is_done(&ber))
		return broken(err, "sync info message");
	return 0;
}

static void put_header(struct buf *out, uint8_t tag, size_t len)
{
	buf_addc(out, (char)tag);
	if (len < 0x80) {
		buf_addc(out, (char)len);
		return;
	}
	buf_addc(out, (char)0x84);
	for (int shift = 24; shift >= 0; shift -= 8)
		buf_addc(out, (char)(len >> shift));
}

void syncrepl_encode_request(const struct buf *cookie, bool reload_hint, struct buf *out)
{
	struct buf body = { 0 };

	put_header(&body, TAG_ENUMERATED, 1);
	buf_addc(&body, MODE_REFRESH_AND_PERSIST);
	if (cookie->len > 0) {
		put_header(&body, TAG_OCTETS, cookie->len);
		buf_add(&body, cookie->data, cookie->len);
	}
	if (reload_hint) {
		put_header(&body, TAG_BOOLEAN, 1);
		buf_addc(&body, (char)0xff);
	}
	put_header(out, TAG_SEQUENCE, body.len);
	buf_add(out, body.data, body.len);
	buf_free(&body);
}
