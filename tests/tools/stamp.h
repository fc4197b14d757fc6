/*
 * The header field by which a test message is known again: number, attempt, when it was sent
 * and the checksum of its body, so that an observer can tell lost, doubled and damaged.
 *
 *	X-Seq: <number> <attempt> <sent, monotonic ns> <octets of the body> <XXH3 in hex>
 *
 * The body is what follows the first empty line, unstuffed, up to and with its last CRLF.
 */
#ifndef WP_TESTS_TOOLS_STAMP_H
#define WP_TESTS_TOOLS_STAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

struct stamp {
	uint64_t seq, attempt, sent_ns, body_len, body_hash;
};

uint64_t stamp_hash(const void *body, size_t len);
/* Appends the field with its CRLF. */
void stamp_write(const struct stamp *stamp, struct buf *out);

enum stamp_verdict { STAMP_NONE, STAMP_GOOD, STAMP_CORRUPT };
/* Looks the field up in a whole message and compares the body. */
enum stamp_verdict stamp_check(const char *message, size_t len, struct stamp *stamp_r);

#endif
