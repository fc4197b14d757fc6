/*
 * Body files by name: body/HH/ID, ID the message's in 16 hexadecimal digits, HH its last two.
 * Any thread; every call may block.
 */
#ifndef WP_DELIVERY_BODY_FILES_H
#define WP_DELIVERY_BODY_FILES_H

#include <stdint.h>

#include "common/err.h"
#include "delivery/spool_files.h"
#include "delivery/spool_index.h"

enum { BODY_DIRS = 256, BODY_NAME_MAX = 24 };

/* Makes body/ and its folders in SPOOL_DIR, durably, as far as they are missing; body/ opened. */
int body_files_open(const struct spool_files *files, int spool_dir, int *body_dir_r,
		    struct err *e) WP_MUST_CHECK;
void body_name(uint64_t id, char name[static BODY_NAME_MAX]);
/* The file of message ID; FLAGS as of open(2). -1 and errno. */
int body_file_open(int body_dir, uint64_t id, int flags);
void body_file_unlink(int body_dir, uint64_t id);
/* Makes the name of message ID's file durable. */
int body_dir_sync(const struct spool_files *files, int body_dir, uint64_t id);
/* Invariant 7: removes the files that no live record names. */
void body_files_sweep(int body_dir, const struct spool_index *index);

#endif
