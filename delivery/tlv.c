/* Tagged fields. Pure. */
#include "delivery/tlv.h"

#include <string.h>

static void put_le(uint8_t *to, uint64_t value, unsigned octets)
{
	for (unsigned i = 0; i < octets; i++)
		to[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get_le(const uint8_t *from, unsigned octets)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < octets; i++)
		value |= (uint64_t)from[i] << (8 * i);
	return value;
}

void tlv_put_header(struct buf *out, uint16_t tag, size_t len)
{
	uint8_t header[TLV_HEADER_BYTES];

	put_le(header, tag, 2);
	put_le(header + 2, len, 4);
	buf_add(out, header, sizeof(header));
}

void tlv_put(struct buf *out, uint16_t tag, const void *data, size_t len)
{
	tlv_put_header(out, tag, len);
	buf_add(out, data, len);
}

void tlv_put_text(struct buf *out, uint16_t tag, const char *text)
{
	tlv_put(out, tag, text, strlen(text));
}

void tlv_put_u64(struct buf *out, uint16_t tag, uint64_t value)
{
	uint8_t octets[8];
	unsigned n = 0;

	put_le(octets, value, 8);
	while (n < 8 && value >> (8 * n) != 0)
		n++;
	tlv_put(out, tag, octets, n);
}

size_t tlv_open(struct buf *out, uint16_t tag)
{
	tlv_put_header(out, tag, 0);
	return out->len;
}

void tlv_close(struct buf *out, size_t opened)
{
	put_le((uint8_t *)out->data + opened - 4, out->len - opened, 4);
}

void tlv_read(struct tlv_reader *r, const void *data, size_t len)
{
	r->at = data;
	r->end = r->at + len;
}

int tlv_next(struct tlv_reader *r, struct tlv *field_r)
{
	size_t left = (size_t)(r->end - r->at);

	if (left == 0)
		return 0;
	if (left < TLV_HEADER_BYTES)
		return -1;
	field_r->tag = (uint16_t)get_le(r->at, 2);
	field_r->len = (uint32_t)get_le(r->at + 2, 4);
	field_r->data = r->at + TLV_HEADER_BYTES;
	if (field_r->len > left - TLV_HEADER_BYTES)
		return -1;
	r->at = field_r->data + field_r->len;
	return 1;
}

bool tlv_u64(const struct tlv *field, uint64_t max, uint64_t *value_r)
{
	if (field->len > 8)
		return false;
	*value_r = get_le(field->data, field->len);
	return *value_r <= max;
}
