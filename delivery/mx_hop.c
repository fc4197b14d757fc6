/* Next hops as text: entries of waypostSmartHost, domains of recipients. See mx.h. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/mailaddr.h"
#include "delivery/mx.h"

/* A host name in the form the DNS is asked for it: A-labels, or any name in ASCII. */
static bool read_name(const char *text, size_t len, char name_r[static DNS_NAME_TEXT])
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

static bool read_literal(const char *text, size_t len, struct mx_hop *hop)
{
	if (len > 5 && strncasecmp(text, "IPv6:", 5) == 0) {
		text += 5;
		len -= 5;
		if (memchr(text, ':', len) == NULL)
			return false;
	}
	if (!ipaddr_parse(text, len, &hop->literal))
		return false;
	hop->is_literal = true;
	ipaddr_format(&hop->literal, hop->name);
	return true;
}

/* "[…]" or a name; the rest of TEXT is at *REST_R. */
static bool read_host(const char *text, struct mx_hop *hop, const char **rest_r)
{
	const char *close;
	size_t len;

	if (*text == '[') {
		close = strchr(text, ']');
		if (close == NULL)
			return false;
		*rest_r = close + 1;
		text++;
		len = (size_t)(close - text);
		hop->kind = MX_HOST;
		return read_literal(text, len, hop) || read_name(text, len, hop->name);
	}
	/* More than one colon without brackets: an IPv6 address, which has no port. */
	close = strchr(text, ':');
	len = close == NULL || strchr(close + 1, ':') != NULL ? strlen(text) : (size_t)(close - text);
	*rest_r = text + len;
	hop->kind = MX_SMART_HOST;
	return read_literal(text, len, hop) || read_name(text, len, hop->name);
}

int mx_smart_host_parse(const char *text, uint16_t port, struct mx_hop *hop_r, struct err *e)
{
	const char *rest;
	uint64_t value;

	*hop_r = (struct mx_hop){ .port = port };
	if (!read_host(text, hop_r, &rest)) {
		err_set(e, ERR_DIRECTORY, 0, "smart host \"%s\" is neither a host name nor an address", text);
		return err_remedy(e, "write name, [address] or [name], each with :port if it is not %u", port);
	}
	if (*rest == '\0')
		return 0;
	if (*rest != ':' || !parse_u64(rest + 1, strlen(rest + 1), 65535, &value) || value == 0)
		return err_set(e, ERR_DIRECTORY, 0, "smart host \"%s\" has no port from 1 to 65535 behind its name", text);
	hop_r->port = (uint16_t)value;
	return 0;
}

bool mx_domain_parse(const char *text, uint16_t port, struct mx_hop *hop_r)
{
	size_t len = strlen(text);

	*hop_r = (struct mx_hop){ .kind = MX_DOMAIN, .port = port };
	if (text[0] == '[')
		return len > 2 && text[len - 1] == ']' && read_literal(text + 1, len - 2, hop_r);
	return read_name(text, len, hop_r->name);
}
