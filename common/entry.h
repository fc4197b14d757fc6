/*
 * A directory entry as plain data: what LDAP, LDIF and the replica have in common. Pure.
 *
 * An entry lives in a talloc tree and belongs to one thread. What crosses threads or is
 * stored is its encoded form, plain bytes. Attribute names compare without regard to ASCII
 * case, options (";binary") are dropped when a value is added (RFC 4512 §2.5); values are
 * octets with a length, always followed by a NUL that does not count.
 */
#ifndef WP_COMMON_ENTRY_H
#define WP_COMMON_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <talloc.h>

#include "common/buf.h"
#include "common/err.h"

/* entryUUID, objectGUID, or made from the DN where a source has neither. */
struct entry_uuid {
	uint8_t bytes[16];
};

struct entry_value {
	const char *data; /* NUL behind it */
	size_t len;
};

struct entry_attribute {
	const char *name; /* as the source spelt it, without options */
	struct entry_value *values;
	size_t n_values;
};

struct entry {
	struct entry_uuid uuid; /* all zero: not known yet */
	const char *dn;         /* as the source spelt it */
	struct entry_attribute *attributes;
	size_t n_attributes;
};

/* A growing array of entries; the array is talloc'd under the list's parent context. */
struct entry_list {
	struct entry **items;
	size_t count;
};

/* An entry without attributes; DN is copied. */
struct entry *entry_new(TALLOC_CTX *ctx, const char *dn);
/* Adds one value (copied) to the attribute NAME, which is made if it is missing. */
void entry_add(struct entry *entry, const char *name, const void *data, size_t len);
void entry_add_text(struct entry *entry, const char *name, const char *text);

/*
 * Adds the values of another entry's attribute as NAME, which ENTRY does not have. Nothing is
 * copied: all of it has to outlive ENTRY, and neither may be changed there any more.
 */
void entry_share(struct entry *entry, const char *name, const struct entry_attribute *from);

/* A copy under CTX. */
struct entry *entry_copy(TALLOC_CTX *ctx, const struct entry *entry);
/* Takes value I out of the attribute NAME, and the attribute with its last value. */
void entry_drop_value(struct entry *entry, const char *name, size_t i);
/* Takes the attribute NAME out, if it is there. */
void entry_drop(struct entry *entry, const char *name);

/* The attribute or null. */
const struct entry_attribute *entry_find(const struct entry *entry, const char *name);
/* The first value as a C string or null; a value with a NUL inside ends there. */
const char *entry_text(const struct entry *entry, const char *name);
/* Whether the attribute NAME has VALUE, by ASCII without case. */
bool entry_has_text(const struct entry *entry, const char *name, const char *value);
/* Whether objectClass holds CLASS_NAME. */
bool entry_has_class(const struct entry *entry, const char *class_name);

void entry_list_add(TALLOC_CTX *ctx, struct entry_list *list, struct entry *entry);

/* Appends the encoded form: position-free, the same on every machine. */
void entry_encode(const struct entry *entry, struct buf *out);
/*
 * The entry of DATA as one block of memory under CTX, to be read only: entry_add may not be
 * called with it. Null and ERR filled if the bytes are no whole encoded entry; any bytes may be
 * given.
 */
struct entry *entry_decode(TALLOC_CTX *ctx, const void *data, size_t len, struct err *err);

bool entry_uuid_is_null(const struct entry_uuid *uuid);
bool entry_uuid_equal(const struct entry_uuid *a, const struct entry_uuid *b);
/* "6ba7b810-9dad-11d1-80b4-00c04fd430c8"; hexadecimal digits of either case. */
bool entry_uuid_parse(const char *text, size_t len, struct entry_uuid *uuid_r);
/* TEXT gets 36 characters and a NUL. */
void entry_uuid_format(const struct entry_uuid *uuid, char text[static 37]);
/* A stable UUID (version 8, RFC 9562) for a source that has none; KEY is dn_key()'s. */
void entry_uuid_from_key(const char *key, struct entry_uuid *uuid_r);

#endif
