/* The forms of Active Directory. Pure. */
#include "ldapsync/ad_wire.h"

#include <stdio.h>
#include <string.h>

#include "ldapsync/element.h"

/* SEQUENCE { first INTEGER, [second INTEGER,] cookie OCTET STRING } */
static void encode(const int32_t *numbers, size_t n, const struct buf *cookie, struct buf *out)
{
	struct buf body = { 0 };

	for (size_t i = 0; i < n; i++)
		element_put_integer(&body, numbers[i]);
	element_put(&body, ELEMENT_OCTETS, cookie->data, cookie->len);
	element_put(out, ELEMENT_SEQUENCE, body.data, body.len);
	buf_free(&body);
}

static bool decode(const void *data, size_t len, int32_t *numbers, size_t n,
		   struct ad_octets *cookie_r)
{
	struct element all = { data, len }, body, cookie;

	if (!element_take(&all, ELEMENT_SEQUENCE, &body) || !element_is_done(&all))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!element_take_integer(&body, &numbers[i]))
			return false;
	if (!element_take(&body, ELEMENT_OCTETS, &cookie) || !element_is_done(&body))
		return false;
	*cookie_r = (struct ad_octets){ cookie.at, cookie.left };
	return true;
}

void ad_encode_dirsync(uint32_t flags, int32_t max_bytes, const struct buf *cookie,
		       struct buf *out)
{
	const int32_t numbers[] = { (int32_t)flags, max_bytes };

	encode(numbers, WP_COUNT(numbers), cookie, out);
}

int ad_decode_dirsync(const void *data, size_t len, bool *more_r, struct ad_octets *cookie_r,
		      struct err *err)
{
	int32_t numbers[2];

	if (!decode(data, len, numbers, WP_COUNT(numbers), cookie_r))
		return err_set(err, ERR_PROTOCOL, 0, "the directory sent a malformed DirSync control");
	*more_r = numbers[0] != 0;
	return 0;
}

void ad_encode_page(int32_t size, const struct buf *cookie, struct buf *out)
{
	encode(&size, 1, cookie, out);
}

int ad_decode_page(const void *data, size_t len, struct ad_octets *cookie_r, struct err *err)
{
	int32_t estimate;

	if (!decode(data, len, &estimate, 1, cookie_r))
		return err_set(err, ERR_PROTOCOL, 0, "the directory sent a malformed page control");
	return 0;
}

bool ad_parse_range(const char *name, struct ad_range *range_r)
{
	static const char option[] = ";range=";
	const char *at = strchr(name, ';'), *dash;
	uint64_t first, last = 0;
	bool is_last;

	while (at != NULL && !ascii_equal_n(at, option, sizeof(option) - 1))
		at = strchr(at + 1, ';');
	if (at == NULL)
		return false;
	range_r->name_len = (size_t)(at - name);
	at += sizeof(option) - 1;
	dash = strchr(at, '-');
	if (dash == NULL || !parse_u64(at, (size_t)(dash - at), UINT32_MAX, &first))
		return false;
	is_last = strcmp(dash + 1, "*") == 0;
	if (!is_last && (!parse_u64(dash + 1, strlen(dash + 1), UINT32_MAX - 1, &last) || last < first))
		return false;
	range_r->first = (uint32_t)first;
	range_r->last = (uint32_t)last;
	range_r->is_last = is_last;
	return true;
}

void ad_guid_base(const struct entry_uuid *guid, char base_r[static AD_GUID_BASE_SIZE])
{
	size_t at = 6;

	memcpy(base_r, "<GUID=", at);
	for (size_t i = 0; i < sizeof(guid->bytes); i++, at += 2)
		snprintf(base_r + at, 3, "%02x", guid->bytes[i]);
	memcpy(base_r + at, ">", 2);
}

void ad_filter_guid(const struct entry_uuid *guid, struct buf *out)
{
	buf_adds(out, "(objectGUID=");
	for (size_t i = 0; i < sizeof(guid->bytes); i++)
		buf_printf(out, "\\%02x", guid->bytes[i]);
	buf_addc(out, ')');
}

void ad_filter_equal(const char *name, const char *value, struct buf *out)
{
	buf_printf(out, "(%s=", name);
	for (; *value != '\0'; value++) {
		if (strchr("*()\\", *value) != NULL)
			buf_printf(out, "\\%02x", (unsigned char)*value);
		else
			buf_addc(out, *value);
	}
	buf_addc(out, ')');
}
