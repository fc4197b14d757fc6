/*
 * What a certificate says of itself, for people who have to repair one. Any thread.
 */
#ifndef WP_COMMON_CERT_FACTS_H
#define WP_COMMON_CERT_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "common/err.h"

struct cert_facts {
	const char *subject, *issuer; /* "CN=ldap1,O=Example" */
	const char
		*names; /* hosts and addresses it is for, ", " between them; "" without any */
	uint64_t begins_ms, ends_ms; /* since 1970 */
	bool is_self_issued;
};

/* Reads the DER form; the texts are UTF-8 under CTX. -1: ERR_TLS, it is no certificate. */
int cert_facts_read(TALLOC_CTX *ctx, const void *der, size_t len, struct cert_facts *facts_r,
		    struct err *e) WP_MUST_CHECK;
/* Whether it is for HOST, a name or an IP address without brackets (RFC 6125). */
bool cert_is_for(const void *der, size_t len, const char *host);

#endif
