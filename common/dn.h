/*
 * Distinguished names (RFC 4514): comparison, parent, escapes. Pure.
 *
 * Two names are equal if their keys are equal octets. A key is a DN in one form: types in
 * lower case, values in NFC after full case folding with runs of spaces squeezed, the parts
 * of a multi-valued RDN sorted, every special character written as \xx. So in a key, and
 * only there, a comma always separates two RDNs. Types are not looked up: "cn" and "2.5.4.3"
 * differ. A BER value ("#0403...") compares as its text.
 */
#ifndef WP_COMMON_DN_H
#define WP_COMMON_DN_H

#include <stdbool.h>
#include <stddef.h>

#include <talloc.h>

/* The key of DN, or null if DN breaks RFC 4514. The empty DN has the key "". */
char *dn_key(TALLOC_CTX *ctx, const char *dn);
/* The key in OUT (SIZE octets): OUT, or null if DN is invalid or its key is longer. */
const char *dn_key_into(const char *dn, char *out, size_t size);
/* The same for one RDN ("cn=a+uid=b"); null also if RDN holds more than one. */
char *dn_rdn_key(TALLOC_CTX *ctx, const char *rdn);
bool dn_is_valid(const char *dn);
/* Whether two DNs have the same key; false if either is invalid. */
bool dn_equal(const char *a, const char *b);

/* The part of KEY behind its first RDN, "" for a single RDN or the empty key. */
const char *dn_key_parent(const char *key);
/* Whether KEY is BASE_KEY or lies below it; everything lies below "". */
bool dn_key_is_under(const char *key, const char *base_key);

/* The rest of DN behind the first unescaped comma (spaces skipped), "" if there is none. */
const char *dn_parent(const char *dn);
/* The first RDN of DN as it is spelt, escapes kept, spaces around it cut. */
char *dn_rdn(TALLOC_CTX *ctx, const char *dn);
/* The value of the first type of the first RDN, escapes undone; null if DN is invalid or the value
 * has a NUL. */
char *dn_rdn_value(TALLOC_CTX *ctx, const char *dn);
/* The same in OUT (SIZE octets): OUT, or null if DN is invalid or the value is longer. */
const char *dn_rdn_value_into(const char *dn, char *out, size_t size);
/*
 * The types and values of the first RDN of DN, escapes undone, under CTX: how many, 0 if it is
 * invalid.
 */
struct dn_part {
	const char *type, *value;
};
size_t dn_rdn_parts(TALLOC_CTX *ctx, const char *dn, struct dn_part **parts_r);
/* VALUE with the escapes that RFC 4514 §2.4 asks for, to be put behind "cn=". */
char *dn_escape(TALLOC_CTX *ctx, const char *value);

#endif
