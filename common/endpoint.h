/*
 * Hosts and ports as text: the smart hosts of send connectors, the bindings of receive connectors.
 * Pure.
 */
#ifndef WP_COMMON_ENDPOINT_H
#define WP_COMMON_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/dnsname.h"
#include "common/ipaddr.h"

struct endpoint {
	char name[DNS_NAME_TEXT]; /* the host name, or the address without brackets */
	bool is_literal;
	bool is_bracketed;
	struct ipaddr literal;
	uint16_t port;
};

enum endpoint_fault { ENDPOINT_OK, ENDPOINT_BAD_HOST, ENDPOINT_BAD_PORT };

/* "name", "[name]", "[192.0.2.1]", "[IPv6:2001:db8::1]", each with ":port"; PORT is the one without. */
enum endpoint_fault endpoint_parse(const char *text, uint16_t port, struct endpoint *e_r);
/* "192.0.2.1:25", "[::]:25"; port 0 is any. */
bool endpoint_parse_binding(const char *text, struct ipaddr *address_r, uint16_t *port_r);

/* A host name in the form the DNS is asked for it: A-labels, or any name in ASCII. */
bool endpoint_name(const char *text, size_t len, char name_r[static DNS_NAME_TEXT]);
/* An address, also with "IPv6:" before it. */
bool endpoint_literal(const char *text, size_t len, struct ipaddr *address_r);

#endif
