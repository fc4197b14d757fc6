/* BER elements. Pure. */
#include "ldapsync/element.h"

static bool take_length(struct element *from, size_t *len_r)
{
	size_t octets, len = 0;

	if (from->left == 0)
		return false;
	octets = *from->at++;
	from->left--;
	if (octets < 0x80) {
		*len_r = octets;
		return true;
	}
	octets &= 0x7f;
	if (octets == 0 || octets > 4 || octets > from->left)
		return false;
	for (size_t i = 0; i < octets; i++)
		len = len << 8 | *from->at++;
	from->left -= octets;
	*len_r = len;
	return true;
}

bool element_take(struct element *from, uint8_t tag, struct element *value_r)
{
	struct element after = *from;
	size_t len;

	if (after.left == 0 || *after.at != tag)
		return false;
	after.at++;
	after.left--;
	if (!take_length(&after, &len) || len > after.left)
		return false;
	*value_r = (struct element){ after.at, len };
	*from = (struct element){ after.at + len, after.left - len };
	return true;
}

bool element_take_boolean(struct element *from, bool *value_r)
{
	struct element value;

	if (!element_take(from, ELEMENT_BOOLEAN, &value) || value.left != 1)
		return false;
	*value_r = *value.at != 0;
	return true;
}

bool element_take_integer(struct element *from, int32_t *value_r)
{
	struct element value;
	uint32_t bits;

	if (!element_take(from, ELEMENT_INTEGER, &value) || value.left == 0 || value.left > 4)
		return false;
	bits = *value.at & 0x80 ? UINT32_MAX : 0;
	for (size_t i = 0; i < value.left; i++)
		bits = bits << 8 | value.at[i];
	*value_r = (int32_t)bits;
	return true;
}

bool element_is_done(const struct element *element)
{
	return element->left == 0;
}

void element_put(struct buf *out, uint8_t tag, const void *data, size_t len)
{
	buf_addc(out, (char)tag);
	if (len < 0x80) {
		buf_addc(out, (char)len);
	} else {
		buf_addc(out, (char)0x84);
		for (int shift = 24; shift >= 0; shift -= 8)
			buf_addc(out, (char)(len >> shift));
	}
	buf_add(out, data, len);
}

/* In as few octets as hold it with its sign (X.690 §8.3.2). */
void element_put_integer(struct buf *out, int32_t value)
{
	uint32_t bits = (uint32_t)value;
	uint8_t octets[4] = { (uint8_t)(bits >> 24), (uint8_t)(bits >> 16), (uint8_t)(bits >> 8),
			      (uint8_t)bits };
	size_t first = 0;

	while (first < 3 && ((octets[first] == 0 && !(octets[first + 1] & 0x80)) ||
			     (octets[first] == 0xff && octets[first + 1] & 0x80)))
		first++;
	element_put(out, ELEMENT_INTEGER, octets + first, sizeof(octets) - first);
}
