/* IP addresses, prefixes and ranges: see ipaddr.h. */
#include "common/ipaddr.h"

#include <arpa/inet.h>
#include <string.h>

#include "common/buf.h"

static const uint8_t v4_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

bool ipaddr_parse(const char *text, size_t len, struct ipaddr *addr_r)
{
	char copy[IPADDR_TEXT_SIZE];

	if (len == 0 || len >= sizeof(copy) || memchr(text, '\0', len) != NULL)
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (inet_pton(AF_INET, copy, addr_r->bytes + 12) == 1) {
		memcpy(addr_r->bytes, v4_prefix, sizeof(v4_prefix));
		return true;
	}
	return inet_pton(AF_INET6, copy, addr_r->bytes) == 1;
}

bool ipaddr_is_v4(const struct ipaddr *addr)
{
	return memcmp(addr->bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

void ipaddr_format(const struct ipaddr *addr, char text[static IPADDR_TEXT_SIZE])
{
	if (ipaddr_is_v4(addr))
		inet_ntop(AF_INET, addr->bytes + 12, text, IPADDR_TEXT_SIZE);
	else
		inet_ntop(AF_INET6, addr->bytes, text, IPADDR_TEXT_SIZE);
}

bool ipaddr_equal(const struct ipaddr *a, const struct ipaddr *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

struct ipaddr_range ipaddr_prefix(const struct ipaddr *addr, int length)
{
	struct ipaddr_range range = { *addr, *addr };
	int bits = ipaddr_is_v4(addr) ? length + 96 : length;

	for (int i = 0; i < 16; i++) {
		int keep = bits - i * 8;
		uint8_t mask = keep >= 8 ? 0xff : keep <= 0 ? 0 : (uint8_t)(0xff << (8 - keep));

		range.low.bytes[i] &= mask;
		range.high.bytes[i] |= (uint8_t)~mask;
	}
	return range;
}

static bool parse_prefix(const char *text, size_t len, const char *slash,
			 struct ipaddr_range *range_r)
{
	struct ipaddr addr;
	uint64_t length;
	size_t addr_len = (size_t)(slash - text);

	if (!ipaddr_parse(text, addr_len, &addr) ||
	    !parse_u64(slash + 1, len - addr_len - 1, ipaddr_is_v4(&addr) ? 32 : 128, &length))
		return false;
	*range_r = ipaddr_prefix(&addr, (int)length);
	return ipaddr_equal(&range_r->low, &addr);
}

static bool parse_pair(const char *text, size_t len, const char *dash,
		       struct ipaddr_range *range_r)
{
	size_t low_len = (size_t)(dash - text);

	return ipaddr_parse(text, low_len, &range_r->low) &&
	       ipaddr_parse(dash + 1, len - low_len - 1, &range_r->high) &&
	       ipaddr_is_v4(&range_r->low) == ipaddr_is_v4(&range_r->high) &&
	       memcmp(range_r->low.bytes, range_r->high.bytes, 16) <= 0;
}

bool ipaddr_range_parse(const char *text, size_t len, struct ipaddr_range *range_r)
{
	const char *mark = memchr(text, '/', len);

	if (mark != NULL)
		return parse_prefix(text, len, mark, range_r);
	mark = memchr(text, '-', len);
	if (mark != NULL)
		return parse_pair(text, len, mark, range_r);
	if (!ipaddr_parse(text, len, &range_r->low))
		return false;
	range_r->high = range_r->low;
	return true;
}

int ipaddr_range_prefix_length(const struct ipaddr_range *range)
{
	int first = ipaddr_is_v4(&range->low) ? 96 : 0;

	for (int bits = first; bits <= 128; bits++) {
		struct ipaddr_range prefix = ipaddr_prefix(&range->low, bits - first);

		if (ipaddr_equal(&prefix.low, &range->low) && ipaddr_equal(&prefix.high, &range->high))
			return bits - first;
	}
	return -1;
}

bool ipaddr_range_contains(const struct ipaddr_range *range, const struct ipaddr *addr)
{
	return ipaddr_is_v4(addr) == ipaddr_is_v4(&range->low) &&
	       memcmp(range->low.bytes, addr->bytes, 16) <= 0 &&
	       memcmp(addr->bytes, range->high.bytes, 16) <= 0;
}

bool ipaddr_range_is_inside(const struct ipaddr_range *inner, const struct ipaddr_range *outer)
{
	return ipaddr_range_contains(outer, &inner->low) && ipaddr_range_contains(outer, &inner->high);
}

bool ipaddr_range_overlaps(const struct ipaddr_range *a, const struct ipaddr_range *b)
{
	return ipaddr_is_v4(&a->low) == ipaddr_is_v4(&b->low) &&
	       memcmp(a->low.bytes, b->high.bytes, 16) <= 0 &&
	       memcmp(b->low.bytes, a->high.bytes, 16) <= 0;
}

/* High minus low, as big-endian octets. */
static void range_size(const struct ipaddr_range *range, uint8_t size[16])
{
	int borrow = 0;

	for (int i = 15; i >= 0; i--) {
		int d = range->high.bytes[i] - range->low.bytes[i] - borrow;

		borrow = d < 0;
		size[i] = (uint8_t)(d + (borrow ? 256 : 0));
	}
}

int ipaddr_range_compare_size(const struct ipaddr_range *a, const struct ipaddr_range *b)
{
	uint8_t a_size[16], b_size[16];

	range_size(a, a_size);
	range_size(b, b_size);
	return memcmp(a_size, b_size, 16);
}
