/*
 * IP addresses, prefixes and ranges as values. Pure.
 *
 * An IPv4 address is kept as ::ffff:a.b.c.d, so a mapped peer of a dual-stack socket is its
 * IPv4 address. An IPv6 range never contains an IPv4 address.
 */
#ifndef WP_COMMON_IPADDR_H
#define WP_COMMON_IPADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IPADDR_TEXT_SIZE 46

struct ipaddr {
	uint8_t bytes[16];
};

/* LOW and HIGH are of one family, LOW <= HIGH. */
struct ipaddr_range {
	struct ipaddr low, high;
};

/* "192.0.2.1" or "2001:db8::1", nothing around it, no zone. */
bool ipaddr_parse(const char *text, size_t len, struct ipaddr *addr_r);
void ipaddr_format(const struct ipaddr *addr, char text[static IPADDR_TEXT_SIZE]);
bool ipaddr_is_v4(const struct ipaddr *addr);
bool ipaddr_equal(const struct ipaddr *a, const struct ipaddr *b);

/* "a", "a/prefix" (host bits have to be zero) or "a-b". */
bool ipaddr_range_parse(const char *text, size_t len, struct ipaddr_range *range_r);
/* The prefix of LENGTH bits (0–32 or 0–128 by family) around ADDR. */
struct ipaddr_range ipaddr_prefix(const struct ipaddr *addr, int length);
/* The prefix length if RANGE is exactly one prefix, else -1. */
int ipaddr_range_prefix_length(const struct ipaddr_range *range);
bool ipaddr_range_contains(const struct ipaddr_range *range, const struct ipaddr *addr);
bool ipaddr_range_is_inside(const struct ipaddr_range *inner, const struct ipaddr_range *outer);
bool ipaddr_range_overlaps(const struct ipaddr_range *a, const struct ipaddr_range *b);
/* <0 if A holds fewer addresses than B (is more specific), 0 if as many. */
int ipaddr_range_compare_size(const struct ipaddr_range *a, const struct ipaddr_range *b);

#endif
