/* Names of the DNS: see dnsname.h. RFC 1035 §3, §5.1. */
#include "common/dnsname.h"

#include <string.h>

#include "common/buf.h"

#define LABEL_MAX 63

/* One octet of a name's text, escaped or not: how many characters it took, 0 if none. */
static size_t read_octet(const char *text, uint8_t *octet_r)
{
	unsigned value = 0;

	if (text[0] != '\\') {
		*octet_r = (uint8_t)text[0];
		return 1;
	}
	if (text[1] < '0' || text[1] > '9') {
		*octet_r = (uint8_t)text[1];
		return text[1] == '\0' ? 0 : 2;
	}
	for (int i = 1; i <= 3; i++) {
		if (text[i] < '0' || text[i] > '9')
			return 0;
		value = value * 10 + (unsigned)(text[i] - '0');
	}
	*octet_r = (uint8_t)value;
	return value > 255 ? 0 : 4;
}

/* A label of TEXT into WIRE (room: LABEL_MAX + 1): characters taken, 0 if it is none. */
static size_t read_label(const char *text, uint8_t *wire)
{
	size_t taken = 0, len = 0;

	while (text[taken] != '\0' && text[taken] != '.') {
		size_t n;

		if (len == LABEL_MAX || (n = read_octet(text + taken, &wire[1 + len])) == 0)
			return 0;
		taken += n;
		len++;
	}
	wire[0] = (uint8_t)len;
	return taken;
}

size_t dns_name_to_wire(const char *text, uint8_t wire_r[static DNS_NAME_WIRE])
{
	uint8_t label[LABEL_MAX + 1];
	size_t len = 0;

	if (strcmp(text, ".") == 0)
		text++;
	while (*text != '\0') {
		size_t taken = read_label(text, label);

		if (taken == 0 || len + label[0] + 2 > DNS_NAME_WIRE)
			return 0;
		memcpy(wire_r + len, label, label[0] + 1u);
		len += label[0] + 1u;
		text += taken;
		text += *text == '.';
	}
	wire_r[len] = 0;
	return len + 1;
}

/* One octet as text; the room suffices by DNS_NAME_TEXT's making. */
static char *write_octet(char *to, uint8_t octet)
{
	if (octet == '.' || octet == '\\') {
		*to++ = '\\';
		*to++ = (char)octet;
	} else if (octet > ' ' && octet < 0x7f) {
		*to++ = ascii_lower((char)octet);
	} else {
		*to++ = '\\';
		*to++ = (char)('0' + octet / 100);
		*to++ = (char)('0' + octet / 10 % 10);
		*to++ = (char)('0' + octet % 10);
	}
	return to;
}

size_t dns_name_to_text(const uint8_t *wire, size_t len, char text_r[static DNS_NAME_TEXT])
{
	char *to = text_r;
	size_t at = 0;

	for (;;) {
		size_t label = at < len ? wire[at] : LABEL_MAX + 1;

		if (label > LABEL_MAX || label >= len - at || at + label + 1 > DNS_NAME_WIRE)
			return 0;
		at++;
		if (label == 0)
			break;
		if (to != text_r)
			*to++ = '.';
		for (size_t end = at + label; at < end; at++)
			to = write_octet(to, wire[at]);
	}
	*to = '\0';
	return at;
}

bool dns_name_equal(const char *a, const char *b)
{
	uint8_t wire_a[DNS_NAME_WIRE], wire_b[DNS_NAME_WIRE];
	size_t len = dns_name_to_wire(a, wire_a);

	/* The octets of lengths are below 'A', so that folding the case leaves them alone. */
	return len != 0 && len == dns_name_to_wire(b, wire_b) &&
	       ascii_equal_n((const char *)wire_a, (const char *)wire_b, len);
}
