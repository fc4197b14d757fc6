/*
 * The status of the replica as a person reads it: its sources as a table, what each of them does
 * or lacks, and the sum. Rows are those of the control verb sync.status.
 */
#ifndef WP_ADMIN_SYNC_TEXT_H
#define WP_ADMIN_SYNC_TEXT_H

#include <jansson.h>
#include <talloc.h>

#include "common/buf.h"

/* STATUS appended to OUT; CTX for what is needed meanwhile. */
void sync_text_status(TALLOC_CTX *ctx, const json_t *status, struct buf *out);
/* "corp: 1200 of about 5000 entries, 300 a second", appended; false if SOURCE is not being read. */
bool sync_text_progress(TALLOC_CTX *ctx, const json_t *source, struct buf *out);

/* Appends what of the source TITLE (null: of all) is held back. False: nothing is. */
bool sync_text_held(TALLOC_CTX *ctx, const json_t *status, const char *title, struct buf *out);

#endif
