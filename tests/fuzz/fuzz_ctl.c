/*
 * Control requests: any line is refused with a reason, or is a request that reads the same
 * after it was written again.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/ctl_proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctl_request request = { 0 }, again = { 0 };
	struct buf line = { 0 };
	struct err e = { .domain = ERR_NONE };

	if (ctl_request_parse((const char *)data, size, &request, &e) < 0) {
		FUZZ_PROMISE(e.domain == ERR_PROTOCOL && e.text[0] != '\0' && e.remedy[0] != '\0');
		return 0;
	}
	FUZZ_PROMISE(request.verb[0] != '\0' && json_is_object(request.args));
	ctl_put_request(&line, request.id, request.verb, request.args);
	FUZZ_PROMISE(memchr(line.data, '\n', line.len) == line.data + line.len - 1);
	FUZZ_PROMISE(ctl_request_parse(line.data, line.len - 1, &again, &e) == 0);
	FUZZ_PROMISE(again.id == request.id && strcmp(again.verb, request.verb) == 0);
	FUZZ_PROMISE(json_equal(again.args, request.args));
	json_decref(request.args);
	json_decref(again.args);
	buf_free(&line);
	return 0;
}
