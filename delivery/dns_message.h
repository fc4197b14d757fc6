/*
 * DNS data as the delivery engine needs them: the answer to one question, and what is in the
 * records of the types we ask for.
 *
 * Names are as in dnsname.h. Records keep their rdata in wire form, names uncompressed. Everything
 * that comes in is checked against its bounds; malformed rdata is told, never trusted. Pure.
 */
#ifndef WP_DELIVERY_DNS_MESSAGE_H
#define WP_DELIVERY_DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/compiler.h"
#include "common/dnsname.h"
#include "common/ipaddr.h"

enum dns_type {
	DNS_A = 1,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_SRV = 33,
	DNS_TLSA = 52,
};

enum dns_rcode { DNS_NOERROR = 0, DNS_SERVFAIL = 2, DNS_NXDOMAIN = 3, DNS_REFUSED = 5 };

#define DNS_RECORDS_MAX 1024

struct dns_rdata {
	const uint8_t *data;
	uint16_t len;
};

/*
 * An answer: one plain-malloc block. `is_temporary` comes first: no usable answer now (no
 * reply, SERVFAIL, bogus, resolver gone), whatever else is set; then there are no records.
 */
struct dns_answer {
	bool is_temporary;
	bool bogus;	     /* DNSSEC says that the answer is forged or broken */
	bool secure;	     /* DNSSEC says that it is true */
	uint8_t rcode;	     /* enum dns_rcode; NXDOMAIN or NOERROR without records: nothing there */
	uint32_t ttl_s;
	const char *canonical; /* the name at the end of the CNAME chain, else the question's */
	const char *why;       /* temporary: a short reason for logs; else "" */
	const struct dns_rdata *records;
	size_t count;
};

/* What dns_answer_new copies; null texts count as "". */
struct dns_answer *dns_answer_new(const struct dns_answer *like);
/* A temporary failure with a reason. */
struct dns_answer *dns_answer_temporary(const char *name, const char *why);
void dns_answer_free(struct dns_answer *answer);

/* "MX", "A"…; "TYPE99" in a static buffer of the calling thread for others. */
const char *dns_type_name(uint16_t type);

/* The record as its type; false: malformed. Rdata has to be used up. */
bool dns_mx_parse(const struct dns_rdata *rdata, uint16_t *preference_r,
		  char exchange_r[static DNS_NAME_TEXT]);
/* A or AAAA, by TYPE. */
bool dns_address_parse(uint16_t type, const struct dns_rdata *rdata, struct ipaddr *address_r);
bool dns_cname_parse(const struct dns_rdata *rdata, char target_r[static DNS_NAME_TEXT]);

#endif
