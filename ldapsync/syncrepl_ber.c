/* RFC 4533 in BER. Pure. */
#include "ldapsync/syncrepl_ber.h"

#include <string.h>

#include "ldapsync/element.h"

enum {
	TAG_NEW_COOKIE = 0x80,
	TAG_REFRESH_DELETE = 0xa1,
	TAG_REFRESH_PRESENT = 0xa2,
	TAG_ID_SET = 0xa3,
};

/* An optional element: absent is fine, a broken one is left over and seen by is_done. */
static void take_cookie(struct element *ber, struct syncrepl_cookie *cookie_r)
{
	struct element value;

	if (element_take(ber, ELEMENT_OCTETS, &value))
		*cookie_r = (struct syncrepl_cookie){ (const char *)value.at, value.left };
}

static bool take_uuid(struct element *ber, struct entry_uuid *uuid_r)
{
	struct element value;

	if (!element_take(ber, ELEMENT_OCTETS, &value) || value.left != sizeof(uuid_r->bytes))
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
	struct element ber = { data, len }, body, state;

	*state_r = (struct syncrepl_state_value){ 0 };
	if (!element_take(&ber, ELEMENT_SEQUENCE, &body) || !element_is_done(&ber) ||
	    !element_take(&body, ELEMENT_ENUMERATED, &state) || state.left != 1 ||
	    !take_uuid(&body, &state_r->uuid))
		return broken(err, "sync state");
	state_r->state = *state.at;
	take_cookie(&body, &state_r->cookie);
	return element_is_done(&body) ? 0 : broken(err, "sync state");
}

static bool decode_phase_end(struct element *body, struct syncrepl_info *info)
{
	info->refresh_done = true;
	take_cookie(body, &info->cookie);
	return element_is_done(body) ||
	       (element_take_boolean(body, &info->refresh_done) && element_is_done(body));
}

static bool decode_id_set(struct element *body, struct syncrepl_info *info, struct buf *uuids)
{
	struct entry_uuid uuid;
	struct element set;

	take_cookie(body, &info->cookie);
	if (body->left > 0 && *body->at == ELEMENT_BOOLEAN &&
	    !element_take_boolean(body, &info->refresh_deletes))
		return false;
	if (!element_take(body, ELEMENT_SET, &set) || !element_is_done(body))
		return false;
	while (take_uuid(&set, &uuid))
		buf_add(uuids, uuid.bytes, sizeof(uuid.bytes));
	return element_is_done(&set);
}

static bool decode_info(struct element *ber, struct syncrepl_info *info, struct buf *uuids)
{
	struct element body;

	if (element_take(ber, TAG_NEW_COOKIE, &body)) {
		info->kind = SYNCREPL_NEW_COOKIE;
		info->cookie = (struct syncrepl_cookie){ (const char *)body.at, body.left };
		return true;
	}
	if (element_take(ber, TAG_REFRESH_DELETE, &body)) {
		info->kind = SYNCREPL_REFRESH_DELETE;
		return decode_phase_end(&body, info);
	}
	if (element_take(ber, TAG_REFRESH_PRESENT, &body)) {
		info->kind = SYNCREPL_REFRESH_PRESENT;
		return decode_phase_end(&body, info);
	}
	info->kind = SYNCREPL_ID_SET;
	return element_take(ber, TAG_ID_SET, &body) && decode_id_set(&body, info, uuids);
}

int syncrepl_decode_info(const void *data, size_t len, struct syncrepl_info *info_r,
			 struct buf *uuids, struct err *err)
{
	struct element ber = { data, len };

	*info_r = (struct syncrepl_info){ 0 };
	buf_clear(uuids);
	if (!decode_info(&ber, info_r, uuids) || !element_is_done(&ber))
		return broken(err, "sync info message");
	return 0;
}

void syncrepl_encode_request(enum syncrepl_mode mode, const struct buf *cookie, struct buf *out)
{
	const uint8_t octet = (uint8_t)mode;
	struct buf body = { 0 };

	element_put(&body, ELEMENT_ENUMERATED, &octet, 1);
	if (cookie->len > 0)
		element_put(&body, ELEMENT_OCTETS, cookie->data, cookie->len);
	element_put(out, ELEMENT_SEQUENCE, body.data, body.len);
	buf_free(&body);
}
