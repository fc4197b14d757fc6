/*
 * The reply parser: any octets, whole and octet by octet, give the same replies, and none
 * breaks the bounds.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "delivery/client_ehlo.h"
#include "delivery/smtp_reply_parser.h"

static void check(const struct smtp_reply *r)
{
	struct client_ehlo ehlo;

	FUZZ_PROMISE(r->code >= 200 && r->code <= 599);
	FUZZ_PROMISE(r->lines >= 1 && r->lines <= SMTP_REPLY_LINES_MAX);
	FUZZ_PROMISE(r->text_len <= SMTP_REPLY_MAX);
	FUZZ_PROMISE(!r->status[0] || r->status[0] - '0' == r->code / 100);
	client_ehlo_parse(&ehlo, r);
}

/* Prints every reply of DATA, fed in pieces of STEP octets, into OUT. */
static void parse(const char *data, size_t size, size_t step, struct buf *out)
{
	struct smtp_reply_parser p = { 0 };
	struct smtp_reply r;
	struct err e;
	size_t used;
	int result = 0;

	for (size_t at = 0; at < size && result >= 0; at += used) {
		size_t n = size - at < step ? size - at : step;

		result = smtp_reply_parse(&p, data + at, n, &used, &r, &e);
		if (result < 0)
			buf_printf(out, "%s", e.text);
		if (result <= 0)
			continue;
		FUZZ_PROMISE(used > 0 && used <= n);
		check(&r);
		buf_printf(out, "%u %u %s ", r.code, r.lines, r.status);
		buf_add(out, r.text, r.text_len);
	}
	buf_printf(out, "%d", smtp_reply_parser_is_pending(&p));
	smtp_reply_parser_fini(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = { 0 }, pieces = { 0 };

	parse((const char *)data, size, size, &whole);
	parse((const char *)data, size, 1, &pieces);
	FUZZ_PROMISE(whole.len == pieces.len && !memcmp(whole.data, pieces.data, whole.len));
	buf_free(&whole);
	buf_free(&pieces);
	return 0;
}
