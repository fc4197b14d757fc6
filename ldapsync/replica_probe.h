/*
 * Whether a generation that looks damaged is: all of it is read, in a child process, which may die
 * of it.
 *
 * That finds pages that lead nowhere and records that cannot be read; not a value that is another
 * one but well-formed: LMDB has no checksums.
 */
#ifndef WP_LDAPSYNC_REPLICA_PROBE_H
#define WP_LDAPSYNC_REPLICA_PROBE_H

#include <stdint.h>

#include "common/err.h"

/* Generation NUMBER below STATE_DIR, which this process has not open. 0: there is nothing wrong with
 * it, -1: there is, and ERR says what. Takes as long as reading the file. */
int replica_probe(const char *state_dir, uint64_t number, struct err *err) WP_MUST_CHECK;

#endif
