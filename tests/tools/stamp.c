/* How a test message is known again: see stamp.h. */
#include "config.h"

#include "tests/tools/stamp.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#define FIELD "\r\nX-Seq: "

uint64_t stamp_hash(const void *body, size_t len)
{
	return XXH3_64bits(body, len);
}

void stamp_write(const struct stamp *stamp, struct buf *out)
{
	buf_printf(out, "X-Seq: %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %016" PRIx64 "\r\n",
		   stamp->seq, stamp->attempt, stamp->sent_ns, stamp->body_len, stamp->body_hash);
}

enum stamp_verdict stamp_check(const char *message, size_t len, struct stamp *stamp_r)
{
	const char *end = memmem(message, len, "\r\n\r\n", 4);
	size_t header = end == NULL ? len : (size_t)(end - message) + 2;
	const char *field = memmem(message, header, FIELD, strlen(FIELD));
	char line[128];
	const char *body;
	size_t n;

	if (field == NULL)
		return STAMP_NONE;
	field += strlen(FIELD);
	n = header - (size_t)(field - message);
	n = n < sizeof(line) ? n : sizeof(line) - 1;
	memcpy(line, field, n);
	line[n] = '\0';
	if (sscanf(line, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNx64, &stamp_r->seq,
		   &stamp_r->attempt, &stamp_r->sent_ns, &stamp_r->body_len,
		   &stamp_r->body_hash) != 5)
		return STAMP_NONE;
	if (end == NULL)
		return STAMP_CORRUPT;
	body = end + 4;
	n = len - (size_t)(body - message);
	return n == stamp_r->body_len && stamp_hash(body, n) == stamp_r->body_hash ? STAMP_GOOD
										    : STAMP_CORRUPT;
}
