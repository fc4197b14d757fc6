/* Hosts and ports as text: see endpoint.h. */
#include "common/endpoint.h"

#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/mailaddr.h"

bool endpoint_name(const char *text, size_t len, char name_r[static DNS_NAME_TEXT])
{
	uint8_t wire[DNS_NAME_WIRE];
	char copy[DNS_NAME_TEXT];
	size_t wire_len;

	if (mailaddr_domain(text, len, name_r, DNS_NAME_TEXT) > 0)
		return true;
	if (len == 0 || len >= sizeof(copy))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] >= 0x7f || strchr("\\[]:", text[i]) != NULL)
			return false;
	}
	memcpy(copy, text, len);
	copy[len] = '\0';
	wire_len = dns_name_to_wire(copy, wire);
	return wire_len > 1 && dns_name_to_text(wire, wire_len, name_r) > 0;
}

bool endpoint_literal(const char *text, size_t len, struct ipaddr *address_r)
{
	if (len > 5 && strncasecmp(text, "IPv6:", 5) == 0) {
		text += 5;
		len -= 5;
		if (memchr(text, ':', len) == NULL)
			return false;
	}
	return ipaddr_parse(text, len, address_r);
}

static bool read_host(const char *text, size_t len, struct endpoint *e)
{
	e->is_literal = endpoint_literal(text, len, &e->literal);
	if (!e->is_literal)
		return endpoint_name(text, len, e->name);
	ipaddr_format(&e->literal, e->name);
	return true;
}

/* The host of TEXT; the rest is at *REST_R. Null: a bracket is not closed. */
static const char *find_host(const char *text, size_t *len_r, const char **rest_r)
{
	const char *end = strchr(text, *text == '[' ? ']' : ':');

	if (*text == '[') {
		if (end == NULL)
			return NULL;
		*len_r = (size_t)(end - text) - 1;
		*rest_r = end + 1;
		return text + 1;
	}
	/* More than one colon without brackets: an IPv6 address, which has no port. */
	*len_r = end == NULL || strchr(end + 1, ':') != NULL ? strlen(text) : (size_t)(end - text);
	*rest_r = text + *len_r;
	return text;
}

enum endpoint_fault endpoint_parse(const char *text, uint16_t port, struct endpoint *e_r)
{
	const char *host, *rest;
	uint64_t value;
	size_t len;

	*e_r = (struct endpoint){ .is_bracketed = *text == '[', .port = port };
	host = find_host(text, &len, &rest);
	if (host == NULL || !read_host(host, len, e_r))
		return ENDPOINT_BAD_HOST;
	if (*rest == '\0')
		return ENDPOINT_OK;
	if (*rest != ':' || !parse_u64(rest + 1, strlen(rest + 1), 65535, &value) || value == 0)
		return ENDPOINT_BAD_PORT;
	e_r->port = (uint16_t)value;
	return ENDPOINT_OK;
}

bool endpoint_parse_binding(const char *text, struct ipaddr *address_r, uint16_t *port_r)
{
	const char *colon = strrchr(text, ':');
	uint64_t port;
	size_t len;

	if (colon == NULL || !parse_u64(colon + 1, strlen(colon + 1), 65535, &port))
		return false;
	len = (size_t)(colon - text);
	if (len > 2 && text[0] == '[' && colon[-1] == ']') {
		text++;
		len -= 2;
	}
	*port_r = (uint16_t)port;
	return ipaddr_parse(text, len, address_r);
}
