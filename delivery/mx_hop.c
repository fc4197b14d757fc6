/* Next hops as text: entries of waypostSmartHost, domains of recipients. See mx.h. */
#include <string.h>

#include "common/endpoint.h"
#include "delivery/mx.h"

int mx_smart_host_parse(const char *text, uint16_t port, struct mx_hop *hop_r, struct err *e)
{
	struct endpoint endpoint;

	switch (endpoint_parse(text, port, &endpoint)) {
	case ENDPOINT_BAD_HOST:
		err_set(e, ERR_DIRECTORY, 0, "smart host \"%s\" is neither a host name nor an address", text);
		return err_remedy(e, "write name, [address] or [name], each with :port if it is not %u", port);
	case ENDPOINT_BAD_PORT:
		return err_set(e, ERR_DIRECTORY, 0, "smart host \"%s\" has no port from 1 to 65535 behind its name", text);
	case ENDPOINT_OK:
		break;
	}
	*hop_r = (struct mx_hop){
		.kind = endpoint.is_bracketed ? MX_HOST : MX_SMART_HOST,
		.is_literal = endpoint.is_literal,
		.literal = endpoint.literal,
		.port = endpoint.port,
	};
	memcpy(hop_r->name, endpoint.name, sizeof(hop_r->name));
	return 0;
}

bool mx_domain_parse(const char *text, uint16_t port, struct mx_hop *hop_r)
{
	size_t len = strlen(text);

	*hop_r = (struct mx_hop){ .kind = MX_DOMAIN, .port = port };
	if (text[0] != '[')
		return endpoint_name(text, len, hop_r->name);
	hop_r->is_literal = len > 2 && text[len - 1] == ']' &&
			    endpoint_literal(text + 1, len - 2, &hop_r->literal);
	if (hop_r->is_literal)
		ipaddr_format(&hop_r->literal, hop_r->name);
	return hop_r->is_literal;
}
