/*
 * LDIF content records (RFC 2849): text to entries and back. Pure.
 *
 * More lenient than the RFC where files written by hand differ: the version line is optional,
 * several blank lines may follow each other, lines may end in CRLF. Refused, with the line
 * number: change records, values by URL ("attr:< file:///..."), anything malformed. An error
 * of syntax refuses the text as a whole; an entry that is merely wrong in content (a DN that
 * breaks RFC 4514 included) is handed on, and whoever reads it says so in a diagnostic.
 */
#ifndef WP_COMMON_LDIF_H
#define WP_COMMON_LDIF_H

#include <stddef.h>

#include <talloc.h>

#include "common/buf.h"
#include "common/entry.h"
#include "common/err.h"

/* A cursor over a whole text; the text must outlive it. Embedded, owns nothing. */
struct ldif_reader {
	const char *at;
	const char *end;
	size_t line; /* of AT, from 1 */
	bool begun;  /* behind the place of a version line */
};

void ldif_reader_init(struct ldif_reader *reader, const char *text, size_t len);
/*
 * 1: the next entry under CTX; its uuid is the value of entryUUID, else made from the DN.
 * 0: the end. -1: ERR says "line N: ...", and the reader must not be used again.
 */
int ldif_next(struct ldif_reader *reader, TALLOC_CTX *ctx, struct entry **entry_r,
	      struct err *err) WP_MUST_CHECK;
/* All entries of TEXT, appended to LIST under CTX. 0, or -1 with ERR. */
int ldif_read(TALLOC_CTX *ctx, const char *text, size_t len, struct entry_list *list,
	      struct err *err) WP_MUST_CHECK;
/* Appends ENTRY as a content record with a blank line behind it: folded at 76 columns, base64
 * where RFC 2849 asks for it. Read back it gives the same entry. */
void ldif_write(const struct entry *entry, struct buf *out);

#endif
