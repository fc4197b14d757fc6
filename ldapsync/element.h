/*
 * BER elements of controls and messages, read and written one at a time. Pure.
 *
 * For structures of a handful of fields: a reader that takes any octets without an assert and
 * can be fuzzed. What breaks the grammar is refused, never guessed at; definite lengths only, as
 * LDAP demands (RFC 4511 §5.1).
 */
#ifndef WP_LDAPSYNC_ELEMENT_H
#define WP_LDAPSYNC_ELEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

enum {
	ELEMENT_BOOLEAN = 0x01,
	ELEMENT_INTEGER = 0x02,
	ELEMENT_OCTETS = 0x04,
	ELEMENT_ENUMERATED = 0x0a,
	ELEMENT_SEQUENCE = 0x30,
	ELEMENT_SET = 0x31,
};

/* A value, and what is left of a constructed one. Points into what is read. */
struct element {
	const uint8_t *at;
	size_t left;
};

/* The next element, if it has TAG. False, and nothing taken, also at the end or when it does not fit. */
bool element_take(struct element *from, uint8_t tag, struct element *value_r);
bool element_take_boolean(struct element *from, bool *value_r);
/* Of 1 to 4 octets. */
bool element_take_integer(struct element *from, int32_t *value_r);
bool element_is_done(const struct element *element);

void element_put(struct buf *out, uint8_t tag, const void *data, size_t len);
void element_put_integer(struct buf *out, int32_t value);

#endif
