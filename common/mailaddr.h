/*
 * A recipient address and its folded form, under which recipients are stored and found. Pure.
 *
 * Folded: the local part in NFC after full case folding, the domain as IDNA2008 A-labels in
 * lower case (a literal as "[192.0.2.1]" or "[IPv6:2001:db8::1]"). Quotes that a dot-atom
 * would not need are dropped. An address of another type is "TYPE:address": type in capitals,
 * address folded like a local part.
 */
#ifndef WP_COMMON_MAILADDR_H
#define WP_COMMON_MAILADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	MAILADDR_LOCAL_MAX = 64,   /* octets, RFC 5321 §4.5.3.1.1 */
	MAILADDR_DOMAIN_MAX = 253, /* octets of A-labels */
	MAILADDR_TYPE_MAX = 32,
	MAILADDR_OTHER_MAX = 400,  /* octets behind "TYPE:" */
	MAILADDR_FOLDED_SIZE = 1280,
};

enum mailaddr_error {
	MAILADDR_OK = 0,
	MAILADDR_SYNTAX,    /* 5.1.3 */
	MAILADDR_TOO_LONG,  /* 5.1.3: local part or domain over the limit */
	MAILADDR_BAD_DOMAIN,/* 5.1.2: no IDNA2008 name, no address literal */
	MAILADDR_NO_DOMAIN, /* a lone local part; filled but for the domain */
};

struct mailaddr {
	char folded[MAILADDR_FOLDED_SIZE]; /* "local@domain", "TYPE:address", or "local" */
	char type[MAILADDR_TYPE_MAX + 1];  /* "SMTP", "FAX", … */
	const char *domain;  /* in FOLDED; "" for other types and without a domain */
	size_t local_len;    /* of the folded local part */
	bool is_literal;     /* the domain is [an address] */
};

/*
 * Parses TEXT: "user@domain", "\"a b\"@domain", "SMTP:user@domain" in any case, "TYPE:address",
 * with or without "<>" around it. ADDR_R points into itself: never copy it by assignment.
 */
enum mailaddr_error mailaddr_parse(const char *text, size_t len, struct mailaddr *addr_r);
/* A short sentence for an error. */
const char *mailaddr_error_text(enum mailaddr_error error);
bool mailaddr_is_smtp(const struct mailaddr *addr);
/* Whether two texts are one address, that is fold alike; false if either is malformed. */
bool mailaddr_equal(const char *a, const char *b);

/*
 * A domain of TEXT (not a literal) as A-labels in lower case into OUT; a final dot is dropped.
 * The length, or -1 if it is no host name of STD 3.
 */
int mailaddr_domain(const char *text, size_t len, char *out, size_t size);
/*
 * IMCEA<TYPE>-<encoded>@domain decoded to "TYPE:address" in OUT. The length, 0 if TEXT is no such
 * address, -1 if it is one but broken or too long.
 */
int mailaddr_imcea_decode(const char *text, size_t len, char *out, size_t size);

#endif
