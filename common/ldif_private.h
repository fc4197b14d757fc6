/*
 * Lines and fields of LDIF, for those who read records: ldif.c and ldif_change.c. Pure.
 *
 * Physical lines become logical ones: continuations joined, comments left to the caller.
 */
#ifndef WP_COMMON_LDIF_PRIVATE_H
#define WP_COMMON_LDIF_PRIVATE_H

#include "common/ldif.h"

struct ldif_line {
	const char *text;
	size_t len;
	size_t number;
};

/* A parsed "name: value"; the value lies in the text or under the scratch context. */
struct ldif_field {
	const char *name;
	size_t name_len; /* without options */
	const char *value;
	size_t value_len;
};

/* The next logical line; joined text lives under SCRATCH. Not at the end of the text. */
struct ldif_line ldif_take_line(struct ldif_reader *reader, TALLOC_CTX *scratch);
bool ldif_is_comment(const struct ldif_line *line);
int ldif_parse_field(const struct ldif_line *line, TALLOC_CTX *scratch, struct ldif_field *field,
		     struct err *err) WP_MUST_CHECK;
/* Whether TEXT may be an attribute's name, options included. */
bool ldif_is_name(const char *text, size_t len);
bool ldif_is_field(const struct ldif_field *field, const char *name);
/* "line N: WHAT". Returns -1. */
int ldif_bad_line(struct err *err, size_t number, const char *what);

/* To the first line of a record, behind comments, blank lines and a version line. 1, 0 at the
 * end of the text, or -1. */
int ldif_begin_record(struct ldif_reader *reader, TALLOC_CTX *scratch, struct err *err)
	WP_MUST_CHECK;
/* The line "dn: …" as an entry without attributes under CTX. */
int ldif_read_dn(struct ldif_reader *reader, TALLOC_CTX *ctx, struct entry **entry_r,
		 struct err *err) WP_MUST_CHECK;
/* The lines of a content record behind its dn, to the blank line. */
int ldif_read_attributes(struct ldif_reader *reader, struct entry *entry, TALLOC_CTX *scratch,
			 struct err *err) WP_MUST_CHECK;
/* Gives ENTRY the UUID of its entryUUID, or one made from its DN. */
void ldif_give_uuid(struct entry *entry, TALLOC_CTX *scratch);

#endif
