/*
 * Names of the DNS, as text and in wire form.
 *
 * Text is in lower case without the final dot ("" is the root, \DDD and \X escapes as in RFC 1035
 * §5.1). Pure.
 */
#ifndef WP_COMMON_DNSNAME_H
#define WP_COMMON_DNSNAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A name of 255 octets where each octet becomes \DDD, and the NUL. */
#define DNS_NAME_TEXT 1024
#define DNS_NAME_WIRE 255

/*
 * The wire form (without compression) of TEXT, which may end in a dot. Its length, or 0 if it
 * is no name: empty label, label above 63 octets, name above 255, unfinished escape.
 */
size_t dns_name_to_wire(const char *text, uint8_t wire_r[static DNS_NAME_WIRE]);
/*
 * The text of the uncompressed name at the beginning of WIRE; the octets it took, or 0 if it
 * is malformed or does not end within LEN.
 */
size_t dns_name_to_text(const uint8_t *wire, size_t len, char text_r[static DNS_NAME_TEXT]);
/* The same name, whatever case and final dot. */
bool dns_name_equal(const char *a, const char *b);

#endif
