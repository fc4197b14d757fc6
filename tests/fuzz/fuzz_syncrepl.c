/* RFC 4533 in BER: any octets decode or are refused, and nothing points outside of them. */
#include "tests/fuzz/fuzz.h"

#include "ldapsync/syncrepl_ber.h"

static void check_cookie(const uint8_t *data, size_t size, const struct syncrepl_cookie *cookie)
{
	const uint8_t *begin = (const uint8_t *)cookie->data;

	FUZZ_PROMISE(begin == NULL || (begin >= data && begin + cookie->len <= data + size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct syncrepl_state_value state;
	struct syncrepl_info info;
	struct syncrepl_step step;
	struct syncrepl sync;
	struct buf uuids = { 0 };
	struct err err;

	syncrepl_init(&sync, size % 2);
	if (syncrepl_decode_state(data, size, &state, &err) == 0) {
		check_cookie(data, size, &state.cookie);
		if (syncrepl_on_entry(&sync, state.state, &state.cookie, &step, &err) == 0)
			FUZZ_PROMISE(step.action != SYNCREPL_NOTHING);
	}
	if (syncrepl_decode_info(data, size, &info, &uuids, &err) == 0) {
		check_cookie(data, size, &info.cookie);
		FUZZ_PROMISE(uuids.len % 16 == 0 && uuids.len <= size);
		if (syncrepl_on_info(&sync, &info, &step, &err) == 0)
			FUZZ_PROMISE(!step.refresh_done || sync.phase == SYNCREPL_PERSISTING);
	}
	syncrepl_fini(&sync);
	buf_free(&uuids);
	return 0;
}
