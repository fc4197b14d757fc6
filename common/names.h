/*
 * How names compare: sites, links, servers, connectors. Pure.
 *
 * Two names are the same if their keys are the same octets, and the order of names is the
 * order of their keys: NFC after full case folding, ordinal on code points (UTF-8 sorts like
 * them). Locale never matters.
 */
#ifndef WP_COMMON_NAMES_H
#define WP_COMMON_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include <talloc.h>

/* The key of TEXT under CTX, or null if TEXT is not UTF-8. */
char *name_key(TALLOC_CTX *ctx, const char *text, size_t len);
/*
 * The same into OUT (SIZE octets, NUL included): the length, or -1 if TEXT is not UTF-8 or
 * the key does not fit. ASCII is folded without a library call.
 */
int name_key_into(const char *text, size_t len, char *out, size_t size);
/* Whether TEXT is UTF-8 without a NUL. */
bool name_is_text(const char *text, size_t len);
/*
 * The octets of the control character that TEXT (NUL-terminated UTF-8) begins with, 0 if it does
 * not: C0, C1, separators of lines, and what turns the direction of writing, by which a name
 * can look like another (Unicode UAX #9).
 */
size_t name_control(const char *text);
/* Whether it is that without control characters, so that no line or protocol breaks on it. */
bool name_is_printable(const char *text, size_t len);
/* <0, 0, >0 by the keys; text that is not UTF-8 counts as its octets. */
int name_compare(const char *a, const char *b);

#endif
