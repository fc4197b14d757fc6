/*
 * Tagged fields: u16 tag, u32 length, then the value; little-endian, unaligned, may nest.
 *
 * The top bit of a tag says that a reader who does not know it may skip it; any other unknown
 * tag means that the data are from a later version. Numbers take as many octets as they need.
 * Pure. Used by envelopes and by spool records.
 */
#ifndef WP_DELIVERY_TLV_H
#define WP_DELIVERY_TLV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

enum { TLV_OPTIONAL = 0x8000, TLV_HEADER_BYTES = 6 };

struct tlv {
	uint16_t tag; /* TLV_OPTIONAL included */
	uint32_t len;
	const uint8_t *data;
};

struct tlv_reader {
	const uint8_t *at;
	const uint8_t *end;
};

void tlv_put(struct buf *out, uint16_t tag, const void *data, size_t len);
void tlv_put_text(struct buf *out, uint16_t tag, const char *text);
void tlv_put_u64(struct buf *out, uint16_t tag, uint64_t value);
/* A field whose value is what is added until tlv_close(); returns what tlv_close() wants. */
size_t tlv_open(struct buf *out, uint16_t tag);
void tlv_close(struct buf *out, size_t opened);
/* Only the header of a field of LEN octets, which follow from somewhere else. */
void tlv_put_header(struct buf *out, uint16_t tag, size_t len);

void tlv_read(struct tlv_reader *r, const void *data, size_t len);
/* 1: a field; 0: the end; -1: cut short. */
int tlv_next(struct tlv_reader *r, struct tlv *field_r);
/* False if it is not a number of at most MAX. */
bool tlv_u64(const struct tlv *field, uint64_t max, uint64_t *value_r);

#endif
